//! Keyspaces, tables, columns and types as the values of their rows.

use std::collections::BTreeMap;

use super::value::{Value, bigint, boolean, double, int, map, sequence, text};
use crate::schema::{
    ClusteringOrder, ColumnKind, ColumnMask, ColumnMetadata, DroppedColumn, KeyspaceParams, TableMetadata,
    TableParams, system,
};
use crate::types::{CqlType, UserType};

/// The columns that a row sets, by name.
pub(super) type Values = BTreeMap<&'static str, Value>;

pub(super) fn keyspace(params: &KeyspaceParams) -> Values {
    Values::from([
        ("durable_writes", boolean(params.durable_writes)),
        ("replication", map(&params.replication.as_map())),
    ])
}

pub(super) fn user_type(user_type: &UserType) -> Values {
    let types: Vec<String> = user_type.fields.iter().map(|(_, ty)| ty.to_string()).collect();
    Values::from([
        ("field_names", sequence(user_type.fields.iter().map(|(name, _)| name.as_bytes()))),
        ("field_types", sequence(types.iter().map(String::as_bytes))),
    ])
}

/// All rows of one table.
#[derive(PartialEq)]
pub(super) struct TableRows {
    pub(super) table: Values,
    pub(super) columns: BTreeMap<String, Values>,
    /// By column; none for one that is not masked.
    pub(super) masks: BTreeMap<String, Option<Values>>,
    pub(super) dropped_columns: BTreeMap<String, Values>,
}

impl TableRows {
    pub(super) fn new(table: &TableMetadata, cdc_enabled: bool) -> Self {
        let mut values = params(&table.params, cdc_enabled);
        values.insert("id", table.id.0.as_bytes().to_vec());
        values.insert("flags", sequence(flags(table).into_iter().map(str::as_bytes)));
        Self {
            table: values,
            columns: table.columns().map(|c| (c.name.clone(), column(c))).collect(),
            masks: table.columns().map(|c| (c.name.clone(), c.mask.as_ref().map(mask))).collect(),
            dropped_columns: table
                .dropped_columns
                .iter()
                .map(|(name, dropped)| (name.clone(), dropped_column(dropped)))
                .collect(),
        }
    }
}

/// Cassandra's flags of a table, sorted.
pub(super) fn flags(table: &TableMetadata) -> Vec<&'static str> {
    let all = [("compound", table.is_compound), ("counter", table.is_counter), ("dense", table.is_dense)];
    all.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag).collect()
}

fn params(params: &TableParams, cdc_enabled: bool) -> Values {
    let mut values = Values::from([
        ("bloom_filter_fp_chance", double(params.bloom_filter_fp_chance)),
        ("comment", text(&params.comment)),
        ("dclocal_read_repair_chance", double(0.0)),
        ("default_time_to_live", int(params.default_time_to_live)),
        ("gc_grace_seconds", int(params.gc_grace_seconds)),
        ("max_index_interval", int(params.max_index_interval)),
        ("memtable_flush_period_in_ms", int(params.memtable_flush_period_in_ms)),
        ("min_index_interval", int(params.min_index_interval)),
        ("read_repair_chance", double(0.0)),
        ("speculative_retry", text(&params.speculative_retry.0)),
        ("additional_write_policy", text(&params.additional_write_policy.0)),
        ("crc_check_chance", double(params.crc_check_chance)),
        ("caching", map(&params.caching.as_map())),
        ("compaction", map(&params.compaction.as_map())),
        ("compression", map(&params.compression.as_map())),
        ("read_repair", text(&params.read_repair)),
        ("extensions", map(&params.extensions)),
    ]);
    // Cassandra leaves these out where they are as they always were, for older nodes' sake.
    if cdc_enabled {
        values.insert("cdc", boolean(params.cdc));
    }
    if params.memtable != "default" {
        values.insert("memtable", text(&params.memtable));
    }
    if !params.allow_auto_snapshot {
        values.insert("allow_auto_snapshot", boolean(false));
    }
    if !params.incremental_backups {
        values.insert("incremental_backups", boolean(false));
    }
    values
}

pub(super) fn kind_name(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::PartitionKey => "partition_key",
        ColumnKind::Clustering => "clustering",
        ColumnKind::Static => "static",
        ColumnKind::Regular => "regular",
    }
}

fn column(column: &ColumnMetadata) -> Values {
    let order = match (column.kind, column.order) {
        (ColumnKind::Clustering, ClusteringOrder::Asc) => "asc",
        (ColumnKind::Clustering, ClusteringOrder::Desc) => "desc",
        _ => "none",
    };
    let position = if column.is_primary_key() { column.position as i32 } else { -1 };
    Values::from([
        ("column_name_bytes", text(&column.name)),
        ("kind", text(kind_name(column.kind))),
        ("position", int(position)),
        ("clustering_order", text(order)),
        ("type", text(&column.cql_type.to_string())),
    ])
}

/// Null has its place in a list of its own, since a list has none.
fn mask(mask: &ColumnMask) -> Values {
    let types: Vec<String> = mask.arguments.iter().map(|(cql_type, _)| cql_type.to_string()).collect();
    let value = |(cql_type, value): &(CqlType, Option<Vec<u8>>)| {
        value.as_ref().map_or_else(String::new, |value| cql_type.to_string_value(value))
    };
    let values: Vec<String> = mask.arguments.iter().map(value).collect();
    let nulls: Vec<[u8; 1]> = mask.arguments.iter().map(|(_, value)| [u8::from(value.is_none())]).collect();
    Values::from([
        ("function_keyspace", text(system::SYSTEM)),
        ("function_name", text(&mask.function)),
        ("function_argument_types", sequence(types.iter().map(String::as_bytes))),
        ("function_argument_values", sequence(values.iter().map(String::as_bytes))),
        ("function_argument_nulls", sequence(nulls.iter().map(<[u8; 1]>::as_slice))),
    ])
}

fn dropped_column(dropped: &DroppedColumn) -> Values {
    Values::from([
        ("dropped_time", bigint(dropped.dropped_time_us.div_euclid(1000))),
        ("type", text(&dropped.column.cql_type.to_string())),
        ("kind", text(kind_name(dropped.column.kind))),
    ])
}
