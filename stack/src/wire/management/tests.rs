use super::*;
use crate::wire::element::{ElementsBuf, Ssid};
use crate::wire::{FrameType, MacHeader};
use hex_literal::hex;
use proptest::prelude::*;

#[test]
fn a_beacon_is_built_and_read() {
    let mut elements = ElementsBuf::new();
    elements.writer().put(&Ssid::new(b"air").unwrap()).rates(&[0x82, 0x84]);
    let beacon = Beacon {
        timestamp: 0x0102_0304_0506_0708,
        interval: 100,
        capabilities: Capabilities::default().with_ess(true).with_privacy(true),
        elements: elements.elements(),
    };
    let mut frame = Vec::new();
    MacHeader::management(FrameKind::BEACON, MacAddr::BROADCAST, MacAddr::ZERO, MacAddr::ZERO)
        .emit(&mut frame);
    beacon.emit(&mut frame);
    assert_eq!(frame[24..], hex!("0807060504030201 6400 1100 0003 616972 0102 8284"));
    let Ok(crate::wire::Frame::Management(view)) = crate::wire::Frame::parse(&frame) else { panic!() };
    assert_eq!(view.parse_body(), Ok(ManagementBody::Beacon(beacon)));
    frame[1] |= 0x40;
    let Ok(crate::wire::Frame::Management(view)) = crate::wire::Frame::parse(&frame) else { panic!() };
    assert_eq!(view.parse_body(), Err(BodyError::Protected(FrameKind::BEACON)));
}

#[test]
fn sae_bodies() {
    let mut fields = vec![19, 0];
    fields.extend([7; 32]);
    fields.extend([8; 64]);
    let body = Authentication {
        algorithm: Algorithm::SAE,
        transaction: 1,
        status: StatusCode::SUCCESS,
        fields: &fields,
    };
    let commit = body.sae_commit().unwrap();
    let (scalar, element, elements) = commit.split(0, 32, 64).unwrap();
    assert_eq!((commit.group, scalar, element), (19, &[7; 32][..], &[8; 64][..]));
    assert_eq!(elements.as_bytes(), []);
    assert_eq!((commit.split(1, 32, 64), body.sae_confirm(), body.elements()), (None, None, None));
    let confirm = Authentication { transaction: 2, fields: &[5, 0, 1], ..body };
    assert_eq!(confirm.sae_confirm(), Some(SaeConfirm { send_confirm: 5, confirm: &[1] }));
}

#[test]
fn codes_have_words() {
    assert_eq!(ReasonCode::FOUR_WAY_TIMEOUT.to_string(), "15 (4-way handshake timeout)");
    assert_eq!(ReasonCode(999).to_string(), "reason 999");
    assert_eq!(StatusCode::UNSUPPORTED_GROUP.to_string(), "77 (finite cyclic group not supported)");
    assert_eq!(AssociationId::new(5).0, 0xc005);
    assert_eq!(AssociationId(0xc005).number(), 5);
}

#[test]
fn actions() {
    let details = ActionDetails::AddBlockAckRequest {
        token: 1,
        parameters: BlockAckParameters::new(6, 64, true),
        timeout: 0,
        starting_sequence: 0x1230,
        elements: Elements::default(),
    };
    let mut body = Vec::new();
    details.emit(&mut body);
    assert_eq!(body, hex!("03 00 01 1b10 0000 3012"));
    let Ok(ManagementBody::Action(action)) = ManagementBody::parse(FrameKind::ACTION, &body) else {
        panic!()
    };
    assert_eq!((action.kind(), action.parse_details()), (Category::BLOCK_ACK, details));
    let returned = Action { category: 0x83, details: &[0] };
    assert!(returned.is_returned() && returned.kind() == Category::BLOCK_ACK);
    assert_eq!(returned.parse_details(), ActionDetails::Other);
    assert!(
        Category::SA_QUERY.is_robust() && !Category::PUBLIC.is_robust() && Category(200 & 0x7f).is_robust()
    );
}

proptest! {
    #[test]
    fn action_details_are_written_again(category in 0u8..20, details in prop::collection::vec(0u8..5, 0..20)) {
        let action = Action { category, details: &details };
        let parsed = action.parse_details();
        if parsed != ActionDetails::Other {
            let (mut out, mut bytes) = (Vec::new(), Vec::new());
            parsed.emit(&mut out);
            action.emit(&mut bytes);
            prop_assert_eq!(out, bytes);
        }
    }

    #[test]
    fn what_is_read_is_written_again(subtype in 0u8..16, body in any::<Vec<u8>>()) {
        let kind = FrameKind::new(FrameType::Management, subtype);
        if let Ok(parsed) = ManagementBody::parse(kind, &body) {
            let mut out = Vec::new();
            parsed.emit(&mut out);
            prop_assert_eq!(&out, &body);
            prop_assert_eq!(parsed.kind(), kind);
            prop_assert!(parsed.elements().as_bytes().len() <= body.len());
        }
    }
}
