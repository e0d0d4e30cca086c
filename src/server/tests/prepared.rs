//! Prepared statements have room for so many.

use super::*;
use crate::cql::StatementId;
use crate::error::Error;

/// Prepares a statement with so many bytes of text, which is another one for each number.
fn prepare(server: &Server, number: usize, bytes: usize) -> Result<StatementId, Error> {
    let text = format!("SELECT /* {number} {} */ key FROM system.local", "0".repeat(bytes));
    server.node.prepare(&text, None, &|_| Ok(()), None, &Default::default()).map(|(id, ..)| id)
}

fn noted(server: &Server) -> usize {
    server.node.internal("SELECT prepared_id FROM system.prepared_statements", &[]).unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_recently_used_go_and_what_is_too_large_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(config(home.path(), "prepared_statements_cache_size: 1MiB\n")).await.unwrap();
    let statements = server.node.statements();
    let first = prepare(&server, 0, 10_000).unwrap();
    let used = prepare(&server, 1, 10_000).unwrap();
    for number in 2..100 {
        prepare(&server, number, 10_000).unwrap();
        assert!(statements.get(&used).is_ok(), "it was used before each of them");
    }
    assert!(matches!(statements.get(&first), Err(Error::Unprepared { .. })), "nobody used it");
    assert!(statements.len() < 100);
    assert_eq!(noted(&server), statements.len(), "what went is not prepared again at the next start");

    let before = statements.len();
    let message = prepare(&server, 0, 600_000).unwrap_err().to_string();
    assert!(message.starts_with("Prepared statement of size 12"), "{message}");
    let begin = format!("is larger than allowed maximum of 1 MB: SELECT /* 0 {}...", "0".repeat(188));
    assert!(message.ends_with(&begin), "{message}");
    assert_eq!(statements.len(), before);
    server.stop().await;
}
