//! One partition of an SSTable, or slices of it (Cassandra: `SSTableIterator`, `SSTableReversedIterator`).

use std::sync::Arc;

use super::chunked_file::{Access, Cursor};
use super::index::{BlockIndex, Edge};
use super::input::{Input, Malformed};
use super::plain_rows::Wanted;
use super::reader::{Mapping, PartitionPosition, SSTableReader};
use super::unfiltered_reader::{ItemHead, RowSpace, short_is_wrong};
use crate::storage::error::StorageError;
use crate::storage::heap_size::Provenance;
use crate::storage::model::{
    BoundKind, Clustering, ClusteringBound, ClusteringIndexFilter, ColumnFilter, DecoratedKey, DeletionTime,
    Row, Slice,
};
use crate::storage::{RangeTombstoneMarker, RowsAtHand, Unfiltered, UnfilteredRowIterator};

/// As many rows are taken together, if so many are wanted.
const ROWS_AT_ONCE_MAX: usize = 64;

/// The rows and markers of a partition that a filter selects. A range tombstone that reaches beyond a slice is cut
/// at the slice's ends.
#[derive(Debug)]
pub struct SSTableRows {
    key: DecoratedKey,
    deletion: DeletionTime,
    static_row: Option<Row>,
    reversed: bool,
    /// Those not done yet, the next one last.
    slices: Vec<Slice>,
    /// Whether the next item belongs to the slice that is last in `slices`.
    in_slice: bool,
    body: Body,
    /// Items of a reversed slice that were read already, the next one last.
    ready: Vec<Unfiltered>,
    /// The block before which a reversed slice goes on.
    next_block: Option<usize>,
    /// The rows that were handed out last, several at once.
    handed_out: Option<Arc<Vec<Row>>>,
}

/// The rows of a partition on disk, read forward.
#[derive(Debug)]
struct Body {
    mapping: Arc<Mapping>,
    columns: ColumnFilter,
    cursor: Cursor,
    blocks: Option<BlockIndex>,
    /// Where the partition starts.
    start: u64,
    /// Where its first row or marker starts.
    rows_start: u64,
    /// The next row or marker, where it was looked at.
    head: ItemHead,
    is_at_head: bool,
    /// Where `head` starts.
    head_position: u64,
    space: RowSpace,
    ended: bool,
    /// Whether the next row was found not to be plain, or not to be at hand as a whole.
    was_tried: bool,
    /// The range deletion that is open before `head`.
    open: Option<DeletionTime>,
}

impl SSTableRows {
    /// Opens a partition: reads its header.
    pub(super) fn open(
        reader: &Arc<SSTableReader>,
        key: DecoratedKey,
        position: PartitionPosition,
        filter: &ClusteringIndexFilter,
        columns: ColumnFilter,
        access: Access,
    ) -> Result<Self, StorageError> {
        let mapping = reader.mapping();
        let mut cursor = Cursor::new(reader.data.clone(), access, position.data);
        let expected = key.key.clone();
        let decoder = mapping.decoder.clone();
        let mut space = RowSpace::default();
        let (deletion, static_row) = cursor.take(|input| {
            if input.short_bytes()? != &expected[..] {
                return Err(Malformed::Wrong("another partition than the index says"));
            }
            let deletion = input.deletion_time()?;
            let static_row =
                if decoder.has_static() { decoder.static_row(input, &columns, &mut space)? } else { None };
            Ok((deletion, static_row))
        })?;
        let rows_start = cursor.position();
        let body = Body {
            mapping,
            columns,
            cursor,
            blocks: position.blocks,
            start: position.data,
            rows_start,
            head: ItemHead::default(),
            is_at_head: false,
            head_position: rows_start,
            space,
            ended: false,
            was_tried: false,
            open: None,
        };
        let reversed = filter.is_reversed();
        let mut slices = slices_of(filter);
        if !reversed {
            slices.reverse();
        }
        Ok(Self {
            key,
            deletion,
            static_row,
            reversed,
            slices,
            in_slice: false,
            body,
            ready: Vec::new(),
            next_block: None,
            handed_out: None,
        })
    }

    fn next_forward(&mut self) -> Result<Option<Unfiltered>, StorageError> {
        while let Some(slice) = self.slices.last() {
            if !self.in_slice {
                self.body.skip_to(&slice.start)?;
                self.in_slice = true;
                if let Some(open) = self.body.open {
                    return Ok(Some(marker(&slice.start, open)));
                }
            }
            if self.body.is_before(&slice.end)? {
                if let Some(item) = self.body.take_item()? {
                    return Ok(Some(item));
                }
                continue;
            }
            self.in_slice = false;
            let slice = self.slices.pop();
            if let (Some(open), Some(slice)) = (self.body.open, slice) {
                return Ok(Some(marker(&slice.end, open)));
            }
        }
        Ok(None)
    }

    fn next_reversed(&mut self) -> Result<Option<Unfiltered>, StorageError> {
        loop {
            if let Some(item) = self.ready.pop() {
                return Ok(Some(item));
            }
            let Some(slice) = self.slices.last().cloned() else { return Ok(None) };
            let block = match self.next_block.take() {
                Some(block) => Some(block),
                None => self.body.last_block(&slice.end)?,
            };
            let is_first = !self.in_slice;
            self.in_slice = true;
            let mut has_start = true;
            if let Some(block) = block {
                has_start = self.load_block(block, &slice, is_first)?;
                self.next_block = if has_start { None } else { block.checked_sub(1) };
            }
            if has_start || self.next_block.is_none() {
                self.slices.pop();
                self.in_slice = false;
                self.next_block = None;
            }
        }
    }

    /// Reads what a block has of a slice into `ready`; says whether the slice's start is in the block.
    fn load_block(&mut self, block: usize, slice: &Slice, is_first: bool) -> Result<bool, StorageError> {
        let end = self.body.enter_block(block)?;
        let mut items = Vec::new();
        let mut has_start = block == 0;
        while self.body.head_before_position(end)? && self.body.is_not_after(&slice.start)? {
            has_start = true;
            self.body.pass_item()?;
        }
        if let (true, Some(open)) = (has_start, self.body.open) {
            items.push(marker(&slice.start, open));
        }
        while self.body.head_before_position(end)? && self.body.is_before(&slice.end)? {
            items.extend(self.body.take_item()?);
        }
        if let (true, Some(open)) = (is_first, self.body.open) {
            items.push(marker(&slice.end, open));
        }
        self.ready = items;
        Ok(has_start)
    }
}

/// The end of a range tombstone that a slice cuts.
fn marker(bound: &ClusteringBound, open: DeletionTime) -> Unfiltered {
    RangeTombstoneMarker::bound(bound.clone(), open).into()
}

/// The slices that a filter selects, in clustering order.
fn slices_of(filter: &ClusteringIndexFilter) -> Vec<Slice> {
    match filter {
        ClusteringIndexFilter::Slices { slices, .. } => slices.clone(),
        ClusteringIndexFilter::Names { clusterings, .. } => {
            let bound = |kind, prefix: &Clustering| ClusteringBound { kind, prefix: prefix.clone() };
            clusterings
                .iter()
                .map(|c| Slice { start: bound(BoundKind::InclStart, c), end: bound(BoundKind::InclEnd, c) })
                .collect()
        }
    }
}

impl Body {
    /// Reads the next head, where it was not read yet; says whether there is one.
    fn has_head(&mut self) -> Result<bool, StorageError> {
        if !self.is_at_head && !self.ended {
            self.head_position = self.cursor.position();
            let (decoder, head) = (&self.mapping.decoder, &mut self.head);
            self.is_at_head = self.cursor.take(|input| decoder.head(input, head))?;
            self.ended = !self.is_at_head;
        }
        Ok(self.is_at_head)
    }

    /// Compares the next item with a bound; none at the end.
    fn compare(&mut self, bound: &ClusteringBound) -> Result<Option<std::cmp::Ordering>, StorageError> {
        let has_head = self.has_head()?;
        Ok(has_head.then(|| self.mapping.comparator.compare(self.head.place(), bound)))
    }

    /// Whether there is a next item and it is before a bound.
    fn is_before(&mut self, bound: &ClusteringBound) -> Result<bool, StorageError> {
        Ok(self.compare(bound)?.is_some_and(std::cmp::Ordering::is_lt))
    }

    /// Whether there is a next item and it is not after a bound.
    fn is_not_after(&mut self, bound: &ClusteringBound) -> Result<bool, StorageError> {
        Ok(self.compare(bound)?.is_some_and(std::cmp::Ordering::is_le))
    }

    /// Whether there is a next item and it starts before a position.
    fn head_before_position(&mut self, end: Option<u64>) -> Result<bool, StorageError> {
        // A head must not be read where a block ends: what follows belongs to the block that was read before.
        if !self.is_at_head && end.is_some_and(|end| self.cursor.position() >= end) {
            return Ok(false);
        }
        Ok(self.has_head()? && end.is_none_or(|end| self.head_position < end))
    }

    /// The next item; none for a row of which nothing is left.
    fn take_item(&mut self) -> Result<Option<Unfiltered>, StorageError> {
        if !self.has_head()? {
            return Ok(None);
        }
        self.is_at_head = false;
        let may_be_plain = !std::mem::take(&mut self.was_tried);
        let Self { mapping, columns, cursor, head, space, .. } = self;
        let item = cursor.take(|input: &mut Input<'_>| {
            let body = input.bytes(head.body_length)?;
            mapping.decoder.body(head, body, columns, may_be_plain, space).map_err(short_is_wrong)
        })?;
        if let Some(Unfiltered::Marker(marker)) = &item {
            self.open = marker.open_deletion(false);
        }
        Ok(item)
    }

    /// Takes the next rows that are at hand as a whole, plain, and before a bound.
    fn plain_rows(&mut self, end: &ClusteringBound, rows_max: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        if self.is_at_head || self.ended {
            return rows;
        }
        let Self { mapping, columns, cursor, space, .. } = self;
        let comparator = &mapping.comparator;
        let end = Some(end).filter(|end| **end != ClusteringBound::TOP);
        let wanted = Wanted { comparator, end, columns, rows_max };
        cursor.pass(|input| mapping.decoder.plain_rows(input, &wanted, space, &mut rows));
        self.was_tried = rows.len() < rows_max;
        rows
    }

    /// Passes the next item over, but for the deletions that it opens and closes.
    fn pass_item(&mut self) -> Result<(), StorageError> {
        if self.is_at_head && self.head.is_row() {
            self.is_at_head = false;
            self.cursor.skip(self.head.body_length as u64);
            return Ok(());
        }
        self.take_item().map(drop)
    }

    /// Goes to the first item that is behind a bound. Not strictly: a marker at the very bound only says what is
    /// open there.
    fn skip_to(&mut self, bound: &ClusteringBound) -> Result<(), StorageError> {
        if let Some(blocks) = &self.blocks {
            let comparator = &self.mapping.comparator;
            let i = blocks.partition_point(Edge::Last, |last| comparator.compare(last, bound).is_lt());
            let i = i.map_err(|why| self.damaged_index(why))?;
            if i == blocks.len() {
                self.ended = true;
                self.is_at_head = false;
                self.open = None;
            } else if self.start + self.block(i)?.0 > self.position() {
                self.enter_block(i)?;
            }
        }
        loop {
            if !self.is_at_head && !self.ended {
                let Mapping { decoder, comparator, .. } = &*self.mapping;
                self.cursor.pass(|input| decoder.pass_rows(input, comparator, bound.into()));
            }
            if !self.is_not_after(bound)? {
                return Ok(());
            }
            self.pass_item()?;
        }
    }

    /// Where the next item starts.
    fn position(&self) -> u64 {
        if self.is_at_head { self.head_position } else { self.cursor.position() }
    }

    fn damaged_index(&self, why: Malformed) -> StorageError {
        self.cursor.damaged(&format!("the index of the partition's rows is damaged: {why:?}"))
    }

    /// Offset and width of a block.
    fn block(&self, i: usize) -> Result<(u64, u64), StorageError> {
        match &self.blocks {
            Some(blocks) => {
                let block = blocks.extent(i).map_err(|why| self.damaged_index(why))?;
                Ok((block.offset, block.width))
            }
            None => Ok((self.rows_start - self.start, 0)),
        }
    }

    /// Goes to the start of a block; gives its end, none where that is the end of the partition.
    fn enter_block(&mut self, i: usize) -> Result<Option<u64>, StorageError> {
        let (offset, width) = self.block(i)?;
        let position = self.start + offset;
        if position < self.rows_start {
            return Err(self.damaged_index(Malformed::Wrong("a block before the rows")));
        }
        self.open = match (&self.blocks, i.checked_sub(1)) {
            (Some(blocks), Some(before)) => {
                blocks.extent(before).map_err(|why| self.damaged_index(why))?.open
            }
            _ => None,
        };
        self.cursor.seek(position);
        self.is_at_head = false;
        self.ended = false;
        Ok(self.blocks.is_some().then_some(position + width))
    }

    /// The last block that may have items before a bound.
    fn last_block(&self, bound: &ClusteringBound) -> Result<Option<usize>, StorageError> {
        let Some(blocks) = &self.blocks else { return Ok(Some(0)) };
        let comparator = &self.mapping.comparator;
        let count = blocks.partition_point(Edge::First, |first| comparator.compare(first, bound).is_lt());
        let count = count.map_err(|why| self.damaged_index(why))?;
        Ok(count.checked_sub(1))
    }
}

impl UnfilteredRowIterator for SSTableRows {
    fn key(&self) -> &DecoratedKey {
        &self.key
    }

    fn partition_deletion(&self) -> DeletionTime {
        self.deletion
    }

    fn static_row(&self) -> Option<&Row> {
        self.static_row.as_ref()
    }

    fn is_reversed(&self) -> bool {
        self.reversed
    }

    fn provenance(&self) -> Provenance {
        let blocks = self.body.blocks.as_ref();
        Provenance::sstable(blocks.map_or(0, BlockIndex::len), blocks.map_or(0, BlockIndex::size))
    }

    fn next_rows(&mut self, max: usize) -> RowsAtHand<'_> {
        let Some(slice) = self.slices.last().filter(|_| self.in_slice && !self.reversed) else {
            return RowsAtHand::None;
        };
        let rows = self.body.plain_rows(&slice.end, max.min(ROWS_AT_ONCE_MAX));
        if rows.is_empty() {
            return RowsAtHand::None;
        }
        let places = 0..rows.len();
        RowsAtHand::Run(self.handed_out.insert(Arc::new(rows)), places)
    }

    fn next(&mut self) -> Result<Option<Unfiltered>, StorageError> {
        if self.reversed { self.next_reversed() } else { self.next_forward() }
    }
}
