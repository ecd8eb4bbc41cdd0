//! The access point of a scenario: `airloom`, or hostapd as its peer. Scenarios are written once and don't know which.

use std::fs;
use std::path::Path;
use std::process::Command;

use airloom::control::{Answer, Request, ask};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::client::{PASSPHRASE, SSID};
use super::control::{Control, open_soon};
use super::program::{Daemon, PATIENCE, output, run, until, within};
use super::{Outcome, expect, said};

/// Its address in the network.
pub(crate) const ADDRESS: &str = "10.9.0.1";
pub(crate) const TAP: &str = "air0";
pub(crate) const SOCKET: &str = "/run/airloom.sock";

/// Who makes the access point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    Hostapd,
    /// One BSSID for all clients.
    Shared,
    /// A BSSID for each client.
    PerClient,
}

impl Make {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hostapd => "hostapd",
            Self::Shared => "shared",
            Self::PerClient => "per_client",
        }
    }
}

/// What it is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) make: Make,
    pub(crate) secure: bool,
    /// Radio by radio, from phy0 on.
    pub(crate) channels: &'static [u8],
    pub(crate) hidden: bool,
    /// Seconds; the default where `None`, as for all that follow.
    pub(crate) group_rekey: Option<u32>,
    pub(crate) pairwise_rekey: Option<u32>,
    /// Seconds of silence after which a client is looked after.
    pub(crate) inactivity: Option<u32>,
    pub(crate) take: bool,
    pub(crate) placement: Option<&'static str>,
}

impl Plan {
    pub(crate) const fn wpa2(make: Make) -> Self {
        Self {
            make,
            secure: true,
            channels: &[6],
            hidden: false,
            group_rekey: None,
            pairwise_rekey: None,
            inactivity: None,
            take: false,
            placement: None,
        }
    }

    pub(crate) const fn open(make: Make) -> Self {
        Self { secure: false, ..Self::wpa2(make) }
    }

    pub(crate) fn start(&self) -> Result<AccessPoint, String> {
        match self.make {
            Make::Hostapd => self.start_hostapd(),
            Make::Shared | Make::PerClient => self.start_airloom(),
        }
    }

    fn start_hostapd(&self) -> Result<AccessPoint, String> {
        said(fs::write("/tmp/hostapd.conf", self.hostapd_configuration()))?;
        let mut process =
            Daemon::start(Command::new("hostapd").args(["-t", "/tmp/hostapd.conf"]), "hostapd")?;
        let control = open_soon("/run/hostapd/wlan0", || process.lives())?;
        until("hostapd does not start", || {
            let status = control.request("STATUS")?;
            expect(status.contains("state=ENABLED"), || status.clone())
        })?;
        run("ip", &["address", "replace", &format!("{ADDRESS}/24"), "dev", "wlan0"])?;
        Ok(AccessPoint { make: self.make, process })
    }

    fn hostapd_configuration(&self) -> String {
        let channel = self.channels[0];
        let mut text = format!(
            "interface=wlan0\ndriver=nl80211\nctrl_interface=/run/hostapd\nssid={SSID}\nhw_mode={}\n\
             channel={channel}\nwmm_enabled=1\nignore_broadcast_ssid={}\n",
            if channel > 14 { "a" } else { "g" },
            u8::from(self.hidden),
        );
        if self.secure {
            text += &format!("wpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_passphrase={PASSPHRASE}\n");
        }
        let optional = [
            ("wpa_group_rekey", self.group_rekey),
            ("wpa_ptk_rekey", self.pairwise_rekey),
            ("ap_max_inactivity", self.inactivity),
        ];
        for (key, value) in optional.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            text += &format!("{key}={value}\n");
        }
        text
    }

    fn start_airloom(&self) -> Result<AccessPoint, String> {
        let mut process = Daemon::start(&mut self.airloom()?, "airloom")?;
        until("airloom does not start", || {
            process.lives()?;
            let status = status()?;
            let radios = status["radios"].as_array().map_or(0, Vec::len);
            expect(radios == self.channels.len(), || status.to_string())
        })?;
        run("ip", &["address", "replace", &format!("{ADDRESS}/24"), "dev", TAP])?;
        Ok(AccessPoint { make: self.make, process })
    }

    /// The command that starts it.
    pub(crate) fn airloom(&self) -> Result<Command, String> {
        said(fs::write("/tmp/passphrase", PASSPHRASE))?;
        let mut command = Command::new("airloom");
        command.args(["ap", "--ssid", SSID, "--tap", TAP, "--control", SOCKET]);
        for (n, channel) in self.channels.iter().enumerate() {
            command.args(["--phy", &format!("phy{n}"), "--channel", &channel.to_string()]);
        }
        command.args(if self.secure { &["--passphrase-file", "/tmp/passphrase"][..] } else { &["--open"] });
        let kind = if self.make == Make::PerClient { "per-client" } else { "shared" };
        command.args(["--virtual-ap", kind]);
        for (flag, given) in [("--take-phy", self.take), ("--hidden", self.hidden)] {
            if given {
                command.arg(flag);
            }
        }
        if let Some(policy) = self.placement {
            command.args(["--placement", policy]);
        }
        let optional = [
            ("--group-rekey", self.group_rekey),
            ("--pairwise-rekey", self.pairwise_rekey),
            ("--inactivity", self.inactivity),
        ];
        for (option, seconds) in optional.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            command.args([option, &format!("{seconds}s")]);
        }
        Ok(command)
    }
}

/// Killed when dropped, unless it was ended before.
pub(crate) struct AccessPoint {
    make: Make,
    process: Daemon,
}

impl AccessPoint {
    pub(crate) fn lives(&mut self) -> Outcome {
        self.process.lives()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Tells it to end; it has to do so cleanly.
    pub(crate) fn terminate(&mut self) -> Outcome {
        self.process.terminate()
    }

    /// It gets no chance to clean up.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// The addresses of the clients that are in, each with its BSSID.
    pub(crate) fn clients(&self) -> Result<Vec<(String, String)>, String> {
        if self.make == Make::Hostapd {
            let control = Control::open("/run/hostapd/wlan0")?;
            let first = control.request("STA-FIRST")?;
            return Ok(first.lines().take(1).map(|mac| (mac.to_owned(), String::new())).collect());
        }
        let status = status()?;
        let mut clients = Vec::new();
        for ap in status["virtual_aps"].as_array().into_iter().flatten() {
            for client in ap["clients"].as_array().into_iter().flatten() {
                clients.push((text(&client["address"]), text(&ap["bssid"])));
            }
        }
        Ok(clients)
    }

    /// Waits until it has no client any more.
    pub(crate) fn until_empty(&self) -> Outcome {
        until("a client is still there", || {
            let clients = self.clients()?;
            expect(clients.is_empty(), || format!("{clients:?}"))
        })
    }
}

impl Drop for AccessPoint {
    fn drop(&mut self) {
        let _ = self.process.signal(Signal::SIGTERM);
        let _ = within(PATIENCE, "it does not end", || match self.process.lives() {
            Ok(()) => Err("it lives".to_owned()),
            Err(_) => Ok(()),
        });
        let _ = run("ip", &["address", "flush", "dev", "wlan0"]);
    }
}

/// What `airloom status --json` would say. To start a program takes long here.
pub(crate) fn status() -> Result<Value, String> {
    match ask(Path::new(SOCKET), &Request::Status).map_err(|why| format!("{why:#}"))? {
        Answer::Status(status) => said(serde_json::to_value(status)),
        other => Err(format!("{other:?}")),
    }
}

/// What `airloom status --json` says.
pub(crate) fn status_by_the_command() -> Result<Value, String> {
    let text = output(Command::new("airloom").args(["status", "--json", "--control", SOCKET]))?;
    said(serde_json::from_str(&text))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The wireless interfaces of the first namespace.
pub(crate) fn interfaces() -> Result<String, String> {
    run("iw", &["dev"])
}

pub(crate) fn exists(interface: &str) -> bool {
    Path::new("/sys/class/net").join(interface).exists()
}
