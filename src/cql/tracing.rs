//! Traces of requests, in `system_traces` (Cassandra: package `tracing`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::BufMut;
use parking_lot::Mutex;
use tracing::warn;
use uuid::Uuid;

use super::client::Client;
use super::node::Node;
use super::prepared::PreparedStatement;
use super::request::{Request, RequestKind};
use crate::consistency::Consistency;
use crate::exec::options::{QueryOptions, Value};
use crate::exec::time_uuid;
use crate::storage::Tracer;

/// So many characters of a bound value are kept.
const VALUE_LENGTH_MAX: usize = 1000;

/// The trace of one request.
pub struct TraceSession {
    node: Arc<Node>,
    id: Uuid,
    begun: Instant,
    started_at_ms: i64,
    client: Arc<Client>,
    command: &'static str,
    request: &'static str,
    parameters: BTreeMap<String, String>,
    steps: Mutex<Vec<Step>>,
}

/// Something that was done.
struct Step {
    /// A time UUID, of when it was.
    id: [u8; 16],
    activity: String,
    /// After so many microseconds.
    elapsed_us: i32,
}

impl fmt::Debug for TraceSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceSession").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The trace of a request whose client asks for one.
pub(super) fn trace_of(
    node: &Arc<Node>,
    client: &Arc<Client>,
    request: &Request,
) -> Option<Arc<TraceSession>> {
    if !request.tracing {
        return None;
    }
    let mut parameters = BTreeMap::new();
    let what = match &request.kind {
        RequestKind::Query { text, options } => {
            parameters.insert("query".to_owned(), text.clone());
            add_options(&mut parameters, options);
            "Execute CQL3 query"
        }
        RequestKind::Prepare { text, .. } => {
            parameters.insert("query".to_owned(), text.clone());
            "Preparing CQL3 query"
        }
        RequestKind::Execute { id, options, .. } => {
            if let Ok(statement) = node.statements().get(id) {
                parameters.insert("query".to_owned(), statement.text.clone());
                add_values(&mut parameters, &statement, options);
            }
            add_options(&mut parameters, options);
            "Execute CQL3 prepared query"
        }
        RequestKind::Batch { options, .. } => {
            add_options(&mut parameters, options);
            "Execute batch of CQL3 queries"
        }
    };
    let trace = TraceSession {
        node: node.clone(),
        id: Uuid::from_bytes(time_uuid::next()),
        begun: Instant::now(),
        started_at_ms: node.coordinator().clock().micros().div_euclid(1000),
        client: client.clone(),
        command: "QUERY",
        request: what,
        parameters,
        steps: Mutex::new(Vec::new()),
    };
    if let RequestKind::Query { text, .. } | RequestKind::Prepare { text, .. } = &request.kind {
        trace.step(format!("Parsing {text}"));
        trace.step("Preparing statement".to_owned());
    }
    Some(Arc::new(trace))
}

fn add_options(parameters: &mut BTreeMap<String, String>, options: &QueryOptions) {
    parameters.insert("consistency_level".to_owned(), options.consistency.to_string());
    if let Some(size) = options.page_size {
        parameters.insert("page_size".to_owned(), size.to_string());
    }
    let serial = options.serial_consistency.unwrap_or(Consistency::Serial);
    parameters.insert("serial_consistency_level".to_owned(), serial.to_string());
}

/// What is bound to the markers of a prepared statement (Cassandra: `ExecuteMessage.traceQuery`).
fn add_values(
    parameters: &mut BTreeMap<String, String>,
    statement: &PreparedStatement,
    options: &QueryOptions,
) {
    let values = &options.values;
    for (i, marker) in statement.bind.columns.specs().iter().enumerate() {
        let position = match values.names() {
            Some(names) => names.iter().position(|name| **name == *marker.name),
            None => Some(i),
        };
        let mut text = match position.and_then(|position| values.get(position)) {
            Some(Value::Bytes(bytes)) => marker.ty.to_cql_literal(Some(bytes)),
            Some(Value::Null) => marker.ty.to_cql_literal(None),
            Some(Value::Unset) => "<unset>".to_owned(),
            None => continue,
        };
        if let Some((end, _)) = text.char_indices().nth(VALUE_LENGTH_MAX) {
            text.truncate(end);
            text.push_str("...'");
        }
        parameters.insert(format!("bound_var_{i}_{}", marker.name), text);
    }
}

impl Tracer for TraceSession {
    fn step(&self, activity: String) {
        self.steps.lock().push(Step { id: time_uuid::next(), activity, elapsed_us: self.elapsed_us() });
    }
}

impl TraceSession {
    /// How long traces are kept, as an `int` of seconds.
    fn ttl(&self) -> [u8; 4] {
        self.node.coordinator().settings().trace_ttl_seconds.to_be_bytes()
    }

    fn elapsed_us(&self) -> i32 {
        i32::try_from(self.begun.elapsed().as_micros()).unwrap_or(i32::MAX)
    }

    /// Its id, which the client is told.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// How many steps there are so far.
    pub(super) fn steps(&self) -> usize {
        self.steps.lock().len()
    }

    /// Forgets all but the first steps: what came after them is begun again.
    pub(super) fn rewind(&self, steps: usize) {
        self.steps.lock().truncate(steps);
    }

    /// Notes that the request has run.
    pub(super) fn finish(&self) {
        let duration_us = self.elapsed_us();
        let steps = std::mem::take(&mut *self.steps.lock());
        for step in &steps {
            self.event(step);
        }
        let coordinator = address_bytes(self.node.coordinator().node().rpc_address);
        let mut parameters = Vec::new();
        parameters.put_i32(i32::try_from(self.parameters.len()).unwrap_or(0));
        for text in self.parameters.iter().flat_map(|(k, v)| [k, v]) {
            parameters.put_i32(i32::try_from(text.len()).unwrap_or(0));
            parameters.extend_from_slice(text.as_bytes());
        }
        self.write(
            "INSERT INTO system_traces.sessions (session_id, client, command, coordinator, coordinator_port, duration, \
             parameters, request, started_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TTL ?",
            &[
                Some(self.id.as_bytes()),
                Some(&address_bytes(self.client.address.ip())),
                Some(self.command.as_bytes()),
                Some(&coordinator),
                Some(&7000i32.to_be_bytes()),
                Some(&duration_us.to_be_bytes()),
                Some(&parameters),
                Some(self.request.as_bytes()),
                Some(&self.started_at_ms.to_be_bytes()),
                Some(&self.ttl()),
            ],
        );
    }

    fn event(&self, step: &Step) {
        let source = address_bytes(self.node.coordinator().node().rpc_address);
        self.write(
            "INSERT INTO system_traces.events (session_id, event_id, activity, source, source_elapsed, source_port, \
             thread) VALUES (?, ?, ?, ?, ?, ?, ?) USING TTL ?",
            &[
                Some(self.id.as_bytes()),
                Some(&step.id),
                Some(step.activity.as_bytes()),
                Some(&source),
                Some(&step.elapsed_us.to_be_bytes()),
                Some(&7000i32.to_be_bytes()),
                Some(b"Native-Transport-Requests-1"),
                Some(&self.ttl()),
            ],
        );
    }

    fn write(&self, text: &str, values: &[Option<&[u8]>]) {
        if let Err(error) = self.node.internal(text, values) {
            warn!(%error, "cannot write a trace");
        }
    }
}

fn address_bytes(address: std::net::IpAddr) -> Vec<u8> {
    match address {
        std::net::IpAddr::V4(v4) => v4.octets().to_vec(),
        std::net::IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}
