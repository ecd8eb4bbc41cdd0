//! nl80211: the phys there are and what they can do, their interfaces, monitors that acknowledge, channel and power.

mod phy;
mod watch;

use std::io;

use linux_raw_sys::netlink::{
    NLM_F_ACK, NLM_F_DUMP, nl80211_attrs as attr, nl80211_chan_width as width, nl80211_commands as command,
    nl80211_iftype as iftype, nl80211_mntr_flags as monitor, nl80211_tx_power_setting as power,
};
use stack::wire::{Channel, ChannelWidth, MacAddr};

pub use phy::{Phy, PhyChannel};
pub use watch::InterfaceWatch;

use crate::interface;
use crate::netlink::{Attributes, NetlinkError, Request, Socket, text_of};

/// Why something could not be done with a phy.
#[derive(Debug, thiserror::Error)]
pub enum Nl80211Error {
    /// The netlink socket failed.
    #[error("netlink: {cause}")]
    Socket {
        /// What the system said.
        cause: io::Error,
    },
    /// The kernel has no nl80211.
    #[error("this kernel has no Wi-Fi: is the driver of the adapter loaded (module cfg80211)?")]
    NoWifi,
    /// The kernel refused.
    #[error("{what}: {cause}{}{}", bracketed(why.as_deref()), bracketed(advice(cause)))]
    Refused {
        /// What was tried.
        what: &'static str,
        /// The error number's text.
        cause: io::Error,
        /// What the driver says about it.
        why: Option<String>,
    },
    /// Wider channels are not set by this driver.
    #[error("channel {0} is wider than 20 MHz")]
    Width(Channel),
}

impl From<NetlinkError> for Nl80211Error {
    fn from(error: NetlinkError) -> Self {
        match error {
            NetlinkError::Socket(cause) => Self::Socket { cause },
            NetlinkError::NoFamily => Self::NoWifi,
            NetlinkError::Refused { what, cause, why } => Self::Refused { what, cause, why },
        }
    }
}

fn bracketed(text: Option<&str>) -> String {
    text.map(|text| format!(" ({text})")).unwrap_or_default()
}

/// What to do about the usual refusals.
fn advice(cause: &io::Error) -> Option<&'static str> {
    match cause.raw_os_error()? {
        libc::EPERM => Some("root or CAP_NET_ADMIN is needed"),
        libc::ERFKILL => Some("`rfkill unblock wifi` lifts it, or the adapter's switch"),
        libc::EBUSY => Some("another interface is up on the same phy: set it down"),
        _ => None,
    }
}

/// A wireless interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// The index of its phy.
    pub phy: u32,
    /// Its address.
    pub address: MacAddr,
    /// It is a monitor.
    pub monitor: bool,
}

/// The way to nl80211. One request at a time; each is answered before the call returns.
#[derive(Debug)]
pub struct Nl80211(Socket);

impl Nl80211 {
    /// Opens it.
    pub fn open() -> Result<Self, Nl80211Error> {
        Ok(Self(Socket::open("nl80211")?))
    }

    /// All phys, in the kernel's order.
    pub fn phys(&mut self) -> Result<Vec<Phy>, Nl80211Error> {
        let request = self
            .request(NLM_F_DUMP, command::NL80211_CMD_GET_WIPHY)
            .attribute(attr::NL80211_ATTR_SPLIT_WIPHY_DUMP as u16, &[]);
        let mut phys = Vec::new();
        self.0.ask("listing the phys", request, |message| Phy::merge(&mut phys, &message))?;
        Ok(phys)
    }

    /// All wireless interfaces of this network namespace.
    pub fn interfaces(&mut self) -> Result<Vec<Interface>, Nl80211Error> {
        let request = self.request(NLM_F_DUMP, command::NL80211_CMD_GET_INTERFACE);
        let mut found = Vec::new();
        self.0.ask("listing the interfaces", request, |message| found.extend(interface_of(&message)))?;
        Ok(found)
    }

    /// Makes a monitor interface that acknowledges frames to `address`, and sets it up.
    pub fn add_active_monitor(&mut self, phy: u32, name: &str, address: MacAddr) -> Result<(), Nl80211Error> {
        let flags = [monitor::NL80211_MNTR_FLAG_ACTIVE as u16];
        let request = self
            .new_monitor(phy, name)?
            .flags(attr::NL80211_ATTR_MNTR_FLAGS as u16, &flags)
            .attribute(attr::NL80211_ATTR_MAC as u16, &address.octets());
        self.add("making an active monitor", name, request)
    }

    /// Makes a monitor interface that acknowledges nothing, and sets it up.
    pub fn add_plain_monitor(&mut self, phy: u32, name: &str) -> Result<(), Nl80211Error> {
        let request = self.new_monitor(phy, name)?;
        self.add("making a monitor", name, request)
    }

    fn new_monitor(&self, phy: u32, name: &str) -> Result<Request, Nl80211Error> {
        interface::check_name(name).map_err(refused("naming a monitor"))?;
        Ok(self
            .request(NLM_F_ACK, command::NL80211_CMD_NEW_INTERFACE)
            .number(attr::NL80211_ATTR_WIPHY as u16, phy)
            .text(attr::NL80211_ATTR_IFNAME as u16, name)
            .number(attr::NL80211_ATTR_IFTYPE as u16, iftype::NL80211_IFTYPE_MONITOR as u32))
    }

    /// What can't be set up does not stay.
    fn add(&mut self, what: &'static str, name: &str, request: Request) -> Result<(), Nl80211Error> {
        self.0.ask(what, request, |_| {})?;
        interface::set_up(name, true).or_else(|cause| {
            self.remove(name)?;
            Err(refused("setting a monitor up")(cause))
        })
    }

    /// Removes an interface.
    pub fn remove(&mut self, name: &str) -> Result<(), Nl80211Error> {
        let request = self.on(name, command::NL80211_CMD_DEL_INTERFACE)?;
        Ok(self.0.ask("removing an interface", request, |_| {})?)
    }

    /// Tunes a monitor interface, and with it its phy. Refused while another kind of interface holds the phy.
    pub fn set_channel(&mut self, name: &str, channel: Channel) -> Result<(), Nl80211Error> {
        if channel.width() != ChannelWidth::Mhz20 {
            return Err(Nl80211Error::Width(channel));
        }
        let frequency = u32::from(channel.frequency());
        let request = self
            .on(name, command::NL80211_CMD_SET_CHANNEL)?
            .number(attr::NL80211_ATTR_WIPHY_FREQ as u16, frequency)
            .number(attr::NL80211_ATTR_CHANNEL_WIDTH as u16, width::NL80211_CHAN_WIDTH_20 as u32)
            .number(attr::NL80211_ATTR_CENTER_FREQ1 as u16, frequency);
        Ok(self.0.ask("setting the channel", request, |_| {})?)
    }

    /// Sets the power that a phy transmits with, in hundredths of a dBm.
    pub fn set_power(&mut self, phy: u32, power: u32) -> Result<(), Nl80211Error> {
        let request = self
            .request(NLM_F_ACK, command::NL80211_CMD_SET_WIPHY)
            .number(attr::NL80211_ATTR_WIPHY as u16, phy)
            .number(attr::NL80211_ATTR_WIPHY_TX_POWER_SETTING as u16, power::NL80211_TX_POWER_FIXED as u32)
            .number(attr::NL80211_ATTR_WIPHY_TX_POWER_LEVEL as u16, power);
        Ok(self.0.ask("setting the transmit power", request, |_| {})?)
    }

    fn request(&self, flags: u32, command: command) -> Request {
        Request::new(self.0.family(), flags as u16, command as u8)
    }

    fn on(&self, name: &str, command: command) -> Result<Request, Nl80211Error> {
        let index = interface::index(name).map_err(refused("looking an interface up"))?;
        Ok(self
            .request(NLM_F_ACK, command)
            .attribute(attr::NL80211_ATTR_IFINDEX as u16, &index.to_ne_bytes()))
    }
}

fn refused(what: &'static str) -> impl FnOnce(io::Error) -> Nl80211Error {
    move |cause| Nl80211Error::Refused { what, cause, why: None }
}

fn interface_of(message: &Attributes<'_>) -> Option<Interface> {
    let kind = message.number(attr::NL80211_ATTR_IFTYPE as u16)?;
    Some(Interface {
        index: message.number(attr::NL80211_ATTR_IFINDEX as u16)?,
        name: message.find(attr::NL80211_ATTR_IFNAME as u16).map(text_of)?,
        phy: message.number(attr::NL80211_ATTR_WIPHY as u16)?,
        address: message.find(attr::NL80211_ATTR_MAC as u16).and_then(MacAddr::from_slice)?,
        monitor: kind == iftype::NL80211_IFTYPE_MONITOR as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_was_tried_why_not_and_what_to_do() {
        let refused = |errno, why: Option<&str>| Nl80211Error::Refused {
            what: "setting the channel",
            cause: io::Error::from_raw_os_error(errno),
            why: why.map(str::to_owned),
        };
        let text = refused(libc::EBUSY, Some("pinned")).to_string();
        assert!(text.starts_with("setting the channel: "), "{text}");
        assert!(text.ends_with(" (pinned) (another interface is up on the same phy: set it down)"), "{text}");
        assert!(refused(libc::ERFKILL, None).to_string().contains("rfkill unblock"));
        assert!(refused(libc::EPERM, None).to_string().contains("CAP_NET_ADMIN"));
    }
}
