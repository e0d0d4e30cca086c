"""django-cassandra-engine: django_engine.py HOST PORT."""

import datetime
import decimal
import os

os.environ["CQLENG_ALLOW_SCHEMA_MANAGEMENT"] = "1"

import django
from django.conf import settings

from support import HOST, PORT, equal, main, raises

KEYSPACE = "clients_django"

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django_cassandra_engine",
            "NAME": KEYSPACE,
            "HOST": HOST,
            "OPTIONS": {
                "replication": {"strategy_class": "SimpleStrategy", "replication_factor": 1},
                "connection": {"port": PORT, "connect_timeout": 60},
                "session": {"default_timeout": 60},
            },
        }
    },
    INSTALLED_APPS=["django_cassandra_engine", "django_shop"],
    USE_TZ=False,
)
django.setup()

from cassandra.cqlengine.query import BatchQuery, LWTException
from django.core.management import call_command
from django.db import connection
from django_shop.models import Order, Product, Visits

START = datetime.datetime(2023, 10, 1, 12)


def rows(text):
    with connection.cursor() as cursor:
        return [tuple(row.values()) for row in cursor.execute(text)]


def test_sync_cassandra():
    for _ in range(2):
        call_command("sync_cassandra", verbosity=0)
    tables = rows(f"SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{KEYSPACE}'")
    equal(sorted(tables), [("order",), ("product",), ("visits",)])
    columns = rows(
        "SELECT column_name, clustering_order, kind FROM system_schema.columns "
        f"WHERE keyspace_name = '{KEYSPACE}' AND table_name = 'order'"
    )
    assert ("at", "desc", "clustering") in columns and ("address", "none", "static") in columns, columns


def test_objects():
    values = {
        "name": "Lamp",
        "price": decimal.Decimal("9.90"),
        "tags": {"light", "new"},
        "prices": {"EUR": 10, "CHF": 11},
        "pictures": ["front", "back"],
        "added": START,
    }
    made = Product.objects.create(**values)
    found = Product.objects.get(id=made.id)
    equal({name: getattr(found, name) for name in values}, values)
    found.tags.add("old")
    found.prices["GBP"] = 9
    found.pictures.append("side")
    found.price = None
    found.save()
    found = Product.objects.get(id=made.id)
    equal((found.tags, found.prices["GBP"], found.pictures[-1]), ({"light", "new", "old"}, 9, "side"))
    equal(found.price, None)
    raises(Product.DoesNotExist, lambda: Product.objects.get(id="00000000-0000-0000-0000-000000000000"))
    equal(Product.objects.count(), 1)
    found.delete()
    equal(list(Product.objects.all()), [])


def test_queries():
    for number in range(20):
        at = START + datetime.timedelta(minutes=number)
        Order.objects.create(user="ann", month="2023-10", at=at, number=number, status="NEW", total=number / 2)
    orders = Order.objects.filter(user="ann", month="2023-10")
    equal([order.number for order in orders.limit(3)], [19, 18, 17])
    equal([order.number for order in orders.order_by("at").limit(3)], [0, 1, 2])
    equal([order.number for order in orders.order_by("-at")[2:4]], [17, 16])
    later = orders.filter(at__gte=START + datetime.timedelta(minutes=15))
    equal([order.number for order in later], [19, 18, 17, 16, 15])
    equal([order.number for order in Order.objects.filter(user__in=["ann", "bob"], month="2023-10").limit(2)], [19, 18])
    equal(orders.count(), 20)
    equal(list(orders.values_list("number", flat=True).limit(2)), [19, 18])
    equal([order.total for order in orders.only(["total"]).limit(2)], [9.5, 9.0])
    orders.filter(at=START, number=0).update(status="SENT")
    equal([order.number for order in orders.filter(status="SENT").allow_filtering()], [0])
    orders.update(address="Street 1")
    equal({order.address for order in orders}, {"Street 1"})
    equal(Order.objects.filter(user="bob", month="2023-10").first(), None)


def test_batches():
    with BatchQuery() as batch:
        for number in range(5):
            Order.objects.batch(batch).create(user="eve", month="2023-11", at=START, number=number, status="NEW")
        equal(Order.objects.filter(user="eve", month="2023-11").count(), 0)
    orders = Order.objects.filter(user="eve", month="2023-11")
    equal([order.number for order in orders], [0, 1, 2, 3, 4])
    with BatchQuery() as batch:
        orders.filter(at=START, number=0).batch(batch).delete()
        orders.filter(at=START, number=1).batch(batch).update(status="SENT")
    equal([(order.number, order.status) for order in orders.limit(1)], [(1, "SENT")])
    orders.delete()
    equal(list(Order.objects.filter(user="eve", month="2023-11")), [])  # a query set keeps its count


def test_conditions():
    values = {"user": "joe", "month": "2023-10", "at": START, "number": 1}
    Order.objects.if_not_exists().create(status="NEW", **values)
    raises(LWTException, lambda: Order.objects.if_not_exists().create(status="OTHER", **values))
    order = Order.objects.filter(**values)
    order.iff(status="NEW").update(status="SENT")
    raises(LWTException, lambda: order.iff(status="NEW").update(status="LOST"))
    equal(order.first().status, "SENT")


def test_counters():
    for _ in range(3):
        Visits.objects.filter(page="/").update(count=2)
    equal(Visits.objects.get(page="/").count, 6)


def test_flush():
    Product.objects.create(name="Chair")
    call_command("flush", interactive=False, verbosity=0)
    equal([list(Product.objects.all()), list(Order.objects.all())], [[], []])


if __name__ == "__main__":
    try:
        main(globals())
    finally:
        rows(f"DROP KEYSPACE IF EXISTS {KEYSPACE}")
        connection.close()
