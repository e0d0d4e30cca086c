//! The levels of the log, which nodetool changes while the server runs.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;

/// What the log of this process is held against, and how that is changed.
struct Levels {
    start: String,
    changed: Mutex<BTreeMap<String, String>>,
    apply: Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>,
}

static LEVELS: OnceLock<Levels> = OnceLock::new();

/// Levels, the lowest first.
const NAMES: [&str; 6] = ["OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

/// Notes the filter that the log began with (directives as `RUST_LOG` has them), and what sets another one. To be called
/// by whoever owns the log of the process; what is noted first stays.
pub fn own(start: String, apply: impl Fn(EnvFilter) -> Result<(), String> + Send + Sync + 'static) {
    let levels = Levels { start, changed: Mutex::default(), apply: Box::new(apply) };
    // A second owner has no log: the first one's is the process's.
    let _ = LEVELS.set(levels);
}

fn levels() -> Result<&'static Levels, String> {
    LEVELS.get().ok_or_else(|| "the log of this process does not belong to the server".to_owned())
}

/// Each logger and its level: `ROOT`, then those that have one of their own.
pub(super) fn all() -> Result<Vec<(String, String)>, String> {
    let levels = levels()?;
    let mut found = BTreeMap::new();
    let mut root = "ERROR".to_owned();
    for directive in levels.start.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
        match directive.split_once('=') {
            Some((target, level)) => _ = found.insert(target.to_owned(), level.to_uppercase()),
            None => root = directive.to_uppercase(),
        }
    }
    for (target, level) in levels.changed.lock().iter() {
        match target.as_str() {
            "" => root.clone_from(level),
            target => _ = found.insert(target.to_owned(), level.clone()),
        }
    }
    Ok([("ROOT".to_owned(), root)].into_iter().chain(found).collect())
}

/// Sets the level of a logger; everything is as it was at start where no level is given.
pub(super) fn set(logger: &str, level: &str) -> Result<(), String> {
    let levels = levels()?;
    let mut changed = levels.changed.lock();
    let mut next = changed.clone();
    if level.is_empty() {
        next.clear();
    } else if NAMES.contains(&level.to_uppercase().as_str()) {
        next.insert(target(logger).to_owned(), level.to_uppercase());
    } else {
        return Err(format!("there is no level {level}, only {}", NAMES.join(", ")));
    }
    let mut directives = levels.start.clone();
    for (target, level) in &next {
        directives.push(',');
        if !target.is_empty() {
            directives.push_str(&format!("{target}="));
        }
        directives.push_str(level);
    }
    let filter = EnvFilter::builder().parse(&directives).map_err(|error| error.to_string())?;
    (levels.apply)(filter)?;
    *changed = next;
    Ok(())
}

/// The module that a logger of Cassandra's, or one of its components, stands for; empty for all.
fn target(logger: &str) -> &str {
    match logger {
        "ROOT" => "",
        "bootstrap" | "repair" | "ring" | "streaming" => "helenus::cluster",
        "compaction" => "helenus::storage::compaction",
        "cql" => "helenus::cql",
        java if java.starts_with("org.apache.cassandra") => "helenus",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use std::sync::Arc;

    use super::*;

    #[test]
    fn levels_change_and_go_back() {
        let applied = Arc::new(Mutex::new(String::new()));
        let seen = applied.clone();
        own("info,helenus::protocol=warn".to_owned(), move |filter| {
            *seen.lock() = filter.to_string();
            Ok(())
        });
        let pair = |name: &str, level: &str| (name.to_owned(), level.to_owned());
        let start = [pair("ROOT", "INFO"), pair("helenus::protocol", "WARN")];
        assert_eq!(all().unwrap(), start);
        set("compaction", "debug").unwrap();
        set("ROOT", "ERROR").unwrap();
        let changed = [
            pair("ROOT", "ERROR"),
            pair("helenus::protocol", "WARN"),
            pair("helenus::storage::compaction", "DEBUG"),
        ];
        assert_eq!(all().unwrap(), changed);
        assert!(applied.lock().contains("helenus::storage::compaction=debug"), "{}", applied.lock());
        set("org.apache.cassandra.db", "NONSENSE").unwrap_err();
        assert_eq!(all().unwrap(), changed);
        set("", "").unwrap();
        assert_eq!(all().unwrap(), start);
    }
}
