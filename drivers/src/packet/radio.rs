//! A whole phy as a radio: one socket on the first of its monitors sends and hears; every further monitor is only there
//! to acknowledge its address.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use stack::wire::{AckChange, Channel, MacAddr, Transmit};

use super::acks::{AckState, Acks, Step};
use super::error::PacketRadioError;
use super::filter::AddressFilter;
use super::held::HeldPhy;
use super::socket::{PacketCounts, PacketSocket};
use crate::interface;
use crate::nl80211::Nl80211;
use crate::radio::{Radio, RadioError, Received, TransmitError};

/// The longest MSDU and header that a monitor of mac80211 takes, in bytes.
const MTU: u16 = 2304;

/// Which phy, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketRadioConfig {
    /// Its name, such as `phy0`.
    pub phy: String,
    /// The first monitor carries this address, so it is acknowledged for as long as the radio lives, asked for or not.
    pub base: MacAddr,
    /// How many low bits vary in the block of which addresses are acknowledged and frames are heard; `base` is of it.
    pub bits: u8,
    /// The channel to begin with.
    pub channel: Channel,
    /// Interfaces of others that are up on the phy are set down, and up again at the end.
    pub take: bool,
    /// Transmit power in hundredths of a dBm; left as it is when `None`.
    pub power: Option<u32>,
    /// A phy that can't acknowledge is taken too. Its clients send every frame until they give up: good for listening.
    pub without_acks: bool,
}

impl PacketRadioConfig {
    /// A phy of which nothing is taken away from others, with the power that it has.
    pub const fn new(phy: String, base: MacAddr, bits: u8, channel: Channel) -> Self {
        Self { phy, base, bits, channel, take: false, power: None, without_acks: false }
    }
}

/// A phy as a radio. Dropped, it removes its interfaces and puts back what it took; its descriptor is readable when
/// frames or statuses wait.
#[derive(Debug)]
pub struct PacketRadio {
    // Dropped in this order: nobody makes or uses an interface any more when `phy` removes them all.
    socket: PacketSocket,
    acks: Option<Acks>,
    phy: HeldPhy,
    monitor: String,
    base: MacAddr,
    block: AddressFilter,
}

impl PacketRadio {
    /// Takes the phy and makes its first monitor.
    pub fn open(config: &PacketRadioConfig) -> Result<Self, PacketRadioError> {
        let mut phy = HeldPhy::hold(&config.phy)?;
        let active = phy.phy.active_monitor;
        if !active && !config.without_acks {
            return Err(PacketRadioError::NoActiveMonitor { phy: phy.phy.name.clone() });
        }
        phy.check_channel(config.channel)?;
        phy.clear(config.take)?;
        let monitor = phy.monitor(0);
        let fail = |what| {
            let interface = monitor.clone();
            move |cause| RadioError { interface, what, cause }
        };
        if active {
            phy.nl80211.add_active_monitor(phy.phy.index, &monitor, config.base)?;
        } else {
            phy.nl80211.add_plain_monitor(phy.phy.index, &monitor)?;
        }
        interface::set_mtu(&monitor, MTU).map_err(fail("setting its MTU"))?;
        phy.nl80211.set_channel(&monitor, config.channel)?;
        if let Some(power) = config.power {
            phy.nl80211.set_power(phy.phy.index, power)?;
        }
        let block = AddressFilter::block(config.base, config.bits);
        let socket = PacketSocket::open(&monitor, Some(block))?;
        let acks = if active { Some(start_acks(&phy)?) } else { None };
        Ok(Self { socket, acks, phy, monitor, base: config.base, block })
    }

    /// The name of its first monitor, which sends and hears.
    pub fn monitor(&self) -> &str {
        &self.monitor
    }

    /// What it acknowledges now, and what could not be done about it.
    pub fn acks(&self) -> AckState {
        let Some(acks) = &self.acks else { return AckState::default() };
        let mut state = acks.state();
        state.held.insert(0, self.base);
        state
    }

    /// What its socket dropped since it was opened.
    pub fn counts(&mut self) -> Result<PacketCounts, RadioError> {
        self.socket.counts()
    }

    /// Whether it may send on a channel, or why not and what to do about it.
    pub fn check_channel(&self, channel: Channel) -> Result<(), PacketRadioError> {
        self.phy.check_channel(channel)
    }

    fn error(&self, what: &'static str, cause: io::Error) -> RadioError {
        RadioError { interface: self.monitor.clone(), what, cause }
    }
}

/// The helper has a netlink socket of its own, so that it never stands in the way of a change of channel.
fn start_acks(phy: &HeldPhy) -> Result<Acks, PacketRadioError> {
    let mut nl80211 = Nl80211::open()?;
    let (index, name) = (phy.phy.index, phy.phy.name.clone());
    let names: Vec<String> = (0..=super::acks::MOST).map(|number| phy.monitor(number)).collect();
    let perform = move |step: Step| {
        let monitor = names.get(step.number).map(String::as_str).unwrap_or_default();
        let made = match step.change {
            AckChange::Add(address) => nl80211.add_active_monitor(index, monitor, address),
            AckChange::Remove(_) => nl80211.remove(monitor),
        };
        made.map_err(|error| format!("{monitor}: {error}"))
    };
    let failed = |cause| RadioError { interface: name, what: "starting its helper thread", cause };
    Ok(Acks::start(perform).map_err(failed)?)
}

impl Radio for PacketRadio {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        Ok(self.socket.receive())
    }

    fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError> {
        self.socket.transmit(transmit)
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        self.socket.flush()
    }

    fn is_congested(&self) -> bool {
        self.socket.is_congested()
    }

    fn set_channel(&mut self, channel: Channel) -> Result<Duration, RadioError> {
        let begun = Instant::now();
        let checked = self.phy.check_channel(channel);
        let set = checked.and_then(|()| Ok(self.phy.nl80211.set_channel(&self.monitor, channel)?));
        set.map_err(|error| self.error("setting its channel", io::Error::other(error)))?;
        Ok(begun.elapsed())
    }

    /// The change is made by the helper thread, soon; see [`PacketRadio::acks`] for whether it could be.
    fn change_ack(&mut self, change: AckChange) -> Result<(), RadioError> {
        let (AckChange::Add(address) | AckChange::Remove(address)) = change;
        if !self.block.contains(address) {
            let cause = io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{address} lies outside of the radio's block of addresses"),
            );
            return Err(self.error("changing what it acknowledges", cause));
        }
        if let Some(acks) = self.acks.as_ref().filter(|_| address != self.base) {
            acks.change(change);
        }
        Ok(())
    }

    fn acknowledges(&self, address: MacAddr) -> bool {
        address == self.base || self.acks.as_ref().is_some_and(|acks| acks.holds(address))
    }

    fn poll_trouble(&mut self) -> Option<String> {
        self.acks.as_ref()?.poll_trouble()
    }
}

impl AsFd for PacketRadio {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for PacketRadio {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
