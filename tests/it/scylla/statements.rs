//! Statements, batches, paging, changes of the schema, conditions, JSON, traces, errors, a restart.

use std::collections::HashMap;
use std::time::Duration;

use futures::TryStreamExt;
use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};
use scylla::response::PagingState;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::unprepared::Statement;
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::{Counter, CqlTimestamp, Row};

use super::{connect, with_server, with_session};

#[test]
fn simple_and_prepared_statements() {
    with_session("clients_scylla_statements", async |client| {
        client.run("CREATE TABLE t (k int, c text, s int static, v set<int>, PRIMARY KEY (k, c))").await;
        let named = HashMap::from([("k", 1), ("s", 7)]);
        client
            .0
            .query_unpaged("INSERT INTO t (k, c, s) VALUES (:k, 'it''s', :s)", named)
            .await
            .expect("named");
        client.execute("INSERT INTO t (k, c, v) VALUES (?, ?, ?)", (1, "it's", vec![2, 1])).await;
        let select = "SELECT c, s, v FROM t WHERE k = ? AND c IN ?";
        let found = client.rows::<(String, i32, Vec<i32>)>(select, (1, vec!["it's", "no"])).await;
        assert_eq!(found, [("it's".to_owned(), 7, vec![1, 2])]);
        let update = "UPDATE t USING TTL ? SET v = v + ? WHERE k = ? AND c = ?";
        client.execute(update, (1000, vec![3], 1, "it's")).await;
        assert_eq!(client.rows::<(Vec<i32>,)>("SELECT v FROM t WHERE k = 1", ()).await, [(vec![1, 2, 3],)]);
        let mut at = Statement::new("INSERT INTO t (k, c, s) VALUES (2, 'x', ?)");
        at.set_timestamp(Some(1_700_000_000_000_000));
        client.0.query_unpaged(at, (9,)).await.expect("inserted");
        let written = client.rows::<(i64,)>("SELECT writetime(s) FROM t WHERE k = 2", ()).await;
        assert_eq!(written, [(1_700_000_000_000_000,)]);
        client.run("TRUNCATE t").await;
        assert_eq!(client.rows::<(i64,)>("SELECT count(*) FROM t", ()).await, [(0,)]);
    });
}

#[test]
fn batches() {
    with_session("clients_scylla_batches", async |client| {
        client.run("CREATE TABLE t (k int, c int, v text, PRIMARY KEY (k, c))").await;
        client.run("CREATE TABLE counted (k int PRIMARY KEY, n counter)").await;
        let insert = client.0.prepare("INSERT INTO t (k, c, v) VALUES (?, ?, ?)").await.expect("prepared");
        for kind in [BatchType::Logged, BatchType::Unlogged] {
            let mut batch = Batch::new(kind);
            batch.append_statement(insert.clone());
            batch.append_statement("INSERT INTO t (k, c, v) VALUES (1, ?, 'two')");
            batch.append_statement("DELETE FROM t WHERE k = 1 AND c = 0");
            client.0.batch(&batch, ((1, 1, "one"), (2,), ())).await.expect("a batch");
            assert_eq!(client.rows::<(i32,)>("SELECT c FROM t WHERE k = 1", ()).await, [(1,), (2,)]);
            client.run("TRUNCATE t").await;
        }
        let mut batch = Batch::new(BatchType::Counter);
        batch.append_statement("UPDATE counted SET n = n + ? WHERE k = 1");
        batch.append_statement("UPDATE counted SET n = n + ? WHERE k = 1");
        client.0.batch(&batch, ((Counter(5),), (Counter(-2),))).await.expect("a batch");
        assert_eq!(client.rows::<(Counter,)>("SELECT n FROM counted", ()).await, [(Counter(3),)]);
    });
}

#[test]
fn paging() {
    with_session("clients_scylla_paging", async |client| {
        client.run("CREATE TABLE t (k int, c int, PRIMARY KEY (k, c))").await;
        let insert = client.0.prepare("INSERT INTO t (k, c) VALUES (?, ?)").await.expect("prepared");
        for n in 0..100_i32 {
            client.0.execute_unpaged(&insert, (n % 2, n)).await.expect("inserted");
        }
        for size in [1, 7, 50, 1000] {
            let mut select = client.0.prepare("SELECT c FROM t WHERE k = ?").await.expect("prepared");
            select.set_page_size(size);
            let pages = client.0.execute_iter(select, (0,)).await.expect("selected");
            let found = pages.rows_stream::<(i32,)>().expect("typed").try_collect::<Vec<_>>().await;
            let found = found.expect("all pages");
            assert_eq!(found, (0..50).map(|n| (2 * n,)).collect::<Vec<_>>());
            let all = Statement::new("SELECT c FROM t").with_page_size(size);
            let pages = client.0.query_iter(all, ()).await.expect("selected");
            let all = pages.rows_stream::<(i32,)>().expect("typed").try_collect::<Vec<_>>().await;
            assert_eq!(all.expect("all pages").len(), 100);
        }
        let twenty = || Statement::new("SELECT c FROM t WHERE k = 0").with_page_size(20);
        let (page, state) =
            client.0.query_single_page(twenty(), (), PagingState::start()).await.expect("a page");
        assert_eq!(page.into_rows_result().expect("rows").rows_num(), 20);
        let std::ops::ControlFlow::Continue(state) = state.into_paging_control_flow() else {
            panic!("there are more pages");
        };
        let (page, _) = client.0.query_single_page(twenty(), (), state).await.expect("a page");
        assert_eq!(page.into_rows_result().expect("rows").first_row::<(i32,)>().expect("a row"), (40,));
    });
}

#[test]
fn prepared_statements_see_changes_of_the_schema() {
    with_session("clients_scylla_alter", async |client| {
        client.run("CREATE TABLE t (k int PRIMARY KEY, a int)").await;
        client.run("INSERT INTO t (k, a) VALUES (1, 2)").await;
        let some = client.0.prepare("SELECT a FROM t WHERE k = ?").await.expect("prepared");
        let all = client.0.prepare("SELECT * FROM t WHERE k = ?").await.expect("prepared");
        let row = async |statement| {
            let result = client.0.execute_unpaged(statement, (1,)).await.expect("selected");
            result.into_rows_result().expect("rows").single_row::<Row>().expect("a row").columns
        };
        assert_eq!((row(&some).await.len(), row(&all).await.len()), (1, 2));
        client.run("ALTER TABLE t ADD b text").await;
        client.run("INSERT INTO t (k, b) VALUES (1, 'new')").await;
        // The statement is not known any more: the driver prepares it again under the same id.
        assert_eq!(row(&some).await.len(), 1);
        let again = client.0.prepare("SELECT * FROM t WHERE k = ?").await.expect("prepared");
        assert_eq!(row(&again).await.len(), 3);
        client.run("DROP TABLE t").await;
        client.0.execute_unpaged(&all, (1,)).await.expect_err("there is no such table");
    });
}

#[test]
fn events_of_the_schema_reach_other_sessions() {
    with_server(None, "clients_scylla_events", async |server, client| {
        let other = connect(server, None).await;
        let tables = || {
            let state = client.0.get_cluster_state();
            let keyspace = state.get_keyspace("clients_scylla_events").expect("known");
            keyspace
                .tables
                .iter()
                .map(|(name, table)| (name.clone(), table.columns.len()))
                .collect::<Vec<_>>()
        };
        // The session that did not make the change asks for the schema only when it hears of the change.
        let until = async |wanted: &[(String, usize)]| {
            for _ in 0..600 {
                if tables() == wanted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("{:?}, not {wanted:?}", tables());
        };
        let table = |columns| [("t".to_owned(), columns)];
        other.run("CREATE TABLE clients_scylla_events.t (k int PRIMARY KEY)").await;
        until(&table(1)).await;
        other.run("ALTER TABLE clients_scylla_events.t ADD v int").await;
        until(&table(2)).await;
        other.run("DROP TABLE clients_scylla_events.t").await;
        until(&[]).await;
    });
}

#[test]
fn conditions() {
    with_session("clients_scylla_conditions", async |client| {
        client.run("CREATE TABLE t (k int, c int, v text, s int static, PRIMARY KEY (k, c))").await;
        let insert = "INSERT INTO t (k, c, v) VALUES (?, ?, ?) IF NOT EXISTS";
        assert_eq!(client.rows::<(bool,)>(insert, (1, 1, "one")).await, [(true,)]);
        let there = client.rows::<(bool, i32, i32, Option<i32>, String)>(insert, (1, 1, "two")).await;
        assert_eq!(there, [(false, 1, 1, None, "one".to_owned())]);
        let update = "UPDATE t SET v = ? WHERE k = ? AND c = ? IF v = ?";
        let other = client.rows::<(bool, String)>(update, ("two", 1, 1, "none")).await;
        assert_eq!(other, [(false, "one".to_owned())]);
        assert_eq!(client.rows::<(bool,)>(update, ("two", 1, 1, "one")).await, [(true,)]);
        let missing = "UPDATE t SET v = 'x' WHERE k = 1 AND c = 9 IF EXISTS";
        assert_eq!(client.rows::<(bool,)>(missing, ()).await, [(false,)]);
        let mut batch = Batch::default();
        batch.append_statement("UPDATE t SET s = 5 WHERE k = 1 IF s = null");
        batch.append_statement(client.0.prepare(insert).await.expect("prepared"));
        batch.set_serial_consistency(Some(SerialConsistency::LocalSerial));
        let batched = async || {
            let result = client.0.batch(&batch, ((), (1, 2, "batch"))).await.expect("a batch");
            let rows = result.into_rows_result().expect("rows");
            let names: Vec<_> = rows.column_specs().iter().map(|column| column.name().to_owned()).collect();
            let rows: Vec<_> =
                rows.rows::<Row>().expect("typed").map(|row| row.expect("a row").columns).collect();
            (names, rows)
        };
        let (names, rows) = batched().await;
        assert_eq!((names.join(" ").as_str(), rows.len()), ("[applied]", 1));
        let (names, rows) = batched().await;
        assert_eq!((names.join(" ").as_str(), rows.len()), ("[applied] k c s v", 1));
        assert_eq!(rows[0][3].as_ref().and_then(|value| value.as_int()), Some(5));
        let mut serial = Statement::new("SELECT v FROM t WHERE k = 1 AND c = 2");
        serial.set_consistency(Consistency::Serial);
        let result = client.0.query_unpaged(serial, ()).await.expect("selected");
        let found = result.into_rows_result().expect("rows").single_row::<(String,)>().expect("a row");
        assert_eq!(found.0, "batch");
    });
}

#[test]
fn json() {
    with_session("clients_scylla_json", async |client| {
        client
            .run(
                "CREATE TABLE documents (id int PRIMARY KEY, name text, tags set<text>, at timestamp, \
                 parts map<text, frozen<list<decimal>>>)",
            )
            .await;
        let insert = "INSERT INTO documents JSON ?";
        let document = r#"{"id": 1, "name": "a \"b\" é", "tags": ["y", "x"], "at": "2023-10-01 12:00:00.000Z", "parts": {"p": [1.5, 2]}}"#;
        client.execute(insert, (document,)).await;
        let expected = r#"{"id": 1, "at": "2023-10-01 12:00:00.000Z", "name": "a \"b\" é", "parts": {"p": [1.5, 2]}, "tags": ["x", "y"]}"#;
        let found = client.rows::<(String,)>("SELECT JSON * FROM documents", ()).await;
        assert_eq!(found, [(expected.to_owned(),)]);
        client.run(r#"INSERT INTO documents JSON '{"id": 1, "name": "new"}' DEFAULT UNSET"#).await;
        let found = client.rows::<(String, String)>("SELECT name, to_json(tags) FROM documents", ()).await;
        assert_eq!(found, [("new".to_owned(), r#"["x", "y"]"#.to_owned())]);
        client.execute(insert, (r#"{"id": 1}"#,)).await;
        let found =
            client.rows::<(Option<String>, Option<CqlTimestamp>)>("SELECT name, at FROM documents", ()).await;
        assert_eq!(found, [(None, None)]);
        let statement = client.0.prepare(insert).await.expect("prepared");
        let error = client.0.execute_unpaged(&statement, ("[",)).await.expect_err("that is no object");
        assert!(error.to_string().contains("Could not decode JSON string as a map"), "{error}");
    });
}

#[test]
fn traces() {
    with_session("clients_scylla_traces", async |client| {
        client.run("CREATE TABLE t (k int PRIMARY KEY)").await;
        let mut traced = Statement::new("SELECT * FROM t");
        traced.set_tracing(true);
        let result = client.0.query_unpaged(traced, ()).await.expect("selected");
        let id = result.tracing_id().expect("a trace");
        let trace = client.0.get_tracing_info(&id).await.expect("the trace is there");
        assert_eq!(trace.request.as_deref(), Some("Execute CQL3 query"));
        let parameters = trace.parameters.expect("parameters");
        assert_eq!(parameters.get("query").map(String::as_str), Some("SELECT * FROM t"));
        assert!(trace.events.iter().any(|event| {
            event.activity.as_ref().is_some_and(|activity| activity.starts_with("Parsing SELECT * FROM t"))
        }));
    });
}

#[test]
fn errors_are_those_of_their_kind() {
    with_session("clients_scylla_errors", async |client| {
        client.run("CREATE TABLE t (k int PRIMARY KEY)").await;
        let fails = async |text: &str, consistency| {
            let mut statement = Statement::new(text);
            statement.set_consistency(consistency);
            match client.0.query_unpaged(statement, ()).await.expect_err(text) {
                ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, message)) => {
                    (error, message)
                }
                other => panic!("{text}: {other}"),
            }
        };
        let (error, message) = fails("SELEC 1", Consistency::One).await;
        assert_eq!(error, DbError::SyntaxError);
        assert!(message.starts_with("line 1:0 no viable alternative at input 'SELEC'"), "{message}");
        let (error, message) = fails("SELECT nosuch FROM t", Consistency::One).await;
        assert_eq!(error, DbError::Invalid);
        assert!(message.contains("Undefined column name nosuch"), "{message}");
        let (error, _) = fails("CREATE TABLE t (k int PRIMARY KEY)", Consistency::One).await;
        let exists = DbError::AlreadyExists { keyspace: "clients_scylla_errors".into(), table: "t".into() };
        assert_eq!(error, exists);
        let (error, _) = fails("SELECT * FROM t WHERE k = 1", Consistency::Two).await;
        let unavailable = DbError::Unavailable { consistency: Consistency::Two, required: 2, alive: 1 };
        assert_eq!(error, unavailable);
        let error = client.0.prepare("SELECT nosuch FROM t").await.expect_err("there is no such column");
        assert!(matches!(error, PrepareError::AllAttemptsFailed { .. }), "{error}");
    });
}

/// A statement that was prepared before a restart needs no preparing after it.
#[test]
fn prepared_statements_survive_a_restart() {
    with_server(None, "clients_scylla_restart", async |server, client| {
        client.run("CREATE TABLE t (k int PRIMARY KEY, v text)").await;
        client.run("INSERT INTO t (k, v) VALUES (1, 'kept')").await;
        let select = client.0.prepare("SELECT v FROM t WHERE k = ?").await.expect("prepared");
        let value = async || {
            let result = client.0.execute_unpaged(&select, (1,)).await?;
            Ok::<_, ExecutionError>(
                result.into_rows_result().expect("rows").single_row::<(String,)>().expect("a row").0,
            )
        };
        assert_eq!(value().await.expect("selected"), "kept");
        // A server is started on a thread of its own: it brings its own runtime.
        std::thread::scope(|scope| scope.spawn(|| server.restart()).join().expect("it starts again"));
        let stored = async || {
            let text = "SELECT query_string FROM system.prepared_statements";
            let result = client.0.query_unpaged(text, ()).await.ok()?.into_rows_result().expect("rows");
            let texts = result.rows::<(String,)>().expect("typed").map(|row| row.expect("a row").0);
            Some(texts.filter(|text| text.starts_with("SELECT v FROM t")).count())
        };
        let mut found = None;
        for _ in 0..600 {
            found = stored().await;
            if found.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(found.is_some_and(|count| count > 0), "{found:?}");
        assert_eq!(value().await.expect("selected"), "kept");
    });
}
