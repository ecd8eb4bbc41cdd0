//! What node and clients say has happened, for the books, the diary, and as comments in the capture.

use stack::ap::ApEvent;
use stack::sta::{LinkEnd, LinkEvent};

use crate::node::WorkerEvent;

use super::play::Stage;
use super::scene::{self, End, MASTS, PEOPLE, channel};
use super::witness::client_of;

impl Stage {
    /// An event of the node, for the books and as a comment in the capture.
    pub(super) fn node_says(&mut self, mast: usize, event: WorkerEvent) {
        let radio = MASTS.get(mast);
        let mut witness = self.witness.borrow_mut();
        let comment = match event {
            WorkerEvent::Ap(ApEvent::StationJoined { bssid, station, .. }) => {
                let Some(client) = client_of(station) else { return };
                witness.port(client, Some(self.now));
                if let Some(port) = self.ports.get_mut(client) {
                    *port = Some(mast);
                }
                format!(
                    "node: the port of {} at {bssid} opens",
                    PEOPLE.get(client).map_or("", |person| person.name)
                )
            }
            WorkerEvent::Ap(ApEvent::StationLeft { station, reason, .. }) => {
                let Some(client) = client_of(station) else { return };
                if let Some(port) = self.ports.get_mut(client).filter(|port| **port == Some(mast)) {
                    *port = None;
                    witness.port(client, None);
                }
                format!("node: {station} has left: {reason}")
            }
            WorkerEvent::Ap(ApEvent::PowerSave { station, dozing, .. }) => {
                let does =
                    if dozing { "dozes: its frames are kept" } else { "is awake: what was kept goes out" };
                format!("node: {station} {does}")
            }
            WorkerEvent::Ap(_) => return,
            WorkerEvent::Trouble(text) => format!("node: {text}"),
        };
        if let Some(channel) = radio.and_then(|mast| channel(mast.channel)) {
            witness.tape.comment(channel, comment);
        }
    }

    /// An event of a client.
    pub(super) fn client_says(&mut self, index: usize, event: LinkEvent) {
        let Some(actor) = self.actors.get_mut(index) else { return };
        let name = actor.person.name;
        match event {
            LinkEvent::Msdu(ethernet) => self.arrived(End::Client(index), &ethernet),
            LinkEvent::Connected { bssid, .. } => {
                let again = actor.joined();
                if let Some(seen) = self.witness.borrow_mut().people.get_mut(index) {
                    seen.ladder.end(true);
                }
                let word = if again { "joins again" } else { "joins" };
                let ssid = scene::network(actor.person.network).map_or("", |network| network.ssid);
                let text = format!("{name} {word} \"{ssid}\", virtual AP {bssid}");
                actor.mark(self.now, "connected", text.clone(), false);
                self.diary.push((self.now, text));
            }
            LinkEvent::Disconnected { end, .. } => {
                if let Some(seen) = self.witness.borrow_mut().people.get_mut(index) {
                    seen.ladder.end(false);
                }
                let stopped = end == LinkEnd::Stopped;
                let text = match actor.left() {
                    _ if stopped => format!("{name} leaves"),
                    true => format!("{name} loses its AP: {end}"),
                    false => format!("{name} does not get in: {end}"),
                };
                actor.mark(self.now, if stopped { "leaves" } else { "lost" }, text.clone(), !stopped);
                self.diary.push((self.now, text));
            }
            LinkEvent::Dozing => actor.dozes += 1,
            LinkEvent::Awake => {}
        }
    }
}
