//! Estimates of the partitions of each table in each range of tokens, for clients that split a scan of a whole table
//! (Cassandra: `SizeEstimatesRecorder`): rows of `system.size_estimates` and `system.table_estimates`.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Coordinator;
use crate::error::Error;
use crate::schema::{Schema, TableId, TableMetadata, system};
use crate::storage::model::{
    BoundKind, Cell, Clustering, ClusteringBound, DecoratedKey, DeletionTime, LivenessInfo, Mutation,
    PartitionUpdate, RangeTombstone, Row, RowBuilder, Slice, Token,
};
use crate::storage::{IoMode, TableStore};

/// The estimate for one range of tokens, without its start, with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Estimate {
    start: Token,
    end: Token,
    partitions: i64,
    mean_partition_bytes: i64,
}

/// Remembers what it wrote, so that only what changed is written again.
#[derive(Debug, Default)]
pub struct SizeEstimates {
    written: HashMap<TableId, Vec<Estimate>>,
}

impl SizeEstimates {
    /// Writes the estimates of all tables that are not the node's own.
    pub fn record(&mut self, coordinator: &Coordinator) -> Result<(), Error> {
        let schema = coordinator.schema();
        let ranges = ranges(&coordinator.node().tokens);
        for store in coordinator.storage().tables() {
            let table = store.metadata();
            if system::is_local_system_keyspace(&table.keyspace) {
                continue;
            }
            let estimates = estimate(&store, &ranges);
            if self.written.get(&table.id) == Some(&estimates) {
                continue;
            }
            write(coordinator, &schema, &table, &estimates)?;
            self.written.insert(table.id, estimates);
        }
        self.written.retain(|id, _| schema.table_by_id(*id).is_some());
        Ok(())
    }
}

/// The ranges that end at each of the tokens; the one that goes over the lowest token is two.
fn ranges(tokens: &[i64]) -> Vec<(Token, Token)> {
    let mut tokens: Vec<Token> = tokens.iter().copied().map(Token).collect();
    tokens.sort_unstable();
    let starts = std::iter::once(Token::MIN).chain(tokens.iter().copied());
    let ends = tokens.iter().copied().chain([Token::MIN]);
    starts.zip(ends).filter(|(start, end)| start != end).collect()
}

/// The last token of a range that ends at the lowest one is the greatest.
fn last_of(end: Token) -> i128 {
    if end == Token::MIN { i128::from(i64::MAX) } else { i128::from(end.0) }
}

fn estimate(store: &TableStore, ranges: &[(Token, Token)]) -> Vec<Estimate> {
    let sstables = store.files().sstables();
    let of_range = |(start, end): &(Token, Token)| {
        let (after, last) = (i128::from(start.0), last_of(*end));
        let (mut partitions, mut bytes, mut count) = (0_i64, 0_i64, 0_i64);
        for sstable in sstables.iter() {
            let (first, until) =
                (i128::from(sstable.first_key().token.0), i128::from(sstable.last_key().token.0));
            // Keys are spread evenly over the tokens.
            let overlap = last.min(until) - (after + 1).max(first) + 1;
            if overlap <= 0 {
                continue;
            }
            let all = i128::from(sstable.estimated_partitions());
            let here = all * overlap / (until - first + 1);
            partitions = partitions.saturating_add(i64::try_from(here).unwrap_or(i64::MAX).max(1));
            let sizes = &sstable.stats().partition_sizes;
            bytes = bytes.saturating_add(sizes.mean().saturating_mul(sizes.count()));
            count = count.saturating_add(sizes.count());
        }
        let mean_partition_bytes = if count > 0 { bytes / count } else { 0 };
        Estimate { start: *start, end: *end, partitions, mean_partition_bytes }
    };
    ranges.iter().map(of_range).collect()
}

fn write(
    coordinator: &Coordinator,
    schema: &Schema,
    of: &TableMetadata,
    estimates: &[Estimate],
) -> Result<(), Error> {
    let targets: [(&str, &[&str]); 3] =
        [("size_estimates", &[]), ("table_estimates", &["primary"]), ("table_estimates", &["local_primary"])];
    for (name, range_type) in targets {
        let Some(table) = schema.table(system::SYSTEM, name) else { continue };
        let mut prefix = vec![of.name.as_str()];
        prefix.extend_from_slice(range_type);
        let update = update(coordinator, table, &of.keyspace, &prefix, estimates);
        let mutation = Mutation { key: update.key.clone(), updates: vec![update], is_counter: false };
        coordinator.storage().apply(mutation, IoMode::Blocking)?;
    }
    coordinator.storage().write_out()?;
    Ok(())
}

/// Replaces the rows below `prefix`.
fn update(
    coordinator: &Coordinator,
    table: &Arc<TableMetadata>,
    keyspace: &str,
    prefix: &[&str],
    estimates: &[Estimate],
) -> PartitionUpdate {
    let clock = coordinator.clock();
    let timestamp = clock.next_timestamp();
    let key = DecoratedKey::new(Bytes::copy_from_slice(keyspace.as_bytes()));
    let mut update = PartitionUpdate::new(table.clone(), key);
    let bound = |kind| ClusteringBound { kind, prefix: clustering(prefix, &[]) };
    update.range_tombstones.push(RangeTombstone {
        slice: Slice { start: bound(BoundKind::InclStart), end: bound(BoundKind::InclEnd) },
        deletion: DeletionTime { marked_for_delete_at: timestamp - 1, local_deletion_time: clock.seconds() },
    });
    update.rows = estimates.iter().map(|estimate| row(table, prefix, estimate, timestamp)).collect();
    update.rows.sort_by(|a, b| a.clustering().values().cmp(b.clustering().values()));
    update
}

fn clustering(prefix: &[&str], rest: &[&str]) -> Clustering {
    Clustering::new(prefix.iter().chain(rest).map(|value| Some(value.as_bytes())))
}

fn row(table: &TableMetadata, prefix: &[&str], estimate: &Estimate, timestamp: i64) -> Row {
    let mut row = RowBuilder::new();
    let values =
        [("partitions_count", estimate.partitions), ("mean_partition_size", estimate.mean_partition_bytes)];
    for (name, value) in values {
        if let Some(column) = table.column(name) {
            row.add(Cell::live(column.id, timestamp, &value.to_be_bytes()));
        }
    }
    let (start, end) = (estimate.start.0.to_string(), estimate.end.0.to_string());
    row.build(&clustering(prefix, &[&start, &end]), LivenessInfo::new(timestamp), DeletionTime::LIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_the_ring_once() {
        let min = i64::MIN;
        let pairs: Vec<_> = ranges(&[10, -5]).into_iter().map(|(start, end)| (start.0, end.0)).collect();
        assert_eq!(pairs, [(min, -5), (-5, 10), (10, min)]);
    }
}
