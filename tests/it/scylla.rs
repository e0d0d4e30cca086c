//! The `scylla` crate as a client: schema, prepared statements, paging, batches, the orders with their three queries.

use std::collections::HashMap;

use futures::TryStreamExt;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::response::PagingState;
use scylla::statement::batch::Batch;
use scylla::statement::unprepared::Statement;
use scylla::value::CqlTimestamp;
use scylla::{DeserializeValue, SerializeValue};
use uuid::Uuid;

use crate::clients::TestServer;

async fn connect(server: &TestServer) -> Session {
    SessionBuilder::new().known_node_addr(server.address()).build().await.expect("a session")
}

/// Runs a test's future with a session on a new server.
fn with_session<F: Future<Output = ()>>(test: impl FnOnce(Session) -> F) {
    let server = TestServer::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async { test(connect(&server).await).await });
}

async fn keyspace(session: &Session, name: &str) {
    session.query_unpaged(format!("DROP KEYSPACE IF EXISTS {name}"), ()).await.expect("dropped");
    let text = format!(
        "CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
    );
    session.query_unpaged(text, ()).await.expect("created");
    session.use_keyspace(name, true).await.expect("used");
}

#[test]
fn statements_and_paging() {
    with_session(|session| async move {
        keyspace(&session, "clients_scylla").await;
        let ddl = "CREATE TABLE t (k int, c int, v text, m map<text, int>, PRIMARY KEY (k, c))";
        session.query_unpaged(ddl, ()).await.expect("created");
        let insert =
            session.prepare("INSERT INTO t (k, c, v, m) VALUES (?, ?, ?, ?)").await.expect("prepared");
        for c in 0..100_i32 {
            let map = HashMap::from([("c", c)]);
            session.execute_unpaged(&insert, (1_i32, c, format!("v{c}"), map)).await.expect("inserted");
        }
        let mut select = session.prepare("SELECT c, v, m FROM t WHERE k = ?").await.expect("prepared");
        select.set_page_size(7);
        let rows: Vec<(i32, String, HashMap<String, i32>)> = session
            .execute_iter(select, (1_i32,))
            .await
            .expect("selected")
            .rows_stream()
            .expect("typed")
            .try_collect()
            .await
            .expect("all pages");
        assert_eq!(rows.len(), 100);
        assert!(
            rows.iter()
                .zip(0..)
                .all(|(row, c)| *row == (c, format!("v{c}"), HashMap::from([("c".to_owned(), c)])))
        );
        let statement = Statement::new("SELECT c FROM t WHERE k = 1").with_page_size(60);
        let (page, state) =
            session.query_single_page(statement, (), PagingState::start()).await.expect("a page");
        assert_eq!(page.into_rows_result().expect("rows").rows_num(), 60);
        assert!(!state.finished());
        let mut batch = Batch::default();
        batch.append_statement("DELETE FROM t WHERE k = 1 AND c = 0");
        batch.append_statement("INSERT INTO t (k, c) VALUES (2, ?)");
        session.batch(&batch, ((), (5_i32,))).await.expect("a batch");
        let (count,) = session
            .query_unpaged("SELECT count(*) FROM t", ())
            .await
            .expect("counted")
            .into_rows_result()
            .expect("rows")
            .single_row::<(i64,)>()
            .expect("a row");
        assert_eq!(count, 100);
        session.query_unpaged("SELECT * FROM nosuch", ()).await.expect_err("there is no such table");
        session.query_unpaged("DROP KEYSPACE clients_scylla", ()).await.expect("dropped");
    });
}

#[derive(Clone, Debug, PartialEq, SerializeValue, DeserializeValue)]
struct ProductItem {
    product_id: Uuid,
    product_name: String,
    quantity: i32,
    price: scylla::value::CqlDecimal,
}

/// The statements of a CQL file.
pub(crate) fn statements(text: &str) -> Vec<String> {
    let comment =
        |line: &str| line.split("--").next().unwrap_or("").split("//").next().unwrap_or("").to_owned();
    let text: Vec<_> = text.lines().map(comment).collect();
    text.join("\n").split(';').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

#[test]
fn orders() {
    with_session(|session| async move {
        session.query_unpaged("DROP KEYSPACE IF EXISTS shop", ()).await.expect("dropped");
        for statement in statements(include_str!("../data/orders.cql")) {
            if let Some(keyspace) = statement.strip_prefix("USE ") {
                session.use_keyspace(keyspace, true).await.expect("used");
            } else {
                session.query_unpaged(statement, ()).await.expect("created");
            }
        }
        let (user, product) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let price = |cents: i64| {
            scylla::value::CqlDecimal::from_signed_be_bytes_and_exponent(cents.to_be_bytes().to_vec(), 2)
        };
        let item = |n: i32| ProductItem {
            product_id: product,
            product_name: format!("Product {n}"),
            quantity: n,
            price: price(999),
        };
        let by_id = session
            .prepare(
                "INSERT INTO orders_by_id (order_id, user_id, order_timestamp, status, total_amount, \
                 shipping_address, items) VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .await
            .expect("prepared");
        let by_user = session
            .prepare(
                "INSERT INTO orders_by_user (user_id, order_timestamp, order_id, status, total_amount) \
                 VALUES (?, ?, ?, ?, ?)",
            )
            .await
            .expect("prepared");
        let by_product = session
            .prepare(
                "INSERT INTO orders_by_product (product_id, month_bucket, order_timestamp, order_id, user_id, \
                 quantity) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .await
            .expect("prepared");
        let order = |n: i32| Uuid::from_u128(1000 + u128::from(n.unsigned_abs()));
        for n in 0..30_i32 {
            let at = CqlTimestamp(1_696_161_600_000 + i64::from(n) * 60_000);
            let values = (order(n), user, at, "PENDING", price(1998), "1 Main St", vec![item(n)]);
            session.execute_unpaged(&by_id, values).await.expect("inserted");
            session
                .execute_unpaged(&by_user, (user, at, order(n), "PENDING", price(1998)))
                .await
                .expect("inserted");
            session
                .execute_unpaged(&by_product, (product, "2023-10", at, order(n), user, n))
                .await
                .expect("inserted");
        }
        let one = session
            .query_unpaged("SELECT status, items FROM orders_by_id WHERE order_id = ?", (order(7),))
            .await
            .expect("selected")
            .into_rows_result()
            .expect("rows");
        let (status, items) = one.single_row::<(String, Vec<ProductItem>)>().expect("one row");
        assert_eq!((status.as_str(), items.len(), items[0].quantity), ("PENDING", 1, 7));
        let latest = session
            .query_unpaged("SELECT order_id FROM orders_by_user WHERE user_id = ? LIMIT 10", (user,))
            .await
            .expect("selected")
            .into_rows_result()
            .expect("rows");
        let latest: Vec<Uuid> =
            latest.rows::<(Uuid,)>().expect("typed").map(|row| row.expect("a row").0).collect();
        assert_eq!(latest, (20..30).rev().map(order).collect::<Vec<_>>());
        let text = "SELECT quantity FROM orders_by_product WHERE product_id = ? AND month_bucket = '2023-10'";
        let sold = session
            .query_unpaged(text, (product,))
            .await
            .expect("selected")
            .into_rows_result()
            .expect("rows");
        let sold: Vec<i32> = sold.rows::<(i32,)>().expect("typed").map(|row| row.expect("a row").0).collect();
        assert_eq!(sold, (0..30).collect::<Vec<_>>());
        session.query_unpaged("DROP KEYSPACE shop", ()).await.expect("dropped");
    });
}
