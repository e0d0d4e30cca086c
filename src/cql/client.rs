//! The clients that are connected now, as `system_views.clients` shows them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use super::request::ProtocolVersion;

/// How far a connection has come, as `transport.ConnectionStage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Before STARTUP.
    Established = 0,
    /// Between STARTUP and the end of the login.
    Authenticating = 1,
    /// Ready for requests.
    Ready = 2,
}

impl Stage {
    /// The name in `system_views.clients`.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Established => "established",
            Stage::Authenticating => "authenticating",
            Stage::Ready => "ready",
        }
    }
}

/// TLS facts of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Protocol, as `TLSv1.3`.
    pub protocol: String,
    /// Cipher suite.
    pub cipher_suite: String,
    /// The client's certificate and those that vouch for it (DER), if it was asked for them.
    pub certificates: Vec<Bytes>,
}

/// One connected client.
#[derive(Debug)]
pub struct Client {
    /// Where it connects from.
    pub address: SocketAddr,
    /// The protocol version of its connection.
    pub version: ProtocolVersion,
    /// What it said in STARTUP, keys in upper case.
    pub options: BTreeMap<String, String>,
    /// TLS facts, if it uses TLS.
    pub tls: Option<Arc<Tls>>,
    stage: AtomicU8,
    requests: AtomicU64,
    username: RwLock<Option<Arc<str>>>,
    keyspace: RwLock<Option<Arc<str>>>,
}

impl Client {
    /// A client that has just sent STARTUP.
    pub fn new(
        address: SocketAddr,
        version: ProtocolVersion,
        options: BTreeMap<String, String>,
        tls: Option<Arc<Tls>>,
    ) -> Self {
        Client {
            address,
            version,
            options,
            tls,
            stage: AtomicU8::new(Stage::Established as u8),
            requests: AtomicU64::new(0),
            username: RwLock::new(None),
            keyspace: RwLock::new(None),
        }
    }

    /// The driver's name, if it told.
    pub fn driver_name(&self) -> Option<&str> {
        self.options.get("DRIVER_NAME").map(String::as_str)
    }

    /// The driver's version, if it told; as in Cassandra only a driver with a name has one.
    pub fn driver_version(&self) -> Option<&str> {
        self.driver_name().and_then(|_| self.options.get("DRIVER_VERSION")).map(String::as_str)
    }

    /// How far the connection has come.
    pub fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            0 => Stage::Established,
            1 => Stage::Authenticating,
            _ => Stage::Ready,
        }
    }

    /// Notes how far the connection has come.
    pub fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Requests so far.
    pub fn request_count(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Counts requests.
    pub fn count_requests(&self, count: u64) {
        self.requests.fetch_add(count, Ordering::Relaxed);
    }

    /// Who logged in.
    pub fn username(&self) -> Option<Arc<str>> {
        self.username.read().clone()
    }

    /// Notes who logged in.
    pub fn set_username(&self, username: &str) {
        *self.username.write() = Some(username.into());
    }

    /// The keyspace in use.
    pub fn keyspace(&self) -> Option<Arc<str>> {
        self.keyspace.read().clone()
    }

    /// Notes the keyspace in use.
    pub fn set_keyspace(&self, keyspace: &str) {
        *self.keyspace.write() = Some(keyspace.into());
    }
}

/// All connected clients.
#[derive(Debug, Default)]
pub struct Clients {
    next: AtomicU64,
    connected: Mutex<HashMap<u64, Arc<Client>>>,
}

impl Clients {
    /// Adds a client; it is there until the returned guard goes.
    pub fn add(self: &Arc<Self>, client: Arc<Client>) -> Connected {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        self.connected.lock().insert(key, client);
        Connected { clients: Arc::clone(self), key }
    }

    /// Everyone connected now, ordered by address.
    pub fn all(&self) -> Vec<Arc<Client>> {
        let mut all: Vec<_> = self.connected.lock().values().cloned().collect();
        all.sort_by_key(|client| client.address);
        all
    }

    /// How many are connected.
    pub fn len(&self) -> usize {
        self.connected.lock().len()
    }

    /// True if nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Keeps a client among the connected ones.
#[derive(Debug)]
pub struct Connected {
    clients: Arc<Clients>,
    key: u64,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.clients.connected.lock().remove(&self.key);
    }
}
