"""The order schema with data and its three queries, by the Python driver over one version: orders.py HOST PORT VERSION."""

import datetime
import decimal
import uuid

from support import ARGUMENTS, cluster, equal, main, statements

VERSION = int(ARGUMENTS[0])
USER = uuid.UUID("7b0f5d6e-5b1e-4a52-9a5c-0e6c4b1d9f10")
PRODUCT = uuid.UUID("11111111-2222-4333-8444-555555555555")
START = datetime.datetime(2023, 10, 1, 12)
ORDERS = [uuid.UUID(int=0x4000 << 64 | 0x8000 << 48 | number) for number in range(30)]


def test_schema(session):
    session.execute("DROP KEYSPACE IF EXISTS shop")
    for statement in statements("orders.cql"):
        session.execute(statement)
    session.set_keyspace("shop")


def test_insert(session):
    by_id = session.prepare(
        "INSERT INTO orders_by_id (order_id, user_id, order_timestamp, status, total_amount, shipping_address, items) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)"
    )
    by_user = session.prepare(
        "INSERT INTO orders_by_user (user_id, order_timestamp, order_id, status, total_amount) VALUES (?, ?, ?, ?, ?)"
    )
    by_product = session.prepare(
        "INSERT INTO orders_by_product (product_id, month_bucket, order_timestamp, order_id, user_id, quantity) "
        "VALUES (?, ?, ?, ?, ?, ?)"
    )
    for number, order in enumerate(ORDERS):
        at = START + datetime.timedelta(minutes=number)
        total = decimal.Decimal(number) + decimal.Decimal("0.99")
        items = [(PRODUCT, f"Product {number}", number, total)]
        session.execute(by_id, (order, USER, at, "PENDING", total, f"Street {number}", items))
        session.execute(by_user, (USER, at, order, "PENDING", total))
        session.execute(by_product, (PRODUCT, "2023-10", at, order, USER, number))


def test_order_by_id(session):
    for query, arguments in (
        (session.prepare("SELECT * FROM orders_by_id WHERE order_id = ?"), (ORDERS[7],)),
        ("SELECT * FROM orders_by_id WHERE order_id = %s", (ORDERS[7],)),
    ):
        row = session.execute(query, arguments).one()
        equal((row.user_id, row.status, row.shipping_address), (USER, "PENDING", "Street 7"))
        equal((row.total_amount, row.order_timestamp), (decimal.Decimal("7.99"), START + datetime.timedelta(minutes=7)))
        equal([tuple(item) for item in row.items], [(PRODUCT, "Product 7", 7, decimal.Decimal("7.99"))])


def test_latest_orders_of_a_user(session):
    query = session.prepare("SELECT * FROM orders_by_user WHERE user_id = ? LIMIT 10")
    equal([row.order_id for row in session.execute(query, (USER,))], ORDERS[:-11:-1])


def test_orders_of_a_product(session):
    query = session.prepare("SELECT * FROM orders_by_product WHERE product_id = ? AND month_bucket = '2023-10'")
    query.fetch_size = 7
    equal([(row.order_id, row.quantity) for row in session.execute(query, (PRODUCT,))], list(zip(ORDERS, range(30))))


def test_update(session):
    session.execute("UPDATE orders_by_id SET status = 'SHIPPED' WHERE order_id = %s", (ORDERS[0],))
    session.execute("DELETE FROM orders_by_user WHERE user_id = %s AND order_timestamp = %s", (USER, START))
    equal(session.execute("SELECT status FROM orders_by_id WHERE order_id = %s", (ORDERS[0],)).one().status, "SHIPPED")
    equal(session.execute("SELECT count(*) FROM orders_by_user WHERE user_id = %s", (USER,)).one()[0], 29)


if __name__ == "__main__":
    connection = cluster(VERSION)
    session = connection.connect()
    try:
        main(globals(), session)
    finally:
        session.execute("DROP KEYSPACE IF EXISTS shop")
        connection.shutdown()
