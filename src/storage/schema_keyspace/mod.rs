//! The schema as rows of `system_schema`, with Cassandra's columns and values (Cassandra: `SchemaKeyspace`).
//!
//! ```text
//! before, after --mutations--> rows of system_schema --load--> schema
//!                                      |
//!                                      +--digest--> schema_version
//! ```

mod digest;
mod read;
mod rows;
mod value;
mod write;

pub use digest::schema_version;
pub use read::{SchemaRows, load};
pub use write::{At, create_mutation, mutations, system_mutations};

/// The tables of `system_schema` in the order in which the digest takes them (`SchemaKeyspaceTables.ALL`).
pub const TABLES: [&str; 11] = [
    "column_masks",
    "columns",
    "dropped_columns",
    "triggers",
    "types",
    "functions",
    "aggregates",
    "indexes",
    "tables",
    "views",
    "keyspaces",
];

#[cfg(test)]
mod tests;
