//! No increment of a counter is lost or counted twice, however many clients count at once, whether what was there is in
//! memory or on disk, and whether one statement changes one counter or several.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::Counter;

use crate::clients::TestServer;

/// Rows of the only partition of `counters.rows`, and partitions of `counters.t`.
const COUNTERS: usize = 3;
const CLIENTS: u64 = 8;
const REQUESTS: usize = 150;

/// What was added in all: to the counters of `t`, to those of `rows`, and to the static one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    partitions: [i64; COUNTERS],
    rows: [i64; COUNTERS],
    of_all: i64,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.partitions.iter_mut().zip(other.partitions).for_each(|(sum, by)| *sum += by);
        self.rows.iter_mut().zip(other.rows).for_each(|(sum, by)| *sum += by);
        self.of_all += other.of_all;
    }
}

/// Counts in every way there is; gives what it added.
async fn client(session: Arc<Session>, seed: u64) -> Sums {
    let prepare = async |text: &str| session.prepare(text).await.expect("prepared");
    let one = prepare("UPDATE counters.t SET n = n + ? WHERE p = ?").await;
    let two = prepare("UPDATE counters.t SET n = n - ? WHERE p IN (?, ?)").await;
    let rows = prepare("UPDATE counters.rows SET n = n + ?, s = s + ? WHERE p = 0 AND c IN (?, ?)").await;
    let batch = |statement: &PreparedStatement| {
        let mut batch = Batch::new(BatchType::Counter);
        batch.append_statement(statement.clone());
        batch.append_statement(statement.clone());
        batch
    };
    let both = batch(&one);
    let mut random = StdRng::seed_from_u64(seed);
    let mut sums = Sums::default();
    for _ in 0..REQUESTS {
        let (p, by) = (random.random_range(0..COUNTERS), random.random_range(1..1000_i64));
        let other = (p + 1) % COUNTERS;
        let (key, other_key) = (p as i32, other as i32);
        match random.random_range(0..5) {
            0 => {
                session.execute_unpaged(&two, (Counter(by), key, other_key)).await.expect("counted");
                sums.partitions[p] -= by;
                sums.partitions[other] -= by;
            }
            1 => {
                let values = ((Counter(by), key), (Counter(-by), other_key));
                session.batch(&both, values).await.expect("counted");
                sums.partitions[p] += by;
                sums.partitions[other] -= by;
            }
            2 => {
                let values = (Counter(by), Counter(1), key, other_key);
                session.execute_unpaged(&rows, values).await.expect("counted");
                sums.rows[p] += by;
                sums.rows[other] += by;
                // As often as rows are named.
                sums.of_all += 2;
            }
            _ => {
                session.execute_unpaged(&one, (Counter(by), key)).await.expect("counted");
                sums.partitions[p] += by;
            }
        }
    }
    sums
}

/// What the counters say; nothing was added to those that are not there.
async fn counted(session: &Session) -> Sums {
    let ask = async |query: &str| {
        let answer = session.query_unpaged(query, ()).await.expect(query);
        let rows = answer.into_rows_result().expect("rows");
        let rows = rows.rows::<(i32, Option<Counter>)>().expect("a number and a counter");
        let rows = rows.map(|row| row.expect("a row")).collect::<Vec<_>>();
        rows.into_iter().map(|(place, n)| (place as usize, n.map_or(0, |n| n.0))).collect::<Vec<_>>()
    };
    let mut sums = Sums::default();
    for (p, n) in ask("SELECT p, n FROM counters.t").await {
        sums.partitions[p] = n;
    }
    for (c, n) in ask("SELECT c, n FROM counters.rows WHERE p = 0").await {
        sums.rows[c] = n;
    }
    sums.of_all =
        ask("SELECT p, s FROM counters.rows WHERE p = 0 LIMIT 1").await.first().map_or(0, |(_, s)| *s);
    sums
}

#[test]
fn every_increment_counts_once() {
    let mut server = TestServer::start();
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let mut expected = Sums::default();
    // The second time what was counted before is on disk, and has to be waited for.
    for round in 0..2 {
        runtime.block_on(async {
            let connect = async || SessionBuilder::new().known_node_addr(server.address()).build().await;
            let session = connect().await.expect("a session");
            if round == 0 {
                for ddl in [
                    "CREATE KEYSPACE counters WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
                    "CREATE TABLE counters.t (p int PRIMARY KEY, n counter)",
                    "CREATE TABLE counters.rows (p int, c int, n counter, s counter STATIC, PRIMARY KEY (p, c))",
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
                expected.add(client.await.expect("a client"));
            }
            assert_eq!(counted(&session).await, expected, "round {round}, seed {seed}");
        });
        server.restart();
    }
}
