//! The servers that are compared.

use std::io;
use std::net::SocketAddr;

use super::outcome::{Outcome, ask};
use super::text::Step;
use crate::cassandra::Cassandra;
use crate::helenus::Helenus;
use crate::wire::{Connection, Options, Values};

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
}

impl Node for Cassandra {
    fn nodetool(&self, arguments: &[&str]) -> io::Result<()> {
        Cassandra::nodetool(self, arguments).map(drop).map_err(io::Error::other)
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
}

/// One server: where it listens, and the node, if this program started it.
#[derive(Debug)]
pub struct Side<N> {
    /// Where it listens.
    pub address: SocketAddr,
    /// The node; without one, nothing is flushed or compacted.
    pub node: Option<N>,
}

impl<N: Node> Side<N> {
    /// Runs the steps of a round in a fresh keyspace; gives what each was answered.
    pub fn run(&self, keyspace: &str, steps: &[Step]) -> io::Result<Vec<Outcome>> {
        let mut connection = Connection::open(self.address, VERSION)?;
        let mut plain =
            |text: &str| connection.query(text, &Values::default(), &Options::default()).map(drop);
        plain(&format!("DROP KEYSPACE IF EXISTS {keyspace}"))?;
        let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
        plain(&format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}"))?;
        plain(&format!("USE {keyspace}"))?;
        let done = |()| Outcome { lines: Vec::new(), is_error: false };
        let mut outcomes = Vec::with_capacity(steps.len());
        for step in steps {
            outcomes.push(match step {
                Step::Statement(statement) => ask(&mut connection, statement)?,
                Step::Flush => self.nodetool(&["flush", keyspace]).map(done)?,
                Step::Compact => self.nodetool(&["compact", keyspace]).map(done)?,
            });
        }
        let drop_it = format!("DROP KEYSPACE {keyspace}");
        connection.query(&drop_it, &Values::default(), &Options::default())?;
        Ok(outcomes)
    }

    fn nodetool(&self, arguments: &[&str]) -> io::Result<()> {
        self.node.as_ref().map_or(Ok(()), |node| node.nodetool(arguments))
    }
}
