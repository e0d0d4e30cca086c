//! Unmodified clients against a server of this process: the drivers for Python, Java, Go and Node, Python's object
//! mapper and Django's, cqlsh.
//!
//! What they are made of is downloaded below the target directory by the tests themselves. Where that is not possible
//! the tests are listed as skipped, by name; with `CI=true` they fail. `CASSANDRA=127.0.0.1:9042` runs them on the
//! server at that address instead, for example on Apache Cassandra, which shows that they are right.
//!
//! A client that prints `restart` wants the server stopped and started again, and reads a line when that is done.

/// A test for each driver, and one for Python's with cqlsh, whose script is named; `run` starts the servers.
macro_rules! one_test_for_each_client {
    ($run:ident, $script:literal) => {
        #[test]
        fn java() {
            $run("java", toolchain::java(), &[&data()]);
        }

        #[test]
        fn go() {
            $run("go", toolchain::go(), &[&data()]);
        }

        #[test]
        fn node() {
            $run("node", toolchain::node(), &[&data()]);
        }

        #[test]
        fn python_and_cqlsh() {
            $run("python_and_cqlsh", toolchain::python($script), &[]);
        }
    };
}

pub(crate) mod login;
pub(crate) mod secured;
mod server;
mod toolchain;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

pub(crate) use server::TestServer;
use toolchain::Program;

/// How long a client may be silent, on a slow machine.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs a client against a new server and expects it to succeed.
fn run(name: &str, program: Result<Program, String>, arguments: &[&str]) {
    run_on(&mut TestServer::start(), name, program, arguments);
}

/// Runs a client against a server and expects it to succeed.
fn run_on(server: &mut TestServer, name: &str, program: Result<Program, String>, arguments: &[&str]) {
    let program = match program {
        Ok(program) => program,
        Err(reason) => {
            let must = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!must, "{name} cannot be set up: {reason}");
            // Not by a macro, whose output of a passing test nobody sees.
            let _ = writeln!(std::io::stderr(), "skipped: {name}: it cannot be set up: {reason}");
            return;
        }
    };
    let address = server.address();
    let errors = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut child = Command::new(&program.path)
        .args(&program.arguments)
        .args([address.ip().to_string(), address.port().to_string()])
        .args(arguments)
        .envs(program.environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors.reopen().expect("the temporary file opens again"))
        .spawn()
        .expect("the client's program, which was found, starts");
    let (text, in_time) = attend(&mut child, server);
    if !in_time {
        let _ = child.kill();
    }
    let status = child.wait().expect("the client can be waited for");
    let errors = fs::read_to_string(errors.path()).unwrap_or_default();
    assert!(in_time && status.success(), "{name}: {status}, in time: {in_time}\n{text}{errors}");
    println!("{text}{errors}");
}

/// Collects what the client prints, and restarts the server where it asks for that. `false` where it is silent for too long.
fn attend(child: &mut Child, server: &mut TestServer) -> (String, bool) {
    let mut input = child.stdin.take().expect("it is a pipe");
    let output = child.stdout.take().expect("it is a pipe");
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    let mut text = String::new();
    loop {
        match lines.recv_timeout(LIMIT) {
            Ok(line) if line == "restart" => {
                server.restart();
                writeln!(input).expect("the client waits for a line");
            }
            Ok(line) => text.extend([line.as_str(), "\n"]),
            Err(mpsc::RecvTimeoutError::Disconnected) => return (text, true),
            Err(mpsc::RecvTimeoutError::Timeout) => return (text, false),
        }
    }
}

/// Runs a client that finds the tests' data in its last argument.
fn run_with_data(name: &str, program: Result<Program, String>) {
    run(name, program, &[&data()]);
}

/// The tests' data.
fn data() -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    data.to_str().expect("the repository's path is text").to_owned()
}

#[test]
fn java() {
    run_with_data("java", toolchain::java());
}

#[test]
fn go() {
    run_with_data("go", toolchain::go());
}

#[test]
fn node() {
    run_with_data("node", toolchain::node());
}

#[test]
fn python_driver_v3() {
    run("python_driver_v3", toolchain::python("driver.py"), &["3"]);
}

#[test]
fn python_driver_v4() {
    run("python_driver_v4", toolchain::python("driver.py"), &["4"]);
}

#[test]
fn python_driver_v5() {
    run("python_driver_v5", toolchain::python("driver.py"), &["5"]);
}

#[test]
fn python_driver_types() {
    run("python_driver_types", toolchain::python("all_types.py"), &[]);
}

#[test]
fn python_object_mapper() {
    run("python_object_mapper", toolchain::python("object_mapper.py"), &[]);
}

#[test]
fn django() {
    run("django", toolchain::django("django_engine.py"), &[]);
}

#[test]
fn cqlsh() {
    run("cqlsh", toolchain::python("cqlsh.py"), &[]);
}

#[test]
fn orders_by_python_driver() {
    for version in ["3", "4", "5"] {
        run("orders_by_python_driver", toolchain::python("orders.py"), &[version]);
    }
}
