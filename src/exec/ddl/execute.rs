//! Making a change of the schema (Cassandra: `AlterSchemaStatement.execute`).

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::events::events;
use super::transformation::{DdlContext, DdlWarnings, KeyspaceChange, SchemaTransformation};
use crate::cluster::Coordinator;
use crate::error::Result;
use crate::event::{Event, SchemaChange};
use crate::exec::{ExecutionContext, time_uuid};
use crate::guardrails::Guardrails;
use crate::schema::TableId;

impl DdlContext {
    /// The context of a change that is made now.
    pub fn new(coordinator: &Coordinator, guardrails: Option<Arc<Guardrails>>) -> Self {
        let settings = coordinator.settings();
        Self {
            datacenters: BTreeMap::from([(coordinator.node().datacenter.clone(), 1)]),
            default_keyspace_factor: settings.default_keyspace_factor,
            memtables: settings.memtables.clone(),
            drop_compact_storage_enabled: settings.drop_compact_storage_enabled,
            masking_enabled: settings.masking_enabled,
            new_table_id: TableId(Uuid::from_bytes(time_uuid::next())),
            timestamp_us: coordinator.clock().next_timestamp(),
            guardrails,
            guardrail_warnings: DdlWarnings::default(),
        }
    }
}

impl SchemaTransformation {
    /// Makes the change. When this returns it is durable, visible, and everybody who registered was told. Gives what
    /// the client is told; nothing where the schema is as it was before.
    pub fn execute(&self, context: &ExecutionContext<'_>) -> Result<Option<SchemaChange>> {
        let coordinator = context.coordinator;
        let ddl = DdlContext::new(coordinator, context.guardrails.cloned());
        let changed = coordinator.change_schema(|before| {
            let transformed = self.apply(before, &ddl)?;
            let old = before.keyspace(&self.keyspace);
            let after = match transformed.change {
                KeyspaceChange::Put(new) if old.is_none_or(|old| **old != new) => {
                    Some(before.with_keyspace(new))
                }
                KeyspaceChange::Drop if old.is_some() => Some(before.without_keyspace(&self.keyspace)),
                _ => None,
            };
            let event = after.as_ref().map(|_| transformed.event);
            let new = after.as_ref().and_then(|after| after.keyspace(&self.keyspace));
            let news = if event.is_some() { events(old, new) } else { Vec::new() };
            Ok((after, (event, transformed.warnings, news)))
        });
        ddl.guardrail_warnings.take().into_iter().for_each(|warning| context.warn(warning));
        let (event, warnings, news) = changed?;
        for change in news {
            coordinator.publish(Event::Schema(change));
        }
        for warning in warnings {
            context.warn(warning);
        }
        Ok(event)
    }
}
