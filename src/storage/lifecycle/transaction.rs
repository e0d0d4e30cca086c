//! Changes of a table's files as one (Cassandra: `LogTransaction`, `LogFile`).
//!
//! A log `nb_txn_<operation>_<id>.log` in the table's directory names new files before they are there and old ones
//! before they go. Only its COMMIT decides: with it the old files are removed, without it the new ones. The log
//! itself goes last.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::log_record::{LogRecord, RecordType};
use super::unfinished::{Log, Unfinished};
use crate::env::fs::{FileSystem, WritableFile};
use crate::storage::error::StorageError;
use crate::storage::sstable::{Component, Descriptor};

/// What a transaction is for; it names the log, and `nodetool compactionstats` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "Cassandra's own terms: OperationType")]
pub enum Operation {
    Flush,
    Compaction,
    MajorCompaction,
    TombstoneCompaction,
    Cleanup,
    Scrub,
    UpgradeSstables,
    GarbageCollect,
    Stream,
    Unknown,
}

impl Operation {
    /// As it is shown (Cassandra: `OperationType.toString`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Flush => "Flush",
            Self::Compaction => "Compaction",
            Self::MajorCompaction => "Major compaction",
            Self::TombstoneCompaction => "Tombstone Compaction",
            Self::Cleanup => "Cleanup",
            Self::Scrub => "Scrub",
            Self::UpgradeSstables => "Upgrade sstables",
            Self::GarbageCollect => "Remove deleted data",
            Self::Stream => "Stream",
            Self::Unknown => "Unknown compaction type",
        }
    }

    fn file_name(self) -> String {
        self.name().to_lowercase().replace(' ', "")
    }
}

/// A transaction that is not decided yet. Dropped without being committed it removes the new files.
#[derive(Debug)]
pub struct Transaction {
    log: Log,
    /// None once it is decided.
    file: Option<Box<dyn WritableFile>>,
    unfinished: Arc<Unfinished>,
}

impl Transaction {
    /// Begins a transaction in a table's directory. `id` is a time UUID of its own.
    pub fn begin(
        fs: Arc<dyn FileSystem>,
        directory: &Path,
        operation: Operation,
        id: Uuid,
        unfinished: Arc<Unfinished>,
    ) -> Result<Self, StorageError> {
        let path = directory.join(format!("nb_txn_{}_{id}.log", operation.file_name()));
        let file = fs.create(&path).map_err(|e| StorageError::io(&path, e))?;
        let transaction = Self { log: Log::new(fs, path), file: Some(file), unfinished };
        transaction.log.sync_directory(directory)?;
        Ok(transaction)
    }

    fn write(&mut self, record: &LogRecord) -> Result<(), StorageError> {
        let file = self
            .file
            .as_mut()
            .ok_or_else(|| StorageError::Closed("the transaction is decided".to_owned()))?;
        let written = file.write_all(format!("{record}\n").as_bytes()).and_then(|()| file.sync());
        written.map_err(|e| StorageError::io(&self.log.path, e))?;
        self.log.durable_bytes = file.position();
        Ok(())
    }

    /// A new SSTable, none of whose files is there yet.
    pub fn add(&mut self, descriptor: &Descriptor) -> Result<(), StorageError> {
        self.log.added.push(descriptor.clone());
        self.unfinished.claim(descriptor);
        self.write(&LogRecord {
            record_type: RecordType::Add,
            path: path_of(descriptor),
            update_time: 0,
            files: Component::ALL.len() as i32 - 1,
        })
    }

    /// An old SSTable, to go on commit.
    pub fn remove(&mut self, descriptor: &Descriptor) -> Result<(), StorageError> {
        let path = path_of(descriptor);
        let (update_time, files) = existing(&*self.log.fs, &path)?;
        self.log.removed.push(descriptor.clone());
        self.write(&LogRecord { record_type: RecordType::Remove, path, update_time, files })
    }

    /// Decides for the new files, has them `published` in the place of the old ones, and removes these. After an error
    /// everything is as before, unless the disk refuses that too: see [`Unfinished`]. Old files that cannot be removed
    /// now are left to the next start.
    pub fn commit(mut self, published: impl FnOnce()) -> Result<(), StorageError> {
        // Dropped after an error, it is rolled back.
        self.write(&LogRecord::last(RecordType::Commit))?;
        self.file = None;
        self.log.removed.iter().for_each(|descriptor| self.unfinished.claim(descriptor));
        published();
        self.unfinished.release(&self.log.added);
        match self.log.end(&self.log.removed) {
            Ok(()) => self.unfinished.release(&self.log.removed),
            Err(error) => {
                tracing::warn!(%error, "Could not remove the old files of {}", self.log.path.display());
            }
        }
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let fs = self.log.fs.clone();
            self.unfinished.roll_back(std::mem::replace(&mut self.log, Log::new(fs, PathBuf::new())));
        }
    }
}

/// The beginning of the paths of an SSTable's files.
pub(super) fn path_of(descriptor: &Descriptor) -> String {
    let path = descriptor.directory.join(format!("{}-", descriptor.prefix()));
    path.to_string_lossy().into_owned()
}

/// The files whose paths begin so.
fn files(fs: &dyn FileSystem, prefix: &str) -> Result<Vec<PathBuf>, StorageError> {
    let path = Path::new(prefix);
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else {
        return Ok(Vec::new());
    };
    if !fs.exists(directory) {
        return Ok(Vec::new());
    }
    let entries = fs.list(directory).map_err(|e| StorageError::io(directory, e))?;
    Ok(entries.into_iter().filter(|e| !e.is_dir && e.name.starts_with(name)).map(|e| e.path).collect())
}

/// Removes the files whose paths begin so, from the oldest to the newest: as long as one is left, it tells that they are
/// those that were to go (Cassandra: `LogFile.deleteFilesForRecordsOfType`).
pub(super) fn remove_files(fs: &dyn FileSystem, prefix: &str) -> Result<(), StorageError> {
    let mut found = Vec::new();
    for path in files(fs, prefix)? {
        let time = fs.modified_ms(&path).map_err(|e| StorageError::io(&path, e))?;
        // Its time does not count.
        let counts = !path.to_string_lossy().ends_with(Component::Statistics.name());
        found.push((counts, time, path));
    }
    found.sort();
    found.iter().try_for_each(|(_, _, path)| fs.remove(path).map_err(|e| StorageError::io(path, e)))
}

/// When the last of the files was changed, `Statistics.db` aside, and how many there are.
fn existing(fs: &dyn FileSystem, prefix: &str) -> Result<(i64, i32), StorageError> {
    let files = files(fs, prefix)?;
    let unchanging =
        files.iter().filter(|path| !path.to_string_lossy().ends_with(Component::Statistics.name()));
    let times = unchanging.map(|path| fs.modified_ms(path).map_err(|e| StorageError::io(path, e)));
    let update_time = times.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(0);
    Ok((update_time, files.len() as i32))
}

/// Completes or rolls back whatever transactions an earlier run of the process left in these directories. A log
/// that is damaged, or does not fit the files, is an error: which files count is then for a human to say.
pub fn recover(fs: &dyn FileSystem, directories: &[PathBuf]) -> Result<(), StorageError> {
    let mut names = BTreeSet::new();
    for directory in directories.iter().filter(|d| fs.exists(d)) {
        let entries = fs.list(directory).map_err(|e| StorageError::io(directory, e))?;
        names.extend(entries.into_iter().filter(|e| !e.is_dir && is_log(&e.name)).map(|e| e.name));
    }
    for name in names {
        // The same log may stand in several directories, where the transaction has files in several.
        let logs: Vec<PathBuf> = directories.iter().map(|d| d.join(&name)).filter(|p| fs.exists(p)).collect();
        recover_one(fs, &logs)?;
    }
    Ok(())
}

fn is_log(name: &str) -> bool {
    let stem = name.strip_suffix(".log");
    stem.is_some_and(|stem| {
        stem.starts_with("txn_") || stem.split_once("_txn_").is_some_and(|(version, _)| version.len() <= 8)
    })
}

fn recover_one(fs: &dyn FileSystem, logs: &[PathBuf]) -> Result<(), StorageError> {
    let mut found = Vec::new();
    for log in logs {
        let content = fs.read(log).map_err(|e| StorageError::io(log, e))?;
        let records = parse_log(fs, log, &String::from_utf8_lossy(&content))?;
        found.push((log, content, records));
    }
    // Records are appended to one replica after the other.
    let Some((log, content, records)) = found.into_iter().max_by_key(|(_, _, records)| records.len()) else {
        return Ok(());
    };
    let is_committed = records.last().is_some_and(|r| r.record_type == RecordType::Commit);
    let obsolete = if is_committed { RecordType::Remove } else { RecordType::Add };
    tracing::info!(committed = is_committed, "Completing the transaction {}", log.display());
    // What is done below must not outlive what it is done for, and what was read may not be durable: a process that was
    // killed left its last record unsynced, or the sync had failed. Written again it is synced for sure.
    for log in logs {
        let written = fs.append(log).and_then(|mut file| {
            file.write_all_at(&content, 0)?;
            file.sync()
        });
        written.map_err(|e| StorageError::io(log, e))?;
    }
    let sync = |directories: &mut dyn Iterator<Item = &Path>| -> Result<(), StorageError> {
        let directories: BTreeSet<&Path> = directories.collect();
        directories.into_iter().try_for_each(|d| fs.sync_dir(d).map_err(|e| StorageError::io(d, e)))
    };
    let sync_logs = || sync(&mut logs.iter().filter_map(|log| log.parent()));
    sync_logs()?;
    let obsolete: Vec<&str> =
        records.iter().filter(|r| r.record_type == obsolete).map(|r| r.path.as_str()).collect();
    obsolete.iter().try_for_each(|prefix| remove_files(fs, prefix))?;
    let changed = obsolete.iter().filter_map(|prefix| Path::new(*prefix).parent());
    sync(&mut changed.filter(|d| fs.exists(d)))?;
    logs.iter().try_for_each(|log| fs.remove(log).map_err(|e| StorageError::io(log, e)))?;
    sync_logs()
}

/// The records of a log. The last line may be torn; then everything before it must fit the files exactly.
fn parse_log(fs: &dyn FileSystem, log: &Path, content: &str) -> Result<Vec<LogRecord>, StorageError> {
    let lines: Vec<&str> = content.lines().filter(|line| !line.is_empty()).collect();
    let mut records = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let is_last = i + 1 == lines.len();
        match LogRecord::parse(line) {
            Some(record) if is_last || !record.record_type.is_final() => records.push(record),
            Some(_) => {
                return Err(StorageError::corruption(log, "records follow the end of the transaction"));
            }
            None if is_last => {
                for record in records.iter().filter(|r: &&LogRecord| r.record_type == RecordType::Remove) {
                    let (_, files) = existing(fs, &record.path)?;
                    if files < record.files {
                        let message = format!("Incomplete fileset detected for sstable [{}]", record.path);
                        return Err(StorageError::corruption(log, message));
                    }
                }
            }
            None => return Err(StorageError::corruption(log, format!("Failed to parse [{line}]"))),
        }
    }
    for record in records.iter().filter(|r| r.record_type == RecordType::Remove) {
        let (update_time, _) = existing(fs, &record.path)?;
        // Somebody may have put back a file of the same name from a backup: that one must not go.
        if update_time > 0 && update_time / 1000 != record.update_time / 1000 {
            let message = format!("Unexpected files detected for sstable [{}]", record.path);
            return Err(StorageError::corruption(log, message));
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use super::*;
    use crate::env::faulty_fs::{Faults, FaultyFs};
    use crate::env::fs::RealFs;

    fn put(descriptor: &Descriptor) {
        for component in [Component::Data, Component::Index, Component::Statistics] {
            std::fs::write(descriptor.path(component), b"x").unwrap();
        }
    }

    fn data(directory: &Path) -> Vec<String> {
        let found = Descriptor::list(&RealFs, directory).unwrap();
        found.iter().map(|d| d.id.to_string()).collect()
    }

    fn logs(directory: &Path) -> usize {
        std::fs::read_dir(directory)
            .unwrap()
            .filter(|e| is_log(&e.as_ref().unwrap().file_name().to_string_lossy()))
            .count()
    }

    fn begin(fs: impl FileSystem + 'static, directory: &Path) -> Transaction {
        let (fs, id) = (Arc::new(fs), Uuid::new_v4());
        Transaction::begin(fs, directory, Operation::Compaction, id, Arc::default()).unwrap()
    }

    fn begun(directory: &Path) -> Transaction {
        let mut transaction = begin(RealFs, directory);
        let (old, new) = (Descriptor::new(directory, 1), Descriptor::new(directory, 2));
        put(&old);
        transaction.add(&new).unwrap();
        put(&new);
        transaction.remove(&old).unwrap();
        transaction
    }

    #[test]
    fn the_old_or_the_new_files_stay() {
        let dir = tempfile::tempdir().unwrap();
        begun(dir.path()).commit(|| ()).unwrap();
        assert_eq!((data(dir.path()), logs(dir.path())), (vec!["2".to_owned()], 0));
        let dir = tempfile::tempdir().unwrap();
        drop(begun(dir.path()));
        assert_eq!((data(dir.path()), logs(dir.path())), (vec!["1".to_owned()], 0));
    }

    #[test]
    fn the_next_start_ends_what_was_begun() {
        for (last, expected) in [("", "1"), ("COMMIT:[,0,0][2613697770]\n", "2"), ("COMMIT:[,0,0][26", "1")] {
            let dir = tempfile::tempdir().unwrap();
            let mut transaction = begun(dir.path());
            transaction.file.take().unwrap().write_all(last.as_bytes()).unwrap();
            drop(transaction);
            recover(&RealFs, &[dir.path().to_owned()]).unwrap();
            assert_eq!((data(dir.path()), logs(dir.path())), (vec![expected.to_owned()], 0), "{last}");
        }
    }

    #[test]
    fn a_removal_that_was_cut_short_is_ended_by_the_next_start() {
        let directory = Path::new("/t");
        let (old, new) = (Descriptor::new(directory, 1), Descriptor::new(directory, 2));
        for dies_after in 0..20 {
            let fs = FaultyFs::new(1);
            fs.create_dir_all(directory).unwrap();
            for (i, component) in Component::ALL.into_iter().enumerate() {
                let mut file = fs.create(&old.path(component)).unwrap();
                // Each change takes a few milliseconds: no two files are of the same second, nor in their usual order.
                (0..(i * 7 % 5 + 1) * 200).for_each(|_| file.write_all(b"x").unwrap());
            }
            let mut transaction = begin(fs.clone(), directory);
            transaction.add(&new).unwrap();
            fs.create(&new.path(Component::Data)).unwrap();
            transaction.remove(&old).unwrap();
            fs.set_faults(Faults {
                die_at_operation: Some(fs.operations() + dies_after),
                ..Faults::default()
            });
            let committed = transaction.commit(|| ());
            fs.kill();
            recover(&fs, &[directory.to_owned()]).unwrap();
            let left = Descriptor::list(&fs, directory).unwrap();
            let kept = if committed.is_ok() { new.clone() } else { left[0].clone() };
            assert_eq!(left, [kept], "{dies_after}");
            assert!(fs.list_all().iter().all(|path| !path.to_string_lossy().contains("txn")));
        }
    }

    #[test]
    fn a_damaged_log_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut transaction = begun(dir.path());
        transaction.file.take().unwrap().write_all(b"garbage\nCOMMIT:[,0,0][2613697770]\n").unwrap();
        drop(transaction);
        assert!(recover(&RealFs, &[dir.path().to_owned()]).is_err());
        assert_eq!(data(dir.path()), ["1", "2"]);
    }
}
