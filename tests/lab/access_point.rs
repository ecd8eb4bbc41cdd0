//! The AP role: an unmodified wpa_supplicant on a radio of its own joins our virtual AP on an active monitor.

use std::fs;
use std::time::{Duration, Instant};

use drivers::Received;
use drivers::packet::PacketSocket;
use stack::ap::{ApEvent, ApRadio, BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security};
use stack::wire::{MacAddr, ReasonCode};

use super::peer::{PINGS, SSID, Urandom, arp_reply, arp_request, echo_request, is_answer, pmk, run};
use super::{BLOCK, Outcome, channel, expect, managed_of, nl80211, radio, said};

const NETWORK: NetworkId = NetworkId(0);
/// Where our pings seem to come from: a host behind the AP.
const HOST: MacAddr = MacAddr([2, 0xa1, 0, 0, 7, 7]);
const HOST_IP: [u8; 4] = [10, 9, 4, 1];
const CLIENT_IP: [u8; 4] = [10, 9, 4, 2];
/// Generous: the machine is emulated.
const PATIENCE: Duration = Duration::from_secs(60);
const PASSPHRASE: &str = "correct horse battery";

pub(super) fn wpa_supplicant_joins_open() -> Outcome {
    let mut ap = AccessPoint::new(Security::Open)?;
    let _client = WpaSupplicant::start("key_mgmt=NONE")?;
    ap.until_joined()?;
    ap.ping_all()
}

pub(super) fn wpa_supplicant_joins_by_wpa2() -> Outcome {
    let mut ap = AccessPoint::new(Security::Wpa2(pmk(PASSPHRASE)?))?;
    let _client = WpaSupplicant::start(&format!("psk=\"{PASSPHRASE}\""))?;
    ap.until_joined()?;
    ap.ping_all()
}

pub(super) fn wrong_passphrase_is_refused_and_the_ap_lives() -> Outcome {
    let mut ap = AccessPoint::new(Security::Wpa2(pmk(PASSPHRASE)?))?;
    {
        let _client = WpaSupplicant::start("psk=\"incorrect horse battery\"")?;
        ap.until("a station leaving", |event| match event {
            ApEvent::StationJoined { .. } => Some(Err("it got in".to_owned())),
            ApEvent::StationLeft { reason, .. } => {
                Some(expect(*reason == ReasonCode::FOUR_WAY_TIMEOUT, || format!("left with {reason}")))
            }
            _ => None,
        })??;
    }
    let _client = WpaSupplicant::start(&format!("psk=\"{PASSPHRASE}\""))?;
    ap.until_joined()?;
    ap.ping_all()
}

/// wpa_supplicant on the last radio, stopped when dropped.
struct WpaSupplicant;

impl WpaSupplicant {
    fn start(security: &str) -> Result<Self, String> {
        let mut nl80211 = nl80211()?;
        let phy = said(nl80211.phys())?[3].index;
        let interface = managed_of(&mut nl80211, phy)?;
        let network = format!("network={{\nssid=\"{SSID}\"\nscan_freq=2437\n{security}\n}}\n");
        said(fs::write("/tmp/wpa.conf", network))?;
        run("ip", &["address", "flush", "dev", &interface])?;
        run("ip", &["address", "replace", "10.9.4.2/24", "dev", &interface])?;
        run("wpa_supplicant", &["-B", "-Dnl80211", "-c", "/tmp/wpa.conf", "-i", &interface])?;
        Ok(Self)
    }
}

impl Drop for WpaSupplicant {
    fn drop(&mut self) {
        super::peer::stop("wpa_supplicant");
    }
}

/// A virtual AP on a monitor interface, and the loop that drives it.
struct AccessPoint {
    socket: PacketSocket,
    radio: ApRadio,
    epoch: Instant,
}

impl AccessPoint {
    fn new(security: Security) -> Result<Self, String> {
        let socket = radio(0, "al0-0", BLOCK, 6)?;
        let config = RadioConfig::new(channel(6)?, BssidBlock { base: BLOCK, bits: 6 });
        let network = NetworkConfig::new(NETWORK, SSID.as_bytes().to_vec(), security);
        let now = stack::time::Instant::ZERO;
        let radio = ApRadio::new(config, vec![network], now, Box::new(Urandom::open()?));
        Ok(Self { socket, radio, epoch: Instant::now() })
    }

    fn now(&self) -> stack::time::Instant {
        stack::time::Instant::from_micros(u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn until_joined(&mut self) -> Outcome {
        self.until("a station", |event| matches!(event, ApEvent::StationJoined { .. }).then_some(()))
    }

    /// Asks for the client's address as hosts do, once a second until there is an answer: a client that has just
    /// joined may not have set its own side up yet.
    fn resolve(&mut self) -> Result<MacAddr, String> {
        let mut answer = Err("nobody asked".to_owned());
        for _ in 0..PATIENCE.as_secs() {
            let now = self.now();
            self.radio.handle_msdu(now, NETWORK, &arp_request(HOST, HOST_IP, CLIENT_IP));
            let second = Duration::from_secs(1);
            answer = self.within(second, "an ARP reply", |event| arp_reply(msdu(event)?, CLIENT_IP));
            if answer.is_ok() {
                break;
            }
        }
        answer
    }

    /// Drives the AP until an event is what is waited for.
    fn until<T>(&mut self, what: &str, take: impl FnMut(&ApEvent) -> Option<T>) -> Result<T, String> {
        self.within(PATIENCE, what, take)
    }

    fn within<T>(
        &mut self,
        bound: Duration,
        what: &str,
        mut take: impl FnMut(&ApEvent) -> Option<T>,
    ) -> Result<T, String> {
        let end = Instant::now() + bound;
        let mut seen = Vec::new();
        while Instant::now() < end {
            self.turn()?;
            while let Some(event) = self.radio.poll_event() {
                if let Some(found) = take(&event) {
                    return Ok(found);
                }
                seen.push(format!("{event:?}").chars().take(90).collect::<String>());
                if let ApEvent::Msdu { ethernet, .. } = event {
                    self.radio.recycle_event(ethernet);
                }
            }
        }
        let counts = said(self.socket.counts())?;
        Err(format!(
            "{what} never came; {counts:?}, {} events, the last: {:?}",
            seen.len(),
            seen.iter().rev().take(6).collect::<Vec<_>>()
        ))
    }

    fn turn(&mut self) -> Outcome {
        let now = self.now();
        while let Some(received) = self.socket.receive() {
            match received {
                Received::Frame { info, frame } => self.radio.handle_frame(now, &info, frame),
                Received::Status(status) => self.radio.handle_tx_status(now, status),
            }
        }
        if self.radio.poll_timeout().is_some_and(|(due, _)| due <= now) {
            self.radio.handle_timeout(now);
        }
        while let Some(transmit) = self.radio.poll_transmit(now) {
            said(self.socket.transmit(&transmit))?;
            self.radio.recycle(transmit);
        }
        said(self.socket.flush())
    }

    /// Resolves the client's address and pings it; every ping has to be answered.
    fn ping_all(&mut self) -> Outcome {
        let client = self.resolve()?;
        for sequence in 0..PINGS {
            let now = self.now();
            let ping = echo_request((HOST, HOST_IP), (client, CLIENT_IP), sequence);
            self.radio.handle_msdu(now, NETWORK, &ping);
            self.until(&format!("the answer to ping {sequence}"), |event| is_answer(msdu(event)?, sequence))?;
        }
        Ok(())
    }
}

fn msdu(event: &ApEvent) -> Option<&[u8]> {
    match event {
        ApEvent::Msdu { ethernet, .. } => Some(ethernet),
        _ => None,
    }
}
