use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::engine::{Engine, Event, PeerState, Refused};

struct Seeded(ChaCha12Rng);

impl Random for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }
}

const NORTH: NodeId = NodeId(1);
const SOUTH: NodeId = NodeId(2);
const WEST: NodeId = NodeId(3);
const CUT: Link =
    Link { open: false, latency: Duration::ZERO, jitter: Duration::ZERO, loss: 0, duplication: 0 };

struct World {
    net: Backhaul,
    now: Instant,
    nodes: Vec<Simulated>,
}

impl World {
    fn new(seed: u64, ids: &[NodeId]) -> Self {
        let net = Backhaul::new(Timing::default(), Box::new(Seeded(ChaCha12Rng::seed_from_u64(seed))));
        let mut world = Self { net, now: Instant::ZERO, nodes: Vec::new() };
        for id in ids {
            let node = world.join(*id);
            world.nodes.push(node);
        }
        world
    }

    fn join(&self, id: NodeId) -> Simulated {
        let slot = NodeSlot::new(u16::try_from(id.0).unwrap()).unwrap();
        self.net.join(self.now, id, slot, &format!("node{}", id.0))
    }

    fn pass(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        self.net.advance(self.now);
    }

    fn cut(&self, a: NodeId, b: NodeId, link: Link) {
        self.net.set_link(self.now, a, b, link);
        self.net.set_link(self.now, b, a, link);
    }

    fn events(&mut self, at: usize) -> Vec<Event> {
        let node = &mut self.nodes[at];
        std::iter::from_fn(|| node.poll_event()).collect()
    }

    fn state(&self, at: usize, of: NodeId) -> PeerState {
        self.nodes[at].members().into_iter().find(|member| member.node == of).unwrap().state
    }
}

fn messages(events: &[Event]) -> Vec<&[u8]> {
    let mut bytes = Vec::new();
    for event in events {
        if let Event::Message { bytes: message, .. } = event {
            bytes.push(message.as_slice());
        }
    }
    bytes
}

#[test]
fn two_nodes_meet_and_talk() {
    let mut world = World::new(1, &[NORTH, SOUTH]);
    assert_eq!(world.nodes[0].send(SOUTH, b"early"), Err(Refused::NoSession(SOUTH)));
    world.pass(1);
    assert!(matches!(&world.events(0)[..], [Event::Up(m)] if m.node == SOUTH && m.slot.number() == 2));
    world.nodes[0].send(SOUTH, b"hello").unwrap();
    world.nodes[0].send_frame(SOUTH, &[7; 1514]).unwrap();
    world.nodes[0].notify(b"mine").unwrap();
    world.events(1);
    world.pass(1);
    let expected = [
        Event::Message { from: NORTH, bytes: b"hello".to_vec() },
        Event::Frame { from: NORTH, bytes: vec![7; 1514] },
        Event::Notice { from: NORTH, bytes: b"mine".to_vec() },
    ];
    assert_eq!(world.events(1), expected);
}

#[test]
fn rows_arrive_change_and_go_also_by_way_of_a_third() {
    let mut world = World::new(2, &[NORTH, SOUTH, WEST]);
    world.pass(10);
    world.cut(NORTH, WEST, CUT);
    world.nodes[0].publish(b"load", b"1").unwrap();
    world.pass(1000);
    assert_eq!(world.state(2, NORTH), PeerState::Suspect, "others still hear it");
    let row = world.nodes[2].row(NORTH, b"load").unwrap();
    assert_eq!((row.version, &*row.value), (1, &b"1"[..]));
    world.events(2);
    world.nodes[0].publish(b"load", b"2").unwrap();
    world.nodes[0].publish(b"load", b"2").unwrap();
    world.pass(1000);
    let changed = Event::Row { node: NORTH, key: b"load".to_vec(), row: world.nodes[2].row(NORTH, b"load") };
    assert_eq!(world.events(2), [changed]);
    world.nodes[0].remove(b"load");
    world.pass(1000);
    assert_eq!(world.events(2), [Event::Row { node: NORTH, key: b"load".to_vec(), row: None }]);
    let mut seen = 0;
    world.nodes[2].each_row(&mut |_, _, _| seen += 1);
    assert_eq!(seen, 0);
}

#[test]
fn messages_survive_loss_and_a_short_cut_in_order() {
    for seed in 0..50 {
        let mut world = World::new(seed, &[NORTH, SOUTH]);
        let bad = Link { loss: 300, jitter: Duration::from_millis(5), duplication: 300, ..Link::default() };
        world.net.set_usual_link(world.now, bad);
        world.pass(10);
        let sent: Vec<Vec<u8>> = (0..100_u8).map(|n| vec![n]).collect();
        for (n, message) in sent.iter().enumerate() {
            if n == 50 {
                world.cut(NORTH, SOUTH, CUT);
                world.pass(150);
                world.cut(NORTH, SOUTH, bad);
            }
            world.nodes[0].send(SOUTH, message).unwrap();
            world.pass(1);
        }
        world.pass(2000);
        assert_eq!(messages(&world.events(1)), sent, "seed {seed}");
    }
}

#[test]
fn a_long_cut_breaks_the_session_and_what_was_under_way_is_gone() {
    let mut world = World::new(4, &[NORTH, SOUTH]);
    world.pass(10);
    world.events(0);
    world.events(1);
    world.cut(NORTH, SOUTH, CUT);
    world.nodes[0].send(SOUTH, b"lost").unwrap();
    world.pass(250);
    assert_eq!(world.events(1), [Event::Suspect(NORTH)]);
    assert_eq!(world.nodes[0].send(SOUTH, b"no"), Err(Refused::NoSession(SOUTH)));
    world.pass(1000);
    assert_eq!(world.events(1), [Event::Down(NORTH)]);
    world.cut(NORTH, SOUTH, Link::default());
    world.pass(10);
    world.nodes[0].send(SOUTH, b"again").unwrap();
    world.pass(10);
    let events = world.events(1);
    assert!(matches!(&events[0], Event::Up(member) if member.incarnation == 1));
    assert_eq!(messages(&events), [b"again"]);
}

#[test]
fn one_direction_alone_is_no_session() {
    let mut world = World::new(5, &[NORTH, SOUTH]);
    world.pass(10);
    world.net.set_link(world.now, SOUTH, NORTH, CUT);
    world.pass(250);
    assert_eq!(world.state(1, NORTH), PeerState::Suspect);
}

#[test]
fn a_crashed_node_is_down_its_rows_are_gone_and_it_comes_back_as_another_incarnation() {
    let mut world = World::new(6, &[NORTH, SOUTH, WEST]);
    world.nodes[0].publish(b"mine", b"x").unwrap();
    world.pass(500);
    world.net.crash(world.now, NORTH);
    assert_eq!(world.nodes[0].publish(b"mine", b"y"), Err(Refused::Stopped));
    world.pass(1500);
    assert_eq!((world.state(1, NORTH), world.state(2, NORTH)), (PeerState::Down, PeerState::Down));
    assert_eq!(world.nodes[1].row(NORTH, b"mine"), None);
    world.events(1);
    world.nodes[0] = world.join(NORTH);
    world.nodes[0].publish(b"new", b"z").unwrap();
    world.pass(500);
    let events = world.events(1);
    assert!(matches!(&events[0], Event::Up(member) if member.incarnation == 2), "{events:?}");
    assert!(world.nodes[1].row(NORTH, b"new").is_some() && world.nodes[1].row(NORTH, b"mine").is_none());
}

#[test]
fn a_node_that_restarts_at_once_breaks_its_old_session_first() {
    let mut world = World::new(7, &[NORTH, SOUTH]);
    world.pass(10);
    world.events(1);
    world.nodes[0].send(SOUTH, b"of the old one").unwrap();
    world.nodes[0] = world.join(NORTH);
    world.pass(10);
    let events = world.events(1);
    assert!(
        matches!(&events[..], [Event::Suspect(NORTH), Event::Up(member)] if member.incarnation == 2),
        "{events:?}"
    );
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_does_not() {
    let run = |seed| {
        let mut world = World::new(seed, &[NORTH, SOUTH]);
        let link = Link { loss: 200, jitter: Duration::from_millis(3), duplication: 100, ..Link::default() };
        world.net.set_usual_link(world.now, link);
        world.pass(10);
        for n in 0..100_u8 {
            world.nodes[0].send_frame(SOUTH, &[n]).unwrap();
        }
        world.pass(100);
        world.events(1)
    };
    assert_eq!(run(8), run(8));
    assert_ne!(run(8), run(9));
    let frames = run(8).len();
    assert!((60..110).contains(&frames), "a fifth is lost, a tenth comes twice: {frames} of 100");
}

#[test]
fn two_hundred_nodes_hear_of_a_row_within_a_second() {
    let ids: Vec<NodeId> = (1..=200).map(NodeId).collect();
    let mut world = World::new(10, &ids);
    world.pass(100);
    world.nodes[0].publish(b"load", b"1").unwrap();
    world.pass(1000);
    assert!(world.nodes[1..].iter().all(|node| node.row(NORTH, b"load").is_some()));
}

#[test]
fn nothing_is_due_where_nobody_is() {
    let world = World::new(11, &[]);
    assert_eq!(world.net.poll_timeout(), None);
    let world = World::new(11, &[NORTH]);
    assert_eq!(world.net.poll_timeout().unwrap().1, "a node gossips");
}
