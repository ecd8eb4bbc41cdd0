//! Traffic as real programs make it: ping and iperf3.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::access_point::{ADDRESS, AccessPoint};
use super::client::Client;
use super::program::{Daemon, PATIENCE, output, until};
use super::{Outcome, expect, said};

/// What a run of ping came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pings {
    pub(crate) sent: u32,
    pub(crate) received: u32,
    /// The numbers of those without an answer.
    pub(crate) missing: Vec<u32>,
    /// Answers that came twice.
    pub(crate) duplicates: u32,
    /// Round-trip times in milliseconds.
    pub(crate) average: f64,
    pub(crate) longest: f64,
}

impl Pings {
    /// Only so many were meant, whose answers are in this text, line by line.
    fn of_the_first(self, count: u32, text: &str) -> Self {
        let answers = text.lines().filter(|line| line.contains(" bytes from "));
        let number = |line: &str| line.split_once("icmp_seq=")?.1.split(' ').next()?.parse::<u32>().ok();
        let numbers: Vec<u32> = answers.filter_map(number).filter(|n| (1..=count).contains(n)).collect();
        let different: BTreeSet<u32> = numbers.iter().copied().collect();
        let sent = self.sent.min(count);
        Self {
            sent,
            received: different.len() as u32,
            missing: (1..=sent).filter(|number| !different.contains(number)).collect(),
            duplicates: (numbers.len() - different.len()) as u32,
            ..self
        }
    }

    /// Every one answered, once.
    pub(crate) fn all_answered(&self, who: &str) -> Outcome {
        expect(self.received == self.sent && self.duplicates == 0, || format!("{who}: {self:?}"))
    }
}

/// For so many seconds pings go on after those that count, so that an answer that others overtook is not taken for lost.
const TAIL: f64 = 0.3;

/// `count` pings, one every `interval` seconds. Left to itself ping waits for the last answer no longer than two of the
/// round-trip times that it saw. With a deadline it goes on until so many answers have come; what it sends beyond `count`
/// is not looked at.
pub(crate) fn arguments(ip: &str, count: u32, interval: &str) -> Vec<String> {
    let every = interval.parse().unwrap_or(1.0);
    let deadline = (f64::from(count) * every).ceil() as u64 + PATIENCE.as_secs();
    let (count, deadline) = ((count + tail(every)).to_string(), deadline.to_string());
    ["-n", "-c", &count, "-w", &deadline, "-i", interval, ip].map(str::to_owned).to_vec()
}

fn tail(every: f64) -> u32 {
    (TAIL / every).ceil() as u32
}

/// Pings from a client.
pub(crate) fn from_client(client: &Client, ip: &str, count: u32, interval: &str) -> Result<Pings, String> {
    pings(command_from(client, ip, count, interval))
}

/// The command for pings from a client.
pub(crate) fn command_from(client: &Client, ip: &str, count: u32, interval: &str) -> Command {
    let arguments = arguments(ip, count, interval);
    client.command("ping", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Pings from the access point's side.
pub(crate) fn to_client(client: &Client, count: u32, interval: &str) -> Result<Pings, String> {
    let mut command = Command::new("ping");
    command.args(arguments(&client.ip(), count, interval));
    pings(command)
}

/// Runs ping. It exits with 1 if no answer came at all, which is no defect of the program.
pub(crate) fn pings(mut command: Command) -> Result<Pings, String> {
    let output = said(command.output())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let pings = parse(&text).map(|pings| match asked_for(&command) {
        Some(count) => pings.of_the_first(count, &text),
        None => pings,
    });
    pings.ok_or_else(|| format!("{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// How many of its pings count, if it has a deadline.
fn asked_for(command: &Command) -> Option<u32> {
    let arguments: Vec<&str> = command.get_args().filter_map(|argument| argument.to_str()).collect();
    let after = |option| {
        let at = arguments.iter().position(|found| *found == option)?;
        arguments.get(at + 1).copied()
    };
    after("-w")?;
    Some(after("-c")?.parse::<u32>().ok()? - tail(after("-i")?.parse().ok()?))
}

/// A ping that runs beside what the scenario does meanwhile.
pub(crate) struct Beside(std::thread::JoinHandle<Result<Pings, String>>);

impl Beside {
    pub(crate) fn start(command: Command) -> Self {
        Self(std::thread::spawn(|| pings(command)))
    }

    pub(crate) fn runs(&self) -> bool {
        !self.0.is_finished()
    }

    pub(crate) fn end(self) -> Result<Pings, String> {
        self.0.join().map_err(|_| "the thread that ran ping ended badly".to_owned())?
    }
}

fn parse(text: &str) -> Option<Pings> {
    let summary = text.lines().find(|line| line.contains("packets transmitted"))?;
    let number = |word: &str| -> Option<u32> {
        summary
            .split(", ")
            .find(|part| part.contains(word))?
            .trim_start_matches('+')
            .split(' ')
            .next()?
            .parse()
            .ok()
    };
    let times: Vec<f64> = text
        .lines()
        .find_map(|line| line.strip_prefix("rtt min/avg/max/mdev = "))
        .map(|line| line.split(['/', ' ']).filter_map(|n| n.parse().ok()).collect())
        .unwrap_or_default();
    Some(Pings {
        sent: number("transmitted")?,
        received: number("received")?,
        missing: Vec::new(),
        duplicates: number("duplicates").unwrap_or(0),
        average: times.get(1).copied().unwrap_or(f64::INFINITY),
        longest: times.get(2).copied().unwrap_or(f64::INFINITY),
    })
}

/// What a stream is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp,
    /// UDP, and more of it than the air takes: what arrives is what counts.
    Flood,
    /// UDP at a rate that the air bears: all of it has to arrive.
    Counted,
}

/// One run of iperf3.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) kind: Kind,
    /// To the client, or from it.
    pub(crate) down: bool,
    pub(crate) seconds: u32,
}

impl Stream {
    pub(crate) const ALL: [Self; 4] = [
        Self { kind: Kind::Tcp, down: false, seconds: 3 },
        Self { kind: Kind::Tcp, down: true, seconds: 3 },
        Self { kind: Kind::Flood, down: false, seconds: 3 },
        Self { kind: Kind::Flood, down: true, seconds: 3 },
    ];
    /// All of it has to arrive.
    pub(crate) const COUNTED: [Self; 2] = [
        Self { kind: Kind::Counted, down: false, seconds: 6 },
        Self { kind: Kind::Counted, down: true, seconds: 6 },
    ];

    pub(crate) const fn name(self) -> &'static str {
        match (self.kind, self.down) {
            (Kind::Tcp, false) => "tcp_up",
            (Kind::Tcp, true) => "tcp_down",
            (Kind::Flood, false) => "udp_up",
            (Kind::Flood, true) => "udp_down",
            (Kind::Counted, false) => "counted_up",
            (Kind::Counted, true) => "counted_down",
        }
    }

    /// Runs it between a client and the access point and yields what arrived, in Mb/s. A counted one fails if one is lost.
    pub(crate) fn run(self, client: &Client) -> Result<f64, String> {
        let mut server = Daemon::start(Command::new("iperf3").args(["-s", "-1", "--forceflush"]), "iperf3")?;
        until_listens(&mut server, 5201)?;
        let seconds = self.seconds.to_string();
        let mut arguments = vec!["-c", ADDRESS, "-t", &seconds, "-J"];
        match self.kind {
            Kind::Tcp => {}
            Kind::Flood => arguments.extend(["-u", "-b", "60M", "-l", "1400"]),
            Kind::Counted => arguments.extend(["-u", "-b", "2M", "-l", "1000"]),
        }
        if self.down {
            arguments.push("-R");
        }
        let text = output(&mut client.command("iperf3", &arguments))?;
        let report: Value = said(serde_json::from_str(&text))?;
        let sum = &report["end"]["sum"];
        let lost = sum["lost_packets"].as_u64();
        expect(self.kind != Kind::Counted || lost == Some(0), || format!("{self:?}: lost {lost:?}: {sum}"))?;
        self.arrived(&report).map(|bits| bits / 1e6).ok_or(text)
    }

    fn arrived(self, report: &Value) -> Option<f64> {
        if self.kind != Kind::Tcp {
            let sum = &report["end"]["sum"];
            Some(sum["bits_per_second"].as_f64()? * (1.0 - sum["lost_percent"].as_f64()? / 100.0))
        } else {
            report["end"]["sum_received"]["bits_per_second"].as_f64()
        }
    }
}

/// Waits until a server of iperf3 listens on its port, in its network namespace.
pub(crate) fn until_listens(server: &mut Daemon, port: u16) -> Outcome {
    let port = format!(":{port:04X} 00000000");
    until("iperf3 does not listen", || {
        server.lives()?;
        let sockets =
            |family: &str| said(std::fs::read_to_string(format!("/proc/{}/net/{family}", server.pid())));
        // Connections of the run before may still be there.
        let listens = |line: &str| line.contains(&port) && line.contains(":0000 0A ");
        let both = sockets("tcp6")? + &sockets("tcp")?;
        expect(both.lines().any(listens), || "its port is closed".to_owned())
    })
}

/// Processor time, in ticks of 10 ms: of the access point's process, and of the whole guest.
pub(crate) fn processor(ap: &AccessPoint) -> Result<(u64, u64), String> {
    let own = said(std::fs::read_to_string(format!("/proc/{}/stat", ap.pid())))?;
    let fields: Vec<&str> = own.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let all = said(std::fs::read_to_string("/proc/stat"))?;
    let line: Vec<u64> =
        all.lines().next().unwrap_or("").split_whitespace().skip(1).filter_map(|n| n.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq
    let busy = line.iter().enumerate().filter(|(at, _)| ![3, 4].contains(at)).map(|(_, ticks)| ticks).sum();
    Ok((ticks(11) + ticks(12), busy))
}
