//! The threads of a node against a real kernel, without Wi-Fi: a TAP of link type 803 is the monitor interface and the
//! test is the air behind it, a second TAP carries the network's Ethernet. As root in a network namespace of its own,
//! else skipped.

use std::os::fd::{AsFd, BorrowedFd};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use airloom::config::PlacementPolicy;
use airloom::control::{Answer, Server};
use airloom::node::{Crew, CrewNetwork, Inspector, Log, OsRandom, Parts, Placer, Post, WorkerEvent, attend};
use drivers::reactor::{self, Reactor, StopSignals};
use drivers::tap::Tap;
use drivers::{Radio, RadioError, Received, TransmitError};
use mesh::lease::NodeSlot;
use nix::sys::signal::{Signal, raise};
use serde_json::Value;
use stack::ap::{ApEvent, BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security};
use stack::sta::{Link, LinkConfig, LinkEvent, LinkState};
use stack::wire::{AckChange, Channel, MacAddr, RxInfo, Transmit};
use tests::monitor::{self, Monitor};

const STATION: MacAddr = MacAddr([2, 0, 0, 0, 5, 1]);
const BASE: MacAddr = MacAddr([2, 0, 0, 1, 0, 0]);
/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The air: a TAP for each radio, and a client on the one that it is near to.
struct Air {
    monitors: Vec<Option<Tap>>,
    near: usize,
    link: Link,
    got: Vec<Vec<u8>>,
}

struct World {
    air: Air,
    crew: Crew,
    reactor: Reactor,
    channel: Channel,
    events: Vec<(usize, WorkerEvent)>,
}

impl World {
    /// A node with so many radios. `None` when this may not be had.
    fn new(radios: usize) -> Option<Self> {
        if !monitor::enter_namespace() {
            return None;
        }
        let channel = Channel::from_number(36).unwrap();
        let (mut monitors, mut posts) = (Vec::new(), Vec::new());
        for n in 0..radios {
            let name = format!("mon{n}");
            monitors.push(Some(monitor::make(&name)?));
            let base = MacAddr([2, 0, 0, 1, n as u8, 0]);
            posts.push(Post::new(
                format!("phy{n}"),
                Monitor::open(&name, channel),
                RadioConfig::new(channel, BssidBlock { base, bits: 8 }),
            ));
        }
        let network = CrewNetwork {
            config: NetworkConfig::new(NetworkId(0), b"kernel".to_vec(), Security::Open),
            outside: Some(Box::new(Tap::open("net0").unwrap())),
        };
        let ip = Command::new("ip").args(["address", "add", "10.77.0.1/24", "dev", "net0"]).status();
        if !ip.is_ok_and(|status| status.success()) {
            eprintln!("skipped: ip (iproute2) is not there");
            return None;
        }
        let reactor = Reactor::new().unwrap();
        let crew = Crew::start(posts, vec![network], &reactor.bell()).unwrap();
        let mut link = Link::new(LinkConfig::new(STATION, b"kernel"), Box::new(OsRandom));
        link.start(reactor::now().unwrap());
        let air = Air { monitors, near: 0, link, got: Vec::new() };
        Some(Self { air, crew, reactor, channel, events: Vec::new() })
    }

    /// Plays the air until something is so.
    fn until(&mut self, what: &str, mut so: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !so(self) {
            assert!(Instant::now() < end, "{what}; {:?}, {:?}", self.air.link.state(), self.events);
            self.air.turn();
            self.events.extend(self.crew.poll_event());
            std::thread::yield_now();
        }
    }

    fn join(&mut self) {
        self.until("the client never joins", |world| world.air.link.state() == LinkState::Connected);
        let joined = |(_, event): &(usize, WorkerEvent)| {
            matches!(event, WorkerEvent::Ap(ApEvent::StationJoined { .. }))
        };
        self.until("the node never tells", |world| world.events.iter().any(joined));
    }

    /// Asks for the address of the host until the kernel answers through TAP, switch and radio.
    fn host_answers(&mut self) {
        let mut asked = Instant::now() - PATIENCE;
        self.air.got.clear();
        self.until("the host never answers", |world| {
            if asked.elapsed() > Duration::from_millis(200) {
                asked = Instant::now();
                world.air.link.handle_msdu(reactor::now().unwrap(), &arp_request());
            }
            // An ARP reply to us.
            world.air.got.iter().any(|frame| frame[..6] == STATION.octets() && frame[12..14] == [8, 6])
        });
    }
}

impl Air {
    fn turn(&mut self) {
        let now = reactor::now().unwrap();
        for (n, tap) in self.monitors.iter().enumerate() {
            let Some(tap) = tap else { continue };
            while let Some(mut mpdu) = monitor::sent(tap) {
                monitor::complete(tap, &mpdu, true);
                if n == self.near {
                    self.link.handle_frame(now, &RxInfo::default(), &mut mpdu);
                }
            }
        }
        self.link.handle_timeout(now);
        while let Some(transmit) = self.link.poll_transmit() {
            if let Some(tap) = &self.monitors[self.near] {
                monitor::hear(tap, &RxInfo { signal: Some(-40), ..RxInfo::default() }, &transmit.frame);
            }
            let acked = stack::wire::TxStatus { id: transmit.id, acked: true, retries: 0 };
            self.link.handle_tx_status(now, acked);
        }
        while let Some(event) = self.link.poll_event() {
            if let LinkEvent::Msdu(frame) = event {
                self.got.push(frame);
            }
        }
    }
}

fn arp_request() -> Vec<u8> {
    let mut frame = [&[0xff; 6][..], &STATION.octets(), &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]].concat();
    frame.extend(STATION.octets());
    frame.extend([10, 77, 0, 2, 0, 0, 0, 0, 0, 0, 10, 77, 0, 1]);
    frame
}

#[test]
fn a_client_joins_reaches_the_kernel_is_in_the_status_and_is_told_of_the_end() {
    let Some(mut world) = World::new(1) else { return };
    world.join();
    world.host_answers();

    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let radios = vec![("phy0".to_owned(), world.channel)];
    let inspector = Arc::new(Inspector::new("here", Arc::clone(world.crew.switch()), radios));
    let _server =
        Server::bind(&socket).unwrap().start(move |_| Answer::Status(Box::new(inspector.status()))).unwrap();
    let output = tests::airloom::run(&["status", "--json", "--control", socket.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&status["node"], &status["radios"][0]["phy"]), (&"here".into(), &"phy0".into()));
    assert_eq!(status["radios"][0]["channel"], 36);
    let ap = &status["virtual_aps"][0];
    assert_eq!((&ap["ssid"], &ap["bssid"]), (&"kernel".into(), &BASE.to_string().into()));
    assert_eq!((&ap["node"], &ap["radio"], &ap["generation"]), (&"here".into(), &"phy0".into(), &0.into()));
    let client = &ap["clients"][0];
    assert_eq!((&client["address"], &client["power_save"]), (&STATION.to_string().into(), &false.into()));
    assert!(client["rx_frames"].as_u64().unwrap() > 0 && client["signal_dbm"] == -40, "{client}");
    assert_eq!((&status["links"], &status["peers"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    let text = tests::airloom::run(&["status", "--control", socket.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&text.stdout).contains(&STATION.to_string()));

    world.crew.stop();
    world.until("the client is never told", |world| world.air.link.state() != LinkState::Connected);
    world.until("the thread never ends", |world| world.crew.poll_ending() == Some((0, Ok(()))));
    assert_eq!(world.crew.running(), 0);
    // The main thread was rung for it.
    world.reactor.wait(stack::time::Instant::ZERO, None).unwrap().for_each(drop);
}

#[test]
fn a_radio_that_is_unplugged_ends_with_words_and_the_other_goes_on() {
    let Some(mut world) = World::new(2) else { return };
    world.join();
    world.air.monitors[0] = None;
    let mut why = String::new();
    world.until("the thread never ends", |world| match world.crew.poll_ending() {
        Some((0, Err(error))) => {
            why = error;
            true
        }
        other => other.is_some_and(|ending| panic!("{ending:?}")),
    });
    assert!(why.contains("mon0"), "{why}");
    assert_eq!(world.crew.running(), 1);
    world.air.near = 1;
    world.until("the client never notices", |world| world.air.link.state() != LinkState::Connected);
    world.join();
    // The outside was read by the radio that is gone.
    world.host_answers();
    world.crew.stop();
    world.until("the thread never ends", |world| world.crew.poll_ending() == Some((1, Ok(()))));
}

#[test]
fn sigterm_has_the_clients_told_and_the_log_says_how_it_ended() {
    let signals = StopSignals::block().unwrap();
    let Some(mut world) = World::new(2) else { return };
    world.join();
    let World { mut air, crew, reactor, channel, .. } = world;
    let names = ["phy0", "phy1"].map(str::to_owned);
    let radios = names.iter().map(|name| (name.clone(), channel)).collect();
    let inspector = Inspector::new("here", Arc::clone(crew.switch()), radios);
    let mut out = Vec::new();
    let log = Log::new(&mut out, false, false, names.to_vec(), &[(NetworkId(0), b"kernel")]);
    let placer =
        Placer::new(PlacementPolicy::Signal, (NodeSlot::SINGLE, vec![channel; 2]), Arc::clone(crew.switch()));
    raise(Signal::SIGTERM).unwrap();
    let (_, wishes) = std::sync::mpsc::channel();
    let parts = Parts { inspector: &inspector, placer, member: None, pins: None, wishes, log };
    assert_eq!(attend(crew, parts, reactor, signals).unwrap(), 0);
    air.turn();
    assert_ne!(air.link.state(), LinkState::Connected);
    let out = String::from_utf8(out).unwrap();
    let left = format!("phy0: AP-STA-DISCONNECTED {STATION} bssid={BASE} ssid=\"kernel\" reason=3");
    for words in [&*left, "phy0: AP-DISABLED stopped\n", "phy1: AP-DISABLED stopped\n"] {
        assert!(out.contains(words), "{out}");
    }
    let states: Vec<_> = inspector.status().radios.into_iter().map(|radio| radio.state).collect();
    assert_eq!(states, ["stopped", "stopped"]);
}

#[test]
fn a_tap_that_is_taken_away_is_told_of_once_and_the_radio_goes_on() {
    let Some(mut world) = World::new(1) else { return };
    world.join();
    world.host_answers();
    let gone = Command::new("ip").args(["link", "delete", "net0"]).status();
    assert!(gone.unwrap().success());
    let trouble = |(_, event): &&(usize, WorkerEvent)| matches!(event, WorkerEvent::Trouble(_));
    let failed = |world: &World| {
        let (answer, answered) = sync_channel(1);
        assert!(world.crew.switch().ask(0, answer));
        let report = answered.recv_timeout(PATIENCE).unwrap();
        report.radio.drops.get("outside_failed").copied().unwrap_or_default()
    };
    for n in 1..=3 {
        world.air.link.handle_msdu(reactor::now().unwrap(), &arp_request());
        world.until("no frame is counted", |world| failed(world) >= n);
    }
    world.events.extend(std::iter::from_fn(|| world.crew.poll_event()));
    let told: Vec<_> = world.events.iter().filter(trouble).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(format!("{told:?}").contains("net0"), "{told:?}");
    assert_eq!(world.air.link.state(), LinkState::Connected);
    world.crew.stop();
    world.until("the thread never ends", |world| world.crew.poll_ending() == Some((0, Ok(()))));
}

/// A radio whose driver has a bug.
struct Broken(std::io::PipeReader);

impl Radio for Broken {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        panic!("a bug in the driver, as this test wants it");
    }

    fn transmit(&mut self, _: &Transmit) -> Result<(), TransmitError> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        Ok(())
    }

    fn set_channel(&mut self, _: Channel) -> Result<Duration, RadioError> {
        Ok(Duration::ZERO)
    }

    fn change_ack(&mut self, _: AckChange) -> Result<(), RadioError> {
        Ok(())
    }
}

impl AsFd for Broken {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[test]
fn a_radio_whose_thread_panics_is_told_of_as_one_that_failed() {
    let channel = Channel::from_number(36).unwrap();
    let (reader, _writer) = std::io::pipe().unwrap();
    let block = BssidBlock { base: BASE, bits: 8 };
    let post = Post::new("phy0".to_owned(), Broken(reader), RadioConfig::new(channel, block));
    let mut reactor = Reactor::new().unwrap();
    let mut crew = Crew::start(vec![post], Vec::new(), &reactor.bell()).unwrap();
    let ending = loop {
        match crew.poll_ending() {
            Some(ending) => break ending,
            None => reactor.wait(stack::time::Instant::ZERO, None).unwrap().for_each(drop),
        }
    };
    assert!(matches!(&ending, (0, Err(why)) if why.contains("panicked")), "{ending:?}");
    assert_eq!(crew.running(), 0);
}

/// A radio that nothing is heard on, that has one thing to complain of, and that gives back what it has taken when it is
/// dropped.
struct Holding {
    wire: std::io::PipeReader,
    trouble: Option<String>,
    given_back: Arc<AtomicUsize>,
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.given_back.fetch_add(1, Ordering::SeqCst);
    }
}

impl Radio for Holding {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        Ok(None)
    }

    fn transmit(&mut self, _: &Transmit) -> Result<(), TransmitError> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        Ok(())
    }

    fn set_channel(&mut self, _: Channel) -> Result<Duration, RadioError> {
        Ok(Duration::ZERO)
    }

    fn change_ack(&mut self, _: AckChange) -> Result<(), RadioError> {
        Ok(())
    }

    fn poll_trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }
}

impl AsFd for Holding {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wire.as_fd()
    }
}

#[test]
fn troubles_are_told_and_a_crew_that_is_dropped_has_all_radios_give_back_what_they_hold() {
    let given_back = Arc::new(AtomicUsize::new(0));
    let (wire, _other_end) = std::io::pipe().unwrap();
    let channel = Channel::from_number(36).unwrap();
    let post = |n: u8| {
        let radio = Holding {
            wire: wire.try_clone().unwrap(),
            trouble: Some(format!("trouble {n}")),
            given_back: Arc::clone(&given_back),
        };
        let block = BssidBlock { base: MacAddr([2, 0, 0, 1, n, 0]), bits: 8 };
        Post::new(format!("phy{n}"), radio, RadioConfig::new(channel, block))
    };
    let mut reactor = Reactor::new().unwrap();
    let crew = Crew::start((0..3).map(post).collect(), Vec::new(), &reactor.bell()).unwrap();
    let mut told: Vec<_> = Vec::new();
    while told.len() < 3 {
        match crew.poll_event() {
            Some(event) => told.push(event),
            None => reactor.wait(stack::time::Instant::ZERO, None).unwrap().for_each(drop),
        }
    }
    told.sort_by_key(|(radio, _)| *radio);
    let trouble = |n: usize| (n, WorkerEvent::Trouble(format!("trouble {n}")));
    assert_eq!(told, [0, 1, 2].map(trouble));
    // Whatever fails after this, such as the thread of the control socket, the crew is dropped.
    drop(crew);
    assert_eq!(given_back.load(Ordering::SeqCst), 3);
}
