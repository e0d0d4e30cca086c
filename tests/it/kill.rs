//! `kill -9` under the load of a driver: what was acknowledged is there after the next start, in every sync mode.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use compat_suite::helenus::{Helenus, Options};
use futures::TryStreamExt;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;

/// Rounds of load and kill in each mode, one server life each.
const ROUNDS: u64 = 7;
/// Writers at one time.
const WRITERS: i32 = 8;

/// Starts the binary on a free port, and waits until it is ready.
fn start(directory: &Path, yaml: &str) -> Helenus {
    let options = Options {
        executable: Some(PathBuf::from(env!("CARGO_BIN_EXE_helenus"))),
        directory: Some(directory.to_owned()),
        yaml: Some(yaml.to_owned()),
        ..Options::default()
    };
    Helenus::start(&options).expect("the server starts")
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
    let yaml = format!("cluster_name: Durable\n{sync}\n");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let mut acknowledged = vec![0; WRITERS as usize];
    for round in 0..ROUNDS {
        let server = start(directory.path(), &yaml);
        let address = server.address();
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
            // The moment differs, and so does what is under way: a new segment, a flush, a sync.
            tokio::time::sleep(Duration::from_millis(150 + 50 * round)).await;
            if round % 3 == 1 {
                let output = server.nodetool(&["flush", "durable"]).expect("nodetool runs");
                assert!(output.status.success(), "{output:?}");
            }
            server.kill().expect("SIGKILL is sent");
            gone.store(true, Ordering::Relaxed);
            let before: i32 = acknowledged.iter().sum();
            for (task, count) in tasks.into_iter().zip(&mut acknowledged) {
                *count = task.await.expect("the writer ended");
            }
            assert!(acknowledged.iter().sum::<i32>() > before, "nothing was written in round {round}");
        });
    }
    assert!(acknowledged.iter().all(|count| *count > 0), "every writer wrote: {acknowledged:?}");
    let server = start(directory.path(), &yaml);
    runtime.block_on(async { check(&connect(server.address()).await, &acknowledged).await });
}

#[test]
fn acknowledged_writes_survive_in_periodic_mode() {
    survives("commitlog_sync: periodic\ncommitlog_sync_period: 10000ms\ncommitlog_segment_size: 1MiB");
}

#[test]
fn acknowledged_writes_survive_in_batch_mode() {
    survives("commitlog_sync: batch\ncommitlog_segment_size: 1MiB");
}

#[test]
fn acknowledged_writes_survive_in_group_mode() {
    survives("commitlog_sync: group\ncommitlog_sync_group_window: 10ms");
}
