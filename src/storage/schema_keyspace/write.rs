//! From a change of the schema to mutations of `system_schema`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::TABLES;
use super::rows::{self, TableRows, Values};
use crate::schema::{KeyspaceMetadata, Schema, TableMetadata, system};
use crate::storage::model::{
    Cell, Clustering, DecoratedKey, DeletionTime, LivenessInfo, Mutation, PartitionUpdate, Row, RowBuilder,
};

/// When a change happens, and how it is written.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// Microseconds.
    pub timestamp_us: i64,
    /// Seconds since 1970.
    pub now_in_seconds: i64,
    /// Whether `cdc_enabled` is set: else the column `cdc` is left out.
    pub cdc_enabled: bool,
}

/// The mutations that turn the rows of `before` into those of `after`, one for each keyspace that differs
/// (Cassandra: `convertSchemaDiffToMutations`).
pub fn mutations(before: &Schema, after: &Schema, at: At) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    let stored = |keyspace: &&Arc<KeyspaceMetadata>| !system::is_local_system_keyspace(&keyspace.name);
    for old in before.keyspaces.values().filter(stored) {
        match after.keyspace(&old.name) {
            None => mutations.push(drop_mutation(after, &old.name, at)),
            Some(new) if !Arc::ptr_eq(old, new) && old != new => {
                let mut writer = Writer::new(after, &new.name, at);
                writer.keyspace(new);
                writer.alter(old, new);
                mutations.push(writer.finish());
            }
            Some(_) => {}
        }
    }
    let is_new = |keyspace: &&Arc<KeyspaceMetadata>| before.keyspace(&keyspace.name).is_none();
    for new in after.keyspaces.values().filter(stored).filter(is_new) {
        mutations.push(create_mutation(after, new, at));
    }
    mutations
}

/// The mutation that writes all rows of a keyspace.
pub fn create_mutation(schema: &Schema, keyspace: &KeyspaceMetadata, at: At) -> Mutation {
    let mut writer = Writer::new(schema, &keyspace.name, at);
    writer.keyspace(keyspace);
    for table in keyspace.tables.values() {
        writer.create_table(table);
    }
    for user_type in keyspace.types.values() {
        writer.put("types", &[&user_type.name], rows::user_type(user_type), false);
    }
    writer.finish()
}

/// The mutations that write the keyspaces of this node alone anew, as every start does (Cassandra:
/// `saveSystemKeyspacesSchema`): first their old rows go, then the present ones come, a microsecond later.
pub fn system_mutations(schema: &Schema, at: At) -> Vec<Mutation> {
    let later = At { timestamp_us: at.timestamp_us + 1, ..at };
    let keyspaces = system::LOCAL.iter().filter_map(|name| schema.keyspace(name));
    keyspaces
        .flat_map(|keyspace| {
            [drop_mutation(schema, &keyspace.name, at), create_mutation(schema, keyspace, later)]
        })
        .collect()
}

fn drop_mutation(schema: &Schema, keyspace: &str, at: At) -> Mutation {
    let mut writer = Writer::new(schema, keyspace, at);
    for name in TABLES {
        let deletion =
            DeletionTime { marked_for_delete_at: at.timestamp_us, local_deletion_time: at.now_in_seconds };
        writer.update(name).deletion = deletion;
    }
    writer.finish()
}

/// Collects rows of one keyspace.
struct Writer<'a> {
    schema: &'a Schema,
    at: At,
    key: DecoratedKey,
    updates: BTreeMap<&'static str, PartitionUpdate>,
}

impl<'a> Writer<'a> {
    fn new(schema: &'a Schema, keyspace: &str, at: At) -> Self {
        let key = DecoratedKey::new(Bytes::copy_from_slice(keyspace.as_bytes()));
        Self { schema, at, key, updates: BTreeMap::new() }
    }

    fn finish(self) -> Mutation {
        let mut updates: Vec<PartitionUpdate> = self.updates.into_values().collect();
        for update in &mut updates {
            // All clustering columns are texts in ascending order, so that their bytes tell the order; lengths
            // stand between them, so that the values must be compared, not the buffers.
            update.rows.sort_by(|a, b| a.clustering().values().cmp(b.clustering().values()));
        }
        Mutation { key: self.key, updates, is_counter: false }
    }

    fn update(&mut self, name: &'static str) -> &mut PartitionUpdate {
        let Self { schema, key, updates, .. } = self;
        updates.entry(name).or_insert_with(|| {
            let table = schema.table(system::SYSTEM_SCHEMA, name).expect("every schema has system_schema");
            PartitionUpdate::new(table.clone(), key.clone())
        })
    }

    fn keyspace(&mut self, keyspace: &KeyspaceMetadata) {
        self.put("keyspaces", &[], rows::keyspace(&keyspace.params), false);
    }

    fn put(&mut self, name: &'static str, clustering: &[&str], values: Values, delete_previous: bool) {
        let At { timestamp_us, now_in_seconds, .. } = self.at;
        let deletion = if delete_previous {
            DeletionTime { marked_for_delete_at: timestamp_us - 1, local_deletion_time: now_in_seconds }
        } else {
            DeletionTime::LIVE
        };
        let update = self.update(name);
        let mut row = RowBuilder::new();
        for (column, value) in &values {
            let column = update.table.column(column).expect("system_schema has the columns that are written");
            row.add(Cell::live(column.id, timestamp_us, value));
        }
        update.rows.push(row.build(&clustering_of(clustering), LivenessInfo::new(timestamp_us), deletion));
    }

    fn delete(&mut self, name: &'static str, clustering: &[&str]) {
        let deletion = DeletionTime {
            marked_for_delete_at: self.at.timestamp_us,
            local_deletion_time: self.at.now_in_seconds,
        };
        let row: Row = RowBuilder::new().build(&clustering_of(clustering), LivenessInfo::EMPTY, deletion);
        self.update(name).rows.push(row);
    }

    fn create_table(&mut self, table: &TableMetadata) {
        let rows = TableRows::new(table, self.at.cdc_enabled);
        self.put("tables", &[&table.name], rows.table, true);
        for (column, values) in rows.columns {
            self.put("columns", &[&table.name, &column], values, false);
        }
        for (column, mask) in rows.masks {
            self.mask(table, &column, mask);
        }
        for (column, values) in rows.dropped_columns {
            self.put("dropped_columns", &[&table.name, &column], values, false);
        }
    }

    /// A column without a mask has its row deleted, since one of that name may have had a mask before it was dropped.
    fn mask(&mut self, table: &TableMetadata, column: &str, mask: Option<Values>) {
        match mask {
            Some(values) => self.put("column_masks", &[&table.name, column], values, false),
            None if system::is_system_keyspace(&table.keyspace) => {}
            None => self.delete("column_masks", &[&table.name, column]),
        }
    }

    fn drop_table(&mut self, table: &TableMetadata) {
        self.delete("tables", &[&table.name]);
        for column in table.columns() {
            self.delete("columns", &[&table.name, &column.name]);
        }
        for column in table.dropped_columns.keys() {
            self.delete("dropped_columns", &[&table.name, column]);
        }
    }

    /// Writes what differs in the rows; a type that changed shows in the rows of `types` alone.
    fn alter_table(&mut self, old: &TableMetadata, new: &TableMetadata) {
        let cdc_enabled = self.at.cdc_enabled;
        let (before, after) = (TableRows::new(old, cdc_enabled), TableRows::new(new, cdc_enabled));
        if before == after {
            return;
        }
        self.put("tables", &[&new.name], after.table, true);
        for column in before.columns.keys().filter(|name| !after.columns.contains_key(*name)) {
            self.delete("columns", &[&new.name, column]);
        }
        for (column, values) in after.columns {
            let mask = after.masks.get(&column);
            if before.columns.get(&column) != Some(&values) || before.masks.get(&column) != mask {
                self.put("columns", &[&new.name, &column], values, false);
                self.mask(new, &column, mask.cloned().flatten());
            }
        }
        for (column, values) in after.dropped_columns {
            if before.dropped_columns.get(&column) != Some(&values) {
                self.put("dropped_columns", &[&new.name, &column], values, false);
            }
        }
    }

    fn alter(&mut self, old: &KeyspaceMetadata, new: &KeyspaceMetadata) {
        for name in old.types.keys().filter(|name| !new.types.contains_key(*name)) {
            self.delete("types", &[name]);
        }
        for (name, user_type) in &new.types {
            let values = rows::user_type(user_type);
            if old.types.get(name).map(|old| rows::user_type(old)) != Some(values.clone()) {
                self.put("types", &[name], values, false);
            }
        }
        for (name, table) in &old.tables {
            if new.tables.get(name).is_none_or(|other| other.id != table.id) {
                self.drop_table(table);
            }
        }
        for (name, table) in &new.tables {
            match old.tables.get(name).filter(|other| other.id == table.id) {
                None => self.create_table(table),
                Some(old) => self.alter_table(old, table),
            }
        }
    }
}

fn clustering_of(values: &[&str]) -> Clustering {
    Clustering::new(values.iter().map(|value| Some(value.as_bytes())))
}
