//! Why something was not taken, and how often.

use std::fmt;

macro_rules! discards {
    ($($reason:ident, $name:literal, $text:literal;)*) => {
        /// Why something that came from another node, or was to go there, was dropped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Discard {
            $(#[doc = $text] $reason,)*
        }

        impl Discard {
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

discards! {
    Malformed, "malformed", "It cannot be read.";
    UnknownVersion, "unknown_version", "Another version than ours.";
    UnknownPeer, "unknown_peer", "From or for a node that is not known.";
    OtherIncarnation, "other_incarnation", "From or for an earlier or later start of a node.";
    WrongSlot, "wrong_slot", "It names a slot that is not its owner's.";
    Unexpected, "unexpected", "It does not fit how things are now: late, or twice.";
    LinkFull, "link_full", "Too much waits to be taken by that node.";
    HeldFull, "held_full", "Too much waits for the virtual AP to have an owner again.";
    HeldTooLong, "held_too_long", "No owner was found for it in time.";
    TooMany, "too_many", "More virtual APs than a node keeps account of.";
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Discard {}

const DISCARDS: usize = Discard::ALL.len();

/// How often something was dropped, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiscardCounts([u64; DISCARDS]);

impl DiscardCounts {
    pub(crate) fn count(&mut self, reason: Discard) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// How often for this reason.
    pub fn of(&self, reason: Discard) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// The reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Discard, u64)> + '_ {
        Discard::ALL.iter().copied().zip(self.0).filter(|&(_, count)| count > 0)
    }
}
