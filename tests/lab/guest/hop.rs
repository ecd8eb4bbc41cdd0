//! `airloom hop`: one radio that is a station of several foreign networks at once, each on a channel of its own and with a
//! TAP of its own. That no frame of ours is on a wrong channel, and that an AP is told before we go, sees the witness.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::access_point::{SOCKET, exists, status};
use super::foreign::{Network, Plan};
use super::program::{Daemon, output, run, until};
use super::traffic::{self, Beside, Pings, until_listens};
use super::{Outcome, expect, said};

/// Two bands, three channels with a passphrase and one without.
pub(crate) const FOUR: [Plan; 4] =
    [Plan::wpa2(0, 1), Plan::wpa2(1, 11), Plan::wpa2(2, 36), Plan::open(3, 44)];
const FIFTH: Plan = Plan::wpa2(4, 6);
/// Seconds between two pings.
const INTERVAL: &str = "0.05";

/// Ended when dropped.
pub(crate) struct Hop(pub(crate) Daemon);

impl Hop {
    /// With the right passphrases.
    fn start(plans: &[Plan]) -> Result<Self, String> {
        Self::start_with(plans, Plan::passphrase)
    }

    fn start_with(plans: &[Plan], passphrase: impl Fn(&Plan) -> Option<String>) -> Result<Self, String> {
        let mut command = Command::new("airloom");
        command.args(["hop", "--phy", "phy0", "--control", SOCKET]);
        for plan in plans {
            let name = plan.name();
            let security = match passphrase(plan) {
                Some(passphrase) => {
                    let file = format!("/tmp/{name}.passphrase");
                    said(fs::write(&file, passphrase))?;
                    format!("passphrase-file={file}")
                }
                None => "open".to_owned(),
            };
            command.args(["--network", &format!("ssid={name},{security},tap={name}")]);
        }
        Ok(Self(Daemon::start(&mut command, "airloom")?))
    }

    /// Waits until data can flow, and has an address in each of these networks then.
    pub(crate) fn until_connected(&mut self, plans: &[Plan]) -> Outcome {
        until("not connected", || {
            self.0.lives()?;
            let links = links()?;
            let up = |plan: &Plan| link(&links, plan).is_ok_and(|link| link["state"] == "connected");
            expect(plans.iter().all(up), || links.to_string())
        })?;
        plans.iter().try_for_each(|plan| {
            let address = format!("{}/24", plan.ip(2));
            run("ip", &["address", "replace", &address, "dev", &plan.name()]).map(drop)
        })
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        let _ = self.0.terminate();
    }
}

fn links() -> Result<Value, String> {
    Ok(status()?["links"].clone())
}

fn link<'a>(links: &'a Value, plan: &Plan) -> Result<&'a Value, String> {
    let mut all = links.as_array().into_iter().flatten();
    all.find(|link| link["ssid"] == plan.name().as_str())
        .ok_or_else(|| format!("{} is not in {links}", plan.name()))
}

pub(crate) fn started(plans: &[Plan]) -> Result<Vec<Network>, String> {
    plans.iter().map(|plan| plan.start()).collect()
}

/// All four, and the radio is in all of them.
fn joined(plans: &[Plan; 4]) -> Result<(Vec<Network>, Hop), String> {
    let networks = started(plans)?;
    let mut hop = Hop::start(plans)?;
    hop.until_connected(plans)?;
    plans.iter().try_for_each(reaches)?;
    Ok((networks, hop))
}

/// Sends until an answer comes: that the path works in both directions, ARP included.
pub(crate) fn reaches(plan: &Plan) -> Outcome {
    until("nobody answers", || run("ping", &["-c", "1", "-W", "1", &plan.ip(1)]).map(drop))
}

fn pings(plan: &Plan, count: u32) -> Command {
    let mut command = Command::new("ping");
    command.args(traffic::arguments(&plan.ip(1), count, INTERVAL));
    command
}

/// So many pings through the TAP of each at the same time, all answered.
pub(crate) fn all_answer(plans: &[Plan], count: u32) -> Result<Vec<Pings>, String> {
    let beside: Vec<_> = plans.iter().map(|plan| Beside::start(pings(plan, count))).collect();
    let ended: Vec<_> = beside.into_iter().map(Beside::end).collect();
    let pings = ended.into_iter().collect::<Result<Vec<_>, _>>()?;
    let judged = pings.iter().zip(plans).map(|(pings, plan)| pings.all_answered(&plan.name()));
    let wrong: Vec<String> = judged.filter_map(Result::err).collect();
    expect(wrong.is_empty(), || format!("{}; {}", wrong.join(", "), links().unwrap_or_default()))?;
    Ok(pings)
}

/// Something happens while pings go through the TAPs of the others, round after round; all of them are answered.
fn meanwhile(others: &[Plan], happens: impl FnOnce() -> Outcome) -> Outcome {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let rounds = scope.spawn(|| {
            loop {
                all_answer(others, 40)?;
                if over.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
        });
        let happened = happens();
        over.store(true, Ordering::Relaxed);
        let answered = rounds.join().map_err(|_| "the thread of the pings ended badly".to_owned())?;
        happened.and(answered)
    })
}

/// All but the one at this place.
fn without(place: usize) -> Vec<Plan> {
    FOUR.into_iter().filter(|plan| plan.place != place).collect()
}

/// All are up within five seconds of the start, each answers 500 pings while all run, and nothing stays at the end.
pub(crate) fn four_networks() -> Outcome {
    let _networks = started(&FOUR)?;
    let start = Instant::now();
    let mut hop = Hop::start(&FOUR)?;
    hop.until_connected(&FOUR)?;
    let took = start.elapsed().as_secs_f64();
    println!("measure hop_all_up.hop {took:.2} s");
    FOUR.iter().try_for_each(reaches)?;
    for (pings, plan) in all_answer(&FOUR, 500)?.iter().zip(&FOUR) {
        println!("measure hop_ping.{} {:.1} ms", plan.name(), pings.average);
    }
    let hopping = &status()?["radios"][0]["hopping"];
    let (whole, ours) =
        hopping["median_ms"].as_f64().zip(hopping["ours_ms"].as_f64()).ok_or_else(|| hopping.to_string())?;
    println!("measure hop_takes.hop {whole:.2} ms");
    println!("measure hop_ours.hop {ours:.3} ms");
    hop.0.terminate()?;
    let left: Vec<String> = FOUR.iter().map(Plan::name).filter(|tap| exists(tap)).collect();
    expect(left.is_empty(), || format!("{left:?} are still there"))?;
    expect(took <= 5.0, || format!("they were up after {took:.2} s only"))
}

/// Runs iperf3 through the TAP of a network, to the access point or from it, and yields its report. What is sent last is
/// counted where it is received: iperf3's own way to turn a stream round ends it with frames on their way.
fn stream(plan: &Plan, down: bool, arguments: &[&str]) -> Result<Value, String> {
    let port = 5201 + plan.place as u16;
    let (port_text, name) = (port.to_string(), format!("iperf3-{}", plan.name()));
    let here = |arguments: &[&str]| {
        let mut command = Command::new("iperf3");
        command.args(arguments);
        command
    };
    let there = |arguments: &[&str]| plan.command("iperf3", arguments);
    let server = ["-s", "-1", "--forceflush", "-p", &port_text];
    let mut server = Daemon::start(&mut if down { here(&server) } else { there(&server) }, &name)?;
    until_listens(&mut server, port)?;
    let to = plan.ip(if down { 2 } else { 1 });
    let client = [&["-c", &to, "-p", &port_text, "-J"], arguments].concat();
    let mut client = if down { there(&client) } else { here(&client) };
    said(serde_json::from_str(&output(&mut client)?))
}

/// One through each of these at the same time.
fn streams(plans: &[Plan], down: bool, arguments: &[&str]) -> Result<Vec<Value>, String> {
    thread::scope(|scope| {
        let start = |plan| scope.spawn(move || stream(plan, down, arguments));
        let running: Vec<_> = plans.iter().map(start).collect();
        let ended: Vec<_> = running.into_iter().map(thread::ScopedJoinHandle::join).collect();
        let ended = ended.into_iter().map(|end| end.map_err(|_| "iperf3's thread ended badly".to_owned())?);
        ended.collect()
    })
}

/// UDP on all four at a rate below what the air bears, one way and then the other: none is lost.
pub(crate) fn udp() -> Outcome {
    let (_networks, _hop) = joined(&FOUR)?;
    for (way, down) in [("up", false), ("down", true)] {
        let arguments = ["-u", "-b", "300k", "-l", "1000", "-t", "6"];
        for (report, plan) in streams(&FOUR, down, &arguments)?.iter().zip(&FOUR) {
            let sum = &report["end"]["sum"];
            let (packets, lost) = (sum["packets"].as_u64(), sum["lost_packets"].as_u64());
            println!("measure hop_udp_{way}.{} {} packets", plan.name(), packets.unwrap_or_default());
            // 300 kb/s for 6 s are 225 of them.
            expect(packets >= Some(200) && lost == Some(0), || format!("{way}, {}: {sum}", plan.name()))?;
        }
    }
    Ok(())
}

/// TCP through two of them at once, one way and then the other.
pub(crate) fn tcp() -> Outcome {
    let (_networks, _hop) = joined(&FOUR)?;
    let two = [FOUR[0], FOUR[2]];
    for (way, down) in [("up", false), ("down", true)] {
        for (report, plan) in streams(&two, down, &["-t", "6"])?.iter().zip(&two) {
            let received = &report["end"]["sum_received"];
            let rate = received["bits_per_second"].as_f64().unwrap_or_default() / 1e6;
            println!("measure hop_tcp_{way}.{} {rate:.2} Mb/s", plan.name());
            expect(rate > 0.05, || format!("{way}, {}: {received}", plan.name()))?;
        }
    }
    Ok(())
}

/// One access point vanishes and comes back: so does the link, and the others lose nothing.
pub(crate) fn ap_restarts() -> Outcome {
    let (mut networks, mut hop) = joined(&FOUR)?;
    meanwhile(&without(1), || {
        let plan = networks.remove(1).vanish()?;
        until("the link does not end", || {
            let links = links()?;
            let state = &link(&links, &plan)?["state"];
            expect(state != "connected", || links.to_string())
        })?;
        networks.push(plan.start()?);
        hop.until_connected(&[plan])?;
        reaches(&plan)
    })?;
    all_answer(&FOUR, 100).map(drop)
}

/// One access point goes to another channel and says so; the link follows, and the others lose nothing.
pub(crate) fn ap_switches_channel() -> Outcome {
    let (networks, _hop) = joined(&FOUR)?;
    let its_own = Beside::start(pings(&FOUR[0], 200));
    meanwhile(&without(0), || {
        networks[0].switch_channel(10, 2437)?;
        until("the link does not follow", || {
            let links = links()?;
            let link = link(&links, &FOUR[0])?;
            expect(link["channel"] == 6 && link["state"] == "connected", || links.to_string())
        })?;
        reaches(&FOUR[0])
    })?;
    let Pings { sent, received, .. } = its_own.end()?;
    println!("measure hop_lost_at_the_switch.hop {} pings", sent - received);
    all_answer(&FOUR, 100).map(drop)
}

/// The keys of one network change every five seconds, and nothing is lost anywhere.
pub(crate) fn rekeys() -> Outcome {
    let plans = FOUR.map(|plan| if plan.place == 1 { Plan { rekeys: Some(5), ..plan } } else { plan });
    let (_networks, _hop) = joined(&plans)?;
    all_answer(&plans, 320).map(drop)
}

/// The passphrase of one network is wrong: it alone fails.
pub(crate) fn wrong_passphrase() -> Outcome {
    const WRONG: usize = 2;
    let networks = started(&FOUR)?;
    let mut hop = Hop::start_with(&FOUR, |plan| {
        plan.passphrase().map(|right| if plan.place == WRONG { format!("not {right}") } else { right })
    })?;
    let others = without(WRONG);
    hop.until_connected(&others)?;
    others.iter().try_for_each(reaches)?;
    all_answer(&others, 200)?;
    let links = links()?;
    expect(link(&links, &FOUR[WRONG])?["state"] != "connected", || links.to_string())?;
    let stations = networks[WRONG].stations()?;
    expect(!stations.contains("[AUTHORIZED]"), || stations.clone())
}

/// A fifth network appears, of which the radio was told from the start.
pub(crate) fn a_fifth() -> Outcome {
    let mut networks = started(&FOUR)?;
    let five = [&FOUR[..], &[FIFTH]].concat();
    let mut hop = Hop::start(&five)?;
    hop.until_connected(&FOUR)?;
    FOUR.iter().try_for_each(reaches)?;
    meanwhile(&FOUR, || {
        networks.push(FIFTH.start()?);
        hop.until_connected(&[FIFTH])?;
        reaches(&FIFTH)
    })?;
    all_answer(&five, 100).map(drop)
}
