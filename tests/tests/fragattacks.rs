//! Captured fragmentation attacks, replayed into the receive pipeline with the known key: the injected ping is not
//! delivered, the traffic around it is; and legal fragments are put together. Both ends of the link are played, each
//! hears what was sent to it.

use std::path::{Path, PathBuf};

use drivers::capture::Reader;
use stack::mac::rx::{Context, Delivery, receive};
use stack::mac::{Bss, DropCounts, DropReason, GroupRx, PairwiseSa, Peer, PeerConfig, Role, SaIds};
use stack::rsn::{Observer, Pmk};
use stack::time::Instant;
use stack::wire::{Frame, FrameKind, MacAddr, RxInfo};

/// One end of a link.
struct End {
    bss: Bss,
    peer: Peer,
    group: GroupRx,
}

/// What the ends of a capture received.
#[derive(Default)]
struct Outcome {
    msdus: Vec<Vec<u8>>,
    drops: DropCounts,
}

struct Replay {
    observer: Observer,
    ids: SaIds,
    /// BSSID and client, with the AP's and the client's end.
    link: Option<(MacAddr, MacAddr, [End; 2])>,
    keys: usize,
    groups: usize,
    outcome: Outcome,
}

impl Replay {
    fn associate(&mut self, now: Instant, bssid: MacAddr, client: MacAddr) {
        let mut end = |bss: Bss, peer| End {
            bss,
            peer: Peer::new(
                now,
                PeerConfig { protected: true, qos: true, ..PeerConfig::new(peer) },
                self.ids.next(),
            ),
            group: GroupRx::new(),
        };
        let ends = [end(Bss::access_point(bssid), client), end(Bss::station(client, bssid), bssid)];
        self.link = Some((bssid, client, ends));
    }

    fn frame(&mut self, now: Instant, info: &RxInfo, mpdu: &mut [u8]) {
        let Ok(frame) = Frame::parse(mpdu) else { return };
        let joins = [FrameKind::ASSOCIATION_REQUEST, FrameKind::REASSOCIATION_REQUEST];
        if let (true, Some(bssid), Some(client)) =
            (joins.contains(&frame.kind()), frame.addr1(), frame.addr2())
        {
            // a repeated request is the same association
            let known = self.link.as_ref().is_some_and(|(_, _, ends)| !ends[0].peer.is_port_open());
            if !known {
                self.associate(now, bssid, client);
            }
        }
        let Some((bssid, client, ends)) = &mut self.link else { return };
        let from_ap = frame.addr2() == Some(*bssid);
        if !matches!(frame, Frame::Data(_)) || !(from_ap || frame.addr2() == Some(*client)) {
            return;
        }
        let (from, to) = if from_ap { (*bssid, *client) } else { (*client, *bssid) };
        let end = &mut ends[usize::from(from_ap)];
        let (observer, outcome) = (&mut self.observer, &mut self.outcome);
        let context = Context {
            now,
            info,
            bss: end.bss,
            peer: Some(&mut end.peer),
            group: (end.bss.role == Role::Station).then_some(&mut end.group),
            late: false,
            drops: &mut outcome.drops,
        };
        let msdus = &mut outcome.msdus;
        let _ = receive(context, mpdu, &mut |delivery: Delivery<'_>| match delivery {
            Delivery::Eapol { pdu, .. } => drop(observer.handle_eapol(from, to, pdu)),
            Delivery::Msdu(msdu) => {
                let mut ethernet = Vec::new();
                msdu.emit_ethernet(&mut ethernet);
                msdus.push(ethernet);
            }
            _ => {}
        });
        self.install(now);
    }

    /// Installs what the handshake that was just heard agreed on.
    fn install(&mut self, now: Instant) {
        let Some((bssid, client, ends)) = &mut self.link else { return };
        let keys: Vec<_> =
            self.observer.session(*bssid, *client).into_iter().flat_map(|session| session.keys()).collect();
        if keys.len() > self.keys {
            self.keys = keys.len();
            for end in ends.iter_mut() {
                let key = keys[0];
                let sa = PairwiseSa::new(self.ids.next(), key.cipher, key.tk.expose()).unwrap();
                end.peer.install_pairwise(now, sa);
                end.peer.open_port();
            }
        }
        let groups: Vec<_> = self.observer.group_keys(*bssid).collect();
        if groups.len() > self.groups {
            self.groups = groups.len();
            if let Some(cipher) = groups[0].cipher {
                let [_, station] = ends;
                station.group.install(cipher, groups[0].gtk.expose(), groups[0].key_id, 0).unwrap();
            }
        }
    }
}

fn replay(file: &Path, passphrase: &str, ssid: &str) -> Outcome {
    let pmk = Pmk::from_passphrase(passphrase, ssid.as_bytes()).unwrap();
    let mut replay = Replay {
        observer: Observer::new(vec![pmk.into()]),
        ids: SaIds::default(),
        link: None,
        keys: 0,
        groups: 0,
        outcome: Outcome::default(),
    };
    let mut reader = Reader::open(file).unwrap();
    let mut start = None;
    while let Some(frame) = reader.next_frame() {
        let frame = frame.unwrap();
        let start = *start.get_or_insert(frame.time);
        let now = Instant::from_micros(frame.time.saturating_sub(start) / 1000);
        if let Ok(content) = frame.content {
            replay.frame(now, &content.rx, content.mpdu);
        }
    }
    replay.outcome
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../captures").join(name)
}

/// An ICMP echo request in an Ethernet frame of IPv4.
fn is_ping(ethernet: &[u8]) -> bool {
    ethernet.get(12..14) == Some(&[8, 0]) && ethernet.get(23) == Some(&1) && ethernet.get(34) == Some(&8)
}

fn attack(name: &str) -> Outcome {
    let outcome = replay(&shipped(name), "abcdefgh", "testnetwork");
    let pings = outcome.msdus.iter().filter(|msdu| is_ping(msdu)).count();
    assert_eq!(pings, 0, "{name}: the injected ping was delivered; drops {:?}", outcome.drops);
    assert!(outcome.msdus.len() >= 4, "{name}: {} MSDUs only; {:?}", outcome.msdus.len(), outcome.drops);
    outcome
}

#[test]
fn sec_d1_a_plaintext_ping_is_not_delivered() {
    let outcome = attack("fragattacks__ping_I_P-fromclient.pcapng");
    assert!(outcome.drops.of(DropReason::Unprotected) > 0);
}

#[test]
fn sec_d2_a_ping_with_a_plaintext_fragment_is_not_delivered() {
    let outcome = attack("fragattacks__ping_I_E_P-fromclient.pcapng");
    assert!(outcome.drops.of(DropReason::PlaintextFragment) > 0);
    let outcome = attack("fragattacks__linux-plain-fromap.pcapng");
    assert!(outcome.drops.of(DropReason::PlaintextFragment) > 0);
}

#[test]
fn sec_d5_a_ping_begun_before_a_reconnection_is_not_delivered() {
    attack("fragattacks__ping_I_E_R_E__full-recon-fromclient.pcapng");
}

#[test]
fn sec_d8_a_ping_within_a_forged_amsdu_is_not_delivered() {
    let outcome = attack("fragattacks__amsdu-inject-fromap.pcapng");
    assert!(outcome.drops.of(DropReason::AmsduHeader) > 0);
}

#[test]
fn sec_d9_a_ping_as_second_fragment_alone_is_not_delivered() {
    let outcome = attack("fragattacks__ping_I_D_E-fromap.pcapng");
    assert!(outcome.drops.of(DropReason::FragmentWithoutFirst) > 0);
}

#[test]
fn legal_fragments_are_put_together() {
    let outcome =
        replay(&shipped("hwsim__13_wpa2_fragmentation.pcap"), "correct horse battery", "hwsim-test");
    let long = outcome.msdus.iter().filter(|msdu| msdu.len() > 300).count();
    assert_eq!(long, 8, "of {}; drops {:?}", outcome.msdus.len(), outcome.drops);
    assert_eq!(outcome.drops.of(DropReason::FragmentWithoutFirst), 0);
    assert_eq!(outcome.drops.of(DropReason::FragmentPacketNumber), 0);
}
