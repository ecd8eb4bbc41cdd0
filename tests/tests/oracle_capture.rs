//! Our capture reader against tshark: every file has as many frames, at the same times, of the same lengths; and what
//! our writer writes, tshark reads.

use drivers::capture::{Direction, Entry, Reader, Writer};
use stack::wire::RxInfo;
use tests::captures;

/// Number, time in nanoseconds, length, captured length of each frame; and how the file ended.
fn ours(path: &std::path::Path) -> (Vec<Vec<String>>, Option<String>) {
    let mut frames = Vec::new();
    let mut reader = match Reader::open(path) {
        Ok(reader) => reader,
        Err(error) => return (frames, Some(error.to_string())),
    };
    while let Some(frame) = reader.next_frame() {
        match frame {
            Ok(frame) => frames.push(vec![
                frame.number.to_string(),
                frame.time.to_string(),
                frame.original_length.to_string(),
                frame.captured_length.to_string(),
            ]),
            Err(error) => return (frames, Some(error.to_string())),
        }
    }
    (frames, None)
}

#[test]
fn every_file_has_the_frames_that_tshark_sees() {
    let fields = ["frame.number", "frame.time_epoch", "frame.len", "frame.cap_len"];
    for path in captures::all() {
        let Some(mut theirs) = captures::tshark(&path, &[], &fields) else { return };
        for frame in &mut theirs {
            frame[1] = nanoseconds(&frame[1]);
        }
        let (ours, error) = ours(&path);
        let name = path.display();
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{name}");
        }
        assert_eq!(ours.len(), theirs.len(), "{name} ({error:?})");
    }
}

/// tshark prints a fraction of a million microseconds with ten digits.
fn nanoseconds(epoch: &str) -> String {
    let (seconds, fraction) = epoch.split_once('.').unwrap();
    (seconds.parse::<u64>().unwrap() * 1_000_000_000 + fraction.parse::<u64>().unwrap()).to_string()
}

#[test]
fn broken_files_are_named() {
    let expected = [
        ("wifite2__handshake_has_1234.cap", "cut short in the middle of record 2190"),
        ("libpcap__pcap-invalid-version-1.pcap", "pcap version 1.4 is not supported"),
        ("libpcap__shb-option-too-long.pcapng", "record 1 at byte 0 is damaged"),
    ];
    for (name, why) in expected {
        let Some(path) = captures::named(name) else { continue };
        let (_, error) = ours(&path);
        assert!(error.as_ref().is_some_and(|error| error.contains(why)), "{name}: {error:?}");
    }
}

#[test]
fn tshark_reads_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pcapng");
    let mut writer = Writer::new(std::fs::File::create(&path).unwrap()).unwrap();
    let radio = writer.radio("north0", "channel 6").unwrap();
    let ack = [0xd4, 0, 0, 0, 2, 0, 0, 0, 0, 1];
    let rx = RxInfo { frequency: Some(2437), signal: Some(-50), ..RxInfo::default() };
    let entry = Entry { time: 1_700_000_000_123_456_789, rx, mpdu: &ack, ..Entry::default() };
    writer.write(radio, &Entry { direction: Some(Direction::Received), ..entry }).unwrap();
    writer
        .write(radio, &Entry { direction: Some(Direction::Sent), comments: &["drop: replay"], ..entry })
        .unwrap();
    drop(writer.into_inner());
    let fields = [
        "frame.time_epoch",
        "wlan.ra",
        "frame.packet_flags_direction",
        "frame.comment",
        "frame.interface_name",
    ];
    let Some(theirs) = captures::tshark(&path, &[], &fields) else { return };
    let time = "1700000000.123456789";
    assert_eq!(theirs[0], [time, "02:00:00:00:00:01", "0x00000001", "", "north0"]);
    assert_eq!(theirs[1], [time, "02:00:00:00:00:01", "0x00000002", "drop: replay", "north0"]);
}
