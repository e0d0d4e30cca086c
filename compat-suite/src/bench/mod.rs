//! The benchmark: latte, one and the same script, on Apache Cassandra and on Helenus in turn, in one run on one machine,
//! so that what the machine does meets both. `BENCHMARKS.md` says how it is to be read.
//!
//! ```text
//!   start      both, in empty directories; how long until the first answer, how much memory
//!   warm-up    every function, in keyspaces of its own: a JVM needs a minute
//!   memory     every function; no table has an SSTable, on either, and that is checked
//!   rate       every function again, both held to the throughput that was Cassandra's maximum: the latencies there
//!   sstables   flush, major compaction; the reads, with warm caches
//!   cold       restart, a million rows; the caches of server and kernel empty; one read function for each table
//!   replay     kill -9 with a million rows in the commit log, and start
//! ```

mod floor;
mod functions;
mod latte;
mod nodes;
mod phases;
mod report;
mod results;
mod usage;
mod wire;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use functions::{Access, Data, FUNCTIONS, Function, Workload};
use latte::{Latte, Length};
use nodes::{CassandraNode, FloorNode, HelenusNode, Node};
use results::Results;

use crate::{Error, Result, helenus, target};

/// What is measured and for how long.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How often each function runs on each server; the tables show medians.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// How long Cassandra is warmed up, in seconds; Helenus a fifth of that, as nothing in it is compiled meanwhile.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    warm_up: u64,
    /// One round with a fifth of the cycles after a warm-up of ten seconds: to see that all works, not to quote.
    #[arg(long)]
    quick: bool,
    /// Only these functions.
    #[arg(long, value_name = "FUNCTION", value_delimiter = ',', value_parser = known_function)]
    only: Vec<String>,
    /// Only these phases; `start` and `warm-up` come with all of them.
    #[arg(long, value_name = "PHASE", value_delimiter = ',', value_enum, default_values = ["memory", "rate", "sstables", "cold", "replay"])]
    phase: Vec<Phase>,
    /// Leave Cassandra out.
    #[arg(long)]
    helenus_only: bool,
    /// Leave the bare responder out.
    #[arg(long)]
    no_floor: bool,
    /// The server's executable; without it, `cargo build --release` makes it, unless HELENUS names one.
    #[arg(long, value_name = "FILE")]
    helenus: Option<PathBuf>,
    /// latte's executable; without it, the one that `cargo install latte-cli` made, or that of the path.
    #[arg(long, value_name = "FILE")]
    latte: Option<PathBuf>,
    /// Where data directories and reports go, and what is there is removed; below the target directory without it.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Write the tables to this file, too.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Show how latte is called.
    #[arg(long, short)]
    verbose: bool,
    /// Wait for Enter before the first function and say which process the server is: to attach a profiler.
    #[arg(long)]
    wait: bool,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Phase {
    /// Everything in memtables.
    Memory,
    /// At Cassandra's own maximum throughput.
    Rate,
    /// After flush and compaction, caches warm.
    Sstables,
    /// After a restart, caches cold.
    Cold,
    /// After kill -9.
    Replay,
}

fn known_function(name: &str) -> std::result::Result<String, String> {
    if FUNCTIONS.iter().any(|function| function.name == name) {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
    Err(format!("the functions are {}", names.join(", ")))
}

/// Runs the benchmark, says on standard error what it is at, and prints the tables.
///
/// # Errors
///
/// [`Error::Missing`] without latte, or without what Cassandra needs; [`Error::Failed`] if a server fails, answers a
/// request with an error, or has SSTables when it must not.
pub fn run(options: Options) -> Result<()> {
    let begin = Instant::now();
    let mut bench = Bench::new(options)?;
    phases::start(&mut bench)?;
    if bench.options.wait {
        bench.wait_for_enter()?;
    }
    phases::warm_up(&mut bench)?;
    phases::measure(&mut bench)?;
    let took = begin.elapsed().as_secs();
    bench.results.setting.push(format!("the run took {} min {} s", took / 60, took % 60));
    for node in &mut bench.nodes {
        node.stop()?;
    }
    let text = report::markdown(&bench.results) + "\n" + &report::legend();
    println!("{text}");
    if let Some(path) = &bench.options.markdown {
        fs::write(path, text).map_err(|error| Error::failed(path.display(), error))?;
    }
    Ok(())
}

/// Runs the bare responder.
///
/// # Errors
///
/// [`Error::Failed`] if the address cannot be listened on.
pub fn floor(listen: SocketAddr, upstream: SocketAddr) -> Result<()> {
    floor::serve(listen, upstream)
}

const FLOOR_CYCLES_MIN: u64 = 200_000;

/// A run under way.
struct Bench {
    options: Options,
    latte: Latte,
    nodes: Vec<Box<dyn Node>>,
    floor: Option<FloorNode>,
    /// Whether the tables that are measured hold what `load` writes, and nothing else.
    loaded: Option<Data>,
    results: Results,
}

impl Bench {
    fn new(mut options: Options) -> Result<Self> {
        if options.quick {
            (options.rounds, options.warm_up) = (1, 10);
        }
        options.rounds = options.rounds.max(1);
        let directory = match &options.directory {
            Some(directory) => directory.clone(),
            None => target::directory()?.join("bench"),
        };
        let prepare = || {
            if directory.exists() {
                fs::remove_dir_all(&directory)?;
            }
            fs::create_dir_all(&directory)?;
            directory.canonicalize()
        };
        let directory = prepare().map_err(|error| Error::failed(directory.display(), error))?;
        let latte = Latte::new(options.latte.as_deref(), &directory, &functions::WORKLOADS, options.verbose)?;
        let executable = match &options.helenus {
            Some(path) => path.clone(),
            None => built()?,
        };
        let mut nodes: Vec<Box<dyn Node>> = Vec::new();
        if !options.helenus_only {
            nodes.push(Box::new(CassandraNode::new(directory.join("cassandra"))));
        }
        nodes.push(Box::new(HelenusNode::new(executable.clone(), directory.join("helenus"))));
        let floor = if options.no_floor { None } else { Some(FloorNode::start(executable)?) };
        if let Some(floor) = &floor {
            for workload in functions::WORKLOADS {
                latte.schema(floor.running().0, workload, workload.keyspace)?;
            }
        }
        let mut bench = Self { options, latte, nodes, floor, loaded: None, results: Results::default() };
        bench.describe();
        Ok(bench)
    }

    fn describe(&mut self) {
        let rounds = self.options.rounds;
        self.results.setting = vec![
            format!("machine: {}", usage::machine()),
            format!("client: {}, `-t 1 -p 128 -c 2`, on the same machine", self.latte.version()),
            format!(
                "servers: Apache Cassandra 5.0.6, heap {}; Helenus {}",
                nodes::HEAP,
                env!("CARGO_PKG_VERSION")
            ),
            format!("both: {}", nodes::settings()),
            format!(
                "{rounds} round{} of each function on each server in turn{}; medians; warm-up {} s",
                if rounds == 1 { "" } else { "s" },
                if self.options.quick { ", a fifth of the cycles (--quick)" } else { "" },
                self.options.warm_up,
            ),
        ];
        if cfg!(debug_assertions) && self.options.helenus.is_none() {
            self.results.setting.push("Helenus built without optimization: nothing here counts".to_owned());
        }
    }

    /// The functions that were asked for.
    fn functions(&self) -> impl Iterator<Item = &'static Function> + use<> {
        let only = self.options.only.clone();
        FUNCTIONS
            .iter()
            .filter(move |function| only.is_empty() || only.iter().any(|name| name == function.name))
    }

    /// The workloads that those belong to.
    fn workloads(&self) -> Vec<&'static Workload> {
        let used = |workload: &&&Workload| self.functions().any(|function| function.workload == **workload);
        functions::WORKLOADS.iter().filter(used).copied().collect()
    }

    fn has(&self, phase: Phase) -> bool {
        self.options.phase.contains(&phase)
    }

    /// The functions that were asked for and read.
    fn reads(&self) -> impl Iterator<Item = &'static Function> + use<> {
        self.functions().filter(|function| function.access != Access::Write)
    }

    /// The functions that were asked for and write.
    fn writes(&self) -> impl Iterator<Item = &'static Function> + use<> {
        self.functions().filter(|function| function.access == Access::Write)
    }

    /// How often a function is called in a round.
    fn cycles(&self, function: &Function) -> Length {
        self.shortened(function.cycles)
    }

    /// How often it is called on the bare responder, whose little work would otherwise drown in the steps of the clock.
    fn floor_cycles(&self, function: &Function) -> Length {
        self.shortened(function.cycles.max(FLOOR_CYCLES_MIN))
    }

    fn shortened(&self, cycles: u64) -> Length {
        Length::Cycles(if self.options.quick { cycles / 5 } else { cycles })
    }

    fn wait_for_enter(&self) -> Result<()> {
        for node in &self.nodes {
            let (address, process) = node.running()?;
            eprintln!("{} listens on {address}, process {process}", node.name());
        }
        eprintln!("Enter goes on");
        let read = std::io::stdin().read_line(&mut String::new());
        read.map(drop).map_err(|error| Error::failed("standard input", error))
    }
}

/// The server's executable, made by the same build as this program, and up to date.
fn built() -> Result<PathBuf> {
    if std::env::var_os("HELENUS").is_none() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "-p", "helenus", "--bin", "helenus"]);
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        let status = command.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        let status = status.map_err(|error| Error::failed("cargo build", error))?;
        if !status.success() {
            return Err(Error::failed("cargo build", status));
        }
    }
    helenus::executable()
}

/// A line about what is being done.
fn say(text: &str) {
    eprintln!("bench: {text}");
}

/// A share of a duration, a second at least.
fn share(seconds: u64, parts: usize) -> Duration {
    Duration::from_secs((seconds / u64::try_from(parts.max(1)).unwrap_or(1)).max(1))
}
