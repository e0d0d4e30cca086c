//! No increment of a counter is lost, however many clients count at once, in memory or with what was flushed meanwhile.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::batch::{Batch, BatchType};
use scylla::value::Counter;

use crate::clients::TestServer;

const COUNTERS: i32 = 3;
const CLIENTS: u64 = 8;
const REQUESTS: usize = 150;

/// Counts in every way there is; gives what it added to each counter.
async fn client(session: Arc<Session>, seed: u64) -> [i64; COUNTERS as usize] {
    let one = session.prepare("UPDATE counters.t SET n = n + ? WHERE p = ?").await.expect("prepared");
    let two = session.prepare("UPDATE counters.t SET n = n - ? WHERE p IN (?, ?)").await.expect("prepared");
    let mut batch = Batch::new(BatchType::Counter);
    batch.append_statement(one.clone());
    batch.append_statement(one.clone());
    let mut random = StdRng::seed_from_u64(seed);
    let mut added = [0; COUNTERS as usize];
    let mut add = |p: i32, by: i64| added[p as usize] += by;
    for _ in 0..REQUESTS {
        let (p, by) = (random.random_range(0..COUNTERS), random.random_range(1..1000_i64));
        let other = (p + 1) % COUNTERS;
        match random.random_range(0..4) {
            0 => {
                session.execute_unpaged(&two, (Counter(by), p, other)).await.expect("counted");
                add(p, -by);
                add(other, -by);
            }
            1 => {
                session.batch(&batch, ((Counter(by), p), (Counter(-by), other))).await.expect("counted");
                add(p, by);
                add(other, -by);
            }
            _ => {
                session.execute_unpaged(&one, (Counter(by), p)).await.expect("counted");
                add(p, by);
            }
        }
    }
    added
}

#[test]
fn no_increment_is_lost() {
    let mut server = TestServer::start();
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let mut expected = [0; COUNTERS as usize];
    // The second time after a restart, when a part of what is counted comes from the commit log or from SSTables.
    for round in 0..2 {
        runtime.block_on(async {
            let connect = async || SessionBuilder::new().known_node_addr(server.address()).build().await;
            let session = connect().await.expect("a session");
            if round == 0 {
                for ddl in [
                    "CREATE KEYSPACE counters WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
                    "CREATE TABLE counters.t (p int PRIMARY KEY, n counter)",
                ] {
                    session.query_unpaged(ddl, ()).await.expect(ddl);
                }
            }
            let mut clients = Vec::new();
            for i in 0..CLIENTS {
                let session = Arc::new(connect().await.expect("a session"));
                clients.push(tokio::spawn(client(session, seed ^ i ^ round << 32)));
            }
            for client in clients {
                let added = client.await.expect("a client");
                expected.iter_mut().zip(added).for_each(|(sum, added)| *sum += added);
            }
            for (p, expected) in (0..).zip(expected) {
                let found = session.query_unpaged("SELECT n FROM counters.t WHERE p = ?", (p,)).await;
                let found = found.expect("an answer").into_rows_result().expect("rows");
                let (n,) = found.single_row::<(Counter,)>().expect("a counter");
                assert_eq!(n.0, expected, "counter {p}, round {round}, seed {seed}");
            }
        });
        server.restart();
    }
}
