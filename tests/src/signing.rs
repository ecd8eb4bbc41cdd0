//! With what nodes on the simulated air sign.

use std::sync::Arc;

use airloom::node::Announcing;
use mesh::announce::{self, ClusterTime, Identity, Profile, SignerState};
use zeroize::Zeroizing;

use crate::scene::random;

/// With what a node signs that is not to crash.
pub(crate) fn announcing(number: u8, profile: Profile) -> Announcing {
    let mut seed = Zeroizing::new([0; 32]);
    seed[0] = number;
    Announcing {
        profile,
        identity: Arc::new(Identity::from_seed(&seed)),
        last: SignerState::default(),
        journal: Box::new(Forgetful),
        clock: Box::new(|now| Some(ClusterTime(1_800_000_000_000_000 + now.as_micros()))),
        rows: 40,
        random: random(1000 + u64::from(number)),
    }
}

/// Keeps nothing: the node does not start again.
struct Forgetful;

impl announce::Journal for Forgetful {
    type Error = anyhow::Error;

    fn save(&mut self, _: &SignerState) -> anyhow::Result<()> {
        Ok(())
    }
}
