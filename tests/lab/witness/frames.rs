//! What tshark reads in a recording: one value a frame, decrypted where the passphrase opens it.

use std::path::Path;
use std::process::Command;

use tempfile::NamedTempFile;

const FIELDS: [&str; 23] = [
    "frame.number",
    "frame.time_epoch",
    "wlan.fc.type_subtype",
    "wlan.ra",
    "wlan.ta",
    "wlan.fc.protected",
    "wlan.fc.retry",
    "wlan.fc.pwrmgt",
    "wlan.seq",
    "wlan.frag",
    "wlan.ccmp.extiv",
    "wlan.analysis.tk",
    "wlan.analysis.gtk",
    "wlan.tim.dtim_count",
    "wlan.tim.bmapctl.multicast",
    "wlan_rsna_eapol.keydes.msgnr",
    "icmp.type",
    "icmp.seq",
    "wlan.fixed.reason_code",
    "wlan.ssid",
    "radiotap.channel.freq",
    "wlan.fixed.timestamp",
    "wlan.mesh.control_field",
];

/// Type and subtype in one, as tshark prints them.
pub(crate) const ASSOCIATION_REQUEST: u16 = 0x00;
pub(crate) const REASSOCIATION_REQUEST: u16 = 0x02;
pub(crate) const PROBE_REQUEST: u16 = 0x04;
pub(crate) const BEACON: u16 = 0x08;
pub(crate) const AUTHENTICATION: u16 = 0x0b;
pub(crate) const DEAUTHENTICATION: u16 = 0x0c;
pub(crate) const PS_POLL: u16 = 0x1a;
const NULL: u16 = 0x24;
const QOS_NULL: u16 = 0x2c;

/// A frame of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Frame {
    pub(crate) number: u64,
    /// Seconds.
    pub(crate) time: f64,
    pub(crate) kind: u16,
    pub(crate) ra: String,
    pub(crate) ta: String,
    pub(crate) protected: bool,
    pub(crate) retry: bool,
    /// The power management bit.
    pub(crate) dozes: bool,
    pub(crate) sequence: u16,
    pub(crate) fragment: u8,
    pub(crate) packet_number: Option<u64>,
    /// The key that opened it: a TK or a GTK.
    pub(crate) key: Option<String>,
    pub(crate) dtim_count: Option<u8>,
    /// The TIM's bit for group frames.
    pub(crate) group_waits: bool,
    /// The message of the 4-way handshake.
    pub(crate) message: Option<u8>,
    /// Type and sequence number of a ping or its answer.
    pub(crate) ping: Option<(u8, u16)>,
    pub(crate) reason: Option<u16>,
    /// As hexadecimal digits.
    pub(crate) ssid: String,
    /// MHz.
    pub(crate) frequency: u16,
    /// The TSF timer in it, in microseconds.
    pub(crate) timestamp: Option<u64>,
    /// tshark guesses at a mesh control field where the ciphertext looks as if LLC and SNAP came behind one: of one frame in
    /// some ten thousand it then reads nothing that is true. Nobody here sends such a field.
    pub(crate) misread: bool,
}

impl Frame {
    /// Data that carries something.
    pub(crate) fn is_data(&self) -> bool {
        self.kind >> 4 == 2 && self.kind != NULL && self.kind != QOS_NULL
    }

    pub(crate) fn is_any_data(&self) -> bool {
        self.kind >> 4 == 2
    }

    pub(crate) fn is_to_group(&self) -> bool {
        u8::from_str_radix(self.ra.get(..2).unwrap_or_default(), 16).is_ok_and(|first| first & 1 == 1)
    }
}

/// All frames of a recording in the order of their times, as tshark reads them with these passphrases, each of one network by its
/// SSID.
pub(crate) fn read(file: &Path, keys: &[(String, String)]) -> Result<Vec<Frame>, String> {
    let ordered = in_order(file)?;
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(ordered.path()).args(["-o", "wlan.enable_decryption:TRUE"]);
    for (passphrase, ssid) in keys {
        tshark.arg("-o").arg(format!("uat:80211_keys:\"wpa-pwd\",\"{passphrase}:{ssid}\""));
    }
    tshark.args(["-T", "fields", "-E", "occurrence=f", "-Y", "!(wlan.fc.type_subtype == 0x1d)"]);
    FIELDS.iter().for_each(|field| {
        tshark.args(["-e", field]);
    });
    let read = output(&mut tshark)?;
    read.lines().map(|line| frame(line).ok_or_else(|| format!("tshark wrote {line:?}"))).collect()
}

/// The recording's frames came by way of a queue for each processor: a file that has them in the order of their times.
fn in_order(file: &Path) -> Result<NamedTempFile, String> {
    let ordered =
        NamedTempFile::new().map_err(|error| format!("no place to put a recording in order: {error}"))?;
    output(Command::new("reordercap").arg(file).arg(ordered.path()))?;
    Ok(ordered)
}

fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program} does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn frame(line: &str) -> Option<Frame> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [number, time, kind, ra, ta, protected, retry, dozes, rest @ ..] = &fields[..] else { return None };
    let [sequence, fragment, packet_number, tk, gtk, dtim_count, group_waits, message, rest @ ..] = rest
    else {
        return None;
    };
    let [ping_type, ping_sequence, reason, ssid, frequency, timestamp, mesh] = rest else { return None };
    let key = [tk, gtk].into_iter().find(|key| !key.is_empty());
    Some(Frame {
        number: number.parse().ok()?,
        time: time.parse().ok()?,
        kind: integer(kind)? as u16,
        ra: (*ra).to_owned(),
        ta: (*ta).to_owned(),
        protected: *protected == "1",
        retry: *retry == "1",
        dozes: *dozes == "1",
        sequence: integer(sequence).unwrap_or_default() as u16,
        fragment: integer(fragment).unwrap_or_default() as u8,
        packet_number: integer(packet_number),
        key: key.map(|key| (*key).to_owned()),
        dtim_count: integer(dtim_count).map(|count| count as u8),
        group_waits: *group_waits == "1",
        message: integer(message).map(|message| message as u8),
        ping: integer(ping_type).zip(integer(ping_sequence)).map(|(kind, n)| (kind as u8, n as u16)),
        reason: integer(reason).map(|reason| reason as u16),
        ssid: (*ssid).to_owned(),
        frequency: integer(frequency).unwrap_or_default() as u16,
        timestamp: integer(timestamp),
        misread: !mesh.is_empty(),
    })
}

/// Decimal, or hexadecimal with its prefix.
fn integer(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
