//! What strategies look at of an SSTable, and what they decide.

use std::sync::Arc;

use crate::storage::sstable::SSTableReader;

/// What strategies look at of an SSTable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The token of its first key.
    pub first: i64,
    /// The token of its last key.
    pub last: i64,
    /// Bytes of its data on disk.
    pub bytes: u64,
    /// The level that its statistics name.
    pub level: usize,
    /// The oldest timestamp in it.
    pub min_timestamp: i64,
    /// The newest timestamp in it.
    pub max_timestamp: i64,
    /// When the last of what is in it expires, in seconds since 1970.
    pub max_local_deletion_time: i64,
    /// Its generation: who is newer has a greater one.
    pub generation: u64,
    /// Whether it was repaired; what was is never mixed with what was not.
    pub is_repaired: bool,
    /// Whether a compaction works on it.
    pub is_busy: bool,
}

impl Candidate {
    /// What is to be known of an SSTable.
    pub fn of(sstable: &SSTableReader, is_busy: bool) -> Self {
        let stats = sstable.stats();
        Self {
            first: sstable.first_key().token.0,
            last: sstable.last_key().token.0,
            bytes: sstable.data_bytes_on_disk(),
            level: usize::try_from(stats.level).unwrap_or(0),
            min_timestamp: stats.min_timestamp,
            max_timestamp: stats.max_timestamp,
            max_local_deletion_time: stats.max_local_deletion_time,
            generation: sstable.descriptor().generation().unwrap_or(0),
            is_repaired: stats.repaired_at > 0,
            is_busy,
        }
    }

    /// Those of all SSTables of a table.
    pub fn all(live: &[Arc<SSTableReader>], idle: &[Arc<SSTableReader>]) -> Vec<Self> {
        let is_busy = |sstable| !idle.iter().any(|idle| Arc::ptr_eq(idle, sstable));
        live.iter().map(|sstable| Self::of(sstable, is_busy(sstable))).collect()
    }

    /// Whether both have tokens in common.
    pub fn overlaps(&self, first: i64, last: i64) -> bool {
        self.first <= last && self.last >= first
    }
}

/// The first and the last token of some candidates; none of none.
pub fn span<'c>(candidates: impl Iterator<Item = &'c Candidate>) -> Option<(i64, i64)> {
    candidates.map(|c| (c.first, c.last)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// How the output of a compaction becomes several SSTables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// It does not.
    None,
    /// A new one begins when one has more bytes than that.
    AtBytes(u64),
    /// As [`Split::AtBytes`], level by level from the first one on, each with as much as it may hold.
    Levels {
        /// Bytes of one SSTable.
        bytes: u64,
        /// How many times greater a level is than the one below.
        fanout: u64,
    },
    /// One for each of so many equal parts of all tokens.
    Shards(u32),
}

/// What is to be compacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Their places in the list of candidates; those that are fully expired too.
    pub inputs: Vec<usize>,
    /// Of these, which are fully expired: they go without being read.
    pub expired: Vec<usize>,
    /// The level of the output.
    pub level: usize,
    /// How the output is split.
    pub split: Split,
}

impl Pick {
    /// One SSTable of all of these.
    pub fn into_one(inputs: Vec<usize>) -> Self {
        Self { inputs, expired: Vec::new(), level: 0, split: Split::None }
    }
}

/// Those of which everything was deleted or expired before `gc_before`, and which shadow nothing that is anywhere else
/// (Cassandra: `CompactionController.getFullyExpiredSSTables`). `in_memory` is the oldest timestamp of the memtables.
pub fn fully_expired(candidates: &[Candidate], gc_before: i64, in_memory: Option<i64>) -> Vec<usize> {
    let is_expired = |c: &Candidate| c.max_local_deletion_time < gc_before;
    let living = candidates.iter().filter(|c| !is_expired(c)).map(|c| c.min_timestamp);
    let oldest = living.chain(in_memory).min().unwrap_or(i64::MAX);
    let goes = |c: &Candidate| !c.is_busy && is_expired(c) && c.max_timestamp < oldest;
    candidates.iter().enumerate().filter(|(_, c)| goes(c)).map(|(i, _)| i).collect()
}
