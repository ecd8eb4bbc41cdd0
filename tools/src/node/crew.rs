//! The threads of a node: one for each radio, each with a reactor of its own.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant as Clock};

use drivers::reactor::{self, Bell, Reactor};
use drivers::{Radio, RadioError};
use stack::ap::{NetworkConfig, RadioConfig};
use stack::time::Instant;

use super::links::Links;
use super::outside::Outside;
use super::random::OsRandom;
use super::switch::{Switch, SwitchNetwork};
use super::worker::{Inspect, Worker, WorkerEvent};

/// Events that wait to be told; what comes while they wait in vain is not told.
const EVENTS: usize = 4096;
/// The radio's own descriptor, among those that its thread watches.
const RADIO: u32 = 0;
/// Radios that have not ended so long after they were told to are left behind.
const PATIENCE: Duration = Duration::from_secs(10);

/// A radio that is to get a thread.
pub struct Post<R> {
    /// What it is called.
    pub name: String,
    /// The radio.
    pub radio: R,
    /// What its virtual APs are told about it.
    pub config: RadioConfig,
    /// Adds what only this kind of radio knows to its status.
    pub inspect: Option<Inspect<R>>,
    /// It serves the networks. Those that do come first.
    pub serves: bool,
    /// The foreign networks that it is a station of.
    pub links: Option<Links>,
}

impl<R> Post<R> {
    /// A radio that serves the networks, and no more.
    pub const fn new(name: String, radio: R, config: RadioConfig) -> Self {
        Self { name, radio, config, inspect: None, serves: true, links: None }
    }
}

/// A network and what is behind it.
pub struct CrewNetwork {
    /// What the virtual APs are told.
    pub config: NetworkConfig,
    /// Its Ethernet, if it goes anywhere.
    pub outside: Option<Box<dyn Outside>>,
}

/// The running threads. Dropped, it stops those that still run and waits for them, so that every radio gives back what
/// it has taken, however the node ends.
pub struct Crew {
    switch: Arc<Switch>,
    events: Receiver<(usize, WorkerEvent)>,
    endings: Receiver<(usize, Ending)>,
    /// By the index of the radio; `None` once its end was told.
    threads: Vec<Option<JoinHandle<()>>>,
    /// When the radios that were told to end are waited for no longer.
    end: Option<Clock>,
}

/// How the thread of a radio ended.
pub type Ending = Result<(), String>;

impl Crew {
    /// Starts a thread for each radio. `bell` is rung when there is something to take from here.
    pub fn start<R>(posts: Vec<Post<R>>, networks: Vec<CrewNetwork>, bell: &Bell) -> io::Result<Self>
    where
        R: Radio + AsFd + Send + 'static,
    {
        let reactors = posts.iter().map(|_| Reactor::new()).collect::<io::Result<Vec<_>>>()?;
        let configs: Vec<NetworkConfig> = networks.iter().map(|network| network.config.clone()).collect();
        let served = networks.into_iter().map(|CrewNetwork { config, outside }| SwitchNetwork {
            id: config.id,
            isolate: config.isolate,
            outside,
        });
        let bells: Vec<_> = reactors.iter().map(|reactor| Some(reactor.bell())).collect();
        let serving = posts.iter().take_while(|post| post.serves).count();
        let (switch, ports) = Switch::among(served.collect(), &bells, serving);
        let (tell, events) = sync_channel(EVENTS);
        let (end, endings) = channel();
        let now = reactor::now()?;
        // Should a thread not start, those before it end with this.
        let mut crew = Self { switch: Arc::new(switch), events, endings, threads: Vec::new(), end: None };
        for (index, ((post, port), reactor)) in posts.into_iter().zip(ports).zip(reactors).enumerate() {
            let Post { name, radio, config, inspect, serves, links } = post;
            let served = if serves { configs.clone() } else { Vec::new() };
            let mut worker = Worker::new(&name, radio, config, served, port, now, Box::new(OsRandom));
            worker.inspect_by(inspect);
            if let Some(links) = links {
                worker = worker.with_links(links);
            }
            let mut told = Told {
                index,
                tell: tell.clone(),
                end: end.clone(),
                ending: Err("its thread panicked; please report this".to_owned()),
                bell: bell.clone(),
            };
            let life = move || {
                let ending = run(worker, reactor, &told);
                told.ends(ending.map_err(|error| error.to_string()));
            };
            let thread = thread::Builder::new().name(name).spawn(life)?;
            crew.threads.push(Some(thread));
        }
        Ok(crew)
    }

    /// The switch between the radios.
    pub const fn switch(&self) -> &Arc<Switch> {
        &self.switch
    }

    /// What happened on which radio. Call it until it has nothing.
    pub fn poll_event(&self) -> Option<(usize, WorkerEvent)> {
        self.events.try_recv().ok()
    }

    /// The next radio whose thread has ended, and how. The others go on without it.
    pub fn poll_ending(&mut self) -> Option<(usize, Ending)> {
        let (index, ending) = self.endings.try_recv().ok()?;
        self.ended(index);
        Some((index, ending))
    }

    fn ended(&mut self, index: usize) {
        self.switch.radio_gone(index);
        if let Some(thread) = self.threads.get_mut(index).and_then(Option::take) {
            // It has nothing left to do, and has said how it ended.
            let _ = thread.join();
        }
    }

    /// How many radios still run.
    pub fn running(&self) -> usize {
        self.threads.iter().flatten().count()
    }

    /// Has all radios deauthenticate their stations and end. They have some time for it, from the first call.
    pub fn stop(&mut self) {
        if self.end.is_some() {
            return;
        }
        self.end = Some(Clock::now() + PATIENCE);
        for radio in 0..self.threads.len() {
            self.switch.stop(radio);
        }
    }

    /// How long radios that were told to end are still waited for; `None` if they were not told.
    pub fn patience(&self) -> Option<Duration> {
        self.end.map(|end| end.saturating_duration_since(Clock::now()))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.stop();
        while self.running() > 0 {
            match self.endings.recv_timeout(self.patience().unwrap_or_default()) {
                Ok((index, _)) => self.ended(index),
                Err(_) => return,
            }
        }
    }
}

/// The way from a radio's thread to who runs the node. Dropped, when the radio is no more, it says how that came.
struct Told {
    index: usize,
    tell: SyncSender<(usize, WorkerEvent)>,
    end: Sender<(usize, Ending)>,
    ending: Ending,
    bell: Bell,
}

impl Told {
    fn ends(&mut self, ending: Ending) {
        self.ending = ending;
    }

    fn ring(&self) {
        // Nobody is there to be rung if this fails.
        let _ = self.bell.ring();
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let ending = std::mem::replace(&mut self.ending, Ok(()));
        // Who runs the node may be gone first.
        let _ = self.end.send((self.index, ending));
        self.ring();
    }
}

fn run<R: Radio + AsFd>(mut worker: Worker<R>, mut reactor: Reactor, told: &Told) -> Result<(), RadioError> {
    let name = worker.name().to_owned();
    let fail = |what| {
        let interface = name.clone();
        move |cause| RadioError { interface, what, cause }
    };
    reactor.watch(worker.radio().as_fd(), RADIO).map_err(fail("watching it"))?;
    let (mut watched, mut congested) = (0, false);
    loop {
        watched = watch_outsides(&worker, &reactor, watched).map_err(fail("watching a TAP"))?;
        let now = time(&name)?;
        worker.turn(now)?;
        let mut any = false;
        while let Some(event) = worker.poll_event() {
            // Who does not read their log misses some of it; the frames do not wait for that.
            any |= told.tell.try_send((told.index, event)).is_ok();
        }
        if any {
            told.ring();
        }
        // Not after the sleep: on a quiet radio nothing would end that.
        if worker.is_finished() {
            return Ok(());
        }
        if worker.radio().is_congested() != congested {
            congested = !congested;
            reactor.watch_writable(worker.radio().as_fd(), RADIO, congested).map_err(fail("watching it"))?;
        }
        let deadline = worker.poll_timeout().map(|(at, _)| at);
        // All else that may be ready is looked at in every turn, without a system call.
        if reactor.wait(now, deadline).map_err(fail("sleeping"))?.any(|number| number != RADIO) {
            worker.outsides_are_readable();
        }
    }
}

/// Watches the outsides that have become this radio's to read.
fn watch_outsides<R: Radio>(worker: &Worker<R>, reactor: &Reactor, watched: u32) -> io::Result<u32> {
    let descriptors = worker.outsides().filter_map(Outside::descriptor);
    let mut count = 0;
    for descriptor in descriptors {
        count += 1;
        if count > watched {
            reactor.watch(descriptor, RADIO + count)?;
        }
    }
    Ok(count)
}

fn time(name: &str) -> Result<Instant, RadioError> {
    reactor::now().map_err(|cause| RadioError {
        interface: name.to_owned(),
        what: "reading the clock",
        cause,
    })
}
