//! One radio that is a station of four foreign networks and serves a client of its own on the channel of one of them.

use std::fs;
use std::process::Command;

use super::access_point::{ADDRESS, SOCKET, TAP, status};
use super::client::{Client, PASSPHRASE, SSID, Wanted};
use super::foreign::Plan;
use super::hop::{FOUR, Hop, all_answer, reaches, started};
use super::program::{Daemon, run};
use super::traffic::{Beside, arguments, from_client};
use super::{Outcome, expect, said};

/// The place of the client: those before are the foreign networks'.
const CLIENT: usize = 5;
/// Seconds between two pings.
const INTERVAL: &str = "0.05";

/// `airloom run`, as a station of these networks and with a network of its own.
fn start(plans: &[Plan]) -> Result<Hop, String> {
    said(fs::write("/tmp/passphrase", PASSPHRASE))?;
    let mut text = format!(
        "[node]\ncontrol = \"{SOCKET}\"\n[[radio]]\nphy = \"phy0\"\nchannel = {}\n[[network]]\nssid = \"{SSID}\"\n\
         passphrase_file = \"/tmp/passphrase\"\nvirtual_ap = \"per-client\"\ntap = \"{TAP}\"\n",
        plans[0].channel
    );
    for plan in plans {
        let name = plan.name();
        text += &format!("[[link]]\nphy = \"phy0\"\nssid = \"{name}\"\ntap = \"{name}\"\n");
        text += &match plan.passphrase() {
            Some(passphrase) => {
                let file = format!("/tmp/{name}.passphrase");
                said(fs::write(&file, passphrase))?;
                format!("passphrase_file = \"{file}\"\n")
            }
            None => "security = \"open\"\n".to_owned(),
        };
    }
    said(fs::write("/tmp/serve.toml", text))?;
    Ok(Hop(Daemon::start(Command::new("airloom").args(["run", "-v", "/tmp/serve.toml"]), "airloom")?))
}

/// The client answers each ping, and so do the four networks meanwhile. How many of its own pings come through is measured:
/// on this air nothing has it wait while the radio is elsewhere.
pub(crate) fn serves_between_visits() -> Outcome {
    let _networks = started(&FOUR)?;
    let mut node = start(&FOUR)?;
    node.until_connected(&FOUR)?;
    run("ip", &["address", "replace", &format!("{ADDRESS}/24"), "dev", TAP])?;
    FOUR.iter().try_for_each(reaches)?;
    let client = Client::join(CLIENT, &Wanted { frequencies: "2412", ..Wanted::WPA2 })?;
    client.reaches(ADDRESS)?;
    let mut command = Command::new("ping");
    command.args(arguments(&client.ip(), 300, INTERVAL));
    let to_client = Beside::start(command);
    all_answer(&FOUR, 300)?;
    let to_client = to_client.end()?;
    println!("measure hop_serves_ping.client {:.1} ms", to_client.average);
    to_client.all_answered("to the client")?;
    let own = from_client(&client, ADDRESS, 200, INTERVAL)?;
    println!("measure hop_serves_from_client.client {} of {} pings", own.received, own.sent);
    let status = status()?;
    let hopping = &status["radios"][0]["hopping"];
    expect(hopping["hops"].as_u64() > Some(100), || status.to_string())
}
