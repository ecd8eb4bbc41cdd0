//! What is done to the cluster in one run.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Random choices, all from one seed.
pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }

    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.below(from.len() as u64) as usize])
    }
}

/// What may be taken out, to see that it is missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Knobs {
    /// A node that restarts has an empty journal.
    pub no_journal: bool,
    /// Packet numbers do not tell the slot.
    pub no_slot: bool,
}

/// How a run is.
#[derive(Clone, Debug)]
pub struct Plan {
    pub nodes: usize,
    pub clients: usize,
    /// Lost, doubled and late packets of 1000.
    pub loss: u64,
    pub doubled: u64,
    pub late: u64,
    /// Longest ordinary delay of a packet, in microseconds.
    pub delay: u64,
    /// Longest time a radio or a journal takes to do something, in microseconds.
    pub slow: u64,
    pub crashes: bool,
    pub cuts: bool,
    pub clocks: bool,
    /// Nothing in it can make a node believe something wrong of another.
    pub calm: bool,
    /// Chance of 1000 that a node crashes while it carries out an action.
    pub sudden: u64,
    /// How long faults go on, in microseconds.
    pub troubled: u64,
    pub faults: Vec<(u64, Fault)>,
}

/// One thing that is done to the cluster.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    Crash,
    CrashOwner,
    Move,
    Rekey,
    LeaseLow,
    /// One direction between two nodes.
    CutOneWay,
    CutPair,
    /// A node from all others.
    CutOff,
    CutOwnerOff,
    /// The nodes in two halves.
    Split,
    Heal,
    ClockJump,
    Walk,
    RadioFull,
}

pub const MILLI: u64 = 1000;

impl Plan {
    pub fn draw(dice: &mut Dice) -> Self {
        // One in four is of the kind in which copies are stale and memories short.
        let forgetful = dice.chance(250);
        let crashes = forgetful || dice.chance(500);
        let cuts = forgetful || dice.chance(600);
        let clocks = dice.chance(200);
        let rough = dice.chance(400);
        let troubled = dice.between(1000, 2500) * MILLI;
        let mut plan = Self {
            nodes: if forgetful { 3 } else { dice.between(3, 7) as usize },
            clients: if forgetful { 1 } else { dice.between(1, 3) as usize },
            loss: if rough { dice.between(0, 250) } else { dice.between(0, 20) },
            doubled: dice.between(0, 100),
            late: if rough { dice.between(0, 100) } else { 0 },
            delay: dice.between(200, 5000),
            slow: dice.between(500, 8000),
            crashes,
            cuts,
            clocks,
            calm: !crashes && !cuts && !clocks && !rough,
            sudden: if crashes && dice.chance(500) { 5 } else { 0 },
            troubled,
            faults: Vec::new(),
        };
        for _ in 0..if forgetful { dice.between(40, 80) } else { dice.between(8, 40) } {
            let fault = plan.fault(dice, forgetful);
            plan.faults.push((dice.below(troubled), fault));
        }
        if forgetful {
            let at = dice.below(troubled / 2);
            plan.faults.extend(Self::lonely_end(at));
        }
        plan.faults.sort_by_key(|(at, _)| *at);
        plan
    }

    /// An owner is cut off, goes on under later leases, and crashes before anybody heard of them.
    fn lonely_end(at: u64) -> impl Iterator<Item = (u64, Fault)> {
        let story = [
            (0, Fault::CutOwnerOff),
            (5, Fault::LeaseLow),
            (25, Fault::LeaseLow),
            (45, Fault::LeaseLow),
            (70, Fault::CrashOwner),
            (90, Fault::Heal),
        ];
        story.into_iter().map(move |(after, fault)| (at + after * MILLI, fault))
    }

    fn fault(&self, dice: &mut Dice, forgetful: bool) -> Fault {
        use Fault::*;
        if forgetful {
            let few =
                [Crash, Crash, Move, Move, Move, LeaseLow, LeaseLow, LeaseLow, CutOneWay, CutOff, Heal, Heal];
            return dice.pick(&few).expect("there are some");
        }
        let mut all = vec![Move, Move, Move, Move, Move, Move, Rekey, LeaseLow, LeaseLow, Walk, RadioFull];
        if self.crashes {
            all.extend([Crash, Crash]);
        }
        if self.cuts {
            all.extend([CutOneWay, CutPair, CutOff, Split, Heal, Heal]);
        }
        if self.clocks {
            all.push(ClockJump);
        }
        dice.pick(&all).expect("there are some")
    }
}
