//! Elements of the schema as CQL, letter by letter as Cassandra prints them.

use std::fmt::Write as _;

use super::java_order::{bytes_hash, sort_by_hash, string_hash};
use crate::schema::options::OptionMap;
use crate::schema::{
    ColumnMetadata, DroppedColumn, KeyspaceMetadata, Replication, TableMetadata, TableParams,
};
use crate::types::{CqlType, UserType, java_double, maybe_quoted, to_hex};

/// Writing to a `String` cannot fail.
macro_rules! put {
    ($out:expr, $($arguments:tt)*) => {
        let _ = write!($out, $($arguments)*);
    };
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn map_text(map: &OptionMap) -> String {
    let entries: Vec<String> =
        map.iter().map(|(key, value)| format!("{}: {}", single_quoted(key), single_quoted(value))).collect();
    format!("{{{}}}", entries.join(", "))
}

fn replication_text(replication: &Replication) -> String {
    let class = replication.class.strip_prefix("org.apache.cassandra.locator.").unwrap_or(&replication.class);
    let mut out = format!("{{'class': {}", single_quoted(class));
    let mut keys: Vec<&String> = replication.options.keys().collect();
    sort_by_hash(&mut keys, replication.options.len() + 1, |key| string_hash(key));
    for key in keys {
        put!(out, ", {}: {}", single_quoted(key), single_quoted(&replication.options[key]));
    }
    out.push('}');
    out
}

/// `CREATE KEYSPACE`; for a virtual one a comment that says what it is.
pub fn create_keyspace(keyspace: &KeyspaceMetadata) -> String {
    let name = maybe_quoted(&keyspace.name);
    if keyspace.is_virtual {
        return format!(
            "/*\nWarning: Keyspace {name} is a virtual keyspace and cannot be recreated with CQL.\n\
             Structure, for reference:\nVIRTUAL KEYSPACE {name};\n*/"
        );
    }
    let replication = replication_text(&keyspace.params.replication);
    let durable_writes = keyspace.params.durable_writes;
    format!("CREATE KEYSPACE {name} WITH replication = {replication}  AND durable_writes = {durable_writes};")
}

/// `CREATE TYPE`.
pub fn create_type(user_type: &UserType) -> String {
    let fields: Vec<String> =
        user_type.fields.iter().map(|(name, ty)| format!("    {} {ty}", maybe_quoted(name))).collect();
    format!(
        "CREATE TYPE {}.{} (\n{}\n);",
        maybe_quoted(&user_type.keyspace),
        maybe_quoted(&user_type.name),
        fields.join(",\n")
    )
}

fn full_name(table: &TableMetadata) -> String {
    format!("{}.{}", maybe_quoted(&table.keyspace), maybe_quoted(&table.name))
}

/// `CREATE TABLE`, with id and dropped columns where `internals` says so; within a comment where CQL cannot make the
/// table.
pub fn create_table(table: &TableMetadata, internals: bool) -> String {
    let name = full_name(table);
    let mut out = String::new();
    if table.is_compact() {
        put!(
            out,
            "/*\nWarning: Table {name} omitted because it has constructs not compatible with CQL (was created via \
             legacy API).\nApproximate structure, for reference:\n(this should not be used to reproduce this schema)\n\n"
        );
    }
    let keyword = if table.is_virtual() {
        put!(
            out,
            "/*\nWarning: Table {name} is a virtual table and cannot be recreated with CQL.\n\
             Structure, for reference:\n"
        );
        "VIRTUAL"
    } else {
        "CREATE"
    };
    put!(out, "{keyword} TABLE {name} (\n");
    put_columns(&mut out, table, internals);
    out.push_str(") WITH ");
    put_options(&mut out, table, internals);
    if table.is_virtual() {
        out.push_str("\n*/");
    }
    if internals {
        put_dropped(&mut out, table);
    }
    if table.is_compact() {
        out.push_str("\n*/");
    }
    out
}

fn column_text(column: &ColumnMetadata, is_static: bool) -> String {
    let suffix = if is_static { " static" } else { "" };
    let mask = column.mask.as_ref().map_or_else(String::new, |mask| format!(" MASKED WITH {mask}"));
    format!("{} {}{suffix}{mask}", maybe_quoted(&column.name), column.cql_type)
}

/// Dropped columns in the order of Cassandra's hash map.
fn dropped_columns(table: &TableMetadata) -> Vec<&DroppedColumn> {
    let mut dropped: Vec<&DroppedColumn> = table.dropped_columns.values().collect();
    let count = dropped.len();
    sort_by_hash(&mut dropped, count, |dropped| bytes_hash(dropped.column.name.as_bytes()));
    dropped
}

/// The columns that a `CREATE TABLE` names: a compact table has some that it does not.
fn created_columns(table: &TableMetadata) -> Vec<(&ColumnMetadata, bool)> {
    let key = table.partition_key.iter().map(|column| (column, false));
    if table.is_static_compact() {
        return key.chain(table.static_columns.iter().map(|column| (column, false))).collect();
    }
    let clustering = table.clustering.iter().map(|column| (column, false));
    let has_empty_value =
        table.is_dense && table.regular_columns.iter().any(|c| c.cql_type == CqlType::Empty);
    let regular = if has_empty_value { &[][..] } else { &table.regular_columns[..] };
    let rest = table.static_columns.iter().chain(regular).map(|column| (column, column.is_static()));
    key.chain(clustering).chain(rest).collect()
}

fn put_columns(out: &mut String, table: &TableMetadata, internals: bool) {
    let has_single_key = table.partition_key.len() == 1 && table.clustering.is_empty();
    let columns = created_columns(table);
    let count = columns.len();
    for (i, (column, is_static)) in columns.into_iter().enumerate() {
        // A column that came back after it was dropped is added further down.
        if internals && table.dropped_columns.contains_key(&column.name) {
            continue;
        }
        put!(out, "    {}", column_text(column, is_static));
        if has_single_key && i == 0 {
            out.push_str(" PRIMARY KEY");
        }
        if !has_single_key || (internals && !table.dropped_columns.is_empty()) || i + 1 < count {
            out.push(',');
        }
        out.push('\n');
    }
    if internals {
        let dropped = dropped_columns(table);
        let count = dropped.len();
        for (i, dropped) in dropped.into_iter().enumerate() {
            put!(out, "    {}", column_text(&dropped.column, dropped.column.is_static()));
            if !has_single_key || i + 1 < count {
                out.push(',');
            }
            out.push('\n');
        }
    }
    if !has_single_key {
        put_primary_key(out, table);
    }
}

fn names(columns: &[ColumnMetadata]) -> String {
    columns.iter().map(|column| maybe_quoted(&column.name)).collect::<Vec<_>>().join(", ")
}

fn put_primary_key(out: &mut String, table: &TableMetadata) {
    out.push_str("    PRIMARY KEY (");
    if table.partition_key.len() > 1 {
        put!(out, "({})", names(&table.partition_key));
    } else {
        out.push_str(&names(&table.partition_key));
    }
    if !table.clustering.is_empty() && !table.is_static_compact() {
        put!(out, ", {}", names(&table.clustering));
    }
    out.push_str(")\n");
}

fn put_options(out: &mut String, table: &TableMetadata, internals: bool) {
    let mut options = Vec::new();
    if table.is_compact() {
        options.push("COMPACT STORAGE".to_owned());
    }
    if internals {
        options.push(format!("ID = {}", table.id));
    }
    if !table.clustering.is_empty() {
        let order = |column: &ColumnMetadata| {
            format!("{} {}", maybe_quoted(&column.name), if column.is_reversed() { "DESC" } else { "ASC" })
        };
        let orders: Vec<String> = table.clustering.iter().map(order).collect();
        options.push(format!("CLUSTERING ORDER BY ({})", orders.join(", ")));
    }
    if table.is_virtual() {
        options.push(format!("comment = {}", single_quoted(&table.params.comment)));
    } else {
        options.extend(params(&table.params));
    }
    put!(out, "{};", options.join("\n    AND "));
}

fn params(params: &TableParams) -> Vec<String> {
    let extensions: Vec<String> = params
        .extensions
        .iter()
        .map(|(key, value)| format!("{}: 0x{}", single_quoted(key), to_hex(value)))
        .collect();
    vec![
        format!("additional_write_policy = {}", single_quoted(&params.additional_write_policy.0)),
        format!("allow_auto_snapshot = {}", params.allow_auto_snapshot),
        format!("bloom_filter_fp_chance = {}", java_double(params.bloom_filter_fp_chance)),
        format!("caching = {}", map_text(&params.caching.as_map())),
        format!("cdc = {}", params.cdc),
        format!("comment = {}", single_quoted(&params.comment)),
        format!("compaction = {}", map_text(&params.compaction.as_map())),
        format!("compression = {}", map_text(&params.compression.as_map())),
        format!("memtable = {}", single_quoted(&params.memtable)),
        format!("crc_check_chance = {}", java_double(params.crc_check_chance)),
        format!("default_time_to_live = {}", params.default_time_to_live),
        format!("extensions = {{{}}}", extensions.join(", ")),
        format!("gc_grace_seconds = {}", params.gc_grace_seconds),
        format!("incremental_backups = {}", params.incremental_backups),
        format!("max_index_interval = {}", params.max_index_interval),
        format!("memtable_flush_period_in_ms = {}", params.memtable_flush_period_in_ms),
        format!("min_index_interval = {}", params.min_index_interval),
        format!("read_repair = {}", single_quoted(&params.read_repair)),
        format!("speculative_retry = {}", single_quoted(&params.speculative_retry.0)),
    ]
}

fn put_dropped(out: &mut String, table: &TableMetadata) {
    let table_name = full_name(table);
    for dropped in dropped_columns(table) {
        let name = maybe_quoted(&dropped.column.name);
        put!(out, "\nALTER TABLE {table_name} DROP {name} USING TIMESTAMP {};", dropped.dropped_time_us);
        if let Some(column) = table.column(&dropped.column.name) {
            put!(out, "\nALTER TABLE {table_name} ADD {};", column_text(column, column.is_static()));
        }
    }
}
