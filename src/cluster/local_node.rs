//! What this node knows of itself, in `system.local` (Cassandra: `SystemKeyspace`).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::replicas::LocalNode;
use crate::config::Config;
use crate::error::Error;
use crate::schema::{Schema, TableMetadata};
use crate::storage::model::{
    Cell, Clustering, DataRange, DecoratedKey, DeletionTime, LivenessInfo, Mutation, PartitionUpdate,
    ReadCommand, Row, RowBuilder, Token,
};
use crate::storage::{IoMode, Storage};
use crate::types::token;

/// The release of Cassandra that this server stands for.
pub const RELEASE_VERSION: &str = "5.0.6";
/// The version of CQL.
pub const CQL_VERSION: &str = "3.4.7";
/// The newest protocol version that is not beta.
pub const NATIVE_PROTOCOL_VERSION: &str = "5";
/// The class of the partitioner.
pub const PARTITIONER: &str = "org.apache.cassandra.dht.Murmur3Partitioner";

/// What of `system.local` outlives the process.
#[derive(Clone, Debug)]
struct Kept {
    host_id: Uuid,
    tokens: BTreeSet<i64>,
    gossip_generation: i32,
}

/// Reads what the node knew of itself, makes up what it did not know, and writes all of it anew. Fails where the data
/// directory belongs to a cluster of another name.
pub fn start(storage: &Storage, schema: &Schema, config: &Config) -> Result<LocalNode, Error> {
    let table = local_table(schema)?;
    let row = read_local(storage, &table)?;
    if let Some(name) = row.as_ref().and_then(|row| text(&table, row, "cluster_name"))
        && name != config.cluster_name
    {
        let configured = &config.cluster_name;
        return Err(Error::config(format!("Saved cluster name {name} != configured name {configured}")));
    }
    let now_seconds = storage.clock().seconds();
    let kept = kept(&table, row.as_ref(), config, now_seconds);
    let node = LocalNode {
        host_id: kept.host_id,
        tokens: kept.tokens.iter().copied().collect(),
        datacenter: config.location.datacenter.clone(),
        rack: config.location.rack.clone(),
        rpc_address: config.broadcast_rpc_address,
        broadcast_address: config.broadcast_address,
        storage_port: config.storage_port,
    };
    let mut writer = LocalWriter::new(table, storage);
    writer.text("bootstrapped", "COMPLETED");
    writer.text("cluster_name", &config.cluster_name);
    writer.text("cql_version", CQL_VERSION);
    writer.text("data_center", &node.datacenter);
    writer.text("rack", &node.rack);
    writer.text("native_protocol_version", NATIVE_PROTOCOL_VERSION);
    writer.text("partitioner", PARTITIONER);
    writer.text("release_version", RELEASE_VERSION);
    writer.value("host_id", node.host_id.as_bytes());
    writer.value("gossip_generation", &kept.gossip_generation.to_be_bytes());
    writer.endpoint("broadcast", node.broadcast_address, node.storage_port);
    writer.endpoint("listen", config.listen_address, node.storage_port);
    writer.endpoint("rpc", node.rpc_address, config.native_transport_port);
    writer.value("schema_version", schema.version.as_bytes());
    writer.tokens(&kept.tokens);
    storage.apply(writer.finish(), IoMode::Blocking)?;
    Ok(node)
}

/// Notes the version of the schema.
pub fn write_schema_version(storage: &Storage, schema: &Schema) -> Result<(), Error> {
    let mut writer = LocalWriter::new(local_table(schema)?, storage);
    writer.value("schema_version", schema.version.as_bytes());
    storage.apply(writer.finish(), IoMode::Blocking)?;
    Ok(())
}

fn local_table(schema: &Schema) -> Result<Arc<TableMetadata>, Error> {
    schema.table("system", "local").cloned().ok_or_else(|| Error::server("there is no table system.local"))
}

fn local_key() -> DecoratedKey {
    let key = Bytes::from_static(b"local");
    DecoratedKey { token: Token(token::token(&key)), key }
}

fn read_local(storage: &Storage, table: &Arc<TableMetadata>) -> Result<Option<Row>, Error> {
    let command =
        ReadCommand::of_all(table.clone(), storage.clock().seconds(), DataRange::Keys(vec![local_key()]));
    let response = storage.read(&command, IoMode::Blocking)?;
    Ok(response.partitions.first().and_then(|p| p.rows.first().cloned()))
}

fn value<'r>(table: &TableMetadata, row: &'r Row, column: &str) -> Option<&'r [u8]> {
    row.cell(table.column(column)?.id).map(|cell| cell.value)
}

fn text<'r>(table: &TableMetadata, row: &'r Row, column: &str) -> Option<&'r str> {
    std::str::from_utf8(value(table, row, column)?).ok()
}

fn kept(table: &TableMetadata, row: Option<&Row>, config: &Config, now_seconds: i64) -> Kept {
    let host_id = row
        .and_then(|row| value(table, row, "host_id"))
        .and_then(|bytes| Uuid::from_slice(bytes).ok())
        .unwrap_or_else(Uuid::new_v4);
    let mut tokens: BTreeSet<i64> = BTreeSet::new();
    if let (Some(row), Some(column)) = (row, table.column("tokens")) {
        let texts = row.cells_of(column.id).filter_map(|cell| std::str::from_utf8(cell.path?).ok());
        tokens.extend(texts.filter_map(|text| text.parse::<i64>().ok()));
    }
    if tokens.is_empty() {
        tokens.extend(&config.initial_token);
    }
    while tokens.len() < config.num_tokens && config.initial_token.is_empty() {
        tokens.insert(rand::random());
    }
    // A generation is the time of a start, and greater than every one before.
    let before = row
        .and_then(|row| value(table, row, "gossip_generation"))
        .and_then(|bytes| bytes.try_into().ok().map(i32::from_be_bytes))
        .unwrap_or(0);
    let now = i32::try_from(now_seconds).unwrap_or(i32::MAX);
    Kept { host_id, tokens, gossip_generation: now.max(before.saturating_add(1)) }
}

/// Builds a change of the row of `system.local`.
struct LocalWriter {
    table: Arc<TableMetadata>,
    timestamp: i64,
    now_in_seconds: i64,
    row: RowBuilder,
}

impl LocalWriter {
    fn new(table: Arc<TableMetadata>, storage: &Storage) -> Self {
        let clock = storage.clock();
        Self {
            table,
            timestamp: clock.next_timestamp(),
            now_in_seconds: clock.seconds(),
            row: RowBuilder::new(),
        }
    }

    fn value(&mut self, column: &str, value: &[u8]) {
        if let Some(column) = self.table.column(column) {
            self.row.add(Cell::live(column.id, self.timestamp, value));
        }
    }

    fn text(&mut self, column: &str, text: &str) {
        self.value(column, text.as_bytes());
    }

    fn endpoint(&mut self, prefix: &str, address: IpAddr, port: u16) {
        let bytes = match address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        self.value(&format!("{prefix}_address"), &bytes);
        self.value(&format!("{prefix}_port"), &i32::from(port).to_be_bytes());
    }

    fn tokens(&mut self, tokens: &BTreeSet<i64>) {
        let Some(column) = self.table.column("tokens") else { return };
        let before = DeletionTime {
            marked_for_delete_at: self.timestamp - 1,
            local_deletion_time: self.now_in_seconds,
        };
        self.row.add_complex_deletion(column.id, before);
        let texts: BTreeSet<String> = tokens.iter().map(i64::to_string).collect();
        for text in &texts {
            self.row.add(Cell::live(column.id, self.timestamp, &[]).with_path(text.as_bytes()));
        }
    }

    fn finish(self) -> Mutation {
        let liveness = LivenessInfo::new(self.timestamp);
        let mut update = PartitionUpdate::new(self.table, local_key());
        update.rows.push(self.row.build(&Clustering::EMPTY, liveness, DeletionTime::LIVE));
        Mutation { key: local_key(), updates: vec![update], is_counter: false }
    }
}
