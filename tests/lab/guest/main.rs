//! What runs inside the lab's guest: scenarios on the real mac80211 with hwsim radios. One line a scenario:
//! `scenario NAME: ok`, or `scenario NAME: failed: WHY`; and lines `measure NAME VALUE UNIT`.
//!
//! The host says what to run in files of the shared folder: `filter` (only scenarios whose names hold one of these texts, with commas between),
//! `hostapd` (it is the access point of all scenarios that it can play), `compare` or `roam` (only that comparison). With the
//! argument `list` or `list-hostapd` it names its scenarios and does nothing else.

mod access_point;
mod client;
mod cluster;
mod compare;
mod control;
mod driver;
mod foreign;
mod hop;
mod medium;
mod moves;
mod nodes;
mod peer;
mod program;
mod recording;
mod roam;
mod scenarios;
mod serve;
mod site;
mod station;
mod thief;
mod today;
mod traffic;
mod walk;

use std::fs;
use std::path::Path;

use access_point::Make;

type Outcome = Result<(), String>;
type Scenario = Box<dyn Fn() -> Outcome>;

/// What is written here stays on the host.
const HOST: &str = "/host";

fn main() {
    let hostapd = Path::new(HOST).join("hostapd").exists();
    if let Some(list) = std::env::args().nth(1) {
        return scenarios(list == "list-hostapd").iter().for_each(|(name, _)| println!("{name}"));
    }
    if let Err(why) = client::settle() {
        println!("guest: the clients have no place: {why}");
        return;
    }
    for (name, measuring) in [("compare", compare::compare as fn() -> Outcome), ("roam", roam::roam)] {
        if Path::new(HOST).join(name).exists() {
            return perform(name, &measuring, false);
        }
    }
    let filter = fs::read_to_string(Path::new(HOST).join("filter")).unwrap_or_default();
    let chosen = |name: &str| tests::machine::is_wanted(name, &filter);
    for (name, scenario) in scenarios(hostapd).into_iter().filter(|(name, _)| chosen(name)) {
        perform(&name, &scenario, true);
    }
}

fn perform(name: &str, scenario: &dyn Fn() -> Outcome, record: bool) {
    let outcome = if record {
        recording::Recording::start(name).and_then(|recording| scenario().and(recording.end()))
    } else {
        scenario()
    };
    match outcome {
        Ok(()) => println!("scenario {name}: ok"),
        Err(why) => {
            println!("scenario {name}: failed: {}", why.replace('\n', " | "));
            keep_logs(name);
        }
    }
    let _ = fs::remove_dir_all(program::LOGS);
    driver::put_back();
}

/// What the programs of a failed scenario said, for the host to read.
fn keep_logs(name: &str) {
    for log in fs::read_dir(program::LOGS).into_iter().flatten().flatten() {
        let kept = format!("{HOST}/{name}.{}", log.file_name().to_string_lossy());
        let _ = fs::copy(log.path(), kept);
    }
}

fn scenarios(hostapd: bool) -> Vec<(String, Scenario)> {
    let mut all: Vec<(String, Scenario)> = Vec::new();
    let mut alone = |name: &str, scenario: fn() -> Outcome| all.push((name.to_owned(), Box::new(scenario)));
    alone("phys_tell_what_they_can_do", driver::phys_tell_what_they_can_do);
    alone("a_managed_interface_holds_the_phy", driver::a_managed_interface_holds_the_phy);
    alone("a_frame_is_heard_as_sent_and_acknowledged", driver::a_frame_is_heard_as_sent_and_acknowledged);
    alone("forty_bssids_on_one_phy_are_acknowledged", driver::forty_bssids_on_one_phy_are_acknowledged);
    alone("another_channel_is_silent", driver::another_channel_is_silent);
    alone("a_link_joins_hostapd_open", station::joins_hostapd_open);
    alone("a_link_joins_hostapd_by_wpa2", station::joins_hostapd_by_wpa2);
    alone("a_link_with_the_wrong_passphrase_does_not_get_in", station::wrong_passphrase);
    alone("hop_four_networks", hop::four_networks);
    alone("hop_udp", hop::udp);
    alone("hop_tcp", hop::tcp);
    alone("hop_ap_restarts", hop::ap_restarts);
    alone("hop_ap_switches_channel", hop::ap_switches_channel);
    alone("hop_rekeys", hop::rekeys);
    alone("hop_wrong_passphrase", hop::wrong_passphrase);
    alone("hop_a_fifth", hop::a_fifth);
    alone("hop_serves", serve::serves_between_visits);
    alone("today_one_after_the_other", today::one_after_the_other);
    alone("today_two_radios", today::two_radios);
    for (name, scenario, makes) in for_access_points() {
        for make in makes.iter().copied().filter(|make| (*make == Make::Hostapd) == hostapd) {
            all.push((format!("{name}.{}", make.name()), Box::new(move || scenario(make))));
        }
    }
    all
}

type ForMake = fn(Make) -> Outcome;

/// The scenarios that need an access point, and the makes that play it.
fn for_access_points() -> Vec<(&'static str, ForMake, &'static [Make])> {
    const ALL: &[Make] = &[Make::Hostapd, Make::Shared, Make::PerClient];
    const OURS: &[Make] = &[Make::Shared, Make::PerClient];
    const ONE: &[Make] = &[Make::PerClient];
    vec![
        ("open_join", scenarios::open_join, ALL),
        ("wpa2_join", scenarios::wpa2_join, ALL),
        ("wrong_passphrase", scenarios::wrong_passphrase, ALL),
        ("thousand_pings", scenarios::thousand_pings, ALL),
        ("throughput", scenarios::throughput, ALL),
        ("three_clients", scenarios::three_clients, ALL),
        ("listening_only", scenarios::listening_only, ALL),
        ("hidden", scenarios::hidden, ALL),
        ("doze_under_traffic", scenarios::doze_under_traffic, ALL),
        ("broadcast_at_dtim", scenarios::broadcast_at_dtim, ALL),
        ("group_rekey", scenarios::group_rekey, ALL),
        ("pairwise_rekey", scenarios::pairwise_rekey, ALL),
        ("fragments", scenarios::fragments, ALL),
        ("vanishes_and_returns", scenarios::vanishes_and_returns, ALL),
        ("killed_and_started_again", scenarios::killed_and_started_again, ALL),
        ("ends_cleanly", scenarios::ends_cleanly, ALL),
        ("crowd", scenarios::crowd, ALL),
        ("two_radios", scenarios::two_radios, OURS),
        ("moved_under_pings", moves::under_pings, ONE),
        ("moved_to_another_channel", moves::to_another_channel, ONE),
        ("moved_to_another_band", moves::to_another_band, ONE),
        ("moved_under_streams", moves::under_streams, ONE),
        ("moved_while_dozing", moves::while_dozing, ONE),
        ("moved_during_rekeys", moves::during_rekeys, ONE),
        ("nodes_under_pings", nodes::under_pings, ONE),
        ("nodes_while_dozing", nodes::while_dozing, ONE),
        ("nodes_during_rekeys", nodes::during_rekeys, ONE),
        ("nodes_to_another_channel", nodes::to_another_channel, ONE),
        ("nodes_under_streams", nodes::under_streams, ONE),
        ("nodes_counted_streams", nodes::under_counted_streams, ONE),
        ("nodes_owner_is_killed", nodes::owner_is_killed, ONE),
        ("nodes_clients_cross", nodes::clients_cross, ONE),
        ("nodes_backhaul_is_cut", nodes::backhaul_is_cut, ONE),
        ("nodes_one_restarts", nodes::node_restarts, ONE),
        ("nodes_of_another_cluster", nodes::wrong_cluster, ONE),
        ("nodes_walk", nodes::walks, ONE),
        ("nodes_again_and_again", nodes::moved_again_and_again, ONE),
        ("nodes_thief_on_the_wire", thief::on_the_wire, ONE),
        ("nodes_thief_on_the_air", thief::on_the_air, ONE),
        ("status_tells_all", scenarios::status_tells_all, OURS),
        ("managed_interface_is_reported", scenarios::managed_interface_is_reported, ONE),
        ("takes_the_phy_and_gives_it_back", scenarios::takes_the_phy_and_gives_it_back, ONE),
        ("walks_away_and_comes_back", walk::walks_away_and_comes_back, ONE),
        ("throughput_by_our_medium", walk::throughput_by_our_medium, ONE),
    ]
}

fn said<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise()) }
}
