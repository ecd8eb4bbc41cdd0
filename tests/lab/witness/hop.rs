//! What must hold where one radio is a station of several foreign networks: of each network, as if there were no other, and
//! of all that the radio sends.

use std::path::Path;

use ::tests::airwatch::{self, Address};

use super::checks::{self, Verdict};
use super::frames::{
    self, ASSOCIATION_REQUEST, AUTHENTICATION, DEAUTHENTICATION, Frame, REASSOCIATION_REQUEST,
};
use super::{at_least, tell};

/// As the guest makes them; none of them has to be there.
const NETWORKS: usize = 5;
/// The one without a passphrase.
const OPEN: usize = 3;

/// Of a network of ours, where there is one.
const CLIENT: Address = Address([2, 0, 0, 0, 9, 0]);

pub(super) fn testify(recording: &Path, scenario: &str) -> Verdict {
    let keys = (0..NETWORKS).filter(|n| *n != OPEN).map(|n| {
        let name = format!("foreign{n}");
        (format!("the passphrase of {name}"), name)
    });
    let frames = frames::read(recording, &keys.collect::<Vec<_>>())?;
    for n in 0..NETWORKS {
        let of = of_network(&frames, n);
        always(n, &of)
            .and_then(|()| of_the_scenario(scenario, n, &of))
            .map_err(|why| format!("foreign{n}: {why}"))?;
    }
    let mut watched = airwatch::read(recording)?;
    if scenario == "hop_serves" {
        watched.retain(|frame| frame.from != Some(CLIENT) && frame.to != CLIENT);
    }
    tell(&airwatch::watch_links(&watched, scenario == "hop_rekeys"))?;
    at_least(50, airwatch::hops(&watched), "changes of channel")
}

fn of_network(frames: &[Frame], n: usize) -> Vec<Frame> {
    let bssid = format!("02:00:00:00:{:02x}:00", 4 + n);
    frames.iter().filter(|frame| frame.ta == bssid || frame.ra == bssid).cloned().collect()
}

fn always(n: usize, frames: &[Frame]) -> Verdict {
    // Whether these access points leave dozing stations alone is not ours to judge.
    checks::group_frames_follow_dtim(frames)?;
    if n == OPEN {
        return checks::is_open(frames);
    }
    checks::all_data_is_protected(frames)?;
    checks::handshakes_come_in_order(frames)
}

fn of_the_scenario(scenario: &str, n: usize, frames: &[Frame]) -> Verdict {
    let is_there = n < 4 || scenario == "hop_a_fifth";
    match (scenario, n) {
        _ if !is_there => Ok(()),
        ("hop_wrong_passphrase", 2) => {
            let link = frames.iter().find(|frame| frame.kind == ASSOCIATION_REQUEST);
            checks::stayed_out(frames, link.map_or("", |frame| &frame.ta))
        }
        ("hop_rekeys", 1) => {
            checks::keys_changed(frames, false, 3)?;
            checks::pings_were_answered(frames, 320)
        }
        ("hop_ap_restarts", 1) => checks::pings_were_answered(frames, 100),
        _ => {
            stayed(frames)?;
            if (scenario, n) == ("hop_ap_switches_channel", 0) {
                checks::data_went_on(frames, &[2412, 2437])?;
            }
            checks::pings_were_answered(frames, if scenario == "hop_four_networks" { 500 } else { 1 })
        }
    }
}

/// From its first data on the link did not join again and was not sent away, until it left by itself.
pub(super) fn stayed(frames: &[Frame]) -> Verdict {
    let aps = checks::access_points(frames);
    let is_of_link = |frame: &Frame| !aps.contains(frame.ta.as_str());
    let sends = |frame: &Frame| is_of_link(frame) && frame.is_data() && frame.message.is_none();
    let since = frames.iter().skip_while(|frame| !sends(frame));
    let mut stay =
        since.take_while(|frame| !(is_of_link(frame) && frame.kind == DEAUTHENTICATION)).peekable();
    if stay.peek().is_none() {
        return Err("it was never there".to_owned());
    }
    let ends = [AUTHENTICATION, ASSOCIATION_REQUEST, REASSOCIATION_REQUEST, DEAUTHENTICATION];
    stay.find(|frame| ends.contains(&frame.kind)).map_or(Ok(()), |frame| Err(format!("{frame:?}")))
}
