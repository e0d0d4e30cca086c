//! The version of the schema: a digest of the rows of `system_schema` (Cassandra:
//! `SchemaKeyspace.calculateSchemaDigest`, `RowIterators.digest`).

use md5::{Digest, Md5};
use uuid::Uuid;

use super::TABLES;
use super::read::SchemaRows;
use crate::schema::{Schema, TableMetadata, system};
use crate::storage::model::{BoundKind, DeletionTime, PartitionResult, Row};

/// How the digest writes `false`.
const FALSE: [u8; 1] = [1];
/// `Unfiltered.Kind.ROW`.
const ROW: [u8; 1] = [0];

/// The version of the schema that these rows are, the same on every node of 5.0 that has the same rows. Partitions
/// must come in the order of tokens.
pub fn schema_version(schema: &Schema, rows: &SchemaRows) -> Uuid {
    let mut digest = Md5::new();
    for name in TABLES {
        let Some(table) = schema.table(system::SYSTEM_SCHEMA, name) else { continue };
        for partition in rows.get(name).into_iter().flatten() {
            let is_local =
                std::str::from_utf8(&partition.key.key).is_ok_and(system::is_local_system_keyspace);
            if !is_local {
                add_partition(&mut digest, table, partition);
            }
        }
    }
    let bytes = Md5::digest(digest.finalize());
    uuid::Builder::from_md5_bytes(bytes.into()).into_uuid()
}

fn add_partition(digest: &mut Md5, table: &TableMetadata, partition: &PartitionResult) {
    digest.update(&partition.key.key);
    for column in &table.regular_columns {
        digest.update(&column.name);
    }
    digest.update(FALSE);
    // The static row, which is always empty here.
    digest.update(ROW);
    digest.update([BoundKind::StaticClustering as u8]);
    add_deletion(digest);
    digest.update(i64::MIN.to_be_bytes());
    for row in &partition.rows {
        add_row(digest, row);
    }
}

/// Rows that were read have no deletion any more.
fn add_deletion(digest: &mut Md5) {
    digest.update(DeletionTime::LIVE.marked_for_delete_at.to_be_bytes());
    digest.update(FALSE);
}

fn add_row(digest: &mut Md5, row: &Row) {
    digest.update(ROW);
    for value in row.clustering().values().flatten() {
        digest.update(value);
    }
    digest.update([BoundKind::Clustering as u8]);
    add_deletion(digest);
    digest.update(row.liveness().timestamp.to_be_bytes());
    for cell in row.cells() {
        digest.update(cell.value);
        digest.update(cell.timestamp.to_be_bytes());
        digest.update(cell.ttl.to_be_bytes());
        digest.update(FALSE);
    }
}
