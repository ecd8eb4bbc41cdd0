//! Handshakes of stations: what they send and say, and when keys are replaced (SEC-K11, SEC-K12).

use std::time::Duration;

use crate::ap::admission::Pair;
use crate::ap::block::Place;
use crate::ap::radio::{ApRadio, Parting};
use crate::ap::virtual_ap::{Rekey, Station};
use crate::mac::{DropReason, PairwiseSa, SaId, TxContext, TxRange};
use crate::rsn::AuthenticatorEvent;
use crate::time::Instant;
use crate::wire::ReasonCode;

/// How long a pairwise rekey waits for what was queued before it.
const DRAIN: Duration = Duration::from_secs(1);
/// How long a station that sends nothing takes at most to install a key that it has confirmed.
const SETTLE: Duration = Duration::from_millis(50);

/// What came of looking at a handshake.
#[derive(Debug, Default)]
struct Outcome {
    opened: bool,
    failed: Option<ReasonCode>,
    rekey: bool,
    group_rekey: bool,
    group_done: bool,
}

impl ApRadio {
    /// EAPOL-Start and -Logoff are among what the handshake has no use for (SEC-M4).
    pub(super) fn eapol(&mut self, now: Instant, pair: Pair, pdu: &[u8], protected: bool) {
        let taken = self.ap_mut(pair.0).and_then(|ap| {
            let station = ap.stations.get_mut(&pair.1)?;
            station.update_rsc(ap.group.as_ref());
            station.authenticator.as_mut()?.handle_eapol(now, pdu, protected).ok()
        });
        if taken.is_none() {
            self.drops.count(DropReason::EapolRejected);
        }
        // A message that was refused may have ended the handshake.
        self.settle(now, pair);
    }

    /// Takes out what a station's handshake has to send and to say.
    pub(super) fn settle(&mut self, now: Instant, pair: Pair) {
        let key = (self.sa_ids.next(), self.config.fresh_keys);
        let outcome = self.with_ap(now, pair.0, |ap, context| {
            let station = ap.stations.get_mut(&pair.1)?;
            let outcome = station.settle(now, key, context);
            if outcome.opened {
                station.hand_group(now, ap.group.as_ref());
                station.send_eapol(context);
            }
            Some(outcome)
        });
        let Some(outcome) = outcome.flatten() else { return };
        self.note_deadline(pair);
        if outcome.opened {
            self.opened(pair);
        }
        if let Some(reason) = outcome.failed {
            self.leave(pair, reason, Parting::Deauthenticate);
            return;
        }
        self.wake(pair);
        if outcome.rekey {
            self.rekey_due(now, pair);
        }
        if outcome.group_done
            && let Some(ap) = self.ap_mut(pair.0)
        {
            ap.try_group_switch(now);
        }
        if outcome.group_rekey {
            self.rekey_group(now, pair.0);
        }
    }

    /// Lets the handshakes that are due see the time.
    pub(super) fn handshakes_due(&mut self, now: Instant) {
        while let Some(&(at, pair)) = self.agenda.handshakes.first()
            && at <= now
        {
            self.agenda.handshakes.pop_first();
            let station = self.ap_mut(pair.0).and_then(|ap| {
                let station = ap.stations.get_mut(&pair.1)?;
                station.update_rsc(ap.group.as_ref());
                Some(station)
            });
            if let Some(station) = station {
                station.handshake_due = None;
                if let Some(authenticator) = &mut station.authenticator {
                    authenticator.handle_timeout(now);
                }
                station.settled(now);
                self.settle(now, pair);
            }
        }
    }

    /// Replaces a group key that is old or whose packet numbers run low, and goes on with a replacement under way.
    pub(super) fn group_rekey_due(&mut self, now: Instant, place: Place) {
        let Some(ap) = self.ap_mut(place).filter(|ap| ap.has_time()) else { return };
        ap.try_group_switch(now);
        if ap.group_rekey_due(now) {
            self.rekey_group(now, place);
        }
    }

    /// Goes on with the replacement of a station's pairwise key, or begins it if it is due.
    pub(super) fn rekey_due(&mut self, now: Instant, pair: Pair) {
        let random = &mut *self.random;
        let slot = self.slots.get_mut(pair.0.index()).and_then(Option::as_deref_mut);
        // A handshake would hold up the move.
        let Some(ap) = slot.map(|slot| &mut slot.ap).filter(|ap| ap.has_time()) else { return };
        let age = ap.config.pairwise_rekey;
        let Some(station) = ap.stations.get_mut(&pair.1) else { return };
        if station.rekey == Rekey::None && station.wants_new_key(now, age) {
            let id = self.sa_ids.next();
            station.begin_rekey(now, id);
        }
        if let Rekey::Draining { id, until } = station.rekey
            && (now >= until || station.peer.has_drained())
        {
            station.rekey = Rekey::Handshake { id };
            if let Some(authenticator) = &mut station.authenticator {
                authenticator.rekey_pairwise(now, random);
            }
            self.settle(now, pair);
        }
    }

    fn rekey_group(&mut self, now: Instant, place: Place) {
        let (random, range) = (&mut *self.random, self.config.fresh_keys);
        let slot = self.slots.get_mut(place.index()).and_then(Option::as_deref_mut);
        let Some(ap) = slot.map(|slot| &mut slot.ap).filter(|ap| ap.has_time()) else { return };
        ap.begin_group_rekey(now, range, random);
        let stations: Vec<_> = ap.stations.keys().copied().collect();
        for station in stations {
            self.settle(now, (place, station));
        }
    }

    /// Keeps the list of deadlines in step with the handshake of a station.
    pub(super) fn note_deadline(&mut self, pair: Pair) {
        let slot = self.slots.get_mut(pair.0.index()).and_then(Option::as_deref_mut);
        let Some(station) = slot.and_then(|slot| slot.ap.stations.get_mut(&pair.1)) else { return };
        let unanswered = station.authenticator.as_ref().and_then(|machine| machine.poll_timeout());
        let settled = if let Rekey::Settling { until } = station.rekey { Some(until) } else { None };
        let due = unanswered.map(|(at, _)| at).into_iter().chain(settled).min();
        if let Some(before) = std::mem::replace(&mut station.handshake_due, due) {
            self.agenda.handshakes.remove(&(before, pair));
        }
        if let Some(due) = due {
            self.agenda.handshakes.insert((due, pair));
        }
    }
}

impl Station {
    /// Sends the messages of the handshake and does what it says; a new pairwise key has these packet numbers, and is
    /// named `id` unless it has a name already.
    fn settle(&mut self, now: Instant, (id, range): (SaId, TxRange), context: &mut TxContext<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        loop {
            self.send_eapol(context);
            let Some(event) = self.authenticator.as_mut().and_then(|machine| machine.poll_event()) else {
                return outcome;
            };
            match event {
                AuthenticatorEvent::InstallPairwise { tk, cipher } => {
                    let id = self.rekey.id().unwrap_or(id);
                    self.rekey = match self.rekey {
                        Rekey::Handshake { .. } => Rekey::Settling { until: now + SETTLE },
                        _ => Rekey::None,
                    };
                    match PairwiseSa::fresh(id, cipher, tk.expose(), range) {
                        Ok(sa) => self.peer.install_pairwise(now, sa),
                        Err(_) => outcome.failed = Some(ReasonCode::UNSPECIFIED),
                    }
                    if matches!(self.rekey, Rekey::Settling { .. }) {
                        self.peer.hold_data();
                    }
                    self.key_since = now;
                }
                AuthenticatorEvent::Authorized => {
                    self.peer.open_port();
                    (self.proven, outcome.opened, self.group_has) = (true, true, self.group_handed);
                }
                AuthenticatorEvent::Failed(failure) => outcome.failed = Some(failure.reason()),
                AuthenticatorEvent::GroupKeyDone => {
                    (self.group_has, outcome.group_done) = (self.group_handed, true);
                }
                AuthenticatorEvent::PairwiseRekeyRequested if self.rekey == Rekey::None => {
                    self.begin_rekey(now, id);
                    outcome.rekey = true;
                }
                AuthenticatorEvent::PairwiseRekeyRequested => {}
                AuthenticatorEvent::GroupRekeyRequested => outcome.group_rekey = true,
            }
        }
    }

    fn send_eapol(&mut self, context: &mut TxContext<'_>) {
        let Some(authenticator) = &mut self.authenticator else { return };
        while let Some(message) = authenticator.poll_transmit() {
            self.peer.enqueue_eapol(context, &message.pdu, message.protected);
        }
    }

    fn wants_new_key(&self, now: Instant, age: Option<Duration>) -> bool {
        let old = age.is_some_and(|age| now.since(self.key_since) >= age);
        let low = self.peer.pairwise().is_some_and(PairwiseSa::needs_rekey);
        self.peer.pairwise().is_some() && self.peer.is_port_open() && (old || low)
    }

    /// Ends a rekey whose key the station uses, or has had the time to install. Says whether it did.
    pub(super) fn settled(&mut self, now: Instant) -> bool {
        let Rekey::Settling { until } = self.rekey else { return false };
        let over = now >= until || !self.peer.holds_data();
        if over {
            self.peer.release_data();
            self.rekey = Rekey::None;
        }
        over
    }

    /// From now on data waits for the key that will be named `id` (SEC-K11).
    fn begin_rekey(&mut self, now: Instant, id: SaId) {
        self.peer.begin_rekey(id);
        self.rekey = Rekey::Draining { id, until: now + DRAIN };
    }
}

impl Rekey {
    const fn id(self) -> Option<SaId> {
        match self {
            Self::None | Self::Settling { .. } => None,
            Self::Draining { id, .. } | Self::Handshake { id } => Some(id),
        }
    }
}
