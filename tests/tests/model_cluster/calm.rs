//! After the last fault: how soon is everything in order again?

use super::oracle::Violation;
use super::plan::MILLI;
use super::world::World;

/// A client is served again at the latest so long after the last fault, also one that has to notice first that nobody
/// is there any more, and to join again.
const SERVED: u64 = 3000 * MILLI;
/// All that was sent before has arrived so long after the last of it.
const ARRIVED: u64 = 1500 * MILLI;
/// How often that is looked at.
const STEP: u64 = 50 * MILLI;
/// MSDUs in each direction that show whether a client is served.
const LAST: usize = 4;

/// What was sent at last to and from a client.
struct Last {
    client: usize,
    up: Vec<u32>,
    down: Vec<u32>,
}

impl World {
    /// One owner for each client, who serves it; then everything that was sent is where it belongs.
    pub fn check_calm(&mut self) {
        self.wait_for(SERVED, Self::disorder);
        self.quiet = true;
        let last: Vec<Last> = (0..self.clients.len())
            .map(|client| Last {
                client,
                up: (0..LAST).filter_map(|_| self.send_up(client)).collect(),
                down: (0..LAST).filter_map(|_| self.send_down(client)).collect(),
            })
            .collect();
        self.wait_for(ARRIVED, |world| world.unserved(&last));
        if self.oracle.counts.crashes == 0 {
            self.wait_for(ARRIVED, |world| world.oracle.missing());
        }
        // What had just changed is known everywhere now, and stays so.
        self.wait_for(ARRIVED, Self::disorder);
        for node in &self.nodes {
            let counts = node.core.iter().flat_map(|core| core.drops().iter().map(|(_, count)| count));
            self.oracle.counts.drops += counts.sum::<u64>();
        }
    }

    /// Goes on until nothing is wrong twice in a row, or the time is over.
    fn wait_for(&mut self, bound: u64, wrong: impl Fn(&Self) -> Vec<Violation>) {
        let end = self.now + bound;
        let mut good = 0;
        while self.oracle.violations.is_empty() && good < 2 {
            let found = wrong(self);
            good = if found.is_empty() { good + 1 } else { 0 };
            if self.now >= end {
                return found.into_iter().for_each(|violation| self.fail(violation));
            }
            self.run(self.now + STEP);
        }
    }

    fn unserved(&self, last: &[Last]) -> Vec<Violation> {
        let mut found = Vec::new();
        // One of them may be lost on the air.
        for Last { client, up, down } in last {
            if !up.iter().any(|msdu| self.oracle.is_delivered(*msdu)) {
                found.push(Violation::NotServed { client: *client, what: "nothing from it arrives" });
            }
            if !down.iter().any(|msdu| self.oracle.is_accepted(*msdu)) {
                found.push(Violation::NotServed { client: *client, what: "nothing for it arrives" });
            }
        }
        found
    }

    fn disorder(&self) -> Vec<Violation> {
        (0..self.clients.len()).filter_map(|client| self.disorder_of(client)).collect()
    }

    fn disorder_of(&self, client: usize) -> Option<Violation> {
        let Some(bssid) = self.clients[client].bssid else {
            return Some(Violation::NotServed { client, what: "it is nowhere" });
        };
        let owners = self.owners(bssid);
        let owns = |node: &usize| {
            let core = self.nodes[*node].core.as_ref();
            core.is_some_and(|core| core.owned().any(|(owned, _)| owned == bssid))
        };
        let believers: Vec<usize> = (0..self.nodes.len()).filter(owns).collect();
        if owners.len() != 1 || believers != owners {
            let what = format!("{bssid}: radios of {owners:?}, cores of {believers:?}");
            return Some(Violation::Unsettled { what });
        }
        if !self.can_serve(owners[0], bssid, client) {
            return Some(Violation::NotServed { client, what: "its owner has another key" });
        }
        let vap = &self.nodes[owners[0]].radio[&bssid];
        if vap.stale || self.clients[client].highest >= vap.next {
            return Some(Violation::NotServed { client, what: "it listens to later packet numbers" });
        }
        let title = |node: usize| self.nodes[node].core.as_ref().and_then(|core| core.title(bssid)).copied();
        let node = (0..self.nodes.len()).find(|node| title(*node) != title(owners[0]))?;
        let what =
            format!("{bssid}: node {node} believes {:?}, its owner {:?}", title(node), title(owners[0]));
        Some(Violation::Unsettled { what })
    }
}
