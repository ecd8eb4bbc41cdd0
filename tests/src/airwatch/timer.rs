//! The TSF timer in the beacons of each BSSID that has a client (802.11-2020 11.1): it never goes back, and it keeps the time
//! of the recording. That of a BSSID where nobody is may begin anew, as when its node is started again.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::{Address, Frame};
use super::{Found, Violation};

/// How far it may be off, in microseconds. A beacon that a busy machine lets wait is seen late, never early, so of so many
/// in a row the earliest counts.
const OFF: i64 = 60_000;
const IN_A_ROW: usize = 20;

pub(super) fn judge(frames: &[Frame], found: &mut Found) {
    let to_clients = frames.iter().filter(|frame| frame.is_data() && !frame.to.is_group());
    let served: BTreeSet<Address> = to_clients.filter_map(|frame| frame.from).collect();
    let mut beacons: BTreeMap<Address, Vec<(&Frame, u64)>> = BTreeMap::new();
    for frame in frames {
        if let (Some(from), Some(timer), false) = (frame.from, frame.timer, frame.retry)
            && served.contains(&from)
        {
            beacons.entry(from).or_default().push((frame, timer));
        }
    }
    for (bssid, beacons) in beacons {
        goes_back(bssid, &beacons, found);
        jumps(bssid, &beacons, found);
    }
}

fn goes_back(bssid: Address, beacons: &[(&Frame, u64)], found: &mut Found) {
    for pair in beacons.windows(2) {
        let [(_, before), (frame, timer)] = pair else { continue };
        if timer < before {
            let what = format!("that of {bssid:?} goes from {before} to {timer}");
            found.push(Violation { rule: "timer", frame: frame.number, what });
        }
    }
}

fn jumps(bssid: Address, beacons: &[(&Frame, u64)], found: &mut Found) {
    let late = |(frame, timer): &(&Frame, u64)| frame.time.wrapping_sub(*timer).cast_signed();
    let rows = beacons.chunks_exact(IN_A_ROW.min(beacons.len().max(1)));
    let earliest = rows.filter_map(|row| Some((row.first()?.0.number, row.iter().map(late).min()?)));
    let all: Vec<(usize, i64)> = earliest.collect();
    for pair in all.windows(2) {
        let [(_, before), (number, after)] = pair else { continue };
        let jump = after.wrapping_sub(*before);
        if jump.wrapping_abs() >= OFF {
            let what = format!("that of {bssid:?} jumps by {jump} us");
            found.push(Violation { rule: "timer", frame: *number, what });
        }
    }
}
