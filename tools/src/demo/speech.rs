//! The streams: who says what when, and what of it arrives.

use std::time::Duration;

use stack::time::Instant;
use stack::wire::MacAddr;

use super::packet::{self, Packet};
use super::play::{Stage, since_start};
use super::scene::{self, End, NETWORKS, PEOPLE, STREAMS, Stream};

impl Stage {
    /// Takes what has come out of the node.
    pub(super) fn hear_cables(&mut self) {
        for index in 0..self.cables.len() {
            while let Some(frame) = self.cables.get(index).and_then(|cable| cable.host_receive()) {
                self.arrived(End::Host, &frame);
            }
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
            let (Some(from), Some(to)) = (address(stream.from, stream), address(stream.to, stream)) else {
                continue;
            };
            if !speaks {
                books.pause();
                continue;
            }
            let number = books.send(self.now);
            let packet = Packet { from, to, stream: index, number, ds: stream.ds, size: stream.size };
            self.send(stream, packet.ethernet());
        }
    }

    fn send(&mut self, stream: &Stream, ethernet: Vec<u8>) {
        let now = self.now;
        self.touched = true;
        match stream.from {
            End::Client(client) => {
                if let Some(actor) = self.actors.get_mut(client) {
                    actor.link.handle_msdu(now, &ethernet);
                }
            }
            End::Host => {
                let cable =
                    NETWORKS.iter().zip(&self.cables).find(|(network, _)| network.id == stream.network);
                if let Some((_, cable)) = cable {
                    // A full cable is a loss, and the books will show it.
                    cable.host_send(ethernet);
                }
            }
        }
    }

    fn is_speaking(&self, stream: &Stream) -> bool {
        let pause = stream.pause.is_none_or(|(on, every)| {
            since_start(self.now).as_micros() % every.as_micros().max(1) < on.as_micros()
        });
        // what is under way when the demo ends would be neither arrived nor lost
        let drain = Duration::from_millis(500).min(self.length / 10);
        let until = self.at(stream.between.1).min(Instant::ZERO + (self.length - drain));
        let ends = [stream.from, stream.to];
        pause
            && self.at(stream.between.0) <= self.now
            && self.now < until
            && ends.iter().all(|end| self.is_there(*end))
    }

    /// Both the client and the node take it for connected, and it is not about to leave.
    fn is_there(&self, end: End) -> bool {
        let End::Client(client) = end else { return true };
        let (Some(actor), Some(port)) = (self.actors.get(client), self.ports.get(client)) else {
            return false;
        };
        let farewell = Duration::from_millis(300).min(self.length / 20);
        let leaving = |(leaves, _)| self.at(leaves) - farewell <= self.now && self.now < self.at(leaves);
        port.is_some() && actor.is_connected() && !actor.person.away.is_some_and(leaving)
    }
}

/// The address of an end of a stream.
fn address(end: End, stream: &Stream) -> Option<MacAddr> {
    match end {
        End::Host => scene::network(stream.network).map(|network| network.host),
        End::Client(client) => PEOPLE.get(client).map(|person| person.address),
    }
}
