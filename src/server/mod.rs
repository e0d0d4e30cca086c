//! The whole node: wires the layers together, opens the ports, stops cleanly.

use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::config::Config;

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
}

/// A running node. Dropping it without [`Server::stop`] ends it as `kill -9` would.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop_requested: Arc<Notify>,
    config: Config,
    _listener: TcpListener,
    _lock: File,
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
        let wanted = config.native_transport_address();
        let bind = |source| StartError::Bind { address: wanted, source };
        let listener = TcpListener::bind(wanted).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Self {
            address,
            stop_requested: Arc::new(Notify::new()),
            config,
            _listener: listener,
            _lock: lock,
        })
    }

    /// Where CQL clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
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
    pub async fn stop(self) {}
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
        assert!(Server::start(config()).await.is_ok());
    }
}
