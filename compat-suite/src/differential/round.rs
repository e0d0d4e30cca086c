//! Rounds: a schema, its statements, both servers, and the comparison.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::known::{self, Answers};
use super::outcome::Outcome;
use super::random::Random;
use super::read::read;
use super::report::Report;
use super::schema::{Schema, Timestamps};
use super::side::Nodes;
use super::text::{Statement, Step, Writer};
use super::write::write;
use crate::wire::Values;

/// How far ahead of the real time the requests' time is, in seconds, so that no compaction finds anything expired that
/// the requests do not.
const AHEAD_SECONDS: u64 = 1_000_000;

/// What to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The seed of the first round; each next round has the next one.
    pub seed: u64,
    /// How many statements to run at least.
    pub statements: usize,
    /// Statements of a round.
    pub round: usize,
    /// Tables of a round.
    pub tables: usize,
    /// Stop after so many differences.
    pub differences: usize,
    /// Tell with each difference what was written to its table before.
    pub history: bool,
    /// Where to write the report after each round.
    pub report: Option<PathBuf>,
}

/// Runs rounds until the statements are enough, or the differences too many.
///
/// # Errors
///
/// If a server cannot be reached, its answer not be read, or the report not be written.
pub fn run(nodes: &Nodes, settings: &Settings) -> io::Result<Report> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    let now_seconds = i32::try_from(now.as_secs() + AHEAD_SECONDS).map_err(io::Error::other)?;
    let mut report = Report::default();
    let mut seed = settings.seed;
    while report.statements() < settings.statements && report.differences() < settings.differences {
        let steps = steps(seed, settings, now_seconds);
        let keyspace = format!("differential_{seed}");
        let (cassandra, helenus) = std::thread::scope(|scope| {
            let ours = scope.spawn(|| nodes.helenus.run(&keyspace, &steps));
            let theirs = nodes.cassandra.run(&keyspace, &steps);
            (theirs, ours.join())
        });
        let helenus = helenus.map_err(|_| io::Error::other("the thread that asks Helenus ended"))?;
        compare(seed, &steps, &cassandra?, &helenus?, settings.history, &mut report);
        report.progress(seed);
        if let Some(path) = &settings.report {
            std::fs::write(path, report.to_string())?;
        }
        seed += 1;
    }
    Ok(report)
}

/// Counts what was answered. After a difference a table's further answers say nothing.
fn compare(
    seed: u64,
    steps: &[Step],
    cassandra: &[Outcome],
    helenus: &[Outcome],
    is_history_told: bool,
    report: &mut Report,
) {
    let mut spoilt = HashSet::new();
    let mut wholes: HashMap<&String, (&String, &Outcome)> = HashMap::new();
    let mut written: Vec<&Step> = Vec::new();
    for ((step, theirs), ours) in steps.iter().zip(cassandra).zip(helenus) {
        let Step::Statement(statement) = step else {
            written.push(step);
            continue;
        };
        if statement.table.as_ref().is_some_and(|table| spoilt.contains(table)) {
            report.skip();
            continue;
        }
        report.count(statement.kind, theirs.is_error);
        if !statement.kind.starts_with("select") && !theirs.is_error {
            written.push(step);
        }
        let whole =
            statement.table.as_ref().and_then(|table| wholes.insert(table, (&statement.text, theirs)));
        let their_whole = whole.filter(|(text, _)| **text == statement.text).map(|(_, whole)| whole);
        let answers = Answers { statement, theirs, ours, their_whole };
        if theirs.lines != ours.lines {
            if let Some(known) = known::find(&answers) {
                report.known(known);
                // What one of them wrote, the other did not.
                if !statement.kind.starts_with("select") || known.name == known::UNREADABLE {
                    spoilt.extend(statement.table.clone());
                }
                continue;
            }
            if is_history_told {
                let is_same = |earlier: &&&Step| match earlier {
                    Step::Statement(earlier) => earlier.table == statement.table || earlier.kind == "create",
                    Step::Flush | Step::Compact => true,
                };
                report.history(written.iter().filter(is_same).copied());
            }
            report.difference(seed, statement, theirs, ours);
            spoilt.extend(statement.table.clone());
        }
    }
}

/// The steps of a round.
fn steps(seed: u64, settings: &Settings, start_seconds: i32) -> Vec<Step> {
    let mut random = Random::new(seed);
    let mut schema = Schema::new(&mut random, settings.tables);
    let mut steps: Vec<_> =
        schema.statements().into_iter().map(|text| plain("create", None, text, start_seconds)).collect();
    for index in 0..settings.round {
        let seconds = start_seconds + i32::try_from(index / 20).unwrap_or(i32::MAX);
        match random.below(1000) {
            0 => steps.extend(written_out(&schema, Step::Flush, seconds)),
            1 if random.chance(50) => steps.extend(written_out(&schema, Step::Compact, seconds)),
            2..=4 => {
                let user = schema.user.clone();
                let table = random.below(schema.tables.len());
                if let Some(table) = schema.tables.get_mut(table) {
                    let text = table.alter(&mut random, &user);
                    steps.push(plain("alter", Some(table.name.clone()), text, seconds));
                }
            }
            5 => {
                let name = random.one(&schema.tables).name.clone();
                steps.push(plain("truncate", Some(name.clone()), format!("TRUNCATE {name}"), seconds));
            }
            6 if random.chance(30) => {
                let text = schema.alter_type(&mut random);
                steps.push(plain("alter type", None, text, seconds));
            }
            _ => steps.extend(statement(&schema, &mut random, index, seconds)),
        }
    }
    steps.extend(whole_tables(&schema, start_seconds));
    steps.extend(written_out(&schema, Step::Flush, start_seconds));
    steps.extend(written_out(&schema, Step::Compact, start_seconds));
    steps
}

/// A flush or compaction, and what all tables hold after it.
fn written_out(schema: &Schema, how: Step, seconds: i32) -> Vec<Step> {
    let mut steps = vec![how];
    steps.extend(whole_tables(schema, seconds));
    steps
}

/// Reads all tables.
fn whole_tables(schema: &Schema, seconds: i32) -> impl Iterator<Item = Step> {
    schema.tables.iter().map(move |table| {
        let text = format!("SELECT * FROM {}", table.name);
        let mut step = plain("select whole table", Some(table.name.clone()), text, seconds);
        if let Step::Statement(statement) = &mut step {
            statement.has_equals = table.has_equals();
        }
        step
    })
}

fn plain(kind: &'static str, table: Option<String>, text: String, now_seconds: i32) -> Step {
    let values = Values::default();
    Step::Statement(Statement {
        kind,
        table,
        has_equals: false,
        static_sets: Vec::new(),
        text,
        values,
        page_size: None,
        timestamp: None,
        now_seconds,
    })
}

/// A statement; one whose pages cannot be compared follows itself without pages.
fn statement(schema: &Schema, random: &mut Random, index: usize, now_seconds: i32) -> Vec<Step> {
    let table = random.one(&schema.tables).clone();
    let is_read = random.chance(50);
    let page_size = (is_read && random.chance(30)).then(|| *random.one(&[1, 2, 3, 4, 5, 7, 13, 100]));
    let mut writer = Writer::new(random);
    let (kind, text) = match is_read {
        true => read(&table, &mut writer),
        false => write(&table, &mut writer),
    };
    let timestamp = match table.timestamps {
        Timestamps::Server => None,
        _ => i64::try_from(index).ok().map(|index| 1_000_000 + index),
    };
    let values = writer.into_values();
    let statement = Statement {
        kind,
        has_equals: table.has_equals(),
        static_sets: table.static_sets(),
        table: Some(table.name),
        text,
        values,
        page_size,
        timestamp,
        now_seconds,
    };
    match kind {
        "select group by" if page_size.is_some() => {
            let whole = Statement { page_size: None, ..statement.clone() };
            vec![Step::Statement(whole), Step::Statement(statement)]
        }
        _ => vec![Step::Statement(statement)],
    }
}
