//! Snapshots: hard links of a table's files under a name (`nodetool snapshot`).

use std::path::{Path, PathBuf};

use super::table_files::TableFiles;
use crate::env::fs::FileSystem;
use crate::storage::error::StorageError;

/// A snapshot of one table in one directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub tag: String,
    /// Where it is.
    pub directory: PathBuf,
    /// The bytes of its files.
    pub size_on_disk: u64,
    /// The bytes of those of its files that are there only for it.
    pub true_size: u64,
    /// The same, its SSTables only.
    pub true_size_of_sstables: u64,
    /// The content of its `manifest.json`, where there is one.
    pub manifest: Option<serde_json::Value>,
}

impl TableFiles {
    /// Links all SSTables into `snapshots/<tag>`, with a manifest and the table's definition as CQL.
    pub fn snapshot(
        &self,
        tag: &str,
        schema_cql: &str,
        created_at: &str,
        expires_at: Option<&str>,
        ephemeral: bool,
    ) -> Result<(), StorageError> {
        let sstables = self.sstables();
        for directory in self.directories() {
            let target = directory.join("snapshots").join(tag);
            let here: Vec<_> = sstables.iter().filter(|s| *s.descriptor().directory == **directory).collect();
            self.fs().create_dir_all(&target).map_err(|e| StorageError::io(&target, e))?;
            let mut data_files = Vec::new();
            for sstable in here {
                let names = self.link(sstable, &target)?;
                data_files.extend(names.into_iter().filter(|name| name.ends_with("-Data.db")));
            }
            let manifest = serde_json::json!({
                "files": data_files,
                "created_at": created_at,
                "expires_at": expires_at,
                "ephemeral": ephemeral,
            });
            self.put(&target.join("manifest.json"), format!("{manifest:#}").as_bytes())?;
            self.put(&target.join("schema.cql"), schema_cql.as_bytes())?;
        }
        Ok(())
    }

    fn put(&self, path: &Path, content: &[u8]) -> Result<(), StorageError> {
        let write = || -> std::io::Result<()> {
            let mut file = self.fs().create(path)?;
            file.write_all(content)?;
            file.sync()
        };
        write().map_err(|e| StorageError::io(path, e))
    }
}

/// The snapshots in a table's directory.
pub fn list_snapshots(fs: &dyn FileSystem, table_directory: &Path) -> Result<Vec<Snapshot>, StorageError> {
    let all = table_directory.join("snapshots");
    if !fs.exists(&all) {
        return Ok(Vec::new());
    }
    let entries = fs.list(&all).map_err(|e| StorageError::io(&all, e))?;
    let mut snapshots = Vec::new();
    for entry in entries.into_iter().filter(|e| e.is_dir) {
        let (mut size_on_disk, mut true_size, mut true_size_of_sstables) = (0, 0, 0);
        for file in fs.list(&entry.path).map_err(|e| StorageError::io(&entry.path, e))? {
            let length = fs.len(&file.path).map_err(|e| StorageError::io(&file.path, e))?;
            size_on_disk += length;
            if !fs.exists(&table_directory.join(&file.name)) {
                true_size += length;
                if !["manifest.json", "schema.cql"].contains(&file.name.as_str()) {
                    true_size_of_sstables += length;
                }
            }
        }
        let manifest = fs.read(&entry.path.join("manifest.json")).ok();
        let manifest = manifest.and_then(|content| serde_json::from_slice(&content).ok());
        snapshots.push(Snapshot {
            tag: entry.name,
            directory: entry.path,
            size_on_disk,
            true_size,
            true_size_of_sstables,
            manifest,
        });
    }
    Ok(snapshots)
}

/// Removes a snapshot of a table, or all of them.
pub fn clear_snapshot(
    fs: &dyn FileSystem,
    table_directory: &Path,
    tag: Option<&str>,
) -> Result<(), StorageError> {
    let all = table_directory.join("snapshots");
    let target = tag.map_or_else(|| all.clone(), |tag| all.join(tag));
    if !fs.exists(&target) {
        return Ok(());
    }
    fs.remove_dir_all(&target).map_err(|e| StorageError::io(&target, e))
}
