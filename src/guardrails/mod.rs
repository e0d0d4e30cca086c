//! Leaf: guardrails, which warn users of what is bad for a node, or keep them from it (Cassandra: `db.guardrails`).
//!
//! - [`threshold`]: of a number.
//! - [`flag`]: of something that can be switched off.
//! - [`values`]: of words.
//!
//! They hold for ordinary users only, so that a request asks for them through a [`Guard`], which it has only if its user
//! is one. A check gives a [`Verdict`]; the guard makes of it a warning for the client, or the error that ends the request.

pub mod flag;
mod log;
pub mod threshold;
pub mod values;

use std::fmt;

pub use flag::Flag;
pub use log::log;
pub use threshold::Threshold;
pub use values::ValueSets;

use crate::consistency::Consistency;
use crate::error::Error;

/// What a check says. Messages are whole, as the client gets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Pass,
    /// The client is to be warned.
    Warn(String),
    /// The request is refused.
    Fail(String),
}

/// `Guardrail.decorateMessage`
fn decorated(name: &str, reason: Option<&str>, message: &str) -> String {
    match reason {
        None => format!("Guardrail {name} violated: {message}"),
        Some(reason) if message.ends_with('.') => format!("Guardrail {name} violated: {message} {reason}"),
        Some(reason) => format!("Guardrail {name} violated: {message}. {reason}"),
    }
}

/// What a write is told where the disks of a replica are filling up, or full (Cassandra: `replicaDiskUsage`).
pub fn replica_disk_usage(is_warning: bool) -> String {
    let message = match is_warning {
        true => "Replica disk usage exceeds warning threshold",
        false => "Write request failed because disk usage exceeds failure threshold",
    };
    decorated("replica_disk_usage", None, message)
}

/// All guardrails, with their settings; by default those of the shipped configuration. Each is named as in
/// `Guardrails.java`, or as its key of cassandra.yaml.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the keys of cassandra.yaml, which say what each is of")]
pub struct Guardrails {
    pub keyspaces: Threshold,
    pub tables: Threshold,
    pub columns_per_table: Threshold,
    pub fields_per_udt: Threshold,
    pub vector_dimensions: Threshold,
    pub minimum_replication_factor: Threshold,
    pub maximum_replication_factor: Threshold,
    pub page_size: Threshold,
    pub partition_keys_in_select: Threshold,
    pub in_select_cartesian_product: Threshold,
    /// None where they are all off, so that a write looks at one thing only.
    pub cells: Option<CellGuardrails>,
    /// How far ahead of now, in microseconds.
    pub maximum_timestamp: Threshold,
    /// How far behind now, in microseconds.
    pub minimum_timestamp: Threshold,
    /// `data_disk_usage_percentage`
    pub local_data_disk_usage: Threshold,
    pub partition_size: Threshold,
    pub partition_tombstones: Threshold,
    pub table_properties: ValueSets<String>,
    pub read_consistency_levels: ValueSets<Consistency>,
    pub write_consistency_levels: ValueSets<Consistency>,
    pub alter_table: Flag,
    pub drop_truncate_table: Flag,
    pub drop_keyspace: Flag,
    pub uncompressed_tables: Flag,
    pub compact_tables: Flag,
    pub group_by: Flag,
    pub user_timestamps: Flag,
    pub read_before_write_list_operations: Flag,
    pub allow_filtering: Flag,
    pub simplestrategy: Flag,
    pub vector_type: Flag,
    pub zero_ttl_on_twcs: Flag,
    pub intersect_filtering_query: Flag,
}

/// Those of what is written to a cell or collection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the keys of cassandra.yaml, which say what each is of")]
pub struct CellGuardrails {
    pub column_value_size: Threshold,
    pub collection_size: Threshold,
    pub items_per_collection: Threshold,
}

impl Default for CellGuardrails {
    fn default() -> Self {
        Self {
            column_value_size: threshold::COLUMN_VALUE_SIZE,
            collection_size: threshold::COLLECTION_SIZE,
            items_per_collection: threshold::ITEMS_PER_COLLECTION,
        }
    }
}

impl CellGuardrails {
    /// Whether any of them is on.
    pub fn is_enabled(&self) -> bool {
        [self.column_value_size, self.collection_size, self.items_per_collection]
            .iter()
            .any(Threshold::is_enabled)
    }
}

impl Default for Guardrails {
    fn default() -> Self {
        Self {
            keyspaces: threshold::KEYSPACES,
            tables: threshold::TABLES,
            columns_per_table: threshold::COLUMNS_PER_TABLE,
            fields_per_udt: threshold::FIELDS_PER_UDT,
            vector_dimensions: threshold::VECTOR_DIMENSIONS,
            minimum_replication_factor: threshold::MINIMUM_REPLICATION_FACTOR,
            maximum_replication_factor: threshold::MAXIMUM_REPLICATION_FACTOR,
            page_size: threshold::PAGE_SIZE,
            partition_keys_in_select: threshold::PARTITION_KEYS_IN_SELECT,
            in_select_cartesian_product: threshold::IN_SELECT_CARTESIAN_PRODUCT,
            cells: None,
            maximum_timestamp: threshold::MAXIMUM_TIMESTAMP,
            minimum_timestamp: threshold::MINIMUM_TIMESTAMP,
            local_data_disk_usage: threshold::LOCAL_DATA_DISK_USAGE,
            partition_size: threshold::PARTITION_SIZE,
            partition_tombstones: threshold::PARTITION_TOMBSTONES,
            table_properties: ValueSets::new("table_properties", "Table Properties"),
            read_consistency_levels: ValueSets::new("read_consistency_levels", "read consistency levels"),
            write_consistency_levels: ValueSets::new("write_consistency_levels", "write consistency levels"),
            alter_table: flag::ALTER_TABLE,
            drop_truncate_table: flag::DROP_TRUNCATE_TABLE,
            drop_keyspace: flag::DROP_KEYSPACE,
            uncompressed_tables: flag::UNCOMPRESSED_TABLES,
            compact_tables: flag::COMPACT_TABLES,
            group_by: flag::GROUP_BY,
            user_timestamps: flag::USER_TIMESTAMPS,
            read_before_write_list_operations: flag::READ_BEFORE_WRITE_LIST_OPERATIONS,
            allow_filtering: flag::ALLOW_FILTERING,
            simplestrategy: flag::SIMPLESTRATEGY,
            vector_type: flag::VECTOR_TYPE,
            zero_ttl_on_twcs: flag::ZERO_TTL_ON_TWCS,
            intersect_filtering_query: flag::INTERSECT_FILTERING_QUERY,
        }
    }
}

impl Guardrails {
    /// Whether some of them have to be known when a statement is planned.
    pub fn concern_planning(&self) -> bool {
        !self.group_by.enabled || !self.allow_filtering.enabled
    }
}

/// Takes warnings for a client.
pub trait Warnings {
    /// Warns the client.
    fn warn(&self, message: String);
}

/// The guardrails that a request of an ordinary user is held against, and who takes the warnings.
#[derive(Clone, Copy)]
pub struct Guard<'a> {
    /// The guardrails.
    pub rails: &'a Guardrails,
    warnings: &'a dyn Warnings,
}

impl<'a> Guard<'a> {
    /// A guard that warns there.
    pub fn new(rails: &'a Guardrails, warnings: &'a dyn Warnings) -> Self {
        Self { rails, warnings }
    }

    /// Warns the client, or ends the request with [`Error::Guardrail`], as a check says.
    pub fn check(&self, verdict: Verdict) -> Result<(), Error> {
        match verdict {
            Verdict::Pass => Ok(()),
            Verdict::Warn(message) => {
                log(false, &message);
                self.warnings.warn(message);
                Ok(())
            }
            Verdict::Fail(message) => {
                log(true, &message);
                Err(Error::Guardrail(message))
            }
        }
    }
}

impl fmt::Debug for Guard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("rails", self.rails).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
