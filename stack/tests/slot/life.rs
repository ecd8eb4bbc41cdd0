//! A life of joins, drops, rekeys, drift and loss, drawn from a seed.

use std::time::Duration;

use stack::slot::{Demand, Kind, OccupantId, SlotConfig};
use stack::wire::Channel;

use crate::dice::Dice;
use crate::network::Network;
use crate::world::{Radio, World, at};

const CHANNELS: [u8; 9] = [1, 6, 11, 13, 36, 40, 44, 100, 149];

pub(crate) struct Life {
    pub(crate) world: World,
    length: u64,
}

impl Life {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        // 0.5 to 600 ms, as many fast ones as slow ones.
        let dead = [500, 1500, 3000, 6000, 15_000, 28_000, 55_000, 200_000, 600_000];
        let low = dice.below(dead.len() as u64 - 1) as usize;
        let radio = Radio {
            dead: dice.between(dead[low], dead[low + 1]),
            jitter: dice.below(600),
            outliers: [0, 5, 30][dice.below(3) as usize],
            failures: [0, 0, 20][dice.below(3) as usize],
            leaving: (50, [200, 400, 3000][dice.below(3) as usize]),
        };
        let length = dice.between(1_000_000, 5_000_000);
        let mut life = Self { world: World::new(SlotConfig::default(), radio, dice), length };
        let first = life.world.dice.between(1, 6);
        (0..first).for_each(|_| life.join());
        life
    }

    pub(crate) fn run(&mut self) {
        let end = self.world.now + self.length;
        while self.world.now < end && self.world.wrong.is_empty() {
            let next = self.world.now + self.world.dice.between(1, 400_000);
            self.world.run_until(next.min(end));
            self.something_happens();
        }
    }

    fn something_happens(&mut self) {
        match self.world.dice.below(10) {
            0 | 1 => self.join(),
            2 => self.drop(),
            3..=5 => self.rekey(),
            6 => self.switch(),
            _ => self.demand(),
        }
    }

    fn anybody(&mut self) -> Option<OccupantId> {
        let count = self.world.networks.len() as u64;
        let nth = self.world.dice.below(count) as usize;
        self.world.networks.keys().nth(nth).copied()
    }

    fn channel(&mut self) -> Channel {
        let number = CHANNELS[self.world.dice.below(CHANNELS.len() as u64) as usize];
        Channel::from_number(number).unwrap()
    }

    fn join(&mut self) {
        if self.world.networks.len() >= 12 {
            return;
        }
        let channel = self.channel();
        let dice = &mut self.world.dice;
        let kind = match dice.below(10) {
            0 | 1 => Kind::VirtualAp,
            2 => Kind::Scan,
            3 => Kind::Silence,
            _ => Kind::Link,
        };
        let mut network = Network::new(kind, channel, self.world.now - dice.below(300_000));
        network.interval = [102_400, 102_400, 102_400, 51_200, 204_800, 307_200][dice.below(6) as usize];
        network.drift = dice.between(0, 200) as i64 - 100;
        network.arriving = [0, 0, 100, 400, 3000][dice.below(5) as usize];
        network.capacity = [64, 64, 32, 128][dice.below(4) as usize];
        let demand = demand(dice, network.arriving);
        let id = self.world.add(network, demand);
        if kind == Kind::Link {
            self.pin(id);
        }
    }

    fn drop(&mut self) {
        if let Some(id) = self.anybody() {
            self.world.networks.remove(&id);
            self.world.schedule.remove(at(self.world.now), id);
        }
    }

    fn rekey(&mut self) {
        if let Some(id) = self.anybody() {
            self.pin(id);
        }
    }

    /// For a while, or for ever: who pinned it may have forgotten it.
    fn pin(&mut self, id: OccupantId) {
        self.world.counts.pins += 1;
        let length = [20_000, 200_000, 2_000_000, 1_000_000_000][self.world.dice.below(4) as usize];
        let now = self.world.now;
        self.world.schedule.pin(at(now), id, at(now + length));
        if self.world.dice.chance(300) {
            self.world.schedule.unpin(at(now), id);
        }
    }

    fn switch(&mut self) {
        let channel = self.channel();
        if let Some(id) = self.anybody() {
            self.world.switch(id, channel);
        }
    }

    fn demand(&mut self) {
        if let Some(id) = self.anybody() {
            let arriving = self.world.networks[&id].arriving;
            let demand = demand(&mut self.world.dice, arriving);
            self.world.schedule.set_demand(at(self.world.now), id, demand);
        }
    }
}

fn demand(dice: &mut Dice, arriving: u64) -> Demand {
    Demand { air: Duration::from_micros(dice.below(1_500_000)), arriving: u32::try_from(arriving).unwrap() }
}
