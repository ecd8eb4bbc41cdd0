//! What the node's part in a cluster has a radio do, and what the radio tells it.

use std::time::Duration;

use drivers::Radio;
use mesh::announce::NodeId;
use mesh::claim::Addresses;
use stack::ap::{Context, NetworkId, SharedClock, VirtualAp, VirtualApKind};
use stack::mac::{DropReason, TxRange};
use stack::time::Instant;
use stack::wire::{Channel, MacAddr, RxInfo};

use super::follow::LINGER_APART;
use super::home::Home;
use super::worker::Worker;

/// Copies of virtual APs are brought up to date so often.
const COPY: Duration = Duration::from_millis(500);

/// What a radio is to do for the cluster.
#[derive(Debug)]
pub enum Order {
    /// Tell of all virtual APs that clients have to themselves, from now on; ages count by this clock.
    Enlist(Home, SharedClock),
    /// Stop sending for a virtual AP: [`Told::Drained`] when nothing is in flight.
    Drain {
        /// Which.
        bssid: MacAddr,
        /// Where it will be served, if that is another channel: its client is told to go there first.
        to: Option<Channel>,
    },
    /// Go on sending for it.
    Resume(MacAddr),
    /// Take it out, once it is drained: [`Told::Taken`]. Its address is acknowledged for a while longer.
    Take {
        /// Which.
        bssid: MacAddr,
        /// For how long.
        linger: Duration,
    },
    /// What was taken out is where it belongs: its address is acknowledged for no longer than that.
    ArrivedElsewhere {
        /// Which.
        bssid: MacAddr,
        /// For how long.
        linger: Duration,
    },
    /// Another node has it by a higher right: end it here, without a word to its client. [`Told::Taken`] is what is left, or
    /// [`Told::Gone`] if that is of no use. Its address is acknowledged for a while longer.
    Stop {
        /// Which.
        bssid: MacAddr,
        /// For how long.
        linger: Duration,
    },
    /// What another node that had it has left of it: send what is queued, receive nothing again.
    Merge(Box<Context>),
    /// It is lost: tell its client to come again.
    Invite {
        /// Which.
        bssid: MacAddr,
        /// The client.
        client: MacAddr,
    },
    /// Serve it: [`Told::Adopted`] or [`Told::Refused`].
    Activate {
        /// What it is made of.
        context: Box<Context>,
        /// Packet numbers for all of its keys.
        range: TxRange,
    },
    /// What its client sent before it came here has been handed over.
    StraysCame(MacAddr),
    /// The virtual AP with this address, which may be one of the radio, is another node's.
    Occupied(MacAddr),
    /// The virtual AP with this address, which may be one of the radio, has ended on another node.
    Vacated(MacAddr),
    /// A frame of its client that was heard elsewhere.
    Frame {
        /// How it was heard.
        info: RxInfo,
        /// The MPDU.
        mpdu: Vec<u8>,
    },
    /// An Ethernet frame for a client of this node that came elsewhere.
    Msdu {
        /// In which network.
        network: NetworkId,
        /// The frame.
        ethernet: Vec<u8>,
    },
    /// An Ethernet frame that another node has for all, or for a station that nobody knows.
    ForAll {
        /// In which network.
        network: NetworkId,
        /// The other node.
        from: NodeId,
        /// One of its clients sent it.
        from_client: bool,
        /// The frame.
        ethernet: Vec<u8>,
    },
    /// A client has joined on another node since.
    Elsewhere {
        /// In which network.
        network: NetworkId,
        /// Which.
        station: MacAddr,
    },
}

/// What a radio tells.
#[derive(Debug)]
pub enum Told {
    /// How a virtual AP is now, as a copy for others.
    Copy(Box<Context>),
    /// It has ended: its client has left.
    Gone(MacAddr),
    /// Nothing of it is in flight.
    Drained(MacAddr),
    /// It is out, and this is all of it.
    Taken(Box<Context>),
    /// It is served here.
    Adopted(MacAddr),
    /// Its client was told to come to this channel, and is not heard.
    NotFollowed(MacAddr),
    /// It is not, and why.
    Refused(MacAddr, String),
    /// A frame for it was acknowledged here, where it is no more.
    Frame {
        /// Which.
        bssid: MacAddr,
        /// How it was heard.
        info: RxInfo,
        /// The MPDU.
        mpdu: Vec<u8>,
    },
    /// An Ethernet frame for a station that is another node's, or on its way.
    Msdu {
        /// In which network.
        network: NetworkId,
        /// The frame.
        ethernet: Vec<u8>,
    },
    /// An Ethernet frame for all, or for a station that nobody knows, where the nodes carry those to each other.
    ForAll {
        /// In which network.
        network: NetworkId,
        /// A client sent it.
        from_client: bool,
        /// The frame.
        ethernet: Vec<u8>,
    },
    /// This address was seen on the wire.
    OnWire {
        /// Of which network.
        network: NetworkId,
        /// The address.
        address: MacAddr,
    },
    /// On the wire somebody sends with the address of a client, which is somewhere else.
    Forged {
        /// Of which network.
        network: NetworkId,
        /// The client's address.
        address: MacAddr,
    },
    /// Which IP addresses a client uses.
    Uses {
        /// In which network.
        network: NetworkId,
        /// Which client.
        station: MacAddr,
        /// Its addresses.
        addresses: Addresses,
    },
}

/// A radio that takes part in a cluster.
#[derive(Debug)]
pub(super) struct Enlisted {
    pub(super) home: Home,
    clock: SharedClock,
    next_copy: Instant,
    /// Of these a copy is due at once.
    changed: Vec<MacAddr>,
}

impl<R: Radio> Worker<R> {
    pub(super) fn order(&mut self, now: Instant, order: Order) {
        match order {
            Order::Enlist(home, clock) => {
                self.port.enlist(home.clone());
                self.enlisted = Some(Enlisted { home, clock, next_copy: now, changed: Vec::new() });
            }
            Order::Drain { bssid, to } => {
                let to = to.unwrap_or(self.config.channel);
                // Who ordered it waits for a while only. Nobody acknowledges for it there before it comes.
                let _ = self.ap.drain_to(now, bssid, to, true);
            }
            Order::Resume(bssid) => self.ap.resume(now, bssid),
            Order::Take { bssid, linger } => self.give_away(now, bssid, linger),
            Order::ArrivedElsewhere { bssid, linger } => self.arrived_elsewhere(now, bssid, linger),
            Order::Activate { context, range } => self.activate(now, *context, range),
            Order::Frame { info, mut mpdu } => {
                self.ap.handle_frame(now, &info, &mut mpdu);
                self.settle(now);
            }
            Order::Msdu { network, ethernet } => self.port.bring(now, network, ethernet, &mut self.ap),
            Order::ForAll { network, from, from_client, ethernet } => {
                self.port.bring_to_all(now, network, (from, from_client), &ethernet, &mut self.ap);
            }
            Order::Elsewhere { network, station } => {
                self.ap.station_elsewhere(now, network, station);
                self.settle(now);
            }
            Order::StraysCame(bssid) => self.ap.strays_came(now, bssid),
            Order::Occupied(bssid) => self.ap.occupied(bssid),
            Order::Vacated(bssid) => self.ap.vacated(bssid),
            Order::Stop { bssid, linger } => self.stop_serving(now, bssid, linger),
            Order::Merge(left) => self.ap.merge(now, *left),
            Order::Invite { bssid, client } => self.ap.invite(now, bssid, client),
        }
    }

    /// A frame that was acknowledged here goes to the node that its virtual AP has gone to.
    pub(super) fn send_abroad(&mut self, told: Told) {
        let Some(enlisted) = &self.enlisted else { return };
        if !enlisted.home.tell_frame(self.port.radio(), told) {
            self.drops.count(DropReason::RadioBusy);
        }
    }

    pub(super) fn tell_home(&self, told: Told) {
        if let Some(enlisted) = &self.enlisted {
            enlisted.home.tell(self.port.radio(), told);
        }
    }

    /// A virtual AP has a client now, or other keys: others want to know soon.
    pub(super) fn changed(&mut self, bssid: MacAddr) {
        if let Some(enlisted) = &mut self.enlisted {
            enlisted.changed.push(bssid);
        }
    }

    /// Sends the copies that are due.
    pub(super) fn tend_copies(&mut self, now: Instant) {
        let Some(enlisted) = &mut self.enlisted else { return };
        let all = enlisted.next_copy <= now;
        if all {
            enlisted.next_copy = now + COPY;
        }
        let changed = std::mem::take(&mut enlisted.changed);
        if !all && changed.is_empty() {
            return;
        }
        let due = |ap: &&VirtualAp| {
            ap.config().kind == VirtualApKind::PerClient && (all || changed.contains(&ap.bssid()))
        };
        for ap in self.ap.virtual_aps().filter(due) {
            if let Some(context) = ap.context(now, enlisted.clock) {
                enlisted.home.tell(self.port.radio(), Told::Copy(Box::new(context)));
            }
        }
    }

    /// When [`Self::tend_copies`] is due.
    pub(super) fn next_copy(&self) -> Option<(Instant, &'static str)> {
        self.enlisted.as_ref().map(|enlisted| (enlisted.next_copy, "copies of virtual APs are due"))
    }

    fn give_away(&mut self, now: Instant, bssid: MacAddr, linger: Duration) {
        let linger = self.linger(bssid, linger);
        if let Some(ap) = self.ap.take(now, bssid, linger) {
            self.send_away(now, ap, linger);
        }
    }

    fn arrived_elsewhere(&mut self, now: Instant, bssid: MacAddr, linger: Duration) {
        // A client that was told to go to another channel may not have gone yet.
        let linger = linger.max(LINGER_APART);
        self.ap.arrived_elsewhere(bssid, now + linger);
        self.moves.arrived_abroad(now, bssid, linger);
    }

    fn stop_serving(&mut self, now: Instant, bssid: MacAddr, linger: Duration) {
        if let Some(ap) = self.ap.withdraw(now, bssid, linger) {
            self.send_away(now, ap, linger);
        }
    }

    fn send_away(&mut self, now: Instant, ap: VirtualAp, linger: Duration) {
        let Some(enlisted) = &self.enlisted else { return };
        let (clock, network, bssid) = (enlisted.clock, ap.config().id, ap.bssid());
        let stations: Vec<_> = ap.peers().map(|peer| peer.address()).collect();
        for station in stations {
            self.port.left(network, station);
        }
        self.moves.gone_abroad(now, bssid, linger);
        let told = ap.into_context(now, clock).map(|context| Told::Taken(Box::new(context)));
        self.tell_home(told.unwrap_or(Told::Gone(bssid)));
    }

    fn activate(&mut self, now: Instant, context: Context, range: TxRange) {
        let Some(enlisted) = &self.enlisted else { return };
        let (bssid, station, clock) = (context.bssid(), context.client(), enlisted.clock);
        let served = self
            .networks
            .iter()
            .find(|network| network.kind == VirtualApKind::PerClient && network.ssid == context.ssid());
        let made = match served {
            Some(config) => context
                .into_virtual_ap(now, clock, config, |_, _| Some(range))
                .map_err(|error| error.to_string()),
            None => Err("no network of its name is served here".to_owned()),
        };
        let adopted = made.and_then(|ap| {
            let network = ap.config().id;
            self.ap.adopt(now, ap).map(|()| network).map_err(|refused| refused.why.to_string())
        });
        match adopted {
            Ok(network) => {
                self.ap.await_strays(now, bssid);
                self.moves.come_home(bssid);
                self.port.moved(network, station, self.port.radio());
                self.port.announce(network, station);
                self.tell_home(Told::Adopted(bssid));
                self.changed(bssid);
            }
            Err(why) => self.tell_home(Told::Refused(bssid, why)),
        }
    }
}
