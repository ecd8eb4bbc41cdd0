//! The thread of a radio that is a station of two foreign networks, against a real kernel without Wi-Fi: a TAP of link type
//! 803 is the monitor interface and the test is the air behind it, with an AP on each of two channels; two further TAPs are
//! the interfaces that users see. As root in a network namespace of its own, else skipped.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use airloom::control::{Answer, Server};
use airloom::node::{Crew, Inspector, LinkChange, Links, OsRandom, Post, WorkerEvent, link_address};
use drivers::reactor::{self, Reactor};
use drivers::tap::Tap;
use serde_json::Value;
use stack::ap::{ApEvent, ApRadio, BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security};
use stack::rsn::Pmk;
use stack::slot::SlotConfig;
use stack::sta::{LinkConfig, LinkSecurity};
use stack::wire::{Channel, MacAddr, RxInfo, TxStatus};
use tests::monitor::{self, Monitor};

const BLOCK: BssidBlock = BssidBlock { base: MacAddr([2, 0, 0, 0, 7, 0]), bits: 8 };
/// Behind each of the APs.
const HOST: MacAddr = MacAddr([2, 0, 0, 0, 9, 9]);
const NAMES: [&str; 2] = ["cafe", "home"];
/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// An AP on its channel, and the frames that its stations sent.
struct Foreign {
    ap: ApRadio,
    frequency: u16,
    got: Vec<Vec<u8>>,
}

impl Foreign {
    fn new(n: u8, channel: Channel, security: Security) -> Self {
        let block = BssidBlock { base: MacAddr([2, 0, 0, 1, n, 0]), bits: 4 };
        let network = NetworkConfig::new(NetworkId(0), NAMES[usize::from(n)].as_bytes().to_vec(), security);
        let now = reactor::now().unwrap();
        let ap = ApRadio::new(RadioConfig::new(channel, block), vec![network], now, Box::new(OsRandom));
        Self { ap, frequency: channel.frequency(), got: Vec::new() }
    }
}

struct World {
    air: Tap,
    tuned: Arc<AtomicU16>,
    foreign: Vec<Foreign>,
    crew: Crew,
    reactor: Reactor,
    events: Vec<WorkerEvent>,
}

impl World {
    /// `None` when this may not be had.
    fn new() -> Option<Self> {
        if !monitor::enter_namespace() {
            return None;
        }
        let air = monitor::make("mon0")?;
        let channels = [1, 36].map(|number| Channel::from_number(number).unwrap());
        let pmk = Pmk::new(&[7; 32]).unwrap();
        let securities = [Security::Wpa2(pmk.clone()), Security::Open];
        let foreign = channels.into_iter().zip(securities).zip(0..);
        let foreign = foreign.map(|((channel, security), n)| Foreign::new(n, channel, security)).collect();
        let mut links = Links::new(SlotConfig::default(), reactor::now().unwrap(), channels[0]);
        for (n, security) in [LinkSecurity::Wpa2(pmk), LinkSecurity::Open].into_iter().enumerate() {
            let address = link_address(&BLOCK, n).unwrap();
            let usual = LinkConfig::new(address, NAMES[n].as_bytes());
            let config = LinkConfig { security, channels: channels.to_vec(), ..usual };
            let name = format!("hop{n}");
            let tap = Tap::open_as(&name, address).unwrap();
            links.add(reactor::now().unwrap(), config, Some((name, Box::new(tap))), Box::new(OsRandom));
        }
        for n in 0..2 {
            let address = format!("10.77.{n}.1/24");
            let ip =
                Command::new("ip").args(["address", "add", &address, "dev", &format!("hop{n}")]).status();
            if !ip.is_ok_and(|status| status.success()) {
                eprintln!("skipped: ip (iproute2) is not there");
                return None;
            }
        }
        let radio = Monitor::open("mon0", channels[0]);
        let tuned = radio.tuned();
        let post = Post {
            serves: false,
            links: Some(links),
            ..Post::new("phy0".to_owned(), radio, RadioConfig::new(channels[0], BLOCK))
        };
        let reactor = Reactor::new().unwrap();
        let crew = Crew::start(vec![post], Vec::new(), &reactor.bell()).unwrap();
        Some(Self { air, tuned, foreign, crew, reactor, events: Vec::new() })
    }

    /// Plays the air until something is so.
    fn until(&mut self, what: &str, mut so: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !so(self) {
            assert!(Instant::now() < end, "{what}; {:?}", self.events);
            self.turn();
            self.events.extend(std::iter::from_fn(|| self.crew.poll_event()).map(|(_, event)| event));
            std::thread::yield_now();
        }
    }

    fn turn(&mut self) {
        let now = reactor::now().unwrap();
        while let Some(mut mpdu) = monitor::sent(&self.air) {
            let frequency = self.tuned.load(Ordering::SeqCst);
            let info = RxInfo { frequency: Some(frequency), ..RxInfo::default() };
            let heard = self.foreign.iter_mut().find(|foreign| foreign.frequency == frequency);
            let to_group = mpdu[4] & 1 != 0;
            monitor::complete(&self.air, &mpdu, heard.is_some() || to_group);
            if let Some(foreign) = heard {
                foreign.ap.handle_frame(now, &info, &mut mpdu);
            }
        }
        for foreign in &mut self.foreign {
            foreign.ap.handle_timeout(now);
            while let Some(transmit) = foreign.ap.poll_transmit(now) {
                let here = self.tuned.load(Ordering::SeqCst) == foreign.frequency;
                if here {
                    let info =
                        RxInfo { signal: Some(-40), frequency: Some(foreign.frequency), ..RxInfo::default() };
                    monitor::hear(&self.air, &info, &transmit.frame);
                }
                foreign.ap.handle_tx_status(now, TxStatus { id: transmit.id, acked: here, retries: 0 });
            }
            while let Some(event) = foreign.ap.poll_event() {
                if let ApEvent::Msdu { ethernet, .. } = event {
                    foreign.got.push(ethernet);
                }
            }
        }
    }

    /// What the command says, while the air goes on.
    fn run(&mut self, args: &[&str]) -> Vec<u8> {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let command = std::thread::spawn(move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            tests::airloom::run(&args).stdout
        });
        self.until("the command never ends", |_| command.is_finished());
        command.join().unwrap()
    }

    /// The host behind a foreign AP asks for our address there, until our kernel answers through TAP, link and air.
    fn is_answered(&mut self, n: usize) {
        let mut asked = Instant::now() - PATIENCE;
        self.foreign[n].got.clear();
        self.until("our kernel never answers", |world| {
            let foreign = &mut world.foreign[n];
            if asked.elapsed() > Duration::from_millis(200) {
                asked = Instant::now();
                foreign.ap.handle_msdu(reactor::now().unwrap(), NetworkId(0), &arp_request(n));
            }
            let own = link_address(&BLOCK, n).unwrap().octets();
            foreign
                .got
                .iter()
                .any(|frame| frame[..6] == HOST.octets() && frame[6..14] == [&own[..], &[8, 6]].concat())
        });
    }
}

/// For our address on a network.
fn arp_request(n: usize) -> Vec<u8> {
    let to = link_address(&BLOCK, n).unwrap();
    let mut frame = [&to.octets()[..], &HOST.octets(), &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]].concat();
    frame.extend(HOST.octets());
    frame.extend([10, 77, n as u8, 2, 0, 0, 0, 0, 0, 0, 10, 77, n as u8, 1]);
    frame
}

fn has_carrier(n: usize) -> bool {
    let shown = Command::new("ip").args(["link", "show", &format!("hop{n}")]).output().unwrap().stdout;
    !String::from_utf8_lossy(&shown).contains("NO-CARRIER")
}

#[test]
fn two_networks_on_one_radio_reach_the_kernel_and_are_told_of_the_end() {
    let Some(mut world) = World::new() else { return };
    assert!(!has_carrier(0) && !has_carrier(1), "nothing is joined yet");
    world.until("they are never joined", |world| {
        let joined = |event: &&WorkerEvent| {
            matches!(event, WorkerEvent::Link(news) if matches!(news.what, LinkChange::Connected { .. }))
        };
        world.events.iter().filter(joined).count() == 2
    });
    assert!(has_carrier(0) && has_carrier(1));
    for n in [0, 1, 0] {
        world.is_answered(n);
    }

    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let radios = vec![("phy0".to_owned(), Channel::from_number(1).unwrap())];
    let inspector = Arc::new(Inspector::new("here", Arc::clone(world.crew.switch()), radios));
    let _server =
        Server::bind(&socket).unwrap().start(move |_| Answer::Status(Box::new(inspector.status()))).unwrap();
    let socket = socket.to_str().unwrap();
    let status: Value =
        serde_json::from_slice(&world.run(&["status", "--json", "--control", socket])).unwrap();
    for (n, channel) in [(0, 1), (1, 36)] {
        let link = &status["links"][n];
        assert_eq!((&link["ssid"], &link["channel"]), (&NAMES[n].into(), &channel.into()), "{link}");
        assert_eq!(link["bssid"], format!("02:00:00:01:0{n}:00"));
        assert_eq!(
            (&link["state"], &link["tap"]),
            (&"connected".into(), &format!("hop{n}").into()),
            "{link}"
        );
        assert_eq!(link["signal_dbm"], -40);
    }
    assert!(status["radios"][0]["hopping"]["hops"].as_u64().unwrap() > 0, "{status}");
    let text = String::from_utf8(world.run(&["status", "--control", socket])).unwrap();
    assert!(text.contains("\nlink \"cafe\" on phy0 and hop0 as 02:00:00:00:07:00: connected\n"), "{text}");

    world.crew.stop();
    world.until("the thread never ends", |world| world.crew.poll_ending() == Some((0, Ok(()))));
    world.turn();
    for foreign in &world.foreign {
        assert!(foreign.ap.virtual_aps().all(|ap| ap.peers().count() == 0), "its AP is told");
    }
    // The main thread was rung for it.
    world.reactor.wait(stack::time::Instant::ZERO, None).unwrap().for_each(drop);
}
