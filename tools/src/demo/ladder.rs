//! The frames of a join, as the steps of a ladder.

use stack::time::Instant;
use stack::wire::eapol::{EapolKey, KeyInfo};
use stack::wire::{Frame, FrameKind};

use crate::report::{Join, JoinStep};

use super::play::since_start;

/// Joins of one client that are kept, and steps of one join.
const MAX_JOINS: usize = 32;
const MAX_STEPS: usize = 24;

/// A frame that brings a join forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    pub(super) from_client: bool,
}

const fn step(name: &'static str, text: &'static str, from_client: bool) -> Step {
    Step { name, text, from_client }
}

const PROBE: Step = step("probe", "Is the network here?", true);
const AUTHENTICATE: Step = step("authenticate", "May I?", true);

/// What a management frame is to a join.
pub(super) fn of_management(frame: &Frame<'_>) -> Option<Step> {
    let Frame::Management(frame) = frame else { return None };
    let from_client = frame.addr2() != frame.bssid();
    Some(match frame.kind() {
        FrameKind::PROBE_REQUEST => PROBE,
        FrameKind::PROBE_RESPONSE => step("here", "It is, with a virtual AP of this address", false),
        FrameKind::AUTHENTICATION if from_client => AUTHENTICATE,
        FrameKind::AUTHENTICATION => {
            step("you may", "Open system authentication: who it is comes later", false)
        }
        FrameKind::ASSOCIATION_REQUEST | FrameKind::REASSOCIATION_REQUEST => {
            step("associate", "What the client can do", true)
        }
        FrameKind::ASSOCIATION_RESPONSE | FrameKind::REASSOCIATION_RESPONSE => {
            step("associated", "What was agreed, and the client's number", false)
        }
        _ => return None,
    })
}

/// Which message of a handshake a key frame is (802.11-2020 12.7.6).
pub(super) fn of_eapol(pdu: &[u8]) -> Option<Step> {
    let info = EapolKey::parse(pdu, 16).ok().flatten()?.info();
    let [ack, mic, secure] = [KeyInfo::ACK, KeyInfo::MIC, KeyInfo::SECURE].map(|flag| info.contains(flag));
    Some(match (info.contains(KeyInfo::PAIRWISE), ack, mic, secure) {
        (true, true, false, _) => step("message 1", "A random number of the node", false),
        (true, false, true, false) => {
            step("message 2", "A random number of the client, and proof of the passphrase", true)
        }
        (true, true, true, _) => {
            step("message 3", "Proof of the passphrase in return, and the group key", false)
        }
        (true, false, true, true) => step("message 4", "The keys are in place", true),
        (false, true, ..) => step("group 1", "A new group key", false),
        (false, false, ..) => step("group 2", "The group key is in place", true),
        _ => return None,
    })
}

/// The joins of one client.
#[derive(Clone, Debug, Default)]
pub(super) struct Ladder {
    joins: Vec<Join>,
    climbing: bool,
}

impl Ladder {
    /// A step was seen; `again` if it is a repetition by the radio.
    pub(super) fn step(&mut self, at: Instant, step: Step, again: bool) {
        let probing = |join: &Join| join.steps.iter().all(|known| known.name == PROBE.name);
        if step == PROBE && self.climbing && self.joins.last().is_some_and(probing) {
            // it asks on another channel
            self.joins.pop();
            self.climbing = false;
        }
        if !self.climbing {
            if self.joins.len() >= MAX_JOINS || again || ![PROBE, AUTHENTICATE].contains(&step) {
                return;
            }
            self.joins.push(Join::default());
            self.climbing = true;
        }
        let Some(join) = self.joins.last_mut() else { return };
        if let Some(known) = join.steps.iter_mut().find(|known| known.name == step.name) {
            known.retries += 1;
        } else if join.steps.len() < MAX_STEPS {
            let Step { name, text, from_client } = step;
            let at = since_start(at);
            join.steps.push(JoinStep { at, from_client, name: name.into(), text: text.into(), retries: 0 });
        }
    }

    /// Data can flow, or the attempt is over.
    pub(super) fn end(&mut self, complete: bool) {
        if std::mem::take(&mut self.climbing)
            && let Some(join) = self.joins.last_mut()
        {
            join.complete = complete;
        }
    }

    /// The joins, in the order of time.
    pub(super) fn joins(&self) -> &[Join] {
        &self.joins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_begins_anew_on_another_channel_and_ends_when_it_is_complete() {
        let mut ladder = Ladder::default();
        ladder.step(Instant::from_micros(1), PROBE, false);
        ladder.step(Instant::from_micros(500_000), PROBE, false);
        ladder.step(Instant::from_micros(500_100), AUTHENTICATE, false);
        ladder.step(Instant::from_micros(500_200), AUTHENTICATE, true);
        ladder.end(true);
        // what is repeated afterwards begins no second one
        ladder.step(Instant::from_micros(500_300), AUTHENTICATE, true);
        let [join] = ladder.joins() else { panic!("{:?}", ladder.joins()) };
        let steps: Vec<_> = join.steps.iter().map(|step| (step.at.as_micros(), step.retries)).collect();
        assert_eq!((steps, join.complete), (vec![(500_000, 0), (500_100, 1)], true));
    }
}
