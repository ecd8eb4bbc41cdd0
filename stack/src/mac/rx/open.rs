//! The step that opens a frame: decryption and replay, or the few cases in which plaintext is taken.

use super::{Header, Opened};
use crate::crypto::{CipherHeader, UnprotectError};
use crate::mac::association::PairwiseSa;
use crate::mac::peer::{Bss, Peer, Role};
use crate::mac::{DropReason, GroupRx, Msdu};
use crate::time::Instant;

/// Opens the frame in place, or says why it stays closed.
pub(super) fn open(
    peer: &mut Peer,
    group: Option<&mut GroupRx>,
    now: Instant,
    bss: Bss,
    header: &Header,
    mpdu: &mut [u8],
) -> Result<Opened, DropReason> {
    match (header.control.protected(), peer.config.protected) {
        (true, true) if header.addr1.is_group() => open_group(group.ok_or(DropReason::NoKey)?, header, mpdu),
        (true, true) => open_pairwise(peer, now, header, mpdu),
        (true, false) => Err(DropReason::ProtectedUnexpectedly),
        (false, true) => {
            plaintext(peer, bss, header, mpdu)?;
            Ok(Opened { body: header.len..mpdu.len(), under: None })
        }
        (false, false) => Ok(Opened { body: header.len..mpdu.len(), under: None }),
    }
}

/// In a protected association only one kind of plaintext is taken: EAPOL to us while the handshake runs, whole and
/// alone (SEC-D1, SEC-D2, SEC-D7). For an AP the handshake ends when the port opens, and while a rekey is under way there
/// is one again: stations send its message 4 in plaintext. An AP may repeat message 3 because our message 4 was lost, so
/// a station waits until the AP has used the key.
fn plaintext(peer: &Peer, bss: Bss, header: &Header, mpdu: &[u8]) -> Result<(), DropReason> {
    if header.is_fragment() {
        return Err(DropReason::PlaintextFragment);
    }
    if header.is_amsdu() {
        return Err(DropReason::PlaintextAmsdu);
    }
    let heard = peer.pairwise.as_ref().is_some_and(|sa| sa.heard);
    let handshake = !peer.is_port_open() || peer.pending.is_some() || (bss.role == Role::Station && !heard);
    let eapol = is_whole_eapol(header, mpdu.get(header.len..).unwrap_or_default());
    if handshake && eapol && !header.addr1.is_group() {
        return Ok(());
    }
    Err(DropReason::Unprotected)
}

fn is_whole_eapol(header: &Header, body: &[u8]) -> bool {
    let (destination, source) = header.ends();
    let alone = !header.is_fragment() && !header.is_amsdu();
    alone && Msdu::from_body(destination, source, body).is_ok_and(|msdu| msdu.is_eapol())
}

fn open_pairwise(
    peer: &mut Peer,
    now: Instant,
    header: &Header,
    mpdu: &mut [u8],
) -> Result<Opened, DropReason> {
    let current = peer.pairwise.as_mut().ok_or(DropReason::NoKey)?;
    if peer.previous.as_ref().is_some_and(|(_, until)| now > *until) {
        peer.previous = None;
    }
    let Some((old, _)) = &mut peer.previous else {
        let result = unlock(current, header, mpdu);
        peer.held &= result.is_err();
        return result;
    };
    // both keys have the same key ID: which one it is shows only in the MIC, and a failed attempt destroys the frame
    let copy = mpdu.to_vec();
    let result = unlock(current, header, mpdu);
    if result.is_ok() {
        (peer.previous, peer.held) = (None, false);
        return result;
    }
    mpdu.copy_from_slice(&copy);
    unlock(old, header, mpdu).or(result)
}

/// Opens a frame that [was passed over](was_passed_over), in place.
pub(super) fn open_late(peer: &mut Peer, header: &Header, mpdu: &mut [u8]) -> Result<Opened, DropReason> {
    if !was_passed_over(peer, header, mpdu) {
        return Err(DropReason::Replay);
    }
    let Some(sa) = peer.pairwise.as_mut().filter(|_| header.control.protected()) else {
        return Ok(Opened { body: header.len..mpdu.len(), under: None });
    };
    let opened = sa.key.unprotect(header.len, mpdu).map_err(reason)?;
    if !sa.rx.accept_late(header.replay_space(), opened.pn) {
        return Err(DropReason::Replay);
    }
    Ok(Opened { body: opened.payload, under: Some((sa.id, opened.pn)) })
}

/// Whether a frame is new though some that were sent after it were taken: whole, by its sequence number, and where it is
/// protected by its packet number under the key in use. A sender that encrypts an MSDU anew does not give it a new sequence
/// number.
pub(super) fn was_passed_over(peer: &Peer, header: &Header, mpdu: &[u8]) -> bool {
    let unicast = !header.addr1.is_group() && !header.is_null;
    if !unicast || header.is_fragment() || !peer.duplicates.was_missed(header.space(), header.sequence) {
        return false;
    }
    match (header.control.protected(), peer.config.protected, &peer.pairwise) {
        (true, true, Some(sa)) if sa.rx_known => CipherHeader::peek(mpdu, header.len).is_ok_and(|cipher| {
            cipher.key_id == sa.key_id && sa.rx.was_missed(header.replay_space(), cipher.pn)
        }),
        (protected, wanted, _) => !protected && !wanted,
    }
}

fn unlock(sa: &mut PairwiseSa, header: &Header, mpdu: &mut [u8]) -> Result<Opened, DropReason> {
    let CipherHeader { pn, key_id } = CipherHeader::peek(mpdu, header.len).map_err(reason)?;
    if key_id != sa.key_id {
        return Err(DropReason::UnknownKeyId);
    }
    let space = header.replay_space();
    if !sa.rx.is_new(space, pn) {
        return Err(DropReason::Replay);
    }
    let opened = sa.key.unprotect(header.len, mpdu).map_err(reason)?;
    if !sa.rx.accept(space, pn) {
        return Err(DropReason::Replay);
    }
    if !sa.rx_known && !is_whole_eapol(header, mpdu.get(opened.payload.clone()).unwrap_or_default()) {
        return Err(DropReason::CountersUnknown);
    }
    sa.heard = true;
    Ok(Opened { body: opened.payload, under: Some((sa.id, pn)) })
}

fn open_group(keys: &mut GroupRx, header: &Header, mpdu: &mut [u8]) -> Result<Opened, DropReason> {
    let CipherHeader { pn, key_id } = CipherHeader::peek(mpdu, header.len).map_err(reason)?;
    let group = keys.key(key_id).ok_or(DropReason::UnknownKeyId)?;
    let space = header.replay_space();
    if !group.rx.is_new(space, pn) {
        return Err(DropReason::Replay);
    }
    let opened = group.key.unprotect(header.len, mpdu).map_err(reason)?;
    if !group.rx.accept(space, pn) {
        return Err(DropReason::Replay);
    }
    Ok(Opened { body: opened.payload, under: None })
}

const fn reason(error: UnprotectError) -> DropReason {
    match error {
        UnprotectError::Header(_) | UnprotectError::TooShort(_) => DropReason::Malformed,
        UnprotectError::NoExtIv | UnprotectError::MicFailure => DropReason::DecryptFailed,
    }
}
