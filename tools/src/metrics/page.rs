//! A status as metrics.

use std::collections::BTreeMap;

use crate::status::{Client, GAP_BOUNDS_US, Link, Radio, Status, VirtualAp};

use super::text::{Kind, Text};

/// Clients that have metrics of their own at the most; those beyond are in the counts.
const MAX_CLIENTS: usize = 4096;
/// Foreign networks that have metrics at the most.
const MAX_LINKS: usize = 256;
/// Virtual APs whose generation is told at the most.
const MAX_VIRTUAL_APS: usize = 4096;

/// The metrics of a node, in Prometheus' text format. Its length is bounded.
pub fn page(status: &Status) -> String {
    let mut out = Text::default();
    node(&mut out, status);
    radios(&mut out, &status.radios);
    drops(&mut out, &status.radios);
    virtual_aps(&mut out, status);
    clients(&mut out, status);
    links(&mut out, &status.links);
    moves(&mut out, status);
    out.into_string()
}

fn node(out: &mut Text, status: &Status) {
    out.metric("airloom_info", Kind::Gauge, "The node and its version; always 1.");
    out.sample(&[("node", &status.node), ("version", &status.version)], 1);
    out.metric("airloom_uptime_seconds", Kind::Gauge, "How long the node has been running.");
    out.sample(&[], seconds(status.uptime_ms, 1000));
    out.metric(
        "airloom_peer_up",
        Kind::Gauge,
        "Whether there is a session with another node of the cluster.",
    );
    for peer in &status.peers {
        out.sample(&[("peer", &peer.node), ("state", &peer.state)], u8::from(peer.state == "up"));
    }
    out.metric(
        "airloom_cluster_dropped_total",
        Kind::Counter,
        "What came from other nodes and was discarded, by reason.",
    );
    for (reason, count) in &status.cluster_drops {
        out.sample(&[("reason", reason)], count);
    }
}

fn radios(out: &mut Text, radios: &[Radio]) {
    type Value = fn(&Radio) -> u64;
    let metrics: [(&str, Kind, &str, Value); 10] = [
        ("airloom_radio_up", Kind::Gauge, "Whether the radio works.", |r| u64::from(r.state == "up")),
        ("airloom_radio_channel", Kind::Gauge, "The number of its channel.", |r| r.channel.into()),
        ("airloom_radio_acknowledged_addresses", Kind::Gauge, "Addresses that it acknowledges.", |r| {
            r.ack_addresses.len() as u64
        }),
        ("airloom_radio_received_frames_total", Kind::Counter, "Frames that were heard.", |r| {
            r.counters.rx_frames
        }),
        ("airloom_radio_transmitted_frames_total", Kind::Counter, "Frames that were given to it.", |r| {
            r.counters.tx_frames
        }),
        ("airloom_radio_acknowledged_frames_total", Kind::Counter, "Those of them that arrived.", |r| {
            r.counters.tx_acked
        }),
        ("airloom_radio_unacknowledged_frames_total", Kind::Counter, "Those that did not.", |r| {
            r.counters.tx_failed
        }),
        ("airloom_radio_retries_total", Kind::Counter, "Transmissions that were repeated.", |r| {
            r.counters.tx_retries
        }),
        ("airloom_radio_msdus_from_stations_total", Kind::Counter, "MSDUs from its stations.", |r| {
            r.counters.msdus_from_stations
        }),
        ("airloom_radio_msdus_to_stations_total", Kind::Counter, "MSDUs for its stations.", |r| {
            r.counters.msdus_to_stations
        }),
    ];
    for (name, kind, help, value) in metrics {
        out.metric(name, kind, help);
        for radio in radios {
            out.sample(&[("radio", &radio.phy)], value(radio));
        }
    }
}

fn drops(out: &mut Text, radios: &[Radio]) {
    out.metric("airloom_dropped_frames_total", Kind::Counter, "Frames that were discarded, by reason.");
    for radio in radios {
        for (reason, count) in &radio.drops {
            out.sample(&[("radio", &radio.phy), ("reason", reason)], count);
        }
    }
}

fn virtual_aps(out: &mut Text, status: &Status) {
    let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for ap in &status.virtual_aps {
        *counts.entry((&ap.radio, &ap.ssid, &ap.kind)).or_default() += 1;
    }
    out.metric("airloom_virtual_aps", Kind::Gauge, "Virtual APs, by radio and network.");
    for ((radio, ssid, kind), count) in counts {
        out.sample(&[("radio", radio), ("ssid", ssid), ("kind", kind)], count);
    }
    out.metric(
        "airloom_virtual_ap_generation",
        Kind::Gauge,
        "Of the lease of a virtual AP: how often its keys have changed hands.",
    );
    for ap in status.virtual_aps.iter().take(MAX_VIRTUAL_APS) {
        out.sample(&[("bssid", &ap.bssid), ("radio", &ap.radio)], ap.generation);
    }
}

/// How a client is, in a word.
fn state(client: &Client) -> &'static str {
    match (client.state.as_str(), client.power_save) {
        ("authorized", true) => "dozing",
        ("authorized", false) => "awake",
        _ => "joining",
    }
}

fn clients(out: &mut Text, status: &Status) {
    let all = || status.virtual_aps.iter().flat_map(|ap| ap.clients.iter().map(move |client| (ap, client)));
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (ap, client) in all() {
        *counts.entry((&ap.radio, state(client))).or_default() += 1;
    }
    out.metric("airloom_clients", Kind::Gauge, "Clients, by radio and state.");
    for ((radio, state), count) in counts {
        out.sample(&[("radio", radio), ("state", state)], count);
    }
    let mut of_each = |name, kind, help, value: fn(&Client) -> Option<i64>| {
        out.metric(name, kind, help);
        for (ap, client) in all().take(MAX_CLIENTS) {
            if let Some(value) = value(client) {
                out.sample(&labels(ap, client), value);
            }
        }
    };
    of_each("airloom_client_signal_dbm", Kind::Gauge, "Signal of the client.", |client| {
        client.signal_dbm.map(i64::from)
    });
    of_each("airloom_client_received_bytes_total", Kind::Counter, "Bytes from the client.", |client| {
        i64::try_from(client.rx_bytes).ok()
    });
    of_each("airloom_client_transmitted_bytes_total", Kind::Counter, "Bytes to the client.", |client| {
        i64::try_from(client.tx_bytes).ok()
    });
    of_each("airloom_client_queued_msdus", Kind::Gauge, "MSDUs that wait for the client.", |client| {
        i64::try_from(client.queued).ok()
    });
}

fn labels<'a>(ap: &'a VirtualAp, client: &'a Client) -> [(&'static str, &'a str); 3] {
    [("client", &client.address), ("bssid", &ap.bssid), ("radio", &ap.radio)]
}

fn links(out: &mut Text, links: &[Link]) {
    type Value = fn(&Link) -> Option<f64>;
    let metrics: [(&str, Kind, &str, Value); 7] = [
        ("airloom_link_up", Kind::Gauge, "Whether a foreign network is joined.", |link| {
            Some(f64::from(u8::from(link.state == "connected")))
        }),
        (
            "airloom_link_slot_share",
            Kind::Gauge,
            "Share of the radio's time that its channel gets.",
            |link| link.slot_share,
        ),
        ("airloom_link_signal_dbm", Kind::Gauge, "Signal of its AP.", |link| link.signal_dbm.map(f64::from)),
        (
            "airloom_link_ap_buffer_frames",
            Kind::Gauge,
            "Frames that its AP keeps, as far as known.",
            |link| link.ap_buffer.map(f64::from),
        ),
        ("airloom_link_connects_total", Kind::Counter, "How often it was joined.", |link| {
            Some(link.connects as f64)
        }),
        ("airloom_link_received_bytes_total", Kind::Counter, "Bytes from it.", |link| {
            Some(link.rx_bytes as f64)
        }),
        ("airloom_link_transmitted_bytes_total", Kind::Counter, "Bytes to it.", |link| {
            Some(link.tx_bytes as f64)
        }),
    ];
    for (name, kind, help, value) in metrics {
        out.metric(name, kind, help);
        for link in links.iter().take(MAX_LINKS) {
            if let Some(value) = value(link) {
                out.sample(&link_labels(link), value);
            }
        }
    }
    out.metric(
        "airloom_link_lost_frames_total",
        Kind::Counter,
        "Frames lost on a foreign network, by cause.",
    );
    for link in links.iter().take(MAX_LINKS) {
        for (cause, count) in &link.losses {
            let [radio, ssid, address] = link_labels(link);
            out.sample(&[radio, ssid, address, ("cause", cause)], count);
        }
    }
}

fn link_labels(link: &Link) -> [(&'static str, &str); 3] {
    [("radio", &link.radio), ("ssid", &link.ssid), ("address", &link.address)]
}

fn moves(out: &mut Text, status: &Status) {
    let totals = &status.move_totals;
    out.metric(
        "airloom_moves_total",
        Kind::Counter,
        "Virtual APs that changed their radio, by how they did.",
    );
    for (way, count) in [
        ("within_node", totals.within),
        ("to_node", totals.left),
        ("from_node", totals.arrived),
        ("taken_over", totals.taken_over),
    ] {
        out.sample(&[("way", way)], count);
    }
    out.metric(
        "airloom_move_gap_seconds",
        Kind::Histogram,
        "For how long nobody could send to a client that moved from a radio of this node.",
    );
    let bounds = GAP_BOUNDS_US.iter().zip(&totals.gaps);
    let mut sum = 0;
    let cumulative = bounds.map(|(bound, count)| {
        sum += count;
        (seconds(*bound, 1_000_000), sum)
    });
    out.histogram(cumulative, totals.within + totals.left, seconds(totals.gap_us, 1_000_000));
}

fn seconds(count: u64, per_second: u32) -> f64 {
    count as f64 / f64::from(per_second)
}
