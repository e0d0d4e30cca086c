"""Values of every type by the Python driver: all_types.py HOST PORT; over each version and compression that it has.

Each literal of tests/data/drivers/values.tsv is stored, read, bound to a prepared statement as what was read, and read
again: the bytes stay those of the file. RECORD=1 writes the file's bytes anew.
"""

import datetime
import decimal
import math
import os
import sys
import traceback
import uuid

from cassandra.protocol import ProtocolHandler, ResultMessage
from cassandra.query import UNSET_VALUE
from cassandra.util import Date, Duration, Time

from support import DATA, cluster, equal, fresh_keyspace

FILE = os.path.join(DATA, "drivers", "values.tsv")
KEYSPACE = "clients_all_types"
COMBINATIONS = [(3, False), (3, "snappy"), (3, "lz4"), (4, False), (4, "snappy"), (4, "lz4"), (5, False), (5, "lz4")]

EXPECTED = {
    ("bigint", "9223372036854775807"): 2**63 - 1,
    ("bigint", "-9223372036854775808"): -(2**63),
    ("boolean", "true"): True,
    ("blob", "0x"): b"",
    ("date", "0"): Date(-(2**31)),
    ("date", "4294967295"): Date(2**31 - 1),
    ("date", "'0001-01-01'"): Date(datetime.date(1, 1, 1)),
    ("decimal", "0.00"): decimal.Decimal("0.00"),
    ("decimal", "-12345678901234567890.0123456789"): decimal.Decimal("-12345678901234567890.0123456789"),
    ("double", "-Infinity"): -math.inf,
    ("double", "4.9E-324"): 5e-324,
    ("duration", "1y2mo3w4d5h6m7s8ms9us10ns"): Duration(14, 25, 18_367_008_009_010),
    ("duration", "-1mo2d3s"): Duration(-1, -2, -3_000_000_000),
    ("inet", "'255.255.255.255'"): "255.255.255.255",
    ("inet", "'2001:db8::1'"): "2001:db8::1",
    ("int", "-2147483648"): -(2**31),
    ("smallint", "-32768"): -(2**15),
    ("tinyint", "-128"): -128,
    ("text", "''"): "",
    ("text", "'häßlich \U0001f40d 中'"): "häßlich \U0001f40d 中",
    ("time", "'23:59:59.999999999'"): Time(86_399_999_999_999),
    ("timestamp", "1705314600123"): datetime.datetime(2024, 1, 15, 10, 30, 0, 123000),
    ("uuid", "ffffffff-ffff-ffff-ffff-ffffffffffff"): uuid.UUID(int=2**128 - 1),
    ("varint", "18446744073709551616"): 2**64,
    ("tuple<int, text, bigint>", "(null, 'a', null)"): (None, "a", None),
    ("vector<int, 2>", "[2147483647, -2147483648]"): [2**31 - 1, -(2**31)],
}

# What the driver cannot hold: these are compared as bytes only.
BEYOND = {
    ("decimal", "blob_as_decimal(0x8000000101)"),
    ("timestamp", "8640000000000000"),
    ("timestamp", "9223372036854775807"),
    ("timestamp", "-9223372036854775808"),
}


class Raw(ResultMessage):
    """Rows as the bytes that came."""

    def recv_results_rows(self, f, protocol_version, user_type_map, result_metadata, column_encryption_policy):
        self.recv_results_metadata(f, user_type_map)
        columns = self.column_metadata or result_metadata
        count = int.from_bytes(f.read(4), "big")
        self.column_names = [column[2] for column in columns]
        self.column_types = [column[3] for column in columns]
        self.parsed_rows = [self.recv_row(f, len(columns)) for _ in range(count)]


class RawHandler(ProtocolHandler):
    message_types_by_opcode = {**ProtocolHandler.message_types_by_opcode, Raw.opcode: Raw}


def cases():
    with open(FILE, encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    return [(kind, literal, bytes.fromhex(text)) for kind, literal, text in rows]


def create(session, kinds):
    """The table of all types, and how each type's column is called."""
    columns = {kind: f"c{position}" for position, kind in enumerate(kinds)}
    session.execute("CREATE TYPE item (a int, b text, c frozen<list<int>>)")
    definitions = ", ".join(f"{name} {kind}" for kind, name in columns.items())
    session.execute(f"CREATE TABLE all_types (id int PRIMARY KEY, {definitions})")
    return columns


def raw(session, select, row):
    handler, session.client_protocol_handler = session.client_protocol_handler, RawHandler
    try:
        return session.execute(select, (row,)).one()[0]
    finally:
        session.client_protocol_handler = handler


def check_case(session, statements, kind, literal, expected):
    column, select, insert = statements
    session.execute(f"INSERT INTO all_types (id, {column}) VALUES (1, {literal})")
    equal(raw(session, select, 1), expected)
    if (kind, literal) in BEYOND:
        return
    value = session.execute(select, (1,)).one()[0]
    if (kind, literal) in EXPECTED:
        equal(value, EXPECTED[(kind, literal)])
    if not expected and value is None:
        return  # the driver cannot write an empty value of this type
    session.execute(insert, (2, value))
    equal(raw(session, select, 2), expected)


def check_nothing(session, statements, kind, version):
    """Null removes a value; an unset value leaves what is there."""
    column, select, insert = statements
    if version >= 4:
        session.execute(insert, (2, UNSET_VALUE))
        assert raw(session, select, 2) is not None, f"{kind} was unset"
    session.execute(insert, (2, None))
    equal(raw(session, select, 2), None)
    equal(session.execute(select, (2,)).one()[0], None)


def record(session, columns, lines):
    values = {}
    for kind, literal, _ in lines:
        session.execute(f"INSERT INTO all_types (id, {columns[kind]}) VALUES (1, {literal})")
        values[(kind, literal)] = raw(session, session.prepare(f"SELECT {columns[kind]} FROM all_types WHERE id = ?"), 1)
    with open(FILE, encoding="utf-8") as old:
        header = [line for line in old if line.startswith("#")]
    with open(FILE, "w", encoding="utf-8") as new:
        new.writelines(header)
        new.writelines(f"{kind}\t{literal}\t{values[(kind, literal)].hex()}\n" for kind, literal, _ in lines)


def main():
    lines = cases()
    failed = 0
    for version, compression in COMBINATIONS:
        connection = cluster(version, compression=compression)
        session = connection.connect()
        fresh_keyspace(session, KEYSPACE)
        columns = create(session, dict.fromkeys(kind for kind, _, _ in lines))
        if os.environ.pop("RECORD", None):
            record(session, columns, lines)
            lines = cases()
        prepared = {
            kind: (
                column,
                session.prepare(f"SELECT {column} FROM all_types WHERE id = ?"),
                session.prepare(f"INSERT INTO all_types (id, {column}) VALUES (?, ?)"),
            )
            for kind, column in columns.items()
        }
        checks = [lambda case=case: check_case(session, prepared[case[0]], *case) for case in lines]
        checks += [lambda kind=kind: check_nothing(session, prepared[kind], kind, version) for kind in columns]
        for check, subject in zip(checks, lines + list(columns)):
            try:
                check()
            except Exception:
                failed += 1
                print(f"FAILED v{version} {compression}: {subject}\n{traceback.format_exc()}", flush=True)
        session.execute(f"DROP KEYSPACE {KEYSPACE}")
        connection.shutdown()
        print(f"v{version} {compression or 'uncompressed'}: {len(lines)} values", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
