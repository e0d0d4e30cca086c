//! What a server measures: `proxyhistograms`, `tablehistograms`, `tpstats`, `gcstats`.

use super::admin::{Admin, AdminError, AdminResult};
use super::command::{Group, Output, Parsed, Spec, spec, taking};
use super::format::{Table, fixed};

/// The 50th, 75th, 95th, 98th and 99th percentile, the least and the greatest.
pub type Percentiles = [f64; 7];

const SHARES: [&str; 7] = ["50%", "75%", "95%", "98%", "99%", "Min", "Max"];

/// What is measured of a table. Times are microseconds.
#[derive(Clone, Debug, Default)]
pub struct TableHistograms {
    /// Reads of partitions.
    pub read: Percentiles,
    /// Writes.
    pub write: Percentiles,
    /// SSTables that a read looked into.
    pub sstables: Percentiles,
    /// Bytes and cells of partitions in SSTables, if there are any.
    pub partitions: Option<(Percentiles, Percentiles)>,
}

/// A pool of threads or tasks.
#[derive(Clone, Debug)]
pub struct PoolStats {
    /// Its name.
    pub name: String,
    /// What runs.
    pub active: u64,
    /// What waits.
    pub pending: u64,
    /// What is done.
    pub completed: u64,
}

/// What a server measures. Names of keyspaces and tables are known to exist when a method takes them.
pub trait Measures: Send + Sync + 'static {
    /// Reads of partitions, writes and reads of ranges that this node coordinated, in microseconds.
    fn coordinator_latencies(&self) -> [Percentiles; 3];

    /// What is measured of a table.
    fn table_histograms(&self, keyspace: &str, table: &str) -> TableHistograms;

    /// The pools.
    fn pools(&self) -> Vec<PoolStats>;
}

pub(super) const GROUP: Group = Group {
    specs: &[
        spec("gcstats", "Print GC Statistics"),
        spec("proxyhistograms", "Print statistic histograms for network operations"),
        taking(
            "tablehistograms",
            "Print statistic histograms for a given table",
            "[<keyspace> <table> | <keyspace.table>]",
        ),
        Spec {
            name: "tpstats",
            description: "Print usage statistics of thread pools",
            flags: &[],
            arguments: None,
        },
    ],
    run: |admin, name, parsed| Box::pin(std::future::ready(run(admin, name, parsed))),
};

fn run(admin: &dyn Admin, name: &str, parsed: &Parsed) -> AdminResult<Output> {
    let text = match name {
        "gcstats" => collections(admin),
        "proxyhistograms" => proxy(admin),
        "tablehistograms" => tables(admin, parsed)?,
        _ => pools(admin),
    };
    Ok(text.into())
}

/// Nothing is collected here: the interval is all the time since the start.
fn collections(admin: &dyn Admin) -> String {
    let names = [
        "Interval (ms)",
        "Max GC Elapsed (ms)",
        "Total GC Elapsed (ms)",
        "Stdev GC Elapsed (ms)",
        "GC Reclaimed (MB)",
        "Collections",
    ];
    let mut text: String = names.iter().map(|name| format!("{name:>20}")).collect();
    text.push_str(&format!("{:>25}\n", "Direct Memory Bytes"));
    text.push_str(&format!("{:>20}", admin.node().uptime.as_millis()));
    text.push_str(&format!("{:>20}", 0).repeat(5));
    text.push_str(&format!("{:>25}\n", -1));
    text
}

fn proxy(admin: &dyn Admin) -> String {
    let [read, write, range] = admin.measures().coordinator_latencies();
    // Conditional statements are measured with the others, and there are no views.
    let none = [0.0; 7];
    let columns = [read, write, range, none, none, none];
    let mut text = "proxy histograms\nPercentile ".to_owned();
    let names = ["Read", "Write", "Range", "CAS Read", "CAS Write", "View Write"];
    text.extend(names.iter().map(|name| format!("{:>19}", format!("{name} Latency"))));
    text = text.replacen("Percentile ", "Percentile", 1);
    text.push_str(&format!("\n{:<10}", ""));
    text.push_str(&format!("{:>19}", "(micros)").repeat(6));
    text.push('\n');
    for (row, share) in SHARES.iter().enumerate() {
        text.push_str(&format!("{share:<10}"));
        for column in &columns {
            text.push_str(&format!("{:>19}", fixed(column.get(row).copied().unwrap_or(0.0), 2)));
        }
        text.push('\n');
    }
    text + "\n"
}

fn tables(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<String> {
    let invalid = |message: &str| AdminError::Invalid(message.to_owned());
    let known = admin.keyspaces();
    let one = match parsed.arguments.as_slice() {
        [] => None,
        [name] => Some(
            name.split_once('.')
                .filter(|(_, table)| !table.contains('.'))
                .ok_or_else(|| invalid("tablehistograms requires keyspace and table name arguments"))?,
        ),
        [keyspace, table] => Some((keyspace.as_str(), table.as_str())),
        _ => {
            return Err(invalid(
                "tablehistograms requires <keyspace> <table> or <keyspace.table> format argument.",
            ));
        }
    };
    let all = known
        .iter()
        .flat_map(|keyspace| keyspace.tables.iter().map(|table| (keyspace.name.as_str(), table.as_str())));
    let chosen: Vec<_> = all.filter(|table| one.is_none_or(|one| one == *table)).collect();
    if let (Some((keyspace, table)), []) = (one, chosen.as_slice()) {
        return Err(invalid(&format!("Unknown table {keyspace}.{table}")));
    }
    Ok(chosen.into_iter().map(|(keyspace, table)| histograms(admin, keyspace, table)).collect())
}

fn histograms(admin: &dyn Admin, keyspace: &str, table: &str) -> String {
    let found = admin.measures().table_histograms(keyspace, table);
    let mut text = String::new();
    if found.partitions.is_none() {
        text.push_str(
            "No SSTables exists, unable to calculate 'Partition Size' and 'Cell Count' percentiles\n",
        );
    }
    let (sizes, cells) = found.partitions.unwrap_or(([f64::NAN; 7], [f64::NAN; 7]));
    text.push_str(&format!("{keyspace}/{table} histograms\n{:<10}", "Percentile"));
    let names = ["Read Latency", "Write Latency", "SSTables", "Partition Size", "Cell Count"];
    text.extend(names.iter().map(|name| format!("{name:>18}")));
    text.push_str(&format!("\n{:<10}", ""));
    text.extend(["(micros)", "(micros)", "", "(bytes)", ""].iter().map(|unit| format!("{unit:>18}")));
    text.push('\n');
    let columns = [(found.read, 2), (found.write, 2), (found.sstables, 2), (sizes, 0), (cells, 0)];
    for (row, share) in SHARES.iter().enumerate() {
        text.push_str(&format!("{share:<10}"));
        for (column, decimals) in &columns {
            text.push_str(&format!("{:>18}", fixed(column.get(row).copied().unwrap_or(0.0), *decimals)));
        }
        text.push('\n');
    }
    text + "\n"
}

fn pools(admin: &dyn Admin) -> String {
    let mut table = Table::default();
    table.add(["Pool Name", "Active", "Pending", "Completed", "Blocked", "All time blocked"]);
    for pool in admin.measures().pools() {
        let [active, pending, completed] =
            [pool.active, pool.pending, pool.completed].map(|number| number.to_string());
        table.add([pool.name.as_str(), &active, &pending, &completed, "0", "0"]);
    }
    let mut dropped = Table::default();
    dropped.add(["Message type", "Dropped    ", "50%     ", "95%     ", "99%     ", "Max"]);
    format!(
        "{}\nLatencies waiting in queue (micros) per dropped message types\n{}",
        table.print(" ", &table.widths()),
        dropped.print(" ", &dropped.widths())
    )
}
