//! Whether rows satisfy the expressions of a [`RowFilter`] (Cassandra: `RowFilter.Expression.isSatisfiedBy`).

use std::cmp::Ordering;

use super::super::model::{DecoratedKey, Operator, Row, RowFilter, RowFilterExpression, RowFilterTarget};
use crate::schema::{ColumnMetadata, TableMetadata};
use crate::types::{CqlType, collection, counter};

/// A row filter, split by what its expressions need to look at.
pub struct PreparedFilter<'a> {
    table: &'a TableMetadata,
    partition_level: Vec<&'a RowFilterExpression>,
    row_level: Vec<&'a RowFilterExpression>,
}

impl<'a> PreparedFilter<'a> {
    /// Splits the expressions: those on the partition key and static columns, and the others.
    pub fn new(table: &'a TableMetadata, filter: &'a RowFilter) -> Self {
        let is_static = |id| table.column_by_id(id).is_some_and(ColumnMetadata::is_static);
        let (partition_level, row_level) = filter.expressions.iter().partition(|e| match &e.target {
            RowFilterTarget::PartitionKey(_) => true,
            RowFilterTarget::Clustering(_) => false,
            RowFilterTarget::Column(id) | RowFilterTarget::Element(id, _) | RowFilterTarget::Field(id, _) => {
                is_static(*id)
            }
        });
        Self { table, partition_level, row_level }
    }

    /// Whether rows are looked at at all.
    pub fn has_row_level(&self) -> bool {
        !self.row_level.is_empty()
    }

    /// Whether a partition of that key and (purged) static row may hold rows that satisfy the filter.
    pub fn matches_partition(&self, key: &DecoratedKey, static_row: Option<&Row>) -> bool {
        self.partition_level.iter().all(|e| self.matches(e, key, static_row))
    }

    /// Whether a purged row satisfies the filter.
    pub fn matches_row(&self, key: &DecoratedKey, row: &Row) -> bool {
        self.row_level.iter().all(|e| self.matches(e, key, Some(row)))
    }

    fn matches(&self, e: &RowFilterExpression, key: &DecoratedKey, row: Option<&Row>) -> bool {
        match &e.target {
            RowFilterTarget::PartitionKey(i) => {
                let Some(column) = self.table.partition_key.get(*i) else { return false };
                let value = key_component(&key.key, self.table.partition_key.len(), *i);
                value.is_some_and(|v| matches_value(&column.cql_type, e, v))
            }
            RowFilterTarget::Clustering(i) => {
                let Some(column) = self.table.clustering.get(*i) else { return false };
                let value = row.and_then(|row| row.clustering().get(*i));
                value.is_some_and(|v| matches_value(&column.cql_type, e, v))
            }
            RowFilterTarget::Column(id) => {
                let (Some(column), Some(row)) = (self.table.column_by_id(*id), row) else { return false };
                matches_column(column, e, row)
            }
            RowFilterTarget::Element(id, at) => {
                let (Some(column), Some(row)) = (self.table.column_by_id(*id), row) else { return false };
                matches_element(column, e, row, at)
            }
            RowFilterTarget::Field(id, index) => {
                let (Some(column), Some(row)) = (self.table.column_by_id(*id), row) else { return false };
                matches_field(column, e, row, *index)
            }
        }
    }
}

/// A component of a serialized partition key of that many.
fn key_component(key: &[u8], of: usize, index: usize) -> Option<&[u8]> {
    if of == 1 {
        return Some(key);
    }
    let mut rest = key;
    for i in 0.. {
        let (len, after) = rest.split_first_chunk::<2>()?;
        let len = usize::from(u16::from_be_bytes(*len));
        let value = after.get(..len)?;
        if i == index {
            return Some(value);
        }
        rest = after.get(len + 1..)?;
    }
    None
}

fn matches_value(cql_type: &CqlType, e: &RowFilterExpression, found: &[u8]) -> bool {
    match e.operator {
        Operator::In => e.values.iter().any(|v| cql_type.compare(found, v).is_eq()),
        Operator::Contains => e.values.first().is_some_and(|v| frozen_contains(cql_type, found, v)),
        Operator::ContainsKey => e.values.first().is_some_and(|v| match cql_type {
            CqlType::Map { key, .. } => collection::map_get(key, found, v).is_some(),
            _ => false,
        }),
        operator => {
            let Some(wanted) = e.values.first() else { return false };
            let ordering = cql_type.compare(found, wanted);
            match operator {
                Operator::Eq => ordering == Ordering::Equal,
                Operator::Neq => ordering != Ordering::Equal,
                Operator::Lt => ordering == Ordering::Less,
                Operator::Lte => ordering != Ordering::Greater,
                Operator::Gt => ordering == Ordering::Greater,
                Operator::Gte => ordering != Ordering::Less,
                Operator::In | Operator::Contains | Operator::ContainsKey => false,
            }
        }
    }
}

fn matches_column(column: &ColumnMetadata, e: &RowFilterExpression, row: &Row) -> bool {
    if column.cql_type.is_counter() {
        let total = row.cell(column.id).map(|c| counter::total(c.value).to_be_bytes());
        return total.is_some_and(|total| matches_value(&CqlType::Bigint, e, &total));
    }
    if !column.is_complex() {
        return row.cell(column.id).is_some_and(|c| matches_value(&column.cql_type, e, c.value));
    }
    let Some(wanted) = e.values.first() else { return false };
    match (&column.cql_type, e.operator) {
        (CqlType::Set { element, .. }, Operator::Contains) => {
            row.cells_of(column.id).any(|c| element.compare(c.path.unwrap_or_default(), wanted).is_eq())
        }
        (CqlType::List { element, .. }, Operator::Contains) => {
            row.cells_of(column.id).any(|c| element.compare(c.value, wanted).is_eq())
        }
        (CqlType::Map { value, .. }, Operator::Contains) => {
            row.cells_of(column.id).any(|c| value.compare(c.value, wanted).is_eq())
        }
        (CqlType::Map { key, .. }, Operator::ContainsKey) => {
            row.cells_of(column.id).any(|c| key.compare(c.path.unwrap_or_default(), wanted).is_eq())
        }
        _ => false,
    }
}

fn matches_element(column: &ColumnMetadata, e: &RowFilterExpression, row: &Row, at: &[u8]) -> bool {
    match &column.cql_type {
        CqlType::Map { key, value, frozen: false } => row
            .cells_of(column.id)
            .find(|c| key.compare(c.path.unwrap_or_default(), at).is_eq())
            .is_some_and(|c| matches_value(value, e, c.value)),
        CqlType::Map { key, value, frozen: true } => row
            .cell(column.id)
            .and_then(|c| collection::map_get(key, c.value, at))
            .is_some_and(|found| matches_value(value, e, found)),
        CqlType::List { element, frozen } => {
            let index = at.try_into().map(i32::from_be_bytes).ok().and_then(|i| usize::try_from(i).ok());
            let Some(index) = index else { return false };
            let found = if *frozen {
                row.cell(column.id).and_then(|c| collection::list_get(c.value, index))
            } else {
                row.cells_of(column.id).nth(index).map(|c| c.value)
            };
            found.is_some_and(|found| matches_value(element, e, found))
        }
        _ => false,
    }
}

fn matches_field(column: &ColumnMetadata, e: &RowFilterExpression, row: &Row, index: usize) -> bool {
    let CqlType::User { user_type, frozen } = &column.cql_type else { return false };
    let Some((_, field_type)) = user_type.fields.get(index) else { return false };
    let found = if *frozen {
        row.cell(column.id).and_then(|c| collection::field(c.value, index))
    } else {
        let path = u16::try_from(index).unwrap_or(u16::MAX).to_be_bytes();
        row.cells_of(column.id).find(|c| c.path == Some(&path[..])).map(|c| c.value)
    };
    found.is_some_and(|found| matches_value(field_type, e, found))
}

fn frozen_contains(cql_type: &CqlType, found: &[u8], wanted: &[u8]) -> bool {
    match cql_type {
        CqlType::List { element, .. } | CqlType::Set { element, .. } => {
            collection::elements(found).any(|item| collection::is_same_when_read(element, item, wanted))
        }
        CqlType::Map { value, .. } => {
            collection::entries(found).any(|(_, item)| collection::is_same_when_read(value, item, wanted))
        }
        _ => false,
    }
}
