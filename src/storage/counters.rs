//! Counter writes: the node reads its own shard, adds, and writes it anew (Cassandra: `CounterMutation`).

use super::commitlog::CommitPosition;
use super::engine::{IoMode, Origin, Storage};
use super::error::StorageError;
use super::model::{
    Cell, Clustering, ClusteringIndexFilter, ColumnFilter, DataLimits, DataRange, Mutation, PartitionUpdate,
    ReadCommand, Row, RowBuilder, RowFilter,
};
use crate::types::counter;

impl Storage {
    /// Applies a counter mutation as its leader; gives the mutation that the other replicas are to apply.
    /// [`StorageError::WouldBlock`], and nothing is changed, where it had to wait and must not.
    pub fn apply_counter(
        &self,
        origin: Origin,
        mut mutation: Mutation,
        mode: IoMode,
    ) -> Result<(CommitPosition, Mutation), StorageError> {
        let host = self.host_id.load_full();
        let host = host.ok_or_else(|| StorageError::Invalid("the host has no id yet".to_owned()))?;
        let _locks = self.counter_locks.lock_all(mutation.updates.iter(), mode)?;
        for update in &mut mutation.updates {
            self.resolve_counters(update, host.as_bytes(), mode)?;
        }
        mutation.is_counter = false;
        let position = self.apply_plain(origin, mutation.clone(), mode)?;
        Ok((position, mutation))
    }

    /// Replaces increments by the shard of this host that they lead to.
    fn resolve_counters(
        &self,
        update: &mut PartitionUpdate,
        host: &[u8; 16],
        mode: IoMode,
    ) -> Result<(), StorageError> {
        let is_increment = |row: &Row| row.cells().any(|c| counter_update(&c).is_some());
        if !update.rows.iter().chain(&update.static_row).any(is_increment) {
            return Ok(());
        }
        let clusterings: Vec<Clustering> =
            update.rows.iter().map(|row| row.clustering().to_clustering()).collect();
        let command = ReadCommand {
            table: update.table.clone(),
            now_in_seconds: self.clock.seconds(),
            columns: ColumnFilter::ALL,
            range: DataRange::Keys(vec![update.key.clone()]),
            clustering: ClusteringIndexFilter::Names { clusterings, reversed: false },
            row_filter: RowFilter::default(),
            limits: DataLimits::NONE,
            tracks_warnings: false,
            rest: None,
        };
        let static_command = ReadCommand { clustering: ClusteringIndexFilter::all(), ..command.clone() };
        let found = self.read(&command, mode)?.partitions.pop();
        let order = self.required_table(update.table.id)?.order();
        let now = self.clock.micros();
        for row in &mut update.rows {
            let old = found.as_ref().and_then(|found| order.find_row(&found.rows, row.clustering()));
            *row = resolved(row, old, host, now);
        }
        if let Some(row) = update.static_row.take() {
            let limits = DataLimits { rows: 1, ..DataLimits::NONE };
            let found = self.read(&ReadCommand { limits, ..static_command }, mode)?;
            let old = found.partitions.first().and_then(|p| p.static_row.as_ref());
            update.static_row = Some(resolved(&row, old, host, now));
        }
        Ok(())
    }
}

/// By how much a cell increments; none where it does not.
fn counter_update(cell: &Cell<'_>) -> Option<i64> {
    (!cell.is_tombstone() && counter::is_update(cell.value)).then(|| counter::total(cell.value))
}

fn resolved(row: &Row, old: Option<&Row>, host: &[u8; 16], now: i64) -> Row {
    let mut builder = RowBuilder::with_capacity(row.cell_count(), row.data_len());
    for cell in row.cells() {
        let Some(delta) = counter_update(&cell) else {
            builder.add(cell);
            continue;
        };
        let current = old.and_then(|old| old.cell(cell.column));
        let (clock, count) = current.map_or((0, 0), |c| counter::clock_and_count(c.value, host));
        let value = counter::create_global(*host, now.max(clock + 1), count.wrapping_add(delta));
        builder.add(Cell { value: &value, ..cell });
    }
    builder.build(row.clustering(), row.liveness(), row.deletion())
}
