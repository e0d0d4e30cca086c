//! Batches (Cassandra: `BatchStatement`).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ModificationPlan;
use super::attributes::Attributes;
use super::collector::MutationCollector;
use super::conditional::{Answer, ConditionalRequest, single_key};
use crate::cluster::timeouts::TimeoutKind;
use crate::consistency::WriteType;
use crate::error::Error;
use crate::exec::ExecutionContext;
use crate::exec::options::{QueryOptions, Values};
use crate::exec::plan::{Outcome, conditional_timed_out};
use crate::exec::result::Rows;
use crate::guardrails::Guard;
use crate::schema::{ColumnMetadata, TableMetadata};
use crate::storage::model::{ClusteringBound, DecoratedKey, Mutation, PartitionUpdate, RangeTombstone, Row};

/// The kinds of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchKind {
    /// All of it happens in the end.
    Logged,
    /// No such promise.
    Unlogged,
    /// Counter updates.
    Counter,
}

/// A planned batch.
#[derive(Clone, Debug)]
pub struct BatchPlan {
    /// Its kind.
    pub kind: BatchKind,
    /// `USING TIMESTAMP`.
    pub attributes: Attributes,
    /// Its statements in order.
    pub statements: Vec<Arc<ModificationPlan>>,
}

impl BatchPlan {
    /// Whether it changes several counters' partitions, perhaps, of which none may be counted before all can be.
    pub fn counts_several(&self) -> bool {
        self.changes_counters() && self.statements.len() > 1
    }

    /// Whether its statements change counters.
    pub fn changes_counters(&self) -> bool {
        self.statements.iter().any(|statement| statement.table.is_counter)
    }

    /// Refuses what must not stand in one batch.
    pub fn validate(&self) -> Result<(), Error> {
        let refuse = |message: &str| Err(Error::invalid(message));
        if self.attributes.ttl.is_some() {
            return refuse("Global TTL on the BATCH statement is not supported.");
        }
        let timestamp_set = self.attributes.timestamp.is_some();
        let has_conditions = self.has_conditions();
        if timestamp_set && has_conditions {
            return refuse("Cannot provide custom timestamp for conditional BATCH");
        }
        if timestamp_set && self.kind == BatchKind::Counter {
            return refuse("Cannot provide custom timestamp for counter BATCH");
        }
        if timestamp_set && self.statements.iter().any(|s| s.attributes.timestamp.is_some()) {
            return refuse("Timestamp must be set either on BATCH or individual statements");
        }
        let counters = self.changes_counters();
        let others = self.statements.iter().any(|s| !s.table.is_counter);
        if timestamp_set && counters {
            return refuse("Cannot provide custom timestamp for a BATCH containing counters");
        }
        if self.kind == BatchKind::Counter && others {
            return refuse("Cannot include non-counter statement in a counter batch");
        }
        if counters && others {
            return refuse("Counter and non-counter mutations cannot exist in the same batch");
        }
        if self.kind == BatchKind::Logged && counters {
            return refuse("Cannot include a counter statement in a logged batch");
        }
        let virtual_tables = self.statements.iter().any(|s| s.table.is_virtual());
        let regular_tables = self.statements.iter().any(|s| !s.table.is_virtual());
        if self.kind == BatchKind::Logged && virtual_tables {
            return refuse("Cannot include a virtual table statement in a logged batch");
        }
        if virtual_tables && regular_tables {
            return refuse("Mutations for virtual and regular tables cannot exist in the same batch");
        }
        if has_conditions && virtual_tables {
            return refuse("Conditional BATCH statements cannot include mutations for virtual tables");
        }
        if has_conditions && self.statements.iter().any(|s| s.table.id != self.statements[0].table.id) {
            return refuse("Batch with conditions cannot span multiple tables");
        }
        Ok(())
    }

    /// Holds against guardrails what is known before anything is bound.
    pub fn guard(&self, guard: Guard<'_>) -> Result<(), Error> {
        self.statements.iter().try_for_each(|statement| statement.guard(guard))
    }

    /// Whether any of its statements has conditions.
    pub fn has_conditions(&self) -> bool {
        self.statements.iter().any(|statement| statement.conditional.is_some())
    }

    /// Runs it. `values` gives the bound values of each statement.
    pub fn execute<'v>(
        &self,
        context: &ExecutionContext<'_>,
        values: impl Fn(usize) -> &'v Values,
    ) -> Result<Outcome, Error> {
        self.statements.iter().try_for_each(|statement| statement.validate())?;
        if let Some(guard) = context.guard() {
            self.guard(guard)?;
            context.guard_write_levels(guard)?;
            self.statements.iter().try_for_each(|_| context.guard_disks(guard))?;
        }
        let mut all_values = Vec::with_capacity(self.statements.len());
        for (i, statement) in self.statements.iter().enumerate() {
            all_values.push(statement.values(values(i))?);
        }
        let values = |i: usize| &*all_values[i];
        if self.has_conditions() {
            return self.execute_conditionally(context, values).map(Outcome::Conditional);
        }
        let mut collector = MutationCollector::default();
        let mut keys = self.keys_to_guard(context, values)?.map(Vec::into_iter);
        for (i, statement) in self.statements.iter().enumerate() {
            let bind = context.bind(values(i));
            let timestamp = self.attributes.timestamp(&bind, context.timestamp)?;
            let added = match keys.as_mut().and_then(Iterator::next) {
                None => statement.add_updates(context, &bind, timestamp, &mut collector),
                Some(keys) => statement.add_updates_of(keys, context, &bind, timestamp, &mut collector),
            };
            added.map_err(|error| self.refused_key(context, &values).unwrap_or(error))?;
        }
        if self.kind == BatchKind::Logged {
            self.warn_of_short_grace(context);
        }
        let mutations = collector.finish();
        if mutations.is_empty() {
            return Ok(Outcome::Void);
        }
        if self.statements.iter().any(|statement| statement.table.is_virtual()) {
            return context.mutate_virtual(&mutations).map(|()| Outcome::Void);
        }
        self.check_size(&mutations, context)?;
        self.check_partitions(&mutations, context);
        let metrics = context.coordinator.batches();
        let partitions = match self.kind {
            BatchKind::Logged => &metrics.logged,
            BatchKind::Unlogged => &metrics.unlogged,
            BatchKind::Counter => &metrics.counter,
        };
        let (count, write_type) = (mutations.len() as u64, self.write_type(mutations.len()));
        let written = context.mutate(mutations, write_type);
        // What goes on on another thread is counted there.
        if !matches!(written, Err(Error::WouldBlock)) {
            partitions.record(count);
        }
        written.map(|()| Outcome::Void)
    }

    /// The partition keys of all statements, which guardrails look at before all rows; none where there are no guardrails.
    fn keys_to_guard<'v>(
        &self,
        context: &ExecutionContext<'_>,
        values: impl Fn(usize) -> &'v Values,
    ) -> Result<Option<Vec<Vec<DecoratedKey>>>, Error> {
        if context.guardrails.is_none() {
            return Ok(None);
        }
        let keys = |(i, statement): (usize, &Arc<ModificationPlan>)| {
            statement.restrictions.partition_keys(&context.bind(values(i)))
        };
        self.statements.iter().enumerate().map(keys).collect::<Result<_, _>>().map(Some)
    }

    /// What is wrong with a partition key, which comes before all else that is wrong with any of the statements
    /// (Cassandra: `BatchStatement.getMutations`).
    fn refused_key<'v>(
        &self,
        context: &ExecutionContext<'_>,
        values: &impl Fn(usize) -> &'v Values,
    ) -> Option<Error> {
        self.statements
            .iter()
            .enumerate()
            .find_map(|(i, statement)| statement.restrictions.partition_keys(&context.bind(values(i))).err())
    }

    fn write_type(&self, mutations: usize) -> WriteType {
        match self.kind {
            BatchKind::Logged if mutations > 1 => WriteType::Batch,
            BatchKind::Logged => WriteType::Simple,
            BatchKind::Unlogged => WriteType::UnloggedBatch,
            BatchKind::Counter => WriteType::Counter,
        }
    }

    /// Which timeout it is held against.
    pub fn timeout_kind(&self) -> TimeoutKind {
        if self.has_conditions() {
            TimeoutKind::Read
        } else if self.changes_counters() {
            TimeoutKind::CounterWrite
        } else {
            TimeoutKind::Write
        }
    }

    /// What a client is told where it took longer than its timeout.
    pub fn timed_out(&self, options: &QueryOptions) -> Error {
        if self.has_conditions() {
            return conditional_timed_out(options);
        }
        // How many partitions it writes is not known here; several statements write several, as a rule.
        let write_type = self.write_type(self.statements.len());
        Error::WriteTimeout { consistency: options.consistency, received: 0, block_for: 1, write_type }
    }

    /// Runs all of it if the conditions of all statements hold.
    fn execute_conditionally<'v>(
        &self,
        context: &ExecutionContext<'_>,
        values: impl Fn(usize) -> &'v Values,
    ) -> Result<Rows, Error> {
        let mut request: Option<ConditionalRequest<'_>> = None;
        for (i, statement) in self.statements.iter().enumerate() {
            let bind = context.bind(values(i));
            let keys = statement.restrictions.partition_keys(&bind)?;
            let key = single_key(keys, statement.restrictions.key_is_in_relation(), || {
                Error::server(
                    "java.lang.IllegalArgumentException: Batch with conditions cannot span multiple partitions (you cannot use IN on the partition key)",
                )
            })?;
            let request = match &mut request {
                Some(request) if request.key().key != key.key => {
                    return Err(Error::invalid("Batch with conditions cannot span multiple partitions"));
                }
                Some(request) => request,
                None => {
                    let statements = self.statements.iter().map(|s| &**s);
                    request.insert(ConditionalRequest::new(statements, key, context.now_in_seconds)?)
                }
            };
            request.add(statement, bind)?;
        }
        let request = request.ok_or_else(|| Error::server("a conditional batch without statements"))?;
        request.execute(context, &self.answer(request.table()))
    }

    /// The answer shows the primary key and the columns that are looked at; all columns where existence is.
    fn answer(&self, table: &TableMetadata) -> Answer {
        let mut shown: Vec<&ColumnMetadata> = table.partition_key.iter().chain(&table.clustering).collect();
        for part in self.statements.iter().filter_map(|s| s.conditional.as_ref()) {
            match part.conditions.columns() {
                None => return Answer::new(table, None::<std::iter::Empty<_>>),
                Some(columns) => shown.extend(columns.map(|column| &**column)),
            }
        }
        Answer::new(table, Some(shown.into_iter()))
    }

    fn warn_of_short_grace(&self, context: &ExecutionContext<'_>) {
        let tables: BTreeSet<String> = self
            .statements
            .iter()
            .filter(|s| s.table.params.gc_grace_seconds == 0)
            .map(|s| format!("{}.{}", s.table.keyspace, s.table.name))
            .collect();
        if !tables.is_empty() {
            let plural = if tables.len() == 1 { "" } else { "s" };
            context.warn(format!(
                "Executing a LOGGED BATCH on table{plural} {}, configured with a gc_grace_seconds of 0. The gc_grace_seconds is used to TTL batchlog entries, so setting gc_grace_seconds too low on tables involved in an atomic batch might cause batchlog entries to expire before being replayed.",
                list(&tables)
            ));
        }
    }

    /// Batches over several partitions are warned of, and refused, by size in bytes.
    fn check_size(&self, mutations: &[Mutation], context: &ExecutionContext<'_>) -> Result<(), Error> {
        if mutations.len() <= 1 {
            return Ok(());
        }
        let settings = context.coordinator.settings();
        let size: u64 = mutations.iter().map(data_size).sum();
        let warn_at = settings.batch_size_warn_bytes;
        if size > warn_at {
            if size > settings.batch_size_fail_bytes {
                return Err(Error::invalid("Batch too large"));
            }
            let over = size - warn_at;
            context.warn(format!(
                "Batch for {} is of size {size}, exceeding specified threshold of {warn_at} by {over}.",
                list(&tables(mutations))
            ));
        }
        Ok(())
    }

    fn check_partitions(&self, mutations: &[Mutation], context: &ExecutionContext<'_>) {
        if self.kind == BatchKind::Logged || mutations.len() <= 1 {
            return;
        }
        let keys: BTreeSet<_> = mutations.iter().map(|m| &m.key).collect();
        if keys.len() > context.coordinator.settings().unlogged_batch_partitions_warn {
            let tables = tables(mutations);
            let plural = if tables.len() == 1 { "" } else { "s" };
            context.warn(format!(
                "Unlogged batch covering {} partitions detected against table{plural} {}. You should use a logged batch for atomicity, or asynchronous writes for performance.",
                keys.len(),
                list(&tables)
            ));
        }
    }
}

fn tables(mutations: &[Mutation]) -> BTreeSet<String> {
    mutations
        .iter()
        .flat_map(|m| &m.updates)
        .map(|u| format!("{}.{}", u.table.keyspace, u.table.name))
        .collect()
}

fn list(tables: &BTreeSet<String>) -> String {
    format!("[{}]", tables.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
}

/// The bytes of the data in a mutation (Cassandra: `PartitionUpdate.dataSize`).
fn data_size(mutation: &Mutation) -> u64 {
    mutation.updates.iter().map(update_size).sum::<usize>() as u64
}

fn update_size(update: &PartitionUpdate) -> usize {
    const DELETION: usize = 8;
    const STATIC_ROW_MIN: usize = LIVENESS + ROW_DELETION;
    let static_row = update.static_row.as_ref().map_or(STATIC_ROW_MIN, row_size);
    let bound = |bound: &ClusteringBound| bound.prefix.values().flatten().map(<[u8]>::len).sum::<usize>();
    let range = |range: &RangeTombstone| bound(&range.slice.start) + bound(&range.slice.end) + 8 + 4;
    let ranges = match &update.range_tombstones[..] {
        [] => 0,
        ranges => 4 + ranges.iter().map(range).sum::<usize>(),
    };
    update.rows.iter().map(row_size).sum::<usize>() + static_row + DELETION + ranges
}

const LIVENESS: usize = 8;
const ROW_DELETION: usize = 13;

fn row_size(row: &Row) -> usize {
    const COMPLEX_DELETION: usize = 12;
    const CELL: usize = 8 + 4 + 8;
    let liveness = if row.liveness().ttl == 0 { LIVENESS } else { LIVENESS + 4 + 8 };
    let clustering: usize = row.clustering().values().flatten().map(<[u8]>::len).sum();
    let cells: usize =
        row.cells().map(|cell| CELL + cell.value.len() + cell.path.map_or(0, <[u8]>::len)).sum();
    let mut complex: Vec<_> =
        row.cells().filter(|cell| cell.path.is_some()).map(|cell| cell.column).collect();
    complex.extend(row.complex_deletions().map(|(column, _)| column));
    complex.sort_unstable();
    complex.dedup();
    clustering + liveness + ROW_DELETION + cells + COMPLEX_DELETION * complex.len()
}
