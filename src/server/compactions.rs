//! What compaction has done and is doing, as nodetool shows it.

use bytes::Bytes;
use uuid::Uuid;

use crate::cql::node::Node;
use crate::nodetool::{CompactionInfo, PastCompaction, RunningCompaction};
use crate::storage::StorageError;
use crate::types::collection;

const HISTORY: &str = "SELECT id, keyspace_name, columnfamily_name, compacted_at, bytes_in, bytes_out, rows_merged, \
                       compaction_properties FROM system.compaction_history";

/// Reads `system.compaction_history`, and may wait for the disk.
pub(super) fn of(node: &Node) -> Result<CompactionInfo, StorageError> {
    let storage = node.coordinator().storage();
    let compactions = storage.compactions();
    let rows = node.internal(HISTORY, &[]).map_err(|error| StorageError::Invalid(error.to_string()))?;
    let mut history: Vec<_> = rows.iter().filter_map(|row| past(row)).collect();
    history.sort_by_key(|past| std::cmp::Reverse(past.compacted_at_ms));
    let mut pending = Vec::new();
    for store in storage.tables() {
        let number = compactions.pending(&*store) as u64;
        if number > 0 {
            let metadata = store.metadata();
            pending.push((metadata.keyspace.clone(), metadata.name.clone(), number));
        }
    }
    pending.sort();
    let running = compactions.running();
    let running = running.iter().map(|task| RunningCompaction {
        id: task.id,
        kind: task.operation.name().to_owned(),
        keyspace: task.table.keyspace.clone(),
        table: task.table.name.clone(),
        completed_bytes: task.completed(),
        total_bytes: task.total,
    });
    Ok(CompactionInfo {
        concurrent: storage.options().concurrent_compactors,
        pending,
        completed: compactions.completed() as u64,
        bytes_compacted: compactions.bytes_compacted(),
        running: running.collect(),
        history,
        ..CompactionInfo::default()
    })
}

/// A row of the history.
fn past(row: &[Option<Bytes>]) -> Option<PastCompaction> {
    let [Some(id), Some(keyspace), Some(table), Some(at), bytes_in, bytes_out, merged, properties] = row
    else {
        return None;
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let long = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
    let count = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, |bytes| long(bytes).unsigned_abs());
    let entries = |map: &Option<Bytes>| -> Vec<(Bytes, Bytes)> {
        let map = map.clone().unwrap_or_default();
        collection::entries(&map)
            .map(|(key, value)| (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)))
            .collect()
    };
    let sources = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    Some(PastCompaction {
        id: Uuid::from_slice(id).ok()?,
        keyspace: text(keyspace),
        table: text(table),
        compacted_at_ms: long(at),
        bytes_in: count(bytes_in),
        bytes_out: count(bytes_out),
        rows_merged: entries(merged)
            .iter()
            .map(|(sources_merged, rows)| (sources(sources_merged), long(rows).unsigned_abs()))
            .collect(),
        properties: entries(properties).iter().map(|(key, value)| (text(key), text(value))).collect(),
    })
}
