//! Certificates renew themselves: a node asks one that has the authority's key, over their session.
//!
//! ```text
//! request   1 u8
//! answer    until u64 | certificate
//! ```

use std::sync::Arc;
use std::time::Duration;

use quinn::Connection;
use rustls::pki_types::CertificateDer;
use tokio::time::timeout;

use super::shared::Shared;
use super::{gossip, tls, unix_now};
use crate::engine::identity::{Credentials, IdentityError, NODE_LIFETIME, Subject, public_key_of};

const RENEW: u8 = 1;
/// The longest answer, in bytes.
const MAX_ANSWER: usize = 8 * 1024;
/// How often it is looked whether something has to be renewed or denied, by how long a session lasts in silence.
const LOOK: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers requests for renewal on a session, if this node can.
pub(super) async fn answer(shared: &Arc<Shared>, connection: &Connection) {
    while let Ok((mut out, mut inward)) = connection.accept_bi().await {
        let asked = inward.read_to_end(16).await.is_ok_and(|bytes| bytes == [RENEW]);
        let Some(answer) = asked.then(|| renewed_for(shared, connection)).flatten() else { continue };
        if out.write_all(&answer).await.is_ok() {
            // Whether it got there, the one who asked will say by not asking again.
            let _ = out.finish();
        }
    }
}

fn renewed_for(shared: &Shared, connection: &Connection) -> Option<Vec<u8>> {
    let authority = shared.authority.as_ref()?;
    let identity = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    let certificate = identity.first()?;
    let (subject, key) = (Subject::of(certificate).ok()?, public_key_of(certificate).ok()?);
    let (certificate, until) = authority.renew(&subject, &key, unix_now()).ok()?;
    Some([&until.to_le_bytes()[..], &certificate].concat())
}

/// Looks from time to time whether the certificate needs renewal, and whether the authority denies somebody.
pub(super) async fn watch(shared: Arc<Shared>) {
    loop {
        if let Some(authority) = &shared.authority {
            authority.denials().iter().for_each(|denial| gossip::deny(&shared, denial));
        }
        let until = shared.state().credentials.as_ref().map_or(0, |credentials| credentials.until);
        if until < unix_now().saturating_add(NODE_LIFETIME.as_secs() / 3) {
            // What does not work now is tried again.
            let _ = renew(&shared).await;
        }
        tokio::time::sleep(shared.idle * LOOK).await;
    }
}

async fn renew(shared: &Shared) -> Option<()> {
    let (certificate, until) = match &shared.authority {
        Some(authority) => {
            let key = public_key_of(&shared.store.credentials().certificate).ok()?;
            authority.renew(&shared.subject, &key, unix_now()).ok()?
        }
        None => timeout(PATIENCE, ask(shared)).await.ok().flatten()?,
    };
    let same = Subject::of(&certificate).ok()? == shared.subject
        && public_key_of(&certificate).ok()?
            == public_key_of(&shared.store.credentials().certificate).ok()?;
    if !same {
        shared.count(|counts| counts.malformed += 1);
        return None;
    }
    let credentials = shared.store.renew(certificate, until).ok()?;
    adopt(shared, credentials).ok()
}

async fn ask(shared: &Shared) -> Option<(Vec<u8>, u64)> {
    let connection = {
        let state = shared.state();
        state.sessions.values().find(|session| session.authority)?.connection.clone()
    };
    let (mut out, mut inward) = connection.open_bi().await.ok()?;
    out.write_all(&[RENEW]).await.ok()?;
    out.finish().ok()?;
    let answer = inward.read_to_end(MAX_ANSWER).await.ok()?;
    let (until, certificate) = answer.split_first_chunk()?;
    Some((certificate.to_vec(), u64::from_le_bytes(*until)))
}

/// Uses a renewed certificate from the next session on.
fn adopt(shared: &Shared, credentials: Credentials) -> Result<(), IdentityError> {
    let server = tls::server(&credentials, shared.authority.is_some(), shared.idle)?;
    let client = tls::client(&credentials, shared.idle)?;
    shared.endpoint.set_server_config(Some(server));
    let mut state = shared.state();
    state.client = Some(client);
    state.credentials = Some(credentials);
    Ok(())
}
