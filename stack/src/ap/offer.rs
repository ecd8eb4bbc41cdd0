//! BSSIDs for clients that have none yet, and how clients come to hear of them.
//!
//! Which BSSID a stranger is offered is computed, so that no number of strangers fills a table (SEC-M9); only the last few
//! are remembered, so that two who come at the same time are not offered the same one.
//! A client that scans actively is offered one by a probe response. One that only listens hears the parent's beacons and
//! authenticates there; it is refused with the name of its BSSID, and for a while beacons of that BSSID are sent to it
//! alone, so that its next passive scan finds it. Others that scan would hear them, too, and take the BSSID for a choice
//! of theirs: who is known to scan actively gets none.

use std::collections::VecDeque;
use std::time::Duration;

use crate::ap::acks::Whom;
use crate::ap::admission::Pair;
use crate::ap::announce::{Announcement, Announcer, Ends, robust, stamp};
use crate::ap::block::Place;
use crate::ap::outbox::{Waiting, Whose};
use crate::ap::radio::ApRadio;
use crate::ap::virtual_ap::interval;
use crate::crypto::kdf_sha256;
use crate::mac::{DropReason, Outgoing, SequenceSpace};
use crate::random::{self, Random};
use crate::time::Instant;
use crate::wire::element::{ElementsBuf, TimBitmap};
use crate::wire::{Channel, ElementId, MacAddr, StatusCode, TxOptions};

/// How long beacons are sent to a client that came to the parent.
const LURE: Duration = Duration::from_secs(10);
/// Most clients that get them at a time.
const LURES: usize = 16;
/// Most clients that are known to scan actively at a time.
const PROBERS: usize = 64;

/// What it takes to offer BSSIDs.
#[derive(Debug)]
pub(super) struct Offers {
    /// So that nobody can choose addresses that are all offered the same BSSID.
    key: [u8; 32],
    lures: Vec<Lure>,
    /// Who has sent a probe request, and when; the oldest first.
    probers: VecDeque<(MacAddr, Instant)>,
}

/// A client that has come to a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lure {
    position: usize,
    client: MacAddr,
    until: Instant,
    /// When the next beacon to it is due: at the time of the BSSID that it was offered.
    next: Instant,
}

impl Offers {
    pub(super) fn new(random: &mut dyn Random) -> Self {
        Self { key: random::bytes(random), lures: Vec::new(), probers: VecDeque::new() }
    }

    /// Takes in that a client scans actively.
    fn probed(&mut self, now: Instant, client: MacAddr) {
        self.probers.retain(|(prober, _)| *prober != client);
        if self.probers.len() >= PROBERS {
            self.probers.pop_front();
        }
        self.probers.push_back((client, now));
    }

    fn scans_actively(&self, now: Instant, client: MacAddr) -> bool {
        self.probers.iter().any(|(prober, at)| *prober == client && now.since(*at) < LURE)
    }

    pub(super) const fn len(&self) -> usize {
        self.lures.len()
    }

    /// A number below `count`.
    fn start(&self, position: usize, client: MacAddr, count: usize) -> usize {
        let mut number = [0; 4];
        let network = position.to_le_bytes();
        kdf_sha256(&self.key, "BSSID offer", &[&client.octets(), &network], &mut number);
        usize::try_from(u32::from_le_bytes(number)).unwrap_or(0) % count.max(1)
    }
}

impl ApRadio {
    /// The BSSID for a client of a per-client network: its own if it has one, else the first free one from a place on that
    /// depends on the client and was not offered to others just now. `None` if all are taken.
    pub(super) fn offer(&self, position: usize, client: MacAddr) -> Option<Place> {
        let offered = || self.acks.offered_to((position, client)).filter(|&place| self.is_free(place));
        if let Some(place) = self.directory.of(position, client).or_else(offered) {
            return Some(place);
        }
        if self.free == 0 {
            return None;
        }
        let count = self.config.own.len().saturating_sub(self.networks.len());
        let places = self.client_places(self.offers.start(position, client, count));
        let mut free = places.filter(|&place| self.is_free(place));
        free.clone().find(|&place| !self.acks.is_offered(place)).or_else(|| free.next())
    }

    /// Where a client is sent that has come to the wrong BSSID: status and elements of the refusal.
    pub(super) fn suggest(
        &mut self,
        now: Instant,
        position: usize,
        client: MacAddr,
    ) -> (StatusCode, ElementsBuf) {
        let mut elements = ElementsBuf::new();
        let Some(place) = self.offer(position, client) else {
            return (StatusCode::TOO_MANY_STATIONS, elements);
        };
        self.acknowledge_offer(now, place, Some((position, client)));
        let report = neighbor_report(self.block().bssid(place), self.config.channel);
        elements.writer().element(ElementId::NEIGHBOR_REPORT, &report);
        self.lure(now, (place, client), position);
        (StatusCode::SUGGESTED_BSS_TRANSITION, elements)
    }

    /// Has the radio acknowledge a BSSID that a stranger may answer to, if it does not do so already.
    pub(super) fn acknowledge_offer(&mut self, now: Instant, place: Place, to: Option<Whom>) {
        if self.slot(place).is_none() {
            self.acks.offer(now, place, to);
        }
    }

    /// Answers a probe request for a per-client network.
    pub(super) fn answer_from_offer(
        &mut self,
        now: Instant,
        position: usize,
        client: MacAddr,
        broadcast: bool,
    ) {
        let Some(place) = self.offer(position, client) else {
            self.drops.count(DropReason::TableFull);
            return;
        };
        self.offers.probed(now, client);
        self.acknowledge_offer(now, place, Some((position, client)));
        self.answer_probe(now, (place, client), position, broadcast);
    }

    /// Sends a probe response from a place, whether there is a BSS yet or not. The answer to a request that went to
    /// everybody is not tried again: the station may be on another channel by then, and others answer as well.
    pub(super) fn answer_probe(&mut self, now: Instant, pair: Pair, position: usize, broadcast: bool) {
        let options = TxOptions { no_ack: broadcast, retries: None, rate: Some(robust(&self.config)) };
        self.announce(now, pair, position, options, |announcement, ends, out| {
            announcement.probe_response(ends, out)
        });
    }

    /// When [`Self::lures_due`] is to be called.
    pub(super) fn next_lure(&self) -> Option<Instant> {
        self.offers.lures.iter().map(|lure| lure.next).min()
    }

    /// Sends a beacon of its own BSSID to each client that came to a parent and for which one is due.
    pub(super) fn lures_due(&mut self, now: Instant) {
        self.offers.lures.retain(|lure| now < lure.until);
        for index in 0..self.offers.lures.len() {
            let due = self.offers.lures.get(index).filter(|lure| lure.next <= now).copied();
            let Some(Lure { position, client, .. }) = due else { continue };
            let next = self.lure_beacon(now, position, client);
            if let Some(lure) = self.offers.lures.get_mut(index) {
                // Without another beacon it is forgotten the next time.
                (lure.next, lure.until) = next.map_or((now, now), |next| (next, lure.until));
            }
        }
    }

    /// Says when the next one is due; `None` if the client has found its BSSID, or has none.
    fn lure_beacon(&mut self, now: Instant, position: usize, client: MacAddr) -> Option<Instant> {
        let place = self.offer(position, client).filter(|&place| self.slot(place).is_none())?;
        let options = TxOptions { no_ack: false, retries: Some(1), rate: Some(robust(&self.config)) };
        let period = self.networks.get(position)?.config.dtim_period.max(1);
        self.announce(now, (place, client), position, options, |announcement, ends, out| {
            announcement.beacon(ends, &TimBitmap::new().tim(0, period, false), out);
        });
        let config = &self.networks.get(position)?.config;
        Some(self.tsf(config, place).next_beacon(interval(config), now))
    }

    /// Has the client hear of the place that it was offered.
    fn lure(&mut self, now: Instant, pair: Pair, position: usize) {
        let client = pair.1;
        if self.offers.scans_actively(now, client) {
            self.answer_probe(now, pair, position, false);
            return;
        }
        let until = now + LURE;
        let lures = &mut self.offers.lures;
        lures.retain(|lure| now < lure.until);
        if let Some(lure) = lures.iter_mut().find(|lure| (lure.position, lure.client) == (position, client)) {
            lure.until = until;
        } else if lures.len() < LURES {
            lures.push(Lure { position, client, until, next: now });
            self.answer_probe(now, pair, position, false);
        } else {
            self.drops.count(DropReason::TableFull);
        }
    }

    /// Queues a frame that announces a network from a place to a stranger.
    fn announce(
        &mut self,
        now: Instant,
        (place, to): Pair,
        position: usize,
        options: TxOptions,
        write: impl FnOnce(&Announcement<'_>, Ends, &mut Vec<u8>),
    ) {
        let Some(network) = self.networks.get(position) else { return };
        let mut frame = self.pool.take();
        let ends = Ends {
            bssid: self.block().bssid(place),
            to,
            sequence: self.sequence.next(SequenceSpace::Common),
        };
        let there = self.slot(place).map(|slot| &slot.ap);
        let switch = there.and_then(|ap| ap.switch_announcement(now));
        write(&Announcement { switch, ..network.announcement(&self.config) }, ends, &mut frame);
        let tsf = there.map(|ap| ap.tsf).or_else(|| Some(self.tsf(&network.config, place)));
        let waiting =
            Waiting { whose: Whose::Stranger(place), outgoing: Outgoing::immediate(frame, options), tsf };
        self.outbox.push(waiting, &mut self.drops);
    }

    /// The beacon of a parent.
    pub(super) fn parent_beacon(&mut self, now: Instant, place: Place) -> Option<Vec<u8>> {
        let position = self.announced_at(place)?;
        let sequence = self.sequence.next(SequenceSpace::Common);
        let bssid = self.block().bssid(place);
        let network = self.networks.get_mut(position)?;
        let parent = network.parent.as_mut().filter(|parent| parent.beacon_due)?;
        parent.beacon_due = false;
        let period = network.config.dtim_period.max(1);
        let count = parent.dtim_count;
        parent.dtim_count = if count == 0 { period - 1 } else { count - 1 };
        let mut frame = self.pool.take();
        let ends = Ends { bssid, to: MacAddr::BROADCAST, sequence };
        let announcement =
            Announcement { announcer: Announcer::Parent, ..network.announcement(&self.config) };
        announcement.beacon(ends, &TimBitmap::new().tim(count, period, false), &mut frame);
        let tsf = self.networks.get(position).map(|network| self.tsf(&network.config, place))?;
        stamp(&mut frame, tsf.at(now));
        Some(frame)
    }
}

/// The data of a Neighbor Report element (802.11-2020 9.4.2.36) for one BSSID of ours, with the highest preference.
fn neighbor_report(bssid: MacAddr, channel: Channel) -> [u8; 16] {
    /// Reachable.
    const INFORMATION: [u8; 4] = [0x03, 0, 0, 0];
    /// HT.
    const PHY: u8 = 7;
    /// Subelement 3, BSS Transition Candidate Preference.
    const PREFERENCE: [u8; 3] = [3, 1, 255];
    let [a, b, c, d, e, f] = bssid.octets();
    let [i, j, k, l] = INFORMATION;
    let [p, q, r] = PREFERENCE;
    [a, b, c, d, e, f, i, j, k, l, channel.operating_class(), channel.number(), PHY, p, q, r]
}
