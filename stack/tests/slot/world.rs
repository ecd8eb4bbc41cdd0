//! A radio that does what its schedule says, and the networks around it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use stack::slot::{Hop, Kind, Occupant, OccupantId, Schedule, SlotConfig, SlotEvent};
use stack::time::Instant;
use stack::wire::Channel;

use crate::dice::Dice;
use crate::network::Network;

/// A hop that takes so long is refused, in microseconds.
pub(crate) const SLOW: u64 = 30_000;

/// What sending a beacon takes at most, in microseconds.
const BEACON: u64 = 2500;

/// How the radio is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Radio {
    /// What a hop takes, in microseconds.
    pub(crate) dead: u64,
    /// How much more it may take, per mille of that.
    pub(crate) jitter: u64,
    /// How many hops of 1000 take up to 600 ms.
    pub(crate) outliers: u64,
    /// How many of 1000 come to nothing.
    pub(crate) failures: u64,
    /// What leaving takes, from and to, in microseconds.
    pub(crate) leaving: (u64, u64),
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) hops: u64,
    pub(crate) outliers: u64,
    pub(crate) failed: u64,
    pub(crate) refused: u64,
    pub(crate) pins: u64,
    /// Microseconds on some channel, and on the way between two.
    pub(crate) kept: u64,
    pub(crate) gone: u64,
    pub(crate) own_beacons: u64,
    pub(crate) own_missed: u64,
    pub(crate) lost: u64,
    /// Foreign beacons heard.
    pub(crate) heard: u64,
    /// The longest that anybody waited, per mille of the cycle.
    pub(crate) longest_wait: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.hops += other.hops;
        self.outliers += other.outliers;
        self.failed += other.failed;
        self.refused += other.refused;
        self.pins += other.pins;
        self.kept += other.kept;
        self.gone += other.gone;
        self.own_beacons += other.own_beacons;
        self.own_missed += other.own_missed;
        self.lost += other.lost;
        self.heard += other.heard;
        self.longest_wait = self.longest_wait.max(other.longest_wait);
    }

    /// Per mille.
    pub(crate) fn share_kept(&self) -> u64 {
        self.kept * 1000 / (self.kept + self.gone).max(1)
    }
}

pub(crate) struct World {
    pub(crate) schedule: Schedule,
    pub(crate) radio: Radio,
    pub(crate) dice: Dice,
    pub(crate) now: u64,
    channel: Channel,
    arrived: u64,
    excess: u64,
    pub(crate) networks: BTreeMap<OccupantId, Network>,
    pub(crate) counts: Counts,
    pub(crate) wrong: Vec<String>,
    /// The last hops, for who looks into what went wrong.
    log: VecDeque<String>,
}

pub(crate) fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap()
}

impl World {
    pub(crate) fn new(config: SlotConfig, radio: Radio, dice: Dice) -> Self {
        let now = 1_000_000_000;
        let channel = Channel::from_number(1).unwrap();
        Self {
            schedule: Schedule::new(config, at(now), channel),
            radio,
            dice,
            now,
            channel,
            arrived: now,
            excess: 0,
            networks: BTreeMap::new(),
            counts: Counts::default(),
            wrong: Vec::new(),
            log: VecDeque::new(),
        }
    }

    fn say(&mut self, line: String) {
        if self.log.len() >= 24 {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }

    fn is_wrong(&mut self, what: &str) {
        let log: Vec<String> = self.log.drain(..).collect();
        self.wrong.push(format!("{what}\n{}", log.join("\n")));
    }

    /// A network comes, its beacons known.
    pub(crate) fn add(&mut self, mut network: Network, demand: stack::slot::Demand) -> OccupantId {
        let occupant = Occupant::new(network.kind, network.channel)
            .with_demand(demand)
            .with_beacons(network.beacons(self.now));
        let id = self.schedule.add(at(self.now), occupant);
        (network.since, network.excused, network.cycle) = (self.now, self.excess, 0);
        network.counted = self.now;
        self.networks.insert(id, network);
        self.admissions();
        id
    }

    /// Goes on until `until`; nothing comes from outside meanwhile.
    pub(crate) fn run_until(&mut self, until: u64) {
        while self.wrong.is_empty() {
            self.events();
            self.check_waits();
            let Some((due, _)) = self.schedule.poll_timeout() else {
                self.check_rest();
                self.stay_until(until);
                return;
            };
            if due.as_micros() > until {
                self.stay_until(until);
                return;
            }
            self.stay_until(due.as_micros().max(self.now));
            self.schedule.handle_timeout(at(self.now));
        }
    }

    fn events(&mut self) {
        while let Some(event) = self.schedule.poll_event() {
            match event {
                SlotEvent::Leave(hop) => self.hop(hop),
                SlotEvent::Admitted(id) => self.waits_from_now(id),
                SlotEvent::Refused(..) => self.counts.refused += 1,
            }
        }
        self.admissions();
    }

    fn waits_from_now(&mut self, id: OccupantId) {
        if let Some(network) = self.networks.get_mut(&id) {
            (network.since, network.excused) = (self.now, self.excess);
        }
    }

    /// Who is refused does not wait.
    fn admissions(&mut self) {
        let cycle = micros(self.schedule.cycle());
        for (id, network) in &mut self.networks {
            if self.schedule.refusal(*id).is_some() {
                (network.since, network.excused, network.cycle) = (self.now, self.excess, 0);
            }
            network.cycle = network.cycle.max(cycle);
        }
    }

    fn stay_until(&mut self, until: u64) {
        self.counts.kept += until.saturating_sub(self.now);
        self.now = self.now.max(until);
    }

    fn hop(&mut self, hop: Hop) {
        let to = hop.to;
        let stayed = self.now - self.arrived;
        let lives_here = self
            .networks
            .iter()
            .any(|(id, network)| network.channel == self.channel && self.schedule.refusal(*id).is_none());
        if lives_here && stayed < 1000 {
            self.is_wrong(&format!("only {stayed} us on {}", self.channel));
        }
        if hop.from != self.channel || hop.from == to {
            self.is_wrong(&format!("a hop that is none: {hop:?}"));
        }
        self.serve();
        self.counts.hops += 1;
        self.say(format!(
            "{}: {} after {stayed} us, cycle {:?}, {hop:?}",
            self.now,
            self.channel,
            self.schedule.cycle()
        ));
        let leaving = self.dice.between(self.radio.leaving.0, self.radio.leaving.1);
        self.take(leaving);
        self.schedule.handle_left(at(self.now));
        let dead = self.dead();
        self.take(dead);
        // What a hop takes beyond the limit is what no schedule would choose, once it knows.
        let expected = hop.arrival.as_micros().min(hop.edge.as_micros() + SLOW);
        self.excess += self.now.saturating_sub(expected);
        let from = self.channel;
        if self.dice.chance(self.radio.failures) {
            self.counts.failed += 1;
            self.serve_elsewhere(to);
        } else {
            self.channel = to;
        }
        if self.channel != from {
            self.returned();
        }
        self.schedule.handle_arrival(at(self.now), self.channel);
        self.arrived = self.now;
        self.serve_elsewhere(self.channel);
    }

    fn take(&mut self, time: u64) {
        self.counts.gone += time;
        self.now += time;
    }

    fn dead(&mut self) -> u64 {
        if self.dice.chance(self.radio.outliers) {
            self.counts.outliers += 1;
            return self.dice.between(self.radio.dead, 600_000);
        }
        self.radio.dead + self.dice.below(self.radio.dead * self.radio.jitter / 1000 + 1)
    }

    /// What was due while the radio was here.
    fn serve(&mut self) {
        let (arrived, now, channel) = (self.arrived, self.now, self.channel);
        let mut heard = Vec::new();
        for (id, network) in self.networks.iter_mut().filter(|(_, network)| network.channel == channel) {
            (network.since, network.excused, network.cycle) = (now, self.excess, 0);
            if network.kind == Kind::VirtualAp {
                let all = network.due(network.counted, now - BEACON);
                self.counts.own_beacons += all;
                self.counts.own_missed += all.saturating_sub(network.due(arrived, now - BEACON));
                network.counted = now - BEACON;
            }
            if network.kind == Kind::Link && now - arrived > BEACON {
                self.counts.heard += network.due(arrived, now - BEACON);
            }
            if network.beacon_before(now) >= arrived {
                heard.push((*id, network.beacons(now)));
            }
        }
        for (id, beacons) in heard {
            self.schedule.set_beacons(at(now), id, beacons);
        }
    }

    /// It has come to them, or tried to.
    fn serve_elsewhere(&mut self, channel: Channel) {
        let (now, excess) = (self.now, self.excess);
        let cycle = micros(self.schedule.cycle());
        for network in self.networks.values_mut().filter(|network| network.channel == channel) {
            (network.since, network.excused, network.cycle) = (now, excess, cycle);
        }
    }

    /// What the APs have kept meanwhile.
    fn returned(&mut self) {
        let mut told = Vec::new();
        for (id, network) in self.networks.iter().filter(|(_, network)| network.channel == self.channel) {
            let arrived = network.arriving * (self.now - network.since) / 1_000_000;
            let held = arrived.min(network.capacity);
            if network.arriving > 0 {
                told.push((*id, u32::try_from(held).unwrap(), u32::try_from(arrived - held).unwrap()));
            }
        }
        for (id, held, lost) in told {
            self.counts.lost += u64::from(lost);
            self.schedule.returned(at(self.now), id, held, lost);
        }
    }

    /// Nobody waits longer than three cycles, besides what no schedule can know of.
    fn check_waits(&mut self) {
        let mut starved = None;
        for (id, network) in &self.networks {
            let waited = (self.now - network.since).saturating_sub(self.excess - network.excused);
            if network.channel == self.channel || self.schedule.refusal(*id).is_some() {
                continue;
            }
            self.counts.longest_wait = self.counts.longest_wait.max(waited * 1000 / network.cycle);
            if waited > 3 * network.cycle {
                starved = Some((network.channel, waited, network.cycle));
            }
        }
        if let Some((channel, waited, cycle)) = starved {
            let now = self.now;
            self.is_wrong(&format!("{channel} waits for {waited} us at {now}, with cycles of {cycle}"));
        }
    }

    /// The radio rests only where nobody waits elsewhere.
    fn check_rest(&mut self) {
        let waits = |(id, network): (&OccupantId, &Network)| {
            network.channel != self.channel && self.schedule.refusal(*id).is_none()
        };
        if self.networks.iter().any(waits) {
            self.is_wrong(&format!("rests on {} though others wait", self.channel));
        }
    }
}

impl World {
    /// A network goes to another channel.
    pub(crate) fn switch(&mut self, id: OccupantId, channel: Channel) {
        self.schedule.set_channel(at(self.now), id, channel);
        if let Some(network) = self.networks.get_mut(&id) {
            network.channel = channel;
            (network.since, network.excused, network.cycle) = (self.now, self.excess, 0);
        }
        self.admissions();
    }
}
