//! How the stage is set.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use drivers::air::{Air, AirRadio, RadioId};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stack::ap::{BssidBlock, NetworkConfig, RadioConfig, Security};
use stack::random::Random;
use stack::rsn::Pmk;
use stack::time::Instant;

use crate::node::{Cable, Switch, SwitchNetwork, Worker};

use super::actor::Actor;
use super::arrivals::Arrivals;
use super::capture::Tape;
use super::play::{DemoError, Stage};
use super::scene::{self, MASTS, NETWORKS, PEOPLE, STREAMS, channel};
use super::witness::{Speaker, Witness};

impl Stage {
    /// Everybody in his place, nobody switched on.
    pub(super) fn new(seed: u64, length: Duration, capture: Box<dyn Write>) -> Result<Self, DemoError> {
        let mut air = Air::new(seed, scene::model());
        air.set_all_links(scene::knobs());
        let (masts, clients) = populate(&mut air);
        let speakers = (0..masts.len()).map(Speaker::Mast).chain((0..clients.len()).map(Speaker::Client));
        let ssid = NETWORKS.first().map_or("", |home| home.ssid);
        let pmk = Pmk::from_passphrase(scene::PASSPHRASE, ssid.as_bytes())?;
        let tape = Tape::new(capture)?;
        let witness = Rc::new(RefCell::new(Witness::new(length, speakers.collect(), pmk.clone(), tape)));
        let eye = Rc::clone(&witness);
        air.set_witness(Box::new(move |on_air| eye.borrow_mut().see(on_air)));
        let air = Rc::new(RefCell::new(air));
        let radio = |id| AirRadio::new(Rc::clone(&air), id);
        let cables: Vec<_> = NETWORKS.iter().map(|_| Arc::new(Cable::default())).collect();
        let workers = node(seed, &pmk, &cables, masts.into_iter().map(radio));
        let actor = |(person, id): (&'static scene::Person, RadioId)| {
            Actor::new(person, radio(id), &pmk, length, Seeded::boxed(seed, id.index()))
        };
        let actors = PEOPLE.iter().zip(clients).map(actor).collect::<Result<_, _>>()?;
        let mut stage = Self {
            seed,
            length,
            now: Instant::ZERO,
            touched: true,
            air: Rc::clone(&air),
            workers,
            cables,
            actors,
            witness,
            books: STREAMS.iter().map(|_| Arrivals::default()).collect(),
            speak: STREAMS.iter().map(|stream| Instant::ZERO + stream.every).collect(),
            ports: vec![None; PEOPLE.len()],
            cues: Vec::new(),
            diary: Vec::new(),
            discarded: Vec::new(),
        };
        stage.plan();
        Ok(stage)
    }
}

/// Puts the node's radios and the clients' into the air, in this order: their numbers follow each other.
fn populate(air: &mut Air) -> (Vec<RadioId>, Vec<RadioId>) {
    let mut add = |number, place| channel(number).map(|channel| air.add_radio(place, channel));
    let masts: Vec<_> = MASTS.iter().filter_map(|mast| add(mast.channel, mast.place)).collect();
    let clients = PEOPLE.iter().filter_map(|person| {
        let [first, _] = person.channels;
        add(first, scene::place(person.way, 0.0))
    });
    let clients: Vec<_> = clients.collect();
    for &client in &clients {
        air.set_promiscuous(client, false);
    }
    (masts, clients)
}

/// The node: one worker for each radio, with the switch between them and a cable behind each network.
fn node(
    seed: u64,
    pmk: &Pmk,
    cables: &[Arc<Cable>],
    radios: impl Iterator<Item = AirRadio>,
) -> Vec<Worker<AirRadio>> {
    let configs = NETWORKS.iter().map(|network| {
        let security = if network.protected { Security::Wpa2(pmk.clone()) } else { Security::Open };
        let config = NetworkConfig::new(network.id, network.ssid.as_bytes().to_vec(), security);
        NetworkConfig { kind: network.kind, ..config }
    });
    let configs: Vec<_> = configs.collect();
    let served = NETWORKS.iter().zip(cables).map(|(network, cable)| SwitchNetwork {
        id: network.id,
        isolate: false,
        outside: Some(Box::new(Arc::clone(cable))),
    });
    let (_, ports) = Switch::new(served.collect(), &MASTS.each_ref().map(|_| None));
    let masts = MASTS.iter().zip(radios.zip(ports)).enumerate();
    let worker = |(index, (mast, (radio, port))): (usize, (&scene::Mast, _))| {
        let config = RadioConfig::new(channel(mast.channel)?, BssidBlock { base: mast.block, bits: 8 });
        let random = Seeded::boxed(seed, 1000 + index);
        Some(Worker::new(mast.name, radio, config, configs.clone(), port, Instant::ZERO, random))
    };
    masts.filter_map(worker).collect()
}

/// Random numbers of a seed: in a demo nobody has a secret.
struct Seeded(ChaCha8Rng);

impl Seeded {
    /// The generator of one of those on the stage.
    fn boxed(seed: u64, who: usize) -> Box<dyn Random + Send> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(who as u64 + 1);
        Box::new(Self(random))
    }
}

impl Random for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }
}
