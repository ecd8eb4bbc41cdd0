//! The demo in virtual time: one thread drives the air, the node's workers and the clients.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use drivers::RadioError;
use drivers::air::{Air, AirRadio, RadioId};
use drivers::capture::CaptureError;
use stack::rsn::PassphraseError;
use stack::time::{Instant, earliest};

use crate::node::{Cable, Worker};
use crate::report::{Drops, Story};

use super::actor::Actor;
use super::arrivals::Arrivals;
use super::outcome::Outcome;
use super::plan::Cue;
use super::witness::Witness;
use super::{portrait, summary};

/// Rounds in which workers and clients may answer each other at one point in time; more would be a loop.
const ROUNDS: usize = 1000;

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

/// Plays the demo. The same seed and the same length give the same outcome and the same capture, byte for byte.
pub fn play(seed: u64, length: Duration, capture: Box<dyn Write>) -> Result<Demo, DemoError> {
    let mut stage = Stage::new(seed, length, capture)?;
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
    pub(super) air: Rc<RefCell<Air>>,
    pub(super) workers: Vec<Worker<AirRadio>>,
    pub(super) cables: Vec<Arc<Cable>>,
    pub(super) actors: Vec<Actor>,
    pub(super) witness: Rc<RefCell<Witness>>,
    pub(super) books: Vec<Arrivals>,
    /// When each stream speaks next.
    pub(super) speak: Vec<Instant>,
    /// Which clients' ports are open at the node, and on which of its radios.
    pub(super) ports: Vec<Option<usize>>,
    /// What the clients still have to do, the next last.
    pub(super) cues: Vec<(Instant, Cue)>,
    /// What happened, in words.
    pub(super) diary: Vec<(Instant, String)>,
    /// What was discarded, when the demo is over.
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
            self.follow_cues();
            self.speak();
        }
        self.now = end;
        for actor in &mut self.actors {
            actor.end_span(end);
        }
        self.discarded = portrait::drops(self);
        Ok(())
    }

    /// When anything happens next.
    fn poll_timeout(&self) -> Instant {
        let mut next = self.air.borrow().poll_timeout();
        for worker in &self.workers {
            next = earliest(next, worker.poll_timeout());
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

    /// Lets workers and clients do what they have to do now, until all have done it.
    fn settle(&mut self) -> Result<(), DemoError> {
        for _ in 0..ROUNDS {
            let all = std::mem::take(&mut self.touched);
            let mut busy = false;
            for index in 0..self.workers.len() {
                busy |= self.turn_worker(index, all)?;
            }
            for index in 0..self.actors.len() {
                busy |= self.turn_actor(index, all)?;
            }
            self.hear_cables();
            if !busy {
                break;
            }
        }
        Ok(())
    }

    fn is_due(&self, id: RadioId, deadline: Option<(Instant, &'static str)>) -> bool {
        deadline.is_some_and(|(at, _)| at <= self.now) || self.air.borrow().has_report(id)
    }

    fn turn_worker(&mut self, index: usize, anyway: bool) -> Result<bool, DemoError> {
        let now = self.now;
        let Some(worker) = self.workers.get(index) else { return Ok(false) };
        if !anyway && !self.is_due(worker.radio().id(), worker.poll_timeout()) {
            return Ok(false);
        }
        let Some(worker) = self.workers.get_mut(index) else { return Ok(false) };
        worker.turn(now)?;
        let events: Vec<_> = std::iter::from_fn(|| worker.poll_event()).collect();
        for event in events {
            self.node_says(index, event);
        }
        Ok(true)
    }

    fn turn_actor(&mut self, index: usize, anyway: bool) -> Result<bool, DemoError> {
        let now = self.now;
        let Some(actor) = self.actors.get(index) else { return Ok(false) };
        if !anyway && !self.is_due(actor.radio.id(), actor.poll_timeout()) {
            return Ok(false);
        }
        let Some(actor) = self.actors.get_mut(index) else { return Ok(false) };
        for event in actor.turn(now)? {
            self.client_says(index, event);
        }
        Ok(true)
    }
}
