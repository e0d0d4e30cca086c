//! Mutations as bytes: Cassandra's `Mutation.serializer` and `PartitionUpdate.serializer` at messaging version 12
//! (`VERSION_40`), for the commit log, the batch log, hints and the ring.
//!
//! ```text
//! mutation:  vint number of updates, updates
//! update:    table id (16 bytes), vint length and bytes of the key, flags (1)
//!            unless empty:
//!              minima: vint timestamp, vint local deletion time, vint TTL, each counted from 22 September 2015
//!              static columns, where there is a static row; regular columns: vint number, vint length and name of each
//!              partition deletion, where flagged; static row, where flagged; vint number of rows
//!              rows and markers, each as in `Data.db`, but without their sizes; a byte 1
//! ```

mod parts;
mod reader;
mod writer;

use super::model::Mutation;
use super::order::TableOrder;
use crate::schema::Schema;

pub use parts::{cell_flags, put_clustering, put_column_subset, put_value, put_vint_bytes, row_flags};
pub use reader::{MutationError, read_mutation};
pub use writer::write_mutation;

/// The messaging version at which mutations are written.
pub const MESSAGING_VERSION: i32 = 12;

/// Flags of an update.
mod update_flags {
    pub const IS_EMPTY: u8 = 0x01;
    pub const IS_REVERSED: u8 = 0x02;
    pub const HAS_PARTITION_DELETION: u8 = 0x04;
    pub const HAS_STATIC_ROW: u8 = 0x08;
    pub const HAS_ROW_ESTIMATE: u8 = 0x10;
}

/// 22 September 2015, 00:00 UTC, in microseconds.
const TIMESTAMP_EPOCH: i64 = 1_442_880_000_000_000;
/// The same in seconds.
const DELETION_TIME_EPOCH: i64 = 1_442_880_000;

/// The minima of an update, from which its times are counted (Cassandra: `EncodingStats`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Minima {
    timestamp: i64,
    local_deletion_time: i64,
    ttl: i32,
}

/// A mutation as bytes. For those who write many, [`write_mutation`] does not work out the tables' orders anew.
pub fn serialize_mutation(mutation: &Mutation) -> Result<Vec<u8>, super::StorageError> {
    let orders: Vec<TableOrder> = mutation.updates.iter().map(|u| TableOrder::new(&u.table)).collect();
    let mut out = Vec::new();
    write_mutation(&mut out, mutation, &orders)?;
    Ok(out)
}

/// The mutation in these bytes, of tables of this schema.
pub fn deserialize_mutation(bytes: &[u8], schema: &Schema) -> Result<Mutation, MutationError> {
    let mut input = bytes;
    let mutation = read_mutation(&mut input, &|id| schema.table_by_id(id).cloned())?;
    if input.is_empty() { Ok(mutation) } else { Err(MutationError::Malformed("bytes left over")) }
}
