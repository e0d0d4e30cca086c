//! The ports of CQL clients, which are opened and closed while the node runs (Cassandra: `NativeTransportService`,
//! `StorageService.startNativeTransport`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;

use super::{StartError, options};
use crate::config::Config;
use crate::cql::node::NodeService;
use crate::protocol::{Encryption, Governor, Server, ServerHandle};
use crate::tls::{self, Policy};

/// How often the files of certificates are looked at (`SSLFactory.DEFAULT_HOT_RELOAD_PERIOD_SEC`).
const RELOAD_INTERVAL: Duration = Duration::from_secs(600);

/// The ports of CQL clients, open or closed.
pub(super) struct Transport {
    service: Arc<NodeService>,
    governor: Arc<Governor>,
    /// `native_transport_port`, then `native_transport_port_ssl` where there is one.
    ports: Vec<Port>,
    tls: Option<Arc<tls::Context>>,
    open: Mutex<Vec<Arc<ServerHandle>>>,
    /// Held while they are opened or closed.
    change: AsyncMutex<()>,
}

struct Port {
    /// Where it is, or was when it was open last.
    address: Mutex<SocketAddr>,
    encryption: Encryption,
}

impl Transport {
    /// Ports that are closed so far. Reads the files of keys and certificates, and blocks for that.
    pub(super) fn new(service: NodeService, config: &Config) -> Result<Self, StartError> {
        let encryption = &config.client_encryption;
        let tls = match encryption.policy {
            Policy::Unencrypted => None,
            Policy::Optional | Policy::Encrypted => Some(Arc::new(tls::Context::load(encryption)?)),
        };
        let policy = match &tls {
            None => Encryption::None,
            Some(context) if encryption.policy == Policy::Optional => Encryption::Optional(context.clone()),
            Some(context) => Encryption::Required(context.clone()),
        };
        let regular = config.native_transport_address();
        let port = |address, encryption| Port { address: Mutex::new(address), encryption };
        let ports = match config.tls_port {
            None => vec![port(regular, policy)],
            // As in Cassandra, the regular port is not encrypted then.
            Some(number) => {
                vec![port(regular, Encryption::None), port(SocketAddr::new(regular.ip(), number), policy)]
            }
        };
        Ok(Self {
            service: Arc::new(service),
            governor: Governor::new(options::limits(config)),
            ports,
            tls,
            open: Mutex::default(),
            change: AsyncMutex::default(),
        })
    }

    /// Where clients connect, and how: `native_transport_port`, then `native_transport_port_ssl` where there is one.
    pub(super) fn ports(&self) -> impl Iterator<Item = (SocketAddr, &Encryption)> {
        self.ports.iter().map(|port| (*port.address.lock(), &port.encryption))
    }

    /// Whether clients may connect.
    pub(super) fn is_running(&self) -> bool {
        self.open.lock().iter().any(|handle| handle.is_running())
    }

    /// The limits of clients, and what is used of them.
    pub(super) fn governor(&self) -> &Governor {
        &self.governor
    }

    /// Opens the ports; if they are open, they stay so.
    pub(super) async fn start(&self) -> Result<(), StartError> {
        let _change = self.change.lock().await;
        if self.is_running() {
            return Ok(());
        }
        let mut open = Vec::new();
        for port in &self.ports {
            let address = *port.address.lock();
            let (governor, encryption) = (self.governor.clone(), port.encryption.clone());
            let handle = Server::bind(address, self.service.clone(), governor, encryption)
                .await
                .map_err(|source| StartError::Bind { address, source })?;
            *port.address.lock() = handle.local_address();
            open.push(Arc::new(handle));
        }
        *self.open.lock() = open;
        Ok(())
    }

    /// Closes the ports once the requests that run are answered.
    pub(super) async fn stop(&self) {
        let _change = self.change.lock().await;
        let open = std::mem::take(&mut *self.open.lock());
        futures::future::join_all(open.iter().map(|handle| handle.stop())).await;
    }

    /// Reads the files of keys and certificates again, if they changed or if `force` says so; what is wrong with them
    /// is in the log. Blocks.
    pub(super) fn reload_certificates(&self, force: bool) {
        if let Some(context) = &self.tls {
            context.reload(force);
        }
    }

    /// Looks every ten minutes whether the files of keys and certificates changed.
    pub(super) async fn watch_certificates(self: Arc<Self>) {
        if self.tls.is_none() {
            return;
        }
        loop {
            tokio::time::sleep(RELOAD_INTERVAL).await;
            let transport = self.clone();
            let reload = move || transport.reload_certificates(false);
            if let Err(error) = tokio::task::spawn_blocking(reload).await {
                tracing::error!("the certificates could not be looked at: {error}");
            }
        }
    }
}
