//! The port of CQL clients, which is opened and closed while the node runs (Cassandra: `NativeTransportService`,
//! `StorageService.startNativeTransport`).

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;

use super::StartError;
use crate::cql::node::NodeService;
use crate::protocol::{Limits, Server, ServerHandle};

/// The port of CQL clients, open or closed.
pub(super) struct Transport {
    service: Arc<NodeService>,
    limits: Limits,
    /// Where it is, or was when it was open last.
    address: Mutex<SocketAddr>,
    open: Mutex<Option<Arc<ServerHandle>>>,
    /// Held while it is opened or closed.
    change: AsyncMutex<()>,
}

impl Transport {
    /// A port that is closed so far.
    pub(super) fn new(service: NodeService, limits: Limits, address: SocketAddr) -> Self {
        Self {
            service: Arc::new(service),
            limits,
            address: Mutex::new(address),
            open: Mutex::default(),
            change: AsyncMutex::default(),
        }
    }

    /// Where clients connect.
    pub(super) fn address(&self) -> SocketAddr {
        *self.address.lock()
    }

    /// Whether clients may connect.
    pub(super) fn is_running(&self) -> bool {
        self.open.lock().as_ref().is_some_and(|handle| handle.is_running())
    }

    /// Opens the port; one that is open stays so.
    pub(super) async fn start(&self) -> Result<(), StartError> {
        let _change = self.change.lock().await;
        if self.is_running() {
            return Ok(());
        }
        let address = self.address();
        let handle = Server::bind(address, self.service.clone(), self.limits.clone())
            .await
            .map_err(|source| StartError::Bind { address, source })?;
        *self.address.lock() = handle.local_address();
        *self.open.lock() = Some(Arc::new(handle));
        Ok(())
    }

    /// Closes the port once the requests that run are answered.
    pub(super) async fn stop(&self) {
        let _change = self.change.lock().await;
        let handle = self.open.lock().take();
        if let Some(handle) = handle {
            handle.stop().await;
        }
    }
}
