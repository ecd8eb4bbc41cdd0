//! Watches the air: whether a recording of it is one of access points that move clients from radio to radio, and from
//! host to host, so that nobody can tell; or of a station on many networks that keeps faith with each of them.
//!
//! It shares no line with what it judges: its own reader of capture files, its own parser, its own rules; and it has no
//! keys. What can be judged so:
//!
//! | rule | what must hold |
//! |---|---|
//! | `numbers` | under one key an access point's packet numbers only rise, whichever radio sends; nobody's is ever used for two different frames |
//! | `sequence` | to each client and TID an access point's sequence numbers go on; one that comes again has the retry bit |
//! | `resent` | what is encrypted anew was the last that its receiver took, or came after that |
//! | `twice` | what was acknowledged would not be delivered twice, by the rules of Linux (`ieee80211_rx_h_check_dup`, CCMP replay) |
//! | `timer` | the timer in the beacons of each BSSID that has a client goes on without a jump |
//! | `unwanted` | once a client is in, nobody authenticates, associates, is sent away, or says EAPOL in the clear |
//!
//! And of a station that hops between foreign networks ([`watch_links`]) `numbers` and `sequence` are asked, with
//!
//! | rule | what must hold |
//! |---|---|
//! | `channel` | it sends to an access point only where that is; probe requests may go anywhere |
//! | `away` | before it is heard elsewhere, the last that an access point acknowledged had the power management bit |
//!
//! Without keys a key is known by its packet numbers, so where keys are changed (`rekeys`) one that falls is taken for the
//! first of a new key. What was acknowledged is known where a sender had one frame on the air only; of all other frames
//! nothing is concluded, so `resent` and `twice` find what is certain, and a recording in which they find nothing is no
//! proof.

mod acks;
mod delivery;
mod frame;
mod hop;
mod numbers;
mod pcap;
mod sequence;
#[cfg(test)]
mod tests;
mod timer;
mod unwanted;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

pub use frame::{Address, Frame};

/// What the recording is of.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Whose frames are judged as those of access points; empty for all who send beacons.
    pub access_points: BTreeSet<Address>,
    /// Whose joins are looked at; empty for all who associate.
    pub clients: BTreeSet<Address>,
    /// Keys are changed.
    pub rekeys: bool,
    /// Clients join more than once, or are sent away.
    pub rejoins: bool,
    /// Somebody else sends in the names of these access points: neither timers nor joins say anything.
    pub impostor: bool,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: &'static str,
    /// The number of the frame in the order of times.
    pub frame: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame {}: {}: {}", self.frame, self.rule, self.what)
    }
}

/// What a rule finds goes there.
type Found = Vec<Violation>;

impl Expected {
    fn judges(&self, address: Address) -> bool {
        self.access_points.contains(&address)
    }

    /// Those of a recording, where none were named.
    fn or_all_of(&self, frames: &[Frame]) -> Self {
        let senders = |wanted: &[u8]| {
            let of = frames.iter().filter(|frame| wanted.contains(&frame.kind));
            of.filter_map(|frame| frame.from).collect::<BTreeSet<_>>()
        };
        let mut all = self.clone();
        if all.access_points.is_empty() {
            all.access_points = senders(&[frame::BEACON]);
        }
        if all.clients.is_empty() {
            all.clients = senders(&[frame::ASSOCIATION_REQUEST, frame::REASSOCIATION_REQUEST]);
        }
        all
    }
}

/// All frames of a recording by their times, with what is known of acknowledgements.
pub fn read(file: &Path) -> Result<Vec<Frame>, String> {
    let packets = pcap::read(file)?;
    let parsed = packets.iter().zip(1..).filter_map(|(packet, n)| {
        let frame = Frame::parse(n, packet.time, &packet.bytes)?;
        Some(Frame { frequency: packet.frequency, ..frame })
    });
    let mut frames: Vec<Frame> = parsed.collect();
    acks::mark(&mut frames);
    Ok(frames)
}

/// What is wrong with the recording of a radio that hops between foreign networks; all who associate are its links.
pub fn watch_links(frames: &[Frame], rekeys: bool) -> Vec<Violation> {
    let links = Expected { rekeys, ..Expected::default() }.or_all_of(frames).clients;
    let expected = Expected { access_points: links.clone(), clients: links, rekeys, ..Expected::default() };
    // What an access point sent while the radio was elsewhere it may send again as if for the first time: Linux does.
    let ours = |frame: &&Frame| frame.is_beginning() || frame.from.is_some_and(|from| expected.judges(from));
    let of_links: Vec<Frame> = frames.iter().filter(ours).cloned().collect();
    let mut found = Found::new();
    numbers::judge(&of_links, &expected, &mut found);
    sequence::judge(&of_links, &expected, &mut found);
    hop::judge(frames, &expected, &mut found);
    found.sort_by_key(|violation| violation.frame);
    found
}

/// How often that radio was heard on another frequency than before.
pub fn hops(frames: &[Frame]) -> usize {
    let links = Expected::default().or_all_of(frames).clients;
    let ours = frames.iter().filter(|frame| frame.from.is_some_and(|from| links.contains(&from)));
    let mut heard: Vec<u16> = ours.map(|frame| frame.frequency).collect();
    heard.dedup();
    heard.len().saturating_sub(1)
}

/// What is wrong with a recording.
pub fn watch(frames: &[Frame], expected: &Expected) -> Vec<Violation> {
    let expected = expected.or_all_of(frames);
    let mut found = Found::new();
    numbers::judge(frames, &expected, &mut found);
    sequence::judge(frames, &expected, &mut found);
    delivery::judge(frames, &expected, &mut found);
    if !expected.impostor {
        timer::judge(frames, &mut found);
    }
    if !expected.rejoins && !expected.impostor {
        unwanted::judge(frames, &expected, &mut found);
    }
    found.sort_by_key(|violation| violation.frame);
    found
}
