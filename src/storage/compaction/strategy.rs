//! The strategies, and what they have in common.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::candidate::{Candidate, Pick, Split};
use super::leveled::{LEVELS, Leveled, Rounds};
use super::size_tiered::SizeTieredOptions;
use super::time_window::TimeWindow;
use super::unified::Unified;
use crate::schema::{CompactionParams, TableId};

/// What strategies decide by.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// All SSTables of the table.
    pub candidates: &'a [Candidate],
    /// Tombstones from before may go: seconds since 1970.
    pub gc_before: i64,
    /// The oldest timestamp of the memtables.
    pub in_memory: Option<i64>,
    /// The bytes of a flush, on the average; 0 where there was none yet.
    pub flush_bytes: u64,
}

/// What is kept between decisions.
#[derive(Debug, Default)]
pub struct History(Mutex<HashMap<TableId, Rounds>>);

/// How a table is compacted.
#[derive(Clone, Debug, PartialEq)]
pub struct Strategy {
    /// The options that all strategies have.
    pub options: SizeTieredOptions,
    /// Whether an SSTable is compacted alone to be rid of tombstones.
    pub drops_tombstones: bool,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    SizeTiered,
    TimeWindow(TimeWindow),
    Leveled(Leveled),
    Unified(Unified),
}

/// An option; its default where it is missing or cannot be read.
pub fn option<T: std::str::FromStr>(params: &CompactionParams, name: &str, default: T) -> T {
    params.options.get(name).and_then(|value| value.to_lowercase().parse().ok()).unwrap_or(default)
}

impl Strategy {
    /// The strategy of a table.
    pub fn new(params: &CompactionParams) -> Self {
        let options = SizeTieredOptions::new(params);
        let kind = match params.class.rsplit('.').next() {
            Some("TimeWindowCompactionStrategy") => {
                Kind::TimeWindow(TimeWindow::new(params, options.clone()))
            }
            Some("LeveledCompactionStrategy") => Kind::Leveled(Leveled::new(params, options.clone())),
            Some("UnifiedCompactionStrategy") => Kind::Unified(Unified::new(params)),
            _ => Kind::SizeTiered,
        };
        let drops_tombstones = match kind {
            Kind::TimeWindow(_) => TimeWindow::drops_tombstones(params),
            // It has no compactions of that kind.
            Kind::Unified(_) => false,
            Kind::SizeTiered | Kind::Leveled(_) => true,
        };
        Self { options, drops_tombstones, kind }
    }

    /// What to compact next. What was repaired stays apart from what was not.
    pub fn next(&self, situation: &Situation<'_>, table: TableId, history: &History) -> Option<Pick> {
        [false, true].into_iter().find_map(|repaired| {
            let busy = |c: &Candidate| Candidate { is_busy: c.is_busy || c.is_repaired != repaired, ..*c };
            let candidates: Vec<Candidate> = situation.candidates.iter().map(busy).collect();
            self.next_of(&Situation { candidates: &candidates, ..*situation }, table, history)
        })
    }

    fn next_of(&self, situation: &Situation<'_>, table: TableId, history: &History) -> Option<Pick> {
        let candidates = situation.candidates;
        match &self.kind {
            Kind::SizeTiered => {
                let idle = (0..candidates.len()).filter(|i| !candidates[*i].is_busy).collect();
                self.options.best(candidates, idle).map(Pick::into_one)
            }
            Kind::TimeWindow(windows) => windows.next(situation),
            Kind::Leveled(levels) => {
                let mut history = history.0.lock();
                levels.next(situation, history.entry(table).or_insert([0; LEVELS]))
            }
            Kind::Unified(unified) => unified.next(situation),
        }
    }

    /// How many compactions are to be done, as `nodetool compactionstats` counts them.
    pub fn pending(&self, situation: &Situation<'_>) -> usize {
        let candidates = situation.candidates;
        match &self.kind {
            Kind::SizeTiered => self.options.pending(candidates),
            Kind::TimeWindow(windows) => windows.pending(candidates),
            Kind::Leveled(levels) => levels.pending(candidates),
            Kind::Unified(unified) => unified.pending(candidates, situation.flush_bytes),
        }
    }

    /// Compactions of everything (`nodetool compact`).
    pub fn maximal(&self, candidates: &[Candidate]) -> Vec<Pick> {
        let all: Vec<usize> = (0..candidates.len()).collect();
        match &self.kind {
            Kind::SizeTiered | Kind::TimeWindow(_) => vec![Pick::into_one(all)],
            Kind::Leveled(levels) => vec![Pick { split: levels.maximal(), level: 1, ..Pick::into_one(all) }],
            Kind::Unified(unified) => unified.maximal(candidates),
        }
    }

    /// How one SSTable, compacted alone, is written again.
    pub fn alone(&self, candidate: &Candidate) -> (usize, Split) {
        match &self.kind {
            Kind::Leveled(levels) => (candidate.level, levels.split()),
            _ => (candidate.level, Split::None),
        }
    }

    /// How flushes are split, where they have about that many bytes.
    pub fn flush_split(&self, flush_bytes: u64) -> Split {
        match &self.kind {
            Kind::Unified(unified) => unified.flush_split(flush_bytes),
            _ => Split::None,
        }
    }

    /// SSTables by level, for strategies that have levels.
    pub fn levels(&self, candidates: &[Candidate]) -> Option<Vec<Vec<usize>>> {
        match &self.kind {
            Kind::Leveled(levels) => Some(levels.levels(candidates)),
            _ => None,
        }
    }
}
