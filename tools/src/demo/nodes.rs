//! The nodes: the product's own workers, switch and part in the cluster, on the simulated air and backhaul.

use std::rc::Rc;
use std::sync::{Arc, mpsc};

use drivers::RadioError;
use drivers::air::{AirRadio, RadioId};
use mesh::engine::{Backhaul, Simulated};
use mesh::handover::Incarnation;
use mesh::lease::Lease;
use stack::ap::{NetworkConfig, RadioConfig, Security, SharedClock, VirtualApKind};
use stack::rsn::Pmk;
use stack::time::{Instant, earliest};
use stack::wire::Channel;

use crate::config::PlacementPolicy;
use crate::node::{
    Abroad, Blocks, Cable, Home, Member, MemoryJournal, News, Order, Placer, Switch, SwitchNetwork, Worker,
    WorkerEvent, blocks, range_of,
};

use super::play::{DemoError, SharedAir};
use super::scene::{self, MASTS, NODES, RADIOS};
use super::stage::Seeded;

/// A node.
pub(super) struct Node {
    pub(super) workers: Vec<Worker<AirRadio>>,
    placer: Placer,
    member: Member<Simulated>,
}

/// What came out of a turn of a node.
#[derive(Default)]
pub(super) struct Told {
    /// Which of its radios, and what.
    pub(super) events: Vec<(usize, WorkerEvent)>,
    pub(super) news: Vec<News>,
    /// There was something to do.
    pub(super) busy: bool,
    /// The cluster had something to do: the radios may have orders.
    pub(super) ordered: bool,
}

impl Node {
    /// The node at this place, with these radios and this cable.
    pub(super) fn new(
        (seed, node): (u64, usize),
        pmk: &Pmk,
        (air, radios): (&SharedAir, &[RadioId]),
        cable: &Arc<Cable>,
        backhaul: &Backhaul,
    ) -> Result<Self, DemoError> {
        let network = NetworkConfig {
            kind: VirtualApKind::PerClient,
            ..NetworkConfig::new(scene::HOME, scene::SSID.as_bytes().to_vec(), Security::Wpa2(pmk.clone()))
        };
        let outside = Some(Box::new(Arc::clone(cable)) as _);
        let served = SwitchNetwork { id: scene::HOME, isolate: false, outside };
        let (switch, ports) = Switch::new(vec![served], &[const { None }; RADIOS]);
        let Blocks { own, all } =
            blocks(scene::CLUSTER, scene::slot(node), RADIOS).map_err(DemoError::Cluster)?;
        let masts = MASTS.iter().filter(|mast| mast.node == node);
        let workers = masts.zip(ports).zip(own).zip(radios).filter_map(|(((mast, port), own), &id)| {
            let config = RadioConfig {
                block: all.unwrap_or(own),
                fresh_keys: range_of(&Lease::first(scene::slot(node))),
                ..RadioConfig::new(scene::channel()?, own)
            };
            let radio = AirRadio::new(Rc::clone(air), id);
            let random = Seeded::boxed(seed, 1000 + id.index());
            Some(Worker::new(mast.name, radio, config, vec![network.clone()], port, Instant::ZERO, random))
        });
        let (workers, switch) = (workers.collect(), Arc::new(switch));
        let masts = MASTS.iter().filter(|mast| mast.node == node);
        let radios: Vec<_> =
            masts.filter_map(|mast| Some((mast.name.to_owned(), scene::channel()?))).collect();
        let channels = radios.iter().map(|(_, channel)| *channel).collect();
        let member = enter(node, &switch, backhaul, radios).map_err(DemoError::Cluster)?;
        let placer = Placer::new(PlacementPolicy::Signal, (scene::slot(node), channels), switch);
        Ok(Self { workers, placer, member })
    }

    /// Lets the radios that `is_due` names, and then placement and the node's part in the cluster, do what there is to do.
    pub(super) fn turn(
        &mut self,
        now: Instant,
        is_due: impl Fn(&Worker<AirRadio>) -> bool,
    ) -> Result<Told, RadioError> {
        let mut told = Told::default();
        for (radio, worker) in self.workers.iter_mut().enumerate().filter(|(_, worker)| is_due(worker)) {
            told.busy = true;
            worker.turn(now)?;
            told.events.extend(std::iter::from_fn(|| worker.poll_event()).map(|event| (radio, event)));
        }
        for (radio, event) in &told.events {
            self.placer.handle_event(now, *radio, event);
            self.member.handle_event(now, *radio, event);
        }
        (told.news, told.ordered) = self.placer.attend(now, &mut self.member);
        Ok(told)
    }

    /// When [`Self::turn`] is due, besides when a radio has something.
    pub(super) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let workers = self.workers.iter().map(Worker::poll_timeout).fold(None, earliest);
        let member = self.member.poll_timeout().map(|at| (at, "the cluster"));
        earliest(workers, member)
    }
}

/// The node's part in the cluster, as a node that runs enters it: its radios are told to tell of their virtual APs.
fn enter(
    node: usize,
    switch: &Arc<Switch>,
    backhaul: &Backhaul,
    radios: Vec<(String, Channel)>,
) -> anyhow::Result<Member<Simulated>> {
    let name = NODES.get(node).copied().unwrap_or_default();
    let engine = backhaul.join(Instant::ZERO, scene::node_id(node), scene::slot(node), name);
    let (tell, told) = mpsc::channel();
    let (clock, abroad) = (SharedClock::default(), Abroad::default());
    switch.order_all(|| Order::Enlist(Home::new(tell.clone(), None, abroad.clone()), clock));
    let journal = Box::new(MemoryJournal::default());
    Member::new(engine, Incarnation(1), journal, Arc::clone(switch), (told, abroad), radios)
}
