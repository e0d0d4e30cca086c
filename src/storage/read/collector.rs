//! Turns merged partitions into the answer: purges, filters, counts.

use std::ops::Range;
use std::sync::Arc;

use super::super::error::StorageError;
use super::super::model::{
    ClusteringIndexFilter, DecoratedKey, PartitionResult, ReadCommand, ReadResponse, Row, RowList, Slice,
};
use super::super::order::TableOrder;
use super::super::unfiltered::{RowsAtHand, Unfiltered, UnfilteredRowIterator};
use super::purge::Purger;
use super::row_filter::PreparedFilter;
use super::watch::{ReadLimits, Watch};

/// Builds the answer to one command.
pub struct Collector<'a> {
    command: &'a ReadCommand,
    purger: Purger,
    filter: PreparedFilter<'a>,
    response: ReadResponse,
    /// Rows found so far (Cassandra: `DataLimits.Counter`).
    rows: u64,
    is_first: bool,
    limits: ReadLimits,
    watch: Watch<'a>,
    /// Rows looked at so far.
    examined: u64,
    /// Whether every row that is live as a whole is wanted as it is.
    takes_live_rows: bool,
}

impl<'a> Collector<'a> {
    /// Nothing found yet.
    pub fn new(command: &'a ReadCommand, limits: ReadLimits) -> Self {
        let purger = Purger::new(&command.table, command.now_in_seconds);
        let filter = PreparedFilter::new(&command.table, &command.row_filter);
        let takes_live_rows = limits.sizes.is_none() && purger.keeps_live_rows() && !filter.has_row_level();
        Self {
            command,
            purger,
            filter,
            takes_live_rows,
            response: ReadResponse::default(),
            rows: 0,
            is_first: true,
            limits,
            watch: Watch::new(command, limits),
            examined: 0,
        }
    }

    /// Whether the limit on rows in all was reached.
    pub fn is_done(&self) -> bool {
        self.rows >= self.command.limits.rows
    }

    /// How many rows and tombstones were found in the reads that are over.
    pub fn found(&self) -> (u64, u64) {
        (self.response.rows(), self.response.tombstones_scanned)
    }

    /// How many partitions and tombstones were found in the reads that are over.
    pub fn costs(&self) -> (usize, u64) {
        (self.response.partitions.len(), self.response.tombstones_scanned)
    }

    /// How many rows and tombstones the reads found that are over since it was so.
    pub fn costs_since(&self, (partitions, tombstones): (usize, u64)) -> (u64, u64) {
        let found = self.response.partitions.get(partitions..).unwrap_or_default();
        let rows = found.iter().map(|partition| partition.rows.len() as u64).sum();
        (rows, self.response.tombstones_scanned - tombstones)
    }

    /// Passes over a partition of which nothing was found.
    pub fn skip(&mut self) {
        self.is_first = false;
    }

    /// The answer.
    pub fn finish(mut self) -> ReadResponse {
        self.end_of_read();
        self.response.limit_reached = self.is_done();
        self.response
    }

    /// What was read so far is over, as far as thresholds are concerned: of several partitions each counts by itself.
    pub fn end_of_read(&mut self) {
        let watch = std::mem::replace(&mut self.watch, Watch::new(self.command, self.limits));
        self.response.tombstones_scanned += watch.tombstones();
        self.response.reports.extend(watch.finish());
    }

    /// Takes what is wanted of the next partition.
    pub fn add(&mut self, partition: &mut dyn UnfilteredRowIterator) -> Result<(), StorageError> {
        let key = partition.key().clone();
        self.watch.partition(partition)?;
        let static_row = match partition.static_row() {
            Some(row) => self.look_at(row.clone())?,
            None => None,
        };
        let Some(limit) = self.limit_of_partition() else { return Ok(()) };
        if !self.filter.matches_partition(&key, static_row.as_ref()) {
            return Ok(());
        }
        let mut rows = RowList::expecting(limit.min(self.rows_expected()) as usize);
        while (rows.len() as u64) < limit {
            let wanted = usize::try_from(limit - rows.len() as u64).unwrap_or(usize::MAX);
            match partition.next_rows(wanted) {
                RowsAtHand::Run(chunk, places) => {
                    self.examine(places.len() as u64)?;
                    self.take_run(&key, chunk, places, &mut rows)?;
                    continue;
                }
                RowsAtHand::Row(row) => {
                    self.examine(1)?;
                    self.take_row(&key, row.clone(), &mut rows)?;
                    continue;
                }
                RowsAtHand::None => self.examine(1)?,
            }
            match partition.next()? {
                None => break,
                Some(Unfiltered::Marker(marker)) => self.watch.marker(&marker)?,
                Some(Unfiltered::Row(row)) => self.take_row(&key, row, &mut rows)?,
            }
        }
        self.push(key, static_row, rows);
        Ok(())
    }

    /// Counts rows that are looked at.
    fn examine(&mut self, rows: u64) -> Result<(), StorageError> {
        self.examined += rows;
        if self.examined > self.limits.examined { Err(StorageError::WouldBlock) } else { Ok(()) }
    }

    /// Takes what is wanted of a row.
    fn take_row(&mut self, key: &DecoratedKey, row: Row, rows: &mut RowList) -> Result<(), StorageError> {
        if let Some(row) = self.look_at(row)?
            && self.filter.matches_row(key, &row)
        {
            rows.push(row);
        }
        Ok(())
    }

    /// Takes what is wanted of rows that delete at most cells.
    fn take_run(
        &mut self,
        key: &DecoratedKey,
        chunk: &Arc<Vec<Row>>,
        places: Range<usize>,
        rows: &mut RowList,
    ) -> Result<(), StorageError> {
        let mut next = places.start;
        while next < places.end {
            let rest = &chunk[next..places.end];
            let is_wanted = |row: &&Row| !row.has_deletion(self.command.now_in_seconds);
            let live = if self.takes_live_rows { rest.iter().take_while(is_wanted).count() } else { 0 };
            rows.push_run(chunk, next..next + live);
            self.watch.found_live_rows(live as u64);
            next += live;
            if let Some(row) = rest.get(live) {
                self.take_row(key, row.clone(), rows)?;
                next += 1;
            }
        }
        Ok(())
    }

    /// For how many rows of a partition there is to be room from the start.
    fn rows_expected(&self) -> u64 {
        match &self.command.clustering {
            ClusteringIndexFilter::Names { clusterings, .. } => clusterings.len() as u64,
            ClusteringIndexFilter::Slices { .. } if self.command.table.clustering.is_empty() => 1,
            ClusteringIndexFilter::Slices { .. } => 64,
        }
    }

    /// What is left of a row; none where it is dead.
    fn look_at(&mut self, row: Row) -> Result<Option<Row>, StorageError> {
        self.watch.row(&row)?;
        let (purged, tombstones) = self.purger.purge(row);
        self.watch.found(tombstones, purged.as_ref())?;
        Ok(purged)
    }

    /// Takes what is wanted of a partition of a virtual table.
    pub fn add_result(
        &mut self,
        order: &TableOrder,
        clustering: &ClusteringIndexFilter,
        partition: PartitionResult,
    ) {
        let Some(limit) = self.limit_of_partition() else { return };
        if !self.filter.matches_partition(&partition.key, partition.static_row.as_ref()) {
            return;
        }
        let selected = partition.rows.iter().filter(|row| selects(order, clustering, row));
        let mut rows: Vec<Row> = selected.cloned().collect();
        if clustering.is_reversed() {
            rows.reverse();
        }
        rows.retain(|row| self.filter.matches_row(&partition.key, row));
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        self.push(partition.key, partition.static_row, rows.into());
    }

    fn push(&mut self, key: DecoratedKey, static_row: Option<Row>, rows: RowList) {
        // The static row of a partition that goes on went with an earlier page: without rows there is nothing new.
        let goes_on = self.command.rest.as_ref().is_some_and(|rest| rest.key == key);
        if rows.is_empty() && (goes_on || static_row.is_none() || !self.selects_full_partition()) {
            return;
        }
        self.rows += (rows.len() as u64).max(1);
        let (static_row, rows) = self.only_queried(static_row, rows);
        self.response.partitions.push(PartitionResult { key, static_row, rows });
    }

    /// Takes out the parts of collections that are fetched but not queried; whole columns are left as they are, since
    /// nobody looks at them.
    fn only_queried(&self, static_row: Option<Row>, rows: RowList) -> (Option<Row>, RowList) {
        let columns = &self.command.columns;
        if !columns.has_parts() {
            return (static_row, rows);
        }
        let queried = |row: &Row| columns.only_queried(row);
        (static_row.as_ref().map(queried), rows.iter().map(queried).collect())
    }

    /// Whether no particular rows are asked for, so that a static row alone counts (Cassandra:
    /// `selectsFullPartition`).
    fn selects_full_partition(&self) -> bool {
        let all_rows = match &self.command.clustering {
            ClusteringIndexFilter::Slices { slices, .. } => slices[..] == [Slice::ALL],
            ClusteringIndexFilter::Names { clusterings, .. } => clusterings.is_empty(),
        };
        all_rows && !self.filter.has_row_level()
    }

    /// How many rows the next partition may give; none where it may not be looked at.
    fn limit_of_partition(&mut self) -> Option<u64> {
        let limits = &self.command.limits;
        let per_partition = match limits.first_partition_remaining {
            Some(remaining) if self.is_first => remaining,
            _ => limits.per_partition,
        };
        self.is_first = false;
        let per_partition = if limits.distinct { per_partition.min(1) } else { per_partition };
        let limit = per_partition.min(limits.rows.saturating_sub(self.rows));
        (limit > 0).then_some(limit)
    }
}

/// Whether a filter selects a row.
fn selects(order: &TableOrder, filter: &ClusteringIndexFilter, row: &Row) -> bool {
    let comparator = order.clustering();
    match filter {
        ClusteringIndexFilter::Slices { slices, .. } => slices.iter().any(|slice| {
            comparator.compare(&slice.start, row).is_lt() && comparator.compare(row, &slice.end).is_lt()
        }),
        ClusteringIndexFilter::Names { clusterings, .. } => {
            clusterings.iter().any(|c| comparator.compare_clusterings(c, row.clustering()).is_eq())
        }
    }
}
