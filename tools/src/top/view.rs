//! What is known of the node, and what was chosen by key.

use std::collections::BTreeMap;

use crate::escape::is_dangerous;
use crate::status::{Client, Radio, Status, VirtualAp};

use super::history::History;
use super::links;

/// Clients that are listed at the most.
const MAX_CLIENTS: usize = 10_000;

/// A key that means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// One client up.
    Up,
    /// One client down.
    Down,
    /// Another order.
    Sort,
}

/// The order of the clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Who moves most first.
    #[default]
    Traffic,
    /// Who is heard worst first.
    Signal,
    /// By address.
    Address,
}

impl Sort {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Traffic => "traffic",
            Self::Signal => "signal",
            Self::Address => "address",
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Traffic => Self::Signal,
            Self::Signal => Self::Address,
            Self::Address => Self::Traffic,
        }
    }
}

/// A client, with the virtual AP that it is on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) client: Client,
    pub(super) ap: VirtualAp,
    /// Bytes per second from it and to it.
    pub(super) up: History,
    pub(super) down: History,
    /// Its moves that the node remembers.
    pub(super) moves: u64,
}

/// What is known of a radio besides its status.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RadioHistory {
    pub(super) rx: History,
    pub(super) tx: History,
    pub(super) retries: History,
    pub(super) drops: History,
}

/// What is known of a foreign network besides its status: bytes per second from it and to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LinkHistory {
    pub(super) up: History,
    pub(super) down: History,
}

/// A reason for drops, over all radios.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DropRow {
    pub(super) count: u64,
    pub(super) history: History,
}

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    pub(super) status: Option<Status>,
    /// Why there is nothing newer.
    pub(super) trouble: Option<String>,
    pub(super) rows: Vec<Row>,
    pub(super) radios: BTreeMap<String, RadioHistory>,
    /// By the address that the node has there.
    pub(super) links: BTreeMap<String, LinkHistory>,
    pub(super) drops: BTreeMap<String, DropRow>,
    pub(super) sort: Sort,
    /// Address and BSSID of the client that was chosen.
    pub(super) chosen: Option<(String, String)>,
}

impl View {
    /// Takes an answer of the node, or why there is none.
    pub fn take(&mut self, answer: Result<Status, String>) {
        let status = match answer {
            Ok(status) => status,
            Err(why) => {
                self.trouble = Some(clean(&why));
                return;
            }
        };
        self.trouble = None;
        self.take_radios(&status);
        self.take_clients(&status);
        self.take_links(&status);
        self.status = Some(Status { virtual_aps: Vec::new(), ..status });
    }

    /// Does what a key says.
    pub fn press(&mut self, key: Key) {
        match key {
            Key::Sort => {
                self.sort = self.sort.next();
                self.order();
            }
            Key::Up => self.choose(|place| place.saturating_sub(1)),
            Key::Down => self.choose(|place| place + 1),
        }
    }

    /// Where the chosen client is in the list.
    pub(super) fn place(&self) -> usize {
        let chosen = self.chosen.as_ref();
        self.rows.iter().position(|row| chosen.is_some_and(|chosen| *chosen == name(row))).unwrap_or(0)
    }

    fn choose(&mut self, step: impl Fn(usize) -> usize) {
        let place = step(self.place()).min(self.rows.len().saturating_sub(1));
        self.chosen = self.rows.get(place).map(name);
    }

    fn take_radios(&mut self, status: &Status) {
        let at = status.uptime_ms;
        let mut before = std::mem::take(&mut self.radios);
        let mut drops: BTreeMap<String, u64> = BTreeMap::new();
        for Radio { phy, counters, drops: dropped, .. } in &status.radios {
            let mut history = before.remove(phy).unwrap_or_default();
            history.rx.take(at, counters.rx_frames);
            history.tx.take(at, counters.tx_frames);
            history.retries.take(at, counters.tx_retries);
            history.drops.take(at, dropped.values().fold(0, |sum, &count| sum.saturating_add(count)));
            self.radios.insert(phy.clone(), history);
            for (reason, &count) in dropped {
                let sum = drops.entry(reason.clone()).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        let mut before = std::mem::take(&mut self.drops);
        for (reason, count) in drops {
            let mut history = before.remove(&reason).unwrap_or_default().history;
            history.take(at, count);
            self.drops.insert(reason, DropRow { count, history });
        }
    }

    fn take_links(&mut self, status: &Status) {
        let mut before = std::mem::take(&mut self.links);
        for link in status.links.iter().take(links::MOST) {
            let mut history = before.remove(&link.address).unwrap_or_default();
            history.up.take(status.uptime_ms, link.rx_bytes);
            history.down.take(status.uptime_ms, link.tx_bytes);
            self.links.insert(link.address.clone(), history);
        }
    }

    fn take_clients(&mut self, status: &Status) {
        let at = status.uptime_ms;
        let before = std::mem::take(&mut self.rows);
        let mut before: BTreeMap<_, _> =
            before.into_iter().map(|row| (name(&row), (row.up, row.down))).collect();
        let mut moves: BTreeMap<&str, u64> = BTreeMap::new();
        for moved in &status.moves {
            *moves.entry(moved.client.as_str()).or_default() += 1;
        }
        let all = status.virtual_aps.iter().flat_map(|ap| ap.clients.iter().map(move |client| (ap, client)));
        for (ap, client) in all.take(MAX_CLIENTS) {
            let ap = VirtualAp { clients: Vec::new(), ..ap.clone() };
            let mut row = Row { client: client.clone(), ap, ..Row::default() };
            (row.up, row.down) = before.remove(&name(&row)).unwrap_or_default();
            row.moves = moves.get(client.address.as_str()).copied().unwrap_or_default();
            row.up.take(at, client.rx_bytes);
            row.down.take(at, client.tx_bytes);
            self.rows.push(row);
        }
        self.order();
    }

    fn order(&mut self) {
        let traffic = |row: &Row| std::cmp::Reverse(row.up.rate().saturating_add(row.down.rate()));
        match self.sort {
            Sort::Traffic => self.rows.sort_by_cached_key(|row| (traffic(row), name(row))),
            Sort::Signal => self.rows.sort_by_cached_key(|row| (row.client.signal_dbm, name(row))),
            Sort::Address => self.rows.sort_by_cached_key(name),
        }
    }
}

fn name(row: &Row) -> (String, String) {
    (row.client.address.clone(), row.ap.bssid.clone())
}

/// Text from the socket, without what could steer the terminal.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if is_dangerous(c) { '·' } else { c }).collect()
}
