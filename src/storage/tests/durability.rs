//! A model of durability: random writes, flushes, compactions, restarts, failing disks and crashes on the faulty file
//! system, and what must be there afterwards.
//!
//! Each case is a node with a few lives, from one seed. A life ends in a power cut, which leaves what a disk may have
//! kept of what was not synced; or in the death of the process alone, which leaves all that was written. Afterwards
//!
//! - the node starts, whatever happened before;
//! - what was acknowledged is there: in batch and group mode all of it; in periodic mode what came before the last sync,
//!   and all of it where only the process died and no disk had failed;
//! - what is there then stays, also where it is what a failed sync left to be seen;
//! - nothing that was deleted comes back.
//!
//! `CRASHES` sets how many crashes there are at least, `SEED` the first seed: the long run of docs/testing.md. The store's
//! own threads make the order of some changes a matter of chance, so that one seed may need several runs to fail again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::super::model::{DataRange, Mutation, ReadCommand};
use super::super::{CommitLogSync, IoMode, Storage, StorageError, StorageOptions};
use super::engine::{insert, open_as, options};
use super::operations::{Edge, INT, Operation, Place, covers, key, table, update};
use super::replay::schema;
use crate::env::faulty_fs::{Faults, FaultyFs};

const CRASHES: usize = 300;
/// Cases run side by side: the store waits a while after some failures.
const THREADS: usize = 8;
const PARTITIONS: i32 = 3;

/// A row of the model: partition and clustering.
type Row = (i32, Place);

/// What a write did to one row.
#[derive(Clone, Copy, Debug)]
struct Effect {
    value: Option<i32>,
    acknowledged: bool,
    durable: bool,
}

/// For each row what was done to it since it was last looked at after a crash, oldest first.
#[derive(Debug, Default)]
struct Model {
    rows: BTreeMap<Row, Vec<Effect>>,
}

fn all_rows() -> impl Iterator<Item = Row> {
    (0..PARTITIONS).flat_map(|p| (0..4).flat_map(move |c1| (0..4).map(move |c2| (p, (c1, c2)))))
}

impl Model {
    /// Takes down a write.
    fn write(&mut self, partition: i32, operation: &Operation, acknowledged: bool, durable: bool) {
        for row in all_rows().filter(|row| row.0 == partition) {
            let value = match operation {
                Operation::Insert { place, values, .. } if *place == row.1 => values.int,
                Operation::DeleteRow { place, .. } if *place == row.1 => None,
                Operation::DeleteRange { start, end, .. } if covers(*start, *end, row.1) => None,
                Operation::DeletePartition { .. } => None,
                _ => continue,
            };
            self.rows.entry(row).or_default().push(Effect { value, acknowledged, durable });
        }
    }

    /// Everything that was acknowledged is durable now.
    fn synced(&mut self) {
        for effect in self.rows.values_mut().flatten() {
            effect.durable |= effect.acknowledged;
        }
    }

    /// What is seen must be what the last write that counts did, or one after it did.
    fn check(&self, seen: &BTreeMap<Row, i32>, counts: impl Fn(&Effect) -> bool) -> Result<(), String> {
        for row in all_rows() {
            let effects = self.rows.get(&row).map(Vec::as_slice).unwrap_or_default();
            let last = effects.iter().rposition(&counts);
            let possible = effects.get(last.unwrap_or(0)..).unwrap_or_default();
            let value = seen.get(&row).copied();
            let never_written = last.is_none() && value.is_none();
            if !never_written && possible.iter().all(|effect| effect.value != value) {
                return Err(format!("{row:?} is {value:?} after {effects:?}"));
            }
        }
        Ok(())
    }

    /// What is there after a crash stays.
    fn settle(&mut self, seen: &BTreeMap<Row, i32>) {
        self.rows = all_rows()
            .map(|row| {
                (row, vec![Effect { value: seen.get(&row).copied(), acknowledged: true, durable: true }])
            })
            .collect();
    }
}

/// A node and what should be in it.
struct Case {
    rng: StdRng,
    fs: FaultyFs,
    sync: CommitLogSync,
    model: Model,
    /// The last timestamp and value.
    time: i64,
    runtime: tokio::runtime::Runtime,
    now_us: i64,
    /// Whether the power was on since the last life, in which no disk failed.
    only_killed: bool,
}

enum End {
    PowerCut,
    Killed,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let sync = match rng.random_range(0..3) {
            0 => options(Path::new("/node")).commit_log.sync,
            1 => CommitLogSync::Batch,
            _ => CommitLogSync::Group { window: Duration::from_millis(1) },
        };
        let fs = FaultyFs::new(rng.random());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self {
            rng,
            fs,
            sync,
            model: Model::default(),
            time: 0,
            runtime,
            now_us: 1_700_000_000_000_000,
            only_killed: false,
        }
    }

    fn options(&self) -> StorageOptions {
        let mut options = options(Path::new("/node"));
        options.commit_log.segment_bytes = 2048;
        options.commit_log.sync = self.sync;
        options
    }

    /// Starts the node, a second after it was started last: segments of the log are named after the time.
    fn open(&mut self) -> Result<Arc<Storage>, StorageError> {
        self.now_us += 1_000_000;
        open_as(schema(), self.now_us, self.options(), Arc::new(self.fs.clone()))
    }

    /// One life and its end.
    fn live(&mut self) -> Result<(), String> {
        let storage = self.open().map_err(|error| format!("the node does not start: {error}"))?;
        let seen = read(&storage).map_err(|error| format!("the node does not read: {error}"))?;
        let only_killed = self.only_killed;
        self.model.check(&seen, |effect| effect.durable || only_killed && effect.acknowledged)?;
        self.model.settle(&seen);
        let changes = self.rng.random_range(1..400);
        let dies_at = self.fs.operations() + changes;
        let alive = Faults { die_at_operation: Some(dies_at), ..Faults::default() };
        self.fs.set_faults(alive.clone());
        let mut unharmed = true;
        for _ in 0..self.rng.random_range(1..80) {
            match self.rng.random_range(0..100) {
                0..78 => self.write(&storage),
                78..84 => {
                    if storage.sync().is_ok() {
                        self.model.synced();
                    }
                }
                84..90 => {
                    if storage.flush(table().id).is_ok() {
                        self.model.synced();
                    }
                }
                90..94 => drop(storage.compact(table().id)),
                94..97 => {
                    let faults = self.fault(&alive);
                    unharmed = false;
                    self.fs.set_faults(faults);
                }
                _ => self.fs.set_faults(alive.clone()),
            }
            if unharmed && self.fs.operations() < dies_at && self.rng.random_bool(0.1) {
                let seen =
                    read(&storage).map_err(|error| format!("the living node does not read: {error}"))?;
                self.model.check(&seen, |effect| effect.acknowledged)?;
            }
        }
        self.end(&storage, unharmed)
    }

    /// Writes one thing that is newer than all before it.
    fn write(&mut self, storage: &Storage) {
        self.time += 1;
        let time = self.time;
        let place = (self.rng.random_range(0..4), self.rng.random_range(0..4));
        let operation = match self.rng.random_range(0..10) {
            0..7 => insert(place, i32::try_from(time).unwrap(), time),
            7 => Operation::DeleteRow { place, time },
            8 => {
                let edge = |c1| Some(Edge { c1, c2: None, inclusive: true });
                Operation::DeleteRange { start: edge(place.0), end: edge(place.0.max(place.1)), time }
            }
            _ => Operation::DeletePartition { time },
        };
        let partition = self.rng.random_range(0..PARTITIONS);
        let mut update = update(&table(), &operation);
        update.key = key(partition);
        let mutation = Mutation { key: key(partition), updates: vec![update], is_counter: false };
        let done = storage.apply(mutation, IoMode::Blocking).and_then(|position| {
            storage.write_out()?;
            self.runtime.block_on(storage.synced(position))
        });
        let durable = done.is_ok() && !matches!(self.sync, CommitLogSync::Periodic { .. });
        self.model.write(partition, &operation, done.is_ok(), durable);
    }

    /// Something that fails from some change on.
    fn fault(&mut self, alive: &Faults) -> Faults {
        let from_operation = self.fs.operations() + self.rng.random_range(0..30);
        let mut faults = Faults { from_operation, ..alive.clone() };
        match self.rng.random_range(0..6) {
            0 => faults.fail_sync = Some("CommitLog".to_owned()),
            1 => faults.fail_sync = Some("-big-".to_owned()),
            2 => faults.fail_sync = Some(String::new()),
            3 => faults.fail_read = Some("-Data.db".to_owned()),
            4 => faults.fail_read = Some(String::new()),
            _ => faults.bytes_left = Some(self.rng.random_range(0..4000)),
        }
        faults
    }

    /// Ends the life, and sometimes further ones while they are starting.
    fn end(&mut self, storage: &Storage, unharmed: bool) -> Result<(), String> {
        let end = if self.rng.random_bool(0.5) { End::Killed } else { End::PowerCut };
        if self.rng.random_bool(0.1) {
            // A clean stop, as far as the disk lets it.
            self.fs.set_faults(Faults::default());
            if storage.drain().is_ok() {
                self.model.synced();
            }
        }
        self.die(storage, &end);
        self.only_killed = unharmed && matches!(end, End::Killed);
        while self.rng.random_bool(0.3) {
            self.only_killed = false;
            let dies = self.fs.operations() + self.rng.random_range(0..60);
            self.fs.set_faults(Faults { die_at_operation: Some(dies), ..Faults::default() });
            // It starts or not, as far as it comes.
            if let Ok(storage) = self.open() {
                self.die(&storage, &End::PowerCut);
            } else {
                self.fs.crash();
            }
        }
        Ok(())
    }

    fn die(&mut self, storage: &Storage, end: &End) {
        // Its threads end, and change nothing any more.
        self.fs.set_faults(Faults { die_at_operation: Some(self.fs.operations()), ..Faults::default() });
        let _ = storage.shutdown();
        match end {
            End::PowerCut => self.fs.crash(),
            End::Killed => self.fs.kill(),
        }
    }
}

/// The rows that a read of everything gives, with their values.
fn read(storage: &Storage) -> Result<BTreeMap<Row, i32>, StorageError> {
    let int = |bytes: &[u8]| i32::from_be_bytes(bytes.try_into().unwrap());
    let command = ReadCommand::of_all(table(), 9, DataRange::ALL);
    let mut rows = BTreeMap::new();
    for partition in storage.read(&command, IoMode::Blocking)?.partitions {
        for row in &partition.rows {
            let place = (int(row.clustering().get(0).unwrap()), int(row.clustering().get(1).unwrap()));
            let value = row.cells().find(|cell| cell.column == INT).map(|cell| int(cell.value));
            rows.insert((int(&partition.key.key), place), value.unwrap());
        }
    }
    Ok(rows)
}

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn what_was_acknowledged_survives_crashes_and_failing_disks() {
    let crashes = setting("CRASHES").unwrap_or(CRASHES);
    let first = setting("SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("SEED={first} CRASHES={crashes}");
    let (next, done) = (AtomicU64::new(first), AtomicUsize::new(0));
    let work = || -> Result<(), String> {
        while done.load(Ordering::Relaxed) < crashes {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let mut case = Case::new(seed);
            for life in 0..4 {
                case.live().map_err(|error| format!("SEED={seed}, {:?}, life {life}: {error}", case.sync))?;
                done.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            if let Err(error) = thread.join().unwrap() {
                unreachable!("{error}");
            }
        }
    });
}
