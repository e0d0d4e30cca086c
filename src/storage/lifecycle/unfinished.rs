//! What transactions leave undone where the disk refuses it, and whose files are not to be taken up meanwhile.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::transaction::{path_of, remove_files};
use crate::env::fs::FileSystem;
use crate::storage::error::StorageError;
use crate::storage::sstable::Descriptor;

/// The log of a transaction, and the files that it speaks of.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) fs: Arc<dyn FileSystem>,
    pub(super) path: PathBuf,
    /// The length of the records that are durable for sure.
    pub(super) durable_bytes: u64,
    pub(super) added: Vec<Descriptor>,
    pub(super) removed: Vec<Descriptor>,
}

impl Log {
    pub(super) fn new(fs: Arc<dyn FileSystem>, path: PathBuf) -> Self {
        Self { fs, path, durable_bytes: 0, added: Vec::new(), removed: Vec::new() }
    }

    pub(super) fn sync_directory(&self, directory: &Path) -> Result<(), StorageError> {
        self.fs.sync_dir(directory).map_err(|e| StorageError::io(directory, e))
    }

    /// Removes the files that count no more, and then the log.
    pub(super) fn end(&self, obsolete: &[Descriptor]) -> Result<(), StorageError> {
        obsolete.iter().try_for_each(|descriptor| remove_files(&*self.fs, &path_of(descriptor)))?;
        let own = self.path.parent().unwrap_or(&self.path);
        let mut directories: BTreeSet<&Path> = obsolete.iter().map(|d| &*d.directory).collect();
        directories.insert(own);
        directories.into_iter().try_for_each(|directory| self.sync_directory(directory))?;
        if self.fs.exists(&self.path) {
            self.fs.remove(&self.path).map_err(|e| StorageError::io(&self.path, e))?;
        }
        self.sync_directory(own)
    }

    /// Removes the new files. A record that failed is cut off before: if it is a commit, it may be durable all the same.
    fn roll_back(&self) -> Result<(), StorageError> {
        if self.fs.exists(&self.path) {
            let cut = self.fs.append(&self.path).and_then(|mut file| {
                file.set_len(self.durable_bytes)?;
                file.sync()
            });
            cut.map_err(|e| StorageError::io(&self.path, e))?;
        }
        self.end(&self.added)
    }
}

/// The transactions of a table that have not ended.
#[derive(Debug, Default)]
pub struct Unfinished {
    /// Those that could not be rolled back. The next start may find that they are committed, and until then their old
    /// files must be there as they were. In this state SSTables can be added to the table, but none may go, nor may
    /// what is deleted be forgotten: the new files may come back.
    in_doubt: Mutex<Vec<Log>>,
    /// Files that do not count, or not yet.
    claimed: Mutex<HashSet<Descriptor>>,
}

impl Unfinished {
    /// Takes an SSTable for a transaction's own.
    pub(super) fn claim(&self, descriptor: &Descriptor) {
        self.claimed.lock().insert(descriptor.clone());
    }

    pub(super) fn release(&self, descriptors: &[Descriptor]) {
        let mut claimed = self.claimed.lock();
        for descriptor in descriptors {
            claimed.remove(descriptor);
        }
    }

    /// The SSTables that are not to be taken up, though they are there. While this is held none becomes one of the
    /// table, and none of the table's goes.
    pub(super) fn claimed(&self) -> MutexGuard<'_, HashSet<Descriptor>> {
        self.claimed.lock()
    }

    /// Rolls a transaction back; later, where that is not possible now.
    pub(super) fn roll_back(&self, log: Log) {
        match log.roll_back() {
            Ok(()) => self.release(&log.added),
            Err(error) => {
                tracing::warn!(%error, "Could not roll back the transaction {}", log.path.display());
                self.in_doubt.lock().push(log);
            }
        }
    }

    /// Rolls back what could not be rolled back before.
    pub(super) fn settle(&self) -> Result<(), StorageError> {
        let mut in_doubt = self.in_doubt.lock();
        while let Some(log) = in_doubt.last() {
            log.roll_back()?;
            self.release(&log.added);
            in_doubt.pop();
        }
        Ok(())
    }
}
