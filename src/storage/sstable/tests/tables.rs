//! The tables of the fixtures; see `tests/data/sstables/schema.cql`.

use std::sync::Arc;

use uuid::Uuid;

use crate::schema::{
    ClusteringOrder, ColumnId, ColumnKind, ColumnMetadata, CompressionParams, TableId, TableMetadata,
    TableParams,
};
use crate::types::{CqlType, UserType};

/// A column: kind, name, type.
pub type Column = (ColumnKind, &'static str, CqlType);

/// A table of these columns; a name that ends in `-` is a descending clustering column.
pub fn table(name: &str, columns: Vec<Column>, params: TableParams) -> Arc<TableMetadata> {
    let mut positions = [0_usize; 2];
    let columns = columns.into_iter().enumerate().map(|(i, (kind, name, cql_type))| {
        let position = match kind {
            ColumnKind::PartitionKey => std::mem::replace(&mut positions[0], i),
            ColumnKind::Clustering => i,
            _ => 0,
        };
        let _ = position;
        let order = if name.ends_with('-') { ClusteringOrder::Desc } else { ClusteringOrder::Asc };
        ColumnMetadata {
            // Not in the order of names, so that the order on disk differs from that in memory.
            id: ColumnId(1000 - i as u16),
            name: name.trim_end_matches('-').to_owned(),
            cql_type,
            kind,
            position: if matches!(kind, ColumnKind::PartitionKey | ColumnKind::Clustering) { i } else { 0 },
            order,
            mask: None,
        }
    });
    let columns = columns.collect();
    let id = TableId(Uuid::from_u128(1));
    Arc::new(TableMetadata::new("sstable", name, id, columns, params))
}

fn list(element: CqlType, frozen: bool) -> CqlType {
    CqlType::List { element: Arc::new(element), frozen }
}

fn address(frozen: bool) -> CqlType {
    let fields = vec![("street".to_owned(), CqlType::Text), ("zip".to_owned(), CqlType::Int)];
    let user_type = UserType { keyspace: "sstable".to_owned(), name: "addr".to_owned(), fields };
    CqlType::User { user_type: Arc::new(user_type), frozen }
}

fn map(key: CqlType, value: CqlType) -> CqlType {
    CqlType::Map { key: Arc::new(key), value: Arc::new(value), frozen: false }
}

/// A table with columns of every type.
pub fn every() -> Arc<TableMetadata> {
    use ColumnKind::{Clustering, PartitionKey, Regular, Static};
    let mut columns = vec![
        (PartitionKey, "p1", CqlType::Int),
        (PartitionKey, "p2", CqlType::Text),
        (Clustering, "c1-", CqlType::Timeuuid),
        (Clustering, "c2", CqlType::Bigint),
        (Static, "s1", CqlType::Text),
        (Static, "s2", map(CqlType::Text, CqlType::Int)),
    ];
    let simple = [
        ("a", CqlType::Ascii),
        ("b", CqlType::Bigint),
        ("bl", CqlType::Blob),
        ("bo", CqlType::Boolean),
        ("d", CqlType::Date),
        ("de", CqlType::Decimal),
        ("do", CqlType::Double),
        ("du", CqlType::Duration),
        ("f", CqlType::Float),
        ("i", CqlType::Inet),
        ("n", CqlType::Int),
        ("si", CqlType::Smallint),
        ("t", CqlType::Text),
        ("tm", CqlType::Time),
        ("ts", CqlType::Timestamp),
        ("tu", CqlType::Timeuuid),
        ("ti", CqlType::Tinyint),
        ("u", CqlType::Uuid),
        ("v", CqlType::Varint),
        ("fl", list(CqlType::Int, true)),
        ("tup", CqlType::Tuple(Arc::new([CqlType::Int, CqlType::Text]))),
        ("fud", address(true)),
        ("ve", CqlType::Vector { element: Arc::new(CqlType::Float), dimension: 3 }),
        ("l", list(CqlType::Int, false)),
        ("st", CqlType::Set { element: Arc::new(CqlType::Text), frozen: false }),
        ("m", map(CqlType::Int, CqlType::Text)),
        ("ud", address(false)),
    ];
    columns.extend(simple.map(|(name, cql_type)| (Regular, name, cql_type)));
    table("every", columns, TableParams::default())
}

/// One wide partition with two deleted ranges, and a small one.
pub fn wide() -> Arc<TableMetadata> {
    let columns = vec![
        (ColumnKind::PartitionKey, "p", CqlType::Int),
        (ColumnKind::Clustering, "c-", CqlType::Int),
        (ColumnKind::Regular, "v", CqlType::Text),
        (ColumnKind::Regular, "w", CqlType::Blob),
    ];
    table("wide", columns, TableParams::default())
}

/// Counters.
pub fn counts() -> Arc<TableMetadata> {
    let columns = vec![
        (ColumnKind::PartitionKey, "p", CqlType::Text),
        (ColumnKind::Clustering, "c", CqlType::Int),
        (ColumnKind::Regular, "n", CqlType::Counter),
        (ColumnKind::Regular, "m", CqlType::Counter),
    ];
    table("counts", columns, TableParams::default())
}

/// A table of keys and values with that compression.
pub fn key_value(name: &str, key: CqlType, params: TableParams) -> Arc<TableMetadata> {
    let columns = vec![(ColumnKind::PartitionKey, "k", key), (ColumnKind::Regular, "v", CqlType::Text)];
    table(name, columns, params)
}

fn compressed(class: Option<&str>, chunk_length_bytes: u32, min_compress_ratio: f64) -> TableParams {
    let compression = CompressionParams {
        class: class.map(|class| format!("org.apache.cassandra.io.compress.{class}")),
        chunk_length_bytes,
        min_compress_ratio,
        options: Default::default(),
    };
    TableParams { compression, ..TableParams::default() }
}

/// All tables of the fixtures.
pub fn all() -> Vec<Arc<TableMetadata>> {
    let plain = TableParams { bloom_filter_fp_chance: 1.0, ..compressed(None, 16384, 0.0) };
    vec![
        every(),
        wide(),
        counts(),
        key_value("plain", CqlType::Text, plain),
        key_value("zstd", CqlType::Int, compressed(Some("ZstdCompressor"), 4096, 1.1)),
        key_value("snappy", CqlType::Int, compressed(Some("SnappyCompressor"), 16384, 0.0)),
        key_value("deflate", CqlType::Int, compressed(Some("DeflateCompressor"), 16384, 0.0)),
    ]
}
