//! The commit log: appends, writes, syncs, and removes segments that are not needed any more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use foldhash::HashMap;
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::super::error::StorageError;
use super::super::failures::Failures;
use super::super::options::{CommitLogOptions, CommitLogSync};
use super::RECORD_OVERHEAD_BYTES;
use super::buffer::{Buffer, CommitPosition, DirtyTables, Piece};
use super::descriptor::file_name;
use super::doubt::{end_doubt, note_doubt};
use crate::env::fs::{FileSystem, WritableFile};
use crate::schema::TableId;

/// The log that is being written. Segments of earlier runs are known to it too, until they are not needed.
pub struct CommitLog {
    options: CommitLogOptions,
    directory: PathBuf,
    fs: Arc<dyn FileSystem>,
    buffer: Mutex<Buffer>,
    writer: Mutex<Writer>,
    segments: Mutex<Segments>,
    /// One sync at a time.
    sync_lock: Mutex<()>,
    /// Everything before it is durable.
    synced: watch::Sender<CommitPosition>,
    /// When the last sync that succeeded started, in milliseconds since `started`.
    last_sync_ms: AtomicI64,
    started: Instant,
    wake: Mutex<Wake>,
    wake_condition: Condvar,
    failed: AtomicBool,
    /// Whether a sync failed: what the files hold is not known then, and a second sync says nothing.
    in_doubt: AtomicBool,
    /// Whether no write is accepted until the next start (`commit_failure_policy: stop_commit`).
    given_up: AtomicBool,
    failure: Mutex<Option<StorageError>>,
    failures: Arc<Failures>,
}

/// What the syncing thread waits for.
#[derive(Debug, Default)]
struct Wake {
    requested: bool,
    stop: bool,
}

/// The end of the log on disk. Whoever holds it writes.
#[derive(Default)]
struct Writer {
    /// Pieces that could not be written yet.
    unwritten: VecDeque<Piece>,
    current: Option<OpenSegment>,
    /// Files that were written to and not synced since.
    unsynced: Vec<(i64, Arc<dyn WritableFile>)>,
    /// Whether there are files of which the directory may not know durably.
    has_new_files: bool,
    written: CommitPosition,
}

struct OpenSegment {
    id: i64,
    /// Where the file ends. Compressed, that is not where the segment ends.
    end: u64,
    file: Box<dyn WritableFile>,
}

/// The files of the log.
#[derive(Default)]
struct Segments {
    /// Bytes of each segment by id, and its file.
    files: BTreeMap<i64, (PathBuf, u64)>,
    /// Of segments of earlier runs, the tables that were replayed from them.
    replayed: HashMap<i64, DirtyTables>,
    /// Segments that were removed, of which a power cut may bring the files back.
    removed: BTreeSet<i64>,
    /// Up to where each table is flushed.
    flushed: HashMap<TableId, CommitPosition>,
}

impl CommitLog {
    /// Goes on after segments of earlier runs, whose ids are all below `next_id`.
    pub fn open(
        options: CommitLogOptions,
        directory: PathBuf,
        fs: Arc<dyn FileSystem>,
        next_id: i64,
        failures: Arc<Failures>,
    ) -> Arc<Self> {
        let buffer = Buffer::new(options.segment_bytes, options.compression.clone(), next_id);
        Arc::new(Self {
            options,
            directory,
            fs,
            buffer: Mutex::new(buffer),
            writer: Mutex::default(),
            segments: Mutex::default(),
            sync_lock: Mutex::default(),
            synced: watch::Sender::new(CommitPosition::NONE),
            last_sync_ms: AtomicI64::new(0),
            started: Instant::now(),
            wake: Mutex::default(),
            wake_condition: Condvar::new(),
            failed: AtomicBool::new(false),
            in_doubt: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            failure: Mutex::default(),
            failures,
        })
    }

    /// Takes over a segment of an earlier run, with the tables that were replayed from it.
    pub fn adopt(&self, id: i64, path: PathBuf, bytes: u64, dirty: DirtyTables) {
        let mut segments = self.segments.lock();
        segments.files.insert(id, (path, bytes));
        segments.replayed.entry(id).or_default().extend(dirty);
    }

    /// Sees to it that what is written from now on goes to segments with greater ids: a clock that was set back must
    /// not give one an id that SSTables say they hold already.
    pub fn go_beyond(&self, segment: i64) {
        self.buffer.lock().go_beyond(segment);
    }

    /// Whether a start may find a segment that has something up to a position, now or after a power cut.
    pub fn may_replay(&self, position: CommitPosition) -> bool {
        let buffer = self.buffer.lock();
        let segments = self.segments.lock();
        let oldest = [buffer.dirty.keys().min(), segments.files.keys().next(), segments.removed.first()];
        oldest.into_iter().flatten().any(|oldest| *oldest <= position.segment)
    }

    /// The end of what was appended.
    pub fn position(&self) -> CommitPosition {
        self.buffer.lock().position()
    }

    /// Appends a record of [`super::write_record`] to the buffer; returns where it ends.
    pub fn append(&self, record: &[u8], tables: &[TableId]) -> Result<CommitPosition, StorageError> {
        if self.failed.load(Ordering::Relaxed) {
            self.retry()?;
        }
        let largest = self.options.max_mutation_bytes as usize;
        let most = largest.min(self.options.segment_bytes as usize / 2).max(1);
        if record.len() > most {
            return Err(StorageError::Invalid(format!(
                "Rejected an oversized mutation ({}/{most})",
                record.len() - RECORD_OVERHEAD_BYTES
            )));
        }
        Ok(self.buffer.lock().append(record, tables))
    }

    /// Hands everything appended to the operating system.
    pub fn write_out(&self) -> Result<(), StorageError> {
        self.write(&mut self.writer.lock(), false).map(|_| ())
    }

    fn write(&self, writer: &mut Writer, mark: bool) -> Result<CommitPosition, StorageError> {
        {
            let mut buffer = self.buffer.lock();
            writer.unwritten.extend(buffer.take(mark));
        }
        while let Some(piece) = writer.unwritten.front() {
            let begins = writer.current.as_ref().is_none_or(|c| c.id != piece.segment);
            writer.has_new_files |= begins;
            if let Err(error) = self.write_piece(&mut writer.current, &mut writer.unsynced, piece) {
                self.fail(error.clone());
                return Err(error);
            }
            writer.written = CommitPosition { segment: piece.segment, offset: piece.end() };
            writer.unwritten.pop_front();
        }
        Ok(writer.written)
    }

    fn write_piece(
        &self,
        current: &mut Option<OpenSegment>,
        unsynced: &mut Vec<(i64, Arc<dyn WritableFile>)>,
        piece: &Piece,
    ) -> Result<(), StorageError> {
        let path = self.directory.join(file_name(piece.segment));
        let failed = |error| StorageError::io(&path, error);
        if current.as_ref().is_none_or(|c| c.id != piece.segment) {
            let file = self.fs.create(&path).map_err(failed)?;
            // The second handle syncs, so that nobody who writes waits for it.
            let second: Arc<dyn WritableFile> = Arc::from(self.fs.append(&path).map_err(failed)?);
            unsynced.push((piece.segment, second));
            self.segments.lock().files.insert(piece.segment, (path.clone(), 0));
            *current = Some(OpenSegment { id: piece.segment, end: 0, file });
        }
        let Some(segment) = current else { return Ok(()) };
        match &self.options.compression {
            None => {
                segment.file.write_all_at(&piece.bytes, u64::from(piece.start)).map_err(failed)?;
                segment.end = u64::from(piece.end());
            }
            Some(compression) => {
                let offset = u32::try_from(segment.end).unwrap_or(u32::MAX);
                let bytes = piece.compressed(compression, offset).map_err(failed)?;
                segment.file.write_all_at(&bytes, segment.end).map_err(failed)?;
                segment.end += bytes.len() as u64;
            }
        }
        if let Some((_, bytes)) = self.segments.lock().files.get_mut(&piece.segment) {
            *bytes = segment.end;
        }
        Ok(())
    }

    /// Makes everything appended so far durable.
    pub fn sync(&self) -> Result<(), StorageError> {
        let _lock = self.sync_lock.lock();
        if self.in_doubt.load(Ordering::Relaxed) {
            // The pages that the failed sync was for are lost to those after it, which would succeed and say nothing.
            let unknown = || StorageError::Closed("a sync of the commit log failed".to_owned());
            return Err(self.check().err().unwrap_or_else(unknown));
        }
        let started_ms = self.elapsed_ms();
        let (files, has_new_files, position) = {
            let mut writer = self.writer.lock();
            let has_news = self.buffer.lock().appended > *self.synced.borrow();
            if !has_news && writer.unwritten.is_empty() {
                self.last_sync_ms.store(started_ms, Ordering::Relaxed);
                return Ok(());
            }
            let position = self.write(&mut writer, true)?;
            (writer.unsynced.clone(), std::mem::take(&mut writer.has_new_files), position)
        };
        // Here rather than where a segment begins: who writes must not wait for the disk.
        let directory = if has_new_files { self.fs.sync_dir(&self.directory) } else { Ok(()) };
        if let Err(error) = directory.and_then(|()| files.iter().try_for_each(|(_, file)| file.sync())) {
            let error = StorageError::io(&self.directory, error);
            self.in_doubt.store(true, Ordering::Relaxed);
            note_doubt(&*self.fs, &self.directory);
            self.fail(error.clone());
            return Err(error);
        }
        // Nothing is written any more to segments before the one that the sync ended in.
        self.writer.lock().unsynced.retain(|(segment, _)| *segment >= position.segment);
        self.last_sync_ms.store(started_ms, Ordering::Relaxed);
        self.synced.send_replace(position);
        Ok(())
    }

    fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Waits until a write up to this position may be acknowledged.
    pub async fn synced(&self, position: CommitPosition) -> Result<(), StorageError> {
        let mut synced = match self.options.sync {
            CommitLogSync::Periodic { lag_block, .. } => {
                let lag = self.elapsed_ms() - self.last_sync_ms.load(Ordering::Relaxed);
                if lag <= i64::try_from(lag_block.as_millis()).unwrap_or(i64::MAX) {
                    return Ok(());
                }
                self.synced.subscribe()
            }
            CommitLogSync::Batch | CommitLogSync::Group { .. } => {
                if *self.synced.borrow() >= position {
                    return Ok(());
                }
                let synced = self.synced.subscribe();
                self.request_sync();
                synced
            }
        };
        loop {
            if *synced.borrow_and_update() >= position {
                return Ok(());
            }
            match tokio::time::timeout(Duration::from_millis(200), synced.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(StorageError::Closed("the commit log is closed".to_owned())),
                Err(_) => self.check()?,
            }
        }
    }

    /// The error that keeps the log from being written, where there is one.
    pub fn check(&self) -> Result<(), StorageError> {
        if !self.failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        match &*self.failure.lock() {
            None => Ok(()),
            Some(error) => Err(StorageError::Closed(format!("the commit log cannot be written: {error}"))),
        }
    }

    fn fail(&self, error: StorageError) {
        if self.failures.commit_log(&error) {
            self.given_up.store(true, Ordering::Relaxed);
            tracing::error!(
                "Failed to write the commit log: {error}. commit_failure_policy is stop_commit: no write is accepted \
                 until the next start."
            );
        } else {
            tracing::error!(
                "Failed to write the commit log: {error}. No write is accepted until it succeeds again."
            );
        }
        *self.failure.lock() = Some(error);
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Tries again to write what could not be written.
    fn retry(&self) -> Result<(), StorageError> {
        if self.in_doubt.load(Ordering::Relaxed) || self.given_up.load(Ordering::Relaxed) {
            return self.check();
        }
        let Some(mut writer) = self.writer.try_lock() else { return self.check() };
        self.check().or_else(|error| match self.write(&mut writer, false) {
            Ok(_) => Ok(()),
            Err(_) => Err(error),
        })?;
        drop(writer);
        self.sync()?;
        tracing::info!("The commit log can be written again");
        *self.failure.lock() = None;
        self.failed.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Whether a sync failed: writes are accepted again when all tables are flushed, and
    /// [`CommitLog::start_anew`] was called.
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Relaxed) && !self.given_up.load(Ordering::Relaxed)
    }

    /// Goes on in a new segment, once everything in the older ones is flushed.
    pub fn start_anew(&self) -> Result<(), StorageError> {
        {
            let mut writer = self.writer.lock();
            let mut buffer = self.buffer.lock();
            // What the failed sync was for may be lost: that is no damage then.
            buffer.next_run();
            writer.unsynced.clear();
        }
        self.in_doubt.store(false, Ordering::Relaxed);
        end_doubt(&*self.fs, &self.directory);
        self.retry()
    }

    fn request_sync(&self) {
        self.wake.lock().requested = true;
        self.wake_condition.notify_one();
    }

    /// Runs until [`CommitLog::stop`]: syncs as the configuration says. To be run on a thread of its own.
    pub fn run_syncs(&self) {
        loop {
            {
                let mut wake = self.wake.lock();
                match self.options.sync {
                    CommitLogSync::Periodic { period, .. } => {
                        if !wake.stop {
                            self.wake_condition.wait_for(&mut wake, period);
                        }
                    }
                    CommitLogSync::Batch => {
                        while !wake.requested && !wake.stop {
                            self.wake_condition.wait(&mut wake);
                        }
                    }
                    CommitLogSync::Group { window } => {
                        while !wake.requested && !wake.stop {
                            self.wake_condition.wait(&mut wake);
                        }
                        if !wake.stop {
                            let end = Instant::now() + window;
                            while !wake.stop && !self.wake_condition.wait_until(&mut wake, end).timed_out() {}
                        }
                    }
                }
                if wake.stop {
                    return;
                }
                wake.requested = false;
            }
            // A failure is kept, and told to whoever writes.
            let _ = self.sync();
        }
    }

    /// Syncs, and ends [`CommitLog::run_syncs`].
    pub fn stop(&self) -> Result<(), StorageError> {
        let synced = self.sync();
        // The mark of a second sync says that the first one was complete.
        let synced = synced.and_then(|()| {
            let mut writer = self.writer.lock();
            if writer.current.is_some() { self.write(&mut writer, true).map(|_| ()) } else { Ok(()) }
        });
        self.wake.lock().stop = true;
        self.wake_condition.notify_all();
        synced
    }

    /// Notes that a table is flushed up to a position, and removes segments that nobody needs any more.
    pub fn flushed(&self, table: TableId, position: CommitPosition) {
        {
            let mut segments = self.segments.lock();
            let flushed = segments.flushed.entry(table).or_insert(CommitPosition::NONE);
            *flushed = position.max(*flushed);
        }
        self.remove_segments();
    }

    /// Removes the segments that hold nothing of any table that is not flushed, save the current one.
    pub fn remove_segments(&self) {
        let current = self.writer.lock().current.as_ref().map_or(i64::MAX, |c| c.id);
        let mut removed = Vec::new();
        {
            let mut buffer = self.buffer.lock();
            let mut segments = self.segments.lock();
            let last = buffer.position().segment;
            let ids: Vec<i64> = segments.files.keys().copied().filter(|id| *id < current.min(last)).collect();
            for id in ids {
                let is_needed = |dirty: Option<&DirtyTables>| {
                    dirty.is_some_and(|dirty| {
                        dirty.iter().any(|(table, offset)| {
                            let last = CommitPosition { segment: id, offset: *offset };
                            segments.flushed.get(table).is_none_or(|flushed| *flushed < last)
                        })
                    })
                };
                if is_needed(buffer.dirty.get(&id)) || is_needed(segments.replayed.get(&id)) {
                    continue;
                }
                buffer.dirty.remove(&id);
                segments.replayed.remove(&id);
                removed.extend(segments.files.remove(&id).map(|(path, _)| (id, path)));
                segments.removed.insert(id);
            }
        }
        if removed.is_empty() {
            return;
        }
        let mut gone = BTreeSet::new();
        for (id, path) in removed {
            match self.fs.remove(&path) {
                Ok(()) => drop(gone.insert(id)),
                Err(error) => tracing::warn!("Failed to remove {}: {error}", path.display()),
            }
        }
        match self.fs.sync_dir(&self.directory) {
            Ok(()) => self.segments.lock().removed.retain(|id| !gone.contains(id)),
            Err(error) => tracing::warn!("Failed to sync {}: {error}", self.directory.display()),
        }
    }

    /// Forgets a table that was dropped: its records need not be kept.
    pub fn dropped(&self, table: TableId) {
        self.flushed(table, CommitPosition { segment: i64::MAX, offset: u32::MAX });
    }

    /// Goes on in a new segment, so that the current one can be removed once its tables are flushed.
    pub fn next_segment(&self) {
        self.buffer.lock().next_segment();
    }

    /// Syncs, and gives up the current segment, so that it can be removed once its tables are flushed.
    pub fn close_segment(&self) -> Result<(), StorageError> {
        self.sync()?;
        let mut writer = self.writer.lock();
        let mut buffer = self.buffer.lock();
        if writer.unwritten.is_empty() && buffer.position() == writer.written {
            writer.current = None;
            writer.unsynced.clear();
            buffer.next_segment();
        }
        Ok(())
    }

    /// The tables that keep the oldest segments from being removed, where the log is larger than it may be.
    pub fn tables_to_flush(&self) -> Vec<TableId> {
        let buffer = self.buffer.lock();
        let segments = self.segments.lock();
        let mut bytes: u64 = segments.files.values().map(|(_, bytes)| bytes).sum();
        let mut tables = Vec::new();
        for (id, (_, segment_bytes)) in &segments.files {
            if bytes <= self.options.total_bytes || *id >= buffer.position().segment {
                break;
            }
            let dirty = [buffer.dirty.get(id), segments.replayed.get(id)];
            for (table, offset) in dirty.into_iter().flatten().flatten() {
                let last = CommitPosition { segment: *id, offset: *offset };
                let is_flushed = segments.flushed.get(table).is_some_and(|flushed| *flushed >= last);
                if !is_flushed && !tables.contains(table) {
                    tables.push(*table);
                }
            }
            bytes -= segment_bytes;
        }
        tables
    }

    /// The bytes of all segments, and their number.
    pub fn size(&self) -> (u64, usize) {
        let segments = self.segments.lock();
        (segments.files.values().map(|(_, bytes)| bytes).sum(), segments.files.len())
    }

    /// The files of all segments, oldest first.
    pub fn files(&self) -> Vec<PathBuf> {
        self.segments.lock().files.values().map(|(path, _)| path.clone()).collect()
    }
}

impl std::fmt::Debug for CommitLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommitLog").field("directory", &self.directory).finish_non_exhaustive()
    }
}
