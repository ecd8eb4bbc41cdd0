//! What a node says about itself while it runs, in the words of hostapd.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use stack::ap::{ApEvent, NetworkId};

use super::member::{Departed, News};
use super::moves::Moved;
use super::worker::WorkerEvent;
use crate::escape::escape;

/// Where lines go, and which.
pub struct Log<W> {
    out: W,
    /// Power save too.
    verbose: bool,
    timestamps: bool,
    radios: Vec<String>,
    networks: Vec<(NetworkId, String)>,
}

impl<W: Write> Log<W> {
    /// A log about these radios, by their index, and networks, by their SSIDs.
    pub fn new(
        out: W,
        verbose: bool,
        timestamps: bool,
        radios: Vec<String>,
        networks: &[(NetworkId, &[u8])],
    ) -> Self {
        let networks = networks.iter().map(|(id, ssid)| (*id, escape(ssid))).collect();
        Self { out, verbose, timestamps, radios, networks }
    }

    /// One line about a radio.
    pub fn line(&mut self, radio: usize, what: &str) {
        let name = self.radios.get(radio).map_or("airloom", String::as_str);
        let time = if self.timestamps { stamp() } else { String::new() };
        // A log that cannot be written is no reason to stop.
        let _ = writeln!(self.out, "{time}{name}: {what}");
    }

    /// What a radio told.
    pub fn event(&mut self, radio: usize, event: &WorkerEvent) {
        if let Some(text) = self.text(event) {
            self.line(radio, &text);
        }
    }

    /// What happened in the cluster.
    pub fn news(&mut self, news: &News) {
        let text = match news {
            News::Arrived { bssid, station, radio, from, taken_over, .. } => {
                let how = if *taken_over { "taken over from" } else { "from" };
                let from = from.as_deref().unwrap_or("nowhere");
                return self.line(
                    *radio,
                    &format!("AP-STA-ARRIVED {station} bssid={bssid} {how} node={}", escape(from.as_bytes())),
                );
            }
            News::Left(Departed { station, bssid, from, gap, .. }, node) => {
                let (gap, node) = (gap.as_micros(), escape(node.as_bytes()));
                return self.line(
                    *from,
                    &format!("AP-STA-MOVED {station} bssid={bssid} to node={node} gap={gap}us"),
                );
            }
            News::Line(text) => escape(text.as_bytes()),
        };
        let time = if self.timestamps { stamp() } else { String::new() };
        // A log that cannot be written is no reason to stop.
        let _ = writeln!(self.out, "{time}cluster: {text}");
    }

    fn text(&self, event: &WorkerEvent) -> Option<String> {
        match event {
            WorkerEvent::Trouble(why) => Some(format!("WARNING {}", escape(why.as_bytes()))),
            WorkerEvent::Ap(ApEvent::StationJoined { network, bssid, station }) => {
                let ssid = self.ssid(*network);
                Some(format!("AP-STA-CONNECTED {station} bssid={bssid} ssid=\"{ssid}\""))
            }
            WorkerEvent::Ap(ApEvent::StationLeft { network, bssid, station, reason }) => {
                let (ssid, number) = (self.ssid(*network), reason.0);
                Some(format!(
                    "AP-STA-DISCONNECTED {station} bssid={bssid} ssid=\"{ssid}\" reason={number} ({reason})"
                ))
            }
            WorkerEvent::Ap(ApEvent::PowerSave { bssid, station, dozing }) if self.verbose => {
                let state = if *dozing { "on" } else { "off" };
                Some(format!("STA {station} bssid={bssid} power save {state}"))
            }
            WorkerEvent::Moved(moved) => {
                let Moved { station, bssid, from, to, gap, .. } = moved;
                let name = |radio: &usize| self.radios.get(*radio).map_or("?", String::as_str);
                let gap = gap.as_micros();
                Some(format!(
                    "AP-STA-MOVED {station} bssid={bssid} from={} to={} gap={gap}us",
                    name(from),
                    name(to)
                ))
            }
            WorkerEvent::Ap(_) => None,
        }
    }

    fn ssid(&self, network: NetworkId) -> &str {
        self.networks.iter().find(|(id, _)| *id == network).map_or("", |(_, ssid)| ssid)
    }
}

/// Seconds since 1970, as hostapd's option -t has them.
fn stamp() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:06}: ", since.as_secs(), since.subsec_micros())
}

#[cfg(test)]
mod tests {
    use stack::wire::{MacAddr, ReasonCode};

    use super::*;

    fn said(verbose: bool, event: ApEvent) -> String {
        let mut out = Vec::new();
        let networks = [(NetworkId(1), &b"off\x1bice"[..])];
        Log::new(&mut out, verbose, false, vec!["phy0".to_owned()], &networks)
            .event(0, &WorkerEvent::Ap(event));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_are_those_that_users_of_hostapd_look_for() {
        let (bssid, station) = (MacAddr([2, 0, 0, 0, 1, 0]), MacAddr([2, 0, 0, 0, 2, 0]));
        let network = NetworkId(1);
        assert_eq!(
            said(false, ApEvent::StationJoined { network, bssid, station }),
            "phy0: AP-STA-CONNECTED 02:00:00:00:02:00 bssid=02:00:00:00:01:00 ssid=\"off\\u{1b}ice\"\n"
        );
        let left = said(false, ApEvent::StationLeft { network, bssid, station, reason: ReasonCode::LEAVING });
        assert!(left.starts_with("phy0: AP-STA-DISCONNECTED 02:00:00:00:02:00 bssid="), "{left}");
        assert!(left.contains(" reason=3 ("), "{left}");
        let dozes = ApEvent::PowerSave { bssid, station, dozing: true };
        assert_eq!(said(false, dozes.clone()), "");
        assert!(said(true, dozes).contains("power save on"));
    }
}
