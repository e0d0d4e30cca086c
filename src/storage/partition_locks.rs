//! Locks of partitions, for writes that depend on what was there: counters, conditional writes, and those whose
//! observers want to know what was there. Others need none.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use super::engine::{IoMode, Storage};
use super::error::StorageError;
use super::model::{DecoratedKey, PartitionUpdate};
use crate::schema::TableId;

/// Locks of partitions: who reads and then writes one holds the one of its partition. Several partitions may share
/// one.
pub struct PartitionLocks(Box<[Mutex<()>]>);

/// Several partitions that are locked.
pub(super) type PartitionGuards<'a> = SmallVec<[MutexGuard<'a, ()>; 2]>;

const LOCKS: usize = 1024;

impl Default for PartitionLocks {
    fn default() -> Self {
        Self((0..LOCKS).map(|_| Mutex::new(())).collect())
    }
}

impl PartitionLocks {
    fn index(&self, table: TableId, key: &DecoratedKey) -> usize {
        let mut hasher = std::hash::DefaultHasher::new();
        (table, key).hash(&mut hasher);
        (hasher.finish() % LOCKS as u64) as usize
    }

    /// Locks the partitions of these updates, in an order that everybody keeps. [`StorageError::WouldBlock`] where
    /// somebody else holds one and the caller must not wait.
    pub(super) fn lock_all<'u>(
        &self,
        updates: impl Iterator<Item = &'u PartitionUpdate>,
        mode: IoMode,
    ) -> Result<PartitionGuards<'_>, StorageError> {
        let mut locks: SmallVec<[usize; 2]> =
            updates.map(|update| self.index(update.table.id, &update.key)).collect();
        locks.sort_unstable();
        locks.dedup();
        locks.into_iter().map(|i| self.lock_at(i, mode)).collect()
    }

    fn lock_at(&self, index: usize, mode: IoMode) -> Result<MutexGuard<'_, ()>, StorageError> {
        let lock = &self.0[index];
        match mode {
            IoMode::Blocking => Ok(lock.lock()),
            IoMode::MemoryOnly => lock.try_lock().ok_or(StorageError::WouldBlock),
        }
    }

    /// Locks one partition. Who must not wait for the disk must not wait for somebody who does either.
    fn lock(
        &self,
        table: TableId,
        key: &DecoratedKey,
        mode: IoMode,
    ) -> Result<MutexGuard<'_, ()>, StorageError> {
        self.lock_at(self.index(table, key), mode)
    }
}

/// A partition to which nobody else writes conditionally, as long as this is held.
#[must_use]
pub struct PartitionGuard<'a> {
    _lock: MutexGuard<'a, ()>,
}

impl Storage {
    /// Locks a partition against conditional writes: who holds it may read it, decide, and apply a mutation.
    /// [`StorageError::WouldBlock`] where another one holds it and the caller must not wait; none where others held
    /// it for as long as the caller may wait.
    pub fn lock_partition(
        &self,
        table: TableId,
        key: &DecoratedKey,
        mode: IoMode,
        timeout: Option<Duration>,
    ) -> Result<Option<PartitionGuard<'_>>, StorageError> {
        let locks = &self.conditional_locks;
        let lock = match (mode, timeout) {
            (IoMode::Blocking, Some(timeout)) => {
                // In range: the remainder of a division by the number of locks.
                locks.0[locks.index(table, key)].try_lock_for(timeout)
            }
            _ => Some(locks.lock(table, key, mode)?),
        };
        Ok(lock.map(|lock| PartitionGuard { _lock: lock }))
    }
}
