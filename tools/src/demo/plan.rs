//! The plan: who comes and goes when, who walks where, when the oven is on.

use std::time::Duration;

use drivers::propagation::Knobs;
use stack::time::Instant;

use crate::report::Place;

use super::play::{Stage, since_start};
use super::scene::{self, MASTS, PEOPLE};

/// Whoever walks takes a step this often.
const STEP: Duration = Duration::from_millis(100);

/// Something that is in the plan.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cue {
    Arrive(usize),
    Leave(usize),
    Oven(bool),
    Step,
}

impl Stage {
    /// What will happen, by the scene.
    pub(super) fn plan(&mut self) {
        let mut cues =
            vec![(self.at(scene::OVEN.0), Cue::Oven(true)), (self.at(scene::OVEN.1), Cue::Oven(false))];
        for (index, person) in PEOPLE.iter().enumerate() {
            cues.push((self.at(person.arrives), Cue::Arrive(index)));
            if let Some((leaves, returns)) = person.away {
                cues.extend([(self.at(leaves), Cue::Leave(index)), (self.at(returns), Cue::Arrive(index))]);
            }
        }
        cues.push((Instant::ZERO, Cue::Step));
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
                Cue::Leave(client) => {
                    if let Some(actor) = self.actors.get_mut(client) {
                        actor.link.stop();
                    }
                }
                Cue::Oven(on) => self.oven(on),
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
        let back = actor.starts > 0;
        actor.start(now);
        let name = actor.person.name;
        let text = format!("{name} {}", if back { "is back" } else { "is switched on" });
        actor.mark(now, if back { "back" } else { "on" }, text.clone(), false);
        self.diary.push((now, text));
    }

    /// Frames near the western radio drown, or no longer do.
    fn oven(&mut self, on: bool) {
        let knobs = if on { Knobs { loss: scene::OVEN_LOSS, ..Knobs::default() } } else { scene::knobs() };
        let Some(west) = self.workers.first().map(|worker| worker.radio().id()) else { return };
        let mut air = self.air.borrow_mut();
        for actor in &mut self.actors {
            let id = actor.radio.id();
            air.set_link(west, id, knobs);
            air.set_link(id, west, knobs);
        }
        let text =
            if on { "a microwave oven near radio west is switched on" } else { "the oven is off again" };
        self.diary.push((self.now, text.into()));
        for actor in
            self.actors.iter_mut().filter(|actor| actor.person.channels.first() == Some(&MASTS[0].channel))
        {
            actor.mark(self.now, if on { "oven on" } else { "off" }, text.into(), false);
        }
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
