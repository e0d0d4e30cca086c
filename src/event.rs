//! Leaf: news that flows up from the schema and the cluster to the clients that registered for it.

use std::fmt;
use std::net::SocketAddr;

/// What happened to a schema element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Created,
    /// It is different now.
    Updated,
    /// It is gone.
    Dropped,
}

impl Change {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Change::Created => "CREATED",
            Change::Updated => "UPDATED",
            Change::Dropped => "DROPPED",
        }
    }
}

/// Which schema element changed, within its keyspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The keyspace itself.
    Keyspace,
    /// A table or view; an index changes its table.
    Table(String),
    /// A user-defined type.
    Type(String),
    /// A function, with the CQL names of its argument types.
    Function {
        /// The function's name.
        name: String,
        /// CQL names of the argument types.
        argument_types: Vec<String>,
    },
    /// An aggregate, with the CQL names of its argument types.
    Aggregate {
        /// The aggregate's name.
        name: String,
        /// CQL names of the argument types.
        argument_types: Vec<String>,
    },
}

/// A change of the schema, as `transport.Event.SchemaChange`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaChange {
    /// What happened.
    pub change: Change,
    /// The keyspace it happened in.
    pub keyspace: String,
    /// What it happened to.
    pub target: Target,
}

impl SchemaChange {
    /// A change of a keyspace.
    pub fn keyspace(change: Change, keyspace: impl Into<String>) -> Self {
        SchemaChange { change, keyspace: keyspace.into(), target: Target::Keyspace }
    }

    /// A change of a table or view.
    pub fn table(change: Change, keyspace: impl Into<String>, table: impl Into<String>) -> Self {
        SchemaChange { change, keyspace: keyspace.into(), target: Target::Table(table.into()) }
    }

    /// A change of a user-defined type.
    pub fn user_type(change: Change, keyspace: impl Into<String>, name: impl Into<String>) -> Self {
        SchemaChange { change, keyspace: keyspace.into(), target: Target::Type(name.into()) }
    }
}

/// A change of the ring, as `transport.Event.TopologyChange`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopologyChange {
    /// A node joined.
    NewNode,
    /// A node left.
    RemovedNode,
    /// A node changed its tokens.
    MovedNode,
}

impl TopologyChange {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            TopologyChange::NewNode => "NEW_NODE",
            TopologyChange::RemovedNode => "REMOVED_NODE",
            TopologyChange::MovedNode => "MOVED_NODE",
        }
    }
}

/// A node went up or down, as `transport.Event.StatusChange`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusChange {
    /// It answers again.
    Up,
    /// It does not answer.
    Down,
}

impl StatusChange {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            StatusChange::Up => "UP",
            StatusChange::Down => "DOWN",
        }
    }
}

/// Something that clients may register for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The ring changed; the address is where clients reach the node.
    Topology(TopologyChange, SocketAddr),
    /// A node went up or down; the address is where clients reach the node.
    Status(StatusChange, SocketAddr),
    /// The schema changed.
    Schema(SchemaChange),
}

/// The kinds of events, as `REGISTER` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventType {
    /// Nodes that join, leave or move.
    TopologyChange,
    /// Nodes that go up or down.
    StatusChange,
    /// Schema changes.
    SchemaChange,
    /// A trace is complete; known to the protocol, never sent.
    TraceComplete,
}

impl EventType {
    /// The kind with this name in any case.
    pub fn parse(name: &str) -> Option<EventType> {
        let all = [
            EventType::TopologyChange,
            EventType::StatusChange,
            EventType::SchemaChange,
            EventType::TraceComplete,
        ];
        all.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            EventType::TopologyChange => "TOPOLOGY_CHANGE",
            EventType::StatusChange => "STATUS_CHANGE",
            EventType::SchemaChange => "SCHEMA_CHANGE",
            EventType::TraceComplete => "TRACE_COMPLETE",
        }
    }
}

impl Event {
    /// The kind that a client registers for to see this event.
    pub fn event_type(&self) -> EventType {
        match self {
            Event::Topology(..) => EventType::TopologyChange,
            Event::Status(..) => EventType::StatusChange,
            Event::Schema(_) => EventType::SchemaChange,
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
