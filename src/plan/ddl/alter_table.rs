//! `ALTER TABLE`.

use std::borrow::Cow;
use std::sync::Arc;

use cql_grammar::ast::{AlterTable, AlterTableAction, ColumnDefinition, Name};

use super::attributes::{Attributes, KeptAttributes};
use super::column_type::{RawType, check_classes};
use super::create_table::{
    COLUMNS_MAX, column, guard_compression, guard_ttl, guard_types, has_nested_multi_cell,
    static_without_clustering, validate,
};
use super::mask::{MaskSite, check_enabled};
use super::user_type::expand_user_types;
use super::{Resource, check_keyspace_name, check_permitted, keyspace_of, maybe_quoted, put, unchanged};
use crate::error::{Error, Result};
use crate::event::{Change, SchemaChange};
use crate::exec::ddl::{DdlContext, SchemaTransformation};
use crate::plan::table::existing_column;
use crate::schema::{ColumnKind, ColumnMetadata, DroppedColumn, KeyspaceMetadata, Schema, TableMetadata};
use crate::types::CqlType;

pub(super) fn plan(alter: &AlterTable, session: Option<&str>) -> Result<SchemaTransformation> {
    let keyspace_name = keyspace_of(&alter.name, session)?.to_owned();
    if let AlterTableAction::Add { columns, .. } = &alter.action {
        columns.iter().try_for_each(|column| check_classes(&column.ty))?;
    }
    let attributes = match &alter.action {
        AlterTableAction::With(properties) => Attributes::new(properties)?,
        _ => Attributes::new(&[])?,
    };
    let of = Arc::new((alter.clone(), KeptAttributes::new(attributes), keyspace_name.clone()));
    let validated = Arc::clone(&of);
    let transformation = SchemaTransformation::new(keyspace_name, move |schema, context| {
        let (alter, attributes, keyspace_name) = &*of;
        let name = alter.name.name.as_str();
        check_permitted(keyspace_name, "ALTER", Resource::Table(name))?;
        let attributes = attributes.now();
        let attributes = &*guard(&alter.action, &attributes, keyspace_name, context)?;
        check_keyspace_name(keyspace_name)?;
        let event = SchemaChange::table(Change::Updated, keyspace_name, name);
        let found = schema.keyspace(keyspace_name).and_then(|ks| Some((ks, ks.tables.get(name)?)));
        let Some((keyspace, table)) = found else {
            if alter.if_exists {
                return unchanged(event);
            }
            return Err(Error::invalid(format!("Table '{keyspace_name}.{name}' doesn't exist")));
        };
        let altered = act(&alter.action, attributes, (schema, keyspace), table, context)?;
        let mut keyspace = keyspace.as_ref().clone();
        keyspace.tables.insert(name.to_owned(), Arc::new(altered));
        put(keyspace, event)
    });
    Ok(transformation.validated_by(move |_, context| {
        let (alter, attributes, keyspace_name) = &*validated;
        let all = attributes.now();
        if let Cow::Owned(left) = guard(&alter.action, &all, keyspace_name, context)? {
            attributes.keep(left);
        }
        Ok(())
    }))
}

/// Looks at what can be told without the table; gives the attributes without those that are to be left out (Cassandra:
/// `validate` of `AlterTableStatement`'s subclasses).
fn guard<'a>(
    action: &AlterTableAction,
    attributes: &'a Attributes,
    keyspace: &str,
    context: &DdlContext,
) -> Result<Cow<'a, Attributes>> {
    let attributes = match context.guard() {
        Some(guard) => attributes.guarded(guard)?,
        None => Cow::Borrowed(attributes),
    };
    let params = attributes.new_table_params(&context.memtables)?;
    match action {
        AlterTableAction::With(_) => guard_ttl(&params, keyspace, context)?,
        AlterTableAction::Add { columns, .. } => guard_types(columns.iter(), context)?,
        AlterTableAction::AlterMask { mask, .. } => check_enabled(mask.is_some(), context.masking_enabled)?,
        _ => {}
    }
    Ok(attributes)
}

fn act(
    action: &AlterTableAction,
    attributes: &Attributes,
    (schema, keyspace): (&Schema, &KeyspaceMetadata),
    table: &TableMetadata,
    context: &DdlContext,
) -> Result<TableMetadata> {
    match action {
        AlterTableAction::AlterType { .. } => {
            Err(Error::invalid("Altering column types is no longer supported"))
        }
        AlterTableAction::AlterMask { if_exists, column, mask } => {
            let Some(found) = table.column(column.as_str()) else {
                if *if_exists {
                    return Ok(table.clone());
                }
                let (column, table) = (column.as_str(), &table.name);
                let text = format!("Column with name '{column}' doesn't exist on table '{table}'");
                return Err(Error::invalid(text));
            };
            let site = MaskSite { schema, keyspace: &keyspace.name, table: &table.name };
            let mask = mask.as_ref().map(|mask| site.mask(mask, &found.name, &found.cql_type)).transpose()?;
            let masked = ColumnMetadata { mask, ..found.clone() };
            let columns = table.columns().map(|column| if column.id == found.id { &masked } else { column });
            Ok(with_columns(table, columns.cloned().collect()))
        }
        AlterTableAction::Add { if_not_exists, columns } => {
            guard_column_change(context)?;
            add_columns((schema, keyspace), table, columns, *if_not_exists, context)
        }
        AlterTableAction::Drop { if_exists, columns, timestamp } => {
            guard_column_change(context)?;
            let mut altered = table.clone();
            for name in columns {
                let dropped_time_us = timestamp.unwrap_or(context.timestamp_us);
                altered = drop_column(table, altered, name, *if_exists, dropped_time_us)?;
            }
            Ok(altered)
        }
        AlterTableAction::Rename { renames, .. } => {
            guard_column_change(context)?;
            rename(table, renames)
        }
        AlterTableAction::DropCompactStorage => drop_compact_storage(table, context),
        AlterTableAction::With(_) => {
            attributes.check_table(&context.memtables)?;
            let params = attributes.altered_table_params(&table.params, &context.memtables)?;
            if table.is_counter && params.default_time_to_live > 0 {
                return Err(Error::invalid("Cannot set default_time_to_live on a table with counters"));
            }
            params.validate()?;
            guard_compression(&params, context)?;
            let mut altered = table.clone();
            altered.params = params;
            Ok(altered)
        }
    }
}

fn guard_column_change(context: &DdlContext) -> Result<()> {
    match context.guard() {
        Some(guard) => guard.check(guard.rails.alter_table.check_feature("ALTER TABLE changing columns")),
        None => Ok(()),
    }
}

/// The table with other columns; what is not a column stays as it is.
fn with_columns(table: &TableMetadata, columns: Vec<ColumnMetadata>) -> TableMetadata {
    let mut altered =
        TableMetadata::new(&table.keyspace, &table.name, table.id, columns, table.params.clone());
    altered.kind = table.kind;
    altered.is_counter = table.is_counter;
    altered.is_dense = table.is_dense;
    altered.is_compound = table.is_compound;
    altered.dropped_columns = table.dropped_columns.clone();
    altered
}

fn add_columns(
    (schema, keyspace): (&Schema, &KeyspaceMetadata),
    table: &TableMetadata,
    definitions: &[ColumnDefinition],
    if_not_exists: bool,
    context: &DdlContext,
) -> Result<TableMetadata> {
    let mut altered = table.clone();
    for definition in definitions {
        let name = definition.name.as_str();
        let ty = RawType::new(&definition.ty).prepare(keyspace)?;
        let site = MaskSite { schema, keyspace: &keyspace.name, table: &table.name };
        let mask = definition.mask.as_ref().map(|mask| site.mask(mask, name, &ty)).transpose()?;
        if altered.column(name).is_some() {
            if if_not_exists {
                continue;
            }
            return Err(Error::invalid(format!("Column with name '{name}' already exists")));
        }
        check_added(table, definition, &ty)?;
        let kind = if definition.is_static { ColumnKind::Static } else { ColumnKind::Regular };
        let mut columns: Vec<ColumnMetadata> = altered.columns().cloned().collect();
        if columns.len() >= COLUMNS_MAX || usize::from(altered.next_column_id().0) >= usize::from(u16::MAX) {
            return Err(Error::invalid(format!("A table cannot have more than {COLUMNS_MAX} columns")));
        }
        // A column that comes back is the one that was dropped, so that what is older than the drop stays hidden.
        let dropped = altered.dropped_columns.get(name).map(|dropped| dropped.column.id);
        let id = dropped.unwrap_or_else(|| altered.next_column_id());
        columns.push(ColumnMetadata { id, mask, ..column(name, ty, kind, 0) });
        altered = with_columns(&altered, columns);
    }
    if let Some(guard) = context.guard() {
        let columns = altered.columns().count();
        guard.check(guard.rails.columns_per_table.check_count(columns, &table.name))?;
    }
    validate(&altered)?;
    Ok(altered)
}

fn check_added(table: &TableMetadata, definition: &ColumnDefinition, ty: &CqlType) -> Result<()> {
    let name = definition.name.as_str();
    if table.is_compact() {
        return Err(Error::invalid("Cannot add new column to a COMPACT STORAGE table"));
    }
    if definition.is_static && table.clustering.is_empty() {
        return Err(static_without_clustering());
    }
    if has_nested_multi_cell(ty) {
        return Err(Error::invalid(format!(
            "Non-frozen UDTs with nested non-frozen collections are not supported for column {name}"
        )));
    }
    let Some(dropped) = table.dropped_columns.get(name) else { return Ok(()) };
    // User types within the old type are tuples now, and no user type is compatible with those, as in Cassandra.
    let old = &dropped.column;
    if !ty.is_serialization_compatible_with(&old.cql_type) {
        return Err(Error::invalid(format!(
            "Cannot re-add previously dropped column '{name}' of type {ty}, incompatible with previous type {}",
            old.cql_type
        )));
    }
    if old.is_static() != definition.is_static {
        let kind = |is_static| if is_static { "STATIC" } else { "REGULAR" };
        return Err(Error::invalid(format!(
            "Cannot re-add previously dropped column '{name}' of kind {}, incompatible with previous kind {}",
            kind(definition.is_static),
            kind(old.is_static())
        )));
    }
    if table.is_counter {
        return Err(Error::invalid(format!("Cannot re-add previously dropped counter column {name}")));
    }
    Ok(())
}

fn drop_column(
    table: &TableMetadata,
    altered: TableMetadata,
    name: &Name,
    if_exists: bool,
    dropped_time_us: i64,
) -> Result<TableMetadata> {
    let name = name.as_str();
    let Some(column) = table.column(name) else {
        if if_exists {
            return Ok(altered);
        }
        let text = format!("Column {name} was not found in table '{}'", full_name(table));
        return Err(Error::invalid(text));
    };
    if column.is_primary_key() {
        return Err(Error::invalid(format!("Cannot drop PRIMARY KEY column {name}")));
    }
    if table.is_compact() && !column.is_static() {
        // Cassandra fails with a Java exception that it did not expect.
        let text = format!("Cannot drop {name}, the only value of a COMPACT STORAGE table");
        return Err(Error::invalid(text));
    }
    if let CqlType::User { frozen: false, .. } = &column.cql_type {
        let ty = &column.cql_type;
        return Err(Error::invalid(format!("Cannot drop non-frozen column {name} of user type {ty}")));
    }
    let columns = altered.columns().filter(|column| column.name != name).cloned().collect();
    let mut altered = with_columns(&altered, columns);
    let dropped = ColumnMetadata { cql_type: expand_user_types(&column.cql_type), ..column.clone() };
    altered.dropped_columns.insert(name.to_owned(), DroppedColumn { column: dropped, dropped_time_us });
    Ok(altered)
}

fn full_name(table: &TableMetadata) -> String {
    format!("{}.{}", maybe_quoted(&table.keyspace), maybe_quoted(&table.name))
}

fn rename(table: &TableMetadata, renames: &[(Name, Name)]) -> Result<TableMetadata> {
    let mut columns: Vec<ColumnMetadata> = table.columns().cloned().collect();
    for (old_name, new) in renames {
        let (old, new) = (old_name.as_str(), new.as_str());
        let column = existing_column(table, old_name)?;
        if !column.is_primary_key() {
            return Err(Error::invalid(format!("Cannot rename non PRIMARY KEY column {old}")));
        }
        if columns.iter().any(|column| column.name == new) {
            return Err(Error::invalid(format!(
                "Cannot rename column {old} to {new} in table '{}'; another column with that name already exists",
                full_name(table)
            )));
        }
        columns
            .iter_mut()
            .filter(|column| column.name == old)
            .for_each(|column| column.name = new.to_owned());
    }
    Ok(with_columns(table, columns))
}

fn drop_compact_storage(table: &TableMetadata, context: &DdlContext) -> Result<TableMetadata> {
    if !context.drop_compact_storage_enabled {
        let text = "DROP COMPACT STORAGE is disabled. Enable in cassandra.yaml to use.";
        return Err(Error::invalid(text));
    }
    if !table.is_compact() {
        return Err(Error::invalid("Cannot DROP COMPACT STORAGE on table without COMPACT STORAGE"));
    }
    let mut altered = table.clone();
    altered.is_dense = false;
    altered.is_compound = true;
    Ok(altered)
}
