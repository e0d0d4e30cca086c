//! A session of statements as Cassandra 5.0.6 answered them, in `tests/data/schema/ddl.txt`.
#![allow(clippy::unwrap_used, reason = "test")]

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::error::Error;
use crate::exec::ddl::{DdlContext, KeyspaceChange};
use crate::schema::{Schema, TableId};

const RECORDED: &str = include_str!("../../../tests/data/schema/ddl.txt");

fn context(step: u32) -> DdlContext {
    DdlContext {
        datacenters: BTreeMap::from([("datacenter1".to_owned(), 1)]),
        default_keyspace_factor: 1,
        memtables: Default::default(),
        drop_compact_storage_enabled: false,
        new_table_id: TableId(Uuid::from_u128(step.into())),
        timestamp_us: i64::from(step),
        masking_enabled: false,
        guardrails: None,
        guardrail_warnings: Default::default(),
    }
}

/// Runs a statement, and gives the answer in the form of the recording.
fn answer(schema: &mut Schema, statement: &str, step: u32) -> Vec<String> {
    let result = cql_grammar::parse(statement)
        .map_err(|error| Error::syntax(error.to_string()))
        .and_then(|parsed| super::plan(&parsed, None))
        .and_then(|change| {
            let change = change.unwrap();
            let transformed = change.apply(schema, &context(step))?;
            match transformed.change {
                KeyspaceChange::None => {}
                KeyspaceChange::Put(keyspace) => *schema = schema.with_keyspace(keyspace),
                KeyspaceChange::Drop => *schema = schema.without_keyspace(&change.keyspace),
            }
            Ok(transformed.warnings)
        });
    let error = match result {
        Ok(warnings) => {
            let warnings = warnings.into_iter().map(|warning| format!("! {warning}"));
            return std::iter::once("= ok".to_owned()).chain(warnings).collect();
        }
        Err(error) => error,
    };
    vec![match &error {
        Error::Syntax(text) => format!("= 2000 {text}"),
        Error::Unauthorized(text) => format!("= 2100 {text}"),
        Error::Invalid(text) => format!("= 2200 {text}"),
        Error::Config(text) => format!("= 2300 {text}"),
        Error::AlreadyExists { keyspace, table } => format!("= 2400 {keyspace} {table}"),
        other => format!("= 0000 {other}"),
    }]
}

#[test]
fn statements_are_answered_as_by_cassandra() {
    let mut schema = Schema::with_system_keyspaces();
    let mut lines = RECORDED.lines().filter(|line| !line.starts_with('#')).peekable();
    let mut differences = Vec::new();
    let mut step = 1;
    while let Some(statement) = lines.next() {
        step += 1;
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("= ") || line.starts_with("! ")) {
            expected.push(line.to_owned());
        }
        let found = answer(&mut schema, statement, step);
        // What is an internal error there is a clear answer here.
        let is_internal = expected[0].starts_with("= 0000");
        if is_internal {
            assert_ne!(found[0], "= ok", "{statement}")
        } else if found != expected {
            differences.push(format!("{statement}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
