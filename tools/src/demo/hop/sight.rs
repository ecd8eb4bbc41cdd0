//! What of the frames is kept for the picture of one second: those of the last second, until something worth it happens.

use std::collections::VecDeque;
use std::time::Duration;

use drivers::air::OnAir;
use stack::time::Instant;

use crate::demo::play::since_start;
use crate::report::{Close, Mark, Sight};

/// How long the picture is.
const LENGTH: Duration = Duration::from_secs(1);

/// The marks of the last second.
#[derive(Debug, Default)]
pub(super) struct Sights {
    marks: VecDeque<Mark>,
    /// Nothing is kept of what comes later.
    until: Option<Instant>,
}

impl Sights {
    /// A frame of this network begins.
    pub(super) fn frame(&mut self, network: usize, on_air: &OnAir<'_>, what: Sight) {
        if self.until.is_some_and(|until| until < on_air.start) {
            return;
        }
        let (at, until) = (since_start(on_air.start), since_start(on_air.end));
        while self.marks.pop_front_if(|mark| mark.at + LENGTH < at).is_some() {}
        self.marks.push_back(Mark { network, at, until, what });
    }

    /// The last frame of this network for which `is_it` holds was understood by whom it was for.
    pub(super) fn confirm(&mut self, network: usize, is_it: impl Fn(&mut Sight) -> Option<&mut bool>) {
        let of_network = self.marks.iter_mut().rev().filter(|mark| mark.network == network);
        if let Some(confirmed) = of_network.map(|mark| &mut mark.what).find_map(is_it) {
            *confirmed = true;
        }
    }

    /// Something worth it happens: the picture is to show what was before, and what comes in the second half of it.
    pub(super) fn keep(&mut self, now: Instant) {
        self.until.get_or_insert(now + LENGTH / 2);
    }

    /// The picture, of a demo that ends now.
    pub(super) fn close(&self, end: Instant) -> Close {
        let until = since_start(self.until.unwrap_or(end).min(end));
        let from = until.saturating_sub(LENGTH);
        let marks = self.marks.iter().filter(|mark| mark.at >= from).cloned().collect();
        Close { from, length: until - from, marks }
    }
}
