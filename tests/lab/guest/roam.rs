//! What it costs a client to be served from elsewhere: by its own roaming, where kernels do all the work, between two
//! hostapds of one network in one bridge, without and with 802.11r; and by the moves of its virtual AP.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;

use super::access_point::{ADDRESS, Make};
use super::client::{Client, PASSPHRASE, SSID, Wanted};
use super::cluster::{Cluster, Plan};
use super::control::open_soon;
use super::moves::{Walk, two_radios};
use super::program::{Daemon, LOGS, run, until};
use super::recording::Recording;
use super::{Outcome, expect, said};

const ROAMS: usize = 6;
const BRIDGE: &str = "br0";
const CHANNELS: [u8; 2] = [6, 11];
const FREQUENCIES: [u16; 2] = [2437, 2462];
/// Answers before and after a roam that show that all is well.
const ANSWERS: usize = 50;

/// Every measurement is a line `measure NAME.VARIANT VALUE UNIT`, every recording of a roam a line
/// `recorded roam.VARIANT.NUMBER`, in which the host counts frames.
pub(crate) fn roam() -> Outcome {
    by_itself("wpa2", false)?;
    by_itself("ft", true)?;
    between_radios("radios", &[6, 6])?;
    between_radios("channels", &[6, 11])?;
    between_nodes("nodes")
}

fn by_itself(variant: &str, fast_transition: bool) -> Outcome {
    let _bridge = Bridge::make()?;
    let _first = hostapd(0, fast_transition)?;
    let _second = hostapd(1, fast_transition)?;
    let wanted = Wanted { frequencies: "2437 2462", fast_transition, ..Wanted::WPA2 };
    let client = Client::join(0, &wanted)?;
    client.reaches(ADDRESS)?;
    for number in 0..ROAMS {
        let here = client.bssid()?;
        let to = usize::from(here == bssid(0));
        let there = bssid(to);
        client.find(&there, FREQUENCIES[to])?;
        observe(variant, number, &client, || {
            client.roam(&there)?;
            until("it does not get there", || {
                let bssid = client.bssid()?;
                expect(bssid == there, || format!("it is at {bssid} instead of {there}"))
            })
        })?;
    }
    Ok(())
}

fn between_radios(variant: &str, channels: &'static [u8]) -> Outcome {
    let _ap = two_radios(Make::PerClient, channels).start()?;
    let client = Client::join(0, &Wanted::WPA2)?;
    let walk = Walk::start(&client)?;
    (0..ROAMS).try_for_each(|number| observe(variant, number, &client, || walk.move_over().map(drop)))
}

fn between_nodes(variant: &str) -> Outcome {
    let cluster = Cluster::start(2, Plan::PATIENT)?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    let moved = || {
        let gap = cluster.move_on(&client)?;
        expect(gap.is_some(), || "the other node does not take it".to_owned())
    };
    (0..ROAMS).try_for_each(|number| observe(variant, number, &client, moved))
}

/// One change of place, in a recording and under pings.
fn observe(variant: &str, number: usize, client: &Client, change: impl Fn() -> Outcome) -> Outcome {
    let recorded = format!("roam.{variant}.{number}");
    let recording = Recording::start(&recorded)?;
    let pings = under_pings(client, change)?;
    recording.end()?;
    println!("recorded {recorded}");
    println!("measure gap.{variant} {:.1} ms", pings.gap * 1e3);
    println!("measure lost.{variant} {} pings", pings.sent - pings.received);
    Ok(())
}

/// Pings at 10 ms, from well before a change of place until well after it.
fn under_pings(client: &Client, change: impl Fn() -> Outcome) -> Result<Pings, String> {
    let log = format!("{LOGS}/roam.log");
    let _ = fs::remove_file(&log);
    let mut ping = Daemon::start(&mut client.command("ping", &["-n", "-D", "-i", "0.01", ADDRESS]), "roam")?;
    let answered = |least: usize| {
        until("the pings are not answered", || {
            let answers = Pings::parse(&said(fs::read_to_string(&log))?).received;
            expect(answers >= least, || format!("{answers} answers"))?;
            Ok(answers)
        })
    };
    answered(ANSWERS)?;
    change()?;
    // What is under way may still come from before.
    let so_far = answered(0)?;
    answered(so_far + ANSWERS)?;
    ping.signal(Signal::SIGINT)?;
    ping.end()?;
    Ok(Pings::parse(&said(fs::read_to_string(&log))?))
}

/// What `ping -D` wrote, line by line.
struct Pings {
    sent: usize,
    received: usize,
    /// The longest time from one answer to the next, in seconds.
    gap: f64,
}

impl Pings {
    fn parse(log: &str) -> Self {
        let times: Vec<f64> = log.lines().filter_map(answer).collect();
        let gap = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        let summary = log.lines().find(|line| line.contains("packets transmitted"));
        let sent = summary.and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or(times.len());
        Self { sent, received: times.len(), gap }
    }
}

/// When an answer came: `[1700000000.123456] 64 bytes from ...`.
fn answer(line: &str) -> Option<f64> {
    let (time, rest) = line.strip_prefix('[')?.split_once("] ")?;
    if rest.contains("bytes from") { time.parse().ok() } else { None }
}

struct Bridge;

impl Bridge {
    fn make() -> Result<Self, String> {
        run("ip", &["link", "add", BRIDGE, "type", "bridge"])?;
        run("ip", &["address", "add", &format!("{ADDRESS}/24"), "dev", BRIDGE])?;
        run("ip", &["link", "set", BRIDGE, "up"])?;
        Ok(Self)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = run("ip", &["link", "del", BRIDGE]);
    }
}

/// hwsim numbers its radios.
fn bssid(phy: usize) -> String {
    format!("02:00:00:00:{phy:02x}:00")
}

/// Told to end, it sets its interface down; killed, it would leave the phy to nobody else.
struct Hostapd(Daemon);

impl Drop for Hostapd {
    fn drop(&mut self) {
        let _ = self.0.signal(Signal::SIGTERM);
        let _ = self.0.end();
    }
}

fn hostapd(phy: usize, fast_transition: bool) -> Result<Hostapd, String> {
    let (file, channel) = (format!("/tmp/hostapd{phy}.conf"), CHANNELS[phy]);
    // The keys of a transition come from the passphrase: the two need not talk to each other.
    let security = if fast_transition {
        format!(
            "wpa_key_mgmt=FT-PSK\nmobility_domain=a10e\nft_psk_generate_local=1\nft_over_ds=0\nnas_identifier=ap{phy}\n"
        )
    } else {
        "wpa_key_mgmt=WPA-PSK\n".to_owned()
    };
    let text = format!(
        "interface=wlan{phy}\nbridge={BRIDGE}\ndriver=nl80211\nctrl_interface=/run/hostapd\nssid={SSID}\nhw_mode=g\n\
         channel={channel}\nwmm_enabled=1\nwpa=2\nrsn_pairwise=CCMP\nwpa_passphrase={PASSPHRASE}\n{security}"
    );
    said(fs::write(&file, text))?;
    let mut process = Daemon::start(Command::new("hostapd").args(["-t", &file]), &format!("hostapd{phy}"))?;
    let control = open_soon(&format!("/run/hostapd/wlan{phy}"), || process.lives())?;
    until("hostapd does not start", || {
        let status = control.request("STATUS")?;
        expect(status.contains("state=ENABLED"), || status.clone())
    })?;
    Ok(Hostapd(process))
}
