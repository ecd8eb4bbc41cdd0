//! One radio that is a station of several networks, each link with an address of its own: it says what it has to say to a
//! network on the channel of that network only (but for probe requests, by which it looks for one), and before it is heard
//! elsewhere the access point has acknowledged that it is away (802.11-2020 11.2.3.2).

use std::collections::BTreeMap;

use super::frame::{
    ASSOCIATION_RESPONSE, AUTHENTICATION, Address, BEACON, DEAUTHENTICATION, DISASSOCIATION, Frame,
    PROBE_REQUEST, REASSOCIATION_RESPONSE,
};
use super::{Expected, Found, Violation};

/// Three beacons are not missed one after the other by an access point that lives, in microseconds.
const SILENT: u64 = 310_000;

/// When, and on which frequency.
type Beacon = (u64, u16);

/// The beacons of an access point.
#[derive(Default)]
struct Beacons(Vec<Beacon>);

impl Beacons {
    /// The last before a time and the first after it.
    fn about(&self, time: u64) -> (Option<Beacon>, Option<Beacon>) {
        let next = self.0.partition_point(|(at, _)| *at <= time);
        (next.checked_sub(1).and_then(|last| self.0.get(last)).copied(), self.0.get(next).copied())
    }

    /// It may be there: between a beacon and the next it may go elsewhere at any time.
    fn is_on(&self, frequency: u16, time: u64) -> bool {
        let (last, next) = self.about(time);
        [last, next].into_iter().flatten().any(|(_, of)| of == frequency)
    }

    /// Where it is for certain, able to acknowledge.
    fn hears_on(&self, time: u64) -> Option<u16> {
        let (last, next) = self.about(time);
        let ((before, last), (after, next)) = last.zip(next)?;
        (last == next && before + SILENT >= time && after <= time + SILENT).then_some(last)
    }
}

/// A link that has associated.
struct Link {
    bssid: Address,
    /// It is in: what is for it comes at any time. Before, it is told of nothing but the handshake, again and again.
    inside: bool,
    /// By its last frame that was acknowledged for certain.
    away: bool,
    /// It was found already to have gone like that.
    told: bool,
}

/// Who associates is a link of the radio.
pub(super) fn judge(frames: &[Frame], expected: &Expected, found: &mut Found) {
    let mut beacons: BTreeMap<Address, Beacons> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame.kind == BEACON) {
        let of = frame.from.map(|from| beacons.entry(from).or_default());
        of.into_iter().for_each(|of| of.0.push((frame.time, frame.frequency)));
    }
    let mut links: BTreeMap<Address, Link> = BTreeMap::new();
    for frame in frames {
        let Some(from) = frame.from else { continue };
        if !expected.clients.contains(&from) {
            note_ap(frame, from, &mut links);
            continue;
        }
        let to = beacons.get(&frame.to);
        if frame.kind != PROBE_REQUEST && to.is_some_and(|to| !to.is_on(frame.frequency, frame.time)) {
            let what = format!("to {:?} on {} MHz", frame.to, frame.frequency);
            found.push(Violation { rule: "channel", frame: frame.number, what });
        }
        gone_untold(frame, &beacons, &mut links, found);
        note_link(frame, from, &mut links);
    }
}

/// A frame on one frequency is one of a radio that is not on any other.
fn gone_untold(
    frame: &Frame,
    beacons: &BTreeMap<Address, Beacons>,
    links: &mut BTreeMap<Address, Link>,
    found: &mut Found,
) {
    for (address, link) in links.iter_mut().filter(|(_, link)| link.inside && !link.away && !link.told) {
        let at = beacons.get(&link.bssid).and_then(|ap| ap.hears_on(frame.time));
        if at.is_some_and(|at| at != frame.frequency) {
            link.told = true;
            let what =
                format!("on {} MHz, and {:?} takes {address:?} to be there", frame.frequency, link.bssid);
            found.push(Violation { rule: "away", frame: frame.number, what });
        }
    }
}

/// What an access point says of the link.
fn note_ap(frame: &Frame, from: Address, links: &mut BTreeMap<Address, Link>) {
    match frame.kind {
        ASSOCIATION_RESPONSE | REASSOCIATION_RESPONSE => {
            links.insert(frame.to, Link { bssid: from, inside: false, away: false, told: false });
        }
        DEAUTHENTICATION | DISASSOCIATION => {
            links
                .retain(|address, link| link.bssid != from || !(frame.to.is_group() || frame.to == *address));
        }
        _ => {}
    }
}

fn note_link(frame: &Frame, from: Address, links: &mut BTreeMap<Address, Link>) {
    if matches!(frame.kind, AUTHENTICATION | DEAUTHENTICATION | DISASSOCIATION) {
        links.remove(&from);
    } else if let Some(link) = links.get_mut(&from).filter(|link| frame.acked && frame.to == link.bssid) {
        (link.away, link.told) = (frame.dozes, false);
        link.inside |= frame.agreed || (frame.is_any_data() && !frame.eapol);
    }
}
