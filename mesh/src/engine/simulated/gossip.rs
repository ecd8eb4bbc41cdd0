//! What a node knows of all nodes, and what it tells another of it.

use std::collections::BTreeMap;

use stack::time::Instant;

use crate::announce::NodeId;
use crate::engine::Row;

/// What is known of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) incarnation: u64,
    heartbeat: u64,
    version: u64,
    /// Removed rows stay as `None`, so that the others hear of it.
    rows: BTreeMap<Vec<u8>, (u64, Option<Vec<u8>>)>,
    /// When its heartbeat was last seen to have risen.
    pub(super) heard: Instant,
}

/// The news of one node.
#[derive(Clone, Debug)]
pub(super) struct News {
    incarnation: u64,
    heartbeat: u64,
    /// What has to be known already.
    since: u64,
    version: u64,
    rows: Vec<(Vec<u8>, u64, Option<Vec<u8>>)>,
}

/// A row that changed, by its key.
pub(super) type Change = (Vec<u8>, Option<Row>);

impl Known {
    pub(super) fn new(incarnation: u64, now: Instant) -> Self {
        Self { incarnation, heard: now, ..Self::default() }
    }

    pub(super) fn beat(&mut self, now: Instant) {
        self.heartbeat += 1;
        self.heard = now;
    }

    /// Sets or removes a row. The same again is no change.
    pub(super) fn set(&mut self, key: &[u8], value: Option<&[u8]>) {
        let before = self.rows.get(key).and_then(|(_, value)| value.as_deref());
        if before != value {
            self.version += 1;
            self.rows.insert(key.to_vec(), (self.version, value.map(<[u8]>::to_vec)));
        }
    }

    pub(super) fn row(&self, key: &[u8]) -> Option<Row> {
        let (version, value) = self.rows.get(key)?;
        Some(Row { version: *version, value: value.clone()? })
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (&[u8], Row)> {
        self.rows.iter().filter_map(|(key, (version, value))| {
            Some((key.as_slice(), Row { version: *version, value: value.clone()? }))
        })
    }

    pub(super) fn count(&self) -> usize {
        self.rows.values().filter(|(_, value)| value.is_some()).count()
    }

    /// What is new here for somebody who knows `theirs`.
    fn news(&self, theirs: Option<&Self>) -> Option<News> {
        let theirs = theirs.filter(|theirs| theirs.incarnation >= self.incarnation);
        let (known, heartbeat, since) =
            theirs.map_or((0, 0, 0), |theirs| (theirs.incarnation, theirs.heartbeat, theirs.version));
        if known > self.incarnation || (known == self.incarnation && heartbeat >= self.heartbeat) {
            return None;
        }
        let newer = self.rows.iter().filter(|(_, (version, _))| *version > since);
        let rows = newer.map(|(key, (version, value))| (key.clone(), *version, value.clone())).collect();
        Some(News {
            incarnation: self.incarnation,
            heartbeat: self.heartbeat,
            since,
            version: self.version,
            rows,
        })
    }

    /// Takes the news in and yields the rows that changed.
    pub(super) fn learn(&mut self, news: News, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        if news.incarnation > self.incarnation && news.since == 0 {
            changes.extend(self.rows().map(|(key, _)| (key.to_vec(), None)));
            *self = Self::new(news.incarnation, now);
        }
        if news.incarnation != self.incarnation || news.since > self.version {
            return changes;
        }
        if news.heartbeat > self.heartbeat {
            self.heartbeat = news.heartbeat;
            self.heard = now;
        }
        for (key, version, value) in news.rows {
            if self.rows.get(&key).is_none_or(|(known, _)| *known < version) {
                let row = value.clone().map(|value| Row { version, value });
                self.rows.insert(key.clone(), (version, value));
                changes.retain(|(changed, _)| *changed != key);
                changes.push((key, row));
            }
        }
        self.version = self.version.max(news.version);
        changes
    }
}

/// What `ours` tells somebody who knows `theirs`, node by node.
pub(super) fn news(ours: &BTreeMap<NodeId, Known>, theirs: &BTreeMap<NodeId, Known>) -> Vec<(NodeId, News)> {
    ours.iter().filter_map(|(node, known)| Some((*node, known.news(theirs.get(node))?))).collect()
}
