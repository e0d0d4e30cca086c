//! Runs statements and batches that have conditions (Cassandra: `CQL3CasRequest`,
//! `ModificationStatement.executeWithCondition`).

use std::sync::Arc;

use super::collector::MutationCollector;
use super::condition::{BoundCondition, Conditions, sort_as_looked_at};
use super::{ModificationKind, ModificationPlan, RowWriter, check_clustering, check_whole};
use crate::cluster::conditional::Contested;
use crate::error::Error;
use crate::exec::ExecutionContext;
use crate::exec::modify::attributes::Attributes;
use crate::exec::result::{ColumnSpec, Columns, ResultMetadata, Rows, RowsWriter};
use crate::exec::select::source::{RowView, Source};
use crate::exec::term::BindContext;
use crate::schema::{ColumnId, ColumnMetadata, TableMetadata};
use crate::storage::TableOrder;
use crate::storage::model::{
    Cell, Clustering, ClusteringIndexFilter, ColumnFilter, DataLimits, DataRange, DecoratedKey, DeletionTime,
    Mutation, PartitionResult, ReadCommand, Row, RowBuilder, RowFilter, RowList, Slice,
};
use crate::types::CqlType;

/// What a statement with conditions has besides what every one has.
#[derive(Clone, Debug)]
pub struct ConditionalPart {
    /// The conditions.
    pub conditions: Conditions,
    /// The answer where they do not hold.
    pub answer: Answer,
}

/// The form of the answer: whether the conditions held, and what was there where they did not.
#[derive(Clone, Debug)]
pub struct Answer {
    applied: Arc<Columns>,
    refused: Arc<Columns>,
    sources: Vec<Source>,
}

impl Answer {
    /// The answer that shows these columns, each once, or all of the table.
    pub fn new<'c>(table: &TableMetadata, shown: Option<impl Iterator<Item = &'c ColumnMetadata>>) -> Self {
        let columns: Vec<&ColumnMetadata> = match shown {
            None => table.columns_in_select_order().collect(),
            Some(shown) => {
                let mut columns: Vec<&ColumnMetadata> = Vec::new();
                for column in shown {
                    if !columns.iter().any(|c| c.id == column.id) {
                        columns.push(column);
                    }
                }
                columns
            }
        };
        let (keyspace, name): (Arc<str>, Arc<str>) =
            (table.keyspace.as_str().into(), table.name.as_str().into());
        let spec = |column: &str, ty: CqlType| ColumnSpec {
            keyspace: keyspace.clone(),
            table: name.clone(),
            name: column.into(),
            ty,
        };
        let first = spec("[applied]", CqlType::Boolean);
        let others = columns.iter().map(|c| spec(&c.name, c.cql_type.clone()));
        let refused = Columns::new(std::iter::once(first.clone()).chain(others).collect());
        let sources = columns.iter().map(|c| Source::of(c, table.partition_key.len())).collect();
        Self { applied: Columns::new(vec![first]), refused, sources }
    }

    fn applied(&self) -> Rows {
        Self::alone(&self.applied, true)
    }

    fn alone(columns: &Arc<Columns>, applied: bool) -> Rows {
        let mut writer = RowsWriter::new();
        writer.begin_row();
        writer.value(Some(&[u8::from(applied)]));
        Rows { metadata: ResultMetadata::new(columns.clone()), content: writer.finish() }
    }

    /// What was there instead: each row, or else the static row.
    fn refused(&self, current: &PartitionResult, now_in_seconds: i64) -> Rows {
        let static_row = current.static_row.as_ref();
        if current.rows.is_empty() && static_row.is_none() {
            return Self::alone(&self.applied, false);
        }
        let mut writer = RowsWriter::new();
        let mut add = |row: Option<&Row>| {
            writer.begin_row();
            writer.value(Some(&[0]));
            let view = RowView { key: &current.key, row, static_row, now_in_seconds };
            self.sources.iter().for_each(|source| source.write(&view, &mut writer));
        };
        if current.rows.is_empty() {
            add(None);
        }
        current.rows.iter().for_each(|row| add(Some(row)));
        Rows { metadata: ResultMetadata::new(self.refused.clone()), content: writer.finish() }
    }
}

/// Of one kind of columns, those that are read.
#[derive(Clone, Debug)]
enum ReadColumns {
    All,
    These(Vec<ColumnId>),
}

impl ReadColumns {
    fn add(&mut self, id: ColumnId) {
        if let Self::These(ids) = self {
            ids.push(id);
        }
    }

    fn is_any(&self) -> bool {
        match self {
            Self::All => true,
            Self::These(ids) => !ids.is_empty(),
        }
    }

    /// The row with nothing but these columns; none where nothing is left of it.
    fn of(&self, row: &Row) -> Option<Row> {
        match self {
            Self::All => Some(row.clone()),
            Self::These(ids) => {
                let mut builder = RowBuilder::new();
                row.cells().filter(|cell| ids.contains(&cell.column)).for_each(|cell| builder.add(cell));
                if builder.is_empty() && row.liveness().is_empty() {
                    return None;
                }
                Some(builder.build(row.clustering(), row.liveness(), DeletionTime::LIVE))
            }
        }
    }
}

/// What must hold of one row.
#[derive(Debug)]
enum RowCondition<'a> {
    NotExists,
    Exists,
    Columns(Vec<BoundCondition<'a>>),
}

impl RowCondition<'_> {
    fn holds(&self, row: Option<&Row>) -> Result<bool, Error> {
        match self {
            Self::NotExists => Ok(row.is_none()),
            Self::Exists => Ok(row.is_some()),
            Self::Columns(conditions) => {
                for condition in conditions {
                    if !condition.holds(row)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

/// What a statement changes.
#[derive(Debug)]
enum Change {
    /// The static row.
    Static,
    /// The row, all rows with the prefix, or the partition.
    Row(Clustering),
    /// Rows that are deleted.
    Slices(Vec<Slice>),
}

#[derive(Debug)]
struct Update<'a> {
    plan: &'a ModificationPlan,
    bind: BindContext<'a>,
    change: Change,
}

/// Conditions and changes, all of one partition.
#[derive(Debug)]
pub(super) struct ConditionalRequest<'a> {
    table: &'a Arc<TableMetadata>,
    order: &'a TableOrder,
    key: DecoratedKey,
    now_in_seconds: i64,
    static_columns: ReadColumns,
    regular_columns: ReadColumns,
    static_condition: Option<RowCondition<'a>>,
    /// By clustering, in clustering order.
    row_conditions: Vec<(Clustering, RowCondition<'a>)>,
    updates: Vec<Update<'a>>,
}

impl ModificationPlan {
    /// Whether nothing but static columns are looked at or changed (Cassandra: `appliesOnlyToStaticColumns`).
    pub fn applies_only_to_statics(&self) -> bool {
        let conditions = self.conditional.as_ref().map(|part| &part.conditions);
        let deletes_all = self.kind == ModificationKind::Delete && self.statics.is_empty();
        self.regular.is_empty()
            && !deletes_all
            && !conditions.is_some_and(Conditions::applies_to_regular_columns)
            && (!self.statics.is_empty() || conditions.is_some_and(Conditions::applies_to_static_columns))
    }

    /// Runs it alone, if its conditions hold.
    pub(crate) fn execute_conditionally(
        &self,
        part: &ConditionalPart,
        context: &ExecutionContext<'_>,
        bind: BindContext<'_>,
    ) -> Result<Rows, Error> {
        let keys = self.restrictions.partition_keys(&bind)?;
        let key = single_key(keys, self.restrictions.key_is_in_relation(), || {
            Error::invalid(format!(
                "IN on the partition key is not supported with conditional {}",
                self.noun()
            ))
        })?;
        let mut request = ConditionalRequest::new([self], key, context.now_in_seconds)?;
        request.add(self, bind)?;
        request.execute(context, &part.answer)
    }

    fn noun(&self) -> &'static str {
        if self.kind == ModificationKind::Update { "updates" } else { "deletions" }
    }
}

/// The only key; `refused` where the statement asks for several.
pub(super) fn single_key(
    keys: Vec<DecoratedKey>,
    is_in: bool,
    refused: impl FnOnce() -> Error,
) -> Result<DecoratedKey, Error> {
    match keys.into_iter().next() {
        Some(key) if !is_in => Ok(key),
        _ => Err(refused()),
    }
}

impl<'a> ConditionalRequest<'a> {
    /// The request of these statements, to which they still have to be added.
    pub(super) fn new(
        statements: impl IntoIterator<Item = &'a ModificationPlan>,
        key: DecoratedKey,
        now_in_seconds: i64,
    ) -> Result<Self, Error> {
        let (mut table, mut updates_regular, mut updates_static) = (None, false, false);
        let mut looked_at = Vec::new();
        for plan in statements {
            table = Some((&plan.table, &plan.order));
            updates_regular |= plan.updates_regular_rows();
            if let Some(part) = &plan.conditional {
                updates_static |= !plan.statics.is_empty();
                looked_at.extend(part.conditions.columns().into_iter().flatten());
                let operations = plan.regular.iter().chain(&plan.statics);
                looked_at.extend(operations.filter(|o| o.action.requires_read()).map(|o| &o.column));
            }
        }
        let (table, order) =
            table.ok_or_else(|| Error::server("a conditional request without statements"))?;
        let all_or_none = |all| if all { ReadColumns::All } else { ReadColumns::These(Vec::new()) };
        let mut request = Self {
            table,
            order,
            key,
            now_in_seconds,
            static_columns: all_or_none(updates_static),
            regular_columns: all_or_none(updates_regular),
            static_condition: None,
            row_conditions: Vec::new(),
            updates: Vec::new(),
        };
        for column in looked_at {
            match column.is_static() {
                true => request.static_columns.add(column.id),
                false => request.regular_columns.add(column.id),
            }
        }
        Ok(request)
    }

    /// The partition.
    pub(super) fn key(&self) -> &DecoratedKey {
        &self.key
    }

    /// The table.
    pub(super) fn table(&self) -> &'a TableMetadata {
        self.table
    }

    /// Adds a statement: its conditions and what it changes.
    pub(super) fn add(&mut self, plan: &'a ModificationPlan, bind: BindContext<'a>) -> Result<(), Error> {
        if plan.restrictions.clustering_has_in() {
            let noun = plan.noun();
            return Err(Error::invalid(format!(
                "IN on the clustering key columns is not supported with conditional {noun}"
            )));
        }
        if plan.has_slices() {
            let slices = plan.restrictions.slices(&bind)?;
            if !slices.is_empty() {
                self.updates.push(Update { plan, bind, change: Change::Slices(slices) });
            }
            return Ok(());
        }
        let names_rows = plan.restrictions.has_clustering_restrictions();
        let clustering = match plan.applies_only_to_statics() && !names_rows {
            true => None,
            false => {
                Some(plan.restrictions.clusterings(&bind)?.into_iter().next().unwrap_or(Clustering::EMPTY))
            }
        };
        if let Some(clustering) = &clustering {
            check_clustering(clustering)?;
        }
        if let Some(part) = &plan.conditional {
            self.add_conditions(&part.conditions, clustering.as_ref(), &bind, plan)?;
        }
        let change = clustering.map_or(Change::Static, Change::Row);
        self.updates.push(Update { plan, bind, change });
        Ok(())
    }

    fn add_conditions(
        &mut self,
        conditions: &'a Conditions,
        clustering: Option<&Clustering>,
        bind: &BindContext<'a>,
        plan: &ModificationPlan,
    ) -> Result<(), Error> {
        match conditions {
            Conditions::IfNotExists => self.add_exists(clustering, true, plan),
            Conditions::IfExists => self.add_exists(clustering, false, plan),
            Conditions::Columns { regular, statics } => {
                for (list, clustering) in [(regular, clustering), (statics, None)] {
                    if list.is_empty() {
                        continue;
                    }
                    let place = self.condition(clustering, plan, || RowCondition::Columns(Vec::new()));
                    let RowCondition::Columns(bound) = place else {
                        return Err(Error::invalid(
                            "Cannot mix IF conditions and IF NOT EXISTS for the same row",
                        ));
                    };
                    for condition in list {
                        bound.push(condition.bind(bind)?);
                    }
                    sort_as_looked_at(bound);
                }
                Ok(())
            }
        }
    }

    fn add_exists(
        &mut self,
        clustering: Option<&Clustering>,
        not: bool,
        plan: &ModificationPlan,
    ) -> Result<(), Error> {
        let wanted = || if not { RowCondition::NotExists } else { RowCondition::Exists };
        match (self.condition(clustering, plan, wanted), not) {
            (RowCondition::NotExists, true) | (RowCondition::Exists, false) => Ok(()),
            (RowCondition::NotExists | RowCondition::Exists, _) => {
                Err(Error::invalid("Cannot mix IF EXISTS and IF NOT EXISTS conditions for the same row"))
            }
            (RowCondition::Columns(_), _) => {
                let not = if not { "NOT " } else { "" };
                Err(Error::invalid(format!("Cannot mix IF conditions and IF {not}EXISTS for the same row")))
            }
        }
    }

    /// The condition on a row, or on the static row; a new one where there is none.
    fn condition(
        &mut self,
        clustering: Option<&Clustering>,
        plan: &ModificationPlan,
        new: impl FnOnce() -> RowCondition<'a>,
    ) -> &mut RowCondition<'a> {
        let Some(clustering) = clustering else { return self.static_condition.get_or_insert_with(new) };
        let order = plan.order.clustering();
        let place = self.row_conditions.binary_search_by(|(c, _)| order.compare_clusterings(c, clustering));
        let i = place.unwrap_or_else(|i| {
            self.row_conditions.insert(i, (clustering.clone(), new()));
            i
        });
        &mut self.row_conditions[i].1
    }

    /// Runs it: reads, looks whether the conditions hold, and if so writes.
    pub(super) fn execute(&self, context: &ExecutionContext<'_>, answer: &Answer) -> Result<Rows, Error> {
        context.compare_and_set(self.table, &self.key, |partition| {
            let current = self.read(partition)?;
            if !self.holds(&current)? {
                return Ok((None, answer.refused(&current, self.now_in_seconds)));
            }
            Ok((self.mutation(context, &current, partition.ballot)?, answer.applied()))
        })
    }

    /// The rows that conditions are on, or else the first one: whether the partition has any is to be known.
    fn read(&self, partition: &Contested<'_>) -> Result<PartitionResult, Error> {
        let empty = PartitionResult { key: self.key.clone(), static_row: None, rows: RowList::default() };
        let mut command = ReadCommand {
            table: self.table.clone(),
            now_in_seconds: self.now_in_seconds,
            columns: ColumnFilter::ALL,
            range: DataRange::Keys(vec![self.key.clone()]),
            clustering: ClusteringIndexFilter::all(),
            row_filter: RowFilter::default(),
            limits: DataLimits::NONE,
            tracks_warnings: false,
            rest: None,
        };
        if !self.row_conditions.is_empty() {
            let clusterings = self.row_conditions.iter().map(|(c, _)| c.clone()).collect();
            command.clustering = ClusteringIndexFilter::Names { clusterings, reversed: false };
            let mut found = partition.read(&command)?.partitions.pop();
            if found.is_none() && self.static_columns.is_any() {
                // None of the rows is there, but the static row may be.
                command.clustering =
                    ClusteringIndexFilter::Names { clusterings: Vec::new(), reversed: false };
                found = partition.read(&command)?.partitions.pop();
            }
            return Ok(found.map_or(empty, |found| self.selected(found)));
        }
        let mut rows = 1;
        loop {
            command.limits = DataLimits { rows, ..DataLimits::NONE };
            let Some(found) = partition.read(&command)?.partitions.pop() else { return Ok(empty) };
            let is_all = (found.rows.len() as u64) < rows;
            let selected = self.selected(found);
            if is_all || !selected.rows.is_empty() {
                let rows = selected.rows.first().cloned().into_iter().collect();
                return Ok(PartitionResult { rows, ..selected });
            }
            rows *= 8;
        }
    }

    /// The partition with the columns that are to be read.
    fn selected(&self, found: PartitionResult) -> PartitionResult {
        PartitionResult {
            static_row: found.static_row.as_ref().and_then(|row| self.static_columns.of(row)),
            rows: found.rows.iter().filter_map(|row| self.regular_columns.of(row)).collect(),
            key: found.key,
        }
    }

    fn holds(&self, current: &PartitionResult) -> Result<bool, Error> {
        if let Some(condition) = &self.static_condition
            && !condition.holds(current.static_row.as_ref())?
        {
            return Ok(false);
        }
        for (clustering, condition) in &self.row_conditions {
            let row = self.order.find_row(&current.rows, clustering);
            if !condition.holds(row)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What all statements change, at the time of the ballot.
    fn mutation(
        &self,
        context: &ExecutionContext<'_>,
        current: &PartitionResult,
        ballot: i64,
    ) -> Result<Option<Mutation>, Error> {
        let mut collector = MutationCollector::default();
        let mut has_own_times = false;
        let (slices, rows): (Vec<_>, Vec<_>) =
            self.updates.iter().partition(|update| matches!(update.change, Change::Slices(_)));
        for Update { plan, bind, change } in rows.into_iter().chain(slices) {
            let time = plan.attributes.write_time(bind, &plan.table, ballot, context)?;
            has_own_times |= has_own_time(&plan.attributes);
            let writer = RowWriter { plan, bind, time };
            let here = plan.requires_read().then_some(current);
            match change {
                Change::Slices(slices) => plan.delete_slices(&self.key, slices, time, &mut collector)?,
                Change::Static => writer.partition(&self.key, &[], here, &mut collector)?,
                Change::Row(clustering) => {
                    check_whole(&plan.table, clustering)?;
                    let named =
                        if clustering.is_empty() { &[][..] } else { std::slice::from_ref(clustering) };
                    writer.partition(&self.key, named, here, &mut collector)?;
                }
            }
        }
        let mut mutation = collector.finish().pop();
        if let Some(mutation) = &mut mutation {
            stamp(mutation, ballot, has_own_times);
        }
        Ok(mutation)
    }
}

fn has_own_time(attributes: &Attributes) -> bool {
    attributes.timestamp.is_some()
}

/// Gives everything the time of the ballot, deletions the one before, so that what the same request writes outlives
/// them (Cassandra: `PartitionUpdate.Builder.updateAllTimestamp`).
fn stamp(mutation: &mut Mutation, ballot: i64, has_own_times: bool) {
    let before = |deletion: DeletionTime| match deletion.is_live() {
        true => deletion,
        false => DeletionTime { marked_for_delete_at: ballot - 1, ..deletion },
    };
    for update in &mut mutation.updates {
        update.deletion = before(update.deletion);
        for tombstone in &mut update.range_tombstones {
            tombstone.deletion = before(tombstone.deletion);
        }
        for row in update.rows.iter_mut().chain(&mut update.static_row) {
            if row.deletion().is_live() && row.complex_deletions().len() == 0 && !has_own_times {
                continue;
            }
            let mut builder = RowBuilder::with_capacity(row.cell_count(), row.data_len());
            row.cells().for_each(|cell| builder.add(Cell { timestamp: ballot, ..cell }));
            for (column, deletion) in row.complex_deletions() {
                builder.add_complex_deletion(column, before(deletion));
            }
            let mut liveness = row.liveness();
            if !liveness.is_empty() {
                liveness.timestamp = ballot;
            }
            *row = builder.build(row.clustering(), liveness, before(row.deletion()));
        }
    }
}
