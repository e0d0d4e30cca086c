//! The servers that are compared.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::outcome::{Outcome, ask};
use super::text::{Statement, Step};
use crate::cassandra::Cassandra;
use crate::helenus::Helenus;
use crate::wire::{Answer, Connection, Options, Values};

/// The version of the protocol: the one that carries the time.
const VERSION: u8 = 5;

/// Both nodes.
#[derive(Debug)]
pub struct Nodes {
    /// The judge.
    pub cassandra: Side<Cassandra>,
    /// Ours.
    pub helenus: Side<Helenus>,
}

/// A node that nodetool can be run on.
pub trait Node {
    /// Runs a command of nodetool.
    fn nodetool(&self, arguments: &[&str]) -> io::Result<()>;
    /// The log where it says why a replica failed.
    fn log(&self) -> Option<PathBuf>;
}

impl Node for Cassandra {
    fn nodetool(&self, arguments: &[&str]) -> io::Result<()> {
        Cassandra::nodetool(self, arguments).map(drop).map_err(io::Error::other)
    }

    fn log(&self) -> Option<PathBuf> {
        Some(self.directory().join("system.log"))
    }
}

impl Node for Helenus {
    fn nodetool(&self, arguments: &[&str]) -> io::Result<()> {
        let output = Helenus::nodetool(self, arguments).map_err(io::Error::other)?;
        match output.status.success() {
            true => Ok(()),
            false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
        }
    }

    fn log(&self) -> Option<PathBuf> {
        None
    }
}

/// One server: where it listens, and the node, if this program started it.
#[derive(Debug)]
pub struct Side<N> {
    /// Where it listens.
    pub address: SocketAddr,
    /// The node; without one, nothing is flushed or compacted.
    pub node: Option<N>,
}

impl<N: Node + Sync> Side<N> {
    /// Runs the steps of a round in a fresh keyspace; gives what each was answered.
    ///
    /// The statements of one table run one after another; those of different tables side by side, each table on a
    /// connection of its own, up to a step that concerns all tables.
    pub fn run(&self, keyspace: &str, steps: &[Step]) -> io::Result<Vec<Outcome>> {
        let mut connection = Connection::open(self.address, VERSION)?;
        plain(&mut connection, &format!("DROP KEYSPACE IF EXISTS {keyspace}"))?;
        let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
        plain(&mut connection, &format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}"))?;
        plain(&mut connection, &format!("USE {keyspace}"))?;
        let log = self.node.as_ref().and_then(Node::log);
        let mut lanes = Lanes { address: self.address, keyspace, log, connections: BTreeMap::new() };
        let mut outcomes = Vec::with_capacity(steps.len());
        let mut rest = steps;
        while let Some((first, after)) = rest.split_first() {
            let alone = match first {
                Step::Statement(Statement { table: Some(_), .. }) => {
                    let is_of_table =
                        |step: &&Step| matches!(step, Step::Statement(Statement { table: Some(_), .. }));
                    let count = rest.iter().take_while(is_of_table).count();
                    let (together, after) = rest.split_at(count);
                    outcomes.extend(lanes.run(together)?);
                    rest = after;
                    continue;
                }
                Step::Statement(statement) => ask(&mut connection, statement)?,
                Step::Flush => self.nodetool(&["flush", keyspace])?,
                Step::Compact => self.nodetool(&["compact", keyspace])?,
            };
            outcomes.push(alone);
            rest = after;
        }
        plain(&mut connection, &format!("DROP KEYSPACE {keyspace}"))?;
        Ok(outcomes)
    }

    fn nodetool(&self, arguments: &[&str]) -> io::Result<Outcome> {
        self.node.as_ref().map_or(Ok(()), |node| node.nodetool(arguments))?;
        Ok(Outcome::default())
    }
}

/// The connections of a round, one for each table.
struct Lanes<'a> {
    address: SocketAddr,
    keyspace: &'a str,
    log: Option<PathBuf>,
    connections: BTreeMap<&'a str, Connection>,
}

impl<'a> Lanes<'a> {
    /// Runs statements of tables; gives the answers in the order of the statements.
    fn run(&mut self, steps: &'a [Step]) -> io::Result<Vec<Outcome>> {
        let mut lanes: BTreeMap<&str, Vec<(usize, &Statement)>> = BTreeMap::new();
        for (index, step) in steps.iter().enumerate() {
            if let Step::Statement(statement) = step
                && let Some(table) = &statement.table
            {
                lanes.entry(table).or_default().push((index, statement));
                if !self.connections.contains_key(table.as_str()) {
                    let mut connection = Connection::open(self.address, VERSION)?;
                    plain(&mut connection, &format!("USE {}", self.keyspace))?;
                    self.connections.insert(table, connection);
                }
            }
        }
        let log = self.log.as_deref();
        let mut answered = std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .connections
                .iter_mut()
                .filter_map(|(table, connection)| Some((connection, lanes.get(table)?)))
                .map(|(connection, lane)| {
                    scope.spawn(move || {
                        let answer = |(index, statement): &(usize, &Statement)| {
                            let mut outcome = ask(connection, statement)?;
                            if let (Some(log), Some((before, message))) = (log, outcome.cause_logged()) {
                                outcome.cause = last_cause(log, before, message)?;
                            }
                            Ok((*index, outcome))
                        };
                        lane.iter().map(answer).collect::<io::Result<Vec<_>>>()
                    })
                })
                .collect();
            let mut answered = Vec::with_capacity(steps.len());
            for thread in threads {
                let lane = thread.join().map_err(|_| io::Error::other("a thread that asks ended"))?;
                answered.extend(lane?);
            }
            io::Result::Ok(answered)
        })?;
        answered.sort_by_key(|(index, _)| *index);
        Ok(answered.into_iter().map(|(_, outcome)| outcome).collect())
    }
}

/// The last cause in a log, with the first frames of its stack. Other tables' statements fail at the same time: it is the
/// last one with that message.
fn last_cause(log: &Path, before: &str, message: &str) -> io::Result<Option<String>> {
    const FRAMES_MAX: usize = 30;
    // The answer comes before the log's line.
    std::thread::sleep(Duration::from_millis(300));
    let text = String::from_utf8_lossy(&std::fs::read(log)?).into_owned();
    let mut causes = text.rmatch_indices(before).filter_map(|(start, _)| text.get(start..));
    let cause = causes.find(|cause| {
        // The exception stands in the same line, or begins the next.
        let mut lines = cause.lines();
        lines.next().is_some_and(|line| line.contains(message))
            || lines.next().is_some_and(|line| line.starts_with(message))
    });
    Ok(cause.map(|cause| cause.lines().take(FRAMES_MAX).collect::<Vec<_>>().join("\n")))
}

/// Runs a statement that has to succeed.
fn plain(connection: &mut Connection, text: &str) -> io::Result<()> {
    let response = connection.query(text, &Values::default(), &Options::default())?;
    match response.answer {
        Answer::Error(failure) => Err(io::Error::other(format!("{text}: {failure}"))),
        _ => Ok(()),
    }
}
