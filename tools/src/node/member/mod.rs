//! The node's part in a cluster: between the engine, the core that decides who owns which virtual AP, and the radios.

mod act;
mod carry;
mod channels;
mod claims;
mod convert;
mod hear;
mod herald;
mod ports;
mod sights;
mod signed;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use mesh::Cluster;
use mesh::announce::{NodeId, SaBinding};
use mesh::engine::{Engine, Member as Other, PeerState};
use mesh::handover::{Incarnation, Me, Timing};
use mesh::lease::Journal;
use mesh::placement::Place;
use stack::ap::{ApEvent, NetworkId};
use stack::time::Instant;
use stack::wire::{Channel, MacAddr};

pub use self::convert::{MemoryJournal, StoreJournal, range_of};
use self::herald::Herald;
pub use self::herald::{Announcing, ClusterClock, SignerJournal};
use self::ports::Ports;
pub use self::ports::Segment;
use self::sights::Sights;
pub(super) use self::sights::View;
use super::home::Abroad;
use super::moves::Moved;
use super::orders::Told;
use super::switch::Switch;
use super::worker::WorkerEvent;

/// How long it may be until a move between nodes is over, one way or the other.
const MOVE: Duration = Duration::from_secs(8);
/// What was heard of a client so long ago says nothing of where it is.
const HEARD: Duration = Duration::from_secs(2);

/// Somebody wants a client's virtual AP to go to another node.
#[derive(Debug)]
pub struct Wish {
    /// Whose.
    pub station: MacAddr,
    /// The other node's name.
    pub node: String,
    /// The name of the radio there that is to have it, if it is not to be whichever that node likes.
    pub radio: Option<String>,
    /// Who is told what came of it, if somebody wants to know.
    pub answer: Option<SyncSender<Result<Departed, String>>>,
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
    /// The radio of the other node that was asked for, by its name.
    pub to: Option<String>,
    /// For how long nobody could send for it, as far as this node knows.
    pub gap: Duration,
}

/// What the node's part in its cluster has to tell people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A virtual AP came from another node, or was taken over from one that was lost.
    Arrived {
        /// Whose.
        station: MacAddr,
        /// Its BSSID.
        bssid: MacAddr,
        /// Its radio, by its index.
        radio: usize,
        /// MSDUs for its client that came with it.
        queued: usize,
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
    network: NetworkId,
    client: MacAddr,
    /// Names the association with it.
    sa: SaBinding,
    /// MSDUs that came with it.
    queued: usize,
}

#[derive(Debug)]
struct Leaving {
    wish: Wish,
    bssid: MacAddr,
    until: Instant,
}

/// The journal of packet numbers, wherever it is kept.
pub type BoxedJournal = Box<dyn Journal<Error = anyhow::Error>>;

/// One node of a cluster, driven by the thread that runs the node.
pub struct Member<E> {
    engine: E,
    cluster: Cluster,
    journal: BoxedJournal,
    switch: Arc<Switch>,
    told: Receiver<(usize, Told)>,
    /// What the radios know of other nodes.
    shown: Abroad,
    own: BTreeMap<MacAddr, Own>,
    /// Virtual APs whose radio was told to serve them.
    coming: BTreeMap<MacAddr, Own>,
    /// Which virtual AP a client of another node has.
    abroad: BTreeMap<MacAddr, MacAddr>,
    /// Which radio heard the client of a virtual AP last and how, by the BSSID.
    heard: BTreeMap<MacAddr, (usize, i8, Instant)>,
    /// Since when a virtual AP that leaves is not sent for, and from which radio.
    drains: BTreeMap<MacAddr, (Instant, usize)>,
    leaving: Vec<Leaving>,
    sights: Sights,
    news: Vec<News>,
    /// Those of the node's radios.
    channels: Vec<Channel>,
    /// From which node a virtual AP came.
    came: BTreeMap<MacAddr, NodeId>,
    ports: Ports,
    /// Signs what is told to all, where that is signed.
    herald: Option<Herald>,
}

impl<E: Engine> Member<E> {
    /// A node that has just started, for the `incarnation`th time, with radios of these names on these channels.
    pub fn new(
        engine: E,
        incarnation: Incarnation,
        mut journal: BoxedJournal,
        switch: Arc<Switch>,
        (told, shown): (Receiver<(usize, Told)>, Abroad),
        radios: Vec<(String, Channel)>,
    ) -> anyhow::Result<Self> {
        let me = Me { node: engine.node(), slot: engine.slot(), incarnation };
        let cluster = Cluster::new(me, timing(), &journal.load()?);
        let ports = Ports::new(engine.node());
        let (names, channels) = radios.into_iter().unzip();
        let mut member = Self {
            engine,
            cluster,
            journal,
            switch,
            told,
            shown,
            own: BTreeMap::new(),
            coming: BTreeMap::new(),
            abroad: BTreeMap::new(),
            heard: BTreeMap::new(),
            drains: BTreeMap::new(),
            leaving: Vec::new(),
            sights: Sights::default(),
            news: Vec::new(),
            channels,
            came: BTreeMap::new(),
            ports,
            herald: None,
        };
        member.tell_radios(names);
        Ok(member)
    }

    /// It signs its notices, and believes only such as are signed.
    pub fn announcing(mut self, now: Instant, announcing: Announcing) -> anyhow::Result<Self> {
        self.herald = Some(Herald::new(now, self.engine.node(), announcing)?);
        Ok(self)
    }

    /// It is called so, and serves these networks. With `flood` each node is on an Ethernet of its own, and nodes carry
    /// between them what is for all; without, they are all on one.
    pub fn serving(mut self, name: String, segments: Vec<Segment>, flood: bool) -> Self {
        self.ports.name = name;
        self.ports.segments = segments;
        self.ports.flood = flood;
        self
    }

    /// The other nodes.
    pub fn others(&self) -> Vec<Other> {
        self.engine.members()
    }

    /// The generations of the leases of this node's virtual APs.
    pub fn generations(&self) -> impl Iterator<Item = (MacAddr, u64)> + '_ {
        self.cluster.owned().map(|(bssid, title)| (bssid, u64::from(title.rank.generation.number())))
    }

    /// What was discarded of what came from other nodes, by reason; only those that occurred.
    pub fn drops(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let engine = self.engine.counts().named();
        let core = self.cluster.drops().iter().map(|(reason, count)| (reason.name(), count));
        engine.into_iter().chain(core).filter(|(_, count)| *count > 0)
    }

    /// What happened since the last call.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Something happened on a radio.
    pub fn handle_event(&mut self, now: Instant, radio: usize, event: &WorkerEvent) {
        match event {
            WorkerEvent::Moved(moved) => self.handle_moved(moved),
            WorkerEvent::Ap(ApEvent::Heard { bssid, station, signal }) => {
                self.handle_heard(now, radio, (*bssid, *station), *signal);
            }
            WorkerEvent::Ap(ApEvent::OnAir(bssid)) => self.handle_on_air(now, *bssid),
            WorkerEvent::Ap(_) | WorkerEvent::Link(_) | WorkerEvent::Trouble(_) => {}
        }
    }

    /// A radio hears the client of a virtual AP.
    fn handle_heard(&mut self, now: Instant, radio: usize, (bssid, station): (MacAddr, MacAddr), signal: i8) {
        if !self.own.contains_key(&bssid) {
            self.hear_stranger(now, radio, station, signal);
        }
        let better = self
            .heard
            .get(&bssid)
            .is_none_or(|(before, known, at)| *before == radio || signal > *known || now.since(*at) > HEARD);
        if better {
            self.heard.insert(bssid, (radio, signal, now));
        }
    }

    /// A radio hears the beacons of a virtual AP of another node.
    fn handle_on_air(&mut self, now: Instant, bssid: MacAddr) {
        self.cluster.handle_heard(now, bssid);
    }

    /// A virtual AP went to another radio of this node.
    fn handle_moved(&mut self, moved: &Moved) {
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
            (_, Some(node)) if self.channels_of(node.node).is_empty() => {
                Err(format!("node {} has not told its channels yet; try again", wish.node))
            }
            (Some((&bssid, _)), Some(node)) => {
                self.begin_move(now, bssid, (node.node, &wish)).map(|()| bssid)
            }
        };
        match begun {
            Ok(bssid) => self.leaving.push(Leaving { wish, bssid, until: now + MOVE }),
            Err(why) => answer(&wish, Err(why)),
        }
    }

    fn begin_move(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        (to, wish): (NodeId, &Wish),
    ) -> Result<(), String> {
        let named = wish.radio.as_ref().map(|radio| self.radio_at((to, &wish.node), radio));
        let begun = self.cluster.handle_move(now, bssid, to, named.transpose()?);
        begun.map_err(|error| error.to_string())
    }

    /// A client is better off with another node, at this radio of it.
    pub fn handle_placed(&mut self, now: Instant, station: MacAddr, place: Place) {
        let other = self.engine.members().into_iter().find(|other| other.slot == place.node);
        if let Some(other) = other {
            let radio = self.radios_of(other.node).remove(&place.radio);
            self.handle_wish(now, Wish { station, node: other.name, radio, answer: None });
        }
    }

    /// Does all there is to do, and says whether there was anything: then the radios may have orders. To be called when
    /// the engine or a radio rang, and at the deadline.
    pub fn turn(&mut self, now: Instant) -> bool {
        let mut busy = self.poll_timeout().is_some_and(|at| at <= now);
        while let Ok((radio, told)) = self.told.try_recv() {
            busy = true;
            self.hear(now, radio, told);
            self.act(now);
        }
        while let Some(event) = self.engine.poll_event() {
            busy = true;
            self.engine_says(now, event);
            self.act(now);
        }
        if self.cluster.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.cluster.handle_timeout(now);
        }
        self.act(now);
        self.tell_sights(now);
        self.tend_claims(now);
        while let Some(place) = self.leaving.iter().position(|leaving| leaving.until <= now) {
            let leaving = self.leaving.swap_remove(place);
            answer(&leaving.wish, Err("it did not come to an end in time".to_owned()));
        }
        busy
    }

    /// When [`Self::turn`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let core = self.cluster.poll_timeout().map(|(at, _)| at);
        let leaving = self.leaving.iter().map(|leaving| leaving.until).min();
        let eager = self.sights.signed.eager;
        let herald = self.herald.as_ref().and_then(|herald| herald.poll_timeout(eager));
        [core, leaving, self.ports.poll_timeout(), herald, Some(self.sights.poll_timeout())]
            .into_iter()
            .flatten()
            .min()
    }
}

/// A node that is only busy is waited for: that one is lost, the engine finds sooner. A client that dozes may have to be told
/// for a second that it is to change its channel.
fn timing() -> Timing {
    Timing {
        prepare: Duration::from_secs(1),
        drain: Duration::from_secs(2),
        commit: Duration::from_secs(5),
        ..Timing::default()
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
    if let Some(answer) = &wish.answer {
        // Who asked may have given up.
        let _ = answer.try_send(outcome);
    }
}
