//! The commands by name: which there are, what they take, what runs them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::admin::{Admin, AdminError, AdminResult, Selection};
use super::{absent, alone, clients, compaction, measures, ring, roles, snapshots, tables, upkeep};

/// What a command prints, and the exit code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// For standard output.
    pub stdout: String,
    /// For standard error.
    pub stderr: String,
    /// 0 success, 1 wrong use, 2 failure.
    pub code: u8,
}

impl Output {
    pub(super) fn bad_use(message: &str) -> Self {
        let stdout = format!("nodetool: {message}\nSee 'nodetool help' or 'nodetool help <command>'.\n");
        Self { stdout, stderr: String::new(), code: 1 }
    }

    pub(super) fn failed(message: &str) -> Self {
        Self { stdout: String::new(), stderr: format!("error: {message}\n"), code: 2 }
    }

    /// As `bad_use`, for the few commands that print the error themselves.
    pub(super) fn printed_error(message: &str) -> Self {
        Self { stdout: format!("\nError: {message}\n"), stderr: String::new(), code: 1 }
    }

    /// An error that comes after what was printed already.
    pub(super) fn after(text: &str, error: &AdminError) -> Self {
        let mut output = Self::from(error);
        output.stdout.insert_str(0, text);
        output
    }

    pub(super) fn no_connection(to: &str, error: &std::io::Error) -> Self {
        let reason = match error.kind() {
            std::io::ErrorKind::ConnectionRefused => "ConnectException: 'Connection refused'".to_owned(),
            _ => format!("IOException: '{error}'"),
        };
        let stderr = format!("nodetool: Failed to connect to '{to}' - {reason}.\n");
        Self { stdout: String::new(), stderr, code: 1 }
    }
}

impl From<String> for Output {
    fn from(stdout: String) -> Self {
        Self { stdout, ..Self::default() }
    }
}

impl From<&AdminError> for Output {
    fn from(error: &AdminError) -> Self {
        match error {
            AdminError::Invalid(message) => Self::bad_use(message),
            AdminError::Failed(message) => Self::failed(message),
        }
    }
}

/// An option of a command: its names, and whether it has a value.
pub(super) type Flag = (&'static [&'static str], bool);

/// A command: name, description, options, whether it takes arguments, their description.
pub(super) struct Spec {
    pub name: &'static str,
    pub description: &'static str,
    pub flags: &'static [Flag],
    pub arguments: Option<&'static str>,
}

pub(super) const fn spec(name: &'static str, description: &'static str) -> Spec {
    Spec { name, description, flags: &[], arguments: None }
}

pub(super) const fn taking(name: &'static str, description: &'static str, arguments: &'static str) -> Spec {
    Spec { name, description, flags: &[], arguments: Some(arguments) }
}

/// Commands that belong together, and what runs them by their names.
pub(super) struct Group {
    pub specs: &'static [Spec],
    pub run: for<'a> fn(&'a dyn Admin, &'a str, &'a Parsed) -> BoxFuture<'a, AdminResult<Output>>,
}

static GROUPS: [Group; 8] = [
    Group { specs: COMMANDS, run: |admin, name, parsed| Box::pin(run(admin, name, parsed)) },
    snapshots::GROUP,
    upkeep::GROUP,
    clients::GROUP,
    measures::GROUP,
    roles::GROUP,
    alone::GROUP,
    absent::GROUP,
];

const COMMANDS: &[Spec] = &[
    Spec {
        name: "compact",
        description: "Force a (major) compaction on one or more tables or user-defined compaction on given SSTables",
        flags: &[
            (&["-s", "--split-output"], false),
            (&["--user-defined"], false),
            (&["-st", "--start-token"], true),
            (&["-et", "--end-token"], true),
            (&["--partition"], true),
        ],
        arguments: Some("[<keyspace> <tables>...] or <SSTable file>..."),
    },
    spec("compactionhistory", "Print history of compaction"),
    Spec {
        name: "compactionstats",
        description: "Print statistics on compactions",
        flags: &[(&["-H", "--human-readable"], false), (&["-V", "--vtable"], false)],
        arguments: None,
    },
    taking("datapaths", "Print all directories where data of tables are stored", "[<keyspace.table>...]"),
    spec("describecluster", "Print the name, snitch, partitioner and schema version of a cluster"),
    taking("describering", "Shows the token ranges info of a given keyspace", "<keyspace>"),
    spec("disablebinary", "Disable native transport (binary protocol)"),
    spec("drain", "Drain the node (stop accepting writes and flush all tables)"),
    spec("enablebinary", "Reenable native transport (binary protocol)"),
    taking("flush", "Flush one or more tables", "[<keyspace> <tables>...]"),
    Spec {
        name: "getcompactionthroughput",
        description: "Print the MiB/s throughput cap for compaction in the system as a rounded number",
        flags: &[(&["-d", "--precise-mib"], false)],
        arguments: None,
    },
    spec("getconcurrentcompactors", "Get the number of concurrent compactors in the system."),
    spec("getdefaultrf", "Gets default keyspace replication factor."),
    taking("getendpoints", "Print the end points that owns the key", "<keyspace> <table> <key>"),
    spec("getseeds", "Get the currently in use seed node IP list excluding the node IP"),
    Spec {
        name: "getsstables",
        description: "Print the sstable filenames that own the key",
        flags: &[(&["-hf", "--hex-format"], false), (&["-l", "--show-levels"], false)],
        arguments: Some("<keyspace> <cfname> <key>"),
    },
    taking("gettimeout", "Print the timeout of the given type in ms", "<timeout_type>"),
    spec("gettraceprobability", "Print the current trace probability value"),
    Spec {
        name: "info",
        description: "Print node information (uptime, load, ...)",
        flags: &[(&["-T", "--tokens"], false), (&["-O", "--out-of-range-ops"], false)],
        arguments: None,
    },
    spec("reloadssl", "Signals Cassandra to reload SSL certificates"),
    Spec {
        name: "ring",
        description: "Print information about the token ring",
        flags: &[(&["-r", "--resolve-ip"], false)],
        arguments: Some("[<keyspace>]"),
    },
    taking(
        "settimeout",
        "Set the specified timeout in ms, or 0 to disable timeout",
        "<timeout_type> <timeout_in_ms>",
    ),
    taking(
        "settraceprobability",
        "Sets the probability for tracing any given request to value. 0 disables, 1 enables \
        for all requests, 0 is the default",
        "<value>",
    ),
    Spec {
        name: "status",
        description: "Print cluster information (state, load, IDs, ...)",
        flags: &[(&["-r", "--resolve-ip"], false)],
        arguments: Some("[<keyspace>]"),
    },
    spec("statusbinary", "Status of native transport (binary protocol)"),
    spec("statusgossip", "Status of gossip"),
    spec("stopdaemon", "Stop cassandra daemon"),
    Spec {
        name: "tablestats",
        description: "Print statistics on tables",
        flags: &[
            (&["-i"], false),
            (&["-H", "--human-readable"], false),
            (&["-F", "--format"], true),
            (&["-s", "--sort"], true),
            (&["-t", "--top"], true),
            (&["-l", "--sstable-location-check"], false),
        ],
        arguments: Some("[<keyspace.table>...]"),
    },
    Spec {
        name: "version",
        description: "Print cassandra version",
        flags: &[(&["-v", "--verbose"], false)],
        arguments: None,
    },
];

/// Older names of commands.
const ALIASES: [(&str, &str); 1] = [("cfstats", "tablestats")];

fn find(name: &str) -> Option<(&'static Group, &'static Spec)> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
    GROUPS.iter().find_map(|group| Some((group, group.specs.iter().find(|spec| spec.name == name)?)))
}

/// There is such a command.
pub(super) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// `nodetool help [COMMAND]`
pub(super) fn help(arguments: &[String]) -> Output {
    let Some(name) = arguments.first() else {
        let mut text = String::from(
            "usage: nodetool [(-p <port> | --port <port>)]\n        [(-u <username> | --username <username>)]\n        \
             [(-pw <password> | --password <password>)]\n        \
             [(-pwf <passwordFilePath> | --password-file <passwordFilePath>)]\n        \
             [(-pp | --print-port)] [(-h <host> | --host <host>)] <command> [<args>]\n\n\
             The most commonly used nodetool commands are:\n",
        );
        let mut specs: Vec<_> = GROUPS.iter().flat_map(|group| group.specs).collect();
        specs.sort_by_key(|spec| spec.name);
        let width = specs.iter().map(|spec| spec.name.len()).max().unwrap_or(0) + 2;
        for spec in specs {
            text.push_str(&format!("    {:<width$}{}\n", spec.name, spec.description));
        }
        text.push_str("\nSee 'nodetool help <command>' for more information on a specific command.\n");
        return text.into();
    };
    let Some((_, spec)) = find(name) else { return format!("Unknown command {name}\n\n").into() };
    let mut text = format!("NAME\n        nodetool {} - {}\n\nSYNOPSIS\n", spec.name, spec.description);
    text.push_str("        nodetool [(-h <host> | --host <host>)] [(-p <port> | --port <port>)]\n");
    text.push_str("                [(-pp | --print-port)] [(-pw <password> | --password <password>)]\n");
    text.push_str("                [(-pwf <passwordFilePath> | --password-file <passwordFilePath>)]\n");
    text.push_str(&format!("                [(-u <username> | --username <username>)] {}", spec.name));
    for (names, value) in spec.flags {
        let name = |name: &&str| if *value { format!("{name} <value>") } else { (*name).to_owned() };
        text.push_str(&format!(" [({})]", names.iter().map(name).collect::<Vec<_>>().join(" | ")));
    }
    if let Some(arguments) = spec.arguments {
        text.push_str(&format!(" [--] {arguments}"));
    }
    text.push_str("\n\n");
    text.into()
}

/// A parsed command line.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    flags: Vec<(&'static str, Option<String>)>,
    pub arguments: Vec<String>,
    pub print_port: bool,
    /// The names of nodes, where they are asked for.
    pub names: HashMap<IpAddr, String>,
}

impl Parsed {
    /// As airline parses: what is not one of the command's options is an argument.
    fn parse(spec: &Spec, words: &[String]) -> AdminResult<Self> {
        let mut parsed = Self::default();
        let mut words = words.iter();
        let mut options_end = false;
        while let Some(word) = words.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            match spec.flags.iter().find(|(names, _)| !options_end && names.contains(&name)) {
                Some((names, true)) => {
                    let value = inline.or_else(|| words.next().cloned()).ok_or_else(|| {
                        let title = names.last().map_or("", |name| name.trim_start_matches('-'));
                        AdminError::Invalid(format!("Required values for option '{title}' not provided"))
                    })?;
                    parsed.flags.push((names[0], Some(value)));
                }
                Some((names, false)) => parsed.flags.push((names[0], None)),
                None if word == "--" && !options_end => options_end = true,
                None => parsed.arguments.push(word.clone()),
            }
        }
        if spec.arguments.is_none() && !parsed.arguments.is_empty() {
            let list = parsed.arguments.join(", ");
            return Err(AdminError::Invalid(format!("Found unexpected parameters: [{list}]")));
        }
        Ok(parsed)
    }

    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|(name, _)| *name == flag)
    }

    pub fn value(&self, flag: &str) -> Option<&str> {
        self.flags.iter().rev().find(|(name, _)| *name == flag)?.1.as_deref()
    }
}

/// Runs a command against a server.
pub async fn execute(admin: &dyn Admin, arguments: &[String], print_port: bool) -> Output {
    let Some((name, words)) = arguments.split_first() else { return help(&[]) };
    if name == "help" {
        return help(words);
    }
    let Some((group, spec)) = find(name) else {
        return Output::bad_use(&format!("Found unexpected parameters: [{name}]"));
    };
    let result = match Parsed::parse(spec, words) {
        Ok(mut parsed) => {
            parsed.print_port = print_port;
            if parsed.has("-r") {
                parsed.names = ring::names(admin).await;
            }
            (group.run)(admin, spec.name, &parsed).await
        }
        Err(error) => Err(error),
    };
    result.unwrap_or_else(|error| Output::from(&error))
}

async fn run(admin: &dyn Admin, name: &str, parsed: &Parsed) -> AdminResult<Output> {
    let text = match name {
        "compact" => return compact(admin, parsed).await,
        "compactionhistory" => compaction::history(admin).await?,
        "compactionstats" => compaction::stats(admin, parsed).await?,
        "datapaths" => tables::data_paths(admin, parsed)?,
        "describecluster" => ring::describe_cluster(admin, parsed),
        "describering" => ring::describe_ring(admin, parsed)?,
        "disablebinary" | "enablebinary" => {
            admin.set_native_transport(name == "enablebinary").await?;
            String::new()
        }
        "drain" => {
            admin.drain().await?;
            String::new()
        }
        "flush" => {
            for (keyspace, tables) in keyspace_and_tables(admin, &parsed.arguments)? {
                admin.flush(&keyspace, &tables).await?;
            }
            String::new()
        }
        "getcompactionthroughput" => compaction::throughput(admin, parsed),
        "getconcurrentcompactors" => compaction::concurrent(admin).await?,
        "getdefaultrf" => format!("{}\n", admin.node().default_keyspace_rf),
        "getendpoints" => endpoints(admin, parsed)?,
        "getsstables" => sstables(admin, parsed).await?,
        "getseeds" => match admin.node().seeds.as_slice() {
            [] => "Seed node list does not contain any remote node IPs\n".to_owned(),
            seeds => format!(
                "Current list of seed node IPs, excluding the current node's IP: {}\n",
                seeds.join(" ")
            ),
        },
        "gettimeout" => get_timeout(admin, parsed)?,
        "gettraceprobability" => {
            format!("Current trace probability: {}\n", super::format::double(admin.trace_probability()))
        }
        "info" => ring::info(admin, parsed),
        "reloadssl" => {
            admin.reload_certificates().await?;
            String::new()
        }
        "ring" => return ring::ring(admin, parsed),
        "settimeout" => set_timeout(admin, parsed)?,
        "settraceprobability" => set_trace_probability(admin, parsed)?,
        "status" => return ring::status(admin, parsed),
        "statusbinary" => running(admin.node().native_transport_active),
        "statusgossip" => running(admin.node().gossip_active),
        "stopdaemon" => {
            admin.stop_daemon();
            "Cassandra has shutdown.\n".to_owned()
        }
        "tablestats" => tables::stats(admin, parsed)?,
        "version" => {
            let mut text = format!("ReleaseVersion: {}\n", admin.node().release_version);
            if parsed.has("-v") {
                text.push_str(&format!("Helenus: {}\n", env!("CARGO_PKG_VERSION")));
            }
            text
        }
        other => return Err(AdminError::Failed(format!("{other} is not supported"))),
    };
    Ok(text.into())
}

pub(super) fn running(yes: bool) -> String {
    if yes { "running\n".to_owned() } else { "not running\n".to_owned() }
}

/// The keyspaces (all if none is named) with the tables named after them.
pub(super) fn keyspace_and_tables(
    admin: &dyn Admin,
    arguments: &[String],
) -> AdminResult<Vec<(String, Vec<String>)>> {
    let known = admin.keyspaces();
    let Some((keyspace, tables)) = arguments.split_first() else {
        return Ok(known.into_iter().map(|keyspace| (keyspace.name, Vec::new())).collect());
    };
    let Some(found) = known.iter().find(|known| known.name == *keyspace) else {
        return Err(AdminError::Invalid(format!("Keyspace [{keyspace}] does not exist.")));
    };
    if let Some(table) = tables.iter().find(|table| !found.tables.contains(table)) {
        return Err(AdminError::Failed(format!("Unknown keyspace/cf pair ({keyspace}.{table})")));
    }
    Ok(vec![(keyspace.clone(), tables.to_vec())])
}

async fn compact(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<Output> {
    let failed = |message: &str| Err(AdminError::Failed(message.to_owned()));
    let (start, end) = (parsed.value("-st"), parsed.value("-et"));
    let has_tokens = start.is_some() || end.is_some() || parsed.has("--partition");
    if parsed.has("-s") && (parsed.has("--user-defined") || has_tokens) {
        return failed("Invalid option combination: Can not use split-output here");
    }
    if parsed.has("--user-defined") {
        if has_tokens {
            return failed("Invalid option combination: Can not provide tokens when using user-defined");
        }
        admin.compact_files(&parsed.arguments).await?;
        return Ok(Output::default());
    }
    let selection = match (start, end, parsed.value("--partition")) {
        (None, None, None) => Selection::All { split_output: parsed.has("-s") },
        (None, None, Some(key)) => Selection::Partition(key.to_owned()),
        (start, end, _) => Selection::Tokens(token(start)?, token(end)?),
    };
    for (keyspace, tables) in keyspace_and_tables(admin, &parsed.arguments)? {
        admin.compact(&keyspace, &tables, selection.clone()).await?;
    }
    Ok(Output::default())
}

fn token(text: Option<&str>) -> AdminResult<i64> {
    let text = text.unwrap_or_default();
    text.parse().map_err(|_| {
        AdminError::Failed(format!(
            "Invalid token for Murmur3Partitioner. Got {text} but expected a long value (unsigned 8 bytes integer)."
        ))
    })
}

/// The keyspace, table and key of a command, which has no other arguments.
fn key_of<'a>(admin: &dyn Admin, parsed: &'a Parsed, usage: &str) -> AdminResult<[&'a str; 3]> {
    let [keyspace, table, key] = parsed.arguments.as_slice() else {
        return Err(AdminError::Invalid(usage.to_owned()));
    };
    keyspace_and_tables(admin, &[keyspace.clone(), table.clone()])?;
    Ok([keyspace, table, key])
}

fn endpoints(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<String> {
    let usage = "getendpoints requires keyspace, table and partition key arguments";
    let [keyspace, table, key] = key_of(admin, parsed, usage)?;
    Ok(admin.endpoints(keyspace, table, key)?.iter().map(|address| format!("{address}\n")).collect())
}

async fn sstables(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<String> {
    let [keyspace, table, key] = key_of(admin, parsed, "getsstables requires ks, cf and key args")?;
    let mut found = admin.sstables(keyspace, table, key, parsed.has("-hf")).await?;
    if parsed.has("-l") && admin.has_levels(keyspace, table) {
        found.sort();
        return Ok(found.iter().map(|(level, file)| format!("{level}: {file}\n")).collect());
    }
    Ok(found.iter().map(|(_, file)| format!("{file}\n")).collect())
}

const TIMEOUT_TYPES: &str = "read, range, write, counterwrite, cascontention, truncate, internodeconnect, \
     internodeuser, internodestreaminguser, misc (general rpc_timeout_in_ms)";

fn get_timeout(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<String> {
    let [kind] = parsed.arguments.as_slice() else {
        return Err(AdminError::Invalid(format!(
            "gettimeout requires a timeout type, one of ({TIMEOUT_TYPES})"
        )));
    };
    match admin.timeout(kind) {
        Some(timeout) => Ok(format!("Current timeout for type {kind}: {} ms\n", timeout.as_millis())),
        None => Err(AdminError::Invalid(format!("Timeout type requires one of ({TIMEOUT_TYPES})"))),
    }
}

fn set_timeout(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<String> {
    let [kind, millis] = parsed.arguments.as_slice() else {
        return Err(AdminError::Invalid("Timeout type followed by value required.".to_owned()));
    };
    let millis: i64 =
        millis.parse().map_err(|_| AdminError::Invalid(format!("For input string: \"{millis}\"")))?;
    let millis =
        u64::try_from(millis).map_err(|_| AdminError::Invalid("timeout must be non-negative".to_owned()))?;
    if admin.set_timeout(kind, Duration::from_millis(millis)) {
        return Ok(String::new());
    }
    Err(AdminError::Invalid(format!("Timeout type requires one of ({TIMEOUT_TYPES})")))
}

fn set_trace_probability(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<String> {
    let value = match parsed.arguments.as_slice() {
        [value] => value.parse::<f64>().ok(),
        _ => None,
    };
    match value {
        Some(value) if (0.0..=1.0).contains(&value) => {
            admin.set_trace_probability(value);
            Ok(String::new())
        }
        _ => Err(AdminError::Invalid("Trace probability must be between 0 and 1".to_owned())),
    }
}
