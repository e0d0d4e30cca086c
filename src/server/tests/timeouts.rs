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
pub(super) struct Slow {
    pub(super) fs: FaultyFs,
    pub(super) server: Server,
    connection: Arc<dyn Connection>,
    pub(super) home: tempfile::TempDir,
}

impl Slow {
    pub(super) async fn start(yaml: &str) -> Self {
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

    pub(super) async fn query(&self, text: &str) -> Result<(), Error> {
        self.query_at(text, CONSISTENCY, None).await
    }

    async fn query_at(
        &self,
        text: &str,
        consistency: Consistency,
        serial_consistency: Option<Consistency>,
    ) -> Result<(), Error> {
        let options = QueryOptions { serial_consistency, ..QueryOptions::with_consistency(consistency) };
        self.run(RequestKind::Query { text: text.to_owned(), options }).await.result.map(|_| ())
    }

    /// What becomes of a statement, and after how long.
    async fn timed(&self, text: &str) -> (Error, Duration) {
        let started = Instant::now();
        let error = self.query(text).await.unwrap_err();
        (error, started.elapsed())
    }

    pub(super) async fn flush(&self) {
        assert_eq!(nodetool(self.home.path(), "flush s").await, (String::new(), 0));
    }
}

const CONSISTENCY: Consistency = Consistency::LocalOne;

fn read_timeout() -> Error {
    read_timeout_at(CONSISTENCY)
}

fn read_timeout_at(consistency: Consistency) -> Error {
    Error::ReadTimeout { consistency, received: 0, block_for: 1, data_present: false }
}

fn contended() -> Error {
    Error::CasWriteTimeout { consistency: Consistency::Serial, received: 0, block_for: 1, contentions: 0 }
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

/// What Cassandra answers where its replica takes its time (`cassandra.test.read_iteration_delay_ms`).
#[tokio::test(flavor = "multi_thread")]
async fn linearizable_requests_on_a_slow_disk() {
    use Consistency::{LocalQuorum, LocalSerial, One, Quorum, Serial};
    let slow = Slow::start("read_request_timeout: 200ms\nfile_cache_size: 0MiB\n").await;
    slow.query("INSERT INTO s.t (k, v) VALUES (1, 0x01)").await.unwrap();
    slow.flush().await;
    slow.set_slow("-Index.db", Duration::from_millis(900));
    let update = "UPDATE s.t SET v = 0x02 WHERE k = 1 IF EXISTS";
    assert_eq!(slow.query(update).await.unwrap_err(), read_timeout_at(Quorum));
    // The first still reads, holding the partition; what takes too long is the reading, for others too.
    let second = slow.query_at(update, One, Some(LocalSerial)).await;
    assert_eq!(second.unwrap_err(), read_timeout_at(LocalQuorum));
    let batch = format!("BEGIN BATCH {update} APPLY BATCH");
    assert_eq!(slow.query_at(&batch, Quorum, None).await.unwrap_err(), read_timeout_at(Quorum));
    for level in [Serial, LocalSerial] {
        let read = slow.query_at("SELECT * FROM s.t WHERE k = 1", level, None).await;
        assert_eq!(read.unwrap_err(), read_timeout_at(level));
    }
    slow.fs.set_faults(Faults::default());
    slow.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_writes_that_wait_for_others() {
    let slow = Slow::start("cas_contention_timeout: 100ms\nfile_cache_size: 0MiB\n").await;
    slow.query("INSERT INTO s.t (k, v) VALUES (1, 0x01)").await.unwrap();
    slow.flush().await;
    slow.set_slow("-Index.db", Duration::from_millis(1500));
    let first = slow.query("UPDATE s.t SET v = 0x02 WHERE k = 1 IF v = 0x01");
    let second = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        slow.timed("UPDATE s.t SET v = 0x03 WHERE k = 1 IF v = 0x01").await
    };
    let (first, (second, after)) = tokio::join!(first, second);
    first.unwrap();
    assert_eq!(second, contended());
    assert!((Duration::from_millis(100)..Duration::from_millis(1000)).contains(&after), "{after:?}");
    slow.fs.set_faults(Faults::default());
    slow.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn linearizable_requests_that_wait_for_a_sync() {
    let slow = Slow::start("commitlog_sync: batch\nwrite_request_timeout: 300ms\n").await;
    slow.set_slow("CommitLog", Duration::from_secs(2));
    let write = slow.query("INSERT INTO s.t (k, v) VALUES (1, 0x01) IF NOT EXISTS").await;
    assert_eq!(write.unwrap_err(), contended());
    let read = slow.query_at("SELECT * FROM s.t WHERE k = 1", Consistency::LocalSerial, None).await;
    assert_eq!(read.unwrap_err(), read_timeout_at(Consistency::LocalSerial));
    slow.fs.set_faults(Faults::default());
    slow.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_long_to_truncate() {
    let slow = Slow::start("truncate_request_timeout: 200ms\n").await;
    slow.query("INSERT INTO s.t (k, v) VALUES (1, 0x01)").await.unwrap();
    slow.set_slow("-Data.db", Duration::from_secs(2));
    let (error, after) = slow.timed("TRUNCATE s.t").await;
    let text = "Error during truncate: Truncate timed out - received only 0 responses";
    assert_eq!(error, Error::Truncate(text.to_owned()));
    assert!((Duration::from_millis(200)..Duration::from_millis(1800)).contains(&after), "{after:?}");
    slow.fs.set_faults(Faults::default());
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
