//! What must hold between values, and the values that follow from others.
//!
//! The rules and messages are those of Cassandra's `DatabaseDescriptor`. Where it derives a size from the heap, which
//! does not exist here, the default is a fixed one, listed in docs/configuration.md.

use std::path::Path;

use super::ConfigError;
use super::spec::{DurationSpec, StorageSpec, StorageUnit, TimeUnit};
use super::value::{Value, Values};

/// Sizes that Cassandra takes from the heap.
const MEMORY_DEFAULTS_MIB: [(&str, u64); 9] = [
    ("memtable_heap_space", 128),
    ("memtable_offheap_space", 128),
    ("file_cache_size", 64),
    ("key_cache_size", 16),
    ("counter_cache_size", 16),
    ("prepared_statements_cache_size", 10),
    ("index_summary_capacity", 16),
    ("networking_cache_size", 16),
    ("repair_session_space", 64),
];

/// What `commitlog_compression` may name.
const COMPRESSORS: [&str; 5] =
    ["LZ4Compressor", "SnappyCompressor", "DeflateCompressor", "ZstdCompressor", "NoopCompressor"];

/// Fills in what the file leaves open. Directories go below `data`.
pub(super) fn derive(values: &mut Values, data: &Path) {
    let unset = |values: &Values, name: &str| values.get(name).is_none();
    for (name, mebibytes) in MEMORY_DEFAULTS_MIB {
        if unset(values, name) {
            values.set(name, Value::Storage(StorageSpec::new(mebibytes, StorageUnit::Mebibytes)));
        }
    }
    let in_flight = [
        ("native_transport_max_request_data_in_flight", 128 << 20),
        ("native_transport_max_request_data_in_flight_per_ip", 64 << 20),
    ];
    for (name, bytes) in in_flight {
        if unset(values, name) {
            values.set(name, Value::Storage(StorageSpec::new(bytes, StorageUnit::Bytes)));
        }
    }
    for name in ["commitlog", "saved_caches", "hints", "cdc_raw"] {
        let key = match name {
            "commitlog" => "commitlog_directory",
            "saved_caches" => "saved_caches_directory",
            "hints" => "hints_directory",
            _ => "cdc_raw_directory",
        };
        if unset(values, key) {
            values.set(key, Value::Text(data.join(name).to_string_lossy().into_owned()));
        }
    }
    if values.list("data_file_directories").is_none_or(<[String]>::is_empty) {
        let directory = data.join("data").to_string_lossy().into_owned();
        values.set("data_file_directories", Value::List(vec![directory]));
    }
    derive_from_others(values);
}

fn derive_from_others(values: &mut Values) {
    derive_sizes(values);
    derive_threads(values);
    if values.get("repair_session_max_tree_depth").is_none() {
        values.set("repair_session_max_tree_depth", Value::Int(20));
    }
    if values.get("paxos_state_purging").is_none() {
        values.set("paxos_state_purging", Value::Text("legacy".to_owned()));
    }
    if values.get("file_cache_round_up").is_none() {
        let spinning = values.text("disk_optimization_strategy") == Some("spinning");
        values.set("file_cache_round_up", Value::Bool(spinning));
    }
    super::encryption::derive(values);
    for key in ["server_encryption_options.enabled", "server_encryption_options.optional"] {
        if values.get(key).is_none() {
            values.set(key, Value::Bool(false));
        }
    }
    match values.text("disk_access_mode") {
        Some("auto" | "mmap_index_only") => {
            values.set("disk_access_mode", Value::Text("standard".to_owned()))
        }
        Some("legacy") => values.set("disk_access_mode", Value::Text("mmap".to_owned())),
        _ => {}
    }
    raise_timeouts(values);
}

fn derive_sizes(values: &mut Values) {
    if values.get("commitlog_total_space").is_none() {
        values.set("commitlog_total_space", Value::Storage(StorageSpec::new(8192, StorageUnit::Mebibytes)));
    }
    let cdc_space = values.storage("cdc_total_space").map_or(0, StorageSpec::bytes);
    if values.bool("cdc_enabled") == Some(true) && cdc_space == 0 {
        values.set("cdc_total_space", Value::Storage(StorageSpec::new(4096, StorageUnit::Mebibytes)));
    }
    if values.get("max_mutation_size").is_none() {
        let kibibytes = bytes(values, "commitlog_segment_size") / 1024 / 2;
        values.set("max_mutation_size", Value::Storage(StorageSpec::new(kibibytes, StorageUnit::Kibibytes)));
    }
    if values.get("native_transport_max_message_size").is_none() {
        // As calculateDefaultNativeTransportMaxMessageSizeInBytes: no message may exceed what may be in flight.
        let size = bytes(values, "max_mutation_size")
            .min(bytes(values, "native_transport_max_request_data_in_flight"))
            .min(bytes(values, "native_transport_max_request_data_in_flight_per_ip"));
        values.set(
            "native_transport_max_message_size",
            Value::Storage(StorageSpec::new(size, StorageUnit::Bytes)),
        );
    }
    if values.get("internode_max_message_size").is_none() {
        let size = bytes(values, "internode_application_receive_queue_reserve_endpoint_capacity")
            .min(bytes(values, "internode_application_send_queue_reserve_endpoint_capacity"));
        values.set("internode_max_message_size", Value::Storage(StorageSpec::new(size, StorageUnit::Bytes)));
    }
}

fn derive_threads(values: &mut Values) {
    let int = |values: &Values, name: &str| values.int(name).unwrap_or(0);
    let directories = values.list("data_file_directories").map_or(1, <[String]>::len);
    if int(values, "memtable_flush_writers") == 0 {
        values.set("memtable_flush_writers", Value::Int(if directories == 1 { 2 } else { 1 }));
    }
    if values.get("memtable_cleanup_threshold").is_none() {
        #[expect(clippy::cast_precision_loss, reason = "a few threads")]
        let writers = int(values, "memtable_flush_writers") as f32;
        values.set("memtable_cleanup_threshold", Value::Float32(1.0 / (1.0 + writers)));
    }
    if values.get("concurrent_compactors").is_none() {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let compactors = processors.min(directories).clamp(2, 8);
        values.set("concurrent_compactors", Value::Int(i64::try_from(compactors).unwrap_or(2)));
    }
    if int(values, "concurrent_validations") < 1 {
        values.set("concurrent_validations", Value::Int(int(values, "concurrent_compactors")));
    }
    if int(values, "repair_command_pool_size") < 1 {
        values.set("repair_command_pool_size", Value::Int(int(values, "concurrent_validations")));
    }
    if int(values, "paxos_repair_parallelism") <= 0 {
        values.set("paxos_repair_parallelism", Value::Int((int(values, "concurrent_writes") / 8).max(1)));
    }
}

/// Timeouts below ten milliseconds count as ten.
fn raise_timeouts(values: &mut Values) {
    let lowest = DurationSpec::new(10, TimeUnit::Milliseconds);
    for name in [
        "read_request_timeout",
        "range_request_timeout",
        "request_timeout",
        "write_request_timeout",
        "cas_contention_timeout",
        "counter_write_request_timeout",
        "truncate_request_timeout",
    ] {
        let low = values.duration(name).is_some_and(|spec| spec.to(TimeUnit::Milliseconds) < 10);
        if low {
            tracing::info!(key = name, "less than the lowest acceptable value, continuing with {lowest}");
            values.set(name, Value::Duration(lowest));
        }
    }
}

/// Refuses values that contradict each other. Runs after [`derive`].
pub(super) fn check(values: &Values) -> Result<(), ConfigError> {
    commit_log(values)?;
    directories(values)?;
    threads(values)?;
    native_transport(values)?;
    tokens(values)?;
    super::guardrails::check(values)?;
    sizes(values)?;
    user_functions(values)?;
    repair(values)?;
    classes(values)?;
    super::encryption::check(values)?;
    security(values)
}

/// What protects a server must not be asked for and silently missing.
fn security(values: &Values) -> Result<(), ConfigError> {
    if values.bool("transparent_data_encryption_options.enabled") == Some(true) {
        return refuse(
            "transparent_data_encryption_options: the encryption of commit log and hints is not supported yet",
        );
    }
    Ok(())
}

pub(super) fn refuse<T>(message: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Invalid(message.into()))
}

fn shown(values: &Values, name: &str) -> String {
    values.get(name).map_or_else(|| "null".to_owned(), ToString::to_string)
}

fn bytes(values: &Values, name: &str) -> u64 {
    values.storage(name).map_or(0, StorageSpec::bytes)
}

fn commit_log(values: &Values) -> Result<(), ConfigError> {
    let zero = |name: &str| values.duration(name).is_none_or(|spec| spec.to(TimeUnit::Milliseconds) == 0);
    // The shipped file sets the period; only one that the user's file sets contradicts another mode.
    let period_given = values.given.contains("commitlog_sync_period") && !zero("commitlog_sync_period");
    if let Some(class) = values.class("commitlog_compression")
        && !COMPRESSORS.contains(&class.simple_name())
    {
        let name = &class.class_name;
        let name = if name.contains('.') {
            name.clone()
        } else {
            format!("org.apache.cassandra.io.compress.{name}")
        };
        return refuse(format!("Could not create Compression for type {name}"));
    }
    match values.text("commitlog_sync") {
        Some("batch") if period_given => refuse("Batch sync specified, but commitlog_sync_period found."),
        Some("group") if zero("commitlog_sync_group_window") => {
            refuse("Missing value for commitlog_sync_group_window.")
        }
        Some("group") if period_given => refuse(
            "Group sync specified, but commitlog_sync_period found. Only specify commitlog_sync_group_window when \
             using group sync",
        ),
        Some("periodic") if zero("commitlog_sync_period") => {
            refuse("Missing value for commitlog_sync_period.")
        }
        None => refuse("Missing required directive CommitLogSync"),
        _ => {
            let segment =
                values.storage("commitlog_segment_size").map_or(0, |spec| spec.to(StorageUnit::Mebibytes));
            let text = shown(values, "commitlog_segment_size");
            if segment == 0 {
                return refuse(format!("commitlog_segment_size must be positive, but was {text}"));
            }
            if segment >= 2048 {
                return refuse(format!("commitlog_segment_size must be smaller than 2048, but was {text}"));
            }
            if bytes(values, "commitlog_segment_size") < 2 * bytes(values, "max_mutation_size") {
                return refuse(
                    "commitlog_segment_size must be at least twice the size of max_mutation_size / 1024",
                );
            }
            Ok(())
        }
    }
}

fn directories(values: &Values) -> Result<(), ConfigError> {
    let text = |name: &str| values.text(name).unwrap_or("").to_owned();
    let commit_log = text("commitlog_directory");
    let hints = text("hints_directory");
    let caches = text("saved_caches_directory");
    let system = text("local_system_data_file_directory");
    let same = |a: &str, b: &str| format!("{a} must not be the same as {b}");
    for directory in values.list("data_file_directories").unwrap_or_default() {
        if directory.is_empty() || directory == "null" {
            return refuse("data_file_directories must not contain empty entry");
        }
        for (name, other) in [
            ("local_system_data_file_directory", &system),
            ("commitlog_directory", &commit_log),
            ("hints_directory", &hints),
            ("saved_caches_directory", &caches),
        ] {
            if directory == other {
                return refuse(same(name, "any data_file_directories"));
            }
        }
    }
    for (first, second, name, other) in [
        (&system, &commit_log, "local_system_data_file_directory", "the commitlog_directory"),
        (&system, &caches, "local_system_data_file_directory", "the saved_caches_directory"),
        (&system, &hints, "local_system_data_file_directory", "the hints_directory"),
        (&commit_log, &caches, "saved_caches_directory", "the commitlog_directory"),
        (&commit_log, &hints, "hints_directory", "the commitlog_directory"),
        (&hints, &caches, "saved_caches_directory", "the hints_directory"),
    ] {
        if first == second {
            return refuse(same(name, other));
        }
    }
    Ok(())
}

fn threads(values: &Values) -> Result<(), ConfigError> {
    let int = |name: &str| values.int(name).unwrap_or(0);
    let threshold = values.float("phi_convict_threshold").unwrap_or(8.0);
    if !(5.0..=16.0).contains(&threshold) {
        let text = shown(values, "phi_convict_threshold");
        return refuse(format!("phi_convict_threshold must be between 5 and 16, but was {text}"));
    }
    for name in ["concurrent_reads", "concurrent_writes", "concurrent_counter_writes"] {
        if int(name) < 2 {
            return refuse(format!("{name} must be at least 2, but was {}", int(name)));
        }
    }
    if int("memtable_flush_writers") < 1 {
        let writers = int("memtable_flush_writers");
        return refuse(format!("memtable_flush_writers must be at least 1, but was {writers}"));
    }
    let cleanup = values.float("memtable_cleanup_threshold").unwrap_or(0.5);
    let text = shown(values, "memtable_cleanup_threshold");
    if cleanup < f64::from(0.01_f32) {
        return refuse(format!("memtable_cleanup_threshold must be >= 0.01, but was {text}"));
    }
    if cleanup > f64::from(0.99_f32) {
        return refuse(format!("memtable_cleanup_threshold must be <= 0.99, but was {text}"));
    }
    for name in ["concurrent_compactors", "concurrent_materialized_view_builders"] {
        if int(name) <= 0 {
            return refuse(format!("{name} should be strictly greater than 0, but was {}", int(name)));
        }
    }
    if int("concurrent_validations") > int("concurrent_compactors") {
        return refuse(
            "To set concurrent_validations > concurrent_compactors, set the system property \
             -Dcassandra.allow_unlimited_concurrent_validations=true",
        );
    }
    Ok(())
}

fn native_transport(values: &Values) -> Result<(), ConfigError> {
    if values.given.contains("native_transport_max_message_size") {
        let size = bytes(values, "native_transport_max_message_size");
        for name in [
            "native_transport_max_request_data_in_flight",
            "native_transport_max_request_data_in_flight_per_ip",
        ] {
            if size > bytes(values, name) {
                return refuse(format!("native_transport_max_message_size must not exceed {name}"));
            }
        }
    }
    let frame = bytes(values, "native_transport_max_frame_size");
    if frame > i32::MAX as u64 - 1 {
        return refuse(format!(
            "native_transport_max_frame_size must be positive value < {}B, but was {frame}B",
            i32::MAX
        ));
    }
    for (address, interface) in [("listen_address", "listen_interface"), ("rpc_address", "rpc_interface")] {
        if values.given.contains(address) && values.get(address).is_some() && values.get(interface).is_some()
        {
            return refuse(format!("Set {address} OR {interface}, not both"));
        }
    }
    for name in ["native_transport_port", "storage_port", "ssl_storage_port"] {
        if values.int(name).is_some_and(|port| u16::try_from(port).is_err()) {
            return refuse(format!("port out of range:{}", shown(values, name)));
        }
    }
    let millis = |name: &str| values.duration(name).map_or(0, |spec| spec.to(TimeUnit::Milliseconds));
    let (low, high) =
        ("native_transport_min_backoff_on_queue_overload", "native_transport_max_backoff_on_queue_overload");
    if millis(low) == 0 {
        return refuse(format!("{low} should be strictly positive"));
    }
    if millis(low) >= millis(high) {
        return refuse(format!(
            "{low} should be strictly less than {high}, but {} >= {}",
            shown(values, low),
            shown(values, high)
        ));
    }
    Ok(())
}

fn tokens(values: &Values) -> Result<(), ConfigError> {
    let num_tokens = values.int("num_tokens").unwrap_or(1);
    if num_tokens > 1536 {
        return refuse("A maximum number of 1536 tokens per node is supported");
    }
    if num_tokens < 1 {
        return refuse("num_tokens must be >= 1");
    }
    if let Some(initial) = values.text("initial_token") {
        let tokens: Vec<_> = initial.split(',').map(str::trim).filter(|token| !token.is_empty()).collect();
        if i64::try_from(tokens.len()) != Ok(num_tokens) {
            return refuse(format!(
                "The number of initial tokens (by initial_token) specified ({}) is different from num_tokens value \
                 ({num_tokens})",
                tokens.len()
            ));
        }
        if let Some(token) = tokens.iter().find(|token| token.parse::<i64>().is_err()) {
            return refuse(format!("For input string: \"{token}\""));
        }
    }
    Ok(())
}

fn sizes(values: &Values) -> Result<(), ConfigError> {
    let text = |name: &str| shown(values, name);
    if values.text("disk_access_mode") == Some("direct") {
        return refuse("DiskAccessMode 'direct' is not supported");
    }
    if bytes(values, "memtable_heap_space") == 0 {
        return refuse(format!(
            "memtable_heap_space must be positive, but was {}",
            text("memtable_heap_space")
        ));
    }
    if bytes(values, "prepared_statements_cache_size") == 0 {
        return refuse(format!(
            "prepared_statements_cache_size option was set incorrectly to '{}', supported values are <integer> >= 0.",
            text("prepared_statements_cache_size")
        ));
    }
    if bytes(values, "max_value_size") == 0 {
        return refuse("max_value_size must be positive");
    }
    if bytes(values, "max_value_size") >= 2048 << 20 {
        return refuse(format!(
            "max_value_size must be smaller than 2048, but was {}",
            text("max_value_size")
        ));
    }
    if values.int("snapshot_links_per_second").is_some_and(|links| links < 0) {
        return refuse("snapshot_links_per_second must be >= 0");
    }
    for name in ["column_index_size", "column_index_cache_size", "batch_size_warn_threshold"] {
        if bytes(values, name) > i32::MAX as u64 {
            return refuse(format!(
                "{name} must be positive value <= {}B, but was {}B",
                i32::MAX,
                bytes(values, name)
            ));
        }
    }
    let read_ahead = bytes(values, "compressed_read_ahead_buffer_size");
    if read_ahead > 0 && read_ahead < 256 << 10 {
        return refuse(format!(
            "compressed_read_ahead_buffer_size must be at least 256KiB (set to 0 to disable), but was {}",
            text("compressed_read_ahead_buffer_size")
        ));
    }
    if let Some(ttl) = values.text("auto_snapshot_ttl")
        && DurationSpec::parse(ttl, TimeUnit::Seconds, i32::MAX as u64).is_err()
    {
        return refuse(format!("Invalid value of auto_snapshot_ttl: {ttl}"));
    }
    let space = values.float("max_space_usable_for_compactions_in_percentage").unwrap_or(0.95);
    if !(0.0..=1.0).contains(&space) {
        return refuse("max_space_usable_for_compactions_in_percentage must be between 0 and 1");
    }
    Ok(())
}

fn user_functions(values: &Values) -> Result<(), ConfigError> {
    let millis = |name: &str| values.duration(name).map_or(0, |spec| spec.to(TimeUnit::Milliseconds));
    if millis("user_defined_functions_fail_timeout") < millis("user_defined_functions_warn_timeout") {
        return refuse(
            "user_defined_functions_warn_timeout must less than user_defined_function_fail_timeout",
        );
    }
    if values.bool("scripted_user_defined_functions_enabled") == Some(true) {
        return refuse(
            "JavaScript user-defined functions were removed in CASSANDRA-18252. Hooks are planned to be introduced as \
             part of CASSANDRA-17280",
        );
    }
    if values.bool("allow_insecure_udfs") == Some(false)
        && values.bool("user_defined_functions_threads_enabled") == Some(false)
    {
        return refuse(
            "To be able to set enable_user_defined_functions_threads: false you need to set allow_insecure_udfs: true \
             - this is an unsafe configuration and is not recommended.",
        );
    }
    Ok(())
}

fn repair(values: &Values) -> Result<(), ConfigError> {
    let depth = values.int("repair_session_max_tree_depth").unwrap_or(20);
    if depth < 10 {
        return refuse(format!("repair_session_max_tree_depth should not be < 10, but was {depth}"));
    }
    if bytes(values, "repair_session_space") == 0 {
        let space = shown(values, "repair_session_space");
        return refuse(format!("repair_session_space must be > 0, but was {space}"));
    }
    Ok(())
}

fn classes(values: &Values) -> Result<(), ConfigError> {
    match values.text("partitioner") {
        None => return refuse("Missing directive: partitioner"),
        Some("org.apache.cassandra.dht.Murmur3Partitioner" | "Murmur3Partitioner") => {}
        Some(other) => {
            return refuse(format!(
                "Invalid partitioner class {other}: only Murmur3Partitioner is supported"
            ));
        }
    }
    if values.text("endpoint_snitch").is_none() {
        return refuse("Missing endpoint_snitch directive");
    }
    match values.class("seed_provider") {
        None => return refuse("seeds configuration is missing; a minimum of one seed is required."),
        Some(class) => {
            let seeds =
                class.parameters.iter().find(|(key, _)| key == "seeds").map_or("", |(_, seeds)| seeds);
            if seeds.split(',').all(|seed| seed.trim().is_empty()) {
                return refuse("The seed provider lists no seeds.");
            }
        }
    }
    memtables(values)?;
    startup_checks(values)?;
    let mode = values.text("storage_compatibility_mode").unwrap_or("CASSANDRA_4");
    match values.text("sstable.selected_format") {
        Some("bti") if mode == "CASSANDRA_4" => refuse(format!(
            "Selected sstable format 'bti' is not available when in storage compatibility mode '{mode}'."
        )),
        Some("big" | "bti") => Ok(()),
        other => refuse(format!(
            "Selected sstable format '{}' is not available. Available formats: big, bti",
            other.unwrap_or("null")
        )),
    }
}

/// What Cassandra can check before it starts (`StartupChecks.StartupCheckType`).
const STARTUP_CHECKS: [&str; 5] = [
    "non_configurable_check",
    "check_filesystem_ownership",
    "check_dc",
    "check_rack",
    "check_data_resurrection",
];

fn startup_checks(values: &Values) -> Result<(), ConfigError> {
    let Some(Value::Map(checks)) = values.get("startup_checks") else { return Ok(()) };
    match checks.iter().find(|(name, _)| !STARTUP_CHECKS.contains(&name.as_str())) {
        Some((name, _)) => refuse(format!(
            "startup_checks: Unable to find enum value '{name}', it is one of: {}",
            STARTUP_CHECKS.join(", ")
        )),
        None => Ok(()),
    }
}

/// The classes of memtables there are; all of them mean the one memtable of this server.
const MEMTABLES: [&str; 3] = ["SkipListMemtable", "ShardedSkipListMemtable", "TrieMemtable"];

/// Each configuration has a class, its own or an inherited one (`MemtableParams.expandDefinitions`).
fn memtables(values: &Values) -> Result<(), ConfigError> {
    let Some(Value::Map(configurations)) = values.get("memtable.configurations") else { return Ok(()) };
    // A configuration is kept as `inherits+class{parameters}`.
    let find =
        |name: &str| configurations.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
    for (name, text) in configurations {
        let mut current = text.as_str();
        for _ in 0..=configurations.len() {
            let Some((inherits, own)) = current.split_once('+') else { break };
            if inherits == name {
                return refuse(if current == text {
                    format!("Configuration entry {name} can not inherit itself.")
                } else {
                    format!("Detected loop when processing key {name}")
                });
            }
            current = match find(inherits) {
                _ if !own.starts_with('{') && !own.is_empty() => own,
                Some(text) => text,
                None if inherits == "default" => "SkipListMemtable",
                None => {
                    return refuse(format!(
                        "Configuration entry {name} inherits non-existing entry {inherits}."
                    ));
                }
            };
        }
        let class = current.split(['{', '+']).next().unwrap_or(current);
        let simple = class.strip_prefix("org.apache.cassandra.db.memtable.").unwrap_or(class);
        if simple.is_empty() {
            return refuse("The 'class_name' option must be specified.");
        }
        if !MEMTABLES.contains(&simple) {
            return refuse(format!("Could not create memtable factory for class {class}"));
        }
    }
    Ok(())
}
