//! `compactionstats`, `compactionhistory`, and what compactions may take.

use chrono::DateTime;

use super::admin::{Admin, AdminResult, RunningCompaction};
use super::command::Parsed;
use super::format::{Table, double, file_size};

/// A number of bytes, as the options want it.
fn shown(bytes: u64, parsed: &Parsed) -> String {
    if parsed.has("-H") { file_size(bytes) } else { bytes.to_string() }
}

/// `nodetool compactionstats`
pub(super) async fn stats(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<String> {
    let info = admin.compactions().await?;
    let node = admin.node();
    let size = |bytes: u64| shown(bytes, parsed);
    let mut table = Table::default();
    table.add(["concurrent compactors", &info.concurrent.to_string()]);
    table.add(["pending tasks", &info.pending.iter().map(|(_, _, number)| number).sum::<u64>().to_string()]);
    for (keyspace, name, number) in &info.pending {
        table.add([keyspace, name, &number.to_string()]);
    }
    #[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
    let per_hour = info.completed as f64 / node.uptime.as_secs_f64().max(1.0) * 3600.0;
    table.add(["compactions completed", &info.completed.to_string()]);
    table.add(["data compacted", &size(info.bytes_compacted)]);
    table.add(["compactions aborted", &info.aborted.to_string()]);
    table.add(["compactions reduced", &info.reduced.to_string()]);
    table.add(["sstables dropped from compaction", &info.dropped_sstables.to_string()]);
    table.add(["15 minute rate", &format!("{:.2}/minute", info.rate_15_minutes * 60.0)]);
    table.add(["mean rate", &format!("{per_hour:.2}/hour")]);
    let throughput = match node.compaction_throughput_bytes {
        0 => "throttling disabled (0)".to_owned(),
        #[expect(clippy::cast_precision_loss, reason = "a setting in MiB/s")]
        bytes => double(bytes as f64 / f64::from(1 << 20)),
    };
    table.add(["compaction throughput (MiB/s)", &throughput]);
    if !info.running.is_empty() {
        add_running(&mut table, &info.running, node.compaction_throughput_bytes, parsed);
    }
    Ok(table.print(" ", &table.widths()))
}

/// What runs now, and how long it will take.
fn add_running(table: &mut Table, running: &[RunningCompaction], throughput_bytes: u64, parsed: &Parsed) {
    let size = |bytes: u64| shown(bytes, parsed);
    let progress = |completed: u64, total: u64| match total {
        0 => "n/a".to_owned(),
        #[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
        _ => format!("{:.2}%", completed as f64 / total as f64 * 100.0),
    };
    if parsed.has("-V") {
        table.add([
            "keyspace",
            "table",
            "task id",
            "completion ratio",
            "kind",
            "progress",
            "sstables",
            "total",
            "unit",
            "target directory",
        ]);
    } else {
        table.add(["id", "compaction type", "keyspace", "table", "completed", "total", "unit", "progress"]);
    }
    let mut remaining = 0;
    for task in running {
        let (id, share) = (task.id.to_string(), progress(task.completed_bytes, task.total_bytes));
        let (completed, total) = (size(task.completed_bytes), size(task.total_bytes));
        if parsed.has("-V") {
            table.add([
                &task.keyspace,
                &task.table,
                &id,
                &share,
                &task.kind,
                &completed,
                "",
                &total,
                "bytes",
                "",
            ]);
        } else {
            table.add([&id, &task.kind, &task.keyspace, &task.table, &completed, &total, "bytes", &share]);
        }
        remaining += task.total_bytes.saturating_sub(task.completed_bytes);
    }
    let time = match remaining.checked_div(throughput_bytes) {
        Some(seconds) => format!("{}h{:02}m{:02}s", seconds / 3600, seconds % 3600 / 60, seconds % 60),
        None => "n/a".to_owned(),
    };
    table.add(["active compaction remaining time", &time]);
}

/// `nodetool getcompactionthroughput`
pub(super) fn throughput(admin: &dyn Admin, parsed: &Parsed) -> String {
    let bytes = admin.node().compaction_throughput_bytes;
    if parsed.has("-d") {
        #[expect(clippy::cast_precision_loss, reason = "a setting in MiB/s")]
        let mebibytes = bytes as f64 / f64::from(1 << 20);
        format!("Current compaction throughput: {} MiB/s\n", double(mebibytes))
    } else {
        format!("Current compaction throughput: {} MB/s\n", (bytes + (1 << 19)) >> 20)
    }
}

/// `nodetool getconcurrentcompactors`
pub(super) async fn concurrent(admin: &dyn Admin) -> AdminResult<String> {
    let concurrent = admin.compactions().await?.concurrent;
    Ok(format!("Current concurrent compactors in the system is: \n{concurrent}\n"))
}

/// `nodetool compactionhistory`
pub(super) async fn history(admin: &dyn Admin) -> AdminResult<String> {
    let info = admin.compactions().await?;
    if info.history.is_empty() {
        return Ok("There is no compaction history\n".to_owned());
    }
    let mut table = Table::default();
    table.add([
        "id",
        "keyspace_name",
        "columnfamily_name",
        "compacted_at",
        "bytes_in",
        "bytes_out",
        "rows_merged",
        "compaction_properties",
    ]);
    for past in &info.history {
        let at = DateTime::from_timestamp_millis(past.compacted_at_ms)
            .map_or_else(String::new, |at| at.format("%Y-%m-%dT%H:%M:%S%.3f").to_string());
        let merged: Vec<_> = past.rows_merged.iter().map(|(count, rows)| format!("{count}:{rows}")).collect();
        let properties: Vec<_> =
            past.properties.iter().map(|(key, value)| format!("{key}:{value}")).collect();
        table.add([
            past.id.to_string(),
            past.keyspace.clone(),
            past.table.clone(),
            at,
            past.bytes_in.to_string(),
            past.bytes_out.to_string(),
            format!("{{{}}}", merged.join(", ")),
            format!("{{{}}}", properties.join(", ")),
        ]);
    }
    Ok(format!("Compaction History: \n{}", table.print(" ", &table.widths())))
}
