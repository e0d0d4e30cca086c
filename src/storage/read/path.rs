//! Where a read finds its sources.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::engine::{IoMode, Origin, Storage};
use super::super::error::StorageError;
use super::super::merge::{MergedPartitions, MergedRows};
use super::super::model::{
    ClusteringIndexFilter, ColumnFilter, DataRange, DecoratedKey, DeletionTime, KeyBound, ReadCommand,
    ReadResponse, RestOfPartition,
};
use super::super::order::TableOrder;
use super::super::table_store::TableStore;
use super::super::trace::Steps;
use super::super::unfiltered::{
    BoxedPartitionIterator, BoxedRowIterator, UnfilteredPartitionIterator, UnfilteredRowIterator,
};
use super::collector::Collector;
use super::watch::ReadLimits;
use crate::schema::{TableMetadata, system};
use crate::types::token::decode_partition_key;

/// Rows that a read may look at on a connection's task, so that it does not keep others waiting.
const EXAMINED_INLINE_MAX: u64 = 20_000;

impl Storage {
    /// Answers a read.
    pub fn read(&self, command: &ReadCommand, mode: IoMode) -> Result<ReadResponse, StorageError> {
        self.read_for(Origin::Node, command, mode, Steps::NONE)
    }

    /// Answers a read for somebody, who may want to know how it is done.
    pub fn read_for(
        &self,
        origin: Origin,
        command: &ReadCommand,
        mode: IoMode,
        steps: Steps<'_>,
    ) -> Result<ReadResponse, StorageError> {
        self.read_from_sources(origin, command, mode, steps).inspect_err(|error| self.inspect(error))
    }

    fn read_from_sources(
        &self,
        origin: Origin,
        command: &ReadCommand,
        mode: IoMode,
        steps: Steps<'_>,
    ) -> Result<ReadResponse, StorageError> {
        let mut collector = Collector::new(command, self.read_limits(command, mode));
        if command.table.is_virtual() {
            self.read_virtual(command, &mut collector)?;
            return Ok(collector.finish());
        }
        let started = Instant::now();
        let store = self.required_table(command.table.id)?;
        match &command.range {
            DataRange::Keys(keys) => {
                for key in keys {
                    if collector.is_done() {
                        break;
                    }
                    let before = (keys.len() > 1).then(|| (Instant::now(), collector.costs()));
                    read_partition(&store, key, command, mode, &mut collector, steps)?;
                    if let Some((started, before)) = before {
                        let costs = collector.costs_since(before);
                        Self::measure(&store, origin, command, costs, started.elapsed());
                    }
                }
            }
            DataRange::Range { start, end } => {
                let (sources, sstables) = range_sources(&store, command, (start, end), mode);
                steps.note(|| {
                    format!("Executing seq scan across {sstables} sstables for {}", command.table.name)
                });
                if let Some(rest) = &command.rest {
                    read_rest(&store, rest, command, mode, &mut collector, steps)?;
                }
                let reversed = command.clustering.is_reversed();
                let mut partitions =
                    MergedPartitions::new(store.order(), reversed, sources).with_columns(&command.columns);
                while !collector.is_done() {
                    let Some(mut partition) = partitions.next_partition()? else { break };
                    collector.add(&mut partition)?;
                }
            }
        }
        let response = collector.finish();
        if !matches!(command.range, DataRange::Keys(_)) {
            steps.note(|| found_text(response.rows(), response.tombstones_scanned));
        }
        self.check_values(command, &response)?;
        // Of several partitions each is a read of its own.
        if !matches!(&command.range, DataRange::Keys(keys) if keys.len() > 1) {
            let costs = (response.rows(), response.tombstones_scanned);
            Self::measure(&store, origin, command, costs, started.elapsed());
        }
        Ok(response)
    }

    /// Refuses answers with longer values than are allowed: those of SSTables were refused before, but memtables may
    /// hold them, if mutations may be larger than values (Cassandra: `AbstractType.read`, of a replica's response).
    fn check_values(&self, command: &ReadCommand, response: &ReadResponse) -> Result<(), StorageError> {
        let options = self.options();
        let most = options.value_bytes_max;
        if usize::try_from(options.commit_log.max_mutation_bytes).is_ok_and(|mutation| mutation <= most) {
            return Ok(());
        }
        let is_variable =
            |id| command.table.column_by_id(id).is_some_and(|c| c.cql_type.fixed_length().is_none());
        let rows = response
            .partitions
            .iter()
            .flat_map(|partition| partition.static_row.iter().chain(&partition.rows));
        let mut cells = rows.filter(|row| row.data_len() > most).flat_map(|row| row.cells());
        match cells.find(|cell| cell.value.len() > most && is_variable(cell.column)) {
            Some(cell) => Err(StorageError::LongValue { length: cell.value.len(), most }),
            None => Ok(()),
        }
    }

    /// Counts a read that found so many rows, and so much that was deleted. Neither counts as less than one, as in
    /// Cassandra, whose histograms have no place for zero.
    fn measure(
        store: &TableStore,
        origin: Origin,
        command: &ReadCommand,
        (rows, tombstones): (u64, u64),
        took: Duration,
    ) {
        let metrics = &store.metrics;
        let (local, coordinated) = match &command.range {
            DataRange::Keys(_) => (&metrics.local_read, &metrics.coordinator_read),
            DataRange::Range { .. } => (&metrics.local_scan, &metrics.coordinator_scan),
        };
        local.record_time(took);
        if origin == Origin::Client {
            coordinated.record_time(took);
        }
        metrics.tombstones_per_read.record(tombstones.max(1));
        metrics.rows_per_read.record(rows.max(1));
    }

    fn read_limits(&self, command: &ReadCommand, mode: IoMode) -> ReadLimits {
        let is_local = system::is_local_system_keyspace(&command.table.keyspace);
        let is_system = system::is_system_keyspace(&command.table.keyspace);
        let options = self.options();
        ReadLimits {
            tombstones_warn: if is_local { u64::MAX } else { options.tombstone_warn_threshold },
            tombstones: if is_local { u64::MAX } else { options.tombstone_failure_threshold },
            sizes: options.read_thresholds.filter(|_| command.tracks_warnings && !is_system),
            examined: if mode == IoMode::MemoryOnly { EXAMINED_INLINE_MAX } else { u64::MAX },
        }
    }

    fn read_virtual(&self, command: &ReadCommand, collector: &mut Collector<'_>) -> Result<(), StorageError> {
        let table = self.virtual_tables.read().get(&command.table.id).cloned();
        let table = table.ok_or_else(|| {
            let name = format!("{}.{}", command.table.keyspace, command.table.name);
            StorageError::Invalid(format!("Virtual table {name} is not available on this node"))
        })?;
        let order = TableOrder::new(&command.table);
        match &command.range {
            DataRange::Keys(keys) => {
                for key in keys {
                    let found = table.rows(Some(key)).into_iter().find(|p| p.key == *key);
                    match found {
                        Some(partition) if !collector.is_done() => {
                            collector.add_result(&order, &command.clustering, partition)
                        }
                        _ => collector.skip(),
                    }
                }
            }
            DataRange::Range { start, end } => {
                if let Some(rest) = &command.rest {
                    match table.rows(Some(&rest.key)).into_iter().find(|p| p.key == rest.key) {
                        Some(partition) => collector.add_result(&order, &rest.clustering, partition),
                        None => collector.skip(),
                    }
                }
                for partition in table.rows(None) {
                    if !collector.is_done() && is_within_by_key(&command.table, &partition.key, start, end) {
                        collector.add_result(&order, &command.clustering, partition);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Adds what is wanted of one partition.
fn read_partition(
    store: &TableStore,
    key: &DecoratedKey,
    command: &ReadCommand,
    mode: IoMode,
    collector: &mut Collector<'_>,
    steps: Steps<'_>,
) -> Result<(), StorageError> {
    steps.note(|| format!("Executing single-partition query on {}", command.table.name));
    store.counters.reads.fetch_add(1, Ordering::Relaxed);
    let before = steps.are_wanted().then(|| collector.found());
    let sources = partition_sources(store, (key, &command.clustering, &command.columns), mode, steps)?;
    if sources.is_empty() {
        collector.skip();
    } else {
        let reversed = command.clustering.is_reversed();
        let mut rows =
            MergedRows::new(store.order(), key.clone(), reversed, sources).with_columns(&command.columns);
        collector.add(&mut rows)?;
        collector.end_of_read();
    }
    if let Some(before) = before {
        let after = collector.found();
        steps.note(|| found_text(after.0 - before.0, after.1 - before.1));
    }
    Ok(())
}

/// Adds what is wanted of the rest of a partition with which a range begins.
fn read_rest(
    store: &TableStore,
    rest: &RestOfPartition,
    command: &ReadCommand,
    mode: IoMode,
    collector: &mut Collector<'_>,
    steps: Steps<'_>,
) -> Result<(), StorageError> {
    let RestOfPartition { key, clustering } = rest;
    let sources = partition_sources(store, (key, clustering, &command.columns), mode, steps)?;
    if sources.is_empty() {
        collector.skip();
        return Ok(());
    }
    let reversed = clustering.is_reversed();
    let mut rows =
        MergedRows::new(store.order(), key.clone(), reversed, sources).with_columns(&command.columns);
    collector.add(&mut rows)
}

fn found_text(rows: u64, tombstones: u64) -> String {
    format!("Read {rows} live rows and {tombstones} tombstone cells")
}

/// All sources that hold something of a partition that filters may select. SSTables come newest first: where one
/// deletes the whole partition, those that have only older data are not looked at.
pub fn partition_sources(
    store: &TableStore,
    (key, filter, columns): (&DecoratedKey, &ClusteringIndexFilter, &ColumnFilter),
    mode: IoMode,
    steps: Steps<'_>,
) -> Result<Vec<BoxedRowIterator>, StorageError> {
    let memtables = store.memtables();
    let mut sources: Vec<BoxedRowIterator> = Vec::new();
    let mut deletion = DeletionTime::LIVE;
    for memtable in memtables.iter() {
        if let Some(rows) = memtable.rows(key, filter) {
            deletion = deletion.max(rows.partition_deletion());
            sources.push(Box::new(rows));
        }
    }
    steps.note(|| "Acquiring sstable references".to_owned());
    let sstables = store.files().sstables();
    let mut looked_into = 0;
    for (older, sstable) in sstables.iter().enumerate() {
        if sstable.stats().max_timestamp <= deletion.marked_for_delete_at {
            steps.note(|| {
                let skipped = sstables.len() - older;
                format!(
                    "Skipped {skipped}/{} sstables that are older than the partition's deletion",
                    sstables.len()
                )
            });
            break;
        }
        match sstable.read(key, filter, columns, mode)? {
            Some(rows) => {
                looked_into += 1;
                deletion = deletion.max(rows.partition_deletion());
                steps.note(|| format!("Partition index found for sstable {}", sstable.descriptor().id));
                sources.push(Box::new(rows));
            }
            None => steps.note(|| sstable.why_not(key, filter)),
        }
    }
    steps.note(|| format!("Merged data from memtables and {looked_into} sstables"));
    store.metrics.sstables_per_read.record(looked_into);
    Ok(sources)
}

/// All sources that may hold something of a range of partitions, and how many SSTables there are among them.
fn range_sources(
    store: &TableStore,
    command: &ReadCommand,
    (start, end): (&KeyBound, &KeyBound),
    mode: IoMode,
) -> (Vec<BoxedPartitionIterator>, usize) {
    let filter = &command.clustering;
    let memtables = store.memtables();
    let mut sources: Vec<BoxedPartitionIterator> = Vec::new();
    for memtable in memtables.iter() {
        sources.push(Box::new(memtable.partitions(start, end, filter.clone())));
    }
    let sstables = store.files().sstables();
    for sstable in sstables.iter() {
        let scan = Arc::clone(sstable).scan(
            start.clone(),
            end.clone(),
            filter.clone(),
            command.columns.clone(),
            mode,
        );
        sources.push(Box::new(scan));
    }
    (sources, sstables.len())
}

/// Whether a key of a virtual table is between two bounds: such tables are in the order of their keys, not of tokens.
fn is_within_by_key(table: &TableMetadata, key: &DecoratedKey, start: &KeyBound, end: &KeyBound) -> bool {
    let values = |key: &DecoratedKey| -> Vec<Vec<u8>> {
        if !table.orders_keys_by_values() {
            return vec![key.key.to_vec()];
        }
        let values = decode_partition_key(&key.key, table.partition_key.len()).unwrap_or_default();
        values.into_iter().map(<[u8]>::to_vec).collect()
    };
    let order = |bound: &KeyBound| match bound {
        KeyBound::Unbounded => None,
        KeyBound::Token(token, inclusive) => Some((key.token.cmp(token), *inclusive)),
        KeyBound::Key(bound, inclusive) => Some((values(key).cmp(&values(bound)), *inclusive)),
    };
    let after_start =
        order(start).is_none_or(|(order, inclusive)| order.is_gt() || (inclusive && order.is_eq()));
    let before_end =
        order(end).is_none_or(|(order, inclusive)| order.is_lt() || (inclusive && order.is_eq()));
    after_start && before_end
}
