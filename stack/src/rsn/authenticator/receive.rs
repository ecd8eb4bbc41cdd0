//! What an authenticator does with what the station sends, one function a message.

use super::{Attempts, Authenticator, AuthenticatorEvent, AwaitM4, REQUEST_INTERVAL, State};
use crate::rsn::message::{Message, check_elements};
use crate::rsn::{EapolDrop, HandshakeFailure, Ptk};
use crate::time::Instant;
use crate::wire::eapol::EapolKey;

impl Authenticator {
    pub(super) fn receive(&mut self, now: Instant, pdu: &[u8], protected: bool) -> Result<(), EapolDrop> {
        let (key, message) = self.parties.parse(pdu)?;
        let state = std::mem::replace(&mut self.state, State::Failed);
        // wpa_supplicant sends message 4 of a rekey in plaintext: for it, the new key is not installed yet. Its MIC is
        // under the new key.
        let answer = matches!((&state, &message), (State::AwaitM4(_), Message::M4));
        if state.current().is_some() && !protected && !answer {
            self.state = state;
            return Err(EapolDrop::Plaintext);
        }
        let (state, result) = match (state, message) {
            (State::AwaitM2 { current, anonce, m1 }, Message::M2) => {
                self.message_2(now, &key, current, anonce, m1)
            }
            (State::AwaitM4(state), Message::M2) => self.message_2_again(now, &key, state),
            (State::AwaitM4(state), Message::M4) => self.message_4(&key, *state),
            (State::Established { current, group_update: Some(sent) }, Message::Group2) => {
                self.group_message_2(&key, current, sent)
            }
            (State::Established { current, group_update }, Message::Request { pairwise }) => {
                let result = self.request(now, &key, &current, pairwise);
                (State::Established { current, group_update }, result)
            }
            (state, _) => (state, Err(EapolDrop::Unexpected)),
        };
        self.state = state;
        self.follow_up(now, result)
    }

    /// What can only be done when the new state is in place.
    fn follow_up(&mut self, now: Instant, result: Result<Next, EapolDrop>) -> Result<(), EapolDrop> {
        if result == Err(EapolDrop::ElementMismatch) {
            self.fail(HandshakeFailure::ElementMismatch);
        }
        match result? {
            Next::Nothing => {}
            Next::SendMessage3 => self.send_current(),
            Next::CheckGroup if self.group_done != self.group_generation => self.send_group(now),
            Next::CheckGroup => {}
        }
        Ok(())
    }

    /// 802.11-2020 12.7.6.3: first proof that the station has the PMK.
    fn message_2(
        &mut self,
        now: Instant,
        key: &EapolKey<'_>,
        current: Option<Ptk>,
        anonce: [u8; 32],
        m1: Attempts,
    ) -> (State, Result<Next, EapolDrop>) {
        match self.check_message_2(key, &anonce, &m1) {
            Ok(ptk) => {
                let state = AwaitM4 {
                    current,
                    anonce,
                    snonce: *key.nonce(),
                    ptk,
                    generation: self.group_generation,
                    m1,
                    m3: Attempts::first(self.counter + 1, now),
                };
                (State::AwaitM4(Box::new(state)), Ok(Next::SendMessage3))
            }
            Err(drop) => (State::AwaitM2 { current, anonce, m1 }, Err(drop)),
        }
    }

    /// A second message 2, to a retransmitted message 1. A station that has drawn a new nonce for it does not know
    /// the key of our message 3 any more: it gets another one.
    fn message_2_again(
        &mut self,
        now: Instant,
        key: &EapolKey<'_>,
        mut state: Box<AwaitM4>,
    ) -> (State, Result<Next, EapolDrop>) {
        if *key.nonce() == state.snonce {
            return (State::AwaitM4(state), Err(EapolDrop::Unexpected));
        }
        match self.check_message_2(key, &state.anonce, &state.m1) {
            Ok(ptk) => {
                state.ptk = ptk;
                state.snonce = *key.nonce();
                // Older answers are to the key that has gone. The tries are not forgotten: it ends in time.
                state.m3 = Attempts {
                    tries: state.m3.tries,
                    deadline: state.m3.deadline,
                    ..Attempts::first(self.counter + 1, now)
                };
                (State::AwaitM4(state), Ok(Next::SendMessage3))
            }
            Err(drop) => (State::AwaitM4(state), Err(drop)),
        }
    }

    fn check_message_2(
        &self,
        key: &EapolKey<'_>,
        anonce: &[u8; 32],
        m1: &Attempts,
    ) -> Result<Ptk, EapolDrop> {
        if !m1.is_answered_by(key.replay_counter()) {
            return Err(EapolDrop::ReplayCounter);
        }
        let ptk = self.parties.derive(anonce, key.nonce())?;
        let verified = self.parties.verify(&ptk.kck, key)?;
        check_elements(&self.sta_elements, verified.clear_key_data()?)?;
        Ok(ptk)
    }

    /// 802.11-2020 12.7.6.5: the station has installed the keys.
    fn message_4(&mut self, key: &EapolKey<'_>, state: AwaitM4) -> (State, Result<Next, EapolDrop>) {
        if !state.m3.is_answered_by(key.replay_counter()) {
            return (State::AwaitM4(Box::new(state)), Err(EapolDrop::ReplayCounter));
        }
        if let Err(drop) = self.parties.verify(&state.ptk.kck, key) {
            return (State::AwaitM4(Box::new(state)), Err(drop));
        }
        let AwaitM4 { current, ptk, generation, .. } = state;
        self.events.push_back(AuthenticatorEvent::InstallPairwise {
            tk: ptk.tk.clone(),
            cipher: self.parties.pairwise,
        });
        if current.is_none() {
            self.events.push_back(AuthenticatorEvent::Authorized);
        }
        self.group_reached(generation);
        (State::Established { current: ptk, group_update: None }, Ok(Next::CheckGroup))
    }

    /// 802.11-2020 12.7.7.3.
    fn group_message_2(
        &mut self,
        key: &EapolKey<'_>,
        current: Ptk,
        sent: Attempts,
    ) -> (State, Result<Next, EapolDrop>) {
        let answered = sent.is_answered_by(key.replay_counter());
        let result = match self.parties.verify(&current.kck, key) {
            _ if !answered => Err(EapolDrop::ReplayCounter),
            Err(drop) => Err(drop),
            Ok(_) => Ok(Next::Nothing),
        };
        let group_update = if result.is_ok() { None } else { Some(sent) };
        if result.is_ok() {
            self.group_reached(self.group_generation);
        }
        (State::Established { current, group_update }, result)
    }

    /// 802.11-2020 12.7.2, Request bit. Its replay counter is the station's own and counts apart from ours.
    fn request(
        &mut self,
        now: Instant,
        key: &EapolKey<'_>,
        current: &Ptk,
        pairwise: bool,
    ) -> Result<Next, EapolDrop> {
        self.parties.verify(&current.kck, key)?;
        if let Some((counter, at)) = self.last_request {
            if key.replay_counter() <= counter {
                return Err(EapolDrop::ReplayCounter);
            }
            if now.since(at) < REQUEST_INTERVAL {
                return Err(EapolDrop::RateLimited);
            }
        }
        self.last_request = Some((key.replay_counter(), now));
        self.events.push_back(if pairwise {
            AuthenticatorEvent::PairwiseRekeyRequested
        } else {
            AuthenticatorEvent::GroupRekeyRequested
        });
        Ok(Next::Nothing)
    }

    fn group_reached(&mut self, generation: u64) {
        if self.group_done != generation {
            self.group_done = generation;
            if generation == self.group_generation {
                self.events.push_back(AuthenticatorEvent::GroupKeyDone);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Nothing,
    SendMessage3,
    /// Was a new group key given in the meantime?
    CheckGroup,
}

impl State {
    /// The key that the station's frames must be encrypted under.
    fn current(&self) -> Option<&Ptk> {
        match self {
            Self::AwaitM2 { current, .. } => current.as_ref(),
            Self::AwaitM4(state) => state.current.as_ref(),
            Self::Established { current, .. } => Some(current),
            Self::Idle | Self::Failed => None,
        }
    }
}
