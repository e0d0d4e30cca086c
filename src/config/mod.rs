//! Configuration: a cassandra.yaml of Cassandra 5.0.
//!
//! Every key of `Config.java`, older names included, is recognized and validated ([`Config::load`]); what is not given
//! has the value of the shipped file. Keys with an effect here are fields of [`Config`]; all of them can be asked for by
//! name. `docs/configuration.md` lists the keys without effect and the defaults that Cassandra takes from the heap.

mod auth;
mod check;
mod convert;
mod encryption;
mod guardrails;
mod keys;
mod load;
mod policy;
mod settings;
mod snitch;
mod spec;
mod value;
mod yaml;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use auth::{AuthOptions, Authenticator, CacheOptions, CidrOptions};
pub use policy::{
    CommitFailurePolicy, CommitLogSync, DiskFailurePolicy, ExpirationOverflowPolicy, FlushCompression,
};
pub use snitch::Location;
pub use value::ParameterizedClass;

use keys::Keys;
use spec::{DurationSpec, RateSpec, StorageSpec};
use value::{Value, Values};

use crate::tls::EncryptionOptions;

/// The configuration cannot be used; the text says why and is meant for the user.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// What the file says is not valid.
    #[error("{0}")]
    Invalid(String),
    /// The file cannot be read.
    #[error("Cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Everything the server is told at start.
#[derive(Clone, Debug)]
pub struct Config {
    /// `cluster_name`
    pub cluster_name: String,
    /// `num_tokens`
    pub num_tokens: usize,
    /// `initial_token`, split.
    pub initial_token: Vec<i64>,
    /// Data centre and rack, from `endpoint_snitch`.
    pub location: Location,
    /// `endpoint_snitch`, with its package.
    pub snitch: String,
    /// `seeds` of `seed_provider`.
    pub seeds: Vec<String>,

    /// `data_file_directories`
    pub data_directories: Vec<PathBuf>,
    /// `commitlog_directory`
    pub commitlog_directory: PathBuf,
    /// `-Dcassandra.commitlog.ignorereplayerrors`: damage in the middle of the commit log is passed over.
    pub ignore_replay_errors: bool,
    /// `-Dcassandra.expiration_date_overflow_policy`
    pub expiration_overflow: ExpirationOverflowPolicy,
    /// `saved_caches_directory`
    pub saved_caches_directory: PathBuf,
    /// `hints_directory`
    pub hints_directory: PathBuf,
    /// `cdc_raw_directory`
    pub cdc_raw_directory: PathBuf,
    /// The directory of `--data`, which holds the others by default, the control socket and the lock.
    pub home: PathBuf,
    /// Removed when the last copy of the configuration goes.
    pub ephemeral: Option<Arc<tempfile::TempDir>>,

    /// `listen_address`: where this node stands in the ring.
    pub listen_address: IpAddr,
    /// `broadcast_address`, or `listen_address`.
    pub broadcast_address: IpAddr,
    /// `storage_port`
    pub storage_port: u16,
    /// `rpc_address`: where CQL clients connect.
    pub rpc_address: IpAddr,
    /// `broadcast_rpc_address`, or `rpc_address`.
    pub broadcast_rpc_address: IpAddr,
    /// `native_transport_port`; 0 takes a free one.
    pub native_transport_port: u16,
    /// `native_transport_port_ssl`, if it is another port than that: the one for encrypted connections.
    pub tls_port: Option<u16>,
    /// `client_encryption_options`
    pub client_encryption: EncryptionOptions,
    /// Port of the nodetool channel (Cassandra's JMX port); 0 takes a free one, none opens only the control socket.
    pub control_port: Option<u16>,
    /// `native_transport_max_frame_size`, bytes.
    pub native_transport_max_frame_size_bytes: u64,
    /// `native_transport_max_message_size`, bytes.
    pub native_transport_max_message_size_bytes: u64,
    /// `native_transport_max_request_data_in_flight`, bytes.
    pub max_request_data_in_flight_bytes: u64,
    /// `native_transport_max_request_data_in_flight_per_ip`, bytes.
    pub max_request_data_in_flight_per_ip_bytes: u64,
    /// `native_transport_max_concurrent_connections`, if bounded.
    pub max_connections: Option<u64>,
    /// `native_transport_max_concurrent_connections_per_ip`, if bounded.
    pub max_connections_per_ip: Option<u64>,
    /// `native_transport_idle_timeout`, if there is one.
    pub idle_timeout: Option<Duration>,

    /// `read_request_timeout`
    pub read_request_timeout: Duration,
    /// `range_request_timeout`
    pub range_request_timeout: Duration,
    /// `write_request_timeout`
    pub write_request_timeout: Duration,
    /// `counter_write_request_timeout`
    pub counter_write_request_timeout: Duration,
    /// `cas_contention_timeout`
    pub cas_contention_timeout: Duration,
    /// `truncate_request_timeout`
    pub truncate_request_timeout: Duration,
    /// `request_timeout`
    pub request_timeout: Duration,

    /// `commitlog_sync` and its period or window.
    pub commitlog_sync: CommitLogSync,
    /// `commitlog_segment_size`, bytes.
    pub commitlog_segment_size_bytes: u64,
    /// `commitlog_total_space`, bytes.
    pub commitlog_total_space_bytes: u64,
    /// `commitlog_compression`
    pub commitlog_compression: Option<ParameterizedClass>,
    /// `max_mutation_size`, bytes.
    pub max_mutation_size_bytes: u64,
    /// `flush_compression`
    pub flush_compression: FlushCompression,
    /// `commit_failure_policy`
    pub commit_failure_policy: CommitFailurePolicy,
    /// `disk_failure_policy`
    pub disk_failure_policy: DiskFailurePolicy,
    /// `memtable_heap_space`, bytes: what memtables may hold in all.
    pub memtable_space_bytes: u64,
    /// `memtable_cleanup_threshold`: the share of that at which the largest memtable is flushed.
    pub memtable_cleanup_threshold: f64,
    /// `memtable_flush_writers`
    pub memtable_flush_writers: usize,
    /// `file_cache_size`, bytes: the chunk cache.
    pub chunk_cache_bytes: u64,
    /// `max_value_size`, bytes.
    pub max_value_bytes: u64,
    /// `prepared_statements_cache_size`, bytes.
    pub prepared_statements_cache_bytes: u64,
    /// `column_index_size`, bytes, if given: a partition's index has an entry each so many bytes.
    pub column_index_size_bytes: Option<u64>,
    /// `compaction_throughput`, bytes per second; 0 is unbounded.
    pub compaction_throughput_bytes: u64,
    /// `concurrent_compactors`
    pub concurrent_compactors: usize,
    /// `auto_snapshot`
    pub auto_snapshot: bool,

    /// `batch_size_warn_threshold`, bytes.
    pub batch_size_warn_bytes: u64,
    /// `batch_size_fail_threshold`, bytes.
    pub batch_size_fail_bytes: u64,
    /// `unlogged_batch_across_partitions_warn_threshold`
    pub unlogged_batch_partitions_warn: u64,
    /// `tombstone_warn_threshold`
    pub tombstone_warn_threshold: u64,
    /// `tombstone_failure_threshold`
    pub tombstone_failure_threshold: u64,
    /// `default_keyspace_rf`
    pub default_keyspace_rf: u32,
    /// `trace_type_query_ttl`
    pub trace_query_ttl: Duration,

    /// Who may log in, and what roles may do.
    pub auth: AuthOptions,

    values: Arc<Values>,
    deprecated: Vec<String>,
}

impl Config {
    /// The shipped defaults, with all directories below `home`.
    pub fn new(home: &Path) -> Result<Self, ConfigError> {
        Self::parse("", None, home)
    }

    /// A server for tests: everything in a temporary directory, on free ports of 127.0.0.1.
    pub fn ephemeral() -> Result<Self, ConfigError> {
        Self::new(Path::new("."))?.into_ephemeral()
    }

    /// Reads a cassandra.yaml. Directories that it does not name go below `home`.
    pub fn load(file: &Path, home: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| ConfigError::Unreadable { path: file.to_owned(), source })?;
        Self::parse(&text, Some(file), home)
    }

    /// Reads the text of a cassandra.yaml; `file` is its name in messages, and its directory holds the snitch's file.
    pub fn parse(text: &str, file: Option<&Path>, home: &Path) -> Result<Self, ConfigError> {
        let name = file.map_or_else(|| "cassandra.yaml".to_owned(), |file| file.display().to_string());
        let mut loaded = load::load(text, &name)?;
        check::derive(&mut loaded.values, home);
        check::check(&loaded.values)?;
        let location = snitch::locate(
            loaded.values.text("endpoint_snitch").unwrap_or("SimpleSnitch"),
            file.and_then(Path::parent),
        )?;
        let mut config = Self::from_values(loaded.values, location, home)?;
        config.deprecated = loaded.deprecated;
        Ok(config)
    }

    /// The same, with every directory in a new temporary one and free ports.
    pub fn into_ephemeral(self) -> Result<Self, ConfigError> {
        let directory = tempfile::Builder::new()
            .prefix("helenus-")
            .tempdir()
            .map_err(|source| ConfigError::Unreadable { path: std::env::temp_dir(), source })?;
        let home = directory.path().to_owned();
        let mut values = (*self.values).clone();
        let path = |name: &str| Value::Text(home.join(name).to_string_lossy().into_owned());
        values.set(
            "data_file_directories",
            Value::List(vec![home.join("data").to_string_lossy().into_owned()]),
        );
        values.set("commitlog_directory", path("commitlog"));
        values.set("saved_caches_directory", path("saved_caches"));
        values.set("hints_directory", path("hints"));
        values.set("cdc_raw_directory", path("cdc_raw"));
        values.set("native_transport_port", Value::Int(0));
        let mut config = Self::from_values(values, self.location, &home)?;
        config.deprecated = self.deprecated;
        config.control_port = None;
        config.ephemeral = Some(Arc::new(directory));
        Ok(config)
    }

    /// The same, listening elsewhere: `--listen` and `--port` of the command line.
    pub fn listen_on(mut self, address: Option<IpAddr>, port: Option<u16>) -> Self {
        let mut values = (*self.values).clone();
        if let Some(address) = address {
            let text = || Value::Text(address.to_string());
            values.set("rpc_address", text());
            self.rpc_address = address;
            if !address.is_unspecified() {
                values.set("listen_address", text());
                (self.listen_address, self.broadcast_address) = (address, address);
                self.broadcast_rpc_address = address;
            }
        }
        if let Some(port) = port {
            values.set("native_transport_port", Value::Int(i64::from(port)));
            self.native_transport_port = port;
        }
        self.values = Arc::new(values);
        self
    }

    /// Where CQL clients connect.
    pub fn native_transport_address(&self) -> SocketAddr {
        SocketAddr::new(self.rpc_address, self.native_transport_port)
    }

    /// Where nodetool's port is: on this node's own loopback address, or 127.0.0.1.
    pub fn control_address(&self) -> Option<SocketAddr> {
        let own = Some(self.listen_address).filter(IpAddr::is_loopback);
        Some(SocketAddr::new(own.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), self.control_port?))
    }

    /// The value of a key that is true or false; false for any other.
    pub fn enabled(&self, key: &str) -> bool {
        self.values.bool(key).unwrap_or(false)
    }

    /// The value of an integer key.
    pub fn int(&self, key: &str) -> Option<i64> {
        self.values.int(key)
    }

    /// The value of a key that is an amount of storage, bytes.
    pub fn bytes(&self, key: &str) -> Option<u64> {
        self.values.storage(key).map(StorageSpec::bytes)
    }

    /// The value of a key that is an amount of storage, as it is written.
    pub fn storage_text(&self, key: &str) -> Option<String> {
        self.values.storage(key).map(|size| size.to_string())
    }

    /// The value of a key that is a length of time.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        self.values.duration(key).map(DurationSpec::duration)
    }

    /// The value of a key that is text or one of a few words.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.values.text(key)
    }

    /// The value of a key that is a list of texts or consistency levels.
    pub fn list(&self, key: &str) -> &[String] {
        self.values.list(key).unwrap_or_default()
    }

    /// The names of `memtable.configurations`, for the table option `memtable`.
    pub fn memtables(&self) -> BTreeSet<String> {
        match self.values.get("memtable.configurations") {
            Some(Value::Map(pairs)) => pairs.iter().map(|(name, _)| name.clone()).collect(),
            _ => BTreeSet::new(),
        }
    }

    /// The value of a key that is a class with parameters.
    pub fn class(&self, key: &str) -> Option<ParameterizedClass> {
        self.values.class(key)
    }

    /// The rows of `system_views.settings`, in order of name: older names too, secrets redacted.
    pub fn settings(&self) -> Vec<(String, Option<String>)> {
        settings::settings(&self.values)
    }

    /// What replaces a name that the settings table keeps for Cassandra 4.0's sake: reading it gives a warning.
    pub fn settings_replacement(name: &str) -> Option<&'static str> {
        settings::replacement_of(name)
    }

    /// The keys that the file gives and that have no effect here.
    pub fn without_effect(&self) -> Vec<String> {
        let keys = Keys::get();
        let inert = |name: &&&str| {
            !keys.effective.contains(**name)
                && keys.known.get(**name).is_some_and(|key| !name.contains('.') || !key.is_object())
        };
        self.values.given.iter().filter(inert).map(|name| (*name).to_owned()).collect()
    }

    /// Deprecated keys and older names that the file uses.
    pub fn deprecated(&self) -> &[String] {
        &self.deprecated
    }

    /// Every known key without effect here, for the documentation.
    pub fn all_without_effect() -> Vec<&'static str> {
        let keys = Keys::get();
        keys.known
            .keys()
            .copied()
            .filter(|name| !name.contains('.') && !keys.effective.contains(name))
            .collect()
    }

    /// Says once what a user should know of the file. To be called when the log is set up.
    pub fn log(&self) {
        let inert = self.without_effect();
        if !inert.is_empty() {
            tracing::info!("These keys of the configuration have no effect here: {}", inert.join(", "));
        }
        if !self.deprecated.is_empty() {
            tracing::warn!(
                "[{}] parameters have been deprecated. They have new names and/or value format",
                self.deprecated.join(", ")
            );
        }
    }

    fn from_values(values: Values, location: Location, home: &Path) -> Result<Self, ConfigError> {
        let text = |name: &str| values.text(name).unwrap_or("").to_owned();
        let path = |name: &str| PathBuf::from(text(name));
        let bytes = |name: &str| values.storage(name).map_or(0, StorageSpec::bytes);
        let duration = |name: &str| values.duration(name).map_or(Duration::ZERO, DurationSpec::duration);
        let count = |name: &str| values.int(name).and_then(|value| usize::try_from(value).ok()).unwrap_or(0);
        let unsigned = |name: &str| values.int(name).and_then(|value| u64::try_from(value).ok());
        let port = |name: &str| values.int(name).and_then(|value| u16::try_from(value).ok()).unwrap_or(0);
        let class = |name: &str, default: &str| {
            values.class(name).unwrap_or_else(|| ParameterizedClass {
                class_name: default.to_owned(),
                parameters: Vec::new(),
            })
        };
        let listen_address = address(&values, "listen_address")?.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let rpc_address = address(&values, "rpc_address")?.unwrap_or(listen_address);
        let broadcast_rpc_address = address(&values, "broadcast_rpc_address")?;
        if rpc_address.is_unspecified() && broadcast_rpc_address.is_none() {
            let text = text("rpc_address");
            return Err(ConfigError::Invalid(format!(
                "If rpc_address is set to a wildcard address ({text}), then you must set broadcast_rpc_address to a \
                 value other than {text}"
            )));
        }
        let seeds = class("seed_provider", "").parameters;
        let seeds = seeds.iter().find(|(key, _)| key == "seeds").map_or("", |(_, seeds)| seeds);
        Ok(Self {
            cluster_name: text("cluster_name"),
            num_tokens: count("num_tokens").max(1),
            initial_token: text("initial_token")
                .split(',')
                .filter_map(|token| token.trim().parse().ok())
                .collect(),
            location,
            snitch: qualified(&text("endpoint_snitch")),
            seeds: seeds
                .split(',')
                .map(|seed| seed.trim().to_owned())
                .filter(|seed| !seed.is_empty())
                .collect(),
            data_directories: values
                .list("data_file_directories")
                .unwrap_or_default()
                .iter()
                .map(PathBuf::from)
                .collect(),
            commitlog_directory: path("commitlog_directory"),
            saved_caches_directory: path("saved_caches_directory"),
            hints_directory: path("hints_directory"),
            cdc_raw_directory: path("cdc_raw_directory"),
            home: home.to_owned(),
            ephemeral: None,
            listen_address,
            broadcast_address: address(&values, "broadcast_address")?.unwrap_or(listen_address),
            storage_port: port("storage_port"),
            rpc_address,
            broadcast_rpc_address: broadcast_rpc_address.unwrap_or(rpc_address),
            native_transport_port: port("native_transport_port"),
            tls_port: encryption::port(&values),
            client_encryption: encryption::client(&values),
            control_port: None,
            ignore_replay_errors: false,
            expiration_overflow: ExpirationOverflowPolicy::Reject,
            native_transport_max_frame_size_bytes: bytes("native_transport_max_frame_size"),
            native_transport_max_message_size_bytes: bytes("native_transport_max_message_size"),
            max_request_data_in_flight_bytes: bytes("native_transport_max_request_data_in_flight"),
            max_request_data_in_flight_per_ip_bytes: bytes(
                "native_transport_max_request_data_in_flight_per_ip",
            ),
            max_connections: unsigned("native_transport_max_concurrent_connections"),
            max_connections_per_ip: unsigned("native_transport_max_concurrent_connections_per_ip"),
            idle_timeout: Some(duration("native_transport_idle_timeout"))
                .filter(|timeout| !timeout.is_zero()),
            read_request_timeout: duration("read_request_timeout"),
            range_request_timeout: duration("range_request_timeout"),
            write_request_timeout: duration("write_request_timeout"),
            counter_write_request_timeout: duration("counter_write_request_timeout"),
            cas_contention_timeout: duration("cas_contention_timeout"),
            truncate_request_timeout: duration("truncate_request_timeout"),
            request_timeout: duration("request_timeout"),
            commitlog_sync: CommitLogSync::of(&values),
            commitlog_segment_size_bytes: bytes("commitlog_segment_size"),
            commitlog_total_space_bytes: bytes("commitlog_total_space"),
            commitlog_compression: values.class("commitlog_compression"),
            max_mutation_size_bytes: bytes("max_mutation_size"),
            flush_compression: FlushCompression::of(&values),
            commit_failure_policy: CommitFailurePolicy::of(&values),
            disk_failure_policy: DiskFailurePolicy::of(&values),
            memtable_space_bytes: bytes("memtable_heap_space"),
            memtable_cleanup_threshold: values.float("memtable_cleanup_threshold").unwrap_or(0.33),
            memtable_flush_writers: count("memtable_flush_writers"),
            chunk_cache_bytes: bytes("file_cache_size"),
            max_value_bytes: bytes("max_value_size"),
            prepared_statements_cache_bytes: bytes("prepared_statements_cache_size"),
            column_index_size_bytes: values.storage("column_index_size").map(StorageSpec::bytes),
            compaction_throughput_bytes: match values.get("compaction_throughput") {
                Some(Value::Rate(rate)) => RateSpec::bytes_per_second(*rate),
                _ => 0,
            },
            concurrent_compactors: count("concurrent_compactors"),
            auto_snapshot: values.bool("auto_snapshot").unwrap_or(true),
            batch_size_warn_bytes: bytes("batch_size_warn_threshold"),
            batch_size_fail_bytes: bytes("batch_size_fail_threshold"),
            unlogged_batch_partitions_warn: unsigned("unlogged_batch_across_partitions_warn_threshold")
                .unwrap_or(10),
            tombstone_warn_threshold: unsigned("tombstone_warn_threshold").unwrap_or(u64::MAX),
            tombstone_failure_threshold: unsigned("tombstone_failure_threshold").unwrap_or(u64::MAX),
            default_keyspace_rf: values
                .int("default_keyspace_rf")
                .and_then(|factor| u32::try_from(factor).ok())
                .unwrap_or(1),
            trace_query_ttl: duration("trace_type_query_ttl"),
            auth: AuthOptions::new(&values)?,
            values: Arc::new(values),
            deprecated: Vec::new(),
        })
    }
}

/// The snitch with its package, as `nodetool describecluster` names it.
fn qualified(snitch: &str) -> String {
    if snitch.contains('.') { snitch.to_owned() } else { format!("org.apache.cassandra.locator.{snitch}") }
}

/// The address a key names, with Cassandra's complaints about names it cannot resolve.
fn address(values: &Values, name: &str) -> Result<Option<IpAddr>, ConfigError> {
    let interface = name.replace("_address", "_interface");
    if name != "broadcast_address" && values.text(&interface).is_some() {
        return Err(ConfigError::Invalid(format!("{interface} is not supported: set {name} instead")));
    }
    let Some(host) = values.text(name) else { return Ok(None) };
    let resolved: Vec<_> =
        (host, 0).to_socket_addrs().into_iter().flatten().map(|address| address.ip()).collect();
    let first = resolved.iter().find(|address| address.is_ipv4()).or(resolved.first()).copied();
    let Some(first) = first else {
        return Err(ConfigError::Invalid(match name {
            "rpc_address" => format!("Unknown host in rpc_address {host}"),
            _ => format!("Unknown {name} '{host}'"),
        }));
    };
    if first.is_unspecified() && name != "rpc_address" {
        return Err(ConfigError::Invalid(format!("{name} cannot be a wildcard address ({host})!")));
    }
    Ok(Some(first))
}

#[cfg(test)]
mod tests;
