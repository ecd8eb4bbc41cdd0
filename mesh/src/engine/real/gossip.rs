//! Rows and liveness: chitchat, over the sessions.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chitchat::transport::{Socket, Transport};
use chitchat::{
    ChitchatConfig, ChitchatHandle, ChitchatId, ChitchatMessage, Deserializable, FailureDetectorConfig,
    NodeState, Serializable, spawn_chitchat,
};
use tokio::sync::{Mutex, mpsc};

use super::greet::dial;
use super::session::GOSSIP;
use super::shared::{Rows, Shared, State, node_of};
use crate::announce::NodeId;
use crate::engine::identity::Denial;
use crate::engine::identity::hex::{from_hex, to_hex};
use crate::engine::{Fault, Row};
use crate::lease::NodeSlot;

/// The longest message of gossip, in bytes.
pub(super) const MAX_GOSSIP: usize = 70_000;
/// Messages of gossip that wait.
const QUEUE: usize = 256;
/// How long a removed row is remembered, so that all hear of it.
const REMOVED: Duration = Duration::from_secs(600);

/// The way of gossip: where it goes out, and where it comes in.
pub(super) struct Way {
    shared: Arc<Shared>,
    inward: Mutex<Option<Heard>>,
}

/// Where sessions put what they hear.
pub(super) type Ear = mpsc::Sender<(SocketAddr, ChitchatMessage)>;

/// What the sessions heard.
pub(super) type Heard = mpsc::Receiver<(SocketAddr, ChitchatMessage)>;

struct Mouth {
    shared: Arc<Shared>,
    inward: Heard,
}

/// The queue between the sessions and gossip.
pub(super) fn queue() -> (Ear, Heard) {
    mpsc::channel(QUEUE)
}

/// Takes a message of gossip from a session. What there is no room for is said again.
pub(super) fn heard(shared: &Shared, node: NodeId, mut bytes: &[u8]) {
    let address = shared.state().sessions.get(&node).map(|session| session.address);
    match (address, ChitchatMessage::deserialize(&mut bytes)) {
        (Some(address), Ok(message)) => {
            let _ = shared.ear.try_send((address, message));
        }
        (None, _) => {}
        (_, Err(_)) => shared.count(|counts| counts.malformed += 1),
    }
}

/// Starts to gossip.
pub(super) async fn start(
    shared: &Arc<Shared>,
    inward: Heard,
    interval: Duration,
    peers: Vec<SocketAddr>,
) -> anyhow::Result<ChitchatHandle> {
    let slot = shared.subject.slot.number().to_string();
    let config = ChitchatConfig {
        chitchat_id: ChitchatId::new(slot, shared.store.incarnation().count, shared.address),
        cluster_id: shared.subject.cluster.as_str().to_owned(),
        gossip_interval: interval,
        listen_addr: shared.address,
        seed_nodes: peers.iter().map(ToString::to_string).collect(),
        failure_detector_config: FailureDetectorConfig {
            phi_threshold: 8.0,
            sampling_window_size: 1000,
            max_interval: interval * 10,
            initial_interval: interval * 2,
            dead_node_grace_period: REMOVED * 2,
        },
        marked_for_deletion_grace_period: REMOVED,
        catchup_callback: None,
        extra_liveness_predicate: None,
    };
    let way = Way { shared: Arc::clone(shared), inward: Mutex::new(Some(inward)) };
    spawn_chitchat(config, Vec::new(), &way).await
}

#[async_trait::async_trait]
impl Transport for Way {
    async fn open(&self, _listen_addr: SocketAddr) -> anyhow::Result<Box<dyn Socket>> {
        let inward = self.inward.lock().await.take();
        let inward = inward.ok_or_else(|| anyhow::anyhow!("gossip has one way only"))?;
        Ok(Box::new(Mouth { shared: Arc::clone(&self.shared), inward }))
    }
}

#[async_trait::async_trait]
impl Socket for Mouth {
    async fn send(&mut self, to: SocketAddr, message: ChitchatMessage) -> anyhow::Result<()> {
        let connection = {
            let state = self.shared.state();
            let session = state.sessions.values().find(|session| session.address == to);
            session.map(|session| session.connection.clone())
        };
        let Some(connection) = connection else {
            dial(&self.shared, to);
            return Ok(());
        };
        let mut bytes = vec![GOSSIP];
        message.serialize(&mut bytes);
        if connection.max_datagram_size().is_some_and(|max| bytes.len() <= max) {
            // Gossip repeats itself.
            let _ = connection.send_datagram(bytes.into());
        } else {
            tokio::spawn(async move {
                let Ok(mut stream) = connection.open_uni().await else { return };
                if stream.write_all(&bytes).await.is_ok() {
                    let _ = stream.finish();
                }
            });
        }
        Ok(())
    }

    async fn recv(&mut self) -> anyhow::Result<(SocketAddr, ChitchatMessage)> {
        self.inward.recv().await.ok_or_else(|| anyhow::anyhow!("the engine has stopped"))
    }
}

/// Gossips what this node publishes.
pub(super) async fn publish(shared: Arc<Shared>, handle: &ChitchatHandle) {
    loop {
        shared.publish.notified().await;
        let pending = std::mem::take(&mut shared.state().pending);
        handle
            .with_chitchat(|chitchat| {
                let own = chitchat.self_node_state();
                for (key, value) in &pending {
                    match value {
                        Some(value) => own.set(key, value),
                        None => own.delete(key),
                    }
                }
            })
            .await;
    }
}

/// Follows what gossip learns.
pub(super) async fn follow(shared: Arc<Shared>, handle: &ChitchatHandle) {
    let mut live = handle.with_chitchat(|chitchat| chitchat.live_nodes_watcher()).await;
    while live.changed().await.is_ok() {
        let said = {
            let nodes = live.borrow_and_update();
            take_in(&shared, &nodes)
        };
        said.into_iter().for_each(|(key, value)| obey(&shared, &key, &value));
    }
}

/// Takes in the rows of all live nodes; yields those of the engines.
fn take_in(shared: &Shared, nodes: &BTreeMap<ChitchatId, NodeState>) -> Vec<(String, String)> {
    // Of two incarnations the later one, which is the later one in this order.
    let mut latest: BTreeMap<NodeId, &NodeState> = BTreeMap::new();
    for (id, state) in nodes {
        let slot = id.node_id.parse().ok().and_then(NodeSlot::new);
        if let Some(slot) = slot.filter(|slot| *slot != shared.subject.slot) {
            latest.insert(node_of(slot), state);
        }
    }
    let mut said = Vec::new();
    let mut state = shared.state();
    let gone: Vec<NodeId> = state.rows.keys().copied().filter(|node| !latest.contains_key(node)).collect();
    for node in gone {
        state.rows.remove(&node);
        shared.settle(&mut state, node);
    }
    for (node, known) in latest {
        let (rows, engine) = rows_of(known);
        said.extend(engine);
        replace_rows(&mut state, node, rows);
    }
    if !state.changed.is_empty() {
        shared.inbox.ring();
    }
    said
}

fn rows_of(known: &NodeState) -> (Rows, Vec<(String, String)>) {
    let (mut rows, mut engine) = (Rows::new(), Vec::new());
    for (key, value) in known.key_values_including_deleted().filter(|(_, value)| !value.is_deleted()) {
        let row = key.strip_prefix("r:").and_then(|key| Some((from_hex(key)?, from_hex(&value.value)?)));
        match row {
            Some((key, bytes)) => drop(rows.insert(key, Row { version: value.version, value: bytes })),
            None => engine.push((key.to_owned(), value.value.clone())),
        }
    }
    (rows, engine)
}

fn replace_rows(state: &mut State, node: NodeId, rows: Rows) {
    let shown = state.is_shown(node);
    let before = state.rows.insert(node, rows).unwrap_or_default();
    let (Some(now), true) = (state.rows.get(&node), shown) else { return };
    let new = now.iter().filter(|(key, row)| before.get(*key).is_none_or(|before| before.value != row.value));
    let removed = before.keys().filter(|key| !now.contains_key(*key));
    let keys: Vec<_> = new.map(|(key, _)| key).chain(removed).map(|key| (node, key.clone())).collect();
    state.changed.extend(keys);
}

/// Does what another engine says: a slot is used twice, or denied by the authority.
fn obey(shared: &Shared, key: &str, value: &str) {
    let slot = |text: &str| text.parse().ok().and_then(NodeSlot::new);
    if let Some(slot) = key.strip_prefix("f:").and_then(slot) {
        shared.fence(slot, if value == "set back" { Fault::SetBack } else { Fault::UsedTwice });
    } else if key.starts_with("d:") {
        let authority = &shared.store.credentials().authority;
        if let Some(denial) = from_hex(value).and_then(|bytes| Denial::check(authority, &bytes)) {
            deny(shared, &denial);
        }
    }
}

/// Keeps a denial, says it on, and shuts its node out.
pub(super) fn deny(shared: &Shared, denial: &Denial) {
    match shared.store.deny(denial) {
        Ok(true) => {
            shared.say(denial_key(denial), to_hex(&denial.to_bytes()));
            shared.fence(denial.slot(), Fault::Revoked);
        }
        Ok(false) => {}
        Err(error) => shared.fail(&error),
    }
}

fn denial_key(denial: &Denial) -> String {
    format!("d:{}", denial.slot().number())
}

/// Says all denials that this node knows of.
pub(super) fn say_denials(shared: &Shared) {
    let authority = &shared.store.credentials().authority;
    let rows = shared.store.denials().unwrap_or_default();
    for denial in rows.iter().filter_map(|row| Denial::check(authority, row)) {
        shared.say(denial_key(&denial), to_hex(&denial.to_bytes()));
    }
}
