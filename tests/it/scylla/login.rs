//! Names and passwords, and identities in certificates.

use std::net::SocketAddr;
use std::sync::Arc;

use helenus::config::Authenticator;
use rustls::ClientConfig;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};

use super::Client;
use super::secured::trusting;
use crate::clients::login::{Servers, mutual};

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads").block_on(test);
}

const KEYSPACE: &str =
    "CREATE KEYSPACE login WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";

/// A session of a user; or why there is none.
async fn log_in(
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    user: &str,
    password: &str,
) -> Result<Client, String> {
    let builder = SessionBuilder::new().known_node_addr(address).tls_context(tls).user(user, password);
    builder.build().await.map(Client).map_err(|error| format!("{error:?}"))
}

/// The statement is refused for want of a permission.
async fn is_refused(client: &Client, text: &str, why: &str) {
    let error = client.0.query_unpaged(text, ()).await.expect_err("a refusal");
    let ExecutionError::LastAttemptError(RequestAttemptError::DbError(DbError::Unauthorized, message)) =
        error
    else {
        panic!("{text}: {error}");
    };
    assert!(message.contains(why), "{message}");
}

#[test]
fn users_have_passwords_and_permissions() {
    let servers = Servers::start();
    let path = servers.directory.path();
    let tls = trusting(path, "authority.pem", false);
    run(async {
        for (server, tls) in [(&servers.plain, None), (&servers.encrypted, Some(tls))] {
            let address = server.address();
            let first = log_in(address, tls.clone(), "cassandra", "cassandra").await.expect("the first user");
            first.run(KEYSPACE).await;
            first.run("CREATE TABLE login.t (k int PRIMARY KEY, v int)").await;
            first.run("CREATE ROLE app WITH PASSWORD = 'secret' AND LOGIN = true").await;
            let app = log_in(address, tls.clone(), "app", "secret").await.expect("welcome");
            is_refused(&app, "SELECT * FROM login.t", "User app has no SELECT permission on <table login.t>")
                .await;
            is_refused(&app, "CREATE TABLE login.u (k int PRIMARY KEY)", "no CREATE permission").await;
            let select = app.0.prepare("SELECT v FROM login.t WHERE k = ?").await.expect("prepared");
            assert!(app.0.execute_unpaged(&select, (1,)).await.is_err());
            first.run("GRANT SELECT ON login.t TO app").await;
            app.0.execute_unpaged(&select, (1,)).await.expect("permitted");
            first.run("REVOKE SELECT ON login.t FROM app").await;
            assert!(app.0.execute_unpaged(&select, (1,)).await.is_err());
            for (user, password) in [("app", "wrong"), ("nobody", "secret")] {
                let error =
                    log_in(address, tls.clone(), user, password).await.map(|_| ()).expect_err("refused");
                assert!(
                    error.contains(&format!("Provided username {user} and/or password are incorrect")),
                    "{error}"
                );
            }
        }
    });
}

#[test]
fn certificates_name_users() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut server = mutual(directory.path());
    let tls = Some(trusting(directory.path(), "authority.pem", true));
    let address = server.address();
    run(async {
        let first = log_in(address, tls.clone(), "cassandra", "cassandra").await.expect("the first user");
        first.run("CREATE ROLE app WITH LOGIN = true").await;
        first.run("ADD IDENTITY 'spiffe://cluster/client' TO ROLE app").await;
    });
    for authenticator in [Authenticator::MutualTls, Authenticator::MutualTlsWithPasswordFallback] {
        server.restart_with(|config| config.auth.authenticator = authenticator);
        run(async {
            let app = log_in(address, tls.clone(), "any", "any").await.expect("welcome");
            is_refused(&app, "SELECT * FROM system_auth.roles", "User app has no SELECT permission").await;
            is_refused(&app, "DROP IDENTITY 'spiffe://cluster/client'", "sufficient privileges").await;
        });
    }
    server.restart_with(|config| config.auth.authenticator = Authenticator::Password);
    run(async {
        let first = log_in(address, tls.clone(), "cassandra", "cassandra").await.expect("the first user");
        first.run("DROP IDENTITY 'spiffe://cluster/client'").await;
    });
    server.restart_with(|config| config.auth.authenticator = Authenticator::MutualTls);
    run(async {
        let error = log_in(address, tls.clone(), "any", "any").await.map(|_| ()).expect_err("refused");
        assert!(error.contains("Certificate identity 'spiffe://cluster/client' not authorized"), "{error}");
    });
}
