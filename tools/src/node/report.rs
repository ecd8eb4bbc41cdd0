//! How a radio is, for the status.

use drivers::Radio;
use stack::ap::{VirtualAp, VirtualApKind};
use stack::mac::Peer;
use stack::time::Instant;

use super::worker::Worker;
use crate::dump::rate;
use crate::escape::escape;
use crate::status;

/// A radio, the virtual APs on it and its links, as the status shows them; the node's name is still to be filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The radio.
    pub radio: status::Radio,
    /// Its virtual APs.
    pub virtual_aps: Vec<status::VirtualAp>,
    /// Its links.
    pub links: Vec<status::Link>,
}

impl<R: Radio> Worker<R> {
    /// How it is.
    pub fn report(&mut self, now: Instant) -> Report {
        let mut drops = self.ap.drops().clone();
        drops.merge(self.port.drops());
        drops.merge(&self.drops);
        drops.merge(&self.links.drops());
        let channel = self.links.tuning.channel;
        let mut radio = status::Radio {
            phy: self.name.clone(),
            state: "up".to_owned(),
            channel: channel.number(),
            frequency: channel.frequency(),
            drops: drops.iter().map(|(reason, count)| (reason.name().to_owned(), count)).collect(),
            counters: self.counters,
            hopping: self.links.hopping(),
            ack_addresses: self.acks.iter().map(ToString::to_string).collect(),
            ..status::Radio::default()
        };
        if let Some(inspect) = self.inspect {
            inspect(&mut self.radio, &mut radio);
        }
        let of = |ap: &VirtualAp| status::VirtualAp {
            bssid: ap.bssid().to_string(),
            ssid: escape(&ap.config().ssid),
            kind: kind(ap).to_owned(),
            node: String::new(),
            radio: self.name.clone(),
            generation: 0,
            clients: ap.peers().map(|peer| client(peer, now)).collect(),
        };
        let virtual_aps = self.ap.virtual_aps().map(of).collect();
        Report { radio, virtual_aps, links: self.links.report(&self.name) }
    }
}

fn kind(ap: &VirtualAp) -> &'static str {
    match ap.config().kind {
        VirtualApKind::Shared => "shared",
        VirtualApKind::PerClient => "per-client",
    }
}

fn client(peer: &Peer, now: Instant) -> status::Client {
    let stats = &peer.stats;
    status::Client {
        address: peer.address().to_string(),
        state: if peer.is_port_open() { "authorized" } else { "associated" }.to_owned(),
        power_save: peer.power_save().is_dozing(),
        rx_frames: stats.rx_frames,
        tx_frames: stats.tx_frames,
        rx_bytes: stats.rx_bytes,
        tx_bytes: stats.tx_bytes,
        tx_retries: stats.tx_retries,
        tx_failed: stats.tx_failed,
        signal_dbm: stats.average_signal(),
        rx_rate: stats.rx_rate.map(rate),
        queued: peer.queued() as u64,
        inactive_ms: u64::try_from(stats.silence(now).as_millis()).unwrap_or(u64::MAX),
    }
}
