//! Who served whom when, and how it came that another did.

use std::time::Duration;

use stack::ap::ApEvent;
use stack::time::Instant;
use stack::wire::MacAddr;

use crate::node::{Departed, News, WorkerEvent};

use super::witness::client_of;

/// How a client came to another radio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The value went from one radio of a node to another.
    Within,
    /// Its context went from node to node.
    Between,
    /// Its owner was lost: another node made it anew from its copy.
    Takeover,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handover {
    /// When it was served again.
    pub(super) at: Instant,
    pub(super) client: usize,
    pub(super) bssid: MacAddr,
    /// Radios, by their place in the scene.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) way: Way,
    /// For how long nobody could send for it.
    pub(super) gap: Option<Duration>,
    /// MSDUs that came with it.
    pub(super) queued: usize,
}

/// A radio serves a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    pub(super) mast: usize,
    pub(super) from: Instant,
    /// `None` while it lasts.
    pub(super) to: Option<Instant>,
}

/// The node whose power failed.
#[derive(Clone, Debug)]
pub(super) struct Crash {
    pub(super) at: Instant,
    pub(super) node: usize,
    /// Whom it served.
    pub(super) clients: Vec<usize>,
}

/// The history of all clients.
#[derive(Clone, Debug, Default)]
pub(super) struct Chronicle {
    /// By client.
    stays: Vec<Vec<Stay>>,
    pub(super) handovers: Vec<Handover>,
    pub(super) crash: Option<Crash>,
}

impl Chronicle {
    pub(super) fn new(clients: usize) -> Self {
        Self { stays: vec![Vec::new(); clients], ..Self::default() }
    }

    /// Where a client has been, in the order of time.
    pub(super) fn stays(&self, client: usize) -> &[Stay] {
        self.stays.get(client).map_or(&[], Vec::as_slice)
    }

    /// Which radio serves a client now.
    pub(super) fn server(&self, client: usize) -> Option<usize> {
        self.stays(client).last().filter(|stay| stay.to.is_none()).map(|stay| stay.mast)
    }

    /// Something happened on a radio. Whether it changed who serves whom.
    pub(super) fn handle_event(
        &mut self,
        now: Instant,
        mast: usize,
        first: usize,
        event: &WorkerEvent,
    ) -> bool {
        match event {
            WorkerEvent::Ap(ApEvent::StationJoined { station, .. }) => self.serves(now, *station, mast),
            WorkerEvent::Ap(ApEvent::StationLeft { station, .. }) => self.left(now, *station, mast),
            WorkerEvent::Moved(moved) => {
                let Some(client) = client_of(moved.station) else { return false };
                self.handovers.push(Handover {
                    at: now,
                    client,
                    bssid: moved.bssid,
                    from: first + moved.from,
                    to: mast,
                    way: Way::Within,
                    gap: Some(moved.gap),
                    queued: moved.queued,
                });
                self.serves(now, moved.station, mast)
            }
            WorkerEvent::Ap(_) | WorkerEvent::Link(_) | WorkerEvent::Trouble(_) => false,
        }
    }

    /// A node, whose first radio is `first`, has news. Whether that changed who serves whom.
    pub(super) fn handle_news(&mut self, now: Instant, first: usize, news: &News) -> bool {
        match news {
            News::Arrived { station, bssid, radio, queued, taken_over, .. } => {
                let Some(client) = client_of(*station) else { return false };
                let to = first + radio;
                let from = self.stays(client).last().map_or(to, |stay| stay.mast);
                let way = if *taken_over { Way::Takeover } else { Way::Between };
                let crash = self.crash.as_ref().filter(|_| *taken_over);
                let gap = crash.map(|crash| now.since(crash.at));
                let (bssid, queued) = (*bssid, *queued);
                self.handovers.push(Handover { at: now, client, bssid, from, to, way, gap, queued });
                self.serves(now, *station, to)
            }
            News::Left(departed, _) => {
                self.departed(now, departed);
                false
            }
            News::Line(_) => false,
        }
    }

    /// A node is gone, and with it what its radios served.
    pub(super) fn node_gone(&mut self, now: Instant, node: usize, is_of: impl Fn(usize) -> bool) {
        let served = |client: &usize| self.server(*client).is_some_and(&is_of);
        let clients: Vec<_> = (0..self.stays.len()).filter(served).collect();
        for &client in &clients {
            self.end_stay(now, client);
        }
        self.crash = Some(Crash { at: now, node, clients });
    }

    /// The old node knows since when it did not send; the new one when it began. Both live by one clock.
    fn departed(&mut self, now: Instant, departed: &Departed) {
        let moved = |handover: &&mut Handover| {
            handover.bssid == departed.bssid && handover.way == Way::Between && handover.gap.is_none()
        };
        if let Some(handover) = self.handovers.iter_mut().rev().find(moved) {
            let silent = now - departed.gap;
            handover.gap = Some(handover.at.since(silent));
        }
    }

    fn serves(&mut self, now: Instant, station: MacAddr, mast: usize) -> bool {
        let Some(client) = client_of(station) else { return false };
        if self.server(client) == Some(mast) {
            return false;
        }
        self.end_stay(now, client);
        if let Some(stays) = self.stays.get_mut(client) {
            stays.push(Stay { mast, from: now, to: None });
        }
        true
    }

    fn left(&mut self, now: Instant, station: MacAddr, mast: usize) -> bool {
        let Some(client) = client_of(station).filter(|client| self.server(*client) == Some(mast)) else {
            return false;
        };
        self.end_stay(now, client);
        true
    }

    fn end_stay(&mut self, now: Instant, client: usize) {
        let last = self.stays.get_mut(client).and_then(|stays| stays.last_mut());
        if let Some(stay) = last.filter(|stay| stay.to.is_none()) {
            stay.to = Some(now);
        }
    }
}
