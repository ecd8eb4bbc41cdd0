//! The independent witnesses of what went over the air: what must hold of each scenario's recording, by what tshark reads
//! in it, and where a client is moved by `tests::airwatch` too, which looks at every frame.

mod checks;
mod frames;
mod hop;
#[cfg(test)]
mod tests;

use std::path::Path;

use ::tests::airwatch::{self, Expected, Violation};
use checks::Verdict;
use frames::Frame;

const PASSPHRASE: &str = "correct horse battery";
const SSID: &str = "airloom-lab";

/// Looks at the recording of a scenario. The name may end in the make of its access point, after a dot.
pub(super) fn testify(air: &Path, name: &str) -> Verdict {
    let recording = air.join(format!("{name}.pcap"));
    if name.starts_with("hop_") {
        return hop::testify(&recording, name);
    }
    if name.starts_with("today_") {
        return Ok(());
    }
    let frames = frames::read(&recording, &[(PASSPHRASE.to_owned(), SSID.to_owned())])?;
    let (scenario, make) = name.split_once('.').unwrap_or((name, ""));
    always(scenario, &frames)?;
    if let Some(expected) = moves(scenario) {
        tell(&airwatch::watch(&airwatch::read(&recording)?, &expected))?;
    }
    if matches!(make, "shared" | "per_client") {
        let least = usize::from(frames.iter().any(|frame| frame.message == Some(4)));
        checks::packet_numbers_rise(&frames, least)?;
    }
    of_the_scenario(scenario, &frames)?;
    if make == "per_client" && !matches!(scenario, "open_join" | "managed_interface_is_reported") {
        checks::bssids_differ(&frames)?;
    }
    Ok(())
}

/// What is to be expected of the air where clients are moved, `None` for other scenarios.
fn moves(scenario: &str) -> Option<Expected> {
    let moves = scenario.starts_with("moved_") || scenario.starts_with("nodes_");
    moves.then(|| Expected {
        // Who takes over from a copy renews the keys at once.
        rekeys: matches!(scenario, "moved_during_rekeys" | "nodes_during_rekeys" | "nodes_owner_is_killed"),
        impostor: matches!(scenario, "nodes_of_another_cluster" | "nodes_thief_on_the_air"),
        ..Expected::default()
    })
}

fn tell(wrong: &[Violation]) -> Verdict {
    let first: Vec<String> = wrong.iter().take(5).map(ToString::to_string).collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("{} wrong, first {}", wrong.len(), first.join("; "))) }
}

/// What holds of every network.
fn always(scenario: &str, frames: &[Frame]) -> Verdict {
    if DRIVERS.contains(&scenario) {
        return Ok(());
    }
    checks::beacons_go_to_all(frames)?;
    // There somebody plays at being one of ours, with beacons of the same address.
    if scenario != "nodes_of_another_cluster" {
        checks::beacons_keep_time(frames)?;
    }
    checks::dozing_clients_are_left_alone(frames)?;
    checks::group_frames_follow_dtim(frames)?;
    if scenario.contains("open") {
        return checks::is_open(frames);
    }
    // What is sent in another's name opens with no key that belongs to that name.
    if scenario != "nodes_thief_on_the_air" {
        checks::all_data_is_protected(frames)?;
    }
    checks::handshakes_come_in_order(frames)?;
    checks::packet_numbers_do_not_repeat(frames)
}

/// Scenarios that play no network.
const DRIVERS: [&str; 6] = [
    "phys_tell_what_they_can_do",
    "a_managed_interface_holds_the_phy",
    "a_frame_is_heard_as_sent_and_acknowledged",
    "forty_bssids_on_one_phy_are_acknowledged",
    "another_channel_is_silent",
    "managed_interface_is_reported",
];

/// The first two clients of the guest.
const FIRST: &str = "02:00:00:00:04:00";
/// Our own station.
const STATION: &str = "02:a1:00:00:01:00";

fn of_the_scenario(scenario: &str, frames: &[Frame]) -> Verdict {
    match scenario {
        "a_link_joins_hostapd_open" | "a_link_joins_hostapd_by_wpa2" => {
            checks::pings_were_answered(frames, 200)
        }
        "a_link_with_the_wrong_passphrase_does_not_get_in" => checks::stayed_out(frames, STATION),
        "open_join" => checks::pings_were_answered(frames, 50),
        "wrong_passphrase" => checks::stayed_out(frames, FIRST),
        "wpa2_join" => checks::pings_were_answered(frames, 50),
        "thousand_pings" => {
            checks::pings_were_answered(frames, 1000)?;
            // On a busy machine some wait for each other and go together, as one A-MSDU.
            checks::packet_numbers_rise(frames, 1500)
        }
        "listening_only" => checks::nobody_probes(frames),
        "hidden" => checks::beacons_hide_the_name(frames),
        "doze_under_traffic" => at_least(10, checks::dozing_clients_are_left_alone(frames)?, "dozes"),
        // Twenty are sent; the doze of some is over by then, since the client had something to send itself.
        "broadcast_at_dtim" => at_least(8, checks::group_frames_follow_dtim(frames)?, "group frames at DTIM"),
        "group_rekey" => checks::keys_changed(frames, true, 4),
        "pairwise_rekey" => checks::keys_changed(frames, false, 4),
        "fragments" => checks::fragments_were_sent(frames, 300),
        "ends_cleanly" => checks::clients_were_told(frames),
        "moved_under_pings"
        | "moved_under_streams"
        | "moved_while_dozing"
        | "nodes_under_pings"
        | "nodes_while_dozing"
        | "nodes_under_streams"
        | "nodes_counted_streams"
        | "nodes_walk"
        | "nodes_one_restarts"
        | "nodes_backhaul_is_cut"
        | "nodes_again_and_again" => {
            checks::joined_once(frames)?;
            checks::tsf_goes_on(frames)
        }
        "nodes_clients_cross" => checks::tsf_goes_on(frames),
        "moved_to_another_channel" | "nodes_to_another_channel" => {
            checks::joined_once(frames)?;
            checks::tsf_goes_on(frames)?;
            checks::data_went_on(frames, &[2437, 2462])
        }
        "moved_during_rekeys" | "nodes_during_rekeys" => {
            checks::keys_changed(frames, false, 3)?;
            checks::tsf_goes_on(frames)
        }
        "walks_away_and_comes_back" => checks::pings_were_answered(frames, 200),
        "two_radios" => checks::beacons_on(frames, &[2437, 5180]),
        _ => Ok(()),
    }
}

fn at_least(wanted: usize, seen: usize, what: &str) -> Verdict {
    if seen >= wanted { Ok(()) } else { Err(format!("only {seen} {what} instead of {wanted}")) }
}
