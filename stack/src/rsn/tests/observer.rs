//! A listener to the handshakes of others.

use super::*;
use crate::rsn::Observer;

/// Lets an observer hear a frame.
fn overhear(observer: &mut Observer, from_ap: bool, frame: &EapolTransmit) {
    let Parties { aa, spa, .. } = parties();
    let (from, to) = if from_ap { (aa, spa) } else { (spa, aa) };
    let _ = observer.handle_eapol(from, to, &frame.pdu);
}

#[test]
fn the_observer_follows_joins_rekeys_and_group_keys_even_without_message_1() {
    for first in [0, 1] {
        let mut observer = Observer::new(vec![parties().pmk.into()]);
        let Parties { aa, spa, .. } = parties();
        let mut pair = Pair::new();
        let mut heard = 0;
        for round in 0..3 {
            while let Some(down) = pair.ap.poll_transmit() {
                if heard >= first {
                    overhear(&mut observer, true, &down);
                }
                heard += 1;
                pair.give_sta(&down).unwrap();
                let up = pair.sta_sends();
                overhear(&mut observer, false, &up);
                pair.give_ap(&up).unwrap();
            }
            pair.collect();
            match round {
                0 => pair.ap.rekey_pairwise(pair.now, &mut pair.random),
                _ => pair.ap.rekey_group(pair.now, group(0x22, 2, 0)),
            }
        }
        let keys: Vec<_> = observer.session(aa, spa).unwrap().keys().map(|key| key.tk.clone()).collect();
        assert_eq!(keys.len(), 2, "the old key is still there");
        assert_eq!(keys[0], pair.ap_key());
        let groups: Vec<_> = observer.group_keys(aa).map(|group| (group.gtk.clone(), group.key_id)).collect();
        assert_eq!(groups, [(group(0x22, 2, 0).gtk, 2), (group(0x11, 1, 0).gtk, 1)]);
        let complete: Vec<_> = observer.handshakes().iter().map(|report| report.complete()).collect();
        assert_eq!(complete, [first == 0, true]);
        assert!(observer.handshakes().iter().all(|report| report.verified));
    }
}

#[test]
fn the_observer_follows_a_suite_whose_mic_is_longer() {
    let parties = Parties { akm: Akm::PskSha384, ..parties() };
    let rsne = [48, 20, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 20, 0, 0];
    let (anonce, snonce) = ([1; 32], [2; 32]);
    let ptk = parties.derive(&anonce, &snonce).unwrap();
    let info = KeyInfo::PAIRWISE.with(KeyInfo::ACK);
    let m1 = parties.build(Draft { nonce: anonce, ..Draft::new(info, 1) }, None);
    let info = KeyInfo::PAIRWISE.with(KeyInfo::MIC);
    let draft = Draft { nonce: snonce, key_data: &rsne, ..Draft::new(info, 1) };
    let m2 = parties.build(draft, Some(&ptk.kck));
    let mut observer = Observer::new(vec![parties.pmk.clone().into()]);
    observer.handle_eapol(parties.aa, parties.spa, &m1).unwrap();
    observer.handle_eapol(parties.spa, parties.aa, &m2).unwrap();
    let keys: Vec<_> = observer.session(parties.aa, parties.spa).unwrap().keys().collect();
    assert_eq!((keys.len(), &keys[0].tk), (1, &ptk.tk));
    assert_eq!(observer.handshakes()[0].akm.map(|akm| akm.to_string()), Some("PSK-SHA384".into()));
}
