//! A file system in memory that fails on purpose: for tests of what a crash, a full or a failing disk leaves.
//!
//! What is assumed of a disk: a file's bytes are durable once its sync succeeded; those written since may be there
//! or not, page by page and torn within a page. A name is durable once its directory was synced; later changes of
//! names in one directory survive a crash up to some point, in their order. A sync that fails loses the pages that
//! it was for, also for syncs after it: they may be seen for as long as the machine runs, or not any more.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::fs::{DirEntry, FileSystem, ReadableFile, WritableFile};

const PAGE: usize = 4096;
const SECTOR: usize = 512;

#[derive(Debug, Default)]
struct FileState {
    content: Vec<u8>,
    /// What a crash leaves at least.
    durable: Vec<u8>,
    /// Pages changed since the last sync.
    dirty: BTreeSet<usize>,
    /// Pages that a sync failed for and nobody changed since: no sync makes them durable.
    lost: BTreeSet<usize>,
    modified_ms: i64,
}

type File = Arc<Mutex<FileState>>;

#[derive(Clone, Debug)]
enum NameChange {
    Put(PathBuf, File),
    Remove(PathBuf),
}

#[derive(Debug)]
struct State {
    rng: StdRng,
    names: BTreeMap<PathBuf, File>,
    directories: BTreeSet<PathBuf>,
    durable_names: BTreeMap<PathBuf, File>,
    /// Changes of names by directory, since it was synced.
    changes: BTreeMap<PathBuf, Vec<NameChange>>,
    faults: Faults,
    /// Changes made so far: writes, syncs, and changes of names.
    operations: u64,
    /// Counts crashes: handles from before one are dead.
    epoch: u64,
    clock_ms: i64,
}

/// What is to fail.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// From this change on the process is as good as dead: every change fails and changes nothing.
    pub die_at_operation: Option<u64>,
    /// Syncs of files whose paths contain this fail.
    pub fail_sync: Option<String>,
    /// Reads of files whose paths contain this fail.
    pub fail_read: Option<String>,
    /// Reads, writes and syncs of files whose paths contain this take so long.
    pub slow: Option<(String, Duration)>,
    /// The bytes that may still be written before the disk is full.
    pub bytes_left: Option<u64>,
    /// Syncs, reads and writes do not fail before this change.
    pub from_operation: u64,
}

/// A file system in memory that fails on purpose. Clones are the same file system.
#[derive(Clone, Debug)]
pub struct FaultyFs(Arc<Mutex<State>>);

impl FaultyFs {
    /// An empty file system. The seed decides what crashes leave.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            rng: StdRng::seed_from_u64(seed),
            names: BTreeMap::new(),
            directories: BTreeSet::from([PathBuf::from("/")]),
            durable_names: BTreeMap::new(),
            changes: BTreeMap::new(),
            faults: Faults::default(),
            operations: 0,
            epoch: 0,
            clock_ms: 1_700_000_000_000,
        })))
    }

    /// Sets what is to fail from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.0.lock().faults = faults;
    }

    /// The changes made so far.
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// Cuts the power: what is left is what a disk may have kept. Nothing fails any more; files that are open
    /// are dead.
    pub fn crash(&self) {
        let mut state = self.0.lock();
        let state = &mut *state;
        let mut names = std::mem::take(&mut state.durable_names);
        for changes in std::mem::take(&mut state.changes).into_values() {
            let kept = state.rng.random_range(0..=changes.len());
            changes.into_iter().take(kept).for_each(|change| apply(&mut names, change));
        }
        for file in names.values() {
            file.lock().crash(&mut state.rng);
        }
        state.names = names.clone();
        state.durable_names = names;
        state.faults = Faults::default();
        state.epoch += 1;
    }

    /// Kills the process, but not the machine: what was written is there, but for some of what a sync failed for; files
    /// that are open are dead.
    pub fn kill(&self) {
        let mut state = self.0.lock();
        let state = &mut *state;
        for file in state.names.values() {
            file.lock().forget_lost(&mut state.rng);
        }
        state.faults = Faults::default();
        state.epoch += 1;
    }

    /// The paths of all files.
    pub fn list_all(&self) -> Vec<PathBuf> {
        self.0.lock().names.keys().cloned().collect()
    }

    /// Changes one byte of a file, as a decaying disk does.
    pub fn flip(&self, path: &Path, offset: usize) -> io::Result<()> {
        let state = self.0.lock();
        let mut file = state.file(path)?.lock();
        let file = &mut *file;
        for bytes in [&mut file.content, &mut file.durable] {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= 0x55;
            }
        }
        Ok(())
    }
}

fn apply(names: &mut BTreeMap<PathBuf, File>, change: NameChange) {
    match change {
        NameChange::Put(path, file) => names.insert(path, file),
        NameChange::Remove(path) => names.remove(&path),
    };
}

impl FileState {
    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if self.content.len() < end {
            self.content.resize(end, 0);
        }
        self.content[offset..end].copy_from_slice(bytes);
        if !bytes.is_empty() {
            self.change(offset / PAGE..=(end - 1) / PAGE);
        }
    }

    fn change(&mut self, pages: RangeInclusive<usize>) {
        self.lost.retain(|page| !pages.contains(page));
        self.dirty.extend(pages);
    }

    /// Some lost pages are read from the disk again, which has what it had before.
    fn forget_lost(&mut self, rng: &mut StdRng) {
        for page in std::mem::take(&mut self.lost) {
            if rng.random_bool(0.5) {
                self.lost.insert(page);
                continue;
            }
            let (start, end) = (page * PAGE, ((page + 1) * PAGE).min(self.content.len()));
            for (at, byte) in self.content.iter_mut().enumerate().take(end).skip(start) {
                *byte = self.durable.get(at).copied().unwrap_or(0);
            }
        }
    }

    fn crash(&mut self, rng: &mut StdRng) {
        let (old, new) = (self.durable.len(), self.content.len());
        let length = rng.random_range(old.min(new)..=old.max(new));
        self.lost.clear();
        let mut left = std::mem::take(&mut self.durable);
        left.resize(length, 0);
        for page in std::mem::take(&mut self.dirty) {
            for sector in (page * PAGE..(page + 1) * PAGE).step_by(SECTOR) {
                let end = (sector + SECTOR).min(length).min(new);
                if sector < end && rng.random_bool(0.5) {
                    left[sector..end].copy_from_slice(&self.content[sector..end]);
                }
            }
        }
        self.content.clone_from(&left);
        self.durable = left;
    }
}

impl State {
    fn file(&self, path: &Path) -> io::Result<&File> {
        self.names.get(path).ok_or_else(|| io::Error::new(ErrorKind::NotFound, "no such file"))
    }

    /// Counts a change; fails where it is not to happen.
    fn change(&mut self) -> io::Result<()> {
        if self.faults.die_at_operation.is_some_and(|at| self.operations >= at) {
            return Err(io::Error::other("the process is dead"));
        }
        self.operations += 1;
        self.clock_ms += 7;
        Ok(())
    }

    fn rename(&mut self, directory: &Path, change: NameChange) {
        apply(&mut self.names, change.clone());
        self.changes.entry(directory.to_owned()).or_default().push(change);
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

#[derive(Debug)]
struct Handle {
    fs: FaultyFs,
    path: PathBuf,
    file: File,
    epoch: u64,
    position: u64,
}

impl Handle {
    /// Takes the time that a slow disk takes.
    fn linger(&self) {
        let slow = self.fs.0.lock().faults.slow.clone();
        if let Some((_, time)) = slow.filter(|(part, _)| self.path.to_string_lossy().contains(part.as_str()))
        {
            std::thread::sleep(time);
        }
    }

    fn alive(&self, state: &State) -> io::Result<()> {
        if state.epoch == self.epoch { Ok(()) } else { Err(io::Error::other("opened before the crash")) }
    }
}

impl WritableFile for Handle {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, self.position)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.linger();
        let mut state = self.fs.0.lock();
        self.alive(&state)?;
        state.change()?;
        let mut written = bytes;
        let full = state.operations > state.faults.from_operation;
        if let Some(left) = state.faults.bytes_left.as_mut().filter(|_| full) {
            written = &bytes[..bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX))];
            *left -= written.len() as u64;
        }
        let mut file = self.file.lock();
        file.write(written, usize::try_from(offset).map_err(io::Error::other)?);
        file.modified_ms = state.clock_ms;
        if written.len() < bytes.len() {
            return Err(io::Error::new(ErrorKind::StorageFull, "no space left on device"));
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.linger();
        let mut state = self.fs.0.lock();
        self.alive(&state)?;
        state.change()?;
        let mut file = self.file.lock();
        let file = &mut *file;
        let dirty = std::mem::take(&mut file.dirty);
        let fails =
            state.faults.fail_sync.as_ref().filter(|_| state.operations > state.faults.from_operation);
        if fails.is_some_and(|part| self.path.to_string_lossy().contains(part.as_str())) {
            file.lost.extend(dirty);
            return Err(io::Error::other("the sync failed"));
        }
        file.durable.resize(file.content.len(), 0);
        for page in dirty {
            let (start, end) = (page * PAGE, ((page + 1) * PAGE).min(file.content.len()));
            if start < end {
                file.durable[start..end].copy_from_slice(&file.content[start..end]);
            }
        }
        Ok(())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.fs.0.lock();
        self.alive(&state)?;
        state.change()?;
        let mut file = self.file.lock();
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let old = file.content.len();
        file.content.resize(len, 0);
        if len > old {
            file.change(old / PAGE..=(len - 1) / PAGE);
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.position
    }
}

impl ReadableFile for Handle {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.linger();
        let state = self.fs.0.lock();
        let fails =
            state.faults.fail_read.as_ref().filter(|_| state.operations >= state.faults.from_operation);
        if fails.is_some_and(|part| self.path.to_string_lossy().contains(part.as_str())) {
            return Err(io::Error::other("the read failed"));
        }
        let file = self.file.lock();
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = start.checked_add(buffer.len()).and_then(|end| file.content.get(start..end));
        buffer.copy_from_slice(bytes.ok_or_else(|| io::Error::new(ErrorKind::UnexpectedEof, "end of file"))?);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.lock().content.len() as u64)
    }
}

impl FaultyFs {
    fn handle(&self, state: &State, path: &Path, file: File, position: u64) -> Handle {
        Handle { fs: self.clone(), path: path.to_owned(), file, epoch: state.epoch, position }
    }

    fn new_file(&self, state: &mut State, path: &Path) -> io::Result<File> {
        if !state.directories.contains(parent(path)) {
            return Err(io::Error::new(ErrorKind::NotFound, "no such directory"));
        }
        state.change()?;
        let file = File::default();
        file.lock().modified_ms = state.clock_ms;
        state.rename(parent(path), NameChange::Put(path.to_owned(), file.clone()));
        Ok(file)
    }
}

impl FileSystem for FaultyFs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WritableFile>> {
        let mut state = self.0.lock();
        let file = self.new_file(&mut state, path)?;
        Ok(Box::new(self.handle(&state, path, file, 0)))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn WritableFile>> {
        let mut state = self.0.lock();
        let file = match state.names.get(path) {
            Some(file) => file.clone(),
            None => self.new_file(&mut state, path)?,
        };
        let position = file.lock().content.len() as u64;
        Ok(Box::new(self.handle(&state, path, file, position)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadableFile>> {
        let state = self.0.lock();
        let file = state.file(path)?.clone();
        Ok(Arc::new(self.handle(&state, path, file, 0)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        let file = state.file(from)?.clone();
        state.change()?;
        state.rename(parent(to), NameChange::Put(to.to_owned(), file));
        state.rename(parent(from), NameChange::Remove(from.to_owned()));
        Ok(())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        let file = state.file(from)?.clone();
        if state.names.contains_key(to) {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "the file exists"));
        }
        state.change()?;
        state.rename(parent(to), NameChange::Put(to.to_owned(), file));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.file(path)?;
        state.change()?;
        state.rename(parent(path), NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change()?;
        let within: Vec<PathBuf> = state.names.keys().filter(|p| p.starts_with(path)).cloned().collect();
        for file in within {
            let directory = parent(&file).to_owned();
            state.rename(&directory, NameChange::Remove(file));
        }
        state.directories.retain(|d| !d.starts_with(path));
        Ok(())
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        if !state.directories.contains(path) {
            state.change()?;
            // Directories are taken to be durable at once: nothing here depends on their vanishing.
            state.directories.extend(path.ancestors().map(Path::to_owned));
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let state = self.0.lock();
        if !state.directories.contains(dir) {
            return Err(io::Error::new(ErrorKind::NotFound, "no such directory"));
        }
        let files = state.names.keys().map(|path| (path, false));
        let all = files.chain(state.directories.iter().map(|path| (path, true)));
        let mut entries: Vec<DirEntry> = all
            .filter(|(path, _)| path.parent() == Some(dir))
            .filter_map(|(path, is_dir)| {
                let name = path.file_name()?.to_str()?.to_owned();
                Some(DirEntry { name, path: path.clone(), is_dir })
            })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn exists(&self, path: &Path) -> bool {
        let state = self.0.lock();
        state.names.contains_key(path) || state.directories.contains(path)
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        Ok(self.0.lock().file(path)?.lock().content.len() as u64)
    }

    fn modified_ms(&self, path: &Path) -> io::Result<i64> {
        Ok(self.0.lock().file(path)?.lock().modified_ms)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change()?;
        for change in state.changes.remove(dir).unwrap_or_default() {
            apply(&mut state.durable_names, change);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use super::*;

    #[test]
    fn what_was_synced_survives_and_the_rest_may_not() {
        let (mut lost, mut kept) = (0, 0);
        for seed in 0..50 {
            let fs = FaultyFs::new(seed);
            fs.create_dir_all(Path::new("/d")).unwrap();
            let path = Path::new("/d/a");
            let mut file = fs.create(path).unwrap();
            file.write_all(&[1; 5000]).unwrap();
            file.sync().unwrap();
            fs.sync_dir(Path::new("/d")).unwrap();
            file.write_all(&[2; 5000]).unwrap();
            fs.create(Path::new("/d/b")).unwrap();
            fs.crash();
            let content = fs.read(path).unwrap();
            assert_eq!(content[..5000], [1; 5000]);
            assert!(file.write_all(&[3]).is_err());
            if fs.exists(Path::new("/d/b")) { kept += 1 } else { lost += 1 }
        }
        assert!(lost > 0 && kept > 0);
    }

    #[test]
    fn a_failed_sync_loses_its_pages_for_good() {
        let fs = FaultyFs::new(1);
        let path = Path::new("/a");
        let mut file = fs.create(path).unwrap();
        fs.sync_dir(Path::new("/")).unwrap();
        file.write_all(&[1; 100]).unwrap();
        fs.set_faults(Faults { fail_sync: Some("a".to_owned()), ..Faults::default() });
        assert!(file.sync().is_err());
        fs.set_faults(Faults::default());
        file.sync().unwrap();
        fs.crash();
        assert_eq!(fs.read(path).unwrap(), [0; 100]);
    }

    #[test]
    fn what_a_failed_sync_was_for_may_be_seen_while_the_machine_runs() {
        let (mut seen, mut forgotten) = (0, 0);
        for seed in 0..50 {
            let fs = FaultyFs::new(seed);
            let path = Path::new("/a");
            let mut file = fs.create(path).unwrap();
            fs.sync_dir(Path::new("/")).unwrap();
            file.write_all(&[1; 100]).unwrap();
            fs.set_faults(Faults { fail_sync: Some("a".to_owned()), ..Faults::default() });
            assert!(file.sync().is_err());
            fs.kill();
            let content = fs.read(path).unwrap();
            if content == [1; 100] {
                seen += 1
            } else {
                forgotten += 1
            }
            // Written again, it is durable with the next sync.
            let mut file = fs.append(path).unwrap();
            file.write_all_at(&content, 0).unwrap();
            file.sync().unwrap();
            fs.crash();
            assert_eq!(fs.read(path).unwrap(), content);
        }
        assert!(seen > 0 && forgotten > 0);
    }
}
