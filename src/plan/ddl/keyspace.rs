//! `CREATE KEYSPACE`, `ALTER KEYSPACE` and `DROP KEYSPACE`.

use std::collections::BTreeMap;

use cql_grammar::ast::{AlterKeyspace, CreateKeyspace, DropKeyspace};

use super::attributes::Attributes;
use super::{Resource, check_keyspace_name, check_permitted, keyspace_missing, unchanged, user_keyspaces};
use crate::error::{Error, Result};
use crate::event::{Change, SchemaChange};
use crate::exec::ddl::{DdlContext, KeyspaceChange, SchemaTransformation, Transformed};
use crate::schema::options::OptionMap;
use crate::schema::{KeyspaceMetadata, KeyspaceParams, Replication, Schema, system};

const OPTIONS: [&str; 2] = ["durable_writes", "replication"];

/// The properties, checked as far as no schema is needed.
fn check(attributes: &Attributes) -> Result<OptionMap> {
    attributes.check_names(&OPTIONS)?;
    let replication = attributes.map("replication")?.cloned().unwrap_or_default();
    if !replication.is_empty() && !replication.contains_key("class") {
        return Err(Error::config("Missing replication strategy class"));
    }
    Ok(replication)
}

fn refuse_local(replication: &Replication) -> Result<()> {
    if replication.is_local() {
        let text = "Unable to use given strategy class: LocalStrategy is reserved for internal use.";
        return Err(Error::invalid(text));
    }
    Ok(())
}

/// Holds the strategy that is asked for against guardrails.
fn guard_strategy(options: &OptionMap, context: &DdlContext) -> Result<()> {
    match context.guard() {
        Some(guard) if options.get("class").is_some_and(|class| class == "SimpleStrategy") => {
            guard.check(guard.rails.simplestrategy.check())
        }
        _ => Ok(()),
    }
}

/// Holds the replication factor, of each data center, against guardrails.
fn guard_factors(replication: &Replication, keyspace: &str, context: &DdlContext) -> Result<()> {
    let Some(guard) = context.guard().filter(|_| !system::is_system_keyspace(keyspace)) else {
        return Ok(());
    };
    let factors = match replication.factors_by_datacenter() {
        None => vec![replication.factor()],
        Some(factors) => factors.into_values().collect(),
    };
    for factor in factors {
        guard.check(guard.rails.minimum_replication_factor.check_count(factor, keyspace))?;
        guard.check(guard.rails.maximum_replication_factor.check_count(factor, keyspace))?;
    }
    Ok(())
}

/// Holds the number of keyspaces, with one more, against the guardrail.
fn guard_count(name: &str, schema: &Schema, context: &DdlContext) -> Result<()> {
    match context.guard() {
        Some(guard) => {
            let keyspaces = user_keyspaces(schema).count() + 1;
            guard.check(guard.rails.keyspaces.check_count(keyspaces, name))
        }
        None => Ok(()),
    }
}

pub(super) fn create(create: &CreateKeyspace) -> Result<SchemaTransformation> {
    let name = create.name.as_str().to_owned();
    let attributes = Attributes::new(&create.properties)?;
    let if_not_exists = create.if_not_exists;
    let validated = name.clone();
    let transformation = SchemaTransformation::new(name.clone(), move |schema, context| {
        guard_count(&name, schema, context)?;
        check_keyspace_name(&name)?;
        let options = check(&attributes)?;
        if !attributes.has("replication") {
            return Err(Error::invalid("Missing mandatory option 'replication'"));
        }
        guard_strategy(&options, context)?;
        let event = SchemaChange::keyspace(Change::Created, &name);
        if schema.keyspace(&name).is_some() {
            if if_not_exists {
                return unchanged(event);
            }
            return Err(Error::AlreadyExists { keyspace: name.clone(), table: String::new() });
        }
        let durable_writes = attributes.boolean("durable_writes")?.unwrap_or(true);
        let replication = Replication::from_map(
            &options,
            &OptionMap::new(),
            &context.datacenters,
            context.default_keyspace_factor,
        )?;
        refuse_local(&replication)?;
        let warnings = replication.validate(&name, &context.datacenters)?;
        guard_factors(&replication, &name, context)?;
        let keyspace = KeyspaceMetadata {
            name: name.clone(),
            params: KeyspaceParams { durable_writes, replication },
            tables: BTreeMap::new(),
            types: BTreeMap::new(),
            is_virtual: false,
        };
        Ok(Transformed { change: KeyspaceChange::Put(keyspace), event, warnings })
    });
    Ok(transformation.validated_by(move |schema, context| guard_count(&validated, schema, context)))
}

pub(super) fn alter(alter: &AlterKeyspace) -> Result<SchemaTransformation> {
    let name = alter.name.as_str().to_owned();
    let attributes = Attributes::new(&alter.properties)?;
    let if_exists = alter.if_exists;
    Ok(SchemaTransformation::new(name.clone(), move |schema, context| {
        check_permitted(&name, "ALTER", Resource::Keyspace)?;
        check_keyspace_name(&name)?;
        let options = check(&attributes)?;
        let event = SchemaChange::keyspace(Change::Updated, &name);
        match schema.keyspace(&name) {
            None if if_exists => unchanged(event),
            None => Err(keyspace_missing(&name)),
            Some(keyspace) => altered(keyspace, &attributes, &options, context, event),
        }
    }))
}

fn altered(
    keyspace: &KeyspaceMetadata,
    attributes: &Attributes,
    options: &OptionMap,
    context: &DdlContext,
    event: SchemaChange,
) -> Result<Transformed> {
    let previous = &keyspace.params;
    let replication = if options.contains_key("class") {
        let (datacenters, factor) = (&context.datacenters, context.default_keyspace_factor);
        Replication::from_map(options, &previous.replication.options, datacenters, factor)?
    } else {
        previous.replication.clone()
    };
    let durable_writes = attributes.boolean("durable_writes")?.unwrap_or(previous.durable_writes);
    guard_strategy(options, context)?;
    refuse_local(&replication)?;
    let mut warnings = replication.validate(&keyspace.name, &context.datacenters)?;
    guard_factors(&replication, &keyspace.name, context)?;
    if previous.replication.factor() < replication.factor() {
        warnings.push(
            "When increasing replication factor you need to run a full (-full) repair to distribute the data."
                .to_owned(),
        );
    }
    let keyspace =
        KeyspaceMetadata { params: KeyspaceParams { durable_writes, replication }, ..keyspace.clone() };
    Ok(Transformed { change: KeyspaceChange::Put(keyspace), event, warnings })
}

pub(super) fn drop(drop: &DropKeyspace) -> Result<SchemaTransformation> {
    let name = drop.name.as_str().to_owned();
    let if_exists = drop.if_exists;
    Ok(SchemaTransformation::new(name.clone(), move |schema: &Schema, context: &DdlContext| {
        check_permitted(&name, "DROP", Resource::Keyspace)?;
        check_keyspace_name(&name)?;
        if let Some(guard) = context.guard() {
            guard.check(guard.rails.drop_keyspace.check())?;
        }
        let event = SchemaChange::keyspace(Change::Dropped, &name);
        match schema.keyspace(&name) {
            Some(_) => Ok(Transformed { change: KeyspaceChange::Drop, event, warnings: Vec::new() }),
            None if if_exists => unchanged(event),
            None => Err(keyspace_missing(&name)),
        }
    }))
}
