//! The demo in virtual time: one thread drives the air, the backhaul, the nodes and the clients.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use drivers::RadioError;
use drivers::air::{Air, RadioId};
use drivers::capture::CaptureError;
use mesh::engine::Backhaul;
use stack::rsn::PassphraseError;
use stack::time::{Instant, earliest};

use crate::report::{Drops, Story};

use super::actor::Actor;
use super::arrivals::Arrivals;
use super::bridge::Bridge;
use super::chronicle::Chronicle;
use super::nodes::Node;
use super::outcome::Outcome;
use super::plan::Cue;
use super::scene::RADIOS;
use super::witness::Witness;
use super::{portrait, summary};

/// Rounds in which nodes and clients may answer each other at one point in time; more would be a loop.
pub(super) const ROUNDS: usize = 1000;

/// Why a demo could not be played.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The capture could not be written.
    #[error("the capture: {0}")]
    Capture(#[from] CaptureError),
    /// A simulated radio failed.
    #[error(transparent)]
    Radio(#[from] RadioError),
    /// The passphrase of the scene is none.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// What is on the stage does not go together.
    #[error("the scene does not go together")]
    Scene,
    /// A node does not get into the cluster.
    #[error("the cluster: {0:#}")]
    Cluster(anyhow::Error),
}

/// A demo that was played.
pub struct Demo {
    /// The numbers.
    pub outcome: Outcome,
    /// For the report.
    pub story: Story,
    /// For people, in plain words.
    pub account: String,
}

/// The air, which all radios share.
pub(super) type SharedAir = Rc<RefCell<Air>>;

/// Plays the demo. The same seed and the same length give the same outcome and the same capture, byte for byte.
pub fn play(seed: u64, length: Duration, capture: Box<dyn Write>) -> Result<Demo, DemoError> {
    play_with(seed, length, true, capture)
}

/// The same; `crash` says whether the power of a node fails on the way.
pub(super) fn play_with(
    seed: u64,
    length: Duration,
    crash: bool,
    capture: Box<dyn Write>,
) -> Result<Demo, DemoError> {
    let mut stage = Stage::new(seed, length, capture)?;
    stage.plan(crash);
    stage.run()?;
    let outcome = Outcome::of(&stage);
    let story = portrait::draw(&stage, &outcome);
    let account = summary::tell(&stage, &outcome);
    stage.witness.borrow_mut().tape.finish()?;
    Ok(Demo { outcome, story, account })
}

/// The time since the demo began.
pub(super) fn since_start(at: Instant) -> Duration {
    at.since(Instant::ZERO)
}

/// Everybody on the stage, and the books.
pub(super) struct Stage {
    pub(super) seed: u64,
    pub(super) length: Duration,
    pub(super) now: Instant,
    /// Somebody was given something outside of his turn.
    pub(super) touched: bool,
    pub(super) air: SharedAir,
    pub(super) backhaul: Backhaul,
    /// The nodes; `None` for one whose power has failed.
    pub(super) nodes: Vec<Option<Node>>,
    /// The air's names of the radios of all nodes.
    pub(super) masts: Vec<RadioId>,
    pub(super) bridge: Bridge,
    pub(super) chronicle: Chronicle,
    pub(super) actors: Vec<Actor>,
    pub(super) witness: Rc<RefCell<Witness>>,
    pub(super) books: Vec<Arrivals>,
    /// When each stream speaks next.
    pub(super) speak: Vec<Instant>,
    /// What the clients still have to do, the next last.
    pub(super) cues: Vec<(Instant, Cue)>,
    /// What happened, in words.
    pub(super) diary: Vec<(Instant, String)>,
    /// What was discarded by those who are gone, and by all when the demo is over.
    pub(super) discarded: Vec<Drops>,
}

impl Stage {
    /// The time at which this share of the demo is over.
    pub(super) fn at(&self, share: f64) -> Instant {
        Instant::ZERO + self.length.mul_f64(share)
    }

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
            self.backhaul.advance(due);
            self.follow_cues();
            self.speak();
        }
        self.now = end;
        for actor in &mut self.actors {
            actor.end_span(end);
        }
        for node in 0..self.nodes.len() {
            portrait::node_drops(self, node);
        }
        portrait::client_drops(self);
        Ok(())
    }

    /// When anything happens next.
    fn poll_timeout(&self) -> Instant {
        let mut next = earliest(self.air.borrow().poll_timeout(), self.backhaul.poll_timeout());
        for node in self.nodes.iter().flatten() {
            next = earliest(next, node.poll_timeout());
        }
        for actor in &self.actors {
            next = earliest(next, actor.poll_timeout());
        }
        let cue = self.cues.last().map(|(at, _)| *at);
        let speech = self.speak.iter().min().copied();
        let planned = cue.into_iter().chain(speech).min();
        let next = earliest(next, planned.map(|at| (at, "the plan")));
        next.map_or(Instant::from_micros(u64::MAX), |(at, _)| at)
    }

    /// Lets nodes and clients do what they have to do now, until all have done it.
    fn settle(&mut self) -> Result<(), DemoError> {
        for _ in 0..ROUNDS {
            let all = std::mem::take(&mut self.touched);
            let mut busy = false;
            for index in 0..self.nodes.len() {
                busy |= self.turn_node(index, all)?;
            }
            for index in 0..self.actors.len() {
                busy |= self.turn_actor(index, all)?;
            }
            self.touched |= self.bridge.turn();
            self.hear_host();
            if !busy && !self.touched {
                break;
            }
        }
        Ok(())
    }

    fn turn_node(&mut self, index: usize, anyway: bool) -> Result<bool, DemoError> {
        let now = self.now;
        let Some(Some(node)) = self.nodes.get_mut(index) else { return Ok(false) };
        let air = &self.air;
        let told = node.turn(now, |worker| {
            anyway || is_due(now, &air.borrow(), worker.radio().id(), worker.poll_timeout())
        })?;
        let first = index * RADIOS;
        for (radio, event) in told.events {
            self.node_says(first, first + radio, event);
        }
        for news in told.news {
            self.cluster_says(first, &news);
        }
        // The radios may have orders.
        self.touched |= told.ordered;
        Ok(told.busy)
    }

    fn turn_actor(&mut self, index: usize, anyway: bool) -> Result<bool, DemoError> {
        let now = self.now;
        let Some(actor) = self.actors.get(index) else { return Ok(false) };
        if !anyway && !is_due(now, &self.air.borrow(), actor.radio.id(), actor.poll_timeout()) {
            return Ok(false);
        }
        let Some(actor) = self.actors.get_mut(index) else { return Ok(false) };
        for event in actor.turn(now)? {
            self.client_says(index, event);
        }
        Ok(true)
    }
}

/// Something is due, or a radio has something to tell.
pub(super) fn is_due(
    now: Instant,
    air: &Air,
    id: RadioId,
    deadline: Option<(Instant, &'static str)>,
) -> bool {
    deadline.is_some_and(|(at, _)| at <= now) || air.has_report(id)
}
