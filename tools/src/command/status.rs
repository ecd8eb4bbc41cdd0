//! `airloom status`: what a node is doing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;

use super::{say, say_json};
use crate::config::CONTROL;
use crate::control::{Answer, Request, ask};
use crate::escape::escape;
use crate::status::{Claims, Client, Link, Move, Radio, Status};

/// Shows what the node on this host is doing.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  airloom status\n  airloom status --json | jq '.virtual_aps[].clients[].address'"
)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// The node's control socket
    #[arg(long, value_name = "PATH", default_value = CONTROL)]
    control: PathBuf,
}

impl Args {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let Answer::Status(status) = ask(&self.control, &Request::Status)? else {
            bail!("{} answers something else", self.control.display())
        };
        if self.json {
            say_json(&status)?
        } else {
            say(text(&status))?
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Moves that are told, the latest of those that the node remembers.
const MOVES: usize = 20;

/// For people. What is in it came from a socket, and some of it from the air.
fn text(status: &Status) -> String {
    let mut out = String::new();
    let seconds = status.uptime_ms / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    line(&mut out, format_args!("node {}, up {hours}:{minutes:02}:{seconds:02}", safe(&status.node)));
    for peer in &status.peers {
        line(&mut out, format_args!("with node {}: {}", safe(&peer.node), safe(&peer.state)));
    }
    for radio in &status.radios {
        write_radio(&mut out, radio);
    }
    for ap in &status.virtual_aps {
        line(
            &mut out,
            format_args!(
                "\nvirtual AP {} \"{}\" ({}) on {}, generation {}",
                safe(&ap.bssid),
                printable(&ap.ssid),
                safe(&ap.kind),
                safe(&ap.radio),
                ap.generation
            ),
        );
        write_clients(&mut out, &ap.clients);
    }
    if status.virtual_aps.is_empty() && status.links.is_empty() {
        line(&mut out, format_args!("\nno client yet"));
    }
    write_links(&mut out, &status.links);
    write_moves(&mut out, status);
    if let Some(claims) = &status.claims {
        write_claims(&mut out, claims);
    }
    out
}

fn write_claims(out: &mut String, claims: &Claims) {
    line(
        out,
        format_args!(
            "\ncluster: {} clients, {} addresses on wires, {} conflicts, {} that moved too often",
            claims.clients.len(),
            claims.wired,
            claims.conflicts,
            claims.frozen
        ),
    );
    for conflict in &claims.last_conflicts {
        let (client, holder, claimant) =
            (safe(&conflict.client), safe(&conflict.holder), safe(&conflict.claimant));
        line(out, format_args!("  conflict: {client} of {holder}, claimed by {claimant}"));
    }
}

fn write_radio(out: &mut String, radio: &Radio) {
    let counters = &radio.counters;
    line(
        out,
        format_args!(
            "\nradio {}: {}, channel {} ({} MHz), {} frames heard, {} sent ({} unacknowledged, {} retries)",
            safe(&radio.phy),
            safe(&radio.state),
            radio.channel,
            radio.frequency,
            counters.rx_frames,
            counters.tx_frames,
            counters.tx_failed,
            counters.tx_retries
        ),
    );
    line(out, format_args!("  acknowledges {} addresses", radio.ack_addresses.len()));
    if let Some(why) = &radio.ack_failure {
        line(out, format_args!("  {} could not be added: {}", radio.ack_failures, safe(why)));
    }
    if let Some(hopping) = &radio.hopping {
        let (cycle, left, hops) = (hopping.cycle_ms, 100.0 * hopping.air_left, hopping.hops);
        let (dead, failed) = (hopping.dead_air_ms / 1000.0, hopping.failed);
        line(
            out,
            format_args!(
                "  a round of {cycle:.1} ms leaves {left:.1} % of the air; {hops} hops took {dead:.1} s, {failed} failed"
            ),
        );
        if let Some((whole, ours)) = hopping.median_ms.zip(hopping.ours_ms) {
            line(
                out,
                format_args!("  a hop takes {whole:.2} ms, of which {ours:.2} ms are not the driver's"),
            );
        }
    }
    if !radio.drops.is_empty() {
        line(out, format_args!("  discarded: {}", counts(&radio.drops)));
    }
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    let each: Vec<_> = counts.iter().map(|(what, count)| format!("{} {count}", safe(what))).collect();
    each.join(", ")
}

fn write_links(out: &mut String, links: &[Link]) {
    for link in links {
        let tap = link.tap.as_deref().map(|tap| format!(" and {}", safe(tap))).unwrap_or_default();
        let (ssid, radio, address) = (printable(&link.ssid), safe(&link.radio), safe(&link.address));
        line(out, format_args!("\nlink \"{ssid}\" on {radio}{tap} as {address}: {}", safe(&link.state)));
        let mut parts = Vec::new();
        if !link.bssid.is_empty() {
            parts.push(format!("BSS {} on channel {}", safe(&link.bssid), link.channel));
        }
        parts.extend(link.signal_dbm.map(|dbm| format!("{dbm} dBm")));
        parts.extend(link.slot_share.map(|share| format!("{:.0} % of the time", 100.0 * share)));
        parts.extend(link.dead_air_ms.map(|dead| format!("a hop takes {dead:.1} ms")));
        parts.extend(link.ap_buffer.map(|frames| format!("its AP keeps {frames} frames")));
        if !parts.is_empty() {
            line(out, format_args!("  {}", parts.join(", ")));
        }
        let Link { rx_frames, rx_bytes, tx_frames, tx_bytes, queued, .. } = link;
        line(
            out,
            format_args!(
                "  {rx_frames} frames ({rx_bytes} bytes) from it, {tx_frames} ({tx_bytes}) to it, {queued} waiting"
            ),
        );
        if let Some(why) = &link.refusal {
            line(out, format_args!("  not served: {}", safe(why)));
        }
        if !link.losses.is_empty() {
            line(out, format_args!("  lost: {}", counts(&link.losses)));
        }
    }
}

fn write_clients(out: &mut String, clients: &[Client]) {
    if clients.is_empty() {
        return;
    }
    line(
        out,
        format_args!(
            "  {:<17}  {:<10}  {:<5}  {:>6}  {:>14}  {:>9}  {:>9}  {:>7}  {:>6}  {:>8}",
            "client",
            "state",
            "power",
            "signal",
            "rx rate",
            "rx frames",
            "tx frames",
            "retries",
            "queued",
            "inactive"
        ),
    );
    for client in clients {
        let signal = client.signal_dbm.map_or_else(String::new, |dbm| format!("{dbm}"));
        line(
            out,
            format_args!(
                "  {:<17}  {:<10}  {:<5}  {signal:>6}  {:>14}  {:>9}  {:>9}  {:>7}  {:>6}  {:>8}",
                safe(&client.address),
                safe(&client.state),
                if client.power_save { "doze" } else { "awake" },
                client.rx_rate.as_deref().map(safe).unwrap_or_default(),
                client.rx_frames,
                client.tx_frames,
                client.tx_retries,
                client.queued,
                format!("{} ms", client.inactive_ms),
            ),
        );
    }
}

/// The last moves, the latest first.
fn write_moves(out: &mut String, status: &Status) {
    if status.moves.is_empty() {
        return;
    }
    let totals = &status.move_totals;
    line(
        out,
        format_args!(
            "\nmoves: {} between radios, {} to other nodes, {} from other nodes, {} taken over",
            totals.within, totals.left, totals.arrived, totals.taken_over
        ),
    );
    for moved in status.moves.iter().rev().take(MOVES) {
        write_move(out, status.uptime_ms, moved);
    }
}

fn write_move(out: &mut String, uptime_ms: u64, moved: &Move) {
    let ago = uptime_ms.saturating_sub(moved.at_ms) as f64 / 1000.0;
    let gap = moved.gap_us.map(|gap| format!(", gap {:.3} ms", gap as f64 / 1000.0)).unwrap_or_default();
    let queued = moved.queued.map(|queued| format!(", {queued} MSDUs with it")).unwrap_or_default();
    let how = if moved.taken_over { ", taken over" } else { "" };
    line(
        out,
        format_args!(
            "  {ago:>9.1} s ago  {:<17}  {} -> {}{how}{gap}{queued}",
            safe(&moved.client),
            safe(&moved.from),
            safe(&moved.to)
        ),
    );
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{text}");
}

fn safe(text: &str) -> String {
    escape(text.as_bytes())
}

/// An SSID is escaped by the node already: what is left to escape is what another program put there.
fn printable(ssid: &str) -> String {
    ssid.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Conflict, Hopping, MoveTotals, PeerNode, VirtualAp};

    #[test]
    fn links_with_their_slots_and_losses() {
        let hopping = Hopping {
            cycle_ms: 102.4,
            air_left: 0.941,
            hops: 77,
            dead_air_ms: 231.0,
            failed: 1,
            median_ms: Some(3.02),
            ours_ms: Some(0.04),
        };
        let radio = Radio { phy: "phy1".into(), hopping: Some(hopping), ..Radio::default() };
        let cafe = Link {
            ssid: "cafe\u{1b}".into(),
            bssid: "02:00:00:00:03:00".into(),
            state: "connected".into(),
            channel: 36,
            tap: Some("cafe0".into()),
            address: "02:00:00:00:01:00".into(),
            radio: "phy1".into(),
            signal_dbm: Some(-51),
            slot_share: Some(0.251),
            dead_air_ms: Some(3.04),
            ap_buffer: Some(64),
            rx_frames: 12,
            tx_bytes: 3400,
            losses: [("queue_full".to_owned(), 3)].into(),
            ..Link::default()
        };
        let refusal = Some("this radio takes 52.0 ms".into());
        let bar = Link { ssid: "bar".into(), state: "scanning".into(), refusal, ..Link::default() };
        let status = Status { radios: vec![radio], links: vec![cafe, bar], ..Status::default() };
        let text = text(&status);
        for words in [
            "  a round of 102.4 ms leaves 94.1 % of the air; 77 hops took 0.2 s, 1 failed\n",
            "\nlink \"cafe\" on phy1 and cafe0 as 02:00:00:00:01:00: connected\n",
            "  BSS 02:00:00:00:03:00 on channel 36, -51 dBm, 25 % of the time, a hop takes 3.0 ms, its AP keeps 64 frames\n",
            "  12 frames (0 bytes) from it, 0 (3400) to it, 0 waiting\n",
            "  lost: queue_full 3\n",
            "\nlink \"bar\" on  as : scanning\n  0 frames",
            "  not served: this radio takes 52.0 ms\n",
        ] {
            assert!(text.contains(words), "{words} in\n{text}");
        }
        assert!(!text.contains("no client yet"), "{text}");
    }

    #[test]
    fn a_table_of_clients_under_their_virtual_aps() {
        let client = Client {
            address: "02:00:00:00:02:01".into(),
            state: "authorized".into(),
            power_save: true,
            rx_frames: 12,
            tx_frames: 34,
            signal_dbm: Some(-51),
            rx_rate: Some("54.0 Mb/s".into()),
            inactive_ms: 20,
            ..Client::default()
        };
        let radio = Radio {
            phy: "phy0".into(),
            state: "up".into(),
            channel: 6,
            frequency: 2437,
            drops: [("replay".to_owned(), 3)].into(),
            ..Radio::default()
        };
        let ap = VirtualAp {
            bssid: "02:00:00:00:01:00".into(),
            ssid: "office\u{1b}".into(),
            kind: "shared".into(),
            radio: "phy0".into(),
            clients: vec![client],
            ..VirtualAp::default()
        };
        let first = Move {
            client: "02:00:00:00:02:01".into(),
            from: "phy0".into(),
            to: "phy1".into(),
            at_ms: 3_720_500,
            gap_us: Some(412),
            queued: Some(2),
            ..Move::default()
        };
        let from = "@so\u{1b}uth".into();
        let second = Move { from, at_ms: 3_722_900, gap_us: None, taken_over: true, ..first.clone() };
        let status = Status {
            node: "north".into(),
            uptime_ms: 3_723_000,
            radios: vec![radio],
            virtual_aps: vec![ap],
            claims: Some(Claims {
                conflicts: 7,
                last_conflicts: vec![Conflict {
                    client: "02:00:00:00:02:01".into(),
                    vlan: 0,
                    holder: "north".into(),
                    claimant: "wire".into(),
                }],
                ..Claims::default()
            }),
            peers: vec![PeerNode { node: "south".into(), state: "up".into() }],
            moves: vec![first, second],
            move_totals: MoveTotals { within: 7, arrived: 1, ..MoveTotals::default() },
            ..Status::default()
        };
        let text = text(&status);
        for words in [
            "node north, up 1:02:03",
            "radio phy0: up, channel 6 (2437 MHz)",
            "discarded: replay 3",
            "cluster: 0 clients, 0 addresses on wires, 7 conflicts",
            "conflict: 02:00:00:00:02:01 of north, claimed by wire",
            "with node south: up",
            "virtual AP 02:00:00:00:01:00 \"office\" (shared) on phy0, generation 0",
            "moves: 7 between radios, 0 to other nodes, 1 from other nodes, 0 taken over\n        0.1 s ago",
            "2.5 s ago  02:00:00:00:02:01  phy0 -> phy1, gap 0.412 ms, 2 MSDUs with it",
            "0.1 s ago  02:00:00:00:02:01  @so\\u{1b}uth -> phy1, taken over, 2 MSDUs with it",
            "02:00:00:00:02:01  authorized  doze      -51       54.0 Mb/s         12         34",
        ] {
            assert!(text.contains(words), "{words} in\n{text}");
        }
    }
}
