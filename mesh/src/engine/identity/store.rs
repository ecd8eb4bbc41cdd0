//! What a node must not forget, in one file: who it is, what it knows of the others, and up to where it may have used
//! each key.
//!
//! All in one, so that losing the journal means losing the identity (rule U4): a node without a journal has no slot
//! either, and joins again as another. The file belongs to one machine and goes only forward; see
//! [`Incarnation`] for what the others conclude if it does not.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};
use sha2::{Digest, Sha256};
use stack::wire::Reader;
use zeroize::Zeroizing;

use super::certificate::{Credentials, Subject};
use super::denial::Denial;
use super::error::IdentityError;
use super::files::{make_folder, new_file, sync_folder_of};
use crate::announce::{Epoch, SignerState};
use crate::engine::Fault;
use crate::engine::incarnation::{Incarnation, Seen};
use crate::lease::NodeSlot;

const FILE: &str = "node.redb";
const NODE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("node");
const MEMBERS: TableDefinition<'_, u16, &[u8]> = TableDefinition::new("members");
const DENIED: TableDefinition<'_, u16, &[u8]> = TableDefinition::new("denied");
const JOURNAL: TableDefinition<'_, &[u8; 16], u16> = TableDefinition::new("journal");

/// Which machine a node runs on: a hash of what the system calls it, so that a copied state shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineId([u8; 32]);

impl MachineId {
    /// The machine that these bytes name.
    pub fn new(name: &[u8]) -> Self {
        Self(Sha256::new().chain_update(b"airloom machine\0").chain_update(name).finalize().into())
    }

    /// This machine, by its `/etc/machine-id`. Where there is none, all machines without one are the same.
    pub fn of_this_machine() -> Self {
        Self::new(std::fs::read("/etc/machine-id").unwrap_or_default().trim_ascii())
    }
}

/// A line of the journal of packet numbers (rules U2, U3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalLine {
    /// The key (its id) may have been used up to and with that generation.
    Reserve([u8; 16], u16),
    /// Every key that the journal does not name may have been used up to and with that generation; the line of this
    /// one goes.
    Fold([u8; 16], u16),
}

/// The state of a node: one process has it open at a time.
#[derive(Debug)]
pub struct NodeStore {
    path: PathBuf,
    database: Database,
    credentials: Credentials,
    subject: Subject,
    incarnation: Incarnation,
}

/// What a node remembers of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Remembered {
    pub(in crate::engine) seen: Seen,
    pub(in crate::engine) fault: Option<Fault>,
    pub(in crate::engine) address: String,
}

impl NodeStore {
    /// Makes the state of a node in a new folder. `peers` are addresses of other nodes. It is bound to the machine that
    /// opens it first.
    pub fn create(folder: &Path, credentials: &Credentials, peers: &[String]) -> Result<(), IdentityError> {
        Subject::of(&credentials.certificate)?;
        make_folder(folder)?;
        let path = folder.join(FILE);
        let file = new_file(&path)?.ok_or_else(|| IdentityError::Exists(path.clone()))?;
        let database = database(&path, file)?;
        write(&path, &database, Durability::Immediate, |txn| {
            let mut node = txn.open_table(NODE)?;
            put_certificate(&mut node, credentials)?;
            node.insert("key", credentials.key.as_slice())?;
            node.insert("peers", peers.join("\n").as_bytes())?;
            txn.open_table(MEMBERS)?;
            txn.open_table(DENIED)?;
            txn.open_table(JOURNAL)?;
            Ok(())
        })?;
        sync_folder_of(&path)
    }

    /// Opens it for a new start, which is saved before this returns. `start` is a random number.
    pub fn open(folder: &Path, machine: MachineId, start: u64) -> Result<Self, IdentityError> {
        let path = folder.join(FILE);
        let file =
            File::options().read(true).write(true).open(&path).map_err(|error| match error.kind() {
                ErrorKind::NotFound => IdentityError::NoNode(folder.to_owned()),
                _ => IdentityError::file(&path)(error),
            })?;
        let database = database(&path, file)?;
        let get = |key: &str| get(&path, &database, key);
        if get("machine")?.is_some_and(|bound| bound.as_slice() != machine.0) {
            return Err(IdentityError::OtherMachine(folder.to_owned()));
        }
        if let Some(fault) = get("fault")?.and_then(|code| fault_of(code.first().copied())) {
            return Err(IdentityError::ShutOut(fault));
        }
        let need =
            |key: &str| get(key)?.ok_or_else(|| IdentityError::state(&path, &format!("it has no {key}")));
        let until = need("until")?.as_slice().try_into().map_or(0, u64::from_le_bytes);
        let (authority, certificate) = (need("authority")?.to_vec(), need("certificate")?.to_vec());
        let credentials = Credentials { authority, certificate, key: need("key")?, until };
        let subject = Subject::of(&credentials.certificate)?;
        let before = get("starts")?.map(|bytes| starts_of(&bytes)).filter(|known| !known.starts.is_empty());
        let incarnation = Incarnation::next(before.as_ref(), start);
        write(&path, &database, Durability::Immediate, |txn| {
            let mut node = txn.open_table(NODE)?;
            node.insert("machine", machine.0.as_slice())?;
            node.insert("starts", starts_bytes(&incarnation).as_slice())?;
            Ok(())
        })?;
        Ok(Self { path, database, credentials, subject, incarnation })
    }

    /// What the node proves itself with.
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Who the node is.
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Up to which generation this node may have used a key: what is reserved for it, or what holds for all that the
    /// journal does not name. `None` if it certainly has not used it.
    pub fn reserved(&self, key: [u8; 16]) -> Result<Option<u16>, IdentityError> {
        let line = self.read(|txn| Ok(txn.open_table(JOURNAL)?.get(&key)?.map(|line| line.value())))?;
        Ok(line.or(self.floor()?))
    }

    /// All lines of the journal, with the fold among them as that of a key that is all zero.
    pub fn journal(&self) -> Result<Vec<JournalLine>, IdentityError> {
        let mut lines = self.read(|txn| {
            let table = txn.open_table(JOURNAL)?;
            let lines =
                table.iter()?.map(|line| line.map(|(k, g)| JournalLine::Reserve(*k.value(), g.value())));
            lines.collect::<Result<Vec<_>, _>>().map_err(redb::Error::from)
        })?;
        lines.extend(self.floor()?.map(|floor| JournalLine::Fold([0; 16], floor)));
        Ok(lines)
    }

    /// Writes lines into the journal. A lower generation than the one that is there changes nothing. It survives a
    /// crash once [`sync_journal`](Self::sync_journal) has returned.
    pub fn write_journal(&self, lines: &[JournalLine]) -> Result<(), IdentityError> {
        self.write_lines(lines, Durability::None)
    }

    /// Returns when all lines that were written will survive a crash.
    pub fn sync_journal(&self) -> Result<(), IdentityError> {
        self.write_lines(&[], Durability::Immediate)
    }

    /// Reserves a generation for a key. When this has returned, it will not be forgotten.
    pub fn reserve(&self, key: [u8; 16], generation: u16) -> Result<(), IdentityError> {
        self.write_lines(&[JournalLine::Reserve(key, generation)], Durability::Immediate)
    }

    fn write_lines(&self, lines: &[JournalLine], durability: Durability) -> Result<(), IdentityError> {
        let mut floor = self.floor()?;
        write(&self.path, &self.database, durability, |txn| {
            let mut table = txn.open_table(JOURNAL)?;
            for line in lines {
                match *line {
                    JournalLine::Reserve(key, generation) => {
                        let before = table.get(&key)?.map_or(0, |line| line.value());
                        table.insert(&key, before.max(generation))?;
                    }
                    JournalLine::Fold(key, generation) => {
                        table.remove(&key)?;
                        floor = floor.max(Some(generation));
                        let bytes = generation.max(floor.unwrap_or(0)).to_le_bytes();
                        txn.open_table(NODE)?.insert("floor", bytes.as_slice())?;
                    }
                }
            }
            Ok(())
        })
    }

    fn floor(&self) -> Result<Option<u16>, IdentityError> {
        let floor = get(&self.path, &self.database, "floor")?;
        Ok(floor.and_then(|bytes| bytes.as_slice().try_into().ok()).map(u16::from_le_bytes))
    }

    /// The seed of the key that the node announces by: `fresh` if there was none, kept from now on.
    pub fn announcing_seed(&self, fresh: &Zeroizing<[u8; 32]>) -> Result<Zeroizing<[u8; 32]>, IdentityError> {
        if let Some(known) = get(&self.path, &self.database, "announcing")?
            && let Ok(seed) = <[u8; 32]>::try_from(known.as_slice())
        {
            return Ok(Zeroizing::new(seed));
        }
        write(&self.path, &self.database, Durability::Immediate, |txn| {
            txn.open_table(NODE)?.insert("announcing", fresh.as_slice())?;
            Ok(())
        })?;
        Ok(fresh.clone())
    }

    /// How far the node has come in announcing.
    pub fn announced(&self) -> Result<SignerState, IdentityError> {
        let known = get(&self.path, &self.database, "announced")?;
        Ok(known.and_then(|bytes| signer_state_of(&bytes)).unwrap_or_default())
    }

    /// Keeps the greater of what is kept and this. When it has returned, it will not be forgotten.
    pub fn keep_announced(&self, state: &SignerState) -> Result<(), IdentityError> {
        let state = self.announced()?.max(*state);
        let SignerState { epoch, row, count } = state;
        let bytes = [&epoch.0.to_le_bytes()[..], &row.to_le_bytes(), &count.to_le_bytes()].concat();
        write(&self.path, &self.database, Durability::Immediate, |txn| {
            txn.open_table(NODE)?.insert("announced", bytes.as_slice())?;
            Ok(())
        })
    }

    /// How many times the node has started, this time included.
    pub const fn starts(&self) -> u64 {
        self.incarnation.count
    }

    pub(in crate::engine) const fn incarnation(&self) -> &Incarnation {
        &self.incarnation
    }

    /// Addresses of other nodes: those that it was made with, and those seen since.
    pub(in crate::engine) fn addresses(&self) -> Result<Vec<String>, IdentityError> {
        let peers = get(&self.path, &self.database, "peers")?.unwrap_or_default();
        let given = String::from_utf8_lossy(&peers).lines().map(str::to_owned).collect::<Vec<_>>();
        let seen = self.read(|txn| {
            let table = txn.open_table(MEMBERS)?;
            let members = table.iter()?.map(|line| Ok(remembered_of(line?.1.value())));
            members.collect::<Result<Vec<_>, redb::StorageError>>().map_err(redb::Error::from)
        })?;
        let seen =
            seen.into_iter().flatten().filter(|member| member.fault.is_none()).map(|member| member.address);
        Ok(given.into_iter().chain(seen).filter(|address| !address.is_empty()).collect())
    }

    /// Takes a renewed certificate for the same key.
    pub(in crate::engine) fn renew(
        &self,
        certificate: Vec<u8>,
        until: u64,
    ) -> Result<Credentials, IdentityError> {
        let renewed = Credentials { certificate, until, ..self.credentials.clone() };
        write(&self.path, &self.database, Durability::Immediate, |txn| {
            put_certificate(&mut txn.open_table(NODE)?, &renewed)
        })?;
        Ok(renewed)
    }

    /// The cluster has shut this node out: the next start refuses.
    pub(in crate::engine) fn shut_out(&self, fault: Fault) -> Result<(), IdentityError> {
        write(&self.path, &self.database, Durability::Immediate, |txn| {
            txn.open_table(NODE)?.insert("fault", [fault_code(fault)].as_slice())?;
            Ok(())
        })
    }

    pub(in crate::engine) fn remembered(&self, slot: NodeSlot) -> Result<Option<Remembered>, IdentityError> {
        self.read(|txn| {
            let line = txn.open_table(MEMBERS)?.get(slot.number())?;
            Ok(line.and_then(|line| remembered_of(line.value())))
        })
    }

    pub(in crate::engine) fn remember(
        &self,
        slot: NodeSlot,
        member: &Remembered,
    ) -> Result<(), IdentityError> {
        if self.remembered(slot)?.as_ref() == Some(member) {
            return Ok(());
        }
        write(&self.path, &self.database, Durability::Immediate, |txn| {
            txn.open_table(MEMBERS)?.insert(slot.number(), remembered_bytes(member).as_slice())?;
            Ok(())
        })
    }

    pub(in crate::engine) fn is_denied(&self, slot: NodeSlot) -> Result<bool, IdentityError> {
        self.read(|txn| Ok(txn.open_table(DENIED)?.get(slot.number())?.is_some()))
    }

    /// All denials this node has seen, as they were signed.
    pub(in crate::engine) fn denials(&self) -> Result<Vec<Vec<u8>>, IdentityError> {
        self.read(|txn| {
            let table = txn.open_table(DENIED)?;
            let rows = table.iter()?.map(|line| line.map(|(_, row)| row.value().to_vec()));
            rows.collect::<Result<Vec<_>, _>>().map_err(redb::Error::from)
        })
    }

    /// Keeps a denial. True if it is new.
    pub(in crate::engine) fn deny(&self, denial: &Denial) -> Result<bool, IdentityError> {
        if self.is_denied(denial.slot())? {
            return Ok(false);
        }
        write(&self.path, &self.database, Durability::Immediate, |txn| {
            txn.open_table(DENIED)?.insert(denial.slot().number(), denial.to_bytes().as_slice())?;
            Ok(())
        })?;
        Ok(true)
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, IdentityError> {
        let txn = self.database.begin_read().map_err(|error| IdentityError::state(&self.path, &error))?;
        read(&txn).map_err(|error| IdentityError::state(&self.path, &error))
    }
}

fn database(path: &Path, file: File) -> Result<Database, IdentityError> {
    let backend = FileBackend::new(file);
    backend.and_then(|backend| Database::builder().create_with_backend(backend)).map_err(
        |error| match error {
            DatabaseError::DatabaseAlreadyOpen => IdentityError::InUse(path.to_owned()),
            error => IdentityError::state(path, &error),
        },
    )
}

fn get(path: &Path, database: &Database, key: &str) -> Result<Option<Zeroizing<Vec<u8>>>, IdentityError> {
    let value = || -> Result<_, redb::Error> {
        let table = database.begin_read()?.open_table(NODE)?;
        Ok(table.get(key)?.map(|value| Zeroizing::new(value.value().to_vec())))
    };
    value().map_err(|error| IdentityError::state(path, &error))
}

fn write(
    path: &Path,
    database: &Database,
    durability: Durability,
    change: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
) -> Result<(), IdentityError> {
    let write = || -> Result<(), redb::Error> {
        let mut txn = database.begin_write()?;
        txn.set_durability(durability)?;
        change(&txn)?;
        txn.commit()?;
        Ok(())
    };
    write().map_err(|error| IdentityError::state(path, &error))
}

fn put_certificate(
    node: &mut redb::Table<'_, &str, &[u8]>,
    credentials: &Credentials,
) -> Result<(), redb::Error> {
    node.insert("authority", credentials.authority.as_slice())?;
    node.insert("certificate", credentials.certificate.as_slice())?;
    node.insert("until", credentials.until.to_le_bytes().as_slice())?;
    Ok(())
}

fn signer_state_of(bytes: &[u8]) -> Option<SignerState> {
    let mut reader = Reader::new(bytes);
    let epoch = Epoch(reader.u64_le().ok()?);
    Some(SignerState { epoch, row: reader.u32_le().ok()?, count: reader.u64_le().ok()? })
}

fn starts_bytes(incarnation: &Incarnation) -> Vec<u8> {
    let numbers = std::iter::once(incarnation.count).chain(incarnation.starts.iter().copied());
    numbers.flat_map(u64::to_le_bytes).collect()
}

fn starts_of(bytes: &[u8]) -> Incarnation {
    let (numbers, _) = bytes.as_chunks();
    let mut numbers = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes));
    Incarnation { count: numbers.next().unwrap_or(0), starts: numbers.collect() }
}

fn remembered_bytes(member: &Remembered) -> Vec<u8> {
    let Remembered { seen, fault, address } = member;
    let fault = fault.map_or(0, fault_code);
    [&seen.count.to_le_bytes()[..], &seen.start.to_le_bytes(), &[fault], address.as_bytes()].concat()
}

fn remembered_of(bytes: &[u8]) -> Option<Remembered> {
    let mut reader = Reader::new(bytes);
    let seen = Seen { count: reader.u64_le().ok()?, start: reader.u64_le().ok()? };
    let fault = fault_of(reader.u8().ok());
    Some(Remembered { seen, fault, address: String::from_utf8_lossy(reader.rest()).into_owned() })
}

const fn fault_code(fault: Fault) -> u8 {
    match fault {
        Fault::UsedTwice => 1,
        Fault::SetBack => 2,
        Fault::Revoked => 3,
    }
}

const fn fault_of(code: Option<u8>) -> Option<Fault> {
    match code {
        Some(1) => Some(Fault::UsedTwice),
        Some(2) => Some(Fault::SetBack),
        Some(3) => Some(Fault::Revoked),
        _ => None,
    }
}
