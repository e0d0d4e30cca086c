//! Reads a query page by page (Cassandra: package `service.pager`).

use std::sync::Arc;

use super::options::ProtocolVersion;
use super::paging::{NO_LIMIT, PagingState, RowMark};
use crate::error::Error;
use crate::schema::TableMetadata;
use crate::storage::ClusteringComparator;
use crate::storage::model::{
    BoundKind, Clustering, ClusteringBound, ClusteringIndexFilter, ColumnFilter, DataLimits, DataRange,
    DecoratedKey, KeyBound, PartitionResult, ReadCommand, ReadResponse, RestOfPartition, Row, RowFilter,
    Slice, Token,
};
use crate::types;

/// Who answers reads.
pub trait Reader {
    /// Answers one.
    fn read(&self, command: &ReadCommand) -> Result<ReadResponse, Error>;
}

impl<F: Fn(&ReadCommand) -> Result<ReadResponse, Error>> Reader for F {
    fn read(&self, command: &ReadCommand) -> Result<ReadResponse, Error> {
        self(command)
    }
}

/// What is to be read in all.
#[derive(Clone, Debug)]
pub struct Query {
    /// The table.
    pub table: Arc<TableMetadata>,
    /// Against which TTLs are held.
    pub now_in_seconds: i64,
    /// Which columns.
    pub columns: ColumnFilter,
    /// Which partitions.
    pub range: DataRange,
    /// Which rows of each.
    pub clustering: ClusteringIndexFilter,
    /// Rows must satisfy all of it.
    pub row_filter: RowFilter,
    /// Rows in all; [`NO_LIMIT`] for no limit.
    pub limit: i32,
    /// Rows of each partition; [`NO_LIMIT`] for no limit.
    pub per_partition_limit: i32,
    /// `SELECT DISTINCT`.
    pub distinct: bool,
    /// Whether a partition that has only its static row counts as one row.
    pub counts_static_only: bool,
    /// The order of rows.
    pub comparator: ClusteringComparator,
    /// Whether replicas report which thresholds its reads pass.
    pub tracks_warnings: bool,
    /// Whether its rows go into one aggregate, without pages for the client.
    pub is_internal: bool,
}

impl Query {
    /// The read of everything at once.
    pub fn into_command(self) -> ReadCommand {
        let limits = self.limits(self.limit, self.per_partition_limit);
        ReadCommand {
            table: self.table,
            now_in_seconds: self.now_in_seconds,
            columns: self.columns,
            range: self.range,
            clustering: self.clustering,
            row_filter: self.row_filter,
            limits,
            tracks_warnings: self.tracks_warnings,
            rest: None,
        }
    }

    fn limits(&self, limit: i32, per_partition_limit: i32) -> DataLimits {
        let limit_of = |limit: i32| if limit == NO_LIMIT { u64::MAX } else { limit.max(0) as u64 };
        DataLimits {
            rows: limit_of(limit),
            per_partition: limit_of(per_partition_limit),
            first_partition_remaining: None,
            distinct: self.distinct,
            is_internal: self.is_internal,
        }
    }

    fn part(
        &self,
        range: DataRange,
        clustering: ClusteringIndexFilter,
        limit: i32,
        per_partition_limit: i32,
    ) -> ReadCommand {
        ReadCommand {
            table: self.table.clone(),
            now_in_seconds: self.now_in_seconds,
            columns: self.columns.clone(),
            range,
            clustering,
            row_filter: self.row_filter.clone(),
            limits: self.limits(limit, per_partition_limit),
            tracks_warnings: self.tracks_warnings,
            rest: None,
        }
    }

    fn count(&self, partition: &PartitionResult) -> i32 {
        match partition.rows.len() {
            0 => i32::from(self.counts_static_only && partition.static_row.is_some()),
            rows => i32::try_from(rows).unwrap_or(i32::MAX),
        }
    }

    /// The rows that follow `last`; none where nothing can follow.
    fn clustering_after(&self, last: &Clustering) -> Option<ClusteringIndexFilter> {
        match &self.clustering {
            ClusteringIndexFilter::Slices { slices, reversed } => {
                let slices: Vec<Slice> =
                    slices.iter().filter_map(|slice| self.slice_after(slice, last, *reversed)).collect();
                (!slices.is_empty()).then_some(ClusteringIndexFilter::Slices { slices, reversed: *reversed })
            }
            ClusteringIndexFilter::Names { clusterings, reversed } => {
                let follows = |c: &&Clustering| {
                    let ordering = self.comparator.compare_clusterings(*c, last);
                    if *reversed { ordering.is_lt() } else { ordering.is_gt() }
                };
                let clusterings: Vec<_> = clusterings.iter().filter(follows).cloned().collect();
                (!clusterings.is_empty())
                    .then_some(ClusteringIndexFilter::Names { clusterings, reversed: *reversed })
            }
        }
    }

    fn slice_after(&self, slice: &Slice, last: &Clustering, reversed: bool) -> Option<Slice> {
        let bound = |kind| ClusteringBound { kind, prefix: last.clone() };
        let narrowed = if reversed {
            if self.comparator.compare(&slice.end, last).is_lt() {
                return Some(slice.clone());
            }
            Slice { start: slice.start.clone(), end: bound(BoundKind::ExclEnd) }
        } else {
            if self.comparator.compare(&slice.start, last).is_gt() {
                return Some(slice.clone());
            }
            Slice { start: bound(BoundKind::ExclStart), end: slice.end.clone() }
        };
        self.comparator.compare(&narrowed.start, &narrowed.end).is_lt().then_some(narrowed)
    }
}

/// Goes through a query page by page.
#[derive(Debug)]
pub struct Pager<'a> {
    query: &'a Query,
    version: ProtocolVersion,
    remaining: i32,
    remaining_in_partition: i32,
    mark: Option<RowMark>,
    last_key: Option<DecoratedKey>,
    /// Which of the query's keys is read next.
    current: usize,
    is_exhausted: bool,
}

impl<'a> Pager<'a> {
    /// Starts, or goes on where a page ended.
    pub fn new(query: &'a Query, state: Option<PagingState>, version: ProtocolVersion) -> Self {
        let mut pager = Self {
            query,
            version,
            remaining: query.limit,
            remaining_in_partition: query.per_partition_limit,
            mark: None,
            last_key: None,
            current: 0,
            is_exhausted: false,
        };
        if let Some(state) = state {
            pager.restore(state);
        }
        pager
    }

    fn restore(&mut self, state: PagingState) {
        let key = state.partition_key;
        match &self.query.range {
            DataRange::Keys(keys) if keys.len() == 1 => self.last_key = keys.first().cloned(),
            DataRange::Keys(keys) => match keys.iter().position(|k| Some(&k.key) == key.as_ref()) {
                Some(at) => self.current = at,
                None => self.is_exhausted = true,
            },
            DataRange::Range { .. } => {
                self.last_key = key.map(|key| DecoratedKey { token: Token(types::token::token(&key)), key });
            }
        }
        self.remaining = state.remaining;
        self.remaining_in_partition = state.remaining_in_partition;
        self.mark = state.row_mark;
    }

    /// Whether there are no more pages.
    pub fn is_exhausted(&self) -> bool {
        self.is_exhausted
            || self.remaining <= 0
            || match &self.query.range {
                DataRange::Keys(keys) if keys.len() == 1 => self.remaining_in_partition <= 0,
                DataRange::Keys(keys) => self.current >= keys.len(),
                DataRange::Range { .. } => false,
            }
    }

    /// Where the next page starts; none where there is none.
    pub fn state(&self) -> Option<PagingState> {
        if self.is_exhausted() {
            return None;
        }
        let state = |partition_key| PagingState {
            partition_key,
            row_mark: self.mark.clone(),
            remaining: self.remaining,
            remaining_in_partition: self.remaining_in_partition,
        };
        match &self.query.range {
            DataRange::Keys(keys) if keys.len() == 1 => self.mark.is_some().then(|| state(None)),
            DataRange::Keys(keys) => keys.get(self.current).map(|key| state(Some(key.key.clone()))),
            DataRange::Range { .. } => self.last_key.as_ref().map(|key| state(Some(key.key.clone()))),
        }
    }

    /// The next page.
    pub fn fetch_page(&mut self, page_size: i32, reader: &dyn Reader) -> Result<Vec<PartitionResult>, Error> {
        if self.is_exhausted() {
            return Ok(Vec::new());
        }
        let page_size = page_size.min(self.remaining);
        match &self.query.range {
            DataRange::Keys(keys) => self.fetch_keys(keys, page_size, reader),
            DataRange::Range { end, .. } => self.fetch_range(end, page_size, reader),
        }
    }

    fn read(&mut self, command: &ReadCommand, reader: &dyn Reader) -> Result<Vec<PartitionResult>, Error> {
        let response = reader.read(command)?;
        Ok(response.partitions)
    }

    /// What is left of the partition in which the last page ended.
    fn fetch_rest(
        &mut self,
        key: &DecoratedKey,
        mark: &RowMark,
        page_size: i32,
        reader: &dyn Reader,
    ) -> Result<Option<PartitionResult>, Error> {
        let last = mark.clustering(&self.query.table)?;
        let Some(clustering) = self.query.clustering_after(&last) else { return Ok(None) };
        let range = DataRange::Keys(vec![key.clone()]);
        let mut command = self.query.part(range, clustering, page_size, self.query.per_partition_limit);
        command.limits.first_partition_remaining = Some(self.remaining_in_partition.max(0) as u64);
        let mut partitions = self.read(&command, reader)?;
        // The static row went with an earlier page: without rows there is nothing new.
        Ok(partitions.pop().filter(|partition| !partition.rows.is_empty()))
    }

    /// Counts the rows of a partition that was read.
    fn count(&mut self, partition: &PartitionResult) -> i32 {
        let counted = self.query.count(partition);
        self.remaining_in_partition = match partition.rows.last() {
            Some(row) if !ends_partition(row) => self.remaining_in_partition - counted,
            _ => 0,
        };
        counted
    }

    /// Notes the last row that was returned; a static row leaves the mark as it was.
    fn mark(&mut self, partition: Option<&PartitionResult>) {
        if let Some(row) = partition.and_then(|partition| partition.rows.last()) {
            self.mark = Some(RowMark::new(&self.query.table, row, self.version));
        }
    }

    fn fetch_keys(
        &mut self,
        keys: &[DecoratedKey],
        page_size: i32,
        reader: &dyn Reader,
    ) -> Result<Vec<PartitionResult>, Error> {
        let mut page = Vec::new();
        let mut left = page_size;
        if self.mark.is_some() && self.remaining_in_partition <= 0 {
            self.next_key();
        }
        if let (Some(mark), Some(key)) = (self.mark.clone(), keys.get(self.current)) {
            let rest = self.fetch_rest(key, &mark, left, reader)?;
            let counted = rest.as_ref().map_or(0, |partition| self.count(partition));
            self.mark(rest.as_ref());
            let ended = counted < left || self.remaining_in_partition <= 0;
            left -= counted;
            page.extend(rest);
            if ended {
                self.next_key();
            }
        }
        if left > 0 && self.current < keys.len() {
            let wanted = keys.get(self.current..).unwrap_or_default();
            let query = self.query;
            let range = DataRange::Keys(wanted.to_vec());
            let command = query.part(range, query.clustering.clone(), left, query.per_partition_limit);
            let mut partitions = self.read(&command, reader)?.into_iter().peekable();
            for key in wanted {
                let counted = match partitions.next_if(|partition| partition.key == *key) {
                    None => 0,
                    Some(partition) => {
                        let counted = self.count(&partition);
                        // Of partitions that are read to their end no mark is needed.
                        if counted >= left {
                            self.mark(Some(&partition));
                        }
                        page.push(partition);
                        counted
                    }
                };
                let ended = counted < left || self.remaining_in_partition <= 0;
                left -= counted;
                if ended {
                    self.next_key();
                }
                if left <= 0 {
                    break;
                }
            }
        }
        self.remaining = less(self.remaining, page_size - left);
        Ok(page)
    }

    fn next_key(&mut self) {
        self.current += 1;
        self.mark = None;
        self.remaining_in_partition = self.query.per_partition_limit;
        if let DataRange::Keys(keys) = &self.query.range
            && self.current >= keys.len()
        {
            self.is_exhausted = true;
        }
    }

    fn fetch_range(
        &mut self,
        end: &KeyBound,
        page_size: i32,
        reader: &dyn Reader,
    ) -> Result<Vec<PartitionResult>, Error> {
        let query = self.query;
        let mut page = Vec::new();
        let mut left = page_size;
        let mut command =
            query.part(query.range.clone(), query.clustering.clone(), left, query.per_partition_limit);
        let last_key = self.last_key.clone();
        if let Some(key) = &last_key {
            command.range = DataRange::Range { start: KeyBound::Key(key.clone(), false), end: end.clone() };
            if let Some(mark) = self.mark.as_ref().filter(|_| self.remaining_in_partition > 0)
                && let Some(clustering) = query.clustering_after(&mark.clustering(&query.table)?)
            {
                command.rest = Some(Box::new(RestOfPartition { key: key.clone(), clustering }));
                command.limits.first_partition_remaining = Some(self.remaining_in_partition.max(0) as u64);
            }
        }
        for partition in self.read(&command, reader)? {
            if last_key.as_ref() != Some(&partition.key) {
                self.remaining_in_partition = query.per_partition_limit;
                self.last_key = Some(partition.key.clone());
            }
            left -= self.count(&partition);
            page.push(partition);
        }
        self.mark(page.last());
        self.is_exhausted = left > 0;
        self.remaining = less(self.remaining, page_size - left);
        Ok(page)
    }
}

/// Whether a partition has no further row, since its table has no clustering columns.
pub(super) fn ends_partition(row: &Row) -> bool {
    row.clustering().is_empty()
}

fn less(remaining: i32, counted: i32) -> i32 {
    remaining.saturating_sub(counted)
}
