//! Conditional writes (Cassandra: `StorageProxy.cas`). As long as the only replica is this node, a lock on the
//! partition is what Paxos is for: reading, deciding and writing are one step for everybody who writes
//! conditionally, so that nothing has to be kept in `system.paxos`.

use std::fmt;

use super::coordinator::{Coordinator, ReadListener};
use super::timeouts::TimeoutKind;
use crate::consistency::{Consistency, WriteType};
use crate::error::Error;
use crate::schema::TableMetadata;
use crate::storage::IoMode;
use crate::storage::model::{DecoratedKey, Mutation, ReadCommand, ReadResponse};

/// What a conditional write asks of the replicas.
#[derive(Clone, Copy, Debug)]
pub struct ConditionalLevels {
    /// `SERIAL` or `LOCAL_SERIAL`: among whom it is agreed on.
    pub serial: Consistency,
    /// How many must have applied it.
    pub commit: Consistency,
}

/// One partition, while nobody else writes to it conditionally.
pub struct Contested<'a> {
    coordinator: &'a Coordinator,
    level: Consistency,
    io: IoMode,
    listener: ReadListener<'a>,
    /// The timestamp of what may be written, in microseconds: greater than every one given out before.
    pub ballot: i64,
}

impl fmt::Debug for Contested<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contested")
            .field("level", &self.level)
            .field("ballot", &self.ballot)
            .finish_non_exhaustive()
    }
}

impl Contested<'_> {
    /// Reads the partition as it is.
    pub fn read(&self, command: &ReadCommand) -> Result<ReadResponse, Error> {
        self.coordinator.read(command, self.level, self.io, self.listener)
    }
}

impl Coordinator {
    /// Lets `decide` read a partition and say what is to be written to it, if anything, without anybody else's
    /// conditional write in between; `listener` is that of its reads. What is written is durable
    /// once the commit log is, up to its current position.
    pub fn compare_and_set<R>(
        &self,
        table: &TableMetadata,
        key: &DecoratedKey,
        levels: ConditionalLevels,
        io: IoMode,
        listener: ReadListener<'_>,
        decide: impl FnOnce(&Contested<'_>) -> Result<(Option<Mutation>, R), Error>,
    ) -> Result<R, Error> {
        let ConditionalLevels { serial, commit } = levels;
        let schema = self.schema();
        check_levels(levels, schema.keyspace(&table.keyspace).map(|k| &*k.params.replication.class))?;
        let replicas = self.replicas(&schema, &table.keyspace);
        if replicas.alive < 1 {
            return Err(Error::Unavailable { consistency: serial, required: 1, alive: 0, datacenter: None });
        }
        let level = condition_level(serial);
        let timeout = Some(self.settings().timeouts.get(TimeoutKind::CasContention)).filter(|t| !t.is_zero());
        let locked = self.storage().lock_partition(table.id, key, io, timeout);
        let _guard = match locked.map_err(|error| self.failure(error, commit))? {
            Some(guard) => guard,
            None => {
                let consistency = serial;
                return Err(Error::CasWriteTimeout {
                    consistency,
                    received: 0,
                    block_for: 1,
                    contentions: 0,
                });
            }
        };
        let ballot = self.clock().next_timestamp();
        let (mutation, result) = decide(&Contested { coordinator: self, level, io, listener, ballot })?;
        if let Some(mutation) = mutation {
            self.apply_traced(mutation, io, listener.steps).map_err(|e| self.failure(e, commit))?;
            // It is agreed on and will not be undone, even where too few replicas live to say so.
            replicas.check(commit, self.node(), true)?;
        }
        Ok(result)
    }

    fn failure(&self, error: crate::storage::StorageError, commit: Consistency) -> Error {
        self.write_error(error, commit, WriteType::Simple)
    }
}

/// The level at which a conditional write that is agreed on at that one reads first.
pub fn condition_level(serial: Consistency) -> Consistency {
    match serial {
        Consistency::LocalSerial => Consistency::LocalQuorum,
        _ => Consistency::Quorum,
    }
}

/// Cassandra: `ConsistencyLevel.validateForCas` and `validateForCasCommit`.
fn check_levels(levels: ConditionalLevels, strategy: Option<&str>) -> Result<(), Error> {
    let ConditionalLevels { serial, commit } = levels;
    if !serial.is_serial() {
        return Err(Error::invalid(
            "Invalid consistency for conditional update. Must be one of SERIAL or LOCAL_SERIAL",
        ));
    }
    if commit.is_serial() {
        return Err(Error::invalid(format!(
            "{commit} is not supported as conditional update commit consistency. Use ANY if you mean \"make sure it is accepted but I don't care how many replicas commit it for non-SERIAL reads\""
        )));
    }
    let strategy = strategy.unwrap_or_default();
    if commit == Consistency::EachQuorum && !strategy.ends_with("NetworkTopologyStrategy") {
        return Err(Error::invalid(format!(
            "consistency level {commit} not compatible with replication strategy ({strategy})"
        )));
    }
    Ok(())
}
