//! Where one SSTable of the output ends and the next one begins (Cassandra: `MaxSSTableSizeWriter`,
//! `MajorLeveledCompactionWriter`, `ShardedCompactionWriter`).

use super::candidate::Split;
use super::leveled::level_bytes;
use crate::storage::StorageError;
use crate::storage::lifecycle::SSTableOutput;
use crate::storage::model::DecoratedKey;

/// Looks at partitions before they are written.
#[derive(Debug)]
pub struct Splitter {
    split: Split,
    /// The shard of the last partition.
    shard: u32,
    /// The level of the current SSTable, and the bytes that it has before that one.
    level: (usize, u64),
}

impl Splitter {
    /// Nothing written yet.
    pub fn new(split: Split) -> Self {
        Self { split, shard: 0, level: (1, 0) }
    }

    /// To be called before a partition is written.
    pub fn before(&mut self, key: &DecoratedKey, output: &mut SSTableOutput<'_>) -> Result<(), StorageError> {
        match self.split {
            Split::None => Ok(()),
            Split::AtBytes(bytes) => {
                if output.current_bytes() > bytes {
                    output.switch()
                } else {
                    Ok(())
                }
            }
            Split::Levels { bytes, fanout } => {
                let current = output.current_bytes();
                if current <= bytes {
                    return Ok(());
                }
                let (level, before) = self.level;
                self.level = match before + current {
                    all if all > level_bytes(bytes, fanout, level) => (level + 1, 0),
                    all => (level, all),
                };
                output.switch()?;
                output.set_level(i32::try_from(self.level.0).unwrap_or(i32::MAX));
                Ok(())
            }
            Split::Shards(shards) => {
                let shard = shard_of(key.token.0, shards);
                let is_next = shard != self.shard;
                self.shard = shard;
                if is_next { output.switch() } else { Ok(()) }
            }
        }
    }
}

/// Which of so many equal parts of all tokens, each with its last token, one is in.
pub fn shard_of(token: i64, shards: u32) -> u32 {
    let place = i128::from(token) - i128::from(i64::MIN);
    let shard = (place * i128::from(shards) - 1).max(0) >> 64;
    u32::try_from(shard).unwrap_or(0).min(shards.saturating_sub(1))
}
