//! What can go wrong in the store.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::read::ReadReport;
use crate::error::Error;

/// An error of the store, by what its caller can do about it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// The operating system refused: disk full, no permission, a failing device.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: Arc<io::Error>,
    },
    /// A file does not hold what it must (Cassandra: `CorruptSSTableException`). Never retried.
    #[error("Corrupted: {}: {message}", path.display())]
    Corruption {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The read needs bytes that are not in the chunk cache, and was told not to touch the disk. To be retried
    /// from its start on a thread that may block.
    #[error("the read has to wait for the disk")]
    WouldBlock,
    /// A read passed a threshold that ends it: of what it found deleted, or of the size of what it loaded (Cassandra:
    /// `TombstoneOverwhelmingException`, `LocalReadSizeTooLargeException`, `RowIndexEntryReadSizeTooLargeException`).
    #[error("Query {} passed a threshold; query aborted", .0.query)]
    ReadAborted(Box<ReadReport>),
    /// A read found a value of that length, where so much is allowed (`max_value_size`).
    #[error(
        "Corrupt value length {length} encountered, as it exceeds the maximum of {most}, which is set via \
         max_value_size in cassandra.yaml"
    )]
    LongValue {
        /// The value's length in bytes.
        length: usize,
        /// The longest that is allowed, in bytes.
        most: usize,
    },
    /// What was asked for contradicts the schema or the state of the store.
    #[error("{0}")]
    Invalid(String),
    /// There is no room in memory, and none came free in time. To be tried again later.
    #[error("{0}")]
    Overloaded(String),
    /// The store is stopping, or its disk failed before: nothing is accepted any more.
    #[error("the store is closed: {0}")]
    Closed(String),
}

impl StorageError {
    /// An error of the operating system about a file.
    pub fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io { path: path.as_ref().to_owned(), source: Arc::new(source) }
    }

    /// A file that does not hold what it must.
    pub fn corruption(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Self::Corruption { path: path.as_ref().to_owned(), message: message.into() }
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::WouldBlock => Error::WouldBlock,
            StorageError::Invalid(message) => Error::Invalid(message),
            corrupt @ StorageError::Corruption { .. } => Error::Corruption(corrupt.to_string()),
            other => Error::Server(other.to_string()),
        }
    }
}
