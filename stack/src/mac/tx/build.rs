//! Building the MPDUs.

use std::ops::Range;
use std::time::Duration;

use super::{Again, Outgoing, Sent, TxContext};
use crate::mac::association::{GroupTx, PairwiseSa};
use crate::mac::peer::{Bss, Peer, Role};
use crate::mac::queue::{Cover, Queue, Queued, Resend};
use crate::mac::rate::Choice;
use crate::mac::{AccessCategory, DropReason, Msdu, SequenceSpace};
use crate::wire::amsdu::AmsduWriter;
use crate::wire::{FrameKind, Llc, MacAddr, MacHeader, QosControl, Rate, SequenceControl, TxOptions};

/// The frame check sequence, which the radio adds; the fragmentation threshold counts it.
const FCS: usize = 4;
/// Most fragments of an MSDU: the fragment number has four bits.
const MOST_FRAGMENTS: usize = 16;
/// Most MSDUs in an A-MSDU that we build.
const MOST_SUBFRAMES: usize = 16;

/// Group-addressed MSDUs of a BSS, in the order in which they came. While no station dozes it is emptied at once, else
/// after the DTIM beacons.
#[derive(Debug)]
pub struct GroupQueue {
    pub(in crate::mac) queue: Queue,
    pub(in crate::mac) protected: bool,
}

impl Peer {
    /// Makes an MPDU of a queued MSDU; with those behind it an A-MSDU, if the peer takes them; or the first of its
    /// fragments, the others are kept for the next polls.
    pub(super) fn build(
        &mut self,
        mut queued: Queued,
        category: AccessCategory,
        more_data: bool,
        end_of_service_period: bool,
        context: &mut TxContext<'_>,
    ) -> Result<Outgoing, DropReason> {
        let amsdu = queued.resend.is_some_and(|resend| resend.amsdu)
            || self.aggregate(&mut queued, category, context);
        let fragment_len = self.fragment_len(&queued).filter(|_| !amsdu);
        let sequence = match queued.resend {
            Some(resend) => resend.sequence,
            None => SequenceControl::new(self.next_number(queued.tid, context), 0),
        };
        let mut header = self.header(context.bss, &queued, amsdu, end_of_service_period);
        header.sequence = sequence;
        header.frame_control =
            header.frame_control.with_more_data(more_data).with_retry(queued.resend.is_some());
        let result = match fragment_len {
            Some(len) => self.fragments_of(&queued, header, category, len, context),
            None => {
                let given_up = queued.resend.map_or(0, |resend| resend.given_up);
                let resend = Resend { sequence, amsdu, given_up };
                self.whole(&queued, &header, category, resend, context)
            }
        };
        context.pool.give(queued.frame);
        result
    }

    /// A Null frame, or a QoS Null frame.
    pub(super) fn build_null(&mut self, qos: Option<QosControl>, context: &mut TxContext<'_>) -> Outgoing {
        let mut header = addressed(context.bss, self.config.address, context.bss.bssid);
        header.frame_control =
            header.frame_control.with_kind(FrameKind::NULL).with_power_management(self.tx.power_management);
        header.qos = qos.filter(|_| self.config.qos);
        header.sequence = SequenceControl::new(context.sequence.next(SequenceSpace::Common), 0);
        let mut frame = context.pool.take();
        header.emit(&mut frame);
        Outgoing::robust(frame, context.robust_rate)
    }

    /// Opens a frame of ours again: where its body is, in plaintext.
    pub(super) fn reopen(&self, cover: Cover, header_len: usize, frame: &mut [u8]) -> Option<Range<usize>> {
        match (cover, &self.pairwise) {
            (Cover::Plaintext, _) => Some(header_len..frame.len()),
            (Cover::Association(id), Some(sa)) if id == sa.id => {
                Some(sa.key.unprotect(header_len, frame).ok()?.payload)
            }
            (Cover::Association(id), None) if !self.config.protected && id == self.current_sa() => {
                Some(header_len..frame.len())
            }
            _ => None,
        }
    }

    fn next_number(&mut self, tid: u8, context: &mut TxContext<'_>) -> u16 {
        if self.config.qos {
            self.sequence.next(SequenceSpace::Tid(tid))
        } else {
            context.sequence.next(SequenceSpace::Common)
        }
    }

    /// Puts the MSDUs behind this one into the same MPDU, as far as the peer and the radio take it. Only what waits
    /// already is taken: nothing is delayed for company.
    fn aggregate(
        &mut self,
        queued: &mut Queued,
        category: AccessCategory,
        context: &mut TxContext<'_>,
    ) -> bool {
        let Some(limit) = self.amsdu_limit(context.max_mpdu) else { return false };
        let mut len = AmsduWriter::len_with(0, queued.frame.len());
        if queued.eapol || queued.resend.is_some() || !self.fits(queued, category, len, limit) {
            return false;
        }
        let mut body = context.pool.take();
        let mut writer = AmsduWriter::new(&mut body);
        writer.push(queued.destination, queued.source, &Llc::parse(&queued.frame));
        for _ in 1..MOST_SUBFRAMES {
            if !self.fits(queued, category, len, limit) {
                break;
            }
            let Some(next) = self.queues.of(category).pop() else { break };
            writer.push(next.destination, next.source, &Llc::parse(&next.frame));
            len = writer.len();
            context.pool.give(next.frame);
        }
        context.pool.give(std::mem::replace(&mut queued.frame, body));
        true
    }

    fn amsdu_limit(&self, max_mpdu: usize) -> Option<usize> {
        let most = self.config.max_amsdu.filter(|_| self.config.qos)?;
        let overhead = 26 + self.pairwise.as_ref().map_or(0, |sa| sa.key.cipher().overhead());
        Some(most.min(max_mpdu.saturating_sub(overhead)))
    }

    /// The next in the queue can go into the same A-MSDU.
    fn fits(&mut self, queued: &Queued, category: AccessCategory, len: usize, limit: usize) -> bool {
        self.queues.view(category).head().is_some_and(|next| {
            !next.eapol
                && next.resend.is_none()
                && next.tid == queued.tid
                && next.cover == queued.cover
                && AmsduWriter::len_with(len, next.frame.len()) <= limit
        })
    }

    fn header(&self, bss: Bss, queued: &Queued, amsdu: bool, end_of_service_period: bool) -> MacHeader {
        let far = match bss.role {
            _ if amsdu => bss.bssid,
            Role::AccessPoint => queued.source,
            Role::Station => queued.destination,
        };
        let mut header = addressed(bss, self.config.address, far);
        header.frame_control = header.frame_control.with_power_management(self.tx.power_management);
        if self.config.qos {
            let qos = QosControl::new(queued.tid).with_amsdu(amsdu).with_eosp(end_of_service_period);
            header = header.with_qos(qos);
        }
        header
    }

    fn whole(
        &mut self,
        queued: &Queued,
        header: &MacHeader,
        category: AccessCategory,
        resend: Resend,
        context: &mut TxContext<'_>,
    ) -> Result<Outgoing, DropReason> {
        let frame = self.seal(queued.cover, header, &queued.frame, context)?;
        let again = Again {
            header_len: header.len(),
            tid: queued.tid,
            ends: (queued.destination, queued.source),
            since: queued.since,
            eapol: queued.eapol,
            resend,
        };
        let choice = self.rate_of(queued, queued.resend.is_none());
        let sent = Sent { again: Some(again), choice, ..Sent::new(category, frame.len(), queued.cover) };
        Ok(Outgoing { frame, options: options(choice, context), sent })
    }

    /// EAPOL goes at the robust rate.
    fn rate_of(&mut self, queued: &Queued, may_probe: bool) -> Option<Choice> {
        if queued.eapol { None } else { self.rate.choose(may_probe) }
    }

    /// How much of the body goes into one fragment, if it does not fit into one MPDU (802.11-2020 10.4).
    fn fragment_len(&self, queued: &Queued) -> Option<usize> {
        let threshold = self.config.fragmentation_threshold?;
        let covered = matches!(queued.cover, Cover::Association(_));
        let cipher = self.pairwise.as_ref().filter(|_| covered).map_or(0, |sa| sa.key.cipher().overhead());
        let overhead = 24 + if self.config.qos { 2 } else { 0 } + cipher + FCS;
        let room = threshold.saturating_sub(overhead) & !1;
        let least = queued.frame.len().div_ceil(MOST_FRAGMENTS).next_multiple_of(2);
        let len = room.max(least).max(64);
        (queued.resend.is_none() && queued.frame.len() > len).then_some(len)
    }

    /// All fragments are encrypted at once, so that their packet numbers follow one another whatever is sent between
    /// them (SEC-D4). A fragment is not sent again once the radio gave up on it.
    fn fragments_of(
        &mut self,
        queued: &Queued,
        mut header: MacHeader,
        category: AccessCategory,
        len: usize,
        context: &mut TxContext<'_>,
    ) -> Result<Outgoing, DropReason> {
        let number = header.sequence.number();
        let choice = self.rate_of(queued, false);
        let count = queued.frame.len().div_ceil(len);
        let mut first = None;
        for (index, piece) in (0u8..).zip(queued.frame.chunks(len)) {
            let more = usize::from(index) + 1 < count;
            header.sequence = SequenceControl::new(number, index);
            header.frame_control = header.frame_control.with_more_fragments(more);
            let frame = self.seal(queued.cover, &header, piece, context)?;
            let sent = Sent { choice, ..Sent::new(category, frame.len(), queued.cover) };
            let outgoing = Outgoing { frame, options: options(choice, context), sent };
            match first {
                None => first = Some(outgoing),
                Some(_) => self.tx.fragments.push_back(outgoing),
            }
        }
        first.ok_or(DropReason::EncryptFailed)
    }

    /// The one place where a frame to a peer gets its cover: exactly the one it was queued under (SEC-H3).
    fn seal(
        &mut self,
        cover: Cover,
        header: &MacHeader,
        body: &[u8],
        context: &mut TxContext<'_>,
    ) -> Result<Vec<u8>, DropReason> {
        let plain = match cover {
            Cover::Plaintext => true,
            Cover::Association(id) => !self.config.protected && id == self.current_sa(),
        };
        let mut frame = context.pool.take();
        if plain {
            header.emit(&mut frame);
            frame.extend_from_slice(body);
            return Ok(frame);
        }
        self.tx.header.clear();
        header.emit(&mut self.tx.header);
        let previous = self.previous.as_mut().map(|(sa, _)| sa);
        let mut keys = self.pairwise.iter_mut().chain(previous);
        let result = match keys.find(|sa| cover == Cover::Association(sa.id)) {
            Some(sa) => encrypt(sa, &self.tx.header, body, &mut frame),
            None => Err(DropReason::StaleAssociation),
        };
        match result {
            Ok(()) => Ok(frame),
            Err(reason) => {
                context.pool.give(frame);
                Err(reason)
            }
        }
    }
}

impl GroupQueue {
    /// An empty queue; in a protected BSS nothing leaves it without a group key.
    pub fn new(protected: bool) -> Self {
        Self { queue: Queue::default(), protected }
    }

    /// Queues a group-addressed MSDU.
    pub fn push(&mut self, context: &mut TxContext<'_>, msdu: &Msdu<'_>) {
        let queued = super::queued(context, msdu, 0, Cover::Plaintext);
        self.queue.push(queued, context.pool, context.drops);
    }

    /// How many MSDUs wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Drops what has waited for longer than `age`.
    pub fn expire(&mut self, age: Duration, context: &mut TxContext<'_>) {
        self.queue.expire(context.now, age, context.pool, context.drops);
    }

    /// The next frame, under the group key in a protected BSS. `more_follow`: stations that doze are listening and have to
    /// go on, for other frames follow the same DTIM (802.11-2020 9.2.4.1.8).
    pub fn poll(
        &mut self,
        group: Option<&mut GroupTx>,
        more_follow: bool,
        context: &mut TxContext<'_>,
    ) -> Option<Outgoing> {
        let queued = self.queue.pop()?;
        let more = more_follow && !self.queue.is_empty();
        let result = self.build(&queued, group, more, context);
        context.pool.give(queued.frame);
        match result {
            Ok(outgoing) => Some(outgoing),
            Err(reason) => {
                context.drops.count(reason);
                None
            }
        }
    }

    fn build(
        &self,
        queued: &Queued,
        group: Option<&mut GroupTx>,
        more: bool,
        context: &mut TxContext<'_>,
    ) -> Result<Outgoing, DropReason> {
        let bssid = context.bss.bssid;
        let mut header = MacHeader::from_ds(queued.destination, bssid, queued.source);
        header.frame_control = header.frame_control.with_more_data(more);
        header.sequence = SequenceControl::new(context.sequence.next(SequenceSpace::Common), 0);
        let mut plain = context.pool.take();
        header.emit(&mut plain);
        let frame = match group {
            Some(group) if self.protected => {
                let mut frame = context.pool.take();
                let pn = group.tx.next().map_err(|_| DropReason::PacketNumbersUsedUp)?;
                group
                    .key
                    .protect(pn, group.key_id, &plain, &queued.frame, &mut frame)
                    .map_err(|_| DropReason::EncryptFailed)?;
                context.pool.give(plain);
                frame
            }
            None if !self.protected => {
                plain.extend_from_slice(&queued.frame);
                plain
            }
            _ => return Err(DropReason::StaleAssociation),
        };
        let sent = Sent::new(AccessCategory::BestEffort, frame.len(), queued.cover);
        Ok(Outgoing { frame, options: options(None, context), sent })
    }
}

impl Sent {
    const fn new(category: AccessCategory, len: usize, cover: Cover) -> Self {
        Self { category, len, cover, again: None, counted: false, choice: None, probe: None, order: 0 }
    }
}

impl Outgoing {
    /// A frame that the MAC does not queue, and that must arrive: management, a beacon. `rate` is
    /// [`crate::mac::robust_rate`].
    pub fn robust(frame: Vec<u8>, rate: Rate) -> Self {
        Self::immediate(frame, TxOptions { rate: Some(rate), ..TxOptions::default() })
    }

    /// The same with other options. It is followed like any other frame.
    pub fn immediate(frame: Vec<u8>, options: TxOptions) -> Self {
        let sent = Sent::new(AccessCategory::Voice, frame.len(), Cover::Plaintext);
        Self { frame, options, sent }
    }
}

/// The radio's own number of retries for what must arrive.
fn options(choice: Option<Choice>, context: &TxContext<'_>) -> TxOptions {
    TxOptions {
        rate: Some(choice.map_or(context.robust_rate, |choice| choice.rate)),
        retries: choice.map(|choice| choice.retries),
        ..TxOptions::default()
    }
}

fn encrypt(sa: &mut PairwiseSa, header: &[u8], body: &[u8], out: &mut Vec<u8>) -> Result<(), DropReason> {
    let pn = sa.tx.next().map_err(|_| DropReason::PacketNumbersUsedUp)?;
    sa.key.protect(pn, sa.key_id, header, body, out).map_err(|_| DropReason::EncryptFailed)
}

/// The header of a frame between the two ends of a link, without QoS.
const fn addressed(bss: Bss, peer: MacAddr, far: MacAddr) -> MacHeader {
    match bss.role {
        Role::AccessPoint => MacHeader::from_ds(peer, bss.bssid, far),
        Role::Station => MacHeader::to_ds(bss.bssid, bss.own, far),
    }
}
