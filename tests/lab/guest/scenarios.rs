//! What every access point has to do for unmodified clients, written once for all makes.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::access_point::{
    ADDRESS, AccessPoint, Make, Plan, SOCKET, TAP, exists, interfaces, status_by_the_command,
};
use super::client::{CLIENTS, Client, Wanted};
use super::program::{Daemon, output, run, side_by_side, until};
use super::traffic::{self, Beside, Stream, from_client, to_client};
use super::{Outcome, expect};

pub(crate) fn open_join(make: Make) -> Outcome {
    let ap = Plan::open(make).start()?;
    let client = Client::join(0, &Wanted::OPEN)?;
    serves(&ap, &client)
}

pub(crate) fn wpa2_join(make: Make) -> Outcome {
    let ap = Plan::wpa2(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    serves(&ap, &client)
}

/// The client is in, by its own account and the access point's, and pings pass both ways.
pub(crate) fn serves(ap: &AccessPoint, client: &Client) -> Outcome {
    client.reaches(ADDRESS)?;
    let clients = ap.clients()?;
    expect(clients.iter().any(|(mac, _)| *mac == client.mac()), || {
        format!("{} is not in {clients:?}", client.mac())
    })?;
    from_client(client, ADDRESS, 50, "0.02")?.all_answered("from the client")?;
    to_client(client, 50, "0.02")?.all_answered("to the client")
}

pub(crate) fn wrong_passphrase(make: Make) -> Outcome {
    let mut ap = Plan::wpa2(make).start()?;
    {
        let wanted = Wanted { passphrase: Some("incorrect horse battery"), ..Wanted::WPA2 };
        let client = Client::start(0, &wanted)?;
        let event =
            client.event(&["WRONG_KEY", "pre-shared key may be incorrect"], &["CTRL-EVENT-CONNECTED"])?;
        expect(event.contains("WRONG_KEY") || event.contains("may be incorrect"), || event)?;
    }
    ap.lives()?;
    let client = Client::join(1, &Wanted::WPA2)?;
    serves(&ap, &client)
}

pub(crate) fn thousand_pings(make: Make) -> Outcome {
    let _ap = Plan::wpa2(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    from_client(&client, ADDRESS, 1000, "0.01")?.all_answered("from the client")?;
    to_client(&client, 1000, "0.01")?.all_answered("to the client")?;
    client.missed_no_beacons()
}

pub(crate) fn throughput(make: Make) -> Outcome {
    let _ap = Plan::wpa2(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    for stream in Stream::ALL {
        let arrived = stream.run(&client)?;
        println!("measure {}.{} {arrived:.1} Mb/s", stream.name(), make.name());
        // That it works is asked here; how fast it is, is for the comparison.
        expect(arrived > 0.2, || format!("{stream:?}: {arrived} Mb/s"))?;
    }
    Ok(())
}

pub(crate) fn three_clients(make: Make) -> Outcome {
    let ap = Plan::wpa2(make).start()?;
    let clients = (0..3).map(|n| Client::join(n, &Wanted::WPA2)).collect::<Result<Vec<_>, _>>()?;
    for client in &clients {
        client.reaches(ADDRESS)?;
    }
    bssids_are_as_they_should(make, &ap, &clients)?;
    clients[0].reaches(&clients[1].ip())?;
    let beside = Beside::start(traffic::command_from(&clients[2], ADDRESS, 200, "0.02"));
    from_client(&clients[0], &clients[1].ip(), 200, "0.02")?.all_answered("between two clients")?;
    beside.end()?.all_answered("from the third client")
}

/// Per client: all differ. Shared: all are the same. The client's view and the access point's agree.
fn bssids_are_as_they_should(make: Make, ap: &AccessPoint, clients: &[Client]) -> Outcome {
    let mut bssids = Vec::new();
    let known = ap.clients()?;
    for client in clients {
        let bssid = client.bssid()?;
        if make != Make::Hostapd {
            expect(known.contains(&(client.mac(), bssid.clone())), || {
                format!("{} at {bssid} is not in {known:?}", client.mac())
            })?;
        }
        bssids.push(bssid);
    }
    bssids.sort();
    bssids.dedup();
    let wanted = if make == Make::PerClient { clients.len() } else { 1 };
    expect(bssids.len() == wanted, || format!("{wanted} BSSIDs were to be seen: {bssids:?}"))
}

pub(crate) fn listening_only(make: Make) -> Outcome {
    let ap = Plan::wpa2(make).start()?;
    let client = Client::join(0, &Wanted { only_listens: true, ..Wanted::WPA2 })?;
    serves(&ap, &client)
}

pub(crate) fn hidden(make: Make) -> Outcome {
    let ap = Plan { hidden: true, ..Plan::wpa2(make) }.start()?;
    let client = Client::join(0, &Wanted { by_name: true, ..Wanted::WPA2 })?;
    serves(&ap, &client)
}

/// The client dozes and wakes while pings come down: each waits for it.
pub(crate) fn doze_under_traffic(make: Make) -> Outcome {
    let _ap = Plan::wpa2(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    let mut command = Command::new("ping");
    command.args(traffic::arguments(&client.ip(), 200, "0.05"));
    let beside = Beside::start(command);
    while beside.runs() {
        client.set_radio("ps", "1")?;
        thread::sleep(Duration::from_millis(300));
        client.set_radio("ps", "0")?;
        thread::sleep(Duration::from_millis(200));
    }
    let pings = beside.end()?;
    pings.all_answered("to the dozing client")?;
    // Else nobody dozed: a ping that came at the begin of a doze waits for its end.
    expect(pings.longest > 150.0, || format!("no ping waited: {pings:?}"))
}

/// Broadcasts reach a client that dozes, after DTIM beacons (which the witness looks at): it hears all, but its AP
/// takes it to doze.
pub(crate) fn broadcast_at_dtim(make: Make) -> Outcome {
    let _ap = Plan::wpa2(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    client.run("sh", &["-c", "echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_broadcasts"])?;
    for n in 0..20 {
        client.set_radio("ps", "2")?;
        // Longer than the witness allows for what is under way when somebody dozes off.
        thread::sleep(Duration::from_millis(150));
        let one = output(Command::new("ping").args(["-b", "-n", "-c", "1", "-W", "5", "10.9.0.255"]));
        one.map_err(|why| format!("broadcast {n}: {why}"))?;
        client.set_radio("ps", "0")?;
    }
    Ok(())
}

pub(crate) fn group_rekey(make: Make) -> Outcome {
    rekey(Plan { group_rekey: Some(2), ..Plan::wpa2(make) }, "Group rekeying completed")
}

pub(crate) fn pairwise_rekey(make: Make) -> Outcome {
    rekey(Plan { pairwise_rekey: Some(2), ..Plan::wpa2(make) }, "Key negotiation completed")
}

/// Pings both ways until the keys were changed four times.
fn rekey(plan: Plan, word: &str) -> Outcome {
    let _ap = plan.start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    let mut down = Command::new("ping");
    down.args(traffic::arguments(&client.ip(), 450, "0.025"));
    let down = Beside::start(down);
    let up = Beside::start(traffic::command_from(&client, ADDRESS, 450, "0.025"));
    // For the group key to have something to do.
    let _group =
        Daemon::start(Command::new("ping").args(["-q", "-b", "-i", "0.2", "10.9.0.255"]), "broadcast")?;
    for _ in 0..4 {
        client.event(&[word], &["CTRL-EVENT-DISCONNECTED"])?;
    }
    let (up, down) = (up.end()?, down.end()?);
    up.all_answered("from the client")?;
    down.all_answered("to the client")
}

/// A client with a fragmentation threshold: pings that take several fragments on its side.
pub(crate) fn fragments(make: Make) -> Outcome {
    let _ap = Plan::wpa2(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.run("iw", &["phy", &client.phy(), "set", "frag", "256"])?;
    let outcome = client.reaches(ADDRESS).and_then(|()| {
        for size in ["200", "600", "1400"] {
            let mut up = traffic::command_from(&client, ADDRESS, 50, "0.02");
            up.args(["-s", size]);
            traffic::pings(up)?.all_answered(&format!("{size} bytes from the client"))?;
            let mut down = Command::new("ping");
            down.args(traffic::arguments(&client.ip(), 50, "0.02")).args(["-s", size]);
            traffic::pings(down)?.all_answered(&format!("{size} bytes to the client"))?;
        }
        Ok(())
    });
    client.run("iw", &["phy", &client.phy(), "set", "frag", "off"])?;
    outcome
}

/// Out of reach without a word: after its inactivity the AP has forgotten the client, which comes back later.
pub(crate) fn vanishes_and_returns(make: Make) -> Outcome {
    let ap = Plan { inactivity: Some(5), ..Plan::wpa2(make) }.start()?;
    let mut client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    client.set_radio("group", "2")?;
    ap.until_empty()?;
    client.set_radio("group", "1")?;
    client.until_connected()?;
    serves(&ap, &client)
}

/// Killed without a chance to clean up, and started again: nothing of before stands in the way.
pub(crate) fn killed_and_started_again(make: Make) -> Outcome {
    let mut ap = Plan::wpa2(make).start()?;
    let mut client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    ap.kill();
    let ap = Plan::wpa2(make).start()?;
    client.until_connected()?;
    client.reaches(ADDRESS)?;
    serves(&ap, &client)
}

/// At SIGTERM the client is told, and nothing of the access point stays.
pub(crate) fn ends_cleanly(make: Make) -> Outcome {
    let before = interfaces()?;
    let mut ap = Plan::wpa2(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    ap.terminate()?;
    let told = client.event(&["CTRL-EVENT-DISCONNECTED"], &[])?;
    expect(!told.contains("locally_generated"), || told)?;
    if make != Make::Hostapd {
        expect(!exists(TAP), || format!("{TAP} is still there"))?;
        expect(!std::path::Path::new(SOCKET).exists(), || format!("{SOCKET} is still there"))?;
    }
    let after = interfaces()?;
    expect(after == before, || format!("before:\n{before}\nafter:\n{after}"))
}

/// As many clients as the lab bears, all at once.
pub(crate) fn crowd(make: Make) -> Outcome {
    let ap = Plan::wpa2(make).start()?;
    let clients = side_by_side(CLIENTS, |n| Client::idle(n, &Wanted::WPA2))?;
    let start = Instant::now();
    clients.iter().try_for_each(Client::set_out)?;
    let mut clients = clients;
    clients.iter_mut().try_for_each(Client::until_connected)?;
    println!("measure crowd_of_{CLIENTS}_joined.{} {:.1} s", make.name(), start.elapsed().as_secs_f64());
    side_by_side(CLIENTS, |n| clients[n].reaches(ADDRESS))?;
    bssids_are_as_they_should(make, &ap, &clients)?;
    for pair in clients.chunks(2) {
        from_client(&pair[0], &pair[1].ip(), 10, "0.02")?.all_answered("between two of the crowd")?;
    }
    clients.iter_mut().try_for_each(Client::leave)
}

/// One access point on two radios and two bands: clients on each talk to each other and to the TAP.
pub(crate) fn two_radios(make: Make) -> Outcome {
    let ap = Plan { channels: &[6, 36], ..Plan::wpa2(make) }.start()?;
    let low = Client::join(0, &Wanted { frequencies: "2437", ..Wanted::WPA2 })?;
    let high = Client::join(1, &Wanted { frequencies: "5180", ..Wanted::WPA2 })?;
    serves(&ap, &low)?;
    serves(&ap, &high)?;
    let (at_low, at_high) = (low.bssid()?, high.bssid()?);
    expect(at_low != at_high, || format!("{at_low} on both radios"))?;
    low.reaches(&high.ip())?;
    from_client(&low, &high.ip(), 200, "0.02")?.all_answered("from the low band to the high")?;
    from_client(&high, &low.ip(), 200, "0.02")?.all_answered("from the high band to the low")
}

/// A managed interface that is up is reported, by name and with what to do.
pub(crate) fn managed_interface_is_reported(make: Make) -> Outcome {
    run("ip", &["link", "set", "wlan0", "up"])?;
    let refused = Plan::wpa2(make).airloom()?.output().map_err(|error| error.to_string())?;
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    expect(refused.status.code() == Some(1), || format!("{}: {words}", refused.status))?;
    expect(words.contains("wlan0") && words.contains("--take-phy"), || words.clone())
}

/// With --take-phy it is set down, and put back at the end.
pub(crate) fn takes_the_phy_and_gives_it_back(make: Make) -> Outcome {
    run("ip", &["link", "set", "wlan0", "up"])?;
    let before = interfaces()?;
    let mut ap = Plan { take: true, ..Plan::wpa2(make) }.start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    serves(&ap, &client)?;
    ap.terminate()?;
    drop(client);
    let after = interfaces()?;
    expect(after == before, || format!("before:\n{before}\nafter:\n{after}"))?;
    let link = run("ip", &["link", "show", "wlan0"])?;
    expect(link.contains(",UP"), || link.clone())
}

/// What `status --json` says of a network that serves a client.
pub(crate) fn status_tells_all(make: Make) -> Outcome {
    let _ap = Plan::wpa2(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    from_client(&client, ADDRESS, 50, "0.02")?.all_answered("from the client")?;
    let status = until("status does not tell of the client", || {
        let status = status_by_the_command()?;
        let frames = status["virtual_aps"][0]["clients"][0]["rx_frames"].as_u64();
        expect(frames >= Some(50), || status.to_string())?;
        Ok(status)
    })?;
    let ap = &status["virtual_aps"][0];
    let kind = if make == Make::PerClient { "per-client" } else { "shared" };
    let holds = status["radios"][0]["phy"] == "phy0"
        && status["radios"][0]["channel"] == 6
        && ap["ssid"] == super::client::SSID
        && ap["kind"] == kind
        && ap["bssid"] == client.bssid()?.as_str()
        && ap["clients"][0]["address"] == client.mac().as_str()
        && ap["clients"][0]["power_save"] == false;
    expect(holds, || status.to_string())
}
