//! Stories of a radio that hops: a real [`Hopper`] and foreign APs, each on a channel of its own of the simulated air.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use drivers::air::{Air, AirRadio, OnAir, RadioId};
use drivers::propagation::{Knobs, Model, Position};
use drivers::radio::{Radio, Received};
use stack::ap::{
    ApEvent, ApRadio, BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security, VirtualApKind,
};
use stack::hop::{HopEvent, Hopper, LinkId};
use stack::rsn::Pmk;
use stack::slot::SlotConfig;
use stack::sta::{LinkConfig, LinkEvent, LinkSecurity, LinkState};
use stack::time::{Instant, earliest};
use stack::wire::{AckChange, Channel, Frame, FrameKind, MacAddr, Transmit};

use crate::recorder::Recorder;
use crate::story::{HOST, Seeded, Timeline, address, ethernet, numbers, pass, pmk, read};

/// How a foreign network is.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// Its channel.
    pub channel: u8,
    /// It is protected by WPA2.
    pub wpa2: bool,
    /// How often its pairwise and group keys change.
    pub rekey: Option<Duration>,
    /// Its beacons do not say for whom it has frames.
    pub mute: bool,
    /// All but its beacons goes out so much later than it should.
    pub slow: Duration,
}

impl Foreign {
    /// A network with WPA2 whose keys stay, of an AP that does as it should.
    pub const fn wpa2(channel: u8) -> Self {
        Self { channel, wpa2: true, rekey: None, mute: false, slow: Duration::ZERO }
    }

    fn network(&self, n: usize) -> NetworkConfig {
        let security = if self.wpa2 { Security::Wpa2(pmk()) } else { Security::Open };
        NetworkConfig {
            kind: VirtualApKind::Shared,
            group_rekey: self.rekey,
            pairwise_rekey: self.rekey,
            ..NetworkConfig::new(NetworkId(1), ssid(n), security)
        }
    }

    fn start(&self, n: usize, now: Instant, seed: u64) -> ApRadio {
        let block = BssidBlock { base: bssid(n), bits: 0 };
        let config = RadioConfig::new(channel(self.channel), block);
        ApRadio::new(config, vec![self.network(n)], now, Seeded::boxed(seed * 100 + n as u64))
    }
}

/// The name of the n-th network.
pub fn ssid(n: usize) -> Vec<u8> {
    format!("foreign{n}").into_bytes()
}

/// The BSSID of the n-th network.
pub fn bssid(n: usize) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0x40, u8::try_from(n).unwrap()])
}

/// The channel of this number.
pub fn channel(number: u8) -> Channel {
    Channel::from_number(number).unwrap()
}

struct Ap {
    how: Foreign,
    machine: ApRadio,
    radio: AirRadio,
    on: bool,
    got: Vec<(MacAddr, u32)>,
    /// What a slow one is about to send, and when.
    slowly: VecDeque<(Instant, Transmit)>,
}

impl Ap {
    fn send(&mut self, now: Instant) {
        while let Some(mut transmit) = self.machine.poll_transmit(now) {
            let is_beacon =
                Frame::parse(&transmit.frame).is_ok_and(|frame| frame.kind() == FrameKind::BEACON);
            if is_beacon && self.how.mute {
                hush(&mut transmit.frame);
            }
            if is_beacon || self.how.slow.is_zero() {
                self.radio.transmit(&transmit).unwrap();
                self.machine.recycle(transmit);
            } else {
                self.slowly.push_back((now + self.how.slow, transmit));
            }
        }
        while let Some((_, transmit)) = self.slowly.pop_front_if(|(due, _)| *due <= now) {
            self.radio.transmit(&transmit).unwrap();
            self.machine.recycle(transmit);
        }
    }

    fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let slowly = self.slowly.front().map(|(due, _)| (*due, "a slow access point gets to it"));
        earliest(slowly, self.machine.poll_timeout())
    }
}

/// Takes all stations out of the TIM of a beacon; group traffic stays.
fn hush(beacon: &mut [u8]) {
    const TIM: u8 = 5;
    // Header, timestamp, interval, capabilities.
    let mut at = 24 + 12;
    while let Some(&[id, len]) = beacon.get(at..at + 2) {
        let end = at + 2 + usize::from(len);
        if id == TIM {
            // Count, period and control come first.
            beacon[at + 5..end].fill(0);
        }
        at = end;
    }
}

/// What the witness has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Frames of ours to an AP that is on another channel.
    pub astray: Vec<String>,
    /// Frames of ours that are new and have the sequence number of one before.
    pub repeated: Vec<String>,
    /// The last sequence number of ours, by receiver and TID.
    last: BTreeMap<(MacAddr, Option<u8>), u16>,
    /// Where each AP is.
    channels: Vec<Channel>,
    /// Frames of ours with PM set, and data without.
    pub dozes: usize,
}

impl Seen {
    fn hear(&mut self, on_air: &OnAir<'_>, ours: RadioId) {
        let Ok(frame) = Frame::parse(on_air.frame) else { return };
        if on_air.radio != ours || frame.kind() == FrameKind::PROBE_REQUEST {
            return;
        }
        self.dozes += usize::from(frame.frame_control().power_management());
        let to = frame.addr1();
        if on_air.attempt == 0 && !frame.frame_control().retry() {
            self.number(&frame);
        }
        let ap = (0..self.channels.len()).find(|&n| to == Some(bssid(n)));
        if let Some(n) = ap.filter(|&n| self.channels[n] != on_air.channel) {
            self.astray.push(format!("{} {frame:?} to {n}", on_air.start));
        }
    }
}

impl Seen {
    fn number(&mut self, frame: &Frame<'_>) {
        let tid = match frame {
            Frame::Data(data) => data.qos().map(|qos| qos.tid()),
            _ => None,
        };
        let Some((to, sequence)) = frame.addr1().zip(frame.sequence()) else { return };
        if frame.kind() == FrameKind::AUTHENTICATION {
            // A new association counts anew.
            self.last.retain(|(of, _), _| *of != to);
        }
        if sequence.fragment() == 0
            && self.last.insert((to, tid), sequence.number()) == Some(sequence.number())
        {
            self.repeated.push(format!("{frame:?}"));
        }
    }
}

/// An air with one radio that hops and several foreign APs.
pub struct World {
    air: Rc<RefCell<Air>>,
    /// The time.
    pub now: Instant,
    /// What is under test.
    pub hopper: Hopper,
    /// What happened on its links, MSDUs not.
    pub events: Vec<(LinkId, LinkEvent)>,
    /// What it said of hopping.
    pub verdicts: Vec<HopEvent>,
    /// What the owner of the key saw.
    pub recorder: Rc<RefCell<Recorder>>,
    /// What the air saw.
    pub seen: Rc<RefCell<Seen>>,
    /// How late the radio went, hop by hop: from the edge of its slot to the order to tune.
    pub edges: Vec<Duration>,
    /// What the hopper's calls have taken of a real processor.
    pub spent: Duration,
    radio: AirRadio,
    tuning: Option<Channel>,
    /// Until then its processor has no time for it.
    stalled: Instant,
    got: Vec<Vec<(MacAddr, u32)>>,
    aps: Vec<Ap>,
    seed: u64,
}

impl Timeline for World {
    fn now(&self) -> Instant {
        self.now
    }

    fn settle(&mut self) {
        (0..self.aps.len()).for_each(|n| self.ap_turn(n));
        if self.now >= self.stalled {
            self.hopper_turn();
        }
    }

    fn next(&self) -> Instant {
        let stall = (self.now < self.stalled).then_some((self.stalled, "the processor is elsewhere"));
        let mut next = earliest(self.air.borrow().poll_timeout(), stall.or(self.hopper.poll_timeout()));
        for ap in self.aps.iter().filter(|ap| ap.on) {
            next = earliest(next, ap.poll_timeout());
        }
        next.map_or(self.now + Duration::from_millis(10), |(at, _)| at)
    }

    fn go_to(&mut self, now: Instant) {
        self.now = now;
        self.air.borrow_mut().advance(now);
    }
}

impl World {
    /// An air in which a hop takes `dead`, with these networks, around a radio that is told of none.
    pub fn new(seed: u64, dead: Duration, foreign: &[Foreign]) -> Self {
        let mut air = Air::new(seed, Model { retune: dead, ..Model::default() });
        let here = channel(1);
        let id = air.add_radio(Position::new(0.0, 0.0), here);
        air.set_promiscuous(id, false);
        let recorder = Rc::new(RefCell::new(Recorder::new(pmk())));
        let channels = foreign.iter().map(|how| channel(how.channel)).collect();
        let seen = Rc::new(RefCell::new(Seen { channels, ..Seen::default() }));
        let (key, all) = (Rc::clone(&recorder), Rc::clone(&seen));
        let open: Vec<_> = (0..foreign.len()).filter(|&n| !foreign[n].wpa2).map(bssid).collect();
        air.set_witness(Box::new(move |on_air| {
            let ends = |frame: Frame<'_>| [frame.addr1(), frame.addr2()];
            let ends = Frame::parse(on_air.frame).map_or([None; 2], ends);
            if !ends.into_iter().flatten().any(|end| open.contains(&end)) {
                key.borrow_mut().hear(on_air.frame);
            }
            all.borrow_mut().hear(on_air, id);
        }));
        let air = Rc::new(RefCell::new(air));
        let mut world = Self {
            radio: AirRadio::new(Rc::clone(&air), id),
            air,
            now: Instant::ZERO,
            hopper: Hopper::new(SlotConfig::default(), Instant::ZERO, here),
            events: Vec::new(),
            verdicts: Vec::new(),
            recorder,
            seen,
            edges: Vec::new(),
            spent: Duration::ZERO,
            tuning: None,
            stalled: Instant::ZERO,
            got: Vec::new(),
            aps: Vec::new(),
            seed,
        };
        foreign.iter().for_each(|how| world.ap(how));
        world
    }

    fn ap(&mut self, how: &Foreign) {
        let n = self.aps.len();
        let place = Position::new(5.0 + n as f64, 3.0);
        let id = self.air.borrow_mut().add_radio(place, channel(how.channel));
        self.aps.push(Ap {
            how: how.clone(),
            machine: how.start(n, self.now, self.seed),
            radio: AirRadio::new(Rc::clone(&self.air), id),
            on: true,
            got: Vec::new(),
            slowly: VecDeque::new(),
        });
    }

    /// A link to the n-th network.
    pub fn link(&mut self, n: usize) -> LinkId {
        let security = if self.aps[n].how.wpa2 { LinkSecurity::Wpa2(pmk()) } else { LinkSecurity::Open };
        self.link_as(LinkConfig { security, ..LinkConfig::new(address(n), &ssid(n)) })
    }

    /// A link with the wrong key to the n-th network.
    pub fn link_with_wrong_key(&mut self, n: usize) -> LinkId {
        let security = LinkSecurity::Wpa2(Pmk::new(&[8; 32]).unwrap());
        self.link_as(LinkConfig { security, ..LinkConfig::new(address(n), &ssid(n)) })
    }

    /// A link of one's own making.
    pub fn link_as(&mut self, config: LinkConfig) -> LinkId {
        let seed = self.seed * 1000 + self.got.len() as u64;
        self.got.push(Vec::new());
        self.hopper.add(self.now, config, Seeded::boxed(seed)).unwrap()
    }

    /// Every link in the air loses so many of its frames.
    pub fn loss(&mut self, loss: f64) {
        self.air.borrow_mut().set_all_links(Knobs { loss, ..Knobs::default() });
    }

    /// An AP is switched off, or on again with nothing that it knew.
    pub fn power(&mut self, n: usize, on: bool) {
        let ap = &mut self.aps[n];
        ap.on = on;
        ap.slowly.clear();
        ap.machine = ap.how.start(n, self.now, self.seed + 1);
        let change = if on { AckChange::Add(bssid(n)) } else { AckChange::Remove(bssid(n)) };
        ap.radio.change_ack(change).unwrap();
    }

    /// An AP is switched on again elsewhere.
    pub fn restart_on(&mut self, n: usize, number: u8) {
        self.aps[n].how.channel = number;
        self.aps[n].radio.set_channel(channel(number)).unwrap();
        self.seen.borrow_mut().channels[n] = channel(number);
        self.power(n, true);
    }

    /// Lets time pass in which the hopper's processor has no time for it.
    pub fn stall(&mut self, time: Duration) {
        self.stalled = self.now + time;
        self.run(time);
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        self.until(time, |_| false);
    }

    /// Lets time pass until something holds; says whether it came to that.
    pub fn until(&mut self, bound: Duration, holds: impl FnMut(&Self) -> bool) -> bool {
        pass(self, bound, holds)
    }

    /// The links to these networks are connected, and the APs know it.
    pub fn are_connected(&self, networks: &[usize]) -> bool {
        networks.iter().all(|&n| self.is_connected(n))
    }

    /// The same of one.
    pub fn is_connected(&self, n: usize) -> bool {
        let link = self.hopper.links().nth(n).is_some_and(|view| view.link.state() == LinkState::Connected);
        let mut peers = self.aps[n].machine.virtual_aps().flat_map(|ap| ap.peers());
        link && peers.any(|peer| peer.address() == address(n) && peer.is_port_open())
    }

    /// The n-th AP has the station of its link in its tables.
    pub fn is_known(&self, n: usize) -> bool {
        self.aps[n].machine.virtual_aps().flat_map(|ap| ap.peers()).any(|peer| peer.address() == address(n))
    }

    /// A numbered MSDU of `len` bytes on a link.
    pub fn up(&mut self, n: usize, number: u32, len: usize) {
        let id = LinkId(u16::try_from(n).unwrap());
        self.hopper.handle_msdu(self.now, id, &ethernet(HOST, address(n), number, len));
    }

    /// One from the host behind the n-th AP.
    pub fn down(&mut self, n: usize, number: u32, len: usize) {
        let frame = ethernet(address(n), HOST, number, len);
        self.aps[n].machine.handle_msdu(self.now, NetworkId(1), &frame);
    }

    /// The numbers that came to the n-th link.
    pub fn downs(&self, n: usize) -> Vec<u32> {
        numbers(&self.got[n], HOST)
    }

    /// The numbers that came from the n-th link.
    pub fn ups(&self, n: usize) -> Vec<u32> {
        numbers(&self.aps[n].got, address(n))
    }

    /// What was lost on the way, by reason, for people.
    pub fn drops(&self, n: usize) -> String {
        let link = self.hopper.links().nth(n).map(|view| view.link.drops().clone());
        format!("AP {:?}, link {link:?}, {:?}", self.aps[n].machine.drops(), self.hopper.figures())
    }

    fn ap_turn(&mut self, n: usize) {
        let (now, ap) = (self.now, &mut self.aps[n]);
        while let Some(received) = ap.radio.receive().unwrap() {
            match received {
                _ if !ap.on => {}
                Received::Frame { info, frame } => ap.machine.handle_frame(now, &info, frame),
                Received::Status(status) => ap.machine.handle_tx_status(now, status),
            }
        }
        if !ap.on {
            return;
        }
        if ap.machine.poll_timeout().is_some_and(|(due, _)| due <= now) {
            ap.machine.handle_timeout(now);
        }
        while let Some(event) = ap.machine.poll_event() {
            match event {
                ApEvent::Ack(change) => ap.radio.change_ack(change).unwrap(),
                ApEvent::Msdu { ethernet, .. } => {
                    ap.got.extend(read(&ethernet));
                    ap.machine.recycle_event(ethernet);
                }
                _ => {}
            }
        }
        ap.send(now);
    }

    fn hopper_turn(&mut self) {
        let (now, begun) = (self.now, std::time::Instant::now());
        let late = self.hopper.figures().late;
        let was_tuning = self.tuning.is_some();
        while let Some(received) = self.radio.receive().unwrap() {
            match received {
                Received::Frame { info, frame } => self.hopper.handle_frame(now, &info, frame),
                Received::Status(status) => self.hopper.handle_tx_status(now, status),
            }
        }
        if let Some(channel) = self.tuning.filter(|_| self.radio.is_tuned()) {
            self.tuning = None;
            self.hopper.handle_tuned(now, channel);
        }
        if self.hopper.poll_timeout().is_some_and(|(due, _)| due <= now) {
            self.hopper.handle_timeout(now);
        }
        loop {
            self.hopper_events();
            let Some(transmit) = self.hopper.poll_transmit() else { break };
            self.radio.transmit(&transmit).unwrap();
            self.hopper.recycle(transmit);
        }
        if self.tuning.is_some_and(|_| !was_tuning) {
            self.edges.push(self.hopper.figures().late - late);
        }
        self.spent += begun.elapsed();
    }

    fn hopper_events(&mut self) {
        while let Some(event) = self.hopper.poll_event() {
            match event {
                HopEvent::Ack(change) => self.radio.change_ack(change).unwrap(),
                HopEvent::Tune(channel) => {
                    self.radio.set_channel(channel).unwrap();
                    self.tuning = Some(channel);
                }
                HopEvent::Link(link, LinkEvent::Msdu(ethernet)) => {
                    self.got[usize::from(link.0)].extend(read(&ethernet));
                    self.hopper.recycle_event(link, ethernet);
                }
                HopEvent::Link(link, event) => self.events.push((link, event)),
                verdict => self.verdicts.push(verdict),
            }
        }
    }
}
