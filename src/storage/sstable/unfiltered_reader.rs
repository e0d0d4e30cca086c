//! Takes rows and markers from `Data.db` (Cassandra: `UnfilteredSerializer`, `DeserializationHelper`).

use std::cmp::Ordering;
use std::sync::Arc;

use super::descriptor::Component;
use super::descriptor::Descriptor;
use super::disk_type::DiskType;
use super::header::{EncodingStats, HeaderColumn, SerializationHeader};
use super::input::{Input, Malformed, Taken};
use crate::schema::{ColumnId, TableMetadata};
use crate::storage::arena::Arena;
use crate::storage::codec::cell_flags::*;
use crate::storage::codec::row_flags::*;
use crate::storage::error::StorageError;
use crate::storage::model::{
    BoundKind, Cell, ClusteringBound, ClusteringBuffer, ColumnFilter, DeletionTime, LivenessInfo,
    NO_EXPIRATION, NO_TTL, PlainRowBuilder, Prefix, Row, RowBuilder, put_clustering_value,
};
use crate::storage::{ClusteringComparator, Position, RangeTombstoneMarker, Unfiltered};

/// A column as rows are read.
#[derive(Clone, Debug)]
struct ReadColumn {
    /// Its identity in memory; none where it was dropped.
    id: Option<ColumnId>,
    disk: DiskType,
    /// Cells of that time or older are gone: the column was dropped then, and may have been added again.
    dropped_at: Option<i64>,
}

/// A column as plain rows are read.
#[derive(Clone, Copy, Debug)]
pub struct PlainColumn {
    /// Its identity in memory; none where a row that has something of it is not plain: it has several cells, or was
    /// dropped once.
    pub id: Option<ColumnId>,
    /// The bytes of each of its values, where fixed.
    pub fixed_length: Option<usize>,
}

/// All columns, where the order of those that may be part of plain rows is on disk what it is in memory.
fn plain_columns(columns: &[ReadColumn]) -> Option<Box<[PlainColumn]>> {
    let plain = |column: &ReadColumn| {
        let is_plain = !column.disk.is_complex && column.dropped_at.is_none();
        PlainColumn { id: column.id.filter(|_| is_plain), fixed_length: column.disk.fixed_length }
    };
    let columns: Box<[PlainColumn]> = columns.iter().map(plain).collect();
    columns.iter().filter_map(|column| column.id).is_sorted().then_some(columns)
}

/// The columns of a row, and which of them are wanted.
#[derive(Clone, Copy)]
struct Columns<'c> {
    all: &'c [ReadColumn],
    filter: &'c ColumnFilter,
}

/// Takes rows and markers, as the header of the file and the current definition of the table say.
#[derive(Debug)]
pub struct RowDecoder {
    pub(super) stats: EncodingStats,
    pub(super) clustering: Arc<[Option<usize>]>,
    static_columns: Box<[ReadColumn]>,
    regular_columns: Box<[ReadColumn]>,
    /// The regular columns, where the order on disk is that of cells in memory.
    pub(super) plain_columns: Option<Box<[PlainColumn]>>,
    /// The longest cell that is no damage, in bytes (`max_value_size`).
    pub(super) value_bytes_max: usize,
}

/// The beginning of a row or marker: enough to know where it stands.
#[derive(Debug)]
pub struct ItemHead {
    /// [`BoundKind::Clustering`] for a row.
    kind: BoundKind,
    values: ClusteringBuffer,
    flags: u8,
    /// The bytes behind it that belong to it.
    pub body_length: usize,
}

impl Default for ItemHead {
    fn default() -> Self {
        Self { kind: BoundKind::Clustering, values: ClusteringBuffer::new(), flags: 0, body_length: 0 }
    }
}

impl ItemHead {
    /// Where it stands.
    pub fn place(&self) -> Position<'_> {
        Position { prefix: Prefix::of_buffer(&self.values), kind: self.kind }
    }

    /// Whether it is a row.
    pub fn is_row(&self) -> bool {
        self.flags & IS_MARKER == 0
    }
}

/// The kind of that ordinal.
pub fn bound_kind(ordinal: u8) -> Taken<BoundKind> {
    Ok(match ordinal {
        0 => BoundKind::ExclEnd,
        1 => BoundKind::InclStart,
        2 => BoundKind::ExclEndInclStartBoundary,
        4 => BoundKind::Clustering,
        5 => BoundKind::InclEndExclStartBoundary,
        6 => BoundKind::InclEnd,
        7 => BoundKind::ExclStart,
        _ => return Err(Malformed::Wrong("an unknown kind of bound")),
    })
}

fn value<'a>(input: &mut Input<'a>, fixed_length: Option<usize>) -> Taken<&'a [u8]> {
    match fixed_length {
        Some(length) => input.bytes(length),
        None => input.vint_bytes(),
    }
}

/// Takes the values of a clustering or a bound, in place of what was in the buffer.
pub fn clustering_values(
    input: &mut Input<'_>,
    lengths: &[Option<usize>],
    count: usize,
    values: &mut ClusteringBuffer,
) -> Taken<()> {
    values.clear();
    each_clustering_value(input, lengths, count, |value| put_clustering_value(values, value))
}

/// Takes the values of a clustering or a bound.
pub fn each_clustering_value(
    input: &mut Input<'_>,
    lengths: &[Option<usize>],
    count: usize,
    mut take: impl FnMut(Option<&[u8]>),
) -> Taken<()> {
    if count > lengths.len() {
        return Err(Malformed::Wrong("more clustering values than columns"));
    }
    let mut header = 0;
    for (i, length) in lengths.iter().take(count).enumerate() {
        if i % 32 == 0 {
            header = input.vint()?;
        }
        let bits = header >> (2 * (i % 32)) & 3;
        take(match bits {
            0 => Some(value(input, *length)?),
            1 => Some(&[]),
            _ => None,
        });
    }
    Ok(())
}

/// Where rows are built, one after the other.
#[derive(Debug)]
pub struct RowSpace {
    builder: RowBuilder,
    pub(super) plain: PlainRowBuilder,
    pub(super) arena: Arena,
}

impl Default for RowSpace {
    fn default() -> Self {
        Self { builder: RowBuilder::new(), plain: PlainRowBuilder::default(), arena: Arena::of_read() }
    }
}

impl RowDecoder {
    /// A decoder for a file with that header. A column that the table never had is an error.
    pub fn new(
        header: &SerializationHeader,
        table: &TableMetadata,
        descriptor: &Descriptor,
        value_bytes_max: usize,
    ) -> Result<Self, StorageError> {
        let columns = |columns: &[HeaderColumn], is_static: bool| {
            columns.iter().map(|c| read_column(c, is_static, table, descriptor)).collect::<Result<_, _>>()
        };
        if header.clustering_classes.len() != table.clustering.len() {
            let path = descriptor.path(Component::Statistics);
            return Err(StorageError::corruption(path, "the table has another number of clustering columns"));
        }
        let regular_columns: Box<[ReadColumn]> = columns(&header.regular_columns, false)?;
        Ok(Self {
            plain_columns: plain_columns(&regular_columns),
            stats: header.stats,
            clustering: header
                .clustering_classes
                .iter()
                .map(|class| DiskType::of_class(class).fixed_length)
                .collect(),
            static_columns: columns(&header.static_columns, true)?,
            regular_columns,
            value_bytes_max,
        })
    }

    /// The longest cell that is no damage, in bytes.
    pub fn value_bytes_max(&self) -> usize {
        self.value_bytes_max
    }

    /// Whether partitions have a static row.
    pub fn has_static(&self) -> bool {
        !self.static_columns.is_empty()
    }

    /// Lengths of clustering values where fixed.
    pub fn clustering_lengths(&self) -> &Arc<[Option<usize>]> {
        &self.clustering
    }

    /// Takes the beginning of a row or marker; false at the end of the partition.
    pub fn head(&self, input: &mut Input<'_>, head: &mut ItemHead) -> Taken<bool> {
        let flags = input.u8()?;
        if flags & END_OF_PARTITION != 0 {
            return Ok(false);
        }
        let extended = if flags & EXTENSION != 0 { input.u8()? } else { 0 };
        if extended & IS_STATIC != 0 {
            return Err(Malformed::Wrong("a static row among others"));
        }
        head.flags = flags;
        let (kind, count) = if flags & IS_MARKER != 0 {
            let kind = bound_kind(input.u8()?)?;
            (kind, usize::from(input.u16()?))
        } else {
            (BoundKind::Clustering, self.clustering.len())
        };
        head.kind = kind;
        clustering_values(input, &self.clustering, count, &mut head.values)?;
        head.body_length = input.vint_length()?;
        Ok(true)
    }

    /// Passes over the rows that are not after a bound, as far as they are at hand as a whole, and nothing else.
    pub fn pass_rows(&self, input: &mut Input<'_>, comparator: &ClusteringComparator, bound: Position<'_>) {
        loop {
            let mut row = *input;
            match self.pass_row(&mut row, comparator, bound) {
                Ok(true) => *input = row,
                // What is damaged is found where it is taken.
                Ok(false) | Err(_) => return,
            }
        }
    }

    /// Passes over a row that is not after a bound; false where there is something else.
    fn pass_row(
        &self,
        input: &mut Input<'_>,
        comparator: &ClusteringComparator,
        bound: Position<'_>,
    ) -> Taken<bool> {
        if input.u8()? & (END_OF_PARTITION | IS_MARKER | EXTENSION) != 0 {
            return Ok(false);
        }
        let mut bounds = bound.prefix.values();
        let (mut index, mut ordering) = (0, Ordering::Equal);
        each_clustering_value(input, &self.clustering, self.clustering.len(), |value| {
            if let (Ordering::Equal, Some(of_bound)) = (ordering, bounds.next()) {
                ordering = comparator.compare_values(index, value, of_bound);
            }
            index += 1;
        })?;
        if ordering.is_eq() {
            ordering = ClusteringComparator::compare_beyond_values(index, bound);
        }
        if ordering.is_gt() {
            return Ok(false);
        }
        let body_length = input.vint_length()?;
        input.skip(body_length)?;
        Ok(true)
    }

    /// Takes what is behind a head. None for a row of which nothing is left, its columns having been dropped.
    /// `may_be_plain`: whether it was not tried yet if it is a plain row.
    pub fn body(
        &self,
        head: &ItemHead,
        body: &[u8],
        filter: &ColumnFilter,
        may_be_plain: bool,
        space: &mut RowSpace,
    ) -> Taken<Option<Unfiltered>> {
        let prefix = Prefix::of_buffer(&head.values);
        if may_be_plain
            && head.is_row()
            && let Some(row) = self.plain_row_of(head.flags, prefix, body, filter, space)
        {
            return Ok(Some(Unfiltered::Row(row)));
        }
        let mut input = Input::new(body);
        input.vint()?;
        if head.is_row() {
            let columns = Columns { all: &self.regular_columns, filter };
            let row = self.row(&mut input, head.flags, columns, prefix, space)?;
            return Ok((!row.is_empty()).then(|| Unfiltered::Row(row)));
        }
        let bound = ClusteringBound { kind: head.kind, prefix: prefix.to_clustering() };
        let first = self.stats.deletion(&mut input)?;
        let marker = match bound.kind {
            BoundKind::ExclEndInclStartBoundary | BoundKind::InclEndExclStartBoundary => {
                RangeTombstoneMarker::boundary(bound, first, self.stats.deletion(&mut input)?)
            }
            BoundKind::Clustering | BoundKind::StaticClustering => {
                return Err(Malformed::Wrong("a marker that is no bound"));
            }
            _ => RangeTombstoneMarker::bound(bound, first),
        };
        Ok(Some(marker.into()))
    }

    /// Takes the static row; none where nothing of it is fetched.
    pub fn static_row(
        &self,
        input: &mut Input<'_>,
        filter: &ColumnFilter,
        space: &mut RowSpace,
    ) -> Taken<Option<Row>> {
        let flags = input.u8()?;
        if flags & (END_OF_PARTITION | IS_MARKER) != 0
            || flags & EXTENSION == 0
            || input.u8()? & IS_STATIC == 0
        {
            return Err(Malformed::Wrong("no static row where one must be"));
        }
        let length = input.vint_length()?;
        let body = input.bytes(length)?;
        if !self.static_columns.iter().any(|c| c.id.is_some_and(|id| filter.fetches_static(id))) {
            return Ok(None);
        }
        let mut input = Input::new(body);
        let columns = Columns { all: &self.static_columns, filter };
        let clustering = Prefix::of_buffer(&[]);
        let taken = input.vint().and_then(|_| self.row(&mut input, flags, columns, clustering, space));
        let row = taken.map_err(short_is_wrong)?;
        Ok((!row.is_empty()).then_some(row))
    }

    fn row(
        &self,
        input: &mut Input<'_>,
        flags: u8,
        columns: Columns<'_>,
        clustering: Prefix<'_>,
        space: &mut RowSpace,
    ) -> Taken<Row> {
        let RowSpace { builder, arena, .. } = space;
        builder.clear();
        let mut liveness = LivenessInfo::EMPTY;
        if flags & HAS_TIMESTAMP != 0 {
            liveness.timestamp = self.stats.timestamp(input)?;
            if flags & HAS_TTL != 0 {
                liveness.ttl = self.stats.ttl(input)?;
                liveness.local_expiration_time = self.stats.local_deletion_time(input)?;
            }
        }
        let deletion =
            if flags & HAS_DELETION != 0 { self.stats.deletion(input)? } else { DeletionTime::LIVE };
        let Columns { all, filter } = columns;
        if flags & HAS_ALL_COLUMNS != 0 {
            for column in all {
                self.column(input, (column, filter), flags, &liveness, builder)?;
            }
        } else {
            for i in column_subset(input, all.len())? {
                let column = all.get(i).ok_or(Malformed::Wrong("a column beyond those of the header"))?;
                self.column(input, (column, filter), flags, &liveness, builder)?;
            }
        }
        Ok(builder.build_in(arena, clustering, liveness, deletion))
    }

    fn column(
        &self,
        input: &mut Input<'_>,
        (column, filter): (&ReadColumn, &ColumnFilter),
        flags: u8,
        liveness: &LivenessInfo,
        builder: &mut RowBuilder,
    ) -> Taken<()> {
        let mut count = 1;
        if column.disk.is_complex {
            if flags & HAS_COMPLEX_DELETION != 0 {
                let deletion = self.stats.deletion(input)?;
                let is_gone = column.dropped_at.is_some_and(|at| deletion.marked_for_delete_at <= at);
                if let (Some(id), false, false) = (column.id, deletion.is_live(), is_gone) {
                    builder.add_complex_deletion(id, deletion);
                }
            }
            count = input.vint_length()?;
        }
        for _ in 0..count {
            self.cell(input, (column, filter), liveness, builder)?;
        }
        Ok(())
    }

    fn cell(
        &self,
        input: &mut Input<'_>,
        (column, filter): (&ReadColumn, &ColumnFilter),
        liveness: &LivenessInfo,
        builder: &mut RowBuilder,
    ) -> Taken<()> {
        let flags = input.u8()?;
        if flags & !HAS_EMPTY_VALUE == USE_ROW_TIMESTAMP && !column.disk.is_complex {
            return self.plain_cell(input, (column, filter), flags, liveness.timestamp, builder);
        }
        let has = |flag: u8| flags & flag != 0;
        let timestamp =
            if has(USE_ROW_TIMESTAMP) { liveness.timestamp } else { self.stats.timestamp(input)? };
        let local_deletion_time = if has(USE_ROW_TTL) {
            liveness.local_expiration_time
        } else if has(IS_DELETED | IS_EXPIRING) {
            self.stats.local_deletion_time(input)?
        } else {
            NO_EXPIRATION
        };
        let ttl = if has(USE_ROW_TTL) {
            liveness.ttl
        } else if has(IS_EXPIRING) {
            self.stats.ttl(input)?
        } else {
            NO_TTL
        };
        let path = if column.disk.is_complex { Some(input.vint_bytes()?) } else { None };
        let value = self.cell_value(input, flags, column)?;
        let is_gone = column.dropped_at.is_some_and(|at| timestamp <= at);
        if let (Some(column), false) = (column.id, is_gone) {
            let cell = Cell { column, timestamp, ttl, local_deletion_time, path, value };
            builder.add(filter.fetched(cell));
        }
        Ok(())
    }

    /// Takes the value of a cell that has the timestamp of its row, and neither a path nor an end.
    #[inline]
    fn plain_cell(
        &self,
        input: &mut Input<'_>,
        (column, filter): (&ReadColumn, &ColumnFilter),
        flags: u8,
        timestamp: i64,
        builder: &mut RowBuilder,
    ) -> Taken<()> {
        let value = self.cell_value(input, flags, column)?;
        if let (Some(id), false) = (column.id, column.dropped_at.is_some_and(|at| timestamp <= at)) {
            builder.add_plain(id, timestamp, if filter.queries(id) { value } else { &[] });
        }
        Ok(())
    }

    /// Takes the value of a cell, after its length where that is not fixed (Cassandra: `AbstractType.read`).
    #[inline]
    fn cell_value<'i>(&self, input: &mut Input<'i>, flags: u8, column: &ReadColumn) -> Taken<&'i [u8]> {
        if flags & HAS_EMPTY_VALUE != 0 {
            return Ok(&[]);
        }
        let length = match column.disk.fixed_length {
            Some(length) => return input.bytes(length),
            None => input.vint_length()?,
        };
        if length > self.value_bytes_max {
            return Err(Malformed::LongValue(length, self.value_bytes_max));
        }
        input.bytes(length)
    }
}

/// Within a body of known length, bytes that end too early are damage, not a reason to read on.
pub fn short_is_wrong(why: Malformed) -> Malformed {
    match why {
        Malformed::Short(_) => Malformed::Wrong("a row that is longer than it says"),
        wrong => wrong,
    }
}

/// The indexes of the columns that are present; see `put_column_subset`.
pub(super) fn column_subset(input: &mut Input<'_>, all: usize) -> Taken<smallvec::SmallVec<[usize; 16]>> {
    let encoded = input.vint()?;
    if encoded == 0 {
        return Ok((0..all).collect());
    }
    if all < 64 {
        if encoded >> all != 0 {
            return Err(Malformed::Wrong("Invalid Columns subset bytes; too many bits set"));
        }
        return Ok((0..all).filter(|i| encoded >> i & 1 == 0).collect());
    }
    let missing = usize::try_from(encoded).ok().filter(|n| *n <= all);
    let missing = missing.ok_or(Malformed::Wrong("more columns missing than there are"))?;
    let present = all - missing;
    let mut index = || -> Taken<usize> { input.vint_length() };
    if present < all / 2 {
        return (0..present).map(|_| index()).collect();
    }
    let missing = (0..missing).map(|_| index()).collect::<Taken<smallvec::SmallVec<[usize; 16]>>>()?;
    Ok((0..all).filter(|i| !missing.contains(i)).collect())
}

fn read_column(
    column: &HeaderColumn,
    is_static: bool,
    table: &TableMetadata,
    descriptor: &Descriptor,
) -> Result<ReadColumn, StorageError> {
    let disk = DiskType::of_class(&column.class);
    let name = String::from_utf8_lossy(&column.name);
    let dropped = table.dropped_columns.get(&*name);
    let dropped_at = dropped.map(|dropped| dropped.dropped_time_us);
    let current = table.column(&name).filter(|c| !c.is_primary_key() && c.is_static() == is_static);
    match current {
        // A column that was dropped and added again with cells of another shape: the old ones are all gone.
        Some(current) if current.is_complex() != disk.is_complex => {
            Ok(ReadColumn { id: None, disk, dropped_at })
        }
        Some(current) => Ok(ReadColumn { id: Some(current.id), disk, dropped_at }),
        None if dropped.is_some() => Ok(ReadColumn { id: None, disk, dropped_at }),
        None => Err(StorageError::corruption(
            descriptor.path(Component::Statistics),
            format!("Unknown column {name} during deserialization"),
        )),
    }
}
