//! Stories of a node whose radio is a station of several foreign networks, on the simulated air.

use std::time::Duration;

use airloom::node::{LinkChange, link_address};
use stack::ap::Security;
use stack::sta::{LinkEnd, LinkSecurity};
use stack::wire::MacAddr;
use tests::links::{BLOCK, World, got, pmk};
use tests::scene::{HOST, ethernet};

#[test]
fn four_networks_on_four_channels_are_joined_and_carry_frames_both_ways_without_loss() {
    let mut world = World::four();
    world.join_all();
    let joined = |change: &&LinkChange| matches!(change, LinkChange::Connected { .. });
    assert_eq!(world.told.iter().filter(joined).count(), 4, "{:?}", world.told);
    for round in 0..40 {
        for link in 0..4 {
            world.say(link, &format!("to {link} {round}"));
            world.answer(link, &format!("from {link} {round}"));
        }
        world.run(Duration::from_millis(50));
    }
    world.run(Duration::from_secs(1));
    for link in 0..4 {
        let all = |way: &str| (0..40).map(|round| format!("{way} {link} {round}")).collect::<Vec<_>>();
        assert_eq!(got(&world.foreign[link].cable), all("to"), "link {link}");
        assert_eq!(got(&world.taps[link]), all("from"), "link {link}");
    }
    let report = world.node.report(world.now);
    let channels: Vec<_> = report.links.iter().map(|link| link.channel).collect();
    assert_eq!(channels, [1, 6, 36, 149]);
    for (n, link) in report.links.iter().enumerate() {
        assert_eq!((link.ssid.as_str(), link.radio.as_str()), (format!("net{n}").as_str(), "phy0"));
        assert_eq!((link.rx_frames, link.tx_frames, link.connects), (40, 40, 1), "{link:?}");
        assert_eq!(link.bssid, MacAddr([2, 0, 0, 1, n as u8, 0]).to_string());
        assert_eq!(link.address, link_address(&BLOCK, n).unwrap().to_string());
        assert!(link.slot_share.is_some_and(|share| share > 0.0) && link.signal_dbm.is_some(), "{link:?}");
        // What the air's model says, and what the worker adds to it: nothing.
        assert_eq!(link.dead_air_ms, Some(3.0));
        assert_eq!(link.losses, [].into());
    }
    let hopping = report.radio.hopping.unwrap();
    assert!(hopping.hops > 40 && hopping.failed == 0, "{hopping:?}");
    assert!((hopping.dead_air_ms / hopping.hops as f64 - 3.0).abs() < 0.01, "{hopping:?}");
    let own: Vec<_> = (0..4).map(|n| link_address(&BLOCK, n).unwrap().to_string()).collect();
    assert_eq!(report.radio.ack_addresses, own);
}

#[test]
fn a_wrong_passphrase_fails_alone_and_is_told() {
    let theirs = [(1, Security::Wpa2(pmk(1))), (6, Security::Open)];
    let mut world = World::new(&theirs, &[LinkSecurity::Wpa2(pmk(9)), LinkSecurity::Open]);
    let wrong = |change: &LinkChange| matches!(change, LinkChange::Disconnected { wrong_key: true, .. });
    world.until(Duration::from_secs(20), |world| world.told.iter().any(wrong) && world.connected() == 1);
    assert_eq!(world.links()[1].state, "connected");
    world.say(1, "all the same");
    world.until(Duration::from_secs(2), |world| got(&world.foreign[1].cable) == ["all the same"]);
}

#[test]
fn a_station_sends_in_its_own_name_only() {
    let mut world = World::new(&[(6, Security::Open)], &[LinkSecurity::Open]);
    world.join_all();
    let own = link_address(&BLOCK, 0).unwrap();
    assert!(world.taps[0].host_send(ethernet(HOST, MacAddr([2, 0, 0, 0, 6, 6]), "bridged")));
    let mut eapol = ethernet(HOST, own, "");
    eapol[12..14].copy_from_slice(&[0x88, 0x8e]);
    assert!(world.taps[0].host_send(eapol) && world.taps[0].host_send(vec![0; 5]));
    world.say(0, "own");
    world.run(Duration::from_secs(1));
    assert_eq!(got(&world.foreign[0].cable), ["own"]);
    let link = &world.links()[0];
    for cause in ["spoofed_source", "eapol_not_for_us", "msdu_malformed"] {
        assert_eq!(link.losses.get(cause), Some(&1), "{:?}", link.losses);
    }
    assert_eq!(link.tx_frames, 1);
}

#[test]
fn at_the_end_every_ap_is_told() {
    let mut world = World::four();
    world.join_all();
    world.run(Duration::from_secs(1));
    world.node.stop(world.now);
    world.until(Duration::from_secs(2), |world| world.node.is_finished());
    let stopped = |change: &&LinkChange| {
        matches!(change, LinkChange::Disconnected { end: LinkEnd::Stopped, wrong_key: false, .. })
    };
    assert_eq!(world.told.iter().filter(stopped).count(), 4, "{:?}", world.told);
    world.run(Duration::from_millis(50));
    for foreign in &mut world.foreign {
        let report = foreign.ap.report(world.now);
        assert!(report.virtual_aps.iter().all(|ap| ap.clients.is_empty()), "{:?}", report.virtual_aps);
    }
}
