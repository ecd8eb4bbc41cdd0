//! What a node knows of who is where, and of who says otherwise.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use mesh::announce::{Claim, NodeId, SaBinding};
use mesh::claim::{Claims, Limits, Station};
use sha2::{Digest, Sha256};
use stack::ap::NetworkId;
use stack::mac::DropCounts;
use stack::time::Instant;
use stack::wire::MacAddr;

use crate::status;

/// Conflicts that are remembered for people.
const DISPUTES: usize = 32;
/// The same conflict is told of once in so long.
const AGAIN: Duration = Duration::from_secs(10);

/// A network, as the cluster knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its name within the node.
    pub id: NetworkId,
    /// Its name on the air, by which contexts find it.
    pub ssid: Vec<u8>,
    /// Its name among Ethernets: addresses count within one.
    pub vlan: u16,
}

/// Who claims an address that is another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claimant {
    /// A node, by a claim.
    Node(NodeId),
    /// Somebody on the wire of this node, by frames.
    Wire,
}

#[derive(Clone, Debug)]
struct Dispute {
    station: Station,
    holder: NodeId,
    claimant: Claimant,
    at: Instant,
}

/// What the node knows of who is where.
#[derive(Debug)]
pub(super) struct Ports {
    pub(super) claims: Claims,
    /// What the node is called.
    pub(super) name: String,
    pub(super) segments: Vec<Segment>,
    pub(super) flood: bool,
    /// Clients that have left, and until when what comes for them is handed on.
    pub(super) left: BTreeMap<Station, Instant>,
    disputes: VecDeque<Dispute>,
    conflicts: u64,
    pub(super) frozen: u64,
    /// Frames that other nodes sent, or were to get.
    pub(super) drops: DropCounts,
    /// Notices and rows that could not be read, or spoke for another.
    pub(super) malformed: u64,
    /// When the claims of others are read again from their rows.
    pub(super) review: Instant,
    /// What the radios know is not up to date.
    pub(super) stale: bool,
}

impl Ports {
    pub(super) fn new(me: NodeId) -> Self {
        Self {
            claims: Claims::new(me, Limits::default()),
            name: format!("{:x}", me.0),
            segments: Vec::new(),
            flood: false,
            left: BTreeMap::new(),
            disputes: VecDeque::new(),
            conflicts: 0,
            frozen: 0,
            drops: DropCounts::new(),
            malformed: 0,
            review: Instant::ZERO,
            stale: true,
        }
    }

    /// When there is something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let claims = self.claims.poll_timeout().map(|(at, _)| at);
        Some(claims.map_or(self.review, |at| at.min(self.review)))
    }

    /// The network with this SSID, the first one if there is none.
    pub(super) fn network(&self, ssid: &[u8]) -> NetworkId {
        self.segments.iter().find(|segment| segment.ssid == ssid).map_or(NetworkId(0), |segment| segment.id)
    }

    pub(super) fn station(&self, network: NetworkId, address: MacAddr) -> Station {
        let segment = self.segments.iter().find(|segment| segment.id == network);
        Station { vlan: segment.map_or(0, |segment| segment.vlan), address }
    }

    /// The network of a VLAN; who was told of no networks has one, without a VLAN.
    pub(super) fn network_of(&self, vlan: u16) -> Option<NetworkId> {
        let of = self.segments.iter().find(|segment| segment.vlan == vlan).map(|segment| segment.id);
        of.or_else(|| (self.segments.is_empty() && vlan == 0).then_some(NetworkId(0)))
    }

    /// A conflict is counted each time, and told of now and then. Whether it is to be told of now.
    pub(super) fn dispute(
        &mut self,
        now: Instant,
        station: Station,
        holder: NodeId,
        claimant: Claimant,
    ) -> bool {
        self.conflicts += 1;
        let same = |known: &&Dispute| {
            (known.station, known.holder, known.claimant) == (station, holder, claimant)
                && now.since(known.at) < AGAIN
        };
        if self.disputes.iter().any(|known| same(&known)) {
            return false;
        }
        if self.disputes.len() >= DISPUTES {
            self.disputes.pop_front();
        }
        self.disputes.push_back(Dispute { station, holder, claimant, at: now });
        true
    }

    /// How it is, for the status; `name` is what nodes are called.
    pub(super) fn report(&self, name: impl Fn(NodeId) -> String) -> status::Claims {
        let (wired, clients): (Vec<_>, Vec<_>) = self.claims.all().partition(|claim| claim.is_wired());
        let whereabouts = |claim: &Claim| status::Whereabouts {
            client: claim.client.to_string(),
            vlan: claim.vlan,
            node: name(claim.node),
            generation: u64::from(claim.generation.number()),
        };
        let tell = |dispute: &Dispute| status::Conflict {
            client: dispute.station.address.to_string(),
            vlan: dispute.station.vlan,
            holder: name(dispute.holder),
            claimant: match dispute.claimant {
                Claimant::Node(node) => name(node),
                Claimant::Wire => "wire".to_owned(),
            },
        };
        status::Claims {
            clients: clients.into_iter().map(whereabouts).collect(),
            wired: wired.len() as u64,
            conflicts: self.conflicts,
            frozen: self.frozen,
            malformed: self.malformed,
            refused: BTreeMap::new(),
            drops: self.drops.iter().map(|(reason, count)| (reason.name().to_owned(), count)).collect(),
            last_conflicts: self.disputes.iter().map(tell).collect(),
        }
    }
}

/// Names the association of a client: by its pairwise key, or where there is none, by who it is to whom.
pub(super) fn binding(bssid: MacAddr, client: MacAddr, keys: SaBinding) -> SaBinding {
    if keys != SaBinding::WIRED {
        return keys;
    }
    let text = [&b"airloom open association"[..], &bssid.octets(), &client.octets()].concat();
    Sha256::digest(text).first_chunk().map_or(SaBinding([u8::MAX; 16]), |first| SaBinding(*first))
}
