//! The access point's side of the 4-way and group key handshakes (802.11-2020 12.7.6, 12.7.7, 12.7.10).
//!
//! ```text
//!  Idle --start--> AwaitM2 --M2--> AwaitM4 --M4--> Established --rekey_pairwise--> AwaitM2 (under the old key)
//!                     |               |                 |   ^
//!                     +--- 4 tries ---+-- 4 tries --+   +---+ rekey_group: group message 1 and 2
//!                                                   v
//!                                                Failed
//! ```

mod moved;
mod receive;

pub(crate) use moved::AuthenticatorRecord;

use std::collections::VecDeque;
use std::time::Duration;

use crate::crypto::Cipher;
use crate::random::Random;
use crate::rsn::message::{Draft, Parties, fresh_nonce, wrap_key_data};
use crate::rsn::{Akm, EapolDrop, EapolTransmit, GroupKeyData, HandshakeFailure, Pmk, Ptk, TemporalKey};
use crate::time::Instant;
use crate::wire::MacAddr;
use crate::wire::eapol::{Kde, KeyDataWriter, KeyInfo};

/// How often a message is sent before the handshake is given up.
const TRIES: u8 = 4;
/// How long the first transmission of a message waits for its answer.
const FIRST_TIMEOUT: Duration = Duration::from_millis(100);
/// How long the others wait.
const TIMEOUT: Duration = Duration::from_secs(1);
/// A station's requests for new keys are honoured no more often than this.
const REQUEST_INTERVAL: Duration = Duration::from_secs(10);

/// What an [`Authenticator`] needs to know.
#[derive(Clone, Debug)]
pub struct AuthenticatorConfig {
    /// Our address: the BSSID.
    pub aa: MacAddr,
    /// The station's address.
    pub spa: MacAddr,
    /// The pairwise master key.
    pub pmk: Pmk,
    /// The AKM suite that the station chose.
    pub akm: Akm,
    /// The pairwise cipher that the station chose.
    pub pairwise: Cipher,
    /// The group key that the BSS uses.
    pub group: GroupKeyData,
    /// RSNE, and RSNXE if there is one, exactly as in the beacon.
    pub ap_elements: Vec<u8>,
    /// RSNE, and RSNXE if there is one, exactly as in the association request.
    pub sta_elements: Vec<u8>,
}

/// What an [`Authenticator`] has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthenticatorEvent {
    /// Install this pairwise key, Key ID 0, for receive and transmit, with packet numbers from the start. After a
    /// rekey the old key is deleted (SEC-K11).
    InstallPairwise {
        /// The temporal key.
        tk: TemporalKey,
        /// Its cipher.
        cipher: Cipher,
    },
    /// The controlled port opens. Comes once.
    Authorized,
    /// The station has the group key given last.
    GroupKeyDone,
    /// The station asks for a new pairwise key: call [`Authenticator::rekey_pairwise`].
    PairwiseRekeyRequested,
    /// The station asks for a new group key: call [`Authenticator::rekey_group`] with one.
    GroupRekeyRequested,
    /// It is over: deauthenticate the station with [`HandshakeFailure::reason`]. The last event.
    Failed(HandshakeFailure),
}

/// The authenticator of one association. A new association takes a new one.
///
/// After every call that takes something in, take out what there is: first [`Self::poll_transmit`] until `None`, then
/// [`Self::poll_event`] until `None`, and ask for the deadline anew.
#[derive(Debug)]
pub struct Authenticator {
    parties: Parties,
    ap_elements: Vec<u8>,
    sta_elements: Vec<u8>,
    group: GroupKeyData,
    /// Counts calls of `rekey_group`.
    group_generation: u64,
    /// The generation that the station has.
    group_done: u64,
    state: State,
    /// Key Replay Counter of the last frame sent.
    counter: u64,
    last_anonce: Option<[u8; 32]>,
    /// Replay counter and time of the last request that was honoured.
    last_request: Option<(u64, Instant)>,
    transmits: VecDeque<EapolTransmit>,
    events: VecDeque<AuthenticatorEvent>,
}

/// Owns what is valid in it and no more; `current` is the key that a rekey runs under.
#[derive(Debug)]
enum State {
    Idle,
    AwaitM2 { current: Option<Ptk>, anonce: [u8; 32], m1: Attempts },
    AwaitM4(Box<AwaitM4>),
    Established { current: Ptk, group_update: Option<Attempts> },
    Failed,
}

#[derive(Debug)]
struct AwaitM4 {
    current: Option<Ptk>,
    anonce: [u8; 32],
    snonce: [u8; 32],
    ptk: Ptk,
    /// The group key generation in the first message 3.
    generation: u64,
    m1: Attempts,
    m3: Attempts,
}

/// The transmissions of one message: each has a replay counter of its own, and an answer to any of them counts.
#[derive(Clone, Copy, Debug)]
struct Attempts {
    first: u64,
    last: u64,
    tries: u8,
    deadline: Instant,
}

impl Attempts {
    fn first(counter: u64, now: Instant) -> Self {
        Self { first: counter, last: counter, tries: 1, deadline: now + FIRST_TIMEOUT }
    }

    fn next(self, counter: u64, now: Instant) -> Self {
        Self { last: counter, tries: self.tries + 1, deadline: now + TIMEOUT, ..self }
    }

    fn is_answered_by(&self, counter: u64) -> bool {
        (self.first..=self.last).contains(&counter)
    }
}

impl Authenticator {
    /// An authenticator that waits for [`Self::start`].
    pub fn new(config: AuthenticatorConfig) -> Self {
        let AuthenticatorConfig { aa, spa, pmk, akm, pairwise, group, ap_elements, sta_elements } = config;
        Self {
            parties: Parties { aa, spa, pmk, akm, pairwise },
            ap_elements,
            sta_elements,
            group,
            group_generation: 0,
            group_done: 0,
            state: State::Idle,
            counter: 0,
            last_anonce: None,
            last_request: None,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Sends message 1. Call it when the association response has been acknowledged; only the first call counts.
    pub fn start(&mut self, now: Instant, random: &mut dyn Random) {
        if matches!(self.state, State::Idle) {
            self.begin(now, None, random);
        }
    }

    /// Takes an EAPOL PDU that came from the station, from the EAPOL version on; `protected` says whether it came
    /// encrypted under the pairwise key.
    pub fn handle_eapol(&mut self, now: Instant, pdu: &[u8], protected: bool) -> Result<(), EapolDrop> {
        self.receive(now, pdu, protected)
    }

    /// Sends again or gives up what was not answered in time. Spurious calls do no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some(due) = self.attempts().filter(|attempts| attempts.deadline <= now).copied() else { return };
        if due.tries >= TRIES {
            let group = matches!(self.state, State::Established { .. });
            self.fail(if group { HandshakeFailure::GroupTimeout } else { HandshakeFailure::Timeout });
            return;
        }
        self.send_current();
        let counter = self.counter;
        if let Some(attempts) = self.attempts_mut() {
            *attempts = attempts.next(counter, now);
        }
    }

    /// Begins a 4-way handshake for a new pairwise key, under the old one. Does nothing while a handshake for a
    /// pairwise key is under way or before the first one is through.
    pub fn rekey_pairwise(&mut self, now: Instant, random: &mut dyn Random) {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Established { current, .. } => self.begin(now, Some(current), random),
            state => self.state = state,
        }
    }

    /// Hands out a new group key: by a group key handshake, or along with the handshake that is under way.
    pub fn rekey_group(&mut self, now: Instant, group: GroupKeyData) {
        self.group = group;
        self.group_generation += 1;
        if matches!(self.state, State::Established { .. }) {
            self.send_group(now);
        }
    }

    /// Tells how far the packet numbers of the group key have come, for the messages to be sent from now on.
    pub fn set_group_rsc(&mut self, rsc: u64) {
        self.group.rsc = rsc;
    }

    /// A pairwise rekey is under way: hold the station's data frames back until it is through (SEC-K11).
    pub fn holds_data(&self) -> bool {
        match &self.state {
            State::AwaitM2 { current, .. } => current.is_some(),
            State::AwaitM4(state) => state.current.is_some(),
            _ => false,
        }
    }

    /// The station has the keys that it should have, and nothing is on its way to it.
    pub fn is_settled(&self) -> bool {
        let established = matches!(self.state, State::Established { group_update: None, .. });
        established && self.transmits.is_empty() && self.events.is_empty()
    }

    /// The next frame to send. Call until `None` after every other call.
    pub fn poll_transmit(&mut self) -> Option<EapolTransmit> {
        self.transmits.pop_front()
    }

    /// What happened. Nothing comes before [`Self::poll_transmit`] is drained, for a frame is to be encrypted under
    /// the key that is installed before the event.
    pub fn poll_event(&mut self) -> Option<AuthenticatorEvent> {
        if self.transmits.is_empty() { self.events.pop_front() } else { None }
    }

    /// When to call [`Self::handle_timeout`]. May change after every other call.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let reason = match &self.state {
            State::AwaitM2 { .. } => "message 2 of the 4-way handshake",
            State::AwaitM4(_) => "message 4 of the 4-way handshake",
            _ => "group key handshake",
        };
        self.attempts().map(|attempts| (attempts.deadline, reason))
    }

    fn begin(&mut self, now: Instant, current: Option<Ptk>, random: &mut dyn Random) {
        let Some(anonce) = fresh_nonce(random, self.last_anonce.as_ref()) else {
            return self.fail(HandshakeFailure::Randomness);
        };
        self.last_anonce = Some(anonce);
        let m1 = Attempts::first(self.counter + 1, now);
        self.state = State::AwaitM2 { current, anonce, m1 };
        self.send_current();
    }

    fn send_group(&mut self, now: Instant) {
        let attempts = Attempts::first(self.counter + 1, now);
        if let State::Established { group_update, .. } = &mut self.state {
            *group_update = Some(attempts);
            self.send_current();
        }
    }

    /// Sends what the state is waiting for an answer to, with a new replay counter.
    fn send_current(&mut self) {
        self.counter += 1;
        let transmit = match &self.state {
            State::AwaitM2 { current, anonce, .. } => {
                EapolTransmit { pdu: self.message_1(anonce), protected: current.is_some() }
            }
            State::AwaitM4(state) => {
                EapolTransmit { pdu: self.message_3(state), protected: state.current.is_some() }
            }
            State::Established { current, .. } => {
                EapolTransmit { pdu: self.group_message_1(current), protected: true }
            }
            State::Idle | State::Failed => return,
        };
        // An older one that nobody fetched is a retransmission that came too late.
        self.transmits.clear();
        self.transmits.push_back(transmit);
    }

    /// 802.11-2020 12.7.6.2.
    fn message_1(&self, anonce: &[u8; 32]) -> Vec<u8> {
        let draft = Draft {
            key_length: self.parties.key_length(),
            nonce: *anonce,
            ..Draft::new(KeyInfo::PAIRWISE.with(KeyInfo::ACK), self.counter)
        };
        self.parties.build(draft, None)
    }

    /// 802.11-2020 12.7.6.4.
    fn message_3(&self, state: &AwaitM4) -> Vec<u8> {
        let mut key_data = KeyDataWriter::new();
        key_data.elements(&self.ap_elements).kde(&self.gtk_kde());
        let info = KeyInfo::PAIRWISE.with(KeyInfo::INSTALL).with(GROUP_1);
        let draft = Draft {
            key_length: self.parties.key_length(),
            nonce: state.anonce,
            rsc: self.group.rsc,
            key_data: &wrap_key_data(&state.ptk.kek, &mut key_data),
            ..Draft::new(info, self.counter)
        };
        self.parties.build(draft, Some(&state.ptk.kck))
    }

    /// 802.11-2020 12.7.7.2.
    fn group_message_1(&self, ptk: &Ptk) -> Vec<u8> {
        let mut key_data = KeyDataWriter::new();
        key_data.kde(&self.gtk_kde());
        let draft = Draft {
            rsc: self.group.rsc,
            key_data: &wrap_key_data(&ptk.kek, &mut key_data),
            ..Draft::new(GROUP_1, self.counter)
        };
        self.parties.build(draft, Some(&ptk.kck))
    }

    fn gtk_kde(&self) -> Kde<'_> {
        Kde::Gtk { key_id: self.group.key_id, tx: false, key: self.group.gtk.expose() }
    }

    fn attempts(&self) -> Option<&Attempts> {
        match &self.state {
            State::AwaitM2 { m1, .. } => Some(m1),
            State::AwaitM4(state) => Some(&state.m3),
            State::Established { group_update, .. } => group_update.as_ref(),
            State::Idle | State::Failed => None,
        }
    }

    fn attempts_mut(&mut self) -> Option<&mut Attempts> {
        match &mut self.state {
            State::AwaitM2 { m1, .. } => Some(m1),
            State::AwaitM4(state) => Some(&mut state.m3),
            State::Established { group_update, .. } => group_update.as_mut(),
            State::Idle | State::Failed => None,
        }
    }

    /// The keys go with the state.
    fn fail(&mut self, failure: HandshakeFailure) {
        self.state = State::Failed;
        self.transmits.clear();
        self.events.push_back(AuthenticatorEvent::Failed(failure));
    }
}

/// Key Information of group message 1, and of message 3 but for the bits that make it pairwise.
const GROUP_1: KeyInfo = KeyInfo::ACK.with(KeyInfo::MIC).with(KeyInfo::SECURE).with(KeyInfo::ENCRYPTED);
