//! A client's virtual AP moves between two radios of the node, on one channel, and the client notices nothing. That nothing
//! but data, beacons and what belongs to power save is on the air meanwhile, sees the witness.

use std::cell::RefCell;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::access_point::{ADDRESS, Make, Plan, SOCKET, status};
use super::client::{Client, Wanted};
use super::program::output;
use super::traffic::{self, Beside, Stream};
use super::{Outcome, expect, said};

/// Two radios, neither of which takes a client by itself.
pub(super) fn two_radios(make: Make, channels: &'static [u8]) -> Plan {
    Plan { channels, placement: Some("by-hand"), ..Plan::wpa2(make) }
}

fn plan(make: Make) -> Plan {
    two_radios(make, &[6, 6])
}

/// Where a client is, by its name.
fn radio_of(client: &Client) -> Result<String, String> {
    let status = status()?;
    let aps = status["virtual_aps"].as_array().into_iter().flatten();
    let mut of = aps.filter(|ap| {
        ap["clients"].as_array().into_iter().flatten().any(|found| found["address"] == client.mac().as_str())
    });
    let ap = of.next().ok_or_else(|| format!("{} is not in {status}", client.mac()))?;
    Ok(ap["radio"].as_str().unwrap_or_default().to_owned())
}

/// A client on its way between the radios.
pub(super) struct Walk<'a> {
    client: &'a Client,
    at: RefCell<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn start(client: &'a Client) -> Result<Self, String> {
        client.reaches(ADDRESS)?;
        Ok(Self { client, at: RefCell::new(radio_of(client)?) })
    }

    /// The client goes to the other radio; yields for how long nothing could be sent to it, in milliseconds.
    pub(super) fn move_over(&self) -> Result<f64, String> {
        let to = if *self.at.borrow() == "phy0" { "phy1" } else { "phy0" };
        let mut command = Command::new("airloom");
        command.args(["move", &self.client.mac(), "--to", to, "--json", "--control", SOCKET]);
        let moved: Value = said(serde_json::from_str(&output(&mut command)?))?;
        expect(moved["to"] == to, || moved.to_string())?;
        to.clone_into(&mut self.at.borrow_mut());
        moved["gap_us"].as_f64().map(|gap| gap / 1000.0).ok_or_else(|| moved.to_string())
    }

    /// It is where it was moved to last.
    fn end(&self) -> Outcome {
        let (at, found) = (self.at.borrow(), radio_of(self.client)?);
        expect(*at == found, || format!("{found} instead of {at}"))
    }
}

/// The client is moved to and fro for as long as `runs` says; yields the gaps.
fn to_and_fro(
    move_over: impl Fn() -> Result<Option<f64>, String>,
    runs: impl Fn() -> bool,
    pause: Duration,
) -> Result<Vec<f64>, String> {
    let mut gaps = Vec::new();
    while runs() {
        thread::sleep(pause);
        gaps.extend(move_over()?);
    }
    gaps.sort_by(f64::total_cmp);
    Ok(gaps)
}

pub(super) fn median(gaps: &[f64]) -> f64 {
    gaps.get(gaps.len() / 2).copied().unwrap_or(f64::NAN)
}

/// So many pings both ways, one each 10 ms, all answered, while the client is moved again and again with a pause between;
/// yields the gaps.
pub(super) fn pings_both_ways(
    client: &Client,
    count: u32,
    pause: Duration,
    move_over: impl Fn() -> Result<Option<f64>, String>,
) -> Result<Vec<f64>, String> {
    let up = Beside::start(traffic::command_from(client, ADDRESS, count, "0.01"));
    let mut command = Command::new("ping");
    command.args(traffic::arguments(&client.ip(), count, "0.01"));
    let down = Beside::start(command);
    let gaps = to_and_fro(move_over, || up.runs() && down.runs(), pause)?;
    up.end()?.all_answered("from the client")?;
    down.end()?.all_answered("to the client")?;
    Ok(gaps)
}

/// The client is moved there and back under pings.
pub(crate) fn under_pings(make: Make) -> Outcome {
    let _ap = plan(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    let walk = Walk::start(&client)?;
    let gaps = pings_both_ways(&client, 1500, Duration::from_millis(200), || walk.move_over().map(Some))?;
    walk.end()?;
    client.missed_no_beacons()?;
    println!("measure moves.{} {} times", make.name(), gaps.len());
    println!("measure move_gap.{} {:.2} ms", make.name(), median(&gaps));
    expect(gaps.len() >= 10, || format!("only {} moves", gaps.len()))
}

/// The client is moved there and back between radios on two channels of a band, six times and more, under pings.
pub(crate) fn to_another_channel(make: Make) -> Outcome {
    let _ap = two_radios(make, &[6, 11]).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    let walk = Walk::start(&client)?;
    let gaps = pings_both_ways(&client, 1500, Duration::from_millis(200), || walk.move_over().map(Some))?;
    walk.end()?;
    println!("measure channel_moves.{} {} times", make.name(), gaps.len());
    println!("measure channel_move_gap.{} {:.2} ms", make.name(), median(&gaps));
    expect(gaps.len() >= 12, || format!("only {} moves", gaps.len()))
}

/// Linux leaves an AP that goes to another band. The move says so, and the client is back soon.
pub(crate) fn to_another_band(make: Make) -> Outcome {
    let _ap = two_radios(make, &[6, 36]).start()?;
    let mut client = Client::join(0, &Wanted::WPA2)?;
    let walk = Walk::start(&client)?;
    let moved = walk.move_over();
    expect(moved.as_ref().is_err_and(|why| why.contains("has left")), || format!("{moved:?}"))?;
    client.until_connected()?;
    client.reaches(ADDRESS)
}

/// Streams both ways while the client is moved there and back.
pub(crate) fn under_streams(make: Make) -> Outcome {
    let _ap = plan(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    let walk = Walk::start(&client)?;
    for stream in Stream::ALL.map(|stream| Stream { seconds: 4, ..stream }).into_iter().chain(Stream::COUNTED)
    {
        let (arrived, gaps) = thread::scope(|scope| {
            let running = scope.spawn(|| stream.run(&client));
            let gaps = to_and_fro(
                || walk.move_over().map(Some),
                || !running.is_finished(),
                Duration::from_millis(300),
            )?;
            let arrived = running.join().map_err(|_| "the stream's thread ended badly".to_owned())??;
            Ok::<_, String>((arrived, gaps))
        })?;
        println!("measure {}_moving.{} {arrived:.1} Mb/s", stream.name(), make.name());
        expect(arrived > 0.2 && gaps.len() >= 2, || format!("{stream:?}: {arrived} Mb/s, {gaps:?}"))?;
    }
    Ok(())
}

/// Frames wait for a client that dozes while it is moved.
pub(crate) fn while_dozing(make: Make) -> Outcome {
    let _ap = plan(make).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    let walk = Walk::start(&client)?;
    dozes_and_moves(&client, || walk.move_over().map(Some))
}

/// The client dozes before each move, with pings on their way to it, and all of them arrive.
pub(super) fn dozes_and_moves(
    client: &Client,
    move_over: impl Fn() -> Result<Option<f64>, String>,
) -> Outcome {
    let mut command = Command::new("ping");
    command.args(traffic::arguments(&client.ip(), 200, "0.05"));
    let beside = Beside::start(command);
    let mut moves = 0;
    while beside.runs() {
        client.set_radio("ps", "1")?;
        thread::sleep(Duration::from_millis(200));
        moves += usize::from(move_over()?.is_some());
        client.set_radio("ps", "0")?;
        thread::sleep(Duration::from_millis(200));
    }
    let pings = beside.end()?;
    pings.all_answered("to the dozing client")?;
    expect(pings.longest > 150.0 && moves >= 5, || format!("no ping waited: {pings:?}, {moves} moves"))
}

/// Keys change while the client is moved.
pub(crate) fn during_rekeys(make: Make) -> Outcome {
    let plan = Plan { group_rekey: Some(2), pairwise_rekey: Some(3), ..plan(make) };
    let _ap = plan.start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    let walk = Walk::start(&client)?;
    let refused = moves_under_pings(&client, || match walk.move_over() {
        // In the middle of a handshake it stays where it is.
        Err(why) if why.contains("busy") => Ok(None),
        other => other.map(Some),
    })?;
    println!("measure moves_refused.{} {refused} times", make.name());
    Ok(())
}

/// Pings to the client, all answered, while it is moved; yields how often it stayed where it was.
pub(super) fn moves_under_pings(
    client: &Client,
    move_over: impl Fn() -> Result<Option<f64>, String>,
) -> Result<usize, String> {
    let mut command = Command::new("ping");
    command.args(traffic::arguments(&client.ip(), 600, "0.02"));
    let beside = Beside::start(command);
    let mut refused = 0;
    while beside.runs() {
        thread::sleep(Duration::from_millis(100));
        refused += usize::from(move_over()?.is_none());
    }
    beside.end()?.all_answered("to the client")?;
    Ok(refused)
}
