//! What those who registered for schema changes are told (Cassandra: `SchemaChangeNotifier`): every part that
//! changed, not only the one that a statement names.

use std::sync::Arc;

use crate::event::{Change, SchemaChange};
use crate::schema::KeyspaceMetadata;

/// The news of a change of one keyspace from `old` to `new`, in Cassandra's order.
pub(super) fn events(
    old: Option<&Arc<KeyspaceMetadata>>,
    new: Option<&Arc<KeyspaceMetadata>>,
) -> Vec<SchemaChange> {
    match (old, new) {
        (Some(old), Some(new)) => altered(old, new),
        (Some(old), None) => dropped(old),
        (None, Some(new)) => created(new),
        (None, None) => Vec::new(),
    }
}

fn created(keyspace: &KeyspaceMetadata) -> Vec<SchemaChange> {
    let name = &keyspace.name;
    let types = keyspace.types.keys().map(|ty| SchemaChange::user_type(Change::Created, name, ty));
    let tables = keyspace.tables.keys().map(|table| SchemaChange::table(Change::Created, name, table));
    std::iter::once(SchemaChange::keyspace(Change::Created, name)).chain(types).chain(tables).collect()
}

fn dropped(keyspace: &KeyspaceMetadata) -> Vec<SchemaChange> {
    let name = &keyspace.name;
    let tables = keyspace.tables.keys().map(|table| SchemaChange::table(Change::Dropped, name, table));
    let types = keyspace.types.keys().map(|ty| SchemaChange::user_type(Change::Dropped, name, ty));
    tables.chain(types).chain([SchemaChange::keyspace(Change::Dropped, name)]).collect()
}

fn altered(old: &KeyspaceMetadata, new: &KeyspaceMetadata) -> Vec<SchemaChange> {
    let name = &new.name;
    let mut events = Vec::new();
    let table = |change, table: &String| SchemaChange::table(change, name, table);
    let user_type = |change, ty: &String| SchemaChange::user_type(change, name, ty);
    let has_table = |keyspace: &KeyspaceMetadata, name: &String, id| {
        keyspace.tables.get(name).is_some_and(|table| table.id == id)
    };
    events.extend(
        old.tables.iter().filter(|(n, t)| !has_table(new, n, t.id)).map(|(n, _)| table(Change::Dropped, n)),
    );
    events.extend(
        old.types.keys().filter(|n| !new.types.contains_key(*n)).map(|n| user_type(Change::Dropped, n)),
    );
    events.extend(
        new.types.keys().filter(|n| !old.types.contains_key(*n)).map(|n| user_type(Change::Created, n)),
    );
    events.extend(
        new.tables.iter().filter(|(n, t)| !has_table(old, n, t.id)).map(|(n, _)| table(Change::Created, n)),
    );
    if old.params != new.params {
        events.push(SchemaChange::keyspace(Change::Updated, name));
    }
    for (n, ty) in &new.types {
        if old.types.get(n).is_some_and(|old| old != ty) {
            events.push(user_type(Change::Updated, n));
        }
    }
    for (n, t) in &new.tables {
        if old.tables.get(n).is_some_and(|old| old.id == t.id && old != t) {
            events.push(table(Change::Updated, n));
        }
    }
    events
}
