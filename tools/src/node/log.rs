//! What a node says about itself while it runs, in the words of hostapd and, of foreign networks, of wpa_supplicant.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use stack::ap::{ApEvent, NetworkId};
use stack::sta::LinkEnd;
use stack::wire::{MacAddr, ReasonCode};

use super::links::{LinkChange, LinkNews};
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
    /// Radios from this index on serve no networks.
    serving: usize,
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
        Self { out, verbose, timestamps, serving: radios.len(), radios, networks }
    }

    /// The same, where only the first `serving` radios serve the networks.
    #[must_use]
    pub fn where_only(self, serving: usize) -> Self {
        Self { serving, ..self }
    }

    /// A radio has ended, for this reason.
    pub fn ended(&mut self, radio: usize, why: &str) {
        let what = if radio < self.serving { "AP-DISABLED" } else { "HOP-DISABLED" };
        self.line(radio, &format!("{what} {why}"));
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
            WorkerEvent::Link(news) => Some(of_link(news)),
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

fn of_link(news: &LinkNews) -> String {
    let ssid = escape(&news.ssid);
    match news.what {
        LinkChange::Connected { bssid, channel } => {
            let channel = channel.map(|channel| format!(" channel={}", channel.number())).unwrap_or_default();
            format!("CTRL-EVENT-CONNECTED - Connection to {bssid} completed [ssid=\"{ssid}\"{channel}]")
        }
        LinkChange::Disconnected { bssid, end, wrong_key } => {
            let end = disconnected(bssid, end, &ssid);
            let key = if wrong_key { "; the passphrase may be wrong" } else { "" };
            format!("{end}{key}")
        }
        LinkChange::Channel(channel) => format!(
            "CTRL-EVENT-CHANNEL-SWITCH ssid=\"{ssid}\" channel={} freq={}",
            channel.number(),
            channel.frequency()
        ),
        LinkChange::Refused(why) => format!("HOP-REFUSED ssid=\"{ssid}\": {why}"),
        LinkChange::Admitted => format!("HOP-ADMITTED ssid=\"{ssid}\""),
    }
}

fn disconnected(bssid: MacAddr, end: LinkEnd, ssid: &str) -> String {
    let (reason, ours) = match end {
        LinkEnd::Unanswered => return format!("Authentication with {bssid} timed out. ssid=\"{ssid}\""),
        LinkEnd::Refused(status) => {
            return format!(
                "CTRL-EVENT-ASSOC-REJECT bssid={bssid} status_code={} ssid=\"{ssid}\" ({end})",
                status.0
            );
        }
        LinkEnd::Deauthenticated(reason) | LinkEnd::Disassociated(reason) => (reason, ""),
        LinkEnd::Handshake(failure) => (failure.reason(), " locally_generated=1"),
        LinkEnd::BeaconLoss => (ReasonCode::INACTIVITY, " locally_generated=1"),
        LinkEnd::Stopped => (ReasonCode::LEAVING, " locally_generated=1"),
    };
    format!("CTRL-EVENT-DISCONNECTED bssid={bssid} reason={}{ours} ssid=\"{ssid}\" ({end})", reason.0)
}

/// Seconds since 1970, as hostapd's option -t has them.
fn stamp() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:06}: ", since.as_secs(), since.subsec_micros())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use stack::rsn::HandshakeFailure;
    use stack::slot::Refusal;
    use stack::wire::{Channel, StatusCode};

    use super::*;

    fn told(verbose: bool, event: &WorkerEvent) -> String {
        let mut out = Vec::new();
        let networks = [(NetworkId(1), &b"off\x1bice"[..])];
        Log::new(&mut out, verbose, false, vec!["phy0".to_owned()], &networks).event(0, event);
        String::from_utf8(out).unwrap()
    }

    fn said(verbose: bool, event: ApEvent) -> String {
        told(verbose, &WorkerEvent::Ap(event))
    }

    #[test]
    fn of_foreign_networks_the_lines_are_those_of_wpa_supplicant() {
        let bssid = MacAddr([2, 0, 0, 0, 3, 0]);
        let channel = |number| Channel::from_number(number).unwrap();
        let lost = |end, wrong_key| LinkChange::Disconnected { bssid, end, wrong_key };
        let slow = Refusal::SlowHop {
            from: channel(36),
            to: channel(40),
            dead: Duration::from_millis(52),
            limit: Duration::from_millis(30),
        };
        for (what, words) in [
            (
                LinkChange::Connected { bssid, channel: Some(channel(6)) },
                "CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:03:00 completed [ssid=\"ca\\u{1b}fe\" channel=6]\n",
            ),
            (
                lost(LinkEnd::Deauthenticated(ReasonCode::LEAVING), false),
                "CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:03:00 reason=3 ssid=\"ca\\u{1b}fe\" (deauthenticated by the AP",
            ),
            (lost(LinkEnd::BeaconLoss, false), " reason=4 locally_generated=1 ssid="),
            (lost(LinkEnd::Stopped, false), " reason=3 locally_generated=1 ssid="),
            (
                lost(LinkEnd::Handshake(HandshakeFailure::Timeout), true),
                " reason=15 locally_generated=1 ssid=\"ca\\u{1b}fe\" (4-way handshake timed out (wrong passphrase?)); the \
                 passphrase may be wrong\n",
            ),
            (lost(LinkEnd::Unanswered, false), "Authentication with 02:00:00:00:03:00 timed out. ssid="),
            (
                lost(LinkEnd::Refused(StatusCode(17)), false),
                "CTRL-EVENT-ASSOC-REJECT bssid=02:00:00:00:03:00 status_code=17 ssid=",
            ),
            (
                LinkChange::Channel(channel(36)),
                "CTRL-EVENT-CHANNEL-SWITCH ssid=\"ca\\u{1b}fe\" channel=36 freq=5180\n",
            ),
            (
                LinkChange::Refused(slow),
                "HOP-REFUSED ssid=\"ca\\u{1b}fe\": this radio takes 52.0 ms from channel 36",
            ),
            (LinkChange::Admitted, "HOP-ADMITTED ssid=\"ca\\u{1b}fe\"\n"),
        ] {
            let line = told(false, &WorkerEvent::Link(LinkNews { ssid: b"ca\x1bfe".to_vec(), what }));
            assert!(line.starts_with("phy0: ") && line.contains(words), "{words} in {line}");
        }
    }

    #[test]
    fn how_a_radio_ended_is_told_by_what_it_did() {
        let mut out = Vec::new();
        let radios = ["phy0", "phy1"].map(str::to_owned).to_vec();
        let mut log = Log::new(&mut out, false, false, radios, &[]).where_only(1);
        log.ended(0, "stopped");
        log.ended(1, "stopped");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "phy0: AP-DISABLED stopped\nphy1: HOP-DISABLED stopped\n"
        );
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
