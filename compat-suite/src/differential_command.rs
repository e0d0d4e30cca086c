//! The command of the differential fuzzer.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use compat_suite::cassandra::{self, Cassandra};
use compat_suite::differential::{Nodes, Settings, Side, run};
use compat_suite::helenus::{self, Helenus};
use compat_suite::{Error, Result};

/// Keys of cassandra.yaml that say how long something may take.
const TIMEOUTS: [&str; 7] = [
    "read_request_timeout",
    "range_request_timeout",
    "write_request_timeout",
    "counter_write_request_timeout",
    "cas_contention_timeout",
    "truncate_request_timeout",
    "request_timeout",
];

/// Random statements on Apache Cassandra and on Helenus, compared.
#[derive(Debug, Args)]
pub struct Differential {
    /// The seed of the first round.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many statements to run at least.
    #[arg(long, default_value_t = 200_000)]
    statements: usize,
    /// Statements of one round.
    #[arg(long, default_value_t = 4000)]
    round: usize,
    /// Tables of one round.
    #[arg(long, default_value_t = 6)]
    tables: usize,
    /// Stop after so many differences.
    #[arg(long, default_value_t = 20)]
    differences: usize,
    /// Tell with each difference what was written to its table before.
    #[arg(long)]
    history: bool,
    /// Where the servers that are started keep everything, below `cassandra` and `helenus`; without it, in directories
    /// that go with them.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
    /// Write the report here after each round too, so that it is there if the command is ended before.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// A Cassandra that runs; it is then neither flushed nor compacted. Without it, one is started.
    #[arg(long, value_name = "HOST:PORT")]
    cassandra: Option<SocketAddr>,
    /// A Helenus that runs; it is then neither flushed nor compacted. Without it, one is started.
    #[arg(long, value_name = "HOST:PORT")]
    helenus: Option<SocketAddr>,
}

impl Differential {
    /// Runs it; gives the status to exit with: 1 if anything differed.
    pub fn run(self) -> Result<u8> {
        let below = |name: &str| self.directory.as_ref().map(|directory| directory.join(name));
        let cassandra = match self.cassandra {
            Some(address) => Side { address, node: None },
            None => {
                let directory = below("cassandra");
                // On a busy machine nothing is to time out.
                let patient = cassandra::Options { directory, quick: true, ..Default::default() };
                let patient = TIMEOUTS.iter().fold(patient, |options, key| options.with(key, "120s"));
                let node = Cassandra::start(&patient)?;
                Side { address: node.address(), node: Some(node) }
            }
        };
        let helenus = match self.helenus {
            Some(address) => Side { address, node: None },
            None => {
                let directory = below("helenus");
                let node = Helenus::start(&helenus::Options { directory, ..Default::default() })?;
                Side { address: node.address(), node: Some(node) }
            }
        };
        let settings = Settings {
            seed: self.seed,
            statements: self.statements,
            round: self.round,
            tables: self.tables,
            differences: self.differences,
            history: self.history,
            report: self.report,
        };
        let report = run(&Nodes { cassandra, helenus }, &settings)
            .map_err(|error| Error::failed("the differential fuzzer", error))?;
        print!("{report}");
        Ok(u8::from(report.differences() > 0))
    }
}
