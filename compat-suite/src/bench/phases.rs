//! The parts of a run, in their order.

use std::time::Duration;

use super::functions::{Access, Data, Function, Workload};
use super::latte::{Latte, Length};
use super::nodes::{CONFIGURED_MEBIBYTES, Node};
use super::results::{Comparison, Sample, Section};
use super::{Bench, Phase, say, share, usage};
use crate::{Error, Result};

/// What every server answers from its first moment.
const FIRST_QUERY: &str = "SELECT release_version FROM system.local";
/// How many orders or readings the warm-up's keyspaces hold before it writes more.
const WARM_UP_ROWS: u64 = 20_000;
/// How often a function is called with cold caches: more would find warm what the first calls read.
const COLD_CYCLES: u64 = 5_000;
const MEBIBYTE: f64 = 1_048_576.0;

/// Starts both in empty directories.
pub fn start(bench: &mut Bench) -> Result<()> {
    for node in &mut bench.nodes {
        let took = node.start_until(FIRST_QUERY)?;
        say(&format!("{} answers after {} ms", node.name(), took.as_millis()));
        let results = &mut bench.results;
        results.fact("start to first answer, empty directory", "ms", node.is_reference(), millis(took));
        // What it does once it is started is done.
        std::thread::sleep(Duration::from_secs(1));
        let bytes = usage::resident_bytes(node.running()?.1)?;
        results.fact("resident, idle, empty", "MiB", node.is_reference(), mebibytes(bytes));
    }
    Ok(())
}

/// Calls every function on keyspaces of the warm-up's own, which later warm up a restarted server too.
pub fn warm_up(bench: &mut Bench) -> Result<()> {
    for node in &bench.nodes {
        let seconds = warm_up_seconds(bench, node.as_ref());
        say(&format!("warm-up of {}, {seconds} s", node.name()));
        let (address, _) = node.running()?;
        for workload in bench.workloads() {
            bench.latte.schema(address, workload, workload.warm_up_keyspace)?;
            bench.latte.load(address, workload, workload.warm_up_keyspace, WARM_UP_ROWS)?;
        }
        let functions: Vec<_> = bench.functions().collect();
        warm_up_by(&bench.latte, node.as_ref(), &functions, share(seconds, functions.len()))?;
        for workload in bench.workloads() {
            node.nodetool(&["flush", workload.warm_up_keyspace])?;
            node.nodetool(&["compact", workload.warm_up_keyspace])?;
        }
    }
    Ok(())
}

fn warm_up_seconds(bench: &Bench, node: &dyn Node) -> u64 {
    if node.is_reference() { bench.options.warm_up } else { bench.options.warm_up.div_ceil(5) }
}

/// Before reads from SSTables: Cassandra has compiled little of that yet.
fn warm_up_again(bench: &Bench, functions: &[&Function]) -> Result<()> {
    for node in &bench.nodes {
        let seconds = warm_up_seconds(bench, node.as_ref()) / 2;
        say(&format!("warm-up of {} on other tables, {seconds} s", node.name()));
        warm_up_by(&bench.latte, node.as_ref(), functions, share(seconds, functions.len()))?;
    }
    Ok(())
}

fn warm_up_by(latte: &Latte, node: &dyn Node, functions: &[&Function], each: Duration) -> Result<()> {
    let (address, _) = node.running()?;
    for function in functions {
        let keyspace = function.workload.warm_up_keyspace;
        latte.run(address, function, keyspace, warm_up_rows(function.workload), Length::Time(each), None)?;
    }
    Ok(())
}

/// The rows that a script reads among: in the warm-up a part of a day of readings is enough.
fn warm_up_rows(workload: &Workload) -> u64 {
    WARM_UP_ROWS.min(workload.rows_on_disk)
}

/// Everything that was asked for.
pub fn measure(bench: &mut Bench) -> Result<()> {
    let memory = if bench.has(Phase::Memory) || bench.has(Phase::Rate) { memory(bench)? } else { Vec::new() };
    if bench.has(Phase::Rate) && !bench.options.helenus_only {
        rate(bench, &memory)?;
    }
    if bench.reads().next().is_some() && (bench.has(Phase::Sstables) || bench.has(Phase::Cold)) {
        to_sstables(bench)?;
        if bench.has(Phase::Sstables) {
            sstables(bench)?;
        }
        if bench.has(Phase::Cold) {
            cold(bench)?;
        }
    }
    if bench.has(Phase::Replay) {
        replay(bench)?;
    }
    Ok(())
}

/// Every function with everything in memtables: the writes into empty tables, then the reads.
fn memory(bench: &mut Bench) -> Result<Vec<Comparison>> {
    let plan = Plan { rounds: bench.options.rounds, rate: None, floor: true, data: Data::InMemory };
    let mut comparisons =
        bench.writes().map(|function| compare(bench, function, plan)).collect::<Result<Vec<_>>>()?;
    if bench.reads().next().is_some() {
        load(bench, Data::InMemory)?;
        no_sstables(bench)?;
    }
    for function in bench.reads() {
        comparisons.push(compare(bench, function, plan)?);
    }
    no_sstables(bench)?;
    resident(
        bench,
        &format!(
            "resident, all rows in memtables (these and the chunk cache may take {CONFIGURED_MEBIBYTES})"
        ),
    )?;
    let note = "Every row in memtables: SSTable count 0 on both, checked. Writes go into empty tables. The floor answers \
                void to reads too.";
    bench.results.sections.push(Section {
        title: "From memory",
        note: note.to_owned(),
        comparisons: comparisons.clone(),
    });
    Ok(comparisons)
}

/// Every function at Cassandra's own maximum, which [`memory`] measured, while the data are where that left them.
fn rate(bench: &mut Bench, memory: &[Comparison]) -> Result<()> {
    let mut comparisons = Vec::new();
    for function in bench.reads().chain(bench.writes()) {
        let measured = memory.iter().find(|comparison| comparison.function == function.name);
        let maximum = measured.and_then(|comparison| Sample::median(&comparison.cassandra));
        let Some(maximum) = maximum else { continue };
        let rate = Some(maximum.cycles_per_second);
        let plan = Plan { rounds: bench.options.rounds, rate, floor: true, data: Data::InMemory };
        comparisons.push(compare(bench, function, plan)?);
    }
    bench.loaded = bench.loaded.filter(|_| bench.writes().next().is_none());
    let note = "All held to the throughput that Cassandra reached in the table before (latte's `--rate`, whose ticks are \
                a millisecond apart, so that a millisecond's calls come at once; calls that a server cannot take in time \
                are left out, not queued). In memory. The floor's latencies are those of the client and the machine.";
    bench.results.sections.push(Section {
        title: "At Cassandra's maximum throughput",
        note: note.to_owned(),
        comparisons,
    });
    Ok(())
}

/// Makes one SSTable of each table.
fn to_sstables(bench: &mut Bench) -> Result<()> {
    if bench.loaded != Some(Data::OnDisk) {
        load(bench, Data::OnDisk)?;
    }
    let workloads = bench.workloads();
    for node in &bench.nodes {
        say(&format!("flush and compaction on {}", node.name()));
        let mut bytes = 0;
        for workload in &workloads {
            node.nodetool(&["flush", workload.keyspace])?;
            node.nodetool(&["compact", workload.keyspace])?;
            bytes += usage::directory_bytes(&node.data_directory().join(workload.keyspace))?;
        }
        bench.results.fact("data on disk after compaction", "MiB", node.is_reference(), mebibytes(bytes));
    }
    Ok(())
}

/// The reads from SSTables, with warm caches.
fn sstables(bench: &mut Bench) -> Result<()> {
    let functions: Vec<_> = bench.reads().collect();
    warm_up_again(bench, &functions)?;
    let mut comparisons = Vec::new();
    for function in functions {
        let plan = Plan { rounds: 1, rate: None, floor: false, data: Data::OnDisk };
        compare(bench, function, plan)?;
        let plan = Plan { rounds: bench.options.rounds, ..plan };
        comparisons.push(compare(bench, function, plan)?);
    }
    resident(bench, "resident after reads from SSTables")?;
    bench.results.sections.push(Section {
        title: "From SSTables, warm caches",
        note: "After flush and major compaction, and a warm-up on other tables' SSTables; one round before the measured ones \
               fills the caches."
            .to_owned(),
        comparisons,
    });
    Ok(())
}

/// The reads after a restart, from the disk.
fn cold(bench: &mut Bench) -> Result<()> {
    let functions: Vec<_> = bench.reads().filter(|f| f.access == Access::Read { cold: true }).collect();
    let Some(first) = functions.first() else { return Ok(()) };
    for index in 0..bench.nodes.len() {
        let Some(node) = bench.nodes.get_mut(index) else { continue };
        node.stop()?;
        let took = node.start_until(first.workload.probe)?;
        say(&format!("{} answers after {} ms", node.name(), took.as_millis()));
        let what = "start to first answer, a million rows in SSTables";
        bench.results.fact(what, "ms", node.is_reference(), millis(took));
    }
    warm_up_again(bench, &functions)?;
    let plan = Plan { rounds: 1, rate: None, floor: false, data: Data::OnDisk };
    let mut dropped = Ok(());
    let mut comparisons: Vec<Comparison> = Vec::new();
    for function in functions {
        let mut comparison = Comparison { function: function.name, ..Comparison::default() };
        for node in &bench.nodes {
            dropped = dropped.and(usage::drop_page_cache());
            let sample =
                measure_once(&bench.latte, node.as_ref(), function, Length::Cycles(COLD_CYCLES), plan)?;
            if node.is_reference() { &mut comparison.cassandra } else { &mut comparison.helenus }
                .push(sample);
        }
        comparisons.push(comparison);
    }
    let kernel = match dropped {
        Ok(()) => "the kernel's page cache dropped before each".to_owned(),
        Err(error) => {
            format!("but the kernel's page cache is as it was, for it could not be dropped ({error})")
        }
    };
    let note = format!(
        "After a restart, and a warm-up on other tables (for the JVM): these tables' blocks are in no cache of the server; \
         {kernel}. {COLD_CYCLES} calls, one round, one function for each table."
    );
    bench.results.sections.push(Section { title: "From SSTables, cold caches", note, comparisons });
    Ok(())
}

/// Kills both with everything in the commit log, and starts them.
fn replay(bench: &mut Bench) -> Result<()> {
    load(bench, Data::OnDisk)?;
    let Some(workload) = bench.workloads().last().copied() else { return Ok(()) };
    for node in &mut bench.nodes {
        node.kill()?;
        let took = node.start_until(workload.probe)?;
        say(&format!("{} answers after {} ms, replaying", node.name(), took.as_millis()));
        let what = "start to first answer, a million rows in the commit log (kill -9)";
        bench.results.fact(what, "ms", node.is_reference(), millis(took));
    }
    Ok(())
}

/// Makes all tables anew and fills them, on both. What memtables held before of tables that are gone is flushed first,
/// or it would count until then.
fn load(bench: &mut Bench, data: Data) -> Result<()> {
    for node in &bench.nodes {
        let (address, _) = node.running()?;
        for workload in bench.workloads() {
            bench.latte.schema(address, workload, workload.keyspace)?;
        }
        node.nodetool(&["flush"])?;
    }
    for workload in bench.workloads() {
        for node in &bench.nodes {
            let rows = workload.rows(data);
            say(&format!("{rows} cycles of load of {} on {}", workload.script, node.name()));
            let (address, _) = node.running()?;
            bench.latte.load(address, workload, workload.keyspace, rows)?;
        }
    }
    bench.loaded = Some(data);
    Ok(())
}

/// Notes how much memory of both is resident.
fn resident(bench: &mut Bench, what: &str) -> Result<()> {
    for node in &bench.nodes {
        let bytes = usage::resident_bytes(node.running()?.1)?;
        bench.results.fact(what, "MiB", node.is_reference(), mebibytes(bytes));
    }
    Ok(())
}

/// Fails if a table that was measured has an SSTable.
fn no_sstables(bench: &Bench) -> Result<()> {
    for node in &bench.nodes {
        for workload in bench.workloads() {
            let count = node.sstable_count(workload.keyspace)?;
            if count > 0 {
                let what = format!("{}, {}", node.name(), workload.keyspace);
                return Err(Error::failed(
                    what,
                    format_args!("{count} SSTables where everything had to be in memory"),
                ));
            }
        }
    }
    Ok(())
}

/// How a function is compared.
#[derive(Clone, Copy)]
struct Plan {
    rounds: usize,
    /// Cycles a second that each server is held to.
    rate: Option<f64>,
    /// Whether the bare responder runs too.
    floor: bool,
    /// What is read.
    data: Data,
}

/// Runs a function in turn on every server.
fn compare(bench: &Bench, function: &'static Function, plan: Plan) -> Result<Comparison> {
    let Plan { rounds, rate, floor, .. } = plan;
    let mut comparison = Comparison { function: function.name, rate, ..Comparison::default() };
    let length = bench.cycles(function);
    for _ in 0..rounds {
        for node in &bench.nodes {
            if function.access == Access::Write {
                let (address, _) = node.running()?;
                bench.latte.schema(address, function.workload, function.workload.keyspace)?;
            }
            bench.nodes.iter().try_for_each(|node| usage::wait_until_idle(node.running()?.1))?;
            let sample = measure_once(&bench.latte, node.as_ref(), function, length, plan)?;
            if node.is_reference() { &mut comparison.cassandra } else { &mut comparison.helenus }
                .push(sample);
            if function.access == Access::Write && node.sstable_count(function.workload.keyspace)? > 0 {
                let what = format!("{}, {}", node.name(), function.name);
                return Err(Error::failed(what, "flushed while everything had to stay in memory"));
            }
        }
        if let Some(floor) = bench.floor.as_ref().filter(|_| floor) {
            let (address, process) = floor.running();
            let length = if rate.is_some() { length } else { bench.floor_cycles(function) };
            comparison.floor.push(sample(&bench.latte, (address, process), function, length, plan)?);
        }
    }
    Ok(comparison)
}

fn measure_once(
    latte: &Latte,
    node: &dyn Node,
    function: &Function,
    length: Length,
    plan: Plan,
) -> Result<Sample> {
    let sample = sample(latte, node.running()?, function, length, plan)?;
    say(&format!(
        "{:17} {:9} {:>9.0} requests/s {:>8.2} µs CPU, p99 {:.2} ms",
        function.name,
        node.name(),
        sample.requests_per_second,
        sample.cpu_us,
        sample.p99_ms
    ));
    Ok(sample)
}

fn sample(
    latte: &Latte,
    (address, process): (std::net::SocketAddr, u32),
    function: &Function,
    length: Length,
    plan: Plan,
) -> Result<Sample> {
    let before = usage::cpu_time(process)?;
    let workload = function.workload;
    let report =
        latte.run(address, function, workload.keyspace, workload.rows(plan.data), length, plan.rate)?;
    let after = usage::cpu_time(process)?;
    Ok(Sample::new(&report, after.saturating_sub(before), usage::resident_bytes(process)?))
}

#[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / MEBIBYTE
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
