//! Stories between a few nodes on a wire that loses nothing, and what a hostile one can do. The model of the whole
//! cluster, with all that goes wrong, is in `tests/tests/model_cluster`.

mod hostile;
mod stories;

use std::collections::VecDeque;
use std::time::Duration;

use stack::time::Instant;
use stack::wire::MacAddr;

use super::{Action, Cluster, Context, Event, Incarnation, Me, Standing, Timing};
use crate::announce::{NodeId, SaBinding};
use crate::lease::{Generation, KeyId, NodeSlot, Record};

const BSSID: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
const CLIENT: MacAddr = MacAddr([2, 0xc1, 0, 0, 0, 1]);

/// More than any one thing that happens leads to.
const MOST_ACTIONS: usize = 10_000;

fn context(key: u8, generation: u16, bytes: &[u8]) -> Context {
    Context {
        client: Some(CLIENT),
        vlan: 0,
        sa: SaBinding([key; 16]),
        keys: vec![(KeyId([key; 16]), Generation::new(generation).unwrap())],
        bytes: bytes.to_vec().into(),
    }
}

/// Some nodes, whose packets arrive at once, whose journals always work, and whose radios do nothing by themselves.
struct Nodes {
    now: Instant,
    all: Vec<Cluster>,
    /// What the radios of each were ordered.
    orders: Vec<VecDeque<Action>>,
    journals: Vec<Vec<Record>>,
    /// Journals answer at once.
    prompt: bool,
    /// Packets to and from this node go nowhere.
    cut: Option<usize>,
}

impl Nodes {
    fn new(count: u16) -> Self {
        let me = |index| Me { node: id(index), slot: slot(index), incarnation: Incarnation(1) };
        let all: Vec<_> = (0..count).map(|index| Cluster::new(me(index), Timing::default(), &[])).collect();
        let count = usize::from(count);
        let mut nodes = Self {
            now: Instant::from_micros(1_000_000),
            all,
            orders: (0..count).map(|_| VecDeque::new()).collect(),
            journals: vec![Vec::new(); count],
            prompt: true,
            cut: None,
        };
        for node in 0..count {
            for other in (0..count).filter(|other| *other != node) {
                nodes.sees(node, other, up(other));
            }
        }
        nodes
    }

    fn sees(&mut self, node: usize, other: usize, standing: Standing) {
        self.all[node].handle_peer(self.now, id(other as u16), standing);
        self.pass();
    }

    /// Lets one node do something, and all what follows from it.
    fn at<T>(&mut self, node: usize, call: impl FnOnce(&mut Cluster, Instant) -> T) -> T {
        let result = call(&mut self.all[node], self.now);
        self.pass();
        result
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let due = self.all.iter().filter_map(|node| Some(node.poll_timeout()?.0)).min();
            let Some(due) = due.filter(|due| *due <= end) else { break };
            self.now = due;
            for node in 0..self.all.len() {
                self.at(node, Cluster::handle_timeout);
            }
        }
        self.now = end;
    }

    /// Lets all answer each other until nobody has anything to say.
    fn pass(&mut self) {
        for _ in 0..MOST_ACTIONS {
            let Some((node, action)) =
                (0..self.all.len()).find_map(|node| Some((node, self.all[node].poll_action()?)))
            else {
                return;
            };
            self.act(node, action);
        }
        panic!("nodes answer each other without end");
    }

    fn act(&mut self, from: usize, action: Action) {
        let there = |to: &usize| *to != from && self.cut.is_none_or(|cut| cut != from && cut != *to);
        match action {
            Action::Send { to, packet } => {
                let to = (0..self.all.len()).find(|index| id(*index as u16) == to).filter(there);
                to.into_iter()
                    .for_each(|to| self.all[to].handle_message(self.now, id(from as u16), packet.expose()));
            }
            Action::Notify { packet } => {
                let all: Vec<usize> = (0..self.all.len()).filter(there).collect();
                for to in all {
                    self.all[to].handle_message(self.now, id(from as u16), packet.expose());
                }
            }
            Action::Journal { ticket, records } => {
                self.journals[from].extend(records);
                if self.prompt {
                    self.all[from].journal_done(self.now, ticket);
                } else {
                    self.all[from].journal_failed(self.now, ticket);
                }
            }
            Action::WriteRow { .. } | Action::RemoveRow { .. } => {}
            order => self.orders[from].push_back(order),
        }
    }

    fn order(&mut self, node: usize) -> Action {
        self.orders[node].pop_front().expect("the radio was ordered something")
    }

    fn events(&mut self, node: usize) -> Vec<Event> {
        std::iter::from_fn(|| self.all[node].poll_event()).collect()
    }

    fn owners(&self) -> Vec<usize> {
        (0..self.all.len()).filter(|node| self.all[*node].owned().next().is_some()).collect()
    }

    /// Takes a move through to the point where the context has left `from`.
    fn give(&mut self, from: usize, to: usize, last: Context) {
        self.at(from, |node, now| node.handle_move(now, BSSID, id(to as u16), None)).unwrap();
        assert!(matches!(self.order(from), Action::Drain { bssid: BSSID, .. }));
        self.at(from, |node, now| node.handle_drained(now, BSSID));
        assert!(matches!(self.order(from), Action::Take { bssid: BSSID, .. }));
        self.at(from, |node, now| node.handle_taken(now, BSSID, last));
    }
}

fn id(index: u16) -> NodeId {
    NodeId(u64::from(index) + 100)
}

fn slot(index: u16) -> NodeSlot {
    NodeSlot::new(index + 1).unwrap()
}

fn up(index: usize) -> Standing {
    Standing::Up { slot: slot(index as u16), incarnation: Incarnation(1) }
}
