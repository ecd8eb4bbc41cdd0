//! The streams: who says what when, and what of it arrives.

use std::time::Duration;

use stack::time::Instant;
use stack::wire::MacAddr;

use super::actor::Actor;
use super::packet::{self, Packet};
use super::play::{Stage, since_start};
use super::scene::{self, End, PEOPLE, STREAMS, Stream};

impl Stage {
    /// Takes what has come for the wired host.
    pub(super) fn hear_host(&mut self) {
        for frame in self.bridge.take_delivered() {
            self.arrived(End::Host, &frame);
        }
    }

    /// A frame has reached an end. Only numbered ones of streams to this end count.
    pub(super) fn arrived(&mut self, end: End, ethernet: &[u8]) {
        let Some((index, number)) = packet::label_of_ethernet(ethernet) else { return };
        let (Some(stream), Some(books)) = (STREAMS.get(index), self.books.get_mut(index)) else { return };
        if stream.to != end {
            return;
        }
        books.arrive(self.now, number);
        let (at, bytes) = (since_start(self.now), ethernet.len() as u64);
        if let End::Client(client) = stream.to
            && let Some(actor) = self.actors.get_mut(client)
        {
            actor.down.add(at, bytes);
        }
        if let End::Client(client) = stream.from
            && let Some(actor) = self.actors.get_mut(client)
        {
            actor.up.add(at, bytes);
        }
    }

    /// Every stream that is due says its next number, if both of its ends are there.
    pub(super) fn speak(&mut self) {
        for (index, stream) in STREAMS.iter().enumerate() {
            let Some(next) = self.speak.get_mut(index).filter(|next| **next <= self.now) else { continue };
            *next += stream.every;
            let speaks = self.is_speaking(stream);
            let Some(books) = self.books.get_mut(index) else { continue };
            let (Some(from), Some(to)) = (address(stream.from), address(stream.to)) else {
                continue;
            };
            if !speaks {
                books.pause();
                continue;
            }
            let number = books.send(self.now);
            let packet = Packet { from, to, stream: index, number, ds: stream.ds, size: stream.size };
            self.send(stream.from, &packet.ethernet());
        }
    }

    fn send(&mut self, from: End, ethernet: &[u8]) {
        self.touched = true;
        match from {
            End::Client(client) => {
                if let Some(actor) = self.actors.get_mut(client) {
                    actor.link.handle_msdu(self.now, ethernet);
                }
            }
            End::Host => self.bridge.host_sends(ethernet),
        }
    }

    fn is_speaking(&self, stream: &Stream) -> bool {
        let pause = stream.pause.is_none_or(|(on, every)| {
            since_start(self.now).as_micros() % every.as_micros().max(1) < on.as_micros()
        });
        // what is under way when the demo ends would be neither arrived nor lost
        let drain = Duration::from_millis(500).min(self.length / 10);
        let until = Instant::ZERO + (self.length - drain);
        let ends = [stream.from, stream.to];
        pause && self.now < until && ends.iter().all(|end| self.is_there(*end))
    }

    /// Both the client and a node take it for connected, or did so when their power failed.
    fn is_there(&self, end: End) -> bool {
        let End::Client(client) = end else { return true };
        let joined = !self.chronicle.stays(client).is_empty();
        joined && self.actors.get(client).is_some_and(Actor::is_connected)
    }
}

/// The address of an end of a stream.
fn address(end: End) -> Option<MacAddr> {
    match end {
        End::Host => Some(scene::HOST),
        End::Client(client) => PEOPLE.get(client).map(|person| person.address),
    }
}
