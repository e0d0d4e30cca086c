//! ORDER BY (Cassandra: `SelectStatement.RawStatement.isReversed`).

use cql_grammar::ast::{self, Direction};

use crate::error::Error;
use crate::exec::restrictions::Restrictions;
use crate::plan::table::existing_column;
use crate::schema::{ColumnKind, ColumnMetadata, TableMetadata};
use crate::types::CqlType;

/// The columns to order by, and whether descending.
#[derive(Debug)]
pub(super) struct Ordering<'a> {
    pub(super) columns: Vec<(&'a ColumnMetadata, bool)>,
}

impl<'a> Ordering<'a> {
    /// Finds the columns.
    pub(super) fn find(written: &[ast::Ordering], table: &'a TableMetadata) -> Result<Self, Error> {
        let mut columns: Vec<(&ColumnMetadata, bool)> = Vec::with_capacity(written.len());
        for ordering in written {
            let column = existing_column(table, &ordering.column)?;
            if ordering.ann_of.is_some() {
                let receiver = &column.cql_type;
                if !matches!(receiver, CqlType::List { .. } | CqlType::Vector { .. }) {
                    return Err(Error::invalid(format!(
                        "Unexpected receiver type '{receiver}'; only list and vector are expected"
                    )));
                }
                if written.len() > 1 {
                    return Err(Error::invalid("ANN ordering does not support any other ordering"));
                }
                let is_float =
                    |t: &CqlType| matches!(t, CqlType::Vector { element, .. } if **element == CqlType::Float);
                let refused = if is_float(receiver) {
                    "ANN ordering by vector requires the column to be indexed"
                } else {
                    "ANN ordering is only supported on float vector indexes"
                };
                return Err(Error::invalid(refused));
            }
            let descending = ordering.direction == Direction::Descending;
            match columns.iter_mut().find(|(c, _)| c.id == column.id) {
                Some(place) => place.1 = descending,
                None => columns.push((column, descending)),
            }
        }
        Ok(Self { columns })
    }

    /// Whether this is the reverse of the clustering order; `Invalid` where it is neither that nor its reverse.
    pub(super) fn is_reversed(
        &self,
        table: &TableMetadata,
        restrictions: &Restrictions,
    ) -> Result<bool, Error> {
        let mut next = 0;
        let mut reversed: Vec<(usize, bool)> = Vec::new();
        for (column, descending) in &self.columns {
            if column.kind != ColumnKind::Clustering {
                return Err(Error::invalid(format!(
                    "Order by is currently only supported on the clustered columns of the PRIMARY KEY, got {}",
                    column.name
                )));
            }
            while next != column.position {
                let skipped = table.clustering.get(next);
                if !skipped.is_some_and(|c| restrictions.is_restricted_by_eq(c)) {
                    return Err(Error::invalid(
                        "Order by currently only supports the ordering of columns following their declared order in the PRIMARY KEY",
                    ));
                }
                next += 1;
            }
            next += 1;
            reversed.push((column.position, *descending != column.is_reversed()));
        }
        reversed.sort_unstable();
        let first = reversed.first().is_some_and(|(_, reversed)| *reversed);
        if reversed.iter().any(|(_, reversed)| *reversed != first) {
            return Err(Error::invalid("Unsupported order by relation"));
        }
        Ok(first)
    }
}
