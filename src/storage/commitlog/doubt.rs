//! What is known of a log whose sync failed.
//!
//! The pages that such a sync was for are not on the disk, and no later sync brings them there: yet they are read until
//! the machine stops. A process that starts before that must write them again, or a power cut takes from it what it
//! found. A file says so, which need not be durable itself: it and those pages go with the same power cut.

use std::path::{Path, PathBuf};

use super::super::error::StorageError;
use crate::env::fs::FileSystem;

/// Beside the segments; Cassandra passes over files of other names.
const FILE_NAME: &str = "CommitLog.in_doubt";

fn note_path(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

/// Notes that a sync failed.
pub fn note_doubt(fs: &dyn FileSystem, directory: &Path) {
    let path = note_path(directory);
    if let Err(error) = fs.create(&path) {
        tracing::error!("Failed to make {}: {error}", path.display());
    }
}

/// Every file of the log that may be in doubt is flushed, or written again.
pub fn end_doubt(fs: &dyn FileSystem, directory: &Path) {
    let path = note_path(directory);
    if fs.exists(&path)
        && let Err(error) = fs.remove(&path)
    {
        tracing::warn!("Failed to remove {}: {error}", path.display());
    }
}

/// Makes segments of earlier runs durable as they are, and what names there are in the directory.
///
/// # Errors
///
/// [`StorageError::Io`] if one of them cannot be written or synced.
pub fn make_durable(
    fs: &dyn FileSystem,
    directory: &Path,
    segments: &[(i64, PathBuf)],
) -> Result<(), StorageError> {
    let is_in_doubt = fs.exists(&note_path(directory));
    let synced = segments.iter().try_for_each(|(_, path)| {
        let mut file = fs.append(path).map_err(|error| StorageError::io(path, error))?;
        let written =
            if is_in_doubt { fs.read(path).and_then(|bytes| file.write_all_at(&bytes, 0)) } else { Ok(()) };
        written.and_then(|()| file.sync()).map_err(|error| StorageError::io(path, error))
    });
    let synced =
        synced.and_then(|()| fs.sync_dir(directory).map_err(|error| StorageError::io(directory, error)));
    match synced {
        Ok(()) => end_doubt(fs, directory),
        Err(_) => note_doubt(fs, directory),
    }
    synced
}
