//! A client: an unmodified wpa_supplicant on a radio of its own, in a network namespace of its own.

use std::fs;
use std::process::Command;

use super::control::{Control, field, open_soon};
use super::program::{Daemon, PATIENCE, output, run, side_by_side, until, within};
use super::{Outcome, expect};

/// How many clients the guest has room for, and the first phy that is theirs.
pub(crate) const CLIENTS: usize = 20;
pub(crate) const FIRST_PHY: usize = 4;

pub(crate) const SSID: &str = "airloom-lab";
pub(crate) const PASSPHRASE: &str = "correct horse battery";

/// Gives every client's phy a namespace of its own, for the life of the guest.
pub(crate) fn settle() -> Outcome {
    let settle = |n| {
        let (namespace, phy) = (namespace(n), format!("phy{}", FIRST_PHY + n));
        run("ip", &["netns", "add", &namespace])?;
        run("iw", &["phy", &phy, "set", "netns", "name", &namespace])?;
        run("ip", &["-n", &namespace, "link", "set", "lo", "up"])
    };
    side_by_side(CLIENTS, settle).map(drop)
}

fn namespace(n: usize) -> String {
    format!("client{n}")
}

/// A program to be started in a client's namespace.
pub(crate) fn command(n: usize, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &namespace(n), program]).args(arguments);
    command
}

fn inside(n: usize, program: &str, arguments: &[&str]) -> Result<String, String> {
    output(&mut command(n, program, arguments))
}

/// What a client is told of the network.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) ssid: &'a str,
    /// None on an open network.
    pub(crate) passphrase: Option<&'a str>,
    /// Where it looks for the network, in MHz.
    pub(crate) frequencies: &'a str,
    /// It asks for the network by name, as for hidden ones.
    pub(crate) by_name: bool,
    /// It sends no probe request.
    pub(crate) only_listens: bool,
    /// It joins and roams by fast BSS transition (802.11r).
    pub(crate) fast_transition: bool,
}

impl Wanted<'static> {
    pub(crate) const OPEN: Self = Self {
        ssid: SSID,
        passphrase: None,
        frequencies: "2437",
        by_name: false,
        only_listens: false,
        fast_transition: false,
    };
    pub(crate) const WPA2: Self = Self { passphrase: Some(PASSPHRASE), ..Self::OPEN };
}

/// Stopped when dropped.
pub(crate) struct Client {
    n: usize,
    supplicant: Daemon,
    requests: Control,
    events: Control,
    /// It was asked to end.
    left: bool,
}

impl Client {
    /// Starts wpa_supplicant and lets it join; returns when it is connected.
    pub(crate) fn join(n: usize, wanted: &Wanted<'_>) -> Result<Self, String> {
        let mut client = Self::start(n, wanted)?;
        client.until_connected()?;
        Ok(client)
    }

    /// Starts wpa_supplicant, which sets out at once.
    pub(crate) fn start(n: usize, wanted: &Wanted<'_>) -> Result<Self, String> {
        let client = Self::idle(n, wanted)?;
        client.set_out()?;
        Ok(client)
    }

    /// Starts wpa_supplicant, which waits for [`Self::set_out`].
    pub(crate) fn idle(n: usize, wanted: &Wanted<'_>) -> Result<Self, String> {
        Self::idle_among(n, std::slice::from_ref(wanted))
    }

    /// Starts wpa_supplicant, which waits until it is told which of these networks to join.
    pub(crate) fn idle_among(n: usize, wanted: &[Wanted<'_>]) -> Result<Self, String> {
        let (interface, file) = (interface(n), format!("/tmp/client{n}.conf"));
        fs::write(&file, configuration(wanted)).map_err(|error| error.to_string())?;
        let ip = |words: &[&str]| run("ip", &[&["-n", &namespace(n), "address"], words].concat());
        ip(&["flush", "dev", &interface])?;
        ip(&["add", &format!("{}/24", address(n)), "dev", &interface])?;
        let mut supplicant = Daemon::start(
            &mut command(n, "wpa_supplicant", &["-t", "-Dnl80211", "-c", &file, "-i", &interface]),
            &format!("client{n}"),
        )?;
        let socket = format!("/run/wpa/{interface}");
        let requests = open_soon(&socket, || supplicant.lives())?;
        let events = Control::open(&socket)?;
        events.attach()?;
        let client = Self { n, supplicant, requests, events, left: false };
        client.forget_networks()?;
        Ok(client)
    }

    /// Has the kernel forget what it heard of the scenario before, whose access point had the same addresses: a scan of a
    /// channel on which nobody is, after which nothing older is kept.
    fn forget_networks(&self) -> Outcome {
        self.requests.order("SCAN TYPE=ONLY freq=2412 passive=1 only_new=1")?;
        self.event(&["CTRL-EVENT-SCAN-RESULTS"], &["CTRL-EVENT-SCAN-FAILED"]).map(drop)
    }

    /// Asks it to end, by which it leaves the network; killed, it would leave the kernel joined. Once only: while it ends
    /// nobody answers.
    pub(crate) fn leave(&mut self) -> Outcome {
        if std::mem::replace(&mut self.left, true) {
            return Ok(());
        }
        self.requests.request("TERMINATE").map(drop)
    }

    pub(crate) fn set_out(&self) -> Outcome {
        self.requests.order("ENABLE_NETWORK 0")
    }

    /// Has it leave the network where it is for this one, and waits until it is in.
    pub(crate) fn select(&self, network: usize, ssid: &str) -> Outcome {
        self.requests.order(&format!("SELECT_NETWORK {network}"))?;
        until("it does not get in", || {
            let status = self.requests.request("STATUS")?;
            let is = |key, value: &str| field(&status, key) == Some(value);
            expect(is("wpa_state", "COMPLETED") && is("ssid", ssid), || status.clone())
        })
    }

    /// Has this address in the network, and no other.
    pub(crate) fn takes_address(&self, address: &str) -> Outcome {
        let ip = |words: &[&str]| self.run("ip", &[&["address"], words].concat()).map(drop);
        ip(&["flush", "dev", &interface(self.n)])?;
        ip(&["add", address, "dev", &interface(self.n)])
    }

    /// Has it look on a channel, in MHz, until it knows an access point there.
    pub(crate) fn find(&self, bssid: &str, frequency: u16) -> Outcome {
        until("the access point is not found", || {
            self.events.forget_events()?;
            self.requests.order(&format!("SCAN freq={frequency}"))?;
            self.event(&["CTRL-EVENT-SCAN-RESULTS"], &["CTRL-EVENT-DISCONNECTED"])?;
            let known = self.requests.request(&format!("BSS {bssid}"))?;
            expect(known.contains(&format!("bssid={bssid}")), || known.clone())
        })
    }

    /// Orders it over to an access point that it knows; [`Self::bssid`] tells when it is there.
    pub(crate) fn roam(&self, bssid: &str) -> Outcome {
        self.requests.order(&format!("ROAM {bssid}"))
    }

    /// Its address in the network.
    pub(crate) fn ip(&self) -> String {
        address(self.n)
    }

    /// Its MAC address: hwsim numbers its radios.
    pub(crate) fn mac(&self) -> String {
        format!("02:00:00:00:{:02x}:00", FIRST_PHY + self.n)
    }

    pub(crate) fn until_connected(&mut self) -> Outcome {
        until("not connected", || {
            self.supplicant.lives()?;
            let status = self.requests.request("STATUS")?;
            let state = field(&status, "wpa_state").unwrap_or("");
            expect(state == "COMPLETED", || {
                format!("wpa_supplicant is {state}; {}", self.supplicant.last_words())
            })
        })
    }

    /// It has heard the beacons of its access point all the time, by what wpa_supplicant has said.
    pub(crate) fn missed_no_beacons(&self) -> Outcome {
        let losses = self.supplicant.said("CTRL-EVENT-BEACON-LOSS");
        expect(losses == 0, || {
            format!("beacons were missing {losses} times: {}", self.supplicant.last_words())
        })
    }

    /// Waits for an event of wpa_supplicant.
    pub(crate) fn event(&self, wanted: &[&str], feared: &[&str]) -> Result<String, String> {
        self.events.event(PATIENCE, wanted, feared)
    }

    /// The BSSID that it is connected to, by wpa_supplicant and by the kernel.
    pub(crate) fn bssid(&self) -> Result<String, String> {
        let status = self.requests.request("STATUS")?;
        let bssid = field(&status, "bssid").ok_or_else(|| format!("not connected: {status}"))?;
        let link = self.run("iw", &["dev", &interface(self.n), "link"])?;
        expect(link.contains(&format!("Connected to {bssid}")), || format!("{bssid} is not in {link}"))?;
        Ok(bssid.to_owned())
    }

    /// Runs a program where the client is.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        inside(self.n, program, arguments)
    }

    /// A program to be started where the client is.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        command(self.n, program, arguments)
    }

    /// Sets a value of its hwsim radio: `ps` or `group`.
    pub(crate) fn set_radio(&self, what: &str, value: &str) -> Outcome {
        set_radio(self.n, what, value)
    }

    pub(crate) fn phy(&self) -> String {
        phy(self.n)
    }

    /// Its network namespace.
    pub(crate) fn namespace(&self) -> String {
        namespace(self.n)
    }

    /// Its interface there.
    pub(crate) fn interface(&self) -> String {
        interface(self.n)
    }

    /// Sends until an answer comes: that the path works in both directions, ARP included.
    pub(crate) fn reaches(&self, ip: &str) -> Outcome {
        within(PATIENCE, "nobody answers", || self.run("ping", &["-c", "1", "-W", "1", ip]).map(drop))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.leave();
        let _ = self.supplicant.end();
        let _ = set_radio(self.n, "ps", "0");
        let _ = set_radio(self.n, "group", "1");
    }
}

fn set_radio(n: usize, what: &str, value: &str) -> Outcome {
    let file = format!("/sys/kernel/debug/ieee80211/{}/hwsim/{what}", phy(n));
    fs::write(&file, value).map_err(|error| format!("{file}: {error}"))
}

fn phy(n: usize) -> String {
    format!("phy{}", FIRST_PHY + n)
}

pub(crate) fn interface(n: usize) -> String {
    format!("wlan{}", FIRST_PHY + n)
}

fn address(n: usize) -> String {
    format!("10.9.0.{}", 10 + n)
}

fn configuration(all: &[Wanted<'_>]) -> String {
    let listens = all.iter().all(|wanted| wanted.only_listens);
    let head = format!("ctrl_interface=/run/wpa\npassive_scan={}\n", u8::from(listens));
    all.iter().fold(head, |text, wanted| text + &network(wanted))
}

fn network(wanted: &Wanted<'_>) -> String {
    let security = match wanted.passphrase {
        Some(passphrase) => {
            let akm = if wanted.fast_transition { "FT-PSK" } else { "WPA-PSK" };
            format!("key_mgmt={akm}\npsk=\"{passphrase}\"")
        }
        None => "key_mgmt=NONE".to_owned(),
    };
    format!(
        "network={{\nssid=\"{}\"\nscan_ssid={}\nscan_freq={}\nfreq_list={}\n{security}\ndisabled=1\n}}\n",
        wanted.ssid,
        u8::from(wanted.by_name),
        wanted.frequencies,
        wanted.frequencies,
    )
}
