//! How a machine becomes a node: it shows a token to one that has the authority's key, and gets slot and certificate.
//!
//! The machine believes the cluster whose certificate the token names, and keeps its key to itself.
//!
//! ```text
//! request   secret [16] | public key [65] | name
//! answer    0 u8 | until u64 | n u16 | certificate [n] | m u16 | authority's certificate [m] | peers, a line each
//!           1 u8 | why not, as text
//! ```

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, Endpoint, EndpointConfig, TokioRuntime, VarInt};
use stack::wire::Reader;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::{EngineError, runtime, tls, unix_now};
use crate::engine::identity::{
    Authority, Credentials, IdentityError, Invitation, NodeName, NodeStore, PublicKey, SERVER_NAME, Subject,
    Token, new_key, public_key_of,
};

/// The longest request and answer, in bytes.
const MAX_REQUEST: usize = 256;
const MAX_ANSWER: usize = 64 * 1024;
/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers a machine that wants to join. True if it was let in.
pub(super) async fn serve(
    connection: Connection,
    authority: &Authority,
    address: SocketAddr,
    peers: Vec<SocketAddr>,
) -> bool {
    let answer = async {
        let (mut out, mut inward) = connection.accept_bi().await.ok()?;
        let request = Zeroizing::new(inward.read_to_end(MAX_REQUEST).await.ok()?);
        let admitted = admit(authority, &request);
        let let_in = admitted.is_ok();
        out.write_all(&answer(admitted, authority, address, &peers)).await.ok()?;
        out.finish().ok()?;
        // The machine hangs up when it has read it.
        connection.closed().await;
        Some(let_in)
    };
    let let_in = timeout(PATIENCE, answer).await.ok().flatten().unwrap_or(false);
    connection.close(VarInt::from_u32(0), b"");
    let_in
}

fn admit(authority: &Authority, request: &[u8]) -> Result<(Vec<u8>, u64), IdentityError> {
    let mut reader = Reader::new(request);
    let parts = reader.take(16).and_then(|secret| Ok((secret, *reader.array::<65>()?)));
    let (secret, key) = parts.map_err(|_| IdentityError::NoToken)?;
    let name = NodeName::new(&String::from_utf8_lossy(reader.rest()))?;
    let now = unix_now();
    authority.take_invitation(secret, now)?;
    authority.admit_key(&name, &key, now)
}

fn answer(
    admitted: Result<(Vec<u8>, u64), IdentityError>,
    authority: &Authority,
    address: SocketAddr,
    peers: &[SocketAddr],
) -> Vec<u8> {
    let (certificate, until) = match admitted {
        Ok(admitted) => admitted,
        Err(error) => return [&[1], error.to_string().as_bytes()].concat(),
    };
    let mut out = vec![0];
    out.extend(until.to_le_bytes());
    for certificate in [&certificate[..], authority.certificate()] {
        out.extend(u16::try_from(certificate.len()).unwrap_or(u16::MAX).to_le_bytes());
        out.extend(certificate);
    }
    let peers: Vec<String> = std::iter::once(&address).chain(peers).map(ToString::to_string).collect();
    out.extend(peers.join("\n").into_bytes());
    out
}

/// Joins a cluster by way of the node at `address`, and writes the node's state to a new `folder`. Blocks meanwhile.
pub fn join(
    address: SocketAddr,
    token: &Token,
    name: &NodeName,
    folder: &Path,
) -> Result<Subject, EngineError> {
    // A token is used up by being shown, so what can fail without it comes first.
    if folder.exists() {
        return Err(IdentityError::Exists(folder.to_owned()).into());
    }
    let (key, public) = new_key()?;
    let request = Zeroizing::new([&token.secret()[..], &public, name.as_str().as_bytes()].concat());
    let answer = runtime()?.block_on(async {
        timeout(PATIENCE, ask(address, token, &request)).await.unwrap_or(Err(EngineError::NoAnswer(address)))
    })?;
    let (credentials, peers) = read(&answer, key, &public, token)?;
    NodeStore::create(folder, &credentials, &peers)?;
    Ok(Subject::of(&credentials.certificate)?)
}

async fn ask(address: SocketAddr, token: &Token, request: &[u8]) -> Result<Vec<u8>, EngineError> {
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0)),
    };
    let endpoint = Endpoint::client(any).map_err(|error| EngineError::Socket(any, error))?;
    let broken = |error: &dyn std::fmt::Display| EngineError::Join(address, error.to_string());
    let connecting = endpoint.connect_with(tls::joining(token, PATIENCE)?, address, SERVER_NAME);
    let connection = connecting.map_err(|e| broken(&e))?.await.map_err(|e| broken(&e))?;
    let (mut out, mut inward) = connection.open_bi().await.map_err(|e| broken(&e))?;
    out.write_all(request).await.map_err(|e| broken(&e))?;
    out.finish().map_err(|e| broken(&e))?;
    let answer = inward.read_to_end(MAX_ANSWER).await.map_err(|e| broken(&e))?;
    connection.close(VarInt::from_u32(0), b"");
    endpoint.wait_idle().await;
    Ok(answer)
}

fn read(
    answer: &[u8],
    key: Zeroizing<Vec<u8>>,
    public: &PublicKey,
    token: &Token,
) -> Result<(Credentials, Vec<String>), EngineError> {
    let mut reader = Reader::new(answer);
    if reader.u8().is_ok_and(|verdict| verdict == 1) {
        let why: String =
            String::from_utf8_lossy(reader.rest()).chars().filter(|c| !c.is_control()).collect();
        return Err(EngineError::Refused(why));
    }
    let mut parts = || {
        let until = reader.u64_le()?;
        let mut part = || {
            let len = reader.u16_le()?;
            reader.take(usize::from(len)).map(<[u8]>::to_vec)
        };
        Ok::<_, stack::wire::Truncated>((until, part()?, part()?))
    };
    let (until, certificate, authority) = parts().map_err(IdentityError::certificate)?;
    if public_key_of(&certificate)? != *public || !token.is_for(&authority) {
        return Err(IdentityError::certificate("it is not the one that was asked for").into());
    }
    let peers = String::from_utf8_lossy(reader.rest()).lines().map(str::to_owned).collect();
    Ok((Credentials { authority, certificate, key, until }, peers))
}

/// Answers at `listen` until the invitation was used, or is too old. True if it was used. `ready` is called with the
/// address when it listens. Blocks meanwhile; for clusters none of whose running nodes has the authority's key.
pub fn serve_invitation(
    authority: &Arc<Authority>,
    invitation: &Invitation,
    listen: SocketAddr,
    ready: impl FnOnce(SocketAddr),
) -> Result<bool, EngineError> {
    runtime()?.block_on(async {
        let server = tls::server(&authority.doorkeeper(unix_now())?, true, PATIENCE)?;
        let socket = std::net::UdpSocket::bind(listen).map_err(|error| EngineError::Socket(listen, error))?;
        let endpoint = Endpoint::new(EndpointConfig::default(), Some(server), socket, Arc::new(TokioRuntime));
        let endpoint = endpoint.map_err(|error| EngineError::Socket(listen, error))?;
        let address = endpoint.local_addr().map_err(|error| EngineError::Socket(listen, error))?;
        ready(address);
        while authority.is_open(invitation, unix_now()) {
            // Looks at the clock now and then, also while nobody comes.
            let Ok(Some(incoming)) = timeout(Duration::from_secs(1), endpoint.accept()).await else {
                continue;
            };
            let authority = Arc::clone(authority);
            tokio::spawn(async move {
                if let Ok(Ok(connection)) = timeout(PATIENCE, incoming).await {
                    serve(connection, &authority, address, Vec::new()).await;
                }
            });
        }
        // Whoever was let in reads the answer to its end.
        let _ = timeout(PATIENCE, endpoint.wait_idle()).await;
        Ok(unix_now() <= invitation.until)
    })
}
