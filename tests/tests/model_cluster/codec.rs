//! What the model's radios put into contexts and frames. The core never looks into either.

use mesh::handover::SecretBytes;
use stack::wire::Reader;

/// What is queued, received and last used: all of a virtual AP that matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The pairwise keys it has had, the last being the one it transmits under.
    pub keys: Vec<u64>,
    /// Downlink MSDUs not yet sent.
    pub queue: Vec<u32>,
    /// What was received: key and packet number of each frame.
    pub received: Vec<(u64, u64)>,
}

impl State {
    pub fn encode(&self) -> SecretBytes {
        let mut out = Vec::new();
        let mut list = |words: Vec<u64>| {
            out.extend((words.len() as u32).to_le_bytes());
            words.iter().for_each(|word| out.extend(word.to_le_bytes()));
        };
        list(self.keys.clone());
        list(self.queue.iter().map(|msdu| u64::from(*msdu)).collect());
        list(self.received.iter().flat_map(|(key, number)| [*key, *number]).collect());
        out.into()
    }

    pub fn decode(bytes: &[u8]) -> Self {
        let mut reader = Reader::new(bytes);
        let mut list = || -> Vec<u64> {
            let count = reader.u32_le().expect("a length");
            (0..count).map(|_| reader.u64_le().expect("a word")).collect()
        };
        let keys = list();
        let queue = list().into_iter().map(|msdu| msdu as u32).collect();
        let received = list().chunks(2).map(|pair| (pair[0], pair[1])).collect();
        Self { keys, queue, received }
    }
}

/// What comes for a virtual AP at the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// From the client, encrypted.
    Up { msdu: u32, key: u64, number: u64 },
    /// For the client.
    Down { msdu: u32 },
}

impl Frame {
    pub fn encode(self) -> SecretBytes {
        let (kind, msdu, key, number) = match self {
            Self::Up { msdu, key, number } => (0, msdu, key, number),
            Self::Down { msdu } => (1, msdu, 0, 0),
        };
        let mut out = vec![kind];
        out.extend(msdu.to_le_bytes());
        out.extend(key.to_le_bytes());
        out.extend(number.to_le_bytes());
        out.into()
    }

    pub fn decode(bytes: &[u8]) -> Self {
        let mut reader = Reader::new(bytes);
        let (kind, msdu) = (reader.u8().expect("a kind"), reader.u32_le().expect("an MSDU"));
        let (key, number) = (reader.u64_le().expect("a key"), reader.u64_le().expect("a number"));
        if kind == 0 { Self::Up { msdu, key, number } } else { Self::Down { msdu } }
    }
}
