//! The frames of a capture, batch by batch.

use std::ops::Range;

use serde::Serialize;
use stack::rsn::{NetworkSecret, Observer};
use stack::wire::{Frame, FrameType};

use super::batch::{Arena, Try};
use super::report::Handshake;

/// CCMP and GCMP set the Extended IV bit; WEP does not, and TKIP sets it too.
const EXT_IV: u8 = 0x20;

/// What became of the frames.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// All.
    pub frames: u64,
    /// Could not be read as 802.11.
    pub malformed: u64,
    /// Had the Protected bit.
    pub protected: u64,
    /// Were decrypted, their MIC being right.
    pub decrypted: u64,
    /// Were protected by WEP, or by TKIP where that is known: not supported, and not safe.
    pub legacy: u64,
}

/// Follows handshakes and decrypts. Show it every frame with [`Self::frames`], in order.
pub struct Decryptor {
    observer: Observer,
    counts: Counts,
    arena: Arena,
    /// Where the plain MPDU of each frame of the batch is in the arena, if it could be decrypted.
    plain: Vec<Option<Range<usize>>>,
}

impl Decryptor {
    /// Knows these secrets, of the network `ssid`; without a name they are tried on every network whose name is heard.
    pub fn new(secrets: Vec<NetworkSecret>, ssid: Option<Vec<u8>>) -> Self {
        let observer = Observer::new(secrets);
        let observer = match ssid {
            Some(ssid) => observer.with_ssid(ssid),
            None => observer,
        };
        Self { observer, counts: Counts::default(), arena: Arena::default(), plain: Vec::new() }
    }

    /// What became of the frames so far.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The 4-way handshakes seen so far.
    pub fn handshakes(&self) -> Vec<Handshake> {
        self.observer.handshakes().iter().map(Handshake::from).collect()
    }

    /// Looks at the next MPDUs of the capture, `None` for a record without one. What could be decrypted is to be had from
    /// [`Self::plain`] until the next call.
    pub fn frames<'a>(&mut self, mpdus: impl Iterator<Item = Option<&'a [u8]>>) {
        let frames: Vec<_> = mpdus.map(|mpdu| Some((mpdu?, Frame::parse(mpdu?).ok()?))).collect();
        self.arena.clear();
        self.plain.clear();
        self.plain.resize(frames.len(), None);
        self.decrypt_ahead(&frames);
        // in order, since each may bring the keys of those that follow
        for (number, frame) in frames.iter().enumerate() {
            self.counts.frames += 1;
            match frame {
                Some((mpdu, frame)) if is_protected(frame) => self.protected(number, mpdu, frame),
                Some((_, frame)) => self.clear(frame),
                None => self.counts.malformed += 1,
            }
        }
    }

    /// The plain MPDU of a frame of the batch shown last, if it could be decrypted: Protected cleared, cipher header and
    /// MIC gone.
    pub fn plain(&self, number: usize) -> Option<&[u8]> {
        self.plain.get(number)?.as_ref().map(|range| self.arena.get(range))
    }

    /// Tries on each frame the likeliest of the keys that are known before the batch.
    fn decrypt_ahead(&mut self, frames: &[Option<(&[u8], Frame<'_>)>]) {
        let mut tries = Vec::with_capacity(frames.len());
        for (number, frame) in frames.iter().enumerate() {
            let Some((mpdu, frame)) = frame.as_ref().filter(|(_, frame)| is_protected(frame)) else {
                continue;
            };
            let (Some(to), Some(from), Some(key_id)) = (frame.addr1(), frame.addr2(), key_id(mpdu, frame))
            else {
                continue;
            };
            if let Some(key) = self.observer.keys(to, from, key_id).next() {
                tries.push(Try { key, header_len: frame.header_len(), mpdu, frame: number });
            }
        }
        let plain = &mut self.plain;
        self.arena.decrypt(&mut tries, |number, range| {
            plain.get_mut(number).into_iter().for_each(|slot| *slot = Some(range.clone()));
        });
    }

    fn clear(&mut self, frame: &Frame<'_>) {
        match frame {
            Frame::Management(frame) => {
                self.counts.malformed += u64::from(self.observer.handle_management(frame).is_err());
            }
            Frame::Data(frame) => self.observer.handle_data(frame, frame.payload()),
            Frame::Control(_) | Frame::Extension(_) => {}
        }
    }

    fn protected(&mut self, number: usize, mpdu: &[u8], frame: &Frame<'_>) {
        self.counts.protected += 1;
        if self.plain(number).is_none() {
            self.decrypt_by_any(number, mpdu, frame);
        }
        if let Some(range) = self.plain.get(number).and_then(Option::as_ref) {
            self.counts.decrypted += 1;
            // it may be part of a handshake that renews the keys
            if let Frame::Data(data) = frame {
                let plain = self.arena.get(range);
                self.observer.handle_data(data, plain.get(frame.header_len()..).unwrap_or_default());
            }
        }
    }

    /// Tries all keys that the frame may be under.
    fn decrypt_by_any(&mut self, number: usize, mpdu: &[u8], frame: &Frame<'_>) {
        let (Some(to), Some(from)) = (frame.addr1(), frame.addr2()) else { return };
        let Some(key_id) = key_id(mpdu, frame) else {
            self.counts.legacy += u64::from(mpdu.len() >= frame.header_len() + 4);
            return;
        };
        let mut found = None;
        for key in self.observer.keys(to, from, key_id) {
            let one = Try { key, header_len: frame.header_len(), mpdu, frame: number };
            self.arena.decrypt(&mut [one], |_, range| found = Some(range));
            if found.is_some() {
                break;
            }
        }
        self.counts.legacy += u64::from(found.is_none() && self.observer.is_tkip(to, from));
        self.plain.get_mut(number).into_iter().for_each(|slot| *slot = found.clone());
    }
}

fn is_protected(frame: &Frame<'_>) -> bool {
    frame.frame_control().protected() && frame.frame_control().frame_type() != FrameType::Control
}

/// The key ID of a frame that is protected by CCMP, GCMP or TKIP.
fn key_id(mpdu: &[u8], frame: &Frame<'_>) -> Option<u8> {
    let &[_, _, _, flags] = mpdu.get(frame.header_len()..)?.first_chunk::<4>()?;
    (flags & EXT_IV != 0).then_some(flags >> 6)
}
