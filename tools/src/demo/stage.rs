//! How the stage is set.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use drivers::air::{Air, AirRadio, RadioId};
use mesh::engine::{Backhaul, Timing};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stack::ap::BssidBlock;
use stack::random::Random;
use stack::rsn::Pmk;
use stack::time::Instant;

use crate::node::{Cable, blocks};

use super::actor::Actor;
use super::arrivals::Arrivals;
use super::bridge::Bridge;
use super::capture::Tape;
use super::chronicle::Chronicle;
use super::nodes::Node;
use super::play::{DemoError, Stage};
use super::scene::{self, MASTS, NODES, PEOPLE, RADIOS, STREAMS};
use super::witness::{Speaker, Witness};

/// Random numbers of the backhaul are those of nobody on the stage.
const BACKHAUL: usize = 2000;

impl Stage {
    /// Everybody in his place, nobody switched on.
    pub(super) fn new(seed: u64, length: Duration, capture: Box<dyn Write>) -> Result<Self, DemoError> {
        let mut air = Air::new(seed, scene::model());
        air.set_all_links(scene::knobs());
        let (masts, clients) = populate(&mut air);
        let speakers = (0..masts.len()).map(Speaker::Mast).chain((0..clients.len()).map(Speaker::Client));
        let pmk = Pmk::from_passphrase(scene::PASSPHRASE, scene::SSID.as_bytes())?;
        let tape = Tape::new(capture, scene::radios())?;
        let witness = Rc::new(RefCell::new(Witness::new(
            length,
            (speakers.collect(), block_list()?),
            pmk.clone(),
            tape,
        )));
        let eye = Rc::clone(&witness);
        air.set_witness(Box::new(move |on_air| eye.borrow_mut().see(on_air)));
        let air = Rc::new(RefCell::new(air));
        let backhaul = Backhaul::new(Timing::default(), Seeded::boxed(seed, BACKHAUL));
        let cables: Vec<_> = NODES.iter().map(|_| Arc::new(Cable::default())).collect();
        let nodes = cables.iter().zip(masts.chunks(RADIOS)).enumerate().map(|(node, (cable, radios))| {
            Node::new((seed, node), &pmk, (&air, radios), cable, &backhaul).map(Some)
        });
        let nodes = nodes.collect::<Result<_, _>>()?;
        let actor = |(person, id): (&'static scene::Person, RadioId)| {
            let radio = AirRadio::new(Rc::clone(&air), id);
            Actor::new(person, radio, &pmk, length, Seeded::boxed(seed, id.index()))
        };
        let actors = PEOPLE.iter().zip(clients).map(actor).collect::<Result<_, _>>()?;
        Ok(Self {
            seed,
            length,
            now: Instant::ZERO,
            touched: true,
            air: Rc::clone(&air),
            backhaul,
            nodes,
            masts,
            bridge: Bridge::new(cables),
            chronicle: Chronicle::new(PEOPLE.len()),
            actors,
            witness,
            books: STREAMS.iter().map(|_| Arrivals::default()).collect(),
            speak: STREAMS.iter().map(|stream| Instant::ZERO + stream.every).collect(),
            cues: Vec::new(),
            diary: Vec::new(),
            discarded: Vec::new(),
        })
    }
}

/// Where the BSSIDs come from that each radio gives away, in the order of the radios.
fn block_list() -> Result<Vec<BssidBlock>, DemoError> {
    let of = |node| blocks(scene::CLUSTER, scene::slot(node), RADIOS).map(|blocks| blocks.own);
    let all = (0..NODES.len()).map(of).collect::<anyhow::Result<Vec<_>>>().map_err(DemoError::Cluster)?;
    Ok(all.concat())
}

/// Puts the nodes' radios and the clients' into the air, in this order: their numbers follow each other.
fn populate(air: &mut Air) -> (Vec<RadioId>, Vec<RadioId>) {
    let Some(channel) = scene::channel() else { return (Vec::new(), Vec::new()) };
    let masts: Vec<_> = MASTS.iter().map(|mast| air.add_radio(mast.place, channel)).collect();
    let clients: Vec<_> =
        PEOPLE.iter().map(|person| air.add_radio(scene::place(person.way, 0.0), channel)).collect();
    for &client in &clients {
        air.set_promiscuous(client, false);
    }
    (masts, clients)
}

/// Random numbers of a seed: in a demo nobody has a secret.
pub(super) struct Seeded(ChaCha8Rng);

impl Seeded {
    /// The generator of one of those on the stage.
    pub(super) fn boxed(seed: u64, who: usize) -> Box<dyn Random + Send> {
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
