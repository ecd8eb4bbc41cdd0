//! How long what may take.

use std::time::Duration;

/// Bounds and waiting times. The default is for nodes on one LAN whose engine calls a peer down after 200 to 500 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How many guards a virtual AP has.
    pub guards: usize,
    /// From asking the new owner whether it is ready to its answer.
    pub prepare: Duration,
    /// From the order to drain until nothing is in flight.
    pub drain: Duration,
    /// From giving the context away until it is known to have arrived; then the old owner takes over again.
    pub commit: Duration,
    /// How long the old owner acknowledges what comes for a virtual AP that it gave away.
    pub linger: Duration,
    /// When the owner is lost, the first guard takes over at once, each other so much later than the one before.
    pub stagger: Duration,
    /// How long a lost owner must not have been heard on the air before a guard takes over.
    pub silence: Duration,
    /// After so long a guard takes over although it hears the lost owner on the air.
    pub patience: Duration,
    /// When the owner has been lost for so long and nobody has taken over, the client is invited again. Longer than any
    /// guard may wait, who may have lost the owner later, too.
    pub cold: Duration,
    /// When the owner's row has been gone for so long, and the owner is there, the virtual AP has ended. Rows come by way of
    /// gossip: one that was taken away and put back looks taken away for a while.
    pub ended: Duration,
    /// How long what came for a virtual AP without a known owner is kept.
    pub hold: Duration,
    /// How long a guard keeps a copy of an owner before.
    pub copy_life: Duration,
    /// How long an owner serves on without a guard in sight and without its wired network (rule U6).
    pub fence: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            guards: 2,
            prepare: Duration::from_millis(200),
            drain: Duration::from_millis(500),
            commit: Duration::from_millis(300),
            linger: Duration::from_secs(1),
            stagger: Duration::from_millis(50),
            silence: Duration::from_millis(205),
            patience: Duration::from_secs(1),
            cold: Duration::from_millis(1500),
            ended: Duration::from_secs(5),
            hold: Duration::from_secs(10),
            copy_life: Duration::from_secs(10),
            fence: Duration::from_millis(200),
        }
    }
}
