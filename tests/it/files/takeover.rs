//! A directory changes hands: what one left, commit log and all, the other goes on with.

use compat_suite::available;
use compat_suite::cassandra::{Cassandra, Options};

use super::{ask, connect, helenus, nodetool, runtime, workload};

#[test]
fn each_goes_on_with_what_the_other_left() {
    let name = "each_goes_on_with_what_the_other_left";
    let directory = tempfile::tempdir().expect("a directory");
    let options = Options { directory: Some(directory.path().to_owned()), ..Options::quick() };
    let Some(node) = available(name, Cassandra::start(&options)) else { return };
    let runtime = runtime();
    // The first half in SSTables, the second in the commit log only.
    let expected = runtime.block_on(async {
        let session = connect(node.address()).await;
        workload::schema(&session).await;
        workload::first(&session).await;
        node.nodetool(&["flush"]).and_then(|output| output.expect("flush")).expect("flushed");
        workload::second(&session).await;
        answers(&session).await
    });
    // Its default is to sync every ten seconds, and what is not synced it has not written either.
    std::thread::sleep(std::time::Duration::from_secs(11));
    let address = node.address();
    node.kill().expect("killed");
    let server = helenus(Some(directory.path()), "");
    let expected = runtime.block_on(async {
        let session = connect(server.address()).await;
        assert_same(&expected, &answers(&session).await);
        let insert =
            "INSERT INTO files.simple (k, v) VALUES (100, 'flushed') USING TIMESTAMP 1600000000000000";
        session.query_unpaged(insert, ()).await.expect("inserted");
        nodetool(&server, &["flush", "files"]);
        for statement in [
            "INSERT INTO files.simple (k, v) VALUES (101, 'in the log') USING TIMESTAMP 1600000000000000",
            "CREATE TABLE files.ours (k int PRIMARY KEY, v map<int, text>)",
            "INSERT INTO files.ours (k, v) VALUES (1, {1: 'one', 2: 'two'})",
            "DELETE v[1] FROM files.ours WHERE k = 1",
            "DELETE FROM files.mixed_order WHERE p = 1 AND a = 3",
            "DELETE FROM files.every_type WHERE p1 = 4 AND p2 = ''",
            "UPDATE files.counts SET n = n + 1000 WHERE p = 'a' AND c = 1",
        ] {
            session.query_unpaged(statement, ()).await.expect("run");
        }
        answers(&session).await
    });
    server.kill().expect("killed");
    let std::net::IpAddr::V4(address) = address.ip() else { unreachable!("it has a loopback address") };
    let node =
        Cassandra::start(&Options { address: Some(address), ..options }).expect("Cassandra starts on ours");
    runtime.block_on(async {
        let session = connect(node.address()).await;
        assert_same(&expected, &answers(&session).await);
        let rows = ask(&session, "SELECT * FROM files.ours").await;
        assert_eq!(rows.len(), 1, "{rows:?}");
    });
    node.stop().expect("stopped");
    let server = helenus(Some(directory.path()), "");
    runtime.block_on(async {
        let session = connect(server.address()).await;
        assert_same(&expected, &answers(&session).await);
    });
}

/// What every query of the workload gives.
async fn answers(session: &scylla::client::session::Session) -> Vec<(String, Vec<String>)> {
    let mut answers = Vec::new();
    for query in workload::queries() {
        let rows = ask(session, &query).await;
        answers.push((query, rows));
    }
    answers
}

fn assert_same(expected: &[(String, Vec<String>)], found: &[(String, Vec<String>)]) {
    for ((query, expected), (_, found)) in expected.iter().zip(found) {
        assert_eq!(expected, found, "{query}");
    }
}
