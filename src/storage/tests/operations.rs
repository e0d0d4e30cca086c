//! Random writes to one partition of a table with everything in it, and what a naive reader makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::super::model::{
    BoundKind, Cell, Clustering, ClusteringBound, DecoratedKey, DeletionTime, LivenessInfo, NO_EXPIRATION,
    NO_TTL, PartitionUpdate, RangeTombstone, Row, RowBuilder, Slice, Token,
};
use crate::schema::{
    ClusteringOrder, ColumnId, ColumnKind, ColumnMetadata, TableId, TableMetadata, TableParams,
};
use crate::types::{CqlType, token};

pub const STATIC: ColumnId = ColumnId(3);
pub const INT: ColumnId = ColumnId(4);
pub const TEXT: ColumnId = ColumnId(5);
pub const MAP: ColumnId = ColumnId(6);

/// `(pk int, c1 int, c2 int, s int static, i int, t text, m map<int, int>), PRIMARY KEY (pk, c1, c2)`, with
/// descending `c2`.
pub fn table() -> Arc<TableMetadata> {
    let column = |id: u16, name: &str, cql_type: CqlType, kind, position, order| ColumnMetadata {
        id: ColumnId(id),
        name: name.to_owned(),
        cql_type,
        kind,
        position,
        order,
        mask: None,
    };
    use ClusteringOrder::{Asc, Desc};
    use ColumnKind::{Clustering, PartitionKey, Regular, Static};
    let int = || Arc::new(CqlType::Int);
    let columns = vec![
        column(0, "pk", CqlType::Int, PartitionKey, 0, Asc),
        column(1, "c1", CqlType::Int, Clustering, 0, Asc),
        column(2, "c2", CqlType::Int, Clustering, 1, Desc),
        column(3, "s", CqlType::Int, Static, 0, Asc),
        column(4, "z_i", CqlType::Int, Regular, 0, Asc),
        column(5, "t", CqlType::Text, Regular, 0, Asc),
        column(6, "m", CqlType::Map { key: int(), value: int(), frozen: false }, Regular, 0, Asc),
    ];
    let id = TableId(Uuid::from_u128(0x5a1c_0000_0000_1000_8000_0000_0000_0001));
    Arc::new(TableMetadata::new("ks", "everything", id, columns, TableParams::default()))
}

pub fn key(pk: i32) -> DecoratedKey {
    let key = Bytes::copy_from_slice(&pk.to_be_bytes());
    DecoratedKey { token: Token(token::token(&key)), key }
}

pub type Place = (i32, i32);

pub fn clustering((c1, c2): Place) -> Clustering {
    Clustering::new([Some(&c1.to_be_bytes()[..]), Some(&c2.to_be_bytes()[..])])
}

/// A bound of one or two values, and whether it takes in what it names.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub c1: i32,
    pub c2: Option<i32>,
    pub inclusive: bool,
}

impl Edge {
    fn prefix(&self) -> Clustering {
        let c1 = self.c1.to_be_bytes();
        match self.c2 {
            None => Clustering::new([Some(&c1[..])]),
            Some(c2) => Clustering::new([Some(&c1[..]), Some(&c2.to_be_bytes()[..])]),
        }
    }

    /// Whether a row comes after it (as a start), in clustering order: `c2` is descending.
    fn starts_before(&self, (c1, c2): Place) -> bool {
        match self.c2 {
            None => c1 > self.c1 || (self.inclusive && c1 == self.c1),
            Some(e2) => (c1, -c2) > (self.c1, -e2) || (self.inclusive && (c1, c2) == (self.c1, e2)),
        }
    }

    fn ends_after(&self, (c1, c2): Place) -> bool {
        match self.c2 {
            None => c1 < self.c1 || (self.inclusive && c1 == self.c1),
            Some(e2) => (c1, -c2) < (self.c1, -e2) || (self.inclusive && (c1, c2) == (self.c1, e2)),
        }
    }
}

pub fn slice(start: Option<Edge>, end: Option<Edge>) -> Slice {
    let kind = |inclusive, yes, no| if inclusive { yes } else { no };
    Slice {
        start: start.map_or(ClusteringBound::BOTTOM, |e| ClusteringBound {
            kind: kind(e.inclusive, BoundKind::InclStart, BoundKind::ExclStart),
            prefix: e.prefix(),
        }),
        end: end.map_or(ClusteringBound::TOP, |e| ClusteringBound {
            kind: kind(e.inclusive, BoundKind::InclEnd, BoundKind::ExclEnd),
            prefix: e.prefix(),
        }),
    }
}

pub fn covers(start: Option<Edge>, end: Option<Edge>, place: Place) -> bool {
    start.is_none_or(|e| e.starts_before(place)) && end.is_none_or(|e| e.ends_after(place))
}

#[derive(Clone, Debug)]
pub enum Operation {
    /// `INSERT`: liveness too.
    Insert {
        place: Place,
        values: Values,
        ttl: Option<i32>,
        time: i64,
    },
    /// `UPDATE`: cells only.
    Update {
        place: Place,
        values: Values,
        ttl: Option<i32>,
        time: i64,
    },
    DeleteCells {
        place: Place,
        time: i64,
    },
    PutElement {
        place: Place,
        at: i32,
        value: Option<i32>,
        time: i64,
    },
    /// Replaces the map: deletes it just before.
    SetMap {
        place: Place,
        entries: BTreeMap<i32, i32>,
        time: i64,
    },
    DeleteRow {
        place: Place,
        time: i64,
    },
    DeleteRange {
        start: Option<Edge>,
        end: Option<Edge>,
        time: i64,
    },
    DeletePartition {
        time: i64,
    },
    Static {
        value: Option<i32>,
        time: i64,
    },
}

#[derive(Clone, Debug)]
pub struct Values {
    pub int: Option<i32>,
    pub text: Option<String>,
}

fn edge() -> impl Strategy<Value = Edge> {
    (0..4i32, prop::option::of(0..4i32), any::<bool>()).prop_map(|(c1, c2, inclusive)| Edge {
        c1,
        c2,
        inclusive,
    })
}

/// Two edges in order, or open ends.
pub fn range() -> impl Strategy<Value = (Option<Edge>, Option<Edge>)> {
    (prop::option::weighted(0.8, edge()), prop::option::weighted(0.8, edge())).prop_map(|(a, b)| {
        match (a, b) {
            (Some(a), Some(b)) if a.c1 > b.c1 => (Some(b), Some(a)),
            (Some(a), Some(b)) if a.c1 == b.c1 => {
                (Some(Edge { c2: None, inclusive: true, ..a }), Some(Edge { c2: None, inclusive: true, ..b }))
            }
            other => other,
        }
    })
}

pub fn operation() -> impl Strategy<Value = Operation> {
    let place = || (0..4i32, 0..4i32);
    let values = || {
        (prop::option::of(0..3i32), prop::option::of("[ab]{0,2}"))
            .prop_map(|(int, text)| Values { int, text })
    };
    let time = || 1..8i64;
    let ttl = || prop::option::weighted(0.3, 1..4i32);
    prop_oneof![
        4 => (place(), values(), ttl(), time())
            .prop_map(|(place, values, ttl, time)| Operation::Insert { place, values, ttl, time }),
        3 => (place(), values(), ttl(), time())
            .prop_map(|(place, values, ttl, time)| Operation::Update { place, values, ttl, time }),
        1 => (place(), time()).prop_map(|(place, time)| Operation::DeleteCells { place, time }),
        2 => (place(), 0..3i32, prop::option::of(0..3i32), time())
            .prop_map(|(place, at, value, time)| Operation::PutElement { place, at, value, time }),
        2 => (place(), prop::collection::btree_map(0..3i32, 0..3i32, 0..3), time())
            .prop_map(|(place, entries, time)| Operation::SetMap { place, entries, time }),
        2 => (place(), time()).prop_map(|(place, time)| Operation::DeleteRow { place, time }),
        2 => (range(), time())
            .prop_map(|((start, end), time)| Operation::DeleteRange { start, end, time }),
        1 => time().prop_map(|time| Operation::DeletePartition { time }),
        1 => (prop::option::of(0..3i32), time()).prop_map(|(value, time)| Operation::Static { value, time }),
    ]
}

/// Deletions of a time are learned of a second later.
fn deletion(time: i64) -> DeletionTime {
    DeletionTime { marked_for_delete_at: time, local_deletion_time: time + 1 }
}

fn expiry(time: i64, ttl: Option<i32>) -> (i32, i64) {
    ttl.map_or((NO_TTL, NO_EXPIRATION), |ttl| (ttl, time + i64::from(ttl)))
}

fn cell<'a>(column: ColumnId, time: i64, ttl: Option<i32>, value: &'a [u8]) -> Cell<'a> {
    let (ttl, local_deletion_time) = expiry(time, ttl);
    Cell { column, timestamp: time, ttl, local_deletion_time, path: None, value }
}

fn values_row(place: Place, values: &Values, ttl: Option<i32>, time: i64, live: bool) -> Row {
    let mut builder = RowBuilder::new();
    if let Some(int) = values.int {
        builder.add(cell(INT, time, ttl, &int.to_be_bytes()));
    }
    if let Some(text) = &values.text {
        builder.add(cell(TEXT, time, ttl, text.as_bytes()));
    }
    let (ttl, expires) = expiry(time, ttl);
    let liveness = if live { LivenessInfo::expiring(time, ttl, expires) } else { LivenessInfo::EMPTY };
    builder.build(&clustering(place), liveness, DeletionTime::LIVE)
}

/// The update that a replica gets for an operation.
pub fn update(table: &Arc<TableMetadata>, operation: &Operation) -> PartitionUpdate {
    let mut update = PartitionUpdate::new(table.clone(), key(1));
    let mut builder = RowBuilder::new();
    let mut push = |place, builder: RowBuilder, deletion| {
        let row = builder.build(&clustering(place), LivenessInfo::EMPTY, deletion);
        update.rows.push(row);
    };
    match operation {
        Operation::Insert { place, values, ttl, time } => {
            update.rows.push(values_row(*place, values, *ttl, *time, true));
        }
        Operation::Update { place, values, ttl, time } => {
            update.rows.push(values_row(*place, values, *ttl, *time, false));
        }
        Operation::DeleteCells { place, time } => {
            builder.add(Cell::tombstone(INT, *time, time + 1));
            builder.add(Cell::tombstone(TEXT, *time, time + 1));
            push(*place, builder, DeletionTime::LIVE);
        }
        Operation::PutElement { place, at, value, time } => {
            let path = at.to_be_bytes();
            match value {
                Some(value) => builder.add(cell(MAP, *time, None, &value.to_be_bytes()).with_path(&path)),
                None => builder.add(Cell::tombstone(MAP, *time, time + 1).with_path(&path)),
            }
            push(*place, builder, DeletionTime::LIVE);
        }
        Operation::SetMap { place, entries, time } => {
            builder.add_complex_deletion(MAP, deletion(time - 1));
            for (at, value) in entries {
                builder.add(cell(MAP, *time, None, &value.to_be_bytes()).with_path(&at.to_be_bytes()));
            }
            push(*place, builder, DeletionTime::LIVE);
        }
        Operation::DeleteRow { place, time } => push(*place, builder, deletion(*time)),
        Operation::DeleteRange { start, end, time } => {
            let tombstone = RangeTombstone { slice: slice(*start, *end), deletion: deletion(*time) };
            update.range_tombstones.push(tombstone);
        }
        Operation::DeletePartition { time } => update.deletion = deletion(*time),
        Operation::Static { value, time } => {
            match value {
                Some(value) => builder.add(cell(STATIC, *time, None, &value.to_be_bytes())),
                None => builder.add(Cell::tombstone(STATIC, *time, time + 1)),
            }
            let row = builder.build(&Clustering::EMPTY, LivenessInfo::EMPTY, DeletionTime::LIVE);
            update.static_row = Some(row);
        }
    }
    update
}

/// One write of one cell, as the order of winners has it: the greatest one holds.
type Write = (i64, bool, bool, i64, i32, Vec<u8>);

fn write_of(cell: &Cell<'_>) -> Write {
    let ends = cell.local_deletion_time != NO_EXPIRATION;
    let local_deletion_time = if ends { cell.local_deletion_time } else { 0 };
    (cell.timestamp, ends, cell.is_tombstone(), local_deletion_time, -cell.ttl, cell.value.to_vec())
}

/// What is seen of one row: cells by column and path with their timestamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub liveness: Option<i64>,
    pub cells: BTreeMap<(u16, Vec<u8>), (i64, Vec<u8>)>,
}

impl Seen {
    pub fn of(row: &Row) -> Self {
        let cells = row.cells().map(|c| {
            let at = (c.column.0, c.path.unwrap_or_default().to_vec());
            (at, (c.timestamp, c.value.to_vec()))
        });
        Self {
            liveness: (!row.liveness().is_empty()).then_some(row.liveness().timestamp),
            cells: cells.collect(),
        }
    }
}

/// What a naive reader sees at a time: for every cell, of all writes that no deletion covers the one that wins.
pub fn naive(operations: &[Operation], now: i64) -> (BTreeMap<Place, Seen>, Option<Seen>) {
    let table = table();
    let updates: Vec<PartitionUpdate> = operations.iter().map(|o| update(&table, o)).collect();
    let partition = updates.iter().map(|u| u.deletion.marked_for_delete_at).max().unwrap_or(i64::MIN);
    let places: BTreeSet<Place> = (0..4).flat_map(|c1| (0..4).map(move |c2| (c1, c2))).collect();
    let mut seen = BTreeMap::new();
    for place in places {
        let rows: Vec<&Row> = updates
            .iter()
            .flat_map(|u| u.rows.iter().filter(|row| row.clustering() == clustering(place)))
            .collect();
        let ranges = operations.iter().filter_map(|o| match o {
            Operation::DeleteRange { start, end, time } if covers(*start, *end, place) => Some(*time),
            _ => None,
        });
        let deleted =
            ranges.chain(rows.iter().map(|r| r.deletion().marked_for_delete_at)).fold(partition, i64::max);
        if let Some(row) = seen_row(&rows, deleted, now) {
            seen.insert(place, row);
        }
    }
    let statics: Vec<&Row> = updates.iter().filter_map(|u| u.static_row.as_ref()).collect();
    (seen, seen_row(&statics, partition, now))
}

fn seen_row(rows: &[&Row], deleted: i64, now: i64) -> Option<Seen> {
    let mut liveness: Option<LivenessInfo> = None;
    let mut winners: BTreeMap<(u16, Vec<u8>), Write> = BTreeMap::new();
    let map_deleted =
        rows.iter().map(|r| r.complex_deletion(MAP).marked_for_delete_at).fold(deleted, i64::max);
    for row in rows {
        if row.liveness().timestamp > deleted && liveness.is_none_or(|l| row.liveness().supersedes(&l)) {
            liveness = Some(row.liveness());
        }
        for cell in row.cells() {
            if cell.timestamp <= if cell.column == MAP { map_deleted } else { deleted } {
                continue;
            }
            let at = (cell.column.0, cell.path.unwrap_or_default().to_vec());
            let write = write_of(&cell);
            let winner = winners.entry(at).or_insert_with(|| write.clone());
            *winner = winner.clone().max(write);
        }
    }
    let cells: BTreeMap<_, _> = winners
        .into_iter()
        .filter(|(_, (_, ends, tombstone, expires, _, _))| !tombstone && (!ends || now < *expires))
        .map(|(at, (timestamp, _, _, _, _, value))| (at, (timestamp, value)))
        .collect();
    let liveness = liveness.filter(|l| l.is_live(now)).map(|l| l.timestamp);
    (liveness.is_some() || !cells.is_empty()).then_some(Seen { liveness, cells })
}
