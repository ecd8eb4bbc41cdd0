//! Which addresses the radios acknowledge where the kernel does not tell its medium: monitors, in this network namespace.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};

use stack::wire::MacAddr;

use super::error::MediumError;
use crate::interface;
use crate::nl80211::{Interface, InterfaceWatch, Nl80211};

/// Watches the interfaces of this namespace.
pub(super) struct Watched {
    nl80211: Nl80211,
    watch: InterfaceWatch,
}

impl Watched {
    pub(super) fn open() -> Result<Self, MediumError> {
        Ok(Self { watch: InterfaceWatch::open()?, nl80211: Nl80211::open()? })
    }

    /// The monitors that there are, each the name of its radio and its own address, if they have changed. Which of them
    /// are active the kernel does not say: all are taken to be.
    pub(super) fn monitors(&mut self) -> Result<Option<Vec<(MacAddr, MacAddr)>>, MediumError> {
        if !self.watch.changed()? {
            return Ok(None);
        }
        Ok(Some(self.addresses(|interface| interface.monitor)?))
    }

    /// The other interfaces that are up: the kernel tells only of those that come up later.
    pub(super) fn others(&mut self) -> Result<Vec<(MacAddr, MacAddr)>, MediumError> {
        self.addresses(|interface| !interface.monitor && interface::is_up(&interface.name).unwrap_or(false))
    }

    fn addresses(
        &mut self,
        takes: impl Fn(&Interface) -> bool,
    ) -> Result<Vec<(MacAddr, MacAddr)>, MediumError> {
        let taken = self.nl80211.interfaces()?.into_iter().filter(|interface| takes(interface));
        Ok(taken.filter_map(|interface| Some((radio_of(&interface.name)?, interface.address))).collect())
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watch.as_fd()
    }
}

/// hwsim's own name of the radio that an interface is on: the second address of its phy.
fn radio_of(interface: &str) -> Option<MacAddr> {
    let addresses = fs::read_to_string(format!("/sys/class/net/{interface}/phy80211/addresses")).ok()?;
    addresses.lines().nth(1)?.trim().parse().ok()
}
