//! `tablestats`, `datapaths`.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::admin::{Admin, AdminError, AdminResult, TableStats};
use super::command::Parsed;
use super::format::{double, file_size, fixed, memory};

/// The tables that a list of keyspaces and `keyspace.table`s selects.
struct Filter<'a> {
    words: &'a [String],
    ignore: bool,
}

impl Filter<'_> {
    fn names(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.words.iter().map(|word| match word.split_once('.') {
            Some((keyspace, table)) => (keyspace, Some(table)),
            None => (word.as_str(), None),
        })
    }

    fn keyspace(&self, keyspace: &str) -> bool {
        if self.words.is_empty() {
            return !self.ignore;
        }
        self.ignore || self.names().any(|(name, _)| name == keyspace)
    }

    fn table(&self, keyspace: &str, table: &str) -> bool {
        if self.words.is_empty() {
            return !self.ignore;
        }
        let mut tables = self.names().filter(|(name, _)| *name == keyspace).peekable();
        if tables.peek().is_none() {
            return self.ignore;
        }
        let named: Vec<_> = tables.filter_map(|(_, table)| table).collect();
        if named.is_empty() { !self.ignore } else { self.ignore ^ named.contains(&table) }
    }
}

/// A keyspace with the tables to show, and the figures of all its tables.
struct Keyspace {
    name: String,
    all: Vec<TableStats>,
    shown: Vec<usize>,
}

impl Keyspace {
    fn mean_ms(&self, count: impl Fn(&TableStats) -> u64, time: impl Fn(&TableStats) -> Duration) -> f64 {
        let total: u64 = self.all.iter().map(&count).sum();
        let micros: u128 = self.all.iter().map(|table| time(table).as_micros()).sum();
        #[expect(clippy::cast_precision_loss, reason = "a mean of microseconds")]
        if total > 0 { micros as f64 / total as f64 / 1000.0 } else { f64::NAN }
    }

    fn read_latency(&self) -> f64 {
        self.mean_ms(|table| table.read_count, |table| table.read_time)
    }

    fn write_latency(&self) -> f64 {
        self.mean_ms(|table| table.write_count, |table| table.write_time)
    }

    fn sum(&self, figure: impl Fn(&TableStats) -> u64) -> u64 {
        self.all.iter().map(figure).sum()
    }

    fn shown(&self) -> impl Iterator<Item = &TableStats> {
        self.shown.iter().map(|index| &self.all[*index])
    }
}

const SORT_KEYS: &[&str] = &[
    "average_live_cells_per_slice_last_five_minutes",
    "average_tombstones_per_slice_last_five_minutes",
    "bloom_filter_false_positives",
    "bloom_filter_false_ratio",
    "bloom_filter_off_heap_memory_used",
    "bloom_filter_space_used",
    "compacted_partition_maximum_bytes",
    "compacted_partition_mean_bytes",
    "compacted_partition_minimum_bytes",
    "compression_metadata_off_heap_memory_used",
    "dropped_mutations",
    "full_name",
    "index_summary_off_heap_memory_used",
    "local_read_count",
    "local_read_latency_ms",
    "local_write_latency_ms",
    "maximum_live_cells_per_slice_last_five_minutes",
    "maximum_tombstones_per_slice_last_five_minutes",
    "memtable_cell_count",
    "memtable_data_size",
    "memtable_off_heap_memory_used",
    "memtable_switch_count",
    "number_of_partitions_estimate",
    "off_heap_memory_used_total",
    "pending_flushes",
    "percent_repaired",
    "read_latency",
    "reads",
    "space_used_by_snapshots_total",
    "space_used_live",
    "space_used_total",
    "sstable_compression_ratio",
    "sstable_count",
    "table_name",
    "write_latency",
    "writes",
    "max_sstable_size",
    "local_read_write_ratio",
    "twcs_max_duration",
    "sai_local_query_latency_ms",
    "sai_post_filtering_read_latency",
    "sai_disk_used_bytes",
    "sai_sstable_indexes_hit",
    "sai_index_segments_hit",
    "sai_rows_filtered",
    "sai_total_query_timeouts",
    "sai_total_queryable_index_ratio",
];

/// `nodetool tablestats`
pub(super) fn stats(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<String> {
    let invalid = |message: &str| Err(AdminError::Invalid(message.to_owned()));
    let format = parsed.value("-F").unwrap_or("");
    if !["", "json", "yaml"].contains(&format) {
        return invalid("arguments for -F are json,yaml only.");
    }
    let sort = parsed.value("-s");
    if sort.is_some_and(|key| !SORT_KEYS.contains(&key)) {
        return invalid(&format!("argument for sort must be one of: {}", SORT_KEYS.join(", ")));
    }
    let top = parsed.value("-t").unwrap_or("0");
    let Ok(top) = top.parse::<i64>() else {
        return invalid(&format!("top: can not convert \"{top}\" to a int"));
    };
    if top > 0 && sort.is_none() {
        return invalid("cannot filter top K tables without specifying a sort key.");
    }
    let Ok(top) = usize::try_from(top) else {
        return invalid("argument for top must be a positive integer.");
    };
    let keyspaces = select(admin, &Filter { words: &parsed.arguments, ignore: parsed.has("-i") })?;
    let number = keyspaces.iter().map(|keyspace| keyspace.shown.len()).sum::<usize>();
    let view = View { human: parsed.has("-H"), location: parsed.has("-l") };
    match (sort, format) {
        (None, "") => Ok(view.by_keyspace(&keyspaces, number)),
        (Some(key), "") => Ok(view.sorted(&sorted(&keyspaces, key, top), number, key, top)),
        (None, format) => serialize(format, &view.keyspaces_json(&keyspaces, number)),
        (Some(key), format) => serialize(format, &view.sorted_json(&sorted(&keyspaces, key, top), number)),
    }
}

fn select(admin: &dyn Admin, filter: &Filter<'_>) -> AdminResult<Vec<Keyspace>> {
    let known = admin.keyspaces();
    for (name, table) in filter.names() {
        let Some(keyspace) = known.iter().find(|keyspace| keyspace.name == name) else {
            return Err(AdminError::Invalid(format!("Unknown keyspace: {name}")));
        };
        if let Some(table) = table
            && !keyspace.tables.iter().any(|known| known == table)
        {
            return Err(AdminError::Invalid(format!("Unknown tables: [{table}] in keyspace: {name}")));
        }
    }
    let selected = known.into_iter().filter(|keyspace| filter.keyspace(&keyspace.name)).map(|keyspace| {
        let all = admin.table_stats(&keyspace.name, &keyspace.tables);
        let shown = (0..all.len()).filter(|index| filter.table(&keyspace.name, &all[*index].name)).collect();
        Keyspace { name: keyspace.name, all, shown }
    });
    Ok(selected.filter(|keyspace| !keyspace.shown.is_empty()).collect())
}

fn serialize(format: &str, value: &Value) -> AdminResult<String> {
    let failed = |error: &dyn std::fmt::Display| AdminError::Failed(error.to_string());
    match format {
        "json" => Ok(serde_json::to_string_pretty(value).map_err(|error| failed(&error))? + "\n"),
        _ => Ok(serde_yaml_ng::to_string(value).map_err(|error| failed(&error))? + "\n"),
    }
}

/// A table with its keyspace's name.
type Row<'a> = (&'a str, &'a TableStats);

fn sorted<'a>(keyspaces: &'a [Keyspace], key: &str, top: usize) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = keyspaces
        .iter()
        .flat_map(|keyspace| keyspace.shown().map(|table| (keyspace.name.as_str(), table)))
        .collect();
    let name = |row: &Row<'_>| format!("{}.{}", row.0, row.1.name);
    rows.sort_by(|a, b| {
        let order = match key {
            "full_name" => name(b).cmp(&name(a)),
            "table_name" => b.1.name.cmp(&a.1.name),
            _ => figure(b.1, key).partial_cmp(&figure(a.1, key)).unwrap_or(Ordering::Equal),
        };
        order.then_with(|| name(a).cmp(&name(b)))
    });
    if top > 0 {
        rows.truncate(top);
    }
    rows
}

/// The number a table is sorted by.
#[expect(clippy::cast_precision_loss, reason = "only compared")]
fn figure(table: &TableStats, key: &str) -> f64 {
    let number = match key {
        "average_live_cells_per_slice_last_five_minutes" => {
            return table.live_cells_per_slice.map_or(0.0, |(mean, _)| mean);
        }
        "average_tombstones_per_slice_last_five_minutes" => {
            return table.tombstones_per_slice.map_or(0.0, |(mean, _)| mean);
        }
        "bloom_filter_false_ratio" => return table.bloom_filter_false_ratio,
        "local_read_latency_ms" | "read_latency" => return latency_ms(table.recent_read_latency).max(0.0),
        "local_write_latency_ms" | "write_latency" => return latency_ms(table.recent_write_latency).max(0.0),
        "sstable_compression_ratio" => return table.sstable_compression_ratio,
        "percent_repaired" => return table.percent_repaired,
        "local_read_write_ratio" => return read_write_ratio(table),
        "bloom_filter_false_positives" => table.bloom_filter_false_positives,
        "bloom_filter_off_heap_memory_used" => table.bloom_filter_memory_bytes,
        "bloom_filter_space_used" => table.bloom_filter_space_bytes,
        "compacted_partition_maximum_bytes" => table.partition_maximum_bytes,
        "compacted_partition_mean_bytes" => table.partition_mean_bytes,
        "compacted_partition_minimum_bytes" => table.partition_minimum_bytes,
        "compression_metadata_off_heap_memory_used" => table.compression_metadata_memory_bytes,
        "index_summary_off_heap_memory_used" => table.index_summary_memory_bytes,
        "local_read_count" | "reads" => table.read_count,
        "writes" => table.write_count,
        "maximum_live_cells_per_slice_last_five_minutes" => {
            table.live_cells_per_slice.map_or(0, |(_, max)| max)
        }
        "maximum_tombstones_per_slice_last_five_minutes" => {
            table.tombstones_per_slice.map_or(0, |(_, max)| max)
        }
        "memtable_cell_count" => table.memtable_cell_count,
        "memtable_data_size" => table.memtable_data_size_bytes,
        "memtable_off_heap_memory_used" => table.memtable_off_heap_bytes,
        "memtable_switch_count" => table.memtable_switch_count,
        "number_of_partitions_estimate" => table.partitions_estimate,
        "off_heap_memory_used_total" => off_heap(table),
        "pending_flushes" => table.pending_flushes,
        "space_used_by_snapshots_total" => table.space_used_by_snapshots_bytes,
        "space_used_live" => table.space_used_live_bytes,
        "space_used_total" => table.space_used_total_bytes,
        "sstable_count" => table.sstable_count,
        "max_sstable_size" => table.max_sstable_size_bytes,
        _ => 0,
    };
    number as f64
}

fn off_heap(table: &TableStats) -> u64 {
    table.memtable_off_heap_bytes
        + table.bloom_filter_memory_bytes
        + table.index_summary_memory_bytes
        + table.compression_metadata_memory_bytes
}

fn latency_ms(latency: Option<Duration>) -> f64 {
    latency.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "five decimals are shown")]
fn read_write_ratio(table: &TableStats) -> f64 {
    if table.write_count > 0 { table.read_count as f64 / table.write_count as f64 } else { 0.0 }
}

/// How figures are shown.
struct View {
    human: bool,
    location: bool,
}

impl View {
    fn size(&self, bytes: u64) -> String {
        if self.human { file_size(bytes) } else { bytes.to_string() }
    }

    fn by_keyspace(&self, keyspaces: &[Keyspace], number: usize) -> String {
        let mut text = format!("Total number of tables: {number}\n----------------\n");
        for keyspace in keyspaces {
            let _ = writeln!(
                text,
                "Keyspace: {}\n\tRead Count: {}\n\tRead Latency: {} ms\n\tWrite Count: {}\n\tWrite Latency: {} \
                 ms\n\tPending Flushes: {}",
                keyspace.name,
                keyspace.sum(|table| table.read_count),
                double(keyspace.read_latency()),
                keyspace.sum(|table| table.write_count),
                double(keyspace.write_latency()),
                keyspace.sum(|table| table.pending_flushes)
            );
            for table in keyspace.shown() {
                self.table(&mut text, table, &table.name, "\t\t");
            }
            text.push_str("----------------\n");
        }
        text
    }

    fn sorted(&self, rows: &[Row<'_>], number: usize, key: &str, top: usize) -> String {
        if rows.is_empty() {
            return String::new();
        }
        let mut text = format!("Total number of tables: {number}");
        if top > 0 {
            let _ = write!(text, " (showing top {} by {key})", top.min(number));
        }
        text.push_str("\n----------------\n");
        for (keyspace, table) in rows {
            self.table(&mut text, table, &format!("{keyspace}.{}", table.name), "\t");
        }
        text.push_str("----------------\n");
        text
    }

    fn table(&self, text: &mut String, table: &TableStats, name: &str, indent: &str) {
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "{indent}{name}: {value}");
        };
        row(if table.name.contains('.') { "Table (index)" } else { "Table" }, name.to_owned());
        row("SSTable count", table.sstable_count.to_string());
        row("Old SSTable count", table.old_sstable_count.to_string());
        row("Max SSTable size", memory(table.max_sstable_size_bytes));
        if table.sstables_in_each_level.is_some() || table.sstable_bytes_in_each_level.is_some() {
            row("SSTables in each level", format!("[{}]", levels(table).join(", ")));
            row("SSTable bytes in each level", format!("[{}]", self.level_bytes(table).join(", ")));
        }
        row("Space used (live)", self.size(table.space_used_live_bytes));
        row("Space used (total)", self.size(table.space_used_total_bytes));
        row("Space used by snapshots (total)", self.size(table.space_used_by_snapshots_bytes));
        row("Off heap memory used (total)", self.size(off_heap(table)));
        row("SSTable Compression Ratio", fixed(table.sstable_compression_ratio, 5));
        row("Number of partitions (estimate)", table.partitions_estimate.to_string());
        row("Memtable cell count", table.memtable_cell_count.to_string());
        row("Memtable data size", self.size(table.memtable_data_size_bytes));
        row("Memtable off heap memory used", self.size(table.memtable_off_heap_bytes));
        row("Memtable switch count", table.memtable_switch_count.to_string());
        row("Speculative retries", table.speculative_retries.to_string());
        row("Local read count", table.read_count.to_string());
        row("Local read latency", format!("{} ms", fixed(latency_ms(table.recent_read_latency), 3)));
        row("Local write count", table.write_count.to_string());
        row("Local write latency", format!("{} ms", fixed(latency_ms(table.recent_write_latency), 3)));
        row("Local read/write ratio", fixed(read_write_ratio(table), 5));
        row("Pending flushes", table.pending_flushes.to_string());
        row("Percent repaired", double(table.percent_repaired));
        row("Bytes repaired", memory(table.bytes_repaired));
        row("Bytes unrepaired", memory(table.bytes_unrepaired));
        row("Bytes pending repair", memory(table.bytes_pending_repair));
        row("Bloom filter false positives", table.bloom_filter_false_positives.to_string());
        row("Bloom filter false ratio", fixed(table.bloom_filter_false_ratio, 5));
        row("Bloom filter space used", self.size(table.bloom_filter_space_bytes));
        row("Bloom filter off heap memory used", self.size(table.bloom_filter_memory_bytes));
        row("Index summary off heap memory used", self.size(table.index_summary_memory_bytes));
        row("Compression metadata off heap memory used", self.size(table.compression_metadata_memory_bytes));
        row("Compacted partition minimum bytes", table.partition_minimum_bytes.to_string());
        row("Compacted partition maximum bytes", table.partition_maximum_bytes.to_string());
        row("Compacted partition mean bytes", table.partition_mean_bytes.to_string());
        let (live, live_max) = table.live_cells_per_slice.unwrap_or((f64::NAN, 0));
        row("Average live cells per slice (last five minutes)", double(live));
        row("Maximum live cells per slice (last five minutes)", live_max.to_string());
        let (dead, dead_max) = table.tombstones_per_slice.unwrap_or((f64::NAN, 0));
        row("Average tombstones per slice (last five minutes)", double(dead));
        row("Maximum tombstones per slice (last five minutes)", dead_max.to_string());
        row("Droppable tombstone ratio", fixed(table.droppable_tombstone_ratio, 5));
        if self.location {
            row("SSTables in correct location", "true".to_owned());
        }
        text.push('\n');
    }

    fn level_bytes(&self, table: &TableStats) -> Vec<String> {
        table.sstable_bytes_in_each_level.iter().flatten().map(|bytes| self.size(*bytes)).collect()
    }

    fn keyspaces_json(&self, keyspaces: &[Keyspace], number: usize) -> Value {
        let mut all = Map::new();
        for keyspace in keyspaces {
            let tables: Map<_, _> =
                keyspace.shown().map(|table| (table.name.clone(), self.json(table))).collect();
            all.insert(
                keyspace.name.clone(),
                json!({
                    "read_latency": number_or_nan(keyspace.read_latency()),
                    "read_count": keyspace.sum(|table| table.read_count),
                    "read_latency_ms": number_or_nan(keyspace.read_latency()),
                    "write_count": keyspace.sum(|table| table.write_count),
                    "write_latency_ms": number_or_nan(keyspace.write_latency()),
                    "pending_flushes": keyspace.sum(|table| table.pending_flushes),
                    "tables": tables,
                }),
            );
        }
        all.insert("total_number_of_tables".to_owned(), json!(number));
        Value::Object(all)
    }

    fn sorted_json(&self, rows: &[Row<'_>], number: usize) -> Value {
        let mut all: Map<_, _> = rows
            .iter()
            .map(|(keyspace, table)| (format!("{keyspace}.{}", table.name), self.json(table)))
            .collect();
        all.insert("total_number_of_tables".to_owned(), json!(number));
        Value::Object(all)
    }

    fn json(&self, table: &TableStats) -> Value {
        let (live, live_max) = table.live_cells_per_slice.unwrap_or((f64::NAN, 0));
        let (dead, dead_max) = table.tombstones_per_slice.unwrap_or((f64::NAN, 0));
        let mut value = json!({
            "sstable_count": table.sstable_count,
            "old_sstable_count": table.old_sstable_count,
            "sstables_in_each_level": levels(table),
            "sstable_bytes_in_each_level": self.level_bytes(table),
            "max_sstable_size": table.max_sstable_size_bytes,
            "twcs": null,
            "space_used_live": self.size(table.space_used_live_bytes),
            "space_used_total": self.size(table.space_used_total_bytes),
            "space_used_by_snapshots_total": self.size(table.space_used_by_snapshots_bytes),
            "off_heap_memory_used_total": self.size(off_heap(table)),
            "sstable_compression_ratio": number_or_nan(table.sstable_compression_ratio),
            "number_of_partitions_estimate": table.partitions_estimate,
            "memtable_cell_count": table.memtable_cell_count,
            "memtable_data_size": self.size(table.memtable_data_size_bytes),
            "memtable_off_heap_memory_used": self.size(table.memtable_off_heap_bytes),
            "memtable_switch_count": table.memtable_switch_count,
            "speculative_retries": table.speculative_retries,
            "local_read_count": table.read_count,
            "local_read_latency_ms": fixed(latency_ms(table.recent_read_latency), 3),
            "local_write_count": table.write_count,
            "local_write_latency_ms": fixed(latency_ms(table.recent_write_latency), 3),
            "local_read_write_ratio": fixed(read_write_ratio(table), 5),
            "pending_flushes": table.pending_flushes,
            "percent_repaired": number_or_nan(table.percent_repaired),
            "bytes_repaired": table.bytes_repaired,
            "bytes_unrepaired": table.bytes_unrepaired,
            "bytes_pending_repair": table.bytes_pending_repair,
            "bloom_filter_false_positives": table.bloom_filter_false_positives,
            "bloom_filter_false_ratio": fixed(table.bloom_filter_false_ratio, 5),
            "bloom_filter_space_used": self.size(table.bloom_filter_space_bytes),
        });
        let more = json!({
            "bloom_filter_off_heap_memory_used": self.size(table.bloom_filter_memory_bytes),
            "index_summary_off_heap_memory_used": self.size(table.index_summary_memory_bytes),
            "compression_metadata_off_heap_memory_used": self.size(table.compression_metadata_memory_bytes),
            "compacted_partition_minimum_bytes": table.partition_minimum_bytes,
            "compacted_partition_maximum_bytes": table.partition_maximum_bytes,
            "compacted_partition_mean_bytes": table.partition_mean_bytes,
            "average_live_cells_per_slice_last_five_minutes": number_or_nan(live),
            "maximum_live_cells_per_slice_last_five_minutes": live_max,
            "average_tombstones_per_slice_last_five_minutes": number_or_nan(dead),
            "maximum_tombstones_per_slice_last_five_minutes": dead_max,
            "droppable_tombstone_ratio": fixed(table.droppable_tombstone_ratio, 5),
            "top_size_partitions": {},
            "top_tombstone_partitions": {},
            "sai_local_query_latency_ms": "0.000",
            "sai_post_filtering_read_latency": "0.000",
            "sai_disk_used_bytes": null,
            "sai_sstable_indexes_hit": 0.0,
            "sai_index_segments_hit": 0.0,
            "sai_rows_filtered": 0.0,
            "sai_total_query_timeouts": 0,
            "sai_total_queryable_index_ratio": null,
        });
        if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
            value.extend(more);
            if self.location {
                value.insert("sstables_in_correct_location".to_owned(), Value::Bool(true));
            }
        }
        value
    }
}

/// SSTables in each level, with the limit of a level that has too many.
fn levels(table: &TableStats) -> Vec<String> {
    let limit = |level: usize| {
        if level == 0 { 4 } else { 10_u64.saturating_pow(u32::try_from(level).unwrap_or(u32::MAX)) }
    };
    let shown = |(level, count): (usize, &u64)| {
        if *count > limit(level) { format!("{count}/{}", limit(level)) } else { count.to_string() }
    };
    table.sstables_in_each_level.iter().flatten().enumerate().map(shown).collect()
}

/// As Java's JSON library writes numbers: not a number is text.
fn number_or_nan(value: f64) -> Value {
    if value.is_nan() { Value::String("NaN".to_owned()) } else { json!(value) }
}

/// `nodetool datapaths`
pub(super) fn data_paths(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<String> {
    let filter = Filter { words: &parsed.arguments, ignore: false };
    let mut text = String::new();
    for (position, keyspace) in select(admin, &filter)?.iter().enumerate() {
        if position > 0 {
            text.push_str("----------------\n");
        }
        let _ = writeln!(text, "Keyspace: {}", keyspace.name);
        for table in keyspace.shown() {
            let _ = writeln!(text, "\tTable: {}\n\tPaths:", table.name);
            for path in admin.data_paths(&keyspace.name, &table.name) {
                let _ = writeln!(text, "\t\t{path}");
            }
            text.push('\n');
        }
    }
    Ok(text)
}
