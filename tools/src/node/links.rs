//! The foreign networks that a radio is a station of, with what is behind each station.

use std::fmt;
use std::time::Duration;

use stack::ap::BssidBlock;
use stack::hop::{Hopper, LinkId, LinkView};
use stack::mac::{DropCounts, DropReason};
use stack::random::Random;
use stack::rsn::HandshakeFailure;
use stack::slot::{PER_MILLE, Refusal, SlotConfig};
use stack::sta::{LinkConfig, LinkEnd, LinkEvent, LinkSecurity};
use stack::time::Instant;
use stack::wire::{Channel, EtherType, MacAddr, ReasonCode, RxInfo};

use super::outside::Outside;
use super::port::{BUDGET, READ};
use super::stopwatch::Stopwatch;
use crate::escape::escape;
use crate::status;

/// What a station has lost on its way to the network, beside what hopping has cost it.
const LOST: [DropReason; 6] = [
    DropReason::QueueFull,
    DropReason::QueueExpired,
    DropReason::StaleAssociation,
    DropReason::NoDestination,
    DropReason::NotAcknowledged,
    DropReason::EventsFull,
];

/// The links of one radio. Without any it does nothing.
pub struct Links {
    pub(super) hopper: Hopper,
    stations: Vec<Station>,
    /// What an outside is read into.
    buffer: Vec<u8>,
    /// Something that does not work any more, once.
    pub(super) trouble: Option<String>,
    pub(super) tuning: Tuning,
}

/// Where the radio is.
#[derive(Debug)]
pub(super) struct Tuning {
    /// There, or on its way from there.
    pub(super) channel: Channel,
    /// It was tuned to this channel, and the hopper does not know yet.
    pub(super) told: Option<Channel>,
    /// Channels that it could not be tuned to, which was said.
    pub(super) failed: Vec<Channel>,
    pub(super) watch: Stopwatch,
}

/// What happened on a foreign network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkNews {
    /// The network.
    pub ssid: Vec<u8>,
    /// What happened there.
    pub what: LinkChange,
}

/// What may happen on a foreign network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// Data can flow.
    Connected {
        /// With this BSS.
        bssid: MacAddr,
        /// On this channel.
        channel: Option<Channel>,
    },
    /// The connection, or the attempt at one, is over.
    Disconnected {
        /// With this BSS.
        bssid: MacAddr,
        /// Why.
        end: LinkEnd,
        /// Its passphrase may be wrong: it came no further than the handshake.
        wrong_key: bool,
    },
    /// Its AP goes to this channel, and we follow.
    Channel(Channel),
    /// It is not served, and why.
    Refused(Refusal),
    /// It is served after all.
    Admitted,
}

/// One end of a link: the station's address, and what carries its Ethernet.
struct Station {
    ssid: Vec<u8>,
    address: MacAddr,
    protected: bool,
    tap: Option<String>,
    outside: Option<Box<dyn Outside>>,
    /// The outside had nothing left, and has not been told of as readable since.
    dry: bool,
    /// The last frame to the outside failed.
    failing: bool,
    connected: bool,
    connects: u64,
    rx: Count,
    tx: Count,
    drops: DropCounts,
}

#[derive(Clone, Copy, Default)]
struct Count {
    frames: u64,
    bytes: u64,
}

impl Count {
    const fn add(&mut self, frame: &[u8]) {
        self.frames += 1;
        self.bytes += frame.len() as u64;
    }
}

/// The address of a radio's n-th link: the n-th of this block, all of which it hears and can acknowledge.
pub fn link_address(block: &BssidBlock, n: usize) -> Option<MacAddr> {
    block.address(u32::try_from(n).ok()?)
}

impl Links {
    /// No links yet, of a radio that is on this channel.
    pub fn new(slots: SlotConfig, now: Instant, channel: Channel) -> Self {
        Self {
            hopper: Hopper::new(slots, now, channel),
            stations: Vec::new(),
            buffer: vec![0; READ],
            trouble: None,
            tuning: Tuning { channel, told: None, failed: Vec::new(), watch: Stopwatch::default() },
        }
    }

    /// The radio serves networks on the channel where it is, too. To be said before there are links.
    #[must_use]
    pub fn beside_networks(mut self, now: Instant) -> Self {
        self.hopper.host(now);
        self
    }

    /// A further link, with what is behind its station and how that is called; without anything the network is joined, and
    /// that is all.
    pub fn add(
        &mut self,
        now: Instant,
        config: LinkConfig,
        behind: Option<(String, Box<dyn Outside>)>,
        random: Box<dyn Random + Send>,
    ) {
        let (tap, outside) = behind.unzip();
        let station = Station {
            ssid: config.ssid.clone(),
            address: config.address,
            protected: config.security != LinkSecurity::Open,
            tap,
            outside,
            dry: false,
            failing: false,
            connected: false,
            connects: 0,
            rx: Count::default(),
            tx: Count::default(),
            drops: DropCounts::new(),
        };
        if self.hopper.add(now, config, random).is_some() {
            self.stations.push(station);
        }
    }

    /// A frame that was heard so was heard where the radio's own networks are: on other channels it serves nobody.
    pub(super) fn is_heard_at_home(&self, info: &RxInfo) -> bool {
        let here = info.frequency.or_else(|| self.hopper.channel().map(Channel::frequency));
        self.hopper.home().is_none_or(|home| here == Some(home.frequency()))
    }

    /// The radio is where its own networks are.
    pub(super) fn is_home(&self) -> bool {
        self.hopper.home().is_none_or(|home| self.hopper.channel() == Some(home))
    }

    /// What is done next may be the last thing before a hop, which is measured from here on.
    pub(super) fn begin_hop(&mut self) {
        if !self.hopper.is_empty() {
            self.tuning.watch.begin();
        }
    }

    /// What is to be read of the outside.
    pub(super) fn reads(&self) -> impl Iterator<Item = &dyn Outside> {
        self.stations.iter().filter_map(|station| station.outside.as_deref())
    }

    /// What is outside may have something: it is read at the next turn.
    pub(super) fn outsides_are_readable(&mut self) {
        self.stations.iter_mut().for_each(|station| station.dry = false);
    }

    /// Takes what the outside has for the networks, and says whether more may be waiting.
    pub(super) fn read_outsides(&mut self, now: Instant) -> bool {
        let mut more = false;
        let mut buffer = std::mem::take(&mut self.buffer);
        for (link, station) in (0..).map(LinkId).zip(&mut self.stations) {
            more |= station.read(now, link, &mut self.hopper, &mut buffer);
        }
        self.buffer = buffer;
        more
    }

    /// Takes in what happened on a link, and says what people should know of it.
    pub(super) fn handle_event(&mut self, link: LinkId, event: LinkEvent) -> Option<LinkNews> {
        let channel = self.hopper.links().find(|view| view.id == link).and_then(|view| view.channel);
        let station = self.stations.get_mut(usize::from(link.0))?;
        let what = match event {
            LinkEvent::Msdu(ethernet) => {
                if let Some(trouble) = station.deliver(&ethernet) {
                    self.trouble = Some(trouble);
                }
                self.hopper.recycle_event(link, ethernet);
                return None;
            }
            LinkEvent::Connected { bssid, .. } => {
                station.connects += 1;
                station.set_connected(true);
                LinkChange::Connected { bssid, channel }
            }
            LinkEvent::Disconnected { bssid, end } => {
                let wrong_key = !station.connected && station.protected && is_of_handshake(end);
                station.set_connected(false);
                LinkChange::Disconnected { bssid, end, wrong_key }
            }
            LinkEvent::SwitchChannel(channel) => LinkChange::Channel(channel),
            _ => return None,
        };
        self.news(link, what)
    }

    /// This happened on a link.
    pub(super) fn news(&self, link: LinkId, what: LinkChange) -> Option<LinkNews> {
        let station = self.stations.get(usize::from(link.0))?;
        Some(LinkNews { ssid: station.ssid.clone(), what })
    }

    /// All networks are told that we leave, or there are none.
    pub(super) fn is_finished(&self) -> bool {
        self.hopper.is_empty() || self.hopper.is_finished()
    }

    /// Frames that were discarded, by reason.
    pub(super) fn drops(&self) -> DropCounts {
        let mut drops = self.hopper.drops().clone();
        self.hopper.links().for_each(|view| drops.merge(view.link.drops()));
        self.stations.iter().for_each(|station| drops.merge(&station.drops));
        drops
    }

    /// How the links are, of the radio with this name.
    pub(super) fn report(&self, radio: &str) -> Vec<status::Link> {
        self.hopper.links().zip(&self.stations).map(|(view, station)| station.report(radio, &view)).collect()
    }

    /// How the radio hops, if it has links.
    pub(super) fn hopping(&self) -> Option<status::Hopping> {
        let (figures, medians) = (self.hopper.figures(), self.tuning.watch.medians());
        (!self.hopper.is_empty()).then(|| status::Hopping {
            cycle_ms: millis(self.hopper.cycle()),
            air_left: thousandths(self.hopper.air_left()),
            hops: figures.hops,
            dead_air_ms: millis(figures.dead),
            failed: figures.given_up,
            median_ms: medians.map(|(whole, _)| millis(whole)),
            ours_ms: medians.map(|(_, ours)| millis(ours)),
        })
    }
}

impl Station {
    fn read(&mut self, now: Instant, link: LinkId, hopper: &mut Hopper, buffer: &mut [u8]) -> bool {
        let Some(outside) = self.outside.as_deref().filter(|_| !self.dry) else { return false };
        for _ in 0..BUDGET {
            // One that fails is not read until it is ready again; writing to it is what shows that it fails.
            let Ok(Some(length)) = outside.receive(buffer) else {
                // Where there is no descriptor nobody tells of what comes.
                self.dry = outside.descriptor().is_some();
                return false;
            };
            let frame = buffer.get(..length).unwrap_or_default();
            match self.check(frame) {
                Ok(()) => {
                    self.tx.add(frame);
                    hopper.handle_msdu(now, link, frame);
                }
                Err(reason) => self.drops.count(reason),
            }
        }
        true
    }

    /// A station sends in its own name only, and does its handshakes itself.
    fn check(&self, frame: &[u8]) -> Result<(), DropReason> {
        let source = frame.get(6..12).and_then(MacAddr::from_slice).ok_or(DropReason::MsduMalformed)?;
        if source != self.address {
            return Err(DropReason::SpoofedSource);
        }
        if frame.get(12..14) == Some(&EtherType::EAPOL.0.to_be_bytes()) {
            return Err(DropReason::EapolNotForUs);
        }
        Ok(())
    }

    /// Sends a frame of the network out. Yields why it failed, if the one before did not.
    fn deliver(&mut self, ethernet: &[u8]) -> Option<String> {
        self.rx.add(ethernet);
        match self.outside.as_deref().map(|outside| outside.send(ethernet)) {
            Some(Ok(true)) => {
                self.failing = false;
                // The kernel answers many a frame before the call that wrote it returns.
                self.dry = false;
            }
            Some(Ok(false)) => self.drops.count(DropReason::OutsideFull),
            Some(Err(error)) => {
                self.drops.count(DropReason::OutsideFailed);
                return (!std::mem::replace(&mut self.failing, true)).then(|| error.to_string());
            }
            None => {}
        }
        None
    }

    fn set_connected(&mut self, connected: bool) {
        self.connected = connected;
        if let Some(outside) = &self.outside {
            // A device that is gone is told of when something is sent to it.
            let _ = outside.set_carrier(connected);
        }
    }

    fn report(&self, radio: &str, view: &LinkView<'_>) -> status::Link {
        let peer = view.link.peer();
        let mut drops = self.drops.clone();
        LOST.iter().for_each(|&reason| drops.add(reason, view.link.drops().of(reason)));
        let drops = drops.iter().map(|(reason, count)| (reason.name(), count));
        let hopping = view.losses.by_cause().into_iter().filter(|(_, count)| *count > 0);
        status::Link {
            ssid: escape(&self.ssid),
            bssid: view.link.bssid().map(|bssid| bssid.to_string()).unwrap_or_default(),
            state: view.link.state().name().to_owned(),
            channel: view.channel.map_or(0, Channel::number),
            tap: self.tap.clone(),
            address: self.address.to_string(),
            radio: radio.to_owned(),
            refusal: view.refusal.map(|refusal| refusal.to_string()),
            signal_dbm: peer.and_then(|peer| peer.stats.average_signal()),
            slot_share: view.slot_share.map(thousandths),
            dead_air_ms: view.dead_air.map(millis),
            ap_buffer: view.ap_buffer,
            rx_frames: self.rx.frames,
            rx_bytes: self.rx.bytes,
            tx_frames: self.tx.frames,
            tx_bytes: self.tx.bytes,
            queued: peer.map_or(0, |peer| peer.queued() as u64),
            connects: self.connects,
            losses: drops.chain(hopping).map(|(cause, count)| (cause.to_owned(), count)).collect(),
        }
    }
}

/// With another passphrase than the AP has, a handshake comes to no other end.
fn is_of_handshake(end: LinkEnd) -> bool {
    match end {
        LinkEnd::Handshake(failure) => failure == HandshakeFailure::Timeout,
        // hostapd says the one or the other, by its age.
        LinkEnd::Deauthenticated(reason) => {
            [ReasonCode::FOUR_WAY_TIMEOUT, ReasonCode::INVALID_AUTHENTICATION].contains(&reason)
        }
        _ => false,
    }
}

fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

fn thousandths(share: u32) -> f64 {
    f64::from(share) / f64::from(PER_MILLE)
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("hopper", &self.hopper).finish_non_exhaustive()
    }
}
