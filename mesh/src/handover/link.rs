//! Messages to one peer, each taken once and in order, over packets that may be lost, doubled, late or reordered.
//!
//! ```text
//! version u8 = 3 | kind u8 | from u64 | to u64 | sequence u64 | body
//!
//! kind 1, message: the sequence-th of this pair of incarnations, the first being 1
//!      2, taken:   everything up to and with sequence; no body
//!      3, notice:  neither numbered nor sent again; to and sequence are 0
//! ```
//! `from` and `to` are the incarnations of both ends. When either starts anew so does the numbering, and what was under
//! way is forgotten: a message to an incarnation that is gone is never taken by the next one. A session of the engine
//! keeps the order too, but when it breaks nobody knows what had arrived; this does.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use stack::time::Instant;
use stack::wire::{Reader, Truncated};

use super::discard::Discard;
use super::{Incarnation, SecretBytes};

/// The version of all packets between nodes.
pub const VERSION: u8 = 3;

/// The longest body of a message; what the engine takes for one, less the header.
pub(super) const MAX_BODY: usize = 1024 * 1024 - HEADER;
const HEADER: usize = 26;

const MESSAGE: u8 = 1;
const TAKEN: u8 = 2;
const NOTICE: u8 = 3;

/// Messages under way at once.
const WINDOW: usize = 32;
/// How many of them are sent again at once.
const BURST: usize = 8;
/// Messages and bytes that wait to be taken, at most.
const QUEUE: usize = 4096;
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// How long a message is waited for before it is sent again: at first, and at the longest.
const PATIENCE: Duration = Duration::from_millis(20);
const LONGEST_PATIENCE: Duration = Duration::from_millis(160);

/// A packet as it came, its lengths checked.
pub(super) struct Packet<'a> {
    kind: u8,
    from: Incarnation,
    to: Incarnation,
    sequence: u64,
    body: &'a [u8],
}

impl<'a> Packet<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Discard> {
        let fields = |reader: &mut Reader<'a>| -> Result<_, Truncated> {
            let (version, kind) = (reader.u8()?, reader.u8()?);
            let (from, to) = (Incarnation(reader.u64_le()?), Incarnation(reader.u64_le()?));
            let sequence = reader.u64_le()?;
            Ok((version, Packet { kind, from, to, sequence, body: reader.rest() }))
        };
        let (version, packet) = fields(&mut Reader::new(bytes)).map_err(|_| Discard::Malformed)?;
        if version != VERSION {
            return Err(Discard::UnknownVersion);
        }
        let known = matches!(packet.kind, MESSAGE | NOTICE) || packet.kind == TAKEN && packet.body.is_empty();
        if known && packet.body.len() <= MAX_BODY { Ok(packet) } else { Err(Discard::Malformed) }
    }

    /// What a notice says.
    pub(super) fn notice(&self) -> Option<&'a [u8]> {
        (self.kind == NOTICE).then_some(self.body)
    }

    /// Which start of its sender it is of.
    pub(super) const fn from(&self) -> Incarnation {
        self.from
    }
}

fn packet(kind: u8, from: Incarnation, to: Incarnation, sequence: u64, body: &[u8]) -> SecretBytes {
    let mut out = Vec::with_capacity(HEADER + body.len());
    out.extend([VERSION, kind]);
    out.extend(from.0.to_le_bytes());
    out.extend(to.0.to_le_bytes());
    out.extend(sequence.to_le_bytes());
    out.extend(body);
    out.into()
}

/// A notice as a packet.
pub(super) fn notice(from: Incarnation, body: &SecretBytes) -> SecretBytes {
    packet(NOTICE, from, Incarnation(0), 0, body.expose())
}

/// One end of the way between two incarnations of two nodes.
#[derive(Debug)]
pub(super) struct Link {
    me: Incarnation,
    peer: Incarnation,
    /// Not yet known to be taken, the first of them with the number `first`.
    unacked: VecDeque<SecretBytes>,
    first: u64,
    bytes: usize,
    /// How many of them have been sent.
    flown: usize,
    again: Option<Instant>,
    patience: Duration,
    /// The number of the next message to take, and those that came before their turn.
    expected: u64,
    early: BTreeMap<u64, SecretBytes>,
}

impl Link {
    pub(super) const fn new(me: Incarnation, peer: Incarnation) -> Self {
        Self {
            me,
            peer,
            unacked: VecDeque::new(),
            first: 1,
            bytes: 0,
            flown: 0,
            again: None,
            patience: PATIENCE,
            expected: 1,
            early: BTreeMap::new(),
        }
    }

    /// The incarnation of the other end.
    pub(super) const fn peer(&self) -> Incarnation {
        self.peer
    }

    /// Takes a message to send. It goes out with the next [`poll`](Self::poll).
    pub(super) fn push(&mut self, body: SecretBytes) -> Result<(), Discard> {
        let len = body.expose().len();
        if len > MAX_BODY || self.unacked.len() >= QUEUE || self.bytes + len > QUEUE_BYTES {
            return Err(Discard::LinkFull);
        }
        self.bytes += len;
        self.unacked.push_back(body);
        Ok(())
    }

    /// Takes a packet that is no notice. Yields the messages whose turn it is; what is to be answered goes to `reply`.
    pub(super) fn handle(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        reply: &mut Vec<SecretBytes>,
    ) -> Result<Vec<SecretBytes>, Discard> {
        if packet.from != self.peer || packet.to != self.me {
            return Err(Discard::OtherIncarnation);
        }
        if packet.kind == TAKEN {
            self.taken(now, packet.sequence);
            return Ok(Vec::new());
        }
        let ready = self.arrived(packet);
        reply.push(self::packet(TAKEN, self.me, self.peer, self.expected - 1, &[]));
        Ok(ready)
    }

    fn arrived(&mut self, packet: &Packet<'_>) -> Vec<SecretBytes> {
        let ahead = packet.sequence.checked_sub(self.expected);
        if ahead.is_some_and(|ahead| ahead < WINDOW as u64) {
            self.early.entry(packet.sequence).or_insert_with(|| packet.body.to_vec().into());
        }
        let mut ready = Vec::new();
        while let Some(body) = self.early.remove(&self.expected) {
            self.expected += 1;
            ready.push(body);
        }
        ready
    }

    fn taken(&mut self, now: Instant, upto: u64) {
        let Some(count) =
            upto.saturating_add(1).checked_sub(self.first).and_then(|count| usize::try_from(count).ok())
        else {
            return;
        };
        if count == 0 || count > self.flown {
            return;
        }
        self.bytes -= self.unacked.drain(..count).map(|body| body.expose().len()).sum::<usize>();
        self.first += count as u64;
        self.flown -= count;
        self.patience = PATIENCE;
        self.again = (self.flown > 0).then_some(now + self.patience);
    }

    /// Sends what may be sent, and again what has not been taken for too long.
    pub(super) fn poll(&mut self, now: Instant, out: &mut Vec<SecretBytes>) {
        if self.again.is_some_and(|again| again <= now) {
            let count = self.flown.min(BURST);
            self.emit(0, count, out);
            self.patience = (self.patience * 2).min(LONGEST_PATIENCE);
            self.again = Some(now + self.patience);
        }
        let flown = self.unacked.len().min(WINDOW);
        if flown > self.flown {
            self.emit(self.flown, flown, out);
            self.flown = flown;
            self.again.get_or_insert(now + self.patience);
        }
    }

    fn emit(&self, from: usize, to: usize, out: &mut Vec<SecretBytes>) {
        let numbered = (self.first..).zip(&self.unacked).skip(from).take(to - from);
        out.extend(numbered.map(|(number, body)| packet(MESSAGE, self.me, self.peer, number, body.expose())));
    }

    /// When [`poll`](Self::poll) has something to send again.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Link, Link) {
        let (a, b) = (Incarnation(1), Incarnation(7));
        (Link::new(a, b), Link::new(b, a))
    }

    fn body(number: u8) -> SecretBytes {
        vec![number].into()
    }

    fn handle(link: &mut Link, bytes: &SecretBytes, reply: &mut Vec<SecretBytes>) -> Vec<u8> {
        let packet = Packet::parse(bytes.expose()).unwrap();
        let ready = link.handle(Instant::ZERO, &packet, reply).unwrap();
        ready.iter().map(|body| body.expose()[0]).collect()
    }

    #[test]
    fn whatever_order_and_however_often_each_message_is_taken_once_and_in_order() {
        let (mut a, mut b) = pair();
        (1..=3).for_each(|number| a.push(body(number)).unwrap());
        let (mut sent, mut reply) = (Vec::new(), Vec::new());
        a.poll(Instant::ZERO, &mut sent);
        assert_eq!(handle(&mut b, &sent[2], &mut reply), []);
        assert_eq!(handle(&mut b, &sent[0], &mut reply), [1]);
        assert_eq!(handle(&mut b, &sent[0], &mut reply), []);
        assert_eq!(handle(&mut b, &sent[1], &mut reply), [2, 3]);
        assert_eq!(a.deadline(), Some(Instant::ZERO + PATIENCE));
        reply.iter().for_each(|taken| assert_eq!(handle(&mut a, taken, &mut Vec::new()), []));
        assert_eq!((a.deadline(), a.bytes, a.unacked.len()), (None, 0, 0));
    }

    #[test]
    fn what_is_lost_is_sent_again_and_more_and_more_rarely() {
        let (mut a, _) = pair();
        a.push(body(1)).unwrap();
        let (mut now, mut sent) = (Instant::ZERO, Vec::new());
        for patience in [PATIENCE, PATIENCE * 2, PATIENCE * 4, LONGEST_PATIENCE, LONGEST_PATIENCE] {
            a.poll(now, &mut sent);
            assert_eq!(a.deadline().unwrap().since(now), patience);
            now = a.deadline().unwrap();
        }
        assert!(sent.len() == 5 && sent.iter().all(|packet| *packet == sent[0]));
    }

    #[test]
    fn what_went_to_or_came_from_another_incarnation_is_not_taken() {
        let (mut a, mut b) = pair();
        a.push(body(1)).unwrap();
        let mut sent = Vec::new();
        a.poll(Instant::ZERO, &mut sent);
        let packet = Packet::parse(sent[0].expose()).unwrap();
        let mut restarted = Link::new(Incarnation(8), Incarnation(1));
        let refused = restarted.handle(Instant::ZERO, &packet, &mut Vec::new());
        assert_eq!(refused, Err(Discard::OtherIncarnation));
        b.peer = Incarnation(2);
        assert_eq!(b.handle(Instant::ZERO, &packet, &mut Vec::new()), Err(Discard::OtherIncarnation));
    }

    #[test]
    fn lies_about_what_was_taken_change_nothing() {
        let (mut a, b) = pair();
        a.push(body(1)).unwrap();
        a.poll(Instant::ZERO, &mut Vec::new());
        for sequence in [0, 2, u64::MAX - 1, u64::MAX] {
            let lie = packet(TAKEN, b.me, b.peer, sequence, &[]);
            let packet = Packet::parse(lie.expose()).unwrap();
            a.handle(Instant::ZERO, &packet, &mut Vec::new()).unwrap();
            assert_eq!(a.unacked.len(), 1, "{sequence}");
        }
        let far = packet(MESSAGE, b.me, b.peer, u64::MAX, &[1]);
        let packet = Packet::parse(far.expose()).unwrap();
        assert!(a.handle(Instant::ZERO, &packet, &mut Vec::new()).unwrap().is_empty() && a.early.is_empty());
    }

    #[test]
    fn a_queue_is_bounded() {
        let (mut a, _) = pair();
        (0..QUEUE).for_each(|_| a.push(body(1)).unwrap());
        assert_eq!(a.push(body(1)), Err(Discard::LinkFull));
    }
}
