//! Commands against a server that is made up, compared with what Cassandra's nodetool prints for the same state.
#![allow(clippy::unwrap_used, reason = "test")]

use std::net::IpAddr;
use std::time::Duration;

use futures::future::BoxFuture;
use uuid::Uuid;

use super::*;

struct Fake;

const ID: Uuid = Uuid::from_u128(0x109beb3c_ed65_418a_87d6_22caeae8b1d8);

impl Admin for Fake {
    fn node(&self) -> NodeInfo {
        NodeInfo {
            host_id: ID,
            cluster_name: "Oracle".into(),
            release_version: "5.0.6".into(),
            native_transport_active: true,
            gossip_active: true,
            percent_repaired: 100.0,
            load_bytes: 92_703,
            key_cache: CacheInfo {
                entries: 8,
                size_bytes: 640,
                capacity_bytes: 51 << 20,
                hits: 68,
                requests: 75,
            },
            ..NodeInfo::default()
        }
    }

    fn ring(&self) -> Vec<RingNode> {
        vec![RingNode {
            address: "127.0.0.2:7000".parse().unwrap(),
            host_id: ID,
            datacenter: "datacenter1".into(),
            rack: "rack1".into(),
            up: true,
            state: NodeState::Normal,
            load_bytes: Some(92_703),
            tokens: (0..16).map(|token| token * 1000).collect(),
            schema_version: ID,
            release_version: "5.0.6".into(),
        }]
    }

    fn keyspaces(&self) -> Vec<KeyspaceInfo> {
        let keyspace = |name: &str, class: &str, user| KeyspaceInfo {
            name: name.into(),
            replication_class: class.into(),
            replication_options: if user {
                vec![("replication_factor".into(), "3".into())]
            } else {
                Vec::new()
            },
            user,
            tables: vec!["local".into(), "peers".into()],
        };
        vec![keyspace("ks", "SimpleStrategy", true), keyspace("system", "LocalStrategy", false)]
    }

    fn table_stats(&self, _: &str, tables: &[String]) -> Vec<TableStats> {
        tables
            .iter()
            .map(|table| TableStats { max_sstable_size_bytes: 6874, ..TableStats::empty(table) })
            .collect()
    }

    fn compactions(&self) -> BoxFuture<'_, AdminResult<CompactionInfo>> {
        Box::pin(async { Ok(CompactionInfo { concurrent: 2, ..CompactionInfo::default() }) })
    }

    fn maintenance(&self) -> &dyn Maintenance {
        unreachable!("tested with a server: tests/it/nodetool.rs")
    }

    fn roles(&self) -> &dyn Roles {
        unreachable!("tested with a server: tests/it/nodetool.rs")
    }

    fn measures(&self) -> &dyn Measures {
        unreachable!("tested with a server: tests/it/nodetool.rs")
    }

    fn flush<'a>(&'a self, _: &'a str, _: &'a [String]) -> BoxFuture<'a, AdminResult<()>> {
        Box::pin(async { Ok(()) })
    }

    fn compact<'a>(&'a self, _: &'a str, _: &'a [String], what: Selection) -> BoxFuture<'a, AdminResult<()>> {
        let result = match what {
            Selection::All { split_output: false } => Err(AdminError::Failed("disk full".into())),
            other => Err(AdminError::Failed(format!("{other:?}"))),
        };
        Box::pin(async { result })
    }

    fn compact_files<'a>(&'a self, files: &'a [String]) -> BoxFuture<'a, AdminResult<()>> {
        Box::pin(async move { Err(AdminError::Failed(files.join("+"))) })
    }

    fn drain(&self) -> BoxFuture<'_, AdminResult<()>> {
        Box::pin(async { Ok(()) })
    }

    fn stop_daemon(&self) {}

    fn set_native_transport(&self, _: bool) -> BoxFuture<'_, AdminResult<()>> {
        Box::pin(async { Ok(()) })
    }

    fn reload_certificates(&self) -> BoxFuture<'_, AdminResult<()>> {
        Box::pin(async { Ok(()) })
    }

    fn timeout(&self, kind: &str) -> Option<Duration> {
        (kind == "read").then(|| Duration::from_secs(5))
    }

    fn set_timeout(&self, _: &str, _: Duration) -> bool {
        true
    }

    fn trace_probability(&self) -> f64 {
        0.0
    }

    fn set_trace_probability(&self, _: f64) {}

    fn sstables<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        key: &'a str,
        is_hex: bool,
    ) -> BoxFuture<'a, AdminResult<Vec<(u32, String)>>> {
        let file = |level, name: &str| (level, format!("/{name}-{key}-{is_hex}"));
        let found = vec![file(1, "b"), file(0, "a")];
        Box::pin(async { Ok(found) })
    }

    fn has_levels(&self, _: &str, table: &str) -> bool {
        table == "peers"
    }

    fn endpoints(&self, _: &str, _: &str, _: &str) -> AdminResult<Vec<IpAddr>> {
        Ok(vec!["127.0.0.2".parse().unwrap()])
    }

    fn data_paths(&self, keyspace: &str, table: &str) -> Vec<String> {
        vec![format!("/data/{keyspace}/{table}")]
    }
}

async fn run(line: &str) -> Output {
    let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
    execute(&Fake, &words, false).await
}

async fn check(line: &str, expected: &str) {
    let output = run(line).await;
    assert_eq!((output.stdout.as_str(), output.code), (expected, 0), "{line}");
}

async fn check_bad(line: &str, message: &str) {
    let output = run(line).await;
    let expected = format!("nodetool: {message}\nSee 'nodetool help' or 'nodetool help <command>'.\n");
    assert_eq!((output.stdout, output.code), (expected, 1), "{line}");
}

#[tokio::test]
async fn status_prints_as_cassandras() {
    check(
        "status",
        "Datacenter: datacenter1\n\
         =======================\n\
         Status=Up/Down\n\
         |/ State=Normal/Leaving/Joining/Moving\n\
         --  Address    Load       Tokens  Owns (effective)  Host ID                               Rack \n\
         UN  127.0.0.2  90.53 KiB  16      100.0%            109beb3c-ed65-418a-87d6-22caeae8b1d8  rack1\n\
         \n",
    )
    .await;
    assert_eq!(run("status nosuch").await.stdout, "\nError: The keyspace nosuch, does not exist\n");
    assert!(
        run("status system")
            .await
            .stdout
            .ends_with("\n\nNote: Ownership values for keyspaces with LocalStrategy are meaningless\n")
    );
}

#[tokio::test]
async fn ring_prints_as_cassandras() {
    let text = run("ring").await.stdout;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..3], ["", "Datacenter: datacenter1", "=========="]);
    assert_eq!(
        lines[3],
        "Address         Rack        Status State   Load            Owns                Token                                       "
    );
    assert_eq!(
        lines[5],
        "127.0.0.2       rack1       Up     Normal  90.53 KiB       100.00%             0                                           "
    );
}

#[tokio::test]
async fn info_prints_as_cassandras() {
    let text = run("info").await.stdout;
    for line in [
        "Load                   : 90.53 KiB\n",
        "Key Cache              : entries 8, size 640 bytes, capacity 51 MiB, 68 hits, 75 requests, 0.907 recent hit \
         rate, 14400 save period in seconds\n",
        "Row Cache              : entries 0, size 0 bytes, capacity 0 bytes, 0 hits, 0 requests, NaN recent hit rate, 0 \
         save period in seconds\n",
        "Percent Repaired       : 100.0%\n",
        "Token                  : (invoke with -T/--tokens to see all 16 tokens)\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[tokio::test]
async fn table_stats_print_as_cassandras() {
    let text = run("tablestats ks.local").await.stdout;
    assert!(text.starts_with(
        "Total number of tables: 1\n----------------\nKeyspace: ks\n\tRead Count: 0\n\tRead Latency: NaN ms\n\tWrite \
         Count: 0\n\tWrite Latency: NaN ms\n\tPending Flushes: 0\n\t\tTable: local\n\t\tSSTable count: 0\n\t\tOld \
         SSTable count: 0\n\t\tMax SSTable size: 6.713KiB\n\t\tSpace used (live): 0\n"
    ));
    assert!(text.ends_with("\t\tDroppable tombstone ratio: 0.00000\n\n----------------\n"));
    let json: serde_json::Value = serde_json::from_str(&run("cfstats -F json ks").await.stdout).unwrap();
    assert_eq!(json["ks"]["tables"]["peers"]["sstable_compression_ratio"], -1.0);
    assert_eq!(json["total_number_of_tables"], 2);
    check_bad("tablestats nosuch", "Unknown keyspace: nosuch").await;
    check_bad("tablestats ks.nosuch", "Unknown tables: [nosuch] in keyspace: ks").await;
    check_bad("tablestats -t 2", "cannot filter top K tables without specifying a sort key.").await;
}

#[tokio::test]
async fn wrong_use_is_explained_as_cassandra_does() {
    check("version", "ReleaseVersion: 5.0.6\n").await;
    check("statusbinary", "running\n").await;
    check("gettimeout read", "Current timeout for type read: 5000 ms\n").await;
    check("flush", "").await;
    check_bad("version x", "Found unexpected parameters: [x]").await;
    check_bad("foo", "Found unexpected parameters: [foo]").await;
    check_bad("flush nosuch", "Keyspace [nosuch] does not exist.").await;
    let output = run("flush ks nosuch").await;
    assert_eq!((output.stderr.as_str(), output.code), ("error: Unknown keyspace/cf pair (ks.nosuch)\n", 2));
    let output = run("compact").await;
    assert_eq!((output.stderr.as_str(), output.code), ("error: disk full\n", 2));
}

#[tokio::test]
async fn a_part_of_the_sstables_is_compacted() {
    for (command, expected) in [
        ("compact -s ks", "All { split_output: true }"),
        ("compact -st 5 -et 9 ks local", "Tokens(5, 9)"),
        ("compact --partition k:1 ks local", "Partition(\"k:1\")"),
        ("compact --user-defined /a /b", "/a+/b"),
        ("compact -s --user-defined /a", "Invalid option combination: Can not use split-output here"),
        (
            "compact --user-defined --partition k /a",
            "Invalid option combination: Can not provide tokens when using user-defined",
        ),
        (
            "compact -st x -et 9 ks",
            "Invalid token for Murmur3Partitioner. Got x but expected a long value (unsigned 8 bytes integer).",
        ),
    ] {
        let output = run(command).await;
        assert_eq!((output.stderr, output.code), (format!("error: {expected}\n"), 2), "{command}");
    }
    check("getsstables ks local 1", "/b-1-false\n/a-1-false\n").await;
    check("getsstables -hf -l ks peers 01", "0: /a-01-true\n1: /b-01-true\n").await;
    check_bad("getsstables ks", "getsstables requires ks, cf and key args").await;
}

#[tokio::test]
async fn names_take_the_place_of_addresses() {
    let name = dns_lookup::lookup_addr(&"127.0.0.2".parse().unwrap()).unwrap_or("127.0.0.2".to_owned());
    assert!(run("status -r").await.stdout.contains(&format!("UN  {name} ")));
    assert!(run("ring -r").await.stdout.contains(&format!("\n{name} ")));
}

#[tokio::test]
async fn the_channel_carries_commands_and_answers() {
    let home = tempfile::tempdir().unwrap();
    let channel =
        Channel::open(std::sync::Arc::new(Fake), home.path(), Some("127.0.0.1:0".parse().unwrap())).await;
    let port = channel.address().unwrap().port().to_string();
    let data = home.path().display().to_string();
    for arguments in [vec!["-p", port.as_str(), "version"], vec!["--data", data.as_str(), "version"]] {
        let arguments: Vec<_> = arguments.into_iter().map(str::to_owned).collect();
        let output = tokio::task::spawn_blocking(move || client::run(&arguments)).await.unwrap();
        assert_eq!(output.stdout, "ReleaseVersion: 5.0.6\n");
    }
    drop(channel);
    assert!(!home.path().join(SOCKET).exists());
}
