//! Stories of a node whose radio is a station of several foreign networks, on the simulated air: the node's own worker with
//! its cables, and foreign APs on other channels.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use airloom::node::{Cable, LinkChange, Links, Switch, SwitchNetwork, Worker, WorkerEvent, link_address};
use airloom::status;
use drivers::air::{Air, AirRadio};
use drivers::propagation::{Model, Position};
use stack::ap::{BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security};
use stack::rsn::Pmk;
use stack::slot::SlotConfig;
use stack::sta::{LinkConfig, LinkEnd, LinkSecurity};
use stack::time::{Instant, earliest};
use stack::wire::{Channel, MacAddr};
use tests::scene::{HOST, ethernet, random, text};

/// Of the radio that hops.
const BLOCK: BssidBlock = BssidBlock { base: MacAddr([2, 0, 0, 0, 7, 0]), bits: 8 };

fn channel(number: u8) -> Channel {
    Channel::from_number(number).unwrap()
}

fn pmk(byte: u8) -> Pmk {
    Pmk::new(&[byte; 32]).unwrap()
}

/// A foreign network: its AP, and the host behind it.
struct Foreign {
    ap: Worker<AirRadio>,
    cable: Arc<Cable>,
    _switch: Switch,
}

struct World {
    air: Rc<RefCell<Air>>,
    now: Instant,
    foreign: Vec<Foreign>,
    node: Worker<AirRadio>,
    /// What the node's TAPs would be, by the link.
    taps: Vec<Arc<Cable>>,
    told: Vec<LinkChange>,
    _switch: Switch,
}

impl Foreign {
    fn new(air: &Rc<RefCell<Air>>, n: u8, (number, security): (u8, Security)) -> Self {
        let place = Position::new(3.0 + f64::from(n), 2.0);
        let id = air.borrow_mut().add_radio(place, channel(number));
        let cable = Arc::new(Cable::default());
        let network = NetworkConfig::new(NetworkId(0), name(n), security);
        let outside = Some(Box::new(Arc::clone(&cable)) as _);
        let served = SwitchNetwork { id: network.id, isolate: false, outside };
        let (switch, mut ports) = Switch::new(vec![served], &[None]);
        let block = BssidBlock { base: MacAddr([2, 0, 0, 1, n, 0]), bits: 4 };
        let ap = Worker::new(
            "ap",
            AirRadio::new(Rc::clone(air), id),
            RadioConfig::new(channel(number), block),
            vec![network],
            ports.remove(0),
            Instant::ZERO,
            random(10 + u64::from(n)),
        );
        Self { ap, cable, _switch: switch }
    }
}

fn name(n: u8) -> Vec<u8> {
    format!("net{n}").into_bytes()
}

impl World {
    /// A node with a link to each of these networks, and one further link to a network that is not there.
    fn new(networks: &[(u8, Security)], securities: &[LinkSecurity]) -> Self {
        let model = Model { shadowing: 0.0, retune: Duration::from_millis(3), ..Model::default() };
        let air = Rc::new(RefCell::new(Air::new(1, model)));
        let foreign = networks.iter().cloned().zip(0..).map(|(network, n)| Foreign::new(&air, n, network));
        let foreign = foreign.collect();
        let home = channel(1);
        let id = air.borrow_mut().add_radio(Position::default(), home);
        let (switch, mut ports) = Switch::among(Vec::new(), &[None], 0);
        let mut links = Links::new(SlotConfig::default(), Instant::ZERO, home);
        let taps: Vec<_> = securities.iter().map(|_| Arc::new(Cable::default())).collect();
        for ((security, tap), n) in securities.iter().zip(&taps).zip(0..) {
            let address = link_address(&BLOCK, usize::from(n)).unwrap();
            let channels = [1, 6, 36, 149].map(channel).to_vec();
            let usual = LinkConfig::new(address, &name(n));
            let config = LinkConfig { security: security.clone(), channels, ..usual };
            let behind = (format!("hop{n}"), Box::new(Arc::clone(tap)) as _);
            links.add(Instant::ZERO, config, Some(behind), random(u64::from(n)));
        }
        let node = Worker::new(
            "phy0",
            AirRadio::new(Rc::clone(&air), id),
            RadioConfig::new(home, BLOCK),
            Vec::new(),
            ports.remove(0),
            Instant::ZERO,
            random(99),
        );
        let node = node.with_links(links);
        Self { air, now: Instant::ZERO, foreign, node, taps, told: Vec::new(), _switch: switch }
    }

    /// Four networks on four channels of two bands, and a link to each of them.
    fn four() -> Self {
        let wpa2 = |byte| (Security::Wpa2(pmk(byte)), LinkSecurity::Wpa2(pmk(byte)));
        let open = || (Security::Open, LinkSecurity::Open);
        let (theirs, ours): (Vec<_>, Vec<_>) = [wpa2(1), open(), wpa2(3), open()].into_iter().unzip();
        let networks: Vec<_> = [1, 6, 36, 149].into_iter().zip(theirs).collect();
        Self::new(&networks, &ours)
    }

    fn workers(&mut self) -> impl Iterator<Item = &mut Worker<AirRadio>> {
        self.foreign.iter_mut().map(|foreign| &mut foreign.ap).chain([&mut self.node])
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let now = self.now;
            self.workers().for_each(|worker| worker.turn(now).unwrap());
            while let Some(event) = self.node.poll_event() {
                match event {
                    WorkerEvent::Link(news) => self.told.push(news.what),
                    other => panic!("{other:?}"),
                }
            }
            let next = self.workers().map(|worker| worker.poll_timeout()).fold(None, earliest);
            let next = earliest(next, self.air.borrow().poll_timeout());
            let at = next.map_or(end, |(at, _)| at).min(end);
            if at > self.now {
                self.now = at;
            }
            self.air.borrow_mut().advance(self.now);
            if self.now == end && at == end {
                return;
            }
        }
    }

    /// Lets time pass until something is so, and says how long that took.
    fn until(&mut self, most: Duration, mut so: impl FnMut(&mut Self) -> bool) -> Duration {
        let start = self.now;
        while !so(self) {
            assert!(self.now.since(start) < most, "{:#?}\n{:?}", self.links(), self.told);
            self.run(Duration::from_millis(10));
        }
        self.now.since(start)
    }

    fn links(&mut self) -> Vec<status::Link> {
        self.node.report(self.now).links
    }

    fn connected(&mut self) -> usize {
        self.links().iter().filter(|link| link.state == "connected").count()
    }

    fn join_all(&mut self) {
        let all = self.taps.len();
        self.until(Duration::from_secs(5), |world| world.connected() == all);
    }

    /// The node's host sends on a link.
    fn say(&self, link: usize, what: &str) {
        let own = link_address(&BLOCK, link).unwrap();
        assert!(self.taps[link].host_send(ethernet(HOST, own, what)));
    }

    /// The host behind a foreign AP sends to the node.
    fn answer(&self, link: usize, what: &str) {
        let own = link_address(&BLOCK, link).unwrap();
        assert!(self.foreign[link].cable.host_send(ethernet(own, HOST, what)));
    }
}

fn got(cable: &Cable) -> Vec<String> {
    std::iter::from_fn(|| cable.host_receive()).filter_map(|frame| text(&frame)).collect()
}

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
