//! One radio with all that it does, as a value that somebody else drives: a thread of a node, or a simulation.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use drivers::{Radio, RadioError, Received, TransmitError};
use stack::ap::{ApEvent, ApRadio, NetworkConfig, RadioConfig};
use stack::hop::Hopper;
use stack::mac::{DropCounts, DropReason};
use stack::random::Random;
use stack::slot::SlotConfig;
use stack::time::{Instant, earliest};
use stack::wire::{AckChange, MacAddr, ReasonCode, Transmit, TxStatus};

use super::links::{LinkNews, Links};
use super::moves::{Moved, Moves};
use super::orders::{Enlisted, Told};
use super::outside::Outside;
use super::port::Port;
use super::switch::Control;
use crate::status::{self, RadioCounters};

/// Frames and statuses taken from the radio in one turn at the most.
const BUDGET: usize = 256;
/// A full radio is offered frames again after this time, if it says nothing before.
const AGAIN: Duration = Duration::from_millis(1);
/// How long the last frames have to leave when the radio is stopped.
const FAREWELL: Duration = Duration::from_millis(500);
/// Events that are kept for a caller who does not take them.
const EVENTS: usize = 4096;

/// A radio, the virtual APs on it, its links to foreign networks, and its port of the node's [`Switch`](super::Switch). It knows no thread and no
/// clock.
pub struct Worker<R> {
    pub(super) name: String,
    pub(super) radio: R,
    pub(super) ap: ApRadio,
    pub(super) links: Links,
    pub(super) config: RadioConfig,
    pub(super) port: Port,
    pub(super) acks: BTreeSet<MacAddr>,
    pub(super) counters: RadioCounters,
    pub(super) drops: DropCounts,
    events: VecDeque<WorkerEvent>,
    /// A frame that the radio had no room for.
    held: Option<Transmit>,
    /// Frames that are with the radio.
    outstanding: u64,
    /// The time of the last turn, if it left something to do.
    more: Option<Instant>,
    end: End,
    /// The time of this turn; a hop makes it later.
    pub(super) now: Instant,
    pub(super) inspect: Option<Inspect<R>>,
    pub(super) moves: Moves,
    /// What the radio serves, for virtual APs that come from other nodes.
    pub(super) networks: Vec<NetworkConfig>,
    pub(super) enlisted: Option<Enlisted>,
}

/// Adds what only this kind of radio knows to its status.
pub type Inspect<R> = fn(&mut R, &mut status::Radio);

/// What happened on a radio that people may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerEvent {
    /// In its virtual APs: stations that joined, left, dozed or woke.
    Ap(ApEvent),
    /// A virtual AP has come from another radio.
    Moved(Moved),
    /// On a foreign network: it was joined, or lost.
    Link(LinkNews),
    /// Something that should have worked did not; the radio goes on.
    Trouble(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    No,
    By(Instant),
    Reached,
}

impl<R: Radio> Worker<R> {
    /// A radio with one BSS for each network, and without links. `name` is what it is called in the status.
    pub fn new(
        name: &str,
        radio: R,
        config: RadioConfig,
        networks: Vec<NetworkConfig>,
        port: Port,
        now: Instant,
        random: Box<dyn Random + Send>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            radio,
            ap: ApRadio::new(config, networks.clone(), now, random),
            links: Links::new(SlotConfig::default(), now, config.channel),
            config,
            port,
            acks: BTreeSet::new(),
            counters: RadioCounters::default(),
            drops: DropCounts::new(),
            events: VecDeque::new(),
            held: None,
            outstanding: 0,
            more: Some(now),
            end: End::No,
            now,
            inspect: None,
            moves: Moves::default(),
            networks,
            enlisted: None,
        }
    }

    /// Has `inspect` add to the status what only this kind of radio knows.
    pub(super) const fn inspect_by(&mut self, inspect: Option<Inspect<R>>) {
        self.inspect = inspect;
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does all there is to do: takes what the radio, other radios and the outside have, does what is due, and gives
    /// the radio what is to be sent. Bounded: what is left over makes [`Self::poll_timeout`] say so.
    ///
    /// To be called when the radio or the outside has something, when the bell was rung, and at the deadline.
    pub fn turn(&mut self, now: Instant) -> Result<(), RadioError> {
        self.now = now;
        self.links.begin_hop();
        self.arrive(now);
        while let Some(control) = self.port.poll_control() {
            self.obey(now, control);
        }
        let mut more = self.hear(now)?;
        // A hop takes time, and who has come says so before all else.
        let now = self.now;
        if self.links.tuning.watch.runs() {
            self.send(now)?;
        }
        self.hold_home(now);
        let (msdus, left) = self.port.deliver(now, &mut self.ap);
        self.counters.msdus_to_stations += msdus;
        more |= left | self.links.read_outsides(now);
        if self.ap.poll_timeout().is_some_and(|(due, _)| due <= now) {
            self.ap.handle_timeout(now);
        }
        if self.links.hopper.poll_timeout().is_some_and(|(due, _)| due <= now) {
            self.links.hopper.handle_timeout(now);
        }
        self.tend_moves(now);
        self.tend_copies(now);
        self.settle(now);
        self.send(self.now)?;
        self.settle(self.now);
        self.port.ring();
        let troubles = [self.port.trouble.take(), self.links.trouble.take(), self.radio.poll_trouble()];
        for trouble in troubles.into_iter().flatten() {
            self.tell(WorkerEvent::Trouble(trouble));
        }
        self.more = more.then_some(self.now);
        Ok(())
    }

    /// When [`Self::turn`] is due and why. May change after a turn of this or of another worker of the node. `None` if
    /// it has ended.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let more = self.more.map(|at| (at, "more waits than one turn takes"));
        let waiting = self.port.is_waiting().then_some((self.now, "another radio has something"));
        let held = self.held.as_ref().map(|_| (self.now + AGAIN, "the radio was full"));
        let end = match self.end {
            End::Reached => return None,
            End::By(at) => Some((at, "the end")),
            End::No => None,
        };
        let moves = self.moves.poll_timeout(self.now);
        let arrived = self.has_arrived().then_some((self.now, "the radio was tuned"));
        let links = earliest(arrived, self.links.hopper.poll_timeout());
        let own = earliest(earliest(earliest(more, waiting), earliest(held, end)), links);
        earliest(earliest(own, self.next_copy()), earliest(moves, self.ap.poll_timeout()))
    }

    /// What happened. Call it until it has nothing.
    pub fn poll_event(&mut self) -> Option<WorkerEvent> {
        self.events.pop_front()
    }

    /// Deauthenticates all stations, leaves all foreign networks and lets the last frames leave, for half a second at most
    /// and two rounds through their channels. Then [`Self::is_finished`].
    pub fn stop(&mut self, now: Instant) {
        if self.end == End::No {
            self.ap.stop(ReasonCode::LEAVING);
            self.links.hopper.stop(now);
            let rounds =
                if self.links.hopper.is_empty() { Duration::ZERO } else { 2 * self.links.hopper.cycle() };
            self.end = End::By(now + FAREWELL + rounds);
        }
    }

    /// It was stopped, and all that it had to say has left.
    pub fn is_finished(&self) -> bool {
        self.end == End::Reached
    }

    /// The radio itself.
    pub const fn radio(&self) -> &R {
        &self.radio
    }

    /// The radio itself, for who plays what it hears.
    pub const fn radio_mut(&mut self) -> &mut R {
        &mut self.radio
    }

    /// Its virtual APs.
    pub const fn ap(&self) -> &ApRadio {
        &self.ap
    }

    /// What it reads of the outside of its networks and links; more come when another radio has gone.
    pub fn outsides(&self) -> impl Iterator<Item = &dyn Outside> + '_ {
        self.links.reads().chain(self.port.reads())
    }

    /// One of [`Self::outsides`] was told of as readable: the next turn reads them. Those without a descriptor are read
    /// at every turn.
    pub fn outsides_are_readable(&mut self) {
        self.port.outsides_are_readable();
        self.links.outsides_are_readable();
    }

    fn obey(&mut self, now: Instant, control: Control) {
        match control {
            Control::Elsewhere { network, station } => {
                if self.port.is_elsewhere(network, station) {
                    self.ap.station_elsewhere(now, network, station);
                }
            }
            Control::Move { station, to, answer } => self.move_away(now, station, to, answer),
            Control::Expect { bssid, station, from } => self.expect(now, (bssid, station), from),
            Control::Expected { bssid, ready } => self.expected(now, bssid, ready),
            Control::Adopt(parcel) => self.adopt(now, parcel),
            Control::Order(order) => self.order(now, order),
            Control::Vacated(bssid) => self.ap.vacated(bssid),
            Control::Stray { info, mut frame } => {
                self.ap.handle_frame(now, &info, &mut frame);
                self.settle(now);
            }
            Control::Report(answer) => {
                // Who asked may have given up.
                let _ = answer.try_send(self.report(now));
            }
            Control::Stop => self.stop(now),
        }
    }

    fn hear(&mut self, now: Instant) -> Result<bool, RadioError> {
        let channel = self.links.tuning.channel;
        for _ in 0..BUDGET {
            match self.radio.receive()? {
                None => return Ok(false),
                Some(Received::Frame { info, frame }) => {
                    self.counters.rx_frames += 1;
                    if !self.networks.is_empty() && self.links.is_heard_at_home(&info) {
                        self.ap.handle_frame(now, &info, frame);
                    }
                    if !self.links.hopper.is_empty() {
                        self.links.hopper.handle_frame(now, &info, frame);
                    }
                }
                Some(Received::Status(status)) => {
                    self.links.begin_hop();
                    self.completed(now, status);
                }
            }
            self.settle(now);
            // Those on its new channel send first, and then hear what else it has.
            if self.links.tuning.channel != channel || self.has_arrived() {
                return Ok(true);
            }
        }
        Ok(true)
    }

    fn completed(&mut self, now: Instant, status: TxStatus) {
        self.outstanding = self.outstanding.saturating_sub(1);
        self.counters.tx_acked += u64::from(status.acked);
        self.counters.tx_failed += u64::from(!status.acked);
        self.counters.tx_retries += u64::from(status.retries);
        self.owner_handles(now, status);
    }

    /// Passes on what the virtual APs and the links have brought forth.
    pub(super) fn settle(&mut self, now: Instant) {
        self.settle_links();
        while let Some(event) = self.ap.poll_event() {
            match event {
                ApEvent::Msdu { network, ethernet } => {
                    self.counters.msdus_from_stations += 1;
                    self.port.forward(now, network, ethernet, &mut self.ap);
                }
                ApEvent::Ack(change) => self.acknowledge(change),
                ApEvent::Drained(bssid) => self.drained(now, bssid),
                ApEvent::Followed(bssid) => self.followed(now, bssid),
                ApEvent::NotFollowed(bssid) => self.not_followed(now, bssid),
                ApEvent::Stray { bssid, info, frame } => self.hand_on(bssid, info, frame),
                ApEvent::Away => {
                    self.links.hopper.handle_home_silent(self.now);
                    self.settle_links();
                }
                ApEvent::Vacated(bssid) => self.port.tell_all(&|| Control::Vacated(bssid)),
                other => {
                    match other {
                        ApEvent::StationJoined { network, station, bssid } => {
                            self.port.joined(network, station);
                            self.changed(bssid);
                        }
                        ApEvent::StationLeft { network, station, bssid, .. } => {
                            self.port.left(network, station);
                            self.moves.client_left(bssid);
                            self.tell_home(Told::Gone(bssid));
                        }
                        _ => {}
                    }
                    self.tell(WorkerEvent::Ap(other));
                }
            }
        }
    }

    pub(super) fn acknowledge(&mut self, change: AckChange) {
        match change {
            AckChange::Add(address) => self.acks.insert(address),
            AckChange::Remove(address) => self.acks.remove(&address),
        };
        if let Err(error) = self.radio.change_ack(change) {
            self.tell(WorkerEvent::Trouble(error.to_string()));
        }
    }

    pub(super) fn tell(&mut self, event: WorkerEvent) {
        if self.events.len() >= EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn send(&mut self, now: Instant) -> Result<(), RadioError> {
        let mut idle = true;
        while let Some(transmit) = self.next_transmit(now) {
            idle = false;
            self.transmit(now, transmit);
            if self.held.is_some() {
                break;
            }
            if self.links.tuning.watch.end() {
                // The AP waits for this one.
                self.radio.flush()?;
            }
        }
        self.links.tuning.watch.end();
        self.radio.flush()?;
        if let End::By(at) = self.end
            && (at <= now
                || (idle && self.outstanding == 0 && self.links.is_finished() && !self.ap.is_away()))
        {
            self.end = End::Reached;
        }
        Ok(())
    }

    fn next_transmit(&mut self, now: Instant) -> Option<Transmit> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        let own = if self.links.is_home() { self.ap.poll_transmit(now) } else { None };
        own.or_else(|| self.links.hopper.poll_transmit())
    }

    fn transmit(&mut self, now: Instant, transmit: Transmit) {
        let id = transmit.id;
        match self.radio.transmit(&transmit) {
            Ok(()) => {
                self.counters.tx_frames += 1;
                self.outstanding += 1;
                self.recycle(transmit);
            }
            Err(TransmitError::Full) => self.held = Some(transmit),
            Err(TransmitError::TooLong { .. }) => {
                self.drops.count(DropReason::FrameTooLong);
                self.recycle(transmit);
                self.owner_handles(now, TxStatus { id, acked: false, retries: 0 });
            }
        }
    }

    fn recycle(&mut self, transmit: Transmit) {
        if Hopper::owns(transmit.id) {
            self.links.hopper.recycle(transmit);
        } else {
            self.ap.recycle(transmit);
        }
    }

    fn owner_handles(&mut self, now: Instant, status: TxStatus) {
        if Hopper::owns(status.id) {
            self.links.hopper.handle_tx_status(now, status);
        } else {
            self.ap.handle_tx_status(now, status);
        }
    }
}
