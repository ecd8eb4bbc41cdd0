//! The handshake of a WPA2 association, and the keys that it brings.

use std::time::Duration;

use crate::crypto::Cipher;
use crate::mac::{DropReason, Outgoing, PairwiseSa, SaId, TxContext};
use crate::rsn::{Akm, HandshakeFailure, Pmk, Supplicant, SupplicantConfig, SupplicantEvent};
use crate::sta::association::Association;
use crate::sta::config::{LinkEnd, LinkEvent};
use crate::sta::link::{Link, Origin, Phase};
use crate::time::Instant;
use crate::wire::element::{ElementsBuf, Rsn};
use crate::wire::management::Leave;
use crate::wire::{MacAddr, ManagementBody};

/// An AP installs a key when it has read message 4, and drops what comes under it before.
const SETTLE: Duration = Duration::from_millis(50);

/// A supplicant that waits for message 1.
pub(super) fn supplicant(
    now: Instant,
    aa: MacAddr,
    spa: MacAddr,
    pmk: Pmk,
    ap_elements: Vec<u8>,
) -> Supplicant {
    let mut supplicant = Supplicant::new(SupplicantConfig {
        aa,
        spa,
        pmk,
        akm: Akm::Psk,
        pairwise: Cipher::Ccmp128,
        group: Cipher::Ccmp128,
        ap_elements,
        sta_elements: rsn_element(),
    });
    supplicant.start(now);
    supplicant
}

/// The RSN element of our association request.
pub(super) fn rsn_element() -> Vec<u8> {
    let mut elements = ElementsBuf::new();
    elements.writer().put(&Rsn::WPA2_PSK);
    elements.into_bytes()
}

impl Link {
    pub(super) fn eapol(&mut self, pdu: &[u8], protected: bool) -> Result<(), DropReason> {
        let Phase::Associated(association) = &mut self.phase else { return Err(DropReason::EapolRejected) };
        let supplicant = association.supplicant.as_mut().ok_or(DropReason::EapolRejected)?;
        let result = supplicant.handle_eapol(self.now, pdu, protected, &mut *self.random);
        // A message that was refused may have ended the handshake.
        self.settle();
        result.map_err(|_| DropReason::EapolRejected)
    }

    /// Sends what the handshake wants sent, then takes its keys, in this order.
    pub(super) fn settle(&mut self) {
        let id = self.sa_ids.next();
        let mut frames = Vec::new();
        let settled = self.with_association(|association, context| {
            let opened = association.settle(id, context, &mut frames);
            (opened, association.id, association.target.bssid, association.aid)
        });
        let Some((opened, association, bssid, aid)) = settled else { return };
        for outgoing in frames {
            self.send(Origin::Association(association), outgoing);
        }
        match opened {
            Ok(true) => self.joined(bssid, aid),
            Ok(false) => self.schedule(),
            Err(failure) => {
                let leave = ManagementBody::Deauthentication(Leave::new(failure.reason()));
                self.send_management(bssid, &leave);
                self.ended(LinkEnd::Handshake(failure));
            }
        }
    }

    /// Asks for a new pairwise key when the packet numbers of this one come to their end (SEC-K12).
    pub(super) fn renew_key(&mut self) {
        let Phase::Associated(association) = &mut self.phase else { return };
        let due = association.peer.pairwise().is_some_and(PairwiseSa::needs_rekey);
        if due
            && !association.rekey_requested
            && let Some(supplicant) = &mut association.supplicant
        {
            association.rekey_requested = true;
            supplicant.request_rekey();
            self.settle();
        }
    }

    /// Data can flow.
    pub(super) fn joined(&mut self, bssid: MacAddr, aid: u16) {
        (self.failures, self.left) = (0, None);
        self.event(LinkEvent::Connected { bssid, aid });
    }
}

impl Association {
    /// The AP has had the time to install a key that replaces another. Says whether data may flow again.
    pub(super) fn settled(&mut self, now: Instant) -> bool {
        let over = self.settling.is_some_and(|until| until <= now || !self.peer.holds_data());
        if over {
            self.peer.release_data();
            self.settling = None;
        }
        over
    }

    /// Builds what the handshake wants sent and takes what it has brought; says whether the port opened just now. `id`
    /// is the name of a key that may come.
    fn settle(
        &mut self,
        id: SaId,
        context: &mut TxContext<'_>,
        frames: &mut Vec<Outgoing>,
    ) -> Result<bool, HandshakeFailure> {
        let Self { supplicant: Some(supplicant), peer, group, .. } = self else { return Ok(false) };
        let mut opened = false;
        while let Some(eapol) = supplicant.poll_transmit() {
            match peer.eapol_frame(context, &eapol.pdu, eapol.protected) {
                Ok(outgoing) => frames.push(outgoing),
                Err(reason) => context.drops.count(reason),
            }
        }
        while let Some(event) = supplicant.poll_event() {
            match event {
                SupplicantEvent::InstallPairwise { tk, cipher } => {
                    let id = self.pending.take().unwrap_or(id);
                    self.rekey_requested = false;
                    // Without a key the port stays closed; the supplicant derives none that cannot be used.
                    let again = peer.pairwise().is_some();
                    if let Ok(sa) = PairwiseSa::new(id, cipher, tk.expose()) {
                        peer.install_pairwise(context.now, sa);
                    }
                    if again {
                        peer.hold_data();
                        self.settling = Some(context.now + SETTLE);
                    }
                }
                SupplicantEvent::InstallGroup(data) => {
                    // What comes under a key that cannot be used is dropped by name.
                    let _ = group.install(Cipher::Ccmp128, data.gtk.expose(), data.key_id, data.rsc);
                }
                SupplicantEvent::Authorized => {
                    peer.open_port();
                    opened = peer.is_port_open();
                }
                SupplicantEvent::Failed(failure) => return Err(failure),
            }
        }
        if supplicant.holds_data() && self.pending.is_none() {
            self.pending = Some(id);
            peer.begin_rekey(id);
        }
        Ok(opened)
    }
}
