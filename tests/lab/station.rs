//! The station role against an unmodified hostapd: our link on an active monitor, hostapd on a radio of its own.

use std::fs::{self, File};
use std::io::Read;
use std::process::Command;
use std::time::{Duration, Instant};

use drivers::Received;
use drivers::packet::PacketSocket;
use stack::random::Random;
use stack::rsn::Pmk;
use stack::sta::{Link, LinkConfig, LinkEvent, LinkSecurity};
use stack::wire::MacAddr;

use super::{Outcome, PEER, expect, managed_of, nl80211, radio, said};

const SSID: &str = "airloom-lab";
const PASSPHRASE: &str = "correct horse battery";
const AP_ADDRESS: [u8; 4] = [10, 9, 3, 1];
const OUR_ADDRESS: [u8; 4] = [10, 9, 3, 2];
/// Generous: the machine is emulated.
const PATIENCE: Duration = Duration::from_secs(60);
const PINGS: u16 = 200;

pub(super) fn joins_hostapd_open() -> Outcome {
    let _ap = HostApd::start(None)?;
    let mut station = Station::new(LinkSecurity::Open)?;
    station.until_connected()?;
    station.ping_all()
}

pub(super) fn joins_hostapd_by_wpa2() -> Outcome {
    let _ap = HostApd::start(Some(PASSPHRASE))?;
    let mut station = Station::new(LinkSecurity::Wpa2(pmk(PASSPHRASE)?))?;
    station.until_connected()?;
    station.ping_all()
}

pub(super) fn wrong_passphrase() -> Outcome {
    let _ap = HostApd::start(Some(PASSPHRASE))?;
    let mut station = Station::new(LinkSecurity::Wpa2(pmk("incorrect horse battery")?))?;
    let event = station.until("an end", |event| match event {
        LinkEvent::Connected { .. } | LinkEvent::Disconnected { .. } => Some(event),
        _ => None,
    })?;
    expect(matches!(event, LinkEvent::Disconnected { .. }), || format!("{event:?}"))
}

fn pmk(passphrase: &str) -> Result<Pmk, String> {
    said(Pmk::from_passphrase(passphrase, SSID.as_bytes()))
}

/// hostapd on the last radio, stopped when dropped.
struct HostApd;

impl HostApd {
    fn start(passphrase: Option<&str>) -> Result<Self, String> {
        let mut nl80211 = nl80211()?;
        let phy = said(nl80211.phys())?[3].index;
        let interface = managed_of(&mut nl80211, phy)?;
        let mut config =
            format!("interface={interface}\ndriver=nl80211\nssid={SSID}\nhw_mode=g\nchannel=6\n");
        if let Some(passphrase) = passphrase {
            config += "wpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\n";
            config += &format!("wpa_passphrase={passphrase}\n");
        }
        said(fs::write("/tmp/hostapd.conf", config))?;
        run("ip", &["address", "replace", "10.9.3.1/24", "dev", &interface])?;
        run("hostapd", &["-B", "/tmp/hostapd.conf"])?;
        Ok(Self)
    }
}

impl Drop for HostApd {
    fn drop(&mut self) {
        let _ = run("killall", &["hostapd"]);
        let end = Instant::now() + PATIENCE;
        while run("killall", &["-0", "hostapd"]).is_ok() && Instant::now() < end {
            std::thread::yield_now();
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> Outcome {
    let output = said(Command::new(program).args(arguments).output())?;
    let text =
        || String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned();
    expect(output.status.success(), || format!("{program} {arguments:?}: {}", text()))
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
        let random = Urandom(said(File::open("/dev/urandom"))?);
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
    fn until<T>(&mut self, what: &str, mut take: impl FnMut(LinkEvent) -> Option<T>) -> Result<T, String> {
        let end = Instant::now() + PATIENCE;
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
        }
        said(self.socket.flush())
    }

    /// Resolves the AP's address and pings it; every ping has to be answered.
    fn ping_all(&mut self) -> Outcome {
        let now = self.now();
        self.link.handle_msdu(now, &arp_request());
        let ap = self.until("an ARP reply", |event| arp_reply(&msdu(event)?))?;
        for sequence in 0..PINGS {
            let now = self.now();
            self.link.handle_msdu(now, &echo_request(ap, sequence));
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

fn arp_request() -> Vec<u8> {
    let mut frame = [MacAddr::BROADCAST.octets(), PEER.octets()].concat();
    frame.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(PEER.octets());
    frame.extend(OUR_ADDRESS);
    frame.extend([0; 6]);
    frame.extend(AP_ADDRESS);
    frame
}

fn arp_reply(frame: &[u8]) -> Option<MacAddr> {
    let reply = frame.get(12..22)? == [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 2];
    if reply && frame.get(28..32)? == AP_ADDRESS { MacAddr::from_slice(frame.get(22..28)?) } else { None }
}

fn echo_request(to: MacAddr, sequence: u16) -> Vec<u8> {
    let mut icmp = vec![8, 0, 0, 0, 0x61, 0x6c];
    icmp.extend(sequence.to_be_bytes());
    icmp.extend(b"airloom".iter().cycle().take(56));
    let sum = checksum(&icmp);
    icmp[2..4].copy_from_slice(&sum);
    let mut ip = vec![0x45, 0];
    ip.extend((20 + icmp.len() as u16).to_be_bytes());
    ip.extend([0, 0, 0, 0, 64, 1, 0, 0]);
    ip.extend(OUR_ADDRESS);
    ip.extend(AP_ADDRESS);
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum);
    [&to.octets()[..], &PEER.octets(), &[0x08, 0x00], &ip, &icmp].concat()
}

fn is_answer(frame: &[u8], sequence: u16) -> Option<()> {
    let ip = frame.get(12..15)? == [0x08, 0x00, 0x45];
    (ip && frame.get(34)? == &0 && frame.get(40..42)? == sequence.to_be_bytes()).then_some(())
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    (!((folded & 0xffff) + (folded >> 16)) as u16).to_be_bytes()
}

struct Urandom(File);

impl Random for Urandom {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.read_exact(buffer).expect("/dev/urandom never ends");
    }
}
