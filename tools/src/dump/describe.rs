//! A frame as a value whose fields are those of the JSON line.

use drivers::capture::{CapturedFrame, Content, Direction, Fcs};
use serde::Serialize;
use stack::wire::eapol::{EapolKey, KeyInfo};
use stack::wire::element::{Elements, Rsn};
use stack::wire::frame::{DataFrame, ManagementFrame};
use stack::wire::management::ManagementBody;
use stack::wire::{Frame, FrameType, MacAddr, Rate, StatusCode};

/// One line of a dump. What is not known of a frame is left out.
#[derive(Debug, Default, Serialize)]
pub struct Line {
    /// Number in the capture, from 1.
    pub number: u64,
    /// Seconds since 1970.
    pub time: f64,
    /// Nanoseconds since 1970.
    pub time_ns: u64,
    /// Bytes on record before they were cut, with the link-layer header.
    pub length: usize,
    /// Number of the interface, if it is not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<usize>,
    /// `received` or `sent`, where the capture tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    /// `management`, `control`, `data` or `extension`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub frame_type: Option<&'static str>,
    /// The subtype in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtype: Option<&'static str>,
    /// Receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr1: Option<String>,
    /// Transmitter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr2: Option<String>,
    /// By type and direction: BSSID, source or destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr3: Option<String>,
    /// Source, of a four-address frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr4: Option<String>,
    /// The BSS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bssid: Option<String>,
    /// Sequence number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u16>,
    /// Fragment number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fragment: Option<u8>,
    /// Duration/ID field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<u16>,
    /// Sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<bool>,
    /// Encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    /// To the distribution system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_ds: Option<bool>,
    /// From the distribution system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_ds: Option<bool>,
    /// The sender dozes after this frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_management: Option<bool>,
    /// More is buffered for the receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_data: Option<bool>,
    /// Traffic identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u8>,
    /// Signal in dBm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_dbm: Option<i8>,
    /// Noise in dBm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_dbm: Option<i8>,
    /// Frequency in MHz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency: Option<u16>,
    /// Modulation and rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// `good` or `bad`, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fcs: Option<&'static str>,
    /// Whether a transmission was acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<bool>,
    /// Name of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssid: Option<String>,
    /// The name's bytes, if they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssid_hex: Option<String>,
    /// Beacon interval in TU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beacon_interval: Option<u16>,
    /// Capability field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<u16>,
    /// Suites of the RSN element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rsn: Option<RsnLine>,
    /// Authentication algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<u16>,
    /// Step of the authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<u16>,
    /// Status code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Reason code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<u16>,
    /// Status or reason in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// Association identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aid: Option<u16>,
    /// Category of an action frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<u8>,
    /// EtherType of an unprotected MSDU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ethertype: Option<u16>,
    /// Which message of which handshake: `M1` to `M4`, `G1`, `G2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eapol: Option<&'static str>,
    /// The elements do not go up to the end of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub malformed: Option<String>,
    /// Why the frame cannot be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The suites of an RSN element.
#[derive(Debug, Serialize)]
pub struct RsnLine {
    /// Group cipher.
    pub group: String,
    /// Pairwise ciphers.
    pub pairwise: Vec<String>,
    /// Key management.
    pub akm: Vec<String>,
    /// Capabilities.
    pub capabilities: u16,
}

/// Decodes a frame.
pub fn describe(frame: &CapturedFrame<'_>) -> Line {
    let mut line = Line {
        number: frame.number,
        time: seconds(frame.time),
        time_ns: frame.time,
        length: frame.original_length,
        interface: Some(frame.interface).filter(|&n| n != 0),
        direction: frame.direction.map(|direction| match direction {
            Direction::Received => "received",
            Direction::Sent => "sent",
        }),
        ..Line::default()
    };
    match &frame.content {
        Ok(content) => line.content(content),
        Err(error) => line.error = Some(error.to_string()),
    }
    line
}

/// The nearest number of seconds; nanoseconds do not fit exactly.
#[expect(clippy::cast_precision_loss, reason = "the exact value stands beside it")]
fn seconds(nanoseconds: u64) -> f64 {
    (nanoseconds / 1_000_000_000) as f64 + (nanoseconds % 1_000_000_000) as f64 / 1e9
}

impl Line {
    fn content(&mut self, content: &Content<'_>) {
        self.signal_dbm = content.rx.signal;
        self.noise_dbm = content.rx.noise;
        self.frequency = content.rx.frequency;
        self.rate = content.rx.rate.map(rate);
        self.acknowledged = content.tx.map(|tx| tx.acked());
        self.fcs = match content.fcs {
            Fcs::Absent => None,
            Fcs::Good => Some("good"),
            Fcs::Bad => Some("bad"),
        };
        match Frame::parse(content.mpdu) {
            Ok(frame) => self.frame(&frame),
            Err(error) => self.error = Some(error.to_string()),
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        let control = frame.frame_control();
        let text = |addr: Option<MacAddr>| addr.map(|addr| addr.to_string());
        self.frame_type = Some(control.frame_type().name());
        self.subtype = Some(frame.kind().machine_name());
        self.addr1 = text(frame.addr1());
        self.addr2 = text(frame.addr2());
        self.addr3 = text(frame.addr3());
        self.addr4 = text(frame.addr4());
        self.sequence = frame.sequence().map(|sequence| sequence.number());
        self.fragment = frame.sequence().map(|sequence| sequence.fragment());
        self.retry = Some(control.retry());
        self.protected = Some(control.protected());
        self.power_management = Some(control.power_management());
        self.more_data = Some(control.more_data());
        if control.frame_type() == FrameType::Data {
            self.to_ds = Some(control.to_ds());
            self.from_ds = Some(control.from_ds());
        }
        match frame {
            Frame::Management(frame) => self.management(frame),
            Frame::Control(frame) => {
                let poll = frame.ps_poll();
                self.aid = poll.as_ref().map(|poll| poll.aid);
                self.duration = poll.is_none().then(|| frame.duration());
            }
            Frame::Data(frame) => self.data(frame),
            Frame::Extension(_) => {}
        }
    }

    fn management(&mut self, frame: &ManagementFrame<'_>) {
        self.bssid = Some(frame.bssid().to_string());
        self.duration = Some(frame.duration());
        if frame.frame_control().protected() {
            return;
        }
        let body = match frame.parse_body() {
            Ok(body) => body,
            Err(error) => {
                self.error = Some(error.to_string());
                return;
            }
        };
        self.body(&body);
        self.elements(body.elements());
    }

    fn body(&mut self, body: &ManagementBody<'_>) {
        match body {
            ManagementBody::Beacon(body) | ManagementBody::ProbeResponse(body) => {
                self.beacon_interval = Some(body.interval);
                self.capabilities = Some(body.capabilities.0);
            }
            ManagementBody::AssociationRequest(body) => self.capabilities = Some(body.capabilities.0),
            ManagementBody::ReassociationRequest(body) => self.capabilities = Some(body.capabilities.0),
            ManagementBody::AssociationResponse(body) | ManagementBody::ReassociationResponse(body) => {
                self.capabilities = Some(body.capabilities.0);
                self.status(body.status);
                self.aid = Some(body.aid.number());
            }
            ManagementBody::Authentication(body) => {
                self.algorithm = Some(body.algorithm.0);
                self.transaction = Some(body.transaction);
                self.status(body.status);
            }
            ManagementBody::Deauthentication(body) | ManagementBody::Disassociation(body) => {
                self.reason = Some(body.reason.0);
                self.meaning = body.reason.name().map(str::to_owned);
            }
            ManagementBody::Action(body) | ManagementBody::ActionNoAck(body) => {
                self.category = Some(body.category);
            }
            ManagementBody::ProbeRequest(_) | ManagementBody::Atim(_) | ManagementBody::Other(..) => {}
        }
    }

    fn status(&mut self, status: StatusCode) {
        self.status = Some(status.0);
        self.meaning = status.name().map(str::to_owned);
    }

    fn elements(&mut self, elements: Elements<'_>) {
        if let Some(ssid) = elements.ssid() {
            let bytes = ssid.as_bytes();
            self.ssid = Some(String::from_utf8_lossy(bytes).into_owned());
            self.ssid_hex = std::str::from_utf8(bytes).is_err().then(|| hex(bytes));
        }
        self.malformed = elements.check().err().map(|error| error.to_string());
        match elements.get::<Rsn<'_>>() {
            Ok(rsn) => self.rsn = rsn.as_ref().map(rsn_line),
            Err(error) => self.malformed = Some(error.to_string()),
        }
    }

    fn data(&mut self, frame: &DataFrame<'_>) {
        self.bssid = frame.bssid().map(|bssid| bssid.to_string());
        self.duration = Some(frame.duration());
        self.tid = frame.qos().map(|qos| qos.tid());
        let first = frame.sequence().fragment() == 0;
        let amsdu = frame.qos().is_some_and(|qos| qos.amsdu());
        if frame.frame_control().protected() || frame.is_null() || !first || amsdu {
            return;
        }
        // RFC 1042 and bridge-tunnel encapsulation
        if let &[0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00 | 0xf8, a, b, ref pdu @ ..] = frame.payload() {
            let ethertype = u16::from_be_bytes([a, b]);
            self.ethertype = Some(ethertype);
            if ethertype == stack::wire::eapol::ETHERTYPE {
                self.eapol = eapol_message(pdu);
            }
        }
    }
}

/// Which message it is, by the bits of Key Information (802.11-2020 12.7.6, 12.7.7).
fn eapol_message(pdu: &[u8]) -> Option<&'static str> {
    let key = EapolKey::parse(pdu, 16).ok().flatten()?;
    let has = |bits| key.info().contains(bits);
    let (ack, mic) = (has(KeyInfo::ACK), has(KeyInfo::MIC));
    Some(match (has(KeyInfo::PAIRWISE), ack) {
        _ if has(KeyInfo::REQUEST) => "request",
        (false, true) => "G1",
        (false, false) => "G2",
        (true, true) if mic => "M3",
        (true, true) => "M1",
        // some stations set Secure in M2 and some do not in M4, but only M2 brings a nonce and key data
        (true, false) if key.nonce() != &[0; 32] && !key.key_data().is_empty() => "M2",
        (true, false) => "M4",
    })
}

fn rsn_line(rsn: &Rsn<'_>) -> RsnLine {
    RsnLine {
        group: rsn.group_cipher().to_string(),
        pairwise: rsn.pairwise_ciphers().iter().map(|suite| suite.to_string()).collect(),
        akm: rsn.akms().iter().map(|suite| suite.to_string()).collect(),
        capabilities: rsn.capabilities().0,
    }
}

/// A modulation and its rate, in a few words.
pub(crate) fn rate(rate: Rate) -> String {
    match rate {
        Rate::Legacy(half) => format!("{}.{} Mb/s", half / 2, if half % 2 == 0 { 0 } else { 5 }),
        Rate::Ht { mcs, wide, .. } => format!("HT{} MCS {mcs}", if wide { 40 } else { 20 }),
        Rate::Vht { mcs, streams, width, .. } => format!("VHT{width} MCS {mcs} x{streams}"),
        Rate::He { mcs, streams } => format!("HE MCS {mcs} x{streams}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
