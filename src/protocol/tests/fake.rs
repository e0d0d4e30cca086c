//! A service that knows a few statements, told apart by their first word.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{broadcast, watch};

use crate::cql::{
    AuthStep, Clients, ColumnSpec, Columns, Connection, ConnectionInfo, Consistency, Error, Execution,
    Prepared, PreparedMetadata, Request, RequestKind, Response, ResultMessage, ResultMetadata, Rows,
    RowsWriter, Service, StatementId, Value, WriteType,
};
use crate::event::{Change, Event, SchemaChange};
use crate::exec::context::Awaited;
use crate::types::CqlType;

/// The service; its fields steer and observe it.
pub struct Fake {
    pub clients: Arc<Clients>,
    pub events: broadcast::Sender<Event>,
    /// WAIT statements are answered once this is true.
    pub gate: watch::Sender<bool>,
    pub password: Option<&'static str>,
    pub batches: Arc<AtomicUsize>,
    /// Makes `finish_batch` fail.
    pub barrier: Option<Result<(), Error>>,
}

impl Default for Fake {
    fn default() -> Self {
        Fake {
            clients: Arc::default(),
            events: broadcast::channel(16).0,
            gate: watch::channel(false).0,
            password: None,
            batches: Arc::default(),
            barrier: None,
        }
    }
}

impl Service for Fake {
    fn connect(&self, info: ConnectionInfo) -> Arc<dyn Connection> {
        Arc::new(FakeConnection {
            info,
            events: self.events.clone(),
            gate: self.gate.subscribe(),
            password: self.password,
            batches: Arc::clone(&self.batches),
            barrier: self.barrier.clone(),
        })
    }

    fn clients(&self) -> &Arc<Clients> {
        &self.clients
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}

struct FakeConnection {
    info: ConnectionInfo,
    events: broadcast::Sender<Event>,
    gate: watch::Receiver<bool>,
    password: Option<&'static str>,
    batches: Arc<AtomicUsize>,
    barrier: Option<Result<(), Error>>,
}

pub fn columns(types: &[(&str, CqlType)]) -> Arc<Columns> {
    let spec = |(name, ty): &(&str, CqlType)| ColumnSpec {
        keyspace: "ks".into(),
        table: "t".into(),
        name: (*name).into(),
        ty: ty.clone(),
    };
    Columns::new(types.iter().map(spec).collect())
}

fn rows(count: usize, value: &[u8]) -> ResultMessage {
    let mut writer = RowsWriter::new();
    for _ in 0..count {
        writer.begin_row();
        writer.value(Some(value));
    }
    let metadata = ResultMetadata::new(columns(&[("v", CqlType::Blob)]));
    ResultMessage::Rows(Rows { metadata, content: writer.finish() })
}

/// The row of `system.local` that drivers want to see.
fn local() -> ResultMessage {
    let text = |name| (name, CqlType::Text);
    let types = [
        text("key"),
        text("cluster_name"),
        text("data_center"),
        text("rack"),
        text("partitioner"),
        text("release_version"),
        text("cql_version"),
        ("host_id", CqlType::Uuid),
        ("schema_version", CqlType::Uuid),
        ("rpc_address", CqlType::Inet),
        ("rpc_port", CqlType::Int),
        ("tokens", CqlType::Set { element: Arc::new(CqlType::Text), frozen: false }),
    ];
    let mut writer = RowsWriter::new();
    writer.begin_row();
    let texts = [
        "local",
        "fake",
        "dc1",
        "r1",
        "org.apache.cassandra.dht.Murmur3Partitioner",
        "5.0.6",
        crate::cql::CQL_VERSION,
    ];
    for value in texts {
        writer.value(Some(value.as_bytes()));
    }
    for value in [&[1; 16][..], &[2; 16], &[127, 0, 0, 1], &9042_i32.to_be_bytes(), b"\0\0\0\x01\0\0\0\x010"]
    {
        writer.value(Some(value));
    }
    ResultMessage::Rows(Rows { metadata: ResultMetadata::new(columns(&types)), content: writer.finish() })
}

fn empty() -> ResultMessage {
    let metadata = ResultMetadata::new(columns(&[("peer", CqlType::Inet)]));
    ResultMessage::Rows(Rows { metadata, content: RowsWriter::new().finish() })
}

impl FakeConnection {
    fn query(&self, text: &str, values: usize) -> Result<ResultMessage, Error> {
        let mut words = text.split_whitespace();
        let mut word = || words.next().unwrap_or_default();
        match word() {
            "SELECT"
                if text.contains("system.local") && text.contains("host_id")
                    || text.contains("* FROM system.local") =>
            {
                Ok(local())
            }
            "SELECT" if text.contains("system.peers") => Ok(empty()),
            "SELECT" if values > 0 => Err(Error::invalid("Invalid amount of bind variables")),
            "SELECT" => Ok(rows(1, b"local")),
            // FILL ROWS BYTES: as many rows, each of as many bytes.
            "FILL" => {
                let (count, bytes) = (word().parse().unwrap(), word().parse().unwrap());
                Ok(rows(count, &vec![7; bytes]))
            }
            "USE" => {
                let keyspace = word();
                self.info.client.set_keyspace(keyspace);
                Ok(ResultMessage::SetKeyspace(keyspace.to_owned()))
            }
            "CREATE" => {
                let change = SchemaChange::keyspace(Change::Created, "ks");
                let _ = self.events.send(Event::Schema(change.clone()));
                Ok(ResultMessage::SchemaChange(change))
            }
            "PANIC" => panic!("on demand"),
            "INSERT" => Ok(ResultMessage::Void),
            _ => Err(Error::syntax("not CQL")),
        }
    }
}

impl Connection for FakeConnection {
    fn authenticator(&self) -> Option<String> {
        self.password.map(|_| "org.apache.cassandra.auth.PasswordAuthenticator".to_owned())
    }

    fn authenticate(&self, token: Bytes) -> BoxFuture<'static, Result<AuthStep, Error>> {
        let right = self.password.is_none_or(|password| token.ends_with(password.as_bytes()));
        let wrong = Error::BadCredentials("Provided username x and/or password are incorrect".to_owned());
        async move { if right { Ok(AuthStep::Success(None)) } else { Err(wrong) } }.boxed()
    }

    fn execute(&self, request: Request) -> Execution {
        let response = match request.kind {
            RequestKind::Query { text, .. } if text == "WAIT" => {
                let mut gate = self.gate.clone();
                return Execution::Pending(
                    async move {
                        gate.wait_for(|open| *open).await.unwrap();
                        Response::from(ResultMessage::Void)
                    }
                    .boxed(),
                );
            }
            RequestKind::Query { text, .. } if text == "LATER PANIC" => {
                return Execution::Pending(async { panic!("later") }.boxed());
            }
            RequestKind::Query { text, options } => {
                let write =
                    text.starts_with("INSERT").then_some(Awaited::Write(Consistency::One, WriteType::Simple));
                Response { write, ..self.query(&text, options.values.len()).into() }
            }
            RequestKind::Prepare { text, .. } => {
                let bind = columns(&[("a", CqlType::Int), ("b", CqlType::Text)]);
                Response::from(ResultMessage::Prepared(Box::new(Prepared {
                    id: StatementId::new(text.as_bytes()),
                    result_metadata_id: [1; 16].into(),
                    bind: PreparedMetadata { columns: bind, partition_key_indexes: [0].into() },
                    result: ResultMetadata::new(columns(&[("v", CqlType::Blob)])),
                })))
            }
            RequestKind::Execute { id, options, .. } if id.as_bytes() == b"SELECT" => {
                let mut writer = RowsWriter::new();
                for value in options.values.iter() {
                    writer.begin_row();
                    match value {
                        Value::Bytes(bytes) => writer.value(Some(bytes)),
                        _ => writer.value(None),
                    }
                }
                let mut metadata = ResultMetadata::new(columns(&[("v", CqlType::Blob)]));
                metadata.no_metadata = options.skip_metadata;
                ResultMessage::Rows(Rows { metadata, content: writer.finish() }).into()
            }
            RequestKind::Execute { id, .. } => Response::from(Error::Unprepared { id: id.to_vec() }),
            RequestKind::Batch { .. } => Response::from(ResultMessage::Void),
        };
        Execution::Ready(response)
    }

    fn finish_batch(&self) -> Option<BoxFuture<'static, Result<(), Error>>> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        let result = self.barrier.clone()?;
        Some(
            async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                result
            }
            .boxed(),
        )
    }
}
