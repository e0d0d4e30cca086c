//! The schema as it is kept in `system_schema`: read at start, written with each change.

use crate::error::Error;
use crate::schema::{Schema, system};
use crate::storage::model::{DataRange, ReadCommand};
use crate::storage::schema_keyspace::{self, At, SchemaRows};
use crate::storage::{IoMode, Storage};

/// The schema that `system_schema` tells of, with its version, on top of `base`, which has the system keyspaces.
pub fn load(storage: &Storage, base: &Schema) -> Result<Schema, Error> {
    let rows = read_rows(storage, base)?;
    let mut schema = schema_keyspace::load(base, &rows)?;
    schema.version = schema_keyspace::schema_version(base, &rows);
    Ok(schema)
}

/// Writes the keyspaces that every node has, if they are not written yet: those of this node alone at each start,
/// the replicated ones with the timestamps that all nodes use, so that nothing changed later is lost.
pub fn write_system_keyspaces(storage: &Storage, base: &Schema, cdc_enabled: bool) -> Result<(), Error> {
    let clock = storage.clock();
    let at = At { timestamp_us: clock.next_timestamp(), now_in_seconds: clock.seconds(), cdc_enabled };
    for mutation in schema_keyspace::system_mutations(base, at) {
        storage.apply(mutation, IoMode::Blocking)?;
    }
    for name in system::REPLICATED {
        if let Some(keyspace) = base.keyspace(name) {
            let first = At { timestamp_us: system::generation(name), ..at };
            storage.apply(schema_keyspace::create_mutation(base, keyspace, first), IoMode::Blocking)?;
        }
    }
    storage.write_out()?;
    Ok(())
}

/// Writes the rows in which `after` differs from `before`, makes them durable, and gives the version that the schema
/// has then.
pub fn write(storage: &Storage, before: &Schema, after: &mut Schema, cdc_enabled: bool) -> Result<(), Error> {
    let clock = storage.clock();
    let at = At { timestamp_us: clock.next_timestamp(), now_in_seconds: clock.seconds(), cdc_enabled };
    for mutation in schema_keyspace::mutations(before, after, at) {
        storage.apply(mutation, IoMode::Blocking)?;
    }
    storage.sync()?;
    // The store replays its own tables first, so it needs no SSTables of them; Cassandra does, before it can replay
    // what we left behind.
    for name in schema_keyspace::TABLES {
        if let Some(table) = before.table(system::SYSTEM_SCHEMA, name) {
            storage.request_flush(table.id);
        }
    }
    let rows = read_rows(storage, before)?;
    after.version = schema_keyspace::schema_version(before, &rows);
    Ok(())
}

fn read_rows(storage: &Storage, schema: &Schema) -> Result<SchemaRows, Error> {
    let mut rows = SchemaRows::new();
    for name in schema_keyspace::TABLES {
        let Some(table) = schema.table(system::SYSTEM_SCHEMA, name) else { continue };
        let command = ReadCommand::of_all(table.clone(), storage.clock().seconds(), DataRange::ALL);
        rows.insert(name, storage.read(&command, IoMode::Blocking)?.partitions);
    }
    Ok(rows)
}
