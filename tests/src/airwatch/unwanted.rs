//! Management and EAPOL that must not be once a client is in. Where keys are changed, EAPOL may come in the clear: a
//! client that has just taken the new key into use may say so under none.

use std::collections::BTreeSet;

use super::frame::{Address, DEAUTHENTICATION, DISASSOCIATION, Frame};
use super::{Expected, Found, Violation};

/// From a client's first protected data on until it leaves by itself.
pub(super) fn judge(frames: &[Frame], expected: &Expected, found: &mut Found) {
    let (mut inside, mut left) = (BTreeSet::new(), BTreeSet::new());
    for frame in frames {
        let Some(from) = frame.from else { continue };
        let client = [from, frame.to].into_iter().find(|one| expected.clients.contains(one));
        let parts = matches!(frame.kind, DEAUTHENTICATION | DISASSOCIATION);
        if parts && frame.to.is_group() && inside.iter().any(|client| !left.contains(client)) {
            found.push(unwanted(frame, from));
        }
        let Some(client) = client.filter(|client| !left.contains(client)) else { continue };
        let handshake = frame.eapol && !expected.rekeys;
        if inside.contains(&client) && (frame.is_beginning() || parts || handshake) {
            if parts && from == client {
                left.insert(client);
                continue;
            }
            found.push(unwanted(frame, client));
        }
        if from == client && frame.is_data() && frame.cover.is_some() {
            inside.insert(client);
        }
    }
}

fn unwanted(frame: &Frame, client: Address) -> Violation {
    let what = if frame.eapol { "EAPOL".to_owned() } else { format!("type {:#04x}", frame.kind) };
    Violation { rule: "unwanted", frame: frame.number, what: format!("{what}, and {client:?} is in") }
}
