//! What node and clients say has happened, for the books, the diary, and as comments in the capture.

use stack::ap::ApEvent;
use stack::sta::{LinkEnd, LinkEvent};
use stack::wire::MacAddr;

use crate::node::WorkerEvent;

use super::play::Stage;
use super::scene::{self, End, MASTS, PEOPLE, channel};
use super::witness::client_of;

impl Stage {
    /// An event of a radio of the node.
    pub(super) fn node_says(&mut self, mast: usize, event: WorkerEvent) {
        let comment = match event {
            WorkerEvent::Ap(ApEvent::StationJoined { bssid, station, .. }) => {
                self.port(mast, station, true);
                format!("the port of {} at {bssid} opens", name_of(station))
            }
            WorkerEvent::Ap(ApEvent::StationLeft { station, reason, .. }) => {
                self.port(mast, station, false);
                format!("{} has left: {reason}", name_of(station))
            }
            WorkerEvent::Ap(ApEvent::PowerSave { station, dozing: true, .. }) => {
                format!("{} dozes: its frames are kept", name_of(station))
            }
            WorkerEvent::Ap(ApEvent::PowerSave { station, dozing: false, .. }) => {
                format!("{} is awake: what was kept goes out", name_of(station))
            }
            WorkerEvent::Moved(moved) => {
                format!("the virtual AP {} of {} has come", moved.bssid, name_of(moved.station))
            }
            WorkerEvent::Ap(_) => return,
            WorkerEvent::Trouble(text) => text,
        };
        if let Some(channel) = MASTS.get(mast).and_then(|mast| channel(mast.channel)) {
            self.witness.borrow_mut().tape.comment(channel, format!("node: {comment}"));
        }
    }

    /// A client's port has opened on a radio, or is gone from it.
    fn port(&mut self, mast: usize, station: MacAddr, open: bool) {
        let Some(client) = client_of(station) else { return };
        let Some(port) = self.ports.get_mut(client) else { return };
        if !open && *port != Some(mast) {
            // it has joined on another radio since
            return;
        }
        *port = open.then_some(mast);
        self.witness.borrow_mut().port(client, open.then_some(self.now));
        self.finish_ladder(client);
    }

    /// An event of a client.
    pub(super) fn client_says(&mut self, client: usize, event: LinkEvent) {
        match event {
            LinkEvent::Msdu(ethernet) => self.arrived(End::Client(client), &ethernet),
            LinkEvent::Connected { bssid, .. } => self.connected(client, bssid),
            LinkEvent::Disconnected { end, .. } => self.disconnected(client, end),
            LinkEvent::Dozing => {
                if let Some(actor) = self.actors.get_mut(client) {
                    actor.dozes += 1;
                }
            }
            LinkEvent::Awake | LinkEvent::SwitchChannel(_) => {}
        }
    }

    fn connected(&mut self, client: usize, bssid: MacAddr) {
        let Some(actor) = self.actors.get_mut(client) else { return };
        let word = if actor.joined() { "joins again" } else { "joins" };
        let ssid = scene::network(actor.person.network).map_or("", |network| network.ssid);
        let text = format!("{} {word} \"{ssid}\", virtual AP {bssid}", actor.person.name);
        actor.mark(self.now, "connected", text.clone(), false);
        self.diary.push((self.now, text));
        self.finish_ladder(client);
    }

    fn disconnected(&mut self, client: usize, end: LinkEnd) {
        let Some(actor) = self.actors.get_mut(client) else { return };
        let name = actor.person.name;
        let stopped = end == LinkEnd::Stopped;
        let text = match actor.left() {
            _ if stopped => format!("{name} leaves"),
            true => format!("{name} loses its AP: {end}"),
            false => format!("{name} does not get in: {end}"),
        };
        actor.mark(self.now, if stopped { "leaves" } else { "lost" }, text.clone(), !stopped);
        self.diary.push((self.now, text));
        if let Some(seen) = self.witness.borrow_mut().people.get_mut(client) {
            seen.ladder.end(false);
        }
    }

    /// A join is complete when both ends say so.
    fn finish_ladder(&mut self, client: usize) {
        let connected = self.actors.get(client).is_some_and(|actor| actor.is_connected());
        let open = self.ports.get(client).is_some_and(Option::is_some);
        if connected
            && open
            && let Some(seen) = self.witness.borrow_mut().people.get_mut(client)
        {
            seen.ladder.end(true);
        }
    }
}

/// What a client is called, or the address of a stranger.
fn name_of(station: MacAddr) -> String {
    let person = client_of(station).and_then(|client| PEOPLE.get(client));
    person.map_or_else(|| station.to_string(), |person| person.name.into())
}
