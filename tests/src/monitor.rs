//! A monitor interface of a kernel without Wi-Fi: a TAP of link type 803, whose other end the test plays the air on. As root,
//! in a network namespace of its own.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use drivers::packet::PacketSocket;
use drivers::tap::Tap;
use drivers::{Radio, RadioError, Received, TransmitError};
use nix::sched::{CloneFlags, unshare};
use stack::wire::radiotap::{self, TxFlags, TxInfo};
use stack::wire::{AckChange, Channel, RxInfo, Transmit};

const ARPHRD_IEEE80211_RADIOTAP: u16 = 803;

/// Enters a network namespace that goes with this thread. `false`, with the reason on the standard error output, where that may
/// not be had.
#[must_use]
pub fn enter_namespace() -> bool {
    let entered = unshare(CloneFlags::CLONE_NEWNET).is_ok();
    if !entered {
        eprintln!("skipped: a network namespace of its own needs root");
    }
    entered
}

/// The air's end of a new interface that is up; `None`, with the reason on the standard error output, where there are no TAPs.
#[must_use]
pub fn make(name: &str) -> Option<Tap> {
    let tap = Tap::open_down(name).inspect_err(|error| eprintln!("skipped: {error}")).ok()?;
    tap.set_link_type(ARPHRD_IEEE80211_RADIOTAP).and_then(|()| tap.up()).expect("a TAP can be a monitor");
    Some(tap)
}

/// The next frame that was sent, if there is one, without its radiotap header.
pub fn sent(tap: &Tap) -> Option<Vec<u8>> {
    let mut buffer = [0; 4096];
    let length = tap.receive(&mut buffer).expect("a TAP can be read")?;
    let header = radiotap::strip(&buffer[..length]).expect("a radiotap header");
    Some(buffer[header.mpdu].to_vec())
}

/// Tells what became of a frame, as monitor interfaces do.
pub fn complete(tap: &Tap, mpdu: &[u8], acked: bool) {
    let flags = if acked { TxFlags::default() } else { TxFlags::FAIL };
    let mut echo = Vec::new();
    radiotap::build_tx(&RxInfo::default(), &TxInfo { flags, ..TxInfo::default() }, &mut echo);
    echo.extend_from_slice(mpdu);
    // Who has no room has lost it, as on any air.
    let _ = tap.send(&echo);
}

/// Lets a frame be heard.
pub fn hear(tap: &Tap, info: &RxInfo, mpdu: &[u8]) {
    let mut bytes = Vec::new();
    radiotap::build_rx(info, &mut bytes);
    bytes.extend_from_slice(mpdu);
    let _ = tap.send(&bytes);
}

/// A packet socket on such an interface.
pub struct Monitor {
    socket: PacketSocket,
    tuned: Arc<AtomicU16>,
}

impl Monitor {
    /// # Panics
    /// If the interface is not there.
    #[must_use]
    pub fn open(name: &str, channel: Channel) -> Self {
        let socket = PacketSocket::open(name, None).expect("a packet socket");
        Self { socket, tuned: Arc::new(AtomicU16::new(channel.frequency())) }
    }

    /// Where it is tuned to, in MHz.
    #[must_use]
    pub fn tuned(&self) -> Arc<AtomicU16> {
        Arc::clone(&self.tuned)
    }
}

impl Radio for Monitor {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        Ok(self.socket.receive())
    }

    fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError> {
        self.socket.transmit(transmit)
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        self.socket.flush()
    }

    fn set_channel(&mut self, channel: Channel) -> Result<Duration, RadioError> {
        self.tuned.store(channel.frequency(), Ordering::SeqCst);
        Ok(Duration::ZERO)
    }

    fn change_ack(&mut self, _: AckChange) -> Result<(), RadioError> {
        Ok(())
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
