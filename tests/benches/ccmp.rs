//! CCMP-128 against plain `ccm` of RustCrypto, one frame at a time and 32 in a batch:
//! `cargo bench -p airloom-tests --bench ccmp`.
//!
//! The peer gets nonce and AAD for nothing; ours makes them from the MAC header, and writes cipher header and MIC too.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;

use ccm::aead::{AeadInOut, KeyInit};
use ccm::consts::{U8, U13};
use stack::crypto::{Cipher, CipherKey, ProtectJob, UnprotectJob};
use tests::bench::compare;

type Peer = ccm::Ccm<aes::Aes128, U8, U13>;

const BATCH: usize = 32;
const KEY: [u8; 16] = [0x5a; 16];
const HEADER: [u8; 26] = [0x88, 1, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 0, 5, 0];

fn main() {
    for len in [64, 256, 1500] {
        encrypt(len);
        decrypt(len);
    }
}

fn encrypt(len: usize) {
    let (peer, ours) = (Peer::new(&KEY.into()), CipherKey::new(Cipher::Ccmp128, &KEY).unwrap());
    let plaintext = vec![0x33; len];
    let mut buffer = plaintext.clone();
    let (mut out, mut outs) = (Vec::new(), vec![Vec::new(); BATCH]);
    compare(
        &format!("encrypt {len} B"),
        BATCH,
        &mut [
            ("ccm", &mut || {
                for _ in 0..BATCH {
                    buffer.copy_from_slice(&plaintext);
                    let tag =
                        peer.encrypt_inout_detached(&[7; 13].into(), &[9; 24], (&mut buffer[..]).into());
                    black_box((&buffer, tag.unwrap()));
                }
            }),
            ("ours, one at a time", &mut || {
                for pn in 0..BATCH as u64 {
                    out.clear();
                    ours.protect(pn, 0, &HEADER, &plaintext, &mut out).unwrap();
                    black_box(&out);
                }
            }),
            ("ours, in a batch", &mut || {
                let mut jobs: Vec<_> =
                    (0..).zip(&mut outs).map(|(pn, out)| job(pn, &plaintext, out)).collect();
                ours.protect_batch(&mut jobs);
                black_box(&jobs);
            }),
        ],
    );
}

fn job<'a>(pn: u64, plaintext: &'a [u8], out: &'a mut Vec<u8>) -> ProtectJob<'a> {
    out.clear();
    ProtectJob { pn, key_id: 0, header: &HEADER, plaintext, out, result: Ok(()) }
}

fn decrypt(len: usize) {
    let (peer, ours) = (Peer::new(&KEY.into()), CipherKey::new(Cipher::Ccmp128, &KEY).unwrap());
    let mut protected = vec![0x33; len];
    let tag = peer.encrypt_inout_detached(&[7; 13].into(), &[9; 24], (&mut protected[..]).into()).unwrap();
    let mut mpdu = Vec::new();
    ours.protect(1, 0, &HEADER, &vec![0x33; len], &mut mpdu).unwrap();
    let (mut buffer, mut copy, mut copies) = (protected.clone(), mpdu.clone(), vec![mpdu.clone(); BATCH]);
    compare(
        &format!("decrypt {len} B"),
        BATCH,
        &mut [
            ("ccm", &mut || {
                for _ in 0..BATCH {
                    buffer.copy_from_slice(&protected);
                    let nonce = [7; 13].into();
                    peer.decrypt_inout_detached(&nonce, &[9; 24], (&mut buffer[..]).into(), &tag).unwrap();
                    black_box(&buffer);
                }
            }),
            ("ours, one at a time", &mut || {
                for _ in 0..BATCH {
                    copy.copy_from_slice(&mpdu);
                    black_box(ours.unprotect(HEADER.len(), &mut copy).unwrap());
                }
            }),
            ("ours, in a batch", &mut || {
                let jobs = copies.iter_mut().map(|copy| {
                    copy.copy_from_slice(&mpdu);
                    UnprotectJob { header_len: HEADER.len(), mpdu: copy, result: None }
                });
                let mut jobs: Vec<_> = jobs.collect();
                ours.unprotect_batch(&mut jobs);
                black_box(&jobs);
            }),
        ],
    );
}
