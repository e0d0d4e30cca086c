//! Makes rows of the result (Cassandra: `ResultSetBuilder`).

use std::cmp::Ordering;
use std::sync::Arc;

use super::selector::{AggregateCall, Evaluation, Selector, argument_value};
use super::source::RowView;
use super::{PostOrdering, SelectPlan, Selection};
use crate::error::Error;
use crate::exec::functions::{Accumulator, Body};
use crate::exec::result::{RowsContent, RowsWriter};
use crate::exec::term::BindContext;
use crate::storage::model::{DecoratedKey, PartitionResult, Row};

type OwnedValue = Option<Vec<u8>>;

/// A row that waits to be sorted: the values to sort by, and those of the result.
struct Pending {
    order: Vec<OwnedValue>,
    values: Vec<OwnedValue>,
}

/// Writes rows, in the order in which they come or, where the plan says so, sorted at the end.
pub struct Output<'a> {
    plan: &'a SelectPlan,
    bind: BindContext<'a>,
    now_in_seconds: i64,
    limit: usize,
    writer: RowsWriter,
    pending: Vec<Pending>,
}

impl<'a> Output<'a> {
    /// No rows yet.
    pub fn new(plan: &'a SelectPlan, bind: BindContext<'a>, now_in_seconds: i64, limit: i32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { plan, bind, now_in_seconds, limit, writer: RowsWriter::new(), pending: Vec::new() }
    }

    /// Adds the rows of these partitions.
    pub fn add_all(&mut self, partitions: &[PartitionResult]) -> Result<(), Error> {
        for partition in partitions {
            if !self.plan.returns(partition) {
                continue;
            }
            let view = RowView {
                key: &partition.key,
                row: None,
                static_row: partition.static_row.as_deref(),
                now_in_seconds: self.now_in_seconds,
            };
            if partition.rows.is_empty() {
                self.add(view)?;
            }
            for row in &partition.rows {
                self.add(RowView { row: Some(row), ..view })?;
            }
        }
        Ok(())
    }

    fn add(&mut self, view: RowView<'_>) -> Result<(), Error> {
        let ordering = self.plan.post_ordering.as_ref();
        match &self.plan.selection {
            Selection::Columns(sources) if ordering.is_none() => {
                self.writer.begin_row();
                for source in sources {
                    source.write(&view, &mut self.writer);
                }
            }
            Selection::Expressions(selectors) if ordering.is_none() => {
                let with = Evaluation { row: Some(view), aggregates: &[], bind: self.bind };
                self.writer.begin_row();
                for selector in selectors {
                    match selector {
                        Selector::Column(source) => source.write(&view, &mut self.writer),
                        other => self.writer.value(other.evaluate(&with)?.as_deref()),
                    }
                }
            }
            selection => {
                let with = Evaluation { row: Some(view), aggregates: &[], bind: self.bind };
                let mut values = Vec::new();
                match selection {
                    Selection::Columns(sources) => {
                        values
                            .extend(sources.iter().map(|source| source.value(&view).map(|v| v.into_owned())));
                    }
                    Selection::Expressions(selectors) => {
                        for selector in selectors {
                            values.push(selector.evaluate(&with)?.map(|v| v.into_owned()));
                        }
                    }
                }
                let by = ordering.map(|o| &o.by[..]).unwrap_or_default();
                let order = by.iter().map(|(source, ..)| source.value(&view).map(|v| v.into_owned()));
                self.pending.push(Pending { order: order.collect(), values });
            }
        }
        Ok(())
    }

    /// The finished rows.
    pub fn finish(mut self) -> RowsContent {
        if let Some(ordering) = &self.plan.post_ordering {
            self.pending.sort_by(|a, b| compare(ordering, a, b));
            for row in self.pending.iter().take(self.limit) {
                write(&mut self.writer, &row.values);
            }
        }
        self.writer.finish()
    }
}

fn write(writer: &mut RowsWriter, values: &[OwnedValue]) {
    writer.begin_row();
    for value in values {
        writer.value(value.as_deref());
    }
}

fn compare(ordering: &PostOrdering, a: &Pending, b: &Pending) -> Ordering {
    let columns = ordering.by.iter().zip(a.order.iter().zip(&b.order));
    let found = columns
        .map(|((_, cql_type, is_descending), (a, b))| match (a, b) {
            (Some(a), Some(b)) if *is_descending => cql_type.compare(b, a),
            (Some(a), Some(b)) => cql_type.compare(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        })
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal);
    if ordering.reversed { found.reverse() } else { found }
}

/// Computes the one row of aggregates. What is selected beside them comes from the first row.
pub struct Aggregation<'a> {
    plan: &'a SelectPlan,
    bind: BindContext<'a>,
    now_in_seconds: i64,
    states: Vec<Box<dyn Accumulator>>,
    first: Option<(DecoratedKey, Option<Arc<Row>>, Option<Arc<Row>>)>,
}

impl<'a> Aggregation<'a> {
    /// Over no rows yet.
    pub fn new(plan: &'a SelectPlan, bind: BindContext<'a>, now_in_seconds: i64) -> Self {
        let states = plan.aggregates.iter().filter_map(|call| match &call.function.body {
            Body::Aggregate(start) => Some(start()),
            Body::Scalar(_) => None,
        });
        Self { plan, bind, now_in_seconds, states: states.collect(), first: None }
    }

    /// Takes the rows of a partition.
    pub fn add(&mut self, partition: PartitionResult) -> Result<(), Error> {
        if !self.plan.returns(&partition) {
            return Ok(());
        }
        let static_row = partition.static_row.as_deref();
        let view =
            RowView { key: &partition.key, row: None, static_row, now_in_seconds: self.now_in_seconds };
        if partition.rows.is_empty() {
            self.add_row(view)?;
        }
        for row in &partition.rows {
            self.add_row(RowView { row: Some(row), ..view })?;
        }
        if self.first.is_none() {
            self.first = Some((partition.key, partition.rows.into_iter().next(), partition.static_row));
        }
        Ok(())
    }

    fn add_row(&mut self, view: RowView<'_>) -> Result<(), Error> {
        let with = Evaluation { row: Some(view), aggregates: &[], bind: self.bind };
        for (call, state) in self.plan.aggregates.iter().zip(&mut self.states) {
            add_to(call, state.as_mut(), &with)?;
        }
        Ok(())
    }

    /// The row.
    pub fn finish(mut self) -> Result<RowsContent, Error> {
        let mut aggregates = Vec::with_capacity(self.states.len());
        for state in &mut self.states {
            aggregates.push(state.finish()?);
        }
        let now_in_seconds = self.now_in_seconds;
        let row = self.first.as_ref().map(|(key, row, static_row)| RowView {
            key,
            row: row.as_deref(),
            static_row: static_row.as_deref(),
            now_in_seconds,
        });
        let with = Evaluation { row, aggregates: &aggregates, bind: self.bind };
        let mut writer = RowsWriter::new();
        writer.begin_row();
        if let Selection::Expressions(selectors) = &self.plan.selection {
            for selector in selectors {
                writer.value(selector.evaluate(&with)?.as_deref());
            }
        }
        Ok(writer.finish())
    }
}

fn add_to<'r>(
    call: &'r AggregateCall,
    state: &mut dyn Accumulator,
    with: &Evaluation<'r>,
) -> Result<(), Error> {
    let mut values = Vec::with_capacity(call.arguments.len());
    for argument in &call.arguments {
        values.push(argument_value(&call.function, argument, with)?);
    }
    let views: Vec<Option<&[u8]>> = values.iter().map(Option::as_deref).collect();
    state.add(&views)
}
