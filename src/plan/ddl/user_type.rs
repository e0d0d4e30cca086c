//! `CREATE TYPE`, `ALTER TYPE` and `DROP TYPE`, and what a type means for the types and tables that use it.

use std::sync::Arc;

use cql_grammar::ast::{self, AlterType, AlterTypeAction, CreateType, DropType, Name};

use super::column_type::{RawType, check_classes};
use super::{
    Resource, check_keyspace_name, check_permitted, guard_type, keyspace_missing, keyspace_of, maybe_quoted,
    put, unchanged,
};
use crate::error::{Error, Result};
use crate::event::{Change, SchemaChange};
use crate::exec::ddl::{DdlContext, SchemaTransformation};
use crate::schema::{KeyspaceMetadata, TableMetadata};
use crate::types::{CqlType, UserType};

/// The same type, with a new definition of one user type in every place.
fn replace(ty: &CqlType, new: &Arc<UserType>) -> CqlType {
    match ty {
        CqlType::User { user_type, frozen } => {
            CqlType::User { user_type: replace_in(user_type, new), frozen: *frozen }
        }
        other => other.with_parts(&|part| replace(part, new)),
    }
}

fn replace_in(user_type: &Arc<UserType>, new: &Arc<UserType>) -> Arc<UserType> {
    if user_type.name == new.name {
        return new.clone();
    }
    let fields = user_type.fields.iter().map(|(name, ty)| (name.clone(), replace(ty, new)));
    Arc::new(UserType { fields: fields.collect(), ..user_type.as_ref().clone() })
}

/// The keyspace with a new definition of a user type, in everything that uses it.
fn with_user_type(keyspace: &KeyspaceMetadata, new: UserType) -> KeyspaceMetadata {
    let new = Arc::new(new);
    let mut keyspace = keyspace.clone();
    for user_type in keyspace.types.values_mut() {
        *user_type = replace_in(user_type, &new);
    }
    for table in keyspace.tables.values_mut() {
        if table.columns().any(|column| column.cql_type.references_user_type(&new.name)) {
            let altered = table.map_types(|ty| replace(ty, &new));
            *table = Arc::new(altered);
        }
    }
    keyspace
}

/// The same type with tuples in place of user types, as dropped columns keep it (Cassandra: `expandUserTypes`).
pub(super) fn expand_user_types(ty: &CqlType) -> CqlType {
    match ty {
        CqlType::User { user_type, .. } => {
            CqlType::Tuple(user_type.fields.iter().map(|(_, ty)| expand_user_types(ty).freeze()).collect())
        }
        other => other.with_parts(&expand_user_types),
    }
}

fn check_field(ty: &ast::CqlType) -> Result<()> {
    let raw = RawType::new(ty);
    if raw.is_counter() {
        return Err(Error::invalid("A user type cannot contain counters"));
    }
    if raw.is_unfrozen_user_type() {
        return Err(Error::invalid("A user type cannot contain non-frozen UDTs"));
    }
    Ok(())
}

pub(super) fn create(create: &CreateType, session: Option<&str>) -> Result<SchemaTransformation> {
    let keyspace_name = keyspace_of(&create.name, session)?.to_owned();
    create.fields.iter().try_for_each(|(_, ty)| check_classes(ty))?;
    let create = Arc::new(create.clone());
    let validated = Arc::clone(&create);
    let transformation = SchemaTransformation::new(keyspace_name.clone(), move |schema, context| {
        let name = create.name.name.as_str();
        check_permitted(&keyspace_name, "CREATE", Resource::AllTables)?;
        guard_fields(&create, context)?;
        check_keyspace_name(&keyspace_name)?;
        let keyspace = schema.keyspace(&keyspace_name).ok_or_else(|| keyspace_missing(&keyspace_name))?;
        let event = SchemaChange::user_type(Change::Created, &keyspace_name, name);
        if keyspace.types.contains_key(name) {
            if create.if_not_exists {
                return unchanged(event);
            }
            return Err(Error::invalid(format!("A user type with name '{name}' already exists")));
        }
        for (i, (field, _)) in create.fields.iter().enumerate() {
            if create.fields[..i].iter().any(|(other, _)| other == field) {
                let field = field.as_str();
                return Err(Error::invalid(format!("Duplicate field name '{field}' in type '{name}'")));
            }
        }
        create.fields.iter().try_for_each(|(_, ty)| check_field(ty))?;
        let fields = create
            .fields
            .iter()
            .map(|(field, ty)| Ok((field.as_str().to_owned(), RawType::new(ty).prepare(keyspace)?)));
        let user_type = UserType {
            keyspace: keyspace_name.clone(),
            name: name.to_owned(),
            fields: fields.collect::<Result<_>>()?,
        };
        let mut keyspace = keyspace.as_ref().clone();
        keyspace.types.insert(name.to_owned(), Arc::new(user_type));
        put(keyspace, event)
    });
    Ok(transformation.validated_by(move |_, context| guard_fields(&validated, context)))
}

/// Holds the fields of a new type against guardrails.
fn guard_fields(create: &CreateType, context: &DdlContext) -> Result<()> {
    let Some(guard) = context.guard() else { return Ok(()) };
    let name = create.name.name.as_str();
    guard.check(guard.rails.fields_per_udt.check_count(create.fields.len(), name))?;
    create
        .fields
        .iter()
        .try_for_each(|(field, ty)| guard_type(ty, &format!("Field {}", field.as_str()), guard))
}

pub(super) fn alter(alter: &AlterType, session: Option<&str>) -> Result<SchemaTransformation> {
    let keyspace_name = keyspace_of(&alter.name, session)?.to_owned();
    if let AlterTypeAction::Add { ty, .. } = &alter.action {
        check_classes(ty)?;
    }
    let alter = alter.clone();
    Ok(SchemaTransformation::new(keyspace_name.clone(), move |schema, context| {
        let name = alter.name.name.as_str();
        check_permitted(&keyspace_name, "ALTER", Resource::AllTables)?;
        check_keyspace_name(&keyspace_name)?;
        let event = SchemaChange::user_type(Change::Updated, &keyspace_name, name);
        let found = schema.keyspace(&keyspace_name).and_then(|ks| Some((ks, ks.types.get(name)?)));
        let Some((keyspace, user_type)) = found else {
            if alter.if_exists {
                return unchanged(event);
            }
            return Err(Error::invalid(format!("Type {keyspace_name}.{name} doesn't exist")));
        };
        let altered = match &alter.action {
            AlterTypeAction::Alter { .. } => {
                return Err(Error::invalid("Altering field types is no longer supported"));
            }
            AlterTypeAction::Add { if_not_exists, field, ty } => {
                add_field(keyspace, user_type, (field, ty), *if_not_exists, context)?
            }
            AlterTypeAction::Rename { if_exists, renames } => rename_fields(user_type, renames, *if_exists)?,
        };
        put(with_user_type(keyspace, altered), event)
    }))
}

/// The type's name in messages.
fn full_name(user_type: &UserType) -> String {
    format!("{}.{}", maybe_quoted(&user_type.keyspace), maybe_quoted(&user_type.name))
}

fn add_field(
    keyspace: &KeyspaceMetadata,
    user_type: &UserType,
    (field, ty): (&Name, &ast::CqlType),
    if_not_exists: bool,
    context: &DdlContext,
) -> Result<UserType> {
    check_field(ty)?;
    let (field, of) = (field.as_str(), full_name(user_type));
    if user_type.fields.iter().any(|(name, _)| name == field) {
        if if_not_exists {
            return Ok(user_type.clone());
        }
        return Err(Error::invalid(format!(
            "Cannot add field {field} to type {of}: a field with name {field} already exists"
        )));
    }
    let raw = RawType::new(ty);
    let prepared = raw.prepare(keyspace)?;
    let text = raw.prepared_text(&keyspace.name);
    if prepared.references_user_type(&user_type.name) {
        return Err(Error::invalid(format!(
            "Cannot add new field {field} of type {text} to user type {of} as it would create a circular reference"
        )));
    }
    let in_key = |table: &&Arc<TableMetadata>| {
        table.partition_key.iter().any(|column| column.cql_type.references_user_type(&user_type.name))
    };
    let tables: Vec<String> = keyspace
        .tables
        .values()
        .filter(in_key)
        .map(|table| format!("{}.{}", maybe_quoted(&table.keyspace), maybe_quoted(&table.name)))
        .collect();
    if !tables.is_empty() {
        return Err(Error::invalid(format!(
            "Cannot add new field {field} of type {text} to user type {of} as the type is being used in partition key \
             by the following tables: {}",
            tables.join(", ")
        )));
    }
    if let Some(guard) = context.guard() {
        let fields = user_type.fields.len() + 1;
        guard.check(guard.rails.fields_per_udt.check_count(fields, &user_type.name))?;
        guard_type(ty, &format!("Field {field}"), guard)?;
    }
    let mut altered = user_type.clone();
    altered.fields.push((field.to_owned(), prepared));
    Ok(altered)
}

fn rename_fields(user_type: &UserType, renames: &[(Name, Name)], if_exists: bool) -> Result<UserType> {
    let mut altered = user_type.clone();
    for (old, new) in renames {
        match user_type.fields.iter().position(|(name, _)| name == old.as_str()) {
            Some(i) => altered.fields[i].0 = new.as_str().to_owned(),
            None if if_exists => {}
            None => {
                let text = format!("Unkown field {} in user type {}", old.as_str(), full_name(user_type));
                return Err(Error::invalid(text));
            }
        }
    }
    for (i, (name, _)) in altered.fields.iter().enumerate() {
        if altered.fields[..i].iter().any(|(other, _)| other == name) {
            // Cassandra prints the keyspace here.
            let text = format!("Duplicate field name {name} in type {}", user_type.keyspace);
            return Err(Error::invalid(text));
        }
    }
    Ok(altered)
}

pub(super) fn drop(drop: &DropType, session: Option<&str>) -> Result<SchemaTransformation> {
    let keyspace_name = keyspace_of(&drop.name, session)?.to_owned();
    let name = drop.name.name.as_str().to_owned();
    let if_exists = drop.if_exists;
    Ok(SchemaTransformation::new(keyspace_name.clone(), move |schema, _| {
        check_permitted(&keyspace_name, "DROP", Resource::AllTables)?;
        check_keyspace_name(&keyspace_name)?;
        let event = SchemaChange::user_type(Change::Dropped, &keyspace_name, &name);
        let Some(keyspace) = schema.keyspace(&keyspace_name).filter(|ks| ks.types.contains_key(&name)) else {
            if if_exists {
                return unchanged(event);
            }
            return Err(Error::invalid(format!("Type '{keyspace_name}.{name}' doesn't exist")));
        };
        let users = |what: &str, names: Vec<&str>| {
            Err(Error::invalid(format!(
                "Cannot drop user type '{keyspace_name}.{name}' as it is still used by {what} {}",
                names.join(", ")
            )))
        };
        let types: Vec<&str> = keyspace
            .types
            .values()
            .filter(|other| other.fields.iter().any(|(_, ty)| ty.references_user_type(&name)))
            .map(|other| other.name.as_str())
            .collect();
        if !types.is_empty() {
            return users("user types", types);
        }
        let tables: Vec<&str> = keyspace
            .tables
            .values()
            .filter(|table| table.columns().any(|column| column.cql_type.references_user_type(&name)))
            .map(|table| table.name.as_str())
            .collect();
        if !tables.is_empty() {
            return users("tables", tables);
        }
        let mut keyspace = keyspace.as_ref().clone();
        keyspace.types.remove(&name);
        put(keyspace, event)
    }))
}
