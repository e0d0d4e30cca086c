//! Which files a table consists of, and how that changes without ever being half done (Cassandra: package
//! `db.lifecycle`, `Directories`).

mod log_record;
mod output;
mod snapshot;
mod table_files;
#[cfg(test)]
mod tests;
mod transaction;
mod unfinished;
mod unreadable;

pub use output::{Replacement, SSTableOutput};
pub use snapshot::{Snapshot, clear_snapshot, list_snapshots};
pub use table_files::{CompactingGuard, TableFiles, directory_name, table_directories};
pub use transaction::{Operation, Transaction, recover};
pub use unreadable::refuse_unreadable;
