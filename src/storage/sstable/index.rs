//! Entries of `Index.db` (Cassandra: `RowIndexEntry`, `IndexInfo`).
//!
//! ```text
//! key length: u16 | key | position in Data.db: vint | size of what follows: vint
//! only where the partition has several blocks:
//!   header length: vint | partition deletion: i32, i64 | blocks: vint | ( block )* | ( offset: i32 )*
//! block: first | last | offset: vint | width - 65536: signed vint | open deletion follows: u8 [ | i32, i64 ]
//! first, last: kind: u8 | clustering (kind 4), or u16 count and values of a bound
//! ```
//!
//! Offsets of blocks in the data count from the start of the partition, those of block entries from the first one.

use bytes::{BufMut, Bytes, BytesMut};

use super::input::{Input, Malformed, Taken};
use super::output::{put_deletion_time, put_short_bytes};
use super::unfiltered_reader::{clustering_values, each_clustering_value};
use super::unfiltered_writer::put_bound;
use crate::storage::Position;
use crate::storage::codec::put_clustering;
use crate::storage::error::StorageError;
use crate::storage::model::{BoundKind, ClusteringBound, ClusteringBuffer, DeletionTime, Prefix};
use crate::types::vint;

/// Widths of blocks are stored as the difference to it.
const WIDTH_BASE: i64 = 64 * 1024;

/// Where a block lies in its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockExtent {
    /// Where it begins, from the start of the partition.
    pub offset: u64,
    /// Its bytes.
    pub width: u64,
    /// The range deletion that is open behind it.
    pub open: Option<DeletionTime>,
}

/// One of the two ends of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Its first row or bound.
    First,
    /// Its last row or bound.
    Last,
}

/// A place within a partition that owns its values: [`BoundKind::Clustering`] for a row.
pub type Place = ClusteringBound;

/// Appends a place.
fn put_place(out: &mut BytesMut, lengths: &[Option<usize>], place: &Place) -> Result<(), StorageError> {
    if place.kind == BoundKind::Clustering {
        out.put_u8(BoundKind::Clustering as u8);
        put_clustering(out, lengths, (&place.prefix).into())
    } else {
        put_bound(out, lengths, place)
    }
}

/// A part of a partition's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexBlock {
    /// The first row or bound.
    pub first: Place,
    /// The last row or bound.
    pub last: Place,
    /// Where it begins, from the start of the partition.
    pub offset: u64,
    /// Its bytes.
    pub width: u64,
    /// The range deletion that is open behind it.
    pub open: Option<DeletionTime>,
}

/// Gathers the blocks of one partition in their form on disk.
#[derive(Debug, Default)]
pub struct BlockIndexBuilder {
    blocks: BytesMut,
    offsets: Vec<u32>,
}

impl BlockIndexBuilder {
    /// Forgets the blocks of the partition before.
    pub fn clear(&mut self) {
        self.blocks.clear();
        self.offsets.clear();
    }

    /// Adds a block.
    pub fn add(&mut self, lengths: &[Option<usize>], block: &IndexBlock) -> Result<(), StorageError> {
        self.offsets.push(self.blocks.len() as u32);
        put_place(&mut self.blocks, lengths, &block.first)?;
        put_place(&mut self.blocks, lengths, &block.last)?;
        vint::write_unsigned(&mut self.blocks, block.offset);
        vint::write_signed(&mut self.blocks, block.width as i64 - WIDTH_BASE);
        self.blocks.put_u8(u8::from(block.open.is_some()));
        if let Some(open) = block.open {
            put_deletion_time(&mut self.blocks, open);
        }
        Ok(())
    }

    /// Appends the entry of the partition: without blocks where it has only one.
    pub fn put_entry(
        &self,
        out: &mut BytesMut,
        key: &[u8],
        position: u64,
        header_length: u64,
        deletion: DeletionTime,
    ) {
        put_short_bytes(out, key);
        vint::write_unsigned(out, position);
        if self.offsets.len() < 2 {
            vint::write_unsigned(out, 0);
            return;
        }
        let count = self.offsets.len() as u64;
        let head = vint::unsigned_size(header_length) + 12 + vint::unsigned_size(count);
        vint::write_unsigned(out, (head + self.blocks.len() + 4 * self.offsets.len()) as u64);
        vint::write_unsigned(out, header_length);
        put_deletion_time(out, deletion);
        vint::write_unsigned(out, count);
        out.put_slice(&self.blocks);
        self.offsets.iter().for_each(|offset| out.put_u32(*offset));
    }
}

/// The blocks of a partition as `Index.db` has them; each is taken apart when it is looked at.
#[derive(Clone, Debug)]
pub struct BlockIndex {
    blocks: Bytes,
    offsets: Bytes,
    lengths: std::sync::Arc<[Option<usize>]>,
    size: usize,
}

impl BlockIndex {
    /// Takes the blocks from what follows the size in an entry; none where the entry has none.
    pub fn parse(entry: &Bytes, lengths: &std::sync::Arc<[Option<usize>]>) -> Taken<Option<Self>> {
        if entry.is_empty() {
            return Ok(None);
        }
        let mut input = Input::new(entry);
        input.vint()?;
        input.deletion_time()?;
        let count = input.vint_length()?;
        let rest = entry.slice(input.position()..);
        let blocks = count.checked_mul(4).and_then(|size| rest.len().checked_sub(size));
        let blocks = blocks.ok_or(Malformed::Wrong("an index entry too short for its blocks"))?;
        Ok(Some(Self {
            blocks: rest.slice(..blocks),
            offsets: rest.slice(blocks..),
            lengths: lengths.clone(),
            size: entry.len(),
        }))
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.offsets.len() / 4
    }

    /// The bytes of the entry in the file.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    fn at(&self, i: usize) -> Taken<Input<'_>> {
        let offset =
            self.offsets.as_chunks::<4>().0.get(i).ok_or(Malformed::Wrong("a block that is not there"))?;
        let bytes = self.blocks.get(u32::from_be_bytes(*offset) as usize..);
        bytes.map(Input::new).ok_or(Malformed::Wrong("a block outside its entry"))
    }

    /// Where a block lies in the partition.
    pub fn extent(&self, i: usize) -> Taken<BlockExtent> {
        let mut input = self.at(i)?;
        skip_place(&mut input, &self.lengths)?;
        skip_place(&mut input, &self.lengths)?;
        let offset = input.vint()?;
        let width = u64::try_from(input.signed_vint()?.wrapping_add(WIDTH_BASE))
            .map_err(|_| Malformed::Wrong("a block of negative width"))?;
        let open = if input.bool()? { Some(input.deletion_time()?) } else { None };
        Ok(BlockExtent { offset, width, open })
    }

    /// The number of blocks at the front for whose first or last row or bound `before` holds; it must hold for none
    /// behind one for which it does not.
    pub fn partition_point(&self, edge: Edge, mut before: impl FnMut(Position<'_>) -> bool) -> Taken<usize> {
        let mut values = ClusteringBuffer::new();
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let mut input = self.at(middle)?;
            if edge == Edge::Last {
                skip_place(&mut input, &self.lengths)?;
            }
            let kind = take_place(&mut input, &self.lengths, &mut values)?;
            if before(Position { prefix: Prefix::of_buffer(&values), kind }) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

/// Takes the kind and the number of values of a place.
fn place_head(input: &mut Input<'_>, lengths: &[Option<usize>]) -> Taken<(BoundKind, usize)> {
    let kind = super::unfiltered_reader::bound_kind(input.u8()?)?;
    let count = if kind == BoundKind::Clustering { lengths.len() } else { usize::from(input.u16()?) };
    Ok((kind, count))
}

/// Takes a place: its kind, and its values into the buffer.
fn take_place(
    input: &mut Input<'_>,
    lengths: &[Option<usize>],
    values: &mut ClusteringBuffer,
) -> Taken<BoundKind> {
    let (kind, count) = place_head(input, lengths)?;
    clustering_values(input, lengths, count, values)?;
    Ok(kind)
}

fn skip_place(input: &mut Input<'_>, lengths: &[Option<usize>]) -> Taken<()> {
    let (_, count) = place_head(input, lengths)?;
    each_clustering_value(input, lengths, count, |_| ())
}
