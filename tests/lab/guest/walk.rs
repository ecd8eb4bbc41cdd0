//! A client that walks, on the air of our medium.

use std::time::Duration;

use drivers::propagation::Position;

use super::access_point::{ADDRESS, Make, Plan, status};
use super::client::{Client, FIRST_PHY, Wanted};
use super::medium::Medium;
use super::program::{Daemon, until};
use super::scenarios::serves;
use super::traffic::{Kind, Stream, from_client, to_client};
use super::{Outcome, expect};

/// Metres from the access point, and the signal there by the model in dBm: 17 dBm less 40 dB less 30 dB a decade.
const WAY: [(f64, i64); 5] = [(3.0, -37), (6.5, -47), (14.0, -57), (30.0, -67), (60.0, -76)];
const NEAR: Position = Position::new(WAY[0].0, 0.0);
/// Out of the world.
const GONE: Position = Position::new(2000.0, 0.0);
const STEP: Duration = Duration::from_secs(1);

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
        let there_and_back = WAY.into_iter().chain(WAY.into_iter().rev());
        let mut from = NEAR;
        for (metres, signal) in there_and_back {
            let to = Position::new(metres, 0.0);
            medium.walk(phy, from, to, STEP)?;
            signal_comes_to(signal)?;
            from = to;
        }
    }
    medium.walk(phy, NEAR, GONE, STEP)?;
    client.event(&["CTRL-EVENT-DISCONNECTED"], &[])?;
    ap.until_empty()?;
    medium.walk(phy, GONE, NEAR, STEP)?;
    client.until_connected()?;
    serves(&ap, &client)?;
    let counts = medium.end()?;
    expect(counts.lost == 0 && counts.malformed == 0, || format!("{counts:?}"))?;
    expect(counts.acked > 800 && counts.unacked > 0, || format!("{counts:?}"))
}

/// TCP without and with our medium between the two.
pub(crate) fn throughput_by_our_medium(make: Make) -> Outcome {
    let _ap = Plan::wpa2(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    for ours in [false, true] {
        let medium =
            ours.then(|| Medium::start(&[(0, Position::default()), (FIRST_PHY, NEAR)])).transpose()?;
        for stream in Stream::ALL.into_iter().filter(|stream| stream.kind == Kind::Tcp) {
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

/// Waits until the access point hears its client about so.
fn signal_comes_to(wanted: i64) -> Outcome {
    until(&format!("the signal does not come to {wanted} dBm"), || {
        let status = status()?;
        let clients = status["virtual_aps"].as_array().into_iter().flatten();
        let signal = clients.filter_map(|ap| ap["clients"][0]["signal_dbm"].as_i64()).next();
        let holds = signal.is_some_and(|signal| signal.abs_diff(wanted) <= 1);
        expect(holds, || format!("it is {signal:?}"))
    })
}
