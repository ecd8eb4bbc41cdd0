//! From MSDUs to MPDUs: what is sent to a peer next, under which key, with which numbers and flags.
//!
//! MSDUs wait in the peer, unencrypted, each under the association it was queued for. Packet and sequence numbers are
//! given at the moment a frame leaves, so that their order is the order on the air.

mod build;
mod progress;
mod release;

pub use build::GroupQueue;
pub(super) use progress::Progress;

use std::collections::VecDeque;
use std::time::Duration;

use crate::mac::peer::{Bss, Peer, Role};
use crate::mac::queue::{Cover, Queue, Queued, Resend};
use crate::mac::rate::Choice;
use crate::mac::schedule::Turn;
use crate::mac::{AccessCategory, BufferPool, DropCounts, DropReason, EAPOL_TID, Msdu, SequenceNumbers};
use crate::time::Instant;
use crate::wire::{MacAddr, QosControl, Rate, TxOptions};

/// Air time that a peer gets with each turn, in microseconds.
const QUANTUM: i64 = 4000;
/// How long the status of a probe is waited for.
const PROBE_STATUS: Duration = Duration::from_millis(50);
/// A station that did not acknowledge a frame is left alone for so long: it may be about to say that it dozes, or the
/// air may be bad for a moment.
pub(crate) const PAUSE: Duration = Duration::from_millis(15);
/// How often a frame that the radio gave up gets another chance after such a pause.
const CHANCES: u8 = 3;

/// What transmitting works with besides the peer.
#[derive(Debug)]
pub struct TxContext<'a> {
    /// Now.
    pub now: Instant,
    /// The BSS that the peer is in.
    pub bss: Bss,
    /// Where frames are built.
    pub pool: &'a mut BufferPool,
    /// Where a drop is counted.
    pub drops: &'a mut DropCounts,
    /// The BSS's own counters: of frames that are no QoS data to one peer.
    pub sequence: &'a mut SequenceNumbers,
    /// The longest MPDU that the radio takes, without FCS.
    pub max_mpdu: usize,
    /// Most MPDUs in flight to one peer.
    pub peer_window: usize,
    /// The rate of what must arrive or goes to many: [`crate::mac::robust_rate`] of the BSS.
    pub robust_rate: Rate,
}

/// An MPDU that is ready to go, and what has to be remembered about it.
#[derive(Debug)]
pub struct Outgoing {
    /// The MPDU, without FCS.
    pub frame: Vec<u8>,
    /// How to send it.
    pub options: TxOptions,
    pub(super) sent: Sent,
}

/// What is remembered about an MPDU in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) category: AccessCategory,
    pub(super) len: usize,
    /// Under what it was sealed.
    pub(super) cover: Cover,
    /// There if the frame can be sent again later.
    pub(super) again: Option<Again>,
    /// It counts among the frames in flight to its peer.
    pub(super) counted: bool,
    /// The rate that rate control chose.
    pub(super) choice: Option<Choice>,
    /// It is the n-th probe.
    pub(super) probe: Option<u32>,
    /// It was the n-th that was launched to its peer.
    pub(super) order: u64,
}

/// What it takes to queue a sent frame again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) header_len: usize,
    pub(super) tid: u8,
    pub(super) ends: (MacAddr, MacAddr),
    pub(super) since: Instant,
    pub(super) eapol: bool,
    pub(super) resend: Resend,
}

/// What became of an MPDU, with its bytes if they came back.
#[derive(Debug)]
pub struct Completion {
    pub(super) sent: Sent,
    pub(super) frame: Option<Vec<u8>>,
    /// The peer acknowledged it.
    pub acked: bool,
    /// Retries that the radio reported.
    pub retries: u8,
}

/// The transmit side of a peer.
#[derive(Debug, Default)]
pub(super) struct TxState {
    /// EAPOL: ahead of everything else, and not held by a rekey.
    pub(super) urgent: Queue,
    /// The rest of an MSDU whose first fragment has left.
    pub(super) fragments: VecDeque<Outgoing>,
    /// In which rings of the scheduler the peer is.
    pub(super) listed: [bool; 4],
    /// Air time left of its turn, in microseconds.
    pub(super) deficit: i64,
    pub(super) in_flight: usize,
    /// Since when a probe of a rate is in flight, the n-th: nothing follows until its status is there.
    pub(super) probing: Option<(u32, Instant)>,
    probes: u32,
    /// The station is left alone until [`Peer::end_pause`].
    pub(super) pausing: bool,
    pub(super) progress: Progress,
    /// Set the PM bit (station role).
    pub(super) power_management: bool,
    header: Vec<u8>,
}

impl TxState {
    pub(super) fn leave_radio(&mut self) {
        (self.listed, self.in_flight, self.probing, self.pausing) = ([false; 4], 0, None, false);
    }
}

impl Peer {
    /// Queues an MSDU under the association of now (or the key that a rekey is about to install). A refusal is counted.
    pub fn enqueue(&mut self, context: &mut TxContext<'_>, msdu: &Msdu<'_>) -> Result<(), DropReason> {
        let refusal = if !self.is_port_open() {
            Some(DropReason::PortClosed)
        } else if msdu.is_eapol() {
            Some(DropReason::EapolNotForUs)
        } else {
            None
        };
        if let Some(reason) = refusal {
            context.drops.count(reason);
            return Err(reason);
        }
        let tid = if self.config.qos { msdu.tid() } else { 0 };
        let cover = Cover::Association(self.pending.unwrap_or(self.current_sa()));
        let queued = queued(context, msdu, tid, cover);
        self.queues.of(AccessCategory::of_tid(tid)).push(queued, context.pool, context.drops);
        Ok(())
    }

    /// Queues an EAPOL PDU of ours, ahead of everything else: under the pairwise key of now if `protected`, else in
    /// plaintext.
    pub fn enqueue_eapol(&mut self, context: &mut TxContext<'_>, pdu: &[u8], protected: bool) {
        let msdu = Msdu::eapol(self.address(), context.bss.own, pdu);
        let cover = if protected { Cover::Association(self.current_sa()) } else { Cover::Plaintext };
        let queued = queued(context, &msdu, EAPOL_TID, cover);
        self.tx.urgent.push(queued, context.pool, context.drops);
    }

    /// Sets the PM bit of all that is sent from now on (station role).
    pub const fn set_power_management(&mut self, dozing: bool) {
        self.tx.power_management = dozing;
    }

    /// Something could be sent in this category now. May change with every call that takes the peer mutably.
    pub fn is_ready(&self, category: AccessCategory, peer_window: usize) -> bool {
        if !self.has_room(peer_window) {
            return false;
        }
        if self.power.is_dozing() {
            let released = (self.power.release().is_some() && !self.parked) || !self.tx.fragments.is_empty();
            return category == AccessCategory::Voice && released;
        }
        let held = self.parked || self.tx.pausing;
        (self.waiting(category) && !held) || (self.has_fragment(category) && !self.tx.pausing)
    }

    fn has_room(&self, peer_window: usize) -> bool {
        self.tx.probing.is_none() && self.tx.in_flight < self.tx.progress.window(peer_window)
    }

    /// The next MPDU of this category, if it is the peer's turn. Call it again until it says [`Turn::Idle`]; after that
    /// when something was queued, completed, polled for, or a key was installed. Calls in between do no harm.
    pub fn poll(&mut self, category: AccessCategory, context: &mut TxContext<'_>) -> Turn<Outgoing> {
        if !self.has_room(context.peer_window) {
            return Turn::Idle;
        }
        if self.power.is_dozing() {
            return self.poll_release(category, context);
        }
        if self.tx.pausing {
            return Turn::Idle;
        }
        if self.has_fragment(category)
            && let Some(fragment) = self.next_fragment(context)
        {
            return Turn::Sent(self.launched(fragment, context));
        }
        if self.parked {
            return Turn::Idle;
        }
        if self.tx.deficit < 0 && self.waiting(category) {
            self.tx.deficit += QUANTUM;
            return Turn::Spent;
        }
        while let Some(queued) = self.next_queued(category, context) {
            let more = false;
            match self.build(queued, category, more, false, context) {
                Ok(outgoing) => return Turn::Sent(self.launched(outgoing, context)),
                Err(reason) => context.drops.count(reason),
            }
        }
        self.tx.deficit = self.tx.deficit.min(0);
        Turn::Idle
    }

    /// A Null frame, which has no place in a queue: for the PM bit (station role), or to see whether the peer is still
    /// there.
    pub fn null_frame(&mut self, context: &mut TxContext<'_>) -> Outgoing {
        self.build_null(None, context)
    }

    /// A QoS Null frame with which a dozing station begins a service period (802.11-2020 11.2.3.6); nor has it a place
    /// in a queue.
    pub fn trigger_frame(&mut self, context: &mut TxContext<'_>) -> Outgoing {
        self.build_null(Some(QosControl::new(EAPOL_TID)), context)
    }

    /// An EAPOL PDU of ours as a frame that goes out now, past all queues: for a station, whose keys change as soon as
    /// it is built. While the peer has not used a new pairwise key, it may not have it yet, and the old one counts.
    pub fn eapol_frame(
        &mut self,
        context: &mut TxContext<'_>,
        pdu: &[u8],
        protected: bool,
    ) -> Result<Outgoing, DropReason> {
        let msdu = Msdu::eapol(self.address(), context.bss.own, pdu);
        let cover = match &self.previous {
            _ if !protected => Cover::Plaintext,
            Some((old, _)) => Cover::Association(old.id),
            None => Cover::Association(self.current_sa()),
        };
        let queued = queued(context, &msdu, EAPOL_TID, cover);
        self.build(queued, AccessCategory::Voice, false, false, context)
    }

    /// What became of a frame of this peer. One that failed because a station had gone to sleep, or because it probed a
    /// rate, or while the virtual AP was about to move, waits at the head of its queue again, unless the peer has one that
    /// was sent after it; another that failed gets a few more chances while nothing was sent after it. Says whether the peer
    /// is left alone now: then [`Self::end_pause`] is due 15 ms later.
    pub fn handle_completion(&mut self, completion: Completion, context: &mut TxContext<'_>) -> bool {
        let Completion { mut sent, frame, acked, retries } = completion;
        if sent.counted {
            self.tx.in_flight = self.tx.in_flight.saturating_sub(1);
        }
        self.stats.tx_retries += u64::from(retries);
        if let Some(choice) = sent.choice {
            self.rate.report(choice, acked, retries);
        }
        let probe = self.tx.probing.take_if(|(n, _)| sent.probe == Some(*n)).is_some();
        if acked {
            self.tx.progress.acknowledge(&sent, retries);
            self.discard_overtaken(&sent, context);
            self.stats.acknowledged(context.now, sent.len);
        } else {
            self.tx.progress.give_up(&sent);
            self.stats.failed();
        }
        let Some(frame) = frame else {
            if !acked {
                context.drops.count(DropReason::NotAcknowledged);
            }
            return false;
        };
        let at_ap = context.bss.role == Role::AccessPoint;
        let waits = probe || self.parked || (at_ap && self.power.is_dozing());
        if acked {
            context.pool.give(frame);
        } else if waits && !self.tx.progress.is_overtaken(&sent) {
            self.put_back(sent, frame, context);
        } else if at_ap && self.gets_another_chance(&mut sent) {
            self.put_back(sent, frame, context);
            self.tx.pausing = true;
            return true;
        } else {
            context.pool.give(frame);
            context.drops.count(DropReason::NotAcknowledged);
        }
        false
    }

    /// Not if something was sent after it: the station may have had both, would take the older one for new, and get its
    /// frames out of order. Nor EAPOL, which the authenticator repeats.
    fn gets_another_chance(&self, sent: &mut Sent) -> bool {
        let Some(again) = sent.again.as_mut().filter(|again| !again.eapol) else { return false };
        again.resend.given_up += 1;
        let chances = again.resend.given_up <= CHANCES;
        chances && self.tx.progress.is_last(sent)
    }

    /// What waits to be sent again though the peer has one that was sent after it.
    fn discard_overtaken(&mut self, sent: &Sent, context: &mut TxContext<'_>) {
        if let Some(again) = &sent.again {
            let queue = self.queues.of(sent.category);
            queue.discard_overtaken(again.tid, again.resend.sequence, context.pool, context.drops);
        }
    }

    /// The peer is no longer left alone.
    pub const fn end_pause(&mut self) {
        self.tx.pausing = false;
    }

    fn put_back(&mut self, sent: Sent, mut frame: Vec<u8>, context: &mut TxContext<'_>) {
        let queued = sent.again.and_then(|again| {
            let body = self.reopen(sent.cover, again.header_len, &mut frame)?;
            frame.truncate(body.end);
            frame.drain(..body.start);
            let (destination, source) = again.ends;
            let Again { tid, since, eapol, resend, .. } = again;
            let cover = sent.cover;
            let frame = std::mem::take(&mut frame);
            Some(Queued { frame, destination, source, tid, cover, since, eapol, resend: Some(resend) })
        });
        match queued {
            Some(queued) if queued.eapol => self.tx.urgent.put_back(queued),
            Some(queued) => self.queues.of(sent.category).put_back(queued),
            None => {
                context.pool.give(frame);
                context.drops.count(DropReason::NotAcknowledged);
            }
        }
    }

    /// The next frame that may still be sent; what was queued under an association that is gone is dropped on the way
    /// (SEC-H3).
    fn next_queued(&mut self, category: AccessCategory, context: &mut TxContext<'_>) -> Option<Queued> {
        let Self { queues, tx, pairwise, pending, held, config, association, .. } = self;
        let current = pairwise.as_ref().map(|sa| sa.id);
        loop {
            let urgent = category == AccessCategory::Voice && !tx.urgent.is_empty();
            let queue = if urgent { &mut tx.urgent } else { queues.of(category) };
            match queue.head()?.cover {
                Cover::Plaintext => return queue.pop(),
                Cover::Association(sa) if Some(sa) == current && *held && !urgent => return None,
                Cover::Association(sa) if Some(sa) == current => return queue.pop(),
                Cover::Association(sa) if Some(sa) == *pending => return None,
                Cover::Association(sa) if !config.protected && sa == *association => return queue.pop(),
                Cover::Association(_) => {
                    queue.discard_oldest(DropReason::StaleAssociation, context.pool, context.drops);
                }
            }
        }
    }

    fn has_fragment(&self, category: AccessCategory) -> bool {
        self.tx.fragments.front().is_some_and(|outgoing| outgoing.sent.category == category)
    }

    fn next_fragment(&mut self, context: &mut TxContext<'_>) -> Option<Outgoing> {
        let current = Cover::Association(self.current_sa());
        while let Some(outgoing) = self.tx.fragments.pop_front() {
            if outgoing.sent.cover == current || outgoing.sent.cover == Cover::Plaintext {
                return Some(outgoing);
            }
            context.pool.give(outgoing.frame);
            context.drops.count(DropReason::StaleAssociation);
        }
        None
    }

    fn launched(&mut self, mut outgoing: Outgoing, context: &TxContext<'_>) -> Outgoing {
        outgoing.sent.counted = true;
        outgoing.sent.order = self.tx.progress.launch(outgoing.sent.category);
        self.tx.in_flight += 1;
        self.tx.deficit -= air_time(outgoing.frame.len(), outgoing.options.rate);
        if let Some(choice) = outgoing.sent.choice {
            self.stats.tx_rate = Some(choice.rate);
            if choice.probe {
                self.tx.probes = self.tx.probes.wrapping_add(1);
                outgoing.sent.probe = Some(self.tx.probes);
                self.tx.probing = Some((self.tx.probes, context.now));
            }
        }
        outgoing
    }

    /// Waits no longer for the status of a probe that seems to be lost. The frame cannot go again: others follow now.
    pub(super) fn give_up_probe(&mut self, now: Instant) {
        self.tx.probing.take_if(|(_, since)| now.since(*since) >= PROBE_STATUS);
    }
}

/// What a frame of this length takes of the air, roughly, in microseconds.
pub(crate) fn air_time(len: usize, rate: Option<Rate>) -> i64 {
    let bits = i64::try_from(len).unwrap_or(i64::MAX / 8).saturating_mul(8);
    100 + bits / i64::from(crate::mac::stats::megabits(rate))
}

fn queued(context: &mut TxContext<'_>, msdu: &Msdu<'_>, tid: u8, cover: Cover) -> Queued {
    let mut frame = context.pool.take();
    msdu.emit_body(&mut frame);
    Queued {
        frame,
        destination: msdu.destination,
        // A station sends under no other address than its own.
        source: if context.bss.role == Role::Station { context.bss.own } else { msdu.source },
        tid,
        cover,
        since: context.now,
        eapol: msdu.is_eapol(),
        resend: None,
    }
}

#[cfg(test)]
mod tests;
