//! GROUP BY, and aggregates over everything (Cassandra: `GroupMaker`, `AggregationQueryPager`).

use std::borrow::Cow;

use smallvec::SmallVec;

use super::output::Output;
use super::selector::{AggregateCall, Evaluation, Selector, argument_value};
use super::source::{Form, Place, ROWS_AT_ONCE, RowView, Source, Values};
use super::{DEFAULT_PAGE_SIZE, SelectContext, SelectPlan};
use crate::error::Error;
use crate::exec::functions::{Accumulator, Body};
use crate::exec::pager::{Pager, Query, ends_partition};
use crate::exec::paging::{NO_LIMIT, PagingState, RowMark};
use crate::exec::result::{ResultMetadata, Rows, RowsContent};
use crate::exec::term::BindContext;
use crate::schema::ColumnMetadata;
use crate::storage::model::{DataRange, DecoratedKey, PartitionResult, Row};

/// How rows are grouped: by the partition key and some clustering columns.
#[derive(Clone, Debug)]
pub struct GroupBy {
    /// How many clustering columns.
    pub clustering_columns: usize,
    /// A function of the last of them, which takes its place.
    pub function: Option<Selector>,
}

/// A row and what belongs to it, kept beyond the page in which it came.
#[derive(Clone, Debug)]
struct OwnedRow {
    key: DecoratedKey,
    row: Option<Row>,
    static_row: Option<Row>,
}

impl OwnedRow {
    fn of(view: &RowView<'_>) -> Self {
        Self { key: view.key.clone(), row: view.row.cloned(), static_row: view.static_row.cloned() }
    }

    fn view(&self, now_in_seconds: i64) -> RowView<'_> {
        RowView {
            key: &self.key,
            row: self.row.as_ref(),
            static_row: self.static_row.as_ref(),
            now_in_seconds,
        }
    }
}

/// What tells groups apart.
struct GroupKey {
    partition: DecoratedKey,
    /// The clustering columns that rows are grouped by; none for a static row, which is always a group of its own.
    clustering: Option<Vec<Option<Vec<u8>>>>,
}

/// The values of a row that it is grouped by.
type GroupValues<'r> = SmallVec<[Option<Cow<'r, [u8]>>; 4]>;

impl GroupKey {
    /// Whether a row of that partition with these values is of this group: `1.0` and `1.00` are one value of a clustering
    /// column. What a function gives has one form only, and no column.
    fn is_of(&self, partition: &DecoratedKey, values: &GroupValues<'_>, columns: &[ColumnMetadata]) -> bool {
        let Some(clustering) = &self.clustering else { return false };
        let columns = columns.iter().map(Some).chain(std::iter::repeat(None));
        self.partition == *partition
            && clustering.len() == values.len()
            && clustering.iter().zip(values).zip(columns).all(|((own, value), column)| {
                own.as_deref() == value.as_deref()
                    || match (own, value, column) {
                        (Some(own), Some(value), Some(column)) => column.cql_type.compare(own, value).is_eq(),
                        _ => false,
                    }
            })
    }
}

/// Computes groups, one at a time, and writes their rows. What is selected beside aggregates comes from the first
/// row of a group.
struct Groups<'a> {
    plan: &'a SelectPlan,
    bind: BindContext<'a>,
    now_in_seconds: i64,
    unmask: bool,
    output: Output<'a>,
    states: Vec<Box<dyn Accumulator>>,
    /// Where the aggregates take no more than one column each: which, none for one that takes nothing.
    columns: Option<Vec<Option<&'a Source>>>,
    first: Option<OwnedRow>,
    key: Option<GroupKey>,
}

impl<'a> Groups<'a> {
    fn new(plan: &'a SelectPlan, context: &SelectContext<'a>, limit: i32) -> Self {
        let bind = BindContext { values: context.values, functions: context.functions, guard: context.guard };
        let states = plan.aggregates.iter().filter_map(|call| match &call.function.body {
            Body::Aggregate(start) => Some(start()),
            Body::Scalar(_) => None,
        });
        Self {
            plan,
            bind,
            now_in_seconds: context.now_in_seconds,
            unmask: context.unmask,
            output: Output::new(plan, *context, limit),
            states: states.collect(),
            columns: plan.aggregates.iter().map(only_column).collect(),
            first: None,
            key: None,
        }
    }

    /// Whether a row begins another group than the current one, which is then to be closed; notes it as the last row.
    fn begins(&mut self, group_by: &GroupBy, view: &RowView<'_>) -> Result<bool, Error> {
        let clustering = match view.row {
            None => None,
            Some(row) => {
                let values = self.values_of(group_by, view, row)?;
                let columns = group_by.clustering_columns - usize::from(group_by.function.is_some());
                let columns = self.plan.table.clustering.get(..columns).unwrap_or_default();
                if self.key.as_ref().is_some_and(|key| key.is_of(view.key, &values, columns)) {
                    return Ok(false);
                }
                Some(values.into_iter().map(|value| value.map(Cow::into_owned)).collect())
            }
        };
        self.key = Some(GroupKey { partition: view.key.clone(), clustering });
        Ok(true)
    }

    fn values_of<'r>(
        &self,
        group_by: &'r GroupBy,
        view: &RowView<'r>,
        row: &'r Row,
    ) -> Result<GroupValues<'r>, Error>
    where
        'a: 'r,
    {
        let values = row.clustering().values().take(group_by.clustering_columns);
        let mut values: GroupValues<'r> = values.map(|value| value.map(Cow::Borrowed)).collect();
        if let Some(function) = &group_by.function {
            let with = Evaluation { row: Some(*view), aggregates: &[], bind: self.bind, unmask: self.unmask };
            values.pop();
            values.push(function.evaluate(&with)?);
        }
        Ok(values)
    }

    /// Adds a row to the current group.
    fn add(&mut self, view: RowView<'_>) -> Result<(), Error> {
        self.add_view(view)?;
        self.first.get_or_insert_with(|| OwnedRow::of(&view));
        Ok(())
    }

    fn add_view(&mut self, row: RowView<'_>) -> Result<(), Error> {
        if let Some(columns) = &self.columns {
            for (column, state) in columns.iter().zip(&mut self.states) {
                let value = column.and_then(|source| source.plain(&row));
                state.add_all(std::slice::from_ref(&value))?;
            }
            return Ok(());
        }
        let with = Evaluation { row: Some(row), aggregates: &[], bind: self.bind, unmask: self.unmask };
        for (call, state) in self.plan.aggregates.iter().zip(&mut self.states) {
            add_to(call, state.as_mut(), &with)?;
        }
        Ok(())
    }

    /// Adds all rows of a partition to the current group.
    fn add_partition(&mut self, partition: &PartitionResult) -> Result<(), Error> {
        let view = RowView {
            key: &partition.key,
            row: None,
            static_row: partition.static_row.as_ref(),
            now_in_seconds: self.now_in_seconds,
        };
        if partition.rows.is_empty() {
            self.add_view(view)?;
        } else if self.columns.is_some() {
            let pieces = partition.rows.pieces().flat_map(|rows| rows.chunks(ROWS_AT_ONCE));
            pieces.into_iter().try_for_each(|rows| self.add_rows(&view, rows))?;
        } else {
            partition.rows.iter().try_for_each(|row| self.add_view(RowView { row: Some(row), ..view }))?;
        }
        let first = RowView { row: partition.rows.first(), ..view };
        self.first.get_or_insert_with(|| OwnedRow::of(&first));
        Ok(())
    }

    /// Adds rows of a partition, column by column.
    fn add_rows(&mut self, view: &RowView<'_>, rows: &[Row]) -> Result<(), Error> {
        let mut values = Values::new();
        let mut gathered: Option<Place> = None;
        for (column, state) in self.columns.iter().flatten().zip(&mut self.states) {
            let place = column.map(|source| source.place);
            if values.is_empty() || place != gathered {
                values.clear();
                match column {
                    Some(source) => source.plain_values(view, rows, &mut values),
                    None => values.resize(rows.len(), None),
                }
                gathered = place;
            }
            state.add_all(&values)?;
        }
        Ok(())
    }

    /// Writes the row of the current group, which ends.
    fn close(&mut self) -> Result<(), Error> {
        let mut aggregates = Vec::with_capacity(self.states.len());
        for state in &mut self.states {
            aggregates.push(state.finish()?);
        }
        let first = self.first.take();
        self.output.add_group(first.as_ref().map(|row| row.view(self.now_in_seconds)), &aggregates)
    }

    fn finish(self) -> Result<RowsContent, Error> {
        self.output.finish()
    }
}

/// The only argument of an aggregate, if it has no others and that is a column with one cell: none within where it has
/// none at all.
fn only_column(call: &AggregateCall) -> Option<Option<&Source>> {
    match &call.arguments[..] {
        [] => Some(None),
        [Selector::Column(source)] if matches!(source.form, Form::Plain) => Some(Some(source)),
        _ => None,
    }
}

fn add_to<'r>(
    call: &'r AggregateCall,
    state: &mut dyn Accumulator,
    with: &Evaluation<'r>,
) -> Result<(), Error> {
    let mut values: SmallVec<[Option<Cow<'_, [u8]>>; 2]> = SmallVec::new();
    for argument in &call.arguments {
        values.push(argument_value(&call.function, argument, with)?);
    }
    let views: SmallVec<[Option<&[u8]>; 2]> = values.iter().map(Option::as_deref).collect();
    state.add(&views)
}

/// The rows of a partition; one without a row where there is only the static row.
fn rows_of(partition: &PartitionResult, now_in_seconds: i64) -> impl Iterator<Item = RowView<'_>> {
    let PartitionResult { key, static_row, rows } = partition;
    let only_static = rows.is_empty().then_some(None);
    let rows = only_static.into_iter().chain(rows.iter().map(Some));
    rows.map(move |row| RowView { key, row, static_row: static_row.as_ref(), now_in_seconds })
}

impl SelectPlan {
    /// One row over everything.
    pub(super) fn aggregate(
        &self,
        context: &SelectContext<'_>,
        query: Option<&Query>,
        state: Option<PagingState>,
        page_size: Option<i32>,
    ) -> Result<Rows, Error> {
        let mut groups = Groups::new(self, context, NO_LIMIT);
        if let Some(query) = query {
            let mut pager = Pager::new(query, state, context.version);
            while !pager.is_exhausted() {
                let page = pager.fetch_page(page_size.unwrap_or(DEFAULT_PAGE_SIZE), context.reader)?;
                page.iter().filter(|p| self.returns(p)).try_for_each(|p| groups.add_partition(p))?;
            }
        }
        groups.close()?;
        Ok(Rows { metadata: ResultMetadata::new(self.columns.clone()), content: groups.finish()? })
    }

    /// One row for each group, as many as the page holds.
    pub(super) fn group(
        &self,
        context: &SelectContext<'_>,
        group_by: &GroupBy,
        query: Option<&Query>,
        state: Option<PagingState>,
        mut counts: GroupCounts,
    ) -> Result<Rows, Error> {
        let mut groups = Groups::new(self, context, counts.remaining);
        let mut metadata = ResultMetadata::new(self.columns.clone());
        let Some(query) = query else { return Ok(Rows { metadata, content: groups.finish()? }) };
        let per_partition_limit = counts.in_partition;
        let (mut last_key, mut last_row, mut in_last_partition) = (None, None::<Row>, 0);
        let (mut partition, mut mark) = (None, None);
        if let Some(state) = &state {
            counts.go_on(state);
            mark = state.row_mark.clone();
            partition = state.partition_key.clone().or_else(|| only_key(query));
        }
        let (mut is_open, mut is_full) = (false, false);
        let mut pager = Pager::new(query, state.map(for_rows), context.version);
        while !is_full && !pager.is_exhausted() {
            let page = pager.fetch_page(DEFAULT_PAGE_SIZE, context.reader)?;
            let partitions = page.iter().filter(|p| self.returns(p));
            let mut last: Option<RowView<'_>> = None;
            let mut last_with_row: Option<&Row> = None;
            for row in partitions.flat_map(|partition| rows_of(partition, context.now_in_seconds)) {
                if partition.as_ref() != Some(&row.key.key) {
                    partition = Some(row.key.key.clone());
                    counts.in_partition = per_partition_limit;
                }
                if groups.begins(group_by, &row)? {
                    if std::mem::take(&mut is_open) {
                        groups.close()?;
                    }
                    if counts.in_partition <= 0 {
                        continue;
                    }
                    if counts.page <= 0 || counts.remaining <= 0 {
                        is_full = true;
                        break;
                    }
                    counts.count();
                    is_open = true;
                } else if !is_open {
                    continue;
                }
                let may_go_on = row.row.is_some_and(|row| !ends_partition(row));
                in_last_partition = if may_go_on { counts.in_partition } else { 0 };
                (last, last_with_row) = (Some(row), row.row.or(last_with_row));
                groups.add(row)?;
            }
            last_row = last_with_row.cloned().or(last_row);
            last_key = last.map(|view| view.key.key.clone()).or(last_key);
        }
        if is_open {
            groups.close()?;
        }
        if counts.page <= 0 && counts.remaining > 0 && last_key.is_some() {
            let ended = PagingState {
                partition_key: last_key,
                row_mark: last_row.map(|row| RowMark::new(&self.table, &row, context.version)).or(mark),
                remaining: counts.remaining,
                remaining_in_partition: in_last_partition,
            };
            let next = next_state(query, ended, per_partition_limit);
            metadata.paging_state = next.map(|state| state.encode(context.version));
        }
        Ok(Rows { metadata, content: groups.finish()? })
    }
}

/// Where the next page starts, if this one ended there; none where nothing can follow.
fn next_state(query: &Query, ended: PagingState, per_partition_limit: i32) -> Option<PagingState> {
    let DataRange::Keys(keys) = &query.range else { return Some(ended) };
    let partition_ended = ended.remaining_in_partition <= 0;
    if keys.len() == 1 {
        return (!partition_ended).then_some(PagingState { partition_key: None, ..ended });
    }
    if !partition_ended {
        return Some(ended);
    }
    let at = keys.iter().position(|key| Some(&key.key) == ended.partition_key.as_ref())?;
    let next = keys.get(at + 1)?;
    Some(PagingState {
        partition_key: Some(next.key.clone()),
        row_mark: None,
        remaining: ended.remaining,
        remaining_in_partition: per_partition_limit,
    })
}

/// How many groups may still come.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupCounts {
    /// In all.
    pub(super) remaining: i32,
    /// In the partition.
    pub(super) in_partition: i32,
    /// In the page.
    pub(super) page: i32,
}

impl GroupCounts {
    /// What is left where a page ended.
    fn go_on(&mut self, ended: &PagingState) {
        self.remaining = ended.remaining;
        self.in_partition = ended.remaining_in_partition;
    }

    fn count(&mut self) {
        self.remaining -= 1;
        self.in_partition -= 1;
        self.page -= 1;
    }
}

fn only_key(query: &Query) -> Option<bytes::Bytes> {
    match &query.range {
        DataRange::Keys(keys) => match &keys[..] {
            [only] => Some(only.key.clone()),
            _ => None,
        },
        DataRange::Range { .. } => None,
    }
}

/// A state that counts groups, for a pager that counts rows and has no limit on them.
fn for_rows(state: PagingState) -> PagingState {
    let remaining_in_partition = if state.remaining_in_partition > 0 { NO_LIMIT } else { 0 };
    PagingState { remaining: NO_LIMIT, remaining_in_partition, ..state }
}
