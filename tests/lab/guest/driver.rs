//! The drivers on the real mac80211: active monitors, injection, ACKs, channels.

use std::time::{Duration, Instant};

use drivers::nl80211::{Nl80211, Nl80211Error};
use drivers::packet::{AddressFilter, PacketRadio, PacketRadioConfig, PacketRadioError, PacketSocket};
use drivers::{Radio, Received, interface};
use stack::wire::{AckChange, Channel, MacAddr, Transmit, TxId, TxOptions, TxStatus};

use super::program::run;
use super::{Outcome, expect, said};

const BLOCK: MacAddr = MacAddr([2, 0xa1, 0, 0, 0, 0x40]);
pub(crate) const PEER: MacAddr = MacAddr([2, 0xa1, 0, 0, 1, 0]);

pub(crate) fn phys_tell_what_they_can_do() -> Outcome {
    let phys = said(nl80211()?.phys())?;
    expect(phys.len() == 4, || format!("{} phys instead of 4", phys.len()))?;
    for phy in &phys {
        expect(phy.name.starts_with("phy") && phy.monitor && phy.active_monitor, || format!("{phy:?}"))?;
        let six = phy.channels.iter().find(|c| c.channel.number() == 6);
        expect(six.is_some_and(|six| six.channel.frequency() == 2437 && !six.no_ir), || format!("{six:?}"))?;
    }
    Ok(())
}

pub(crate) fn a_managed_interface_holds_the_phy() -> Outcome {
    let mut nl80211 = nl80211()?;
    let phy = said(nl80211.phys())?[2].index;
    let managed = managed_of(&mut nl80211, phy)?;
    said(interface::set_up(&managed, true))?;
    said(nl80211.add_active_monitor(phy, "al2-0", PEER))?;
    match nl80211.set_channel("al2-0", channel(6)?) {
        Err(Nl80211Error::Refused { cause, .. }) if cause.raw_os_error() == Some(libc_ebusy()) => Ok(()),
        other => Err(format!("{other:?} instead of a refusal")),
    }
}

pub(crate) fn a_frame_is_heard_as_sent_and_acknowledged() -> Outcome {
    let (mut ap, mut peer) = (radio(0, "al0-0", BLOCK, 6)?, radio(1, "al1-0", PEER, 6)?);
    for n in 0..200u16 {
        let to = if n % 4 == 3 { MacAddr([2, 0xa1, 0, 0, 9, 9]) } else { BLOCK };
        let frame = data(to, PEER, n);
        let status = exchange(&mut peer, &frame, u64::from(n))?;
        expect(status.acked == (to == BLOCK), || format!("frame {n} to {to}: {status:?}"))?;
        if to == BLOCK {
            let heard = wait(&mut ap, "the frame", |r| frame_from(r, PEER))?;
            // The radio may set the retry bit and the duration; all else stands.
            expect(heard[4..] == frame[4..], || format!("{heard:02x?} instead of {frame:02x?}"))?;
        }
    }
    Ok(())
}

pub(crate) fn forty_bssids_on_one_phy_are_acknowledged() -> Outcome {
    let mut peer = radio(1, "al1-0", PEER, 6)?;
    let bssid = |n: u8| MacAddr([2, 0xa1, 0, 0, 0, 0x40 + n]);
    let mut ap = taken_phy()?;
    let monitor = ap.monitor().to_owned();
    for n in 1..40 {
        said(ap.change_ack(AckChange::Add(bssid(n))))?;
    }
    until("forty addresses", || ap.acks().held.len() == 40 && ap.acks().waiting == 0)?;
    for n in 0..40 {
        let status = exchange(&mut peer, &data(bssid(n), PEER, u16::from(n)), u64::from(n))?;
        expect(status.acked, || format!("BSSID {} does not acknowledge", bssid(n)))?;
    }
    said(ap.change_ack(AckChange::Remove(bssid(39))))?;
    until("an address to be gone", || ap.acks().held.len() == 39)?;
    let status = exchange(&mut peer, &data(bssid(39), PEER, 99), 99)?;
    expect(!status.acked, || "a BSSID that is gone still acknowledges".to_owned())?;
    expect(ap.acks().failed == 0, || format!("{:?}", ap.acks()))?;
    drop(ap);
    let interfaces = said(nl80211()?.interfaces())?;
    let prefix = monitor.trim_end_matches('0');
    let left = interfaces.iter().find(|i| i.name.starts_with(prefix));
    expect(left.is_none(), || format!("left behind: {left:?}"))?;
    expect(said(interface::is_up(OTHER))?, || format!("{OTHER} was not put back"))?;
    said(nl80211()?.remove(OTHER))
}

/// An interface of somebody else.
const OTHER: &str = "other0";

/// The first phy, although another interface is up on it and an earlier run has left one behind.
fn taken_phy() -> Result<PacketRadio, String> {
    let mut nl80211 = nl80211()?;
    let phy = free_phy(&mut nl80211, 0)?;
    let name = said(nl80211.phys())?.swap_remove(0).name;
    let leftover = format!("al{phy}-7");
    said(nl80211.add_plain_monitor(phy, OTHER))?;
    said(nl80211.add_active_monitor(phy, &leftover, PEER))?;
    let mut config = PacketRadioConfig::new(name, BLOCK, 6, channel(6)?);
    match PacketRadio::open(&config) {
        Err(PacketRadioError::Held { holders, .. }) if holders == OTHER => {}
        refused => return Err(format!("{:?} instead of a refusal", refused.map(|_| "a radio"))),
    }
    config.take = true;
    let radio = said(PacketRadio::open(&config))?;
    expect(!said(interface::is_up(OTHER))?, || format!("{OTHER} was not set down"))?;
    expect(interface::index(&leftover).is_err(), || "a leftover was not removed".to_owned())?;
    match PacketRadio::open(&config) {
        Err(PacketRadioError::InUse { .. }) => Ok(radio),
        refused => Err(format!("{:?} instead of a refusal", refused.map(|_| "a radio"))),
    }
}

pub(crate) fn another_channel_is_silent() -> Outcome {
    let (mut ap, mut peer) = (radio(0, "al0-0", BLOCK, 6)?, radio(1, "al1-0", PEER, 11)?);
    let status = exchange(&mut peer, &data(BLOCK, PEER, 1), 1)?;
    expect(!status.acked, || "acknowledged across channels".to_owned())?;
    said(nl80211()?.set_channel("al1-0", channel(6)?))?;
    let status = exchange(&mut peer, &data(BLOCK, PEER, 2), 2)?;
    expect(status.acked, || "not acknowledged on the same channel".to_owned())?;
    let heard = wait(&mut ap, "the frame", |r| frame_from(r, PEER))?;
    expect(heard[22] == 2 << 4, || format!("frame {} was heard first", heard[22] >> 4))
}

/// An active monitor on a phy whose managed interface is removed, and a socket on it.
pub(crate) fn radio(phy: usize, name: &str, address: MacAddr, number: u8) -> Result<PacketSocket, String> {
    let mut nl80211 = nl80211()?;
    let phy = free_phy(&mut nl80211, phy)?;
    said(nl80211.add_active_monitor(phy, name, address))?;
    said(nl80211.set_channel(name, channel(number)?))?;
    said(PacketSocket::open(name, Some(AddressFilter::block(address, 6))))
}

pub(crate) fn free_phy(nl80211: &mut Nl80211, place: usize) -> Result<u32, String> {
    let phy = said(nl80211.phys())?[place].index;
    if let Ok(managed) = managed_of(nl80211, phy) {
        said(nl80211.remove(&managed))?;
    }
    Ok(phy)
}

pub(crate) fn managed_of(nl80211: &mut Nl80211, phy: u32) -> Result<String, String> {
    let found = said(nl80211.interfaces())?.into_iter().find(|i| i.phy == phy && !i.monitor);
    found.map(|i| i.name).ok_or_else(|| format!("phy {phy} has no managed interface"))
}

/// Sends a frame and waits for its status.
fn exchange(socket: &mut PacketSocket, frame: &[u8], id: u64) -> Result<TxStatus, String> {
    let transmit = Transmit { frame: frame.to_vec(), options: TxOptions::default(), id: TxId(id) };
    said(socket.transmit(&transmit))?;
    said(socket.flush())?;
    wait(socket, "a status", |received| match received {
        Received::Status(status) if status.id == TxId(id) => Some(status),
        _ => None,
    })
}

fn frame_from(received: Received<'_>, transmitter: MacAddr) -> Option<Vec<u8>> {
    match received {
        Received::Frame { frame, .. } if frame.get(10..16) == Some(&transmitter.octets()) => {
            Some(frame.to_vec())
        }
        _ => None,
    }
}

/// What a socket yields that is waited for, within a generous bound: the machine is emulated.
fn wait<T>(
    socket: &mut PacketSocket,
    what: &str,
    mut take: impl FnMut(Received<'_>) -> Option<T>,
) -> Result<T, String> {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        match socket.receive() {
            Some(received) => {
                if let Some(found) = take(received) {
                    return Ok(found);
                }
            }
            None => std::thread::yield_now(),
        }
    }
    Err(format!("{what} never came"))
}

/// Waits for what the kernel does on another thread, within the same bound.
fn until(what: &str, mut holds: impl FnMut() -> bool) -> Outcome {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        expect(Instant::now() < end, || format!("{what} never came"))?;
        std::thread::yield_now();
    }
    Ok(())
}

/// A data frame to an AP.
fn data(to: MacAddr, from: MacAddr, sequence: u16) -> Vec<u8> {
    let mut mpdu = vec![0x08, 0x01, 0, 0];
    for address in [to, from, to] {
        mpdu.extend(address.octets());
    }
    mpdu.extend((sequence << 4).to_le_bytes());
    mpdu.extend(*b"\xaa\xaa\x03\x00\x00\x00\x08\x00hello");
    mpdu
}

pub(crate) fn nl80211() -> Result<Nl80211, String> {
    said(Nl80211::open())
}

fn channel(number: u8) -> Result<Channel, String> {
    Channel::from_number(number).ok_or_else(|| format!("no channel {number}"))
}

const fn libc_ebusy() -> i32 {
    nix::errno::Errno::EBUSY as i32
}

/// Leaves the phys of the first namespace as the guest found them: one managed interface each, and that down.
pub(crate) fn put_back() {
    let Ok(mut nl80211) = Nl80211::open() else { return };
    for interface in nl80211.interfaces().unwrap_or_default() {
        if interface.monitor {
            let _ = nl80211.remove(&interface.name);
        } else {
            let _ = interface::set_up(&interface.name, false);
        }
    }
    for (n, phy) in nl80211.phys().unwrap_or_default().iter().enumerate() {
        if managed_of(&mut nl80211, phy.index).is_err() {
            let name = format!("wlan{n}");
            let _ = run("iw", &["phy", &phy.name, "interface", "add", &name, "type", "managed"]);
        }
    }
}
