//! How the stage is set.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use drivers::air::{Air, AirRadio, RadioId};
use drivers::propagation::Position;
use stack::ap::RadioConfig;
use stack::rsn::{PassphraseError, Pmk};
use stack::slot::SlotConfig;
use stack::sta::{LinkConfig, LinkSecurity};
use stack::time::Instant;
use stack::wire::{Channel, MacAddr};

use crate::demo::arrivals::Arrivals;
use crate::demo::capture::Tape;
use crate::demo::play::{DemoError, SharedAir};
use crate::demo::stage::Seeded;
use crate::node::{Cable, Links, Switch, Worker, link_address};

use super::ear::Ear;
use super::foreign::Foreign;
use super::play::{Cue, Stage, Station};
use super::scene::{self, NETWORKS, STREAMS};
use super::witness::{Row, Witness};

/// Random numbers of the links are those of nobody else on the stage.
const LINKS: usize = 1000;

impl Stage {
    /// Everybody in his place, and the radio switched on.
    pub(super) fn new(seed: u64, length: Duration, capture: Box<dyn Write>) -> Result<Self, DemoError> {
        let channels = scene::channels();
        let home = channels.first().copied().ok_or(DemoError::Scene)?;
        let mut air = Air::new(seed, scene::model());
        air.set_all_links(scene::knobs());
        let id = air.add_radio(Position::default(), home);
        air.set_promiscuous(id, false);
        let secrets = secrets()?;
        let ends = populate(&mut air, &channels, &secrets, length);
        let rows = ends.iter().zip(&secrets).enumerate();
        let rows = rows.map(|(network, (end, secret))| {
            Row::new(length, (address(network), scene::block(network).base), end.channel, secret.is_none())
        });
        let tape = Tape::new(capture, scene::radios())?;
        let known = secrets.iter().flatten().cloned().collect();
        let witness = Rc::new(RefCell::new(Witness::new(rows.collect(), known, home, tape)));
        let eye = Rc::clone(&witness);
        air.set_witness(Box::new(move |on_air| eye.borrow_mut().see(on_air)));
        let air = Rc::new(RefCell::new(air));
        let (radio, stations) = radio(seed, (&air, id, home), &secrets, &witness)?;
        Ok(Self {
            seed,
            length,
            now: Instant::ZERO,
            touched: true,
            air,
            radio,
            stations,
            ends,
            witness,
            books: STREAMS.iter().map(|_| Arrivals::default()).collect(),
            speak: STREAMS.iter().map(|stream| Instant::ZERO + stream.every).collect(),
            cues: cues(length),
            discarded: Vec::new(),
        })
    }
}

/// What will happen, the next last.
fn cues(length: Duration) -> Vec<(Instant, Cue)> {
    let (network, from, to) = scene::OUTAGE;
    let at = |share: f64| Instant::ZERO + length.mul_f64(share);
    let begin = |(index, network): (usize, &scene::Network)| {
        (Instant::from_micros(network.begins * 1000), Cue::On(index))
    };
    let mut cues: Vec<_> = NETWORKS.iter().enumerate().map(begin).collect();
    cues.extend([(at(from), Cue::Off(network)), (at(to), Cue::On(network))]);
    cues.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    cues
}

/// The address of the radio's station on a network.
pub(super) fn address(network: usize) -> MacAddr {
    link_address(&scene::BLOCK, network).unwrap_or(scene::BLOCK.base)
}

fn secrets() -> Result<Vec<Option<Pmk>>, PassphraseError> {
    let secret = |network: &scene::Network| {
        network.passphrase.map(|phrase| Pmk::from_passphrase(phrase, network.ssid.as_bytes())).transpose()
    };
    NETWORKS.iter().map(secret).collect()
}

/// Puts the APs' radios into the air.
fn populate(air: &mut Air, channels: &[Channel], secrets: &[Option<Pmk>], length: Duration) -> Vec<Foreign> {
    let scene = NETWORKS.iter().zip(channels).zip(secrets).enumerate();
    let foreign = scene.map(|(index, ((network, &channel), secret))| {
        let id = air.add_radio(network.place, channel);
        Foreign::new(index, (id, channel), secret.clone(), length)
    });
    foreign.collect()
}

/// The radio that hops, and its stations.
fn radio(
    seed: u64,
    (air, id, home): (&SharedAir, RadioId, Channel),
    secrets: &[Option<Pmk>],
    witness: &Rc<RefCell<Witness>>,
) -> Result<(Worker<Ear>, Vec<Station>), DemoError> {
    let mut links = Links::new(SlotConfig::default(), Instant::ZERO, home);
    let mut stations = Vec::new();
    for (index, (network, secret)) in NETWORKS.iter().zip(secrets).enumerate() {
        let cable = Arc::new(Cable::default());
        let config = LinkConfig {
            security: secret.clone().map_or(LinkSecurity::Open, LinkSecurity::Wpa2),
            channels: scene::channels(),
            ..LinkConfig::new(address(index), network.ssid.as_bytes())
        };
        let behind = (format!("tap{index}"), Box::new(Arc::clone(&cable)) as _);
        links.add(Instant::ZERO, config, Some(behind), Seeded::boxed(seed, LINKS + index));
        stations.push(Station { cable, connected: false });
    }
    let (_, ports) = Switch::among(Vec::new(), &[None], 0);
    let port = ports.into_iter().next().ok_or(DemoError::Scene)?;
    let ear = Ear::new(AirRadio::new(Rc::clone(air), id), Rc::clone(witness));
    let config = RadioConfig::new(home, scene::BLOCK);
    let random = Seeded::boxed(seed, id.index());
    let worker = Worker::new(scene::RADIO, ear, config, Vec::new(), port, Instant::ZERO, random);
    Ok((worker.with_links(links), stations))
}
