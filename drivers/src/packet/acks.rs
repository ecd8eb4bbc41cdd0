//! The addresses that a phy acknowledges: one active monitor each, made and removed by a thread of its own, since the
//! kernel may take milliseconds for one.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use stack::wire::{AckChange, MacAddr};

/// Monitors beside the first one at the most.
pub(super) const MOST: usize = 255;

/// What a radio acknowledges, and what became of its wishes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AckState {
    /// The radio acknowledges at all; a plain monitor does not.
    pub active: bool,
    /// The addresses that are acknowledged now.
    pub held: Vec<MacAddr>,
    /// Changes that are asked for and not made yet.
    pub waiting: usize,
    /// Changes that the kernel refused.
    pub failed: u64,
    /// Additions beyond the bound.
    pub over_limit: u64,
    /// What the kernel said at the last refusal.
    pub last_failure: Option<String>,
}

/// One thing to be done: make or remove the monitor with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) change: AckChange,
    pub(super) number: usize,
}

/// What is there and what is asked for, in the order it was asked for. At most one change of an address waits: the
/// opposite one takes it back.
#[derive(Debug, Default)]
struct Plan {
    held: BTreeMap<MacAddr, usize>,
    current: Option<Step>,
    waiting: VecDeque<AckChange>,
    failed: u64,
    over_limit: u64,
    last_failure: Option<String>,
    /// What is still to be told of the first address that is not acknowledged.
    trouble: Option<String>,
    noted: bool,
}

const fn parts(change: AckChange) -> (MacAddr, bool) {
    match change {
        AckChange::Add(address) => (address, true),
        AckChange::Remove(address) => (address, false),
    }
}

impl Plan {
    fn change(&mut self, change: AckChange) {
        let (address, wanted) = parts(change);
        if self.will_hold(address) == wanted {
            return;
        }
        if wanted && self.will_number() >= MOST {
            self.note(|| format!("{address} would be one of more than {MOST}"));
            self.over_limit += 1;
            return;
        }
        match self.place_in_line(address) {
            Some(place) => drop(self.waiting.remove(place)),
            None => self.waiting.push_back(change),
        }
    }

    /// What comes next, if nothing is being done.
    fn next(&mut self) -> Option<Step> {
        let change = self.waiting.front().copied()?;
        let number = match change {
            AckChange::Add(_) => self.free_number()?,
            AckChange::Remove(address) => self.held.get(&address).copied()?,
        };
        self.waiting.pop_front();
        self.current = Some(Step { change, number });
        self.current
    }

    /// The current step was made, or not.
    fn done(&mut self, outcome: Result<(), String>) {
        let Some(Step { change, number }) = self.current.take() else { return };
        let (address, wanted) = parts(change);
        match outcome {
            Ok(()) if wanted => drop(self.held.insert(address, number)),
            Ok(()) => drop(self.held.remove(&address)),
            Err(why) => {
                if wanted {
                    self.note(|| format!("{address}: {why}"));
                }
                self.failed += 1;
                self.last_failure = Some(why);
                // Whoever has already asked for the opposite has it.
                if let Some(place) = self.place_in_line(address) {
                    self.waiting.remove(place);
                }
            }
        }
    }

    /// Only the first is told of: what comes after it is counted.
    fn note(&mut self, why: impl FnOnce() -> String) {
        if !std::mem::replace(&mut self.noted, true) {
            self.trouble = Some(format!(
                "an address is not acknowledged, so its client will hardly be served: {}; further ones are counted in \
                 the status",
                why()
            ));
        }
    }

    fn place_in_line(&self, address: MacAddr) -> Option<usize> {
        self.waiting.iter().position(|change| parts(*change).0 == address)
    }

    /// Whether the address is held when all that is asked for is done.
    fn will_hold(&self, address: MacAddr) -> bool {
        let current = self.current.iter().map(|step| &step.change);
        let last = current.chain(&self.waiting).rfind(|change| parts(**change).0 == address);
        last.map_or_else(|| self.held.contains_key(&address), |change| parts(*change).1)
    }

    /// How many are held then.
    fn will_number(&self) -> usize {
        let current = self.current.iter().map(|step| &step.change);
        let ahead = current.chain(&self.waiting);
        ahead.fold(self.held.len(), |number, change| match change {
            AckChange::Add(_) => number + 1,
            AckChange::Remove(_) => number.saturating_sub(1),
        })
    }

    /// The first monitor of the phy has number 0.
    fn free_number(&self) -> Option<usize> {
        (1..=MOST).find(|number| self.held.values().all(|held| held != number))
    }
}

#[derive(Debug, Default)]
struct Line {
    plan: Plan,
    ended: bool,
}

/// The lock is held for a few steps in memory at a time, never while the kernel works.
#[derive(Debug, Default)]
struct Shared {
    line: Mutex<Line>,
    changed: Condvar,
    /// There is a trouble to be told, so that nobody takes the lock to find that there is none.
    troubled: AtomicBool,
}

impl Shared {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self, plan: &Plan) {
        if plan.trouble.is_some() {
            self.troubled.store(true, Ordering::Release);
        }
    }
}

/// The thread that makes and removes monitors. Dropping it waits for the step at hand and leaves the rest.
#[derive(Debug)]
pub(super) struct Acks {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Acks {
    /// Starts the thread; `perform` does a step or says why not.
    pub(super) fn start(
        perform: impl FnMut(Step) -> Result<(), String> + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("acks".to_owned()).spawn(move || work(&theirs, perform))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Asks for a change.
    pub(super) fn change(&self, change: AckChange) {
        let mut line = self.shared.line();
        line.plan.change(change);
        self.shared.announce(&line.plan);
        drop(line);
        self.shared.changed.notify_one();
    }

    /// What could not be done, told once.
    pub(super) fn poll_trouble(&self) -> Option<String> {
        let troubled = &self.shared.troubled;
        if !troubled.load(Ordering::Acquire) {
            return None;
        }
        let mut line = self.shared.line();
        troubled.store(false, Ordering::Release);
        line.plan.trouble.take()
    }

    /// Whether an address is acknowledged now.
    pub(super) fn holds(&self, address: MacAddr) -> bool {
        self.shared.line().plan.held.contains_key(&address)
    }

    /// How things stand.
    pub(super) fn state(&self) -> AckState {
        let line = self.shared.line();
        let plan = &line.plan;
        AckState {
            active: true,
            held: plan.held.keys().copied().collect(),
            waiting: plan.waiting.len() + usize::from(plan.current.is_some()),
            failed: plan.failed,
            over_limit: plan.over_limit,
            last_failure: plan.last_failure.clone(),
        }
    }
}

impl Drop for Acks {
    fn drop(&mut self) {
        self.shared.line().ended = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in there has been told on standard error; the interfaces are removed by name all the same.
            let _ = thread.join();
        }
    }
}

fn work(shared: &Shared, mut perform: impl FnMut(Step) -> Result<(), String>) {
    let mut line = shared.line();
    while !line.ended {
        let Some(step) = line.plan.next() else {
            line = shared.changed.wait(line).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        drop(line);
        let outcome = perform(step);
        line = shared.line();
        line.plan.done(outcome);
        shared.announce(&line.plan);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use proptest::prelude::*;

    use super::*;

    const fn address(n: u8) -> MacAddr {
        MacAddr([2, 0, 0, 0, 0, n])
    }

    const fn add(n: u8) -> AckChange {
        AckChange::Add(address(n))
    }

    const fn remove(n: u8) -> AckChange {
        AckChange::Remove(address(n))
    }

    fn finish(plan: &mut Plan) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some(step) = plan.next() {
            steps.push(step);
            plan.done(Ok(()));
        }
        steps
    }

    #[test]
    fn changes_are_made_in_order_and_a_number_is_used_again() {
        let mut plan = Plan::default();
        for change in [add(7), add(5), remove(7), add(6)] {
            plan.change(change);
        }
        let step = |change, number| Step { change, number };
        assert_eq!(finish(&mut plan), [step(add(5), 1), step(add(6), 2)], "7 came and went unseen");
        plan.change(remove(5));
        plan.change(add(9));
        assert_eq!(finish(&mut plan), [step(remove(5), 1), step(add(9), 1)]);
    }

    #[test]
    fn what_is_so_already_is_not_done_again() {
        let mut plan = Plan::default();
        plan.change(add(1));
        finish(&mut plan);
        for change in [add(1), remove(2), remove(1), add(1)] {
            plan.change(change);
        }
        assert_eq!(finish(&mut plan), []);
    }

    #[test]
    fn the_opposite_of_what_is_being_done_waits_for_it() {
        let mut plan = Plan::default();
        plan.change(add(1));
        plan.next().unwrap();
        plan.change(remove(1));
        assert_eq!(plan.waiting, [remove(1)]);
        plan.done(Ok(()));
        assert_eq!(finish(&mut plan).len(), 1);
        assert!(plan.held.is_empty());
    }

    #[test]
    fn a_refusal_is_counted_and_takes_back_what_rests_on_it() {
        let mut plan = Plan::default();
        plan.change(add(1));
        plan.next().unwrap();
        plan.change(remove(1));
        plan.done(Err("no room".to_owned()));
        assert_eq!(plan.next(), None);
        assert_eq!((plan.failed, plan.last_failure.as_deref()), (1, Some("no room")));
        plan.change(add(1));
        assert_eq!(finish(&mut plan).len(), 1, "it may be asked for again");
    }

    #[test]
    fn additions_beyond_the_bound_are_counted() {
        let mut plan = Plan::default();
        for n in 0..=255u8 {
            plan.change(add(n));
        }
        assert_eq!((plan.waiting.len(), plan.over_limit), (MOST, 1));
        plan.change(remove(0));
        plan.change(add(255));
        assert_eq!(finish(&mut plan).len(), MOST);
    }

    proptest! {
        /// Whatever comes in whatever order, with or without refusals: what waits is bounded, numbers are unique, and
        /// without refusals the end is what was asked for last.
        #[test]
        fn the_plan_arrives_where_it_was_asked_to(
            moves in proptest::collection::vec((0..4u8, 0..12u8, any::<bool>()), 0..200),
        ) {
            let (mut plan, mut wanted) = (Plan::default(), std::collections::BTreeSet::new());
            let mut refused = false;
            for (kind, n, ok) in moves {
                match kind {
                    0 => { plan.change(add(n)); wanted.insert(address(n)); }
                    1 => { plan.change(remove(n)); wanted.remove(&address(n)); }
                    2 if plan.current.is_none() => drop(plan.next()),
                    _ if plan.current.is_some() => {
                        refused |= !ok;
                        plan.done(if ok { Ok(()) } else { Err(String::new()) });
                    }
                    _ => {}
                }
                prop_assert!(plan.waiting.len() <= 12);
            }
            plan.done(Ok(()));
            finish(&mut plan);
            prop_assert!(plan.waiting.is_empty());
            let numbers: std::collections::BTreeSet<_> = plan.held.values().collect();
            prop_assert_eq!(numbers.len(), plan.held.len());
            if !refused {
                prop_assert_eq!(plan.held.keys().copied().collect::<std::collections::BTreeSet<_>>(), wanted);
            }
        }
    }

    #[test]
    fn the_first_address_that_is_not_acknowledged_is_told_of_once() {
        let (done, steps) = mpsc::channel();
        let acks = Acks::start(move |_| {
            done.send(()).map_err(|error| error.to_string())?;
            Err("no room".to_owned())
        })
        .unwrap();
        assert_eq!(acks.poll_trouble(), None);
        acks.change(add(1));
        acks.change(add(2));
        steps.iter().take(2).for_each(drop);
        // The second step's outcome is noted when nothing is being done any more.
        while acks.state().failed < 2 {
            std::thread::yield_now();
        }
        let told = acks.poll_trouble().unwrap();
        assert!(told.contains("02:00:00:00:00:01: no room"), "{told}");
        assert_eq!(acks.poll_trouble(), None);
    }

    #[test]
    fn the_caller_never_waits_for_a_step() {
        let (done, steps) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let acks = Acks::start(move |step| {
            gate.recv().map_err(|error| error.to_string())?;
            done.send(step).map_err(|error| error.to_string())
        })
        .unwrap();
        // The first step hangs in the kernel; what comes after it is taken in nevertheless.
        for n in 0..100 {
            acks.change(add(n));
        }
        assert_eq!(acks.state().held, []);
        assert_eq!(acks.state().waiting, 100);
        for _ in 0..3 {
            go.send(()).unwrap();
            steps.recv().unwrap();
        }
        drop(go);
        drop(acks);
        assert_eq!(steps.try_iter().count(), 0, "what was not begun is left");
    }
}
