//! A client: a link, its radio, and what is remembered of both.

use std::time::Duration;

use drivers::air::AirRadio;
use drivers::{Radio, RadioError, Received};
use stack::random::Random;
use stack::rsn::Pmk;
use stack::sta::{Link, LinkConfig, LinkEvent, LinkSecurity, LinkState};
use stack::time::Instant;
use stack::wire::{AckChange, MacAddr, Rate, RxInfo, Transmit};

use crate::report::{Bins, Moment, Place, Sample, Span, State};

use super::play::since_start;
use super::scene::{self, Person};
use super::witness::COLUMNS;

/// The rates of 2.4 and 5 GHz, in units of 500 kb/s, bit 7 on those that a BSS may ask of everybody.
const RATES: [u8; 12] = [0x82, 0x84, 0x8b, 0x96, 0x8c, 0x12, 0x98, 0x24, 0xb0, 0x48, 0x60, 0x6c];

/// A client of the demo.
pub(super) struct Actor {
    pub(super) person: &'static Person,
    pub(super) link: Link,
    pub(super) radio: AirRadio,
    /// A frame that its radio had no room for.
    held: Option<Transmit>,
    state: (State, Instant),
    /// Its receiver is on.
    listens: bool,
    pub(super) spans: Vec<Span>,
    pub(super) up: Bins,
    pub(super) down: Bins,
    pub(super) moments: Vec<Moment>,
    pub(super) walk: Vec<Place>,
    heard: Heard,
    /// The times that it was switched on.
    pub(super) starts: u64,
    /// Joins since it was last switched on.
    joins: u64,
    /// Between its joining and the end of that.
    connected: bool,
    /// Joins beyond the first after it was switched on.
    pub(super) reassociations: u64,
    /// How often it dozed off.
    pub(super) dozes: u64,
}

/// The signal of its AP, averaged over a column.
struct Heard {
    column: Duration,
    sum: f64,
    count: u32,
    rate: Option<Rate>,
    until: Duration,
    samples: Vec<Sample>,
}

impl Actor {
    pub(super) fn new(
        person: &'static Person,
        mut radio: AirRadio,
        pmk: &Pmk,
        length: Duration,
        random: Box<dyn Random + Send>,
    ) -> Result<Self, RadioError> {
        radio.change_ack(AckChange::Add(person.address))?;
        let config = LinkConfig {
            security: LinkSecurity::Wpa2(pmk.clone()),
            doze_after: person.doze_after,
            rates: RATES.to_vec(),
            ..LinkConfig::new(person.address, scene::SSID.as_bytes())
        };
        let column = length / u32::try_from(COLUMNS).unwrap_or(1);
        Ok(Self {
            person,
            link: Link::new(config, random),
            radio,
            held: None,
            state: (State::Away, Instant::ZERO),
            listens: true,
            spans: Vec::new(),
            up: Bins::new(length, COLUMNS),
            down: Bins::new(length, COLUMNS),
            moments: Vec::new(),
            walk: Vec::new(),
            heard: Heard { column, sum: 0.0, count: 0, rate: None, until: column, samples: Vec::new() },
            starts: 0,
            joins: 0,
            connected: false,
            reassociations: 0,
            dozes: 0,
        })
    }

    /// Takes what its radio has and does what is due. Yields what happened.
    pub(super) fn turn(&mut self, now: Instant) -> Result<Vec<LinkEvent>, RadioError> {
        while let Some(received) = self.radio.receive()? {
            match received {
                Received::Frame { info, frame } => {
                    // a dozing client's receiver is off
                    if self.link.is_listening(now) {
                        let transmitter = frame.get(10..16).and_then(MacAddr::from_slice);
                        if transmitter.is_some() && transmitter == self.link.bssid() {
                            self.heard.take(now, &info, is_data(frame));
                        }
                        self.link.handle_frame(now, &info, frame);
                    }
                }
                Received::Status(status) => self.link.handle_tx_status(now, status),
            }
        }
        if self.link.poll_timeout().is_some_and(|(due, _)| due <= now) {
            self.link.handle_timeout(now);
        }
        while let Some(transmit) = self.held.take().or_else(|| self.link.poll_transmit()) {
            if self.radio.transmit(&transmit).is_err() {
                self.held = Some(transmit);
                break;
            }
            self.link.recycle(transmit);
        }
        self.listen(now)?;
        self.note(now);
        let events: Vec<_> = std::iter::from_fn(|| self.link.poll_event()).collect();
        for event in &events {
            if let LinkEvent::SwitchChannel(channel) = event {
                self.radio.set_channel(*channel)?;
                self.link.handle_channel_set(now);
            }
        }
        Ok(events)
    }

    /// Is switched on.
    pub(super) fn start(&mut self, now: Instant) {
        self.starts += 1;
        self.joins = 0;
        self.link.start(now);
    }

    /// Data can flow. Whether it was connected before.
    pub(super) const fn joined(&mut self) -> bool {
        self.connected = true;
        self.joins += 1;
        if self.joins > 1 {
            self.reassociations += 1;
        }
        self.starts + self.joins > 2
    }

    /// An association or an attempt at one is over. Whether data could flow.
    pub(super) const fn left(&mut self) -> bool {
        std::mem::replace(&mut self.connected, false)
    }

    pub(super) fn is_connected(&self) -> bool {
        self.link.state() == LinkState::Connected
    }

    /// When [`Self::turn`] is due, besides when the radio has something.
    pub(super) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.link.poll_timeout()
    }

    /// A receiver that is off acknowledges nothing.
    fn listen(&mut self, now: Instant) -> Result<(), RadioError> {
        let listens = self.link.is_listening(now);
        if std::mem::replace(&mut self.listens, listens) != listens {
            let address = self.person.address;
            let change = if listens { AckChange::Add(address) } else { AckChange::Remove(address) };
            self.radio.change_ack(change)?;
        }
        Ok(())
    }

    /// Remembers what it is doing.
    fn note(&mut self, now: Instant) {
        let state = match self.link.state() {
            LinkState::Off => State::Away,
            LinkState::Waiting | LinkState::Scanning => State::Scanning,
            LinkState::Authenticating | LinkState::Associating | LinkState::Securing => State::Joining,
            LinkState::Connected if self.link.is_dozing() => State::Dozing,
            LinkState::Connected => State::Awake,
        };
        if state != self.state.0 {
            self.end_span(now);
            self.state = (state, now);
        }
    }

    /// What it was doing has come to its end.
    pub(super) fn end_span(&mut self, now: Instant) {
        let (state, from) = self.state;
        if state != State::Away && from < now {
            self.spans.push(Span { state, from: since_start(from), to: since_start(now) });
        }
    }

    /// Worth a mark in the picture.
    pub(super) fn mark(&mut self, now: Instant, name: &str, text: String, bad: bool) {
        self.moments.push(Moment { at: since_start(now), name: name.into(), text, bad });
    }

    /// How well it heard its AP, column by column.
    pub(super) fn signal(&self) -> &[Sample] {
        &self.heard.samples
    }
}

impl Heard {
    fn take(&mut self, now: Instant, info: &RxInfo, data: bool) {
        self.rate = if data { info.rate } else { self.rate };
        let Some(dbm) = info.signal else { return };
        let at = since_start(now);
        if at >= self.until {
            if self.count > 0 {
                let dbm = self.sum / f64::from(self.count);
                self.samples.push(Sample {
                    at: self.until - self.column / 2,
                    dbm,
                    rate: self.rate.map(|rate| (crate::dump::rate(rate), megabits(rate))),
                });
            }
            (self.sum, self.count) = (0.0, 0);
            while self.until <= at {
                self.until += self.column.max(Duration::from_millis(1));
            }
        }
        self.sum += f64::from(dbm);
        self.count += 1;
    }
}

fn is_data(mpdu: &[u8]) -> bool {
    mpdu.first().is_some_and(|control| control & 0x0c == 0x08)
}

/// What a rate is in Mb/s (802.11-2020 tables 17-4 and 19-27). Clients of the demo have no others.
fn megabits(rate: Rate) -> f64 {
    const STREAM: [f64; 8] = [6.5, 13.0, 19.5, 26.0, 39.0, 52.0, 58.5, 65.0];
    match rate {
        Rate::Legacy(halves) => f64::from(halves) / 2.0,
        Rate::Ht { mcs, .. } => {
            let stream = STREAM.get(usize::from(mcs % 8)).copied().unwrap_or_default();
            stream * f64::from(mcs / 8 + 1)
        }
        Rate::Vht { .. } | Rate::He { .. } => 0.0,
    }
}
