//! Stories of clients whose virtual APs move between the radios of a node, on the simulated air.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use airloom::config::PlacementPolicy;
use airloom::node::{Abroad, Home, MoveError, Order, Told, WorkerEvent};
use drivers::propagation::{Knobs, Position};
use drivers::reactor::Reactor;
use stack::ap::{ApEvent, NetworkConfig, SharedClock, VirtualApKind};
use stack::mac::TxRange;
use stack::sta::LinkState;
use stack::wire::Channel;
use tests::scene::{HOST, Scene, ethernet, station, wpa2};

/// Two radios on one channel and a client beside the first.
fn one_client(policy: PlacementPolicy) -> Scene {
    on_channels(policy, [36, 36])
}

fn on_channels(policy: PlacementPolicy, channels: [u8; 2]) -> Scene {
    let network = NetworkConfig { kind: VirtualApKind::PerClient, ..wpa2() };
    let mut scene = Scene::new(&network, channels);
    scene.place_by(policy);
    scene.join(&network, 0);
    scene.host_got();
    scene
}

/// What was said and what has arrived.
#[derive(Default)]
struct Talk {
    said: Vec<String>,
    up: Vec<String>,
    down: Vec<String>,
}

impl Talk {
    /// Messages both ways for a while, every 10 ms.
    fn go_on(&mut self, scene: &mut Scene, count: usize) {
        for _ in 0..count {
            let text = self.said.len().to_string();
            scene.clients[0].link.handle_msdu(scene.now, &ethernet(HOST, station(0), &text));
            assert!(scene.cable.host_send(ethernet(station(0), HOST, &text)));
            self.said.push(text);
            self.listen(scene, Duration::from_millis(10));
        }
    }

    fn listen(&mut self, scene: &mut Scene, time: Duration) {
        scene.run(time);
        self.up.extend(scene.host_got());
        self.down.extend(scene.got(0));
    }
}

/// All that was said has arrived, once and in order, and the client never noticed anything.
fn nobody_noticed(scene: &mut Scene, mut talk: Talk) {
    talk.listen(scene, Duration::from_millis(500));
    for (way, arrived) in [("up", &talk.up), ("down", &talk.down)] {
        let first = talk.said.iter().zip(arrived).find(|(said, arrived)| said != arrived);
        assert_eq!(first, None, "{way}, {} of {}", arrived.len(), talk.said.len());
        assert_eq!(arrived.len(), talk.said.len(), "{way}");
    }
    assert_eq!(scene.clients[0].lost, 0);
    let joined = |(_, event): &&(usize, WorkerEvent)| {
        matches!(event, WorkerEvent::Ap(ApEvent::StationJoined { .. } | ApEvent::StationLeft { .. }))
    };
    assert_eq!(scene.events.iter().filter(joined).count(), 1, "the first join");
}

fn moves(scene: &Scene) -> Vec<(usize, usize, Duration)> {
    let of = |(_, event): &(usize, WorkerEvent)| match event {
        WorkerEvent::Moved(moved) => Some((moved.from, moved.to, moved.gap)),
        _ => None,
    };
    scene.events.iter().filter_map(of).collect()
}

#[test]
fn a_client_that_is_moved_by_hand_to_and_fro_misses_nothing() {
    let mut scene = one_client(PlacementPolicy::ByHand);
    halfway(&scene);
    let mut talk = Talk::default();
    for turn in 0..20 {
        talk.go_on(&mut scene, 20);
        scene.switch.move_station(station(0), 1 - turn % 2, None).unwrap();
    }
    talk.go_on(&mut scene, 20);
    let moves = moves(&scene);
    assert_eq!(moves.len(), 20);
    for (turn, (from, to, gap)) in moves.into_iter().enumerate() {
        assert_eq!((from, to), (turn % 2, 1 - turn % 2));
        assert!(gap < Duration::from_millis(5), "{gap:?}");
    }
    nobody_noticed(&mut scene, talk);
}

/// The client stands between the radios.
fn halfway(scene: &Scene) {
    let place = scene.clients[0].radio;
    scene.air.borrow_mut().set_position(place, Position::new(20.0, 1.0));
}

#[test]
fn a_client_is_moved_by_hand_between_channels_and_bands_and_misses_nothing() {
    for channels in [[36, 44], [6, 36]] {
        let mut scene = on_channels(PlacementPolicy::ByHand, channels);
        halfway(&scene);
        let mut talk = Talk::default();
        for turn in 0..8 {
            talk.go_on(&mut scene, 20);
            scene.switch.move_station(station(0), 1 - turn % 2, None).unwrap();
            talk.go_on(&mut scene, 60);
        }
        let moves = moves(&scene);
        assert_eq!(moves.len(), 8);
        for (turn, (from, to, gap)) in moves.into_iter().enumerate() {
            assert_eq!((from, to), (turn % 2, 1 - turn % 2));
            assert!(gap < Duration::from_millis(120), "an interval between beacons: {gap:?}");
        }
        nobody_noticed(&mut scene, talk);
    }
}

#[test]
fn a_client_that_does_not_hear_the_other_radio_finds_its_virtual_ap_where_it_was() {
    let mut scene = on_channels(PlacementPolicy::ByHand, [36, 44]);
    let (client, other) = (scene.clients[0].radio, scene.workers[1].radio().id());
    for (from, to) in [(client, other), (other, client)] {
        scene.air.borrow_mut().set_link(from, to, Knobs { cut: true, ..Knobs::default() });
    }
    let (answer, answered) = std::sync::mpsc::sync_channel(1);
    scene.switch.move_station(station(0), 1, Some(answer)).unwrap();
    let mut talk = Talk::default();
    talk.go_on(&mut scene, 150);
    assert_eq!(answered.try_recv().unwrap(), Err(MoveError::NotFollowed));
    assert_eq!((scene.on_radio(0).len(), scene.on_radio(1).len(), moves(&scene).len()), (1, 0, 0));
    scene.run(Duration::from_secs(3));
    assert_eq!(scene.clients[0].link.state(), LinkState::Connected);
    talk = Talk::default();
    talk.go_on(&mut scene, 20);
    talk.listen(&mut scene, Duration::from_millis(100));
    assert!(talk.up.ends_with(&talk.said) && talk.down.ends_with(&talk.said));
}

/// Both radios take orders as if each were a node of its own.
struct Orders {
    told: Receiver<(usize, Told)>,
    _reactor: Reactor,
}

impl Orders {
    fn enlist(scene: &Scene) -> Self {
        let (tell, told) = channel();
        let reactor = Reactor::new().unwrap();
        let home = Home::new(tell, Some(reactor.bell()), Abroad::default());
        scene.switch.order_all(|| Order::Enlist(home.clone(), SharedClock::default()));
        Self { told, _reactor: reactor }
    }

    /// What a radio tells, but for copies.
    fn next(&self, scene: &mut Scene, radio: usize) -> Told {
        for _ in 0..2000 {
            scene.run(Duration::from_millis(1));
            let mut told =
                self.told.try_iter().filter(|(_, told)| !matches!(told, Told::Copy(_) | Told::Frame { .. }));
            if let Some((from, told)) = told.next() {
                assert_eq!(from, radio, "{told:?}");
                return told;
            }
        }
        panic!("radio {radio} tells nothing");
    }

    /// The virtual AP goes from one radio to the other.
    fn carry(&self, scene: &mut Scene, (from, to): (usize, usize), number: u8, generation: u64) {
        let bssid = scene.clients[0].link.bssid().unwrap();
        let channel = Channel::from_number(number);
        assert!(scene.switch.order(from, Order::Drain { bssid, to: channel }));
        assert!(matches!(self.next(scene, from), Told::Drained(_)));
        scene.switch.order(from, Order::Take { bssid, linger: Duration::from_secs(2) });
        let Told::Taken(context) = self.next(scene, from) else { panic!("not taken") };
        assert_eq!(Some(context.channel()), channel);
        let after = generation << 34;
        let range = TxRange { after, rekey_above: after + (1 << 21), limit: after + (1 << 22) };
        scene.switch.order(to, Order::Activate { context, range });
        assert!(matches!(self.next(scene, to), Told::Adopted(_)));
    }
}

#[test]
fn a_client_follows_its_virtual_ap_to_another_node_and_is_given_back_if_it_does_not() {
    let mut scene = on_channels(PlacementPolicy::ByHand, [36, 44]);
    halfway(&scene);
    let orders = Orders::enlist(&scene);
    let mut talk = Talk::default();
    talk.go_on(&mut scene, 20);
    orders.carry(&mut scene, (0, 1), 44, 1);
    talk.go_on(&mut scene, 40);
    assert_eq!((scene.on_radio(0).len(), scene.on_radio(1).len()), (0, 1));
    talk.listen(&mut scene, Duration::from_millis(500));
    assert!(talk.down.ends_with(&talk.said[talk.said.len() - 40..]), "{:?}", talk.down);
    assert_eq!(scene.clients[0].lost, 0);

    let (client, other) = (scene.clients[0].radio, scene.workers[0].radio().id());
    for (from, to) in [(client, other), (other, client)] {
        scene.air.borrow_mut().set_link(from, to, Knobs { cut: true, ..Knobs::default() });
    }
    orders.carry(&mut scene, (1, 0), 36, 2);
    assert!(matches!(orders.next(&mut scene, 0), Told::NotFollowed(_)));
    orders.carry(&mut scene, (0, 1), 44, 3);
    assert_eq!((scene.on_radio(0).len(), scene.on_radio(1).len()), (0, 1));
}

#[test]
fn a_client_that_leaves_instead_of_following_is_told_of() {
    let mut scene = on_channels(PlacementPolicy::ByHand, [6, 36]);
    let (answer, answered) = std::sync::mpsc::sync_channel(1);
    scene.switch.move_station(station(0), 1, Some(answer)).unwrap();
    scene.run(Duration::from_millis(150));
    scene.clients[0].link.stop();
    scene.run(Duration::from_millis(50));
    assert_eq!(answered.try_recv().unwrap(), Err(MoveError::Left));
}

#[test]
fn a_client_that_walks_is_handed_from_radio_to_radio_by_its_signal() {
    let mut scene = one_client(PlacementPolicy::Signal);
    let radio = scene.clients[0].radio;
    let mut talk = Talk::default();
    for leg in 0..10 {
        for step in 0..100 {
            let along = f64::from(if leg % 2 == 0 { step } else { 99 - step }) / 99.0;
            scene.air.borrow_mut().set_position(radio, Position::new(1.0 + 38.0 * along, 1.0));
            talk.go_on(&mut scene, 5);
        }
    }
    let to: Vec<_> = moves(&scene).into_iter().map(|(_, to, _)| to).collect();
    assert_eq!(to, [1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    nobody_noticed(&mut scene, talk);
}

/// What the radios give up may be lost, but a lost acknowledgement brings nothing twice, nor out of order.
#[test]
fn on_a_bad_link_nothing_comes_twice_to_or_from_a_client_that_is_moved() {
    for tenths in [4, 5, 6, 7] {
        let mut scene = one_client(PlacementPolicy::ByHand);
        halfway(&scene);
        let loss = f64::from(tenths) / 10.0;
        scene.air.borrow_mut().set_all_links(Knobs { loss, ..Knobs::default() });
        let mut talk = Talk::default();
        for turn in 0..20 {
            talk.go_on(&mut scene, 20);
            scene.switch.move_station(station(0), 1 - turn % 2, None).unwrap();
        }
        scene.air.borrow_mut().set_all_links(Knobs::default());
        talk.listen(&mut scene, Duration::from_millis(500));
        assert_eq!(moves(&scene).len(), 20);
        for (way, arrived) in [("up", &talk.up), ("down", &talk.down)] {
            let numbers: Vec<usize> = arrived.iter().map(|text| text.parse().unwrap()).collect();
            let wrong = numbers.windows(2).find(|pair| pair[1] <= pair[0]);
            assert_eq!(wrong, None, "{way}, {loss} lost");
            assert!(numbers.len() * 2 > talk.said.len(), "{way}, {loss} lost: {}", numbers.len());
        }
    }
}

#[test]
fn a_client_that_is_nowhere_or_shares_its_virtual_ap_is_not_moved() {
    let network = NetworkConfig { kind: VirtualApKind::Shared, ..wpa2() };
    let mut scene = Scene::new(&network, [36, 36]);
    assert!(scene.switch.move_station(station(0), 1, None).is_err());
    scene.join(&network, 0);
    let (answer, answered) = std::sync::mpsc::sync_channel(1);
    scene.switch.move_station(station(0), 1, Some(answer)).unwrap();
    scene.run(Duration::from_millis(10));
    let why = answered.try_recv().unwrap().unwrap_err().to_string();
    assert!(why.contains("shared"), "{why}");
}
