//! The orders: their schema as the driver sees it, three tables written and read, and where rows live.

use scylla::cluster::metadata::{CollectionType, ColumnType, NativeType, Strategy};
use scylla::value::CqlTimestamp;
use scylla::{DeserializeValue, SerializeValue};
use uuid::Uuid;

use super::{Client, with_session};

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
    with_session("shop", async |client| {
        for statement in statements(include_str!("../../data/orders.cql")) {
            if !statement.contains("CREATE KEYSPACE") && !statement.starts_with("USE ") {
                client.run(&statement).await;
            }
        }
        let (user, product) = (Uuid::from_u128(1), Uuid::from_u128(2));
        insert(client, user, product).await;
        let one = client
            .0
            .query_unpaged("SELECT status, items FROM orders_by_id WHERE order_id = ?", (order(7),))
            .await
            .expect("selected")
            .into_rows_result()
            .expect("rows");
        let (status, items) = one.single_row::<(String, Vec<ProductItem>)>().expect("one row");
        assert_eq!((status.as_str(), items.len(), items[0].quantity), ("PENDING", 1, 7));
        let latest = client
            .0
            .query_unpaged("SELECT order_id FROM orders_by_user WHERE user_id = ? LIMIT 10", (user,))
            .await
            .expect("selected")
            .into_rows_result()
            .expect("rows");
        let latest: Vec<Uuid> =
            latest.rows::<(Uuid,)>().expect("typed").map(|row| row.expect("a row").0).collect();
        assert_eq!(latest, (20..30).rev().map(order).collect::<Vec<_>>());
        let text = "SELECT quantity FROM orders_by_product WHERE product_id = ? AND month_bucket = '2023-10'";
        let sold = client
            .0
            .query_unpaged(text, (product,))
            .await
            .expect("selected")
            .into_rows_result()
            .expect("rows");
        let sold: Vec<i32> = sold.rows::<(i32,)>().expect("typed").map(|row| row.expect("a row").0).collect();
        assert_eq!(sold, (0..30).collect::<Vec<_>>());
        metadata(client);
        tokens(client, product).await;
    });
}

fn order(n: i32) -> Uuid {
    Uuid::from_u128(1000 + u128::from(n.unsigned_abs()))
}

/// Thirty orders in the three tables.
async fn insert(client: &Client, user: Uuid, product: Uuid) {
    let price = |cents: i64| {
        scylla::value::CqlDecimal::from_signed_be_bytes_and_exponent(cents.to_be_bytes().to_vec(), 2)
    };
    let item = |n: i32| ProductItem {
        product_id: product,
        product_name: format!("Product {n}"),
        quantity: n,
        price: price(999),
    };
    let by_id = client
        .0
        .prepare(
            "INSERT INTO orders_by_id (order_id, user_id, order_timestamp, status, total_amount, \
             shipping_address, items) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .await
        .expect("prepared");
    let by_user = client
        .0
        .prepare(
            "INSERT INTO orders_by_user (user_id, order_timestamp, order_id, status, total_amount) \
             VALUES (?, ?, ?, ?, ?)",
        )
        .await
        .expect("prepared");
    let by_product = client
        .0
        .prepare(
            "INSERT INTO orders_by_product (product_id, month_bucket, order_timestamp, order_id, user_id, \
             quantity) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .await
        .expect("prepared");
    for n in 0..30_i32 {
        let at = CqlTimestamp(1_696_161_600_000 + i64::from(n) * 60_000);
        let values = (order(n), user, at, "PENDING", price(1998), "1 Main St", vec![item(n)]);
        client.0.execute_unpaged(&by_id, values).await.expect("inserted");
        client
            .0
            .execute_unpaged(&by_user, (user, at, order(n), "PENDING", price(1998)))
            .await
            .expect("inserted");
        client
            .0
            .execute_unpaged(&by_product, (product, "2023-10", at, order(n), user, n))
            .await
            .expect("inserted");
    }
}

/// What the driver made of the schema.
fn metadata(client: &Client) {
    let state = client.0.get_cluster_state();
    let keyspace = state.get_keyspace("shop").expect("known");
    let Strategy::SimpleStrategy { replication_factor: 1 } = keyspace.strategy else {
        panic!("{:?}", keyspace.strategy);
    };
    let item = &keyspace.user_defined_types["product_item"];
    let fields: Vec<_> = item.field_types.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(fields, ["product_id", "product_name", "quantity", "price"]);
    assert_eq!(item.field_types[3].1, ColumnType::Native(NativeType::Decimal));
    let table = |name: &str| &keyspace.tables[name];
    assert_eq!(table("orders_by_user").partition_key, ["user_id"]);
    assert_eq!(table("orders_by_user").clustering_key, ["order_timestamp"]);
    assert_eq!(table("orders_by_product").partition_key, ["product_id", "month_bucket"]);
    let items = &table("orders_by_id").columns["items"].typ;
    assert!(matches!(items, ColumnType::Collection { typ: CollectionType::List(_), .. }), "{items:?}");
}

/// The driver's token of a partition is the server's, and its replicas are this node.
async fn tokens(client: &Client, product: Uuid) {
    let text = "SELECT token(product_id, month_bucket) FROM orders_by_product \
                WHERE month_bucket = ? AND order_timestamp > ? AND product_id = ?";
    let select = client.0.prepare(text).await.expect("prepared");
    assert!(select.is_token_aware());
    let positions = select.get_variable_pk_indexes().iter().map(|index| (index.index, index.sequence));
    assert_eq!(positions.collect::<Vec<_>>(), [(0, 1), (2, 0)]);
    let values = ("2023-10", CqlTimestamp(0), product);
    let token = select.calculate_token(&values).expect("values").expect("a partition");
    assert_eq!(client.rows::<(i64,)>(text, values).await[0], (token.value(),));
    let state = client.0.get_cluster_state();
    let [node] = state.get_nodes_info() else { panic!("one node") };
    assert_eq!((node.datacenter.as_deref(), node.rack.as_deref()), (Some("datacenter1"), Some("rack1")));
    let replicas = state.get_token_endpoints("shop", "orders_by_product", token);
    assert_eq!(replicas.iter().map(|(replica, _)| replica.host_id).collect::<Vec<_>>(), [node.host_id]);
    assert_eq!(state.replica_locator().ring().len(), 16);
}
