//! Between the words of the core, of the stack and of the journal.

use std::sync::Arc;

use mesh::announce::SaBinding;
use mesh::engine::identity::{JournalLine, NodeStore};
use mesh::handover::{Context as Parcel, SecretBytes};
use mesh::lease::{Generation, Journal, KeyId, Lease, Record, owner_of};
use stack::ap::Context;
use stack::mac::TxRange;

/// The packet numbers of a lease, as the stack wants them.
pub fn range_of(lease: &Lease) -> TxRange {
    let (first, last) = (lease.first_packet_number(), lease.last_packet_number());
    TxRange { after: first.saturating_sub(1), rekey_above: last - (last - first) / 8, limit: last }
}

/// A context as the core carries it.
pub(super) fn parcel(context: &Context) -> Parcel {
    let keys: Vec<_> = context
        .keys()
        .map(|(id, sent)| {
            let generation = owner_of(sent).map_or_else(Generation::default, |(generation, _)| generation);
            (KeyId(id.0), generation)
        })
        .collect();
    let sa = keys.first().map_or(SaBinding([0; 16]), |(id, _)| SaBinding(id.0));
    let bytes = SecretBytes::from(context.encode().to_vec());
    Parcel { client: Some(context.client()), vlan: 0, sa, keys, bytes }
}

/// The journal in a node's state.
#[derive(Debug)]
pub struct StoreJournal(pub Arc<NodeStore>);

impl Journal for StoreJournal {
    type Error = anyhow::Error;

    fn load(&mut self) -> anyhow::Result<Vec<Record>> {
        Ok(self.0.journal()?.into_iter().filter_map(record).collect())
    }

    fn write(&mut self, records: &[Record]) -> anyhow::Result<()> {
        let lines: Vec<_> = records.iter().map(line).collect();
        Ok(self.0.write_journal(&lines)?)
    }

    fn sync(&mut self) -> anyhow::Result<()> {
        Ok(self.0.sync_journal()?)
    }
}

/// The journal of a node that starts once, as on a simulated air: it ends with the node.
#[derive(Debug, Default)]
pub struct MemoryJournal(Vec<Record>);

impl Journal for MemoryJournal {
    type Error = anyhow::Error;

    fn load(&mut self) -> anyhow::Result<Vec<Record>> {
        Ok(self.0.clone())
    }

    fn write(&mut self, records: &[Record]) -> anyhow::Result<()> {
        self.0.extend_from_slice(records);
        Ok(())
    }

    fn sync(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}

fn record(line: JournalLine) -> Option<Record> {
    match line {
        JournalLine::Reserve(key, generation) => {
            Some(Record::Reserve(KeyId(key), Generation::new(generation)?))
        }
        JournalLine::Fold(key, generation) => Some(Record::Fold(KeyId(key), Generation::new(generation)?)),
    }
}

fn line(record: &Record) -> JournalLine {
    match *record {
        Record::Reserve(key, generation) => JournalLine::Reserve(key.0, generation.number()),
        Record::Fold(key, generation) => JournalLine::Fold(key.0, generation.number()),
    }
}
