//! Stories of virtual APs that move: two radios of one block, one client, in virtual time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use drivers::air::{Air, AirRadio, RadioId};
use drivers::propagation::{Knobs, Model, Position};
use drivers::radio::{Radio, Received};
use stack::ap::{ApEvent, ApRadio, BssidBlock, Context, NetworkConfig, RadioConfig, SharedClock, VirtualAp};
use stack::mac::TxRange;
use stack::sta::{Link, LinkConfig, LinkEvent, LinkState};
use stack::time::{Instant, earliest};
use stack::wire::{AckChange, Channel, MacAddr, RxInfo};

use crate::overseer::Overseer;
use crate::story::{HOST, NETWORK, Seeded, Timeline, address, ethernet, numbers, pass, pmk, read};

/// What both radios may host; each has a half of it to itself.
pub const BLOCK: BssidBlock = BssidBlock { base: MacAddr([2, 0, 0, 0, 0x10, 0]), bits: 6 };
/// How long a radio acknowledges for a virtual AP that has left.
const LINGER: Duration = Duration::from_millis(50);
/// The same if the other one is on another channel, and how long that acknowledges before.
const LINGER_APART: Duration = Duration::from_secs(2);
const EXPECTED: Duration = Duration::from_secs(3);

/// An AP and its radio.
pub struct Mast {
    /// The AP.
    pub ap: ApRadio,
    /// Its radio in the air.
    pub id: RadioId,
    /// What it said, MSDUs and strays not.
    pub events: Vec<ApEvent>,
    radio: AirRadio,
}

/// Something on its way between the two, and when it arrives.
enum Parcel {
    /// The virtual AP, for this mast.
    Move(Box<dyn FnOnce(Instant) -> VirtualAp>, usize),
    /// A frame that was heard at the old place.
    Stray(RxInfo, Vec<u8>),
}

/// How a virtual AP is carried: what it becomes on the way.
pub type Carry = fn(&mut World, usize, VirtualAp) -> Box<dyn FnOnce(Instant) -> VirtualAp>;

/// Two masts and one client.
pub struct World {
    air: Rc<RefCell<Air>>,
    /// The time.
    pub now: Instant,
    /// The two APs.
    pub masts: Vec<Mast>,
    /// The client.
    pub link: Link,
    radio: AirRadio,
    client: RadioId,
    touched: bool,
    /// What happened at the client, MSDUs not.
    pub events: Vec<LinkEvent>,
    /// Numbers that the client got, with their sources.
    pub got: Vec<(MacAddr, u32)>,
    /// Numbers that came to the distribution system.
    pub ups: Vec<(MacAddr, u32)>,
    /// Who sees all that is on the air.
    pub overseer: Rc<RefCell<Overseer>>,
    /// How a virtual AP travels.
    pub carry: Carry,
    /// How long it, and what is passed on, takes from one mast to the other.
    pub backhaul: Duration,
    /// How many moves came to their end.
    pub moves: usize,
    /// Strays that were passed on.
    pub strays: usize,
    road: VecDeque<(Instant, Parcel)>,
    waiting: Vec<Vec<u8>>,
    owner: usize,
    target: Option<usize>,
    network: NetworkConfig,
    channels: [Channel; 2],
    /// How often the client was heard on a new channel.
    pub followed: usize,
    /// How often it was waited for there in vain.
    pub missed: usize,
}

impl Timeline for World {
    fn now(&self) -> Instant {
        self.now
    }

    fn next(&self) -> Instant {
        let mut next = earliest(self.air.borrow().poll_timeout(), self.link.poll_timeout());
        for mast in &self.masts {
            next = earliest(next, mast.ap.poll_timeout());
        }
        let road = self.road.iter().map(|(at, _)| *at).min();
        earliest(next, road.map(|at| (at, "on the road"))).unwrap().0
    }

    fn settle(&mut self) {
        for n in 0..self.masts.len() {
            self.mast_turn(n);
        }
        while self.road.front().is_some_and(|(at, _)| *at <= self.now) {
            let Some((_, parcel)) = self.road.pop_front() else { break };
            self.arrive(parcel);
            for n in 0..self.masts.len() {
                self.mast_turn(n);
            }
        }
        self.client_turn();
    }

    fn go_to(&mut self, now: Instant) {
        self.now = now;
        self.air.borrow_mut().advance(now);
    }
}

impl World {
    /// Masts ten metres to the left and to the right of a client that joins the first of them.
    pub fn joined(seed: u64, network: NetworkConfig, config: LinkConfig) -> Self {
        Self::apart(seed, network, config, [36, 36])
    }

    /// The masts are on these channels.
    pub fn apart(seed: u64, network: NetworkConfig, config: LinkConfig, channels: [u8; 2]) -> Self {
        let channels = channels.map(|number| Channel::from_number(number).unwrap());
        let mut world = Self::new(seed, network, config, channels);
        assert!(world.until(Duration::from_secs(20), Self::is_joined), "{:?}", world.events);
        world.events.clear();
        world.overseer.borrow_mut().arm();
        world
    }

    fn new(seed: u64, network: NetworkConfig, config: LinkConfig, channels: [Channel; 2]) -> Self {
        let mut air = Air::new(seed, Model::default());
        let overseer = Rc::new(RefCell::new(Overseer::new(pmk())));
        let witness = Rc::clone(&overseer);
        air.set_witness(Box::new(move |on_air| witness.borrow_mut().hear(on_air)));
        let places = [-10.0, 10.0].into_iter().zip(channels);
        let ids: Vec<_> = places.map(|(x, channel)| air.add_radio(Position::new(x, 0.0), channel)).collect();
        let client = air.add_radio(Position::new(-2.0, 3.0), channels[0]);
        air.set_promiscuous(client, false);
        let air = Rc::new(RefCell::new(air));
        let masts = (0u8..).zip(ids).zip(channels).map(|((n, id), channel)| {
            let [a, b, c, d, e, _] = BLOCK.base.octets();
            let own = BssidBlock { base: MacAddr([a, b, c, d, e, n << 5]), bits: 5 };
            let config = RadioConfig { own, ..RadioConfig::new(channel, BLOCK) };
            let random = Seeded::boxed(seed * 2 + u64::from(n));
            let ap = ApRadio::new(config, vec![network.clone()], Instant::ZERO, random);
            Mast { ap, id, events: Vec::new(), radio: AirRadio::new(Rc::clone(&air), id) }
        });
        let masts = masts.collect();
        let mut radio = AirRadio::new(Rc::clone(&air), client);
        radio.change_ack(AckChange::Add(config.address)).unwrap();
        let mut link = Link::new(config, Seeded::boxed(seed + 1000));
        link.start(Instant::ZERO);
        Self {
            air,
            now: Instant::ZERO,
            masts,
            link,
            radio,
            client,
            touched: true,
            events: Vec::new(),
            got: Vec::new(),
            ups: Vec::new(),
            overseer,
            carry: by_value,
            backhaul: Duration::ZERO,
            moves: 0,
            strays: 0,
            road: VecDeque::new(),
            waiting: Vec::new(),
            owner: 0,
            target: None,
            network,
            channels,
            followed: 0,
            missed: 0,
        }
    }

    fn is_joined(&self) -> bool {
        let open =
            |mast: &Mast| mast.ap.virtual_aps().flat_map(|ap| ap.peers()).any(|peer| peer.is_port_open());
        self.link.state() == LinkState::Connected && self.masts.iter().any(open)
    }

    /// The client's network.
    pub const fn network(&self) -> &NetworkConfig {
        &self.network
    }

    /// Every link in the air loses so many of its frames.
    pub fn loss(&mut self, loss: f64) {
        self.air.borrow_mut().set_all_links(Knobs { loss, ..Knobs::default() });
    }

    /// The client moves.
    pub fn place(&mut self, position: Position) {
        self.air.borrow_mut().set_position(self.client, position);
    }

    /// Which mast the client's virtual AP is at, if it is not on its way.
    pub fn home(&self) -> Option<usize> {
        let bssid = self.link.bssid()?;
        self.masts.iter().position(|mast| mast.ap.virtual_aps().any(|ap| ap.bssid() == bssid))
    }

    /// Begins to move the client's virtual AP to the other mast. Says whether it could be begun.
    pub fn begin_move(&mut self) -> bool {
        let (Some(from), Some(bssid)) = (self.home(), self.link.bssid()) else { return false };
        let (now, to) = (self.now, 1 - from);
        let waits = self.masts[from].ap.virtual_aps().any(VirtualAp::awaits_client);
        let begun = self.target.is_none()
            && !waits
            && self.masts[from].ap.drain_to(now, bssid, self.channels[to], false).is_some();
        if begun {
            self.target = Some(to);
            if self.channels[0] != self.channels[1] {
                assert!(self.masts[to].ap.expect(now, bssid, address(0), EXPECTED));
            }
        }
        begun
    }

    /// A numbered MSDU from the client to the host.
    pub fn up(&mut self, number: u32, len: usize) {
        self.link.handle_msdu(self.now, &ethernet(HOST, address(0), number, len));
        self.touched = true;
    }

    /// One from the host to somebody.
    pub fn down(&mut self, to: MacAddr, number: u32, len: usize) {
        self.waiting.push(ethernet(to, HOST, number, len));
        self.hand_down();
    }

    /// The switch keeps what comes for a virtual AP on its way.
    fn hand_down(&mut self) {
        let Some(home) = self.home() else { return };
        for frame in self.waiting.drain(..) {
            self.masts[home].ap.handle_msdu(self.now, NETWORK, &frame);
        }
    }

    /// The numbers that came down to the client.
    pub fn downs(&self) -> Vec<u32> {
        numbers(&self.got, HOST)
    }

    /// The numbers that came up from it.
    pub fn up_numbers(&self) -> Vec<u32> {
        numbers(&self.ups, address(0))
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        self.until(time, |_| false);
    }

    /// Lets time pass until something holds; says whether it came to that.
    pub fn until(&mut self, bound: Duration, holds: impl FnMut(&Self) -> bool) -> bool {
        pass(self, bound, holds)
    }

    fn arrive(&mut self, parcel: Parcel) {
        let now = self.now;
        match parcel {
            Parcel::Move(unpack, to) => {
                let ap = unpack(now);
                self.masts[to].ap.adopt(now, ap).unwrap();
                self.moves += 1;
                (self.target, self.owner) = (None, to);
                self.hand_down();
            }
            Parcel::Stray(info, mut frame) => {
                self.strays += 1;
                let to = self.home().unwrap_or(self.owner);
                self.masts[to].ap.handle_frame(now, &info, &mut frame);
            }
        }
    }

    fn mast_turn(&mut self, n: usize) {
        let now = self.now;
        let mast = &mut self.masts[n];
        if mast.ap.poll_timeout().is_some_and(|(due, _)| due <= now) {
            mast.ap.handle_timeout(now);
        }
        while let Some(received) = mast.radio.receive().unwrap() {
            match received {
                Received::Frame { info, frame } => mast.ap.handle_frame(now, &info, frame),
                Received::Status(status) => mast.ap.handle_tx_status(now, status),
            }
        }
        while let Some(event) = self.masts[n].ap.poll_event() {
            self.event(n, event);
        }
        let mast = &mut self.masts[n];
        while let Some(transmit) = mast.ap.poll_transmit(now) {
            mast.radio.transmit(&transmit).unwrap();
            mast.ap.recycle(transmit);
        }
    }

    fn event(&mut self, n: usize, event: ApEvent) {
        let mast = &mut self.masts[n];
        match event {
            ApEvent::Ack(change) => mast.radio.change_ack(change).unwrap(),
            ApEvent::Msdu { ethernet, .. } => {
                self.ups.extend(read(&ethernet));
                mast.ap.recycle_event(ethernet);
            }
            ApEvent::Stray { info, frame, .. } => {
                self.road.push_back((self.now + self.backhaul, Parcel::Stray(info, frame)));
            }
            ApEvent::Drained(bssid) => self.drained(n, bssid),
            ApEvent::Followed(_) => self.followed += 1,
            ApEvent::NotFollowed(bssid) => {
                self.missed += 1;
                self.target = Some(1 - n);
                assert!(mast.ap.drain(bssid));
            }
            event => mast.events.push(event),
        }
    }

    fn drained(&mut self, from: usize, bssid: MacAddr) {
        let to = self.target.unwrap();
        let linger = if self.channels[0] == self.channels[1] { LINGER } else { LINGER_APART };
        let ap = self.masts[from].ap.take(self.now, bssid, linger).unwrap();
        let parcel = Parcel::Move((self.carry)(self, to, ap), to);
        self.road.push_back((self.now + self.backhaul, parcel));
    }

    fn client_turn(&mut self) {
        let now = self.now;
        let due = self.link.poll_timeout().is_some_and(|(due, _)| due <= now);
        let told = self.air.borrow().has_report(self.client);
        if !std::mem::take(&mut self.touched) && !due && !told {
            return;
        }
        if due {
            self.link.handle_timeout(now);
        }
        while let Some(received) = self.radio.receive().unwrap() {
            match received {
                Received::Frame { .. } if !self.link.is_listening(now) => {}
                Received::Frame { info, frame } => self.link.handle_frame(now, &info, frame),
                Received::Status(status) => self.link.handle_tx_status(now, status),
            }
        }
        while let Some(event) = self.link.poll_event() {
            match event {
                LinkEvent::Msdu(ethernet) => {
                    self.got.extend(read(&ethernet));
                    self.link.recycle_event(ethernet);
                }
                LinkEvent::SwitchChannel(channel) => {
                    self.radio.set_channel(channel).unwrap();
                    self.link.handle_channel_set(now);
                }
                event => self.events.push(event),
            }
        }
        while let Some(transmit) = self.link.poll_transmit() {
            self.radio.transmit(&transmit).unwrap();
            self.link.recycle(transmit);
        }
    }
}

/// Between hosts: its bytes, and fresh packet numbers for each of its keys.
pub fn as_bytes(world: &mut World, _: usize, ap: VirtualAp) -> Box<dyn FnOnce(Instant) -> VirtualAp> {
    let config = world.network().clone();
    let bytes = ap.into_context(world.now, SharedClock { ahead: 5_000_000 }).unwrap().encode();
    Box::new(move |now| {
        let context = Context::decode(&bytes).unwrap();
        let range = |_, used: u64| {
            let after = (used >> 34 << 34) + (1 << 34);
            Some(TxRange { after, rekey_above: after + (1 << 21), limit: after + (1 << 22) })
        };
        context.into_virtual_ap(now, SharedClock { ahead: 5_000_000 }, &config, range).unwrap()
    })
}

/// Within a host: the value itself.
pub fn by_value(_: &mut World, _: usize, ap: VirtualAp) -> Box<dyn FnOnce(Instant) -> VirtualAp> {
    Box::new(move |_| ap)
}
