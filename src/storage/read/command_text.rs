//! Reads as CQL text, for warnings and errors (Cassandra: `ReadCommand.toCQLString`).

use std::fmt::Write as _;

use super::super::model::{
    BoundKind, ClusteringIndexFilter, DataRange, DecoratedKey, KeyBound, Operator, ReadCommand,
    RowFilterExpression, RowFilterTarget, Slice,
};
use crate::schema::{ColumnMetadata, TableMetadata};
use crate::types::{CqlType, maybe_quoted, token};

/// The read as CQL text.
pub fn command_text(command: &ReadCommand) -> String {
    let table = &command.table;
    let mut conditions = Vec::new();
    match &command.range {
        DataRange::Keys(keys) => conditions.extend(key_conditions(table, keys)),
        DataRange::Range { start, end } => {
            conditions.extend(token_condition(table, start, '>', command.rest.is_some()));
            conditions.extend(token_condition(table, end, '<', false));
        }
    }
    conditions.extend(clustering_conditions(table, &command.clustering));
    conditions.extend(command.row_filter.expressions.iter().filter_map(|e| filter_condition(table, e)));
    let columns = command.columns.text(table);
    let mut out =
        format!("SELECT {columns} FROM {}.{}", maybe_quoted(&table.keyspace), maybe_quoted(&table.name));
    if !conditions.is_empty() {
        let _ = write!(out, " WHERE {}", conditions.join(" AND "));
    }
    if command.clustering.is_reversed() {
        let orders = table.clustering.iter().map(|column| {
            format!("{} {}", maybe_quoted(&column.name), if column.is_reversed() { "ASC" } else { "DESC" })
        });
        let _ = write!(out, " ORDER BY {}", orders.collect::<Vec<_>>().join(", "));
    }
    if command.limits.is_internal {
        out.push(' ');
    } else if command.limits.rows != u64::MAX {
        let _ = write!(out, " LIMIT {}", command.limits.rows);
    }
    if command.limits.per_partition != u64::MAX {
        let _ = write!(out, " PER PARTITION LIMIT {}", command.limits.per_partition);
    }
    out.push_str(" ALLOW FILTERING");
    out
}

/// The tokens that a read looks at (Cassandra: `ReadCommand.loggableTokens`).
pub fn tokens_text(range: &DataRange) -> String {
    let token = |bound: &KeyBound| match bound {
        KeyBound::Unbounded => i64::MIN,
        KeyBound::Token(token, _) => token.0,
        KeyBound::Key(key, _) => key.token.0,
    };
    match range {
        DataRange::Keys(keys) => format!("token={}", keys.first().map_or(i64::MIN, |key| key.token.0)),
        DataRange::Range { start, end } => format!("token range: ({}, {}]", token(start), token(end)),
    }
}

/// An end of a range of partitions (Cassandra: `DataRange.toCQLString`); none where it is open. A part of the partition
/// at a key may belong to the range.
fn token_condition(
    table: &TableMetadata,
    bound: &KeyBound,
    operator: char,
    with_part: bool,
) -> Option<String> {
    let (place, inclusive) = match bound {
        KeyBound::Unbounded => return None,
        KeyBound::Token(token, inclusive) => (token.0.to_string(), inclusive),
        KeyBound::Key(key, inclusive) => (format!("token({})", key_text(table, key)), inclusive),
    };
    let names: Vec<_> = table.partition_key.iter().map(|c| maybe_quoted(&c.name)).collect();
    let equal = if *inclusive || with_part { "=" } else { "" };
    Some(format!("token({}) {operator}{equal} {place}", names.join(", ")))
}

fn condition(column: &ColumnMetadata, operator: &str, value: Option<&[u8]>) -> String {
    format!("{} {operator} {}", maybe_quoted(&column.name), column.cql_type.to_cql_literal(value))
}

/// The components of a partition key as CQL literals, separated by commas.
pub fn key_text(table: &TableMetadata, key: &DecoratedKey) -> String {
    key_literals(table, key).join(", ")
}

fn key_literals(table: &TableMetadata, key: &DecoratedKey) -> Vec<String> {
    let columns = &table.partition_key;
    let values = token::decode_partition_key(&key.key, columns.len()).unwrap_or_default();
    columns.iter().zip(values).map(|(c, value)| c.cql_type.to_cql_literal(Some(value))).collect()
}

fn key_conditions(table: &TableMetadata, keys: &[DecoratedKey]) -> Vec<String> {
    let columns = &table.partition_key;
    let parts = |key: &DecoratedKey| key_literals(table, key);
    match keys {
        [only] => {
            let named = columns.iter().zip(parts(only));
            named.map(|(c, value)| format!("{} = {value}", maybe_quoted(&c.name))).collect()
        }
        several => {
            let names: Vec<_> = columns.iter().map(|c| maybe_quoted(&c.name)).collect();
            let values: Vec<_> = several.iter().map(|key| tuple(&parts(key))).collect();
            vec![format!("{} IN ({})", tuple(&names), values.join(", "))]
        }
    }
}

fn tuple(parts: &[String]) -> String {
    match parts {
        [only] => only.clone(),
        several => format!("({})", several.join(", ")),
    }
}

fn clustering_conditions(table: &TableMetadata, filter: &ClusteringIndexFilter) -> Vec<String> {
    match filter {
        ClusteringIndexFilter::Slices { slices, .. } => slice_conditions(table, slices),
        ClusteringIndexFilter::Names { clusterings, .. }
            if table.clustering.is_empty() || clusterings.is_empty() =>
        {
            Vec::new()
        }
        ClusteringIndexFilter::Names { clusterings, .. } => {
            let names: Vec<_> = table.clustering.iter().map(|c| maybe_quoted(&c.name)).collect();
            let values = clusterings.iter().map(|clustering| {
                let columns = table.clustering.iter().zip(clustering.values());
                tuple(&columns.map(|(c, value)| c.cql_type.to_cql_literal(value)).collect::<Vec<_>>())
            });
            let values: Vec<_> = values.collect();
            vec![match &values[..] {
                [only] => format!("{} = {only}", tuple(&names)),
                several => format!("{} IN ({})", tuple(&names), several.join(", ")),
            }]
        }
    }
}

/// What slices say of each column, as far as CQL makes slices: all of them name one value of a column, or several, or
/// they have the same bounds (Cassandra: `Slices.toCQLString`, which tells bounds of several columns apart no better).
fn slice_conditions(table: &TableMetadata, slices: &[Slice]) -> Vec<String> {
    let mut conditions = Vec::new();
    for (i, column) in table.clustering.iter().enumerate() {
        let reaches = |slice: &&Slice| i < slice.start.prefix.len() || i < slice.end.prefix.len();
        let mut reaching = slices.iter().filter(reaches).peekable();
        let Some(first) = reaching.peek().copied() else { break };
        let (start, end) = (first.start.prefix.get(i), first.end.prefix.get(i));
        if start == end {
            let mut values = Vec::new();
            for slice in reaching {
                let value = column.cql_type.to_cql_literal(slice.start.prefix.get(i));
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            let name = maybe_quoted(&column.name);
            conditions.push(match &values[..] {
                [only] => format!("{name} = {only}"),
                several => format!("{name} IN ({})", several.join(", ")),
            });
            continue;
        }
        let (lower, upper) = if column.is_reversed() { ("<", ">") } else { (">", "<") };
        let equal = |inclusive: bool| if inclusive { "=" } else { "" };
        if start.is_some() {
            let operator = format!("{lower}{}", equal(first.start.kind == BoundKind::InclStart));
            conditions.push(condition(column, &operator, start));
        }
        if end.is_some() {
            let operator = format!("{upper}{}", equal(first.end.kind == BoundKind::InclEnd));
            conditions.push(condition(column, &operator, end));
        }
    }
    conditions
}

fn filter_condition(table: &TableMetadata, expression: &RowFilterExpression) -> Option<String> {
    let operator = match expression.operator {
        Operator::Eq => "=",
        Operator::Neq => "!=",
        Operator::Lt => "<",
        Operator::Lte => "<=",
        Operator::Gt => ">",
        Operator::Gte => ">=",
        Operator::In => "IN",
        Operator::Contains => "CONTAINS",
        Operator::ContainsKey => "CONTAINS KEY",
    };
    let value = expression.values.first().map(|v| &v[..]);
    let column = match &expression.target {
        RowFilterTarget::PartitionKey(i) => table.partition_key.get(*i)?,
        RowFilterTarget::Clustering(i) => table.clustering.get(*i)?,
        RowFilterTarget::Column(id) | RowFilterTarget::Element(id, _) | RowFilterTarget::Field(id, _) => {
            table.column_by_id(*id)?
        }
    };
    let name = maybe_quoted(&column.name);
    Some(match (&expression.target, expression.operator) {
        (RowFilterTarget::Element(_, at), _) => {
            let CqlType::Map { key, value: of, .. } = &column.cql_type else { return None };
            format!("{name}[{}] {operator} {}", key.to_cql_literal(Some(at)), of.to_cql_literal(value))
        }
        (RowFilterTarget::Field(..), _) => return None,
        (_, Operator::In) => {
            let values = expression.values.iter().map(|v| column.cql_type.to_cql_literal(Some(v)));
            format!("{name} IN [{}]", values.collect::<Vec<_>>().join(", "))
        }
        (_, Operator::Contains) => {
            let element = match &column.cql_type {
                CqlType::List { element, .. } | CqlType::Set { element, .. } => element,
                CqlType::Map { value, .. } => value,
                _ => return None,
            };
            format!("{name} {operator} {}", element.to_cql_literal(value))
        }
        (_, Operator::ContainsKey) => {
            let CqlType::Map { key, .. } = &column.cql_type else { return None };
            format!("{name} {operator} {}", key.to_cql_literal(value))
        }
        _ => condition(column, operator, value),
    })
}
