//! The station role against an unmodified hostapd: our link on an active monitor, hostapd on a radio of its own.

use std::time::{Duration, Instant};

use drivers::Received;
use drivers::packet::PacketSocket;
use stack::sta::{Link, LinkConfig, LinkEvent, LinkSecurity};
use stack::wire::MacAddr;

use super::access_point::{Make, Plan};
use super::client::{PASSPHRASE, SSID};
use super::driver::{PEER, radio};
use super::peer::{PINGS, Urandom, arp_reply, arp_request, echo_request, is_answer, pmk};
use super::program::PATIENCE;
use super::{Outcome, expect, said};

const AP_IP: [u8; 4] = [10, 9, 0, 1];
const OUR_IP: [u8; 4] = [10, 9, 0, 2];

pub(crate) fn joins_hostapd_open() -> Outcome {
    let _ap = Plan::open(Make::Hostapd).start()?;
    let mut station = Station::new(LinkSecurity::Open)?;
    station.until_connected()?;
    station.ping_all()
}

pub(crate) fn joins_hostapd_by_wpa2() -> Outcome {
    let _ap = Plan::wpa2(Make::Hostapd).start()?;
    let mut station = Station::new(LinkSecurity::Wpa2(pmk(PASSPHRASE)?))?;
    station.until_connected()?;
    station.ping_all()
}

pub(crate) fn wrong_passphrase() -> Outcome {
    let _ap = Plan::wpa2(Make::Hostapd).start()?;
    let mut station = Station::new(LinkSecurity::Wpa2(pmk("incorrect horse battery")?))?;
    let event = station.until("an end", |event| match event {
        LinkEvent::Connected { .. } | LinkEvent::Disconnected { .. } => Some(event),
        _ => None,
    })?;
    expect(matches!(event, LinkEvent::Disconnected { .. }), || format!("{event:?}"))
}

/// A link on a monitor interface, and the loop that drives it.
struct Station {
    socket: PacketSocket,
    link: Link,
    epoch: Instant,
}

impl Station {
    fn new(security: LinkSecurity) -> Result<Self, String> {
        let socket = radio(1, "al1-0", PEER, 6)?;
        let config = LinkConfig { security, ..LinkConfig::new(PEER, SSID.as_bytes()) };
        let random = Urandom::open()?;
        let mut station = Self { socket, link: Link::new(config, Box::new(random)), epoch: Instant::now() };
        let now = station.now();
        station.link.start(now);
        Ok(station)
    }

    fn now(&self) -> stack::time::Instant {
        stack::time::Instant::from_micros(u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn until_connected(&mut self) -> Outcome {
        self.until("a connection", |event| matches!(event, LinkEvent::Connected { .. }).then_some(()))
    }

    /// Drives the link until an event is what is waited for.
    fn until<T>(&mut self, what: &str, take: impl FnMut(LinkEvent) -> Option<T>) -> Result<T, String> {
        self.within(PATIENCE, what, take)
    }

    fn within<T>(
        &mut self,
        bound: Duration,
        what: &str,
        mut take: impl FnMut(LinkEvent) -> Option<T>,
    ) -> Result<T, String> {
        let end = Instant::now() + bound;
        let mut seen = Vec::new();
        while Instant::now() < end {
            self.turn()?;
            while let Some(event) = self.link.poll_event() {
                seen.push(format!("{event:?}").chars().take(80).collect::<String>());
                if let Some(found) = take(event) {
                    return Ok(found);
                }
            }
        }
        let counts = said(self.socket.counts())?;
        Err(format!("{what} never came; {:?}, {counts:?}, events {seen:?}", self.link.state()))
    }

    fn turn(&mut self) -> Outcome {
        let now = self.now();
        while let Some(received) = self.socket.receive() {
            match received {
                Received::Frame { info, frame } => self.link.handle_frame(now, &info, frame),
                Received::Status(status) => self.link.handle_tx_status(now, status),
            }
        }
        if self.link.poll_timeout().is_some_and(|(due, _)| due <= now) {
            self.link.handle_timeout(now);
        }
        while let Some(transmit) = self.link.poll_transmit() {
            said(self.socket.transmit(&transmit))?;
            self.link.recycle(transmit);
        }
        said(self.socket.flush())
    }

    /// Asks for the AP's address as hosts do, once a second until there is an answer: hostapd takes data only when it
    /// has installed the keys, a little after message 4 has arrived.
    fn resolve(&mut self) -> Result<MacAddr, String> {
        let mut answer = Err("nobody asked".to_owned());
        for _ in 0..PATIENCE.as_secs() {
            let now = self.now();
            self.link.handle_msdu(now, &arp_request(PEER, OUR_IP, AP_IP));
            let second = Duration::from_secs(1);
            answer = self.within(second, "an ARP reply", |event| arp_reply(&msdu(event)?, AP_IP));
            if answer.is_ok() {
                break;
            }
        }
        answer
    }

    /// Resolves the AP's address and pings it; every ping has to be answered.
    fn ping_all(&mut self) -> Outcome {
        let ap = self.resolve()?;
        for sequence in 0..PINGS {
            let now = self.now();
            self.link.handle_msdu(now, &echo_request((PEER, OUR_IP), (ap, AP_IP), sequence));
            self.until(&format!("the answer to ping {sequence}"), |event| {
                is_answer(&msdu(event)?, sequence)
            })?;
        }
        Ok(())
    }
}

fn msdu(event: LinkEvent) -> Option<Vec<u8>> {
    match event {
        LinkEvent::Msdu(frame) => Some(frame),
        _ => None,
    }
}
