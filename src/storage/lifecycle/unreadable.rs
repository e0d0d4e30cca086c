//! SSTables that cannot be read: a directory with some is refused, before anything is written to it.

use std::path::{Path, PathBuf};

use super::super::error::StorageError;
use super::super::sstable::Descriptor;
use crate::env::fs::{DirEntry, FileSystem};

/// Refuses data directories with SSTables of formats or versions that cannot be read (Cassandra:
/// `StartupChecks.checkSSTablesFormat`): to serve the rest would look as if their rows were not there.
pub fn refuse_unreadable<'a>(
    fs: &dyn FileSystem,
    directories: impl Iterator<Item = &'a Path>,
) -> Result<(), StorageError> {
    let mut unreadable: Vec<PathBuf> = Vec::new();
    for keyspace in directories.flat_map(|directory| list(fs, directory)).filter(|entry| entry.is_dir) {
        for table in list(fs, &keyspace.path).into_iter().filter(|entry| entry.is_dir) {
            let files = list(fs, &table.path).into_iter();
            unreadable.extend(files.filter(is_unreadable).map(|entry| entry.path));
        }
    }
    if unreadable.is_empty() {
        return Ok(());
    }
    unreadable.sort();
    let names: Vec<String> = unreadable.iter().map(|path| path.display().to_string()).collect();
    Err(StorageError::Invalid(format!(
        "Detected unreadable sstables {}. This server reads the versions ma to nb of the big format, which Cassandra 5.0 \
         writes with storage_compatibility_mode: CASSANDRA_4. Bring their rows over through a client, such as cqlsh with \
         COPY, or move the files away.",
        names.join(",")
    )))
}

/// What is in a directory; nothing where that cannot be told, which whoever opens its tables meets again.
fn list(fs: &dyn FileSystem, directory: &Path) -> Vec<DirEntry> {
    fs.list(directory).unwrap_or_default()
}

/// Whether a file is the data of an SSTable that is complete and not known here.
fn is_unreadable(entry: &DirEntry) -> bool {
    !entry.is_dir
        && entry.name.ends_with("-Data.db")
        && !entry.name.starts_with("tmp")
        && Descriptor::parse(&entry.path).is_none()
}
