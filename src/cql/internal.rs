//! CQL that the node runs for itself, on its own system tables.

use bytes::Bytes;

use super::node::Node;
use super::prepared::PreparedStatement;
use crate::consistency::Consistency;
use crate::error::Error;
use crate::exec::context::ExecutionContext;
use crate::exec::options::{ProtocolVersion, QueryOptions, Value, Values};
use crate::exec::plan::Outcome;
use crate::storage::IoMode;

/// Rows of an internal query: values as bytes, null where none.
pub type InternalRows = Vec<Vec<Option<Bytes>>>;

impl Node {
    /// Runs a statement with these serialized values, and gives all of its rows. May wait for the disk.
    pub fn internal(&self, text: &str, values: &[Option<&[u8]>]) -> Result<InternalRows, Error> {
        let statement = self.plan(text, None)?;
        self.run_internal(&statement, values, Consistency::One, IoMode::Blocking)
    }

    /// Runs a statement that was planned before, at a consistency level. Ends with `WouldBlock` where it may not wait
    /// for the disk, and has to.
    pub(super) fn run_internal(
        &self,
        statement: &PreparedStatement,
        values: &[Option<&[u8]>],
        consistency: Consistency,
        io: IoMode,
    ) -> Result<InternalRows, Error> {
        let values = values.iter().map(|v| v.map_or(Value::Null, Value::Bytes));
        let options =
            QueryOptions { values: Values::copy_from(values), ..QueryOptions::with_consistency(consistency) };
        let version = ProtocolVersion::CURRENT;
        let context = ExecutionContext::new(self.coordinator(), &options, version, None, io);
        match statement.plan.execute(&context, &options.values)? {
            Outcome::Rows(rows) => {
                let width = statement.columns.len().max(1);
                let values: Vec<Option<Bytes>> =
                    rows.content.values().map(|v| v.map(Bytes::copy_from_slice)).collect();
                Ok(values.chunks(width).map(<[_]>::to_vec).collect())
            }
            _ => Ok(Vec::new()),
        }
    }
}
