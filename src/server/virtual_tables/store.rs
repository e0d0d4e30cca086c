//! Virtual tables about files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::data_set::{DataSet, NewRow};
use super::sources::Sources;
use crate::storage::TableStore;
use crate::storage::lifecycle::{Snapshot, list_snapshots};
use crate::storage::sstable::SSTableReader;

const MEBIBYTE: u64 = 1 << 20;

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A row for each table, with a number of bytes as mebibytes, rounded up.
fn each_table(sources: &Sources, rows: &mut DataSet, bytes: impl Fn(&TableStore) -> u64) {
    let Some(storage) = sources.storage() else { return };
    for store in storage.tables() {
        let table = store.metadata();
        rows.add(
            NewRow::default()
                .set("keyspace_name", table.keyspace.as_str())
                .set("table_name", table.name.as_str())
                .set("mebibytes", signed(bytes(&store).div_ceil(MEBIBYTE))),
        );
    }
}

pub(super) fn disk_usage(sources: &Sources, rows: &mut DataSet) {
    each_table(sources, rows, |store| store.files().bytes_on_disk());
}

pub(super) fn max_partition_size(sources: &Sources, rows: &mut DataSet) {
    each_table(sources, rows, |store| {
        let sizes =
            store.files().sstables().iter().map(|sstable| sstable.stats().partition_sizes.max()).max();
        sizes.and_then(|size| u64::try_from(size).ok()).unwrap_or(0)
    });
}

/// The milliseconds between the oldest and the newest timestamp of an SSTable, at most.
pub(super) fn max_sstable_duration(sources: &Sources, rows: &mut DataSet) {
    let Some(storage) = sources.storage() else { return };
    for store in storage.tables() {
        let table = store.metadata();
        let duration = |sstable: &Arc<SSTableReader>| {
            let stats = sstable.stats();
            stats.max_timestamp.saturating_sub(stats.min_timestamp) / 1000
        };
        rows.add(
            NewRow::default()
                .set("keyspace_name", table.keyspace.as_str())
                .set("table_name", table.name.as_str())
                .set(
                    "max_sstable_duration",
                    store.files().sstables().iter().map(duration).max().unwrap_or(0),
                ),
        );
    }
}

pub(super) fn max_sstable_size(sources: &Sources, rows: &mut DataSet) {
    each_table(sources, rows, |store| {
        store.files().sstables().iter().map(|sstable| sstable.bytes_on_disk()).max().unwrap_or(0)
    });
}

pub(super) fn sstable_tasks(sources: &Sources, rows: &mut DataSet) {
    let Some(storage) = sources.storage() else { return };
    for task in storage.compactions().running() {
        let (completed, total) = (task.completed(), task.total);
        let ratio = if total == 0 { 1.0 } else { completed as f64 / total as f64 };
        rows.add(
            NewRow::default()
                .set("keyspace_name", task.table.keyspace.as_str())
                .set("table_name", task.table.name.as_str())
                .set("task_id", task.id)
                .set("kind", task.operation.name().to_lowercase())
                .set("progress", signed(completed))
                .set("sstables", i32::try_from(task.sstables).unwrap_or(i32::MAX))
                .set(
                    "target_directory",
                    task.directory.as_ref().map(|directory| directory.to_string_lossy().into_owned()),
                )
                .set("total", signed(total))
                .set("completion_ratio", ratio)
                .set("unit", "bytes"),
        );
    }
}

pub(super) fn snapshots(sources: &Sources, rows: &mut DataSet) {
    let Some(storage) = sources.storage() else { return };
    for store in storage.tables() {
        let table = store.metadata();
        // A table may lie in several directories: its snapshot is the sum of them.
        let mut found: BTreeMap<String, Vec<Snapshot>> = BTreeMap::new();
        for directory in store.files().directories() {
            let Ok(all) = list_snapshots(&**storage.fs(), directory) else { continue };
            for snapshot in all {
                found.entry(snapshot.tag.clone()).or_default().push(snapshot);
            }
        }
        for (tag, parts) in found {
            rows.add(
                snapshot_row(&parts)
                    .set("name", tag)
                    .set("keyspace_name", table.keyspace.as_str())
                    .set("table_name", table.name.as_str()),
            );
        }
    }
}

fn snapshot_row(parts: &[Snapshot]) -> NewRow {
    let manifest = parts.iter().find_map(|part| part.manifest.as_ref());
    let time = |key: &str| {
        let text = manifest?.get(key)?.as_str()?;
        Some(chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis())
    };
    let ephemeral = manifest.and_then(|manifest| manifest.get("ephemeral")?.as_bool()).unwrap_or(false);
    NewRow::default()
        .set("size_on_disk", signed(parts.iter().map(|part| part.size_on_disk).sum()))
        .set("true_size", signed(parts.iter().map(|part| part.true_size).sum()))
        .set("created_at", time("created_at"))
        .set("expires_at", time("expires_at"))
        .set("ephemeral", ephemeral)
}
