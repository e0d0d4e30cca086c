//! Running `DESCRIBE`: rows, page by page.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use cql_grammar::ast::DescribeTarget;
use uuid::Uuid;

use super::DescribePlan;
use super::elements::find;
use crate::cluster::Coordinator;
use crate::cluster::local_node::RELEASE_VERSION;
use crate::error::{Error, Result};
use crate::exec::ExecutionContext;
use crate::exec::paging::{NO_LIMIT, PagingState};
use crate::exec::result::{ColumnSpec, Columns, ResultMetadata, Rows, RowsWriter};
use crate::schema::system;
use crate::types::CqlType;

/// The version of the paging state of this statement.
const PAGING_STATE_VERSION: u16 = 1;

impl DescribePlan {
    /// Describes what the statement asks for.
    pub fn execute(&self, context: &ExecutionContext<'_>) -> Result<Rows> {
        let schema = context.coordinator.schema();
        if self.statement.target == DescribeTarget::Cluster {
            return Ok(cluster(context));
        }
        let found = find(&self.statement.target, &schema, context.keyspace)?;
        let offset = match &context.options.paging_state {
            Some(state) => offset(state, context, schema.version)?,
            None => 0,
        };
        let page =
            context.options.page_size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
        let elements = found.elements.iter().skip(offset).take(page.unwrap_or(usize::MAX));
        let mut rows = RowsWriter::new();
        for element in elements {
            let values =
                if found.names_only { element.listed() } else { element.described(self.statement.internals) };
            rows.begin_row();
            values.iter().for_each(|value| rows.value(Some(value.as_bytes())));
        }
        let names: &[&str] = &["keyspace_name", "type", "name", "create_statement"];
        let names = if found.names_only { &names[..3] } else { names };
        let mut metadata = ResultMetadata::new(columns(names));
        if page.is_some_and(|page| rows.row_count() as usize == page) {
            let next = offset + rows.row_count() as usize;
            metadata.paging_state = Some(paging_state(next, schema.version).encode(context.version));
        }
        Ok(Rows { metadata, content: rows.finish() })
    }
}

fn columns(names: &[&str]) -> Arc<Columns> {
    Columns::new(names.iter().map(|name| spec(name, CqlType::Text)).collect())
}

fn spec(name: &str, ty: CqlType) -> ColumnSpec {
    ColumnSpec { keyspace: "system".into(), table: "describe".into(), name: name.into(), ty }
}

fn paging_state(next: usize, version: Uuid) -> PagingState {
    let mut key = BytesMut::new();
    key.put_u16(PAGING_STATE_VERSION);
    key.put_u16(RELEASE_VERSION.len() as u16);
    key.put_slice(RELEASE_VERSION.as_bytes());
    key.put_slice(version.as_bytes());
    key.put_u64(next as u64);
    PagingState {
        partition_key: Some(key.freeze()),
        row_mark: None,
        remaining: NO_LIMIT,
        remaining_in_partition: NO_LIMIT,
    }
}

/// The row at which a page starts.
fn offset(state: &Bytes, context: &ExecutionContext<'_>, version: Uuid) -> Result<usize> {
    let invalid = || Error::invalid("Invalid paging state.");
    let state = PagingState::decode(state, context.version)?;
    let key = state.partition_key.ok_or_else(invalid)?;
    let (format, rest) = key.split_first_chunk::<2>().ok_or_else(invalid)?;
    if u16::from_be_bytes(*format) != PAGING_STATE_VERSION {
        return Err(Error::invalid("Incompatible paging state"));
    }
    let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(invalid)?;
    let (release, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(invalid)?;
    if release != RELEASE_VERSION.as_bytes() {
        return Err(Error::invalid(format!(
            "The server version of the paging state {} is different from the one of the server {RELEASE_VERSION}",
            String::from_utf8_lossy(release)
        )));
    }
    let (of_schema, rest) = rest.split_first_chunk::<16>().ok_or_else(invalid)?;
    if of_schema != version.as_bytes() {
        return Err(Error::invalid(
            "The schema has changed since the previous page of the DESCRIBE statement result. Please retry the \
             DESCRIBE statement.",
        ));
    }
    let (offset, _) = rest.split_first_chunk::<8>().ok_or_else(invalid)?;
    usize::try_from(u64::from_be_bytes(*offset)).map_err(|_| invalid())
}

/// The row of `DESCRIBE CLUSTER`, with the ranges of the session's keyspace where it has one.
fn cluster(context: &ExecutionContext<'_>) -> Rows {
    let coordinator = context.coordinator;
    let settings = coordinator.settings();
    let snitch = settings.snitch.strip_prefix("org.apache.cassandra.locator.").unwrap_or(&settings.snitch);
    let mut specs: Vec<ColumnSpec> =
        ["cluster", "partitioner", "snitch"].iter().map(|name| spec(name, CqlType::Text)).collect();
    let mut rows = RowsWriter::new();
    rows.begin_row();
    for value in [&settings.cluster_name, "Murmur3Partitioner", snitch] {
        rows.value(Some(value.as_bytes()));
    }
    let is_user_keyspace =
        |name: &&str| !system::is_local_system_keyspace(name) && !system::is_system_keyspace(name);
    if context.keyspace.filter(is_user_keyspace).is_some() {
        let text = Arc::new(CqlType::Text);
        let value = Arc::new(CqlType::List { element: text.clone(), frozen: true });
        specs.push(spec("range_ownership", CqlType::Map { key: text, value, frozen: true }));
        rows.value_with(|out| put_ownership(out, coordinator));
    }
    Rows { metadata: ResultMetadata::new(Columns::new(specs)), content: rows.finish() }
}

/// The end of each range and the nodes that have it, as a map of lists: this node has them all.
fn put_ownership(out: &mut Vec<u8>, coordinator: &Coordinator) {
    let node = coordinator.node();
    let endpoint = format!("/{}", std::net::SocketAddr::new(node.broadcast_address, node.storage_port));
    let mut tokens: Vec<String> = node.tokens.iter().map(i64::to_string).collect();
    tokens.sort();
    out.put_i32(tokens.len() as i32);
    for token in tokens {
        out.put_i32(token.len() as i32);
        out.put_slice(token.as_bytes());
        out.put_i32(endpoint.len() as i32 + 8);
        out.put_i32(1);
        out.put_i32(endpoint.len() as i32);
        out.put_slice(endpoint.as_bytes());
    }
}
