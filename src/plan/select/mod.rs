//! Plans SELECT (Cassandra: `SelectStatement.RawStatement.prepare`).

mod factory;
mod group;
mod ordering;
mod selectable;

use std::sync::Arc;

use cql_grammar::ast;

use self::factory::SelectorFactory;
use self::ordering::Ordering;
use self::selectable::{Finder, Selectable};
use super::assign::Receiver;
use super::markers::BindMarkers;
use super::restrictions::{self, StatementKind, WhereClause};
use super::table;
use super::term::TermPlanner;
use crate::error::Error;
use crate::exec::describe::java_order::{bytes_hash, sort_by_hash};
use crate::exec::restrictions::Restrictions;
use crate::exec::result::{ColumnSpec, Columns};
use crate::exec::select::columns::{ReadColumns, column_of};
use crate::exec::select::masks::Masks;
use crate::exec::select::plain::SelectedColumns;
use crate::exec::select::selector::{AggregateCall, Selector};
use crate::exec::select::source::Source;
use crate::exec::select::{PostOrdering, SelectPlan, Selection};
use crate::exec::term::Term;
use crate::guardrails::Guard;
use crate::schema::{ColumnKind, ColumnMetadata, Schema, TableMetadata};
use crate::storage::model::ColumnFilter;
use crate::types::{CqlType, json_name};

/// Plans a SELECT for a session in that keyspace; `Invalid` where it makes no sense.
pub fn plan(
    select: &ast::Select,
    schema: &Schema,
    keyspace: Option<&str>,
    markers: &mut BindMarkers,
    guard: Option<Guard<'_>>,
) -> Result<SelectPlan, Error> {
    let table = table::find(&select.from, schema, keyspace)?;
    let key_types: Vec<CqlType> = table.partition_key.iter().map(|c| c.cql_type.clone()).collect();
    let only_static_columns = selects_only_statics(select, &table, schema, &key_types, markers)?;
    let ordering = Ordering::find(&select.order_by, &table)?;
    let clause = WhereClause {
        kind: StatementKind::Select,
        relations: &select.where_clause,
        only_static_columns,
        allow_filtering: select.allow_filtering,
        may_allow_filtering: guard.is_none_or(|guard| guard.rails.allow_filtering.enabled),
    };
    let mut terms = TermPlanner { schema, keyspace: &table.keyspace, markers };
    let restrictions = restrictions::plan(&table, clause, &mut terms)?;
    if let Some(guard) = guard.filter(|_| !select.group_by.is_empty()) {
        guard.check(guard.rails.group_by.check())?;
    }
    let selected = select_all(select, &table, schema, &key_types, markers)?;
    if select.distinct {
        if select.per_partition_limit.is_some() {
            return Err(Error::invalid("PER PARTITION LIMIT is not allowed with SELECT DISTINCT queries"));
        }
        check_distinct(&table, &selected.read, &ordering, &restrictions)?;
    }
    let group_by = {
        let mut factory = SelectorFactory::new(&table, schema, &key_types, markers);
        group::plan(&select.group_by, select.distinct, &table, &restrictions, &mut factory)?
    };
    if group_by.is_none() && !selected.aggregates.is_empty() && select.per_partition_limit.is_some() {
        return Err(Error::invalid("PER PARTITION LIMIT is not allowed with aggregate queries."));
    }
    let (is_reversed, post_ordering) = order(&ordering, &table, &restrictions)?;
    if !select.allow_filtering && restrictions::needs_filtering(&table, &restrictions) {
        return Err(Error::invalid(restrictions::REQUIRES_ALLOW_FILTERING));
    }
    let mut terms = TermPlanner { schema, keyspace: &table.keyspace, markers };
    let limit = limit_term(select.limit.as_ref(), "[limit]", &table, &mut terms)?;
    let per_partition_limit =
        limit_term(select.per_partition_limit.as_ref(), "[per_partition_limit]", &table, &mut terms)?;
    let read_columns = read_columns(&table, &selected, &restrictions);
    let masks = masks(&table, &restrictions);
    let Selected { columns, selection, aggregates, .. } = selected;
    let (columns, json) = if select.json { as_json(&columns) } else { (columns, None) };
    Ok(SelectPlan {
        columns,
        json,
        selection,
        read_columns,
        aggregates,
        restrictions,
        group_by,
        limit,
        per_partition_limit,
        masks,
        allow_filtering: select.allow_filtering,
        distinct: select.distinct,
        is_reversed,
        post_ordering,
        table,
    })
}

/// Whether nothing but static columns (and parts of the partition key) is selected.
///
/// What is selected is looked at here only as far as it has to be: what else is wrong with it shows after the WHERE
/// clause (Cassandra: `selectOnlyStaticColumns`, on a list that is transformed whenever it is walked).
fn selects_only_statics(
    select: &ast::Select,
    table: &TableMetadata,
    schema: &Schema,
    key_types: &[CqlType],
    markers: &mut BindMarkers,
) -> Result<bool, Error> {
    if !table.has_static_columns() {
        return Ok(false);
    }
    let terms = TermPlanner { schema, keyspace: &table.keyspace, markers };
    let finder = Finder { table, key_types, terms: &terms };
    let reads = |test: &dyn Fn(&ColumnMetadata) -> bool| -> Result<bool, Error> {
        for selector in &select.selectors {
            if finder.reads(&finder.find(&selector.selectable)?, test) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let is_of_row = |c: &ColumnMetadata| !matches!(c.kind, ColumnKind::PartitionKey | ColumnKind::Static);
    Ok(reads(&ColumnMetadata::is_static)? && !reads(&is_of_row)?)
}

/// The selection, ready.
struct Selected<'a> {
    columns: Arc<Columns>,
    selection: Selection,
    aggregates: Vec<AggregateCall>,
    /// The columns that are read for it.
    read: Vec<&'a ColumnMetadata>,
    /// Whether it is `*`.
    is_wildcard: bool,
}

fn select_all<'a>(
    select: &'a ast::Select,
    table: &'a TableMetadata,
    schema: &Schema,
    key_types: &[CqlType],
    markers: &mut BindMarkers,
) -> Result<Selected<'a>, Error> {
    let (keyspace, name): (Arc<str>, Arc<str>) = (table.keyspace.as_str().into(), table.name.as_str().into());
    let spec = |column: &str, ty: CqlType| ColumnSpec {
        keyspace: keyspace.clone(),
        table: name.clone(),
        name: column.into(),
        ty,
    };
    if select.selectors.is_empty() && !table.has_masks() {
        let read: Vec<&ColumnMetadata> = table.columns_in_select_order().collect();
        let specs = read.iter().map(|c| spec(&c.name, c.cql_type.clone())).collect();
        let sources = read.iter().map(|c| Source::of(c, table.partition_key.len())).collect();
        return Ok(Selected {
            is_wildcard: true,
            columns: Columns::new(specs),
            selection: Selection::Columns(SelectedColumns::new(sources, table)),
            aggregates: Vec::new(),
            read,
        });
    }
    let mut factory = SelectorFactory::new(table, schema, key_types, markers);
    let (mut specs, mut selectors) = (Vec::new(), Vec::new());
    let mut add = |factory: &mut SelectorFactory<'a, '_>,
                   selectable: &Selectable<'a>,
                   alias: Option<&ast::Name>|
     -> Result<(), Error> {
        let made = factory.make(selectable, None)?;
        let name = alias.map_or(made.name.as_str(), |alias| alias.as_str());
        let shown = if select.json { made.cql_type } else { shown_type(selectable, made.cql_type) };
        specs.push(spec(name, shown));
        selectors.push(made.selector);
        Ok(())
    };
    for column in table.columns_in_select_order().filter(|_| select.selectors.is_empty()) {
        add(&mut factory, &Selectable::Column(column), None)?;
    }
    for written in &select.selectors {
        let selectable = factory.find(&written.selectable)?;
        add(&mut factory, &selectable, written.alias.as_ref())?;
    }
    let sources: Option<Vec<Source>> = selectors
        .iter()
        .map(|selector| match selector {
            Selector::Column(source) => Some(source.clone()),
            _ => None,
        })
        .collect();
    Ok(Selected {
        is_wildcard: false,
        columns: Columns::new(specs),
        selection: match sources {
            Some(sources) => Selection::Columns(SelectedColumns::new(sources, table)),
            None => Selection::Expressions(selectors),
        },
        aggregates: factory.aggregates,
        read: factory.columns,
    })
}

/// What the WHERE clause asks of masked columns; none where the table has none.
fn masks(table: &TableMetadata, restrictions: &Restrictions) -> Option<Masks> {
    if !table.has_masks() {
        return None;
    }
    // Cassandra lists them in the order of a hash map to which all columns were added, one by one.
    let mut columns: Vec<&ColumnMetadata> = table.columns().collect();
    let entries = columns.len().saturating_sub(1);
    sort_by_hash(&mut columns, entries, |column| bytes_hash(column.name.as_bytes()));
    let restricted = columns.iter().filter(|c| c.mask.is_some() && restrictions.is_restricted(c));
    Some(Masks { restricted: restricted.map(|column| column.name.clone()).collect() })
}

/// Functions of any type know `timeuuid` by the class that functions of users see, and so does their result
/// (Cassandra: `AbstractType.udfType`).
fn shown_type(selectable: &Selectable<'_>, cql_type: CqlType) -> CqlType {
    const OF_ANY_TYPE: [&str; 7] =
        ["min", "max", "mask_null", "mask_default", "mask_replace", "blob_as_timeuuid", "blobastimeuuid"];
    match selectable {
        Selectable::Call { function, .. }
            if cql_type == CqlType::Timeuuid && OF_ANY_TYPE.contains(&function.name.as_str()) =>
        {
            CqlType::Custom("org.apache.cassandra.db.marshal.LegacyTimeUUIDType".into())
        }
        _ => cql_type,
    }
}

/// The columns that are read: beside the selected ones those that are restricted. All, where all are selected.
fn read_columns(table: &TableMetadata, selected: &Selected<'_>, restrictions: &Restrictions) -> ReadColumns {
    let columns = || table.static_columns.iter().chain(&table.regular_columns);
    let is_read = |column: &ColumnMetadata| selected.read.iter().any(|c| c.id == column.id);
    let others = restrictions.restricted_non_key_columns().map(|c| c.id);
    let fetches_all_statics = restrictions.returns_static_only_partitions();
    match &selected.selection {
        Selection::Columns(_) if columns().all(is_read) => {
            let all = if selected.is_wildcard { ColumnFilter::ALL } else { ColumnFilter::ALL_BY_NAME };
            ReadColumns::Known(all)
        }
        Selection::Columns(columns) => {
            let read = columns.sources.iter().filter_map(column_of).chain(others);
            ReadColumns::new([], &selected.aggregates, read, fetches_all_statics)
        }
        Selection::Expressions(selectors) => {
            ReadColumns::new(selectors, &selected.aggregates, others, fetches_all_statics)
        }
    }
}

/// The one column of `SELECT JSON`, and what goes into it.
fn as_json(columns: &Columns) -> (Arc<Columns>, Option<Vec<(String, CqlType)>>) {
    let names = columns.specs().iter().map(|spec| (json_name(&spec.name), spec.ty.clone())).collect();
    let column = columns.specs().first().map(|first| ColumnSpec {
        name: "[json]".into(),
        ty: CqlType::Text,
        ..first.clone()
    });
    (Columns::new(column.into_iter().collect()), Some(names))
}

/// Cassandra: `validateDistinctSelection`.
fn check_distinct(
    table: &TableMetadata,
    read: &[&ColumnMetadata],
    ordering: &Ordering<'_>,
    restrictions: &Restrictions,
) -> Result<(), Error> {
    if restrictions.has_clustering_restrictions() || restrictions.restricts_regular_columns {
        return Err(Error::invalid(
            "SELECT DISTINCT with WHERE clause only supports restriction by partition key and/or static columns.",
        ));
    }
    // What the rows of several partitions are put in order by is read too.
    let of_order = ordering.columns.iter().map(|(column, _)| column);
    let of_order = of_order.filter(|_| restrictions.key_is_in_relation());
    let is_requested = |c: &&&ColumnMetadata| matches!(c.kind, ColumnKind::PartitionKey | ColumnKind::Static);
    if let Some(column) = read.iter().chain(of_order).find(|c| !is_requested(c)) {
        return Err(Error::invalid(format!(
            "SELECT DISTINCT queries must only request partition key columns and/or static columns (not {})",
            column.name
        )));
    }
    if !restrictions.is_key_range {
        return Ok(());
    }
    match table.partition_key.iter().find(|key| !read.iter().any(|c| c.id == key.id)) {
        None => Ok(()),
        Some(missing) => Err(Error::invalid(format!(
            "SELECT DISTINCT queries must request all the partition key columns (missing {})",
            missing.name
        ))),
    }
}

fn order(
    ordering: &Ordering<'_>,
    table: &TableMetadata,
    restrictions: &Restrictions,
) -> Result<(bool, Option<PostOrdering>), Error> {
    if ordering.columns.is_empty() {
        return Ok((false, None));
    }
    if restrictions.is_key_range {
        return Err(Error::invalid(
            "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.",
        ));
    }
    let reversed = ordering.is_reversed(table, restrictions)?;
    let post_ordering = restrictions.key_is_in_relation().then(|| PostOrdering {
        by: ordering
            .columns
            .iter()
            .map(|(c, _)| (Source::of(c, table.partition_key.len()), c.cql_type.clone(), c.is_reversed()))
            .collect(),
        reversed,
    });
    Ok((reversed, post_ordering))
}

fn limit_term(
    limit: Option<&ast::Term>,
    name: &str,
    table: &TableMetadata,
    terms: &mut TermPlanner<'_>,
) -> Result<Option<Term>, Error> {
    let receiver = Receiver::named(&table.keyspace, &table.name, name, CqlType::Int);
    limit.map(|term| terms.prepare(term, &receiver)).transpose()
}
