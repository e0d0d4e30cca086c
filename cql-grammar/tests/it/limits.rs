//! Large and deeply nested statements.

use cql_grammar::parse;
use std::time::{Duration, Instant};

/// Runs as a thread of a server would, with 2 MiB of stack.
fn on_a_small_stack(test: fn()) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap().join().unwrap();
}

#[test]
fn a_megabyte_of_values_is_fine() {
    let list = vec!["123456"; 150_000].join(", ");
    let maps = vec!["{'a': 1}"; 100_000].join(", ");
    let start = Instant::now();
    for text in [
        format!("SELECT * FROM t WHERE k IN ({list})"),
        format!("INSERT INTO t (k) VALUES ([{list}])"),
        format!("INSERT INTO t (k) VALUES ({{{list}}})"),
        format!("INSERT INTO t (k) VALUES ([{maps}])"),
        format!("SELECT [{list}] FROM t"),
        format!("INSERT INTO t (k) VALUES ('{}')", "x".repeat(1 << 20)),
        format!(
            "BEGIN BATCH {} APPLY BATCH",
            "UPDATE t SET a = a + 1, b[2] = c(1) WHERE k = 1; ".repeat(20_000)
        ),
        format!("UPDATE t SET {} WHERE k = 1", vec!["m['a'] = 1"; 20_000].join(", ")),
    ] {
        parse(&text).unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn deep_nesting_is_refused_not_a_crash() {
    on_a_small_stack(|| {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("{", "}"),
            ("f(", ")"),
            ("(int)", ""),
            ("CAST(", ")"),
            ("- ", ""),
            ("{1: ", "}"),
        ] {
            for template in [
                "INSERT INTO t (a) VALUES (@)",
                "SELECT @ FROM t",
                "SELECT a FROM t WHERE k = @",
                "SELECT a[@] FROM t",
            ] {
                for close in [close, ""] {
                    let nested = format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
                    let error = parse(&template.replace('@', &nested)).unwrap_err();
                    assert!(!error.message.is_empty());
                }
            }
        }
        for text in [
            format!("CREATE TABLE t (a {}int{} PRIMARY KEY)", "list<".repeat(20_000), ">".repeat(20_000)),
            format!("SELECT a FROM t WHERE {}a = 1{}", "(".repeat(20_000), ")".repeat(20_000)),
            format!("SELECT a{} FROM t", ".b".repeat(20_000)),
            format!("SELECT a{} FROM t", "[0]".repeat(20_000)),
            format!("SELECT a{} FROM t", " + 1".repeat(20_000)),
            format!("INSERT INTO t (a) VALUES (1{})", " * 1".repeat(20_000)),
            format!("SELECT {} FROM t", "(a)[".repeat(20_000)),
        ] {
            assert!(parse(&text).is_err());
        }
    });
}

#[test]
fn reasonable_nesting_is_fine() {
    on_a_small_stack(|| {
        let nested = format!("{}1{}", "[".repeat(60), "]".repeat(60));
        for template in ["INSERT INTO t (a) VALUES (@)", "SELECT @ FROM t", "SELECT a FROM t WHERE k = @"] {
            let text = template.replace('@', &nested);
            let statement = parse(&text).unwrap();
            assert_eq!(statement.clone(), statement);
            assert_eq!(parse(&statement.to_string()).unwrap(), statement);
        }
        let sum = format!("SELECT a{} FROM t", " + 1".repeat(390));
        assert_eq!(parse(&sum).unwrap().to_string(), sum);
    });
}
