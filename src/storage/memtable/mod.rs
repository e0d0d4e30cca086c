//! What was written and is not yet in an SSTable, in memory.

mod partition;
mod range_tombstones;
mod row_set;
mod rows;
mod table;

pub use partition::PartitionData;
pub use range_tombstones::{RangeTombstones, inverted};
pub use row_set::{Cursor, RowSet};
pub use rows::{MemtableRows, markers};
pub use table::{Memtable, MemtableId, MemtablePartitions};
