//! The partitions of an SSTable in order (Cassandra: `BigTableScanner`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::chunked_file::{Access, Cursor};
use super::index::BlockIndex;
use super::reader::{PartitionPosition, SSTableReader};
use super::rows::SSTableRows;
use super::summary::decorate;
use crate::storage::error::StorageError;
use crate::storage::model::{ClusteringIndexFilter, ColumnFilter, DecoratedKey, KeyBound};
use crate::storage::{BoxedRowIterator, UnfilteredPartitionIterator};

/// Partitions between two bounds, as the index lists them.
#[derive(Debug)]
pub struct SSTableScanner {
    reader: Arc<SSTableReader>,
    index: Cursor,
    access: Access,
    start: KeyBound,
    end: KeyBound,
    filter: ClusteringIndexFilter,
    columns: ColumnFilter,
    last: Option<DecoratedKey>,
    done: bool,
    /// Uncompressed bytes that were passed are added to it.
    progress: Option<Arc<AtomicU64>>,
    passed: u64,
}

impl SSTableScanner {
    pub(super) fn new(
        reader: Arc<SSTableReader>,
        start: KeyBound,
        end: KeyBound,
        filter: ClusteringIndexFilter,
        columns: ColumnFilter,
        access: Access,
    ) -> Self {
        let index_access = match &access {
            Access::Cached(mode) => Access::Cached(*mode),
            Access::Scan(_) => Access::scan(),
        };
        let index = Cursor::new(reader.index.clone(), index_access, reader.index_position(&start));
        Self {
            reader,
            index,
            access,
            start,
            end,
            filter,
            columns,
            last: None,
            done: false,
            progress: None,
            passed: 0,
        }
    }

    /// Adds the uncompressed bytes that it passes to a counter.
    pub fn with_progress(mut self, progress: Arc<AtomicU64>) -> Self {
        self.progress = Some(progress);
        self
    }

    fn pass(&mut self, position: u64) {
        if let (Some(progress), Some(bytes)) = (&self.progress, position.checked_sub(self.passed)) {
            progress.fetch_add(bytes, Ordering::Relaxed);
            self.passed = position;
        }
    }

    /// The next key and where its partition is.
    fn next_position(&mut self) -> Result<Option<(DecoratedKey, PartitionPosition)>, StorageError> {
        while !self.done && !self.index.is_at_end() {
            let (key, data, size) = self.index.take(|input| {
                let key = Bytes::copy_from_slice(input.short_bytes()?);
                Ok((key, input.vint()?, input.vint_length()?))
            })?;
            let key = decorate(key);
            if is_before(&key, &self.start) {
                self.index.skip(size as u64);
                continue;
            }
            if is_after(&key, &self.end) {
                self.done = true;
                break;
            }
            if self.last.as_ref().is_some_and(|last| *last >= key) {
                return Err(self.index.damaged("keys out of order"));
            }
            let entry = self.index.bytes(size)?;
            if data >= self.reader.data.len() {
                return Err(self.index.damaged("an index entry points behind the end of the data"));
            }
            let lengths = self.reader.mapping().decoder.clustering_lengths().clone();
            let blocks = BlockIndex::parse(&entry, &lengths)
                .map_err(|why| self.index.damaged(&format!("an index entry is damaged: {why:?}")))?;
            self.last = Some(key.clone());
            self.pass(data);
            return Ok(Some((key, PartitionPosition { data, blocks })));
        }
        Ok(None)
    }
}

fn is_before(key: &DecoratedKey, start: &KeyBound) -> bool {
    match start {
        KeyBound::Unbounded => false,
        KeyBound::Token(token, inclusive) => key.token < *token || (!inclusive && key.token == *token),
        KeyBound::Key(bound, inclusive) => key < bound || (!inclusive && key == bound),
    }
}

fn is_after(key: &DecoratedKey, end: &KeyBound) -> bool {
    match end {
        KeyBound::Unbounded => false,
        KeyBound::Token(token, inclusive) => key.token > *token || (!inclusive && key.token == *token),
        KeyBound::Key(bound, inclusive) => key > bound || (!inclusive && key == bound),
    }
}

impl UnfilteredPartitionIterator for SSTableScanner {
    fn next_partition(&mut self) -> Result<Option<BoxedRowIterator>, StorageError> {
        let Some((key, position)) = self.next_position()? else {
            self.pass(self.reader.data.len());
            return Ok(None);
        };
        let rows = {
            let (columns, access) = (self.columns.clone(), self.access.clone());
            SSTableRows::open(&self.reader, key, position, &self.filter, columns, access)?
        };
        Ok(Some(Box::new(rows)))
    }
}
