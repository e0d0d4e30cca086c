//! INSERT, UPDATE, DELETE and BATCH (Cassandra: `ModificationStatement`, `BatchStatement`).
//!
//! - [`operation`]: what is done to one column.
//! - [`row_update`]: the cells of one row, as they are made.
//! - [`attributes`]: `USING TIMESTAMP` and `USING TTL`.
//! - [`collector`]: the mutations that come of one or several statements.
//! - [`batch`][]: batches.
//! - [`condition`]: what must hold of a row.
//! - [`json`]: rows in JSON.
//! - [`conditional`]: statements and batches that are run only if that holds.

pub mod attributes;
pub mod batch;
pub mod collector;
pub mod condition;
pub mod conditional;
mod guard;
pub mod json;
pub mod operation;
pub mod row_update;

use std::borrow::Cow;
use std::sync::Arc;

use attributes::Attributes;
use collector::MutationCollector;
use conditional::ConditionalPart;
use json::JsonRow;
use operation::Operation;
use row_update::{RowUpdate, WriteTime};

use super::ExecutionContext;
use super::options::Values;
use super::restrictions::Restrictions;
use super::term::BindContext;
use crate::error::Error;
use crate::schema::TableMetadata;
use crate::storage::merge::merge_versions;
use crate::storage::model::{
    Clustering, ClusteringBound, ClusteringIndexFilter, ColumnFilter, DataLimits, DataRange, DecoratedKey,
    DeletionTime, LivenessInfo, PartitionResult, RangeTombstone, ReadCommand, ReadResponse, Row, RowFilter,
    Slice,
};
use crate::storage::{TableOrder, purge_row};

/// What kind of statement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModificationKind {
    /// `INSERT`
    Insert,
    /// `UPDATE`
    Update,
    /// `DELETE`
    Delete,
}

/// A planned INSERT, UPDATE or DELETE.
#[derive(Clone, Debug)]
pub struct ModificationPlan {
    /// What kind of statement it is.
    pub kind: ModificationKind,
    /// The table.
    pub table: Arc<TableMetadata>,
    /// The orders of the table.
    pub order: TableOrder,
    /// Which rows.
    pub restrictions: Restrictions,
    /// `USING …`
    pub attributes: Attributes,
    /// What is done to regular columns.
    pub regular: Vec<Operation>,
    /// What is done to static columns.
    pub statics: Vec<Operation>,
    /// `IF …`
    pub conditional: Option<Arc<ConditionalPart>>,
    /// The row in JSON.
    pub json: Option<Arc<JsonRow>>,
}

impl ModificationPlan {
    /// The values that its terms are bound to: those that came with the statement, and those of a row in JSON.
    pub fn values<'v>(&self, bound: &'v Values) -> Result<Cow<'v, Values>, Error> {
        match &self.json {
            None => Ok(Cow::Borrowed(bound)),
            Some(row) => row.append_to(bound).map(Cow::Owned),
        }
    }

    /// Sees that what it asks for goes together, once it is known that its user may run it (Cassandra:
    /// `ModificationStatement.validate`).
    pub fn validate(&self) -> Result<(), Error> {
        let (is_counter, is_virtual) = (self.table.is_counter, self.table.is_virtual());
        if !is_counter && !is_virtual {
            return Ok(());
        }
        let has_timestamp = self.attributes.timestamp.is_some();
        let has_ttl = self.attributes.ttl.is_some();
        let refusals = [
            (is_counter && has_timestamp, "Cannot provide custom timestamp for counter updates"),
            (is_counter && has_ttl, "Cannot provide custom TTL for counter updates"),
            (is_virtual && has_timestamp, "Custom timestamp is not supported by virtual tables"),
            (is_virtual && has_ttl, "Expiring columns are not supported by virtual tables"),
            (
                is_virtual && self.conditional.is_some(),
                "Conditional updates are not supported by virtual tables",
            ),
        ];
        match refusals.into_iter().find(|(is_refused, _)| *is_refused) {
            Some((_, message)) => Err(Error::invalid(message)),
            None => Ok(()),
        }
    }

    /// Whether rows have to be read before they can be changed.
    pub fn requires_read(&self) -> bool {
        self.regular.iter().chain(&self.statics).any(|op| op.action.requires_read())
    }

    /// Whether full rows are named, so that their regular part is written.
    fn updates_regular_rows(&self) -> bool {
        self.table.clustering.is_empty() || self.restrictions.has_clustering_restrictions()
    }

    fn has_slices(&self) -> bool {
        self.kind == ModificationKind::Delete
            && self.restrictions.has_clustering_restrictions()
            && self.restrictions.is_column_range
    }

    /// Adds what this statement does, with these bound values, to `collector`.
    pub fn add_updates(
        &self,
        context: &ExecutionContext<'_>,
        bind: &BindContext<'_>,
        default_timestamp: i64,
        collector: &mut MutationCollector,
    ) -> Result<(), Error> {
        let keys = self.restrictions.partition_keys(bind)?;
        self.add_updates_of(keys, context, bind, default_timestamp, collector)
    }

    /// The same, of these partitions.
    pub fn add_updates_of(
        &self,
        keys: Vec<DecoratedKey>,
        context: &ExecutionContext<'_>,
        bind: &BindContext<'_>,
        default_timestamp: i64,
        collector: &mut MutationCollector,
    ) -> Result<(), Error> {
        if self.has_slices() {
            return self.add_slices(bind, keys, context, default_timestamp, collector);
        }
        let names_rows = self.restrictions.has_clustering_restrictions();
        let clusterings = if names_rows { self.restrictions.clusterings(bind)? } else { Vec::new() };
        if names_rows && clusterings.is_empty() {
            return Ok(());
        }
        for clustering in &clusterings {
            check_clustering(clustering)?;
        }
        let time = self.attributes.write_time(bind, &self.table, default_timestamp, context)?;
        clusterings.iter().try_for_each(|clustering| check_whole(&self.table, clustering))?;
        let current = self.read_current(context, &keys, &clusterings)?;
        for key in keys {
            let here = current.as_ref().and_then(|r| r.partitions.iter().find(|p| p.key == key));
            let writer = RowWriter { plan: self, bind, time };
            writer.partition(&key, &clusterings, here, collector)?;
        }
        Ok(())
    }

    fn add_slices(
        &self,
        bind: &BindContext<'_>,
        keys: Vec<DecoratedKey>,
        context: &ExecutionContext<'_>,
        default_timestamp: i64,
        collector: &mut MutationCollector,
    ) -> Result<(), Error> {
        let slices = self.restrictions.slices(bind)?;
        if slices.is_empty() {
            return Ok(());
        }
        for bound in slices.iter().flat_map(|slice| [&slice.start, &slice.end]) {
            // Cassandra fails to write such a deletion down.
            if let Some(i) = bound.prefix.values().position(|value| value.is_none()) {
                let column = self.table.clustering.get(i).map_or("", |column| &column.name);
                return Err(Error::invalid(format!("Invalid null value in condition for column {column}")));
            }
        }
        let time = self.attributes.write_time(bind, &self.table, default_timestamp, context)?;
        for key in keys {
            self.delete_slices(&key, &slices, time, collector)?;
        }
        Ok(())
    }

    fn delete_slices(
        &self,
        key: &DecoratedKey,
        slices: &[Slice],
        time: WriteTime,
        collector: &mut MutationCollector,
    ) -> Result<(), Error> {
        if !self.regular.is_empty() || !self.statics.is_empty() {
            return Err(Error::invalid("Range deletions are not supported for specific columns"));
        }
        let update = collector.update(&self.table, &self.order, key);
        for slice in slices {
            update.range_tombstones.push(RangeTombstone { slice: slice.clone(), deletion: time.deletion() });
        }
        Ok(())
    }

    /// The rows as they are, where an operation has to know them.
    fn read_current(
        &self,
        context: &ExecutionContext<'_>,
        keys: &[DecoratedKey],
        clusterings: &[Clustering],
    ) -> Result<Option<ReadResponse>, Error> {
        if !self.requires_read() {
            return Ok(None);
        }
        let all_rows = clusterings.is_empty();
        let clustering = if all_rows {
            ClusteringIndexFilter::all()
        } else {
            ClusteringIndexFilter::Names { clusterings: clusterings.to_vec(), reversed: false }
        };
        let limits =
            if all_rows { DataLimits { per_partition: 1, ..DataLimits::NONE } } else { DataLimits::NONE };
        let mut command = ReadCommand {
            table: self.table.clone(),
            now_in_seconds: context.now_in_seconds,
            columns: ColumnFilter::ALL,
            range: DataRange::Keys(keys.to_vec()),
            clustering,
            row_filter: RowFilter::default(),
            limits,
            tracks_warnings: false,
            rest: None,
        };
        let report = |report: &crate::storage::ReadReport| context.report(report);
        let listener = context.listener(&report);
        let read = |command: &ReadCommand| {
            context.coordinator.read(command, context.options.consistency, context.io, listener)
        };
        let mut found = read(&command)?;
        let is_missing = |key: &&DecoratedKey| found.partitions.iter().all(|p| p.key != **key);
        let missing: Vec<DecoratedKey> = keys.iter().filter(is_missing).cloned().collect();
        if !all_rows && !missing.is_empty() && self.statics.iter().any(|op| op.action.requires_read()) {
            // None of their rows is there, but their static rows may be.
            command.range = DataRange::Keys(missing);
            command.clustering = ClusteringIndexFilter::Names { clusterings: Vec::new(), reversed: false };
            found.partitions.extend(read(&command)?.partitions);
        }
        Ok(Some(found))
    }
}

/// Writes the rows of one statement.
struct RowWriter<'a> {
    plan: &'a ModificationPlan,
    bind: &'a BindContext<'a>,
    time: WriteTime,
}

impl RowWriter<'_> {
    /// What the statement does to a partition: to the rows of these clusterings, where it names any. `current` is the
    /// partition as it is, where it was read.
    fn partition(
        &self,
        key: &DecoratedKey,
        clusterings: &[Clustering],
        current: Option<&PartitionResult>,
        collector: &mut MutationCollector,
    ) -> Result<(), Error> {
        let plan = self.plan;
        if plan.kind == ModificationKind::Delete && plan.regular.is_empty() && plan.statics.is_empty() {
            self.delete_whole(key, clusterings, collector);
            return Ok(());
        }
        if plan.updates_regular_rows() && (plan.kind != ModificationKind::Delete || !plan.regular.is_empty())
        {
            let only = [Clustering::EMPTY];
            let names_rows = plan.restrictions.has_clustering_restrictions();
            for clustering in if names_rows { clusterings } else { &only } {
                let row = current.and_then(|p| plan.order.find_row(&p.rows, clustering));
                self.regular_row(key, clustering, row, collector)?;
            }
        } else if !plan.regular.is_empty() {
            return Err(Error::invalid("Range deletions are not supported for specific columns"));
        }
        if !plan.statics.is_empty() {
            // As often as rows are named, which adds to lists and counters as often (Cassandra: `addUpdateForKey`).
            for _ in 0..clusterings.len().max(1) {
                self.static_row(key, current.and_then(|p| p.static_row.as_ref()), collector)?;
            }
        }
        Ok(())
    }

    fn regular_row(
        &self,
        key: &DecoratedKey,
        clustering: &Clustering,
        current: Option<&Row>,
        collector: &mut MutationCollector,
    ) -> Result<(), Error> {
        let liveness = match self.plan.kind {
            // A row of a compact table exists only as long as it has a value.
            ModificationKind::Insert if self.plan.table.is_compact() => LivenessInfo::EMPTY,
            ModificationKind::Insert => self.time.liveness(),
            ModificationKind::Update | ModificationKind::Delete => LivenessInfo::EMPTY,
        };
        if self.plan.table.is_compact() && self.plan.regular.is_empty() {
            let row = self.compact_row(clustering)?;
            collector.update(&self.plan.table, &self.plan.order, key).rows.push(row);
            return Ok(());
        }
        self.row(&self.plan.regular, clustering, liveness, current, |row| {
            collector.update(&self.plan.table, &self.plan.order, key).rows.push(row);
        })
    }

    /// A row of a compact table of which only the key is given: right only where the table has nothing else.
    fn compact_row(&self, clustering: &Clustering) -> Result<Row, Error> {
        let mut update = RowUpdate::new(self.time);
        if let Some(value) = self.plan.table.regular_columns.first() {
            if !self.plan.table.is_hidden(value) {
                let name = &value.name;
                return Err(Error::invalid(format!(
                    "Column {name} is mandatory for this COMPACT STORAGE table"
                )));
            }
            update.cell(value.id, None, &[]);
        }
        Ok(update.build(clustering, LivenessInfo::EMPTY, DeletionTime::LIVE))
    }

    fn static_row(
        &self,
        key: &DecoratedKey,
        current: Option<&Row>,
        collector: &mut MutationCollector,
    ) -> Result<(), Error> {
        self.row(&self.plan.statics, &Clustering::EMPTY, LivenessInfo::EMPTY, current, |row| {
            collector.update(&self.plan.table, &self.plan.order, key).static_rows.push(row);
        })
    }

    /// Runs operations on one row. A column that several of them change gets a row for each, which the collector
    /// merges, so that its cells come into their order and none is there twice.
    fn row(
        &self,
        operations: &[Operation],
        clustering: &Clustering,
        liveness: LivenessInfo,
        current: Option<&Row>,
        mut give: impl FnMut(Row),
    ) -> Result<(), Error> {
        let mut update = RowUpdate::new(self.time);
        let mut changed = smallvec::SmallVec::<[crate::schema::ColumnId; 4]>::new();
        let mut here = current.map(Cow::Borrowed);
        for operation in operations {
            // Only a DELETE may name a column of one cell twice.
            if operation.column.is_complex() || self.plan.kind == ModificationKind::Delete {
                if changed.contains(&operation.column.id) {
                    let done = std::mem::replace(&mut update, RowUpdate::new(self.time));
                    let done = done.build(clustering, LivenessInfo::EMPTY, DeletionTime::LIVE);
                    if self.plan.requires_read() {
                        here = self.after(here.as_deref(), &done).map(Cow::Owned);
                    }
                    give(done);
                    changed.clear();
                }
                changed.push(operation.column.id);
            }
            operation.execute(self.bind, &mut update, here.as_deref())?;
        }
        give(update.build(clustering, liveness, DeletionTime::LIVE));
        Ok(())
    }

    /// A row as the next operation of the statement finds it: with what those before did (Cassandra:
    /// `UpdateParameters.getPrefetchedRow`).
    fn after(&self, row: Option<&Row>, done: &Row) -> Option<Row> {
        let Some(row) = row else { return Some(done.clone()) };
        let both = merge_versions(&self.plan.order, &[row, done], DeletionTime::LIVE, &ColumnFilter::ALL)?;
        purge_row(&self.plan.table, &both, self.time.now_in_seconds)
    }

    /// Deletes the partition, rows, or all rows with a common prefix.
    fn delete_whole(
        &self,
        key: &DecoratedKey,
        clusterings: &[Clustering],
        collector: &mut MutationCollector,
    ) {
        let plan = self.plan;
        let deletion = self.time.deletion();
        let update = collector.update(&plan.table, &plan.order, key);
        if clusterings.is_empty() {
            update.deletion = update.deletion.max(deletion);
        }
        for clustering in clusterings {
            if clustering.len() == plan.table.clustering.len() {
                let mut row = RowUpdate::new(self.time);
                // A row of a compact table is its one value (Cassandra: `UpdateParameters.addRowDeletion`).
                let value = plan.table.regular_columns.first().filter(|_| plan.table.is_compact());
                let row_deletion = if value.is_some() { DeletionTime::LIVE } else { deletion };
                if let Some(value) = value {
                    row.tombstone(value.id, None);
                }
                update.rows.push(row.build(clustering, LivenessInfo::EMPTY, row_deletion));
            } else {
                let bound = |kind| ClusteringBound { kind, prefix: clustering.clone() };
                let slice = Slice {
                    start: bound(crate::storage::model::BoundKind::InclStart),
                    end: bound(crate::storage::model::BoundKind::InclEnd),
                };
                update.range_tombstones.push(RangeTombstone { slice, deletion });
            }
        }
    }
}

/// The longest clustering value.
const CLUSTERING_LENGTH_MAX: usize = 65535;

/// What was before CQL refused rows of compact tables without a clustering (Cassandra: `UpdateParameters.newRow`).
fn check_whole(table: &TableMetadata, clustering: &Clustering) -> Result<(), Error> {
    if let [column] = &table.clustering[..]
        && table.is_dense
        && !table.is_compound
        && clustering.get(0).is_none_or(<[u8]>::is_empty)
    {
        let name = &column.name;
        return Err(Error::invalid(format!("Invalid empty or null value for column {name}")));
    }
    Ok(())
}

fn check_clustering(clustering: &Clustering) -> Result<(), Error> {
    let total: usize = clustering.values().flatten().map(<[u8]>::len).sum();
    if total > CLUSTERING_LENGTH_MAX {
        return Err(Error::invalid(format!(
            "Key length of {total} is longer than maximum of {CLUSTERING_LENGTH_MAX}"
        )));
    }
    Ok(())
}
