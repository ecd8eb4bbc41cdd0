//! A capture into the stack as if heard, with what happened.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use drivers::capture::{Fcs, Reader};
use drivers::{Radio, RadioError, Received, TransmitError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Serialize;
use stack::ap::{ApEvent, BssidBlock, NetworkConfig, NetworkId};
use stack::random::Random;
use stack::time::Instant;
use stack::wire::{AckChange, Channel, MacAddr, RxInfo, Transmit, TxStatus};

use super::super::{say, say_json};
use super::progress_bar;
use crate::config::{self, Config};
use crate::escape::escape;
use crate::node::{Blocks, Switch, SwitchNetwork, Worker, WorkerEvent, address_of_phy, contains};

/// A silence in the capture that is longer is shortened to this: every beacon in it is played.
const SILENCE: Duration = Duration::from_secs(60);
/// What happened after the last frame is waited for so long.
const EPILOGUE: Duration = Duration::from_secs(2);
/// Events that are told; more are counted.
const EVENTS: usize = 10_000;

/// What happened.
#[derive(Debug, Default, Serialize)]
struct Report {
    frames: u64,
    not_wireless_or_malformed: u64,
    /// Frames that the capturing host had sent itself, which it did not hear.
    sent_by_capturer: u64,
    heard: u64,
    /// Of those, to groups or to BSSIDs of the radio.
    addressed_to_us: u64,
    /// Frames that the stack would have sent.
    would_send: u64,
    msdus: u64,
    drops: BTreeMap<String, u64>,
    events: Vec<Event>,
    events_not_told: u64,
}

#[derive(Debug, Serialize)]
struct Event {
    /// Since the first frame, in seconds.
    time: f64,
    event: &'static str,
    station: String,
    bssid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<u16>,
}

/// Plays the capture `input` to the first radio of the file `config`.
pub(super) fn run(input: &Path, config: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let config = config::read(config)?;
    let name = || input.display().to_string();
    let mut reader = Reader::open(input).with_context(name)?;
    let mut play = Play::new(&config)?;
    let result = play.all(&mut reader);
    let (report, base) = play.end()?;
    if json {
        say_json(&report)?;
    } else {
        let mut text = Vec::new();
        write_text(&report, base, &mut text)?;
        say(text)?;
    }
    result.with_context(name)?;
    Ok(ExitCode::SUCCESS)
}

fn write_text(report: &Report, base: MacAddr, out: &mut impl Write) -> std::io::Result<()> {
    for Event { time, event, station, bssid, ssid, reason } in &report.events {
        write!(out, "{time:12.6} {event} {station} bssid={bssid}")?;
        if let Some(ssid) = ssid {
            write!(out, " ssid=\"{ssid}\"")?;
        }
        if let Some(reason) = reason {
            write!(out, " reason={reason}")?;
        }
        writeln!(out)?;
    }
    let Report { frames, not_wireless_or_malformed, sent_by_capturer, heard, addressed_to_us, .. } = report;
    writeln!(
        out,
        "{frames} frames, {heard} heard, {addressed_to_us} of them addressed to us; left out: \
         {not_wireless_or_malformed} not 802.11 or malformed, {sent_by_capturer} sent by the capturing host"
    )?;
    let Report { would_send, msdus, events, events_not_told, .. } = report;
    let events = events.len() as u64 + events_not_told;
    writeln!(out, "{events} events, {msdus} MSDUs from stations, {would_send} frames would have been sent")?;
    for (reason, count) in &report.drops {
        writeln!(out, "discarded: {reason} {count}")?;
    }
    if *heard > 0 && *addressed_to_us == 0 {
        writeln!(
            out,
            "no frame was for us: our first BSSID is {base}; give the radio that of the capture's AP by bssid"
        )?;
    }
    Ok(())
}

/// A radio that hears what it is given, sends nothing, and says that everything arrived.
#[derive(Default)]
struct Deaf {
    frame: Option<(RxInfo, Vec<u8>)>,
    statuses: VecDeque<TxStatus>,
    current: Vec<u8>,
}

impl Radio for Deaf {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        if let Some(status) = self.statuses.pop_front() {
            return Ok(Some(Received::Status(status)));
        }
        let Some((info, frame)) = self.frame.take() else { return Ok(None) };
        self.current = frame;
        Ok(Some(Received::Frame { info, frame: &mut self.current }))
    }

    fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError> {
        self.statuses.push_back(TxStatus { id: transmit.id, acked: true, retries: 0 });
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        Ok(())
    }

    fn set_channel(&mut self, _: Channel) -> Result<Duration, RadioError> {
        Ok(Duration::ZERO)
    }

    fn change_ack(&mut self, _: AckChange) -> Result<(), RadioError> {
        Ok(())
    }
}

/// The same capture gives the same report; nothing is sent that a secret could be in.
struct Fixed(ChaCha8Rng);

impl Random for Fixed {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }
}

struct Play {
    worker: Worker<Deaf>,
    block: BssidBlock,
    ssids: Vec<String>,
    now: Instant,
    /// The time of the frame before, in nanoseconds.
    last: Option<u64>,
    report: Report,
}

impl Play {
    fn new(config: &Config) -> anyhow::Result<Self> {
        let Some(radio) = config.serving().next() else {
            bail!("there is no [[radio]] with networks to hear it")
        };
        let blocks = Blocks::choose(&[(address_of_phy(&radio.phy), radio.bssid)]);
        let block = blocks.all.context("a radio without a block")?;
        let networks: Vec<NetworkConfig> =
            (0..).zip(&config.networks).map(|(id, network)| network.to_stack(NetworkId(id))).collect();
        let served = networks.iter().map(|network| SwitchNetwork {
            id: network.id,
            isolate: network.isolate,
            outside: None,
        });
        let (_, ports) = Switch::new(served.collect(), &[None]);
        let Some(port) = ports.into_iter().next() else { bail!("a switch without a port") };
        let random = Box::new(Fixed(ChaCha8Rng::seed_from_u64(0)));
        let config_of_radio = radio.to_stack(block);
        let worker =
            Worker::new(&radio.phy, Deaf::default(), config_of_radio, networks, port, Instant::ZERO, random);
        let ssids = config.networks.iter().map(|network| escape(&network.ssid)).collect();
        Ok(Self { worker, block, ssids, now: Instant::ZERO, last: None, report: Report::default() })
    }

    fn all(&mut self, reader: &mut Reader) -> anyhow::Result<()> {
        let bar = progress_bar(reader);
        loop {
            let position = reader.progress().0;
            let Some(frame) = reader.next_frame() else { break };
            let frame = frame?;
            self.report.frames += 1;
            self.pass_until(frame.time)?;
            match frame.content {
                Err(_) => self.report.not_wireless_or_malformed += 1,
                Ok(content) if content.tx.is_some() => self.report.sent_by_capturer += 1,
                Ok(content) => {
                    let info = RxInfo { bad_fcs: content.fcs == Fcs::Bad, ..content.rx };
                    self.hear(info, content.mpdu.to_vec())?;
                }
            }
            bar.set_position(position);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Plays what happens between the frame before and this one. Clocks that step back stand still here.
    fn pass_until(&mut self, time: u64) -> anyhow::Result<()> {
        let since = Duration::from_nanos(time.saturating_sub(*self.last.get_or_insert(time)));
        self.last = Some(time);
        self.pass(since.min(SILENCE))
    }

    fn pass(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = self.now + time;
        while let Some((at, _)) = self.worker.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = at.max(self.now);
            self.turn()?;
            self.worker_statuses()?;
        }
        self.now = end;
        Ok(())
    }

    fn hear(&mut self, info: RxInfo, mpdu: Vec<u8>) -> anyhow::Result<()> {
        self.report.heard += 1;
        let ours = |to: MacAddr| to.is_group() || contains(&self.block, to);
        let to = mpdu.get(4..10).and_then(MacAddr::from_slice);
        self.report.addressed_to_us += u64::from(to.is_some_and(ours));
        self.worker.radio_mut().frame = Some((info, mpdu));
        self.turn()?;
        self.worker_statuses()
    }

    /// What was sent arrives at once.
    fn worker_statuses(&mut self) -> anyhow::Result<()> {
        while !self.worker.radio().statuses.is_empty() {
            self.turn()?;
        }
        Ok(())
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        self.worker.turn(self.now)?;
        while let Some(event) = self.worker.poll_event() {
            let Some(event) = self.event(&event) else { continue };
            if self.report.events.len() < EVENTS {
                self.report.events.push(event);
            } else {
                self.report.events_not_told += 1;
            }
        }
        Ok(())
    }

    fn event(&self, event: &WorkerEvent) -> Option<Event> {
        let WorkerEvent::Ap(event) = event else { return None };
        let ssid = |id: &NetworkId| self.ssids.get(usize::from(id.0)).cloned();
        let (event, station, bssid, ssid, reason) = match event {
            ApEvent::StationJoined { network, bssid, station } => {
                ("AP-STA-CONNECTED", station, bssid, ssid(network), None)
            }
            ApEvent::StationLeft { network, bssid, station, reason } => {
                ("AP-STA-DISCONNECTED", station, bssid, ssid(network), Some(reason.0))
            }
            ApEvent::PowerSave { bssid, station, dozing: true } => {
                ("POWER-SAVE-ON", station, bssid, None, None)
            }
            ApEvent::PowerSave { bssid, station, dozing: false } => {
                ("POWER-SAVE-OFF", station, bssid, None, None)
            }
            _ => return None,
        };
        let time = self.now.as_micros() as f64 / 1e6;
        Some(Event { time, event, station: station.to_string(), bssid: bssid.to_string(), ssid, reason })
    }

    fn end(mut self) -> anyhow::Result<(Report, MacAddr)> {
        self.pass(EPILOGUE)?;
        let radio = self.worker.report(self.now).radio;
        let report = Report {
            would_send: radio.counters.tx_frames,
            msdus: radio.counters.msdus_from_stations,
            drops: radio.drops,
            ..self.report
        };
        Ok((report, self.block.base))
    }
}
