//! Unmodified clients with names and passwords: a server as it is, and one over TLS.
//!
//! ```text
//! client HOST PORT [DATA] DIRECTORY PORT-OF-THE-OTHER login
//! ```
//!
//! In the directory is what [`super::secured`] puts there. Each client makes a keyspace and a role of its own, so that
//! a server serves one.

use std::path::Path;

use helenus::config::Config;
use tempfile::TempDir;

use super::secured::{self, Secured};
use super::toolchain::{self, Program};
use super::{TestServer, data, run_on};

/// Passwords and permissions. Nothing is kept in caches, so that what is granted holds at once.
const SETTINGS: &str = "authenticator: PasswordAuthenticator\nauthorizer: CassandraAuthorizer\nroles_validity: 0ms\n\
                        permissions_validity: 0ms\ncredentials_validity: 0ms\n";

/// Two servers of this process that ask for passwords.
pub(crate) struct Servers {
    pub plain: TestServer,
    pub encrypted: TestServer,
    pub directory: TempDir,
}

impl Servers {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        secured::certificates(path);
        let config = Config::parse(SETTINGS, None, path).and_then(Config::into_ephemeral);
        Self {
            plain: TestServer::start_with(config.expect("a valid configuration")),
            encrypted: Secured::server(path, SETTINGS),
            directory,
        }
    }
}

/// A server that asks for a certificate and a password.
pub(crate) fn mutual(path: &Path) -> TestServer {
    secured::certificates(path);
    Secured::server(path, &format!("  require_client_auth: true\n{SETTINGS}"))
}

/// Runs a client, if there are servers of this process to run it on.
fn run(name: &str, program: Result<Program, String>, arguments: &[&str]) {
    if std::env::var_os("CASSANDRA").is_some() {
        return;
    }
    let mut servers = Servers::start();
    let directory = servers.directory.path().to_str().expect("text").to_owned();
    let other = servers.encrypted.address().port().to_string();
    let arguments = [arguments, &[&directory, &other, "login"]].concat();
    run_on(&mut servers.plain, name, program, &arguments);
}

one_test_for_each_client!(run, "login.py");
