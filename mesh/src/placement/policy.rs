//! What is better for a client.

use std::collections::BTreeMap;

use stack::wire::MacAddr;

use super::{Place, PlaceState};

/// What a client that is not heard by its own radio any more is taken to be heard with, in dBm.
const UNHEARD: f32 = -100.0;

/// A radio that could serve a client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Which radio.
    pub place: Place,
    /// How it is.
    pub state: PlaceState,
    /// How it hears the client; `None` only for the radio that serves it and hears it no more.
    pub dbm: Option<i8>,
    /// It is on the channel that the client is on: the client need not be told to change it.
    pub same_channel: bool,
}

impl Candidate {
    fn heard(&self) -> f32 {
        self.dbm.map_or(UNHEARD, f32::from)
    }
}

/// What a client gains by a move.
pub trait Policy {
    /// What it gains from being served there instead of here; the candidate with the greatest gain above 0 is chosen.
    fn gain(&self, client: MacAddr, here: &Candidate, there: &Candidate) -> f32;
}

/// Where the signal is better by more than a margin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// By how much, in dB.
    pub hysteresis: f32,
    /// By how much more, if the client has to change its channel, in dB.
    pub channel_change: f32,
}

impl Default for Signal {
    fn default() -> Self {
        Self { hysteresis: 8.0, channel_change: 6.0 }
    }
}

impl Policy for Signal {
    fn gain(&self, _client: MacAddr, here: &Candidate, there: &Candidate) -> f32 {
        let price = if there.same_channel { 0.0 } else { self.channel_change };
        there.heard() - here.heard() - self.hysteresis - price
    }
}

/// As [`Signal`], with a busy radio worth less: a client does not gain by a strong signal on an air without time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SignalAndLoad {
    /// What the signal is worth.
    pub signal: Signal,
}

impl SignalAndLoad {
    /// What a fully taken air costs, in dB.
    const BUSY: f32 = 20.0;
    /// What each client there already costs, in dB, and how many count.
    const CLIENT: f32 = 0.25;
    const MOST: u16 = 40;

    fn price(state: &PlaceState, without: u16) -> f32 {
        let clients = state.clients.saturating_sub(without).min(Self::MOST);
        f32::from(state.busy.min(1000)) / 1000.0 * Self::BUSY + f32::from(clients) * Self::CLIENT
    }
}

impl Policy for SignalAndLoad {
    fn gain(&self, client: MacAddr, here: &Candidate, there: &Candidate) -> f32 {
        // The client itself is no load to itself.
        let load = if here.state.channel == there.state.channel {
            // The air is the same for both: only the radios' own clients differ.
            let clients = |state: &PlaceState, without| {
                f32::from(state.clients.saturating_sub(without).min(Self::MOST)) * Self::CLIENT
            };
            clients(&there.state, 0) - clients(&here.state, 1)
        } else {
            Self::price(&there.state, 0) - Self::price(&here.state, 1)
        };
        self.signal.gain(client, here, there) - load
    }
}

/// By hand only: a client stays where it was put, and goes nowhere by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pinned {
    places: BTreeMap<MacAddr, Place>,
}

impl Pinned {
    /// These clients belong at these places; all others stay where they are.
    pub const fn new(places: BTreeMap<MacAddr, Place>) -> Self {
        Self { places }
    }
}

impl Policy for Pinned {
    fn gain(&self, client: MacAddr, _here: &Candidate, there: &Candidate) -> f32 {
        if self.places.get(&client) == Some(&there.place) { 1.0 } else { 0.0 }
    }
}
