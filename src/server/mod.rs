//! The whole node: wires the layers together, opens the ports, stops cleanly.

mod admin;
mod boot;
mod estimates;
mod options;
mod table_stats;
mod virtual_tables;

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::{error, info};

use crate::config::Config;
use crate::cql::node::{Node, NodeService};
use crate::error::Error;
use crate::nodetool::Channel;
use crate::protocol;
use admin::NodeAdmin;

/// The node did not start; the text says why and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another server holds the directory.
    #[error("{} is in use by another server", .0.display())]
    InUse(PathBuf),
    /// A directory cannot be made or used.
    #[error("cannot use {}: {source}", path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The CQL port cannot be opened.
    #[error("Failed to bind port {} on {}: {source}", address.port(), address.ip())]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// What the directories hold cannot be read.
    #[error("{0}")]
    Store(Error),
}

/// A running node. Dropping it without [`Server::stop`] ends it as `kill -9` would.
pub struct Server {
    node: Arc<Node>,
    clients: Arc<protocol::ServerHandle>,
    stop_requested: Arc<Notify>,
    config: Arc<Config>,
    channel: Channel,
    /// Ends with the server.
    background: JoinSet<()>,
    _lock: File,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the directories, recovers what they hold, and listens for clients. When it returns, clients may connect.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let lock = lock(&config.home)?;
        for directory in config.data_directories.iter().chain([
            &config.commitlog_directory,
            &config.saved_caches_directory,
            &config.hints_directory,
            &config.cdc_raw_directory,
        ]) {
            make(directory)?;
        }
        let config = Arc::new(config);
        let boot_config = config.clone();
        let node = tokio::task::spawn_blocking(move || boot::boot(&boot_config))
            .await
            .map_err(|e| StartError::Store(Error::server(e.to_string())))?
            .map_err(StartError::Store)?;
        virtual_tables::register(&node, &config);
        let address = config.native_transport_address();
        let service = Arc::new(NodeService(node.clone()));
        let clients = protocol::Server::bind(address, service, options::limits(&config))
            .await
            .map_err(|source| StartError::Bind { address, source })?;
        let clients = Arc::new(clients);
        let stop_requested = Arc::new(Notify::new());
        let admin = NodeAdmin::new(node.clone(), config.clone(), clients.clone(), stop_requested.clone());
        let channel = Channel::open(Arc::new(admin), &config.home, config.control_address()).await;
        let mut background = JoinSet::new();
        background.spawn(estimates::run(Arc::downgrade(&node)));
        Ok(Self { node, clients, stop_requested, config, channel, background, _lock: lock })
    }

    /// Where CQL clients connect.
    pub fn address(&self) -> SocketAddr {
        self.clients.local_address()
    }

    /// Where nodetool connects, if its port is open.
    pub fn control_address(&self) -> Option<SocketAddr> {
        self.channel.address()
    }

    /// What it was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns when nodetool asks the process to end.
    pub async fn stop_requested(&self) {
        self.stop_requested.notified().await;
    }

    /// Stops accepting, finishes what runs, syncs, closes.
    pub async fn stop(mut self) {
        self.clients.stop().await;
        self.background.shutdown().await;
        let storage = self.node.coordinator().storage().clone();
        match tokio::task::spawn_blocking(move || storage.shutdown()).await {
            Ok(Ok(())) => info!("stopped"),
            Ok(Err(error)) => error!(%error, "the store did not close cleanly"),
            Err(error) => error!(%error, "the store did not close"),
        }
    }
}

fn make(directory: &Path) -> Result<(), StartError> {
    fs::create_dir_all(directory)
        .map_err(|source| StartError::Directory { path: directory.to_owned(), source })
}

/// Takes the directory for this process, for as long as the file is open.
fn lock(home: &Path) -> Result<File, StartError> {
    make(home)?;
    let path = home.join("helenus.lock");
    let unusable = |source| StartError::Directory { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(home.to_owned())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]
    use super::*;

    #[tokio::test]
    async fn a_directory_serves_one_server_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let config = || Config::new(home.path()).unwrap().listen_on(None, Some(0));
        let server = Server::start(config()).await.unwrap();
        assert!(matches!(Server::start(config()).await, Err(StartError::InUse(_))));
        server.stop().await;
        let again = Server::start(config()).await.unwrap();
        again.stop().await;
    }
}
