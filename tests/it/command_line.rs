//! The `helenus` binary: its ready line, signals, nodetool, and what it says of a wrong configuration.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// A server process; killed when dropped.
struct Process {
    child: Child,
    ready: String,
}

impl Process {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut child = helenus()
            .args(["--port", "0", "--jmx-port", "0", "--data"])
            .arg(data)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let mut ready = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut ready).expect("a line");
        Self { child, ready }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    fn exit_code(mut self) -> Option<i32> {
        self.child.wait().expect("the process ends").code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn helenus() -> Command {
    Command::new(env!("CARGO_BIN_EXE_helenus"))
}

fn output(command: &mut Command) -> (String, String, Option<i32>) {
    let Output { stdout, stderr, status } = command.output().expect("the binary runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&stdout), text(&stderr), status.code())
}

fn nodetool(data: &Path, arguments: &[&str]) -> (String, String, Option<i32>) {
    output(helenus().arg("nodetool").arg("--data").arg(data).args(arguments))
}

#[test]
fn one_line_says_that_the_server_is_ready_and_signals_end_it_cleanly() {
    let data = tempfile::tempdir().expect("a temporary directory");
    for signal in ["-TERM", "-INT"] {
        let server = Process::start(data.path(), &[]);
        assert!(
            server.ready.contains("Starting listening for CQL clients on /127.0.0.1:"),
            "{}",
            server.ready
        );
        assert!(server.ready.contains("cqlsh 127.0.0.1 "), "{}", server.ready);
        server.signal(signal);
        assert_eq!(server.exit_code(), Some(0), "{signal}");
    }
}

#[test]
fn a_directory_in_use_is_refused() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let _server = Process::start(data.path(), &[]);
    let (stdout, stderr, code) = output(helenus().args(["--port", "0", "--data"]).arg(data.path()));
    assert_eq!((stdout.as_str(), code), ("", Some(1)));
    assert!(stderr.contains("in use by another"), "{stderr}");
}

#[test]
fn a_killed_server_starts_again() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let server = Process::start(data.path(), &[]);
    server.signal("-KILL");
    assert_eq!(server.exit_code(), None);
    let server = Process::start(data.path(), &[]);
    assert!(server.ready.contains("Starting listening"), "{}", server.ready);
}

#[test]
fn nodetool_reaches_the_server() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let server = Process::start(data.path(), &[]);
    let ok = |arguments: &[&str]| {
        let (stdout, stderr, code) = nodetool(data.path(), arguments);
        assert_eq!((stderr.as_str(), code), ("", Some(0)), "{arguments:?}");
        stdout
    };
    assert_eq!(ok(&["version"]), "ReleaseVersion: 5.0.6\n");
    assert!(ok(&["status"]).contains("\nUN  127.0.0.1  "));
    assert!(ok(&["info"]).contains("\nData Center            : datacenter1\n"));
    assert!(ok(&["describecluster"]).contains("\tName: Test Cluster\n"));
    assert!(ok(&["tablestats", "system.local"]).contains("\t\tTable: local\n"));
    assert_eq!(ok(&["flush"]), "");
    assert_eq!(ok(&["compact", "system"]), "");
    assert_eq!(ok(&["statusbinary"]), "running\n");
    assert_eq!(ok(&["drain"]), "");
    assert_eq!(ok(&["statusbinary"]), "not running\n");
    let (stdout, _, code) = nodetool(data.path(), &["flush", "nosuch"]);
    assert_eq!((stdout.lines().next(), code), (Some("nodetool: Keyspace [nosuch] does not exist."), Some(1)));
    assert_eq!(ok(&["stopdaemon"]), "Cassandra has shutdown.\n");
    assert_eq!(server.exit_code(), Some(0));
    let (_, stderr, code) = nodetool(data.path(), &["status"]);
    assert!(stderr.starts_with("nodetool: Failed to connect to "), "{stderr}");
    assert_eq!(code, Some(1));
}

#[test]
fn the_configuration_is_read_and_checked() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("cassandra.yaml");
    let data = directory.path().join("data");
    let start = |text: &str| {
        std::fs::write(&file, text).expect("writable");
        output(helenus().arg("--config").arg(&file).arg("--data").arg(&data))
    };
    let (_, stderr, code) = start("concurent_reads: 32\n");
    assert!(stderr.contains("Please remove properties [concurent_reads]"), "{stderr}");
    assert!(stderr.contains("concurent_reads -> concurrent_reads"), "{stderr}");
    assert_eq!(code, Some(3));
    std::fs::write(&file, "cluster_name: Mine\nendpoint_snitch: GossipingPropertyFileSnitch\n")
        .expect("writable");
    std::fs::write(directory.path().join("cassandra-rackdc.properties"), "dc=east\nrack=r7\n")
        .expect("writable");
    let _server = Process::start(&data, &["--config", file.to_str().expect("UTF-8")]);
    assert!(nodetool(&data, &["describecluster"]).0.contains("\tName: Mine\n"));
    let (status, _, _) = nodetool(&data, &["status"]);
    assert!(status.starts_with("Datacenter: east\n") && status.contains("  r7 "), "{status}");
}

#[test]
fn the_version_names_what_it_is_compatible_with() {
    let (stdout, _, code) = output(helenus().arg("--version"));
    assert!(stdout.starts_with("helenus ") && stdout.contains("Cassandra 5.0.6"), "{stdout}");
    assert_eq!(code, Some(0));
}
