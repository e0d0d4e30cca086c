//! What is written to both, with the same timestamps, and what is asked of both.

use std::path::Path;

use bytes::Bytes;
use futures::StreamExt;
use scylla::client::session::Session;
use scylla::value::{CqlDecimal, CqlTimestamp};
use uuid::Uuid;

use crate::scylla::statements;

/// The tables of the keyspace `files`.
pub const TABLES: &[&str] = &[
    "every_type",
    "simple",
    "statics",
    "only_keys",
    "mixed_order",
    "wide",
    "counts",
    "not_compressed",
    "zstd",
    "deflate",
    "snappy",
    "compact_static",
    "compact_counts",
    "dense",
    "dense_keys",
    "dense_short",
];
/// The tables of the keyspace `shop`.
pub const ORDERS: &[&str] = &["orders_by_id", "orders_by_user", "orders_by_product"];

/// Rows of the partition that is far larger than a block of its index, of each order table, and of small tables.
const WIDE: i32 = 3000;
const SMALL: i32 = 200;

pub async fn schema(session: &Session) {
    run(session, "files/schema.cql").await;
    run(session, "orders.cql").await;
}

/// What goes into the first SSTable of each table.
pub async fn first(session: &Session) {
    run(session, "files/first.cql").await;
    rows(session, 0).await;
    let delete =
        "DELETE FROM files.wide USING TIMESTAMP 1700000000000000 WHERE p = 1 AND c > 500 AND c <= 1700";
    session.query_unpaged(delete, ()).await.expect("deleted");
}

/// What goes into the second.
pub async fn second(session: &Session) {
    run(session, "files/second.cql").await;
    rows(session, SMALL / 2).await;
    let delete = "DELETE FROM files.wide USING TIMESTAMP 1700000000000001 WHERE p = 1 AND c > 2500";
    session.query_unpaged(delete, ()).await.expect("deleted");
}

/// A statement that writes a value of each type, into a partition of its own.
pub fn value_of_every_type(partition: i32) -> String {
    let first = include_str!("../../data/files/first.cql");
    let insert =
        first.lines().find(|line| line.starts_with("INSERT INTO every_type")).expect("it is the first one");
    let insert = insert.replacen("INTO every_type", "INTO files.every_type", 1);
    insert.replacen("VALUES (1, 'x'", &format!("VALUES ({partition}, 'x'"), 1)
}

/// Runs the statements of a file of `tests/data`.
async fn run(session: &Session, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
    let text = std::fs::read_to_string(path).expect("the file is there");
    for statement in statements(&text) {
        if let Some(keyspace) = statement.strip_prefix("USE ") {
            session.use_keyspace(keyspace, true).await.expect("used");
        } else if let Err(error) = session.query_unpaged(statement.as_str(), ()).await {
            unreachable!("{statement}: {error}");
        }
    }
}

/// Runs futures a few at a time.
async fn all<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) {
    futures::stream::iter(futures).buffer_unordered(64).collect::<Vec<()>>().await;
}

/// Rows by the number, the timestamp of each a function of it.
async fn rows(session: &Session, from: i32) {
    let at = |n: i32| 1_600_000_000_000_000 + i64::from(n);
    let wide = session.prepare("INSERT INTO files.wide (p, c, v, w) VALUES (?, ?, ?, ?) USING TIMESTAMP ?");
    let wide = wide.await.expect("prepared");
    let blob = |n: i32| Bytes::from(vec![n.to_le_bytes()[0]; 100]);
    all((from..from + WIDE).map(|n| {
        let values = (1_i32, n, format!("value {n}"), blob(n), at(n));
        let done = session.execute_unpaged(&wide, values);
        async { drop(done.await.expect("inserted")) }
    }))
    .await;
    all((0..10).map(|n| {
        let done = session.execute_unpaged(&wide, (2_i32, n, "few", blob(n), at(n)));
        async { drop(done.await.expect("inserted")) }
    }))
    .await;
    for table in ["zstd", "deflate", "snappy"] {
        let text = format!("INSERT INTO files.{table} (k, v) VALUES (?, ?) USING TIMESTAMP ?");
        let insert = session.prepare(text).await.expect("prepared");
        all((from..from + SMALL).map(|n| {
            let done = session.execute_unpaged(&insert, (n, format!("text of key {n}").repeat(20), at(n)));
            async { drop(done.await.expect("inserted")) }
        }))
        .await;
    }
    let text = "INSERT INTO files.not_compressed (k, v) VALUES (?, ?) USING TIMESTAMP ?";
    let insert = session.prepare(text).await.expect("prepared");
    all((from..from + SMALL).map(|n| {
        let done = session.execute_unpaged(&insert, (format!("key {n}"), format!("text of key {n}"), at(n)));
        async { drop(done.await.expect("inserted")) }
    }))
    .await;
    orders(session, from).await;
}

#[derive(scylla::SerializeValue)]
struct ProductItem {
    product_id: Uuid,
    product_name: String,
    quantity: i32,
    price: CqlDecimal,
}

async fn orders(session: &Session, from: i32) {
    let by_id = "INSERT INTO shop.orders_by_id (order_id, user_id, order_timestamp, status, total_amount, \
                 shipping_address, items) VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    let by_user = "INSERT INTO shop.orders_by_user (user_id, order_timestamp, order_id, status, total_amount) \
                   VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?";
    let by_product = "INSERT INTO shop.orders_by_product (product_id, month_bucket, order_timestamp, order_id, \
                      user_id, quantity) VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    let by_id = session.prepare(by_id).await.expect("prepared");
    let by_user = session.prepare(by_user).await.expect("prepared");
    let by_product = session.prepare(by_product).await.expect("prepared");
    for n in from..from + SMALL {
        let number = |base: u128| Uuid::from_u128(base + u128::from(n.unsigned_abs() % 20));
        let order = Uuid::from_u128(1 << 64 | u128::from(n.unsigned_abs()));
        let (user, product) = (number(2 << 64), number(3 << 64));
        let time = CqlTimestamp(1_696_161_600_000 + i64::from(n) * 60_000);
        let at = 1_600_000_000_000_000 + i64::from(n) + i64::from(from);
        let price = || CqlDecimal::from_signed_be_bytes_and_exponent((n * 7 - 99).to_be_bytes().to_vec(), 2);
        let item = ProductItem {
            product_id: product,
            product_name: format!("Product {n}"),
            quantity: n,
            price: price(),
        };
        let values = (order, user, time, "PENDING", price(), format!("{n} Main St"), vec![item], at);
        session.execute_unpaged(&by_id, values).await.expect("inserted");
        let values = (user, time, order, "PENDING", price(), at);
        session.execute_unpaged(&by_user, values).await.expect("inserted");
        let values = (product, "2023-10", time, order, user, n, at);
        session.execute_unpaged(&by_product, values).await.expect("inserted");
    }
}

/// Everything that can be asked of the tables: all rows, and by key, slice, order and function.
pub fn queries() -> Vec<String> {
    let mut queries: Vec<String> =
        TABLES.iter().map(|table| format!("SELECT * FROM files.{table}")).collect();
    queries.extend(ORDERS.iter().map(|table| format!("SELECT * FROM shop.{table}")));
    let user = Uuid::from_u128((2 << 64) + 7);
    let product = Uuid::from_u128((3 << 64) + 7);
    let order = Uuid::from_u128(1 << 64 | 7);
    queries.extend([
        format!("SELECT * FROM shop.orders_by_id WHERE order_id = {order}"),
        format!("SELECT * FROM shop.orders_by_user WHERE user_id = {user} LIMIT 10"),
        format!(
            "SELECT * FROM shop.orders_by_product WHERE product_id = {product} AND month_bucket = '2023-10'"
        ),
    ]);
    let texts = [
        "SELECT c, v FROM files.wide WHERE p = 1 AND c > 480 AND c < 1720",
        "SELECT c FROM files.wide WHERE p = 1 ORDER BY c ASC LIMIT 700",
        "SELECT count(*), min(c), max(c), sum(c) FROM files.wide WHERE p = 1",
        "SELECT c, writetime(v) FROM files.wide WHERE p = 1 AND c IN (3, 499, 501, 1701, 2999)",
        "SELECT c1, c2, writetime(n), writetime(t), maxwritetime(m), maxwritetime(st) FROM files.every_type",
        "SELECT DISTINCT p1, p2, s1, s2 FROM files.every_type",
        "SELECT * FROM files.mixed_order WHERE p = 1 ORDER BY a ASC, b DESC, c ASC",
        "SELECT * FROM files.mixed_order WHERE p = 1 AND a = 2 AND b >= 'x'",
        "SELECT DISTINCT p, s FROM files.statics",
        "SELECT k, writetime(v), writetime(w) FROM files.simple",
        "SELECT p, c, n, m FROM files.counts WHERE p = 'a'",
    ];
    queries.extend(texts.map(str::to_owned));
    queries
}
