//! What may go for good when SSTables are compacted: tombstones older than `gc_grace_seconds` that shadow nothing
//! elsewhere (Cassandra: `DeletionPurger`, `PurgeFunction`, `AbstractCell.purge`).

use crate::storage::model::{Cell, DecoratedKey, DeletionTime, LivenessInfo, Row, RowBuilder};
use crate::storage::{
    BoxedRowIterator, RangeTombstoneMarker, StorageError, Unfiltered, UnfilteredRowIterator,
};

/// Says what of one partition may go.
#[derive(Clone, Copy, Debug)]
pub struct Purger {
    /// Seconds since 1970.
    pub now_in_seconds: i64,
    /// Tombstones from before may go: seconds since 1970.
    pub gc_before: i64,
    /// Only what is older than this may go: there may be data of that time elsewhere. None where there is none.
    pub max_purgeable_timestamp: Option<i64>,
}

impl Purger {
    fn may_go(&self, timestamp: i64, local_deletion_time: i64) -> bool {
        local_deletion_time < self.gc_before && self.max_purgeable_timestamp.is_none_or(|max| timestamp < max)
    }

    fn deletion(&self, deletion: DeletionTime) -> DeletionTime {
        let goes = self.may_go(deletion.marked_for_delete_at, deletion.local_deletion_time);
        if goes { DeletionTime::LIVE } else { deletion }
    }

    fn liveness(&self, liveness: LivenessInfo) -> LivenessInfo {
        let goes = !liveness.is_empty()
            && !liveness.is_live(self.now_in_seconds)
            && self.may_go(liveness.timestamp, liveness.local_expiration_time);
        if goes { LivenessInfo::EMPTY } else { liveness }
    }

    /// The cell that is left of one: an expired one becomes a tombstone.
    fn cell<'a>(&self, cell: Cell<'a>) -> Option<Cell<'a>> {
        if cell.is_live(self.now_in_seconds) {
            return Some(cell);
        }
        if self.may_go(cell.timestamp, cell.local_deletion_time) {
            return None;
        }
        if !cell.is_expiring() {
            return Some(cell);
        }
        // The value and the TTL have no use any more. The tombstone is as old as the cell: both together live
        // longer than `gc_grace_seconds`.
        let deleted_at = cell.local_deletion_time - i64::from(cell.ttl);
        let tombstone = Cell::tombstone(cell.column, cell.timestamp, deleted_at);
        let tombstone = Cell { path: cell.path, ..tombstone };
        (!self.may_go(tombstone.timestamp, deleted_at)).then_some(tombstone)
    }

    /// Whether a row loses nothing.
    fn keeps_all(&self, row: &Row) -> bool {
        self.liveness(row.liveness()) == row.liveness()
            && self.deletion(row.deletion()) == row.deletion()
            && row.complex_deletions().all(|(_, d)| self.deletion(d) == d)
            && row.cells().all(|cell| self.cell(cell) == Some(cell))
    }

    /// The row that is left of one.
    fn row(&self, row: &Row) -> Option<Row> {
        if self.keeps_all(row) {
            return Some(row.clone());
        }
        let mut builder = RowBuilder::new();
        for (column, deletion) in row.complex_deletions() {
            let deletion = self.deletion(deletion);
            if !deletion.is_live() {
                builder.add_complex_deletion(column, deletion);
            }
        }
        row.cells().filter_map(|cell| self.cell(cell)).for_each(|cell| builder.add(cell));
        let left =
            builder.build(row.clustering(), self.liveness(row.liveness()), self.deletion(row.deletion()));
        (!left.is_empty()).then_some(left)
    }

    /// The marker that is left of one: of a boundary, one side may go.
    fn marker(&self, marker: RangeTombstoneMarker) -> Option<RangeTombstoneMarker> {
        let left =
            |deletion: Option<DeletionTime>| deletion.map(|d| self.deletion(d)).filter(|d| !d.is_live());
        match (left(marker.end), left(marker.start)) {
            (None, None) => None,
            (Some(_), Some(_)) => Some(marker),
            (None, Some(start)) if marker.is_boundary() => Some(marker.start_bound(start)),
            (Some(end), None) if marker.is_boundary() => Some(marker.end_bound(end)),
            _ => Some(marker),
        }
    }
}

impl RangeTombstoneMarker {
    /// The start that is left of a boundary when its end goes.
    fn start_bound(self, start: DeletionTime) -> Self {
        use crate::storage::model::BoundKind::{ExclStart, InclEndExclStartBoundary, InclStart};
        let kind = if self.bound.kind == InclEndExclStartBoundary { ExclStart } else { InclStart };
        Self::bound(crate::storage::model::ClusteringBound { kind, ..self.bound }, start)
    }

    /// The end that is left of a boundary when its start goes.
    fn end_bound(self, end: DeletionTime) -> Self {
        use crate::storage::model::BoundKind::{ExclEnd, InclEnd, InclEndExclStartBoundary};
        let kind = if self.bound.kind == InclEndExclStartBoundary { InclEnd } else { ExclEnd };
        Self::bound(crate::storage::model::ClusteringBound { kind, ..self.bound }, end)
    }
}

/// A partition without what may go.
pub struct PurgedRows {
    rows: BoxedRowIterator,
    purger: Purger,
    deletion: DeletionTime,
    static_row: Option<Row>,
}

impl PurgedRows {
    /// What is left of a partition.
    pub fn new(rows: BoxedRowIterator, purger: Purger) -> Self {
        let deletion = purger.deletion(rows.partition_deletion());
        let static_row = rows.static_row().and_then(|row| purger.row(row));
        Self { rows, purger, deletion, static_row }
    }
}

impl UnfilteredRowIterator for PurgedRows {
    fn key(&self) -> &DecoratedKey {
        self.rows.key()
    }

    fn partition_deletion(&self) -> DeletionTime {
        self.deletion
    }

    fn static_row(&self) -> Option<&Row> {
        self.static_row.as_ref()
    }

    fn is_reversed(&self) -> bool {
        self.rows.is_reversed()
    }

    fn next(&mut self) -> Result<Option<Unfiltered>, StorageError> {
        while let Some(item) = self.rows.next()? {
            let left = match item {
                Unfiltered::Row(row) => self.purger.row(&row).map(Unfiltered::Row),
                Unfiltered::Marker(marker) => self.purger.marker(*marker).map(Unfiltered::from),
            };
            if left.is_some() {
                return Ok(left);
            }
        }
        Ok(None)
    }
}
