//! Strategies decide as Cassandra's do.
#![allow(clippy::unwrap_used, reason = "test")]

use super::candidate::{Candidate, Pick, Split};
use super::splitter::shard_of;
use super::strategy::{History, Situation, Strategy};
use crate::schema::{CompactionParams, TableId};

const MB: u64 = 1 << 20;

fn strategy(class: &str, options: &[(&str, &str)]) -> Strategy {
    let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Strategy::new(&CompactionParams { class: format!("org.apache.cassandra.db.compaction.{class}"), options })
}

fn candidate(generation: u64, tokens: (i64, i64), bytes: u64) -> Candidate {
    Candidate {
        first: tokens.0,
        last: tokens.1,
        bytes,
        level: 0,
        min_timestamp: generation as i64,
        max_timestamp: generation as i64,
        max_local_deletion_time: i64::MAX,
        generation,
        is_repaired: false,
        is_busy: false,
    }
}

fn next(strategy: &Strategy, candidates: &[Candidate]) -> Option<Pick> {
    next_with(strategy, candidates, &History::default())
}

fn next_with(strategy: &Strategy, candidates: &[Candidate], history: &History) -> Option<Pick> {
    let situation = Situation { candidates, gc_before: 1000, in_memory: None, flush_bytes: 0 };
    let mut pick = strategy.next(&situation, TableId(uuid::Uuid::nil()), history)?;
    pick.inputs.sort_unstable();
    Some(pick)
}

#[test]
fn sstables_of_one_size_are_compacted() {
    let strategy = strategy("SizeTieredCompactionStrategy", &[("min_threshold", "3")]);
    let mut all: Vec<_> = (0..3).map(|i| candidate(i, (0, 9), 10)).collect();
    all.push(candidate(9, (0, 9), 1000 * MB));
    assert_eq!(next(&strategy, &all), Some(Pick::into_one(vec![0, 1, 2])));
    all[1].is_repaired = true;
    assert_eq!(next(&strategy, &all), None, "what was repaired stays apart");
}

fn at(generation: u64, minute: i64) -> Candidate {
    Candidate { max_timestamp: minute * 60_000_000 + 7, ..candidate(generation, (0, 9), generation + 1) }
}

#[test]
fn windows_of_time_stay_apart() {
    let options = [("compaction_window_unit", "MINUTES"), ("compaction_window_size", "10")];
    let strategy = strategy("TimeWindowCompactionStrategy", &options);
    // Of the newest window four are needed, of older ones two.
    let mut all = vec![at(0, 5), at(1, 15), at(2, 31), at(3, 39), at(4, 30)];
    assert_eq!(next(&strategy, &all), None);
    all.push(at(5, 9));
    assert_eq!(next(&strategy, &all), Some(Pick::into_one(vec![0, 5])));
    all.push(at(6, 38));
    assert_eq!(next(&strategy, &all), Some(Pick::into_one(vec![2, 3, 4, 6])), "the newest window first");
    let situation = Situation { candidates: &all, gc_before: 0, in_memory: None, flush_bytes: 0 };
    assert_eq!(strategy.pending(&situation), 2);
}

#[test]
fn expired_sstables_go_unless_they_shadow_something() {
    let strategy = strategy("TimeWindowCompactionStrategy", &[]);
    let mut all = vec![candidate(0, (0, 9), 1), candidate(1, (0, 9), 1), candidate(2, (0, 9), 1)];
    all.iter_mut().zip(1_i64..).for_each(|(c, day)| {
        c.min_timestamp = day * 86_400_000_000;
        c.max_timestamp = c.min_timestamp + 5;
    });
    assert_eq!(next(&strategy, &all), None);
    all[1].max_local_deletion_time = 999;
    assert_eq!(next(&strategy, &all), None, "it may shadow something in the first one");
    all[0].max_local_deletion_time = 10;
    let expected = Pick { expired: vec![0, 1], ..Pick::into_one(vec![0, 1]) };
    assert_eq!(next(&strategy, &all), Some(expected));
}

fn leveled() -> Strategy {
    strategy("LeveledCompactionStrategy", &[("sstable_size_in_mb", "1")])
}

fn on(level: usize, generation: u64, tokens: (i64, i64)) -> Candidate {
    Candidate { level, ..candidate(generation, tokens, MB) }
}

#[test]
fn l0_goes_to_l1_with_what_it_overlaps_there() {
    let small = [candidate(0, (0, 50), 10), candidate(1, (20, 90), 10)];
    let expected = Pick { split: Split::AtBytes(MB), ..Pick::into_one(vec![0, 1]) };
    assert_eq!(next(&leveled(), &small), Some(expected), "too little for L1");
    let all = [on(0, 4, (0, 50)), on(0, 5, (20, 90)), on(1, 1, (40, 60)), on(1, 2, (91, 99))];
    let expected = Pick { level: 1, split: Split::AtBytes(MB), ..Pick::into_one(vec![0, 1, 2]) };
    assert_eq!(next(&leveled(), &all), Some(expected));
    let busy = [all[0], all[1], Candidate { is_busy: true, ..all[2] }, all[3]];
    assert_eq!(next(&leveled(), &busy), None);
    assert_eq!(next(&leveled(), &all[1..2]), None, "one alone stays where it is");
}

#[test]
fn a_level_that_is_too_large_gives_to_the_next_one_after_the_other() {
    let mut all: Vec<_> = (0..11).map(|i| on(1, i, (i as i64 * 10, i as i64 * 10 + 9))).collect();
    all.push(on(2, 20, (0, 14)));
    all.push(on(2, 19, (15, 24)));
    // The last one that was compacted to L2 ends at 14, so the one that starts at 20 is next.
    let expected = Pick { level: 2, split: Split::AtBytes(MB), ..Pick::into_one(vec![2, 12]) };
    assert_eq!(next(&leveled(), &all), Some(expected));
    all.remove(0);
    assert_eq!(next(&leveled(), &all), None, "ten are as many as it may have");
}

#[test]
fn what_overlaps_within_a_level_counts_as_l0() {
    let all = [on(1, 1, (0, 50)), on(1, 2, (40, 60))];
    let levels = leveled().levels(&all).unwrap();
    assert_eq!((&levels[0][..], &levels[1][..]), (&[1][..], &[0][..]));
}

#[test]
fn l0_that_is_far_behind_is_compacted_by_size_first() {
    let mut all: Vec<_> = (0..33).map(|i| candidate(i, (0, 100), 1000)).collect();
    all.extend((40..51).map(|i| on(1, i, (i as i64 * 10, i as i64 * 10 + 9))));
    let pick = next(&leveled(), &all).unwrap();
    assert_eq!((pick.level, pick.inputs.len(), pick.split), (0, 32, Split::None));
}

#[test]
fn the_highest_level_is_not_forgotten() {
    let history = History::default();
    let mut all: Vec<_> = (0..11).map(|i| on(1, i, (i as i64 * 10, i as i64 * 10 + 9))).collect();
    all.push(on(2, 30, (0, 19)));
    all.push(on(3, 31, (22, 25)));
    let rounds = (0..40).map(|_| next_with(&leveled(), &all, &history).unwrap().inputs);
    let first = rounds.take_while(|inputs| !inputs.contains(&12)).count();
    assert_eq!(first, 25);
}

fn part(i: i64, of: i64) -> (i64, i64) {
    let width = (1_i128 << 64) / i128::from(of);
    let start = i128::from(i64::MIN) + i128::from(i) * width;
    (start.try_into().unwrap(), (start + width - 1).try_into().unwrap())
}

#[test]
fn four_overlapping_sstables_of_one_density_are_compacted() {
    let unified = strategy("UnifiedCompactionStrategy", &[]);
    let all: Vec<_> = (0..4).map(|i| candidate(i, part(0, 1), MB)).collect();
    let expected = Pick { split: Split::Shards(1), ..Pick::into_one(vec![0, 1, 2, 3]) };
    assert_eq!(next(&unified, &all), Some(expected));
    assert_eq!(next(&unified, &all[..3]), None);
    let apart: Vec<_> = (0..4).map(|i| candidate(i as u64, part(i, 4), MB)).collect();
    assert_eq!(next(&unified, &apart), None, "none overlaps another");
    // Another density is another level: three flushes and what four became.
    let mixed: Vec<_> = (0..4).map(|i| candidate(i, part(0, 1), if i == 3 { 4 * MB } else { MB })).collect();
    assert_eq!(next(&unified, &mixed), None);
    // A quarter of the tokens with a quarter of the bytes has the density of the others.
    let dense: Vec<_> = (0..4)
        .map(|i| if i == 3 { candidate(i, part(1, 4), MB / 4) } else { candidate(i, part(0, 1), MB) })
        .collect();
    assert_eq!(next(&unified, &dense).map(|pick| pick.inputs), Some(vec![0, 1, 2, 3]));
}

#[test]
fn dense_data_is_split_into_shards() {
    let gib = 1_u64 << 30;
    let unified = strategy("UnifiedCompactionStrategy", &[]);
    // As Cassandra's Controller.getNumShards: 100 MiB at least, 1 GiB aimed at, growing with the cube root.
    for (bytes, shards) in [(MB, 1), (200 * MB, 2), (399 * MB, 2), (gib, 4), (8 * gib, 8), (64 * gib, 32)] {
        assert_eq!(unified.flush_split(bytes), Split::Shards(shards), "{bytes}");
    }
    let fixed = strategy("UnifiedCompactionStrategy", &[("sstable_growth", "1"), ("base_shard_count", "8")]);
    assert_eq!(fixed.flush_split(100 * gib), Split::Shards(8));
    let steady = strategy("UnifiedCompactionStrategy", &[("sstable_growth", "0")]);
    assert_eq!(steady.flush_split(64 * gib), Split::Shards(64));
}

#[test]
fn shards_end_with_their_last_token() {
    for (token, shard) in [(i64::MIN, 0), (-1, 1), (0, 1), (1, 2), (i64::MAX, 3)] {
        assert_eq!(shard_of(token, 4), shard, "{token}");
    }
    assert_eq!(shard_of(7, 1), 0);
}

#[test]
fn scaling_parameters_are_read() {
    let leveled = strategy("UnifiedCompactionStrategy", &[("scaling_parameters", "L4, N")]);
    let two: Vec<_> = (0..2).map(|i| candidate(i, part(0, 1), MB)).collect();
    assert_eq!(next(&leveled, &two).map(|pick| pick.inputs), Some(vec![0, 1]));
}

#[test]
fn compactions_of_everything_leave_nothing_overlapping() {
    let unified = strategy("UnifiedCompactionStrategy", &[]);
    let all = [candidate(0, (0, 10), 1), candidate(1, (20, 30), 1), candidate(2, (5, 15), 1)];
    let picks: Vec<_> = unified.maximal(&all).into_iter().map(|pick| pick.inputs).collect();
    assert_eq!(picks, [vec![0, 2], vec![1]]);
    assert_eq!(leveled().maximal(&all)[0].split, Split::Levels { bytes: MB, fanout: 10 });
}
