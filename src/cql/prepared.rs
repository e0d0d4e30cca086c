//! Prepared statements (Cassandra: `QueryProcessor`'s cache of them).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::HashMap;
use md5::{Digest, Md5};
use parking_lot::RwLock;

use super::request::StatementId;
use super::response::{Columns, Prepared, PreparedMetadata, ResultMetadata};
use crate::error::Error;
use crate::exec::access::Requires;
use crate::exec::options::Values;
use crate::exec::plan::Plan;
use crate::plan::statement::Planned;

/// A statement, parsed and planned.
#[derive(Debug)]
pub struct PreparedStatement {
    /// Its text.
    pub text: String,
    /// The keyspace of the session that prepared it.
    pub keyspace: Option<String>,
    /// Whether all of its names have keyspaces.
    pub is_qualified: bool,
    /// What it does.
    pub plan: Plan,
    /// What its user needs leave for.
    pub requires: Requires,
    /// Its number: no two statements of a node have the same.
    pub number: u64,
    /// Its bind markers.
    pub bind: PreparedMetadata,
    /// The columns of its result.
    pub columns: Arc<Columns>,
    /// Digest of those columns.
    pub result_metadata_id: StatementId,
    last_used: AtomicU64,
}

impl PreparedStatement {
    /// A statement that was just planned.
    pub fn new(text: &str, keyspace: Option<&str>, planned: Planned) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let Planned { plan, bind, is_qualified, requires } = planned;
        let columns = plan.result_columns();
        let result_metadata_id = result_metadata_id(&columns);
        Self {
            text: text.to_owned(),
            keyspace: keyspace.map(str::to_owned),
            is_qualified,
            plan,
            requires,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            bind,
            columns,
            result_metadata_id,
            last_used: AtomicU64::new(0),
        }
    }

    /// The answer to PREPARE.
    pub fn response(&self, id: StatementId) -> Prepared {
        let result = if self.columns.is_empty() {
            ResultMetadata::empty()
        } else {
            ResultMetadata::new(self.columns.clone())
        };
        Prepared { id, result_metadata_id: self.result_metadata_id.clone(), bind: self.bind.clone(), result }
    }

    /// Bound values in the order of the markers (Cassandra: `QueryOptions.prepare`).
    pub fn order(&self, values: Values) -> Values {
        let Some(names) = values.names() else { return values };
        let order: Vec<usize> = self
            .bind
            .columns
            .specs()
            .iter()
            .filter_map(|spec| names.iter().position(|name| **name == *spec.name))
            .collect();
        values.reorder(&order).unwrap_or_default()
    }

    /// Roughly the bytes that it takes. With Cassandra's own limit there is room for one with all markers that one may have.
    fn size(&self) -> usize {
        2048 + self.text.len() * 2 + (self.bind.columns.len() + self.columns.len()) * 128
    }
}

/// The id of a statement prepared by a session in that keyspace: MD5 of both.
pub fn statement_id(text: &str, keyspace: Option<&str>) -> StatementId {
    let mut md5 = Md5::new();
    md5.update(keyspace.unwrap_or_default());
    md5.update(text);
    StatementId::from(<[u8; 16]>::from(md5.finalize()))
}

/// The id of a result's metadata (Cassandra: `ResultSet.computeResultMetadataId`).
pub(super) fn result_metadata_id(columns: &Columns) -> StatementId {
    let mut md5 = Md5::new();
    for spec in columns.specs() {
        md5.update(spec.name.as_bytes());
        md5.update([0]);
        md5.update(spec.ty.class_name().to_string());
        md5.update([0, 0]);
    }
    StatementId::from(<[u8; 16]>::from(md5.finalize()))
}

/// All prepared statements, up to a size in bytes; the least recently used go first.
#[derive(Debug)]
pub struct PreparedStatements {
    by_id: RwLock<HashMap<StatementId, Arc<PreparedStatement>>>,
    size: AtomicU64,
    size_max: u64,
    clock: AtomicU64,
}

impl PreparedStatements {
    /// An empty cache of at most `size_max` bytes.
    pub fn new(size_max: u64) -> Self {
        Self { by_id: RwLock::default(), size: AtomicU64::new(0), size_max, clock: AtomicU64::new(1) }
    }

    /// The statement of that id.
    pub fn get(&self, id: &[u8]) -> Result<Arc<PreparedStatement>, Error> {
        let statements = self.by_id.read();
        let Some(statement) = statements.get(id) else { return Err(Error::Unprepared { id: id.to_vec() }) };
        statement.last_used.store(self.clock.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(statement.clone())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.read().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is there.
    pub fn contains(&self, id: &[u8]) -> bool {
        self.by_id.read().contains_key(id)
    }

    /// Refuses a statement that alone is larger than everything may be (Cassandra:
    /// `QueryProcessor.storePreparedStatement`; the size of ours is another).
    pub fn check_size(&self, statement: &PreparedStatement) -> Result<(), Error> {
        let size = statement.size();
        if size as u64 <= self.size_max {
            return Ok(());
        }
        let (most, begin) = (self.size_max >> 20, statement.text.chars().take(200).collect::<String>());
        Err(Error::invalid(format!(
            "Prepared statement of size {size} bytes is larger than allowed maximum of {most} MB: {begin}..."
        )))
    }

    /// Keeps a statement. Gives the ids of those that had to go.
    pub fn insert(&self, id: StatementId, statement: Arc<PreparedStatement>) -> Vec<StatementId> {
        let mut statements = self.by_id.write();
        let now = self.clock.fetch_add(1, Ordering::Relaxed) + 1;
        statement.last_used.store(now, Ordering::Relaxed);
        let added = statement.size() as u64;
        if let Some(old) = statements.insert(id.clone(), statement) {
            self.size.fetch_sub(old.size() as u64, Ordering::Relaxed);
        }
        let size = self.size.fetch_add(added, Ordering::Relaxed) + added;
        if size > self.size_max { self.evict(&mut statements, &id) } else { Vec::new() }
    }

    /// Drops the least recently used until an eighth of the room is free again, so that this is seldom done.
    fn evict(
        &self,
        statements: &mut HashMap<StatementId, Arc<PreparedStatement>>,
        keep: &StatementId,
    ) -> Vec<StatementId> {
        let mut oldest: Vec<_> =
            statements.iter().map(|(id, s)| (s.last_used.load(Ordering::Relaxed), id.clone())).collect();
        oldest.sort();
        let mut evicted = Vec::new();
        for (_, id) in oldest {
            if self.size.load(Ordering::Relaxed) <= self.size_max / 8 * 7 {
                break;
            }
            if id != *keep
                && let Some(gone) = statements.remove(&id)
            {
                self.size.fetch_sub(gone.size() as u64, Ordering::Relaxed);
                evicted.push(id);
            }
        }
        evicted
    }

    /// Drops the statements on a keyspace, or on one table of it; gives their ids.
    pub fn invalidate(&self, keyspace: &str, table: Option<&str>) -> Vec<StatementId> {
        let mut statements = self.by_id.write();
        let mut gone = Vec::new();
        statements.retain(|id, statement| {
            let keep = !statement.plan.uses(keyspace, table);
            if !keep {
                self.size.fetch_sub(statement.size() as u64, Ordering::Relaxed);
                gone.push(id.clone());
            }
            keep
        });
        gone
    }
}
