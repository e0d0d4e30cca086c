//! The configuration as a whole.

#![allow(clippy::unwrap_used, reason = "test")]
use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, None, Path::new("/var/lib/cassandra")).map_err(|error| error.to_string())
}

#[test]
fn the_defaults_are_those_of_the_shipped_file() {
    let config = parse("").unwrap();
    assert_eq!(config.cluster_name, "Test Cluster");
    assert_eq!(config.num_tokens, 16);
    assert_eq!(config.native_transport_address(), "127.0.0.1:9042".parse().unwrap());
    assert_eq!(config.commitlog_sync, CommitLogSync::Periodic { period: Duration::from_secs(10) });
    assert_eq!(config.disk_failure_policy, DiskFailurePolicy::Stop);
    assert_eq!(config.data_directories, [Path::new("/var/lib/cassandra/data")]);
    assert_eq!(config.commitlog_directory, Path::new("/var/lib/cassandra/commitlog"));
    assert_eq!(config.max_mutation_size_bytes, 16 << 20);
    assert_eq!(config.location, Location { datacenter: "datacenter1".into(), rack: "rack1".into() });
    assert_eq!(config.seeds, ["127.0.0.1:7000"]);
    assert!(config.without_effect().is_empty());
}

#[test]
fn keys_without_effect_are_named() {
    let config = parse("concurrent_reads: 64\ncluster_name: x\nphi_convict_threshold: 9\n").unwrap();
    assert_eq!(config.without_effect(), ["concurrent_reads", "phi_convict_threshold"]);
}

#[test]
fn contradictions_are_refused_with_cassandras_words() {
    assert_eq!(
        parse("commitlog_sync: batch\ncommitlog_sync_period: 10s\n").unwrap_err(),
        "Batch sync specified, but commitlog_sync_period found."
    );
    assert_eq!(parse("commitlog_sync: batch\n").unwrap().commitlog_sync, CommitLogSync::Batch);
    assert_eq!(
        parse("rpc_address: 0.0.0.0\n").unwrap_err(),
        "If rpc_address is set to a wildcard address (0.0.0.0), then you must set broadcast_rpc_address to a \
         value other than 0.0.0.0"
    );
    assert_eq!(parse("concurrent_reads: 1\n").unwrap_err(), "concurrent_reads must be at least 2, but was 1");
    assert!(parse("page_size_warn_threshold: 10\npage_size_fail_threshold: 5\n").is_err());
    assert_eq!(
        parse("sstable: {selected_format: bti}\n").unwrap_err(),
        "Selected sstable format 'bti' is not available when in storage compatibility mode 'CASSANDRA_4'."
    );
    assert!(parse("sstable: {selected_format: bti}\nstorage_compatibility_mode: NONE\n").is_ok());
    assert_eq!(
        parse("repair_session_max_tree_depth: 5\n").unwrap_err(),
        "repair_session_max_tree_depth should not be < 10, but was 5"
    );
    assert_eq!(
        parse("repair_session_space: 0MiB\n").unwrap_err(),
        "repair_session_space must be > 0, but was 0MiB"
    );
    assert!(parse("user_defined_functions_threads_enabled: false\n").unwrap_err().contains("unsafe"));
    assert!(parse("startup_checks: {check_dcs: {enabled: true}}\n").unwrap_err().contains("'check_dcs'"));
    assert!(parse("startup_checks: {check_dc: {enabled: true}}\n").is_ok());
}

#[test]
fn settings_print_as_cassandra_does() {
    let config =
        parse("native_transport_max_frame_size_in_mb: 32\nauthenticator: AllowAllAuthenticator\n").unwrap();
    let settings: std::collections::BTreeMap<_, _> = config.settings().into_iter().collect();
    let get = |name: &str| settings.get(name).unwrap().as_deref();
    assert_eq!(get("native_transport_max_frame_size"), Some("32MiB"));
    assert_eq!(get("native_transport_max_frame_size_in_mb"), Some("32"));
    assert_eq!(get("stream_throughput_outbound_megabits_per_sec"), Some("201"));
    assert_eq!(get("roles_update_interval_in_ms"), Some("-1"));
    assert_eq!(get("keyspace_count_warn_threshold"), Some("4"));
    assert_eq!(get("native_transport_queue_max_item_age_threshold"), Some("1.7976931348623157E308"));
    assert_eq!(get("memtable_cleanup_threshold"), Some("0.33333334"));
    assert_eq!(get("client_encryption_options.keystore"), Some("<REDACTED>"));
    assert_eq!(get("repair.retries.maxAttempts.value"), Some("0"));
    assert_eq!(get("authenticator.parameters"), Some("{}"));
    assert_eq!(get("commitlog_sync_group_window_in_ms"), Some("0.0"));
    assert_eq!(get("key_cache_save_period"), Some("14400"));
    assert_eq!(get("audit_logging_options_logger"), Some("BinAuditLogger"));
}

#[test]
fn an_ephemeral_server_leaves_nothing() {
    let config = Config::ephemeral().unwrap();
    let home = config.home.clone();
    assert!(home.is_dir() && config.commitlog_directory.starts_with(&home));
    drop(config);
    assert!(!home.exists());
}

/// `UPDATE_DOCS=1 cargo test keys_without_effect` writes the list.
#[test]
fn the_documentation_lists_the_keys_without_effect() {
    const BEGIN: &str = "<!-- begin: keys without effect -->\n";
    const END: &str = "<!-- end: keys without effect -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let list: String = Config::all_without_effect().iter().map(|name| format!("- `{name}`\n")).collect();
    let wanted = format!("{before}{BEGIN}{list}{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    } else {
        assert!(
            text == wanted,
            "docs/configuration.md is out of date: UPDATE_DOCS=1 cargo test keys_without_effect"
        );
    }
}

#[test]
fn memtables_are_named_in_the_configuration() {
    let with = |text: &str| parse(&format!("memtable:\n  configurations: {{{text}}}\n"));
    let names = |text: &str| with(text).unwrap().memtables().into_iter().collect::<Vec<_>>();
    assert_eq!(
        parse("").unwrap().memtables().into_iter().collect::<Vec<_>>(),
        ["default", "skiplist", "trie"]
    );
    assert_eq!(
        names(
            "a: {class_name: TrieMemtable, parameters: {shards: 4}}, b: {inherits: a}, c: {inherits: default}"
        ),
        ["a", "b", "c"]
    );
    for (text, error) in [
        ("a: {inherits: a}", "Configuration entry a can not inherit itself."),
        ("a: {inherits: b}, b: {inherits: a}", "Detected loop when processing key a"),
        ("a: {inherits: b}", "Configuration entry a inherits non-existing entry b."),
        ("a: {}", "The 'class_name' option must be specified."),
        ("a: {class_name: Nothing}", "Could not create memtable factory for class Nothing"),
    ] {
        assert_eq!(with(text).map(|_| ()).unwrap_err(), error, "{text}");
    }
}

/// The keys and values of the file that Cassandra 5.0 ships.
const SHIPPED: &str = include_str!("../../tests/data/config/cassandra-5.0.yaml");

#[test]
fn the_shipped_file_says_what_holds_without_a_file() {
    let (shipped, defaults) = (parse(SHIPPED).unwrap(), parse("").unwrap());
    assert!(shipped.deprecated().is_empty());
    let differences: Vec<_> =
        shipped.settings().into_iter().zip(defaults.settings()).filter(|(one, other)| one != other).collect();
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn every_example_in_the_comments_of_the_shipped_file_is_accepted() {
    let examples = include_str!("../../tests/data/config/commented.yaml");
    let yaml::Node::Map(entries) = yaml::Node::parse(examples).unwrap() else { unreachable!() };
    assert!(entries.len() > 150);
    let lines: Vec<_> = examples.lines().filter(|line| !line.starts_with('#')).collect();
    let top = |line: &&str| line.starts_with(|c: char| c.is_ascii_alphabetic());
    let starts: Vec<_> = (0..lines.len()).filter(|at| top(&lines[*at])).collect();
    assert_eq!(starts.len(), entries.len());
    let mut refused = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(lines.len());
        let text = lines[*start..end].join("\n");
        let key = lines[*start].split(':').next().unwrap();
        let rest: String =
            sections(SHIPPED).filter(|section| !section.starts_with(&format!("{key}:"))).collect();
        refused.extend(parse(&format!("{rest}\n{text}\n")).err().map(|error| format!("{text}: {error}")));
    }
    // Cassandra refuses that one too, next to the rest of the shipped file.
    let dual_ports = "native_transport_port_ssl: 9142: Encryption must be enabled in client_encryption_options for \
                      native_transport_port_ssl";
    assert_eq!(refused, [dual_ports]);
}

/// The top-level entries of a file, each with its lines.
fn sections(text: &str) -> impl Iterator<Item = String> {
    let mut sections: Vec<String> = Vec::new();
    for line in text.lines() {
        if !line.starts_with([' ', '#']) || sections.is_empty() {
            sections.push(String::new());
        }
        if let Some(last) = sections.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    sections.into_iter()
}
