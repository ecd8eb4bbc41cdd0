//! The status of a whole node, gathered from its radios.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use drivers::reactor::Bell;
use mesh::engine::Engine;
use stack::wire::{Channel, MacAddr};

use super::member::{Departed, Member, News, Wish};
use super::moves::Moved;
use super::report::Report;
use super::switch::Switch;
use crate::status::{Claims, Move, MoveTotals, PeerNode, Radio, Status};

/// A radio that has not answered by then is shown as such.
const PATIENCE: Duration = Duration::from_secs(1);
/// A move has come to its end by then, one way or the other.
const MOVE: Duration = Duration::from_secs(10);
/// Moves that are remembered.
const MOVES: usize = 256;

/// Asks the radios of a node how they are. Shared by all who ask; the frames do not wait for it.
pub struct Inspector {
    node: String,
    started: Instant,
    switch: Arc<Switch>,
    radios: Vec<(String, Channel)>,
    /// Why a radio is gone.
    ended: Mutex<Vec<Option<String>>>,
    moves: Mutex<(VecDeque<Move>, MoveTotals)>,
    cluster: Option<(Sender<Wish>, Bell)>,
    others: Mutex<Vec<PeerNode>>,
    claims: Mutex<Option<Claims>>,
    cluster_drops: Mutex<BTreeMap<String, u64>>,
    /// Of the leases of virtual APs, by BSSID.
    generations: Mutex<BTreeMap<String, u64>>,
}

impl Inspector {
    /// An inspector of the radios with these names and channels, in the order of their indices.
    pub fn new(node: &str, switch: Arc<Switch>, radios: Vec<(String, Channel)>) -> Self {
        let ended = Mutex::new(vec![None; radios.len()]);
        let moves = Mutex::default();
        Self {
            node: node.to_owned(),
            started: Instant::now(),
            switch,
            radios,
            ended,
            moves,
            cluster: None,
            others: Mutex::default(),
            claims: Mutex::default(),
            cluster_drops: Mutex::default(),
            generations: Mutex::default(),
        }
    }

    /// What people want of the cluster goes through `wishes`, and `bell` is rung for it.
    pub fn with_cluster(self, wishes: Sender<Wish>, bell: Bell) -> Self {
        Self { cluster: Some((wishes, bell)), ..self }
    }

    /// How the cluster is now.
    pub fn others<E: Engine>(&self, member: &Member<E>) {
        let others = member.others();
        let tell = |other: &mesh::engine::Member| PeerNode {
            node: other.name.clone(),
            state: super::member::state(other).to_owned(),
        };
        *lock(&self.others) = others.iter().map(tell).collect();
        *lock(&self.claims) = Some(member.claims());
        *lock(&self.cluster_drops) =
            member.drops().map(|(reason, count)| (reason.to_owned(), count)).collect();
        *lock(&self.generations) = member.generations().map(|(bssid, n)| (bssid.to_string(), n)).collect();
    }

    /// What happened in the cluster.
    pub fn cluster_news(&self, news: &News) {
        match news {
            News::Left(departed, node) => {
                self.remember(self.told_of(departed, node), |totals| totals.left += 1);
            }
            News::Arrived { station, bssid, radio, queued, from, taken_over } => {
                let from = from.as_deref().map_or_else(String::new, |node| format!("@{node}"));
                let (queued, taken_over) = (Some(*queued as u64), *taken_over);
                let arrived = self.tell(*station, *bssid, (from, self.radio_name(*radio)), None);
                self.remember(Move { queued, taken_over, ..arrived }, |totals| {
                    *if taken_over { &mut totals.taken_over } else { &mut totals.arrived } += 1;
                });
            }
            News::Line(_) => {}
        }
    }

    /// A radio is gone, for this reason.
    pub fn radio_ended(&self, radio: usize, why: &str) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = ended.get_mut(radio) {
            *place = Some(why.to_owned());
        }
    }

    /// A client's virtual AP went to another radio.
    pub fn moved(&self, moved: &Moved) {
        self.remember(self.told(moved), |totals| totals.within += 1);
    }

    fn remember(&self, moved: Move, count: impl FnOnce(&mut MoveTotals)) {
        let (moves, totals) = &mut *lock(&self.moves);
        count(totals);
        if let Some(gap) = moved.gap_us {
            totals.gap(gap);
        }
        if moves.len() >= MOVES {
            moves.pop_front();
        }
        moves.push_back(moved);
    }

    /// Has the virtual AP of a client go to the radio with this name, and waits until it has.
    pub fn move_client(&self, client: &str, to: &str) -> Result<Move, String> {
        let station: MacAddr = client.parse().map_err(|_| format!("{client} is not an address"))?;
        let radio = match to.rsplit_once('@') {
            Some((radio, node)) if node != self.node => return self.move_abroad(station, radio, node),
            Some((radio, _)) => radio,
            None => to,
        };
        let to = self.radios.iter().position(|(name, _)| name == radio).ok_or_else(|| {
            let names: Vec<_> = self.radios.iter().map(|(name, _)| name.as_str()).collect();
            format!("there is no radio {radio}; there are {}", names.join(", "))
        })?;
        if !self.switch.serves(to) {
            return Err(format!("{radio} is there for foreign networks: it serves no clients"));
        }
        let (answer, answered) = sync_channel(1);
        self.switch.move_station(station, to, Some(answer)).map_err(|why| format!("{client}: {why}"))?;
        match answered.recv_timeout(MOVE) {
            Ok(Ok(moved)) => Ok(self.told(&moved)),
            Ok(Err(why)) => Err(format!("{client}: {why}")),
            Err(_) => Err(format!("{client}: its radio does not answer")),
        }
    }

    fn move_abroad(&self, station: MacAddr, radio: &str, node: &str) -> Result<Move, String> {
        let Some((wishes, bell)) = &self.cluster else { return Err(format!("there is no node {node} here")) };
        let (answer, answered) = sync_channel(1);
        let radio = Some(radio.to_owned()).filter(|radio| !radio.is_empty());
        let wish = Wish { station, node: node.to_owned(), radio, answer: Some(answer) };
        wishes.send(wish).map_err(|_| "the node ends".to_owned())?;
        // It is rung again by whatever comes next.
        let _ = bell.ring();
        match answered.recv_timeout(MOVE) {
            Ok(Ok(departed)) => Ok(self.told_of(&departed, node)),
            Ok(Err(why)) => Err(format!("{station}: {why}")),
            Err(_) => Err(format!("{station}: the node does not answer")),
        }
    }

    fn told_of(&self, departed: &Departed, node: &str) -> Move {
        let Departed { station, bssid, from, to, gap } = departed;
        let to = format!("{}@{node}", to.as_deref().unwrap_or_default());
        self.tell(*station, *bssid, (self.radio_name(*from), to), Some(*gap))
    }

    fn told(&self, moved: &Moved) -> Move {
        let Moved { station, bssid, from, to, gap, queued } = moved;
        let ends = (self.radio_name(*from), self.radio_name(*to));
        Move { queued: Some(*queued as u64), ..self.tell(*station, *bssid, ends, Some(*gap)) }
    }

    fn radio_name(&self, radio: usize) -> String {
        self.radios.get(radio).map_or_else(String::new, |(name, _)| name.clone())
    }

    fn tell(
        &self,
        station: MacAddr,
        bssid: MacAddr,
        (from, to): (String, String),
        gap: Option<Duration>,
    ) -> Move {
        Move {
            client: station.to_string(),
            bssid: bssid.to_string(),
            from,
            to,
            at_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            gap_us: gap.map(|gap| u64::try_from(gap.as_micros()).unwrap_or(u64::MAX)),
            queued: None,
            taken_over: false,
        }
    }

    /// How the node is. Takes a second at the most.
    pub fn status(&self) -> Status {
        let (moves, move_totals) = {
            let known = lock(&self.moves);
            (known.0.iter().cloned().collect(), known.1.clone())
        };
        let mut status = Status {
            node: self.node.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            moves,
            move_totals,
            peers: lock(&self.others).clone(),
            claims: lock(&self.claims).clone(),
            cluster_drops: lock(&self.cluster_drops).clone(),
            ..Status::default()
        };
        let asked: Vec<_> = (0..self.radios.len()).map(|radio| self.ask(radio)).collect();
        let end = Instant::now() + PATIENCE;
        for (radio, answer) in asked.into_iter().enumerate() {
            let left = end.saturating_duration_since(Instant::now());
            match answer.and_then(|answer| answer.recv_timeout(left).ok()) {
                Some(mut report) => {
                    let generations = lock(&self.generations);
                    for ap in &mut report.virtual_aps {
                        ap.node.clone_from(&self.node);
                        ap.generation = generations.get(&ap.bssid).copied().unwrap_or(0);
                    }
                    drop(generations);
                    status.radios.push(report.radio);
                    status.virtual_aps.append(&mut report.virtual_aps);
                    status.links.append(&mut report.links);
                }
                None => status.radios.extend(self.silent(radio)),
            }
        }
        status
    }

    fn ask(&self, radio: usize) -> Option<Receiver<Report>> {
        let (answer, answered) = sync_channel(1);
        self.switch.ask(radio, answer).then_some(answered)
    }

    /// A radio of which only is known that it does not answer.
    fn silent(&self, radio: usize) -> Option<Radio> {
        let (phy, channel) = self.radios.get(radio)?;
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let state = ended.get(radio).cloned().flatten();
        Some(Radio {
            phy: phy.clone(),
            state: state.unwrap_or_else(|| "does not answer".to_owned()),
            channel: channel.number(),
            frequency: channel.frequency(),
            ..Radio::default()
        })
    }
}

/// A thread that panicked while it held the lock has left whole things behind all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATION: MacAddr = MacAddr([2, 0, 0, 0, 5, 0]);
    const BSSID: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);

    /// Of a node whose radios are gone.
    fn inspector() -> Inspector {
        let (switch, _) = Switch::new(Vec::new(), &[None, None]);
        let channel = Channel::from_number(6).unwrap();
        let radios = ["phy0", "phy1"].map(|name| (name.to_owned(), channel)).to_vec();
        Inspector::new("north", Arc::new(switch), radios)
    }

    fn moved(gap: u64) -> Moved {
        let gap = Duration::from_micros(gap);
        Moved { station: STATION, bssid: BSSID, from: 0, to: 1, gap, queued: 2 }
    }

    /// What becomes of a client's move to this place, and what the node is asked for, if it is.
    fn asked(to: &str) -> (Option<Wish>, Result<Move, String>) {
        let reactor = drivers::reactor::Reactor::new().unwrap();
        let (wish, wishes) = std::sync::mpsc::channel::<Wish>();
        let inspector = inspector().with_cluster(wish, reactor.bell());
        let node = std::thread::spawn(move || {
            let mut wish = wishes.recv().ok()?;
            let (to, gap) = (wish.radio.clone(), Duration::from_millis(1));
            let departed = Departed { station: wish.station, bssid: BSSID, from: 1, to, gap };
            wish.answer.take().unwrap().send(Ok(departed)).unwrap();
            Some(wish)
        });
        let moved = inspector.move_client("02:00:00:00:05:00", to);
        drop(inspector);
        (node.join().unwrap(), moved)
    }

    #[test]
    fn a_client_is_moved_to_the_radio_of_the_node_that_is_named() {
        for (to, radio) in [("phy7@south", Some("phy7")), ("@south", None)] {
            let (wish, moved) = asked(to);
            let wish = wish.unwrap();
            assert_eq!((wish.node.as_str(), wish.radio.as_deref()), ("south", radio));
            let moved = moved.unwrap();
            assert_eq!((moved.from.as_str(), moved.to.as_str()), ("phy1", to));
        }
        for here in ["phy7", "phy7@north"] {
            let (wish, moved) = asked(here);
            assert!(wish.is_none());
            assert_eq!(moved.unwrap_err(), "there is no radio phy7; there are phy0, phy1");
        }
    }

    #[test]
    fn no_client_is_moved_to_a_radio_that_is_there_for_foreign_networks() {
        let (switch, _) = Switch::among(Vec::new(), &[None, None], 1);
        let channel = Channel::from_number(6).unwrap();
        let radios = ["phy0", "phy1"].map(|name| (name.to_owned(), channel)).to_vec();
        let inspector = Inspector::new("north", Arc::new(switch), radios);
        let why = |to: &str| inspector.move_client("02:00:00:00:05:00", to).unwrap_err();
        assert_eq!(why("phy1"), "phy1 is there for foreign networks: it serves no clients");
        assert!(!why("phy0").contains("foreign"), "{}", why("phy0"));
    }

    #[test]
    fn the_history_has_moves_of_all_kinds_with_what_is_known_of_each() {
        let inspector = inspector();
        inspector.moved(&moved(700));
        let gap = Duration::from_micros(1_400);
        let departed = Departed { station: STATION, bssid: BSSID, from: 1, to: None, gap };
        inspector.cluster_news(&News::Left(departed, "south".into()));
        for taken_over in [false, true] {
            let from = Some("south".into());
            let (station, bssid) = (STATION, BSSID);
            inspector.cluster_news(&News::Arrived { station, bssid, radio: 0, queued: 5, from, taken_over });
        }
        inspector.cluster_news(&News::Line("something else".into()));
        let status = inspector.status();
        let told = |moved: &Move| {
            (moved.from.clone(), moved.to.clone(), moved.gap_us, moved.queued, moved.taken_over)
        };
        let told: Vec<_> = status.moves.iter().map(told).collect();
        let name = str::to_owned;
        assert_eq!(
            told,
            [
                (name("phy0"), name("phy1"), Some(700), Some(2), false),
                (name("phy1"), name("@south"), Some(1_400), None, false),
                (name("@south"), name("phy0"), None, Some(5), false),
                (name("@south"), name("phy0"), None, Some(5), true),
            ]
        );
        let totals = status.move_totals;
        assert_eq!((totals.within, totals.left, totals.arrived, totals.taken_over), (1, 1, 1, 1));
        assert_eq!((totals.gap_us, totals.gaps.iter().sum()), (2_100, 2_u64));
    }

    #[test]
    fn old_moves_are_forgotten_and_counted_all_the_same() {
        let inspector = inspector();
        (0..1000).for_each(|gap| inspector.moved(&moved(gap)));
        let status = inspector.status();
        assert_eq!((status.moves.len(), status.move_totals.within), (MOVES, 1000));
        assert_eq!(status.moves.last().and_then(|last| last.gap_us), Some(999));
    }
}
