//! Unmodified Python clients against a server of this process: the driver, its object mapper, cqlsh.
//!
//! The clients live in a virtual environment below the target directory that the tests make themselves. Where that is
//! not possible the tests are listed as skipped, by name; with `CI=true` they fail. `CASSANDRA=127.0.0.1:9042` runs
//! them on the server at that address instead, for example on Apache Cassandra, which shows that they are right.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use helenus::Server;
use helenus::config::Config;

/// What the virtual environment holds. A change of this list makes a new one.
const PACKAGES: &[&str] = &["cassandra-driver==3.30.1", "cqlsh==6.2.2", "lz4==4.4.5", "python-snappy==0.7.3"];

/// How long a script may take, on a slow machine.
const LIMIT: Duration = Duration::from_secs(600);

/// A server of this process, with a runtime of its own, or the one that `CASSANDRA` names.
pub(crate) struct TestServer {
    address: SocketAddr,
    running: Option<(tokio::runtime::Runtime, Server)>,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        if let Ok(address) = std::env::var("CASSANDRA") {
            let address = address.parse().expect("CASSANDRA is ADDRESS:PORT");
            return Self { address, running: None };
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
        let config = Config::ephemeral().expect("defaults are valid");
        let server = runtime.block_on(Server::start(config)).expect("the server starts");
        Self { address: server.address(), running: Some((runtime, server)) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some((runtime, server)) = self.running.take() {
            runtime.block_on(server.stop());
        }
    }
}

/// The interpreter of the virtual environment, or why there is none.
fn python() -> Result<&'static Path, &'static str> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PYTHON.get_or_init(environment).as_deref().map_err(String::as_str)
}

/// Makes the virtual environment unless it is there and complete.
fn environment() -> Result<PathBuf, String> {
    let target = std::env::current_exe().map_err(|error| error.to_string())?;
    let target =
        target.ancestors().find(|path| path.join("CACHEDIR.TAG").exists() || path.ends_with("target"));
    let target = target.ok_or("the test does not run below a target directory")?;
    let directory = target.join("python-clients");
    let done = directory.join("packages");
    let python = directory.join("bin/python");
    let lock = fs::File::create(target.join("python-clients.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if fs::read_to_string(&done).is_ok_and(|list| list == PACKAGES.join("\n")) {
        return Ok(python);
    }
    let _ = fs::remove_dir_all(&directory);
    finish(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
    finish(
        Command::new(&python).args(["-m", "pip", "install", "--quiet", "--only-binary=:all:"]).args(PACKAGES),
    )
    .or_else(|_| finish(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES)))?;
    fs::write(&done, PACKAGES.join("\n")).map_err(|error| error.to_string())?;
    Ok(python)
}

fn finish(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Runs a script of `tests/clients` against a new server and expects it to succeed.
fn run(name: &str, script: &str, arguments: &[&str]) {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => {
            let must = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!must, "the Python clients cannot be set up: {reason}");
            // Not by a macro, whose output of a passing test nobody sees.
            let _ =
                writeln!(std::io::stderr(), "skipped: {name}: the Python clients cannot be set up: {reason}");
            return;
        }
    };
    let server = TestServer::start();
    let address = server.address();
    let log = tempfile::NamedTempFile::new().expect("a temporary file");
    let output = || log.reopen().expect("the temporary file opens again");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let mut child = Command::new(python)
        .arg(script)
        .args([address.ip().to_string(), address.port().to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .spawn()
        .expect("the interpreter starts");
    let end = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait().expect("the script can be waited for") {
            Some(status) => break Some(status),
            None if Instant::now() > end => break None,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    if status.is_none() {
        let _ = child.kill();
    }
    let text = fs::read_to_string(log.path()).unwrap_or_default();
    assert!(status.is_some_and(|status| status.success()), "{name}: {status:?}\n{text}");
    println!("{text}");
}

#[test]
fn python_driver_v3() {
    run("python_driver_v3", "driver.py", &["3"]);
}

#[test]
fn python_driver_v4() {
    run("python_driver_v4", "driver.py", &["4"]);
}

#[test]
fn python_driver_v5() {
    run("python_driver_v5", "driver.py", &["5"]);
}

#[test]
fn python_object_mapper() {
    run("python_object_mapper", "object_mapper.py", &[]);
}

#[test]
fn cqlsh() {
    run("cqlsh", "cqlsh.py", &[]);
}

#[test]
fn orders_by_python_driver() {
    for version in ["3", "4", "5"] {
        run("orders_by_python_driver", "orders.py", &[version]);
    }
}
