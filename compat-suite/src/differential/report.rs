//! What was run, and what differed.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write as _};

use super::known::Known;
use super::outcome::Outcome;
use super::text::{Statement, Step};
use crate::wire::hex;

/// No difference is told at greater length, in lines of each answer.
const LINES_MAX: usize = 12;

/// Counts by kind of statement, and the differences.
#[derive(Debug, Default)]
pub struct Report {
    /// For each kind: accepted, refused, answered differently.
    counts: BTreeMap<&'static str, [usize; 3]>,
    differences: usize,
    /// How often each known difference was met.
    known: BTreeMap<&'static str, (usize, &'static str)>,
    /// Statements that were not compared, as their table had differed before.
    skipped: usize,
    seeds: Vec<u64>,
}

impl Report {
    /// How many statements were compared.
    pub fn statements(&self) -> usize {
        self.counts.values().map(|[accepted, refused, _]| accepted + refused).sum()
    }

    /// How many answers differed.
    pub fn differences(&self) -> usize {
        self.differences
    }

    pub(super) fn count(&mut self, kind: &'static str, is_refused: bool) {
        self.counts.entry(kind).or_default()[usize::from(is_refused)] += 1;
    }

    pub(super) fn skip(&mut self) {
        self.skipped += 1;
    }

    pub(super) fn known(&mut self, known: &Known) {
        self.known.entry(known.name).or_insert((0, known.reason)).0 += 1;
    }

    pub(super) fn difference(&mut self, seed: u64, statement: &Statement, theirs: &Outcome, ours: &Outcome) {
        self.differences += 1;
        self.counts.entry(statement.kind).or_default()[2] += 1;
        println!("seed {seed}: {}", describe(statement));
        print!("{}", unequal(theirs, ours));
        if let Some(cause) = &theirs.cause {
            println!("  cassandra  {cause}");
        }
    }

    pub(super) fn history<'a>(&self, written: impl Iterator<Item = &'a Step>) {
        for step in written {
            match step {
                Step::Statement(statement) => println!("before: {}", describe(statement)),
                Step::Flush => println!("before: nodetool flush"),
                Step::Compact => println!("before: nodetool compact"),
            }
        }
    }

    pub(super) fn progress(&mut self, seed: u64) {
        self.seeds.push(seed);
        eprintln!("seed {seed} done: {} statements, {} differences", self.statements(), self.differences);
    }
}

fn describe(statement: &Statement) -> String {
    let mut text = statement.text.clone();
    for (_, value) in &statement.values.values {
        let _ = match value {
            None => write!(text, " unset"),
            Some(None) => write!(text, " null"),
            Some(Some(bytes)) => write!(text, " 0x{}", hex(bytes)),
        };
    }
    if let Some(size) = statement.page_size {
        let _ = write!(text, " (pages of {size})");
    }
    text
}

/// The first lines that differ, of each side.
fn unequal(theirs: &Outcome, ours: &Outcome) -> String {
    let same = theirs.lines.iter().zip(&ours.lines).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    for (name, outcome) in [("cassandra", theirs), ("helenus  ", ours)] {
        if outcome.lines.len() == same {
            let _ = writeln!(text, "  {name}  (nothing after {same} equal lines)");
        }
        for line in outcome.lines.iter().skip(same).take(LINES_MAX) {
            let _ = writeln!(text, "  {name}  {line}");
        }
    }
    text
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<20}{:>10}{:>10}{:>11}", "kind", "accepted", "refused", "different")?;
        let mut all = [0; 3];
        for (kind, counts) in &self.counts {
            let [accepted, refused, different] = counts;
            writeln!(f, "{kind:<20}{accepted:>10}{refused:>10}{different:>11}")?;
            all.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        let [accepted, refused, different] = all;
        writeln!(f, "{:<20}{accepted:>10}{refused:>10}{different:>11}", "all")?;
        let share = 100.0 * accepted as f64 / (accepted + refused).max(1) as f64;
        writeln!(f, "accepted by Cassandra: {share:.1} %")?;
        if let (Some(first), Some(last)) = (self.seeds.first(), self.seeds.last()) {
            writeln!(f, "seeds: {first} to {last}")?;
        }
        writeln!(f, "not compared, as their table had differed before: {}", self.skipped)?;
        for (name, (count, reason)) in &self.known {
            writeln!(f, "known: {name}: {count}: {reason}")?;
        }
        Ok(())
    }
}
