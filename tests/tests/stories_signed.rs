//! Stories of nodes that sign what they tell all: by that alone a client goes to the node that hears it best.

use std::time::Duration;

use airloom::config::PlacementPolicy;
use mesh::announce::{Item, Load, NodeId, Profile, Signal};
use mesh::engine::{Engine, Event, Simulated};
use mesh::lease::NodeSlot;
use mesh::table::Row;
use tests::nodes::{Nodes, Wiring, host_address};
use tests::scene::station;

const LATENCY: Duration = Duration::from_millis(5);

/// Clients go by their signal, and say something fifty times a second.
struct Walk {
    scene: Nodes,
    client: usize,
}

impl Walk {
    fn begin(wiring: Wiring) -> Self {
        let mut scene = Nodes::new(Wiring { placement: PlacementPolicy::Signal, ..wiring }, LATENCY);
        let client = scene.join(0);
        scene.host(0);
        Self { scene, client }
    }

    fn go_on(&mut self, millis: u64) {
        for _ in 0..millis / 20 {
            self.scene.client_says(self.client, host_address(0), "here");
            self.scene.run(Duration::from_millis(20));
        }
    }

    fn is_at(&mut self, node: usize) -> bool {
        self.scene.served_by(node) == [station(self.client).to_string()]
    }
}

#[test]
fn a_client_goes_to_the_node_that_hears_it_best_by_signed_notices_alone() {
    for profile in [Profile::B16, Profile::H16, Profile::ED25519] {
        // By gossip it would take seconds.
        let mut walk = Walk::begin(Wiring { gossip: Duration::from_secs(2), ..Wiring::signed(profile) });
        for node in [1, 2] {
            walk.go_on(4000);
            walk.scene.walk(walk.client, node);
            walk.go_on(1000);
            assert!(walk.is_at(node), "{profile:?}: not at node{node}");
        }
        for of in 0..3 {
            let claims = walk.scene.claims(of);
            assert_eq!(claims.malformed, 0, "{claims:?}");
            assert!(claims.refused.keys().all(|reason| reason == "epoch_not_newer"), "{claims:?}");
        }
    }
}

#[test]
fn a_notice_that_is_lost_is_soon_made_up_for() {
    let mut walk = Walk::begin(Wiring::signed(Profile::B16));
    walk.go_on(2000);
    let lossy = mesh::engine::Link { latency: LATENCY, loss: 400, ..mesh::engine::Link::default() };
    walk.scene.backhaul.set_usual_link(walk.scene.now, lossy);
    for node in [1, 2, 0] {
        walk.go_on(4000);
        walk.scene.walk(walk.client, node);
        walk.go_on(4000);
        assert!(walk.is_at(node), "not at node{node}");
    }
}

/// A member of the cluster that says that it hears a client like nobody else, and signs nothing.
struct Forger {
    engine: Simulated,
    /// How often nodes wanted it to take a client.
    asked: usize,
    /// What they have announced.
    signed: Vec<Vec<u8>>,
}

impl Forger {
    const NUMBER: u16 = 9;

    fn join(scene: &mut Nodes) -> Self {
        let (node, slot) = (NodeId(Self::NUMBER.into()), NodeSlot::new(Self::NUMBER).unwrap());
        let engine = scene.backhaul.join(scene.now, node, slot, "forger");
        Self { engine, asked: 0, signed: Vec::new() }
    }

    /// By rows, by a notice as claims that are not signed have, and by those of others with its own words in them.
    fn lie(&mut self, client: usize, dbm: i8) {
        let client = station(client);
        let load = Load { radio: 0, frequency: 5180, busy: 0, clients: 0 };
        let signal = Signal { client, radio: 0, dbm, age: 0 };
        for item in [Item::Load(load), Item::Signal(signal)] {
            let row = Row::Item(item);
            self.engine.publish(&row.key().encode(), &row.encode()).unwrap();
        }
        let mut items = vec![2, 7, 0];
        [5180_u16, 0, 0].iter().for_each(|value| items.extend(value.to_le_bytes()));
        items.extend([3, 10]);
        items.extend(client.octets());
        items.extend([0, dbm as u8, 0, 0]);
        self.engine.notify(&[&b"c\x01"[..], &items].concat()).unwrap();
        for mut heard in self.signed.drain(..) {
            self.engine.notify(&heard).unwrap();
            // The node that it is from, then the loudness of the last signal.
            heard[3] = Self::NUMBER as u8;
            self.engine.notify(&heard).unwrap();
            let at = heard.len() - 3;
            heard[at] = dbm as u8;
            self.engine.notify(&heard).unwrap();
        }
        while let Some(event) = self.engine.poll_event() {
            match event {
                Event::Notice { bytes, .. } if bytes[0] == b'a' => self.signed.push(bytes),
                // `prepare`, in a packet that has come for the first time or again.
                Event::Message { bytes, .. } if bytes[1] == 1 && bytes[26] == 4 => self.asked += 1,
                _ => {}
            }
        }
    }
}

/// How often a node asked the forger to take a client, in six seconds of lies.
fn lied_to(wiring: Wiring) -> (Nodes, usize) {
    let mut walk = Walk::begin(wiring);
    walk.go_on(2000);
    let mut forger = Forger::join(&mut walk.scene);
    walk.go_on(1000);
    for n in 0..24 {
        forger.lie(walk.client, -10 + n % 3);
        walk.go_on(250);
    }
    assert!(walk.is_at(0), "nobody has taken it");
    (walk.scene, forger.asked)
}

#[test]
fn what_is_not_signed_moves_nobody() {
    let (_, asked) = lied_to(Wiring::SHARED);
    assert!(asked > 0, "where nobody signs, rows are believed: the lie is a good one");
    for profile in [Profile::B16, Profile::ED25519] {
        let (scene, asked) = lied_to(Wiring::signed(profile));
        assert_eq!(asked, 0, "{profile:?}");
        let claims = scene.claims(0);
        assert!(claims.malformed > 24, "rows and notices that nobody signed: {claims:?}");
        assert!(claims.refused.values().sum::<u64>() > 20, "what is signed otherwise: {claims:?}");
    }
}
