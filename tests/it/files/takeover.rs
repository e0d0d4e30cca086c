//! A directory changes hands: what one left, commit log and all, the other goes on with.

use compat_suite::available;
use compat_suite::cassandra::{Cassandra, Options};
use scylla::client::session_builder::SessionBuilder;

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
            "DELETE FROM files.mixed_order WHERE p = 1 AND a = 2 AND b = 'y' AND c >= 2",
            "INSERT INTO files.statics (p, c, s, v) VALUES (50, 1, 2, 3) USING TTL 1000000",
            "DELETE FROM files.every_type WHERE p1 = 4 AND p2 = ''",
            "UPDATE files.counts SET n = n + 1000 WHERE p = 'a' AND c = 1",
        ] {
            session.query_unpaged(statement, ()).await.expect("run");
        }
        session.query_unpaged(workload::value_of_every_type(100), ()).await.expect("inserted");
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

/// The same for roles: who could log in and what he could do with the one, can with the other.
#[test]
fn roles_change_hands() {
    let name = "roles_change_hands";
    let directory = tempfile::tempdir().expect("a directory");
    let options =
        Options { directory: Some(directory.path().to_owned()), authentication: true, ..Options::quick() }
            .with("dynamic_data_masking_enabled", "true");
    let Some(node) = available(name, Cassandra::start(&options)) else { return };
    let runtime = runtime();
    let address = node.address();
    runtime.block_on(async {
        let first = log_in(address, "cassandra", "cassandra").await;
        for statement in [
            "CREATE KEYSPACE roles WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
            "CREATE TABLE roles.t (k int PRIMARY KEY)",
            "CREATE TABLE roles.masked (k int PRIMARY KEY, theirs text MASKED WITH mask_inner(1, null))",
            "CREATE ROLE theirs WITH PASSWORD = 'of Cassandra' AND LOGIN = true",
            "CREATE ROLE readers",
            "GRANT SELECT ON KEYSPACE roles TO readers",
            "GRANT readers TO theirs",
        ] {
            first.query_unpaged(statement, ()).await.expect(statement);
        }
    });
    node.nodetool(&["drain"]).expect("drained");
    node.stop().expect("stopped");
    let yaml = "authenticator: PasswordAuthenticator\nauthorizer: CassandraAuthorizer\n\
                dynamic_data_masking_enabled: true\n";
    let server = helenus(Some(directory.path()), yaml);
    runtime.block_on(async {
        may_only_read(&log_in(server.address(), "theirs", "of Cassandra").await).await;
        let first = log_in(server.address(), "cassandra", "cassandra").await;
        for statement in [
            "CREATE ROLE ours WITH PASSWORD = 'of Helenus' AND LOGIN = true",
            "GRANT readers TO ours",
            "ALTER ROLE theirs WITH PASSWORD = 'changed'",
            "ALTER TABLE roles.masked ADD ours list<int> MASKED WITH mask_replace([7])",
            "INSERT INTO roles.masked (k, theirs, ours) VALUES (1, 'abc', [1, 2])",
        ] {
            first.query_unpaged(statement, ()).await.expect(statement);
        }
        sees_masks(&log_in(server.address(), "theirs", "changed").await).await;
    });
    nodetool(&server, &["flush"]);
    server.kill().expect("killed");
    let std::net::IpAddr::V4(address) = address.ip() else { unreachable!("it has a loopback address") };
    let node =
        Cassandra::start(&Options { address: Some(address), ..options }).expect("Cassandra starts on ours");
    runtime.block_on(async {
        may_only_read(&log_in(node.address(), "ours", "of Helenus").await).await;
        may_only_read(&log_in(node.address(), "theirs", "changed").await).await;
        sees_masks(&log_in(node.address(), "theirs", "changed").await).await;
    });
    node.stop().expect("stopped");
}

/// A session of a role, which may take a moment to be there: Cassandra makes the first one after it listens.
async fn log_in(
    address: std::net::SocketAddr,
    user: &str,
    password: &str,
) -> scylla::client::session::Session {
    let builder = || SessionBuilder::new().known_node_addr(address).user(user, password);
    for _ in 0..100 {
        if let Ok(session) = builder().build().await {
            return session;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    builder().build().await.expect("a role that may log in")
}

async fn may_only_read(session: &scylla::client::session::Session) {
    session.query_unpaged("SELECT * FROM roles.t", ()).await.expect("permitted");
    let error = session.query_unpaged("INSERT INTO roles.t (k) VALUES (1)", ()).await.expect_err("a refusal");
    assert!(error.to_string().contains("has no MODIFY permission on <table roles.t>"), "{error}");
}

/// Masks change hands too, whoever made them.
async fn sees_masks(session: &scylla::client::session::Session) {
    let rows = ask(session, "SELECT theirs, ours FROM roles.masked").await;
    assert!(rows.len() == 1 && rows[0].contains("a**") && rows[0].contains("[Int(7)]"), "{rows:?}");
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
