//! A drop has a name: why a frame was discarded, and how often that happened.

use std::fmt;

macro_rules! drop_reasons {
    ($($reason:ident, $name:literal, $text:literal;)*) => {
        /// Why a frame was discarded. One enum for all of the stack; `status` shows a count for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DropReason {
            $(#[doc = $text] $reason,)*
        }

        impl DropReason {
            /// All of them, in the order of the pipeline.
            pub const ALL: &'static [Self] = &[$(Self::$reason),*];

            /// The name in `status`, in logs and as a label: lower case, underscores.
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

drop_reasons! {
    // What can be told from the frame alone.
    BadFcs, "bad_fcs", "The frame check sequence did not match.";
    BadRadiotap, "bad_radiotap", "The radiotap header was malformed.";
    Malformed, "malformed", "The frame ends before its header does, or has lengths that cannot be.";
    UnsupportedVersion, "unsupported_version", "Another protocol version than 0.";
    UnsupportedType, "unsupported_type", "A type or subtype that nobody here has a use for.";
    MalformedBody, "malformed_body", "The body of a management frame could not be read.";
    OwnEcho, "own_echo", "Our own transmission, heard again.";

    // Whose it is.
    NotForUs, "not_for_us", "Addressed to somebody else.";
    BadTransmitter, "bad_transmitter", "The transmitter is a group address, our own address or zero.";
    WrongDirection, "wrong_direction", "The to-DS and from-DS flags do not fit the roles of the two ends.";
    OtherChannel, "other_channel", "A probe request for another channel, heard on this one.";
    WrongBssid, "wrong_bssid", "Of another BSS.";
    FourAddress, "four_address", "A four-address frame from a peer that did not agree on them.";
    UnicastInGroup, "unicast_in_group", "A group receiver address around an individual destination (SEC-D11).";
    SpoofedSource, "spoofed_source", "A source address that is not the transmitter's to use (SEC-D11).";
    UnknownStation, "unknown_station", "A frame of class 2 or 3 from a station that is not associated.";
    UnexpectedManagement, "unexpected_management", "A management frame that was not asked for or does not fit the state.";
    AssociationRefused, "association_refused", "An association request that was answered with a refusal.";
    BadAssociationId, "bad_association_id", "A PS-Poll with another association ID than the station has.";
    MovedAway, "moved_away", "Of a virtual AP that has moved to another radio.";
    PollWhileAwake, "poll_while_awake", "A PS-Poll from a station that is not dozing.";

    // Whether it is new and real.
    Duplicate, "duplicate", "A retransmission of what was already received (SEC-D14).";
    Unprotected, "unprotected", "Plaintext in a protected association (SEC-D1).";
    ProtectedUnexpectedly, "protected_unexpectedly", "Encrypted, but there is no security association.";
    NoKey, "no_key", "Encrypted, and no key for it is installed.";
    UnknownKeyId, "unknown_key_id", "Encrypted under a key ID that is not installed.";
    DecryptFailed, "decrypt_failed", "The MIC did not match: forged, damaged, or under another key.";
    Replay, "replay", "A packet number that was already seen or skipped (SEC-D12).";

    CountersUnknown, "counters_unknown", "The key came without its receive counters: only a handshake for a new one is taken (SEC-H2).";

    // Fragments.
    GroupFragment, "group_fragment", "A fragment with a group receiver address (SEC-D6).";
    PlaintextFragment, "plaintext_fragment", "A plaintext fragment in a protected association (SEC-D2).";
    FragmentWithoutFirst, "fragment_without_first", "A later fragment whose predecessor is not there (SEC-D9).";
    FragmentKey, "fragment_key", "Fragments of one MSDU under different keys (SEC-D3).";
    FragmentPacketNumber, "fragment_packet_number", "Fragments of one MSDU whose packet numbers do not follow (SEC-D4).";
    FragmentTooLong, "fragment_too_long", "Fragments that add up to more than an MSDU can be.";
    FragmentExpired, "fragment_expired", "The rest of a fragmented MSDU did not come in time.";
    FragmentEvicted, "fragment_evicted", "An incomplete MSDU had to make room for a newer one.";

    // A-MSDU.
    PlaintextAmsdu, "plaintext_amsdu", "A plaintext A-MSDU in a protected association (SEC-D7).";
    AmsduHeader, "amsdu_header", "An A-MSDU that begins like a plain MSDU: its flag was forged (SEC-D8).";
    AmsduMalformed, "amsdu_malformed", "The subframe lengths of an A-MSDU do not add up.";
    AmsduGroup, "amsdu_group", "An A-MSDU with a group receiver address.";
    AmsduFragment, "amsdu_fragment", "A fragment that claims to be part of an A-MSDU.";

    // The controlled port.
    PortClosed, "port_closed", "Data before the handshake was complete (SEC-D10).";
    EapolNotForUs, "eapol_not_for_us", "EAPOL to somebody else; it is never forwarded (SEC-D10).";
    EapolRejected, "eapol_rejected", "EAPOL that the handshake had no use for.";
    MsduMalformed, "msdu_malformed", "An MSDU too short for its LLC header.";
    Isolated, "isolated", "Between two stations of an isolated network.";

    // On the way out.
    QueueFull, "queue_full", "The oldest of a queue that was full.";
    QueueExpired, "queue_expired", "Waited in a queue for longer than anybody would want it.";
    StaleAssociation, "stale_association", "Queued under a security association that is gone (SEC-H3).";
    NoDestination, "no_destination", "No station with that address.";
    MsduTooLong, "msdu_too_long", "An MSDU longer than 2304 bytes.";
    PacketNumbersUsedUp, "packet_numbers_used_up", "The transmit key has no packet number left (SEC-K12).";
    EncryptFailed, "encrypt_failed", "The cipher refused the frame.";
    NotAcknowledged, "not_acknowledged", "The peer did not acknowledge it.";

    // Between radios and to the outside.
    RadioBusy, "radio_busy", "The ring to the radio that the station is on was full.";
    OutsideFull, "outside_full", "The TAP had no room for it, or was set down.";
    OutsideFailed, "outside_failed", "The TAP is gone.";
    ClientOnWire, "client_on_wire", "From the wire, with the source address of a client that is on the air: forged (SEC-M12).";
    ServedElsewhere, "served_elsewhere", "For a client of another node, which gets it on the same Ethernet.";
    WentRound, "went_round", "For all, and back by another way: two Ethernets are one after all.";
    FrameTooLong, "frame_too_long", "An MPDU longer than the radio's interface takes.";

    // Limits.
    RateLimited, "rate_limited", "More of its kind than are answered.";
    TableFull, "table_full", "No room for another station.";
    EventsFull, "events_full", "More happened than was fetched: there was no room for another event.";
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const REASONS: usize = DropReason::ALL.len();

/// How many frames were discarded, by reason.
#[derive(Clone, PartialEq, Eq)]
pub struct DropCounts([u64; REASONS]);

impl DropCounts {
    /// All zero.
    pub const fn new() -> Self {
        Self([0; REASONS])
    }

    /// One more.
    pub fn count(&mut self, reason: DropReason) {
        self.add(reason, 1);
    }

    /// `n` more.
    pub fn add(&mut self, reason: DropReason, n: u64) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count = count.saturating_add(n);
        }
    }

    /// How many there were for this reason.
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// How many there were in all.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, &count| sum.saturating_add(count))
    }

    /// The reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.iter().copied().zip(self.0).filter(|&(_, count)| count > 0)
    }

    /// Adds another's counts to these.
    pub fn merge(&mut self, other: &Self) {
        for (reason, count) in other.iter() {
            self.add(reason, count);
        }
    }
}

impl Default for DropCounts {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DropCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_and_a_place_of_its_own() {
        let mut names: Vec<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DropReason::ALL.len());
        for (place, &reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }

    #[test]
    fn counts_add_up_and_list_what_occurred() {
        let mut counts = DropCounts::new();
        counts.count(DropReason::Replay);
        counts.count(DropReason::BadFcs);
        counts.count(DropReason::Replay);
        let mut sum = DropCounts::new();
        sum.merge(&counts);
        assert_eq!(sum.iter().collect::<Vec<_>>(), [(DropReason::BadFcs, 1), (DropReason::Replay, 2)]);
        assert_eq!((sum.of(DropReason::Replay), sum.total()), (2, 3));
    }
}
