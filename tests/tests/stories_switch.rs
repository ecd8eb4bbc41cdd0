//! Stories of the switch between the nodes of a cluster, on the simulated air: who is where, who may say so, and that
//! everything arrives once.

use std::time::Duration;

use mesh::announce::Profile;
use stack::wire::{MacAddr, Transmit, TxId, TxOptions};
use tests::nodes::{Nodes, Wiring, host_address};
use tests::scene::{ethernet, station};

/// One way between two nodes.
const LATENCY: Duration = Duration::from_millis(5);

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A client goes to and fro between two nodes; all three know it two round trips after it has come.
fn known_soon(wiring: Wiring, turns: usize) -> (Nodes, usize) {
    let mut scene = Nodes::new(wiring, LATENCY);
    let client = scene.join(0);
    scene.to_the_middle(client);
    for turn in 0..turns {
        let (from, to) = (turn % 2, 1 - turn % 2);
        let answered = scene.begin_move(client, from, to);
        let there = format!("node{to}");
        let mut waited = 0;
        while scene.whereabouts(to, client).is_none_or(|(node, _)| node != there) {
            scene.run(millis(1));
            waited += 1;
            assert!(waited < 500, "it does not move");
        }
        scene.run(4 * LATENCY);
        for other in 0..3 {
            assert_eq!(scene.whereabouts(other, client).unwrap().0, there, "by node{other}");
        }
        scene.run(millis(600));
        assert!(answered.try_recv().unwrap().is_ok());
    }
    (scene, client)
}

#[test]
fn all_nodes_know_a_client_two_round_trips_after_it_has_moved_and_keep_knowing() {
    let (mut scene, client) = known_soon(Wiring::SHARED, 10);
    // Longer than any claim lives.
    scene.run(Duration::from_secs(15));
    let known: Vec<_> = (0..3).map(|of| scene.whereabouts(of, client)).collect();
    assert!(known[0].is_some() && known.iter().all(|place| *place == known[0]), "{known:?}");
    assert_eq!((0..3).map(|of| scene.claims(of).conflicts).sum::<u64>(), 0, "no move is a conflict");
}

#[test]
fn claims_that_are_signed_are_known_as_soon() {
    for profile in [Profile::B16, Profile::H16, Profile::ED25519] {
        let (scene, _) = known_soon(Wiring::signed(profile), 4);
        for of in 0..3 {
            let claims = scene.claims(of);
            assert_eq!(claims.malformed, 0, "{claims:?}");
            assert!(claims.refused.keys().all(|reason| reason == "epoch_not_newer"), "{claims:?}");
        }
    }
}

#[test]
fn who_leaves_is_claimed_by_nobody_soon() {
    let mut scene = Nodes::new(Wiring::SHARED, LATENCY);
    let client = scene.join(0);
    assert!((0..3).all(|of| scene.whereabouts(of, client).is_some()));
    scene.clients[client].link.stop();
    scene.run(millis(200));
    assert!((0..3).all(|of| scene.whereabouts(of, client).is_none()));
}

#[test]
fn what_is_under_way_while_a_client_moves_arrives_once() {
    for wiring in [Wiring::SHARED, Wiring::APART] {
        let mut scene = Nodes::new(wiring, LATENCY);
        let (moving, still) = (scene.join(0), scene.join(2));
        let host = scene.host(2);
        scene.to_the_middle(moving);
        let (mut said, mut down, mut up) = (Vec::new(), Vec::new(), Vec::new());
        for turn in 0..12 {
            let _ = scene.begin_move(moving, turn % 2, 1 - turn % 2);
            for _ in 0..50 {
                let number = said.len();
                scene.client_says(still, station(moving), &format!("s{number}"));
                scene.host_says(host, station(moving), &format!("h{number}"));
                scene.client_says(moving, station(still), &format!("m{number}"));
                said.push(number);
                scene.run(millis(10));
                down.extend(scene.got(moving));
                up.extend(scene.got(still));
            }
        }
        scene.run(millis(500));
        down.extend(scene.got(moving));
        up.extend(scene.got(still));
        for (kind, arrived) in [('s', &down), ('h', &down), ('m', &up)] {
            let mut numbers: Vec<usize> =
                arrived.iter().filter_map(|text| text.strip_prefix(kind)?.parse().ok()).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, said, "{kind} {wiring:?}");
        }
        assert_eq!(scene.clients[moving].lost, 0);
    }
}

#[test]
fn sec_m12_a_wired_host_with_the_address_of_a_client_draws_nothing() {
    let mut scene = Nodes::new(Wiring::SHARED, LATENCY);
    let client = scene.join(0);
    let (host, thief) = (scene.host(1), scene.host(2));
    scene.run(Duration::from_secs(3));
    scene.host_frames(thief);
    let mut got = Vec::new();
    for number in 0..300 {
        scene.host_sends(thief, &ethernet(MacAddr::BROADCAST, station(client), "me"));
        scene.run(millis(5));
        scene.host_says(host, station(client), &number.to_string());
        scene.run(millis(5));
        got.extend(scene.got(client));
    }
    let numbers: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    assert_eq!(got.iter().filter(|text| *text != "me").cloned().collect::<Vec<_>>(), numbers);
    let drawn = scene.host_got(thief);
    assert!(drawn.iter().all(|text| text.is_empty() || text.parse::<u32>().is_err()), "{drawn:?}");
    assert!(scene.dropped(0, "client_on_wire") >= 300);
    let claims = scene.claims(0);
    assert!(claims.conflicts > 0, "{claims:?}");
    let (held, by) = (&claims.last_conflicts[0].holder, &claims.last_conflicts[0].claimant);
    assert_eq!((held.as_str(), by.as_str()), ("node0", "wire"));
    assert!(scene.nodes[0].lines().any(|line| line.starts_with("CONFLICT")), "it is told of");
    assert!((0..3).all(|of| scene.whereabouts(of, client).unwrap().0 == "node0"), "a frame is no claim");
}

/// A data frame to an AP.
fn data(bssid: MacAddr, transmitter: MacAddr, to: MacAddr) -> Vec<u8> {
    let mut mpdu = vec![0x08, 0x01, 0, 0];
    for address in [bssid, transmitter, to] {
        mpdu.extend(address.octets());
    }
    mpdu.extend([0x10, 0x20]);
    mpdu.extend(*b"\xaa\xaa\x03\x00\x00\x00\x88\xb5me");
    mpdu
}

#[test]
fn sec_m12_a_client_that_sends_with_the_address_of_another_draws_nothing() {
    let mut scene = Nodes::new(Wiring::SHARED, LATENCY);
    let (victim, thief) = (scene.join(0), scene.join(2));
    let host = scene.host(1);
    let bssid = scene.clients[thief].link.bssid().unwrap();
    let own = scene.clients[victim].link.bssid().unwrap();
    let radio = scene.clients[thief].radio;
    let mut got = Vec::new();
    for number in 0..100 {
        for (n, to) in [bssid, own].into_iter().enumerate() {
            let frame = data(to, station(victim), MacAddr::BROADCAST);
            let id = TxId(1 << 40 | number << 1 | n as u64);
            let transmit = Transmit { frame, options: TxOptions::default(), id };
            scene.air.borrow_mut().transmit(scene.now, radio, &transmit).unwrap();
        }
        scene.run(millis(5));
        scene.host_says(host, station(victim), &number.to_string());
        scene.run(millis(5));
        got.extend(scene.got(victim));
    }
    let numbers: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(got, numbers);
    assert!(scene.got(thief).iter().all(|text| text.is_empty()), "it got nothing");
    assert_eq!(scene.host_got(host), Vec::<String>::new());
    // To its own BSS it is nobody; to that of the victim it says nothing that the key fits.
    assert!(scene.dropped(2, "unknown_station") >= 100, "{:?}", scene.dropped(2, "unknown_station"));
    assert!(scene.dropped(0, "unprotected") >= 100);
    assert!((0..3).all(|of| scene.whereabouts(of, victim).unwrap().0 == "node0"), "a frame is no claim");
    assert_eq!(scene.clients[victim].lost, 0);
}

#[test]
fn who_joins_elsewhere_is_let_go_by_the_node_before_and_that_is_told() {
    let mut scene = Nodes::new(Wiring::SHARED, LATENCY);
    let client = scene.join(0);
    let host = scene.host(1);
    // Somebody with its address and the passphrase, out of its reach.
    scene.appear_again(client, 2);
    scene.run(Duration::from_secs(3));
    assert!((0..3).all(|of| scene.whereabouts(of, client).unwrap().0 == "node2"));
    assert_eq!((scene.served_by(0), scene.served_by(2)), (vec![], vec![station(client).to_string()]));
    assert!(scene.claims(1).conflicts > 0 && scene.nodes[0].lines().any(|line| line.starts_with("CONFLICT")));
    scene.host_says(host, station(client), "found");
    scene.run(millis(300));
    assert!(scene.got(client + 1).contains(&"found".to_owned()));
}

/// What everybody has got of what three clients and three hosts say to all, and each to the next, in five rounds.
struct Heard {
    scene: Nodes,
    clients: Vec<Vec<String>>,
    hosts: Vec<Vec<String>>,
}

const ROUNDS: usize = 5;

fn all_talk(wiring: Wiring) -> Heard {
    // Nobody acknowledges what is for all: nobody else is on the channel then, so that none is lost on the air.
    let mut scene = Nodes::on(wiring, LATENCY, [36, 100, 149]);
    let clients: Vec<usize> = (0..3).map(|node| scene.join(node)).collect();
    let hosts: Vec<usize> = (0..3).map(|node| scene.host(node)).collect();
    for round in 0..ROUNDS {
        for n in 0..3 {
            let (said, next) = (format!("{round} {n}"), (n + 1) % 3);
            scene.client_says(clients[n], MacAddr::BROADCAST, &format!("c{said}"));
            scene.run(millis(150));
            scene.host_says(hosts[n], MacAddr::BROADCAST, &format!("h{said}"));
            scene.run(millis(150));
            scene.client_says(clients[n], host_address(hosts[next]), &format!("ch{said}"));
            scene.run(millis(150));
            scene.host_says(hosts[n], station(clients[next]), &format!("hc{said}"));
            scene.host_says(hosts[n], host_address(hosts[next]), &format!("hh{said}"));
            scene.run(millis(450));
        }
    }
    let sorted = |mut texts: Vec<String>| {
        texts.retain(|text| !text.is_empty());
        texts.sort();
        texts
    };
    let clients = clients.into_iter().map(|client| sorted(scene.got(client))).collect();
    let hosts = hosts.into_iter().map(|host| sorted(scene.host_got(host))).collect();
    Heard { scene, clients, hosts }
}

/// Texts of these kinds from these speakers, in order.
fn texts(kinds: &[(&str, &[usize])]) -> Vec<String> {
    let mut all = Vec::new();
    for (kind, from) in kinds {
        all.extend((0..ROUNDS).flat_map(|round| from.iter().map(move |n| format!("{kind}{round} {n}"))));
    }
    all.sort();
    all
}

fn others(n: usize) -> Vec<usize> {
    (0..3).filter(|m| *m != n).collect()
}

fn clients_have_heard_all_once(heard: &Heard) {
    for (n, got) in heard.clients.iter().enumerate() {
        let wanted = texts(&[("c", &others(n)), ("h", &[0, 1, 2]), ("hc", &[(n + 2) % 3])]);
        assert_eq!(*got, wanted, "client {n}");
    }
}

/// A bridge that does not know yet where somebody is tells everybody: what is for others does not count.
fn hosts_have_heard_all_once(heard: &Heard) {
    for (n, got) in heard.hosts.iter().enumerate() {
        let before = [(n + 2) % 3];
        let wanted = texts(&[("c", &[0, 1, 2]), ("h", &others(n)), ("ch", &before), ("hh", &before)]);
        let for_it = |text: &&String| wanted.contains(text) || !text[1..].starts_with(['h', 'c']);
        assert_eq!(got.iter().filter(for_it).cloned().collect::<Vec<_>>(), wanted, "host {n}");
    }
}

fn went_round(heard: &mut Heard) -> u64 {
    (0..3).map(|node| heard.scene.dropped(node, "went_round")).sum()
}

#[test]
fn on_one_ethernet_what_is_for_all_reaches_all_once() {
    let mut heard = all_talk(Wiring::SHARED);
    clients_have_heard_all_once(&heard);
    hosts_have_heard_all_once(&heard);
    assert_eq!(went_round(&mut heard), 0);
}

#[test]
fn nodes_on_ethernets_of_their_own_carry_what_is_for_all_to_each_other_once() {
    let mut heard = all_talk(Wiring::APART);
    clients_have_heard_all_once(&heard);
    hosts_have_heard_all_once(&heard);
    assert_eq!(went_round(&mut heard), 0);
    let claims = heard.scene.claims(0);
    assert!(claims.wired >= 3, "hosts that go on talking are known: {claims:?}");
}

#[test]
fn what_goes_round_between_ethernets_that_are_one_after_all_is_found_out() {
    let mut heard = all_talk(Wiring { one_ethernet: true, ..Wiring::APART });
    clients_have_heard_all_once(&heard);
    // What a client says each node may put on the wire, but none more than once.
    for got in &heard.hosts {
        let most = got.chunk_by(|one, other| one == other).map(<[String]>::len).max();
        assert!(most <= Some(3), "{got:?}");
    }
    assert!(went_round(&mut heard) > 0);
}

#[test]
fn the_outside_is_told_of_a_client_in_its_name_where_it_comes_to() {
    let mut scene = Nodes::new(Wiring::APART, LATENCY);
    let client = scene.join(0);
    let host = scene.host(1);
    scene.to_the_middle(client);
    let mut arp = [&[0xff; 6][..], &station(client).octets(), &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]].concat();
    arp.extend(station(client).octets());
    arp.extend([10, 9, 0, 10, 0, 0, 0, 0, 0, 0, 10, 9, 0, 1]);
    scene.clients[client].link.handle_msdu(scene.now, &arp);
    // Said by the client, of somebody else: not its own.
    let mut of_another = arp.clone();
    of_another[22..28].copy_from_slice(&station(9).octets());
    of_another[28..32].copy_from_slice(&[10, 9, 0, 99]);
    scene.clients[client].link.handle_msdu(scene.now, &of_another);
    scene.run(millis(500));
    scene.host_frames(host);
    scene.move_over(client, 0, 1);
    let told: Vec<_> = scene
        .host_frames(host)
        .into_iter()
        .filter(|frame| frame[6..12] == station(client).octets())
        .collect();
    let gratuitous = |frame: &&Vec<u8>| {
        frame[12..14] == [8, 6] && frame[28..32] == [10, 9, 0, 10] && frame[38..42] == [10, 9, 0, 10]
    };
    assert_eq!(told.iter().filter(gratuitous).count(), 1, "{told:02x?}");
    assert!(told.iter().any(|frame| frame[14..17] == [0, 1, 0xaf]), "XID");
    assert!(!told.iter().any(|frame| frame.windows(4).any(|ip| ip == [10, 9, 0, 99])));
    // And from there on.
    let host = scene.host(0);
    scene.move_over(client, 1, 0);
    assert_eq!(scene.host_frames(host).iter().filter(gratuitous).count(), 1);
}
