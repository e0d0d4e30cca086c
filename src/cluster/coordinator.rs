//! Takes reads and writes to the replicas and waits for as many as the consistency level asks for. So far the only
//! replica is this node.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::disk_usage::DiskUsage;
use super::local_node;
use super::replicas::{LocalNode, ReplicaCounts, TableReplicas};
use super::schema_store;
use super::settings::Settings;
use crate::consistency::{Consistency, RequestFailureReason, WriteType};
use crate::env::clock::Clock;
use crate::error::Error;
use crate::event::Event;
use crate::metrics::BatchMetrics;
use crate::schema::{Schema, SchemaRef, TableMetadata};
use crate::storage::model::{DataRange, Mutation, Mutations, ReadCommand, ReadResponse};
use crate::storage::{CommitPosition, IoMode, Origin, Passed, ReadReport, Steps, Storage, StorageError};

/// Who hears of a read, besides of its answer.
#[derive(Clone, Copy)]
pub struct ReadListener<'a> {
    /// Takes what the replicas say of thresholds that the read passed, whether it ended the read or not.
    pub report: &'a dyn Fn(&ReadReport),
    /// Take how it is done.
    pub steps: Steps<'a>,
}

/// The coordinator of a node.
pub struct Coordinator {
    storage: Arc<Storage>,
    schema: Arc<SchemaRef>,
    clock: Arc<dyn Clock>,
    node: LocalNode,
    settings: Settings,
    batches: BatchMetrics,
    disk_usage: DiskUsage,
    /// The replicas of tables, made anew where the schema has changed.
    replicas: ArcSwap<TableReplicas>,
    /// Held while the schema changes: one change after the other.
    schema_lock: Mutex<()>,
    events: broadcast::Sender<Event>,
}

/// News that were not fetched by then are lost to a slow client.
const EVENTS_MAX: usize = 1024;

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coordinator").field("node", &self.node).finish_non_exhaustive()
    }
}

impl Coordinator {
    /// The coordinator of this node.
    pub fn new(
        storage: Arc<Storage>,
        schema: Arc<SchemaRef>,
        clock: Arc<dyn Clock>,
        node: LocalNode,
        settings: Settings,
    ) -> Self {
        let (events, schema_lock) = (broadcast::channel(EVENTS_MAX).0, Mutex::new(()));
        let (batches, replicas) = (BatchMetrics::default(), ArcSwap::default());
        let disk_usage = DiskUsage::default();
        Self { storage, schema, clock, node, settings, batches, disk_usage, replicas, schema_lock, events }
    }

    /// The local store.
    pub fn storage(&self) -> &Arc<Storage> {
        &self.storage
    }

    /// Where the schema is found.
    pub fn schema_ref(&self) -> &Arc<SchemaRef> {
        &self.schema
    }

    /// The schema as it is now.
    pub fn schema(&self) -> Arc<Schema> {
        self.schema.load()
    }

    /// The node's clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// What is known of this node.
    pub fn node(&self) -> &LocalNode {
        &self.node
    }

    /// The thresholds that requests are held against.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is measured of batches.
    pub fn batches(&self) -> &BatchMetrics {
        &self.batches
    }

    /// How full the disks are.
    pub fn disk_usage(&self) -> &DiskUsage {
        &self.disk_usage
    }

    /// Tells clients that registered for it.
    pub fn publish(&self, event: Event) {
        // That nobody listens is no error.
        let _ = self.events.send(event);
    }

    /// News from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Changes the schema: `transform` gives the new one, or none where nothing changes, and what the caller wants to
    /// know of it. When this returns the change is durable and visible. Waits for the disk.
    pub fn change_schema<R>(
        &self,
        transform: impl FnOnce(&Schema) -> Result<(Option<Schema>, R), Error>,
    ) -> Result<R, Error> {
        let _lock = self.schema_lock.lock();
        let before = self.schema.load();
        let (after, result) = transform(&before)?;
        let Some(mut after) = after else { return Ok(result) };
        schema_store::write(&self.storage, &before, &mut after, self.settings.cdc_enabled)?;
        self.storage.schema_changed(&after)?;
        local_node::write_schema_version(&self.storage, &after)?;
        self.schema.store(Arc::new(after));
        Ok(result)
    }

    /// Writes mutations at a consistency level, and gives the place of the last one in the commit log. Reads see them
    /// when this returns; they are durable once `Storage::write_out` was called and `Storage::synced` has finished.
    /// [`Error::WouldBlock`] where a write has to read first and must not wait for the disk; nothing was written then.
    pub fn mutate(
        &self,
        mutations: Mutations,
        consistency: Consistency,
        write_type: WriteType,
        io: IoMode,
        steps: Steps<'_>,
    ) -> Result<CommitPosition, Error> {
        for mutation in &mutations {
            let Some(update) = mutation.updates.first() else { continue };
            self.check_replicas(&update.table, consistency, true)?;
        }
        // Of several, none must be applied before it is known that all can be.
        if io == IoMode::MemoryOnly
            && mutations.len() > 1
            && mutations.iter().any(|mutation| self.storage.reads_first(mutation))
        {
            return Err(Error::WouldBlock);
        }
        let mut last = CommitPosition::default();
        for mutation in mutations {
            last = self
                .apply_traced(mutation, io, steps)
                .map_err(|e| self.write_error(e, consistency, write_type))?;
        }
        Ok(last)
    }

    /// Writes what a client wants written, on this replica.
    pub(super) fn apply_traced(
        &self,
        mutation: Mutation,
        io: IoMode,
        steps: Steps<'_>,
    ) -> Result<CommitPosition, StorageError> {
        if !steps.are_wanted() {
            return self.storage.apply_for(Origin::Client, mutation, io);
        }
        let tables: Vec<_> = mutation.updates.iter().map(|update| update.table.clone()).collect();
        let is_durable =
            |keyspace: &str| self.schema().keyspace(keyspace).is_none_or(|k| k.params.durable_writes);
        if tables.first().is_some_and(|table| is_durable(&table.keyspace)) {
            steps.note(|| "Appending to commitlog".to_owned());
        }
        let position = self.storage.apply_for(Origin::Client, mutation, io)?;
        for table in tables {
            steps.note(|| format!("Adding to {} memtable", table.name));
        }
        Ok(position)
    }

    /// Reads at a consistency level.
    pub fn read(
        &self,
        command: &ReadCommand,
        consistency: Consistency,
        io: IoMode,
        listener: ReadListener<'_>,
    ) -> Result<ReadResponse, Error> {
        if consistency == Consistency::Any {
            return Err(Error::invalid("ANY ConsistencyLevel is only supported for writes"));
        }
        let level = level_of_read(consistency, &command.range);
        if !command.table.is_virtual() {
            self.check_replicas(&command.table, level, false)?;
        }
        let response = self.storage.read_for(Origin::Client, command, io, listener.steps);
        match &response {
            Ok(response) => response.reports.iter().for_each(listener.report),
            Err(StorageError::ReadAborted(aborted)) => (listener.report)(aborted),
            Err(_) => {}
        }
        response.map_err(|e| self.read_error(e, level))
    }

    /// `Unavailable` where fewer replicas of a table live than must answer.
    fn check_replicas(&self, table: &TableMetadata, level: Consistency, is_write: bool) -> Result<(), Error> {
        let schema = self.schema.load();
        let check = |replicas: &TableReplicas| match replicas.get(table.id) {
            Some(counts) => counts.check(level, &self.node, is_write),
            None => self.replicas(&schema, &table.keyspace).check(level, &self.node, is_write),
        };
        let known = self.replicas.load();
        if known.are_of(&schema) {
            return check(&known);
        }
        let new = Arc::new(TableReplicas::of(&schema, &self.node));
        self.replicas.store(new.clone());
        check(&new)
    }

    pub(super) fn replicas(&self, schema: &Schema, keyspace: &str) -> ReplicaCounts {
        match schema.keyspace(keyspace) {
            Some(metadata) => ReplicaCounts::of(&metadata.params.replication, &self.node),
            None => ReplicaCounts { all: 1, by_datacenter: Vec::new(), alive: 1 },
        }
    }

    /// What a client is told of a read that the only replica failed.
    fn read_error(&self, error: StorageError, consistency: Consistency) -> Error {
        let failure = |reason, detail| Error::ReadFailure {
            consistency,
            received: 0,
            block_for: 1,
            data_present: false,
            failures: vec![(self.node.address(), reason)],
            detail,
        };
        match error {
            StorageError::WouldBlock => Error::WouldBlock,
            StorageError::Invalid(message) => Error::Invalid(message),
            // In Cassandra it is the coordinator who does not take it from the replica's response.
            long @ StorageError::LongValue { .. } => {
                Error::server(format!("java.io.IOError: java.io.IOException: {long}"))
            }
            StorageError::ReadAborted(report) => {
                let reason = match report.tombstones {
                    Passed::Fail(_) => RequestFailureReason::ReadTooManyTombstones,
                    _ => RequestFailureReason::ReadSize,
                };
                failure(reason, report.detail())
            }
            other => {
                tracing::error!(error = %other, "a read failed");
                failure(RequestFailureReason::Unknown, None)
            }
        }
    }

    /// What a client is told of a write that the only replica failed.
    pub(super) fn write_error(
        &self,
        error: StorageError,
        consistency: Consistency,
        write_type: WriteType,
    ) -> Error {
        match error {
            StorageError::WouldBlock => Error::WouldBlock,
            StorageError::Invalid(message) => Error::Invalid(message),
            // Until memtables were flushed, in vain.
            StorageError::Overloaded(_) => {
                Error::WriteTimeout { consistency, received: 0, block_for: 1, write_type }
            }
            other => {
                tracing::error!(error = %other, "a write failed");
                let failures = vec![(self.node.address(), RequestFailureReason::Unknown)];
                Error::WriteFailure { consistency, received: 0, block_for: 1, write_type, failures }
            }
        }
    }
}

/// Refuses levels that make no sense for a single write (Cassandra: `validateForWrite`, `validateCounterForWrite`).
/// Batches are not held against it.
pub fn validate_for_write(consistency: Consistency, table: &TableMetadata) -> Result<(), Error> {
    match (consistency, table.is_counter) {
        (Consistency::Any, true) => Err(Error::invalid(format!(
            "Consistency level ANY is not yet supported for counter table {}",
            table.name
        ))),
        (Consistency::Serial | Consistency::LocalSerial, true) => {
            Err(Error::invalid("Counter operations are inherently non-serializable"))
        }
        (Consistency::Serial | Consistency::LocalSerial, false) => {
            Err(Error::invalid("You must use conditional updates for serializable writes"))
        }
        _ => Ok(()),
    }
}

/// The level at which the read of a serial level has to find replicas. Ranges of partitions are read at it as it is.
fn level_of_read(consistency: Consistency, range: &DataRange) -> Consistency {
    match (consistency, range) {
        (Consistency::Serial, DataRange::Keys(_)) => Consistency::Quorum,
        (Consistency::LocalSerial, DataRange::Keys(_)) => Consistency::LocalQuorum,
        (other, _) => other,
    }
}
