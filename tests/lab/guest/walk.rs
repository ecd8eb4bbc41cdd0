//! A client that walks, on the air of our medium.

use std::time::Duration;

use drivers::propagation::Position;

use super::access_point::{ADDRESS, Make, Plan, status};
use super::client::{Client, FIRST_PHY, Wanted};
use super::medium::Medium;
use super::program::{Daemon, until};
use super::scenarios::serves;
use super::traffic::{Stream, from_client, to_client};
use super::{Outcome, expect};

/// In metres from the access point: beside it, on the far side of the house, and out of the world.
const NEAR: Position = Position::new(3.0, 0.0);
const FAR: Position = Position::new(60.0, 0.0);
const GONE: Position = Position::new(2000.0, 0.0);
/// The signal at these places by the model, in dBm: 17 dBm less 40 dB less 30 dB a decade.
const SIGNAL_NEAR: i64 = -37;
const SIGNAL_FAR: i64 = -76;

/// A client's signal falls as it walks away and rises as it comes back; too far away it is lost, and it is served again
/// when it is back.
pub(crate) fn walks_away_and_comes_back(make: Make) -> Outcome {
    let phy = FIRST_PHY;
    let medium = Medium::start(&[(0, Position::default()), (phy, NEAR)])?;
    let ap = Plan { inactivity: Some(5), ..Plan::wpa2(make) }.start()?;
    let mut client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    from_client(&client, ADDRESS, 200, "0.02")?.all_answered("from the client nearby")?;
    to_client(&client, 200, "0.02")?.all_answered("to the client nearby")?;
    {
        let _beside = Daemon::start(&mut client.command("ping", &["-q", "-i", "0.02", ADDRESS]), "ping")?;
        signal_comes_to(SIGNAL_NEAR)?;
        medium.walk(phy, NEAR, FAR, Duration::from_secs(4))?;
        let away = signal_comes_to(SIGNAL_FAR)?;
        expect(away.len() >= 5 && away.is_sorted_by(|a, b| a > b), || {
            format!("it fell like this: {away:?}")
        })?;
        medium.walk(phy, FAR, NEAR, Duration::from_secs(4))?;
        let back = signal_comes_to(SIGNAL_NEAR)?;
        expect(back.len() >= 5 && back.is_sorted_by(|a, b| a < b), || {
            format!("it rose like this: {back:?}")
        })?;
    }
    medium.walk(phy, NEAR, GONE, Duration::from_secs(2))?;
    client.event(&["CTRL-EVENT-DISCONNECTED"], &[])?;
    ap.until_empty()?;
    medium.walk(phy, GONE, NEAR, Duration::from_secs(2))?;
    client.until_connected()?;
    serves(&ap, &client)?;
    let counts = medium.end()?;
    expect(counts.lost == 0 && counts.malformed == 0, || format!("{counts:?}"))?;
    expect(counts.acked > 800 && counts.unacked > 0, || format!("{counts:?}"))
}

/// TCP without and with our medium between the two, each in turn.
pub(crate) fn throughput_by_our_medium(make: Make) -> Outcome {
    let _ap = Plan::wpa2(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    for ours in [false, true, false, true] {
        let medium =
            ours.then(|| Medium::start(&[(0, Position::default()), (FIRST_PHY, NEAR)])).transpose()?;
        for stream in Stream::ALL.into_iter().filter(|stream| !stream.udp) {
            let arrived = stream.run(&client)?;
            let medium = if ours { "our_medium" } else { "the_kernels" };
            println!("measure {}.{medium} {arrived:.1} Mb/s", stream.name());
            expect(arrived > 0.2, || format!("{stream:?}: {arrived} Mb/s"))?;
        }
        if let Some(medium) = medium {
            let counts = medium.end()?;
            expect(counts.lost == 0 && counts.malformed == 0, || format!("{counts:?}"))?;
        }
    }
    Ok(())
}

/// Waits until the access point hears its client about so, and yields the different signals that it told of meanwhile.
fn signal_comes_to(wanted: i64) -> Result<Vec<i64>, String> {
    let mut seen = Vec::new();
    until(&format!("the signal does not come to {wanted} dBm"), || {
        let status = status()?;
        let clients = status["virtual_aps"].as_array().into_iter().flatten();
        let mut signals = clients.filter_map(|ap| ap["clients"][0]["signal_dbm"].as_i64());
        let signal = signals.next().ok_or_else(|| status.to_string())?;
        if seen.last() != Some(&signal) {
            seen.push(signal);
        }
        expect(signal.abs_diff(wanted) <= 1, || format!("{seen:?}"))
    })?;
    Ok(seen)
}
