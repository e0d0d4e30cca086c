//! Runs our server, as an executable.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::process::Process;
use crate::{Error, Result};

/// What precedes the address in the line that says that the server is ready.
const READY: &str = "Starting listening for CQL clients on ";

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The executable; without it, what [`executable`] finds.
    pub executable: Option<PathBuf>,
    /// Where it keeps everything; without it, a new directory that goes with the server.
    pub directory: Option<PathBuf>,
    /// The text of its cassandra.yaml; without it, the defaults.
    pub yaml: Option<String>,
    /// The address it listens on; without it, the one of the configuration.
    pub listen: Option<IpAddr>,
    /// The port for clients; 0 takes a free one.
    pub port: u16,
    /// Further arguments.
    pub arguments: Vec<String>,
}

/// A server that runs, and is stopped with this value.
#[derive(Debug)]
pub struct Helenus {
    process: Process,
    address: SocketAddr,
    executable: PathBuf,
    directory: PathBuf,
    // A pipe that nobody reads would fail what the server prints.
    _output: BufReader<ChildStdout>,
    _temporary: Option<tempfile::TempDir>,
}

/// The server's executable: what `HELENUS` names, or the one that the same build made beside this executable.
///
/// # Errors
///
/// [`Error::Failed`] if there is none.
pub fn executable() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("HELENUS") {
        return Ok(PathBuf::from(path));
    }
    let this = std::env::current_exe().map_err(|error| Error::failed("this executable", error))?;
    let beside = this.ancestors().skip(1).take(2).map(|directory| directory.join("helenus"));
    beside.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        Error::failed(
            "helenus",
            "not built beside this program: run `cargo build` with the same profile, or set HELENUS",
        )
    })
}

impl Helenus {
    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if it does not get ready; the error holds what it logged.
    pub fn start(options: &Options) -> Result<Self> {
        let executable = options.executable.clone().map_or_else(executable, Ok)?;
        let failed = |error: std::io::Error| Error::failed("a directory for helenus", error);
        let (directory, temporary) = match &options.directory {
            Some(directory) => (directory.clone(), None),
            None => {
                let temporary = tempfile::tempdir().map_err(failed)?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        fs::create_dir_all(&directory).map_err(failed)?;
        let log = directory.join("helenus.log");
        let errors = fs::OpenOptions::new().append(true).create(true).open(&log).map_err(failed)?;
        let mut command = Command::new(&executable);
        command.args(["--port", &options.port.to_string(), "--jmx-port", "0", "--data"]).arg(&directory);
        if let Some(yaml) = &options.yaml {
            let path = directory.join("cassandra.yaml");
            fs::write(&path, yaml).map_err(failed)?;
            command.arg("--config").arg(path);
        }
        if let Some(listen) = options.listen {
            command.args(["--listen", &listen.to_string()]);
        }
        command.args(&options.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut process = Process::start(&mut command, temporary.as_ref().map(tempfile::TempDir::path))?;
        let output =
            process.child().stdout.take().ok_or_else(|| Error::failed("helenus", "has no output"))?;
        let mut output = BufReader::new(output);
        let address = ready(&mut output).ok_or_else(|| not_ready(&log))?;
        Ok(Self { process, address, executable, directory, _output: output, _temporary: temporary })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Where it keeps everything.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The executable that runs.
    pub fn executable(&self) -> &Path {
        &self.executable
    }

    /// Runs a command of our nodetool on it.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if nodetool cannot be run; what it says itself is in the output.
    pub fn nodetool(&self, arguments: &[&str]) -> Result<std::process::Output> {
        let mut command = Command::new(&self.executable);
        command.args(["nodetool", "--data"]).arg(&self.directory).args(arguments).stdin(Stdio::null());
        command.output().map_err(|error| Error::failed("helenus nodetool", error))
    }

    /// Stops it as an operator does, and waits for that.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if it does not end within half a minute.
    pub fn stop(mut self) -> Result<ExitStatus> {
        self.process.stop(Duration::from_secs(30))
    }

    /// Kills it, so that it can do nothing more.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if the system refuses.
    pub fn kill(mut self) -> Result<ExitStatus> {
        self.process.kill()
    }
}

/// The address in the line that says that the server is ready; none if its output ends before.
fn ready(output: &mut impl std::io::BufRead) -> Option<SocketAddr> {
    let line = output.lines().map_while(std::result::Result::ok).find(|line| line.contains(READY))?;
    let (_, rest) = line.split_once(READY)?;
    rest.trim_start_matches('/').split_whitespace().next()?.parse().ok()
}

fn not_ready(log: &Path) -> Error {
    let text = fs::read_to_string(log).unwrap_or_else(|error| error.to_string());
    let last: Vec<&str> = text.lines().rev().take(20).collect();
    Error::Failed(format!(
        "helenus did not get ready:\n{}",
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    ))
}
