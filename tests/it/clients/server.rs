//! The server under test.

use std::net::SocketAddr;

use helenus::Server;
use helenus::config::Config;
use tokio::runtime::Runtime;

/// A server of this process, with a runtime of its own, or the one that `CASSANDRA` names.
pub(crate) struct TestServer {
    address: SocketAddr,
    running: Option<(Runtime, Server)>,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        if let Ok(address) = std::env::var("CASSANDRA") {
            let address = address.parse().expect("CASSANDRA is ADDRESS:PORT");
            return Self { address, running: None };
        }
        Self::start_with(Config::ephemeral().expect("defaults are valid"))
    }

    /// One of this process in any case.
    pub(crate) fn start_with(config: Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
        let server = runtime.block_on(Server::start(config)).expect("the server starts");
        Self { address: server.address(), running: Some((runtime, server)) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server and starts another one on its directory and port; one that `CASSANDRA` names goes on.
    pub(crate) fn restart(&mut self) {
        self.restart_with(|_| ());
    }

    /// The same, with another configuration.
    pub(crate) fn restart_with(&mut self, change: impl FnOnce(&mut Config)) {
        let Some((runtime, server)) = self.running.take() else { return };
        let mut config = server.config().clone();
        change(&mut config);
        config.native_transport_port = self.address.port();
        let server = runtime.block_on(async {
            server.stop().await;
            Server::start(config).await.expect("the server starts again")
        });
        self.running = Some((runtime, server));
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some((runtime, server)) = self.running.take() {
            runtime.block_on(server.stop());
        }
    }
}
