//! With which settings scripts run.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::Script;
use super::folder;

/// Keys of cassandra.yaml that differ from those that Cassandra ships with; none without a file.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The keys and their values, as YAML.
    pub keys: Vec<(String, String)>,
}

/// Scripts that run on one server.
#[derive(Debug)]
pub struct Group {
    /// Its settings.
    pub settings: Settings,
    /// The scripts, in their order.
    pub scripts: Vec<PathBuf>,
}

impl Settings {
    /// The settings of that name.
    pub fn named(name: &str) -> io::Result<Self> {
        let path = folder().join(name).with_extension("yaml");
        let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let key = |line: &str| {
            let pair = line.split_once(": ").filter(|(key, _)| !key.starts_with(' '));
            let (key, value) = pair.ok_or_else(|| bad(format!("{}: {line}", path.display())))?;
            Ok((key.to_owned(), value.to_owned()))
        };
        Ok(Self { keys: lines.map(key).collect::<io::Result<_>>()? })
    }

    /// The text of a cassandra.yaml.
    pub fn text(&self) -> String {
        self.keys.iter().map(|(key, value)| format!("{key}: {value}\n")).collect()
    }
}

impl Group {
    /// Scripts by their settings: first those without any.
    pub fn all(scripts: &[PathBuf]) -> io::Result<Vec<Self>> {
        let mut groups: BTreeMap<Option<String>, Vec<PathBuf>> = BTreeMap::new();
        for path in scripts {
            groups.entry(Script::read(path)?.settings).or_default().push(path.clone());
        }
        let group = |(name, scripts): (Option<String>, Vec<PathBuf>)| {
            let settings = name.as_deref().map(Settings::named).transpose()?.unwrap_or_default();
            Ok(Self { settings, scripts })
        };
        groups.into_iter().map(group).collect()
    }

    /// Whether a server as Cassandra ships it is what these scripts need.
    pub fn is_plain(&self) -> bool {
        self.settings.keys.is_empty()
    }

    /// Its scripts' paths.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.scripts.iter().map(PathBuf::as_path)
    }
}
