//! GROUP BY (Cassandra: `SelectStatement.RawStatement.getAggregationSpecFactory`).

use cql_grammar::ast;

use super::factory::SelectorFactory;
use super::selectable::Selectable;
use crate::error::Error;
use crate::exec::functions::Function;
use crate::exec::restrictions::Restrictions;
use crate::exec::select::group::GroupBy;
use crate::exec::select::selector::Selector;
use crate::schema::{ColumnKind, ColumnMetadata, TableMetadata};

/// Plans GROUP BY; none where it is not written.
pub(super) fn plan<'a>(
    written: &'a [ast::Selectable],
    distinct: bool,
    table: &'a TableMetadata,
    restrictions: &Restrictions,
    factory: &mut SelectorFactory<'a, '_>,
) -> Result<Option<GroupBy>, Error> {
    if written.is_empty() {
        return Ok(None);
    }
    let mut group_by = GroupBy { clustering_columns: 0, function: None };
    let mut key_columns = table.partition_key.iter().chain(&table.clustering);
    for selectable in written {
        let column = match factory.find(selectable)? {
            Selectable::Call { function, arguments } => {
                let call = Selectable::Call { function: function.clone(), arguments };
                let (selector, column) = function_of(&function, &call, factory)?;
                group_by.function = Some(selector);
                column
            }
            Selectable::Column(column) => {
                if !column.is_primary_key() {
                    return Err(Error::invalid(format!(
                        "Group by is currently only supported on the columns of the PRIMARY KEY, got {}",
                        column.name
                    )));
                }
                if group_by.function.is_some() {
                    return Err(Error::invalid(
                        "Functions are only supported on the last element of the GROUP BY clause",
                    ));
                }
                column
            }
            other => {
                let (found, wanted) = (other.java_class(), "org.apache.cassandra.schema.ColumnMetadata");
                return Err(Error::server(format!(
                    "java.lang.ClassCastException: class {found} cannot be cast to class {wanted} ({found} and {wanted} are in unnamed module of loader 'app')"
                )));
            }
        };
        let mut is_reached = false;
        for key in key_columns.by_ref() {
            group_by.clustering_columns += usize::from(key.kind == ColumnKind::Clustering);
            if key.id == column.id {
                is_reached = true;
                break;
            }
            if !restrictions.is_restricted_by_eq(key) {
                return Err(wrong_order());
            }
        }
        if !is_reached {
            return Err(wrong_order());
        }
    }
    if key_columns.next().is_some_and(|key| key.kind == ColumnKind::PartitionKey) {
        return Err(Error::invalid("Group by is not supported on only a part of the partition key"));
    }
    if group_by.clustering_columns > 0 && distinct {
        return Err(Error::invalid(
            "Grouping on clustering columns is not allowed for SELECT DISTINCT queries",
        ));
    }
    Ok(Some(group_by))
}

fn wrong_order() -> Error {
    Error::invalid(
        "Group by currently only support groups of columns following their declared order in the PRIMARY KEY",
    )
}

/// A function of one clustering column, by which rows are grouped.
fn function_of<'a>(
    function: &Function,
    call: &Selectable<'a>,
    factory: &mut SelectorFactory<'a, '_>,
) -> Result<(Selector, &'a ColumnMetadata), Error> {
    if function.is_aggregate() {
        return Err(Error::invalid(format!(
            "Aggregate functions are not supported within the GROUP BY clause, got: {}",
            function.name()
        )));
    }
    let read = std::mem::take(&mut factory.columns);
    let made = factory.make(call, None)?;
    let columns = std::mem::replace(&mut factory.columns, read);
    let column = match &columns[..] {
        [] => {
            return Err(Error::invalid(
                "GROUP BY functions must have one clustering column name as parameter",
            ));
        }
        [only] => *only,
        several => {
            let names: Vec<_> = several.iter().map(|c| crate::types::maybe_quoted(&c.name)).collect();
            return Err(Error::invalid(format!(
                "GROUP BY functions accept only one clustering column as parameter, got: {}",
                names.join(",")
            )));
        }
    };
    if column.kind != ColumnKind::Clustering {
        return Err(Error::invalid(format!(
            "Group by functions are only supported on clustering columns, got {}",
            column.name
        )));
    }
    if !is_monotonic(&function.name) {
        return Err(Error::invalid(format!(
            "Only monotonic functions are supported in the GROUP BY clause. Got: {} ",
            partial_text(function, call)
        )));
    }
    Ok((made.selector, column))
}

/// A function of which some arguments are constants (Cassandra: `PartiallyAppliedScalarFunction`).
fn partial_text(function: &Function, call: &Selectable<'_>) -> String {
    let text = function.to_string();
    let Selectable::Call { arguments, .. } = call else { return text };
    if !arguments.iter().any(|argument| matches!(argument, Selectable::Term(_))) {
        return text;
    }
    let types: Vec<String> = function
        .arg_types
        .iter()
        .zip(arguments)
        .map(|(of, argument)| match argument {
            Selectable::Term(_) => format!("{of}(constant)"),
            _ => of.to_string(),
        })
        .collect();
    let name = text.split(" : ").next().unwrap_or_default();
    format!("{name} : ({}) -> {}", types.join(", "), function.return_type)
}

/// Whether a function keeps the order of its argument (Cassandra: `ScalarFunction.isMonotonic`).
fn is_monotonic(name: &str) -> bool {
    let name: String = name.chars().filter(|c| *c != '_').collect();
    matches!(name.as_str(), "floor" | "todate" | "totimestamp" | "tounixtimestamp")
}
