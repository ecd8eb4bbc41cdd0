use hex_literal::hex;
use proptest::prelude::*;

use super::*;
use crate::wire::{Rate, RxInfo, TxOptions};

fn fields(bytes: &[u8]) -> Vec<Result<Field<'_>, RadiotapError>> {
    parse(bytes).unwrap().0.fields().collect()
}

#[test]
fn one_field() {
    let bytes = hex!("0000 1000 0100 0000 1122334455667788");
    assert_eq!(fields(&bytes), [Ok(Field::Tsft(0x8877_6655_4433_2211))]);
}

#[test]
fn a_vendor_namespace_is_skipped_and_the_next_one_read() {
    for sub in [0, 1] {
        let mut bytes = hex!(
            "0000 3000 010000c0 020000a0 01000000 1122334455667788 0000000004 00 ffeeddcc 000000000000 aabbccddeeff0011"
        );
        bytes[27] = sub;
        let vendor = Field::Vendor(Oui([0; 3]), sub, &[0xff, 0xee, 0xdd, 0xcc]);
        assert_eq!(
            fields(&bytes),
            [Ok(Field::Tsft(0x8877_6655_4433_2211)), Ok(vendor), Ok(Field::Tsft(0x1100_ffee_ddcc_bbaa))]
        );
    }
}

#[test]
fn sec_m14_a_vendor_namespace_over_the_end_is_an_error_after_the_good_fields() {
    let bytes = hex!("00002200 2e4800c0 00000080 000000a0 04000000 1002 9e09a000 e305 0000 ffffffffffff");
    let fields = fields(&bytes);
    assert_eq!(fields[0], Ok(Field::Flags(Flags::FCS)));
    assert_eq!(fields[2], Ok(Field::Channel(2462, 0xa0)));
    assert_eq!(fields[3], Ok(Field::AntennaSignal(-29)));
    assert_eq!(fields.last(), Some(&Err(RadiotapError::Field { bit: 30, offset: 30 })));
    assert!(strip(&bytes).is_err());
}

#[test]
fn sec_m14_no_claim_is_believed_beyond_the_buffer() {
    assert_eq!(parse(&[]).unwrap_err(), RadiotapError::Short(0));
    assert_eq!(parse(&hex!("0100 0800 00000000")).unwrap_err(), RadiotapError::Version(1));
    assert_eq!(parse(&hex!("0000 0700 00000000")).unwrap_err(), RadiotapError::Length(7));
    let overrun = RadiotapError::Overrun { claimed: 9, have: 8 };
    assert_eq!(parse(&hex!("0000 0900 00000000")).unwrap_err(), overrun);
    assert_eq!(parse(&hex!("0000 0800 00000080 00000000")).unwrap_err(), RadiotapError::PresentChain);
    let field = RadiotapError::Field { bit: 0, offset: 8 };
    assert_eq!(fields(&hex!("0000 0800 01000000 0000000000000000")), [Err(field)]);
}

#[test]
fn sec_m14_an_fcs_needs_four_bytes() {
    let header = hex!("0000 0900 02000000 10");
    let with = |frame: &[u8]| strip(&[&header, frame].concat());
    assert_eq!(with(&[1, 2, 3]), Err(RadiotapError::ShortFcs(3)));
    let stripped = with(&[0xd4, 0, 1, 2, 3, 4]).unwrap();
    assert_eq!((stripped.mpdu, stripped.fcs), (9..11, Some([1, 2, 3, 4])));
}

#[test]
fn antennas_one_by_one() {
    // rate, signal | namespace, ext; then signal and antenna twice
    let bytes = hex!("0000 1600 240000a0 200800a0 20080000 0c ce cd 00 c0 01");
    let antennas: Vec<_> = parse(&bytes).unwrap().0.antennas().collect();
    let antenna = |index, signal| Antenna { index, signal: Some(signal), noise: None };
    assert_eq!(antennas, [antenna(None, -50), antenna(Some(0), -51), antenna(Some(1), -64)]);
    assert_eq!(strip(&bytes).unwrap().summary.rx.signal, Some(-50));
}

#[test]
fn a_second_word_without_a_namespace_bit_is_unknown_ground() {
    let bytes = hex!("0000 0e00 04000080 20000000 0c ce");
    assert_eq!(fields(&bytes), [Ok(Field::Rate(12))]);
}

#[test]
fn tlvs() {
    let bytes = hex!(
        "0000 2800 04000010 0c 000000 2100 0400 01020304 2200 0500 0102030405 000000 ff00 0200 abcd 0000"
    );
    assert_eq!(
        fields(&bytes),
        [
            Ok(Field::Rate(12)),
            Ok(Field::USig(&[1, 2, 3, 4])),
            Ok(Field::Eht(&[1, 2, 3, 4, 5])),
            Ok(Field::Tlv(0xff, &[0xab, 0xcd])),
        ]
    );
}

#[test]
fn sec_m14_a_tlv_over_the_end_is_an_error() {
    let bytes = hex!("0000 1000 00000010 2100 0500 01020304");
    assert_eq!(fields(&bytes), [Err(RadiotapError::Field { bit: 33, offset: 12 })]);
}

#[test]
fn transmissions_are_told_from_receptions() {
    let bytes = hex!("0000 0c00 00800200 0900 03 00");
    let tx = strip(&bytes).unwrap().summary.tx.unwrap();
    assert_eq!((tx.acked(), tx.flags, tx.data_retries), (false, TxFlags::FAIL | TxFlags::NO_ACK, Some(3)));
}

#[test]
fn injection_header_bytes() {
    let mut out = vec![0xee];
    build(&TxOptions { rate: Some(Rate::Legacy(12)), no_ack: true, retries: Some(2) }, &mut out);
    assert_eq!(out[1..], hex!("0000 0d00 04800200 0c 00 3800 02"));
}

fn rate() -> impl Strategy<Value = Rate> {
    let width = prop_oneof![Just(20), Just(40), Just(80), Just(160)];
    prop_oneof![
        (1..=255u8).prop_map(Rate::Legacy),
        (0..77u8, any::<bool>(), any::<bool>()).prop_map(|(mcs, wide, short_gi)| Rate::Ht {
            mcs,
            wide,
            short_gi
        }),
        (0..10u8, 1..=8u8, width, any::<bool>()).prop_map(|(mcs, streams, width, short_gi)| Rate::Vht {
            mcs,
            streams,
            width,
            short_gi
        }),
        (0..12u8, 1..=8u8).prop_map(|(mcs, streams)| Rate::He { mcs, streams }),
    ]
}

prop_compose! {
    fn rx_info()(tsft: Option<u64>, frequency in proptest::option::of(1..=u16::MAX), signal: Option<i8>,
                 noise: Option<i8>, rate in proptest::option::of(rate()), bad_fcs: bool) -> RxInfo {
        RxInfo { tsft, frequency, signal, noise, rate, bad_fcs }
    }
}

proptest! {
    #[test]
    fn what_was_heard_round_trips(info in rx_info(), frame: Vec<u8>) {
        let mut bytes = Vec::new();
        build_rx(&info, &mut bytes);
        bytes.extend_from_slice(&frame);
        let stripped = strip(&bytes).unwrap();
        prop_assert_eq!(stripped.summary.rx, info);
        prop_assert_eq!(stripped.summary.tx, None);
        prop_assert_eq!(&bytes[stripped.mpdu], &frame[..]);
    }

    #[test]
    fn what_was_sent_round_trips(info in rx_info(), flags: u16, rts_retries: Option<u8>, data_retries: Option<u8>) {
        let tx = TxInfo { flags: TxFlags::from_bits_retain(flags), rts_retries, data_retries };
        let mut bytes = Vec::new();
        build_tx(&info, &tx, &mut bytes);
        let summary = strip(&bytes).unwrap().summary;
        prop_assert_eq!((summary.rx, summary.tx), (info, Some(tx)));
    }

    #[test]
    fn injection_options_round_trip(rate in proptest::option::of(rate()), no_ack: bool, retries: Option<u8>) {
        let mut bytes = Vec::new();
        build(&TxOptions { rate, no_ack, retries }, &mut bytes);
        let summary = strip(&bytes).unwrap().summary;
        let tx = summary.tx.unwrap();
        prop_assert_eq!((summary.rx.rate, tx.data_retries), (rate, retries));
        prop_assert_eq!(tx.flags.contains(TxFlags::NO_ACK), no_ack);
        prop_assert!(tx.flags.contains(TxFlags::NO_SEQNO | TxFlags::ORDER));
    }

    #[test]
    fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 8..96), words in 0..6usize) {
        // a plausible start, so that the walk gets somewhere
        bytes[0] = 0;
        bytes[3] = 0;
        for word in bytes[4..].chunks_exact_mut(4).take(words) { word[3] |= 0x80; }
        if let Ok((header, len)) = parse(&bytes) {
            prop_assert!(len <= bytes.len());
            prop_assert!(header.fields().count() <= 8 * len);
            header.antennas().count();
        }
        let _ = strip(&bytes);
    }
}
