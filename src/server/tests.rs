//! A whole node: what opens and closes its port.
#![allow(clippy::unwrap_used, reason = "test")]

use std::time::Duration;

use tokio::net::TcpStream;

use super::*;
use crate::env::faulty_fs::{Faults, FaultyFs};
use crate::nodetool;

mod damage;
mod prepared;
mod timeouts;

fn config(home: &Path, yaml: &str) -> Config {
    Config::parse(yaml, None, home).unwrap().listen_on(None, Some(0))
}

/// Runs a nodetool command against the server of that directory.
async fn nodetool(home: &Path, command: &str) -> (String, u8) {
    let words = ["--data", &home.display().to_string()].map(str::to_owned);
    let words: Vec<_> = words.into_iter().chain(command.split(' ').map(str::to_owned)).collect();
    let output = tokio::task::spawn_blocking(move || nodetool::client::run(&words)).await.unwrap();
    (output.stdout + &output.stderr, output.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_serves_one_server_at_a_time() {
    let home = tempfile::tempdir().unwrap();
    let config = || config(home.path(), "");
    let server = Server::start(config()).await.unwrap();
    assert!(matches!(Server::start(config()).await, Err(StartError::InUse(_))));
    server.stop().await;
    let again = Server::start(config()).await.unwrap();
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_of_clients_is_opened_and_closed_by_nodetool() {
    let home = tempfile::tempdir().unwrap();
    // An address of its own: on one that others use, one of them may take the port while it is closed.
    let yaml = "start_native_transport: false\nrpc_address: 127.0.86.17\n";
    let server = Server::start(config(home.path(), yaml)).await.unwrap();
    assert!(!server.native_transport_running());
    let status = |expected: &'static str| async {
        assert_eq!(nodetool(home.path(), "statusbinary").await, (expected.to_owned(), 0));
    };
    status("not running\n").await;
    assert_eq!(nodetool(home.path(), "enablebinary").await, (String::new(), 0));
    status("running\n").await;
    let address = server.address();
    TcpStream::connect(address).await.unwrap();
    assert_eq!(nodetool(home.path(), "disablebinary").await, (String::new(), 0));
    status("not running\n").await;
    assert!(TcpStream::connect(address).await.is_err());
    nodetool(home.path(), "enablebinary").await;
    assert_eq!(server.address(), address, "the port stays the same");
    TcpStream::connect(address).await.unwrap();
    nodetool(home.path(), "drain").await;
    let refused = "error: Unable to start native transport because the node was drained.\n";
    assert_eq!(nodetool(home.path(), "enablebinary").await, (refused.to_owned(), 2));
    server.stop().await;
}

/// Waits until something holds.
async fn eventually(what: impl Fn() -> bool) {
    for _ in 0..500 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(what(), "it does not come to hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_commit_log_closes_the_port_and_the_node_stays() {
    let home = tempfile::tempdir().unwrap();
    let fs = FaultyFs::new(1);
    let config = config(home.path(), "commitlog_sync: periodic\ncommitlog_sync_period: 100ms\n");
    let server = Server::start_on(config, Arc::new(fs.clone())).await.unwrap();
    assert!(server.native_transport_running());
    fs.set_faults(Faults { fail_sync: Some("CommitLog".to_owned()), ..Faults::default() });
    server.node.internal("UPDATE system.local SET truncated_at = {} WHERE key = 'local'", &[]).unwrap();
    eventually(|| !server.native_transport_running()).await;
    let (info, code) = nodetool(home.path(), "info").await;
    assert!(code == 0 && info.contains("Native Transport active: false"), "{info}");
    fs.set_faults(Faults::default());
    nodetool(home.path(), "enablebinary").await;
    assert!(server.native_transport_running());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_disk_ends_the_process_where_the_policy_is_to_die() {
    let home = tempfile::tempdir().unwrap();
    let fs = FaultyFs::new(1);
    let server = Server::start_on(config(home.path(), "disk_failure_policy: die\n"), Arc::new(fs.clone()));
    let server = server.await.unwrap();
    server.node.internal("UPDATE system.local SET truncated_at = {} WHERE key = 'local'", &[]).unwrap();
    fs.set_faults(Faults { fail_sync: Some("Data.db".to_owned()), ..Faults::default() });
    let (text, code) = nodetool(home.path(), "flush system local").await;
    assert!(code == 2 && text.contains("the sync failed"), "{text}");
    assert_eq!(server.stop_requested().await, StopReason::DiskFailed);
    eventually(|| !server.native_transport_running()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn virtual_tables_show_what_was_measured() {
    use crate::cluster::ReadListener;
    use crate::consistency::Consistency;
    use crate::storage::model::{DataRange, ReadCommand};
    use crate::storage::{IoMode, Steps};
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(config(home.path(), "")).await.unwrap();
    let coordinator = server.node.coordinator();
    let schema = coordinator.schema();
    let read = |keyspace: &str, table: &str| {
        let command = ReadCommand::of_all(schema.table(keyspace, table).unwrap().clone(), 9, DataRange::ALL);
        let listener = ReadListener { report: &|_| {}, steps: Steps::NONE };
        coordinator.read(&command, Consistency::One, IoMode::Blocking, listener).unwrap()
    };
    (0..10).for_each(|_| drop(read("system", "local")));
    let key = crate::types::token::encode_partition_key(&[&b"system"[..], &b"local"[..]]).unwrap();
    let count = |table: &str, column: &str| {
        let found = read("system_views", table);
        let partition = found.partitions.iter().find(|p| p.key.key[..] == key[..]).unwrap();
        let column = schema.table("system_views", table).unwrap().column(column).unwrap().id;
        <[u8; 8]>::try_from(partition.rows.first().unwrap().cell(column).unwrap().value).unwrap()
    };
    assert_eq!(i64::from_be_bytes(count("coordinator_scan_latency", "count")), 10);
    assert!(f64::from_be_bytes(count("coordinator_scan_latency", "p99th_ms")) > 0.0);
    assert_eq!(f64::from_be_bytes(count("rows_per_read", "max")), 1.0);
    for keyspace in crate::schema::system::VIRTUAL {
        for table in schema.keyspace(keyspace).unwrap().tables.keys() {
            let _ = read(keyspace, table);
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn nodetool_shows_what_the_tables_have_come_to() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(config(home.path(), "")).await.unwrap();
    assert_eq!(nodetool(home.path(), "flush").await, (String::new(), 0));
    let (info, _) = nodetool(home.path(), "info").await;
    assert!(info.contains("\nUncompressed load      : "), "{info}");
    assert!(!info.contains("\nUncompressed load      : 0 bytes\n"), "{info}");
    assert!(info.contains("\nPercent Repaired       : 0.0%\n"), "{info}");
    let (stats, _) = nodetool(home.path(), "tablestats system.local").await;
    assert!(stats.contains("\tWrite Latency: ") && !stats.contains("\tWrite Latency: 0.0 ms"), "{stats}");
    server.stop().await;
}

#[tokio::test]
async fn a_stop_leaves_nothing_to_replay() {
    let home = tempfile::tempdir().unwrap();
    let config = config(home.path(), "");
    let commit_log = config.commitlog_directory.clone();
    let segments = || -> std::collections::HashSet<_> {
        std::fs::read_dir(&commit_log).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    let server = Server::start(config).await.unwrap();
    let logged = segments();
    assert!(!logged.is_empty(), "a node writes what it knows of itself");
    server.stop().await;
    // The store may have noted something of the flush itself since.
    assert!(logged.is_disjoint(&segments()));
}
