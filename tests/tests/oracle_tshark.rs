//! Frames as tshark reads them: every capture, field by field.

use stack::wire::element::Rsn;
use stack::wire::{Elements, Frame};
use tests::captures;

const FIELDS: [&str; 17] = [
    "wlan.fc.type",
    "wlan.fc.subtype",
    "wlan.ra",
    "wlan.ta",
    "wlan.da",
    "wlan.sa",
    "wlan.seq",
    "wlan.frag",
    "wlan.fc.retry",
    "wlan.fc.protected",
    "wlan.qos.tid",
    "wlan.ssid",
    "wlan.rsn.gcs.type",
    "wlan.rsn.pcs.type",
    "wlan.rsn.akms.type",
    "_ws.malformed",
    "wlan.tag.number",
];

fn number(text: &str) -> Option<u64> {
    let first = text.split(';').next().unwrap_or_default();
    match first.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => match first {
            "True" => Some(1),
            "False" => Some(0),
            _ => first.parse().ok(),
        },
    }
}

fn numbers(text: &str) -> Vec<u64> {
    text.split(';').filter_map(number).collect()
}

fn address(text: &str) -> String {
    text.split(';').next().unwrap_or_default().to_owned()
}

/// How many frames were compared, and how many with an SSID and with an RSN element among them.
#[derive(Default)]
struct Compared {
    frames: usize,
    names: usize,
    rsn: usize,
}

#[test]
fn every_frame_of_every_capture() {
    let mut compared = Compared::default();
    for path in captures::all() {
        // without reassembly and decryption each line stands for the bytes of one frame
        let options = ["-o", "wlan.enable_decryption:FALSE", "-o", "wlan.defragment:FALSE"];
        let Some(rows) = captures::tshark(&path, &options, &FIELDS) else { return };
        let Ok(mut reader) = drivers::capture::Reader::open(&path) else { continue };
        let mut rows = rows.iter();
        while let Some(frame) = reader.next_frame() {
            let Ok(frame) = frame else { break };
            let Some(row) = rows.next() else { break };
            let at = format!("{} frame {}: {row:?}", path.display(), frame.number);
            let Ok(content) = frame.content else { continue };
            // what is cut short or does not match its FCS, tshark reads on in its own ways
            if !row[15].is_empty() || row[0].is_empty() || content.rx.bad_fcs {
                continue;
            }
            if frame.captured_length < frame.original_length {
                continue;
            }
            compare(content.mpdu, row, &at, &mut compared);
        }
    }
    assert!(compared.frames > 2000, "only {} frames were compared", compared.frames);
    assert!(compared.names > 400 && compared.rsn > 200, "{} names, {} RSN", compared.names, compared.rsn);
}

fn compare(mpdu: &[u8], row: &[String], at: &str, compared: &mut Compared) {
    let frame = Frame::parse(mpdu).unwrap_or_else(|error| panic!("{at}: {error}"));
    let control = frame.frame_control();
    assert_eq!(number(&row[0]), Some(control.frame_type() as u64), "{at}");
    assert_eq!(number(&row[1]), Some(u64::from(control.kind().subtype())), "{at}");
    compared.frames += 1;
    let text = |address: Option<stack::wire::MacAddr>| address.map(|a| a.to_string()).unwrap_or_default();
    match frame {
        Frame::Extension(_) => return,
        Frame::Control(frame) => {
            assert_eq!(text(Some(frame.addr1())), address(&row[2]), "{at}");
            // the group bit of a transmitter signals bandwidth and is taken off by tshark
            if let (Some(ours), false) = (frame.addr2(), row[3].is_empty()) {
                assert_eq!(text(Some(ours))[2..], address(&row[3])[2..], "{at}");
            }
            return;
        }
        Frame::Data(data) => {
            assert_eq!(text(Some(data.addr2())), address(&row[3]), "{at}");
            if data.qos().is_none_or(|qos| !qos.amsdu()) {
                assert_eq!(text(Some(data.destination())), address(&row[4]), "{at}");
                assert_eq!(text(Some(data.source())), address(&row[5]), "{at}");
            }
            assert_eq!(data.qos().map(|qos| u64::from(qos.tid())), number(&row[10]), "{at}");
        }
        Frame::Management(frame) => {
            assert_eq!(text(Some(frame.destination())), address(&row[4]), "{at}");
            assert_eq!(text(Some(frame.source())), address(&row[5]), "{at}");
            if let Ok(body) = frame.parse_body() {
                compare_elements(body.elements(), row, at, compared);
            }
        }
    }
    assert_eq!(text(frame.addr1()), address(&row[2]), "{at}");
    let sequence = frame.sequence().unwrap();
    assert_eq!(number(&row[6]), Some(u64::from(sequence.number())), "{at}");
    assert_eq!(number(&row[7]), Some(u64::from(sequence.fragment())), "{at}");
    assert_eq!(number(&row[8]), Some(u64::from(control.retry())), "{at}");
    assert_eq!(number(&row[9]), Some(u64::from(control.protected())), "{at}");
}

fn compare_elements(elements: Elements<'_>, row: &[String], at: &str, compared: &mut Compared) {
    if let (Some(ssid), false) = (elements.ssid(), row[11].is_empty()) {
        let hex: String = ssid.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let theirs = row[11].split(';').next().unwrap();
        let lossy = String::from_utf8_lossy(ssid.as_bytes());
        assert!(theirs == hex || theirs == lossy || (theirs == "<MISSING>" && hex.is_empty()), "{at}: {hex}");
        compared.names += 1;
    }
    // only the elements of the body itself are in our list; profiles of Multiple BSSID have RSN elements of their own
    let Ok(Some(rsn)) = elements.get::<Rsn<'_>>() else { return };
    let [groups, pairwise, akms] = [12, 13, 14].map(|field| numbers(&row[field]));
    let types = |selectors: Vec<[u8; 4]>| selectors.iter().map(|s| u64::from(s[3])).collect::<Vec<_>>();
    if groups.len() == 1 {
        assert_eq!(types(rsn.group.map(|suite| suite.0).into_iter().collect()), groups, "{at}");
        assert_eq!(
            types(rsn.pairwise.map(|s| s.iter().map(|s| s.0).collect()).unwrap_or_default()),
            pairwise,
            "{at}"
        );
        assert_eq!(types(rsn.akm.map(|s| s.iter().map(|s| s.0).collect()).unwrap_or_default()), akms, "{at}");
        compared.rsn += 1;
    }
}
