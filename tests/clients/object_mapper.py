"""cqlengine, the Python driver's object mapper: object_mapper.py HOST PORT."""

import datetime
import os
import uuid
import warnings

os.environ["CQLENG_ALLOW_SCHEMA_MANAGEMENT"] = "1"

from cassandra.cqlengine import columns, connection, functions, management
from cassandra.cqlengine.models import Model
from cassandra.cqlengine.query import BatchQuery
from cassandra.cqlengine.usertype import UserType

from support import cluster, equal, main

KEYSPACE = "clients_mapper"


class Address(UserType):
    street = columns.Text()
    zip = columns.Integer()


class Person(Model):
    __keyspace__ = KEYSPACE
    id = columns.UUID(primary_key=True, default=uuid.uuid4)
    name = columns.Text(required=True)
    born = columns.Date()
    tags = columns.Set(columns.Text)
    scores = columns.Map(columns.Text, columns.Integer)
    history = columns.List(columns.DateTime)
    home = columns.UserDefinedType(Address)


class Event(Model):
    __keyspace__ = KEYSPACE
    __options__ = {"comment": "by day", "gc_grace_seconds": 3600}
    device = columns.Text(partition_key=True)
    day = columns.Date(partition_key=True)
    at = columns.TimeUUID(primary_key=True, clustering_order="DESC")
    owner = columns.Text(static=True)
    value = columns.Double()


class Counter(Model):
    __keyspace__ = KEYSPACE
    id = columns.Integer(primary_key=True)
    hits = columns.Counter()


def test_sync_table():
    management.create_keyspace_simple(KEYSPACE, 1)
    management.sync_type(KEYSPACE, Address)
    for model in (Person, Event, Counter):
        management.sync_table(model)
        management.sync_table(model)


def test_create_and_get():
    person = Person.create(
        name="Ann",
        born=datetime.date(1990, 5, 17),
        tags={"a", "b"},
        scores={"math": 1},
        history=[datetime.datetime(2024, 1, 1)],
        home=Address(street="Main", zip=1),
    )
    found = Person.get(id=person.id)
    equal((found.name, found.tags, found.scores, found.home.street), ("Ann", {"a", "b"}, {"math": 1}, "Main"))
    equal(str(found.born), "1990-05-17")
    found.update(name="Eve", tags={"c"})
    found.scores["art"] = 2
    found.save()
    again = Person.get(id=person.id)
    equal((again.name, again.tags, again.scores), ("Eve", {"c"}, {"math": 1, "art": 2}))
    Person.objects(id=person.id).update(tags__add={"d"}, history__append=[datetime.datetime(2024, 1, 2)])
    again = Person.get(id=person.id)
    equal((again.tags, len(again.history)), ({"c", "d"}, 2))
    again.delete()
    equal(Person.objects(id=person.id).count(), 0)


def test_clustering():
    day = datetime.date(2024, 1, 15)
    ids = [uuid.uuid1() for _ in range(10)]
    with BatchQuery() as batch:
        for number, at in enumerate(ids):
            Event.batch(batch).create(device="d", day=day, at=at, owner="me", value=number)
    rows = list(Event.objects(device="d", day=day))
    equal([row.value for row in rows], [float(number) for number in range(9, -1, -1)])
    equal([row.at for row in Event.objects(device="d", day=day).order_by("at").limit(3)], ids[:3])
    equal(Event.objects(device="d", day=day, at__gt=ids[4]).count(), 5)
    equal({row.owner for row in rows}, {"me"})
    equal(list(Event.objects(device="d", day=day).limit(1).values_list("value", flat=True)), [9.0])
    since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    equal(Event.objects(device="d", day=day).filter(at__gt=functions.MinTimeUUID(since)).count(), 10)
    Event.objects(device="d", day=day, at=ids[0]).delete()
    equal(Event.objects(device="d", day=day).count(), 9)
    equal(len(Event.objects.all().allow_filtering()), 9)


def test_counter():
    counter = Counter.create(id=1)
    counter.hits += 5
    counter.save()
    counter.hits -= 2
    counter.save()
    equal(Counter.get(id=1).hits, 3)


def test_ttl_and_timestamp():
    person = Person.ttl(1000).create(name="short")
    equal(Person.get(id=person.id).name, "short")
    Person.objects(id=person.id).timestamp(datetime.timedelta(seconds=-60)).delete()
    equal(Person.objects(id=person.id).count(), 1)


def test_a_new_column_is_added():
    class Person2(Model):
        __keyspace__ = KEYSPACE
        __table_name__ = "person"
        id = columns.UUID(primary_key=True)
        name = columns.Text()
        nickname = columns.Text()

    management.sync_table(Person2)
    person = Person2.create(id=uuid.uuid4(), name="Ann", nickname="A")
    equal(Person2.get(id=person.id).nickname, "A")


def test_drop():
    management.drop_table(Counter)
    management.drop_keyspace(KEYSPACE)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    session = cluster().connect()
    session.execute(f"DROP KEYSPACE IF EXISTS {KEYSPACE}")
    connection.set_session(session)
    main(globals())
