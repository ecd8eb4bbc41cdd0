//! `airloom status`: what a node is doing.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;

use super::{say, say_json};
use crate::config::CONTROL;
use crate::control::{Answer, Request, ask};
use crate::escape::escape;
use crate::status::{Claims, Client, Move, Radio, Status};

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
    if status.virtual_aps.is_empty() {
        line(&mut out, format_args!("\nno client yet"));
    }
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
    let drops: Vec<String> =
        radio.drops.iter().map(|(reason, count)| format!("{} {count}", safe(reason))).collect();
    if !drops.is_empty() {
        line(out, format_args!("  discarded: {}", drops.join(", ")));
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
    use crate::status::{Conflict, MoveTotals, PeerNode, VirtualAp};

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
