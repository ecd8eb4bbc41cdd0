//! An authenticator that moves to another host, between handshakes.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Authenticator, AuthenticatorConfig, State};
use crate::crypto::Cipher;
use crate::rsn::message::Parties;
use crate::rsn::{Akm, Ptk};
use crate::time::Instant;
use crate::wire::record::record;

/// What goes along: everything but the PMK, which the other host has of its own, and what both can work out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthenticatorRecord {
    pub(crate) akm: Akm,
    pub(crate) cipher: Cipher,
    pub(crate) ptk: Ptk,
    /// Key Replay Counter of the last frame sent.
    pub(crate) counter: u64,
    last_anonce: Option<[u8; 32]>,
    last_request: Option<Request>,
    sta_elements: Vec<u8>,
}

/// A request of the station that was honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    counter: u64,
    age: Duration,
}

record!(AuthenticatorRecord { akm, cipher, ptk, counter, last_anonce, last_request, sta_elements });
record!(Request { counter, age });

impl Authenticator {
    /// What goes along; `None` while a handshake runs (SEC-H10).
    pub(crate) fn record(&self, now: Instant) -> Option<AuthenticatorRecord> {
        let State::Established { current, .. } = &self.state else { return None };
        self.is_settled().then(|| AuthenticatorRecord {
            akm: self.parties.akm,
            cipher: self.parties.pairwise,
            ptk: current.clone(),
            counter: self.counter,
            last_anonce: self.last_anonce,
            last_request: self.last_request.map(|(counter, at)| Request { counter, age: now.since(at) }),
            sta_elements: self.sta_elements.clone(),
        })
    }

    /// The authenticator as it was. Of the configuration, suites and the station's elements are those of the record.
    pub(crate) fn restore(now: Instant, config: AuthenticatorConfig, record: AuthenticatorRecord) -> Self {
        let AuthenticatorConfig { aa, spa, pmk, group, ap_elements, .. } = config;
        let last_request = record.last_request.map(|Request { counter, age }| (counter, now - age));
        Self {
            parties: Parties { aa, spa, pmk, akm: record.akm, pairwise: record.cipher },
            ap_elements,
            sta_elements: record.sta_elements,
            group,
            group_generation: 0,
            group_done: 0,
            state: State::Established { current: record.ptk, group_update: None },
            counter: record.counter,
            last_anonce: record.last_anonce,
            last_request,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }
}
