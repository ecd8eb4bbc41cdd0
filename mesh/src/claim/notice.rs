//! Claims as a notice to all nodes: what was just claimed or withdrawn, at once. Rows repair what gets lost.
//!
//! ```text
//! 'c' | version u8 = 1 | claims, each as in an announcement: kind u8 | length u8 | body
//! ```
//! The session that brings it says whose it is; so it is not signed once more, and what is in it counts only where it
//! speaks of that node.

use crate::announce::{Claim, Item, Items, NodeId};
use crate::engine::MAX_NOTICE;

const KIND: u8 = b'c';
const VERSION: u8 = 1;
/// Kind, length and body of a claim.
const CLAIM: usize = 48;
/// How many claims go into one.
const CLAIMS: usize = (MAX_NOTICE - 2) / CLAIM;

/// Claims that go out together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice(Vec<Claim>);

/// Why a notice of claims is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// It ends too early, or has something in it that cannot be, or is of another version.
    #[error("a notice of claims that can't be read")]
    Malformed,
    /// A claim of another node than the one that sent it.
    #[error("a claim in another node's name")]
    Foreign,
}

impl Notice {
    /// These claims as notices, each with as many as fit.
    pub fn pack(claims: &[Claim]) -> impl Iterator<Item = Vec<u8>> + '_ {
        claims.chunks(CLAIMS).map(|claims| {
            let mut out = vec![KIND, VERSION];
            claims.iter().for_each(|claim| Item::Claim(*claim).emit(&mut out));
            out
        })
    }

    /// Whether this notice is one of claims.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.first() == Some(&KIND)
    }

    /// The claims that `node` has sent.
    pub fn decode(node: NodeId, bytes: &[u8]) -> Result<Self, NoticeError> {
        let Some(items) = bytes.strip_prefix(&[KIND, VERSION]) else { return Err(NoticeError::Malformed) };
        let mut claims = Vec::new();
        for item in Items::new(items).checked().ok_or(NoticeError::Malformed)? {
            match item {
                Item::Claim(claim) if claim.node != node => return Err(NoticeError::Foreign),
                Item::Claim(claim) => claims.push(claim),
                Item::Load(_) | Item::Signal(_) => {}
            }
        }
        Ok(Self(claims))
    }
}

impl IntoIterator for Notice {
    type Item = Claim;
    type IntoIter = std::vec::IntoIter<Claim>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
