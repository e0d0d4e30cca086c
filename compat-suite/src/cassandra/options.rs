use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// How a node of Cassandra is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The loopback address it listens on, with CQL on port 9042; without it, one that nobody uses.
    pub address: Option<Ipv4Addr>,
    /// The node whose ring it joins; without it, it makes its own.
    pub seed: Option<Ipv4Addr>,
    /// Where it keeps everything; without it, a new directory that goes with the node.
    pub directory: Option<PathBuf>,
    /// Whether to enable what Cassandra ships disabled: views, SASI, user functions, masking, CDC, DROP COMPACT STORAGE.
    pub features: bool,
    /// Whether to ask for passwords (user and password `cassandra`) and check permissions.
    pub authentication: bool,
    /// The heap as `java` takes it, such as `2G`; without it 1 GiB.
    pub heap: Option<String>,
    /// Whether to compile quickly rather than well: starts sooner, as tests like it; benchmarks must not.
    pub quick: bool,
    /// Keys of cassandra.yaml with their value as YAML, beside or instead of those set here.
    pub yaml: Vec<(String, String)>,
}

impl Options {
    /// For tests: little memory, started quickly.
    pub fn quick() -> Self {
        Self { heap: Some("768M".to_owned()), quick: true, ..Self::default() }
    }

    /// Sets a key of cassandra.yaml.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.yaml.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The options for `java` that size and tune it.
    pub(super) fn java(&self) -> Vec<String> {
        let heap = self.heap.as_deref().unwrap_or("1G");
        let mut options = vec![format!("-Xms{heap}"), format!("-Xmx{heap}"), "-Xss256k".to_owned()];
        let more: &[&str] = if self.quick {
            &["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        } else {
            &[
                "-XX:+UseG1GC",
                "-XX:+ParallelRefProcEnabled",
                "-XX:MaxGCPauseMillis=300",
                "-XX:+AlwaysPreTouch",
            ]
        };
        options.extend(more.iter().map(|&option| option.to_owned()));
        options.push("-XX:+PerfDisableSharedMem".to_owned());
        options
    }

    /// The text of cassandra.yaml: Cassandra's defaults as shipped, but for places and what the options say.
    pub(super) fn text(&self, address: Ipv4Addr, directory: &Path) -> String {
        let seed = self.seed.unwrap_or(address);
        let place = |name: &str| directory.join(name).display().to_string();
        let text = str::to_owned;
        let (authenticator, authorizer) = if self.authentication {
            ("PasswordAuthenticator", "CassandraAuthorizer")
        } else {
            ("AllowAllAuthenticator", "AllowAllAuthorizer")
        };
        let mut keys = vec![
            ("cluster_name", text("Test Cluster")),
            ("num_tokens", text("16")),
            ("partitioner", text("org.apache.cassandra.dht.Murmur3Partitioner")),
            ("endpoint_snitch", text("SimpleSnitch")),
            ("data_file_directories", format!("[{}]", place("data"))),
            ("commitlog_directory", place("commitlog")),
            ("saved_caches_directory", place("saved_caches")),
            ("hints_directory", place("hints")),
            ("cdc_raw_directory", place("cdc_raw")),
            ("commitlog_sync", text("periodic")),
            ("commitlog_sync_period", text("10000ms")),
            ("listen_address", address.to_string()),
            ("rpc_address", address.to_string()),
            (
                "seed_provider",
                format!(
                    "[{{class_name: org.apache.cassandra.locator.SimpleSeedProvider, parameters: [{{seeds: \"{seed}\"}}]}}]"
                ),
            ),
            ("authenticator", text(authenticator)),
            ("authorizer", text(authorizer)),
            ("role_manager", text("CassandraRoleManager")),
            ("auto_snapshot", text("false")),
        ];
        if self.authentication {
            let keys_of_caches = ["permissions_validity", "permissions_update_interval", "roles_validity"];
            keys.extend(keys_of_caches.map(|key| (key, text("100ms"))));
        }
        if self.features {
            let disabled = [
                "sasi_indexes_enabled",
                "user_defined_functions_enabled",
                "materialized_views_enabled",
                "drop_compact_storage_enabled",
                "dynamic_data_masking_enabled",
                "cdc_enabled",
            ];
            keys.extend(disabled.map(|key| (key, text("true"))));
        }
        keys.retain(|(key, _)| self.yaml.iter().all(|(other, _)| other != key));
        let keys = keys.iter().map(|(key, value)| (*key, value));
        let all = keys.chain(self.yaml.iter().map(|(key, value)| (key.as_str(), value)));
        all.map(|(key, value)| format!("{key}: {value}\n")).collect()
    }
}
