//! The beginning of a session: who is it, may it come in, and by which of several connections.
//!
//! Both sides say hello and judge. Where two nodes dial each other at once, the one with the smaller id chooses: the
//! connection on which it opens its stream of messages is the session, the other one is closed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, RecvStream};
use rustls::pki_types::CertificateDer;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::hello::{Hello, MAX_HELLO};
use super::session::{self, HELLO, MESSAGES, PING};
use super::shared::{Goodbye, Session, Shared, close, node_of};
use super::{join, tls};
use crate::announce::NodeId;
use crate::engine::identity::{Remembered, SERVER_NAME, Subject};
use crate::engine::incarnation::{Seen, Verdict};
use crate::engine::{Event, Fault, Member, PeerState};

/// How long a greeting may take.
const GREETING: Duration = Duration::from_secs(10);
/// How many connections are dialed at a time.
const DIALING: usize = 64;
/// Messages that wait for the network, of one node.
const OUTBOX: usize = 256;

/// Dials an address, unless that is being done.
pub(super) fn dial(shared: &Arc<Shared>, address: SocketAddr) {
    let mut state = shared.state();
    let busy = state.dialing.len() >= DIALING || !state.dialing.insert(address);
    let (false, Some(client)) = (busy || address == shared.address, state.client.clone()) else { return };
    drop(state);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        if let Ok(connecting) = shared.endpoint.connect_with(client, address, SERVER_NAME) {
            match timeout(GREETING, connecting).await {
                Ok(Ok(connection)) => {
                    let shared = Arc::clone(&shared);
                    tokio::spawn(async move { greet(&shared, connection).await });
                }
                Ok(Err(error)) => count_refusal(&shared, &error),
                Err(_) => {}
            }
        }
        // Not at once again.
        tokio::time::sleep(shared.idle).await;
        shared.state().dialing.remove(&address);
    });
}

/// Takes whoever comes.
pub(super) async fn accept(shared: Arc<Shared>) {
    while let Some(incoming) = shared.endpoint.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            match timeout(GREETING, incoming).await {
                Ok(Ok(connection)) => greet(&shared, connection).await,
                Ok(Err(error)) => count_refusal(&shared, &error),
                Err(_) => shared.count(|counts| counts.handshakes_refused += 1),
            }
        });
    }
}

/// Silence is no refusal.
fn count_refusal(shared: &Shared, error: &quinn::ConnectionError) {
    use quinn::ConnectionError::{ConnectionClosed, TransportError};
    if matches!(error, ConnectionClosed(_) | TransportError(_)) {
        shared.count(|counts| counts.handshakes_refused += 1);
    }
}

async fn greet(shared: &Arc<Shared>, connection: Connection) {
    if session::protocol(&connection).as_deref() == Some(tls::JOIN) {
        let seat = shared.joining.try_acquire();
        if let (Some(authority), Ok(_seat)) = (&shared.authority, seat) {
            let peers = shared.state().sessions.values().map(|session| session.address).collect();
            join::serve(connection, authority, shared.address, peers).await;
        }
        return;
    }
    let Some(subject) = subject_of(&connection).filter(|subject| subject.cluster == shared.subject.cluster)
    else {
        shared.count(|counts| counts.handshakes_refused += 1);
        return close(&connection, Goodbye::Malformed);
    };
    match timeout(GREETING, hellos(shared, &connection)).await {
        Ok(Some(hello)) => judge(shared, connection, subject, hello).await,
        _ if connection.close_reason().is_none() => {
            shared.count(|counts| counts.malformed += 1);
            close(&connection, Goodbye::Malformed);
        }
        _ => session::heed(shared, &connection.closed().await),
    }
}

fn subject_of(connection: &Connection) -> Option<Subject> {
    let identity = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    Subject::of(identity.first()?).ok()
}

/// Says hello and hears the other's.
async fn hellos(shared: &Shared, connection: &Connection) -> Option<Hello> {
    let incarnation = shared.store.incarnation().clone();
    let own = Hello { incarnation, address: shared.address, authority: shared.authority.is_some() };
    let mut out = connection.open_uni().await.ok()?;
    out.write_all(&[&[HELLO], &own.to_bytes()[..]].concat()).await.ok()?;
    out.finish().ok()?;
    let bytes = connection.accept_uni().await.ok()?.read_to_end(MAX_HELLO).await.ok()?;
    let (kind, hello) = bytes.split_first()?;
    Hello::parse(hello).filter(|_| *kind == HELLO)
}

/// Lets a node in, or does not.
async fn judge(shared: &Arc<Shared>, connection: Connection, subject: Subject, hello: Hello) {
    if subject.slot == shared.subject.slot {
        // This node has dialed itself, or somebody has its identity.
        if hello.incarnation != *shared.store.incarnation() {
            close(&connection, Goodbye::ShutOut(Fault::UsedTwice));
            shared.fence(subject.slot, Fault::UsedTwice);
        }
        return close(&connection, Goodbye::Duplicate);
    }
    match standing(shared, &subject, &hello).await {
        Ok(()) => choose(shared, connection, subject, hello).await,
        Err(fault) => {
            shared.count(|counts| counts.members_refused += 1);
            close(&connection, Goodbye::ShutOut(fault));
        }
    }
}

/// Whether that start of that node may be in the cluster. What this node has seen of it is saved before.
async fn standing(shared: &Shared, subject: &Subject, hello: &Hello) -> Result<(), Fault> {
    let failed = |error| {
        shared.fail(&error);
        Fault::SetBack
    };
    let slot = subject.slot;
    if shared.store.is_denied(slot).map_err(failed)? {
        return Err(Fault::Revoked);
    }
    let known = shared.store.remembered(slot).map_err(failed)?;
    if let Some(fault) = known.as_ref().and_then(|known| known.fault) {
        return Err(fault);
    }
    let verdict = known.map_or(Verdict::Later, |known| hello.incarnation.compare(known.seen));
    match verdict {
        Verdict::Impossible(Fault::UsedTwice) => {
            shared.fence(slot, Fault::UsedTwice);
            return Err(Fault::UsedTwice);
        }
        Verdict::Impossible(fault) => {
            shared.inbox.tell(Event::Fenced { slot, fault });
            return Err(fault);
        }
        Verdict::Later if lives_on(shared, node_of(slot), hello.incarnation.seen()).await => {
            shared.fence(slot, Fault::UsedTwice);
            return Err(Fault::UsedTwice);
        }
        Verdict::Later | Verdict::Same => {}
    }
    // Somebody else may have come in while the old session was asked.
    let known = shared.store.remembered(slot).map_err(failed)?;
    let judged = known.map(|known| (known.fault, hello.incarnation.compare(known.seen)));
    if let Some((Some(fault), _) | (None, Verdict::Impossible(fault))) = judged {
        return Err(fault);
    }
    let seen = hello.incarnation.seen();
    let remembered = Remembered { seen, fault: None, address: hello.address.to_string() };
    shared.store.remember(slot, &remembered).map_err(failed)
}

/// Whether an earlier start of that node than `seen` is still there: it is asked, and either answers or its session
/// breaks.
async fn lives_on(shared: &Shared, node: NodeId, seen: Seen) -> bool {
    let asked = {
        let state = shared.state();
        let older = state.sessions.get(&node).filter(|session| session.seen != seen);
        older.map(|session| (session.connection.clone(), Arc::clone(&session.alive)))
    };
    let Some((connection, alive)) = asked else { return false };
    // Answers to earlier challenges do not count.
    let answered = alive.notified();
    let ask = async {
        loop {
            // Where it cannot be sent the session is over, which is waited for below.
            let _ = connection.send_datagram(bytes::Bytes::from_static(&[PING]));
            tokio::time::sleep(shared.idle / 8).await;
        }
    };
    tokio::select! {
        () = answered => true,
        _ = connection.closed() => false,
        () = ask => false,
        () = tokio::time::sleep(shared.idle * 4) => true,
    }
}

/// Makes a connection the session, if it is the one.
async fn choose(shared: &Arc<Shared>, connection: Connection, subject: Subject, hello: Hello) {
    let node = node_of(subject.slot);
    let chooses = shared.node() < node;
    let (outbox, letters) = mpsc::channel(OUTBOX);
    let session = Session {
        connection: connection.clone(),
        seen: hello.incarnation.seen(),
        address: hello.address,
        authority: hello.authority,
        outbox,
        frames: 0,
        alive: Arc::new(Notify::new()),
    };
    let member = Member {
        node,
        slot: subject.slot,
        name: subject.name.as_str().to_owned(),
        incarnation: hello.incarnation.count,
        state: PeerState::Up,
    };
    let inward = if chooses { None } else { chosen(&connection).await };
    // The first stream after the hello is what the other side waits for: as soon as there is a session, gossip opens others.
    let outward = connection.open_uni().await.ok().filter(|_| chooses || inward.is_some());
    let Some(outward) = outward else {
        session::heed(shared, &connection.closed().await);
        return;
    };
    if !enter(shared, session, member, chooses) {
        return close(&connection, Goodbye::Duplicate);
    }
    session::run(shared, node, &connection, letters, (outward, inward)).await;
}

/// Waits for the other side to choose this connection.
async fn chosen(connection: &Connection) -> Option<RecvStream> {
    let wait = async {
        let mut stream = connection.accept_uni().await.ok()?;
        let mut kind = [0];
        stream.read_exact(&mut kind).await.ok()?;
        (kind == [MESSAGES]).then_some(stream)
    };
    let stream = timeout(GREETING, wait).await.ok().flatten();
    if stream.is_none() {
        close(connection, Goodbye::Duplicate);
    }
    stream
}

/// Makes it the session with that node. False if `if_free` and there is one.
fn enter(shared: &Shared, session: Session, member: Member, if_free: bool) -> bool {
    let node = member.node;
    let mut state = shared.state();
    let other = state.sessions.get(&node).filter(|other| other.connection.close_reason().is_none());
    if let Some(other) = other {
        if if_free && other.seen == session.seen {
            return false;
        }
        close(&other.connection, Goodbye::Duplicate);
    }
    let hidden = !state.is_shown(node);
    if state.sessions.insert(node, session).is_some() {
        shared.inbox.tell(Event::Suspect(node));
    }
    state.members.insert(node, member.clone());
    shared.inbox.tell(Event::Up(member));
    if hidden {
        let keys = state.rows.get(&node).into_iter().flat_map(|rows| rows.keys());
        let keys: Vec<_> = keys.map(|key| (node, key.clone())).collect();
        state.changed.extend(keys);
    }
    true
}
