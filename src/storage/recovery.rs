//! Start-up: what the commit log holds is applied again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use smallvec::SmallVec;

use super::commitlog::{CommitPosition, Intervals};
use super::engine::{IoMode, Storage};
use super::error::StorageError;
use super::model::Mutation;
use super::replay::{Replayed, Segments};
use super::sstable::CommitLogPosition;
use super::table_store::TableStore;
use crate::schema::{Schema, TableId};

/// Segments of earlier runs, of which only the node's own tables were replayed.
pub struct PendingRecovery {
    segments: Segments,
    own: HashSet<TableId>,
    replayed: Replayed,
}

/// The keyspaces that are replayed first: in them the schema is found, and what was truncated.
const OWN_KEYSPACES: [&str; 2] = ["system", "system_schema"];

impl Storage {
    /// Replays the node's own tables.
    pub(super) fn recover_own_tables(&self, segments: Segments, schema: &Schema) -> Result<(), StorageError> {
        // What a process left that was killed, its last sync may not have reached; from now on it counts as durable.
        segments.sync(&*self.fs)?;
        let keyspaces = OWN_KEYSPACES.iter().filter_map(|name| schema.keyspace(name));
        let own: HashSet<TableId> = keyspaces.flat_map(|k| k.tables.values()).map(|t| t.id).collect();
        let mut apply = |mutation| self.reapply(mutation);
        let replayed = segments.replay(&*self.fs, schema, &own, &HashMap::new(), &mut apply)?;
        *self.recovery.lock() = Some(PendingRecovery { segments, own, replayed });
        Ok(())
    }

    /// Whether segments of earlier runs are still to be replayed.
    pub(super) fn is_recovering(&self) -> bool {
        self.recovery.lock().is_some()
    }

    /// Replays what the commit log holds of all other tables and is not in SSTables. Mutations of tables that the
    /// schema does not know are passed over. To be called once, when the schema is complete.
    pub fn recover(&self) -> Result<(), StorageError> {
        let Some(PendingRecovery { segments, own, mut replayed }) = self.recovery.lock().take() else {
            return Ok(());
        };
        self.load_host_id()?;
        let schema = self.schema.load();
        let mut selected = HashSet::new();
        let mut persisted = HashMap::new();
        let truncated = self.truncation_positions()?;
        for store in self.tables().into_iter().filter(|store| !own.contains(&store.id())) {
            let mut intervals = self.persisted_intervals(&store);
            if let Some(position) = truncated.get(&store.id()) {
                intervals.add(CommitPosition::NONE, *position);
            }
            persisted.insert(store.id(), intervals);
            selected.insert(store.id());
        }
        let mut apply = |mutation| self.reapply(mutation);
        // While it lasts, a flush does not say that older segments are not needed.
        *self.recovery.lock() =
            Some(PendingRecovery { segments: Segments::default(), own, replayed: Replayed::default() });
        let rest = segments.replay(&*self.fs, &schema, &selected, &persisted, &mut apply);
        self.recovery.lock().take();
        let rest = rest?;
        for (segment, tables) in rest.dirty {
            let dirty = replayed.dirty.entry(segment).or_default();
            for (table, offset) in tables {
                let last = dirty.entry(table).or_default();
                *last = offset.max(*last);
            }
        }
        for (table, count) in &rest.unknown {
            tracing::warn!("Skipped {count} mutations from unknown (probably removed) CF with id {table}");
        }
        let updates = replayed.updates + rest.updates;
        if updates > 0 {
            tracing::info!("Replayed {updates} updates of {} commit log segments", segments.files.len());
        }
        for (id, path) in segments.files {
            let bytes = self.fs.len(&path).unwrap_or(0);
            self.commit_log.adopt(id, path, bytes, replayed.dirty.remove(&id).unwrap_or_default());
        }
        self.commit_log.remove_segments();
        self.tables().into_iter().for_each(|store| self.compactions.submit(store));
        self.failures().started();
        Ok(())
    }

    /// Applies a mutation of the log to memtables only.
    fn reapply(&self, mutation: Mutation) -> Result<(), StorageError> {
        let mut stores: SmallVec<[Arc<TableStore>; 2]> = SmallVec::new();
        for update in &mutation.updates {
            stores.push(self.required_table(update.table.id)?);
        }
        let bytes = self.memtable_bytes();
        if bytes > self.options.memtables.space_bytes {
            self.flush_all()?;
        }
        let observed = self.observed_write(&mutation, &stores, IoMode::Blocking)?;
        let _gates = super::engine::enter(&stores);
        self.apply_updates(mutation, &stores, observed.as_ref());
        Ok(())
    }

    /// What of the commit log is in a table's SSTables: those that this host wrote say so.
    fn persisted_intervals(&self, store: &TableStore) -> Intervals {
        let host_id = self.host_id.load_full();
        let mut intervals = Intervals::default();
        let position = |p: CommitLogPosition| CommitPosition {
            segment: p.segment_id,
            offset: u32::try_from(p.position).unwrap_or(0),
        };
        for sstable in store.files().sstables().iter() {
            let stats = sstable.stats();
            if host_id.is_none() || stats.originating_host_id != host_id.as_deref().copied() {
                continue;
            }
            for (start, end) in &stats.commit_log_intervals {
                intervals.add(position(*start), position(*end));
            }
        }
        intervals
    }
}
