//! The bytes as something that the observer of handshakes hears.

use stack::rsn::Observer;
use stack::wire::Frame;

use super::{AA, SPA, pmk, signed};

fn observer() -> Observer {
    Observer::new(vec![pmk().into()]).with_ssid(b"fuzz".to_vec())
}

/// Bounded, whatever was heard.
fn check(observer: &Observer) {
    let keys =
        [(AA, SPA), (SPA, AA)].map(|(aa, spa)| observer.session(aa, spa).map_or(0, |it| it.keys().count()));
    assert!(keys.iter().all(|count| *count <= 8) && observer.group_keys(AA).count() <= 8);
    assert!(observer.handshakes().len() <= 8, "no more handshakes than messages");
}

/// A frame in the clear, twice.
pub(super) fn frame(frame: &Frame<'_>) {
    let mut observer = observer();
    for _ in 0..2 {
        match frame {
            Frame::Management(frame) => drop(observer.handle_management(frame)),
            Frame::Data(frame) => observer.handle_data(frame, frame.payload()),
            Frame::Control(_) | Frame::Extension(_) => {}
        }
    }
    check(&observer);
}

/// An EAPOL PDU from either side, before and after a message with the nonce that `signed` reckons with.
pub(super) fn eapol(data: &[u8], message_1: &[u8]) {
    let mut observer = observer();
    for pdu in [data, message_1, data, &signed(data)] {
        for (from, to) in [(AA, SPA), (SPA, AA)] {
            let _ = observer.handle_eapol(from, to, pdu);
        }
    }
    check(&observer);
}
