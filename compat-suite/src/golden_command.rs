//! The commands of golden scripts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use compat_suite::cassandra::{Cassandra, Options};
use compat_suite::golden::{self, Deviations, Group, Script, Settings};
use compat_suite::wire::Connection;
use compat_suite::{Error, Result};

/// What to do with golden scripts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record the answers of Apache Cassandra beside the statements.
    Record(What),
    /// Compare a server's answers with what was recorded.
    Check {
        #[command(flatten)]
        what: What,
        /// The server is Helenus: the listed deviations are no differences.
        #[arg(long)]
        helenus: bool,
    },
    /// Count the statements of scripts, and those that are refused.
    Count {
        /// The scripts: files, or names of those in tests/data/golden. All of them if there are none.
        scripts: Vec<PathBuf>,
    },
}

/// Server and scripts.
#[derive(Debug, Args)]
pub struct What {
    /// A server that runs, with the settings of the scripts that are named; without it, an Apache Cassandra is started
    /// for each set of settings.
    #[arg(long, value_name = "HOST:PORT")]
    cassandra: Option<SocketAddr>,
    /// The scripts: files, or names of those in tests/data/golden. All of them if there are none.
    scripts: Vec<PathBuf>,
}

/// The scripts that are named; all of them if there are none.
fn named(scripts: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let scripts = match scripts {
        [] => golden::scripts(),
        some => some.iter().map(|name| golden::script_named(name)).collect(),
    };
    scripts.map_err(|error| Error::failed("the scripts", error))
}

/// Prints how many statements each script has, and how many of them are refused.
fn count(scripts: &[PathBuf]) -> Result<()> {
    let scripts = named(scripts)?;
    let mut all = (0, 0);
    for path in &scripts {
        let script = Script::read(path).map_err(|error| Error::failed(path.display(), error))?;
        let (statements, refused) = script.count();
        println!("{statements:6} {refused:6} {}", script.name);
        all = (all.0 + statements, all.1 + refused);
    }
    println!("{:6} {:6} in {} scripts: statements, and refused ones", all.0, all.1, scripts.len());
    Ok(())
}

impl What {
    /// What runs on one server each. A server that is named runs what is named, or what needs no settings.
    fn groups(&self) -> Result<Vec<Group>> {
        let mut groups = Group::all(&named(&self.scripts)?)
            .map_err(|error| Error::failed("the settings of scripts", error))?;
        if self.cassandra.is_some() && self.scripts.is_empty() {
            groups.retain(Group::is_plain);
        }
        Ok(groups)
    }

    /// The server's address, and the server, if it is started here.
    fn server(&self, settings: &Settings) -> Result<(SocketAddr, Option<Cassandra>)> {
        if let Some(address) = self.cassandra {
            return Ok((address, None));
        }
        let node = Cassandra::start(&Options { yaml: settings.keys.clone(), ..Options::default() })?;
        // The first user is made a little after it listens.
        let end = Instant::now() + Duration::from_secs(60);
        while let Err(error) = Connection::open(node.address(), 4) {
            if Instant::now() > end {
                return Err(Error::failed("the first user", error));
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        Ok((node.address(), Some(node)))
    }
}

impl Command {
    /// Does it; gives the status to exit with.
    pub fn run(self) -> Result<u8> {
        let (what, is_recording, is_helenus) = match &self {
            Self::Count { scripts } => return count(scripts).map(|()| 0),
            Self::Record(what) => (what, true, false),
            Self::Check { what, helenus } => (what, false, *helenus),
        };
        let mut deviations = match is_helenus {
            true => Deviations::read(&golden::folder().join("deviations.txt"))
                .map_err(|error| Error::failed("the list of deviations", error))?,
            false => Deviations::default(),
        };
        let mut status = 0;
        for group in what.groups()? {
            let (address, node) = what.server(&group.settings)?;
            for path in group.paths() {
                let failed = |error| Error::failed(path.display(), error);
                if is_recording {
                    golden::record(address, path).map_err(failed)?;
                    continue;
                }
                let differences = golden::check(address, path, &mut deviations).map_err(failed)?;
                if !differences.is_empty() {
                    status = 1;
                }
                print!("{differences}");
            }
            if let Some(node) = node {
                node.stop()?;
            }
        }
        Ok(status)
    }
}
