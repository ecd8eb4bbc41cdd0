//! The radio's links as one machine: what comes in goes to those on its channel, what they send goes out.

use std::collections::VecDeque;
use std::time::Duration;

use crate::hop::home::Home;
use crate::hop::leg::{Figures, Leg};
use crate::hop::resident::{LinkView, Resident};
use crate::hop::search::Search;
use crate::hop::{HopEvent, LinkId};
use crate::mac::{DropCounts, DropReason};
use crate::random::Random;
use crate::slot::{Schedule, SlotConfig};
use crate::sta::{Link, LinkConfig, LinkEvent};
use crate::time::{Instant, earliest};
use crate::wire::{AckChange, Channel, MacAddr, RxInfo, Transmit, TxId, TxStatus};

/// Marks what a hopper sends, among all that a radio sends.
const OURS: u64 = 1 << 63;
/// Where the number of the link stands in a [`TxId`]; what the link calls the frame is below.
const LINK: u32 = 47;
/// Events that wait to be fetched: beyond it MSDUs are dropped.
const EVENTS: usize = 4096;

/// The links of one radio. See the module page.
#[derive(Debug)]
pub struct Hopper {
    pub(super) schedule: Schedule,
    pub(super) leg: Leg,
    pub(super) residents: Vec<Resident>,
    pub(super) home: Option<Home>,
    pub(super) search: Search,
    pub(super) figures: Figures,
    pub(super) stopping: bool,
    pub(super) events: VecDeque<HopEvent>,
    drops: DropCounts,
    /// Whose turn it is to send.
    turn: usize,
    /// What was heard, for the second and further links on a channel.
    copy: Vec<u8>,
}

impl Hopper {
    /// A radio that is on this channel, without links.
    pub fn new(config: SlotConfig, now: Instant, channel: Channel) -> Self {
        Self {
            schedule: Schedule::new(config, now, channel),
            leg: Leg::On(channel),
            residents: Vec::new(),
            home: None,
            search: Search::default(),
            figures: Figures::default(),
            stopping: false,
            events: VecDeque::new(),
            drops: DropCounts::new(),
            turn: 0,
            copy: Vec::new(),
        }
    }

    /// A further link, which begins to look for its network on the channels that its configuration names. `None` if there
    /// are 65536 already.
    pub fn add(
        &mut self,
        now: Instant,
        config: LinkConfig,
        random: Box<dyn Random + Send>,
    ) -> Option<LinkId> {
        let id = LinkId(u16::try_from(self.residents.len()).ok()?);
        self.events.push_back(HopEvent::Ack(AckChange::Add(config.address)));
        let config = LinkConfig { hops: true, ..config };
        self.residents.push(Resident::new(Link::new(config, random)));
        self.search.renew();
        self.tend(now);
        Some(id)
    }

    /// It has no links.
    pub const fn is_empty(&self) -> bool {
        self.residents.is_empty()
    }

    /// Takes a frame that was heard and decrypts it in place. Afterwards all polls may have something new.
    pub fn handle_frame(&mut self, now: Instant, info: &RxInfo, mpdu: &mut [u8]) {
        // The last frames of a channel may be read after the radio has left it, which has acknowledged them.
        let Some(frequency) = info.frequency.or_else(|| self.leg.channel().map(Channel::frequency)) else {
            self.drops.count(DropReason::OtherChannel);
            return;
        };
        let Some(receiver) = mpdu.get(4..10).and_then(MacAddr::from_slice) else {
            self.drops.count(DropReason::Malformed);
            return;
        };
        let mut copy = std::mem::take(&mut self.copy);
        copy.clear();
        for index in 0..self.residents.len() {
            let is_for = |resident: &Resident| receiver.is_group() || receiver == resident.address();
            if !self.listens(index, frequency) || !self.residents.get(index).is_some_and(is_for) {
                continue;
            }
            // Each link decrypts in place.
            if !copy.is_empty() {
                mpdu.copy_from_slice(&copy);
            } else if receiver.is_group() {
                copy.extend_from_slice(mpdu);
            }
            self.hear(now, index, info, mpdu);
        }
        self.copy = copy;
        self.tend(now);
    }

    fn hear(&mut self, now: Instant, index: usize, info: &RxInfo, mpdu: &mut [u8]) {
        let Some(resident) = self.residents.get_mut(index) else { return };
        let returned = match resident.link.bssid() {
            Some(bssid) => resident.backlog.heard(resident.address(), bssid, mpdu),
            None => None,
        };
        resident.link.handle_frame(now, info, mpdu);
        if let Some((returned, occupant)) = returned.zip(resident.occupant()) {
            resident.losses.buffer_full += u64::from(returned.lost);
            self.schedule.returned(now, occupant, returned.held, returned.lost);
        }
    }

    /// Sends an Ethernet frame on a link, when the radio is on its channel.
    pub fn handle_msdu(&mut self, now: Instant, link: LinkId, ethernet: &[u8]) {
        if let Some(resident) = self.residents.get_mut(usize::from(link.0)) {
            resident.link.handle_msdu(now, ethernet);
        }
    }

    /// This frame is one of a hopper's.
    pub const fn owns(id: TxId) -> bool {
        id.0 & OURS != 0
    }

    /// Takes what became of a frame from [`Self::poll_transmit`].
    pub fn handle_tx_status(&mut self, now: Instant, status: TxStatus) {
        let (index, id) = split(status.id);
        if let Some(resident) = self.residents.get_mut(index) {
            resident.link.handle_tx_status(now, TxStatus { id, ..status });
        }
        self.tend(now);
    }

    /// Does what is due. Spurious calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        for resident in &mut self.residents {
            if resident.link.poll_timeout().is_some_and(|(due, _)| due <= now) {
                resident.link.handle_timeout(now);
            }
        }
        self.tend(now);
    }

    /// The next frame for the radio. Call it until it has none, after every other call.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let channel = self.leg.channel()?;
        let count = self.residents.len();
        for step in 0..count {
            let index = (self.turn + step) % count;
            if !self.is_here(index, channel) {
                continue;
            }
            let next = self.residents.get_mut(index).and_then(|resident| resident.link.poll_transmit());
            if let Some(transmit) = next {
                self.turn = index + 1;
                return Some(Transmit { id: join(index, transmit.id), ..transmit });
            }
        }
        None
    }

    /// Takes a transmitted frame back before its status comes, so that its buffer is used again and the frame can be
    /// sent again.
    pub fn recycle(&mut self, transmit: Transmit) {
        let (index, id) = split(transmit.id);
        if let Some(resident) = self.residents.get_mut(index) {
            resident.link.recycle(Transmit { id, ..transmit });
        }
    }

    /// Takes the buffer of a [`LinkEvent::Msdu`] back.
    pub fn recycle_event(&mut self, link: LinkId, ethernet: Vec<u8>) {
        if let Some(resident) = self.residents.get_mut(usize::from(link.0)) {
            resident.link.recycle_event(ethernet);
        }
    }

    /// What happened. Call it until it has nothing.
    pub fn poll_event(&mut self) -> Option<HopEvent> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is due and why. May change after any other call.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let of_links = self
            .residents
            .iter()
            .fold(None, |deadline, resident| earliest(deadline, resident.link.poll_timeout()));
        let sought = self.residents.iter().any(Resident::is_sought) && !self.stopping;
        let search = self.search.deadline().filter(|_| sought);
        earliest(earliest(of_links, search), earliest(self.leg.deadline(), self.schedule.poll_timeout()))
    }

    /// The links leave their networks, each when the radio is on its channel. [`Self::is_finished`] says when all have.
    pub fn stop(&mut self, now: Instant) {
        self.stopping = true;
        self.tend(now);
    }

    /// It was stopped, and all APs are told.
    pub fn is_finished(&self) -> bool {
        self.stopping
            && self.residents.iter().all(|resident| resident.is_sought() && resident.link.in_flight() == 0)
    }

    /// How its links are.
    pub fn links(&self) -> impl Iterator<Item = LinkView<'_>> {
        (0..).map(LinkId).zip(&self.residents).map(|(id, resident)| LinkView {
            id,
            link: &resident.link,
            address: resident.address(),
            channel: resident.channel(),
            refusal: match resident.occupant() {
                Some(occupant) => self.schedule.refusal(occupant),
                None => resident.refused,
            },
            ap_buffer: resident.occupant().and_then(|occupant| self.schedule.ap_buffer(occupant)),
            slot_share: resident.channel().and_then(|channel| self.schedule.share(channel)),
            dead_air: resident.channel().and_then(|channel| self.schedule.slowest_hop(channel)),
            present: resident.present,
            losses: resident.losses,
        })
    }

    /// Where the radio is, `None` between two channels.
    pub const fn channel(&self) -> Option<Channel> {
        self.leg.channel()
    }

    /// What its hops have taken so far.
    pub const fn figures(&self) -> Figures {
        self.figures
    }

    /// How long a revolution is to take.
    pub const fn cycle(&self) -> Duration {
        self.schedule.cycle()
    }

    /// The share of the air, per mille, that hopping leaves; see [`Schedule::air_left`].
    pub fn air_left(&self) -> u32 {
        self.schedule.air_left()
    }

    /// Frames that were discarded before any link saw them, by reason.
    pub const fn drops(&self) -> &DropCounts {
        &self.drops
    }

    /// A link is where the radio is, or looks for its network there.
    pub(super) fn is_here(&self, index: usize, channel: Channel) -> bool {
        let Some(resident) = self.residents.get(index) else { return false };
        match resident.channel() {
            Some(lives) => lives == channel,
            None => {
                let visit = self.search.at().filter(|visit| visit.begun && visit.channel == channel);
                visit.is_some() && resident.may_be_on(channel)
            }
        }
    }

    /// The network of a link is on this frequency, or is looked for there.
    fn listens(&self, index: usize, frequency: u16) -> bool {
        let lives = self.residents.get(index).and_then(Resident::channel);
        let looks = self.search.at().map(|visit| visit.channel);
        let channel = lives.or(looks).filter(|channel| channel.frequency() == frequency);
        channel.is_some_and(|channel| self.is_here(index, channel))
    }

    pub(super) fn event(&mut self, event: HopEvent) {
        if self.events.len() >= EVENTS
            && let HopEvent::Link(link, LinkEvent::Msdu(ethernet)) = event
        {
            self.drops.count(DropReason::EventsFull);
            self.recycle_event(link, ethernet);
            return;
        }
        self.events.push_back(event);
    }
}

fn join(index: usize, id: TxId) -> TxId {
    TxId(OURS | (index as u64) << LINK | id.0)
}

/// The other way round; IDs of nobody find no link.
fn split(id: TxId) -> (usize, TxId) {
    let index = usize::try_from((id.0 & !OURS) >> LINK).unwrap_or(usize::MAX);
    (index, TxId(id.0 & ((1 << LINK) - 1)))
}
