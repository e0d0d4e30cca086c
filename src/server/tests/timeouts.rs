//! Requests that wait for a slow disk, a sync, memory or a thread are answered when their time is over.

use std::collections::BTreeMap;
use std::time::Instant;

use super::*;
use crate::consistency::{Consistency, WriteType};
use crate::cql::{
    BatchKind, BatchStatement, Client, Connection, ConnectionInfo, Execution, ProtocolVersion, QueryOptions,
    QueryOrId, RequestKind, Response, Service,
};

/// A node on a file system that can be made slow, and a connection to it.
struct Slow {
    fs: FaultyFs,
    server: Server,
    connection: Arc<dyn Connection>,
    home: tempfile::TempDir,
}

impl Slow {
    async fn start(yaml: &str) -> Self {
        let (home, fs) = (tempfile::tempdir().unwrap(), FaultyFs::new(1));
        let server = Server::start_on(config(home.path(), yaml), Arc::new(fs.clone())).await.unwrap();
        let address = "127.0.0.1:1".parse().unwrap();
        let client = Arc::new(Client::new(address, ProtocolVersion::V5, BTreeMap::new(), None));
        let connection = NodeService(server.node.clone()).connect(ConnectionInfo { client });
        let slow = Self { fs, server, connection, home };
        let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
        slow.query(&format!("CREATE KEYSPACE s WITH replication = {replication}")).await.unwrap();
        slow.query("CREATE TABLE s.t (k int PRIMARY KEY, v blob)").await.unwrap();
        slow.query("CREATE TABLE s.c (k int PRIMARY KEY, n counter)").await.unwrap();
        slow
    }

    fn set_slow(&self, part: &str, time: Duration) {
        self.fs.set_faults(Faults { slow: Some((part.to_owned(), time)), ..Faults::default() });
    }

    async fn run(&self, request: RequestKind) -> Response {
        let mut response = match self.connection.execute(request.into()) {
            Execution::Ready(response) => response,
            Execution::Pending(response) => response.await,
        };
        if let Some(barrier) = self.connection.finish_batch()
            && let Err(error) = barrier.await
        {
            response.not_durable(&error);
        }
        response
    }

    async fn query(&self, text: &str) -> Result<(), Error> {
        let options = QueryOptions::with_consistency(Consistency::LocalOne);
        self.run(RequestKind::Query { text: text.to_owned(), options }).await.result.map(|_| ())
    }

    /// What becomes of a statement, and after how long.
    async fn timed(&self, text: &str) -> (Error, Duration) {
        let started = Instant::now();
        let error = self.query(text).await.unwrap_err();
        (error, started.elapsed())
    }

    async fn flush(&self) {
        assert_eq!(nodetool(self.home.path(), "flush s").await, (String::new(), 0));
    }
}

const CONSISTENCY: Consistency = Consistency::LocalOne;

fn read_timeout() -> Error {
    Error::ReadTimeout { consistency: CONSISTENCY, received: 0, block_for: 1, data_present: false }
}

fn write_timeout(write_type: WriteType) -> Error {
    Error::WriteTimeout { consistency: CONSISTENCY, received: 0, block_for: 1, write_type }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_from_a_slow_disk() {
    let timeouts =
        "read_request_timeout: 200ms\nrange_request_timeout: 600ms\ncounter_write_request_timeout: 300ms\n";
    let slow = Slow::start(&format!("{timeouts}file_cache_size: 0MiB\n")).await;
    slow.query("INSERT INTO s.t (k, v) VALUES (1, 0x01)").await.unwrap();
    slow.query("UPDATE s.c SET n = n + 1 WHERE k = 1").await.unwrap();
    slow.flush().await;
    slow.set_slow("-Index.db", Duration::from_secs(6));
    let (error, after) = slow.timed("SELECT * FROM s.t WHERE k = 1").await;
    assert_eq!(error, read_timeout());
    assert!((Duration::from_millis(200)..Duration::from_secs(5)).contains(&after), "{after:?}");
    let (error, after) = slow.timed("SELECT * FROM s.t").await;
    assert_eq!(error, read_timeout());
    assert!((Duration::from_millis(600)..Duration::from_secs(5)).contains(&after), "{after:?}");
    // A counter is read before it is written.
    let (error, after) = slow.timed("UPDATE s.c SET n = n + 1 WHERE k = 1").await;
    assert_eq!(error, write_timeout(WriteType::Counter));
    assert!(after < Duration::from_secs(5), "{after:?}");
    assert_eq!(nodetool(slow.home.path(), "settimeout read 900").await, (String::new(), 0));
    let (_, after) = slow.timed("SELECT * FROM s.t WHERE k = 1").await;
    assert!(after >= Duration::from_millis(900), "{after:?}");
    slow.fs.set_faults(Faults::default());
    slow.query("SELECT * FROM s.t WHERE k = 1").await.unwrap();
    slow.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_for_a_sync() {
    let slow = Slow::start("commitlog_sync: batch\nwrite_request_timeout: 300ms\n").await;
    slow.set_slow("CommitLog", Duration::from_secs(2));
    let (error, after) = slow.timed("INSERT INTO s.t (k, v) VALUES (1, 0x01)").await;
    assert_eq!(error, write_timeout(WriteType::Simple));
    assert!(after >= Duration::from_millis(300), "{after:?}");
    let statement = |k: i32| BatchStatement {
        statement: QueryOrId::Query(format!("INSERT INTO s.t (k, v) VALUES ({k}, 0x01)")),
        values: Default::default(),
    };
    for (kind, write_type) in
        [(BatchKind::Unlogged, WriteType::UnloggedBatch), (BatchKind::Logged, WriteType::Batch)]
    {
        let options = QueryOptions::with_consistency(CONSISTENCY);
        let statements = vec![statement(1), statement(2)];
        let response = slow.run(RequestKind::Batch { kind, statements, options }).await;
        assert_eq!(response.result.unwrap_err(), write_timeout(write_type));
    }
    slow.query("SELECT * FROM s.t WHERE k = 1").await.unwrap();
    slow.fs.set_faults(Faults::default());
    slow.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_for_memory() {
    let slow = Slow::start("memtable_heap_space: 1MiB\nwrite_request_timeout: 300ms\n").await;
    slow.set_slow("-Data.db", Duration::from_secs(3));
    let value = "00".repeat(400_000);
    let insert = |k: i32| format!("INSERT INTO s.t (k, v) VALUES ({k}, 0x{value})");
    let mut last = Ok(());
    for k in 0..8 {
        last = slow.query(&insert(k)).await;
        if last.is_err() {
            break;
        }
    }
    assert_eq!(last.unwrap_err(), write_timeout(WriteType::Simple));
    slow.fs.set_faults(Faults::default());
    eventually(|| !slow.server.node.coordinator().storage().is_full()).await;
    slow.query(&insert(9)).await.unwrap();
    slow.server.stop().await;
}

#[test]
fn requests_that_wait_for_a_thread() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        let slow = Slow::start("native_transport_timeout: 300ms\n").await;
        slow.query("INSERT INTO s.t (k, v) VALUES (1, 0x01)").await.unwrap();
        let storage = slow.server.node.coordinator().storage().clone();
        storage.flush_all().unwrap();
        slow.set_slow("-Index.db", Duration::from_secs(3));
        let (first, second) = tokio::join!(
            slow.query("SELECT * FROM s.t WHERE k = 1"),
            slow.timed("SELECT v FROM s.t WHERE k = 1")
        );
        first.unwrap();
        assert_eq!(second.0, Error::Overloaded("Query timed out before it could start".to_owned()));
        assert!(second.1 < Duration::from_millis(2500), "{:?}", second.1);
        slow.fs.set_faults(Faults::default());
        slow.server.stop().await;
    });
}
