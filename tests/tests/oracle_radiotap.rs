//! Our radiotap against the crate `radiotap` and against tshark, on every capture with radiotap headers.

use drivers::capture::{LinkType, Reader};
use radiotap::Radiotap;
use stack::wire::radiotap::{Field, Flags, TxFlags, parse};
use tests::captures;

/// The crate drops the bits it does not know without passing their bytes, and cannot pass a vendor's namespace
/// without danger: headers with those are compared with tshark only.
fn crate_can_read(header: &[u8]) -> bool {
    let words = header[4..].chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap()));
    let mut more = true;
    let words: Vec<_> = words.take_while(|word| std::mem::replace(&mut more, word >> 31 == 1)).collect();
    // and it continues in the first namespace where a second word has not been given one
    let named = words.iter().rev().skip(1).all(|word| word >> 29 & 1 == 1);
    words.iter().all(|word| word & (1 << 30 | 0x1f80_0000) == 0) && named
}

fn compare(header: &[u8], file: &str) {
    let theirs = match Radiotap::from_bytes(header) {
        Ok(theirs) => theirs,
        Err(error) => {
            let ours = parse(header).map(|(view, _)| view.fields().all(|field| field.is_ok()));
            assert_ne!(ours, Ok(true), "{file}: the crate refuses {header:02x?}: {error}");
            return;
        }
    };
    let (view, len) = parse(header).unwrap_or_else(|error| panic!("{file}: {error}: {header:02x?}"));
    assert_eq!(len, theirs.header.length, "{file}");
    // a field that stands in several namespaces: the crate keeps the last one
    let mut ours = (None, None, None, None, None, None, None, None);
    for field in view.fields() {
        match field.unwrap_or_else(|error| panic!("{file}: {error}: {header:02x?}")) {
            Field::Tsft(tsft) => ours.0 = Some(tsft),
            Field::Flags(flags) => ours.1 = Some(flags),
            Field::Rate(rate) => ours.2 = Some(f32::from(rate) / 2.0),
            Field::Channel(frequency, _) => ours.3 = Some(frequency),
            Field::AntennaSignal(dbm) => ours.4 = Some(dbm),
            Field::AntennaNoise(dbm) => ours.5 = Some(dbm),
            Field::Antenna(antenna) => ours.6 = Some(antenna),
            Field::DataRetries(n) => ours.7 = Some(n),
            Field::TxFlags(flags) => {
                let theirs = theirs.tx_flags.unwrap();
                assert_eq!(flags.contains(TxFlags::FAIL), theirs.fail, "{file}");
                assert_eq!(flags.contains(TxFlags::NO_ACK), theirs.no_ack, "{file}");
            }
            Field::Mcs(known, _, index) if known & 2 != 0 => {
                assert_eq!(Some(index), theirs.mcs.unwrap().index, "{file}");
            }
            Field::AMpdu(reference, ..) => {
                assert_eq!(reference, theirs.ampdu_status.unwrap().reference, "{file}")
            }
            Field::Timestamp(value, ..) => assert_eq!(value, theirs.timestamp.unwrap().timestamp, "{file}"),
            Field::Vht(vht) if vht.mcs_nss[0] & 0x0f != 0 => {
                let user = theirs.vht.as_ref().unwrap().users[0].unwrap();
                assert_eq!((vht.mcs_nss[0] >> 4, vht.mcs_nss[0] & 0x0f), (user.index, user.nss), "{file}");
            }
            _ => {}
        }
    }
    assert_eq!(ours.0, theirs.tsft.map(|tsft| tsft.value), "{file}");
    assert_eq!(ours.1.map(|f| f.contains(Flags::FCS)), theirs.flags.map(|f| f.fcs), "{file}");
    assert_eq!(ours.1.map(|f| f.contains(Flags::BAD_FCS)), theirs.flags.map(|f| f.bad_fcs), "{file}");
    // the crate takes the rate for signed
    assert_eq!(ours.2, theirs.rate.map(|rate| (rate.value * 2.0).rem_euclid(256.0) / 2.0), "{file}");
    assert_eq!(ours.3, theirs.channel.map(|channel| channel.freq), "{file}");
    assert_eq!(ours.4, theirs.antenna_signal.map(|signal| signal.value), "{file}");
    assert_eq!(ours.5, theirs.antenna_noise.map(|noise| noise.value), "{file}");
    assert_eq!(ours.6, theirs.antenna.map(|antenna| antenna.value), "{file}");
    assert_eq!(ours.7, theirs.data_retries.map(|retries| retries.value), "{file}");
}

#[test]
fn the_crate_reads_the_same() {
    let mut compared = 0;
    for path in captures::all() {
        let Ok(mut reader) = Reader::open(&path) else { continue };
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        while let Some(Ok(frame)) = reader.next_frame() {
            let Some(header) = frame.content.ok().and_then(|content| content.radiotap) else { continue };
            if crate_can_read(header) {
                compare(header, &name);
                compared += 1;
            }
        }
    }
    assert!(compared > 500, "only {compared} headers were compared");
}

/// Frequency, first signal, FCS present, and length of the header, as text.
fn ours(path: &std::path::Path) -> Vec<Option<[String; 4]>> {
    let Ok(mut reader) = Reader::open(path) else { return Vec::new() };
    let mut frames = Vec::new();
    while let Some(Ok(frame)) = reader.next_frame() {
        let content = frame.content.ok().filter(|_| frame.link == LinkType::RADIOTAP);
        frames.push(content.map(|content| {
            let header = content.radiotap.unwrap();
            let signals = parse(header).unwrap().0.fields().flatten().filter_map(|field| match field {
                Field::AntennaSignal(dbm) => Some(dbm.to_string()),
                _ => None,
            });
            let text = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
            let signals = signals.collect::<Vec<_>>().join(";");
            [
                text(content.rx.frequency.map(u64::from)),
                signals,
                text(content.rx.tsft),
                header.len().to_string(),
            ]
        }));
    }
    frames
}

#[test]
fn tshark_reads_the_same() {
    let fields = [
        "radiotap.channel.freq",
        "radiotap.dbm_antsignal",
        "radiotap.mactime",
        "radiotap.length",
        "radiotap.xchannel.freq",
        "_ws.malformed",
    ];
    let mut compared = 0;
    for path in captures::all() {
        let Some(theirs) = captures::tshark(&path, &[], &fields) else { return };
        for (n, (ours, mut theirs)) in ours(&path).into_iter().zip(theirs).enumerate() {
            let (Some(ours), true) = (ours, theirs[5].is_empty()) else { continue };
            if theirs[0].is_empty() {
                theirs.swap(0, 4);
            }
            // a frequency of 0 is none to us
            if theirs[0] == "0" {
                theirs[0].clear();
            }
            assert_eq!(ours[..], theirs[..4], "{} frame {}", path.display(), n + 1);
            compared += 1;
        }
    }
    assert!(compared > 500, "only {compared} headers were compared");
}
