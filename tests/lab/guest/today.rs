//! What people do today who want several networks, for comparison: wpa_supplicant on one radio in one network after the
//! other, and on two radios in two of them at once.

use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::client::{Client, Wanted};
use super::foreign::Plan;
use super::hop::{FOUR, started};
use super::moves::median;
use super::program::Daemon;
use super::traffic::{Beside, command_from, until_listens};
use super::{Outcome, expect, said};

/// The places of the clients: those before are the foreign networks'.
const CLIENTS: [usize; 2] = [5, 6];
const ROUNDS: usize = 3;

/// What a client has to know of a network.
struct Known {
    ssid: String,
    passphrase: Option<String>,
    frequency: String,
}

impl Known {
    fn of(plan: &Plan) -> Self {
        Self { ssid: plan.name(), passphrase: plan.passphrase(), frequency: plan.frequency().to_string() }
    }

    fn wanted(&self) -> Wanted<'_> {
        let passphrase = self.passphrase.as_deref();
        Wanted { ssid: &self.ssid, passphrase, frequencies: &self.frequency, ..Wanted::OPEN }
    }
}

/// One radio that goes round: how long until the next network answers.
pub(crate) fn one_after_the_other() -> Outcome {
    let _networks = started(&FOUR)?;
    let known = FOUR.each_ref().map(Known::of);
    let client = Client::idle_among(CLIENTS[0], &known.each_ref().map(Known::wanted))?;
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        for (n, plan) in FOUR.iter().enumerate() {
            let start = Instant::now();
            client.select(n, &plan.name())?;
            arrives(&client, plan)?;
            took.push(start.elapsed().as_secs_f64());
        }
    }
    took.sort_by(f64::total_cmp);
    println!("measure today_next_network.wpa_supplicant {:.2} s", median(&took));
    Ok(())
}

fn arrives(client: &Client, plan: &Plan) -> Outcome {
    client.takes_address(&format!("{}/24", plan.ip(3)))?;
    client.reaches(&plan.ip(1))
}

/// A radio for each of two networks, with all of its air.
pub(crate) fn two_radios() -> Outcome {
    let two = [FOUR[0], FOUR[2]];
    let _networks = started(&two)?;
    let mut clients = Vec::new();
    for (place, plan) in CLIENTS.into_iter().zip(&two) {
        let client = Client::join(place, &Known::of(plan).wanted())?;
        arrives(&client, plan)?;
        clients.push((client, plan));
    }
    let pings: Vec<_> = clients
        .iter()
        .map(|(client, plan)| (Beside::start(command_from(client, &plan.ip(1), 200, "0.05")), plan))
        .collect();
    for (pings, plan) in pings {
        let pings = pings.end()?;
        pings.all_answered(&plan.name())?;
        println!("measure today_ping_two_radios.{} {:.1} ms", plan.name(), pings.average);
    }
    let rates: Vec<Result<f64, String>> = thread::scope(|scope| {
        let running: Vec<_> =
            clients.iter().map(|(client, plan)| scope.spawn(move || tcp_up(client, plan))).collect();
        let ended = running.into_iter().map(thread::ScopedJoinHandle::join);
        ended.map(|end| end.map_err(|_| "iperf3's thread ended badly".to_owned())?).collect()
    });
    for (rate, (_, plan)) in rates.into_iter().zip(&clients) {
        let rate = rate?;
        println!("measure today_tcp_up_two_radios.{} {rate:.2} Mb/s", plan.name());
        expect(rate > 0.05, || format!("{}: {rate}", plan.name()))?;
    }
    Ok(())
}

/// To the access point, in Mb/s.
fn tcp_up(client: &Client, plan: &Plan) -> Result<f64, String> {
    let port = 5301 + plan.place as u16;
    let (port_text, name) = (port.to_string(), format!("iperf3-{}", plan.name()));
    let mut server = plan.command("iperf3", &["-s", "-1", "--forceflush", "-p", &port_text]);
    let mut server = Daemon::start(&mut server, &name)?;
    until_listens(&mut server, port)?;
    let text = client.run("iperf3", &["-c", &plan.ip(1), "-p", &port_text, "-t", "6", "-J"])?;
    let report: Value = said(serde_json::from_str(&text))?;
    report["end"]["sum_received"]["bits_per_second"].as_f64().map(|rate| rate / 1e6).ok_or(text)
}
