//! A session: what goes over one connection between two nodes.
//!
//! ```text
//! streams     kind u8, then
//!   HELLO     a hello, to the end of the stream
//!   MESSAGES  { len u32 | message } ..., for as long as the session lasts
//!   GOSSIP    a message of gossip, to the end of the stream
//! datagrams   kind u8, then
//!   1, 2      a frame, or half of one
//!   NOTICE    a notice
//!   GOSSIP    a message of gossip
//!   PING      nothing: answered by PONG
//! ```

use std::sync::Arc;

use quinn::crypto::rustls::HandshakeData;
use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use tokio::sync::{Notify, mpsc};

use super::shared::{Goodbye, Shared, close, goodbye_of};
use super::{gossip, renew};
use crate::announce::NodeId;
use crate::engine::pieces::{HALF, Halves, NoHalf, WHOLE};
use crate::engine::{Event, MAX_MESSAGE};

pub(super) const HELLO: u8 = 16;
pub(super) const MESSAGES: u8 = 17;
pub(super) const GOSSIP: u8 = 18;
pub(super) const NOTICE: u8 = 19;
pub(super) const PING: u8 = 20;
const PONG: u8 = 21;

/// The protocol that both sides agreed on.
pub(super) fn protocol(connection: &Connection) -> Option<Vec<u8>> {
    connection.handshake_data()?.downcast::<HandshakeData>().ok()?.protocol
}

/// Runs a session until it ends. `outward` is to be the stream of this side's messages, `inward` is that of the other side's
/// if it has come already.
pub(super) async fn run(
    shared: &Arc<Shared>,
    node: NodeId,
    connection: &Connection,
    letters: mpsc::Receiver<Vec<u8>>,
    (outward, inward): (SendStream, Option<RecvStream>),
) {
    let alive =
        shared.state().sessions.get(&node).map(|session| Arc::clone(&session.alive)).unwrap_or_default();
    if let Some(stream) = inward {
        tokio::spawn(read_messages(Arc::clone(shared), node, connection.clone(), stream));
    }
    let error = tokio::select! {
        () = write_messages(outward, letters) => connection.closed().await,
        () = read_streams(shared, node, connection) => connection.closed().await,
        () = read_datagrams(shared, node, connection, &alive) => connection.closed().await,
        () = renew::answer(shared, connection) => connection.closed().await,
        error = connection.closed() => error,
    };
    let left = goodbye_of(&error) == Some(Goodbye::Leaving);
    shared.session_ended(node, connection.stable_id(), left);
    heed(shared, &error);
}

/// Heeds what the other side said when it closed a session: a node that is shut out stops.
pub(super) fn heed(shared: &Shared, error: &ConnectionError) {
    if let Some(Goodbye::ShutOut(fault)) = goodbye_of(error) {
        shared.stop_for(fault);
    }
}

async fn write_messages(mut stream: SendStream, mut letters: mpsc::Receiver<Vec<u8>>) {
    let write = async {
        stream.write_all(&[MESSAGES]).await.ok()?;
        while let Some(message) = letters.recv().await {
            write_message(&mut stream, &message).await?;
        }
        Some(())
    };
    let _ended = write.await;
}

async fn write_message(stream: &mut SendStream, message: &[u8]) -> Option<()> {
    let len = u32::try_from(message.len()).ok()?;
    stream.write_all(&len.to_le_bytes()).await.ok()?;
    stream.write_all(message).await.ok()
}

async fn read_messages(shared: Arc<Shared>, node: NodeId, connection: Connection, mut stream: RecvStream) {
    loop {
        let mut len = [0; 4];
        if stream.read_exact(&mut len).await.is_err() {
            return;
        }
        let len = usize::try_from(u32::from_le_bytes(len)).unwrap_or(usize::MAX);
        if len > MAX_MESSAGE {
            shared.count(|counts| counts.malformed += 1);
            return close(&connection, Goodbye::Malformed);
        }
        let mut bytes = vec![0; len];
        if stream.read_exact(&mut bytes).await.is_err() {
            return;
        }
        // What does not fit waits here, and the other side with it.
        shared.inbox.message(Event::Message { from: node, bytes }).await;
    }
}

async fn read_streams(shared: &Arc<Shared>, node: NodeId, connection: &Connection) {
    while let Ok(mut stream) = connection.accept_uni().await {
        let (shared, connection) = (Arc::clone(shared), connection.clone());
        tokio::spawn(async move {
            let mut kind = [0];
            if stream.read_exact(&mut kind).await.is_err() {
                return;
            }
            match kind {
                [MESSAGES] => read_messages(shared, node, connection, stream).await,
                [GOSSIP] => match stream.read_to_end(gossip::MAX_GOSSIP).await {
                    Ok(bytes) => gossip::heard(&shared, node, &bytes),
                    Err(_) => shared.count(|counts| counts.malformed += 1),
                },
                _ => shared.count(|counts| counts.malformed += 1),
            }
        });
    }
}

async fn read_datagrams(shared: &Shared, node: NodeId, connection: &Connection, alive: &Notify) {
    let mut halves = Halves::default();
    while let Ok(datagram) = connection.read_datagram().await {
        let Some((kind, bytes)) = datagram.split_first() else { continue };
        let event = match *kind {
            WHOLE => Ok(Some(Event::Frame { from: node, bytes: bytes.to_vec() })),
            HALF => halves.put(bytes).map(|frame| frame.map(|bytes| Event::Frame { from: node, bytes })),
            NOTICE => Ok(Some(Event::Notice { from: node, bytes: bytes.to_vec() })),
            _ => control(shared, node, connection, alive, *kind, bytes).map(|()| None),
        };
        let fits = match event {
            Ok(event) => event.is_none_or(|event| shared.inbox.frame(event)),
            Err(NoHalf) => {
                shared.count(|counts| counts.malformed += 1);
                true
            }
        };
        if !fits {
            shared.count(|counts| counts.inbox_full += 1);
        }
        match halves.take_lost() {
            0 => {}
            lost => shared.count(|counts| counts.half_frames += lost),
        }
    }
}

/// A datagram that is for the engine itself.
fn control(
    shared: &Shared,
    node: NodeId,
    connection: &Connection,
    alive: &Notify,
    kind: u8,
    bytes: &[u8],
) -> Result<(), NoHalf> {
    match kind {
        GOSSIP => gossip::heard(shared, node, bytes),
        // Where the answer cannot be sent, the other side sees that the session is over.
        PING => drop(connection.send_datagram(bytes::Bytes::from_static(&[PONG]))),
        PONG => alive.notify_waiters(),
        _ => return Err(NoHalf),
    }
    Ok(())
}
