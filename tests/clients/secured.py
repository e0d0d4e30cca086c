"""The Python driver and cqlsh over TLS: secured.py HOST PORT DIRECTORY OTHER-PORT. The first server shows its certificate,
the other one wants ours too."""

import os
import ssl
import subprocess
import sys
import tempfile

from cassandra.cluster import NoHostAvailable

from support import ARGUMENTS, HOST, PORT, cluster, equal, main, raises

DIRECTORY, OTHER_PORT = ARGUMENTS[0], int(ARGUMENTS[1])
AUTHORITY, CERTIFICATE, KEY = (os.path.join(DIRECTORY, name) for name in ("authority.pem", "client.pem", "client.key"))


def trusting(authority, certificate=None):
    context = ssl.create_default_context(cafile=authority)
    if certificate:
        context.load_cert_chain(certificate, KEY)
    return {"ssl_context": context, "ssl_options": {"server_hostname": HOST}}


def connect(port, **options):
    """Connects, and sees that the server knows how."""
    connection = cluster(port=port, **options)
    try:
        rows = list(connection.connect().execute("SELECT ssl_enabled, ssl_protocol, ssl_cipher_suite FROM system_views.clients"))
        assert rows
        for row in rows:
            equal((row.ssl_enabled, row.ssl_protocol), (True, "TLSv1.3"))
            assert row.ssl_cipher_suite.startswith("TLS_"), row
    finally:
        connection.shutdown()


def test_encrypted():
    connect(PORT, **trusting(AUTHORITY))


def test_certificate():
    connect(OTHER_PORT, **trusting(AUTHORITY, CERTIFICATE))


def test_refused():
    raises(NoHostAvailable, lambda: connect(PORT))
    raises(NoHostAvailable, lambda: connect(PORT, **trusting(CERTIFICATE)), "CERTIFICATE_VERIFY_FAILED")
    raises(NoHostAvailable, lambda: connect(OTHER_PORT))
    raises(NoHostAvailable, lambda: connect(OTHER_PORT, **trusting(AUTHORITY)))


def cqlsh(port, settings):
    """The exit code and the output of cqlsh with these settings of TLS."""
    with tempfile.TemporaryDirectory() as home:
        file = os.path.join(home, "cqlshrc")
        with open(file, "w", encoding="utf-8") as text:
            text.write("[ssl]\nvalidate = true\ncertfile = " + AUTHORITY + "\n" + settings)
        command = [os.path.join(os.path.dirname(sys.executable), "cqlsh"), "--cqlshrc", file, "--ssl", HOST, str(port)]
        command += ["-e", "SELECT ssl_protocol FROM system_views.clients"]
        environment = {**os.environ, "CQLSH_NO_BUNDLED": "1", "LC_ALL": "C.UTF-8", "HOME": home}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
        return done.returncode, done.stdout + done.stderr


def test_cqlsh():
    own = f"usercert = {CERTIFICATE}\nuserkey = {KEY}\n"
    for port, settings in ((PORT, ""), (OTHER_PORT, own)):
        code, output = cqlsh(port, settings)
        assert code == 0 and "TLSv1." in output, output
    code, output = cqlsh(OTHER_PORT, "")
    assert code != 0 and "Connection error" in output, output


if __name__ == "__main__":
    main(globals())
