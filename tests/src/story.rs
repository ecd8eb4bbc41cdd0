//! Stories on the simulated air: real [`ApRadio`]s and real [`Link`]s, in virtual time, with a recorder that sees all.
//!
//! `AIRLOOM_SEEDS=N` runs N seeds; a story that fails names its seed, and `AIRLOOM_SEED=N` runs that one alone.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use drivers::air::{Air, AirRadio, RadioId, RadioStats};
use drivers::middleware::{Fault, Faults};
use drivers::propagation::{Knobs, Model, Position};
use drivers::radio::{Radio, Received};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stack::ap::{
    ApEvent, ApRadio, BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security, VirtualApKind,
};
use stack::random::Random;
use stack::rsn::Pmk;
use stack::sta::{Link, LinkConfig, LinkEvent, LinkSecurity, LinkState};
use stack::time::{Instant, earliest};
use stack::wire::{AckChange, Channel, MacAddr, Rate};

use crate::recorder::Recorder;

/// The network of the stories.
pub const NETWORK: NetworkId = NetworkId(1);
/// Its SSID.
pub const SSID: &[u8] = b"story";
/// Where the BSSIDs of the AP come from.
pub const BLOCK: BssidBlock = BssidBlock { base: MacAddr([2, 0, 0, 0, 0x10, 0]), bits: 8 };
/// A host behind the AP.
pub const HOST: MacAddr = MacAddr([2, 0, 0, 0, 9, 9]);
/// Payloads begin with a number and have a type for experiments.
const HEADER: usize = 18;

/// Random bytes from a seed.
pub struct Seeded(ChaCha8Rng);

impl Seeded {
    /// The same seed gives the same bytes.
    pub fn boxed(seed: u64) -> Box<Self> {
        Box::new(Self(ChaCha8Rng::seed_from_u64(seed)))
    }
}

impl Random for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }
}

/// The key of the network.
pub fn pmk() -> Pmk {
    Pmk::new(&[7; 32]).unwrap()
}

/// Both kinds of virtual APs.
pub const KINDS: [VirtualApKind; 2] = [VirtualApKind::Shared, VirtualApKind::PerClient];

/// A network that is protected, or open.
pub fn network(kind: VirtualApKind, wpa2: bool) -> NetworkConfig {
    let security = if wpa2 { Security::Wpa2(pmk()) } else { Security::Open };
    NetworkConfig { kind, ..NetworkConfig::new(NETWORK, SSID.to_vec(), security) }
}

/// The address of the n-th station.
pub fn address(n: usize) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0x20, u8::try_from(n).unwrap()])
}

/// A link of the n-th station to such a network.
pub fn link(n: usize, wpa2: bool) -> LinkConfig {
    let security = if wpa2 { LinkSecurity::Wpa2(pmk()) } else { LinkSecurity::Open };
    LinkConfig { security, ..LinkConfig::new(address(n), SSID) }
}

/// A station, its radio, and what it got.
pub struct Station {
    /// Its link.
    pub link: Link,
    /// Its radio in the air.
    pub id: RadioId,
    /// What happened, MSDUs not.
    pub events: Vec<LinkEvent>,
    /// Numbers of the MSDUs that came, in their order, with their sources.
    pub got: Vec<(MacAddr, u32)>,
    radio: Fault<AirRadio>,
    /// It was told something from outside.
    touched: bool,
}

/// An air with one AP and its stations.
pub struct World {
    air: Rc<RefCell<Air>>,
    /// The time.
    pub now: Instant,
    /// The AP.
    pub ap: ApRadio,
    /// Its radio in the air.
    pub ap_id: RadioId,
    /// What it said, MSDUs not.
    pub ap_events: Vec<ApEvent>,
    /// Numbers of the MSDUs that came to its distribution system, with their sources.
    pub ap_got: Vec<(MacAddr, u32)>,
    /// The stations.
    pub stations: Vec<Station>,
    /// What a witness with the key saw.
    pub recorder: Rc<RefCell<Recorder>>,
    /// Takes the place of the rate that the AP chose for data.
    pub fixed_rate: Option<Rate>,
    ap_radio: Fault<AirRadio>,
    ap_config: (RadioConfig, NetworkConfig),
    seed: u64,
}

/// A world in which time passes in steps, from one thing that happens to the next.
pub(crate) trait Timeline {
    /// The time.
    fn now(&self) -> Instant;

    /// Hands out what the air has brought and what is due, until all are quiet.
    fn settle(&mut self);

    /// When there is more.
    fn next(&self) -> Instant;

    /// It is later now.
    fn go_to(&mut self, now: Instant);
}

/// Lets time pass until something holds; says whether it came to that.
pub(crate) fn pass<T: Timeline>(world: &mut T, bound: Duration, mut holds: impl FnMut(&T) -> bool) -> bool {
    let end = world.now() + bound;
    loop {
        world.settle();
        if holds(world) {
            return true;
        }
        let next = world.next();
        if next > end {
            world.go_to(end);
            return false;
        }
        world.go_to(next.max(world.now()));
    }
}

impl Timeline for World {
    fn now(&self) -> Instant {
        self.now
    }

    fn settle(&mut self) {
        self.ap_turn();
        for n in 0..self.stations.len() {
            self.station_turn(n);
        }
    }

    fn next(&self) -> Instant {
        let mut next = earliest(self.air.borrow().poll_timeout(), self.ap.poll_timeout());
        for station in &self.stations {
            next = earliest(next, station.link.poll_timeout());
        }
        next.unwrap().0
    }

    fn go_to(&mut self, now: Instant) {
        self.now = now;
        self.air.borrow_mut().advance(now);
    }
}

impl World {
    /// With an AP at the origin, on channel 36 of a calm air.
    pub fn new(seed: u64, network: NetworkConfig) -> Self {
        Self::with(
            seed,
            network,
            Model::default(),
            RadioConfig::new(Channel::from_number(36).unwrap(), BLOCK),
        )
    }

    /// With another air or AP radio.
    pub fn with(seed: u64, network: NetworkConfig, model: Model, config: RadioConfig) -> Self {
        let mut air = Air::new(seed, model);
        let ap_id = air.add_radio(Position::new(0.0, 0.0), config.channel);
        let recorder = Rc::new(RefCell::new(Recorder::new(pmk())));
        let witness = Rc::clone(&recorder);
        if network.security != Security::Open {
            air.set_witness(Box::new(move |on_air| witness.borrow_mut().hear(on_air.frame)));
        }
        let air = Rc::new(RefCell::new(air));
        let ap = ApRadio::new(config, vec![network.clone()], Instant::ZERO, Seeded::boxed(seed));
        Self {
            ap_radio: Fault::new(AirRadio::new(Rc::clone(&air), ap_id), seed, Faults::default()),
            air,
            now: Instant::ZERO,
            ap,
            ap_id,
            ap_events: Vec::new(),
            ap_got: Vec::new(),
            stations: Vec::new(),
            recorder,
            fixed_rate: None,
            ap_config: (config, network),
            seed,
        }
    }

    /// Another station, which begins to look for the network; says which one it is.
    pub fn station(&mut self, position: Position, config: LinkConfig) -> usize {
        let n = self.stations.len();
        let seed = self.seed.wrapping_mul(1000).wrapping_add(n as u64 + 1);
        let id = self.air.borrow_mut().add_radio(position, self.ap_config.0.channel);
        let mut radio = Fault::new(AirRadio::new(Rc::clone(&self.air), id), seed, Faults::default());
        radio.change_ack(AckChange::Add(config.address)).unwrap();
        self.air.borrow_mut().set_promiscuous(id, false);
        let mut link = Link::new(config, Seeded::boxed(seed));
        link.start(self.now);
        self.stations.push(Station { link, id, events: Vec::new(), got: Vec::new(), radio, touched: true });
        n
    }

    /// The AP is switched off and on: all that it knew is gone.
    pub fn restart_ap(&mut self) {
        let (config, network) = self.ap_config.clone();
        self.ap = ApRadio::new(config, vec![network], self.now, Seeded::boxed(self.seed + 99));
    }

    /// Every link in the air loses so many of its frames.
    pub fn loss(&mut self, loss: f64) {
        self.air.borrow_mut().set_all_links(Knobs { loss, ..Knobs::default() });
    }

    /// What the stacks are told besides what is heard.
    pub fn faults(&mut self, faults: Faults) {
        self.ap_radio.set(faults);
        for station in &mut self.stations {
            station.radio.set(faults);
        }
    }

    /// Moves a station.
    pub fn place(&mut self, n: usize, position: Position) {
        let id = self.stations[n].id;
        self.air.borrow_mut().set_position(id, position);
    }

    /// What a radio has done.
    pub fn stats(&self, id: RadioId) -> RadioStats {
        self.air.borrow().stats(id)
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        self.until(time, |_| false);
    }

    /// Lets time pass until something holds; says whether it came to that.
    pub fn until(&mut self, bound: Duration, holds: impl FnMut(&Self) -> bool) -> bool {
        pass(self, bound, holds)
    }

    fn ap_turn(&mut self) {
        let now = self.now;
        if self.ap.poll_timeout().is_some_and(|(due, _)| due <= now) {
            self.ap.handle_timeout(now);
        }
        while let Some(received) = self.ap_radio.receive().unwrap() {
            match received {
                Received::Frame { info, frame } => self.ap.handle_frame(now, &info, frame),
                Received::Status(status) => self.ap.handle_tx_status(now, status),
            }
        }
        while let Some(event) = self.ap.poll_event() {
            match event {
                ApEvent::Ack(change) => self.ap_radio.change_ack(change).unwrap(),
                ApEvent::Msdu { ethernet, .. } => {
                    self.ap_got.extend(read(&ethernet));
                    self.ap.recycle_event(ethernet);
                }
                event => self.ap_events.push(event),
            }
        }
        while let Some(mut transmit) = self.ap.poll_transmit(now) {
            // The number of retries is said for data alone.
            if let (Some(rate), Some(_)) = (self.fixed_rate, transmit.options.retries) {
                transmit.options.rate = Some(rate);
            }
            self.ap_radio.transmit(&transmit).unwrap();
            self.ap.recycle(transmit);
        }
    }

    fn station_turn(&mut self, n: usize) {
        let (now, station) = (self.now, &mut self.stations[n]);
        let due = station.link.poll_timeout().is_some_and(|(due, _)| due <= now);
        let told = self.air.borrow().has_report(station.id);
        if !std::mem::take(&mut station.touched) && !due && !told {
            return;
        }
        if due {
            station.link.handle_timeout(now);
        }
        while let Some(received) = station.radio.receive().unwrap() {
            match received {
                // What a dozing radio does not hear
                Received::Frame { .. } if !station.link.is_listening(now) => {}
                Received::Frame { info, frame } => station.link.handle_frame(now, &info, frame),
                Received::Status(status) => station.link.handle_tx_status(now, status),
            }
        }
        while let Some(event) = station.link.poll_event() {
            match event {
                LinkEvent::Msdu(ethernet) => {
                    station.got.extend(read(&ethernet));
                    station.link.recycle_event(ethernet);
                }
                event => station.events.push(event),
            }
        }
        while let Some(transmit) = station.link.poll_transmit() {
            station.radio.transmit(&transmit).unwrap();
            station.link.recycle(transmit);
        }
    }

    /// A numbered MSDU of `len` bytes from a station.
    pub fn up(&mut self, n: usize, to: MacAddr, number: u32, len: usize) {
        let station = &mut self.stations[n];
        station.link.handle_msdu(self.now, &ethernet(to, address(n), number, len));
        station.touched = true;
    }

    /// One from the host behind the AP.
    pub fn down(&mut self, to: MacAddr, number: u32, len: usize) {
        self.ap.handle_msdu(self.now, NETWORK, &ethernet(to, HOST, number, len));
    }

    /// All stations are connected, and the AP knows it.
    pub fn all_joined(&self) -> bool {
        let connected = self.stations.iter().all(|station| station.link.state() == LinkState::Connected);
        let open = self.ap.virtual_aps().flat_map(|ap| ap.peers()).filter(|peer| peer.is_port_open());
        connected && open.count() >= self.stations.len()
    }

    /// The numbers that came from the host to a station.
    pub fn downs(&self, n: usize) -> Vec<u32> {
        numbers(&self.stations[n].got, HOST)
    }

    /// The numbers that came from a station to the host.
    pub fn ups(&self, n: usize) -> Vec<u32> {
        numbers(&self.ap_got, address(n))
    }
}

/// The numbers from one source, in their order.
pub fn numbers(got: &[(MacAddr, u32)], from: MacAddr) -> Vec<u32> {
    got.iter().filter(|(source, _)| *source == from).map(|(_, number)| *number).collect()
}

/// They go up: nothing came twice, and nothing overtook another.
pub fn in_order(numbers: &[u32]) -> bool {
    numbers.windows(2).all(|pair| pair[0] < pair[1])
}

/// An Ethernet frame with a number in it.
pub fn ethernet(to: MacAddr, from: MacAddr, number: u32, len: usize) -> Vec<u8> {
    let mut frame = [&to.octets()[..], &from.octets(), &[0x88, 0xb5]].concat();
    frame.extend_from_slice(&number.to_be_bytes());
    frame.resize(len.max(HEADER), 0x5a);
    frame
}

/// Source and number of such a frame.
pub fn read(ethernet: &[u8]) -> Option<(MacAddr, u32)> {
    let source = MacAddr::from_slice(ethernet.get(6..12)?)?;
    Some((source, u32::from_be_bytes(*ethernet.get(14..)?.first_chunk()?)))
}

/// Tells a story once for each seed.
pub fn told(test: &str, name: &str, story: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let number = |key: &str| std::env::var(key).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("AIRLOOM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("AIRLOOM_SEEDS").unwrap_or(8),
    };
    for seed in seeds {
        if let Err(failure) = std::panic::catch_unwind(|| story(seed)) {
            eprintln!("again: AIRLOOM_SEED={seed} cargo test -p airloom-tests --test {test} {name}");
            std::panic::resume_unwind(failure);
        }
    }
}
