"""The Python driver over one version of the protocol: driver.py HOST PORT VERSION."""

import datetime
import decimal
import ipaddress
import json
import threading
import time
import uuid

from cassandra import ConsistencyLevel, InvalidRequest, OperationTimedOut, Unavailable
from cassandra.cluster import EXEC_PROFILE_DEFAULT, NoHostAvailable
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.connection import ConnectionException
from cassandra.policies import FallthroughRetryPolicy
from cassandra.protocol import ExecuteMessage, SyntaxException
from cassandra.query import (
    UNSET_VALUE,
    BatchStatement,
    BatchType,
    SimpleStatement,
    dict_factory,
    named_tuple_factory,
    ordered_dict_factory,
    tuple_factory,
)
from cassandra.util import Date, Duration, SortedSet, Time

from support import ARGUMENTS, HOST, cluster, equal, fresh_keyspace, main, raises, restart

VERSION = int(ARGUMENTS[0])
KEYSPACE = f"clients_driver_v{VERSION}"


def test_version(session):
    equal(session.cluster.protocol_version, VERSION)
    row = session.execute("SELECT release_version, cql_version, native_protocol_version FROM system.local").one()
    equal(row, ("5.0.6", "3.4.7", "5"))


def test_simple_statements(session):
    session.execute("CREATE TABLE simple (k int PRIMARY KEY, v text)")
    session.execute("INSERT INTO simple (k, v) VALUES (1, 'one')")
    session.execute("INSERT INTO simple (k, v) VALUES (%s, %s)", (2, "it's two"))
    session.execute("INSERT INTO simple (k, v) VALUES (%(k)s, %(v)s)", {"k": 3, "v": None})
    rows = {row.k: row.v for row in session.execute("SELECT k, v FROM simple")}
    equal(rows, {1: "one", 2: "it's two", 3: None})
    session.execute("UPDATE simple SET v = 'uno' WHERE k = 1")
    equal(session.execute("SELECT v FROM simple WHERE k = 1").one().v, "uno")
    session.execute("DELETE FROM simple WHERE k = 1")
    equal(session.execute("SELECT v FROM simple WHERE k = 1").one(), None)
    equal(session.execute("SELECT count(*) FROM simple").one()[0], 2)
    session.execute("TRUNCATE simple")
    equal(list(session.execute("SELECT * FROM simple")), [])


def test_prepared_statements(session):
    session.execute("CREATE TABLE prepared (k int, c int, s text static, v list<text>, PRIMARY KEY (k, c))")
    insert = session.prepare("INSERT INTO prepared (k, c, s, v) VALUES (?, ?, ?, ?)")
    equal([column.name for column in insert.column_metadata], ["k", "c", "s", "v"])
    equal(insert.routing_key_indexes, [0])
    for c in range(5):
        session.execute(insert, (1, c, "static", [str(c)]))
    session.execute(insert.bind({"k": 2, "c": 0, "s": "other", "v": None}))
    select = session.prepare("SELECT c, v FROM prepared WHERE k = ? AND c >= ? AND c < ?")
    equal([(row.c, row.v) for row in session.execute(select, (1, 1, 3))], [(1, ["1"]), (2, ["2"])])
    named = session.prepare("SELECT c, s FROM prepared WHERE k = :key AND c IN :cs")
    equal([tuple(row) for row in session.execute(named, {"key": 1, "cs": [0, 4]})], [(0, "static"), (4, "static")])
    if VERSION >= 4:
        session.execute(insert, (1, 0, UNSET_VALUE, UNSET_VALUE))
        row = session.execute("SELECT s, v FROM prepared WHERE k = 1 AND c = 0").one()
        equal((row.s, row.v), ("static", ["0"]))
    limited = session.prepare("SELECT c FROM prepared WHERE k = ? ORDER BY c DESC LIMIT ?")
    equal([row.c for row in session.execute(limited, (1, 2))], [4, 3])


def test_prepared_statement_sees_a_new_column(session):
    session.execute("CREATE TABLE altered (k int PRIMARY KEY, a int)")
    session.execute("INSERT INTO altered (k, a) VALUES (1, 2)")
    select = session.prepare("SELECT * FROM altered WHERE k = ?")
    equal(tuple(session.execute(select, (1,)).one()), (1, 2))
    session.execute("ALTER TABLE altered ADD b text")
    session.execute("INSERT INTO altered (k, b) VALUES (1, 'new')")
    row = session.execute(select, (1,)).one()
    if VERSION >= 5:
        equal((row.k, row.a, row.b), (1, 2, "new"))
    else:
        select = session.prepare("SELECT k, a, b FROM altered WHERE k = ?")
        equal(tuple(session.execute(select, (1,)).one()), (1, 2, "new"))


def test_batches(session):
    session.execute("CREATE TABLE batched (k int, c int, v text, PRIMARY KEY (k, c))")
    insert = session.prepare("INSERT INTO batched (k, c, v) VALUES (?, ?, ?)")
    for kind in (BatchType.LOGGED, BatchType.UNLOGGED):
        session.execute("TRUNCATE batched")
        batch = BatchStatement(batch_type=kind)
        for c in range(3):
            batch.add(insert, (1, c, "prepared"))
        batch.add(SimpleStatement("INSERT INTO batched (k, c, v) VALUES (%s, %s, %s)"), (1, 3, "simple"))
        batch.add("DELETE FROM batched WHERE k = 1 AND c = 0")
        session.execute(batch)
        equal([row.c for row in session.execute("SELECT c FROM batched WHERE k = 1")], [1, 2, 3])
    session.execute(
        "BEGIN BATCH USING TIMESTAMP 4000000000000000 INSERT INTO batched (k, c, v) VALUES (2, 0, 'a'); "
        "UPDATE batched SET v = 'b' WHERE k = 2 AND c = 1; APPLY BATCH"
    )
    rows = session.execute("SELECT c, v, writetime(v) FROM batched WHERE k = 2")
    equal([tuple(row) for row in rows], [(0, "a", 4000000000000000), (1, "b", 4000000000000000)])
    session.execute("CREATE TABLE counted (k int PRIMARY KEY, n counter)")
    batch = BatchStatement(batch_type=BatchType.COUNTER)
    for n in range(3):
        batch.add(SimpleStatement("UPDATE counted SET n = n + %s WHERE k = 1"), (n,))
    session.execute(batch)
    session.execute("UPDATE counted SET n = n - 1 WHERE k = 1")
    equal(session.execute("SELECT n FROM counted WHERE k = 1").one().n, 2)


def test_conditions(session):
    session.execute("CREATE TABLE conditional (k int, c int, v text, s int static, PRIMARY KEY (k, c))")
    insert = session.prepare("INSERT INTO conditional (k, c, v) VALUES (?, ?, ?) IF NOT EXISTS")
    inserted = session.execute(insert, (1, 1, "one"))
    equal((inserted.was_applied, inserted.column_names), (True, ["[applied]"]))
    again = session.execute(insert, (1, 1, "two"))
    equal((again.was_applied, tuple(again.one())), (False, (False, 1, 1, None, "one")))
    update = session.prepare("UPDATE conditional SET v = ? WHERE k = ? AND c = ? IF v = ?")
    equal(tuple(session.execute(update, ("two", 1, 1, "none")).one()), (False, "one"))
    equal(session.execute(update, ("two", 1, 1, "one")).was_applied, True)
    equal(session.execute("UPDATE conditional SET v = 'x' WHERE k = 1 AND c = 9 IF EXISTS").was_applied, False)
    batch = BatchStatement(serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL)
    batch.add("UPDATE conditional SET s = 5 WHERE k = 1 IF s = null")
    batch.add(insert, (1, 2, "batch"))
    equal(session.execute(batch).was_applied, True)
    refused = session.execute(batch)
    equal((refused.column_names, refused.was_applied), (["[applied]", "k", "c", "s", "v"], False))
    equal([tuple(row) for row in refused.current_rows], [(False, 1, 2, 5, "batch")])
    serial = SimpleStatement(
        "SELECT v FROM conditional WHERE k = 1 AND c = 2", consistency_level=ConsistencyLevel.SERIAL
    )
    equal(session.execute(serial).one().v, "batch")


def test_json(session):
    session.execute(
        "CREATE TABLE documents (id int PRIMARY KEY, name text, tags set<text>, at timestamp, "
        "parts map<text, frozen<list<decimal>>>)"
    )
    insert = session.prepare("INSERT INTO documents JSON ?")
    document = {"id": 1, "at": "2023-10-01 12:00:00.000Z", "name": 'a "b" é', "parts": {"p": [1.5, 2]}, "tags": ["x", "y"]}
    session.execute(insert, (json.dumps(document, ensure_ascii=False),))
    equal(json.loads(session.execute("SELECT JSON * FROM documents").one()[0]), document)
    session.execute("""INSERT INTO documents JSON '{"id": 1, "name": "new"}' DEFAULT UNSET""")
    row = session.execute("SELECT name, to_json(tags) FROM documents").one()
    equal(tuple(row), ("new", '["x", "y"]'))
    session.execute(insert, ('{"id": 1}',))
    equal(session.execute("SELECT name FROM documents").one().name, None)
    raises(InvalidRequest, lambda: session.execute(insert, ("[",)), "Could not decode JSON string as a map")


def test_asynchronous_requests(session):
    session.execute("CREATE TABLE asynchronous (k int PRIMARY KEY, v int)")
    insert = session.prepare("INSERT INTO asynchronous (k, v) VALUES (?, ?)")
    futures = [session.execute_async(insert, (k, k * k)) for k in range(500)]
    for future in futures:
        future.result()
    results = execute_concurrent_with_args(
        session, session.prepare("SELECT v FROM asynchronous WHERE k = ?"), [(k,) for k in range(500)], concurrency=100
    )
    equal([result.one().v for _, result in results], [k * k for k in range(500)])
    done = threading.Event()
    seen = []
    future = session.execute_async("SELECT v FROM asynchronous WHERE k = 7")
    future.add_callbacks(lambda rows: (seen.extend(rows), done.set()), lambda error: done.set())
    assert done.wait(10)
    equal(seen[0].v, 49)


def test_paging(session):
    session.execute("CREATE TABLE paged (k int, c int, v text, PRIMARY KEY (k, c))")
    insert = session.prepare("INSERT INTO paged (k, c, v) VALUES (?, ?, ?)")
    execute_concurrent_with_args(session, insert, [(k, c, "x" * 50) for k in range(5) for c in range(100)])
    for size in (1, 7, 100, 499, 500, 1000):
        statement = SimpleStatement("SELECT k, c FROM paged", fetch_size=size)
        rows = [tuple(row) for row in session.execute(statement)]
        equal(sorted(rows), [(k, c) for k in range(5) for c in range(100)])
    statement = SimpleStatement("SELECT c FROM paged WHERE k = 3 ORDER BY c DESC LIMIT 25", fetch_size=10)
    result = session.execute(statement)
    equal(len(result.current_rows), 10)
    assert result.has_more_pages
    state = result.paging_state
    again = session.execute(statement, paging_state=state)
    equal([row.c for row in again.current_rows], list(range(89, 79, -1)))
    equal([row.c for row in again], list(range(89, 74, -1)))
    prepared = session.prepare("SELECT c FROM paged WHERE k IN (1, 2)")
    prepared.fetch_size = 33
    equal(len(list(session.execute(prepared))), 200)
    distinct = SimpleStatement("SELECT DISTINCT k FROM paged", fetch_size=2)
    equal(sorted(row.k for row in session.execute(distinct)), list(range(5)))
    limited = SimpleStatement("SELECT k, c FROM paged PER PARTITION LIMIT 2", fetch_size=3)
    equal(sorted(tuple(row) for row in session.execute(limited)), [(k, c) for k in range(5) for c in range(2)])


def test_row_factories(session):
    session.execute("CREATE TABLE factories (k int PRIMARY KEY, v text)")
    session.execute("INSERT INTO factories (k, v) VALUES (1, 'a')")
    for factory, expected in (
        (tuple_factory, (1, "a")),
        (dict_factory, {"k": 1, "v": "a"}),
        (ordered_dict_factory, {"k": 1, "v": "a"}),
    ):
        profile = session.execution_profile_clone_update(EXEC_PROFILE_DEFAULT, row_factory=factory)
        equal(session.execute("SELECT k, v FROM factories", execution_profile=profile).one(), expected)
    profile = session.execution_profile_clone_update(EXEC_PROFILE_DEFAULT, row_factory=named_tuple_factory)
    equal(session.execute("SELECT k AS key, v FROM factories", execution_profile=profile).one().key, 1)


TYPES = {
    "ascii": "plain",
    "bigint": -(2**63),
    "blob": b"\x00\xff",
    "boolean": True,
    "date": Date(datetime.date(2024, 2, 29)),
    "decimal": decimal.Decimal("-12345678901234567890.0123456789"),
    "double": 1.5e300,
    "float": 0.25,
    "inet": ipaddress.ip_address("2001:db8::1").exploded,
    "int": -(2**31),
    "smallint": -(2**15),
    "text": "häßlich \U0001f40d",
    "time": Time(datetime.time(23, 59, 59, 999999)),
    "timestamp": datetime.datetime(2024, 1, 15, 10, 30, 0, 123000),
    "timeuuid": uuid.UUID("50554d6e-29bb-11e5-b345-feff819cdc9f"),
    "tinyint": -128,
    "uuid": uuid.UUID("7b0f5d6e-5b1e-4a52-9a5c-0e6c4b1d9f10"),
    "varint": 2**100,
    "list<int>": [3, 1, 2],
    "set<text>": SortedSet(["a", "b"]),
    "map<text, int>": {"x": 1, "y": 2},
    "frozen<list<int>>": [1, 2],
    "tuple<int, text>": (1, "a"),
    "frozen<map<text, frozen<set<int>>>>": {"s": SortedSet([1, 2])},
    "vector<float, 3>": [1.0, 2.0, 0.5],
}
if VERSION >= 5:
    TYPES["duration"] = Duration(14, 3, 1_000_000_007)


def test_types(session):
    columns = {f"c{position}": (kind, value) for position, (kind, value) in enumerate(TYPES.items())}
    definitions = ", ".join(f"{name} {kind}" for name, (kind, _) in columns.items())
    session.execute(f"CREATE TABLE types (k int PRIMARY KEY, {definitions})")
    insert = session.prepare(
        f"INSERT INTO types (k, {', '.join(columns)}) VALUES (?, {', '.join('?' * len(columns))})"
    )
    session.execute(insert, [1] + [value for _, value in columns.values()])
    session.execute(insert, [2] + [None] * len(columns))
    row = session.execute("SELECT * FROM types WHERE k = 1").one()
    for name, (kind, value) in columns.items():
        found = getattr(row, name)
        if kind == "inet":
            found = ipaddress.ip_address(found).exploded
        if "map" in kind:
            found = {key: found[key] for key in found.keys()}
        assert found == value, f"{kind}: {found!r} is not {value!r}"
    row = session.execute("SELECT * FROM types WHERE k = 2").one()
    assert all(getattr(row, name) is None for name in columns), row


def test_user_types(session):
    session.execute("CREATE TYPE address (street text, zip int)")
    session.execute("CREATE TYPE person (name text, home frozen<address>)")
    session.execute("CREATE TABLE people (k int PRIMARY KEY, p person, all_of_them list<frozen<person>>)")
    session.cluster.refresh_schema_metadata()

    class Address:
        def __init__(self, street, zip):
            self.street, self.zip = street, zip

        def __eq__(self, other):
            return (self.street, self.zip) == (other.street, other.zip)

    session.cluster.register_user_type(KEYSPACE, "address", Address)
    home = Address("Main", 12345)
    insert = session.prepare("INSERT INTO people (k, p, all_of_them) VALUES (?, ?, ?)")
    session.execute(insert, (1, ("Ann", home), [("Bob", home), ("Cid", None)]))
    row = session.execute("SELECT p, all_of_them, p.name AS name FROM people").one()
    equal(row.p.home, home)
    equal([person.name for person in row.all_of_them], ["Bob", "Cid"])
    equal(row.name, "Ann")
    session.execute("UPDATE people SET p.name = 'Eve' WHERE k = 1")
    equal(session.execute("SELECT p FROM people").one().p.name, "Eve")


def test_collections(session):
    session.execute("CREATE TABLE collected (k int PRIMARY KEY, l list<int>, s set<int>, m map<text, int>)")
    session.execute("INSERT INTO collected (k, l, s, m) VALUES (1, [1, 2], {1, 2}, {'a': 1})")
    session.execute("UPDATE collected SET l = l + [3], s = s + {3}, m = m + {'b': 2} WHERE k = 1")
    session.execute("UPDATE collected SET l = [0] + l, s = s - {1}, m['c'] = 3 WHERE k = 1")
    session.execute("UPDATE collected SET l[1] = 10 WHERE k = 1")
    session.execute("DELETE m['a'], l[0] FROM collected WHERE k = 1")
    row = session.execute("SELECT l, s, m, m['b'] AS b FROM collected WHERE k = 1").one()
    equal((list(row.l), set(row.s), dict(row.m), row.b), ([10, 2, 3], {2, 3}, {"b": 2, "c": 3}, 2))


def test_timestamps_and_ttl(session):
    session.execute("CREATE TABLE timed (k int PRIMARY KEY, v text)")
    session.execute("INSERT INTO timed (k, v) VALUES (1, 'new') USING TIMESTAMP 1640000000000001 AND TTL 1000")
    session.execute("INSERT INTO timed (k, v) VALUES (1, 'old') USING TIMESTAMP 1640000000000000")
    row = session.execute("SELECT v, writetime(v) AS w, ttl(v) AS t FROM timed").one()
    equal((row.v, row.w), ("new", 1640000000000001))
    assert 900 < row.t <= 1000, row.t


def test_errors(session):
    session.execute("CREATE TABLE errors (k int, c int, v int, PRIMARY KEY (k, c))")
    raises(SyntaxException, lambda: session.execute("SELEC 1"), "line 1:0 no viable alternative at input 'SELEC'")
    raises(InvalidRequest, lambda: session.execute("SELECT * FROM nosuch"), "table nosuch does not exist")
    raises(InvalidRequest, lambda: session.execute("SELECT nosuch FROM errors"), "Undefined column name nosuch")
    raises(InvalidRequest, lambda: session.execute("INSERT INTO errors (k) VALUES (1)"), "Some clustering keys are missing: c")
    raises(
        InvalidRequest,
        lambda: session.execute("SELECT * FROM errors WHERE v = 1"),
        "Cannot execute this query as it might involve data filtering",
    )
    raises(InvalidRequest, lambda: session.execute("INSERT INTO errors (k, c, v) VALUES (1, 1, 'text')"), "Invalid STRING constant (text) for \"v\" of type int")


def test_consistency(session):
    session.execute(
        "CREATE KEYSPACE IF NOT EXISTS clients_rf3 WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"
    )
    session.execute("CREATE TABLE IF NOT EXISTS clients_rf3.t (k int PRIMARY KEY)")
    session.execute(SimpleStatement("INSERT INTO clients_rf3.t (k) VALUES (1)", consistency_level=ConsistencyLevel.ONE))
    select = "SELECT k FROM clients_rf3.t WHERE k = 1"
    equal(session.execute(SimpleStatement(select, consistency_level=ConsistencyLevel.ONE)).one().k, 1)
    quorum = SimpleStatement(
        select, consistency_level=ConsistencyLevel.QUORUM, retry_policy=FallthroughRetryPolicy()
    )
    error = raises(Unavailable, lambda: session.execute(quorum))
    equal((error.consistency, error.required_replicas, error.alive_replicas), (ConsistencyLevel.QUORUM, 2, 1))


def test_warnings(session):
    if VERSION < 4:
        return
    result = session.execute_async(
        "CREATE KEYSPACE IF NOT EXISTS clients_warned WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 2}"
    )
    result.result()
    equal(
        result.warnings,
        ["Your replication factor 2 for keyspace clients_warned is higher than the number of nodes 1"],
    )
    session.execute("DROP KEYSPACE clients_warned")


def test_tracing(session):
    session.execute("CREATE TABLE traced (k int PRIMARY KEY, v int)")
    result = session.execute("INSERT INTO traced (k, v) VALUES (1, 2)", trace=True)
    trace = result.get_query_trace(max_wait_sec=10)
    equal(trace.request_type, "Execute CQL3 query")
    texts = [event.description for event in trace.events]
    for text in ("Parsing INSERT INTO traced", "Determining replicas for mutation", "Appending to commitlog"):
        assert any(text in event for event in texts), (text, texts)
    assert trace.duration is not None and trace.coordinator == HOST, (trace.duration, trace.coordinator)
    session.execute("CREATE TABLE traced_rows (k int, c int, PRIMARY KEY (k, c))")
    session.execute("INSERT INTO traced_rows (k, c) VALUES (1, 2)")
    prepared = session.prepare("SELECT * FROM traced_rows WHERE k = ?")
    trace = session.execute(prepared, (1,), trace=True).get_query_trace(max_wait_sec=10)
    equal(trace.request_type, "Execute CQL3 prepared query")
    parameters = {"bound_var_0_k": "1", "page_size": "5000", "serial_consistency_level": "SERIAL"}
    equal({name: trace.parameters.get(name) for name in parameters}, parameters)
    steps = [
        "Executing single-partition query on traced_rows",
        "Acquiring sstable references",
        "Merged data from memtables and 0 sstables",
        "Read 1 live rows and 0 tombstone cells",
    ]
    texts = [event.description for event in trace.events]
    equal([text for text in texts if text in steps], steps)


def test_metadata(session):
    session.execute("CREATE TABLE described (k int, c text, v map<text, int>, PRIMARY KEY (k, c)) WITH comment = 'hello'")
    session.cluster.refresh_schema_metadata()
    table = session.cluster.metadata.keyspaces[KEYSPACE].tables["described"]
    equal(([column.name for column in table.partition_key], [column.name for column in table.clustering_key]), (["k"], ["c"]))
    equal((table.columns["v"].cql_type, table.options["comment"]), ("map<text, int>", "hello"))
    assert "CREATE TABLE" in table.export_as_string()
    equal(len(session.cluster.metadata.token_map.ring), 16)
    equal(len(session.cluster.metadata.get_replicas(KEYSPACE, b"\x00\x00\x00\x01")), 1)
    host = session.cluster.metadata.all_hosts()[0]
    assert host.datacenter == "datacenter1" and host.rack == "rack1", host


def test_schema_events(session):
    second = cluster(VERSION)
    try:
        second.connect()
        columns = lambda table: table and list(table.columns)
        for statement, expected in (
            ("CREATE TABLE announced (k int PRIMARY KEY)", ["k"]),
            ("ALTER TABLE announced ADD v int", ["k", "v"]),
            ("DROP TABLE announced", None),
        ):
            session.execute(statement)
            for _ in range(100):
                found = columns(second.metadata.keyspaces[KEYSPACE].tables.get("announced"))
                if found == expected:
                    break
                time.sleep(0.1)
            equal(found, expected)
    finally:
        second.shutdown()


def test_compression(session):
    for compression in ("lz4", True) if has_lz4() else (True,):
        other = cluster(VERSION, compression=compression)
        try:
            compressed = other.connect(KEYSPACE)
            compressed.execute("CREATE TABLE IF NOT EXISTS compressed (k int PRIMARY KEY, v text)")
            compressed.execute("INSERT INTO compressed (k, v) VALUES (1, %s)", ("long " * 10_000,))
            equal(compressed.execute("SELECT v FROM compressed").one().v, "long " * 10_000)
        finally:
            other.shutdown()


def has_lz4():
    try:
        import lz4  # noqa: F401
    except ImportError:
        return False
    return True


def test_large_values(session):
    session.execute("CREATE TABLE large (k int PRIMARY KEY, v blob)")
    value = bytes(range(256)) * 4096
    session.execute(session.prepare("INSERT INTO large (k, v) VALUES (?, ?)"), (1, value))
    equal(session.execute("SELECT v FROM large").one().v, value)


def test_prepared_statement_survives_a_restart(session):
    """Last, for it ends the session's connections; they come again by themselves."""
    session.execute("CREATE TABLE survives (k int PRIMARY KEY, v text)")
    session.execute("INSERT INTO survives (k, v) VALUES (1, 'still here')")
    select = session.prepare(f"SELECT v FROM {KEYSPACE}.survives WHERE k = ?")
    stored = "SELECT query_string FROM system.prepared_statements WHERE prepared_id = %s"
    equal(session.execute(stored, (select.query_id,)).one()[0], select.query_string)
    restart()
    other = cluster(VERSION)
    try:
        equal(other.connect().execute(stored, (select.query_id,)).one()[0], select.query_string)
        # Below the driver's session, which would prepare it again without a word.
        connection = other.connection_factory(other.metadata.all_hosts()[0].endpoint)
        execute = ExecuteMessage(
            select.query_id, [b"\0\0\0\1"], ConsistencyLevel.ONE, result_metadata_id=select.result_metadata_id
        )
        equal(connection.wait_for_response(execute).parsed_rows, [("still here",)])
        connection.close()
    finally:
        other.shutdown()
    for _ in range(300):
        try:
            equal(session.execute(select, (1,)).one().v, "still here")
            return
        except (NoHostAvailable, OperationTimedOut, ConnectionException):
            time.sleep(0.1)
    raise AssertionError("the session did not come back")


if __name__ == "__main__":
    connection = cluster(VERSION)
    session = connection.connect()
    fresh_keyspace(session, KEYSPACE)
    try:
        main(globals(), session)
    finally:
        session.execute(f"DROP KEYSPACE {KEYSPACE}")
        session.execute("DROP KEYSPACE IF EXISTS clients_rf3")
        connection.shutdown()
