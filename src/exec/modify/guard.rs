//! What guardrails say to writes (Cassandra: `ModificationStatement.validate`, `UpdateParameters`).

use super::ModificationPlan;
use super::operation::Operation;
use super::row_update::RowUpdate;
use crate::consistency::Consistency;
use crate::error::Error;
use crate::exec::ExecutionContext;
use crate::exec::term::BindContext;
use crate::guardrails::{CellGuardrails, Guard, Threshold};
use crate::types::{CqlType, collection};

/// The bytes of a cell beside its value and path: timestamp, TTL, local deletion time (Cassandra: `Cell.dataSize`).
const CELL_BYTES: usize = 8 + 4 + 8;

impl ExecutionContext<'_> {
    /// Holds a write against how full the disks are.
    pub(crate) fn guard_disks(&self, guard: Guard<'_>) -> Result<(), Error> {
        self.coordinator.disk_usage().guard(guard, || self.coordinator.clock().micros() / 1000)
    }

    /// Holds the levels of a write against guardrails.
    pub(super) fn guard_write_levels(&self, guard: Guard<'_>) -> Result<(), Error> {
        let serial = self.options.serial_consistency.unwrap_or(Consistency::Serial);
        guard.rails.write_consistency_levels.check(&[self.options.consistency, serial], guard).map(drop)
    }
}

impl ModificationPlan {
    /// Holds against guardrails what is known before anything is bound.
    pub(crate) fn guard(&self, guard: Guard<'_>) -> Result<(), Error> {
        match self.attributes.timestamp {
            Some(_) => guard.check(guard.rails.user_timestamps.check()),
            None => Ok(()),
        }
    }

    /// Holds the levels of the statement, run alone, against guardrails.
    pub(crate) fn guard_levels(&self, context: &ExecutionContext<'_>, guard: Guard<'_>) -> Result<(), Error> {
        context.guard_write_levels(guard)
    }

    /// Holds `USING TIMESTAMP` against guardrails.
    pub(crate) fn guard_timestamp(
        &self,
        context: &ExecutionContext<'_>,
        bind: &BindContext<'_>,
        guard: Guard<'_>,
    ) -> Result<(), Error> {
        if self.attributes.timestamp.is_none() {
            return Ok(());
        }
        let timestamp = self.attributes.timestamp(bind, context.timestamp)?;
        let now = context.coordinator.clock().micros();
        let table = &self.table.name;
        guard.check(guard.rails.maximum_timestamp.at(now).check(timestamp, table))?;
        guard.check(guard.rails.minimum_timestamp.at(now).check(timestamp, table))
    }
}

/// The guardrails of cells that a statement is held against, and of which column.
struct CellGuard<'a> {
    guard: Guard<'a>,
    rails: &'a CellGuardrails,
    column: &'a str,
}

impl CellGuard<'_> {
    fn check(&self, threshold: &Threshold, size: usize) -> Result<(), Error> {
        self.guard.check(threshold.check_count(size, self.column))
    }

    fn cell(&self, path: Option<&[u8]>, value: &[u8]) -> Result<(), Error> {
        self.check(&self.rails.column_value_size, value.len())?;
        path.map_or(Ok(()), |path| self.check(&self.rails.column_value_size, path.len()))
    }
}

impl Operation {
    fn cell_guard<'a>(&'a self, context: &BindContext<'a>) -> Option<CellGuard<'a>> {
        let guard = context.guard?;
        let rails = guard.rails.cells.as_ref()?;
        Some(CellGuard { guard, rails, column: &self.column.name })
    }

    /// Adds a cell to the row.
    pub(super) fn put(
        &self,
        context: &BindContext<'_>,
        row: &mut RowUpdate,
        path: Option<&[u8]>,
        value: &[u8],
    ) -> Result<(), Error> {
        if let Some(guard) = self.cell_guard(context) {
            guard.cell(path, value)?;
        }
        row.cell(self.column.id, path, value);
        Ok(())
    }

    /// Adds the tombstone of a cell to the row.
    pub(super) fn bury(
        &self,
        context: &BindContext<'_>,
        row: &mut RowUpdate,
        path: Option<&[u8]>,
    ) -> Result<(), Error> {
        if let (Some(guard), Some(path)) = (self.cell_guard(context), path) {
            guard.check(&guard.rails.column_value_size, path.len())?;
        }
        row.tombstone(self.column.id, path);
        Ok(())
    }

    /// Holds the number of elements of what is set, or added to a collection of several cells, against guardrails.
    pub(super) fn guard_items(&self, context: &BindContext<'_>, value: &[u8]) -> Result<(), Error> {
        let Some(guard) = self.cell_guard(context) else { return Ok(()) };
        let items = match &self.column.cql_type {
            CqlType::List { .. } => collection::elements(value).count(),
            CqlType::Set { .. } => distinct(collection::elements(value)),
            CqlType::Map { .. } => distinct(collection::entries(value).map(|(key, _)| key)),
            _ => return Ok(()),
        };
        guard.check(&guard.rails.items_per_collection, items)
    }

    /// Holds the size of what was set, or added to a collection, against guardrails.
    pub(super) fn guard_size(&self, context: &BindContext<'_>, value: &[u8]) -> Result<(), Error> {
        const LIST_PATH_BYTES: usize = 16;
        let Some(guard) = self.cell_guard(context) else { return Ok(()) };
        let size = match (&self.column.cql_type, self.column.is_complex()) {
            (CqlType::List { .. } | CqlType::Set { .. } | CqlType::Map { .. }, false) => {
                CELL_BYTES + value.len()
            }
            (CqlType::List { .. }, _) => {
                collection::elements(value).map(|element| CELL_BYTES + LIST_PATH_BYTES + element.len()).sum()
            }
            (CqlType::Set { .. }, _) => {
                collection::elements(value).map(|element| CELL_BYTES + element.len()).sum()
            }
            (CqlType::Map { .. }, _) => {
                collection::entries(value).map(|(key, value)| CELL_BYTES + key.len() + value.len()).sum()
            }
            _ => return Ok(()),
        };
        // An empty collection of several cells adds none.
        if size == 0 { Ok(()) } else { guard.check(&guard.rails.collection_size, size) }
    }
}

fn distinct<'a>(elements: impl Iterator<Item = &'a [u8]>) -> usize {
    let mut elements: Vec<&[u8]> = elements.collect();
    elements.sort_unstable();
    elements.dedup();
    elements.len()
}
