use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::{Installation, Options, Output, Tools};
use crate::process::Process;
use crate::{Error, Result, target};

/// How long a node may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);
/// What its log says once it is ready.
const READY: &str = "Starting listening for CQL clients";
/// How it logs: a file, and nothing else.
const LOGBACK: &str = r#"<configuration><appender name="F" class="ch.qos.logback.core.FileAppender">
<file>${cassandra.storagedir}/system.log</file><append>true</append>
<encoder><pattern>%-5level %date{ISO8601} %F:%L - %msg%n</pattern></encoder></appender>
<root level="INFO"><appender-ref ref="F"/></root></configuration>
"#;

/// A node of Cassandra that runs, and is stopped with this value.
#[derive(Debug)]
pub struct Cassandra {
    process: Process,
    address: Ipv4Addr,
    jmx_port: u16,
    directory: PathBuf,
    tools: Mutex<Option<Tools>>,
    // After the process, so that nobody writes to it any more when it goes.
    _temporary: Option<tempfile::TempDir>,
}

/// The node that all tests of this process share: plain, as Cassandra ships, started when first asked for. Whoever uses
/// it makes a keyspace of its own.
///
/// # Errors
///
/// [`Error::Missing`] where Cassandra cannot run; [`Error::Failed`] if it does not start.
pub fn shared() -> Result<&'static Cassandra> {
    static ONCE: OnceLock<Result<Cassandra>> = OnceLock::new();
    ONCE.get_or_init(|| Cassandra::start(&Options::quick())).as_ref().map_err(Clone::clone)
}

impl Cassandra {
    /// Starts a node and waits until it answers clients.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] where Cassandra cannot run; [`Error::Failed`] if it does not start, with the end of its log.
    pub fn start(options: &Options) -> Result<Self> {
        let installation = Installation::get()?;
        // Two nodes that start at one time may not take the same address, and would take twice as long.
        let _lock = target::lock("cassandra-start")?;
        let address = options.address.map_or_else(free_address, Ok)?;
        let jmx_port = free_port()?;
        let (directory, temporary) = match &options.directory {
            Some(directory) => (directory.clone(), None),
            None => {
                let temporary = tempfile::tempdir_in(installation.directory())
                    .map_err(|error| Error::failed("a directory for Cassandra", error))?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let configuration = configure(options, address, &directory)?;
        let log =
            fs::File::create(directory.join("stdout.log")).map_err(|error| Error::failed("a log", error))?;
        let errors = log.try_clone().map_err(|error| Error::failed("a log", error))?;
        let ring_delay = if options.seed.is_none_or(|seed| seed == address) { 0 } else { 5000 };
        let mut command = installation.java(&configuration);
        command
            .args(options.java())
            .args(["-Djava.net.preferIPv4Stack=true", "-Djdk.attach.allowAttachSelf=true"])
            .args([
                "-Dio.netty.tryReflectionSetAccessible=true",
                "-Dcassandra.skip_wait_for_gossip_to_settle=0",
            ])
            .args([
                "-Dcassandra.superuser_setup_delay_ms=0",
                &format!("-Dcassandra.ring_delay_ms={ring_delay}"),
            ])
            .args([format!("-Dcassandra.jmx.local.port={jmx_port}"), settings(&directory, &configuration)])
            .arg(format!("-Dlogback.configurationFile={}/logback.xml", configuration.display()))
            .arg(format!("-Dcassandra.storagedir={}", directory.display()))
            .arg("org.apache.cassandra.service.CassandraDaemon")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        let process = Process::start(&mut command, temporary.as_ref().map(tempfile::TempDir::path))?;
        let mut node =
            Self { process, address, jmx_port, directory, tools: Mutex::new(None), _temporary: temporary };
        node.wait()?;
        Ok(node)
    }

    fn wait(&mut self) -> Result<()> {
        let log = self.directory.join("system.log");
        let end = Instant::now() + PATIENCE;
        let why = loop {
            // It says so shortly before it listens.
            if fs::read_to_string(&log).is_ok_and(|text| text.contains(READY))
                && TcpStream::connect(self.address()).is_ok()
            {
                return Ok(());
            }
            if let Some(status) = self.process.ended()? {
                break format!("ended with {status}");
            }
            if Instant::now() > end {
                break format!("was not ready after {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        let logs =
            [log, self.directory.join("stdout.log")].map(|path| fs::read_to_string(path).unwrap_or_default());
        let lines: Vec<&str> = logs.iter().flat_map(|text| text.lines()).collect();
        let last = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default();
        Err(Error::Failed(format!("Cassandra on {} {why}:\n{}", self.address, last.join("\n"))))
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        SocketAddrV4::new(self.address, 9042).into()
    }

    /// Its process id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Where it keeps everything: `data`, `commitlog`, `hints`, `saved_caches`, `cdc_raw`, `conf` and `system.log`.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs a command of Cassandra's nodetool on it. The first one starts a virtual machine, which the others use too.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if nodetool cannot be run; what it says itself is in the output.
    pub fn nodetool(&self, arguments: &[&str]) -> Result<Output> {
        let mut tools = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        let tools = match &mut *tools {
            Some(tools) => tools,
            none => none.insert(Tools::start(&self.directory)?),
        };
        let port = self.jmx_port.to_string();
        tools.run("NodeTool", &[&["-h", "127.0.0.1", "-p", &port], arguments].concat())
    }

    /// Stops it as an operator does, and waits for that.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if it does not end within a minute.
    pub fn stop(mut self) -> Result<()> {
        self.process.stop(Duration::from_secs(60)).map(drop)
    }

    /// Kills it, so that it can do nothing more.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if the system refuses.
    pub fn kill(mut self) -> Result<()> {
        self.process.kill().map(drop)
    }
}

/// Makes the directory of a node, with its configuration, and gives the latter's place.
fn configure(options: &Options, address: Ipv4Addr, directory: &Path) -> Result<PathBuf> {
    let configuration = directory.join("conf");
    let make = || {
        fs::create_dir_all(&configuration)?;
        fs::write(configuration.join("cassandra.yaml"), options.text(address, directory))?;
        fs::write(configuration.join("logback.xml"), LOGBACK)?;
        // What an earlier life logged would make this one seem ready.
        fs::write(directory.join("system.log"), "")
    };
    make().map_err(|error| Error::failed(directory.display(), error))?;
    Ok(configuration)
}

/// The option that names the configuration.
fn settings(directory: &Path, configuration: &Path) -> String {
    let absolute = configuration.canonicalize().unwrap_or_else(|_| directory.join("conf"));
    format!("-Dcassandra.config=file://{}/cassandra.yaml", absolute.display())
}

/// A loopback address that nobody serves CQL or talks to peers on.
fn free_address() -> Result<Ipv4Addr> {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    (1..=254)
        .map(|last| Ipv4Addr::new(127, 100 + (high & 0x7f), low, last))
        .find(|address| [9042, 7000].iter().all(|port| TcpListener::bind((*address, *port)).is_ok()))
        .ok_or_else(|| Error::Missing("no free loopback address in 127.0.0.0/8".to_owned()))
}

/// A port of 127.0.0.1 that nobody listens on.
fn free_port() -> Result<u16> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).map_err(|error| Error::failed("a free port", error))
}
