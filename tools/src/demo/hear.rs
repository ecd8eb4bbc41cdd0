//! What nodes and clients say has happened, for the books, the diary, and as comments in the capture.

use stack::ap::ApEvent;
use stack::sta::{LinkEnd, LinkEvent};
use stack::wire::MacAddr;

use crate::node::{News, WorkerEvent};

use super::chronicle::{Handover, Way};
use super::play::Stage;
use super::scene::{self, End, PEOPLE};
use super::witness::client_of;

impl Stage {
    /// An event of a radio of the node whose first radio is `first`.
    pub(super) fn node_says(&mut self, first: usize, mast: usize, event: WorkerEvent) {
        let known = self.chronicle.handovers.len();
        if self.chronicle.handle_event(self.now, mast, first, &event) {
            self.serves(&event);
        }
        self.tell_handovers(known);
        let comment = match event {
            WorkerEvent::Ap(ApEvent::StationJoined { bssid, station, .. }) => {
                format!("the port of {} at {bssid} opens", name_of(station))
            }
            WorkerEvent::Ap(ApEvent::StationLeft { station, reason, .. }) => {
                format!("{} has left: {reason}", name_of(station))
            }
            WorkerEvent::Ap(ApEvent::PowerSave { station, dozing: true, .. }) => {
                format!("{} dozes: its frames are kept", name_of(station))
            }
            WorkerEvent::Ap(ApEvent::PowerSave { station, dozing: false, .. }) => {
                format!("{} is awake: what was kept goes out", name_of(station))
            }
            WorkerEvent::Moved(_) | WorkerEvent::Ap(_) | WorkerEvent::Link(_) => return,
            WorkerEvent::Trouble(text) => text,
        };
        self.witness.borrow_mut().tape.comment(mast, &comment);
    }

    /// News of the part in the cluster of the node whose first radio is `first`.
    pub(super) fn cluster_says(&mut self, first: usize, news: &News) {
        let known = self.chronicle.handovers.len();
        self.chronicle.handle_news(self.now, first, news);
        self.tell_handovers(known);
        if let News::Line(line) = news {
            let node = scene::MASTS.get(first).and_then(|mast| scene::NODES.get(mast.node));
            self.diary.push((self.now, format!("node {}: {line}", node.copied().unwrap_or_default())));
        }
    }

    /// A client joined a radio or left it.
    fn serves(&self, event: &WorkerEvent) {
        let (station, open) = match event {
            WorkerEvent::Ap(ApEvent::StationJoined { station, .. }) => (station, Some(self.now)),
            WorkerEvent::Ap(ApEvent::StationLeft { station, .. }) => (station, None),
            _ => return,
        };
        if let Some(client) = client_of(*station) {
            self.witness.borrow_mut().port(client, open);
            self.finish_ladder(client);
        }
    }

    /// Tells of the handovers that the chronicle has learned of.
    fn tell_handovers(&mut self, known: usize) {
        for handover in self.chronicle.handovers.iter().skip(known) {
            let Handover { client, from, to, way, bssid, queued, .. } = *handover;
            let name = PEOPLE.get(client).map_or("", |person| person.name);
            let (from, to) = (scene::mast_name(from), scene::mast_name(to));
            let text = match way {
                Way::Within | Way::Between => format!("{name} goes from {from} to {to}"),
                Way::Takeover => format!("{to} takes {name} over, from the copy of what {from} had"),
            };
            let comment = format!("{text}: virtual AP {bssid}, {queued} MSDUs in its queue");
            let mut witness = self.witness.borrow_mut();
            if way == Way::Takeover
                && let Some(seen) = witness.people.get_mut(client)
            {
                seen.taken_over = true;
            }
            witness.tape.comment(handover.to, &comment);
            drop(witness);
            if let Some(actor) = self.actors.get_mut(client) {
                let label = if way == Way::Takeover { "taken over" } else { "" };
                actor.mark(self.now, label, text.clone(), false);
            }
            self.diary.push((self.now, text));
        }
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
            LinkEvent::NotFound | LinkEvent::Awake | LinkEvent::SwitchChannel(_) | LinkEvent::Away { .. } => {
            }
        }
    }

    fn connected(&mut self, client: usize, bssid: MacAddr) {
        let Some(actor) = self.actors.get_mut(client) else { return };
        let word = if actor.joined() { "joins again" } else { "joins" };
        let text = format!("{} {word} \"{}\", virtual AP {bssid}", actor.person.name, scene::SSID);
        actor.mark(self.now, "connected", text.clone(), false);
        self.diary.push((self.now, text));
        self.finish_ladder(client);
    }

    fn disconnected(&mut self, client: usize, end: LinkEnd) {
        let Some(actor) = self.actors.get_mut(client) else { return };
        let name = actor.person.name;
        let text = if actor.left() {
            format!("{name} loses its AP: {end}")
        } else {
            format!("{name} does not get in: {end}")
        };
        actor.mark(self.now, "lost", text.clone(), true);
        self.diary.push((self.now, text));
        if let Some(seen) = self.witness.borrow_mut().people.get_mut(client) {
            seen.ladder.end(false);
        }
    }

    /// A join is complete when both ends say so.
    fn finish_ladder(&self, client: usize) {
        let connected = self.actors.get(client).is_some_and(|actor| actor.is_connected());
        let open = self.chronicle.server(client).is_some();
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
