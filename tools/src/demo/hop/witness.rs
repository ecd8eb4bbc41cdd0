//! Sees every frame that goes on the air, and where the radio is.

use std::time::Duration;

use drivers::air::OnAir;
use stack::rsn::Pmk;
use stack::time::Instant;
use stack::wire::amsdu::Amsdu;
use stack::wire::frame::{DataFrame, ManagementFrame};
use stack::wire::{Channel, EtherType, Frame, FrameKind, Llc, MacAddr};

use crate::demo::capture::Tape;
use crate::demo::keys::Keys;
use crate::demo::play::since_start;
use crate::demo::{ladder, packet};
use crate::report::{Bins, MAX_BINS, Moment, Sight, Visit};

use super::scene;
use super::sight::Sights;

/// What was seen of one network.
pub(super) struct Row {
    pub(super) bssid: MacAddr,
    pub(super) station: MacAddr,
    channel: Channel,
    open: bool,
    pub(super) beacons: Bins,
    pub(super) heard: Bins,
    pub(super) up: Bins,
    pub(super) down: Bins,
    pub(super) retries: Bins,
    pub(super) leaves: Bins,
    pub(super) returns: Bins,
    /// When data could flow, each time anew.
    pub(super) joins: Vec<Instant>,
    /// Handshakes beside those of joins.
    pub(super) renewals: u64,
    pub(super) moments: Vec<Moment>,
    last_beacon: Option<Instant>,
    /// The AP has associated the station, and no handshake has followed yet.
    joining: bool,
    /// A handshake has begun.
    handshake: bool,
    /// The last frame to the AP said where the station goes, and is not acknowledged yet.
    asks: bool,
}

/// The witness and its books.
pub(super) struct Witness {
    /// By network. The AP of each is the radio of the air after the one that hops, in the same order.
    pub(super) rows: Vec<Row>,
    pub(super) keys: Keys,
    /// Frames of the radio to an AP that is on another channel.
    pub(super) astray: u64,
    /// Encrypted frames that no key was known for.
    pub(super) undecrypted: u64,
    pub(super) frames: u64,
    pub(super) visits: Vec<Visit>,
    /// From the moment in which the radio left a channel until it was on the next.
    pub(super) hops: Vec<Duration>,
    /// Where it is, and since when.
    here: (Option<Channel>, Instant),
    pub(super) sights: Sights,
    /// What happened, in words.
    pub(super) diary: Vec<(Instant, String)>,
    pub(super) tape: Tape,
}

impl Row {
    pub(super) fn new(
        length: Duration,
        (station, bssid): (MacAddr, MacAddr),
        channel: Channel,
        open: bool,
    ) -> Self {
        let bins = || Bins::new(length, MAX_BINS);
        Self {
            bssid,
            station,
            channel,
            open,
            beacons: bins(),
            heard: bins(),
            up: bins(),
            down: bins(),
            retries: bins(),
            leaves: bins(),
            returns: bins(),
            joins: Vec::new(),
            renewals: 0,
            moments: Vec::new(),
            last_beacon: None,
            joining: false,
            handshake: false,
            asks: false,
        }
    }
}

impl Witness {
    /// Of these networks and their secrets; the radio is here.
    pub(super) fn new(rows: Vec<Row>, secrets: Vec<Pmk>, here: Channel, tape: Tape) -> Self {
        Self {
            rows,
            keys: Keys::new(secrets),
            astray: 0,
            undecrypted: 0,
            frames: 0,
            visits: Vec::new(),
            hops: Vec::new(),
            here: (Some(here), Instant::ZERO),
            sights: Sights::default(),
            diary: Vec::new(),
            tape,
        }
    }

    /// The air says where the radio is now, `None` between two channels.
    pub(super) fn track(&mut self, now: Instant, channel: Option<Channel>) {
        let (here, since) = self.here;
        if here == channel {
            return;
        }
        match here {
            Some(left) => self.visit(left, since, now),
            None => self.hops.push(now.since(since)),
        }
        self.here = (channel, now);
    }

    /// The demo is over.
    pub(super) fn end(&mut self, now: Instant) {
        if let (Some(here), since) = self.here {
            self.visit(here, since, now);
        }
    }

    fn visit(&mut self, channel: Channel, from: Instant, to: Instant) {
        let (from, to) = (since_start(from), since_start(to));
        self.visits.push(Visit { channel: channel.number(), from, to });
    }

    /// The radio was given this frame.
    pub(super) fn heard(&mut self, mpdu: &[u8]) {
        let Ok(Frame::Management(frame)) = Frame::parse(mpdu) else { return };
        let network = self.rows.iter().position(|row| row.bssid == frame.bssid());
        let Some(network) = network.filter(|_| frame.kind() == FrameKind::BEACON) else { return };
        if let Some(row) = self.rows.get_mut(network)
            && let Some(at) = row.last_beacon.take()
        {
            row.heard.add(since_start(at), 1);
            self.sights.confirm(network, |sight| match sight {
                Sight::Beacon { heard } => Some(heard),
                _ => None,
            });
        }
    }

    /// Something happens on a network: `text` goes on from its name.
    pub(super) fn note(&mut self, now: Instant, network: usize, name: &str, text: &str, bad: bool) {
        let ssid = scene::NETWORKS.get(network).map_or("", |network| network.ssid);
        let text = format!("{ssid} {text}");
        if let Some(row) = self.rows.get_mut(network) {
            let moment = Moment { at: since_start(now), name: name.into(), text: text.clone(), bad };
            row.moments.push(moment);
        }
        self.diary.push((now, text));
    }

    /// A frame goes on the air.
    pub(super) fn see(&mut self, on_air: &OnAir<'_>) {
        self.frames += 1;
        let mut comments = Vec::new();
        if on_air.attempt > 0 {
            comments.push(format!("attempt {}", on_air.attempt + 1));
        }
        let radio = on_air.radio.index();
        if let Ok(frame) = Frame::parse(on_air.frame) {
            match radio.checked_sub(1) {
                None => self.ours(on_air, &frame, &mut comments),
                Some(network) => self.theirs(network, on_air, &frame, &mut comments),
            }
        }
        let heard = radio > 0 && self.here.0 == Some(on_air.channel);
        self.tape.frame(on_air, if heard { (0, false) } else { (radio, true) }, comments);
    }

    /// The radio that hops sends a frame.
    fn ours(&mut self, on_air: &OnAir<'_>, frame: &Frame<'_>, comments: &mut Vec<String>) {
        let to = frame.addr1();
        let Some(network) = self.rows.iter().position(|row| to == Some(row.bssid)) else { return };
        let Some(row) = self.rows.get_mut(network) else { return };
        if row.channel != on_air.channel {
            self.astray += 1;
            comments.push(format!("its AP is on {}", row.channel));
        }
        match frame {
            Frame::Data(data) if data.is_null() => self.goes(network, on_air, data, comments),
            Frame::Data(data) => {
                row.asks = false;
                self.data((network, true), on_air, data, comments);
            }
            Frame::Management(_) => row.asks = false,
            Frame::Control(_) | Frame::Extension(_) => {}
        }
    }

    /// The station says whether it is there.
    fn goes(&mut self, network: usize, on_air: &OnAir<'_>, data: &DataFrame<'_>, comments: &mut Vec<String>) {
        let Some(row) = self.rows.get_mut(network) else { return };
        row.asks = true;
        let leaves = data.frame_control().power_management();
        let (words, bins, what) = if leaves {
            let words = "PM=1: the station goes, its frames are to be kept";
            (words, &mut row.leaves, Sight::Leaves { acked: false })
        } else {
            ("PM=0: the station is back", &mut row.returns, Sight::Returns { acked: false })
        };
        comments.push(words.into());
        if on_air.attempt == 0 {
            bins.add(since_start(on_air.start), 1);
        } else {
            row.retries.add(since_start(on_air.start), 1);
        }
        self.sights.frame(network, on_air, what);
    }

    /// The AP of this network sends a frame.
    fn theirs(&mut self, network: usize, on_air: &OnAir<'_>, frame: &Frame<'_>, comments: &mut Vec<String>) {
        let Some(row) = self.rows.get_mut(network) else { return };
        let ours = frame.addr1() == Some(row.station);
        match frame {
            Frame::Management(beacon) if beacon.kind() == FrameKind::BEACON => {
                row.beacons.add(since_start(on_air.start), 1);
                row.last_beacon = Some(on_air.start);
                self.sights.frame(network, on_air, Sight::Beacon { heard: false });
            }
            Frame::Management(response) if ours && is_admission(response) => {
                row.joining = true;
                if row.open {
                    self.joined(network, on_air.start);
                }
            }
            Frame::Control(ack) if ours && ack.kind() == FrameKind::ACK && row.asks => {
                row.asks = false;
                self.sights.confirm(network, |sight| match sight {
                    Sight::Leaves { acked } | Sight::Returns { acked } => Some(acked),
                    _ => None,
                });
            }
            Frame::Data(data) if ours && !data.is_null() => {
                self.data((network, false), on_air, data, comments);
            }
            _ => {}
        }
    }

    fn data(
        &mut self,
        (network, up): (usize, bool),
        on_air: &OnAir<'_>,
        data: &DataFrame<'_>,
        comments: &mut Vec<String>,
    ) {
        let (at, again, bytes) = (since_start(on_air.start), on_air.attempt > 0, on_air.frame.len() as u64);
        let Some(row) = self.rows.get_mut(network) else { return };
        match (again, up) {
            (true, _) => row.retries.add(at, 1),
            (false, true) => row.up.add(at, bytes),
            (false, false) => row.down.add(at, bytes),
        }
        self.sights.frame(network, on_air, Sight::Data { up, bytes, again });
        let station = row.station;
        let ssid = scene::NETWORKS.get(network).map_or("", |network| network.ssid);
        let owner = || if up { format!("the radio to {ssid}") } else { format!("{ssid} to the radio") };
        let opened = if data.frame_control().protected() {
            let Some(opened) = self.keys.open((on_air.start, on_air.frame), data, Some(station), &owner)
            else {
                self.undecrypted += 1;
                comments.push("encrypted, and no key for it is known".into());
                return;
            };
            Some(opened)
        } else {
            None
        };
        let plain = match &opened {
            Some(opened) => opened.mpdu.get(opened.payload.clone()).unwrap_or_default(),
            None => data.payload(),
        };
        if data.qos().is_some_and(|qos| qos.amsdu()) {
            comments.extend(Amsdu::new(plain).flatten().filter_map(|part| describe(&Llc::parse(part.msdu))));
            return;
        }
        match Llc::parse(plain) {
            Llc::Typed(EtherType::EAPOL, pdu) => self.eapol(network, on_air, data, pdu, comments),
            msdu => comments.extend(describe(&msdu)),
        }
    }

    fn eapol(
        &mut self,
        network: usize,
        on_air: &OnAir<'_>,
        data: &DataFrame<'_>,
        pdu: &[u8],
        comments: &mut Vec<String>,
    ) {
        if on_air.attempt == 0 {
            self.keys.learn(data.addr2(), data.addr1(), pdu);
        }
        let (Some(step), Some(row)) = (ladder::of_eapol(pdu), self.rows.get_mut(network)) else { return };
        comments.push(format!("handshake, {}: {}", step.name, step.text));
        self.sights.frame(network, on_air, Sight::Key(step.name.into()));
        match step.name {
            "message 1" => row.handshake = true,
            "message 4" if std::mem::take(&mut row.handshake) => {
                if row.joining {
                    self.joined(network, on_air.start);
                } else {
                    row.renewals += 1;
                    self.note(on_air.start, network, "new keys", "changes its keys", false);
                    self.sights.keep(on_air.start);
                }
            }
            _ => {}
        }
    }

    fn joined(&mut self, network: usize, now: Instant) {
        let Some(row) = self.rows.get_mut(network) else { return };
        row.joining = false;
        row.joins.push(now);
        let (name, text) =
            if row.joins.len() == 1 { ("joined", "is joined") } else { ("joined again", "is joined again") };
        self.note(now, network, name, text, false);
    }
}

/// An association response that says yes (802.11-2020 9.3.3.6: capabilities, then the status).
fn is_admission(frame: &ManagementFrame<'_>) -> bool {
    let kinds = [FrameKind::ASSOCIATION_RESPONSE, FrameKind::REASSOCIATION_RESPONSE];
    kinds.contains(&frame.kind()) && frame.body().get(2..4) == Some(&[0, 0])
}

/// What a numbered MSDU is, in words.
fn describe(msdu: &Llc<'_>) -> Option<String> {
    let Llc::Typed(EtherType::IPV4, packet) = msdu else { return None };
    let (stream, number) = packet::label(packet)?;
    let stream = scene::STREAMS.get(stream)?;
    let ssid = scene::NETWORKS.get(stream.network)?.ssid;
    let way = if stream.up { "to the host behind" } else { "from the host behind" };
    Some(format!("MSDU {number} {way} {ssid}"))
}
