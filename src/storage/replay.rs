//! Replays the commit log at start (Cassandra: `CommitLogReplayer`).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::codec::{MutationError, read_mutation};
use super::commitlog::{
    CommitPosition, Descriptor, DirtyTables, Intervals, SegmentScan, expand, scan_segment, segment_id,
};
use super::error::StorageError;
use super::model::Mutation;
use crate::env::fs::FileSystem;
use crate::schema::{Schema, TableId, TableMetadata};

/// The segments of earlier runs.
#[derive(Debug, Default)]
pub struct Segments {
    /// Ids and files, oldest first.
    pub files: Vec<(i64, PathBuf)>,
}

/// What was replayed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Updates that were applied.
    pub updates: u64,
    /// Mutations of tables that the schema does not know.
    pub unknown: HashMap<TableId, u64>,
    /// By segment: the tables that were replayed from it, and where the last record of each ends.
    pub dirty: HashMap<i64, DirtyTables>,
}

/// The versions of the format that can be replayed: 3.0's and 4.0's, which 5.0 writes by default.
const VERSIONS: [i32; 2] = [6, 7];

impl Segments {
    /// Those in a directory.
    pub fn list(fs: &dyn FileSystem, directory: &std::path::Path) -> Result<Self, StorageError> {
        let mut files = Vec::new();
        for entry in fs.list(directory).map_err(|e| StorageError::io(directory, e))? {
            let Some((version, id)) = segment_id(&entry.name) else { continue };
            if !VERSIONS.contains(&version) {
                return Err(StorageError::Invalid(format!(
                    "The commit log segment {} has version {version}, which cannot be replayed. Drain the node that \
                     wrote it (nodetool drain) before this one is started on its files.",
                    entry.path.display()
                )));
            }
            files.push((id, entry.path));
        }
        files.sort();
        Ok(Self { files })
    }

    /// The greatest id; none where there is no segment.
    pub fn last_id(&self) -> Option<i64> {
        self.files.last().map(|(id, _)| *id)
    }

    /// Reads all segments, and refuses damage of what was durable, unless `ignore_errors` is set. A tail that was
    /// torn is passed over.
    pub fn check(&self, fs: &dyn FileSystem, ignore_errors: bool) -> Result<(), StorageError> {
        let mut scans = Vec::new();
        for (id, path) in &self.files {
            let scan = scan_file(fs, *id, path)?;
            scans.push((*id, path, scan));
        }
        let mut damages: Vec<(CommitPosition, Option<i64>, bool, &PathBuf, String)> = Vec::new();
        let mut marks: HashMap<Option<i64>, Vec<CommitPosition>> = HashMap::new();
        for (i, (id, path, scan)) in scans.iter().enumerate() {
            let at = |offset| CommitPosition { segment: *id, offset };
            let run = run_of(&scans, i);
            // Without marks, as Cassandra writes, only the end of the last segment may be torn.
            let has_marks = scan.descriptor.as_ref().is_none_or(|d| d.has_marks());
            let is_last = i + 1 == self.files.len();
            for damage in &scan.damage {
                let may_be_tail = has_marks || is_last;
                damages.push((at(damage.offset), run, may_be_tail, *path, damage.message.clone()));
            }
            marks.entry(run).or_default().extend(scan.marks.iter().copied().map(at));
        }
        let durable = |run| {
            let marks = marks.get(&run).map(Vec::as_slice).unwrap_or_default();
            marks.len().checked_sub(2).and_then(|i| marks.get(i)).copied().unwrap_or(CommitPosition::NONE)
        };
        for (position, run, may_be_tail, path, message) in damages {
            if may_be_tail && position >= durable(run) {
                tracing::warn!(
                    "Ignoring commit log replay error likely due to incomplete flush to disk: {message}"
                );
            } else if ignore_errors {
                tracing::error!("Ignoring commit log replay error: {message}");
            } else {
                let advice = "Replay stopped. If you wish to override this error and continue starting the node \
                              ignoring commit log replay problems, specify \
                              -Dcassandra.commitlog.ignorereplayerrors=true on the command line";
                return Err(StorageError::corruption(path, format!("{message}. {advice}")));
            }
        }
        Ok(())
    }

    /// Hands the mutations of the selected tables to `apply`, without what is in SSTables already.
    pub fn replay(
        &self,
        fs: &dyn FileSystem,
        schema: &Schema,
        selected: &HashSet<TableId>,
        persisted: &HashMap<TableId, Intervals>,
        apply: &mut dyn FnMut(Mutation) -> Result<(), StorageError>,
    ) -> Result<Replayed, StorageError> {
        let mut replayed = Replayed::default();
        let find = |id: TableId| -> Option<Arc<TableMetadata>> { schema.table_by_id(id).cloned() };
        for (id, path) in &self.files {
            let file = fs.read(path).map_err(|e| StorageError::io(path, e))?;
            let bytes = expanded(&file, *id, path)?;
            let scan = scan_segment(&bytes, *id, &name_of(path));
            for (range, end) in scan.records {
                let position = CommitPosition { segment: *id, offset: end };
                let mut input = &bytes[range];
                let mut mutation = match read_mutation(&mut input, &find) {
                    Ok(mutation) => mutation,
                    Err(MutationError::UnknownTable(table)) => {
                        *replayed.unknown.entry(table).or_default() += 1;
                        continue;
                    }
                    Err(error) => {
                        return Err(StorageError::corruption(
                            path,
                            format!(
                                "Unexpected error deserializing mutation at {}: {error}",
                                position.offset
                            ),
                        ));
                    }
                };
                mutation.updates.retain(|update| {
                    let table = update.table.id;
                    let is_persisted = persisted.get(&table).is_some_and(|p| p.contains(position));
                    selected.contains(&table) && !is_persisted
                });
                if mutation.updates.is_empty() {
                    continue;
                }
                let dirty = replayed.dirty.entry(*id).or_default();
                for update in &mutation.updates {
                    dirty.insert(update.table.id, end);
                    replayed.updates += 1;
                }
                apply(mutation)?;
            }
        }
        Ok(replayed)
    }
}

/// The run that wrote a segment: marks of one run say nothing of what an earlier one left torn. Where its own
/// descriptor cannot be read, the next one tells.
fn run_of(scans: &[(i64, &PathBuf, SegmentScan)], index: usize) -> Option<i64> {
    let id = scans.get(index)?.0;
    let run = scans[index..].iter().find_map(|(_, _, scan)| scan.descriptor.as_ref().map(|d| d.run()))?;
    run.filter(|run| *run <= id)
}

fn scan_file(fs: &dyn FileSystem, id: i64, path: &std::path::Path) -> Result<SegmentScan, StorageError> {
    let bytes = fs.read(path).map_err(|e| StorageError::io(path, e))?;
    // A segment that was created and never written to.
    if bytes.iter().all(|b| *b == 0) {
        return Ok(SegmentScan {
            descriptor: None,
            records: Vec::new(),
            damage: Vec::new(),
            marks: Vec::new(),
        });
    }
    if let Some((descriptor, _)) = Descriptor::parse(&bytes) {
        unsupported(&descriptor, path)?;
    }
    Ok(scan_segment(&expanded(&bytes, id, path)?, id, &name_of(path)))
}

/// A segment without its compression.
fn expanded<'a>(bytes: &'a [u8], id: i64, path: &Path) -> Result<Cow<'a, [u8]>, StorageError> {
    expand(bytes, id).map_err(|class| cannot_replay(path, &format!("is compressed by {class}")))
}

fn name_of(path: &std::path::Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn unsupported(descriptor: &Descriptor, path: &Path) -> Result<(), StorageError> {
    if descriptor.is_encrypted() { Err(cannot_replay(path, "is encrypted")) } else { Ok(()) }
}

fn cannot_replay(path: &Path, why: &str) -> StorageError {
    StorageError::Invalid(format!(
        "The commit log segment {} {why}, which cannot be replayed. Drain the node that wrote it (nodetool drain) \
         before this one is started on its files.",
        path.display()
    ))
}
