//! What the core wants done, and what it tells.

use mesh::announce::NodeId;
use mesh::engine::Engine;
use mesh::handover::{Action, Context as Parcel, Event, Provenance, RadioIndex, Ticket};
use mesh::lease::{Lease, Record};
use stack::ap::Context;
use stack::time::Instant;
use stack::wire::{MacAddr, RxInfo};

use super::convert::range_of;
use super::hear::{MPDU, MSDU};
use super::ports::binding;
use super::{Departed, HEARD, Member, News, Own, answer, timing};
use crate::node::orders::Order;

impl<E: Engine> Member<E> {
    pub(super) fn act(&mut self, now: Instant) {
        loop {
            while let Some(action) = self.cluster.poll_action() {
                self.perform(now, action);
            }
            let Some(event) = self.cluster.poll_event() else { return };
            self.tell(now, event);
        }
    }

    fn perform(&mut self, now: Instant, action: Action) {
        match action {
            // What is not sent is sent again by the core, or its node is lost.
            Action::Send { to, packet } => drop(self.engine.send(to, packet.expose())),
            Action::Notify { packet } => drop(self.engine.notify(packet.expose())),
            Action::WriteRow { key, value } => {
                if let Err(why) = self.engine.publish(&key, &value) {
                    self.news.push(News::Line(format!("the cluster is not told all: {why}")));
                }
            }
            Action::RemoveRow { key } => self.engine.remove(&key),
            Action::Journal { ticket, records } => self.write_journal(now, ticket, &records),
            Action::Drain { bssid, to, radio } => {
                let from = self.own.get(&bssid).map_or(0, |own| own.radio);
                self.drains.insert(bssid, (now, from));
                let to = self.channel_at(bssid, (to, radio));
                self.order(bssid, Order::Drain { bssid, to });
            }
            Action::Resume { bssid } => {
                self.drains.remove(&bssid);
                self.order(bssid, Order::Resume(bssid));
            }
            // Until it has arrived there is nobody else who acknowledges.
            Action::Take { bssid, linger } => {
                let linger = linger + timing().commit;
                self.order(bssid, Order::Take { bssid, linger });
            }
            Action::Stop { bssid, linger } => self.order(bssid, Order::Stop { bssid, linger }),
            Action::Activate { bssid, context, lease, radio, provenance } => {
                self.activate(now, bssid, (&context, provenance), &lease, radio);
            }
            Action::Stray { bssid, frame } => self.stray(bssid, frame.expose()),
            Action::Merge { bssid, context } => self.merge(bssid, &context),
            // Radios renew the keys of a lease that is used up by themselves: what is new begins in generation 0.
            Action::Extend { .. } | Action::Rekey { .. } => {}
            Action::Invite { bssid, client } => self.invite(now, bssid, client),
        }
    }

    fn merge(&mut self, bssid: MacAddr, parcel: &Parcel) {
        match Context::decode(parcel.bytes.expose()) {
            Ok(left) => self.order(bssid, Order::Merge(Box::new(left))),
            Err(why) => {
                self.news.push(News::Line(format!("what is left of virtual AP {bssid} can't be read: {why}")))
            }
        }
    }

    /// Only who hears a client can tell it.
    fn invite(&mut self, now: Instant, bssid: MacAddr, client: Option<MacAddr>) {
        let Some(client) = client else { return };
        if let Some((radio, _, _)) = self.heard.get(&bssid).filter(|(_, _, at)| now.since(*at) <= HEARD) {
            self.switch.order(*radio, Order::Invite { bssid, client });
            let line = format!("virtual AP {bssid} is lost: its client {client} is told to come again");
            self.news.push(News::Line(line));
        }
    }

    fn write_journal(&mut self, now: Instant, ticket: Ticket, records: &[Record]) {
        let written = self.journal.write(records).and_then(|()| self.journal.sync());
        match written {
            Ok(()) => self.cluster.journal_done(now, ticket),
            Err(why) => {
                self.news.push(News::Line(format!("the journal of packet numbers fails: {why}")));
                self.cluster.journal_failed(now, ticket);
            }
        }
    }

    fn activate(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        (parcel, provenance): (&Parcel, Provenance),
        lease: &Lease,
        wanted: Option<RadioIndex>,
    ) {
        let context = match Context::decode(parcel.bytes.expose()) {
            Ok(context) if provenance == Provenance::Copy => Box::new(context.into_copy()),
            Ok(context) => Box::new(context),
            Err(why) => {
                self.news.push(News::Line(format!("virtual AP {bssid} can't be read: {why}")));
                return self.cluster.handle_refused(now, bssid);
            }
        };
        let heard = self.heard.get(&bssid).filter(|(_, _, at)| now.since(*at) <= HEARD);
        let heard = heard.map(|(radio, _, _)| *radio);
        let wanted = wanted.map(|radio| usize::from(radio.index()));
        let radio = self.radio_for(context.channel(), wanted.or(heard));
        let (client, network, queued) =
            (context.client(), self.ports.network(context.ssid()), context.queued());
        let sa = binding(bssid, client, parcel.sa);
        self.coming.insert(bssid, Own { radio, network, client, sa, queued });
        self.introduce(network, client);
        if !self.switch.order(radio, Order::Activate { context, range: range_of(lease) }) {
            self.coming.remove(&bssid);
            self.cluster.handle_refused(now, bssid);
        }
    }

    fn stray(&self, bssid: MacAddr, frame: &[u8]) {
        match frame.split_first() {
            Some((&MPDU, mpdu)) => {
                self.order(bssid, Order::Frame { info: RxInfo::default(), mpdu: mpdu.to_vec() });
            }
            Some((&MSDU, ethernet)) => {
                if let Some(network) = self.here(bssid).map(|own| own.network) {
                    self.order(bssid, Order::Msdu { network, ethernet: ethernet.to_vec() });
                }
            }
            _ => {}
        }
    }

    pub(super) fn order(&self, bssid: MacAddr, order: Order) {
        if let Some(own) = self.here(bssid) {
            self.switch.order(own.radio, order);
        }
    }

    /// A virtual AP that is on one of our radios, or about to be.
    fn here(&self, bssid: MacAddr) -> Option<&Own> {
        self.own.get(&bssid).or_else(|| self.coming.get(&bssid))
    }

    fn tell(&mut self, now: Instant, event: Event) {
        match event {
            Event::Moved { bssid, to } => {
                let (since, from) = self.drains.remove(&bssid).unwrap_or((now, 0));
                self.switch.order(from, Order::ArrivedElsewhere { bssid, linger: timing().linger });
                let name = self.name_of(to);
                let place = self.leaving.iter().position(|leaving| leaving.bssid == bssid);
                let leaving = place.map(|place| self.leaving.swap_remove(place));
                let station =
                    self.abroad.iter().find(|(_, known)| **known == bssid).map(|(client, _)| *client);
                let station = station.unwrap_or(MacAddr::ZERO);
                let to = leaving.as_ref().and_then(|leaving| leaving.wish.radio.clone());
                let departed = Departed { station, bssid, from, to, gap: now.since(since) };
                if let Some(leaving) = leaving {
                    answer(&leaving.wish, Ok(departed.clone()));
                }
                self.news.push(News::Left(departed, name));
            }
            Event::MoveFailed { bssid, to } => {
                self.drains.remove(&bssid);
                let why = format!("node {} does not take it", self.name_of(to));
                if let Some(place) = self.leaving.iter().position(|leaving| leaving.bssid == bssid) {
                    answer(&self.leaving.swap_remove(place).wish, Err(why));
                }
            }
            Event::Arrived { bssid, from, taken_over } => {
                if let Some(node) = from {
                    self.came.insert(bssid, node);
                }
                let from = from.map(|node| self.name_of(node));
                self.claim_own(now, bssid);
                if let Some(&Own { radio, client: station, queued, .. }) = self.own.get(&bssid) {
                    self.news.push(News::Arrived { station, bssid, radio, queued, from, taken_over });
                }
            }
            Event::Superseded { bssid, by } => {
                let name = self.name_of(by);
                self.news.push(News::Line(format!("virtual AP {bssid} is node {name}'s: we stop")));
            }
            Event::Ended { bssid } => {
                self.forget_abroad(bssid);
                self.switch.order_all(|| Order::Vacated(bssid));
            }
            Event::SlotConflict { node } => {
                let name = self.name_of(node);
                self.news.push(News::Line(format!("node {name} has another's slot: it is not believed")));
            }
        }
    }

    pub(super) fn name_of(&self, node: NodeId) -> String {
        if node == self.engine.node() {
            return self.ports.name.clone();
        }
        let other = self.engine.members().into_iter().find(|other| other.node == node);
        other.map_or_else(|| format!("{:x}", node.0), |other| other.name)
    }
}
