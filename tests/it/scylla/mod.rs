//! The `scylla` crate as a client, over each compression that it has (it speaks version 4 of the protocol): what the
//! other drivers' tests do, in the same order.

#![allow(clippy::panic, reason = "tests")]

mod login;
mod orders;
mod secured;
mod statements;
mod types;

use std::time::Duration;

use scylla::client::Compression;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::deserialize::row::DeserializeRow;
use scylla::serialize::row::SerializeRow;

use crate::clients::TestServer;
pub(crate) use orders::statements;

async fn connect(server: &TestServer, compression: Option<Compression>) -> Client {
    let builder = SessionBuilder::new()
        .known_node_addr(server.address())
        .compression(compression)
        // Each second the session asks for the parts of the schema that events named since.
        .cluster_metadata_refresh_interval(Duration::from_secs(1));
    Client(builder.build().await.expect("a session"))
}

/// Runs a test with a session in a new keyspace.
fn with_session(keyspace: &str, test: impl AsyncFnOnce(&Client)) {
    with_server(None, keyspace, async |_, client| test(client).await);
}

/// The same, with the server.
fn with_server(
    compression: Option<Compression>,
    keyspace: &str,
    test: impl AsyncFnOnce(&mut TestServer, &Client),
) {
    let mut server = TestServer::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async {
        let client = connect(&server, compression).await;
        client.run(&format!("DROP KEYSPACE IF EXISTS {keyspace}")).await;
        let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
        client.run(&format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}")).await;
        client.0.use_keyspace(keyspace, true).await.expect("used");
        test(&mut server, &client).await;
        client.run(&format!("DROP KEYSPACE {keyspace}")).await;
    });
}

/// A session, and what most tests do with one.
struct Client(Session);

impl Client {
    /// Runs a statement without values, unprepared.
    async fn run(&self, text: &str) {
        self.0.query_unpaged(text, ()).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    /// Prepares a statement (once: the session does not keep it) and runs it.
    async fn execute(
        &self,
        text: &str,
        values: impl SerializeRow,
    ) -> scylla::response::query_result::QueryResult {
        let statement = self.0.prepare(text).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        self.0.execute_unpaged(&statement, values).await.unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// The rows of a prepared statement.
    async fn rows<R>(&self, text: &str, values: impl SerializeRow) -> Vec<R>
    where
        R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
    {
        let result = self.execute(text, values).await.into_rows_result().expect("rows");
        result.rows::<R>().expect("typed").map(|row| row.expect("a row")).collect()
    }
}
