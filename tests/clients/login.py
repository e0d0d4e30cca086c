"""The Python driver and cqlsh with passwords: login.py HOST PORT DIRECTORY OTHER-PORT login. The first server is as it is,
the other one wants TLS."""

import os
import ssl
import subprocess
import sys
import tempfile

from cassandra import Unauthorized
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import NoHostAvailable

from support import ARGUMENTS, HOST, PORT, cluster, equal, main, raises

DIRECTORY, OTHER_PORT = ARGUMENTS[0], int(ARGUMENTS[1])
AUTHORITY = os.path.join(DIRECTORY, "authority.pem")
KEYSPACE = "clients_login"
SERVERS = (PORT, OTHER_PORT)


def logged_in(port, user, password, body):
    """Runs something with a session of this user."""
    options = {}
    if user:
        options["auth_provider"] = PlainTextAuthProvider(user, password)
    if port == OTHER_PORT:
        options["ssl_context"] = ssl.create_default_context(cafile=AUTHORITY)
        options["ssl_options"] = {"server_hostname": HOST}
    connection = cluster(port=port, **options)
    try:
        return body(connection.connect())
    finally:
        connection.shutdown()


def test_first_user():
    def prepare(session):
        session.execute(
            f"CREATE KEYSPACE {KEYSPACE} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
        )
        session.execute(f"CREATE TABLE {KEYSPACE}.t (k int PRIMARY KEY, v int)")
        session.execute("CREATE ROLE app WITH PASSWORD = 'secret' AND LOGIN = true")
        users = {row.username for row in session.execute("SELECT username FROM system_views.clients")}
        equal(users, {"cassandra"})

    for port in SERVERS:
        logged_in(port, "cassandra", "cassandra", prepare)


def test_refused_statements():
    def use(session):
        select = session.prepare(f"SELECT v FROM {KEYSPACE}.t WHERE k = ?")
        refusal = f"User app has no SELECT permission on <table {KEYSPACE}.t> or any of its parents"
        raises(Unauthorized, lambda: session.execute(select, (1,)), refusal)
        insert = f"INSERT INTO {KEYSPACE}.t (k, v) VALUES (1, 2)"
        raises(Unauthorized, lambda: session.execute(insert), "User app has no MODIFY permission")
        grant = f"GRANT SELECT ON {KEYSPACE}.t TO app"
        raises(Unauthorized, lambda: session.execute(grant), "User app has no AUTHORIZE permission")
        logged_in(session.port, "cassandra", "cassandra", lambda first: first.execute(grant))
        equal(list(session.execute(select, (1,))), [])

    for port in SERVERS:

        def with_port(session, port=port):
            session.port = port
            use(session)

        logged_in(port, "app", "secret", with_port)


def test_refused_logins():
    for port in SERVERS:
        for user, password in (("app", "wrong"), ("nobody", "secret")):
            text = f"Provided username {user} and/or password are incorrect"
            raises(NoHostAvailable, lambda: logged_in(port, user, password, lambda session: None), text)
        raises(NoHostAvailable, lambda: logged_in(port, None, None, lambda session: None), "requires authentication")


def cqlsh(port, user, password):
    """The exit code and the output of cqlsh as this user."""
    with tempfile.TemporaryDirectory() as home:
        file = os.path.join(home, "cqlshrc")
        with open(file, "w", encoding="utf-8") as text:
            text.write("[ssl]\nvalidate = true\ncertfile = " + AUTHORITY + "\n")
        command = [os.path.join(os.path.dirname(sys.executable), "cqlsh"), "--cqlshrc", file, HOST, str(port)]
        command += ["--ssl"] if port == OTHER_PORT else []
        command += ["-u", user, "-p", password, "-e", f"LIST ROLES; SELECT * FROM {KEYSPACE}.t; TRUNCATE {KEYSPACE}.t"]
        environment = {**os.environ, "CQLSH_NO_BUNDLED": "1", "LC_ALL": "C.UTF-8", "HOME": home}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
        return done.returncode, done.stdout + done.stderr


def test_cqlsh():
    for port in SERVERS:
        code, output = cqlsh(port, "app", "secret")
        assert "app | False |  True |" in output, output
        assert "(0 rows)" in output and "User app has no MODIFY permission" in output, output
        code, output = cqlsh(port, "app", "wrong")
        assert code != 0 and "Provided username app and/or password are incorrect" in output, output


if __name__ == "__main__":
    main(globals())
