//! The SSTables of one table: which there are, and their replacement by others (Cassandra: `Directories`, `Tracker`).

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::{Mutex, RwLock};
use uuid::Uuid;

use super::output::{Replacement, SSTableOutput};
use super::transaction::{Operation, Transaction, recover};
use super::unfinished::Unfinished;
use crate::env::fs::FileSystem;
use crate::schema::TableMetadata;
use crate::storage::error::StorageError;
use crate::storage::failures::Failures;
use crate::storage::observer::FileObserver;
use crate::storage::sstable::{Component, Descriptor, ReaderContext, SSTableReader, WriterOptions};

/// The name of a table's directory within that of its keyspace: its name and its id without dashes.
pub fn directory_name(table: &TableMetadata) -> String {
    format!("{}-{}", table.name, table.id.0.simple())
}

/// The directories of a table, one in each data directory.
pub fn table_directories(data_directories: &[PathBuf], table: &TableMetadata) -> Vec<PathBuf> {
    let name = directory_name(table);
    data_directories.iter().map(|d| d.join(&table.keyspace).join(&name)).collect()
}

/// The SSTables of one table.
pub struct TableFiles {
    fs: Arc<dyn FileSystem>,
    directories: Vec<PathBuf>,
    readers: ReaderContext,
    next_generation: AtomicU64,
    live: ArcSwap<Vec<Arc<SSTableReader>>>,
    /// Held while `live` is replaced; the SSTables that a compaction works on.
    compacting: Mutex<HashSet<Descriptor>>,
    incremental_backups: AtomicBool,
    /// Whether it is compacted in the background, where an operator said so: see [`Self::compacts_by_itself`].
    compacts_by_itself: ArcSwapOption<bool>,
    /// See [`WriterOptions::column_index_size`].
    column_index_bytes: AtomicU64,
    failures: Arc<Failures>,
    /// Directories that are not written to any more, under `disk_failure_policy: best_effort`.
    unwritable: Mutex<HashSet<PathBuf>>,
    observers: RwLock<Vec<Arc<dyn FileObserver>>>,
    unfinished: Arc<Unfinished>,
}

impl fmt::Debug for TableFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableFiles").field("directories", &self.directories).finish_non_exhaustive()
    }
}

/// SSTables that nobody else compacts while it lives.
#[derive(Debug)]
pub struct CompactingGuard {
    files: Arc<TableFiles>,
    descriptors: Vec<Descriptor>,
}

impl Drop for CompactingGuard {
    fn drop(&mut self) {
        let mut compacting = self.files.compacting.lock();
        for descriptor in &self.descriptors {
            compacting.remove(descriptor);
        }
    }
}

impl TableFiles {
    /// Makes the table's directories, ends the transactions of an earlier run, and opens all SSTables. What a damaged
    /// one means, `failures` says.
    pub fn open(
        fs: Arc<dyn FileSystem>,
        data_directories: &[PathBuf],
        table: &TableMetadata,
        readers: ReaderContext,
        failures: Arc<Failures>,
    ) -> Result<Arc<Self>, StorageError> {
        let directories = table_directories(data_directories, table);
        for directory in directories.iter().filter(|d| !fs.exists(d)) {
            fs.create_dir_all(directory).map_err(|e| StorageError::io(directory, e))?;
            let mut above = directory.parent();
            // The names of the table's and the keyspace's directories are to be durable too.
            for _ in 0..2 {
                if let Some(parent) = above {
                    fs.sync_dir(parent).map_err(|e| StorageError::io(parent, e))?;
                    above = parent.parent();
                }
            }
        }
        recover(&*fs, &directories)?;
        let files = Self {
            fs,
            directories,
            readers,
            next_generation: AtomicU64::new(1),
            live: ArcSwap::default(),
            compacting: Mutex::default(),
            incremental_backups: AtomicBool::new(false),
            compacts_by_itself: ArcSwapOption::empty(),
            column_index_bytes: AtomicU64::new(WriterOptions::default().column_index_size),
            failures,
            unwritable: Mutex::default(),
            observers: RwLock::default(),
            unfinished: Arc::default(),
        };
        let files = Arc::new(files);
        files.load_new(table)?;
        Ok(files)
    }

    /// Whether every SSTable that a flush writes is linked into `backups/` (`nodetool enablebackup`).
    pub fn set_incremental_backups(&self, enabled: bool) {
        self.incremental_backups.store(enabled, Ordering::Relaxed);
    }

    /// Whether the table is to be compacted in the background; none as its definition says.
    pub fn compacts_by_itself(&self) -> Option<bool> {
        self.compacts_by_itself.load().as_deref().copied()
    }

    /// Has the table compacted in the background or not, whatever its definition says.
    pub fn set_compacts_by_itself(&self, enabled: bool) {
        self.compacts_by_itself.store(Some(Arc::new(enabled)));
    }

    /// Sets from how many bytes of rows on a partition gets an index in the SSTables that are written from now on.
    pub fn set_column_index_bytes(&self, bytes: u64) {
        self.column_index_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Opens SSTables that were put into the directories (`nodetool refresh`); says how many.
    pub fn load_new(&self, table: &TableMetadata) -> Result<usize, StorageError> {
        let claimed = self.unfinished.claimed();
        let mut opened = Vec::new();
        for directory in &self.directories {
            self.reserve_generations(directory)?;
            for descriptor in Descriptor::list(&*self.fs, directory)? {
                let is_live = self.sstables().iter().any(|s| *s.descriptor() == descriptor);
                if is_live || claimed.contains(&descriptor) {
                    continue;
                }
                match SSTableReader::open(&*self.fs, descriptor, table, &self.readers) {
                    Ok(sstable) => opened.push(sstable),
                    Err(error) => self.failures.at_open(error)?,
                }
            }
        }
        let count = opened.len();
        self.replace_live(&[], opened);
        Ok(count)
    }

    /// Passes over the numbers of all files, those without data too: a new SSTable must not take one of them for its
    /// own.
    fn reserve_generations(&self, directory: &Path) -> Result<(), StorageError> {
        let entries = self.fs.list(directory).map_err(|e| StorageError::io(directory, e))?;
        for (descriptor, _) in entries.iter().filter_map(|e| Descriptor::parse(&e.path)) {
            let after = descriptor.generation().map_or(0, |n| n.saturating_add(1));
            self.next_generation.fetch_max(after, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The SSTables at this moment. A reader who looks at memtables first and here then misses nothing of what is
    /// being flushed.
    pub fn sstables(&self) -> Arc<Vec<Arc<SSTableReader>>> {
        self.live.load_full()
    }

    /// The table's directories.
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// The file system.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    /// The bytes of all SSTables on disk.
    pub fn bytes_on_disk(&self) -> u64 {
        self.sstables().iter().map(|s| s.bytes_on_disk()).sum()
    }

    /// Takes over a new definition of the table.
    pub fn set_table(&self, table: &TableMetadata) -> Result<(), StorageError> {
        self.sstables().iter().try_for_each(|sstable| sstable.set_table(table))
    }

    /// An SSTable that was not there before.
    fn next_descriptor(&self) -> Result<Descriptor, StorageError> {
        let generation = self.next_generation.fetch_add(1, Ordering::Relaxed);
        let unwritable = self.unwritable.lock();
        let writable: Vec<_> = self.directories.iter().filter(|d| !unwritable.contains(*d)).collect();
        let index = usize::try_from(generation % writable.len().max(1) as u64).unwrap_or(0);
        match writable.get(index) {
            Some(directory) => Ok(Descriptor::new(directory, generation)),
            None => {
                let error = StorageError::Closed(format!(
                    "all directories of {} are marked as unwritable",
                    self.directories.iter().map(|d| d.display().to_string()).collect::<Vec<_>>().join(", ")
                ));
                self.failures.no_directory(&error);
                Err(error)
            }
        }
    }

    /// Of a file that failed: whether it is one of an SSTable that is in use, which is not compacted from now on.
    pub fn mark_suspect(&self, path: &Path) -> bool {
        let Some((descriptor, _)) = Descriptor::parse(path) else { return false };
        let sstables = self.sstables();
        let found = sstables.iter().find(|s| *s.descriptor() == descriptor);
        found.inspect(|sstable| sstable.mark_suspect()).is_some()
    }

    /// Goes on without the directory of a file that cannot be read: its SSTables are not looked at until the next
    /// start (Cassandra: `DisallowedDirectories.maybeMarkUnreadable`).
    pub fn give_up_reading(&self, path: &Path) {
        let all = self.sstables();
        let there = all.iter().filter(|s| Some(&*s.descriptor().directory) == path.parent());
        let gone: Vec<_> = there.cloned().collect();
        tracing::error!("{} SSTables beside {} are not read any more", gone.len(), path.display());
        self.replace_live(&gone, Vec::new());
    }

    /// Goes on without writing to the directory of a file that cannot be written.
    pub fn give_up_writing(&self, path: &Path) {
        let directory = self.directories.iter().find(|d| path.starts_with(d));
        if let Some(directory) = directory
            && self.unwritable.lock().insert(directory.clone())
        {
            tracing::error!("{} is not written to any more", directory.display());
        }
    }

    /// An SSTable that was not there before, in that directory.
    pub(super) fn next_descriptor_in(&self, directory: &Path) -> Descriptor {
        Descriptor::new(directory, self.next_generation.fetch_add(1, Ordering::Relaxed))
    }

    /// Registers an observer of everything that is written from now on.
    pub fn observe(&self, observer: Arc<dyn FileObserver>) {
        self.observers.write().push(observer);
    }

    pub(super) fn observers(&self) -> Vec<Arc<dyn FileObserver>> {
        self.observers.read().clone()
    }

    fn replace_live(&self, removed: &[Arc<SSTableReader>], added: Vec<Arc<SSTableReader>>) {
        {
            let _lock = self.compacting.lock();
            let is_removed = |s: &Arc<SSTableReader>| removed.iter().any(|r| Arc::ptr_eq(r, s));
            let mut next: Vec<_> = self.sstables().iter().filter(|s| !is_removed(s)).cloned().collect();
            next.extend(added.iter().cloned());
            // Readers that stop early want what is newest first.
            next.sort_by_key(|s| std::cmp::Reverse(s.stats().max_timestamp));
            self.live.store(Arc::new(next));
        }
        if !removed.is_empty() || !added.is_empty() {
            self.observers().iter().for_each(|observer| observer.replaced(removed, &added));
        }
    }

    /// Reserves SSTables for a compaction; none where another one has one of them.
    pub fn reserve(self: &Arc<Self>, sstables: &[Arc<SSTableReader>]) -> Option<CompactingGuard> {
        let mut compacting = self.compacting.lock();
        let live = self.sstables();
        let is_free = |s: &Arc<SSTableReader>| {
            !compacting.contains(s.descriptor()) && live.iter().any(|l| Arc::ptr_eq(l, s))
        };
        if !sstables.iter().all(is_free) {
            return None;
        }
        let descriptors: Vec<Descriptor> = sstables.iter().map(|s| s.descriptor().clone()).collect();
        compacting.extend(descriptors.iter().cloned());
        Some(CompactingGuard { files: self.clone(), descriptors })
    }

    /// The SSTables that no compaction works on, and that are not suspected to be damaged.
    pub fn idle(&self) -> Vec<Arc<SSTableReader>> {
        let compacting = self.compacting.lock();
        let is_idle = |s: &&Arc<SSTableReader>| !s.is_suspect() && !compacting.contains(s.descriptor());
        self.sstables().iter().filter(is_idle).cloned().collect()
    }

    /// Writes new SSTables and puts them in the place of others (of none, for a flush). `fill` appends their
    /// partitions. Durable when it returns; where it fails everything is as before. None where nothing was appended.
    pub fn write(
        &self,
        what: Replacement<'_>,
        options: WriterOptions,
        fill: impl FnOnce(&mut SSTableOutput<'_>) -> Result<(), StorageError>,
    ) -> Result<Vec<Arc<SSTableReader>>, StorageError> {
        if let Err(error) = self.unfinished.settle()
            && what.operation != Operation::Flush
        {
            return Err(error);
        }
        let descriptor = self.next_descriptor()?;
        let column_index_size = self.column_index_bytes.load(Ordering::Relaxed);
        let options = WriterOptions { column_index_size, ..options };
        let mut transaction = self.begin(&descriptor.directory, what.operation)?;
        let mut output = SSTableOutput::new(self, &mut transaction, what, options, descriptor);
        fill(&mut output)?;
        let written = output.finish()?;
        for old in what.replaced {
            transaction.remove(old.descriptor())?;
        }
        let open = |descriptor| SSTableReader::open(&*self.fs, descriptor, what.table, &self.readers);
        let new = written.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        if what.operation == Operation::Flush && self.incremental_backups.load(Ordering::Relaxed) {
            for new in &new {
                self.link(new, &new.descriptor().directory.join("backups"))?;
            }
        }
        // The new ones are seen before the old files go: who reads meanwhile has either or both.
        transaction.commit(|| self.replace_live(what.replaced, new.clone()))?;
        Ok(new)
    }

    fn begin(&self, directory: &Path, operation: Operation) -> Result<Transaction, StorageError> {
        let id = Uuid::now_v1(&rand::random::<[u8; 6]>());
        Transaction::begin(self.fs.clone(), directory, operation, id, self.unfinished.clone())
    }

    /// Removes all SSTables (`TRUNCATE`, `DROP TABLE`).
    pub fn remove_all(&self) -> Result<(), StorageError> {
        self.unfinished.settle()?;
        let all = self.sstables();
        if let Some(first) = self.directories.first().filter(|_| !all.is_empty()) {
            let mut transaction = self.begin(first, Operation::Unknown)?;
            all.iter().try_for_each(|sstable| transaction.remove(sstable.descriptor()))?;
            transaction.commit(|| self.replace_live(&all, Vec::new()))?;
        }
        Ok(())
    }

    /// Links all files of an SSTable into a directory; gives their names.
    pub(super) fn link(
        &self,
        sstable: &SSTableReader,
        directory: &Path,
    ) -> Result<Vec<String>, StorageError> {
        self.fs.create_dir_all(directory).map_err(|e| StorageError::io(directory, e))?;
        let mut names = Vec::new();
        for component in Component::ALL {
            let path = sstable.descriptor().path(component);
            if self.fs.exists(&path) {
                let name = format!("{}-{}", sstable.descriptor().prefix(), component.name());
                self.fs.hard_link(&path, &directory.join(&name)).map_err(|e| StorageError::io(&path, e))?;
                names.push(name);
            }
        }
        self.fs.sync_dir(directory).map_err(|e| StorageError::io(directory, e))?;
        Ok(names)
    }
}
