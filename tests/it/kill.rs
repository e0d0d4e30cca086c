//! `kill -9` under the load of a driver: what was acknowledged is there after the next start, in every sync mode.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;

/// Rounds of load and kill, one server life each.
const ROUNDS: i32 = 3;
/// Writers at one time.
const WRITERS: i32 = 8;

/// A server process, killed when dropped.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// Starts the binary on a free port, and waits for its ready line.
    fn start(home: &Path, config: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_helenus"))
            .args(["--port", "0", "--jmx-port", "0", "--data"])
            .arg(home)
            .arg("--config")
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let stdout = child.stdout.take().expect("it is a pipe");
        let line = BufReader::new(stdout)
            .lines()
            .map(|line| line.expect("the ready line is text"))
            .find(|line| line.contains("Starting listening for CQL clients on"))
            .expect("the server got ready");
        let place = line.split_once("clients on /").and_then(|(_, rest)| rest.split_whitespace().next());
        let address = place.and_then(|text| text.parse().ok()).expect("the line names the address");
        Self { child, address }
    }

    fn kill(&mut self) {
        self.child.kill().expect("SIGKILL is sent");
        self.child.wait().expect("it ended");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn connect(address: SocketAddr) -> Session {
    SessionBuilder::new().known_node_addr(address).build().await.expect("a session")
}

/// Writes rows one after the other until the server is gone; gives how many were acknowledged.
async fn write(session: Arc<Session>, writer: i32, first: i32, gone: Arc<AtomicBool>) -> i32 {
    let statement = "INSERT INTO durable.t (writer, n, text) VALUES (?, ?, ?)";
    let Ok(insert) = session.prepare(statement).await else { return first };
    let mut n = first;
    while !gone.load(Ordering::Relaxed) {
        let text = format!("{writer}-{n}");
        match session.execute_unpaged(&insert, (writer, n, text)).await {
            Ok(_) => n += 1,
            Err(_) => break,
        }
    }
    n
}

/// Every acknowledged row is there, and says what was written.
async fn check(session: &Session, acknowledged: &[i32]) {
    for (writer, count) in (0..).zip(acknowledged) {
        let rows: Vec<(i32, String)> = session
            .query_iter("SELECT n, text FROM durable.t WHERE writer = ?", (writer,))
            .await
            .expect("read")
            .rows_stream()
            .expect("typed")
            .try_collect()
            .await
            .expect("all pages");
        let there = i32::try_from(rows.len()).expect("few rows");
        assert!(there >= *count, "writer {writer}: {count} acknowledged, {there} there");
        // The one that was under way when the server died may be there too, none beyond it.
        assert!(there <= *count + 1, "writer {writer}: {count} acknowledged, {there} there");
        for (expected, (n, text)) in (0..).zip(&rows) {
            assert_eq!((*n, text.as_str()), (expected, format!("{writer}-{expected}").as_str()));
        }
    }
}

fn survives(sync: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let config = directory.path().join("cassandra.yaml");
    std::fs::write(&config, format!("cluster_name: Durable\n{sync}\n")).expect("written");
    let home = directory.path().join("data");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let mut acknowledged = vec![0; WRITERS as usize];
    for round in 0..ROUNDS {
        let mut process = Process::start(&home, &config);
        let address = process.address;
        runtime.block_on(async {
            let session = Arc::new(connect(address).await);
            if round == 0 {
                for ddl in [
                    "CREATE KEYSPACE durable WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
                    "CREATE TABLE durable.t (writer int, n int, text text, PRIMARY KEY (writer, n))",
                ] {
                    session.query_unpaged(ddl, ()).await.expect("made");
                }
            }
            check(&session, &acknowledged).await;
            // A row that was written but not acknowledged counts from now on.
            let gone = Arc::new(AtomicBool::new(false));
            let tasks: Vec<_> = (0..)
                .zip(&acknowledged)
                .map(|(writer, first)| tokio::spawn(write(session.clone(), writer, *first, gone.clone())))
                .collect();
            tokio::time::sleep(Duration::from_millis(400)).await;
            process.kill();
            gone.store(true, Ordering::Relaxed);
            for (task, count) in tasks.into_iter().zip(&mut acknowledged) {
                *count = task.await.expect("the writer ended");
            }
        });
    }
    assert!(acknowledged.iter().all(|count| *count > 0), "every writer wrote: {acknowledged:?}");
    let process = Process::start(&home, &config);
    runtime.block_on(async { check(&connect(process.address).await, &acknowledged).await });
}

#[test]
fn acknowledged_writes_survive_in_periodic_mode() {
    survives("commitlog_sync: periodic\ncommitlog_sync_period: 10000ms");
}

#[test]
fn acknowledged_writes_survive_in_batch_mode() {
    survives("commitlog_sync: batch");
}

#[test]
fn acknowledged_writes_survive_in_group_mode() {
    survives("commitlog_sync: group\ncommitlog_sync_group_window: 10ms");
}
