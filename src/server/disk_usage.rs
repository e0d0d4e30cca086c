//! Measures from time to time how full the disks are, where guardrails want to know
//! (Cassandra: `DiskUsageMonitor`).

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tracing::warn;

use super::StartError;
use crate::config::Config;
use crate::cql::node::Node;
use crate::env::fs::FileSystem;
use crate::error::Error;
use crate::nodetool::format::file_size;

/// Between two measurements (Cassandra: `DISK_USAGE_MONITOR_INTERVAL_MS`).
const PERIOD: Duration = Duration::from_secs(30);

/// What is measured, and against what.
#[derive(Clone, Debug)]
pub(super) struct DiskUsageMonitor {
    fs: Arc<dyn FileSystem>,
    directories: Vec<PathBuf>,
    /// `data_disk_usage_max_disk_size`, bytes.
    max_bytes: Option<u64>,
}

impl DiskUsageMonitor {
    /// The monitor that the configuration asks for; none where no guardrail is on. The directories exist. Refuses a
    /// size that the disks do not have.
    pub fn new(config: &Config, fs: &Arc<dyn FileSystem>) -> Result<Option<Self>, StartError> {
        let monitor = Self {
            fs: Arc::clone(fs),
            directories: config.data_directories.clone(),
            max_bytes: config.bytes("data_disk_usage_max_disk_size"),
        };
        if let Some(max) = monitor.max_bytes {
            let space = monitor.space().map_err(|e| StartError::Store(e.into()))?;
            let total = space.values().fold(0u64, |sum, space| sum.saturating_add(space.total));
            if total < max {
                let given = config.storage_text("data_disk_usage_max_disk_size").unwrap_or_default();
                return Err(StartError::Store(Error::config(format!(
                    "Invalid guardrails configuration: Invalid value for data_disk_usage_max_disk_size: {given} \
                     specified, but only {} are actually available on disk",
                    file_size(total)
                ))));
            }
        }
        let is_on = ["warn", "fail"].iter().any(|kind| {
            config.int(&format!("data_disk_usage_percentage_{kind}_threshold")).is_some_and(|value| value > 0)
        });
        Ok(is_on.then_some(monitor))
    }

    /// The space of each of the disks, by number.
    fn space(&self) -> io::Result<HashMap<u64, crate::env::fs::Space>> {
        self.directories.iter().map(|path| self.fs.space(path).map(|space| (space.device, space))).collect()
    }

    /// How much is used, in percent, rounded up; `memtables`: the bytes that are still to be flushed.
    fn percentage(&self, memtables: u64) -> io::Result<i64> {
        let free = self.space()?.values().fold(0u64, |sum, space| sum.saturating_add(space.usable));
        let files = self
            .directories
            .iter()
            .try_fold(0u64, |sum, path| self.folder_bytes(path).map(|bytes| sum.saturating_add(bytes)))?;
        let total = files.saturating_add(free).min(self.max_bytes.unwrap_or(u64::MAX)).max(1);
        let used = u128::from(files.saturating_add(memtables));
        // Of the share five digits count, rounded up.
        let share = (used * 100_000).div_ceil(u128::from(total));
        Ok(i64::try_from(share.div_ceil(1000)).unwrap_or(i64::MAX))
    }

    fn folder_bytes(&self, directory: &Path) -> io::Result<u64> {
        let mut bytes = 0u64;
        for entry in self.fs.list(directory)? {
            let size = if entry.is_dir { self.folder_bytes(&entry.path) } else { self.fs.len(&entry.path) };
            match size {
                Ok(size) => bytes = bytes.saturating_add(size),
                // It went meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }

    /// Measures once.
    pub fn measure(&self, node: &Node) {
        let coordinator = node.coordinator();
        match self.percentage(coordinator.storage().memtable_bytes()) {
            Ok(percentage) => {
                let threshold = &coordinator.settings().guardrails.local_data_disk_usage;
                let now_ms = coordinator.clock().micros() / 1000;
                coordinator.disk_usage().set(percentage, threshold, now_ms);
            }
            Err(error) => warn!(%error, "cannot find out how full the disks are"),
        }
    }

    /// Measures until the node is gone.
    pub async fn run(self, node: Weak<Node>) {
        loop {
            tokio::time::sleep(PERIOD).await;
            let Some(node) = node.upgrade() else { return };
            let monitor = self.clone();
            if tokio::task::spawn_blocking(move || monitor.measure(&node)).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]
    use super::*;
    use crate::env::fs::RealFs;

    #[test]
    fn a_size_that_the_disks_do_not_have_is_refused_in_its_own_unit() {
        let directory = tempfile::tempdir().unwrap();
        let text = format!(
            "data_file_directories: [{}]\ndata_disk_usage_max_disk_size: 8000000GiB\n",
            directory.path().display()
        );
        let config = Config::parse(&text, None, Path::new(".")).unwrap();
        let fs: Arc<dyn FileSystem> = Arc::new(RealFs);
        let error = DiskUsageMonitor::new(&config, &fs).unwrap_err().to_string();
        assert!(error.contains(": 8000000GiB specified, but only "), "{error}");
        assert!(error.contains("iB are actually available on disk"), "{error}");
    }

    #[test]
    fn what_is_used_counts_files_below_and_memtables() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("a")).unwrap();
        std::fs::write(directory.path().join("a/b"), [0; 600]).unwrap();
        std::fs::write(directory.path().join("c"), [0; 100]).unwrap();
        let monitor = |max_bytes| DiskUsageMonitor {
            fs: Arc::new(RealFs),
            directories: vec![directory.path().to_owned()],
            max_bytes: Some(max_bytes),
        };
        assert_eq!(monitor(1000).percentage(0).unwrap(), 70);
        assert_eq!(monitor(1000).percentage(201).unwrap(), 91);
        assert_eq!(monitor(500).percentage(0).unwrap(), 140);
    }
}
