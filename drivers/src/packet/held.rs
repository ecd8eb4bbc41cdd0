//! A phy that is ours for as long as this lives: leftovers of an earlier run are removed, who else holds it is refused
//! or set down, and at the end everything is as it was.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use stack::wire::Channel;

use super::error::{ChannelProblem, PacketRadioError};
use crate::interface;
use crate::nl80211::{Interface, Nl80211, Nl80211Error, Phy};

/// A phy that is held.
#[derive(Debug)]
pub(super) struct HeldPhy {
    pub(super) nl80211: Nl80211,
    pub(super) phy: Phy,
    /// Interfaces of others that were up and are set down.
    taken: Vec<String>,
    /// Its name tells a process that lives from one that left interfaces behind.
    _lock: UnixDatagram,
}

impl HeldPhy {
    /// Takes hold of the phy called `name`, and changes nothing on it yet.
    pub(super) fn hold(name: &str) -> Result<Self, PacketRadioError> {
        let mut nl80211 = Nl80211::open()?;
        let phys = nl80211.phys()?;
        let known = phys.iter().map(|phy| phy.name.clone()).collect();
        let phy = phys
            .into_iter()
            .find(|phy| phy.name == name)
            .ok_or_else(|| PacketRadioError::NoPhy { phy: name.to_owned(), known })?;
        if !phy.monitor {
            return Err(PacketRadioError::NoMonitor { phy: phy.name });
        }
        let lock = lock(phy.index).ok_or_else(|| PacketRadioError::InUse { phy: phy.name.clone() })?;
        Ok(Self { nl80211, phy, taken: Vec::new(), _lock: lock })
    }

    /// The name of our monitor with a number.
    pub(super) fn monitor(&self, number: usize) -> String {
        monitor_name(self.phy.index, number)
    }

    /// Whether the phy may send on a channel, or what to do about it.
    pub(super) fn check_channel(&self, channel: Channel) -> Result<(), PacketRadioError> {
        let refused = |why| PacketRadioError::Channel { phy: self.phy.name.clone(), channel, why };
        check_channel(&self.phy, channel).map_err(refused)
    }

    /// Removes what an earlier run left; with `take`, sets down what others have up, which is refused without.
    pub(super) fn clear(&mut self, take: bool) -> Result<(), PacketRadioError> {
        let interfaces = self.nl80211.interfaces()?;
        let (leftovers, others) = ours_and_others(self.phy.index, &interfaces);
        for name in leftovers {
            self.nl80211.remove(&name)?;
        }
        let mut holders = Vec::new();
        for name in others {
            if interface::is_up(&name).map_err(refused("looking at an interface"))? {
                holders.push(name);
            }
        }
        if !take && !holders.is_empty() {
            return Err(PacketRadioError::Held { phy: self.phy.name.clone(), holders: holders.join(", ") });
        }
        for name in holders {
            interface::set_up(&name, false).map_err(refused("setting an interface down"))?;
            self.taken.push(name);
        }
        Ok(())
    }
}

impl Drop for HeldPhy {
    fn drop(&mut self) {
        // There is nobody to tell of a failure here; what stays behind is removed at the next start.
        let interfaces = self.nl80211.interfaces().unwrap_or_default();
        for name in ours_and_others(self.phy.index, &interfaces).0 {
            let _ = self.nl80211.remove(&name);
        }
        for name in self.taken.drain(..) {
            let _ = interface::set_up(&name, true);
        }
    }
}

/// Abstract, so that it goes with its process however that ends, and one in each network namespace, as phys are.
fn lock(phy: u32) -> Option<UnixDatagram> {
    let address = SocketAddr::from_abstract_name(format!("airloom/phy{phy}")).ok()?;
    UnixDatagram::bind_addr(&address).ok()
}

fn refused(what: &'static str) -> impl Fn(std::io::Error) -> PacketRadioError {
    move |cause| Nl80211Error::Refused { what, cause, why: None }.into()
}

fn monitor_name(phy: u32, number: usize) -> String {
    format!("al{phy}-{number}")
}

/// The interfaces on a phy that have our kind of name, and those that have not.
fn ours_and_others(phy: u32, interfaces: &[Interface]) -> (Vec<String>, Vec<String>) {
    let names = interfaces.iter().filter(|interface| interface.phy == phy).map(|found| found.name.clone());
    let prefix = format!("al{phy}-");
    names.partition(|name| name.starts_with(&prefix))
}

fn check_channel(phy: &Phy, channel: Channel) -> Result<(), ChannelProblem> {
    let same = |other: Channel| other.frequency() == channel.frequency();
    match phy.channels.iter().find(|found| same(found.channel)) {
        Some(found) if found.radar => Err(ChannelProblem::Radar),
        Some(found) if found.no_ir => Err(ChannelProblem::NoIr),
        Some(_) => Ok(()),
        None if phy.disabled.iter().any(|found| same(*found)) => Err(ChannelProblem::Disabled),
        None => Err(ChannelProblem::Missing),
    }
}

#[cfg(test)]
mod tests {
    use stack::wire::MacAddr;

    use super::*;
    use crate::nl80211::PhyChannel;

    fn interface(name: &str, phy: u32) -> Interface {
        Interface { index: 1, name: name.to_owned(), phy, address: MacAddr::BROADCAST, monitor: true }
    }

    #[test]
    fn our_interfaces_are_told_by_their_name_and_phy() {
        let all = [
            interface("wlan0", 1),
            interface("al1-0", 1),
            interface("al1-12", 1),
            interface("al11-0", 11),
            interface("alice", 1),
            interface("wlan1", 2),
        ];
        let (ours, others) = ours_and_others(1, &all);
        assert_eq!(ours, ["al1-0", "al1-12"]);
        assert_eq!(others, ["wlan0", "alice"]);
        assert_eq!(ours_and_others(11, &all).0, [monitor_name(11, 0)]);
    }

    #[test]
    fn names_of_monitors_are_names_the_kernel_takes() {
        assert!(interface::check_name(&monitor_name(9_999_999, super::super::acks::MOST)).is_ok());
    }

    #[test]
    fn a_channel_is_refused_with_its_reason() {
        let channel = |number| Channel::from_number(number).unwrap();
        let entry =
            |number, no_ir, radar| PhyChannel { channel: channel(number), no_ir, radar, max_power: 2000 };
        let phy = Phy {
            channels: vec![entry(6, false, false), entry(36, true, false), entry(52, true, true)],
            disabled: vec![channel(14)],
            ..Phy::default()
        };
        assert_eq!(check_channel(&phy, channel(6)), Ok(()));
        assert_eq!(check_channel(&phy, channel(36)), Err(ChannelProblem::NoIr));
        assert_eq!(check_channel(&phy, channel(52)), Err(ChannelProblem::Radar));
        assert_eq!(check_channel(&phy, channel(14)), Err(ChannelProblem::Disabled));
        assert_eq!(check_channel(&phy, channel(149)), Err(ChannelProblem::Missing));
    }

    #[test]
    fn one_process_holds_a_phy_at_a_time() {
        let first = lock(u32::MAX).unwrap();
        assert!(lock(u32::MAX).is_none());
        drop(first);
        assert!(lock(u32::MAX).is_some());
    }
}
