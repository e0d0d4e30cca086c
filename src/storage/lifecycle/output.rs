//! New SSTables, one or several, that take the place of others as one.

use std::path::Path;
use std::sync::Arc;

use super::table_files::TableFiles;
use super::transaction::{Operation, Transaction};
use crate::schema::TableMetadata;
use crate::storage::error::StorageError;
use crate::storage::memtable::MemtableId;
use crate::storage::observer::NewSSTable;
use crate::storage::sstable::{Descriptor, SSTableReader, SSTableWriter, WriterOptions};
use crate::storage::unfiltered::UnfilteredRowIterator;

/// What new SSTables are written for, and from what.
#[derive(Clone, Copy, Debug)]
pub struct Replacement<'a> {
    /// What for.
    pub operation: Operation,
    /// The table.
    pub table: &'a Arc<TableMetadata>,
    /// The memtables that are written, for a flush.
    pub memtables: &'a [MemtableId],
    /// The SSTables that are replaced, by a compaction.
    pub replaced: &'a [Arc<SSTableReader>],
}

/// Takes partitions, in the order of their keys, and writes them to one SSTable after the other.
pub struct SSTableOutput<'a> {
    files: &'a TableFiles,
    pub(super) transaction: &'a mut Transaction,
    what: Replacement<'a>,
    options: WriterOptions,
    /// All go there, so that one log of the transaction is enough.
    directory: Arc<Path>,
    /// The one whose name the transaction was begun with.
    next: Option<Descriptor>,
    writer: Option<SSTableWriter>,
    written: Vec<Descriptor>,
}

impl<'a> SSTableOutput<'a> {
    pub(super) fn new(
        files: &'a TableFiles,
        transaction: &'a mut Transaction,
        what: Replacement<'a>,
        options: WriterOptions,
        first: Descriptor,
    ) -> Self {
        let directory = first.directory.clone();
        Self {
            files,
            transaction,
            what,
            options,
            directory,
            next: Some(first),
            writer: None,
            written: Vec::new(),
        }
    }

    /// Writes a partition to the current SSTable, as [`SSTableWriter::append`] does.
    pub fn append(&mut self, partition: &mut dyn UnfilteredRowIterator) -> Result<bool, StorageError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let writer = self.open()?;
                self.writer.insert(writer)
            }
        };
        writer.append(partition)
    }

    fn open(&mut self) -> Result<SSTableWriter, StorageError> {
        let next = self.next.take().unwrap_or_else(|| self.files.next_descriptor_in(&self.directory));
        self.transaction.add(&next)?;
        let new = NewSSTable {
            operation: self.what.operation,
            table: self.what.table,
            descriptor: &next,
            memtables: self.what.memtables,
            replaced: self.what.replaced,
        };
        let mut observers = Vec::new();
        for observer in self.files.observers() {
            observers.extend(observer.writing(&new)?);
        }
        let fs = self.files.fs().clone();
        let writer = SSTableWriter::create(fs, next, self.what.table.clone(), self.options.clone())?;
        Ok(writer.observed_by(observers))
    }

    /// The bytes that the current SSTable takes on disk so far.
    pub fn current_bytes(&self) -> u64 {
        self.writer.as_ref().map_or(0, SSTableWriter::bytes_on_disk)
    }

    /// The level that SSTables have from the next one on.
    pub fn set_level(&mut self, level: i32) {
        self.options.stats.level = level;
    }

    /// Ends the current SSTable, so that the next partition begins another one.
    pub fn switch(&mut self) -> Result<(), StorageError> {
        if let Some(writer) = self.writer.take() {
            self.written.extend(writer.finish()?);
        }
        Ok(())
    }

    /// Ends the last one; gives all that have something in them.
    pub(super) fn finish(mut self) -> Result<Vec<Descriptor>, StorageError> {
        self.switch()?;
        Ok(self.written)
    }
}
