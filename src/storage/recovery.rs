//! Start-up: what the commit log holds is applied again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use smallvec::SmallVec;

use super::commitlog::{CommitPosition, Intervals, make_durable};
use super::engine::{IoMode, Storage};
use super::error::StorageError;
use super::model::Mutation;
use super::replay::{Replayed, Segments};
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
        make_durable(&*self.fs, &self.options.directories.commit_log, &segments.files)?;
        let keyspaces = OWN_KEYSPACES.iter().filter_map(|name| schema.keyspace(name));
        let own: HashSet<TableId> = keyspaces.flat_map(|k| k.tables.values()).map(|t| t.id).collect();
        let persisted = self.persisted(|table| own.contains(&table))?;
        let mut apply = |mutation| self.reapply(mutation);
        let replayed = segments.replay(&*self.fs, schema, &own, &persisted, &mut apply)?;
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
        let persisted = self.persisted(|table| !own.contains(&table))?;
        let selected = persisted.keys().copied().collect();
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
        self.end_recovery()?;
        self.tables().into_iter().for_each(|store| self.compactions.submit(store));
        self.failures().started();
        Ok(())
    }

    /// Has it noted of all that was replayed that it is in SSTables, where a part of it is already: compactions may
    /// purge deletions then.
    fn end_recovery(&self) -> Result<(), StorageError> {
        for store in self.tables() {
            if store.flushed_in_recovery.swap(false, Ordering::Relaxed) {
                let position = self.commit_log.position();
                self.flush_store(&store)?;
                self.note_persisted(store.id(), position)?;
            }
        }
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

    /// What of the commit log need not be replayed, of those tables that are selected: it is in SSTables, or was, or was
    /// truncated. New segments get greater ids.
    fn persisted(
        &self,
        selects: impl Fn(TableId) -> bool,
    ) -> Result<HashMap<TableId, Intervals>, StorageError> {
        let mut persisted = HashMap::new();
        let truncated = self.truncations()?;
        for store in self.tables().into_iter().filter(|store| selects(store.id())) {
            let mut intervals = self.persisted_intervals(&store);
            if let Some(truncation) = truncated.get(&store.id()) {
                intervals.add(CommitPosition::NONE, truncation.position);
            }
            if let Some((_, end)) = intervals.iter().last() {
                self.commit_log.go_beyond(end.segment);
            }
            persisted.insert(store.id(), intervals);
        }
        Ok(persisted)
    }

    /// What of the commit log is in a table's SSTables: those that this host wrote say so.
    fn persisted_intervals(&self, store: &TableStore) -> Intervals {
        let host_id = self.host_id.load_full().map(|id| *id);
        let table = store.metadata();
        let mut intervals = Intervals::default();
        for sstable in store.files().sstables().iter().filter(|s| s.is_written_here(&table, host_id)) {
            for (start, end) in &sstable.stats().commit_log_intervals {
                intervals.add(CommitPosition::from(*start), CommitPosition::from(*end));
            }
        }
        intervals
    }
}
