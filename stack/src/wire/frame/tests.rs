use super::*;
use hex_literal::hex;
use proptest::prelude::*;

const AP: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);
const STA: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

fn emitted(header: &MacHeader) -> Vec<u8> {
    let mut out = Vec::new();
    header.emit(&mut out);
    assert_eq!(out.len(), header.len());
    out
}

#[test]
fn addresses_follow_the_ds_flags() {
    let up = emitted(&MacHeader::to_ds(AP, STA, OTHER));
    let Frame::Data(frame) = Frame::parse(&up).unwrap() else { panic!() };
    assert_eq!((frame.source(), frame.destination(), frame.bssid()), (STA, OTHER, Some(AP)));

    let down = emitted(&MacHeader::from_ds(STA, AP, OTHER).with_qos(QosControl::new(5)));
    let Frame::Data(frame) = Frame::parse(&down).unwrap() else { panic!() };
    assert_eq!((frame.source(), frame.destination(), frame.bssid()), (OTHER, STA, Some(AP)));
    assert_eq!((frame.qos().unwrap().tid(), frame.header_len()), (5, 26));

    let mut four = MacHeader::to_ds(AP, STA, OTHER);
    four.addr4 = Some(MacAddr::BROADCAST);
    let four = emitted(&four);
    let Frame::Data(frame) = Frame::parse(&four).unwrap() else { panic!() };
    assert_eq!((frame.source(), frame.destination(), frame.bssid()), (MacAddr::BROADCAST, OTHER, None));
    assert_eq!(frame.header_len(), 30);

    let direct = emitted(&MacHeader {
        frame_control: FrameControl::new(FrameKind::DATA),
        ..MacHeader::to_ds(STA, OTHER, AP)
    });
    let Frame::Data(frame) = Frame::parse(&direct).unwrap() else { panic!() };
    assert_eq!((frame.source(), frame.destination(), frame.bssid()), (OTHER, STA, Some(AP)));
}

#[test]
fn control_frames() {
    let mut poll = Vec::new();
    PsPoll { aid: 3, bssid: AP, station: STA }.emit(&mut poll);
    assert_eq!(poll, hex!("a400 03c0 020000000100 020000000007"));
    let Frame::Control(frame) = Frame::parse(&poll).unwrap() else { panic!() };
    assert_eq!(frame.ps_poll(), Some(PsPoll { aid: 3, bssid: AP, station: STA }));
    assert_eq!(frame.block_ack(), None);

    let mut ack = Vec::new();
    ControlFrame::emit_ack(STA, &mut ack);
    let Frame::Control(frame) = Frame::parse(&ack).unwrap() else { panic!() };
    assert_eq!(
        (frame.kind(), frame.addr1(), frame.addr2(), frame.header_len()),
        (FrameKind::ACK, STA, None, 10)
    );

    let block =
        BlockAck { control: BlockAckControl::compressed(6), information: &hex!("3012 ff00000000000000") };
    let mut bytes = Vec::new();
    ControlFrame::emit_block_ack(STA, AP, &block, &mut bytes);
    let Frame::Control(frame) = Frame::parse(&bytes).unwrap() else { panic!() };
    assert_eq!(frame.block_ack(), Some(block));
    assert_eq!(
        (block.starting_sequence(), block.control.tid(), block.bitmap().unwrap()[0]),
        (Some(0x123), 6, 0xff)
    );

    let wrapper = hex!("7400 0000 020000000100 d400 00000000");
    let Frame::Control(frame) = Frame::parse(&wrapper).unwrap() else { panic!() };
    assert_eq!(frame.wrapped_frame_control().unwrap().kind(), FrameKind::ACK);
}

#[test]
fn short_frames_and_other_versions_are_refused() {
    assert!(matches!(Frame::parse(&[]), Err(FrameError::Truncated(_))));
    assert!(matches!(Frame::parse(&hex!("8000 0000")), Err(FrameError::Truncated(_))));
    assert_eq!(Frame::parse(&[0x81; 40]), Err(FrameError::Version(1)));
    let mut qos = emitted(&MacHeader::to_ds(AP, STA, OTHER).with_qos(QosControl::new(0)));
    qos.pop();
    assert!(matches!(Frame::parse(&qos), Err(FrameError::Truncated(_))));
}

#[test]
fn one_line() {
    let mut header = MacHeader::to_ds(AP, STA, OTHER).with_sequence(SequenceControl::new(17, 2));
    header.frame_control = header.frame_control.with_retry(true).with_protected(true);
    let line = Frame::parse(&emitted(&header)).unwrap().to_string();
    assert_eq!(line, "data 02:00:00:00:00:07 > 02:00:00:00:01:00 seq 17 fragment 2 retry protected");
    assert_eq!(Frame::parse(&hex!("0c00 0000")).unwrap().to_string(), "DMG beacon");
}

fn any_address() -> impl Strategy<Value = MacAddr> {
    any::<[u8; 6]>().prop_map(MacAddr)
}

prop_compose! {
    fn any_header()(
        subtype in 0u8..16, data in any::<bool>(), flags in any::<u16>(), duration in any::<u16>(),
        addresses in [any_address(), any_address(), any_address(), any_address()],
        (sequence, qos, ht_control) in (any::<u16>(), any::<u16>(), any::<[u8; 4]>()),
    ) -> MacHeader {
        let frame_type = if data { FrameType::Data } else { FrameType::Management };
        let kind = FrameKind::new(frame_type, subtype);
        let control = FrameControl(flags & 0xff00).with_kind(kind);
        let is_qos = data && subtype & 8 != 0;
        let [addr1, addr2, addr3, addr4] = addresses;
        MacHeader {
            frame_control: control,
            duration, addr1, addr2, addr3,
            sequence: SequenceControl(sequence),
            addr4: (data && control.to_ds() && control.from_ds()).then_some(addr4),
            qos: is_qos.then_some(QosControl(qos)),
            ht_control: ((is_qos || !data) && control.order()).then_some(ht_control),
        }
    }
}

proptest! {
    #[test]
    fn headers_round_trip(header in any_header(), body in any::<Vec<u8>>()) {
        let mut mpdu = emitted(&header);
        mpdu.extend_from_slice(&body);
        let (parsed, rest) = match Frame::parse(&mpdu).unwrap() {
            Frame::Data(frame) => (MacHeader::from(&frame), frame.payload()),
            Frame::Management(frame) => (MacHeader::from(&frame), frame.body()),
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(parsed, header);
        prop_assert_eq!(rest, &body[..]);
    }

    #[test]
    fn any_bytes(bytes in any::<Vec<u8>>()) {
        if let Ok(frame) = Frame::parse(&bytes) {
            prop_assert!(frame.header_len() <= bytes.len());
            let _ = frame.to_string();
            if let Frame::Control(frame) = frame {
                let _ = (frame.ps_poll(), frame.block_ack(), frame.block_ack_request(), frame.wrapped_frame_control());
            }
        }
    }
}
