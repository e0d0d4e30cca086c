//! `snapshot`, `listsnapshots`, `clearsnapshot`.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, TimeDelta, Utc};

use super::admin::{Admin, AdminError, AdminResult};
use super::command::{Group, Output, Parsed, Spec, keyspace_and_tables};
use super::format::{Table, file_size};
use super::maintenance::{SnapshotInfo, SnapshotRequest};

pub(super) const GROUP: Group = Group {
    specs: &[
        Spec {
            name: "clearsnapshot",
            description: "Remove the snapshot with the given name from the given keyspaces",
            flags: &[
                (&["-t"], true),
                (&["--all"], false),
                (&["--older-than"], true),
                (&["--older-than-timestamp"], true),
            ],
            arguments: Some("[<keyspaces>...]"),
        },
        Spec {
            name: "listsnapshots",
            description: "Lists all the snapshots along with the size on disk and true size. True size is the total size \
                          of all SSTables which are not backed up to disk. Size on disk is total size of the snapshot \
                          on disk. Total TrueDiskSpaceUsed does not make any SSTable deduplication.",
            flags: &[(&["-nt", "--no-ttl"], false), (&["-e", "--ephemeral"], false)],
            arguments: None,
        },
        Spec {
            name: "snapshot",
            description: "Take a snapshot of specified keyspaces or a snapshot of the specified table",
            flags: &[
                (&["-cf", "--column-family", "--table"], true),
                (&["-t", "--tag"], true),
                (&["-kt", "--kt-list", "-kc", "--kc.list"], true),
                (&["-sf", "--skip-flush"], false),
                (&["--ttl"], true),
            ],
            arguments: Some("[<keyspaces...>]"),
        },
    ],
    run: |admin, name, parsed| {
        Box::pin(async move {
            match name {
                "snapshot" => take(admin, parsed).await,
                "listsnapshots" => list(admin, parsed).await,
                _ => clear(admin, parsed).await,
            }
        })
    },
};

/// The shortest time after which a snapshot may go: `cassandra.snapshot.min_allowed_ttl_seconds`.
const TTL_SECONDS_MIN: u64 = 60;

fn invalid(message: &str) -> AdminError {
    AdminError::Invalid(message.to_owned())
}

fn failed(message: &str) -> AdminError {
    AdminError::Failed(message.to_owned())
}

async fn take(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<Output> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let tag = parsed.value("-t").map_or_else(|| now.as_millis().to_string(), str::to_owned);
    let ttl = parsed
        .value("--ttl")
        .map(|text| duration_seconds(text).map(|seconds| (text, seconds)))
        .transpose()?;
    if tag.contains('/') {
        return Err(failed("Snapshot name cannot contain /"));
    }
    let list = parsed.value("-kt").map(|list| list.replace(' ', "")).filter(|list| !list.is_empty());
    if list.is_some() && (!parsed.arguments.is_empty() || parsed.value("-cf").is_some()) {
        return Err(failed(
            "When specifying the Keyspace table list (using -kt,--kt-list,-kc,--kc.list), you must not also specify \
             keyspaces to snapshot",
        ));
    }
    let of = match (&list, parsed.arguments.as_slice()) {
        (Some(list), _) => format!("[{list}]"),
        (None, []) => "[all keyspaces]".to_owned(),
        (None, keyspaces) => format!("[{}]", keyspaces.join(", ")),
    };
    let named = if tag.is_empty() { String::new() } else { format!(" with snapshot name [{tag}]") };
    let skips = parsed.has("-sf");
    let expiry = ttl.map_or_else(String::new, |(text, _)| format!(", ttl={text}"));
    let mut text =
        format!("Requested creating snapshot(s) for {of}{named} and options {{skipFlush={skips}{expiry}}}\n");
    let taken = async {
        let tables = match list {
            Some(list) => listed(admin, &list)?,
            None => of_keyspaces(admin, parsed)?,
        };
        let request = SnapshotRequest {
            tag: tag.clone(),
            tables,
            flush: !skips,
            ttl_seconds: ttl.map(|(_, seconds)| seconds),
        };
        check(admin, &request).await?;
        admin.maintenance().snapshot(request).await
    };
    if let Err(error) = taken.await {
        return Ok(Output::after(&text, &error));
    }
    text.push_str(&format!("Snapshot directory: {tag}\n"));
    Ok(text.into())
}

async fn check(admin: &dyn Admin, request: &SnapshotRequest) -> AdminResult<()> {
    if request.tag.is_empty() {
        return Err(failed("You must supply a snapshot name."));
    }
    if request.ttl_seconds.is_some_and(|seconds| seconds < TTL_SECONDS_MIN) {
        return Err(invalid(&format!("ttl for snapshot must be at least {TTL_SECONDS_MIN} seconds")));
    }
    let there = admin.maintenance().snapshots().await?;
    for (keyspace, tables) in &request.tables {
        let same = |snapshot: &&SnapshotInfo| {
            snapshot.tag == request.tag
                && snapshot.keyspace == *keyspace
                && (tables.is_empty() || tables.contains(&snapshot.table))
        };
        if there.iter().any(|snapshot| same(&snapshot)) {
            return Err(failed(&format!("Snapshot {} already exists.", request.tag)));
        }
    }
    Ok(())
}

/// The tables of `-kt`: `keyspace.table,keyspace.table`.
fn listed(admin: &dyn Admin, list: &str) -> AdminResult<Vec<(String, Vec<String>)>> {
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    for name in list.split(',') {
        let Some((keyspace, table)) = name.split_once('.') else {
            return Err(invalid(&format!(
                "Cannot take a snapshot on secondary index or invalid column family name. You must supply a column \
                 family name in the form of keyspace.columnfamily: {name}"
            )));
        };
        known(admin, keyspace, Some(table))?;
        match tables.iter_mut().find(|(known, _)| known == keyspace) {
            Some((_, all)) => all.push(table.to_owned()),
            None => tables.push((keyspace.to_owned(), vec![table.to_owned()])),
        }
    }
    Ok(tables)
}

fn of_keyspaces(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<Vec<(String, Vec<String>)>> {
    match (parsed.value("-cf"), parsed.arguments.as_slice()) {
        (Some(table), [keyspace]) => {
            known(admin, keyspace, Some(table))?;
            Ok(vec![(keyspace.clone(), vec![table.to_owned()])])
        }
        (Some(_), _) => Err(failed(
            "When specifying the table for a snapshot, you must specify one and only one keyspace",
        )),
        (None, []) => keyspace_and_tables(admin, &[]),
        (None, keyspaces) => {
            let one =
                |keyspace: &String| known(admin, keyspace, None).map(|()| (keyspace.clone(), Vec::new()));
            keyspaces.iter().map(one).collect()
        }
    }
}

fn known(admin: &dyn Admin, keyspace: &str, table: Option<&str>) -> AdminResult<()> {
    let keyspaces = admin.keyspaces();
    let Some(found) = keyspaces.iter().find(|known| known.name == keyspace) else {
        return Err(invalid(&format!("Keyspace {keyspace} does not exist")));
    };
    match table.filter(|table| !found.tables.iter().any(|known| known == table)) {
        Some(table) => Err(invalid(&format!("Unknown keyspace/cf pair ({keyspace}.{table})"))),
        None => Ok(()),
    }
}

async fn list(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<Output> {
    let ephemeral = parsed.has("-e");
    let mut snapshots = admin.maintenance().snapshots().await?;
    snapshots.retain(|one| (ephemeral || !one.ephemeral) && !(parsed.has("-nt") && one.expires_at.is_some()));
    if snapshots.is_empty() {
        return Ok("Snapshot Details: \nThere are no snapshots\n".to_owned().into());
    }
    let mut table = Table::default();
    let header = ["Snapshot name", "Keyspace name", "Column family name", "True size", "Size on disk"];
    let more = ["Creation time", "Expiration time", "Ephemeral"];
    let columns = if ephemeral { 8 } else { 7 };
    table.add_all(header.into_iter().chain(more).take(columns).map(str::to_owned));
    for one in &snapshots {
        let cells = [
            one.tag.clone(),
            one.keyspace.clone(),
            one.table.clone(),
            file_size(one.true_size_bytes),
            file_size(one.size_on_disk_bytes),
            one.created_at.clone().unwrap_or_default(),
            one.expires_at.clone().unwrap_or_default(),
            one.ephemeral.to_string(),
        ];
        table.add_all(cells.into_iter().take(columns));
    }
    let total = snapshots.iter().map(|one| one.true_sstable_bytes).sum();
    Ok(format!(
        "Snapshot Details: \n{}\nTotal TrueDiskSpaceUsed: {}\n\n",
        table.print(" ", &table.widths()),
        file_size(total)
    )
    .into())
}

async fn clear(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<Output> {
    let tag = parsed.value("-t").filter(|tag| !tag.is_empty());
    let (age, timestamp) = (parsed.value("--older-than"), parsed.value("--older-than-timestamp"));
    match (tag, parsed.has("--all")) {
        (None, false) => return Err(invalid("Specify snapshot name or --all")),
        (Some(_), true) => return Err(invalid("Specify only one of snapshot name or --all")),
        _ => {}
    }
    if age.is_some() && timestamp.is_some() {
        return Err(invalid("Specify only one of --older-than or --older-than-timestamp"));
    }
    for (flag, given) in [("--older-than", age), ("--older-than-timestamp", timestamp)] {
        if tag.is_some() && given.is_some() {
            return Err(invalid(&format!(
                "Specifying snapshot name together with {flag} flag is not allowed"
            )));
        }
    }
    let instant = |text: &str| {
        DateTime::parse_from_rfc3339(text)
            .map(|time| time.with_timezone(&Utc))
            .map_err(|_| invalid("Parameter --older-than-timestamp has to be a valid instant in ISO format."))
    };
    let mut before = timestamp.map(instant).transpose()?;
    let mut older = timestamp.map_or_else(String::new, |text| format!(" older than timestamp {text}"));
    if let Some(text) = age {
        let seconds = duration_seconds(text)?;
        before = i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds).map(|age| Utc::now() - age);
        older = format!(" older than {seconds} seconds.");
    }
    let keyspaces = &parsed.arguments;
    let of = if keyspaces.is_empty() { "all keyspaces".to_owned() } else { keyspaces.join(", ") };
    let named = tag.map_or_else(|| "[all snapshots]".to_owned(), |tag| format!("snapshot name [{tag}]"));
    let text = format!("Requested clearing snapshot(s) for [{of}] with {named}{older}\n");
    let mut snapshots = admin.maintenance().snapshots().await?;
    snapshots.retain(|one| {
        let taken = one.created_at.as_deref().and_then(|text| instant(text).ok());
        (keyspaces.is_empty() || keyspaces.contains(&one.keyspace))
            && tag.is_none_or(|tag| one.tag == tag)
            && before.is_none_or(|before| taken.is_some_and(|taken| taken < before))
    });
    match admin.maintenance().clear_snapshots(snapshots).await {
        Ok(()) => Ok(text.into()),
        Err(error) => Ok(Output::after(&text, &error)),
    }
}

/// The seconds of a length of time as cassandra.yaml has them: `3h`, `10m`, `90s`, `1d`.
fn duration_seconds(text: &str) -> AdminResult<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "d" => 86_400,
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        _ => 0,
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(seconds))
        .filter(|_| seconds > 0)
        .ok_or_else(|| {
            invalid(&format!("Invalid duration: {text} Accepted units:[SECONDS, MINUTES, HOURS, DAYS]"))
        })
}
