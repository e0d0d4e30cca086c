//! Who may see what masks hide, and ask for it.

use crate::error::Error;
use crate::exec::ExecutionContext;
use crate::exec::access::Permission;
use crate::schema::TableMetadata;

/// What a SELECT of a table with masks asks for.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    /// The masked columns that the WHERE clause restricts.
    pub restricted: Vec<String>,
}

impl Masks {
    /// Sees that the user may restrict masked columns (Cassandra: `SelectStatement.authorize`).
    pub(super) fn authorize(
        &self,
        table: &TableMetadata,
        context: &ExecutionContext<'_>,
    ) -> Result<(), Error> {
        let Some(access) = context.access.filter(|_| !self.restricted.is_empty()) else { return Ok(()) };
        if access.has_table_permission(table, Permission::Unmask)?
            || access.has_table_permission(table, Permission::SelectMasked)?
        {
            return Ok(());
        }
        Err(Error::unauthorized(format!(
            "User {} has no UNMASK nor SELECT_MASKED permission on table {}.{}, cannot query masked columns [{}]",
            access.user_name(),
            table.keyspace,
            table.name,
            self.restricted.join(", ")
        )))
    }
}

/// Whether the user may see what masks hide. Masks that are there hide nothing where masking is switched off.
pub(super) fn may_unmask(table: &TableMetadata, context: &ExecutionContext<'_>) -> Result<bool, Error> {
    match context.access {
        Some(access) if context.coordinator.settings().masking_enabled => {
            access.has_table_permission(table, Permission::Unmask)
        }
        _ => Ok(true),
    }
}
