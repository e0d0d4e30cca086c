//! Makes rows of the result (Cassandra: `ResultSetBuilder`).

use std::cmp::Ordering;

use super::plain::SelectedColumns;
use super::selector::{Evaluation, Selector};
use super::source::{RowView, Source};
use super::{PostOrdering, SelectContext, SelectPlan, Selection};
use crate::error::Error;
use crate::exec::result::{RowsContent, RowsWriter};
use crate::exec::term::BindContext;
use crate::storage::model::{PartitionResult, Row};

pub(super) type OwnedValue = Option<Vec<u8>>;

/// A row that waits to be sorted: the values to sort by, and those of the result.
struct Pending {
    order: Vec<OwnedValue>,
    values: Vec<OwnedValue>,
}

/// Writes rows, in the order in which they come or, where the plan says so, sorted at the end.
pub struct Output<'a> {
    plan: &'a SelectPlan,
    context: SelectContext<'a>,
    bind: BindContext<'a>,
    limit: usize,
    writer: RowsWriter,
    pending: Vec<Pending>,
    /// The bytes of the values so far.
    size: u64,
}

impl<'a> Output<'a> {
    /// No rows yet.
    pub fn new(plan: &'a SelectPlan, context: SelectContext<'a>, limit: i32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let bind = BindContext { values: context.values, functions: context.functions, guard: context.guard };
        Self { plan, context, bind, limit, writer: RowsWriter::new(), pending: Vec::new(), size: 0 }
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
                static_row: partition.static_row.as_ref(),
                now_in_seconds: self.context.now_in_seconds,
            };
            if partition.rows.is_empty() {
                self.add(view)?;
            }
            partition.rows.pieces().try_for_each(|rows| self.add_rows(view, rows))?;
        }
        Ok(())
    }

    /// Adds rows of a partition.
    fn add_rows(&mut self, view: RowView<'_>, rows: &[Row]) -> Result<(), Error> {
        match &self.plan.selection {
            // Nothing is asked about any of them: they are copied.
            Selection::Columns(columns)
                if self.plan.post_ordering.is_none()
                    && self.plan.json.is_none()
                    && self.context.read_size.is_none() =>
            {
                columns.write_rows(&view, rows, &mut self.writer);
                Ok(())
            }
            _ => rows.iter().try_for_each(|row| self.add(RowView { row: Some(row), ..view })),
        }
    }

    /// Adds the row of a group: `view` is its first row, none where there is none.
    pub(super) fn add_group(
        &mut self,
        view: Option<RowView<'_>>,
        aggregates: &[OwnedValue],
    ) -> Result<(), Error> {
        self.plan.check_read_size(&self.context, self.size)?;
        let with = Evaluation { row: view, aggregates, bind: self.bind, unmask: self.context.unmask };
        let mut values = Vec::new();
        match &self.plan.selection {
            Selection::Columns(SelectedColumns { sources, .. }) => {
                let value =
                    |source: &Source| view.as_ref().and_then(|v| source.value(v).map(|v| v.into_owned()));
                values.extend(sources.iter().map(value));
            }
            Selection::Expressions(selectors) => {
                for selector in selectors {
                    values.push(selector.evaluate(&with)?.map(|v| v.into_owned()));
                }
            }
        }
        match &self.plan.post_ordering {
            None => self.write(&values),
            Some(ordering) => {
                let value =
                    |source: &Source| view.as_ref().and_then(|v| source.value(v).map(|v| v.into_owned()));
                let order = ordering.by.iter().map(|(source, ..)| value(source)).collect();
                self.size += values.iter().flatten().map(|value| value.len() as u64).sum::<u64>();
                self.pending.push(Pending { order, values });
            }
        }
        Ok(())
    }

    fn add(&mut self, view: RowView<'_>) -> Result<(), Error> {
        self.plan.check_read_size(&self.context, self.size)?;
        let before = self.writer.len();
        let as_they_are = self.plan.post_ordering.is_none() && self.plan.json.is_none();
        match &self.plan.selection {
            Selection::Columns(columns) if as_they_are => columns.write(&view, &mut self.writer),
            Selection::Expressions(selectors) if as_they_are => {
                let with = Evaluation {
                    row: Some(view),
                    aggregates: &[],
                    bind: self.bind,
                    unmask: self.context.unmask,
                };
                self.writer.begin_row();
                for selector in selectors {
                    match selector {
                        Selector::Column(source) => source.write(&view, &mut self.writer),
                        other => self.writer.value(other.evaluate(&with)?.as_deref()),
                    }
                }
            }
            _ => return self.add_group(Some(view), &[]),
        }
        self.count(before);
        Ok(())
    }

    /// Counts the values of a row that was written from there on, without their lengths.
    fn count(&mut self, before: usize) {
        let lengths = 4 * self.plan.columns.len();
        self.size += (self.writer.len() - before).saturating_sub(lengths) as u64;
    }

    fn write(&mut self, values: &[OwnedValue]) {
        let before = self.writer.len();
        self.writer.begin_row();
        let Some(names) = &self.plan.json else {
            for value in values {
                self.writer.value(value.as_deref());
            }
            self.count(before);
            return;
        };
        let mut text = String::from("{");
        for (i, ((name, cql_type), value)) in names.iter().zip(values).enumerate() {
            text.push_str(if i > 0 { ", \"" } else { "\"" });
            text.push_str(name);
            text.push_str("\": ");
            cql_type.write_json(&mut text, value.as_deref());
        }
        text.push('}');
        self.writer.value(Some(text.as_bytes()));
        self.count(before);
    }

    /// The finished rows.
    pub fn finish(mut self) -> Result<RowsContent, Error> {
        self.plan.warn_of_read_size(&self.context, self.size)?;
        if let Some(ordering) = &self.plan.post_ordering {
            self.pending.sort_by(|a, b| compare(ordering, a, b));
            let pending = std::mem::take(&mut self.pending);
            for row in pending.iter().take(self.limit) {
                self.write(&row.values);
            }
        }
        Ok(self.writer.finish())
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
