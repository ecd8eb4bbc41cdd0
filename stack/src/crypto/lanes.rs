//! CCM (RFC 3610) with the parameters of CCMP, over several messages side by side.
//!
//! The CBC-MAC of CCM is one long chain of dependent blocks, and leaves most of an AES unit idle. The chains of several
//! messages do not depend on each other: they run side by side, a block of each at a time. All that is done for a group
//! of messages is done in one visit to the cipher's backend, which on some machines is dear to enter.

use std::array::from_fn;
use std::cmp::Reverse;

use aes::Block;
use aes::cipher::consts::U16;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, InOutBuf,
};

use super::aad::HeaderFields;

/// Messages whose chains run side by side: what the AES units of today have in flight.
const LANES: usize = 8;
/// Keystream blocks made in one go: the widest backend takes so many.
const STREAM: usize = 64;
/// CBC-MAC blocks before the payload: B_0 and two of AAD, for any header that 802.11 has.
const PREFIX: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Encrypt,
    Decrypt,
}

/// One message: its payload, encrypted or decrypted in place, and its MIC.
#[derive(Default)]
pub(super) struct Message<'a> {
    prefix: [[u8; 16]; PREFIX],
    /// The counter block of counter 0, little-endian.
    counter: u128,
    payload: &'a mut [u8],
    mic: [u8; 16],
}

impl<'a> Message<'a> {
    /// B_0, then the AAD behind its two-byte length, padded with zeroes (RFC 3610 2.2).
    pub(super) fn new(fields: &HeaderFields, pn: u64, mic_len: usize, payload: &'a mut [u8]) -> Self {
        let flags = if mic_len == 8 { 0x59 } else { 0x79 };
        let [high, low] = u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes();
        let nonce = fields.ccm_nonce(pn);
        let [first, second] = fields.ccm_aad_blocks();
        let [a, b, c, d, e, f, g, h, i, j, k, l, m] = nonce;
        let prefix = [[flags, a, b, c, d, e, f, g, h, i, j, k, l, m, high, low], first, second];
        let counter = u128::from_le_bytes([0x01, a, b, c, d, e, f, g, h, i, j, k, l, m, 0, 0]);
        Self { prefix, counter, payload, mic: [0; 16] }
    }

    /// How many blocks of keystream it takes: the first is for the MIC.
    const fn stream_len(&self) -> usize {
        1 + self.payload.len().div_ceil(16)
    }

    fn counter_block(&self, counter: usize) -> Block {
        // no payload is longer than a 16-bit counter reaches
        let counter = u16::try_from(counter).unwrap_or(u16::MAX);
        Block::from((self.counter | u128::from(counter.to_be()) << 112).to_le_bytes())
    }

    /// Combines with the keystream from block `first` on.
    #[inline(always)]
    fn apply(&mut self, first: usize, stream: &[Block]) {
        let (start, stream) = match (first.checked_sub(1), stream.split_first()) {
            (Some(block), _) => (block * 16, stream),
            (None, Some((s0, stream))) => {
                xor_into(&mut self.mic, &s0.0);
                (0, stream)
            }
            (None, None) => return,
        };
        let (whole, tail) = self.payload.get_mut(start..).unwrap_or_default().as_chunks_mut::<16>();
        let mut stream = stream.iter();
        for (chunk, key) in whole.iter_mut().zip(&mut stream) {
            xor_into(chunk, &key.0);
        }
        for (byte, key) in tail.iter_mut().zip(stream.next().into_iter().flatten()) {
            *byte ^= key;
        }
    }
}

/// Up to `N` messages, and with each what its owner wants back.
pub(super) struct Messages<'a, T, const N: usize> {
    messages: [Message<'a>; N],
    owners: [Option<T>; N],
    len: usize,
}

impl<'a, T, const N: usize> Messages<'a, T, N> {
    pub(super) fn new() -> Self {
        Self { messages: from_fn(|_| Message::default()), owners: [const { None }; N], len: 0 }
    }

    pub(super) fn push(&mut self, message: Message<'a>, owner: T) {
        if let (Some(slot), Some(entry)) = (self.messages.get_mut(self.len), self.owners.get_mut(self.len)) {
            *slot = message;
            *entry = Some(owner);
            self.len += 1;
        }
    }

    /// Encrypts or decrypts the messages; yields the payload and the MIC of each, of which CCMP-128 uses the first half.
    pub(super) fn run<C: BlockCipherEncrypt<BlockSize = U16>>(
        &mut self,
        aes: &C,
        direction: Direction,
    ) -> impl Iterator<Item = (&mut [u8], [u8; 16], T)> {
        let messages = self.messages.get_mut(..self.len).unwrap_or_default();
        aes.encrypt_with_backend(Run { direction, messages });
        let done = self.messages.iter_mut().zip(&mut self.owners).take(self.len);
        done.filter_map(|(message, owner)| Some((&mut *message.payload, message.mic, owner.take()?)))
    }
}

/// Runs inside the cipher's backend, so that blocks of all messages are in flight together.
struct Run<'a, 'b> {
    direction: Direction,
    messages: &'a mut [Message<'b>],
}

impl BlockSizeUser for Run<'_, '_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Run<'_, '_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        // the MAC is over the plaintext
        if self.direction == Direction::Decrypt {
            counter_mode(backend, self.messages);
        }
        cbc_macs(backend, self.messages);
        if self.direction == Direction::Encrypt {
            counter_mode(backend, self.messages);
        }
    }
}

/// A place in the keystreams of a group of messages, laid end to end.
#[derive(Clone, Copy, Default)]
struct Place {
    message: usize,
    block: usize,
}

#[inline(always)]
fn counter_mode<B: BlockCipherEncBackend<BlockSize = U16>>(backend: &B, group: &mut [Message<'_>]) {
    let mut blocks = [Block::default(); STREAM];
    let (mut to_fill, mut to_apply) = (Place::default(), Place::default());
    loop {
        let filled = fill(group, &mut to_fill, &mut blocks);
        if filled == 0 {
            break;
        }
        // a step of the backend that is more than half full is faster than single blocks
        let step = B::ParBlocksSize::USIZE;
        let rest = filled % step;
        let worth = if rest * 2 > step { filled - rest + step } else { filled };
        encrypt(backend, blocks.get_mut(..worth.min(STREAM)).unwrap_or_default());
        apply(group, &mut to_apply, blocks.get(..filled).unwrap_or_default());
    }
}

/// Writes counter blocks from `place` on; yields how many.
#[inline(always)]
fn fill(group: &[Message<'_>], place: &mut Place, blocks: &mut [Block]) -> usize {
    let mut filled = 0;
    while let Some(message) = group.get(place.message) {
        let room = blocks.get_mut(filled..).unwrap_or_default();
        let count = room.len().min(message.stream_len() - place.block);
        for (block, counter) in room.iter_mut().zip(place.block..place.block + count) {
            *block = message.counter_block(counter);
        }
        filled += count;
        place.block += count;
        if place.block < message.stream_len() {
            break;
        }
        *place = Place { message: place.message + 1, block: 0 };
    }
    filled
}

/// Combines the messages from `place` on with keystream.
#[inline(always)]
fn apply(group: &mut [Message<'_>], place: &mut Place, mut stream: &[Block]) {
    while let Some(message) = group.get_mut(place.message) {
        let count = stream.len().min(message.stream_len() - place.block);
        let (now, later) = stream.split_at_checked(count).unwrap_or_default();
        message.apply(place.block, now);
        stream = later;
        place.block += count;
        if place.block < message.stream_len() {
            break;
        }
        *place = Place { message: place.message + 1, block: 0 };
    }
}

/// One chain of CBC-MAC.
#[derive(Clone, Copy, Default)]
struct Chain<'a> {
    prefix: &'a [[u8; 16]],
    whole: &'a [[u8; 16]],
    /// The rest, padded with zeroes.
    tail: [u8; 16],
    len: usize,
}

impl<'a> Chain<'a> {
    fn new(message: &'a Message<'_>) -> Self {
        let (whole, rest) = message.payload.as_chunks::<16>();
        let mut tail = [0; 16];
        for (to, from) in tail.iter_mut().zip(rest) {
            *to = *from;
        }
        let len = PREFIX + message.payload.len().div_ceil(16);
        Self { prefix: &message.prefix, whole, tail, len }
    }

    /// Block `round` of those behind the prefix.
    #[inline(always)]
    fn block(&self, round: usize) -> &[u8; 16] {
        self.whole.get(round).unwrap_or(&self.tail)
    }
}

/// The CBC-MACs of the messages, [`LANES`] side by side.
#[inline(always)]
fn cbc_macs<B: BlockCipherEncBackend<BlockSize = U16>>(backend: &B, messages: &mut [Message<'_>]) {
    for group in messages.chunks_mut(LANES) {
        let mut chains = [(0, Chain::default()); LANES];
        for ((index, message), chain) in group.iter().enumerate().zip(&mut chains) {
            *chain = (index, Chain::new(message));
        }
        // longest first: the chains that still have blocks are always the first ones
        if group.windows(2).any(|pair| matches!(pair, [a, b] if a.payload.len() != b.payload.len())) {
            chains.sort_unstable_by_key(|(_, chain)| Reverse(chain.len));
        }
        let states = cbc_mac(backend, &chains, group.len());
        for (state, index) in states.iter().zip(chains.map(|(index, _)| index)).take(group.len()) {
            if let Some(message) = group.get_mut(index) {
                xor_into(&mut message.mic, &state.0);
            }
        }
    }
}

/// The CBC-MACs of the first `active` of these chains, the longest of which comes first.
#[inline(always)]
fn cbc_mac<B: BlockCipherEncBackend<BlockSize = U16>>(
    backend: &B,
    chains: &[(usize, Chain<'_>); LANES],
    mut active: usize,
) -> [Block; LANES] {
    let mut states = [Block::default(); LANES];
    for round in 0..PREFIX {
        step(backend, chains, &mut states, active, |chain| chain.prefix.get(round).unwrap_or(&chain.tail));
    }
    for round in 0.. {
        while active > 0 && chains.get(active - 1).is_none_or(|(_, chain)| chain.len <= PREFIX + round) {
            active -= 1;
        }
        if active == 0 {
            break;
        }
        step(backend, chains, &mut states, active, |chain| chain.block(round));
    }
    states
}

/// A block of each of the first `active` chains.
#[inline(always)]
fn step<B: BlockCipherEncBackend<BlockSize = U16>>(
    backend: &B,
    chains: &[(usize, Chain<'_>); LANES],
    states: &mut [Block; LANES],
    active: usize,
    block: impl for<'a> Fn(&'a Chain<'_>) -> &'a [u8; 16],
) {
    let states = states.get_mut(..active).unwrap_or_default();
    for (state, (_, chain)) in states.iter_mut().zip(chains) {
        xor_into(&mut state.0, block(chain));
    }
    encrypt(backend, states);
}

#[inline(always)]
fn encrypt<B: BlockCipherEncBackend<BlockSize = U16>>(backend: &B, blocks: &mut [Block]) {
    if B::ParBlocksSize::USIZE > 1 {
        let (chunks, tail) = InOutBuf::from(blocks).into_chunks();
        for chunk in chunks {
            backend.encrypt_par_blocks(chunk);
        }
        backend.encrypt_tail_blocks(tail);
    } else {
        for block in blocks {
            backend.encrypt_block(block.into());
        }
    }
}

/// Combines a block with another.
#[inline(always)]
fn xor_into(block: &mut [u8; 16], other: &[u8; 16]) {
    *block = (u128::from_ne_bytes(*block) ^ u128::from_ne_bytes(*other)).to_ne_bytes();
}
