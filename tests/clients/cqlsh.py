"""cqlsh 6.2: cqlsh.py HOST PORT."""

import csv
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

from support import DATA, HOST, PORT, equal, main, statements

KEYSPACE = "clients_cqlsh"
CQLSH = os.path.join(os.path.dirname(sys.executable), "cqlsh")
ENVIRONMENT = {**os.environ, "CQLSH_NO_BUNDLED": "1", "LC_ALL": "C.UTF-8", "HOME": tempfile.gettempdir()}
REPLICATION = "{'class': 'SimpleStrategy', 'replication_factor': 1}"


def run(text, *arguments, fails=False):
    """What cqlsh prints for this input."""
    done = subprocess.run(
        [CQLSH, HOST, str(PORT), "--no-color", "--request-timeout=60", *arguments],
        input=text if not text or text.rstrip().endswith(";") else text + ";",
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=120,
    )
    output = done.stdout + done.stderr
    output = "".join(line for line in output.splitlines(True) if not line.startswith("WARNING: cqlsh was built"))
    assert (done.returncode != 0) == fails, f"exit code {done.returncode}:\n{output}"
    return output


def contains(output, *texts):
    for text in texts:
        assert text in output, f"{text!r} is not in:\n{output}"


def test_keyspace():
    output = run(
        f"DROP KEYSPACE IF EXISTS {KEYSPACE};\n"
        f"CREATE KEYSPACE {KEYSPACE} WITH replication = {REPLICATION};\n"
        f"USE {KEYSPACE};\n"
        "CREATE TYPE address (street text, zip int);\n"
        "CREATE TABLE people (id int PRIMARY KEY, name text, born date, tags set<text>, scores map<text, int>,\n"
        "    home frozen<address>, seen list<timestamp>) WITH comment = 'people we know';\n"
        "CREATE TABLE readings (device text, day date, at timestamp, place text STATIC, value double,\n"
        "    PRIMARY KEY ((device, day), at)) WITH CLUSTERING ORDER BY (at DESC) AND default_time_to_live = 864000;\n"
        "CREATE TABLE visits (page text PRIMARY KEY, hits counter);\n"
    )
    equal(output.replace("Warnings :", "").strip(), "")


def test_show():
    contains(
        run("SHOW VERSION; SHOW HOST"),
        "| Cassandra 5.0.6 | CQL spec 3.4.7 | Native protocol v5]",
        f"at {HOST}:{PORT}",
    )


def test_help():
    contains(run("HELP"), "Documented shell commands:", "CQL help topics:", "CREATE_TABLE")
    contains(run("HELP DESCRIBE; HELP COPY; HELP CONSISTENCY"), "DESCRIBE KEYSPACES", "COPY", "CONSISTENCY")


def test_select():
    output = run(
        f"USE {KEYSPACE};"
        "INSERT INTO people (id, name, born, tags, scores, home) VALUES "
        "(1, 'Ann', '1990-05-17', {'a', 'b'}, {'math': 95}, {street: 'Main', zip: 1});"
        "INSERT INTO people (id, name) VALUES (2, 'Bob');"
        "SELECT id, name, born, tags, scores, home FROM people;"
        "SELECT count(*) FROM people;"
    )
    contains(
        output,
        "(2 rows)",
        "  1 |  Ann | 1990-05-17 | {'a', 'b'} | {'math': 95} | {street: 'Main', zip: 1}",
        "  2 |  Bob |       null |       null |         null |                     null",
        " count\n-------\n     2\n\n(1 rows)",
    )
    output = run(
        f"UPDATE {KEYSPACE}.visits SET hits = hits + 3 WHERE page = 'home'; SELECT * FROM {KEYSPACE}.visits;"
    )
    contains(output, " home |    3")


def test_expand():
    output = run(f"EXPAND ON; SELECT id, name FROM {KEYSPACE}.people WHERE id = 1; EXPAND OFF; EXPAND")
    contains(output, "EXPAND set to ON", "@ Row 1", " id   | 1", " name | Ann", "EXPAND set to OFF")


def test_consistency():
    output = run("CONSISTENCY; CONSISTENCY QUORUM; CONSISTENCY; SERIAL CONSISTENCY; SERIAL CONSISTENCY LOCAL_SERIAL")
    contains(
        output,
        "Current consistency level is ONE.",
        "Consistency level set to QUORUM.",
        "Current consistency level is QUORUM.",
        "Current serial consistency level is SERIAL.",
        "Serial consistency level set to LOCAL_SERIAL.",
    )
    contains(run(f"CONSISTENCY LOCAL_QUORUM; SELECT name FROM {KEYSPACE}.people WHERE id = 1;"), " Ann")


def test_paging():
    rows = "".join(
        f"INSERT INTO {KEYSPACE}.readings (device, day, at, value) VALUES ('d', '2024-01-15', {n}, {n});"
        for n in range(1, 41)
    )
    output = run(
        "PAGING; PAGING 7; PAGING;" + rows + f"SELECT value FROM {KEYSPACE}.readings; PAGING OFF;"
        f"SELECT value FROM {KEYSPACE}.readings WHERE device = 'd' AND day = '2024-01-15' LIMIT 2;"
    )
    contains(output, "PAGING is ON", "Page size: 7", "(40 rows)", "PAGING set to OFF")
    numbers = [int(number) for number in re.findall(r"^\s+(\d+)$", output, re.MULTILINE)]
    equal(numbers, list(range(40, 0, -1)) + [40, 39])


def test_tracing():
    output = run(f"TRACING ON; SELECT name FROM {KEYSPACE}.people WHERE id = 1; TRACING OFF;")
    contains(
        output,
        "TRACING set to ON",
        "Tracing session: ",
        "Execute CQL3 query",
        "Parsing SELECT name FROM",
        "Preparing statement",
        "Request complete",
        "TRACING set to OFF",
    )


def test_errors():
    contains(
        run(f"SELECT nosuch FROM {KEYSPACE}.people;", fails=True),
        '<stdin>:2:InvalidRequest: Error from server: code=2200 [Invalid query] message="Undefined column name nosuch in '
        f'table {KEYSPACE}.people"',
    )
    contains(run("SELEC 1;", fails=True), "SyntaxException: line 1:0 no viable alternative at input 'SELEC'")
    contains(
        run(f"SELECT * FROM {KEYSPACE}.readings WHERE device = 'd';", fails=True),
        "as it might involve data filtering and thus may have unpredictable performance",
    )


def test_describe_everything():
    contains(run("DESCRIBE CLUSTER"), "Cluster: ", "Partitioner: Murmur3Partitioner", "Snitch: ")
    contains(run("DESCRIBE KEYSPACES"), KEYSPACE, "system_schema", "system_virtual_schema")
    contains(run(f"USE {KEYSPACE}; DESCRIBE TABLES"), "people", "readings", "visits")
    contains(run(f"USE {KEYSPACE}; DESCRIBE TYPES"), "address")
    contains(
        run(f"DESCRIBE TYPE {KEYSPACE}.address"), f"CREATE TYPE {KEYSPACE}.address (\n    street text,\n    zip int\n);"
    )
    contains(
        run(f"DESCRIBE TABLE {KEYSPACE}.readings"),
        f"CREATE TABLE {KEYSPACE}.readings (\n"
        "    device text,\n    day date,\n    at timestamp,\n    place text static,\n    value double,\n"
        "    PRIMARY KEY ((device, day), at)\n) WITH CLUSTERING ORDER BY (at DESC)\n    AND additional_write_policy = '99p'",
        "    AND default_time_to_live = 864000\n",
        "    AND compaction = {'class': 'org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy', "
        "'max_threshold': '32', 'min_threshold': '4'}\n",
    )
    contains(run("DESCRIBE TABLE system.local"), "CREATE TABLE system.local (\n    key text PRIMARY KEY,")
    contains(run("DESCRIBE system_views.settings"), "VIRTUAL TABLE system_views.settings")
    contains(run("DESCRIBE SCHEMA"), f"CREATE KEYSPACE {KEYSPACE} WITH replication = ")
    contains(run("DESCRIBE FULL SCHEMA"), "CREATE KEYSPACE system_auth ", "CREATE TABLE system_schema.columns (")
    contains(run(f"DESC KEYSPACE {KEYSPACE}"), f"CREATE TABLE {KEYSPACE}.people (", "AND comment = 'people we know'")
    run(f"USE {KEYSPACE}; DESCRIBE FUNCTIONS; DESCRIBE AGGREGATES; DESCRIBE KEYSPACE; DESCRIBE people")
    contains(run("DESCRIBE TABLE nosuch.nosuch", fails=True), "'nosuch' not found in keyspaces")


def test_describe_recreates_the_schema():
    name = f"{KEYSPACE}_copy"
    before = run(f"DESCRIBE KEYSPACE {KEYSPACE}")
    run(f"DROP KEYSPACE IF EXISTS {name};")
    run(before.replace(KEYSPACE, name))
    equal(run(f"DESCRIBE KEYSPACE {name}"), before.replace(KEYSPACE, name))
    run(f"DROP KEYSPACE {name};")


def test_copy():
    table = f"{KEYSPACE}.copied"
    columns = "(id, name, tags, scores, at, amount)"
    run(
        f"CREATE TABLE {table} (id int PRIMARY KEY, name text, tags set<text>, scores map<text, int>, at timestamp, "
        "amount decimal);"
    )
    with tempfile.TemporaryDirectory() as directory:
        first, second = os.path.join(directory, "first.csv"), os.path.join(directory, "second.csv")
        with open(first, "w", encoding="utf-8") as file:
            for number in range(1000):
                file.write(
                    f"{number},\"Name, {number}\",\"{{'a', 'b{number}'}}\",\"{{'x': {number}}}\","
                    f"2024-01-15 10:30:{number % 60:02}.000+0000,{number}.25\n"
                )
        contains(run(f"COPY {table} {columns} FROM '{first}';"), "1000 rows imported from 1 files")
        contains(run(f"SELECT count(*) FROM {table};"), " 1000\n")
        contains(run(f"COPY {table} {columns} TO '{second}';"), "1000 rows exported to 1 files")
        with open(first, encoding="utf-8") as expected, open(second, encoding="utf-8") as found:
            equal(sorted(csv.reader(found)), sorted(csv.reader(expected)))
        run(f"COPY {table} TO '{second}' WITH HEADER = true;")
        run(f"TRUNCATE {table}; COPY {table} FROM '{second}' WITH HEADER = true AND CHUNKSIZE = 50;")
        contains(run(f"SELECT count(*) FROM {table};"), " 1000\n")


def test_source_and_capture():
    with tempfile.TemporaryDirectory() as directory:
        script, captured = os.path.join(directory, "script.cql"), os.path.join(directory, "captured")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"USE {KEYSPACE};\nSELECT name FROM people WHERE id = 2;\n")
        contains(run(f"SOURCE '{script}'"), " Bob")
        contains(run("", "-f", script), " Bob")
        contains(run("", "-e", f"SELECT name FROM {KEYSPACE}.people WHERE id = 2"), " Bob")
        run(f"CAPTURE '{captured}'; SELECT name FROM {KEYSPACE}.people WHERE id = 2; CAPTURE OFF;")
        with open(captured, encoding="utf-8") as file:
            contains(file.read(), " Bob")


def test_orders():
    order, user = "7b0f5d6e-5b1e-4a52-9a5c-0e6c4b1d9f10", "7b0f5d6e-5b1e-4a52-9a5c-0e6c4b1d9f11"
    run(f"DROP KEYSPACE IF EXISTS shop; SOURCE '{os.path.join(DATA, 'orders.cql')}'")
    output = run(
        "USE shop;"
        "INSERT INTO orders_by_id (order_id, user_id, order_timestamp, status, total_amount, shipping_address, items) "
        f"VALUES ({order}, {user}, '2023-10-05 12:00:00+0000', 'PENDING', 19.98, '1 Main St', "
        f"[{{product_id: {user}, product_name: 'Book', quantity: 2, price: 9.99}}]);"
        + "".join(
            "INSERT INTO orders_by_user (user_id, order_timestamp, order_id, status, total_amount) "
            f"VALUES ({user}, '2023-10-05 12:00:{n:02}+0000', {order}, 'PENDING', {n}.5);"
            "INSERT INTO orders_by_product (product_id, month_bucket, order_timestamp, order_id, user_id, quantity) "
            f"VALUES ({order}, '2023-10', '2023-10-05 12:00:{n:02}+0000', {order}, {user}, {n});"
            for n in range(12)
        )
        + f"SELECT status, items FROM orders_by_id WHERE order_id = {order};"
        f"SELECT total_amount FROM orders_by_user WHERE user_id = {user} LIMIT 10;"
        f"SELECT quantity FROM orders_by_product WHERE product_id = {order} AND month_bucket = '2023-10';"
        "DROP KEYSPACE shop;"
    )
    contains(output, f"[{{product_id: {user}, product_name: 'Book', quantity: 2, price: 9.99}}]", "(10 rows)", "(12 rows)")
    equal(re.findall(r"^\s+(\d+)\.5$", output, re.MULTILINE), [str(n) for n in range(11, 1, -1)])
    equal(re.findall(r"^\s+(\d+)$", output, re.MULTILINE), [str(n) for n in range(12)])


def test_more_tables():
    """more.cql without its indexes and views."""
    kept = [text for text in statements("more.cql") if "CREATE INDEX" not in text and "CREATE MATERIALIZED" not in text]
    run("DROP KEYSPACE IF EXISTS examples;" + ";\n".join(kept) + ";")
    user = "7b0f5d6e-5b1e-4a52-9a5c-0e6c4b1d9f10"
    output = run(
        f"USE examples; SELECT name, scores['math'] FROM students; SELECT email FROM users WHERE id = {user};"
        "INSERT INTO events (user_id, date, event_time, data) VALUES "
        f"({user}, '2023-06-01', '2023-06-01', 'old') USING TIMESTAMP 1;"
        f"INSERT INTO events (user_id, date, event_time, data) VALUES ({user}, '2024-06-01', '2024-06-01', 'new');"
        f"SELECT data FROM events WHERE user_id = {user};"
        f"INSERT INTO books_read_by_user (user_id, fullname, title, author) VALUES ({user}, 'Ann', 'T', 'A');"
        f"SELECT fullname, title FROM books_read_by_user WHERE user_id = {user};"
        f"SELECT * FROM messages WHERE chat_id = {user} AND sent_at > '2024-01-15';"
    )
    contains(output, " Alice |             95", "new@example.com", " new\n\n(1 rows)", "      Ann |     T")
    contains(
        run("SELECT * FROM examples.messages WHERE sent_at > '2024-01-15';", fails=True), "might involve data filtering"
    )
    run("DROP KEYSPACE examples;")


class Terminal:
    """cqlsh on a pseudo-terminal."""

    def __init__(self):
        self.pending = ""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execve(CQLSH, [CQLSH, HOST, str(PORT), "--no-color"], {**ENVIRONMENT, "TERM": "dumb"})

    def read_until(self, text, seconds=30):
        end = time.monotonic() + seconds
        while text not in self.pending:
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} did not come:\n{self.pending}"
            self.pending += os.read(self.terminal, 65536).decode(errors="replace")
        self.pending = self.pending.split(text, 1)[1]

    def send(self, text):
        os.write(self.terminal, text.encode())

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.terminal)


def test_tab_completion():
    terminal = Terminal()
    try:
        terminal.read_until("cqlsh> ")
        terminal.send(f"USE {KEYSPACE};\n")
        terminal.read_until(f"cqlsh:{KEYSPACE}> ")
        terminal.send("SEL\t")
        terminal.read_until("SELECT ")
        terminal.send("* FROM peo\t")
        terminal.read_until("people ")
        terminal.send("WHERE \t\t")
        terminal.read_until("TOKEN(")
        terminal.send("id = 2;\n")
        terminal.read_until("(1 rows)")
        terminal.read_until(f"cqlsh:{KEYSPACE}> ")
        terminal.send("DESCRIBE TABLE re\t")
        terminal.read_until("readings")
    finally:
        terminal.close()


def test_drop():
    run(f"DROP KEYSPACE {KEYSPACE};")


if __name__ == "__main__":
    main(globals())
