//! Counts what a read costs, and holds it against thresholds (Cassandra: `MetricRecording` and `QuerySizeTracking` of
//! `ReadCommand`).

use super::super::heap_size::{self, Place};
use super::super::model::{DataRange, DecoratedKey, ReadCommand, Row};
use super::super::unfiltered::{RangeTombstoneMarker, UnfilteredRowIterator};
use super::command_text::{command_text, key_text, tokens_text};
use super::report::{Passed, ReadReport, ReadThresholds};
use crate::storage::error::StorageError;

/// What a read may cost.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// Of more tombstones than this is warned (`tombstone_warn_threshold`).
    pub tombstones_warn: u64,
    /// More tombstones than this fail the read (`tombstone_failure_threshold`).
    pub tombstones: u64,
    /// Of the sizes of what is loaded; none where they are not looked at.
    pub sizes: Option<ReadThresholds>,
    /// After so many rows the read has to go on on a thread that may block.
    pub examined: u64,
}

impl ReadLimits {
    /// No limits.
    #[cfg(test)]
    pub const NONE: ReadLimits =
        ReadLimits { tombstones_warn: u64::MAX, tombstones: u64::MAX, sizes: None, examined: u64::MAX };
}

/// The costs of a read of one partition, or of one range of them, so far.
pub struct Watch<'a> {
    command: &'a ReadCommand,
    limits: ReadLimits,
    live_rows: u64,
    tombstones: u64,
    size: u64,
    row_index: u64,
    place: Place,
    last_key: Option<DecoratedKey>,
}

impl<'a> Watch<'a> {
    /// Nothing was read yet.
    pub fn new(command: &'a ReadCommand, limits: ReadLimits) -> Self {
        let (place, last_key) = (Place::Memtable, None);
        Self { command, limits, live_rows: 0, tombstones: 0, size: 0, row_index: 0, place, last_key }
    }

    /// A partition is read from here on.
    pub fn partition(&mut self, partition: &dyn UnfilteredRowIterator) -> Result<(), StorageError> {
        let key = partition.key();
        self.last_key = Some(key.clone());
        let Some(sizes) = self.limits.sizes else { return Ok(()) };
        let provenance = partition.provenance();
        self.place = provenance.place;
        self.row_index = self.row_index.max(provenance.row_index);
        if sizes.row_index_fail.is_some_and(|fail| provenance.row_index > fail) {
            return Err(self.abort());
        }
        self.size += heap_size::key(key.key.len(), self.place);
        if self.place == Place::SSTable
            && partition.static_row().is_none()
            && !self.command.table.static_columns.is_empty()
        {
            self.size += heap_size::EMPTY_ROW;
        }
        self.add_size(|_| heap_size::deletion(partition.partition_deletion()))
    }

    /// A row was read, as it lies there.
    pub fn row(&mut self, row: &Row) -> Result<(), StorageError> {
        let columns = &self.command.columns;
        self.add_size(|place| heap_size::row(row, place, columns))
    }

    /// Rows were found that are wanted as they lie there, where sizes are not looked at.
    pub fn found_live_rows(&mut self, rows: u64) {
        self.live_rows += rows;
    }

    /// A bound of deleted rows was read.
    pub fn marker(&mut self, marker: &RangeTombstoneMarker) -> Result<(), StorageError> {
        self.add_size(|_| heap_size::marker(marker))?;
        self.count(1)
    }

    /// What was found of a row: how much of it was deleted, and whether some of it lives.
    pub fn found(&mut self, tombstones: u64, row: Option<&Row>) -> Result<(), StorageError> {
        if tombstones > 0 {
            self.count(tombstones)?;
        }
        self.live_rows += u64::from(row.is_some());
        Ok(())
    }

    fn count(&mut self, tombstones: u64) -> Result<(), StorageError> {
        self.tombstones += tombstones;
        if self.tombstones <= self.limits.tombstones {
            return Ok(());
        }
        // It ends at the first one too many.
        self.tombstones = self.limits.tombstones + 1;
        if let Some(key) = &self.last_key {
            tracing::error!(
                "Scanned over {} tombstones during query '{}' (last scanned row token was {} and partition key was \
                 ({})); query aborted",
                self.tombstones,
                command_text(self.command),
                key.token.0,
                key_text(&self.command.table, key),
            );
        }
        Err(self.abort())
    }

    fn add_size(&mut self, size: impl FnOnce(Place) -> u64) -> Result<(), StorageError> {
        let Some(sizes) = self.limits.sizes else { return Ok(()) };
        self.size += size(self.place);
        if sizes.local_size_fail.is_some_and(|fail| self.size >= fail) { Err(self.abort()) } else { Ok(()) }
    }

    fn abort(&self) -> StorageError {
        StorageError::ReadAborted(Box::new(self.report()))
    }

    /// How much was found deleted.
    pub fn tombstones(&self) -> u64 {
        self.tombstones
    }

    /// What there is to say of the read now that it is over; none where it passed no threshold.
    pub fn finish(&self) -> Option<ReadReport> {
        let sizes = self.limits.sizes.unwrap_or_default();
        let passed = self.tombstones > self.limits.tombstones_warn
            || sizes.local_size_warn.is_some_and(|warn| self.size >= warn)
            || sizes.row_index_warn.is_some_and(|warn| self.row_index > warn);
        passed.then(|| self.report())
    }

    fn report(&self) -> ReadReport {
        let sizes = self.limits.sizes.unwrap_or_default();
        // Of several partitions each is a read of its own.
        let range = match (&self.command.range, &self.last_key) {
            (DataRange::Keys(_), Some(key)) => DataRange::Keys(vec![key.clone()]),
            (range, _) => range.clone(),
        };
        let (warn, fail) = (self.limits.tombstones_warn, self.limits.tombstones);
        let from = |threshold: Option<u64>| threshold.map(|bytes| bytes.saturating_sub(1));
        ReadReport {
            is_tracked: self.command.tracks_warnings,
            tokens: tokens_text(&range),
            query: command_text(&ReadCommand { range, ..self.command.clone() }),
            last_token: self.last_key.as_ref().map_or(i64::MIN, |key| key.token.0),
            live_rows: self.live_rows,
            tombstones: Passed::of(self.tombstones, Some(warn), Some(fail)),
            local_size: Passed::of(self.size, from(sizes.local_size_warn), from(sizes.local_size_fail)),
            row_index: Passed::of(self.row_index, sizes.row_index_warn, sizes.row_index_fail),
        }
    }
}
