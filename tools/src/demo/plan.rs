//! The plan: who comes when, who walks where, when the power of a node fails.

use std::time::Duration;

use stack::time::Instant;

use crate::report::Place;

use super::play::{Stage, since_start};
use super::portrait;
use super::scene::{self, CRASH, MASTS, NODES, PEOPLE};

/// Whoever walks takes a step this often.
const STEP: Duration = Duration::from_millis(100);

/// Something that is in the plan.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cue {
    Arrive(usize),
    /// The power of this node fails.
    Crash(usize),
    Step,
}

impl Stage {
    /// What will happen, by the scene.
    pub(super) fn plan(&mut self, crash: bool) {
        let mut cues = vec![(Instant::ZERO, Cue::Step)];
        let arrivals = PEOPLE.iter().enumerate();
        cues.extend(arrivals.map(|(index, person)| (self.at(person.arrives), Cue::Arrive(index))));
        if crash {
            cues.push((self.at(CRASH.1), Cue::Crash(CRASH.0)));
        }
        self.cues = cues;
        self.sort_cues();
    }

    fn sort_cues(&mut self) {
        self.cues.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    }

    /// Does what the plan says for now.
    pub(super) fn follow_cues(&mut self) {
        while let Some((_, cue)) = self.cues.pop_if(|(at, _)| *at <= self.now) {
            self.touched = true;
            match cue {
                Cue::Arrive(client) => self.arrive(client),
                Cue::Crash(node) => self.crash(node),
                Cue::Step => {
                    self.step();
                    self.cues.push((self.now + STEP, Cue::Step));
                    self.sort_cues();
                }
            }
        }
    }

    fn arrive(&mut self, client: usize) {
        let now = self.now;
        let Some(actor) = self.actors.get_mut(client) else { return };
        actor.start(now);
        let text = format!("{} is switched on", actor.person.name);
        actor.mark(now, "on", text.clone(), false);
        self.diary.push((now, text));
    }

    /// The power of a node fails: its radios, its links and all that it knew are gone from one moment to the next.
    fn crash(&mut self, node: usize) {
        let now = self.now;
        portrait::node_drops(self, node);
        if self.nodes.get_mut(node).and_then(Option::take).is_none() {
            return;
        }
        let is_of = |mast: usize| MASTS.get(mast).is_some_and(|mast| mast.node == node);
        for (_, id) in self.masts.iter().enumerate().filter(|(mast, _)| is_of(*mast)) {
            self.air.borrow_mut().switch_off(*id);
        }
        self.backhaul.crash(now, scene::node_id(node));
        self.bridge.unplug(node);
        self.witness.borrow_mut().radios_gone((0..MASTS.len()).filter(|mast| is_of(*mast)));
        self.chronicle.node_gone(now, node, is_of);
        let name = NODES.get(node).copied().unwrap_or_default();
        let clients = self.chronicle.crash.as_ref().map(|crash| crash.clients.clone()).unwrap_or_default();
        let served = self.actors.iter_mut().enumerate().filter(|(client, _)| clients.contains(client));
        for (_, actor) in served {
            actor.mark(now, "crash", format!("node {name}, which serves it, loses its power"), true);
        }
        self.diary.push((now, format!("node {name} loses its power; it served {} clients", clients.len())));
    }

    /// Whoever walks is a step further.
    fn step(&mut self) {
        let share = since_start(self.now).as_secs_f64() / self.length.as_secs_f64().max(1e-9);
        for actor in &mut self.actors {
            let position = scene::place(actor.person.way, share);
            let place = Place { at: since_start(self.now), x: position.x, y: position.y };
            if actor.walk.last().is_none_or(|last| (last.x, last.y) != (place.x, place.y)) {
                actor.walk.push(place);
                self.air.borrow_mut().set_position(actor.radio.id(), position);
            }
        }
    }
}
