//! Checks an SSTable's files (Cassandra: `SortedTableVerifier`; `nodetool verify`).

use std::sync::Arc;

use super::descriptor::Component;
use super::reader::SSTableReader;
use crate::env::fs::FileSystem;
use crate::storage::error::StorageError;
use crate::storage::model::{ClusteringIndexFilter, ColumnFilter, KeyBound};
use crate::storage::{IoMode, UnfilteredPartitionIterator};

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

impl SSTableReader {
    /// Checks that `Data.db` has the checksum that `Digest.crc32` says, and that every partition is where the index
    /// says; with `extended` also every row, and that each key is found by itself.
    pub fn verify(self: &Arc<Self>, fs: &dyn FileSystem, extended: bool) -> Result<(), StorageError> {
        self.verify_digest(fs)?;
        let mut scanner = self.scan_all();
        while let Some(mut rows) = scanner.next_partition()? {
            if !extended {
                continue;
            }
            let key = rows.key().clone();
            while rows.next()?.is_some() {}
            let none = ClusteringIndexFilter::Slices { slices: Vec::new(), reversed: false };
            if !self.may_contain(&key) || self.position(&key, IoMode::Blocking)?.is_none() {
                let message = format!("the key {:02x?} is not found", &key.key[..]);
                return Err(StorageError::corruption(self.descriptor().path(Component::Summary), message));
            }
            // By its token too, as range reads look for it.
            let (start, end) = (KeyBound::Token(key.token, true), KeyBound::Token(key.token, true));
            if self.scan(start, end, none, ColumnFilter::ALL, IoMode::Blocking).next_partition()?.is_none() {
                let message = format!("the token {} is not found", key.token.0);
                return Err(StorageError::corruption(self.descriptor().path(Component::Summary), message));
            }
        }
        Ok(())
    }

    fn verify_digest(&self, fs: &dyn FileSystem) -> Result<(), StorageError> {
        let digest_path = self.descriptor().path(Component::Digest);
        if !fs.exists(&digest_path) {
            return Ok(());
        }
        let digest = fs.read(&digest_path).map_err(|e| StorageError::io(&digest_path, e))?;
        let digest = String::from_utf8_lossy(&digest).trim().parse::<u32>();
        let digest = digest.map_err(|_| StorageError::corruption(&digest_path, "not a checksum"))?;
        let path = self.descriptor().path(Component::Data);
        let io = |e| StorageError::io(&path, e);
        let file = fs.open(&path).map_err(io)?;
        let length = file.len().map_err(io)?;
        let mut crc = crc32fast::Hasher::new();
        let mut block = vec![0; BLOCK];
        let mut position = 0;
        while position < length {
            let count = BLOCK.min(usize::try_from(length - position).unwrap_or(BLOCK));
            file.read_exact_at(&mut block[..count], position).map_err(io)?;
            crc.update(&block[..count]);
            position += count as u64;
        }
        if crc.finalize() == digest {
            Ok(())
        } else {
            Err(StorageError::corruption(&path, "the checksum differs from Digest.crc32"))
        }
    }
}
