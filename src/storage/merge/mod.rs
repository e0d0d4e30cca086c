//! The k-way merge of sources: the one place where it is worked out what shadows what.

mod cells;
mod iterator;
mod partitions;
mod rows;

pub use cells::{MergedCell, right_wins};
pub use iterator::{MergedRows, marker_between};
pub use partitions::MergedPartitions;
pub use rows::{merge_rows, merge_versions};
