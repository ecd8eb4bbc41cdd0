//! Why an announcement or a record was not believed, and how often.

use std::fmt;

macro_rules! refusals {
    ($($reason:ident, $name:literal, $text:literal;)*) => {
        /// Why something was refused; in the order in which it is found out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Refusal {
            $(#[doc = $text] $reason,)*
        }

        impl Refusal {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$reason),*];

            /// The name in `status` and as a label: lower case, underscores.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$reason => $name,)* }
            }

            /// A sentence for people.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$reason => $text,)* }
            }
        }
    };
}

refusals! {
    // What the bytes alone tell.
    Malformed, "malformed", "Its lengths do not add up.";
    UnsupportedVersion, "unsupported_version", "Another version than 1.";
    UnknownScheme, "unknown_scheme", "A scheme or kind of record that there is not.";

    // Whose it is.
    UnknownNode, "unknown_node", "From a node that is not trusted.";
    UnknownEpoch, "unknown_epoch", "Of an epoch whose record is not here, or that is over.";
    WrongScheme, "wrong_scheme", "Under another scheme than its epoch has.";
    BadPayload, "bad_payload", "Its payload cannot be read.";
    ForeignClaim, "foreign_claim", "It claims something for another node than its sender.";

    // Whether it is of now.
    ClockLost, "clock_lost", "Without a clock only Ed25519 can be checked.";
    RowOutside, "row_outside", "Row 0, which is public, or a row that the epoch does not have.";
    RowEarly, "row_early", "Of a row whose time has not come.";
    RowExpired, "row_expired", "Of a row whose time is over: its SEALs are public.";
    RowOlder, "row_older", "Of an older row than was seen before.";
    Replay, "replay", "Its sequence number is not above the last one.";

    // Whether it is real.
    NoHeads, "no_heads", "No row of its epoch is known yet to check SEALs against.";
    TooManyTries, "too_many_tries", "A try number that no signer gets to.";
    BadIndices, "bad_indices", "SEALs that are not strictly increasing, not distinct or out of range.";
    BinsDiffer, "bins_differ", "Its SEALs do not fall into one bin.";
    HeadsTooOld, "heads_too_old", "The last known SEAL of a chain is too far back: take a row record.";
    BadSeal, "bad_seal", "A SEAL that is not of its chain.";
    RateLimited, "rate_limited", "More Ed25519 signatures to check than are checked in a second.";
    BadSignature, "bad_signature", "The Ed25519 signature is wrong.";

    // Records.
    ImpossibleRecord, "impossible_record", "A record with parameters that cannot be or are not allowed.";
    EpochNotNewer, "epoch_not_newer", "An epoch below the newest one, or a second record of one epoch.";
    RowHash, "row_hash", "A row whose hash is not the one in the record.";
    RowNotNewer, "row_not_newer", "A row of which no SEAL is newer than what is known.";
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Refusal {}

impl From<stack::wire::Truncated> for Refusal {
    fn from(_: stack::wire::Truncated) -> Self {
        Self::Malformed
    }
}

const REFUSALS: usize = Refusal::ALL.len();

/// How often something was refused, by reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalCounts([u64; REFUSALS]);

impl RefusalCounts {
    pub(super) const fn new() -> Self {
        Self([0; REFUSALS])
    }

    pub(super) fn count(&mut self, reason: Refusal) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// How often for this reason.
    pub fn of(&self, reason: Refusal) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// The reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        Refusal::ALL.iter().copied().zip(self.0).filter(|&(_, count)| count > 0)
    }
}
