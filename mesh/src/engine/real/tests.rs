//! Real engines on the loopback. Every wait is for a condition, with a bound that only a hang exceeds.

#[allow(clippy::disallowed_methods, reason = "who sits on the wire is no part of the core")]
mod wire;

use std::path::{Path, PathBuf};
use std::sync::Condvar;
use std::sync::Mutex;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stack::random::Random;

use super::*;
use crate::engine::identity::{MachineId, NodeName, Token};
use crate::engine::{Fault, Stopped};

const LONG: Duration = Duration::from_secs(60);

struct Seeded(ChaCha12Rng);

impl Random for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }
}

#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

/// A cluster in a folder of its own.
struct Cluster {
    folder: tempfile::TempDir,
    authority: Authority,
    starts: u64,
}

/// A node, and all that it told so far.
struct Node {
    engine: Real,
    bell: Arc<Bell>,
    told: Vec<Event>,
}

impl Cluster {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::create(&folder.path().join("cluster"), &name("home"), unix_now()).unwrap();
        Self { folder, authority, starts: 0 }
    }

    fn path(&self, node: &str) -> PathBuf {
        self.folder.path().join(node)
    }

    fn issue(&self, node: &str) -> PathBuf {
        let path = self.path(node);
        let credentials = self.authority.admit(&name(node), unix_now()).unwrap();
        NodeStore::create(&path, &credentials, &[]).unwrap();
        path
    }

    fn start(&mut self, path: &Path, peers: &[&Node]) -> Node {
        self.start_with(path, peers, |_| {})
    }

    fn start_with(&mut self, path: &Path, peers: &[&Node], change: impl FnOnce(&mut RealConfig)) -> Node {
        self.starts += 1;
        let store = NodeStore::open(path, MachineId::new(b"here"), self.starts).unwrap();
        let peers = peers.iter().map(|peer| peer.engine.address()).collect();
        let mut config = RealConfig::new("127.0.0.1:0".parse().unwrap(), peers);
        // A busy machine must not look like a dead node.
        config.idle = Duration::from_secs(2);
        change(&mut config);
        let bell = Arc::new(Bell::default());
        let rings = Arc::clone(&bell);
        let waker = move || {
            *rings.rung.lock().unwrap() = true;
            rings.changed.notify_all();
        };
        let engine = Real::start(store, config, Box::new(waker)).unwrap();
        Node { engine, bell, told: Vec::new() }
    }

    fn issue_and_start(&mut self, node: &str, peers: &[&Node]) -> Node {
        let path = self.issue(node);
        self.start(&path, peers)
    }
}

impl Node {
    /// Waits until something is told that fits, and forgets what was told up to it.
    fn wait(&mut self, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
        loop {
            if let Some(at) = self.told.iter().position(&fits) {
                let mut told: Vec<Event> = self.told.drain(..=at).collect();
                return told.pop().unwrap();
            }
            let before = self.told.len();
            self.told.extend(std::iter::from_fn(|| self.engine.poll_event()));
            if self.told.len() > before {
                continue;
            }
            let rung = self.bell.rung.lock().unwrap();
            let (mut rung, late) = self.bell.changed.wait_timeout_while(rung, LONG, |rung| !*rung).unwrap();
            assert!(!late.timed_out(), "no {what}; told: {:?}", self.told);
            *rung = false;
        }
    }

    fn wait_up(&mut self, node: NodeId) -> Member {
        let up = self.wait("up", |event| matches!(event, Event::Up(member) if member.node == node));
        let Event::Up(member) = up else { panic!("{up:?}") };
        member
    }

    fn wait_row(&mut self, node: NodeId, key: &[u8], value: Option<&[u8]>) {
        self.wait("row", |event| match event {
            Event::Row { node: of, key: named, row } => {
                *of == node && named == key && row.as_ref().map(|row| &*row.value) == value
            }
            _ => false,
        });
    }

    fn id(&self) -> NodeId {
        self.engine.node()
    }
}

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn meet(a: &mut Node, b: &mut Node) {
    let (a_id, b_id) = (a.id(), b.id());
    a.wait_up(b_id);
    b.wait_up(a_id);
}

/// Waits for what no bell tells, looking again and again.
fn until(what: &str, met: impl Fn() -> bool) {
    let (sender, ticks) = mpsc::channel::<()>();
    let looked = (0..6000).any(|_| met() || ticks.recv_timeout(Duration::from_millis(10)).is_ok());
    drop(sender);
    assert!(looked, "not within a minute: {what}");
}

#[test]
fn two_nodes_meet_and_messages_frames_notices_and_rows_pass() {
    let mut cluster = Cluster::new();
    let mut north = cluster.issue_and_start("north", &[]);
    let mut south = cluster.issue_and_start("south", &[&north]);
    let member = north.wait_up(south.id());
    assert_eq!((&*member.name, member.slot.number(), member.incarnation), ("south", 1, 1));
    south.wait_up(north.id());
    for (from, to) in [(0, 1), (1, 0)] {
        let (north_id, south_id) = (north.id(), south.id());
        let (sender, receiver) = if from == 0 { (&mut north, &mut south) } else { (&mut south, &mut north) };
        let (from_id, to_id) = if to == 1 { (north_id, south_id) } else { (south_id, north_id) };
        for number in 0..100_u8 {
            sender.engine.send(to_id, &[number; 3000]).unwrap();
        }
        for number in 0..100_u8 {
            let event = receiver.wait("message", |event| matches!(event, Event::Message { .. }));
            assert_eq!(event, Event::Message { from: from_id, bytes: vec![number; 3000] }, "in order");
        }
        let large = vec![9; MAX_MESSAGE];
        sender.engine.send(to_id, &large).unwrap();
        receiver
            .wait("large message", |event| matches!(event, Event::Message { bytes, .. } if *bytes == large));
        // From the first moment on, also before the path is known to carry more than 1200 bytes.
        let frame: Vec<u8> = (0..1514_u16).map(|n| n as u8).collect();
        sender.engine.send_frame(to_id, &frame).unwrap();
        let event = receiver.wait("frame", |event| matches!(event, Event::Frame { .. }));
        assert_eq!(event, Event::Frame { from: from_id, bytes: frame });
        sender.engine.notify(b"mine now").unwrap();
        let event = receiver.wait("notice", |event| matches!(event, Event::Notice { .. }));
        assert_eq!(event, Event::Notice { from: from_id, bytes: b"mine now".to_vec() });
        sender.engine.publish(b"load\xff", &[0, 1, 255]).unwrap();
        receiver.wait_row(from_id, b"load\xff", Some(&[0, 1, 255]));
        sender.engine.publish(b"load\xff", b"").unwrap();
        receiver.wait_row(from_id, b"load\xff", Some(b""));
        assert!(receiver.engine.row(from_id, b"load\xff").is_some());
        sender.engine.remove(b"load\xff");
        receiver.wait_row(from_id, b"load\xff", None);
    }
    let long = vec![0; MAX_MESSAGE + 1];
    assert!(matches!(north.engine.send(south.id(), &long), Err(Refused::TooLong { .. })));
    assert!(matches!(north.engine.send(NodeId(77), b""), Err(Refused::NoSession(NodeId(77)))));
    assert_eq!((north.engine.counts(), south.engine.counts()), Default::default());
}

#[test]
fn three_nodes_find_each_other_and_one_that_is_gone_and_back_is_told() {
    let mut cluster = Cluster::new();
    let mut north = cluster.issue_and_start("north", &[]);
    let south_path = cluster.issue("south");
    let mut south = cluster.start(&south_path, &[&north]);
    let mut west = cluster.issue_and_start("west", &[&north]);
    meet(&mut north, &mut south);
    meet(&mut north, &mut west);
    meet(&mut south, &mut west);
    let id = south.id();
    south.engine.publish(b"mine", b"1").unwrap();
    west.wait_row(id, b"mine", Some(b"1"));
    drop(south);
    for node in [&mut north, &mut west] {
        node.wait("down", |event| *event == Event::Down(id));
        assert_eq!(node.engine.row(id, b"mine"), None);
        assert!(matches!(node.engine.send(id, b""), Err(Refused::NoSession(_))));
    }
    // It remembers whom it has seen, and needs no address.
    let mut south = cluster.start(&south_path, &[]);
    for node in [&mut north, &mut west] {
        assert_eq!(node.wait_up(id).incarnation, 2);
    }
    south.wait_up(north.id());
    south.engine.publish(b"mine", b"2").unwrap();
    west.wait_row(id, b"mine", Some(b"2"));
}

#[test]
fn a_node_that_falls_silent_is_suspected_then_down_and_its_restart_is_let_in() {
    let mut cluster = Cluster::new();
    let mut north = cluster.issue_and_start("north", &[]);
    let path = cluster.issue("south");
    let mut south = cluster.start(&path, &[&north]);
    meet(&mut north, &mut south);
    let id = south.id();
    south.engine.publish(b"mine", b"1").unwrap();
    north.wait_row(id, b"mine", Some(b"1"));
    // Without a goodbye, as a crash is; its socket and state file are free again.
    south.engine.crash();
    north.wait("suspect", |event| *event == Event::Suspect(id));
    north.wait("down", |event| *event == Event::Down(id));
    drop(south);
    let mut south = cluster.start(&path, &[&north]);
    assert_eq!(north.wait_up(id).incarnation, 2);
    south.wait_up(north.id());
    // What it said before it may say again.
    north.engine.publish(b"theirs", b"3").unwrap();
    south.engine.publish(b"mine", b"1").unwrap();
    until("the row is there", || north.engine.row(id, b"mine").is_some_and(|row| *row.value == *b"1"));
    until("theirs too", || south.engine.row(north.id(), b"theirs").is_some());
}

#[test]
fn a_node_of_another_cluster_gets_no_session_and_is_counted() {
    let (mut cluster, mut other) = (Cluster::new(), Cluster::new());
    let mut north = cluster.issue_and_start("north", &[]);
    // The same names and the next slot: only the key differs.
    other.issue("first");
    let stranger = other.issue_and_start("stranger", &[&north]);
    until("counted", || north.engine.counts().handshakes_refused > 0);
    until("counted there too", || stranger.engine.counts().handshakes_refused > 0);
    let mut south = cluster.issue_and_start("south", &[&north]);
    meet(&mut north, &mut south);
    assert_eq!(north.engine.members().len(), 1);
    assert!(stranger.engine.members().is_empty());
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    std::fs::copy(from.join("node.redb"), to.join("node.redb")).unwrap();
}

#[test]
fn two_that_live_in_one_slot_are_both_shut_out_for_good() {
    let mut cluster = Cluster::new();
    let mut north = cluster.issue_and_start("north", &[]);
    let path = cluster.issue("south");
    // Its machine's image was copied while it was off.
    copy(&path, &cluster.path("copy"));
    let mut south = cluster.start(&path, &[&north]);
    meet(&mut north, &mut south);
    let mut west = cluster.issue_and_start("west", &[&north]);
    meet(&mut north, &mut west);
    let copied = cluster.path("copy");
    let mut second = cluster.start(&copied, &[&north]);
    let slot = south.engine.slot();
    for node in [&mut north, &mut west] {
        node.wait("fence", |event| *event == Event::Fenced { slot, fault: Fault::UsedTwice });
    }
    for node in [&mut south, &mut second] {
        node.wait("stop", |event| *event == Event::Stopped(Stopped::Fenced(Fault::UsedTwice)));
        assert_eq!(node.engine.publish(b"x", b"y"), Err(Refused::Stopped));
    }
    drop((south, second));
    for path in [path, copied] {
        let again = NodeStore::open(&path, MachineId::new(b"here"), 99);
        assert!(matches!(again, Err(IdentityError::ShutOut(Fault::UsedTwice))));
    }
    assert!(north.engine.counts().members_refused > 0);
}

#[test]
fn a_copy_that_starts_later_than_the_original_is_asked_for_and_both_are_shut_out() {
    let mut cluster = Cluster::new();
    let mut north = cluster.issue_and_start("north", &[]);
    let path = cluster.issue("south");
    let mut south = cluster.start(&path, &[&north]);
    meet(&mut north, &mut south);
    let id = south.id();
    drop(south);
    north.wait("down", |event| *event == Event::Down(id));
    // The copy knows all starts so far, so its own looks like the next one: only the original, alive, tells.
    copy(&path, &cluster.path("copy"));
    let mut south = cluster.start(&path, &[&north]);
    assert_eq!(north.wait_up(id).incarnation, 2);
    south.wait_up(north.id());
    let copied = cluster.path("copy");
    drop(NodeStore::open(&copied, MachineId::new(b"here"), cluster.starts).unwrap());
    let mut second = cluster.start(&copied, &[&north]);
    let slot = second.engine.slot();
    north.wait("fence", |event| *event == Event::Fenced { slot, fault: Fault::UsedTwice });
    for node in [&mut south, &mut second] {
        node.wait("stop", |event| *event == Event::Stopped(Stopped::Fenced(Fault::UsedTwice)));
    }
}

#[test]
fn a_state_that_was_set_back_is_refused_and_the_others_live_on() {
    let mut cluster = Cluster::new();
    let mut north = cluster.issue_and_start("north", &[]);
    let path = cluster.issue("south");
    copy(&path, &cluster.path("old"));
    for _ in 0..2 {
        let mut south = cluster.start(&path, &[&north]);
        meet(&mut north, &mut south);
        let id = south.id();
        drop(south);
        north.wait("down", |event| *event == Event::Down(id));
    }
    let old = cluster.path("old");
    let mut south = cluster.start(&old, &[&north]);
    south.wait("stop", |event| *event == Event::Stopped(Stopped::Fenced(Fault::SetBack)));
    let slot = south.engine.slot();
    north.wait("fence", |event| *event == Event::Fenced { slot, fault: Fault::SetBack });
}

#[test]
fn a_machine_joins_by_a_token_once_and_meets_the_others() {
    let mut cluster = Cluster::new();
    let path = cluster.issue("north");
    let key = Authority::open(&cluster.path("cluster")).unwrap();
    let mut north = cluster.start_with(&path, &[], |config| config.authority = Some(key));
    let mut random = Seeded(ChaCha12Rng::seed_from_u64(1));
    let invitation = cluster.authority.invite(unix_now(), LONG, &mut random).unwrap();
    let token = Token::parse(&invitation.token.to_text()).unwrap();
    let address = north.engine.address();
    let subject = join(address, &token, &name("south"), &cluster.path("south")).unwrap();
    assert_eq!((subject.slot.number(), subject.name.as_str()), (1, "south"));
    let again = join(address, &token, &name("west"), &cluster.path("west"));
    assert!(matches!(again, Err(EngineError::Refused(why)) if why.contains("was used")));
    assert!(!cluster.path("west").exists());
    let foreign = Cluster::new().authority.invite(unix_now(), LONG, &mut random).unwrap();
    let foreign = join(address, &foreign.token, &name("west"), &cluster.path("west"));
    assert!(matches!(foreign, Err(EngineError::Join(..))), "{foreign:?}");
    let south_path = cluster.path("south");
    let mut south = cluster.start(&south_path, &[]);
    meet(&mut north, &mut south);
}

#[test]
fn an_invitation_is_answered_without_a_running_node_too() {
    let cluster = Cluster::new();
    let mut random = Seeded(ChaCha12Rng::seed_from_u64(2));
    let invitation = cluster.authority.invite(unix_now(), LONG, &mut random).unwrap();
    let token = invitation.token.clone();
    let (sender, address) = mpsc::channel();
    let authority = Arc::new(Authority::open(&cluster.path("cluster")).unwrap());
    let door = thread::Builder::new().spawn(move || {
        let listen = "127.0.0.1:0".parse().unwrap();
        serve_invitation(&authority, &invitation, listen, |address| sender.send(address).unwrap())
    });
    let subject = join(address.recv().unwrap(), &token, &name("south"), &cluster.path("south")).unwrap();
    assert_eq!(subject.name.as_str(), "south");
    assert!(door.unwrap().join().unwrap().unwrap());
}

#[test]
fn a_certificate_near_its_end_is_renewed_over_a_session() {
    let mut cluster = Cluster::new();
    let path = cluster.issue("north");
    let key = Authority::open(&cluster.path("cluster")).unwrap();
    let mut north = cluster.start_with(&path, &[], |config| config.authority = Some(key));
    let short = Authority::open(&cluster.path("cluster")).unwrap().with_lifetime(Duration::from_secs(3600));
    cluster.authority = short;
    let path = cluster.issue("south");
    let mut south = cluster.start_with(&path, &[&north], |config| config.idle = Duration::from_secs(1));
    let before = south.engine.certificate_until();
    meet(&mut north, &mut south);
    until("renewed", || south.engine.certificate_until() > before + 86_400);
    drop(south);
    // The new one is what it starts with.
    let mut south = cluster.start(&path, &[&north]);
    assert!(south.engine.certificate_until() > before + 86_400);
    south.wait_up(north.id());
}

#[test]
fn a_slot_that_the_authority_denies_is_shut_out_everywhere() {
    let mut cluster = Cluster::new();
    let path = cluster.issue("north");
    let key = Authority::open(&cluster.path("cluster")).unwrap();
    let with_key = |config: &mut RealConfig| {
        config.authority = Some(key);
        config.idle = Duration::from_secs(1);
    };
    let mut north = cluster.start_with(&path, &[], with_key);
    let mut south = cluster.issue_and_start("south", &[&north]);
    let mut west = cluster.issue_and_start("west", &[&north]);
    meet(&mut north, &mut south);
    meet(&mut south, &mut west);
    let slot = south.engine.slot();
    cluster.authority.deny(slot).unwrap();
    for node in [&mut north, &mut west] {
        node.wait("fence", |event| *event == Event::Fenced { slot, fault: Fault::Revoked });
    }
    south.wait("stop", |event| *event == Event::Stopped(Stopped::Fenced(Fault::Revoked)));
}
