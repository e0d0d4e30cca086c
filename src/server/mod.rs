//! The whole node: wires the layers together, opens the ports, stops cleanly.

mod admin;
mod auth;
mod boot;
mod compactions;
mod disk_usage;
mod estimates;
mod guardrails;
mod histograms;
pub mod logging;
mod maintenance;
mod measures;
mod options;
mod pools;
mod roles;
mod sstables;
mod table_stats;
mod transport;
mod virtual_tables;

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::config::Config;
use crate::cql::node::{Node, NodeService};
use crate::env::fs::{FileSystem, RealFs};
use crate::error::Error;
use crate::nodetool::Channel;
use crate::protocol::Encryption;
use crate::storage::Demand;
use crate::tls::TlsError;
use admin::NodeAdmin;
use disk_usage::DiskUsageMonitor;
use transport::Transport;

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
    /// Keys or certificates cannot be used.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// What the directories hold cannot be read.
    #[error("{0}")]
    Store(Error),
}

/// Why a node is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// nodetool asks for it: [`Server::stop`] is to be called.
    Requested,
    /// A disk failed, and `disk_failure_policy` or `commit_failure_policy` is `die`: the process is to end at once.
    DiskFailed,
}

/// The stack of the threads that run requests: JSON may be nested a thousand deep.
const STACK_BYTES: usize = 4 << 20;

/// The threads that a server runs on, to be built.
pub fn runtime() -> tokio::runtime::Builder {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().thread_stack_size(STACK_BYTES);
    builder
}

/// A running node. Dropping it without [`Server::stop`] ends it as `kill -9` would.
pub struct Server {
    node: Arc<Node>,
    transport: Arc<Transport>,
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
    /// Opens the directories, recovers what they hold, and listens for clients. When it returns, clients may connect,
    /// unless `start_native_transport` is false.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_on(config, Arc::new(RealFs)).await
    }

    /// The same, with its data and its commit log on another file system: for tests of what a failing one does.
    pub async fn start_on(config: Config, fs: Arc<dyn FileSystem>) -> Result<Self, StartError> {
        let lock = lock(&config.home)?;
        for directory in config.data_directories.iter().chain([
            &config.commitlog_directory,
            &config.saved_caches_directory,
            &config.hints_directory,
            &config.cdc_raw_directory,
        ]) {
            make(directory)?;
        }
        let disks = DiskUsageMonitor::new(&config, &fs)?;
        let config = Arc::new(config);
        let boot_config = config.clone();
        let node = tokio::task::spawn_blocking(move || boot::boot(&boot_config, fs))
            .await
            .map_err(|e| StartError::Store(Error::server(e.to_string())))?
            .map_err(StartError::Store)?;
        virtual_tables::register(&node, &config);
        if let Some(disks) = &disks {
            disks.measure(&node);
        }
        let transport = Arc::new(Transport::new(NodeService(node.clone()), &config)?);
        let stop_requested = Arc::new(Notify::new());
        let mut background = JoinSet::new();
        background.spawn(obey(node.clone(), transport.clone()));
        background.spawn(transport.clone().watch_certificates());
        if config.enabled("start_native_transport") {
            transport.start().await?;
        } else {
            info!("Not starting native transport as requested. Use nodetool (enablebinary) to start it");
        }
        let admin = NodeAdmin::new(node.clone(), config.clone(), transport.clone(), stop_requested.clone());
        let channel = Channel::open(Arc::new(admin), &config.home, config.control_address()).await;
        background.spawn(auth::create_default_superuser(Arc::downgrade(&node)));
        background.spawn(estimates::run(Arc::downgrade(&node)));
        background.spawn(measures::run(Arc::downgrade(&node)));
        if let Some(disks) = disks {
            background.spawn(disks.run(Arc::downgrade(&node)));
        }
        background.spawn(maintenance::watch_snapshots(Arc::downgrade(&node)));
        Ok(Self { node, transport, stop_requested, config, channel, background, _lock: lock })
    }

    /// Where CQL clients connect.
    pub fn address(&self) -> SocketAddr {
        self.ports().next().map_or(self.config.native_transport_address(), |(address, _)| address)
    }

    /// Every port for CQL clients, the one of [`Self::address`] first, and whether it is encrypted.
    pub fn ports(&self) -> impl Iterator<Item = (SocketAddr, &Encryption)> {
        self.transport.ports()
    }

    /// Whether the port of CQL clients is open.
    pub fn native_transport_running(&self) -> bool {
        self.transport.is_running()
    }

    /// Where nodetool connects, if its port is open.
    pub fn control_address(&self) -> Option<SocketAddr> {
        self.channel.address()
    }

    /// What it was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns when the process is to end, and says why.
    pub async fn stop_requested(&self) -> StopReason {
        let mut demands = self.node.coordinator().storage().failures().demands();
        let died = demands.wait_for(|demand| matches!(demand, Demand::Die(_)));
        tokio::select! {
            () = self.stop_requested.notified() => StopReason::Requested,
            // The sender lives as long as the node.
            _ = died => StopReason::DiskFailed,
        }
    }

    /// Stops accepting, finishes what runs, flushes, closes. As in Cassandra, whose shutdown hook drains, the next start
    /// has nothing to replay.
    pub async fn stop(mut self) {
        self.transport.stop().await;
        self.background.shutdown().await;
        let storage = self.node.coordinator().storage().clone();
        // Nobody will open what an ephemeral server leaves.
        let drains = self.config.ephemeral.is_none();
        let close = move || {
            // Compactions first: one that ended after the flush would note that in a table.
            storage.compactions().shutdown();
            let drained = if drains { storage.drain() } else { Ok(()) };
            // Even if it could not be drained: then the commit log has it.
            storage.shutdown().and(drained)
        };
        match tokio::task::spawn_blocking(close).await {
            Ok(Ok(())) => info!("stopped"),
            Ok(Err(error)) => error!(%error, "the store did not close cleanly"),
            Err(error) => error!(%error, "the store did not close"),
        }
    }
}

/// Does what the failure policies demand.
async fn obey(node: Arc<Node>, transport: Arc<Transport>) {
    let mut demands = node.coordinator().storage().failures().demands();
    drop(node);
    // What was demanded while the node came up counts too.
    demands.mark_changed();
    while demands.changed().await.is_ok() {
        let demand = demands.borrow_and_update().clone();
        match demand {
            Demand::Nothing => {}
            Demand::StopTransports(why) => {
                error!("Stopping transports: {why}");
                transport.stop().await;
                warn!("Clients are served again after nodetool enablebinary, or a restart");
            }
            Demand::Die(why) => {
                error!("The node cannot go on: {why}");
                transport.stop().await;
            }
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
mod tests;
