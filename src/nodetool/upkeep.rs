//! What is done to the files of tables: checks, rewrites, and whether and how they are compacted.

use super::admin::{Admin, AdminError, AdminResult};
use super::command::{Group, Output, Parsed, Spec, keyspace_and_tables, running, spec, taking};
use super::format::Table;
use super::maintenance::Rewrite;

const TABLES: &str = "[<keyspace> <tables>...]";

pub(super) const GROUP: Group = Group {
    specs: &[
        Spec {
            name: "cleanup",
            description: "Triggers the immediate cleanup of keys no longer belonging to a node. By default, clean all \
                          keyspaces",
            flags: &[(&["-j", "--jobs"], true)],
            arguments: Some(TABLES),
        },
        taking("disableautocompaction", "Disable autocompaction for the given keyspace and table", TABLES),
        spec("disablebackup", "Disable incremental backup"),
        taking("enableautocompaction", "Enable autocompaction for the given keyspace and table", TABLES),
        spec("enablebackup", "Enable incremental backup"),
        taking(
            "getcompactionthreshold",
            "Print min and max compaction thresholds for a given table",
            "<keyspace> <table>",
        ),
        taking("refresh", "Load newly placed SSTables to the system without restart", "<keyspace> <table>"),
        Spec {
            name: "scrub",
            description: "Scrub (rebuild sstables for) one or more tables",
            flags: &[(&["-ns", "--no-snapshot"], false), (&["-j", "--jobs"], true)],
            arguments: Some(TABLES),
        },
        taking(
            "setcompactionthroughput",
            "Set the MiB/s throughput cap for compaction in the system, or 0 to disable throttling",
            "<value_in_mb>",
        ),
        Spec {
            name: "statusautocompaction",
            description: "status of autocompaction of the given keyspace and table",
            flags: &[(&["-a", "--all"], false)],
            arguments: Some(TABLES),
        },
        spec("statusbackup", "Status of incremental backup"),
        Spec {
            name: "upgradesstables",
            description: "Rewrite sstables (for the requested tables) that are not on the current version (thus upgrading \
                          them to said current version)",
            flags: &[
                (&["-a", "--include-all-sstables"], false),
                (&["-t", "--max-timestamp"], true),
                (&["-j", "--jobs"], true),
            ],
            arguments: Some(TABLES),
        },
        Spec {
            name: "verify",
            description: "Verify (check data checksum for) one or more tables",
            flags: &[
                (&["-e", "--extended-verify"], false),
                (&["-f", "--force"], false),
                (&["-t", "--check-tokens"], false),
            ],
            arguments: Some(TABLES),
        },
    ],
    run: |admin, name, parsed| Box::pin(run(admin, name, parsed)),
};

async fn run(admin: &dyn Admin, name: &str, parsed: &Parsed) -> AdminResult<Output> {
    let (maintenance, arguments) = (admin.maintenance(), &parsed.arguments);
    match name {
        // Every key belongs to the only node, so that there is nothing to clean.
        "cleanup" => {
            jobs(parsed)?;
            keyspace_and_tables(admin, arguments)?;
        }
        "disableautocompaction" | "enableautocompaction" => {
            for (keyspace, tables) in keyspace_and_tables(admin, arguments)? {
                maintenance.set_compacts_by_itself(&keyspace, &tables, name == "enableautocompaction");
            }
        }
        "disablebackup" | "enablebackup" => maintenance.set_incremental_backups(name == "enablebackup"),
        "getcompactionthreshold" => return compaction_threshold(admin, parsed),
        "refresh" => return refresh(admin, parsed).await,
        "scrub" => scrub(admin, parsed).await?,
        "setcompactionthroughput" => set_throughput(admin, parsed)?,
        "statusautocompaction" => return auto_compaction(admin, parsed),
        "statusbackup" => return Ok(running(maintenance.incremental_backups()).into()),
        "upgradesstables" => {
            jobs(parsed)?;
            let before_ms =
                parsed.value("-t").map_or(Ok(i64::MAX), |text| number("max_timestamp", text, "long"))?;
            let what = Rewrite::Upgrade { all: parsed.has("-a"), before_ms };
            for (keyspace, tables) in keyspace_and_tables(admin, arguments)? {
                maintenance.rewrite(&keyspace, &tables, what).await?;
            }
        }
        _ => return verify(admin, parsed).await,
    }
    Ok(Output::default())
}

/// A number as airline reads it: `title` is the option's or argument's name.
fn number<T: std::str::FromStr>(title: &str, text: &str, kind: &str) -> AdminResult<T> {
    text.parse().map_err(|_| AdminError::Invalid(format!("{title}: can not convert \"{text}\" to a {kind}")))
}

/// `-j`: how many SSTables at a time. It is one at a time here, which any number allows.
fn jobs(parsed: &Parsed) -> AdminResult<()> {
    parsed.value("-j").map_or(Ok(0_i32), |text| number("jobs", text, "int")).map(|_| ())
}

fn set_throughput(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<()> {
    let [value] = parsed.arguments.as_slice() else {
        return Err(AdminError::Invalid(match parsed.arguments.get(1..) {
            None => "Required parameters are missing: compaction_throughput".to_owned(),
            Some(rest) => format!("Found unexpected parameters: [{}]", rest.join(", ")),
        }));
    };
    let value: i32 = number("compaction_throughput", value, "Integer")?;
    let mebibytes = u64::try_from(value)
        .map_err(|_| AdminError::Invalid("Invalid data rate: value must be non-negative".to_owned()))?;
    admin.maintenance().set_compaction_throughput(mebibytes << 20);
    Ok(())
}

fn compaction_threshold(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<Output> {
    let [keyspace, table] = parsed.arguments.as_slice() else {
        return Err(AdminError::Invalid("getcompactionthreshold requires ks and cf args".to_owned()));
    };
    keyspace_and_tables(admin, &parsed.arguments)?;
    let (min, max) = admin.maintenance().compaction_thresholds(keyspace, table);
    Ok(format!("Current compaction thresholds for {keyspace}/{table}: \n min = {min},  max = {max}\n").into())
}

fn auto_compaction(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<Output> {
    let mut table = Table::default();
    table.add(["Keyspace", "Table", "Status"]);
    let (mut enabled, mut disabled) = (0, 0);
    for (keyspace, tables) in keyspace_and_tables(admin, &parsed.arguments)? {
        for (name, is_enabled) in admin.maintenance().compacts_by_itself(&keyspace, &tables) {
            *(if is_enabled { &mut enabled } else { &mut disabled }) += 1;
            let status = if is_enabled { "running" } else { "not running" };
            table.add([keyspace.as_str(), &name, status]);
        }
    }
    if parsed.has("-a") {
        return Ok(table.print(" ", &table.widths()).into());
    }
    Ok(match (enabled, disabled) {
        (_, 0) => "running\n",
        (0, _) => "not running\n",
        _ => "partially running\n",
    }
    .to_owned()
    .into())
}

async fn refresh(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<Output> {
    let text = "nodetool refresh is deprecated, use nodetool import instead\n";
    let refreshed = async {
        let [keyspace, table] = parsed.arguments.as_slice() else {
            return Err(AdminError::Invalid("refresh requires ks and cf args".to_owned()));
        };
        keyspace_and_tables(admin, &parsed.arguments)?;
        admin.maintenance().refresh(keyspace, table).await
    };
    match refreshed.await {
        Ok(()) => Ok(text.to_owned().into()),
        Err(error) => Ok(Output::after(text, &error)),
    }
}

async fn scrub(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<()> {
    jobs(parsed)?;
    let tables = keyspace_and_tables(admin, &parsed.arguments)?;
    if !parsed.has("-ns") {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let tag = format!("pre-scrub-{}", since.as_millis());
        let request = super::SnapshotRequest { tag, tables: tables.clone(), flush: true, ttl_seconds: None };
        admin.maintenance().snapshot(request).await?;
    }
    for (keyspace, tables) in tables {
        admin.maintenance().rewrite(&keyspace, &tables, Rewrite::Scrub).await?;
    }
    Ok(())
}

async fn verify(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<Output> {
    let refused =
        |message: &str| Ok(Output { stdout: format!("{message}\n"), stderr: String::new(), code: 1 });
    if !parsed.has("-f") {
        return refused(
            "verify is disabled unless a [-f|--force] override flag is provided. See CASSANDRA-9947 and \
             CASSANDRA-17017 for details.",
        );
    }
    let tables = keyspace_and_tables(admin, &parsed.arguments)?;
    // Every token belongs to the only node.
    if parsed.has("-t") && !parsed.has("-e") {
        return refused("Token verification requires --extended-verify");
    }
    for (keyspace, tables) in tables {
        admin.maintenance().verify(&keyspace, &tables, parsed.has("-e")).await?;
    }
    Ok(Output::default())
}
