use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use stack::wire::radiotap::{TxFlags, TxInfo};
use stack::wire::{Rate, RxInfo};

use super::*;

const ACK: [u8; 10] = [0xd4, 0, 0, 0, 2, 0, 0, 0, 0, 1];

/// Integers of a capture file in either byte order.
struct File {
    bytes: Vec<u8>,
    big: bool,
}

impl File {
    fn new(big: bool) -> Self {
        Self { bytes: Vec::new(), big }
    }

    fn u16(mut self, n: u16) -> Self {
        self.bytes.extend(if self.big { n.to_be_bytes() } else { n.to_le_bytes() });
        self
    }

    fn u32(mut self, n: u32) -> Self {
        self.bytes.extend(if self.big { n.to_be_bytes() } else { n.to_le_bytes() });
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    fn pcap(big: bool, magic: u32, link: u32) -> Self {
        Self::new(big).u32(magic).u16(2).u16(4).u32(0).u32(0).u32(65535).u32(link)
    }

    fn record(self, seconds: u32, fraction: u32, original: u32, bytes: &[u8]) -> Self {
        self.u32(seconds).u32(fraction).u32(bytes.len() as u32).u32(original).raw(bytes)
    }

    fn section(big: bool) -> Self {
        Self::new(big).block(0x0a0d_0d0a, |f| f.u32(0x1a2b_3c4d).u16(1).u16(0).u32(!0).u32(!0))
    }

    fn block(self, kind: u32, body: impl FnOnce(Self) -> Self) -> Self {
        let body = body(Self::new(self.big)).bytes;
        let len = body.len() as u32 + 12;
        self.u32(kind).u32(len).raw(&body).u32(len)
    }

    fn interface(self, link: u16, options: impl FnOnce(Self) -> Self) -> Self {
        self.block(1, |f| options(f.u16(link).u16(0).u32(0)))
    }

    fn option(self, code: u16, value: &[u8]) -> Self {
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        self.u16(code).u16(value.len() as u16).raw(value).raw(&padding)
    }

    fn packet(self, interface: u32, units: u64, frame: &[u8], options: impl FnOnce(Self) -> Self) -> Self {
        let padding = vec![0; frame.len().next_multiple_of(4) - frame.len()];
        let len = frame.len() as u32;
        self.block(6, |f| {
            let f = f.u32(interface).u32((units >> 32) as u32).u32(units as u32).u32(len).u32(len);
            options(f.raw(frame).raw(&padding))
        })
    }
}

type Frame = (u64, Result<Vec<u8>, LinkError>);

/// Time, MPDU or error of every frame, and how the file ends.
fn read(bytes: &[u8]) -> (Vec<Frame>, Option<CaptureError>) {
    let mut frames = Vec::new();
    let mut reader = match Reader::new(Cursor::new(bytes.to_vec())) {
        Ok(reader) => reader,
        Err(error) => return (frames, Some(error)),
    };
    while let Some(frame) = reader.next_frame() {
        match frame {
            Ok(frame) => frames.push((frame.time, frame.content.map(|content| content.mpdu.to_vec()))),
            Err(error) => return (frames, Some(error)),
        }
    }
    (frames, None)
}

fn all_good(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let (frames, error) = read(bytes);
    assert!(error.is_none(), "{error:?}");
    frames.into_iter().map(|(time, mpdu)| (time, mpdu.unwrap())).collect()
}

#[test]
fn pcap_in_both_byte_orders_and_resolutions() {
    for big in [false, true] {
        let micro = File::pcap(big, 0xa1b2_c3d4, 105).record(5, 7, 10, &ACK);
        assert_eq!(all_good(&micro.bytes), [(5_000_007_000, ACK.to_vec())]);
        let nano = File::pcap(big, 0xa1b2_3c4d, 105).record(5, 7, 10, &ACK);
        assert_eq!(all_good(&nano.bytes), [(5_000_000_007, ACK.to_vec())]);
    }
}

#[test]
fn gzip_is_seen_through() {
    let file = File::pcap(false, 0xa1b2_c3d4, 105).record(0, 0, 10, &ACK).bytes;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&file).unwrap();
    let gzip = gzip.finish().unwrap();
    assert_eq!(all_good(&gzip).len(), 1);
    let (_, error) = read(&gzip[..gzip.len() - 12]);
    assert!(error.is_some());
}

#[test]
fn pcapng_resolutions_offsets_and_interfaces() {
    for big in [false, true] {
        let offset = if big { 2_i64.to_be_bytes() } else { 2_i64.to_le_bytes() };
        let file = File::section(big)
            .interface(105, |f| f)
            .interface(105, |f| f.option(9, &[9]).option(14, &offset))
            .interface(105, |f| f.option(2, b"wlan7").option(9, &[0x80 | 10]))
            .interface(1, |f| f.option(9, &[12]))
            .packet(0, 1_000_001, &ACK, |f| f)
            .block(5, |f| f.u32(0).u32(0).u32(0))
            .packet(1, 3, &ACK, |f| f)
            .packet(2, 1536, &ACK, |f| f)
            .packet(3, 5000, &ACK, |f| f)
            .block(3, |f| f.u32(10).raw(&ACK).raw(&[0; 2]));
        let (frames, error) = read(&file.bytes);
        assert!(error.is_none(), "{error:?}");
        let times: Vec<_> = frames.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [1_000_001_000, 2_000_000_003, 1_500_000_000, 5, 0]);
        assert_eq!(frames[3].1, Err(LinkError::NotWireless(LinkType(1))));
        assert_eq!(frames[4].1.as_deref(), Ok(&ACK[..]));
    }
}

#[test]
fn a_second_section_has_its_own_interfaces_and_byte_order() {
    let first = File::section(false).interface(105, |f| f).packet(0, 1, &ACK, |f| f);
    let second = File::section(true).interface(105, |f| f.option(9, &[9])).packet(0, 1, &ACK, |f| f);
    let file = [first.bytes, second.bytes].concat();
    assert_eq!(all_good(&file), [(1000, ACK.to_vec()), (1, ACK.to_vec())]);
    let mut reader = Reader::new(Cursor::new(file)).unwrap();
    assert_eq!(reader.next_frame().unwrap().unwrap().interface, 0);
    assert_eq!(reader.next_frame().unwrap().unwrap().interface, 1);
}

#[test]
fn ill_formed_options_of_a_packet_do_not_cost_the_packet() {
    let file = File::section(false).interface(105, |f| f).packet(0, 1, &ACK, |f| f.u16(1).u16(4000)).packet(
        0,
        2,
        &ACK,
        |f| f.option(1, &[0xff, 0xfe, 0xfd]).option(2, &[2, 0, 0, 0]),
    );
    let mut reader = Reader::new(Cursor::new(file.bytes)).unwrap();
    assert_eq!(reader.next_frame().unwrap().unwrap().direction, None);
    assert_eq!(reader.next_frame().unwrap().unwrap().direction, Some(Direction::Sent));
    assert!(reader.next_frame().is_none());
}

#[test]
fn a_file_cut_short_yields_its_whole_frames_and_then_says_so() {
    let pcap = File::pcap(false, 0xa1b2_c3d4, 105).record(0, 0, 10, &ACK).record(0, 1, 10, &ACK).bytes;
    let start = File::section(false).interface(105, |f| f).packet(0, 1, &ACK, |f| f).bytes;
    let pcapng = [start.clone(), start[start.len() - 44..].to_vec()].concat();
    for (file, last) in [(&pcap, 26), (&pcapng, 44)] {
        assert_eq!(all_good(file).len(), 2);
        for cut in 1..last {
            let (frames, error) = read(&file[..file.len() - cut]);
            assert_eq!(frames.len(), 1, "cut by {cut}");
            assert!(error.unwrap().is_cut_short(), "cut by {cut}");
        }
    }
}

#[test]
fn other_files_are_named() {
    let why = |bytes: &[u8]| read(bytes).1.unwrap().to_string();
    assert_eq!(why(b"#!"), "not a capture file: it has only 2 bytes");
    assert!(why(b"#!/bin/sh").contains("[23, 21, 2f, 62]"));
    let version = File::new(false).u32(0xa1b2_c3d4).u16(1).u16(4).raw(&[0; 16]);
    assert_eq!(why(&version.bytes), "pcap version 1.4 is not supported");
    let huge = File::pcap(false, 0xa1b2_c3d4, 105).u32(0).u32(0).u32(u32::MAX).u32(u32::MAX);
    assert!(why(&huge.bytes).contains("more than 4 MiB"));
}

#[test]
fn a_large_block_of_another_kind_is_skipped_without_holding_it() {
    let file = File::section(false).interface(105, |f| f).block(0xbad, |f| f.raw(&vec![0; 20 << 20])).packet(
        0,
        1,
        &ACK,
        |f| f,
    );
    assert_eq!(all_good(&file.bytes).len(), 1);
}

fn link(link: LinkType, record: &[u8]) -> (RxInfo, Fcs, Vec<u8>) {
    let file = File::pcap(false, 0xa1b2_c3d4, link.0.into()).record(0, 0, record.len() as u32, record).bytes;
    let mut reader = Reader::new(Cursor::new(file)).unwrap();
    let content = reader.next_frame().unwrap().unwrap().content.unwrap();
    (content.rx, content.fcs, content.mpdu.to_vec())
}

fn with_fcs(frame: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(frame);
    [frame, &crc.sum().to_le_bytes()].concat()
}

#[test]
fn radiotap_frame_check_sequences_are_checked_and_stripped() {
    let header = [0, 0, 9, 0, 2, 0, 0, 0, 0x10];
    let record = [&header[..], &with_fcs(&ACK)].concat();
    assert_eq!(link(LinkType::RADIOTAP, &record), (RxInfo::default(), Fcs::Good, ACK.to_vec()));
    let mut bad = record;
    bad[12] ^= 1;
    let (rx, fcs, mpdu) = link(LinkType::RADIOTAP, &bad);
    assert_eq!((rx.bad_fcs, fcs, mpdu.len()), (true, Fcs::Bad, ACK.len()));
}

#[test]
fn a_frame_cut_to_the_snapshot_length_loses_no_byte_to_an_fcs_that_is_not_there() {
    let header = [0, 0, 9, 0, 2, 0, 0, 0, 0x10];
    for (captured, mpdu) in [(9 + 8, 8), (9 + 12, 10)] {
        let record = [&header[..], &with_fcs(&ACK)].concat();
        let file = File::pcap(false, 0xa1b2_c3d4, 127).record(0, 0, 23, &record[..captured]).bytes;
        assert_eq!(all_good(&file)[0].1, ACK[..mpdu]);
    }
}

#[test]
fn padding_between_header_and_payload_is_removed() {
    let radiotap = [0, 0, 9, 0, 2, 0, 0, 0, 0x30];
    let header = [&[0x88, 1, 0, 0][..], &[7; 20], &[5, 0]].concat();
    let frame = [&header[..], b"payload"].concat();
    let fcs = with_fcs(&frame)[frame.len()..].to_vec();
    let record = [&radiotap[..], &header, &[0xee, 0xee], b"payload", &fcs].concat();
    assert_eq!(link(LinkType::RADIOTAP, &record), (RxInfo::default(), Fcs::Good, frame));
}

#[test]
fn the_fcs_of_bare_frames_is_where_the_file_says() {
    let record = with_fcs(&ACK);
    let told = File::pcap(false, 0xa1b2_c3d4, 105 | 0x0400_0000 | 2 << 28).record(0, 0, 14, &record);
    assert_eq!(all_good(&told.bytes)[0].1, ACK);
    let told = File::section(false).interface(105, |f| f.option(13, &[32])).packet(0, 0, &record, |f| f);
    assert_eq!(all_good(&told.bytes)[0].1, ACK);
    assert_eq!(link(LinkType::IEEE802_11, &record).2, record);
}

#[test]
fn ppi() {
    let common = [&7_u64.to_le_bytes()[..], &[1, 0, 22, 0, 0x85, 0x09, 0, 0, 0, 0, 0xce, 0xa0]].concat();
    let header = [&[0, 0, 32, 0, 105, 0, 0, 0, 2, 0, 20, 0][..], &common].concat();
    let record = [&header[..], &with_fcs(&ACK)].concat();
    let rx = RxInfo {
        tsft: Some(7),
        frequency: Some(2437),
        signal: Some(-50),
        noise: Some(-96),
        rate: Some(Rate::Legacy(22)),
        bad_fcs: false,
    };
    assert_eq!(link(LinkType::PPI, &record), (rx, Fcs::Good, ACK.to_vec()));
}

#[test]
fn prism_in_both_byte_orders() {
    for big in [false, true] {
        let mut file = File::new(big).u32(0x44).u32(144).raw(&[0; 16]);
        for (id, value) in
            [(1, 0), (2, 99), (3, 6), (4, 0), (5, 0), (6, -40), (7, 5), (8, 22), (9, 0), (10, 10)]
        {
            file = file.u32(id << 16 | 0x44).u16(0).u16(4).u32(i32::cast_unsigned(value));
        }
        let (rx, _, mpdu) = link(LinkType::PRISM, &[&file.bytes[..], &ACK].concat());
        assert_eq!((rx.tsft, rx.frequency, rx.signal, rx.noise), (Some(99), Some(2437), Some(-40), None));
        assert_eq!((rx.rate, mpdu), (Some(Rate::Legacy(22)), ACK.to_vec()));
    }
}

#[test]
fn avs_also_under_the_prism_link_type() {
    let mut file = File::new(true).u32(0x8021_1001).u32(64).u32(0).u32(99).u32(0).u32(0);
    for word in [4, 11, 110, 0, 0, 2, (-40_i32).cast_unsigned(), (-90_i32).cast_unsigned(), 0, 0] {
        file = file.u32(word);
    }
    for kind in [LinkType::AVS, LinkType::PRISM] {
        let (rx, _, mpdu) = link(kind, &[&file.bytes[..], &ACK].concat());
        assert_eq!(
            (rx.tsft, rx.frequency, rx.signal, rx.noise),
            (Some(99), Some(2462), Some(-40), Some(-90))
        );
        assert_eq!((rx.rate, mpdu), (Some(Rate::Legacy(22)), ACK.to_vec()));
    }
}

#[test]
fn what_is_written_is_read_again() {
    let mut writer = Writer::new(Vec::new()).unwrap();
    let radios = [writer.radio("north0", "a radio").unwrap(), writer.radio("north1", "").unwrap()];
    let rx = RxInfo {
        frequency: Some(2437),
        signal: Some(-50),
        rate: Some(Rate::Legacy(12)),
        ..RxInfo::default()
    };
    let heard = Entry {
        time: 1_700_000_000_123_456_789,
        direction: Some(Direction::Received),
        rx,
        mpdu: &ACK,
        ..Entry::default()
    };
    let info = TxInfo { flags: TxFlags::FAIL, rts_retries: None, data_retries: Some(7) };
    let sent = Entry {
        time: 5,
        direction: Some(Direction::Sent),
        tx: Some(info),
        comments: &["dropped: ünknown", "two"],
        ..heard
    };
    writer.write(radios[0], &heard).unwrap();
    writer.write(radios[1], &sent).unwrap();
    let plain = Entry { direction: None, ..heard };
    writer.write(radios[1], &plain).unwrap();
    writer.write(radios[0], &heard).unwrap();
    let mut reader = Reader::new(Cursor::new(writer.into_inner())).unwrap();
    for (n, entry) in [heard, sent].iter().enumerate() {
        let frame = reader.next_frame().unwrap().unwrap();
        assert_eq!((frame.time, frame.interface, frame.direction), (entry.time, n, entry.direction));
        let content = frame.content.unwrap();
        assert_eq!((content.rx.signal, content.tx, &*content.mpdu), (Some(-50), entry.tx, &ACK[..]));
        assert_eq!(reader.interface_name(n), Some(["north0", "north1"][n]));
    }
    for (interface, entry) in [(1, plain), (0, heard)] {
        let frame = reader.next_frame().unwrap().unwrap();
        assert_eq!((frame.time, frame.interface, frame.direction), (entry.time, interface, entry.direction));
        assert_eq!(*frame.content.unwrap().mpdu, ACK);
    }
    assert!(reader.next_frame().is_none());
}

#[test]
fn frames_in_batches_are_those_one_by_one_and_an_error_comes_behind_them() {
    let mut file = File::pcap(false, 0xa1b2_c3d4, 105);
    let mut mpdu = [0xd4; 1000];
    for n in 0..3000_u32 {
        mpdu[10] = n as u8;
        let length = 10 + (n as usize * 7) % 990;
        file = file.record(n, 0, length as u32, &mpdu[..length]);
    }
    file = file.u32(1).u32(2); // a record header that is cut short
    for most in [1, 7, 300, 5000] {
        let mut single = Reader::new(Cursor::new(file.bytes.clone())).unwrap();
        let mut batches = Reader::new(Cursor::new(file.bytes.clone())).unwrap();
        let mut count = 0;
        let error = loop {
            match batches.next_frames(most) {
                Ok(frames) => {
                    assert!((1..=most).contains(&frames.len()));
                    count += frames.len();
                    for frame in frames {
                        let alone = single.next_frame().unwrap().unwrap();
                        assert_eq!((frame.number, frame.time), (alone.number, alone.time));
                        assert_eq!(frame.content.unwrap().mpdu, alone.content.unwrap().mpdu);
                    }
                }
                Err(error) => break error,
            }
        };
        assert_eq!(count, 3000);
        assert!(error.is_cut_short() && single.next_frame().unwrap().unwrap_err().is_cut_short());
        assert!(batches.next_frames(most).unwrap().is_empty());
    }
}

proptest! {
    /// Anything may stand in a file; what is read ends, and takes no more memory than the file has.
    #[test]
    fn no_bytes_panic(mut bytes: Vec<u8>, start in 0..3_usize, flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..8)) {
        let start = match start {
            0 => File::pcap(false, 0xa1b2_c3d4, 127).record(0, 0, 10, &ACK).record(0, 0, 10, &ACK),
            1 => File::section(true).interface(192, |f| f.option(9, &[9])).packet(0, 1, &ACK, |f| f.option(2, &[1; 4])),
            _ => File::section(false).interface(119, |f| f).block(3, |f| f.u32(10).raw(&ACK).raw(&[0; 2])),
        };
        bytes.splice(0..0, start.bytes);
        let len = bytes.len();
        for (at, value) in flips { bytes[at % len] = value; }
        let (frames, _) = read(&bytes);
        prop_assert!(frames.len() <= len / 12);
    }
}
