//! What the fuzz targets call: each takes any bytes, reads them in every way there is, and checks what must hold for all
//! of them. `tests/fuzz` explores with libFuzzer; `tests/tests/fuzz_corpus.rs` replays and mutates in a plain test.

mod ap;
mod context;
mod observer;

pub use ap::ap;
pub use context::context;

use stack::crypto::{Cipher, EapolMic};
use stack::random::Random;
use stack::rsn::{
    Akm, Authenticator, AuthenticatorConfig, GroupKeyData, Gtk, Pmk, Ptk, PtkInputs, Supplicant,
    SupplicantConfig,
};
use stack::time::Instant;
use stack::wire::MacAddr;
use stack::wire::eapol::{EapolFrame, EapolKey, KeyData, set_mic};
use stack::wire::element::{
    BssLoad, ChannelSwitch, Country, DsParameter, ElementKind, Elements, Erp, ExtendedChannelSwitch,
    ExtensionId, FastTransition, HeCapabilities, HtCapabilities, ManagementMic, MobilityDomain,
    MultipleBssid, Quiet, Rsn, RsnExtension, Ssid, Tim, TypedElement, VhtCapabilities, Wmm,
};
use stack::wire::frame::{ControlFrame, DataFrame, ManagementFrame};
use stack::wire::management::{ActionDetails, ManagementBody};
use stack::wire::{EthernetFrame, Frame, Llc, MacHeader, amsdu::Amsdu, radiotap as header};

/// The bytes as an MPDU: header, body, elements, MSDUs.
pub fn wire(data: &[u8]) {
    let mut out = Vec::new();
    if let Ok(frame) = Frame::parse(data) {
        observer::frame(&frame);
    }
    match Frame::parse(data) {
        Ok(Frame::Management(frame)) => management(&frame, data, &mut out),
        Ok(Frame::Data(frame)) => data_frame(&frame, data, &mut out),
        Ok(Frame::Control(frame)) => control(&frame),
        Ok(Frame::Extension(frame)) => assert_eq!(frame.body().len() + frame.header_len(), data.len()),
        Err(_) => {}
    }
}

fn management(frame: &ManagementFrame<'_>, data: &[u8], out: &mut Vec<u8>) {
    MacHeader::from(frame).emit(out);
    assert_eq!(out[..], data[..frame.header_len()], "the header is written as it was read");
    let Ok(body) = frame.parse_body() else { return };
    body.emit(out);
    assert_eq!(out[..], *data, "the body is written as it was read");
    elements(body.elements(), out);
    match body {
        ManagementBody::Authentication(body) => {
            let _ = (body.sae_commit().and_then(|commit| commit.split(0, 32, 64)), body.sae_confirm());
        }
        ManagementBody::Action(body) | ManagementBody::ActionNoAck(body) => {
            let details = body.parse_details();
            if details != ActionDetails::Other {
                out.clear();
                details.emit(out);
                assert_eq!(out[1..], *body.details, "the action is written as it was read");
            }
        }
        _ => {}
    }
}

fn elements(elements: Elements<'_>, out: &mut Vec<u8>) {
    out.clear();
    elements.iter().for_each(|element| out.extend_from_slice(element.bytes));
    assert_eq!(elements.check().is_ok(), out.len() == elements.as_bytes().len());
    let pieces = elements.pieces(ElementKind::Extension(ExtensionId::MULTI_LINK));
    let _ = (pieces.map(<[u8]>::len).sum::<usize>(), elements.rates().count(), elements.ssid());
    kept::<Ssid<'_>>(elements, out);
    kept::<Rsn<'_>>(elements, out);
    kept::<Tim<'_>>(elements, out);
    kept::<Country<'_>>(elements, out);
    kept::<HtCapabilities<'_>>(elements, out);
    kept::<VhtCapabilities<'_>>(elements, out);
    kept::<HeCapabilities<'_>>(elements, out);
    kept::<RsnExtension<'_>>(elements, out);
    kept::<ManagementMic<'_>>(elements, out);
    kept::<FastTransition<'_>>(elements, out);
    read_only::<DsParameter>(elements);
    read_only::<Erp>(elements);
    read_only::<Quiet>(elements);
    read_only::<ChannelSwitch>(elements);
    read_only::<ExtendedChannelSwitch>(elements);
    read_only::<MobilityDomain>(elements);
    read_only::<BssLoad>(elements);
    read_only::<Wmm<'_>>(elements);
    if let Ok(Some(multiple)) = elements.get::<MultipleBssid<'_>>() {
        multiple.profiles().for_each(read_only::<Ssid<'_>>);
    }
}

/// An element that keeps all its bytes is written as it was read.
fn kept<'a, T: TypedElement<'a>>(elements: Elements<'a>, out: &mut Vec<u8>) {
    if let Ok(Some(value)) = elements.get::<T>() {
        out.clear();
        value.emit(out);
        let element = elements.find_kind(T::KIND).expect("it has just been read");
        assert_eq!(out[..], *element.data, "{}", T::KIND);
    }
}

fn read_only<'a, T: TypedElement<'a>>(elements: Elements<'a>) {
    let _ = elements.get::<T>();
}

fn data_frame(frame: &DataFrame<'_>, data: &[u8], out: &mut Vec<u8>) {
    MacHeader::from(frame).emit(out);
    assert_eq!(out[..], data[..frame.header_len()], "the header is written as it was read");
    let _ = (frame.source(), frame.destination(), frame.bssid(), frame.is_null());
    if frame.qos().is_some_and(|qos| qos.amsdu()) {
        Amsdu::new(frame.payload()).flatten().for_each(|subframe| msdu(subframe.msdu, out));
    } else {
        msdu(frame.payload(), out);
    }
}

fn msdu(payload: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let llc = Llc::parse(payload);
    llc.emit(out);
    assert_eq!(Llc::parse(out), llc, "what is written is read as the same");
    assert_eq!(out.len(), payload.len());
    let _ = EthernetFrame::parse(payload);
    if let Llc::Typed(ethertype, pdu) = llc
        && ethertype == stack::wire::EtherType::EAPOL
    {
        eapol(pdu);
    }
}

fn control(frame: &ControlFrame<'_>) {
    if let Some(ack) = frame.block_ack() {
        let _ = (ack.starting_sequence(), ack.bitmap());
    }
    let _ = (frame.ps_poll(), frame.wrapped_frame_control());
    let _ = frame.block_ack_request().map(|request| request.starting_sequence());
}

/// The bytes as an EAPOL PDU, and as Key Data.
pub fn eapol(data: &[u8]) {
    let _ = EapolFrame::parse(data);
    for mic_len in [0, 16, 24] {
        if let Ok(Some(key)) = EapolKey::parse(data, mic_len) {
            assert_eq!(key.mic().len(), mic_len);
            let authenticated: usize = key.authenticated().iter().map(|part| part.len()).sum();
            assert!(authenticated <= data.len(), "the MIC is over the PDU and no more");
            let _ = KeyData::new(key.key_data()).count();
        }
    }
    let _ = KeyData::new(data).count();
    authenticator(data);
    supplicant(data);
}

/// The bytes as an EAPOL frame to an authenticator that has sent message 1, as they are and with a MIC that fits.
pub fn authenticator(data: &[u8]) {
    let mut random = Fixed;
    let mut machine = Authenticator::new(AuthenticatorConfig {
        aa: AA,
        spa: SPA,
        pmk: pmk(),
        akm: Akm::Psk,
        pairwise: Cipher::Ccmp128,
        group: GroupKeyData { gtk: Gtk::new(&[1; 16]).expect("a key"), key_id: 1, rsc: 0 },
        ap_elements: RSNE.to_vec(),
        sta_elements: RSNE.to_vec(),
    });
    machine.start(Instant::ZERO, &mut random);
    let message_1 = machine.poll_transmit().expect("message 1").pdu;
    observer::eapol(data, &message_1);
    for pdu in [data.to_vec(), signed(data)] {
        for protected in [false, true] {
            let _ = machine.handle_eapol(Instant::ZERO, &pdu, protected);
        }
        assert!(std::iter::from_fn(|| machine.poll_transmit()).count() <= 4);
        assert!(std::iter::from_fn(|| machine.poll_event()).count() <= 4);
    }
}

/// The bytes as an EAPOL frame to a supplicant before and after message 1, as they are and with a MIC that fits.
pub fn supplicant(data: &[u8]) {
    let mut random = Fixed;
    let mut machine = Supplicant::new(SupplicantConfig {
        aa: AA,
        spa: SPA,
        pmk: pmk(),
        akm: Akm::Psk,
        pairwise: Cipher::Ccmp128,
        group: Cipher::Ccmp128,
        ap_elements: RSNE.to_vec(),
        sta_elements: RSNE.to_vec(),
    });
    machine.start(Instant::ZERO);
    for pdu in [data.to_vec(), signed(data), data.to_vec()] {
        for protected in [false, true] {
            let _ = machine.handle_eapol(Instant::ZERO, &pdu, protected, &mut random);
        }
        assert!(std::iter::from_fn(|| machine.poll_transmit()).count() <= 4);
        assert!(std::iter::from_fn(|| machine.poll_event()).count() <= 4);
    }
}

const AA: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);
const SPA: MacAddr = MacAddr([2, 0, 0, 0, 2, 0]);
const RSNE: [u8; 4] = [48, 2, 1, 0];

fn pmk() -> Pmk {
    Pmk::new(&[7; 32]).expect("a key")
}

/// The same nonce every time.
struct Fixed;

impl Random for Fixed {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill(0x5a);
    }
}

/// The PDU with the MIC that a peer who knows the PMK would give it: the other nonce is the one in the frame.
fn signed(data: &[u8]) -> Vec<u8> {
    let mut pdu = data.to_vec();
    if let Ok(Some(key)) = EapolKey::parse(data, 16)
        && let inputs = (PtkInputs { aa: AA, spa: SPA, anonce: &[0x5a; 32], snonce: key.nonce() })
        && let Ok(ptk) = Ptk::derive(Akm::Psk, Cipher::Ccmp128, &pmk(), inputs)
        && let Some(mic) = EapolMic::HmacSha1.compute(ptk.kck.expose(), &key.authenticated())
    {
        set_mic(&mut pdu, &mic);
    }
    pdu
}

/// The bytes as a frame with a radiotap header.
pub fn radiotap(data: &[u8]) {
    if let Ok((view, len)) = header::parse(data) {
        assert!(len <= data.len(), "the header ends within the bytes");
        let _ = (view.fields().count(), view.antennas().count(), view.summary());
    }
    let _ = header::strip(data);
}
