//! Statements that change the schema.

mod events;
mod execute;
mod transformation;

pub use transformation::{DdlContext, DdlWarnings, KeyspaceChange, SchemaTransformation, Transformed};
