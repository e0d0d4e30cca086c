//! Runs compactions in the background (Cassandra: `CompactionManager`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use uuid::Uuid;

use super::candidate::{Candidate, Pick};
use super::strategy::{History, Situation, Strategy};
use super::task::{CompactionInfo, CompactionTable, CompactionTask, Finished};
use super::throttle::Throttle;
use crate::schema::TableId;
use crate::storage::lifecycle::Operation;
use crate::storage::sstable::{Component, SSTableReader};
use crate::storage::{CommitPosition, StorageError};

/// How compactions are run.
pub struct ManagerOptions {
    /// Compactions at one time.
    pub threads: usize,
    /// Bytes per second; 0 for no limit.
    pub bytes_per_second: u64,
    /// The time, in milliseconds since 1970.
    pub now_ms: Box<dyn Fn() -> i64 + Send + Sync>,
    /// This host, once it is known.
    pub host_id: Box<dyn Fn() -> Option<Uuid> + Send + Sync>,
    /// See [`OnEmptied`](super::OnEmptied).
    pub on_emptied: Box<dyn Fn(TableId, CommitPosition) -> Result<(), StorageError> + Send + Sync>,
    /// Told of every compaction that failed.
    pub on_failed: Box<dyn Fn(&StorageError) + Send + Sync>,
    /// Told of every compaction that ended well, for `system.compaction_history`.
    pub on_finished: Box<dyn Fn(&Finished) + Send + Sync>,
}

/// Threads that compact, and what they have to do.
pub struct CompactionManager {
    options: ManagerOptions,
    throttle: Throttle,
    queue: Mutex<VecDeque<Arc<dyn CompactionTable>>>,
    wake: Condvar,
    /// With the threads that run them.
    running: Mutex<Vec<(ThreadId, Arc<CompactionInfo>)>>,
    completed: AtomicUsize,
    bytes_compacted: AtomicU64,
    history: History,
    stopped: AtomicBool,
    /// Whether background compactions are off (`nodetool disableautocompaction` for all, `stop`).
    paused: AtomicBool,
}

impl CompactionManager {
    /// Starts the threads.
    pub fn start(options: ManagerOptions) -> Arc<Self> {
        let threads = options.threads.max(1);
        let manager = Arc::new(Self {
            throttle: Throttle::new(options.bytes_per_second),
            options,
            queue: Mutex::default(),
            wake: Condvar::new(),
            running: Mutex::default(),
            completed: AtomicUsize::new(0),
            bytes_compacted: AtomicU64::new(0),
            history: History::default(),
            stopped: AtomicBool::new(false),
            paused: AtomicBool::new(false),
        });
        for i in 0..threads {
            let worker = manager.clone();
            let spawned =
                std::thread::Builder::new().name(format!("compaction-{i}")).spawn(move || worker.work());
            if let Err(error) = spawned {
                tracing::error!(%error, "Could not start a compaction thread");
            }
        }
        manager
    }

    /// The limit of their throughput.
    pub fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// Has a table looked at: to be called after a flush and at start.
    pub fn submit(&self, table: Arc<dyn CompactionTable>) {
        self.queue.lock().push_back(table);
        self.wake.notify_one();
    }

    /// Stops background compactions, or lets them go on.
    pub fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    /// The compactions that run.
    pub fn running(&self) -> Vec<Arc<CompactionInfo>> {
        self.running.lock().iter().map(|(_, info)| info.clone()).collect()
    }

    /// How many ended well.
    pub fn completed(&self) -> usize {
        self.completed.load(Ordering::Relaxed)
    }

    /// The bytes of the inputs of those.
    pub fn bytes_compacted(&self) -> u64 {
        self.bytes_compacted.load(Ordering::Relaxed)
    }

    /// How many a table needs.
    pub fn pending(&self, table: &dyn CompactionTable) -> usize {
        let files = table.files();
        let candidates = Candidate::all(&files.sstables(), &files.idle());
        let strategy = Strategy::new(&table.metadata().params.compaction);
        strategy.pending(&self.situation(table, &candidates))
    }

    fn situation<'a>(&self, table: &dyn CompactionTable, candidates: &'a [Candidate]) -> Situation<'a> {
        let now = (self.options.now_ms)() / 1000;
        Situation {
            candidates,
            gc_before: now - i64::from(table.metadata().params.gc_grace_seconds),
            in_memory: table.memtables_min_timestamp(),
            flush_bytes: table.flush_bytes(),
        }
    }

    /// Ends the threads; what runs is given up, and its inputs stay. Nothing is changed any more when it returns, but for
    /// what the calling thread itself compacts.
    pub fn shutdown(&self) {
        {
            // With the lock held: a thread that is about to wait would miss it, and keep the files of its tables open.
            let mut queue = self.queue.lock();
            self.stopped.store(true, Ordering::Relaxed);
            queue.clear();
        }
        self.wake.notify_all();
        self.running.lock().iter().for_each(|(_, info)| info.stop());
        // Whoever runs sees the flag at the next partition.
        let this = std::thread::current().id();
        let others_run = || self.running.lock().iter().any(|(thread, _)| *thread != this);
        let deadline = Instant::now() + Duration::from_secs(10);
        while others_run() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn work(&self) {
        loop {
            let table = {
                let mut queue = self.queue.lock();
                loop {
                    if self.stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    match queue.pop_front() {
                        Some(table) => break table,
                        None => self.wake.wait(&mut queue),
                    }
                }
            };
            if let Some(task) = self.background_task(&table) {
                match self.run(&task) {
                    // There may be more to do, for others too.
                    Ok(_) => self.submit(table),
                    Err(error) => tracing::warn!(%error, "A compaction failed; its inputs stay as they are"),
                }
            }
        }
    }

    fn background_task(&self, table: &Arc<dyn CompactionTable>) -> Option<CompactionTask> {
        let metadata = table.metadata();
        let strategy = Strategy::new(&metadata.params.compaction);
        let enabled = table.files().compacts_by_itself().unwrap_or(strategy.options.enabled);
        if !enabled || self.paused.load(Ordering::Relaxed) {
            return None;
        }
        let files = table.files();
        let (live, idle) = (files.sstables(), files.idle());
        let candidates = Candidate::all(&live, &idle);
        let situation = self.situation(&**table, &candidates);
        if let Some(pick) = strategy.next(&situation, metadata.id, &self.history) {
            return CompactionTask::picked(table.clone(), &live, &pick, Operation::Compaction);
        }
        if !strategy.drops_tombstones {
            return None;
        }
        let now = (self.options.now_ms)() / 1000;
        let worth = |s: &&Arc<SSTableReader>| {
            let created =
                files.fs().modified_ms(&s.descriptor().path(Component::Data)).unwrap_or(i64::MAX) / 1000;
            strategy.options.worth_dropping_tombstones(s, &live, created, now, situation.gc_before)
        };
        let chosen = idle.iter().filter(worth).max_by_key(|s| s.data_bytes_on_disk())?;
        CompactionTask::new(table.clone(), vec![chosen.clone()], Operation::TombstoneCompaction)
    }

    /// Runs a task on this thread.
    fn run(&self, task: &CompactionTask) -> Result<Finished, StorageError> {
        {
            let mut running = self.running.lock();
            if self.stopped.load(Ordering::Relaxed) {
                return Err(stopped());
            }
            running.push((std::thread::current().id(), task.info().clone()));
        }
        let ended = self.run_noted(task);
        self.running.lock().retain(|(_, info)| !Arc::ptr_eq(info, task.info()));
        ended
    }

    fn run_noted(&self, task: &CompactionTask) -> Result<Finished, StorageError> {
        let (now_ms, host_id) = ((self.options.now_ms)(), (self.options.host_id)());
        let ended = task.run(&self.throttle, now_ms, host_id, &self.options.on_emptied);
        let mut finished = ended.inspect_err(|error| (self.options.on_failed)(error))?;
        finished.finished_at_ms = (self.options.now_ms)();
        self.completed.fetch_add(1, Ordering::Relaxed);
        self.bytes_compacted.fetch_add(finished.bytes_in, Ordering::Relaxed);
        tracing::info!(
            keyspace = finished.table.keyspace,
            table = finished.table.name,
            inputs = task.inputs().len(),
            bytes_in = finished.bytes_in,
            bytes_out = finished.bytes_out,
            "Compacted"
        );
        (self.options.on_finished)(&finished);
        Ok(finished)
    }

    /// Compacts all SSTables of a table, on this thread, into as few as its strategy has (`nodetool compact`). Those that
    /// another compaction works on are waited for.
    pub fn compact_all(&self, table: &Arc<dyn CompactionTable>) -> Result<(), StorageError> {
        loop {
            let mut live = table.files().sstables().to_vec();
            live.retain(|sstable| !sstable.is_suspect());
            if live.is_empty() {
                return Ok(());
            }
            let strategy = Strategy::new(&table.metadata().params.compaction);
            let picks = strategy.maximal(&Candidate::all(&live, &live));
            let task =
                |pick: &Pick| CompactionTask::picked(table.clone(), &live, pick, Operation::MajorCompaction);
            match picks.iter().map(task).collect::<Option<Vec<_>>>() {
                Some(tasks) => return tasks.iter().try_for_each(|task| self.run(task).map(|_| ())),
                None if self.stopped.load(Ordering::Relaxed) => return Err(stopped()),
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Compacts those SSTables of a table that are selected into one, on this thread (`nodetool compact` of a part).
    pub fn compact_where(
        &self,
        table: &Arc<dyn CompactionTable>,
        select: &dyn Fn(&SSTableReader) -> bool,
    ) -> Result<(), StorageError> {
        loop {
            let mut chosen = table.files().sstables().to_vec();
            chosen.retain(|sstable| !sstable.is_suspect() && select(sstable));
            if chosen.is_empty() {
                return Ok(());
            }
            match CompactionTask::new(table.clone(), chosen, Operation::Compaction) {
                Some(task) => return self.run(&task).map(|_| ()),
                None if self.stopped.load(Ordering::Relaxed) => return Err(stopped()),
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Rewrites each SSTable of a table that is selected by itself (`nodetool upgradesstables`, `scrub`).
    pub fn rewrite_each(
        &self,
        table: &Arc<dyn CompactionTable>,
        operation: Operation,
        select: &dyn Fn(&SSTableReader) -> bool,
    ) -> Result<(), StorageError> {
        for sstable in table.files().idle().into_iter().filter(|sstable| select(sstable)) {
            if let Some(task) = CompactionTask::new(table.clone(), vec![sstable], operation) {
                self.run(&task)?;
            }
        }
        Ok(())
    }

    /// Asks the compactions of a table to stop, of all where none is given; waits until they did.
    pub fn stop_table(&self, table: Option<TableId>) {
        let of_table = |info: &Arc<CompactionInfo>| table.is_none_or(|id| info.table.id == id);
        self.queue.lock().retain(|queued| table.is_some_and(|id| queued.metadata().id != id));
        loop {
            let running: Vec<_> = self.running().into_iter().filter(of_table).collect();
            if running.is_empty() {
                return;
            }
            running.iter().for_each(|info| info.stop());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn stopped() -> StorageError {
    StorageError::Closed("compactions are stopped".to_owned())
}
