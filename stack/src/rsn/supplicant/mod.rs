//! The station's side of the 4-way and group key handshakes (802.11-2020 12.7.6, 12.7.7).
//!
//! ```text
//!  Idle --start--> Handshake --M3--> Established --M1--> Handshake (under the old key) --M3--> Established
//!                     |                                      |
//!                     +-------------- timeout ---------------+--> Failed
//! ```
//!
//! Message 1 carries no MIC, so nothing that it says is kept: one nonce of ours serves a whole handshake, and the PTK
//! is derived again from what message 3 says, whose MIC proves it. A forged message 1 therefore displaces nothing
//! (SEC-K2).

mod receive;

use std::collections::VecDeque;
use std::time::Duration;

use crate::crypto::Cipher;
use crate::random::Random;
use crate::rsn::message::{Draft, Parties};
use crate::rsn::{Akm, EapolDrop, EapolTransmit, GroupKeyData, HandshakeFailure, Pmk, Ptk, TemporalKey};
use crate::time::Instant;
use crate::wire::MacAddr;
use crate::wire::eapol::KeyInfo;

/// Longer than any access point tries: 4 messages 1 and 4 messages 3, a second each.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Frames that wait to be fetched; more than one only if the caller does not fetch them.
const MAX_TRANSMITS: usize = 4;

/// What a [`Supplicant`] needs to know.
#[derive(Clone, Debug)]
pub struct SupplicantConfig {
    /// The access point's address: the BSSID.
    pub aa: MacAddr,
    /// Our address.
    pub spa: MacAddr,
    /// The pairwise master key.
    pub pmk: Pmk,
    /// The AKM suite that was chosen.
    pub akm: Akm,
    /// The pairwise cipher that was chosen.
    pub pairwise: Cipher,
    /// The group cipher of the BSS.
    pub group: Cipher,
    /// RSNE, and RSNXE if there is one, exactly as in the beacon or probe response that was chosen by.
    pub ap_elements: Vec<u8>,
    /// RSNE, and RSNXE if there is one, exactly as in the association request.
    pub sta_elements: Vec<u8>,
}

/// What a [`Supplicant`] has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SupplicantEvent {
    /// Install this pairwise key, Key ID 0, for receive and transmit, with packet numbers from the start. Comes once a
    /// key, whatever is retransmitted or replayed (SEC-K1). After a rekey the old key is deleted when the new one is
    /// in use (SEC-K11).
    InstallPairwise {
        /// The temporal key.
        tk: TemporalKey,
        /// Its cipher.
        cipher: Cipher,
    },
    /// Install this group key for receive, with its RSC as the highest packet number seen. Comes once a key (SEC-K3).
    InstallGroup(GroupKeyData),
    /// The controlled port opens. Comes once.
    Authorized,
    /// It is over: deauthenticate with [`HandshakeFailure::reason`]. The last event.
    Failed(HandshakeFailure),
}

/// The supplicant of one association. A new association takes a new one.
///
/// After every call that takes something in, take out what there is: first [`Self::poll_transmit`] until `None`, then
/// [`Self::poll_event`] until `None`, and ask for the deadline anew.
#[derive(Debug)]
pub struct Supplicant {
    parties: Parties,
    group_cipher: Cipher,
    ap_elements: Vec<u8>,
    sta_elements: Vec<u8>,
    state: State,
    /// Highest Key Replay Counter that came with a valid MIC.
    counter: Option<u64>,
    /// Of our own requests.
    request_counter: u64,
    last_snonce: Option<[u8; 32]>,
    /// By key ID: what is installed.
    groups: [Option<GroupKeyData>; 4],
    transmits: VecDeque<EapolTransmit>,
    events: VecDeque<SupplicantEvent>,
}

/// A key that is installed, and the nonce of the handshake it came from.
#[derive(Debug)]
struct Installed {
    ptk: Ptk,
    anonce: [u8; 32],
    /// It came by a rekey: what it was agreed with went encrypted.
    rekeyed: bool,
}

#[derive(Debug)]
enum State {
    Idle,
    /// `snonce` is drawn when the first message 1 comes.
    Handshake {
        current: Option<Box<Installed>>,
        snonce: Option<[u8; 32]>,
        deadline: Instant,
    },
    Established(Box<Installed>),
    Failed,
}

impl Supplicant {
    /// A supplicant that waits for [`Self::start`].
    pub fn new(config: SupplicantConfig) -> Self {
        let SupplicantConfig { aa, spa, pmk, akm, pairwise, group, ap_elements, sta_elements } = config;
        Self {
            parties: Parties { aa, spa, pmk, akm, pairwise },
            group_cipher: group,
            ap_elements,
            sta_elements,
            state: State::Idle,
            counter: None,
            request_counter: 0,
            last_snonce: None,
            groups: [const { None }; 4],
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Waits for message 1. Call it when the association response has come; only the first call counts.
    pub fn start(&mut self, now: Instant) {
        if matches!(self.state, State::Idle) {
            self.state = State::Handshake { current: None, snonce: None, deadline: now + HANDSHAKE_TIMEOUT };
        }
    }

    /// Takes an EAPOL PDU that came from the access point, from the EAPOL version on; `protected` says whether it
    /// came encrypted under the pairwise key.
    pub fn handle_eapol(
        &mut self,
        now: Instant,
        pdu: &[u8],
        protected: bool,
        random: &mut dyn Random,
    ) -> Result<(), EapolDrop> {
        self.receive(now, pdu, protected, random)
    }

    /// Gives up a handshake that takes too long. Spurious calls do no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|(deadline, _)| deadline <= now) {
            self.fail(HandshakeFailure::Timeout);
        }
    }

    /// Asks the access point for a new pairwise key, as when packet numbers run out (SEC-K12).
    pub fn request_rekey(&mut self) {
        let State::Established(installed) = &self.state else { return };
        self.request_counter += 1;
        let info = KeyInfo::PAIRWISE.with(KeyInfo::REQUEST).with(KeyInfo::MIC).with(KeyInfo::SECURE);
        let pdu = self.parties.build(Draft::new(info, self.request_counter), Some(&installed.ptk.kck));
        self.send(pdu, true);
    }

    /// A pairwise rekey is under way: hold data frames back until it is through (SEC-K11).
    pub const fn holds_data(&self) -> bool {
        matches!(&self.state, State::Handshake { current: Some(_), .. })
    }

    /// The next frame to send. Call until `None` after every other call.
    pub fn poll_transmit(&mut self) -> Option<EapolTransmit> {
        self.transmits.pop_front()
    }

    /// What happened. Nothing comes before [`Self::poll_transmit`] is drained, for message 4 is to be encrypted under
    /// the key that is installed before the event.
    pub fn poll_event(&mut self) -> Option<SupplicantEvent> {
        if self.transmits.is_empty() { self.events.pop_front() } else { None }
    }

    /// When to call [`Self::handle_timeout`]. May change after every other call.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        match &self.state {
            State::Handshake { deadline, .. } => Some((*deadline, "4-way handshake")),
            _ => None,
        }
    }

    fn send(&mut self, pdu: Vec<u8>, protected: bool) {
        if self.transmits.len() >= MAX_TRANSMITS {
            self.transmits.pop_front();
        }
        self.transmits.push_back(EapolTransmit { pdu, protected });
    }

    /// The keys go with the state.
    fn fail(&mut self, failure: HandshakeFailure) {
        self.state = State::Failed;
        self.groups = [const { None }; 4];
        self.transmits.clear();
        self.events.push_back(SupplicantEvent::Failed(failure));
    }
}
