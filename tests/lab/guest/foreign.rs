//! Foreign networks: unmodified hostapds, each on a radio of its own in a network namespace of its own. They use the places
//! of clients, of which none is about meanwhile.

use std::fs;
use std::process::Command;

use stack::wire::Channel;

use super::client;
use super::control::{Control, open_soon};
use super::program::{Daemon, output, until};
use super::{Outcome, expect, said};

/// A network as its administrator wants it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The client whose place it takes.
    pub(crate) place: usize,
    pub(crate) channel: u8,
    pub(crate) secure: bool,
    /// Seconds between two changes of its keys, pairwise and group.
    pub(crate) rekeys: Option<u32>,
}

impl Plan {
    pub(crate) const fn wpa2(place: usize, channel: u8) -> Self {
        Self { place, channel, secure: true, rekeys: None }
    }

    pub(crate) const fn open(place: usize, channel: u8) -> Self {
        Self { secure: false, ..Self::wpa2(place, channel) }
    }

    /// Its name in the air, and the one of all that is its own.
    pub(crate) fn name(&self) -> String {
        format!("foreign{}", self.place)
    }

    /// None on an open network. Each has its own.
    pub(crate) fn passphrase(&self) -> Option<String> {
        self.secure.then(|| format!("the passphrase of {}", self.name()))
    }

    /// The access point's address in the network, or with another number that of somebody else.
    pub(crate) fn ip(&self, number: u8) -> String {
        format!("10.20.{}.{number}", self.place)
    }

    /// In MHz.
    pub(crate) fn frequency(&self) -> u16 {
        Channel::from_number(self.channel).map_or(0, Channel::frequency)
    }

    pub(crate) fn start(self) -> Result<Network, String> {
        let file = format!("/tmp/{}.conf", self.name());
        said(fs::write(&file, self.configuration()))?;
        let mut hostapd = Daemon::start(&mut self.command("hostapd", &["-t", &file]), &self.name())?;
        let control = open_soon(&format!("/run/hostapd/{}", self.interface()), || hostapd.lives())?;
        until("hostapd does not start", || {
            let status = control.request("STATUS")?;
            expect(status.contains("state=ENABLED"), || status.clone())
        })?;
        self.run("ip", &["address", "replace", &format!("{}/24", self.ip(1)), "dev", &self.interface()])?;
        Ok(Network { plan: self, hostapd, control })
    }

    fn configuration(&self) -> String {
        let mut text = format!(
            "interface={}\ndriver=nl80211\nctrl_interface=/run/hostapd\nssid={}\nhw_mode={}\nchannel={}\n\
             country_code=US\nwmm_enabled=1\n",
            self.interface(),
            self.name(),
            if self.channel > 14 { "a" } else { "g" },
            self.channel,
        );
        if let Some(passphrase) = self.passphrase() {
            text += "wpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\n";
            text += &format!("wpa_passphrase={passphrase}\n");
        }
        if let Some(seconds) = self.rekeys {
            text += &format!("wpa_group_rekey={seconds}\nwpa_ptk_rekey={seconds}\n");
        }
        text
    }

    fn interface(&self) -> String {
        client::interface(self.place)
    }

    /// A program to be started where the access point is.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        client::command(self.place, program, arguments)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        output(&mut self.command(program, arguments))
    }
}

/// Ended when dropped.
pub(crate) struct Network {
    pub(crate) plan: Plan,
    hostapd: Daemon,
    control: Control,
}

impl Network {
    /// It has no chance to say anything, and its radio is silent from then on.
    pub(crate) fn vanish(mut self) -> Result<Plan, String> {
        self.hostapd.kill();
        self.plan.run("ip", &["link", "set", &self.plan.interface(), "down"])?;
        Ok(self.plan)
    }

    /// Goes to another channel, in MHz, and says so in so many beacons before.
    pub(crate) fn switch_channel(&self, beacons: u8, frequency: u16) -> Outcome {
        self.control.order(&format!("CHAN_SWITCH {beacons} {frequency}"))?;
        until("it does not switch", || {
            let status = self.control.request("STATUS")?;
            expect(status.contains(&format!("freq={frequency}\n")), || status.clone())
        })
    }

    /// Who is in, by what hostapd says.
    pub(crate) fn stations(&self) -> Result<String, String> {
        self.control.request("STA-FIRST")
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Asked to end, it gives the interface back as it was.
        let _ = self.hostapd.terminate();
        let _ = self.plan.run("ip", &["address", "flush", "dev", &self.plan.interface()]);
    }
}
