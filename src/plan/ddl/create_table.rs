//! `CREATE TABLE`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use cql_grammar::ast::{self, ColumnDefinition, CreateTable, Direction};

use super::attributes::{Attributes, KeptAttributes};
use super::column_type::{RawType, check_classes, key_type_text};
use super::mask::{MaskSite, check_enabled};
use super::{
    Resource, check_keyspace_name, check_permitted, guard_type, has_valid_characters, keyspace_missing,
    keyspace_of, put, unchanged, user_keyspaces, written,
};
use crate::error::{Error, Result};
use crate::event::{Change, SchemaChange};
use crate::exec::ddl::{DdlContext, SchemaTransformation};
use crate::schema::{
    ClusteringOrder, ColumnId, ColumnKind, ColumnMetadata, KeyspaceMetadata, Schema, TableMetadata,
    TableParams, assign_initial_ids, system,
};
use crate::types::CqlType;

/// The longest name of a table (Cassandra: `SchemaConstants.TABLE_NAME_LENGTH`).
const TABLE_NAME_MAX: usize = 222;
/// More columns than this would not fit their ids.
pub(super) const COLUMNS_MAX: usize = 32_000;

pub(super) fn plan(create: &CreateTable, session: Option<&str>) -> Result<SchemaTransformation> {
    create.columns.iter().try_for_each(|column| check_classes(&column.ty))?;
    check_text(create)?;
    let attributes = Attributes::new(&create.properties)?;
    let keyspace_name = keyspace_of(&create.name, session)?.to_owned();
    let of = Arc::new((create.clone(), KeptAttributes::new(attributes), keyspace_name.clone()));
    let validated = Arc::clone(&of);
    let transformation = SchemaTransformation::new(keyspace_name, move |schema, context| {
        let (create, attributes, keyspace_name) = &*of;
        let name = create.name.name.as_str();
        check_permitted(keyspace_name, "CREATE", Resource::AllTables)?;
        let attributes = attributes.now();
        let attributes = &*guard_all(create, &attributes, keyspace_name, (schema, context))?;
        check_keyspace_name(keyspace_name)?;
        let keyspace = schema.keyspace(keyspace_name).ok_or_else(|| keyspace_missing(keyspace_name))?;
        let event = SchemaChange::table(Change::Created, keyspace_name, name);
        if keyspace.tables.contains_key(name) {
            if create.if_not_exists {
                return unchanged(event);
            }
            return Err(Error::AlreadyExists { keyspace: keyspace_name.clone(), table: name.to_owned() });
        }
        let table = build(create, attributes, (schema, keyspace), context)?;
        validate(&table)?;
        guard_compression(&table.params, context)?;
        if let Some(other) = schema.table_by_id(table.id) {
            return Err(Error::invalid(format!(
                "Cannot create table with ID {}: table {}.{} has it already",
                table.id, other.keyspace, other.name
            )));
        }
        let mut keyspace = keyspace.as_ref().clone();
        keyspace.tables.insert(table.name.clone(), table.into());
        put(keyspace, event)
    });
    Ok(transformation.validated_by(move |schema, context| {
        let (create, attributes, keyspace_name) = &*validated;
        let all = attributes.now();
        if let Cow::Owned(left) = guard_all(create, &all, keyspace_name, (schema, context))? {
            attributes.keep(left);
        }
        Ok(())
    }))
}

/// Looks at what can be told without the keyspace; gives the attributes without those that are to be left out (Cassandra:
/// `CreateTableStatement.validate`).
fn guard_all<'a>(
    create: &CreateTable,
    attributes: &'a Attributes,
    keyspace: &str,
    (schema, context): (&Schema, &DdlContext),
) -> Result<Cow<'a, Attributes>> {
    let attributes = guard(create, attributes, schema, context)?;
    guard_ttl(&attributes.new_table_params(&context.memtables)?, keyspace, context)?;
    guard_types(create.columns.iter(), context)?;
    let is_masked = create.columns.iter().any(|column| column.mask.is_some());
    check_enabled(is_masked, context.masking_enabled)?;
    Ok(attributes)
}

/// Holds a new table against guardrails. Gives the attributes without those that are to be left out.
fn guard<'a>(
    create: &CreateTable,
    attributes: &'a Attributes,
    schema: &Schema,
    context: &DdlContext,
) -> Result<Cow<'a, Attributes>> {
    let Some(guard) = context.guard() else { return Ok(Cow::Borrowed(attributes)) };
    let (rails, name) = (guard.rails, create.name.name.as_str());
    let attributes = attributes.guarded(guard)?;
    guard.check(rails.columns_per_table.check_count(create.columns.len(), name))?;
    let tables: usize = user_keyspaces(schema).map(|keyspace| keyspace.tables.len()).sum();
    guard.check(rails.tables.check_count(tables + 1, name))?;
    if create.compact_storage {
        guard.check(rails.compact_tables.check())?;
    }
    Ok(attributes)
}

/// Holds a table of time windows whose rows do not expire against the guardrail.
pub(super) fn guard_ttl(params: &TableParams, keyspace: &str, context: &DdlContext) -> Result<()> {
    match context.guard() {
        Some(guard)
            if params.default_time_to_live == 0
                && params.compaction.simple_class_name() == "TimeWindowCompactionStrategy"
                && !system::is_system_keyspace(keyspace) =>
        {
            guard.check(guard.rails.zero_ttl_on_twcs.check())
        }
        _ => Ok(()),
    }
}

/// Holds the types of columns against guardrails.
pub(super) fn guard_types<'a>(
    mut columns: impl Iterator<Item = &'a ColumnDefinition>,
    context: &DdlContext,
) -> Result<()> {
    let Some(guard) = context.guard() else { return Ok(()) };
    columns.try_for_each(|column| guard_type(&column.ty, &format!("Column {}", column.name.as_str()), guard))
}

/// Holds a table without compression against the guardrail.
pub(super) fn guard_compression(params: &TableParams, context: &DdlContext) -> Result<()> {
    match context.guard() {
        Some(guard) if !params.compression.is_enabled() => {
            guard.check(guard.rails.uncompressed_tables.check())
        }
        _ => Ok(()),
    }
}

/// What the text alone tells is wrong.
fn check_text(create: &CreateTable) -> Result<()> {
    let table = written(&create.name);
    for (i, column) in create.columns.iter().enumerate() {
        if create.columns[..i].iter().any(|other| other.name == column.name) {
            let name = column.name.as_str();
            let text = format!("Duplicate column '{name}' declaration for table '{table}'");
            return Err(Error::invalid(text));
        }
    }
    if create.primary_keys.len() > 1 {
        let text = format!("Multiple PRIMARY KEY specified for table '{table}' (exactly one required)");
        return Err(Error::invalid(text));
    }
    for (i, order) in create.clustering_order.iter().enumerate() {
        if create.clustering_order[..i].iter().any(|other| other.column == order.column) {
            let name = order.column.as_str();
            let text = format!("Duplicate column '{name}' in CLUSTERING ORDER BY clause for table '{table}'");
            return Err(Error::invalid(text));
        }
    }
    if create.primary_keys.is_empty() {
        let text = format!("No PRIMARY KEY specifed for table '{table}' (exactly one required)");
        return Err(Error::invalid(text));
    }
    Ok(())
}

/// A user type with several cells may not have fields with several cells.
pub(super) fn has_nested_multi_cell(ty: &CqlType) -> bool {
    match ty {
        CqlType::User { user_type, frozen: false } => {
            user_type.fields.iter().any(|(_, field)| field.is_multi_cell())
        }
        _ => false,
    }
}

/// The columns on the way to a table, by name, with their types.
type Columns<'a> = BTreeMap<&'a str, (&'a ColumnDefinition, CqlType)>;

fn build(
    create: &CreateTable,
    attributes: &Attributes,
    (schema, keyspace): (&Schema, &KeyspaceMetadata),
    context: &DdlContext,
) -> Result<TableMetadata> {
    attributes.check_table(&context.memtables)?;
    let params = attributes.new_table_params(&context.memtables)?;
    if create.columns.len() > COLUMNS_MAX {
        let text = format!("A table cannot have more than {COLUMNS_MAX} columns");
        return Err(Error::invalid(text));
    }
    let (mut columns, mut masks) = (Columns::new(), BTreeMap::new());
    for definition in &create.columns {
        let ty = RawType::new(&definition.ty).prepare(keyspace)?;
        if let Some(mask) = &definition.mask {
            let site = MaskSite { schema, keyspace: &keyspace.name, table: create.name.name.as_str() };
            let name = definition.name.as_str();
            masks.insert(name, site.mask(mask, name, &ty)?);
        }
        columns.insert(definition.name.as_str(), (definition, ty));
    }
    if columns.values().any(|(_, ty)| has_nested_multi_cell(ty)) {
        let text = "Non-frozen UDTs with nested non-frozen collections are not supported";
        return Err(Error::invalid(text));
    }
    let key = &create.primary_keys[0];
    check_key(create, key, &columns, keyspace)?;
    check_clustering_order(create, key)?;
    let is_key = |name: &str| key.partition_key.iter().chain(&key.clustering).any(|c| c.as_str() == name);
    let rest: Vec<&(&ColumnDefinition, CqlType)> =
        columns.iter().filter(|(name, _)| !is_key(name)).map(|(_, column)| column).collect();
    if create.compact_storage {
        check_compact(create, key, &rest)?;
    } else if key.clustering.is_empty() && create.columns.iter().any(|column| column.is_static) {
        return Err(static_without_clustering());
    }
    let has_counters = columns.values().any(|(_, ty)| ty.is_counter());
    if has_counters {
        if rest.iter().any(|(_, ty)| !ty.is_counter()) {
            return Err(Error::invalid("Cannot mix counter and non counter columns in the same table"));
        }
        if params.default_time_to_live > 0 {
            return Err(Error::invalid("Cannot set default_time_to_live on a table with counters"));
        }
    }
    let id = attributes.table_id()?.unwrap_or(context.new_table_id);
    let is_static_compact = create.compact_storage && key.clustering.is_empty();
    let mut made = key_columns(create, key, &columns);
    for (definition, ty) in rest {
        let is_static = definition.is_static || is_static_compact;
        let kind = if is_static { ColumnKind::Static } else { ColumnKind::Regular };
        made.push(column(definition.name.as_str(), ty.clone(), kind, 0));
    }
    if create.compact_storage {
        add_compact_columns(&mut made, is_static_compact, has_counters);
    }
    for column in &mut made {
        column.mask = masks.remove(column.name.as_str());
    }
    assign_initial_ids(&mut made);
    let mut table = TableMetadata::new(&keyspace.name, create.name.name.as_str(), id, made, params);
    table.is_counter = has_counters;
    if create.compact_storage {
        table.is_dense = !key.clustering.is_empty();
        table.is_compound = key.clustering.len() > 1;
    }
    Ok(table)
}

pub(super) fn static_without_clustering() -> Error {
    Error::invalid(
        "Static columns are only useful (and thus allowed) if the table has at least one clustering column",
    )
}

fn check_key(
    create: &CreateTable,
    key: &ast::PrimaryKey,
    columns: &Columns<'_>,
    keyspace: &KeyspaceMetadata,
) -> Result<()> {
    let table = create.name.name.as_str();
    let mut seen = Vec::new();
    for name in key.partition_key.iter().chain(&key.clustering).map(|name| name.as_str()) {
        let Some((definition, ty)) = columns.get(name) else {
            let text = format!("Unknown column '{name}' referenced in PRIMARY KEY for table '{table}'");
            return Err(Error::invalid(text));
        };
        if seen.contains(&name) {
            let text = format!("Duplicate column '{name}' in PRIMARY KEY clause for table '{table}'");
            return Err(Error::invalid(text));
        }
        seen.push(name);
        let problem = if ty.is_multi_cell() {
            let what = if ty.is_collection() { "collection" } else { "user-defined" };
            let text = key_type_text(&definition.ty, &keyspace.name, ty);
            format!("Invalid non-frozen {what} type {text} for PRIMARY KEY column '{name}'")
        } else if ty.is_counter() {
            format!("counter type is not supported for PRIMARY KEY column '{name}'")
        } else if ty.references_duration() {
            format!("duration type is not supported for PRIMARY KEY column '{name}'")
        } else if definition.is_static {
            format!("Static column '{name}' cannot be part of the PRIMARY KEY")
        } else {
            continue;
        };
        return Err(Error::invalid(problem));
    }
    Ok(())
}

fn check_clustering_order(create: &CreateTable, key: &ast::PrimaryKey) -> Result<()> {
    let order = &create.clustering_order;
    let others: Vec<&str> =
        order.iter().map(|o| &o.column).filter(|c| !key.clustering.contains(c)).map(|c| c.as_str()).collect();
    if !others.is_empty() {
        return Err(Error::invalid(format!(
            "Only clustering key columns can be defined in CLUSTERING ORDER directive: [{}] are not clustering columns",
            others.join(", ")
        )));
    }
    for (given, expected) in order.iter().zip(&key.clustering) {
        if given.column == *expected {
            continue;
        }
        let (given, name) = (given.column.as_str(), expected.as_str());
        return Err(Error::invalid(if order.iter().any(|o| o.column == *expected) {
            format!(
                "The order of columns in the CLUSTERING ORDER directive must match that of the clustering columns \
                 ({name} must appear before {given})"
            )
        } else {
            format!("Missing CLUSTERING ORDER for column {name}")
        }));
    }
    Ok(())
}

fn check_compact(
    create: &CreateTable,
    key: &ast::PrimaryKey,
    rest: &[&(&ColumnDefinition, CqlType)],
) -> Result<()> {
    let problem = if rest.iter().any(|(_, ty)| ty.is_multi_cell()) {
        "Non-frozen collections and UDTs are not supported with COMPACT STORAGE".to_owned()
    } else if create.columns.iter().any(|column| column.is_static) {
        "Static columns are not supported in COMPACT STORAGE tables".to_owned()
    } else if key.clustering.is_empty() && rest.is_empty() {
        "No definition found that is not part of the PRIMARY KEY".to_owned()
    } else if !key.clustering.is_empty() && rest.len() > 1 {
        let names: Vec<&str> = rest.iter().map(|(definition, _)| definition.name.as_str()).collect();
        format!(
            "COMPACT STORAGE with composite PRIMARY KEY allows no more than one column not part of the PRIMARY KEY \
             (got: {})",
            names.join(", ")
        )
    } else {
        return Ok(());
    };
    Err(Error::invalid(problem))
}

pub(super) fn column(name: &str, cql_type: CqlType, kind: ColumnKind, position: usize) -> ColumnMetadata {
    ColumnMetadata {
        id: ColumnId(0),
        name: name.to_owned(),
        cql_type,
        kind,
        position,
        order: ClusteringOrder::Asc,
        mask: None,
    }
}

fn key_columns(create: &CreateTable, key: &ast::PrimaryKey, columns: &Columns<'_>) -> Vec<ColumnMetadata> {
    let ty = |name: &ast::Name| columns.get(name.as_str()).map_or(CqlType::Blob, |(_, ty)| ty.clone());
    let mut made = Vec::new();
    for (position, name) in key.partition_key.iter().enumerate() {
        made.push(column(name.as_str(), ty(name), ColumnKind::PartitionKey, position));
    }
    for (position, name) in key.clustering.iter().enumerate() {
        let mut column = column(name.as_str(), ty(name), ColumnKind::Clustering, position);
        let order = create.clustering_order.iter().find(|order| order.column == *name);
        if order.is_some_and(|order| order.direction == Direction::Descending) {
            column.order = ClusteringOrder::Desc;
        }
        made.push(column);
    }
    made
}

/// Compact tables have a clustering column and one regular column, named by the server where need be.
fn add_compact_columns(made: &mut Vec<ColumnMetadata>, is_static_compact: bool, has_counters: bool) {
    let mut values = (0..).map(|i: usize| if i == 0 { "value".to_owned() } else { format!("value{i}") });
    if is_static_compact {
        let name = free_name(made, (1..).map(|i: usize| format!("column{i}")));
        made.push(column(&name, CqlType::Text, ColumnKind::Clustering, 0));
        let name = free_name(made, &mut values);
        let ty = if has_counters { CqlType::Counter } else { CqlType::Blob };
        made.push(column(&name, ty, ColumnKind::Regular, 0));
    } else if made.iter().all(|column| column.kind != ColumnKind::Regular) {
        let name = free_name(made, &mut values);
        made.push(column(&name, CqlType::Empty, ColumnKind::Regular, 0));
    }
}

/// The first name that no column has.
fn free_name(made: &[ColumnMetadata], mut names: impl Iterator<Item = String>) -> String {
    let name = names.find(|name| made.iter().all(|column| column.name != *name));
    name.expect("there are more names than columns")
}

/// What must hold of every table (Cassandra: `TableMetadata.validate`).
pub(super) fn validate(table: &TableMetadata) -> Result<()> {
    let full_name = format!("{}.{}", table.keyspace, table.name);
    let fail = |text: String| Err(Error::config(format!("{full_name}: {text}")));
    if !has_valid_characters(&table.name) {
        return fail(format!(
            "Table name must not be empty or not contain non-alphanumeric-underscore characters (got \"{}\")",
            table.name
        ));
    }
    if table.name.len() > TABLE_NAME_MAX {
        let (length, name) = (table.name.len(), &table.name);
        return fail(format!(
            "Table name must not be more than {TABLE_NAME_MAX} characters long (got {length} characters for \"{name}\")"
        ));
    }
    table.params.validate()?;
    for column in table.static_columns.iter().chain(&table.regular_columns) {
        let name = &column.name;
        if table.is_counter && !column.cql_type.is_counter() {
            return fail(format!("Cannot have a non counter column (\"{name}\") in a counter table"));
        }
        if !table.is_counter && column.cql_type.is_counter() {
            return fail(format!("Cannot have a counter column (\"{name}\") in a non counter table"));
        }
    }
    Ok(())
}
