//! nodetool on a server with data: what it prints and does, as Apache Cassandra 5.0.6's does on the same.

use std::fs;
use std::path::{Path, PathBuf};

use compat_suite::helenus::{Helenus, Options};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use tokio::runtime::Runtime;

/// A server with `ks.t` and `ks.u`, of which the first has rows.
struct Node {
    server: Helenus,
    session: Session,
    runtime: Runtime,
}

const SEE: &str = "See 'nodetool help' or 'nodetool help <command>'.\n";

impl Node {
    fn start() -> Self {
        let executable = Some(PathBuf::from(env!("CARGO_BIN_EXE_helenus")));
        let server =
            Helenus::start(&Options { executable, ..Options::default() }).expect("the server starts");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
        let builder = SessionBuilder::new().known_node_addr(server.address());
        let session = runtime.block_on(builder.build()).expect("a session");
        let node = Self { server, session, runtime };
        for statement in [
            "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
            "CREATE TYPE ks.place (x int, y int)",
            "CREATE TABLE ks.t (k int PRIMARY KEY, v text, at frozen<list<frozen<place>>>)",
            "CREATE TABLE ks.u (k int PRIMARY KEY)",
            "INSERT INTO ks.t (k, v) VALUES (1, 'one')",
        ] {
            node.cql(statement);
        }
        node
    }

    fn cql(&self, statement: &str) {
        self.runtime.block_on(self.session.query_unpaged(statement, ())).expect(statement);
    }

    fn count(&self) -> i64 {
        let counting = self.session.query_unpaged("SELECT count(*) FROM ks.t", ());
        let rows = self.runtime.block_on(counting).expect("counted").into_rows_result().expect("rows");
        rows.single_row::<(i64,)>().expect("a row").0
    }

    /// What a command prints to either output, and its exit code.
    fn nodetool(&self, line: &str) -> (String, i32) {
        let words: Vec<_> = line.split(' ').collect();
        let output = self.server.nodetool(&words).expect("nodetool runs");
        let text = [output.stdout, output.stderr].concat();
        (String::from_utf8_lossy(&text).into_owned(), output.status.code().expect("it ends by itself"))
    }

    fn check(&self, line: &str, expected: &str) {
        assert_eq!(self.nodetool(line), (expected.to_owned(), 0), "{line}");
    }

    fn bad_use(&self, line: &str, before: &str, message: &str) {
        let expected = format!("{before}nodetool: {message}\n{SEE}");
        assert_eq!(self.nodetool(line), (expected, 1), "{line}");
    }

    fn fails(&self, line: &str, before: &str, message: &str) {
        assert_eq!(self.nodetool(line), (format!("{before}error: {message}\n"), 2), "{line}");
    }

    /// The directory of `ks.t`.
    fn table(&self) -> PathBuf {
        let keyspace = self.server.directory().join("data/ks");
        let entries = fs::read_dir(&keyspace).expect("the keyspace's directory").flatten();
        let is_table =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("t-"));
        entries.map(|entry| entry.path()).find(is_table).expect("the table's directory")
    }
}

/// The data files in a directory.
fn data_files(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.ends_with("-Data.db")).collect();
    names.sort();
    names
}

#[test]
fn snapshots() {
    let node = Node::start();
    let asked = |of: &str, tag: &str, more: &str| {
        format!(
            "Requested creating snapshot(s) for [{of}] with snapshot name [{tag}] and options {{skipFlush=false{more}}}\n"
        )
    };
    let taken = |of: &str, tag: &str| asked(of, tag, "") + "Snapshot directory: " + tag + "\n";
    node.check("listsnapshots", "Snapshot Details: \nThere are no snapshots\n");
    node.check("snapshot -t one ks", &taken("ks", "one"));
    let directory = node.table().join("snapshots/one");
    assert_eq!(data_files(&directory), data_files(&node.table()));
    let schema = fs::read_to_string(directory.join("schema.cql")).expect("the schema");
    assert!(
        schema.starts_with("CREATE TYPE IF NOT EXISTS ks.place (\n    x int,\n    y int\n);\n"),
        "{schema}"
    );
    assert!(schema.contains("CREATE TABLE IF NOT EXISTS ks.t (\n    k int PRIMARY KEY,\n"), "{schema}");
    let manifest = fs::read_to_string(directory.join("manifest.json")).expect("the manifest");
    assert!(manifest.contains("\"expires_at\": null"), "{manifest}");

    node.fails("snapshot -t one ks", &asked("ks", "one", ""), "Snapshot one already exists.");
    node.check("snapshot -t two -cf t ks", &taken("ks", "two"));
    node.check("snapshot -kt ks.t,ks.u -t three", &taken("ks.t,ks.u", "three"));
    node.check(
        "snapshot -t four --ttl 1m ks",
        &(asked("ks", "four", ", ttl=1m") + "Snapshot directory: four\n"),
    );
    let short = "ttl for snapshot must be at least 60 seconds";
    node.bad_use("snapshot -t five --ttl 1s ks", &asked("ks", "five", ", ttl=1s"), short);
    node.bad_use("snapshot -t x nosuch", &asked("nosuch", "x", ""), "Keyspace nosuch does not exist");
    node.bad_use("snapshot -t x -cf no ks", &asked("ks", "x", ""), "Unknown keyspace/cf pair (ks.no)");
    let one = "When specifying the table for a snapshot, you must specify one and only one keyspace";
    node.fails("snapshot -t x -cf t", &asked("all keyspaces", "x", ""), one);
    node.fails("snapshot -t a/b ks", "", "Snapshot name cannot contain /");

    let (list, _) = node.nodetool("listsnapshots");
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines[0], "Snapshot Details: ");
    assert!(
        lines[1].starts_with(
            "Snapshot name Keyspace name Column family name True size Size on disk Creation time "
        ),
        "{list}"
    );
    assert_eq!(lines.iter().filter(|line| line.contains(" ks            t ")).count(), 4, "{list}");
    assert!(list.ends_with("\n\nTotal TrueDiskSpaceUsed: 0 bytes\n\n"), "{list}");
    assert!(!node.nodetool("listsnapshots -nt").0.contains("four"));
    assert!(node.nodetool("listsnapshots -e").0.contains(" false    \n"));

    node.bad_use("clearsnapshot", "", "Specify snapshot name or --all");
    node.bad_use("clearsnapshot --all -t x", "", "Specify only one of snapshot name or --all");
    let cleared = |of: &str, what: &str| format!("Requested clearing snapshot(s) for [{of}] with {what}\n");
    node.check("clearsnapshot -t one", &cleared("all keyspaces", "snapshot name [one]"));
    assert!(!directory.exists());
    node.check("clearsnapshot --all nosuch", &cleared("nosuch", "[all snapshots]"));
    let old = "[all snapshots] older than 3600 seconds.";
    node.check("clearsnapshot --all --older-than 1h", &cleared("all keyspaces", old));
    assert!(node.table().join("snapshots/two").exists());
    node.check("clearsnapshot --all", &cleared("all keyspaces", "[all snapshots]"));
    node.check("listsnapshots", "Snapshot Details: \nThere are no snapshots\n");
}

#[test]
fn files_are_checked_rewritten_and_taken_in() {
    let node = Node::start();
    node.check("flush ks", "");
    let before = data_files(&node.table());
    node.check("upgradesstables ks t", "");
    assert_eq!(data_files(&node.table()), before);
    node.check("upgradesstables -a ks t", "");
    let after = data_files(&node.table());
    assert!(after.len() == 1 && after != before, "{after:?}");
    node.check("scrub ks t", "");
    assert!(node.nodetool("listsnapshots").0.contains("pre-scrub-"));
    node.check("cleanup ks", "");
    node.check("cleanup", "");

    let refused = node.nodetool("verify ks");
    assert!(
        refused.0.starts_with("verify is disabled unless a [-f|--force] override flag") && refused.1 == 1
    );
    node.check("verify -f", "");
    node.check("verify -e -f ks t", "");
    let data = node.table().join(&data_files(&node.table())[0]);
    let whole = fs::read(&data).expect("the file");
    let mut damaged = whole.clone();
    damaged[3] ^= 1;
    fs::write(&data, damaged).expect("written");
    let found = node.nodetool("verify -f ks t");
    assert!(found.1 == 2 && found.0.contains("-Data.db"), "{found:?}");
    fs::write(&data, whole).expect("written");
    node.check("verify -e -f ks t", "");

    // Files of a snapshot come back.
    let deprecated = "nodetool refresh is deprecated, use nodetool import instead\n";
    node.nodetool("snapshot -t kept -cf t ks");
    node.cql("TRUNCATE ks.t");
    assert_eq!(node.count(), 0);
    let kept = node.table().join("snapshots/kept");
    for entry in fs::read_dir(&kept).expect("the snapshot").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("nb-") {
            fs::copy(entry.path(), node.table().join(name)).expect("copied");
        }
    }
    node.check("refresh ks t", deprecated);
    assert_eq!(node.count(), 1);
    node.bad_use("refresh", deprecated, "refresh requires ks and cf args");

    node.check("statusbackup", "not running\n");
    node.check("enablebackup", "");
    node.check("statusbackup", "running\n");
    node.cql("INSERT INTO ks.t (k, v) VALUES (2, 'two')");
    node.check("flush ks t", "");
    assert_eq!(data_files(&node.table().join("backups")).len(), 1);
    node.check("disablebackup", "");
    node.check("statusbackup", "not running\n");
}

#[test]
fn compactions() {
    let node = Node::start();
    node.check("statusautocompaction ks", "running\n");
    node.check("disableautocompaction ks t", "");
    node.check("statusautocompaction ks", "partially running\n");
    node.check("statusautocompaction ks t", "not running\n");
    node.check(
        "statusautocompaction -a ks",
        "Keyspace Table Status     \nks       t     not running\nks       u     running    \n",
    );
    node.bad_use("disableautocompaction nosuch", "", "Keyspace [nosuch] does not exist.");
    for round in 0..6 {
        node.cql(&format!("INSERT INTO ks.t (k, v) VALUES ({round}, 'x')"));
        node.check("flush ks t", "");
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(data_files(&node.table()).len(), 6);
    assert!(node.nodetool("compactionstats").0.contains("\nks"), "one is pending");
    node.check("enableautocompaction ks t", "");
    // The history is written once the files are there.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut history = node.nodetool("compactionhistory").0;
    while !history.contains(" ks ") && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(50));
        history = node.nodetool("compactionhistory").0;
    }
    assert_eq!(data_files(&node.table()).len(), 1);
    let line = history.lines().find(|line| line.contains(" ks ")).expect("the compaction");
    assert!(history.starts_with("Compaction History: \n") && line.contains("{1:5, 2:1}"), "{history}");
    assert!(line.contains("{compaction_type:Compaction}"), "{history}");
    let stats = node.nodetool("compactionstats").0;
    assert!(stats.contains("\ncompactions completed            "), "{stats}");

    node.check(
        "getcompactionthreshold ks t",
        "Current compaction thresholds for ks/t: \n min = 4,  max = 32\n",
    );
    node.bad_use("getcompactionthreshold ks", "", "getcompactionthreshold requires ks and cf args");
    node.check("getcompactionthroughput", "Current compaction throughput: 64 MB/s\n");
    node.check("setcompactionthroughput 32", "");
    node.check("getcompactionthroughput -d", "Current compaction throughput: 32.0 MiB/s\n");
    node.bad_use("setcompactionthroughput -- -1", "", "Invalid data rate: value must be non-negative");
    let word = "compaction_throughput: can not convert \"x\" to a Integer";
    node.bad_use("setcompactionthroughput x", "", word);
    let missing = "Required parameters are missing: compaction_throughput";
    node.bad_use("setcompactionthroughput", "", missing);
}

#[test]
fn clients_and_what_there_is_not() {
    let node = Node::start();
    let (text, code) = node.nodetool("clientstats --all");
    assert_eq!(code, 0);
    let mut lines = text.lines();
    let header = "Address          SSL   Cipher    Protocol  Version User      Keyspace Requests Driver-Name";
    assert!(lines.next().is_some_and(|line| line.starts_with(header)), "{text}");
    let undefined = " false undefined undefined 4       anonymous          ";
    assert!(
        lines.next().is_some_and(|line| line.starts_with("/127.0.0.1:") && line.contains(undefined)),
        "{text}"
    );
    assert!(
        text.contains("\nTotal connected clients: ") && text.contains("\nUser      Connections\nanonymous "),
        "{text}"
    );
    assert!(node.nodetool("clientstats --client-options").0.contains("CQL_VERSION="));
    let ring = "it needs a ring of several nodes, and this node stands alone";
    node.fails("rebuild", "", &format!("rebuild is not supported: {ring}"));
    node.fails("sjk hh", "", "sjk is not supported: it looks into a Java virtual machine, and there is none");
    let help = node.nodetool("help").0;
    let names: Vec<_> =
        help.lines().filter_map(|line| line.strip_prefix("    ")?.split(' ').next()).collect();
    assert!(names.is_sorted() && names.contains(&"snapshot"), "{names:?}");
    let levels = |more: &str| {
        format!("\n{:<50}{:>10}\n{:<50}{:>10}\n{more}", "Logger Name", "Log Level", "ROOT", "INFO")
    };
    node.check("getlogginglevels", &levels(""));
    node.check("setlogginglevel cql DEBUG", "");
    node.check("getlogginglevels", &levels(&format!("{:<50}{:>10}\n", "helenus::cql", "DEBUG")));
    let none = "there is no level NONSENSE, only OFF, ERROR, WARN, INFO, DEBUG, TRACE";
    node.fails("setlogginglevel ROOT NONSENSE", "", none);
    node.check("setlogginglevel", "");
    node.check("getlogginglevels", &levels(""));
    // Only the current version is welcome then.
    node.check("disableoldprotocolversions", "");
    let builder = SessionBuilder::new().known_node_addr(node.server.address());
    assert!(node.runtime.block_on(builder.build()).is_err());
    node.check("enableoldprotocolversions", "");
    assert!(node.runtime.block_on(builder.build()).is_ok());
}

#[test]
fn a_node_that_stands_alone_says_so() {
    let node = Node::start();
    let pointless =
        "Unsupported operation: no other normal nodes in the ring; decommission would be pointless";
    node.bad_use("decommission", "", pointless);
    node.bad_use("join", "", "This node has already joined the ring.");
    node.fails("move 5", "", "This node has more than one token and cannot be moved thusly.");
    node.fails("resetlocalschema", "", "Cannot reset local schema when there are no other live nodes");
    node.check("failuredetector", "  Endpoint,             Phi\n");
    node.check("listpendinghints", "This node does not have any pending hints\n");
    node.check("statushandoff", "Hinted handoff is not running\n");
    node.check("removenode status", "RemovalStatus: No token removals in process.\n");
    node.check("repair_admin", "no sessions\n");
    let (repair, code) = node.nodetool("repair ks");
    assert!(
        code == 0 && repair.ends_with("] Replication factor is 1. No repair is needed for keyspace 'ks'\n"),
        "{repair}"
    );
    assert!(node.nodetool("repair system_traces").0.contains("Nothing to repair in system_traces"));
    node.check(
        "netstats",
        "Mode: NORMAL\nNot sending any streams.\nRead Repair Statistics:\nAttempted: 0\nMismatch (Blocking): 0\n\
         Mismatch (Background): 0\n\
         Pool Name                    Active   Pending      Completed   Dropped\n\
         Large messages                  n/a         0              0         0\n\
         Small messages                  n/a         0              0         0\n\
         Gossip messages                 n/a         0              0         0\n",
    );
    let gossip = node.nodetool("gossipinfo").0;
    assert!(
        gossip.starts_with("/127.0.0.1\n  generation:") && gossip.ends_with("  TOKENS:14:<hidden>\n\n"),
        "{gossip}"
    );
    let address = format!("  NATIVE_ADDRESS_AND_PORT:11:{}\n", node.server.address());
    assert!(gossip.contains(&address) && gossip.contains("  RELEASE_VERSION:6:5.0.6\n"), "{gossip}");
}

#[test]
fn what_is_measured() {
    let node = Node::start();
    node.check("flush ks t", "");
    assert_eq!(node.count(), 1);
    let lines = |line: &str| {
        let (text, code) = node.nodetool(line);
        assert_eq!(code, 0, "{text}");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let table = lines("tablehistograms ks t");
    assert_eq!(
        table[..3],
        [
            "ks/t histograms",
            "Percentile      Read Latency     Write Latency          SSTables    Partition Size        Cell Count",
            "                    (micros)          (micros)                             (bytes)                  ",
        ]
    );
    assert!(
        table[3].starts_with("50%                     0.00  ") && table[3].ends_with("                 1"),
        "{table:?}"
    );
    assert_eq!(table.len(), 11);
    let empty = lines("tablehistograms ks.u");
    assert_eq!(
        empty[0],
        "No SSTables exists, unable to calculate 'Partition Size' and 'Cell Count' percentiles"
    );
    assert!(empty[4].ends_with("               NaN               NaN"), "{empty:?}");
    assert!(lines("tablehistograms").iter().any(|line| line == "system/local histograms"));
    node.bad_use("tablehistograms ks no", "", "Unknown table ks.no");
    let proxy = lines("proxyhistograms");
    assert_eq!(
        proxy[..3],
        [
            "proxy histograms",
            "Percentile       Read Latency      Write Latency      Range Latency   CAS Read Latency  CAS Write Latency View Write Latency",
            "                     (micros)           (micros)           (micros)           (micros)           (micros)           (micros)",
        ]
    );
    let write: f64 = proxy[3].split_whitespace().nth(2).and_then(|text| text.parse().ok()).expect("a number");
    assert!(write > 0.0, "{proxy:?}");
    let pools = lines("tpstats");
    assert!(
        pools[0]
            .starts_with("Pool Name                      Active Pending Completed Blocked All time blocked"),
        "{pools:?}"
    );
    assert!(
        pools.iter().any(|line| line.starts_with("Native-Transport-Requests      0      0       ")),
        "{pools:?}"
    );
    let collections = lines("gcstats");
    assert_eq!(
        collections[0],
        "       Interval (ms) Max GC Elapsed (ms)Total GC Elapsed (ms)Stdev GC Elapsed (ms)   GC Reclaimed (MB)         \
         Collections      Direct Memory Bytes"
    );
    assert!(collections[1].ends_with("                   0                       -1"), "{collections:?}");
}

#[test]
fn groups_of_addresses_and_caches_of_roles() {
    let node = Node::start();
    node.check("listcidrgroups", "");
    node.check("updatecidrgroup office 192.168.0.0/16 10.0.0.0/8 10.0.0.0/8", "");
    node.check("updatecidrgroup home ::1/128", "");
    node.check("listcidrgroups", "CIDR Groups: \nhome         \noffice       \n");
    node.check("listcidrgroups office", "CIDRs:        \n10.0.0.0/8    \n192.168.0.0/16\n");
    node.check("listcidrgroups none", "");
    node.check("dropcidrgroup home", "Deleted CIDR group home\n");
    for (line, why) in [
        ("dropcidrgroup home", "CIDR group 'home' doesn't exists"),
        ("updatecidrgroup office 10.0.0.0/33", "10.0.0.0/33 is not a valid CIDR String"),
        ("updatecidrgroup office 10.0.0", "10.0.0 is not a valid CIDR String"),
        (
            "getcidrgroupsofip 10.0.0.1",
            "'Get CIDR groups for IP' operation not supported by AllowAllCIDRAuthorizer",
        ),
        ("reloadcidrgroupscache", "Load CIDR groups cache operation not supported by AllowAllCIDRAuthorizer"),
        (
            "invalidatecidrpermissionscache",
            "Invalidate CIDR permissions cache operation not supported by AllowAllCIDRAuthorizer",
        ),
    ] {
        assert_eq!(node.nodetool(line), (format!("error: {why}\n"), 2), "{line}");
    }
    for (line, why) in [
        ("updatecidrgroup office", "updatecidrgroup command requires a cidr group name and atleast one CIDR"),
        ("dropcidrgroup", "dropcidrgroup command requires a cidr group name"),
        ("getcidrgroupsofip x y", "Requires IP address as input"),
        ("invalidatepermissionscache a", "No resource options specified"),
        (
            "invalidatepermissionscache --all-keyspaces",
            "No resource options allowed without a <role> being specified",
        ),
        (
            "invalidatepermissionscache a --table t",
            "--table option should be passed along with --keyspace option",
        ),
        ("getauthcacheconfig --cache-name X", "Unknown cache name: X"),
        ("getauthcacheconfig", "Required option '--cache-name' is missing"),
        ("setauthcacheconfig --cache-name RolesCache", "At least one optional parameter need to be passed"),
    ] {
        assert_eq!(node.nodetool(line), (format!("nodetool: {why}\n{SEE}"), 1), "{line}");
    }
    let settings = |validity: u32, entries: u32| {
        format!(
            "Validity Period: {validity}\nUpdate Interval: {validity}\nMax Entries: {entries}\nActive Update: false\n"
        )
    };
    node.check("getauthcacheconfig --cache-name RolesCache", &settings(2000, 1000));
    node.check(
        "setauthcacheconfig --cache-name RolesCache --validity-period 5000 --max-entries 7",
        "Changed Validity Period to 5000\nChanged Max Entries to 7\n",
    );
    node.check("getauthcacheconfig --cache-name RolesCache", &settings(5000, 7));
    for line in ["invalidaterolescache", "invalidatecredentialscache a b", "invalidatepermissionscache"] {
        node.check(line, "");
    }
}

#[test]
fn what_a_role_may_is_known_until_it_is_forgotten() {
    let yaml = "authenticator: PasswordAuthenticator\nauthorizer: CassandraAuthorizer\n\
                cidr_authorizer: {class_name: CassandraCIDRAuthorizer, parameters: {cidr_authorizer_mode: ENFORCE}}\n\
                roles_validity: 1h\npermissions_validity: 1h\ncredentials_validity: 1h\n";
    let executable = Some(PathBuf::from(env!("CARGO_BIN_EXE_helenus")));
    let server = Helenus::start(&Options { executable, yaml: Some(yaml.to_owned()), ..Options::default() })
        .expect("the server starts");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let log_in = |user: &str, password: &str| {
        let builder = SessionBuilder::new().known_node_addr(server.address()).user(user, password);
        runtime.block_on(builder.build()).expect("welcome")
    };
    let ask = |session: &Session, text: &str| {
        let answer = runtime.block_on(session.query_unpaged(text, ()));
        answer.map(|_| ()).map_err(|error| error.to_string())
    };
    let nodetool = |line: &str| {
        let output = server.nodetool(&line.split(' ').collect::<Vec<_>>()).expect("nodetool runs");
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let first = log_in("cassandra", "cassandra");
    for text in [
        "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        "CREATE TABLE ks.t (k int PRIMARY KEY)",
        "CREATE ROLE app WITH PASSWORD = 'secret' AND LOGIN = true",
    ] {
        ask(&first, text).expect(text);
    }
    let app = log_in("app", "secret");
    let select = "SELECT k FROM ks.t";
    let has_none = "User app has no SELECT permission";
    assert!(ask(&app, select).is_err_and(|error| error.contains(has_none)));
    ask(&first, "GRANT SELECT ON ks.t TO app").expect("granted");
    assert!(ask(&app, select).is_err_and(|error| error.contains(has_none)), "it is known for an hour");
    nodetool("invalidatepermissionscache app --keyspace ks --table t");
    ask(&app, select).expect("permitted");
    let prepared = runtime.block_on(app.prepare(select)).expect("prepared");
    let run = || runtime.block_on(app.execute_unpaged(&prepared, ())).map(|_| ()).map_err(|e| e.to_string());
    run().expect("permitted");
    ask(&first, "REVOKE SELECT ON ks.t FROM app").expect("revoked");
    run().expect("it is known for an hour");
    nodetool("invalidatepermissionscache");
    assert!(run().is_err_and(|error| error.contains(has_none)));

    nodetool("updatecidrgroup elsewhere 10.0.0.0/8");
    nodetool("updatecidrgroup here 127.0.0.0/8");
    ask(&first, "GRANT SELECT ON ks.t TO app").expect("granted");
    ask(&first, "ALTER ROLE app WITH ACCESS FROM CIDRS {'elsewhere'}").expect("altered");
    nodetool("invalidatepermissionscache");
    run().expect("his addresses are known for an hour");
    assert_eq!(
        nodetool("invalidatecidrpermissionscache app"),
        "Invalidated the role app from CIDR permissions cache\n"
    );
    assert!(run().is_err_and(|error| error.contains("You do not have access from this IP 127.0.0.1")));
    ask(&first, "ALTER ROLE app WITH ACCESS FROM CIDRS {'here', 'elsewhere'}").expect("altered");
    assert_eq!(nodetool("invalidatecidrpermissionscache"), "Invalidated CIDR permissions cache\n");
    run().expect("permitted");
    assert_eq!(nodetool("getcidrgroupsofip 127.0.0.1"), "CIDR Groups: \nhere         \n");
    nodetool("updatecidrgroup here 127.0.0.1/32");
    nodetool("updatecidrgroup nowhere 127.0.0.1/32");
    assert_eq!(nodetool("reloadcidrgroupscache"), "Reloaded CIDR groups cache\n");
    assert_eq!(nodetool("getcidrgroupsofip 127.0.0.1"), "CIDR Groups: \nhere         \nnowhere      \n");

    let rows = |text: &str| {
        let rows =
            runtime.block_on(first.query_unpaged(text, ())).expect(text).into_rows_result().expect("rows");
        rows.rows_num()
    };
    assert!(rows("SELECT * FROM system_views.permissions_cache_keys") > 0);
    assert!(rows("SELECT * FROM system_views.roles_cache_keys WHERE role = 'app'") == 1);
    assert!(rows("SELECT * FROM system_views.credentials_cache_keys WHERE role = 'app'") == 1);
    nodetool("invalidatecredentialscache app");
    assert!(rows("SELECT * FROM system_views.credentials_cache_keys WHERE role = 'app'") == 0);
}
