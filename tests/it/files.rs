//! Files are interchangeable with Cassandra's: its tools accept ours and print of them what they print of its own for
//! the same statements, its nodes read and replay ours, and we its.
//!
//! Needs a JDK 17 and Maven; without them the tests are listed as skipped.

mod dump;
mod metadata;
mod sstables;
mod takeover;
mod workload;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use compat_suite::helenus::{Helenus, Options};
use futures::TryStreamExt;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::value::Row;

/// Our server, on a directory of its own or on the one given.
fn helenus(directory: Option<&Path>, yaml: &str) -> Helenus {
    let options = Options {
        executable: Some(PathBuf::from(env!("CARGO_BIN_EXE_helenus"))),
        directory: directory.map(Path::to_owned),
        yaml: Some(yaml.to_owned()),
        ..Options::default()
    };
    Helenus::start(&options).expect("our server starts")
}

/// Runs our nodetool, which must succeed.
fn nodetool(server: &Helenus, arguments: &[&str]) {
    let output = server.nodetool(arguments).expect("nodetool runs");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

async fn connect(address: SocketAddr) -> Session {
    SessionBuilder::new().known_node_addr(address).build().await.expect("a session")
}

/// All rows that a query gives, as text. It must not fail: two errors alike would say nothing of files.
async fn ask(session: &Session, query: &str) -> Vec<String> {
    let pager = session.query_iter(query, ()).await.expect(query);
    let stream = pager.rows_stream::<Row>().expect(query);
    let rows = stream.try_collect::<Vec<Row>>().await.expect(query);
    rows.iter().map(|row| format!("{:?}", row.columns)).collect()
}

/// Both answer these queries alike.
async fn assert_same_answers(ours: &Session, theirs: &Session, queries: &[String]) {
    for query in queries {
        let (our_rows, their_rows) = (ask(ours, query).await, ask(theirs, query).await);
        assert_eq!(our_rows.len(), their_rows.len(), "{query}\nours: {our_rows:#?}\ntheirs: {their_rows:#?}");
        for (our_row, their_row) in our_rows.iter().zip(&their_rows) {
            assert_eq!(our_row, their_row, "{query}");
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads")
}
