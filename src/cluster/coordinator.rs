//! Takes reads and writes to the replicas and waits for as many as the consistency level asks for. So far the only
//! replica is this node.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::replicas::{LocalNode, ReplicaCounts};
use super::settings::Settings;
use crate::consistency::{Consistency, WriteType};
use crate::env::Clock;
use crate::error::Error;
use crate::event::Event;
use crate::schema::{Schema, SchemaRef};
use crate::storage::model::{Mutation, ReadCommand, ReadResponse};
use crate::storage::{IoMode, Storage};

/// The coordinator of a node.
#[derive(Debug)]
pub struct Coordinator {
    storage: Arc<Storage>,
    schema: Arc<SchemaRef>,
    clock: Arc<dyn Clock>,
    node: LocalNode,
    settings: Settings,
    events: broadcast::Sender<Event>,
}

/// News that were not fetched by then are lost to a slow client.
const EVENTS_MAX: usize = 1024;

impl Coordinator {
    /// The coordinator of this node.
    pub fn new(
        storage: Arc<Storage>,
        schema: Arc<SchemaRef>,
        clock: Arc<dyn Clock>,
        node: LocalNode,
        settings: Settings,
    ) -> Self {
        Self { storage, schema, clock, node, settings, events: broadcast::channel(EVENTS_MAX).0 }
    }

    /// The local store.
    pub fn storage(&self) -> &Arc<Storage> {
        &self.storage
    }

    /// Where the schema is found.
    pub fn schema_ref(&self) -> &Arc<SchemaRef> {
        &self.schema
    }

    /// The schema as it is now.
    pub fn schema(&self) -> Arc<Schema> {
        self.schema.load()
    }

    /// The node's clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// What is known of this node.
    pub fn node(&self) -> &LocalNode {
        &self.node
    }

    /// The thresholds that requests are held against.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Tells clients that registered for it.
    pub fn publish(&self, event: Event) {
        // That nobody listens is no error.
        let _ = self.events.send(event);
    }

    /// News from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Writes mutations at a consistency level. They are with the store when this returns; durable as its sync mode
    /// says once `Storage::write_out` and, in batch and group mode, `Storage::synced` have finished.
    pub fn mutate(
        &self,
        mutations: Vec<Mutation>,
        consistency: Consistency,
        write_type: WriteType,
    ) -> Result<(), Error> {
        validate_for_write(consistency, &mutations)?;
        let schema = self.schema.load();
        for mutation in &mutations {
            let Some(update) = mutation.updates.first() else { continue };
            self.replicas(&schema, &update.table.keyspace).check(consistency, &self.node, true)?;
        }
        for mutation in mutations {
            self.storage.apply(mutation).map_err(|e| e.into_write_error(consistency, write_type))?;
        }
        Ok(())
    }

    /// Reads at a consistency level.
    pub fn read(&self, command: &ReadCommand, consistency: Consistency, io: IoMode) -> Result<ReadResponse, Error> {
        if consistency == Consistency::Any {
            return Err(Error::invalid("ANY ConsistencyLevel is only supported for writes"));
        }
        if !command.table.is_virtual() {
            let schema = self.schema.load();
            self.replicas(&schema, &command.table.keyspace).check(consistency, &self.node, false)?;
        }
        self.storage.read(command, io).map_err(|e| e.into_read_error(consistency))
    }

    fn replicas(&self, schema: &Schema, keyspace: &str) -> ReplicaCounts {
        match schema.keyspace(keyspace) {
            Some(metadata) => ReplicaCounts::of(&metadata.params.replication, &self.node),
            None => ReplicaCounts { all: 1, by_datacenter: Vec::new(), alive: 1 },
        }
    }
}

/// Levels that make no sense for a write are refused (Cassandra: `validateForWrite`, `validateCounterForWrite`).
fn validate_for_write(consistency: Consistency, mutations: &[Mutation]) -> Result<(), Error> {
    let counter = mutations.iter().find(|m| m.is_counter).and_then(|m| m.updates.first());
    match (consistency, counter) {
        (Consistency::Any, Some(update)) => Err(Error::invalid(format!(
            "Consistency level ANY is not yet supported for counter table {}",
            update.table.name
        ))),
        (Consistency::Serial | Consistency::LocalSerial, Some(_)) => {
            Err(Error::invalid("Counter operations are inherently non-serializable"))
        }
        (Consistency::Serial | Consistency::LocalSerial, None) => {
            Err(Error::invalid("You must use conditional updates for serializable writes"))
        }
        _ => Ok(()),
    }
}
