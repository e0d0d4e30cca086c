//! The servers that are measured, behind one interface.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::wire;
use crate::cassandra::{self, Cassandra};
use crate::helenus::{self, Helenus};
use crate::process::Process;
use crate::{Error, Result};

/// What both servers are told; the rest is as Cassandra ships. The memory for memtables is what Cassandra gives itself
/// in a heap of 4 GiB, the chunk cache its default; memtables are flushed when they fill nine tenths of theirs rather than a
/// third, as the measured rows shall stay there.
const SETTINGS: [(&str, &str); 7] = [
    ("commitlog_sync", "periodic"),
    ("commitlog_sync_period", "10000ms"),
    ("memtable_heap_space", "1024MiB"),
    ("memtable_offheap_space", "1024MiB"),
    ("memtable_cleanup_threshold", "0.9"),
    ("file_cache_size", "512MiB"),
    ("auto_snapshot", "false"),
];
/// What memtables and chunk cache may take together, by these settings.
pub const CONFIGURED_MEBIBYTES: u64 = 1024 + 512;
/// Cassandra's heap.
pub const HEAP: &str = "4G";
/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(240);

/// The settings of both, in a line.
pub fn settings() -> String {
    SETTINGS.map(|(key, value)| format!("`{key}: {value}`")).join(", ")
}

/// A server that can be started and stopped, with data that stay.
pub trait Node {
    /// Its name in tables.
    fn name(&self) -> &'static str;
    /// Whether it is the one that others are compared with.
    fn is_reference(&self) -> bool;
    /// Starts it; it is not ready yet.
    fn start(&mut self) -> Result<()>;
    /// Stops it as an operator does.
    fn stop(&mut self) -> Result<()>;
    /// Kills it.
    fn kill(&mut self) -> Result<()>;
    /// Where clients connect, and its process.
    fn running(&self) -> Result<(SocketAddr, u32)>;
    /// Where it keeps its tables.
    fn data_directory(&self) -> PathBuf;
    /// Runs a nodetool command that must end well, and gives what it prints.
    fn nodetool(&self, arguments: &[&str]) -> Result<String>;

    /// Starts it, and says how long it took from the start of the process until `statement` gave a row.
    fn start_until(&mut self, statement: &str) -> Result<Duration> {
        let begin = Instant::now();
        self.start()?;
        let (address, _) = self.running()?;
        Ok(wire::first_row(address, statement, PATIENCE)?.duration_since(begin))
    }

    /// The number of SSTables of each table of a keyspace, added up.
    fn sstable_count(&self, keyspace: &str) -> Result<u64> {
        let text = self.nodetool(&["tablestats", keyspace])?;
        sstable_count(&text).ok_or_else(|| Error::failed("nodetool tablestats", text))
    }
}

/// Nothing if there is no count, or one that is no number.
fn sstable_count(tablestats: &str) -> Option<u64> {
    let mut counts =
        tablestats.lines().filter_map(|line| line.trim().strip_prefix("SSTable count:")).peekable();
    counts.peek()?;
    counts.map(|count| count.trim().parse::<u64>().ok()).sum()
}

fn not_running(name: &str) -> Error {
    Error::failed(name, "does not run")
}

/// Apache Cassandra.
#[derive(Debug)]
pub struct CassandraNode {
    options: cassandra::Options,
    directory: PathBuf,
    node: Option<Cassandra>,
}

impl CassandraNode {
    /// A node that keeps everything in `directory`.
    pub fn new(directory: PathBuf) -> Self {
        let mut options = cassandra::Options {
            directory: Some(directory.clone()),
            heap: Some(HEAP.to_owned()),
            ..cassandra::Options::default()
        };
        options.yaml = SETTINGS.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        Self { options, directory, node: None }
    }
}

impl Node for CassandraNode {
    fn name(&self) -> &'static str {
        "Cassandra"
    }

    fn is_reference(&self) -> bool {
        true
    }

    fn start(&mut self) -> Result<()> {
        self.node = Some(Cassandra::start(&self.options)?);
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        self.node.take().map_or(Ok(()), Cassandra::stop)
    }

    fn kill(&mut self) -> Result<()> {
        self.node.take().map_or(Ok(()), Cassandra::kill)
    }

    fn running(&self) -> Result<(SocketAddr, u32)> {
        let node = self.node.as_ref().ok_or_else(|| not_running(self.name()))?;
        Ok((node.address(), node.process_id()))
    }

    fn data_directory(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn nodetool(&self, arguments: &[&str]) -> Result<String> {
        let node = self.node.as_ref().ok_or_else(|| not_running(self.name()))?;
        node.nodetool(arguments)?.expect("nodetool")
    }
}

/// Ours.
#[derive(Debug)]
pub struct HelenusNode {
    options: helenus::Options,
    directory: PathBuf,
    node: Option<Helenus>,
}

impl HelenusNode {
    /// A node of that executable that keeps everything in `directory`.
    pub fn new(executable: PathBuf, directory: PathBuf) -> Self {
        let yaml = SETTINGS.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
        let options = helenus::Options {
            executable: Some(executable),
            directory: Some(directory.clone()),
            yaml: Some(yaml),
            ..helenus::Options::default()
        };
        Self { options, directory, node: None }
    }
}

impl Node for HelenusNode {
    fn name(&self) -> &'static str {
        "Helenus"
    }

    fn is_reference(&self) -> bool {
        false
    }

    fn start(&mut self) -> Result<()> {
        self.node = Some(Helenus::start(&self.options)?);
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        self.node.take().map_or(Ok(()), |node| node.stop().map(drop))
    }

    fn kill(&mut self) -> Result<()> {
        self.node.take().map_or(Ok(()), |node| node.kill().map(drop))
    }

    fn running(&self) -> Result<(SocketAddr, u32)> {
        let node = self.node.as_ref().ok_or_else(|| not_running(self.name()))?;
        Ok((node.address(), node.process_id()))
    }

    fn data_directory(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn nodetool(&self, arguments: &[&str]) -> Result<String> {
        let node = self.node.as_ref().ok_or_else(|| not_running(self.name()))?;
        let mut command = Command::new(node.executable());
        command.args(["nodetool", "--data"]).arg(&self.directory).args(arguments).stdin(Stdio::null());
        let output = command.output().map_err(|error| Error::failed("helenus nodetool", error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let text = [output.stdout, output.stderr].concat();
        Err(Error::failed(format_args!("nodetool {arguments:?}"), String::from_utf8_lossy(&text)))
    }
}

/// The bare responder, in a process of its own, and the server behind it.
#[derive(Debug)]
pub struct FloorNode {
    process: Process,
    address: SocketAddr,
    _upstream: Helenus,
}

impl FloorNode {
    /// Starts both. The responder is this program, called with `floor`.
    pub fn start(executable: PathBuf) -> Result<Self> {
        let listen = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let options = helenus::Options {
            executable: Some(executable),
            listen: Some(listen),
            ..helenus::Options::default()
        };
        let upstream = Helenus::start(&options)?;
        let address = free_address(listen)?;
        let this = std::env::current_exe().map_err(|error| Error::failed("this executable", error))?;
        let mut command = Command::new(this);
        command.args(["floor", &address.to_string(), &upstream.address().to_string()]).stdin(Stdio::null());
        let process = Process::start(&mut command, None)?;
        wire::first_row(address, "SELECT release_version FROM system.local", PATIENCE)?;
        Ok(Self { process, address, _upstream: upstream })
    }

    /// Where clients connect, and its process.
    pub fn running(&self) -> (SocketAddr, u32) {
        (self.address, self.process.id())
    }
}

fn free_address(address: IpAddr) -> Result<SocketAddr> {
    let bound = std::net::TcpListener::bind((address, 0)).and_then(|listener| listener.local_addr());
    bound.map_err(|error| Error::failed("a free port", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sstables_are_counted_over_all_tables() {
        let text = "Keyspace: k\n\t\tTable: a\n\t\tSSTable count: 2\n\t\tTable: b\n\t\tSSTable count: 1\n";
        assert_eq!(sstable_count(text), Some(3));
        assert_eq!(sstable_count("Keyspace: k\n"), None, "no tables, no answer");
    }
}
