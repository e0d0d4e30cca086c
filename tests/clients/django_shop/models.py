"""Models with clustering order, collections, counters and a static column."""

import uuid

from cassandra.cqlengine import columns
from django_cassandra_engine.models import DjangoCassandraModel


class Product(DjangoCassandraModel):
    id = columns.UUID(primary_key=True, default=uuid.uuid4)
    name = columns.Text(required=True)
    price = columns.Decimal()
    tags = columns.Set(columns.Text)
    prices = columns.Map(columns.Text, columns.Integer)
    pictures = columns.List(columns.Text)
    added = columns.DateTime()

    class Meta:
        get_pk_field = "id"


class Order(DjangoCassandraModel):
    user = columns.Text(partition_key=True)
    month = columns.Text(partition_key=True)
    at = columns.DateTime(primary_key=True, clustering_order="DESC")
    number = columns.Integer(primary_key=True)
    status = columns.Text()
    total = columns.Float()
    address = columns.Text(static=True)

    class Meta:
        get_pk_field = "user"


class Visits(DjangoCassandraModel):
    page = columns.Text(primary_key=True)
    count = columns.Counter()

    class Meta:
        get_pk_field = "page"
