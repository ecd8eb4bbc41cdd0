//! Somebody on the wire between two nodes, who sends what passes again, changed, cut short, and to others.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::*;

const ROUNDS: u16 = 8;
/// Messages of a round; more may be more than an engine takes at a time.
const MESSAGES: u16 = 50;
/// So many datagrams back lies the one that is sent again.
const BACK: usize = 7;

/// Passes datagrams between whoever speaks to it and a node.
struct Wiretap {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Wiretap {
    #[expect(clippy::disallowed_methods, reason = "who sits on the wire is no part of the core")]
    fn before(node: &Node, bystander: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let (address, over) = (socket.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let (node, ends) = (node.engine.address(), Arc::clone(&over));
        let thread = thread::spawn(move || tap(&socket, node, bystander, &ends));
        Self { address, over, thread }
    }

    /// How much it has tampered with.
    fn end(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn tap(socket: &UdpSocket, node: SocketAddr, bystander: SocketAddr, over: &AtomicBool) -> usize {
    let (mut caller, mut passed, mut buffer) = (None, Vec::new(), [0; 2048]);
    while !over.load(Ordering::Relaxed) {
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        let to = if from == node { caller } else { Some(node) };
        // What the bystander answers is for nobody.
        let Some(to) = to.filter(|_| from != bystander) else { continue };
        if from != node {
            caller = Some(from);
        }
        let datagram = buffer[..len].to_vec();
        // The sender may have closed its socket.
        let say = |to: SocketAddr, bytes: &[u8]| drop(socket.send_to(bytes, to));
        say(to, &datagram);
        passed.push((to, datagram.clone()));
        let mut changed = datagram.clone();
        let place = passed.len() * 31 % len.max(1);
        changed[place] ^= 1 << (passed.len() % 8);
        say(to, &changed);
        say(to, &datagram[..place]);
        say(bystander, &datagram);
        if let Some((to, old)) = passed.len().checked_sub(BACK).and_then(|at| passed.get(at)) {
            say(*to, old);
        }
    }
    passed.len()
}

#[test]
fn sec_h8_what_is_changed_cut_repeated_or_for_another_node_is_not_heard() {
    let mut cluster = Cluster::new();
    let mut north = cluster.issue_and_start("north", &[]);
    let mut west = cluster.issue_and_start("west", &[&north]);
    meet(&mut north, &mut west);
    let wiretap = Wiretap::before(&north, west.engine.address());
    let path = cluster.issue("south");
    let mut south = cluster.start_with(&path, &[], |config| config.peers = vec![wiretap.address]);
    meet(&mut north, &mut south);
    let (north_id, south_id) = (north.id(), south.id());
    let mut frames = Vec::new();
    for round in 0..ROUNDS {
        let numbers = round * MESSAGES..(round + 1) * MESSAGES;
        for number in numbers.clone() {
            south.engine.send(north_id, &number.to_le_bytes()).unwrap();
            north.engine.send(south_id, &number.to_le_bytes()).unwrap();
        }
        south.engine.send_frame(north_id, &round.to_le_bytes()).unwrap();
        hear(&mut north, south_id, numbers.clone(), &mut frames);
        hear(&mut south, north_id, numbers, &mut Vec::new());
    }
    let count = frames.len();
    frames.sort();
    frames.dedup();
    assert_eq!(frames.len(), count, "a frame may be lost; none comes twice");
    west.told.extend(std::iter::from_fn(|| west.engine.poll_event()));
    let foreign = |event: &&Event| !matches!(event, Event::Row { .. } | Event::Up(_));
    assert_eq!(west.told.iter().find(foreign), None, "what was for others");
    assert!(wiretap.end() > 2 * usize::from(ROUNDS), "it sat on the wire");
}

/// Waits for these messages, which come once and in order; other events than rows are frames.
fn hear(node: &mut Node, from: NodeId, numbers: std::ops::Range<u16>, frames: &mut Vec<Vec<u8>>) {
    let mut next = numbers.start;
    while next < numbers.end {
        match node.wait("message", |event| !matches!(event, Event::Row { .. })) {
            Event::Frame { from: sender, bytes } if sender == from => frames.push(bytes),
            event => {
                assert_eq!(event, Event::Message { from, bytes: next.to_le_bytes().to_vec() });
                next += 1;
            }
        }
    }
}
