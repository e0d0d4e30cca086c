//! Statements: text to syntax tree to plan, and prepared ones run from memory.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

mod node;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use helenus::exec::plan::Outcome;
use helenus::plan::statement::plan;

use node::{BenchNode, ORDERS_OF_A_USER, by_user, options, uuid};

const INSERT: &str =
    "INSERT INTO orders.by_user (user_id, at, order_id, status, amount) VALUES (?, ?, ?, ?, ?)";
const LATEST: &str = "SELECT * FROM orders.by_user WHERE user_id = ? LIMIT 10";
const ONE: &str = "SELECT * FROM orders.by_user WHERE user_id = ? AND at = ?";
const RANGE: &str = "SELECT at, amount FROM orders.by_user WHERE user_id = ? AND at >= ? AND at < ?";

fn planning(c: &mut Criterion) {
    let node = BenchNode::new();
    let schema = node.node.coordinator().schema();
    for (name, text) in [("insert", INSERT), ("latest ten", LATEST), ("range", RANGE)] {
        let mut group = c.benchmark_group(format!("statement, {name}"));
        group.bench_function("parse", |b| {
            b.iter(|| cql_grammar::parse_with_bindings(black_box(text)).unwrap());
        });
        let parsed = cql_grammar::parse_with_bindings(text).unwrap();
        group.bench_function("plan", |b| b.iter(|| plan(black_box(&parsed), &schema, None).unwrap()));
        group.finish();
    }
}

/// What is left of a request without the socket: values bound, rows found, and written in wire form.
fn execution(c: &mut Criterion) {
    let node = BenchNode::new();
    node.fill("orders", 0..100);
    let mut group = c.benchmark_group("prepared execution from memtables");
    let insert = node.prepare(INSERT);
    let mut order = 0;
    group.bench_function("insert", |b| {
        b.iter(|| {
            order += 1;
            // A user of their own, for whom the reads below do not ask.
            black_box(insert.run(&by_user(1000 + order / ORDERS_OF_A_USER, order)));
            if order % 64 == 0 {
                node.storage().write_out().unwrap();
            }
        });
    });
    let (from, to) = (1_700_000_000_010_u64.to_be_bytes(), 1_700_000_000_060_u64.to_be_bytes());
    let user = uuid(1, 50);
    let reads = [
        ("one row", ONE, options(&[&user, &from]), 1),
        ("latest ten rows", LATEST, options(&[&user]), 10),
        ("fifty rows of a range", RANGE, options(&[&user, &from, &to]), 50),
    ];
    for (name, text, values, rows) in reads {
        let select = node.prepare(text);
        group.bench_function(name, |b| {
            b.iter(|| match select.run(&values) {
                Outcome::Rows(found) => assert_eq!(found.content.row_count(), rows),
                other => unreachable!("{other:?}"),
            });
        });
    }
    group.finish();
}

criterion_group!(benches, planning, execution);
criterion_main!(benches);
