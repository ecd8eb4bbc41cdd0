//! Two radios of one block, and a client of one of them.

use std::time::Duration;

use stack::ap::{
    ApEvent, ApRadio, BssidBlock, Context, NetworkConfig, RadioConfig, SharedClock, VirtualAp, VirtualApKind,
};
use stack::crypto::CipherHeader;
use stack::mac::TxRange;
use stack::sta::{LinkConfig, LinkState};
use stack::wire::{Channel, Frame, MacAddr};

use crate::world::{BASE, Counting, OnAir, World, at, radio, secure, station, wpa2};

pub(super) const BLOCK: BssidBlock = BssidBlock { base: BASE, bits: 4 };
pub(super) const OWN: VirtualApKind = VirtualApKind::PerClient;
pub(super) const LINGER: Duration = Duration::from_millis(100);

/// A world whose radio can be changed for another one of the same block.
pub(super) struct Two {
    pub(super) world: World,
    pub(super) other: ApRadio,
    pub(super) other_channel: Channel,
    pub(super) network: NetworkConfig,
}

pub(super) fn half(n: u8) -> RadioConfig {
    let [a, b, c, d, e, f] = BASE.octets();
    let own = BssidBlock { base: MacAddr([a, b, c, d, e, f | n << 3]), bits: 3 };
    let after = u64::from(n) << 22;
    let fresh_keys = TxRange { after, rekey_above: after + (1 << 21), limit: after + (1 << 22) - 1 };
    RadioConfig { own, fresh_keys, ..radio(BLOCK) }
}

impl Two {
    pub(super) fn new(network: NetworkConfig) -> Self {
        let channel = half(1).channel;
        Self::apart(network, channel)
    }

    /// The other radio is on this channel.
    pub(super) fn apart(network: NetworkConfig, other_channel: Channel) -> Self {
        let world = World::on(half(0), vec![network.clone()]);
        let config = RadioConfig { channel: other_channel, ..half(1) };
        let other = ApRadio::new(config, vec![network.clone()], at(0), Box::new(Counting(2)));
        Self { world, other, other_channel, network }
    }

    /// One client has joined the first radio.
    pub(super) fn joined(network: NetworkConfig) -> Self {
        let mut two = Self::new(network);
        two.link(|config| config);
        two
    }

    pub(super) fn link(&mut self, change: impl Fn(LinkConfig) -> LinkConfig) {
        let protected = self.network.security != stack::ap::Security::Open;
        let config = if protected { secure(1, 1) } else { LinkConfig::new(station(1), b"net") };
        self.world.link(change(config));
        self.world.run(400);
        assert_eq!(self.world.links[0].1.state(), LinkState::Connected, "{:?}", self.world.ap.drops());
    }

    pub(super) fn bssid(&self) -> MacAddr {
        self.world.bssid_of(0)
    }

    pub(super) fn take(&mut self) -> VirtualAp {
        let (now, bssid) = (at(self.world.now), self.bssid());
        assert!(self.world.ap.drain(bssid));
        self.world.take_events();
        assert!(self.world.ap_events.contains(&ApEvent::Drained(bssid)));
        self.world.ap.take(now, bssid, LINGER).unwrap()
    }

    /// From now on the world is that of the other radio.
    pub(super) fn change(&mut self) {
        self.world.take_events();
        std::mem::swap(&mut self.world.ap, &mut self.other);
        std::mem::swap(&mut self.world.channel, &mut self.other_channel);
        self.world.acknowledged.clear();
    }

    pub(super) fn hand_over(&mut self, ap: VirtualAp) {
        self.other.adopt(at(self.world.now), ap).unwrap();
        self.change();
    }

    pub(super) fn moved(&mut self) {
        let ap = self.take();
        self.hand_over(ap);
    }

    /// By its bytes.
    pub(super) fn moved_far(&mut self) {
        let ap = self.take();
        let ap = carried(self, ap);
        self.hand_over(ap);
    }

    pub(super) fn hear(&mut self, frame: &[u8]) {
        self.world.heard(frame);
        self.world.take_events();
    }
}

/// By its bytes, to another host.
pub(super) fn carried(two: &mut Two, ap: VirtualAp) -> VirtualAp {
    let now = at(two.world.now);
    let bytes = ap.into_context(now, SharedClock::default()).unwrap().encode();
    let context = Context::decode(&bytes).unwrap();
    context.into_virtual_ap(now, SharedClock::default(), &two.network, above).unwrap()
}

/// The next generation of packet numbers.
pub(super) fn above<K>(_: K, used: u64) -> Option<TxRange> {
    let after = (used >> 34 << 34) + (1 << 34);
    Some(TxRange { after, rekey_above: after + (1 << 21), limit: after + (1 << 22) })
}

/// Packet numbers of what the AP sent encrypted, to the station and to all.
pub(super) fn packet_numbers(air: &[OnAir]) -> [Vec<u64>; 2] {
    let mut numbers = [Vec::new(), Vec::new()];
    for on_air in air {
        if let Ok(Frame::Data(frame)) = Frame::parse(&on_air.frame)
            && frame.frame_control().protected()
        {
            let pn = CipherHeader::peek(&on_air.frame, frame.header_len()).unwrap().pn;
            numbers[usize::from(frame.addr1().is_group())].push(pn);
        }
    }
    numbers
}

pub(super) fn rises(numbers: &[u64]) -> bool {
    numbers.len() > 2 && numbers.windows(2).all(|pair| pair[0] < pair[1])
}

pub(super) fn events_of(ap: &mut ApRadio) -> Vec<ApEvent> {
    std::iter::from_fn(|| ap.poll_event()).collect()
}

/// A client that dozes, and MSDUs that wait for it.
pub(super) fn dozing(queued: usize) -> Two {
    let mut two = Two::new(wpa2(OWN));
    two.link(|config| LinkConfig { doze_after: Some(Duration::from_millis(50)), ..config });
    two.world.away.push(0);
    for _ in 0..queued {
        two.world.send_down(station(1), b"for the one who dozes");
    }
    assert_eq!(two.world.ap.occupancy().queued, queued);
    two
}
