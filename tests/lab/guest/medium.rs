//! The air between the radios as a thread of the guest: radios at places, which walk.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use drivers::hwsim::{self, MediumCounts};
use drivers::propagation::{Model, Position};
use drivers::reactor::{Bell, now};
use stack::wire::MacAddr;

use super::{Outcome, said};

/// How often who walks is seen further on.
const STEP: Duration = Duration::from_millis(20);

/// From one place to another in a straight line.
#[derive(Clone, Copy)]
struct Walk {
    from: Position,
    to: Position,
    begin: Instant,
    duration: Duration,
}

impl Walk {
    fn position(&self) -> Position {
        let part = self.begin.elapsed().as_secs_f64() / self.duration.as_secs_f64().max(1e-9);
        let part = part.min(1.0);
        Position::new(
            self.from.x + part * (self.to.x - self.from.x),
            self.from.y + part * (self.to.y - self.from.y),
        )
    }

    fn has_ended(&self) -> bool {
        self.begin.elapsed() >= self.duration
    }
}

/// Our medium. While it lives, only radios that have a place take part; when it is dropped, all hear all again.
pub(crate) struct Medium {
    orders: Sender<(MacAddr, Walk)>,
    bell: Bell,
    thread: JoinHandle<Result<MediumCounts, String>>,
}

impl Medium {
    /// Starts it with the indoor model and these phys at their places, by number and in metres.
    pub(crate) fn start(places: &[(usize, Position)]) -> Result<Self, String> {
        let mut medium = said(hwsim::Medium::open(1, Model::default()))?;
        for (phy, position) in places {
            medium.place(radio(*phy), *position);
        }
        let (orders, walks) = channel();
        let bell = medium.bell();
        Ok(Self { orders, bell, thread: thread::spawn(move || run(medium, &walks)) })
    }

    /// Sets a radio out on a straight walk; it stays where it arrives.
    pub(crate) fn walk(&self, phy: usize, from: Position, to: Position, duration: Duration) -> Outcome {
        said(self.orders.send((radio(phy), Walk { from, to, begin: Instant::now(), duration })))?;
        said(self.bell.ring())
    }

    /// Ends it and yields what has passed.
    pub(crate) fn end(self) -> Result<MediumCounts, String> {
        drop(self.orders);
        said(self.bell.ring())?;
        self.thread.join().map_err(|_| "the thread of the medium ended badly".to_owned())?
    }
}

/// hwsim's own name of a radio.
const fn radio(phy: usize) -> MacAddr {
    MacAddr([0x42, 0, 0, 0, phy as u8, 0])
}

/// Until nobody can give orders any more.
fn run(mut medium: hwsim::Medium, orders: &Receiver<(MacAddr, Walk)>) -> Result<MediumCounts, String> {
    let mut walks = BTreeMap::new();
    loop {
        loop {
            match orders.try_recv() {
                Ok((radio, walk)) => drop(walks.insert(radio, walk)),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return said(medium.counts()),
            }
        }
        walks.retain(|radio, walk: &mut Walk| {
            let ended = walk.has_ended();
            medium.place(*radio, walk.position());
            !ended
        });
        let step = if walks.is_empty() { None } else { Some(said(now())? + STEP) };
        said(medium.wait(step))?;
    }
}
