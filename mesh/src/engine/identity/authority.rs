//! The folder of a cluster: its key, who has which slot, who is invited, who is denied.
//!
//! One small file each, made so that two processes never give the same slot or take the same invitation.
//!
//! ```text
//! authority.key      the key (PKCS #8), for nobody else to read
//! authority.cert     the certificate
//! slots/0007         the name of the node that has slot 7
//! invited/HASH       until when, in seconds since 1970
//! denied/0007        the signed row
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stack::random::Random;
use zeroize::Zeroizing;

use super::certificate::{
    AuthorityKey, Credentials, NODE_LIFETIME, NodeName, PublicKey, Subject, cluster_of, new_key,
};
use super::denial::Denial;
use super::error::IdentityError;
use super::files::{make_folder, sync_folder_of, write_new};
use super::hex::to_hex;
use super::token::{Token, hash};
use crate::lease::NodeSlot;

const KEY: &str = "authority.key";
const CERTIFICATE: &str = "authority.cert";
const SLOTS: &str = "slots";
const INVITED: &str = "invited";
const DENIED: &str = "denied";

/// Who may say which nodes belong to a cluster.
pub struct Authority {
    folder: PathBuf,
    cluster: NodeName,
    certificate: Vec<u8>,
    key: AuthorityKey,
    lifetime: Duration,
}

/// An invitation to join, good once.
#[derive(Debug)]
pub struct Invitation {
    /// To be given to the machine that joins.
    pub token: Token,
    /// Until when it is good, in seconds since 1970.
    pub until: u64,
}

impl Authority {
    /// Makes a cluster in a new folder. `now` is seconds since 1970, as everywhere here.
    pub fn create(folder: &Path, cluster: &NodeName, now: u64) -> Result<Self, IdentityError> {
        make_folder(folder)?;
        for name in [SLOTS, INVITED, DENIED] {
            make_folder(&folder.join(name))?;
        }
        let (key, certificate) = AuthorityKey::draw(cluster, now)?;
        write_new(&folder.join(KEY), &key)?;
        write_new(&folder.join(CERTIFICATE), &certificate)?;
        Self::open(folder)
    }

    /// Opens a cluster's folder.
    pub fn open(folder: &Path) -> Result<Self, IdentityError> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).map_err(|error| match error.kind() {
                ErrorKind::NotFound => IdentityError::NoCluster(folder.to_owned()),
                _ => IdentityError::file(&path)(error),
            })
        };
        let (certificate, key) = (read(CERTIFICATE)?, Zeroizing::new(read(KEY)?));
        let cluster = cluster_of(&certificate)?;
        let key = AuthorityKey::read(&cluster, &key)?;
        Ok(Self { folder: folder.to_owned(), cluster, certificate, key, lifetime: NODE_LIFETIME })
    }

    /// The same, whose certificates are valid for another time than [`NODE_LIFETIME`].
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// The cluster's name.
    pub const fn cluster(&self) -> &NodeName {
        &self.cluster
    }

    /// The cluster's certificate.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Makes a node: the next slot, a key and a certificate.
    pub fn admit(&self, name: &NodeName, now: u64) -> Result<Credentials, IdentityError> {
        let (key, public) = new_key()?;
        let (certificate, until) = self.admit_key(name, &public, now)?;
        Ok(Credentials { authority: self.certificate.clone(), certificate, key, until })
    }

    /// The same for a node that keeps its key to itself.
    pub(in crate::engine) fn admit_key(
        &self,
        name: &NodeName,
        key: &PublicKey,
        now: u64,
    ) -> Result<(Vec<u8>, u64), IdentityError> {
        let slot = self.next_slot(name)?;
        self.certify(slot, name, key, now)
    }

    /// What proves to a machine with a token that this is its cluster, and nothing else: it names no node.
    pub(in crate::engine) fn doorkeeper(&self, now: u64) -> Result<Credentials, IdentityError> {
        let (key, public) = new_key()?;
        let (certificate, until) = self.key.certify_doorkeeper(&public, now)?;
        Ok(Credentials { authority: self.certificate.clone(), certificate, key, until })
    }

    /// A new certificate for a node that proved it has `key` and this slot.
    pub(in crate::engine) fn renew(
        &self,
        subject: &Subject,
        key: &PublicKey,
        now: u64,
    ) -> Result<(Vec<u8>, u64), IdentityError> {
        if self.path(DENIED, subject.slot).exists() {
            return Err(IdentityError::ShutOut(crate::engine::Fault::Revoked));
        }
        self.certify(subject.slot, &subject.name, key, now)
    }

    fn certify(
        &self,
        slot: NodeSlot,
        name: &NodeName,
        key: &PublicKey,
        now: u64,
    ) -> Result<(Vec<u8>, u64), IdentityError> {
        let subject = Subject { cluster: self.cluster.clone(), slot, name: name.clone() };
        self.key.certify(&subject, key, now, self.lifetime)
    }

    /// Gives the lowest slot that nobody ever had. A slot is given once (rule U1).
    fn next_slot(&self, name: &NodeName) -> Result<NodeSlot, IdentityError> {
        let mut slot = NodeSlot::new(0);
        let mut number = 0;
        while let Some(this) = slot {
            if write_new(&self.path(SLOTS, this), name.as_str().as_bytes())? {
                return Ok(this);
            }
            number += 1;
            slot = NodeSlot::new(number);
        }
        Err(IdentityError::NoSlot)
    }

    /// Invites one machine, for some time.
    pub fn invite(
        &self,
        now: u64,
        valid: Duration,
        random: &mut dyn Random,
    ) -> Result<Invitation, IdentityError> {
        let token = Token::draw(&self.certificate, random);
        let until = now.saturating_add(valid.as_secs());
        write_new(&self.invitation(token.secret()), until.to_string().as_bytes())?;
        Ok(Invitation { token, until })
    }

    /// Whether an invitation is neither used nor too old.
    pub fn is_open(&self, invitation: &Invitation, now: u64) -> bool {
        now <= invitation.until && self.invitation(invitation.token.secret()).exists()
    }

    /// Uses an invitation up: of two that try, one is let in.
    pub(in crate::engine) fn take_invitation(&self, secret: &[u8], now: u64) -> Result<(), IdentityError> {
        let path = self.invitation(secret);
        let until = fs::read_to_string(&path).ok().and_then(|text| text.parse::<u64>().ok());
        if until.is_none() || fs::remove_file(&path).is_err() {
            return Err(IdentityError::TokenRefused);
        }
        sync_folder_of(&path)?;
        if until.is_some_and(|until| now <= until) { Ok(()) } else { Err(IdentityError::TokenRefused) }
    }

    fn invitation(&self, secret: &[u8]) -> PathBuf {
        self.folder.join(INVITED).join(to_hex(&hash(secret)))
    }

    /// Denies a slot for good: its node is shut out as soon as the others hear of it.
    pub fn deny(&self, slot: NodeSlot) -> Result<Denial, IdentityError> {
        if !self.path(SLOTS, slot).exists() {
            return Err(IdentityError::NobodysSlot(slot.number()));
        }
        let denial = Denial::sign(&self.key, slot)?;
        // Denied before is denied too.
        write_new(&self.path(DENIED, slot), &denial.to_bytes())?;
        Ok(denial)
    }

    /// All denials so far.
    pub fn denials(&self) -> Vec<Denial> {
        let folder = fs::read_dir(self.folder.join(DENIED));
        let files = folder.into_iter().flatten().flatten().filter_map(|entry| fs::read(entry.path()).ok());
        files.filter_map(|bytes| Denial::check(&self.certificate, &bytes)).collect()
    }

    /// The slots of the nodes with this name.
    pub fn slots_of(&self, name: &NodeName) -> Vec<NodeSlot> {
        let folder = fs::read_dir(self.folder.join(SLOTS));
        let named = folder.into_iter().flatten().flatten().filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok().and_then(NodeSlot::new)?;
            let is = fs::read(entry.path()).is_ok_and(|text| text == name.as_str().as_bytes());
            is.then_some(number)
        });
        let mut slots: Vec<NodeSlot> = named.collect();
        slots.sort();
        slots
    }

    fn path(&self, folder: &str, slot: NodeSlot) -> PathBuf {
        self.folder.join(folder).join(format!("{:04}", slot.number()))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}
