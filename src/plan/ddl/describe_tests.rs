//! Against what Cassandra 5.0.6 answered, recorded in `tests/data/schema/describe.txt`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test")]

use cql_grammar::ast::Statement;
use uuid::Uuid;

use crate::exec::ddl::{DdlContext, KeyspaceChange};
use crate::exec::describe::describe;
use crate::schema::{Schema, TableId};

const RECORDED: &str = include_str!("../../../tests/data/schema/describe.txt");

fn context() -> DdlContext {
    DdlContext {
        datacenters: [("datacenter1".to_owned(), 1)].into(),
        default_keyspace_factor: 1,
        memtables: Default::default(),
        drop_compact_storage_enabled: false,
        new_table_id: TableId(Uuid::new_v4()),
        timestamp_us: 1,
        masking_enabled: false,
        guardrails: None,
        guardrail_warnings: Default::default(),
    }
}

/// Ids of tables that were made by a statement differ each time.
fn without_random_id(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once("ID = ") {
        Some((before, id))
            if id.as_bytes().get(14) == Some(&b'1') || id.as_bytes().get(14) == Some(&b'4') =>
        {
            format!("{before}ID = (random)")
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn descriptions_are_those_of_cassandra() {
    let mut schema = Schema::with_system_keyspaces();
    let mut lines = RECORDED.lines().filter(|line| !line.starts_with('#')).peekable();
    while let Some(statement) = lines.next() {
        let parsed = cql_grammar::parse(statement).unwrap();
        let Statement::Describe(target) = &parsed else {
            let change = super::plan(&parsed, None).unwrap().unwrap();
            match change.apply(&schema, &context()).unwrap().change {
                KeyspaceChange::Put(keyspace) => schema = schema.with_keyspace(keyspace),
                other => unreachable!("{other:?}"),
            }
            continue;
        };
        for mut row in describe(target, &schema, None).unwrap() {
            let mut expected: Vec<&str> = lines.by_ref().take_while(|line| *line != "--").collect();
            // Cassandra's table of Paxos has an index that it needs for itself.
            if expected[0].starts_with("CREATE CUSTOM INDEX") {
                expected = lines.by_ref().take_while(|line| *line != "--").collect();
            }
            let cql = row.pop().unwrap();
            assert_eq!(without_random_id(&cql), without_random_id(&expected.join("\n")), "{statement}");
        }
        assert!(
            lines.peek().is_none_or(|line| line.starts_with("DESCRIBE")),
            "{statement}: {:?}",
            lines.peek()
        );
    }
}
