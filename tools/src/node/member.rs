//! The node's part in a cluster: between the engine, the core that decides who owns which virtual AP, and the radios.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use mesh::Cluster;
use mesh::announce::{NodeId, SaBinding};
use mesh::engine::identity::{JournalLine, NodeStore};
use mesh::engine::{Engine, Event as EngineEvent, Member as Other, PeerState};
use mesh::handover::{
    Action, Context as Parcel, Event, Incarnation, Me, SecretBytes, Standing, Ticket, Timing,
};
use mesh::lease::{Generation, KeyId, Lease, Record, owner_of};
use mesh::table::owned_bssid;
use stack::ap::Context;
use stack::mac::TxRange;
use stack::time::Instant;
use stack::wire::{MacAddr, RxInfo};

use super::moves::Moved;
use super::orders::{Order, Told};
use super::switch::Switch;

/// How long it may be until a move between nodes is over, one way or the other.
const MOVE: Duration = Duration::from_secs(3);
/// What was heard of a client so long ago says nothing of where it is.
const HEARD: Duration = Duration::from_secs(2);
/// Kinds of what is handed on between nodes.
const MPDU: u8 = 1;
const MSDU: u8 = 2;

/// The packet numbers of a lease, as the stack wants them.
pub fn range_of(lease: &Lease) -> TxRange {
    let (first, last) = (lease.first_packet_number(), lease.last_packet_number());
    TxRange { after: first.saturating_sub(1), rekey_above: last - (last - first) / 8, limit: last }
}

/// Somebody wants a client's virtual AP to go to another node.
#[derive(Debug)]
pub struct Wish {
    /// Whose.
    pub station: MacAddr,
    /// The other node's name.
    pub node: String,
    /// Who is told what came of it.
    pub answer: SyncSender<Result<Departed, String>>,
}

impl Wish {
    /// It can't be.
    pub fn refuse(&self, why: &str) {
        answer(self, Err(why.to_owned()));
    }
}

/// A virtual AP that is another node's now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departed {
    /// Whose.
    pub station: MacAddr,
    /// Its BSSID.
    pub bssid: MacAddr,
    /// The radio that it left, by its index.
    pub from: usize,
    /// For how long nobody could send for it, as far as this node knows.
    pub gap: Duration,
}

/// What the node's part in its cluster has to tell people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A virtual AP came from another node, or was taken over from one that was lost.
    Arrived {
        /// Its BSSID.
        bssid: MacAddr,
        /// Its radio, by its index.
        radio: usize,
        /// Whence, if that is known.
        from: Option<String>,
        /// Its owner was lost.
        taken_over: bool,
    },
    /// A virtual AP went to another node.
    Left(Departed, String),
    /// Something else, in words.
    Line(String),
}

/// A virtual AP of this node.
#[derive(Clone, Copy, Debug)]
struct Own {
    radio: usize,
    client: MacAddr,
}

#[derive(Debug)]
struct Leaving {
    wish: Wish,
    bssid: MacAddr,
    until: Instant,
}

/// One node of a cluster, driven by the thread that runs the node.
pub struct Member<E> {
    engine: E,
    cluster: Cluster,
    store: Arc<NodeStore>,
    switch: Arc<Switch>,
    told: Receiver<(usize, Told)>,
    own: BTreeMap<MacAddr, Own>,
    /// Virtual APs whose radio was told to serve them.
    coming: BTreeMap<MacAddr, Own>,
    /// Which virtual AP a client of another node has.
    abroad: BTreeMap<MacAddr, MacAddr>,
    /// Which radio heard the client of a virtual AP last and how, by the BSSID.
    heard: BTreeMap<MacAddr, (usize, i8, Instant)>,
    /// Since when a virtual AP that leaves is not sent for.
    drains: BTreeMap<MacAddr, Instant>,
    leaving: Vec<Leaving>,
    news: Vec<News>,
}

impl<E: Engine> Member<E> {
    /// A node that has just started.
    pub fn new(
        engine: E,
        store: Arc<NodeStore>,
        switch: Arc<Switch>,
        told: Receiver<(usize, Told)>,
    ) -> anyhow::Result<Self> {
        let me = Me { node: engine.node(), slot: engine.slot(), incarnation: Incarnation(store.starts()) };
        let journal: Vec<Record> = store.journal()?.into_iter().filter_map(record).collect();
        let cluster = Cluster::new(me, Timing::default(), &journal);
        Ok(Self {
            engine,
            cluster,
            store,
            switch,
            told,
            own: BTreeMap::new(),
            coming: BTreeMap::new(),
            abroad: BTreeMap::new(),
            heard: BTreeMap::new(),
            drains: BTreeMap::new(),
            leaving: Vec::new(),
            news: Vec::new(),
        })
    }

    /// The other nodes.
    pub fn others(&self) -> Vec<Other> {
        self.engine.members()
    }

    /// The generations of the leases of this node's virtual APs.
    pub fn generations(&self) -> impl Iterator<Item = (MacAddr, u64)> + '_ {
        self.cluster.owned().map(|(bssid, title)| (bssid, u64::from(title.rank.generation.number())))
    }

    /// What happened since the last call.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// A radio hears the client of a virtual AP.
    pub fn handle_heard(&mut self, now: Instant, radio: usize, bssid: MacAddr, signal: i8) {
        let better = self
            .heard
            .get(&bssid)
            .is_none_or(|(before, known, at)| *before == radio || signal > *known || now.since(*at) > HEARD);
        if better {
            self.heard.insert(bssid, (radio, signal, now));
        }
    }

    /// A virtual AP went to another radio of this node.
    pub fn handle_moved(&mut self, moved: &Moved) {
        if let Some(own) = self.own.get_mut(&moved.bssid) {
            own.radio = moved.to;
        }
    }

    /// A client's virtual AP is to go to another node.
    pub fn handle_wish(&mut self, now: Instant, wish: Wish) {
        let found = self.own.iter().find(|(_, own)| own.client == wish.station);
        let node = self.engine.members().into_iter().find(|other| other.name == wish.node);
        let begun = match (found, node) {
            (None, _) => Err("it has no virtual AP of its own on this node".to_owned()),
            (_, None) => Err(format!("there is no node {} in the cluster", wish.node)),
            (Some((&bssid, _)), Some(node)) => {
                let begun = self.cluster.handle_move(now, bssid, node.node);
                begun.map(|()| bssid).map_err(|error| error.to_string())
            }
        };
        match begun {
            Ok(bssid) => self.leaving.push(Leaving { wish, bssid, until: now + MOVE }),
            Err(why) => answer(&wish, Err(why)),
        }
    }

    /// Does all there is to do. To be called when the engine or a radio rang, and at the deadline.
    pub fn turn(&mut self, now: Instant) {
        while let Ok((radio, told)) = self.told.try_recv() {
            self.hear(now, radio, told);
            self.act(now);
        }
        while let Some(event) = self.engine.poll_event() {
            self.engine_says(now, event);
            self.act(now);
        }
        if self.cluster.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.cluster.handle_timeout(now);
        }
        self.act(now);
        while let Some(place) = self.leaving.iter().position(|leaving| leaving.until <= now) {
            let leaving = self.leaving.swap_remove(place);
            answer(&leaving.wish, Err("it did not come to an end in time".to_owned()));
        }
    }

    /// When [`Self::turn`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let core = self.cluster.poll_timeout().map(|(at, _)| at);
        let leaving = self.leaving.iter().map(|leaving| leaving.until).min();
        [core, leaving].into_iter().flatten().min()
    }

    fn hear(&mut self, now: Instant, radio: usize, told: Told) {
        match told {
            Told::Copy(context) => self.copy(now, radio, &context),
            Told::Gone(bssid) => {
                self.own.remove(&bssid);
                self.cluster.handle_gone(now, bssid);
            }
            Told::Drained(bssid) => self.cluster.handle_drained(now, bssid),
            Told::Taken(context) => {
                let bssid = context.bssid();
                self.own.remove(&bssid);
                self.abroad.insert(context.client(), bssid);
                self.cluster.handle_taken(now, bssid, parcel(&context));
            }
            Told::Adopted(bssid) => {
                if let Some(own) = self.coming.remove(&bssid) {
                    self.abroad.remove(&own.client);
                    self.own.insert(bssid, own);
                }
                self.cluster.handle_adopted(now, bssid);
            }
            Told::Refused(bssid, why) => {
                self.coming.remove(&bssid);
                self.news.push(News::Line(format!("virtual AP {bssid} is not taken: {why}")));
                self.cluster.handle_refused(now, bssid);
            }
            Told::Frame { bssid, mpdu, .. } => self.hand_on(now, bssid, MPDU, &mpdu),
            Told::Msdu { ethernet, .. } => {
                let to = ethernet.get(..6).and_then(MacAddr::from_slice);
                if let Some(&bssid) = to.and_then(|to| self.abroad.get(&to)) {
                    self.hand_on(now, bssid, MSDU, &ethernet);
                }
            }
        }
    }

    fn copy(&mut self, now: Instant, radio: usize, context: &Context) {
        let (bssid, client) = (context.bssid(), context.client());
        if self.own.insert(bssid, Own { radio, client }).is_some() {
            return self.cluster.handle_changed(now, bssid, parcel(context));
        }
        self.abroad.remove(&client);
        if self.cluster.handle_created(now, bssid, parcel(context)).is_err() {
            self.news.push(News::Line(format!("virtual AP {bssid} is another node's already")));
        }
    }

    fn hand_on(&mut self, now: Instant, bssid: MacAddr, kind: u8, bytes: &[u8]) {
        let mut frame = Vec::with_capacity(bytes.len() + 1);
        frame.push(kind);
        frame.extend_from_slice(bytes);
        self.cluster.handle_stray(now, bssid, SecretBytes::from(frame));
    }

    fn engine_says(&mut self, now: Instant, event: EngineEvent) {
        match event {
            EngineEvent::Up(other) => {
                let (slot, incarnation) = (other.slot, Incarnation(other.incarnation));
                self.cluster.handle_peer(now, other.node, Standing::Up { slot, incarnation });
                self.news.push(News::Line(format!("node {} is there", other.name)));
            }
            EngineEvent::Suspect(node) => self.cluster.handle_peer(now, node, Standing::Suspect),
            EngineEvent::Down(node) => {
                self.cluster.handle_peer(now, node, Standing::Down);
                let name = self.name_of(node);
                self.news.push(News::Line(format!("node {name} is gone")));
            }
            EngineEvent::Message { from, bytes } | EngineEvent::Notice { from, bytes } => {
                self.cluster.handle_message(now, from, &bytes);
            }
            EngineEvent::Row { node, key, row } => {
                self.cluster.handle_row(now, node, &key, row.as_ref().map(|row| row.value.as_slice()));
                self.note_client(&key);
            }
            EngineEvent::Frame { .. } => {}
            EngineEvent::Fenced { slot, fault } => {
                self.news.push(News::Line(format!("slot {} is shut out: {fault}", slot.number())));
            }
            EngineEvent::Stopped(why) => self.news.push(News::Line(why.to_string())),
        }
    }

    /// Where a client of another node is.
    fn note_client(&mut self, key: &[u8]) {
        let Some(bssid) = owned_bssid(key).filter(|bssid| !self.own.contains_key(bssid)) else { return };
        self.abroad.retain(|_, known| *known != bssid);
        if let Some(client) = self.cluster.title(bssid).and_then(|title| title.client) {
            self.abroad.insert(client, bssid);
        }
    }

    fn act(&mut self, now: Instant) {
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
            Action::Journal { ticket, records } => self.journal(now, ticket, &records),
            Action::Drain { bssid } => {
                self.drains.insert(bssid, now);
                self.order(bssid, Order::Drain(bssid));
            }
            Action::Resume { bssid } => {
                self.drains.remove(&bssid);
                self.order(bssid, Order::Resume(bssid));
            }
            Action::Take { bssid, linger } => self.order(bssid, Order::Take { bssid, linger }),
            Action::Stop { bssid } => self.order(bssid, Order::Stop(bssid)),
            Action::Activate { bssid, context, lease, .. } => {
                self.activate(now, bssid, &context, &lease);
            }
            Action::Stray { bssid, frame } => self.stray(bssid, frame.expose()),
            Action::Merge { bssid, .. } => {
                self.news.push(News::Line(format!("what another node had queued for {bssid} is not sent")));
            }
            // Radios renew the keys of a lease that is used up by themselves: what is new begins in generation 0.
            Action::Extend { .. } | Action::Rekey { .. } => {}
            Action::Invite { bssid, .. } => {
                self.news
                    .push(News::Line(format!("virtual AP {bssid} is lost: its client has to come again")));
            }
        }
    }

    fn journal(&mut self, now: Instant, ticket: Ticket, records: &[Record]) {
        let lines: Vec<_> = records.iter().map(line).collect();
        let written = self.store.write_journal(&lines).and_then(|()| self.store.sync_journal());
        match written {
            Ok(()) => self.cluster.journal_done(now, ticket),
            Err(why) => {
                self.news.push(News::Line(format!("the journal of packet numbers fails: {why}")));
                self.cluster.journal_failed(now, ticket);
            }
        }
    }

    fn activate(&mut self, now: Instant, bssid: MacAddr, parcel: &Parcel, lease: &Lease) {
        let context = match Context::decode(parcel.bytes.expose()) {
            Ok(context) => Box::new(context),
            Err(why) => {
                self.news.push(News::Line(format!("virtual AP {bssid} can't be read: {why}")));
                return self.cluster.handle_refused(now, bssid);
            }
        };
        let radio = self.heard.get(&bssid).filter(|(_, _, at)| now.since(*at) <= HEARD);
        let radio = radio.map_or(0, |(radio, _, _)| *radio);
        self.coming.insert(bssid, Own { radio, client: context.client() });
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
            Some((&MSDU, ethernet)) => self.order(bssid, Order::Msdu { bssid, ethernet: ethernet.to_vec() }),
            _ => {}
        }
    }

    fn order(&self, bssid: MacAddr, order: Order) {
        if let Some(own) = self.own.get(&bssid).or_else(|| self.coming.get(&bssid)) {
            self.switch.order(own.radio, order);
        }
    }

    fn tell(&mut self, now: Instant, event: Event) {
        match event {
            Event::Moved { bssid, to } => {
                let since = self.drains.remove(&bssid).unwrap_or(now);
                let name = self.name_of(to);
                let place = self.leaving.iter().position(|leaving| leaving.bssid == bssid);
                let leaving = place.map(|place| self.leaving.swap_remove(place));
                let station =
                    self.abroad.iter().find(|(_, known)| **known == bssid).map(|(client, _)| *client);
                let from = self.heard.get(&bssid).map_or(0, |(radio, _, _)| *radio);
                let station = station.unwrap_or(MacAddr::ZERO);
                let departed = Departed { station, bssid, from, gap: now.since(since) };
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
                let radio = self.own.get(&bssid).map_or(0, |own| own.radio);
                let from = from.map(|node| self.name_of(node));
                self.news.push(News::Arrived { bssid, radio, from, taken_over });
            }
            Event::Superseded { bssid, by } => {
                let name = self.name_of(by);
                self.news.push(News::Line(format!("virtual AP {bssid} is node {name}'s: we stop")));
            }
            Event::SlotConflict { node } => {
                let name = self.name_of(node);
                self.news.push(News::Line(format!("node {name} has another's slot: it is not believed")));
            }
        }
    }

    fn name_of(&self, node: NodeId) -> String {
        let other = self.engine.members().into_iter().find(|other| other.node == node);
        other.map_or_else(|| format!("{:x}", node.0), |other| other.name)
    }
}

/// How another node is, in a word.
pub(super) const fn state(other: &Other) -> &'static str {
    match other.state {
        PeerState::Up => "up",
        PeerState::Suspect => "suspect",
        PeerState::Down => "down",
    }
}

fn answer(wish: &Wish, outcome: Result<Departed, String>) {
    // Who asked may have given up.
    let _ = wish.answer.try_send(outcome);
}

/// A context as the core carries it.
fn parcel(context: &Context) -> Parcel {
    let keys: Vec<_> = context
        .keys()
        .map(|(id, sent)| {
            let generation = owner_of(sent).map_or_else(Generation::default, |(generation, _)| generation);
            (KeyId(id.0), generation)
        })
        .collect();
    let sa = keys.first().map_or(SaBinding([0; 16]), |(id, _)| SaBinding(id.0));
    let bytes = SecretBytes::from(context.encode().to_vec());
    Parcel { client: Some(context.client()), vlan: 0, sa, keys, bytes }
}

fn record(line: JournalLine) -> Option<Record> {
    match line {
        JournalLine::Reserve(key, generation) => {
            Some(Record::Reserve(KeyId(key), Generation::new(generation)?))
        }
        JournalLine::Fold(key, generation) => Some(Record::Fold(KeyId(key), Generation::new(generation)?)),
    }
}

fn line(record: &Record) -> JournalLine {
    match *record {
        Record::Reserve(key, generation) => JournalLine::Reserve(key.0, generation.number()),
        Record::Fold(key, generation) => JournalLine::Fold(key.0, generation.number()),
    }
}
