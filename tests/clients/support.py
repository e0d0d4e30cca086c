"""What the client tests share: a session on the server under test, and a runner that names each check.

Every script is called as `script.py HOST PORT [ARGUMENT…]`, works in keyspaces that begin with `clients_`, and runs on
Apache Cassandra too: that is how one knows that it is right.
"""

import os
import sys
import time
import traceback

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import ConstantReconnectionPolicy, WhiteListRoundRobinPolicy

HOST = sys.argv[1]
PORT = int(sys.argv[2])
ARGUMENTS = sys.argv[3:]
HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(os.path.dirname(HERE), "data")


def cluster(version=None, **options):
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy([HOST]), request_timeout=60, **options.pop("profile", {})
    )
    if version:
        options["protocol_version"] = version
    options.setdefault("reconnection_policy", ConstantReconnectionPolicy(0.2, None))
    options.setdefault("port", PORT)
    return Cluster([HOST], execution_profiles={EXEC_PROFILE_DEFAULT: profile}, **options)


def fresh_keyspace(session, name, replication_factor=1):
    session.execute(f"DROP KEYSPACE IF EXISTS {name}")
    session.execute(
        f"CREATE KEYSPACE {name} WITH replication = "
        f"{{'class': 'SimpleStrategy', 'replication_factor': {replication_factor}}}"
    )
    session.set_keyspace(name)


def restart():
    """Has the server stopped and started again by who started this script; one that is not ours to stop goes on."""
    print("restart", flush=True)
    sys.stdin.readline()


def raises(kind, function, *texts):
    """The call fails with this error, whose message holds these texts."""
    try:
        function()
    except kind as error:
        for text in texts:
            assert text in str(error), f"{text!r} is not in {str(error)!r}"
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def equal(found, expected):
    assert found == expected, f"\n   found {found!r:.2000}\nexpected {expected!r:.2000}"


def statements(file):
    """The statements of a CQL file: text between semicolons, comments removed."""
    with open(os.path.join(DATA, file), encoding="utf-8") as lines:
        text = "\n".join(line.split("--")[0].split("//")[0] for line in lines)
    return [statement.strip() for statement in text.split(";") if statement.strip()]


def main(namespace, *arguments):
    """Runs the functions named test_…, in order, with the arguments; stops at the end with the number that failed."""
    only = os.environ.get("ONLY")
    failed = 0
    for name, function in list(namespace.items()):
        if not name.startswith("test_") or only and only not in name:
            continue
        start = time.monotonic()
        try:
            function(*arguments)
            print(f"ok     {name} ({time.monotonic() - start:.2f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
    sys.exit(1 if failed else 0)
