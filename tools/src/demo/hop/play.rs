//! The demo in virtual time: one thread drives the air, the radio that hops and the APs.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use stack::ap::ApEvent;
use stack::time::{Instant, earliest};

use crate::demo::arrivals::Arrivals;
use crate::demo::packet::{self, Packet};
use crate::demo::play::{DemoError, ROUNDS, SharedAir, is_due};
use crate::demo::portrait::drops;
use crate::node::{Cable, LinkChange, Worker, WorkerEvent};
use crate::report::{Drops, HopStory};

use super::ear::Ear;
use super::foreign::Foreign;
use super::outcome::HopOutcome;
use super::scene::{self, NETWORKS, STREAMS, Stream};
use super::stage::address;
use super::witness::Witness;
use super::{account, portrait};

/// A demo that was played.
pub struct HopDemo {
    /// The numbers.
    pub outcome: HopOutcome,
    /// For the report.
    pub story: HopStory,
    /// For people, in plain words.
    pub account: String,
}

/// Plays the demo of a radio that hops. The same seed and the same length give the same outcome and the same capture,
/// byte for byte.
pub fn play_hop(seed: u64, length: Duration, capture: Box<dyn Write>) -> Result<HopDemo, DemoError> {
    let mut stage = Stage::new(seed, length, capture)?;
    stage.run()?;
    let outcome = HopOutcome::of(&stage);
    let story = portrait::draw(&mut stage, &outcome);
    let account = account::tell(&stage, &outcome, &story);
    stage.witness.borrow_mut().tape.finish()?;
    Ok(HopDemo { outcome, story, account })
}

/// Something that is in the plan: the AP of this network.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cue {
    /// Has power.
    On(usize),
    /// Has none any more.
    Off(usize),
}

/// The radio's end of a network.
pub(super) struct Station {
    /// What would be its TAP.
    pub(super) cable: Arc<Cable>,
    /// It takes itself for connected.
    pub(super) connected: bool,
}

/// Everybody on the stage, and the books.
pub(super) struct Stage {
    pub(super) seed: u64,
    pub(super) length: Duration,
    pub(super) now: Instant,
    /// Somebody was given something outside of his turn.
    pub(super) touched: bool,
    pub(super) air: SharedAir,
    pub(super) radio: Worker<Ear>,
    /// By network.
    pub(super) stations: Vec<Station>,
    pub(super) ends: Vec<Foreign>,
    pub(super) witness: Rc<RefCell<Witness>>,
    /// By stream.
    pub(super) books: Vec<Arrivals>,
    /// When each stream speaks next.
    pub(super) speak: Vec<Instant>,
    /// The next last.
    pub(super) cues: Vec<(Instant, Cue)>,
    /// What was discarded, when the demo is over; what an AP had discarded goes with its power.
    pub(super) discarded: Vec<Drops>,
}

impl Stage {
    fn run(&mut self) -> Result<(), DemoError> {
        let end = Instant::ZERO + self.length;
        loop {
            self.settle()?;
            let due = self.poll_timeout().max(self.now + Duration::from_micros(1));
            if due > end {
                break;
            }
            self.now = due;
            self.air.borrow_mut().advance(due);
            self.track();
            self.follow_cues();
            self.speak();
        }
        self.now = end;
        self.witness.borrow_mut().end(end);
        self.discard();
        Ok(())
    }

    fn poll_timeout(&self) -> Instant {
        let mut next = earliest(self.air.borrow().poll_timeout(), self.radio.poll_timeout());
        for end in &self.ends {
            next = earliest(next, end.poll_timeout());
        }
        let cue = self.cues.last().map(|(at, _)| *at);
        let planned = cue.into_iter().chain(self.speak.iter().min().copied()).min();
        let next = earliest(next, planned.map(|at| (at, "the plan")));
        next.map_or(Instant::from_micros(u64::MAX), |(at, _)| at)
    }

    /// Lets the radios do what they have to do now, until all have done it.
    fn settle(&mut self) -> Result<(), DemoError> {
        for _ in 0..ROUNDS {
            let all = std::mem::take(&mut self.touched);
            let mut busy = self.turn_radio(all)?;
            for network in 0..self.ends.len() {
                busy |= self.turn_end(network, all)?;
            }
            self.deliver();
            if !busy && !self.touched {
                break;
            }
        }
        Ok(())
    }

    /// Where the air has the radio.
    fn track(&self) {
        let channel = self.air.borrow().channel(self.radio.radio().id());
        self.witness.borrow_mut().track(self.now, channel);
    }

    fn turn_radio(&mut self, anyway: bool) -> Result<bool, DemoError> {
        let (now, id) = (self.now, self.radio.radio().id());
        if !anyway && !is_due(now, &self.air.borrow(), id, self.radio.poll_timeout()) {
            return Ok(false);
        }
        self.radio.turn(now)?;
        self.track();
        while let Some(event) = self.radio.poll_event() {
            match event {
                WorkerEvent::Link(news) => self.station_says(&news.ssid, news.what),
                WorkerEvent::Trouble(text) => self.witness.borrow_mut().diary.push((now, text)),
                WorkerEvent::Ap(_) | WorkerEvent::Moved(_) => {}
            }
        }
        Ok(true)
    }

    fn station_says(&mut self, ssid: &[u8], what: LinkChange) {
        let Some(network) = NETWORKS.iter().position(|network| network.ssid.as_bytes() == ssid) else {
            return;
        };
        let Some(station) = self.stations.get_mut(network) else { return };
        let (name, text) = match what {
            // Those that are joined are seen from the air.
            LinkChange::Connected { .. } => {
                station.connected = true;
                return;
            }
            LinkChange::Disconnected { end, .. } => {
                station.connected = false;
                ("lost", format!("is lost: {end}"))
            }
            LinkChange::Channel(channel) => ("moves", format!("goes to {channel}")),
            LinkChange::Refused(why) => ("refused", format!("is not hopped to: {why}")),
            LinkChange::Admitted => ("admitted", "is hopped to again".into()),
        };
        let bad = matches!(what, LinkChange::Disconnected { .. } | LinkChange::Refused(_));
        self.witness.borrow_mut().note(self.now, network, name, &text, bad);
    }

    fn turn_end(&mut self, network: usize, anyway: bool) -> Result<bool, DemoError> {
        let now = self.now;
        let Some(end) = self.ends.get_mut(network) else { return Ok(false) };
        let (deadline, id) = (end.poll_timeout(), end.id);
        let Some(powered) = &mut end.power else { return Ok(false) };
        if !anyway && !is_due(now, &self.air.borrow(), id, deadline) {
            return Ok(false);
        }
        powered.ap.turn(now)?;
        while let Some(event) = powered.ap.poll_event() {
            match event {
                WorkerEvent::Ap(ApEvent::StationJoined { .. }) => end.joined = true,
                WorkerEvent::Ap(ApEvent::StationLeft { .. }) => end.joined = false,
                _ => {}
            }
        }
        Ok(true)
    }

    /// Takes what has come to the ends of the cables.
    fn deliver(&mut self) {
        for network in 0..self.ends.len() {
            let cables = [
                (true, self.ends.get(network).map(|end| Arc::clone(&end.cable))),
                (false, self.stations.get(network).map(|station| Arc::clone(&station.cable))),
            ];
            for (up, cable) in cables {
                while let Some(frame) = cable.as_ref().and_then(|cable| cable.host_receive()) {
                    self.arrived(network, up, &frame);
                }
            }
        }
    }

    /// Only numbered frames of the streams of this network in this direction count.
    fn arrived(&mut self, network: usize, up: bool, ethernet: &[u8]) {
        let Some((index, number)) = packet::label_of_ethernet(ethernet) else { return };
        let (Some(stream), Some(books)) = (STREAMS.get(index), self.books.get_mut(index)) else { return };
        if (stream.network, stream.up) == (network, up) {
            books.arrive(self.now, number);
        }
    }

    fn follow_cues(&mut self) {
        while let Some((_, cue)) = self.cues.pop_if(|(at, _)| *at <= self.now) {
            self.touched = true;
            match cue {
                Cue::On(network) => {
                    let Some(end) = self.ends.get_mut(network) else { continue };
                    end.switch_on(self.now, &self.air, self.seed);
                    if end.off.is_some() {
                        let text = "has its AP again, which knows of nobody";
                        self.witness.borrow_mut().note(self.now, network, "AP on", text, false);
                    }
                }
                Cue::Off(network) => {
                    let Some(end) = self.ends.get_mut(network) else { continue };
                    end.switch_off(self.now, &self.air);
                    let text = "has no AP any more: its power fails";
                    self.witness.borrow_mut().note(self.now, network, "AP off", text, true);
                }
            }
        }
    }

    /// Every stream that is due says its next number, if both of its ends are there.
    fn speak(&mut self) {
        for (index, stream) in STREAMS.iter().enumerate() {
            let Some(next) = self.speak.get_mut(index).filter(|next| **next <= self.now) else { continue };
            *next += stream.every;
            let speaks = self.is_speaking(stream);
            let Some(books) = self.books.get_mut(index) else { continue };
            if !speaks {
                books.pause();
                continue;
            }
            let number = books.send(self.now);
            let ends = [address(stream.network), scene::host(stream.network)];
            let [from, to] = if stream.up { ends } else { [ends[1], ends[0]] };
            let packet = Packet { from, to, stream: index, number, ds: stream.ds, size: stream.size };
            let cable = if stream.up {
                self.stations.get(stream.network).map(|station| &station.cable)
            } else {
                self.ends.get(stream.network).map(|end| &end.cable)
            };
            // A full cable is a loss, and the books will show it.
            let _ = cable.is_some_and(|cable| cable.host_send(packet.ethernet()));
            self.touched = true;
        }
    }

    /// Station and AP take each other for connected, or the AP did so when its power failed: the station does not know.
    /// The wired host behind an AP without power says nothing.
    fn is_speaking(&self, stream: &Stream) -> bool {
        // What is under way when the demo ends would be neither arrived nor lost.
        let drain = Duration::from_millis(500).min(self.length / 10);
        let station = self.stations.get(stream.network).is_some_and(|station| station.connected);
        let end = self.ends.get(stream.network);
        let end = end.is_some_and(|end| end.joined && (stream.up || end.power.is_some()));
        station && end && self.now < Instant::ZERO + (self.length - drain)
    }

    /// Enters what everybody has discarded.
    fn discard(&mut self) {
        let radios = self.ends.iter_mut().zip(NETWORKS.iter().map(|network| network.ssid));
        let aps = radios.filter_map(|(end, ssid)| {
            let powered = end.power.as_mut()?;
            Some((format!("the AP of {ssid}"), powered.ap.report(self.now).radio.drops))
        });
        let mut all: Vec<_> = aps.collect();
        all.push((format!("the radio {}", scene::RADIO), self.radio.report(self.now).radio.drops));
        for (who, counts) in all {
            let rows = counts.iter().map(|(reason, &count)| drops(&who, reason, count));
            self.discarded.extend(rows);
        }
    }
}
