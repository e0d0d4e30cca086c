"""Records what a node answers to golden scripts, as text beside the statements.

    record.py [--host 127.0.0.2] [--port 9042] [--check] file.cql ...

A script is CQL, one statement a line, `;` at its end. Before a statement there may be one line of directives:

    --@ bind 00000001 null unset    prepare it, and execute it with these values (hex)
    --@ page 2                      fetch all of its pages, each of 2 rows
    --@ state 6761                  send this paging state (hex) with a page size of 100

and after it stand the lines that were recorded, which this program replaces:

    --> bind k int, c int; key 0         the bind markers and the partition key's indexes
    --> columns k int, v text            the columns of the result
    --> 00000001, null, 6162             a row: values in hex
    --> more 0004...                     a further page follows; its paging state
    --> warning ...                      a warning
    --> error 2200 ...                   an error: its code and message

With --check nothing is written; differences are shown. Every script runs in a fresh keyspace named after it.
"""

import argparse
import difflib
import pathlib
import re
import sys
import time

from cassandra import protocol
from cassandra.cluster import Cluster, NoHostAvailable, ExecutionProfile, EXEC_PROFILE_DEFAULT
from cassandra.policies import ConstantReconnectionPolicy, FallthroughRetryPolicy, WhiteListRoundRobinPolicy
from cassandra.query import BoundStatement, SimpleStatement, UNSET_VALUE


class RawResult(protocol.ResultMessage):
    """Leaves values as bytes."""

    def recv_results_rows(self, f, protocol_version, user_type_map, result_metadata, *_):
        self.recv_results_metadata(f, user_type_map)
        columns = self.column_metadata or result_metadata
        count = protocol.read_int(f)
        self.parsed_rows = [[protocol.read_value(f) for _ in columns] for _ in range(count)]
        self.column_names = [c[2] for c in columns]
        self.column_types = [c[3] for c in columns]


class RawProtocol(protocol._ProtocolHandler):
    message_types_by_opcode = {**protocol._ProtocolHandler.message_types_by_opcode, RawResult.opcode: RawResult}


def type_text(cql_type):
    text = cql_type.cql_parameterized_type()
    while "frozen<" in text:
        start = text.index("frozen<")
        depth, end = 1, start + 7
        while depth:
            depth += {"<": 1, ">": -1}.get(text[end], 0)
            end += 1
        text = text[:start] + text[start + 7:end - 1] + text[end:]
    return re.sub(r",\s*", ", ", text.replace("varchar", "text").replace("org.apache.cassandra.db.marshal.VectorType", "vector"))


def columns_text(names, types):
    return ", ".join(f"{name} {type_text(t)}" for name, t in zip(names, types))


def value_of(text):
    return {"null": None, "unset": UNSET_VALUE}.get(text) if text in ("null", "unset") else bytes.fromhex(text)


class Recorder:
    def __init__(self, host, port):
        profile = ExecutionProfile(load_balancing_policy=WhiteListRoundRobinPolicy([host]), row_factory=lambda names, rows: rows,
                                   retry_policy=FallthroughRetryPolicy(), request_timeout=60)
        self.cluster = Cluster([host], port=port, protocol_version=5, execution_profiles={EXEC_PROFILE_DEFAULT: profile},
                               reconnection_policy=ConstantReconnectionPolicy(0.2, None),
                               schema_metadata_enabled=False, token_metadata_enabled=False)
        self.session = self.cluster.connect()
        self.session.client_protocol_handler = RawProtocol

    def execute_plain(self, statement):
        """Executes a statement of the recorder itself; waits where the node closed its connections before."""
        for attempt in range(50):
            try:
                return self.session.execute(statement)
            except NoHostAvailable:
                if attempt == 49:
                    raise
                time.sleep(0.2)

    def run(self, statement, directives):
        lines = []
        try:
            self.execute(statement, directives, lines)
        except Exception as error:  # the driver's errors have no common class
            lines.append(self.error_text(error))
        return lines

    def execute(self, statement, directives, lines):
        page = int(directives["page"]) if "page" in directives else None
        state = bytes.fromhex(directives["state"]) if "state" in directives else None
        if state is not None:
            page = 100
        if "bind" in directives:
            prepared = self.session.prepare(statement)
            specs = ", ".join(f"{c.name} {type_text(c.type)}" for c in prepared.column_metadata)
            key = " ".join(str(i) for i in prepared.routing_key_indexes or [])
            lines.append(f"bind {specs}; key {key}".rstrip())
            query = BoundStatement(prepared)
            query._routing_key = b"unused"
            query.values = [value_of(v) for v in directives["bind"].split()]
        else:
            query = SimpleStatement(statement)
        query.fetch_size = page
        future = self.session.execute_async(query, paging_state=state)
        first = True
        while True:
            result = future.result()
            for warning in future.warnings or []:
                lines.append(f"warning {warning}")
            names = future._col_names
            if first and names:
                lines.append("columns " + columns_text(names, future._col_types))
            first = False
            for row in result.current_rows if names else []:
                lines.append(", ".join("null" if v is None else v.hex() or "''" for v in row))
            if not future.has_more_pages:
                return
            lines.append(f"more {future._paging_state.hex()}")
            future.start_fetching_next_page()

    @staticmethod
    def error_text(error):
        code, message = getattr(error, "code", None), getattr(error, "message", None)
        text = str(error)
        found = re.match(r'(?s)Error from server: code=([0-9a-f]{4}) \[[^\]]*\] message="(.*)"$', text)
        if found:
            return f"error {found[1]} {found[2]}"
        if code is not None:
            return f"error {code:04x} {message}"
        return f"error {type(error).__name__} {text}"


def directives_of(line):
    words = line[3:].strip().split(None, 1)
    return {words[0]: words[1] if len(words) > 1 else ""}


def record(recorder, path):
    keyspace = "golden_" + path.stem
    recorder.execute_plain(f"DROP KEYSPACE IF EXISTS {keyspace}")
    recorder.execute_plain(
        f"CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
    recorder.execute_plain(f"USE {keyspace}")
    out, directives = [], {}
    for line in path.read_text().splitlines():
        if line.startswith("-->"):
            continue
        out.append(line)
        if line.startswith("--@"):
            directives = directives_of(line)
        elif line.strip() and not line.startswith("--"):
            if "state" in directives:  # a node that closes the connection has done its worst with the one before
                recorder.execute_plain(f"USE {keyspace}")
            out.extend(f"--> {text}" for text in recorder.run(line.rstrip().removesuffix(";"), directives))
            directives = {}
    recorder.execute_plain(f"DROP KEYSPACE {keyspace}")
    return "\n".join(out) + "\n"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--host", default="127.0.0.2")
    arguments.add_argument("--port", type=int, default=9042)
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("files", nargs="+", type=pathlib.Path)
    options = arguments.parse_args()
    recorder, differs = Recorder(options.host, options.port), False
    for path in options.files:
        recorded = record(recorder, path)
        if not options.check:
            path.write_text(recorded)
        elif recorded != path.read_text():
            differs = True
            old, new = path.read_text().splitlines(), recorded.splitlines()
            print("\n".join(difflib.unified_diff(old, new, f"{path} (recorded)", f"{path} ({options.host})", lineterm="")))
    recorder.cluster.shutdown()
    sys.exit(1 if differs else 0)


if __name__ == "__main__":
    main()
