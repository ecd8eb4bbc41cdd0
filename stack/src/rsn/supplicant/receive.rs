//! What a supplicant does with what the access point sends, one function a message.

use super::{HANDSHAKE_TIMEOUT, Installed, State, Supplicant, SupplicantEvent};
use crate::random::Random;
use crate::rsn::message::{Draft, Message, check_elements, fresh_nonce};
use crate::rsn::{EapolDrop, GroupKeyData, Gtk, HandshakeFailure, Ptk};
use crate::time::Instant;
use crate::wire::eapol::{EapolKey, Kde, KeyData, KeyDataItem, KeyInfo};

impl Supplicant {
    pub(super) fn receive(
        &mut self,
        now: Instant,
        pdu: &[u8],
        protected: bool,
        random: &mut dyn Random,
    ) -> Result<(), EapolDrop> {
        let (key, message) = self.parties.parse(pdu)?;
        let result = match message {
            Message::M1 => self.message_1(now, &key, protected, random),
            Message::M3 => self.message_3(&key, protected),
            Message::Group1 => self.group_message_1(&key, protected),
            _ => Err(EapolDrop::Unexpected),
        };
        if result == Err(EapolDrop::ElementMismatch) {
            self.fail(HandshakeFailure::ElementMismatch);
        }
        result
    }

    /// 802.11-2020 12.7.6.2. Nothing proves where it comes from, so no counter is taken from it.
    fn message_1(
        &mut self,
        now: Instant,
        key: &EapolKey<'_>,
        protected: bool,
        random: &mut dyn Random,
    ) -> Result<(), EapolDrop> {
        if self.counter.is_some_and(|counter| key.replay_counter() <= counter) {
            return Err(EapolDrop::ReplayCounter);
        }
        let known = match &self.state {
            State::Handshake { current, snonce, .. } => {
                check_rekey(current.as_deref(), key, protected)?;
                *snonce
            }
            State::Established(installed) => {
                check_rekey(Some(installed), key, protected)?;
                None
            }
            State::Idle | State::Failed => return Err(EapolDrop::Unexpected),
        };
        let snonce = match known {
            Some(snonce) => snonce,
            None => fresh_nonce(random, self.last_snonce.as_ref()).ok_or(EapolDrop::WeakKey)?,
        };
        let ptk = self.parties.derive(key.nonce(), &snonce)?;
        self.last_snonce = Some(snonce);
        self.enter_handshake(now, snonce);
        let info = KeyInfo::PAIRWISE.with(KeyInfo::MIC);
        let draft = Draft {
            nonce: snonce,
            key_data: &self.sta_elements,
            ..Draft::new(if protected { info.with(KeyInfo::SECURE) } else { info }, key.replay_counter())
        };
        let pdu = self.parties.build(draft, Some(&ptk.kck));
        self.send(pdu, protected);
        Ok(())
    }

    fn enter_handshake(&mut self, now: Instant, nonce: [u8; 32]) {
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Established(installed) => State::Handshake {
                current: Some(installed),
                snonce: Some(nonce),
                deadline: now + HANDSHAKE_TIMEOUT,
            },
            State::Handshake { current, deadline, .. } => {
                State::Handshake { current, snonce: Some(nonce), deadline }
            }
            state => state,
        };
    }

    /// 802.11-2020 12.7.6.4.
    fn message_3(&mut self, key: &EapolKey<'_>, protected: bool) -> Result<(), EapolDrop> {
        if self.counter.is_some_and(|counter| key.replay_counter() <= counter) {
            return Err(EapolDrop::ReplayCounter);
        }
        match &self.state {
            State::Handshake { current: Some(installed), .. } | State::Established(installed)
                if installed.anonce == *key.nonce() =>
            {
                self.message_3_again(key, protected)
            }
            State::Handshake { current, snonce: Some(snonce), .. } => {
                if current.is_some() && !protected {
                    return Err(EapolDrop::Plaintext);
                }
                let ptk = self.parties.derive(key.nonce(), snonce)?;
                self.first_message_3(key, protected, ptk)
            }
            _ => Err(EapolDrop::Unexpected),
        }
    }

    fn first_message_3(&mut self, key: &EapolKey<'_>, protected: bool, ptk: Ptk) -> Result<(), EapolDrop> {
        let verified = self.parties.verify(&ptk.kck, key)?;
        let key_data = verified.encrypted_key_data(&ptk.kek)?;
        check_elements(&self.ap_elements, &key_data)?;
        let group = self.group_key(key, &key_data)?;

        self.counter = Some(key.replay_counter());
        self.answer(&ptk, KeyInfo::PAIRWISE, protected);
        let cipher = self.parties.pairwise;
        self.events.push_back(SupplicantEvent::InstallPairwise { tk: ptk.tk.clone(), cipher });
        self.install_group(group);
        let installed = Box::new(Installed { ptk, anonce: *key.nonce(), rekeyed: protected });
        let before = std::mem::replace(&mut self.state, State::Established(installed));
        if let State::Handshake { current: None, .. } = before {
            self.events.push_back(SupplicantEvent::Authorized);
        }
        Ok(())
    }

    /// SEC-K1: our message 4 got lost. It is sent again, and no key is touched.
    fn message_3_again(&mut self, key: &EapolKey<'_>, protected: bool) -> Result<(), EapolDrop> {
        let (State::Handshake { current: Some(installed), .. } | State::Established(installed)) = &self.state
        else {
            return Err(EapolDrop::Unexpected);
        };
        if installed.rekeyed && !protected {
            return Err(EapolDrop::Plaintext);
        }
        let ptk = installed.ptk.clone();
        let verified = self.parties.verify(&ptk.kck, key)?;
        let key_data = verified.encrypted_key_data(&ptk.kek)?;
        check_elements(&self.ap_elements, &key_data)?;
        let group = self.group_key(key, &key_data)?;
        self.counter = Some(key.replay_counter());
        self.answer(&ptk, KeyInfo::PAIRWISE, protected);
        self.install_group(group);
        Ok(())
    }

    /// 802.11-2020 12.7.7.2.
    fn group_message_1(&mut self, key: &EapolKey<'_>, protected: bool) -> Result<(), EapolDrop> {
        let (State::Handshake { current: Some(installed), .. } | State::Established(installed)) = &self.state
        else {
            return Err(EapolDrop::Unexpected);
        };
        if !protected {
            return Err(EapolDrop::Plaintext);
        }
        if self.counter.is_some_and(|counter| key.replay_counter() <= counter) {
            return Err(EapolDrop::ReplayCounter);
        }
        let ptk = installed.ptk.clone();
        let verified = self.parties.verify(&ptk.kck, key)?;
        let group = self.group_key(key, &verified.encrypted_key_data(&ptk.kek)?)?;
        self.counter = Some(key.replay_counter());
        self.answer(&ptk, KeyInfo(0), true);
        self.install_group(group);
        Ok(())
    }

    /// Message 4, or group message 2.
    fn answer(&mut self, ptk: &Ptk, kind: KeyInfo, protected: bool) {
        let info = kind.with(KeyInfo::MIC).with(KeyInfo::SECURE);
        let draft = Draft::new(info, self.counter.unwrap_or_default());
        let pdu = self.parties.build(draft, Some(&ptk.kck));
        self.send(pdu, protected);
    }

    /// The group key in decrypted key data.
    fn group_key(&self, key: &EapolKey<'_>, key_data: &[u8]) -> Result<GroupKeyData, EapolDrop> {
        let mut found = None;
        for item in KeyData::new(key_data) {
            if let KeyDataItem::Kde(Kde::Gtk { key_id, key, .. }) = item.map_err(|_| EapolDrop::KeyData)? {
                found = found.or(Some((key_id, key)));
            }
        }
        let (key_id, bytes) = found.ok_or(EapolDrop::KeyData)?;
        if bytes.len() != self.group_cipher.key_len() {
            return Err(EapolDrop::KeyData);
        }
        let gtk = Gtk::new(bytes).map_err(|_| EapolDrop::WeakKey)?;
        Ok(GroupKeyData { gtk, key_id, rsc: key.rsc() })
    }

    /// SEC-K3, SEC-K4: a key that is installed stays as it is, and so do the packet numbers received under it.
    fn install_group(&mut self, group: GroupKeyData) {
        if self.groups.iter().flatten().any(|installed| installed.gtk == group.gtk) {
            return;
        }
        if let Some(slot) = self.groups.get_mut(usize::from(group.key_id)) {
            *slot = Some(group.clone());
            self.events.push_back(SupplicantEvent::InstallGroup(group));
        }
    }
}

/// A rekey must come under the installed key, and with a nonce that the installed key was not made from.
fn check_rekey(current: Option<&Installed>, key: &EapolKey<'_>, protected: bool) -> Result<(), EapolDrop> {
    match current {
        Some(_) if !protected => Err(EapolDrop::Plaintext),
        Some(installed) if installed.anonce == *key.nonce() => Err(EapolDrop::WeakKey),
        _ => Ok(()),
    }
}
