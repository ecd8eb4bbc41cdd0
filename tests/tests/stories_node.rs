//! Stories of a node on the simulated air: two radios, their switch and a cable to a wired host; links as clients.

use std::collections::BTreeSet;
use std::time::Duration;

use airloom::node::{Switch, SwitchNetwork, Worker, WorkerEvent};
use drivers::propagation::Position;
use drivers::{Radio, RadioError, Received, TransmitError};
use stack::ap::{ApEvent, BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security, VirtualApKind};
use stack::sta::LinkState;
use stack::time::Instant;
use stack::wire::element::{ElementsBuf, Ssid};
use stack::wire::management::ProbeRequest;
use stack::wire::{AckChange, Channel, MacAddr, MacHeader, ManagementBody, RxInfo, Transmit, TxStatus};
use tests::scene::{HOST, Scene, ethernet, random, station, wpa2};

/// Runs a story with one virtual AP a radio, and with one a client.
fn told(story: fn(NetworkConfig)) {
    for kind in [VirtualApKind::Shared, VirtualApKind::PerClient] {
        story(NetworkConfig { kind, ..wpa2() });
    }
}

/// Client 0 on the first radio, client 1 on the second.
fn two_clients(network: &NetworkConfig) -> Scene {
    let mut scene = Scene::new(network, [36, 149]);
    scene.join(network, 0);
    scene.join(network, 1);
    assert_eq!(scene.on_radio(0).len(), 1);
    assert_eq!(scene.on_radio(1).len(), 1);
    scene.host_got();
    scene
}

#[test]
fn clients_of_two_radios_and_the_host_reach_each_other_once() {
    told(|network| {
        let mut scene = two_clients(&network);
        scene.say(0, station(1), "across");
        assert_eq!(scene.got(1), ["across"]);
        assert_eq!(scene.host_got(), Vec::<String>::new(), "a frame to a station does not go outside");
        scene.say(1, station(0), "back");
        assert_eq!(scene.got(0), ["back"]);
        scene.say(1, HOST, "out");
        assert_eq!(scene.host_got(), ["out"]);
        for client in [0, 1] {
            scene.host_says(station(client), "in");
            assert_eq!(scene.got(client), ["in"]);
        }
        assert_eq!(scene.got(0).len() + scene.got(1).len(), 0);
    });
}

#[test]
fn a_broadcast_reaches_everybody_once() {
    told(|network| {
        let mut scene = two_clients(&network);
        scene.say(0, MacAddr::BROADCAST, "all");
        assert_eq!((scene.got(1), scene.host_got()), (vec!["all".to_owned()], vec!["all".to_owned()]));
        scene.got(0);
        scene.host_says(MacAddr::BROADCAST, "everybody");
        assert_eq!(
            (scene.got(0), scene.got(1)),
            (vec!["everybody".to_owned()], vec!["everybody".to_owned()])
        );
        assert_eq!(scene.host_got(), Vec::<String>::new(), "nothing comes back");
    });
}

#[test]
fn isolated_clients_reach_the_host_and_not_each_other() {
    told(|network| {
        let mut scene = two_clients(&NetworkConfig { isolate: true, ..network });
        scene.say(0, station(1), "across");
        scene.say(0, MacAddr::BROADCAST, "all");
        assert_eq!(scene.got(1), Vec::<String>::new());
        assert_eq!(scene.dropped("isolated"), 1);
        assert_eq!(scene.host_got(), ["all"]);
        scene.say(0, HOST, "out");
        assert_eq!(scene.host_got(), ["out"]);
    });
}

#[test]
fn a_client_that_moves_is_gone_from_its_old_radio_and_bridges_are_told() {
    told(|network| {
        let mut scene = two_clients(&network);
        // It goes without a word, and appears on the other radio's channel.
        let radio = scene.clients[0].radio;
        scene.air.borrow_mut().set_position(radio, Position::new(41.0, 2.0));
        scene.air.borrow_mut().set_channel(scene.now, radio, Channel::from_number(149).unwrap());
        scene.run(Duration::from_secs(10));
        assert_eq!(scene.clients[0].link.state(), LinkState::Connected);
        assert_eq!(scene.on_radio(0), []);
        let there: BTreeSet<_> = scene.on_radio(1).into_iter().map(|client| client.address).collect();
        assert_eq!(there, BTreeSet::from([station(0).to_string(), station(1).to_string()]));
        let told: Vec<_> = std::iter::from_fn(|| scene.cable.host_receive()).collect();
        let xid = [&[0xff; 6][..], &station(0).octets(), &[0, 6, 0, 1, 0xaf, 0x81, 1, 0]].concat();
        assert_eq!(told, [xid]);
        scene.host_says(station(0), "found");
        assert_eq!((scene.got(0), scene.got(1)), (vec!["found".to_owned()], vec![]));
        scene.say(1, station(0), "near");
        assert_eq!(scene.got(0), ["near"]);
        assert_eq!(scene.dropped("no_destination"), 0);
    });
}

#[test]
fn when_a_radio_dies_the_other_reads_the_cable_and_forgets_its_stations() {
    told(|network| {
        let mut scene = two_clients(&network);
        scene.workers.remove(0);
        scene.switch.radio_gone(0);
        scene.host_says(station(1), "still there");
        assert_eq!(scene.got(1), ["still there"]);
        scene.host_says(station(0), "gone");
        assert_eq!(scene.dropped("no_destination"), 1);
    });
}

#[test]
fn eapol_from_outside_and_frames_to_strangers_go_nowhere() {
    told(|network| {
        let mut scene = two_clients(&network);
        let mut eapol = ethernet(station(0), HOST, "x");
        eapol[12..14].copy_from_slice(&[0x88, 0x8e]);
        assert!(scene.cable.host_send(eapol));
        assert!(scene.cable.host_send(vec![1, 2, 3]));
        scene.host_says(MacAddr([2, 7, 7, 7, 7, 7]), "nobody");
        for reason in ["eapol_not_for_us", "msdu_malformed", "no_destination"] {
            assert_eq!(scene.dropped(reason), 1, "{reason}");
        }
    });
}

#[test]
fn who_stops_tells_the_clients_and_ends() {
    told(|network| {
        let mut scene = two_clients(&network);
        for radio in [0, 1] {
            assert!(scene.switch.stop(radio));
        }
        scene.run(Duration::from_millis(50));
        assert!(scene.workers.iter().all(Worker::is_finished));
        assert!(scene.workers.iter().all(|worker| worker.poll_timeout().is_none()));
        assert!(scene.clients.iter().all(|client| client.link.state() != LinkState::Connected));
        let left = |(_, event): &&(usize, WorkerEvent)| matches!(event, WorkerEvent::Ap(ApEvent::StationLeft { reason, .. }) if reason.0 == 3);
        assert_eq!(scene.events.iter().filter(left).count(), 2);
    });
}

#[test]
fn a_full_ring_to_another_radio_is_a_counted_drop() {
    told(|network| {
        let mut scene = two_clients(&network);
        // The second radio takes no turn while frames for its client pile up.
        for n in 0..600 {
            assert!(scene.cable.host_send(ethernet(station(1), HOST, &format!("{n}"))));
        }
        for _ in 0..10 {
            scene.workers[0].turn(scene.now).unwrap();
        }
        assert_eq!(scene.dropped("radio_busy"), 600 - 512);
        assert!(scene.workers[1].poll_timeout().unwrap().0 <= scene.now, "the second has something to do");
    });
}

/// A radio that takes three frames at a time, and none that is longer than `limit` bytes.
struct Narrow {
    heard: Vec<Vec<u8>>,
    frame: Vec<u8>,
    waiting: usize,
    limit: usize,
    sent: Vec<Vec<u8>>,
    statuses: Vec<TxStatus>,
}

impl Radio for Narrow {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        if let Some(status) = self.statuses.pop() {
            return Ok(Some(Received::Status(status)));
        }
        let Some(frame) = self.heard.pop() else { return Ok(None) };
        self.frame = frame;
        Ok(Some(Received::Frame { info: RxInfo::default(), frame: &mut self.frame }))
    }

    fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError> {
        let length = transmit.frame.len();
        if length > self.limit {
            return Err(TransmitError::TooLong { length, limit: self.limit });
        }
        if self.waiting == 3 {
            return Err(TransmitError::Full);
        }
        self.waiting += 1;
        self.sent.push(transmit.frame.clone());
        self.statuses.push(TxStatus { id: transmit.id, acked: true, retries: 0 });
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        self.waiting = 0;
        Ok(())
    }

    fn set_channel(&mut self, _: Channel) -> Result<Duration, RadioError> {
        Ok(Duration::ZERO)
    }

    fn change_ack(&mut self, _: AckChange) -> Result<(), RadioError> {
        Ok(())
    }
}

fn probe_request(from: MacAddr) -> Vec<u8> {
    let mut elements = ElementsBuf::new();
    elements.writer().put(&Ssid::WILDCARD).rates(&[0x8c, 0x12]);
    let body = ManagementBody::ProbeRequest(ProbeRequest { elements: elements.elements() });
    let mut frame = Vec::new();
    MacHeader::management(body.kind(), MacAddr::BROADCAST, from, MacAddr::BROADCAST).emit(&mut frame);
    body.emit(&mut frame);
    frame
}

#[test]
fn a_full_radio_is_offered_the_frame_again_and_a_frame_too_long_is_counted() {
    let channel = Channel::from_number(36).unwrap();
    let open = |id, ssid: &[u8]| NetworkConfig::new(NetworkId(id), ssid.to_vec(), Security::Open);
    let networks = vec![open(0, b"x"), open(1, b"a name of thirty-two bytes oh my")];
    let served =
        networks.iter().map(|network| SwitchNetwork { id: network.id, isolate: false, outside: None });
    let (_switch, mut ports) = Switch::new(served.collect(), &[None]);
    let radio = Narrow {
        heard: (0..10).map(|n| probe_request(station(n))).collect(),
        frame: Vec::new(),
        waiting: 0,
        limit: usize::MAX,
        sent: Vec::new(),
        statuses: Vec::new(),
    };
    let config = RadioConfig::new(channel, BssidBlock { base: MacAddr([2, 0, 0, 1, 0, 0]), bits: 6 });
    let port = ports.pop().unwrap();
    let mut worker = Worker::new("phy0", radio, config, networks, port, Instant::ZERO, random(1));
    let answer = |frame: &&Vec<u8>| frame[0] == 0x50;
    let long = |frame: &&Vec<u8>| frame.windows(5).any(|bytes| bytes == b"oh my");
    let until = |worker: &mut Worker<Narrow>, end: u64| {
        while let Some((at, _)) = worker.poll_timeout().filter(|(at, _)| at.as_micros() < end) {
            worker.turn(at).unwrap();
        }
    };
    until(&mut worker, 90_000);
    let sent = &worker.radio().sent;
    assert_eq!(sent.iter().filter(answer).count(), 20, "three at a time, all of them nevertheless");
    let shortest = sent.iter().filter(|frame| !long(frame)).map(Vec::len).max().unwrap();
    assert!(sent.iter().filter(long).all(|frame| frame.len() > shortest));
    let before = sent.len();
    worker.radio_mut().limit = shortest;
    until(&mut worker, 1_000_000);
    let after = &worker.radio().sent[before..];
    assert!(after.len() > 5 && !after.iter().any(|frame| long(&frame)));
    let report = worker.report(Instant::ZERO);
    assert!(report.radio.drops["frame_too_long"] > 5, "{report:?}");
    // The status of the last beacon has not been fetched yet, perhaps.
    assert!(worker.ap().occupancy().in_flight <= 1, "what was too long is not waited for");
}
