//! Which SSTables overlap each other (Cassandra: `utils.Overlaps`).

use super::candidate::Candidate;

/// Which SSTables are compacted besides those that overlap at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inclusion {
    /// None.
    None,
    /// Those that overlap one of them.
    Single,
    /// Those that overlap one of them, those that overlap these, and so on.
    Transitive,
}

impl Inclusion {
    /// The one of that name; [`Inclusion::Transitive`] where there is none.
    pub fn named(name: &str) -> Self {
        match name.to_uppercase().as_str() {
            "NONE" => Self::None,
            "SINGLE" => Self::Single,
            _ => Self::Transitive,
        }
    }
}

/// All largest sets of SSTables that have a token in common, in the order of tokens.
pub fn overlap_sets(candidates: &[Candidate], mut members: Vec<usize>) -> Vec<Vec<usize>> {
    members.sort_by_key(|i| candidates[*i].first);
    let mut sets = Vec::new();
    let mut active: Vec<usize> = Vec::new();
    for i in members {
        let start = candidates[i].first;
        if active.iter().any(|a| candidates[*a].last < start) {
            sets.push(active.clone());
            active.retain(|a| candidates[*a].last >= start);
        }
        active.push(i);
    }
    if !active.is_empty() {
        sets.push(active);
    }
    sets
}

/// Runs of sets that are compacted together; each has a set of at least `threshold`.
pub fn buckets(threshold: usize, inclusion: Inclusion, sets: &[Vec<usize>]) -> Vec<&[Vec<usize>]> {
    let mut found = Vec::new();
    // The sets before this one are in a bucket.
    let mut done = 0;
    let mut i = 0;
    while i < sets.len() {
        if sets[i].len() < threshold {
            i += 1;
            continue;
        }
        let (mut start, mut end) = (i, i + 1);
        if inclusion != Inclusion::None {
            let mut together = sets[i].clone();
            let mut joins = |set: &Vec<usize>| {
                let with = if inclusion == Inclusion::Transitive { &together } else { &sets[i] };
                let joins = set.iter().any(|member| with.contains(member));
                if joins {
                    together.extend(set);
                }
                joins
            };
            while start > done && joins(&sets[start - 1]) {
                start -= 1;
            }
            while end < sets.len() && joins(&sets[end]) {
                end += 1;
            }
        }
        found.push(&sets[start..end]);
        (done, i) = (end, end);
    }
    found
}

/// The oldest of the SSTables in these sets, as many as leave no set with more than `limit` of them.
pub fn oldest_within(candidates: &[Candidate], sets: &[Vec<usize>], limit: usize) -> Vec<usize> {
    let mut all: Vec<usize> = sets.iter().flatten().copied().collect();
    all.sort_by_key(|i| (candidates[*i].max_timestamp, *i));
    all.dedup();
    let mut chosen = Vec::new();
    let mut counts = vec![0; sets.len()];
    for i in all {
        for (count, _) in counts.iter_mut().zip(sets).filter(|(_, set)| set.contains(&i)) {
            *count += 1;
            if *count > limit {
                return chosen;
            }
        }
        chosen.push(i);
    }
    chosen
}
