//! From the rows of `system_schema` to the schema.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::warn;

use super::rows::kind_name;
use super::value::{read_bigint, read_boolean, read_double, read_int, read_map, read_sequence, read_text};
use crate::error::{Error, Result};
use crate::schema::options::OptionMap;
use crate::schema::{
    Caching, ClusteringOrder, ColumnId, ColumnKind, ColumnMask, ColumnMetadata, CompactionParams,
    CompressionParams, DroppedColumn, KeyspaceMetadata, KeyspaceParams, Replication, Schema,
    SpeculativeRetry, TableId, TableMetadata, TableParams, assign_initial_ids, parse_type_name, system,
};
use crate::storage::model::{PartitionResult, Row};
use crate::types::UserType;

/// The live rows of the tables of `system_schema`, by table.
pub type SchemaRows = BTreeMap<&'static str, Vec<PartitionResult>>;

/// The schema that the rows tell of, on top of `base`, which has the system keyspaces: those of this node alone stay
/// as they are there. Fails where rows contradict each other.
pub fn load(base: &Schema, rows: &SchemaRows) -> Result<Schema> {
    let mut schema = base.clone();
    for partition in rows.get("keyspaces").into_iter().flatten() {
        let name = read_text(&partition.key.key).ok_or_else(|| damaged("keyspaces", "keyspace_name"))?;
        if system::is_local_system_keyspace(&name) {
            continue;
        }
        let Some(row) = partition.rows.first() else { continue };
        warn_of_unsupported(rows, &name);
        let keyspace = Loader { schema: base, rows, keyspace: name }.keyspace(row)?;
        schema = schema.with_keyspace(keyspace);
    }
    Ok(schema)
}

/// Says which elements of a keyspace are not served: they stay in their rows.
fn warn_of_unsupported(rows: &SchemaRows, keyspace: &str) {
    for table in ["views", "functions", "aggregates", "indexes", "triggers"] {
        let partitions = rows.get(table).into_iter().flatten();
        let mine = partitions.filter(|partition| partition.key.key.as_ref() == keyspace.as_bytes());
        let count: usize = mine.map(|partition| partition.rows.len()).sum();
        if count > 0 {
            warn!(keyspace, count, "not supported yet, and passed over: {table}");
        }
    }
}

fn damaged(table: &str, column: &str) -> Error {
    Error::corruption(format!("system_schema.{table}: {column} is missing or cannot be read"))
}

/// Loads one keyspace.
struct Loader<'a> {
    schema: &'a Schema,
    rows: &'a SchemaRows,
    keyspace: String,
}

/// A row of a schema table whose columns can be asked by name.
struct Named<'a> {
    table: &'a TableMetadata,
    row: &'a Row,
}

impl Named<'_> {
    fn value(&self, column: &str) -> Option<&[u8]> {
        let column = self.table.column(column)?;
        Some(self.row.cell(column.id)?.value)
    }

    fn get<T>(&self, column: &str, read: impl Fn(&[u8]) -> Option<T>) -> Result<T> {
        self.value(column).and_then(read).ok_or_else(|| damaged(&self.table.name, column))
    }

    fn get_or<T>(&self, column: &str, default: T, read: impl Fn(&[u8]) -> Option<T>) -> Result<T> {
        match self.value(column) {
            None => Ok(default),
            Some(value) => read(value).ok_or_else(|| damaged(&self.table.name, column)),
        }
    }

    fn texts(&self, column: &str) -> Result<Vec<String>> {
        self.get(column, |value| read_sequence(value)?.into_iter().map(read_text).collect())
    }

    fn options(&self, column: &str) -> Result<OptionMap> {
        self.get(column, |value| {
            read_map(value)?.into_iter().map(|(key, value)| Some((key, read_text(&value)?))).collect()
        })
    }

    /// The clustering column of that number.
    fn key(&self, i: usize) -> Result<String> {
        let value = self.row.clustering().get(i).and_then(read_text);
        value.ok_or_else(|| damaged(&self.table.name, "a clustering column"))
    }
}

impl<'a> Loader<'a> {
    fn rows_of(&self, name: &'static str) -> Result<Vec<Named<'a>>> {
        let table = self.table(name)?;
        let partitions = self.rows.get(name).map_or(&[][..], Vec::as_slice);
        let mine = partitions.iter().filter(|p| p.key.key.as_ref() == self.keyspace.as_bytes());
        Ok(mine.flat_map(|p| &p.rows).map(|row| Named { table, row }).collect())
    }

    fn table(&self, name: &str) -> Result<&'a TableMetadata> {
        let table = self.schema.table(system::SYSTEM_SCHEMA, name);
        table.map(Arc::as_ref).ok_or_else(|| damaged(name, "the table"))
    }

    fn keyspace(&self, row: &Row) -> Result<KeyspaceMetadata> {
        let row = Named { table: self.table("keyspaces")?, row };
        let params = KeyspaceParams {
            durable_writes: row.get("durable_writes", read_boolean)?,
            replication: Replication::from_stored_map(&row.options("replication")?)?,
        };
        let types = self.types()?;
        let mut keyspace = KeyspaceMetadata {
            name: self.keyspace.clone(),
            params,
            tables: BTreeMap::new(),
            types,
            is_virtual: false,
        };
        let columns = self.rows_of("columns")?;
        let dropped = self.rows_of("dropped_columns")?;
        let masks = self.rows_of("column_masks")?;
        for row in self.rows_of("tables")? {
            let table = self.load_table(&row, (&columns, &masks, &dropped), &keyspace.types)?;
            keyspace.tables.insert(table.name.clone(), Arc::new(table));
        }
        Ok(keyspace)
    }

    /// Types may use each other, in any order of names, but not in a circle.
    fn types(&self) -> Result<BTreeMap<String, Arc<UserType>>> {
        let mut waiting = Vec::new();
        for row in self.rows_of("types")? {
            waiting.push((row.key(0)?, row.texts("field_names")?, row.texts("field_types")?));
        }
        let mut types: BTreeMap<String, Arc<UserType>> = BTreeMap::new();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut problem = String::new();
            waiting.retain(|(name, field_names, field_types)| {
                let find = |name: &str| types.get(name).cloned();
                let parsed: Result<Vec<_>, _> =
                    field_types.iter().map(|text| parse_type_name(text, &find)).collect();
                match parsed {
                    Err(error) => {
                        problem = error;
                        true
                    }
                    Ok(parsed) => {
                        let user_type = UserType {
                            keyspace: self.keyspace.clone(),
                            name: name.clone(),
                            fields: field_names.iter().cloned().zip(parsed).collect(),
                        };
                        types.insert(name.clone(), Arc::new(user_type));
                        false
                    }
                }
            });
            if waiting.len() == before {
                return Err(Error::corruption(format!("system_schema.types: {problem}")));
            }
        }
        Ok(types)
    }

    fn load_table(
        &self,
        row: &Named<'_>,
        (columns, masks, dropped): (&[Named<'_>], &[Named<'_>], &[Named<'_>]),
        types: &BTreeMap<String, Arc<UserType>>,
    ) -> Result<TableMetadata> {
        let name = row.key(0)?;
        let id = row.get("id", |value| uuid::Uuid::from_slice(value).ok().map(TableId))?;
        let flags = row.texts("flags")?;
        let is_mine = |other: &&Named<'_>| other.row.clustering().get(0) == Some(name.as_bytes());
        let mut loaded = Vec::new();
        for row in columns.iter().filter(is_mine) {
            let mut column = self.column(row, types)?;
            let is_of = |mask: &&Named<'_>| mask.row.clustering().get(1) == Some(column.name.as_bytes());
            if let Some(mask) = masks.iter().filter(is_mine).find(is_of) {
                column.mask = self.mask(mask, types)?;
            }
            loaded.push(column);
        }
        if !loaded.iter().any(|c| c.kind == ColumnKind::PartitionKey) {
            return Err(Error::corruption(format!(
                "No partition columns found for table {}.{name} in system_schema.columns. This may be due to corruption \
                 or concurrent dropping and altering of a table.",
                self.keyspace
            )));
        }
        assign_initial_ids(&mut loaded);
        let mut table = TableMetadata::new(&self.keyspace, &name, id, loaded, params(row)?);
        table.is_counter = flags.iter().any(|flag| flag == "counter");
        table.is_dense = flags.iter().any(|flag| flag == "dense");
        table.is_compound = flags.iter().any(|flag| flag == "compound");
        for row in dropped.iter().filter(is_mine) {
            let id = table.next_column_id();
            let column = self.dropped_column(row, id)?;
            table.dropped_columns.insert(column.column.name.clone(), column);
        }
        Ok(table)
    }

    fn column(&self, row: &Named<'_>, types: &BTreeMap<String, Arc<UserType>>) -> Result<ColumnMetadata> {
        let kind = row.get("kind", read_kind)?;
        let type_name = row.get("type", read_text)?;
        let order = row.get_or("clustering_order", String::new(), read_text)?;
        Ok(ColumnMetadata {
            id: ColumnId(0),
            name: row.key(1)?,
            cql_type: parse_type_name(&type_name, &|name| types.get(name).cloned())
                .map_err(|error| Error::corruption(format!("system_schema.columns: {error}")))?,
            kind,
            position: usize::try_from(row.get("position", read_int)?).unwrap_or(0),
            order: if order == "desc" { ClusteringOrder::Desc } else { ClusteringOrder::Asc },
            mask: None,
        })
    }

    /// A mask; none where it is a function of a user, which are not served.
    fn mask(&self, row: &Named<'_>, types: &BTreeMap<String, Arc<UserType>>) -> Result<Option<ColumnMask>> {
        let bad = |error: String| Error::corruption(format!("system_schema.column_masks: {error}"));
        let (keyspace, function) =
            (row.get("function_keyspace", read_text)?, row.get("function_name", read_text)?);
        if keyspace != system::SYSTEM {
            warn!(
                keyspace = self.keyspace,
                "not supported yet, and passed over: the mask {keyspace}.{function}"
            );
            return Ok(None);
        }
        let read_nulls = |value: &[u8]| read_sequence(value)?.into_iter().map(read_boolean).collect();
        let nulls: Vec<bool> = row.get("function_argument_nulls", read_nulls)?;
        let (type_names, values) =
            (row.texts("function_argument_types")?, row.texts("function_argument_values")?);
        let mut arguments = Vec::new();
        for ((type_name, value), is_null) in type_names.iter().zip(&values).zip(nulls) {
            let cql_type = parse_type_name(type_name, &|name| types.get(name).cloned()).map_err(bad)?;
            let value = match is_null {
                true => None,
                false => Some(cql_type.from_string(value).map_err(|error| bad(error.to_string()))?),
            };
            arguments.push((cql_type, value));
        }
        Ok(Some(ColumnMask { function, arguments }))
    }

    fn dropped_column(&self, row: &Named<'_>, id: ColumnId) -> Result<DroppedColumn> {
        let type_name = row.get("type", read_text)?;
        let column = ColumnMetadata {
            id,
            name: row.key(1)?,
            cql_type: parse_type_name(&type_name, &|_| None)
                .map_err(|error| Error::corruption(format!("system_schema.dropped_columns: {error}")))?,
            kind: row.get_or("kind", ColumnKind::Regular, read_kind)?,
            position: 0,
            order: ClusteringOrder::Asc,
            mask: None,
        };
        let dropped_time_ms = row.get("dropped_time", read_bigint)?;
        Ok(DroppedColumn { column, dropped_time_us: dropped_time_ms.saturating_mul(1000) })
    }
}

fn read_kind(value: &[u8]) -> Option<ColumnKind> {
    let kinds = [ColumnKind::PartitionKey, ColumnKind::Clustering, ColumnKind::Static, ColumnKind::Regular];
    kinds.into_iter().find(|kind| kind_name(*kind).as_bytes() == value)
}

fn params(row: &Named<'_>) -> Result<TableParams> {
    let policy = |text: String| SpeculativeRetry::parse(&text);
    Ok(TableParams {
        additional_write_policy: policy(row.get_or(
            "additional_write_policy",
            "99p".to_owned(),
            read_text,
        )?)?,
        allow_auto_snapshot: row.get_or("allow_auto_snapshot", true, read_boolean)?,
        bloom_filter_fp_chance: row.get("bloom_filter_fp_chance", read_double)?,
        caching: Caching::from_map(&row.options("caching")?)?,
        cdc: row.get_or("cdc", false, read_boolean)?,
        comment: row.get("comment", read_text)?,
        compaction: CompactionParams::from_map(&row.options("compaction")?)?,
        compression: CompressionParams::from_map(&row.options("compression")?)?,
        crc_check_chance: row.get("crc_check_chance", read_double)?,
        default_time_to_live: row.get("default_time_to_live", read_int)?,
        extensions: row.get_or("extensions", BTreeMap::new(), read_map)?,
        gc_grace_seconds: row.get("gc_grace_seconds", read_int)?,
        incremental_backups: row.get_or("incremental_backups", true, read_boolean)?,
        max_index_interval: row.get("max_index_interval", read_int)?,
        memtable: row.get_or("memtable", "default".to_owned(), read_text)?,
        memtable_flush_period_in_ms: row.get("memtable_flush_period_in_ms", read_int)?,
        min_index_interval: row.get("min_index_interval", read_int)?,
        read_repair: row.get_or("read_repair", "BLOCKING".to_owned(), read_text)?,
        speculative_retry: policy(row.get("speculative_retry", read_text)?)?,
    })
}
