//! The comparison with hostapd, in one boot and in turn: how long a join takes, ping, throughput, processor time.

use std::process::Command;

use super::Outcome;
use super::access_point::{ADDRESS, Make, Plan};
use super::client::{Client, Wanted};
use super::recording::Recording;
use super::traffic::{Stream, from_client, pings, processor, to_client};

const ROUNDS: usize = 3;
const JOINS: usize = 10;

/// Every measurement is a line `measure NAME.MAKE VALUE UNIT`, every recording of a join a line `recorded join.MAKE`; the
/// host makes ratios of them.
pub(crate) fn compare() -> Outcome {
    let makes = [Make::Hostapd, Make::Shared, Make::PerClient];
    for _ in 0..JOINS {
        for make in makes {
            join(make)?;
        }
    }
    for _ in 0..ROUNDS {
        for make in makes {
            traffic(make)?;
        }
    }
    Ok(())
}

fn measure(name: &str, make: Make, value: f64, unit: &str) {
    println!("measure {name}.{} {value:.3} {unit}", make.name());
}

/// A join, of which the host measures in the recording how long it took.
fn join(make: Make) -> Outcome {
    let _ap = Plan::wpa2(make).start()?;
    let client = Client::idle(0, &Wanted::WPA2)?;
    let name = format!("join.{}", make.name());
    let recording = Recording::start(&name)?;
    client.set_out()?;
    client.event(&["CTRL-EVENT-CONNECTED"], &["CTRL-EVENT-DISCONNECTED"])?;
    recording.end()?;
    println!("recorded {name}");
    Ok(())
}

fn traffic(make: Make) -> Outcome {
    let ap = Plan::wpa2(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    let before = processor(&ap)?;
    let up = from_client(&client, ADDRESS, 500, "0.02")?;
    let down = to_client(&client, 500, "0.02")?;
    let after = processor(&ap)?;
    measure("ping_up", make, up.average, "ms");
    measure("ping_down", make, down.average, "ms");
    measure("ping_cpu_process", make, (after.0 - before.0) as f64 * 10.0, "ms");
    measure("ping_cpu_guest", make, (after.1 - before.1) as f64 * 10.0, "ms");
    let mut flood = Command::new("ping");
    flood.args(["-q", "-n", "-f", "-c", "500", &client.ip()]);
    measure("ping_flood", make, pings(flood)?.average, "ms");
    for stream in Stream::ALL {
        let before = processor(&ap)?;
        let arrived = stream.run(&client)?;
        let after = processor(&ap)?;
        let megabits = arrived * f64::from(stream.seconds);
        measure(stream.name(), make, arrived, "Mb/s");
        let per_megabit = |ticks: u64| ticks as f64 * 10.0 / megabits.max(0.001);
        measure(&format!("{}_cpu_process", stream.name()), make, per_megabit(after.0 - before.0), "ms/Mb");
        measure(&format!("{}_cpu_guest", stream.name()), make, per_megabit(after.1 - before.1), "ms/Mb");
    }
    Ok(())
}
