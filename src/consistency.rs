//! Leaf: consistency levels and the kinds of writes that errors name.

use std::fmt;
use std::str::FromStr;

/// How many replicas must answer, as `db.ConsistencyLevel` of Cassandra, with its wire codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u16)]
pub enum Consistency {
    /// A write counts even if only a hint was stored.
    Any = 0,
    /// One replica.
    #[default]
    One = 1,
    /// Two replicas.
    Two = 2,
    /// Three replicas.
    Three = 3,
    /// A majority of all replicas.
    Quorum = 4,
    /// Every replica.
    All = 5,
    /// A majority of the replicas in the coordinator's data center.
    LocalQuorum = 6,
    /// A majority in every data center.
    EachQuorum = 7,
    /// Linearizable over the whole cluster.
    Serial = 8,
    /// Linearizable within the local data center.
    LocalSerial = 9,
    /// One replica in the local data center.
    LocalOne = 10,
    /// Only this node, for internal use.
    NodeLocal = 11,
}

impl Consistency {
    const ALL: [Consistency; 12] = [
        Consistency::Any,
        Consistency::One,
        Consistency::Two,
        Consistency::Three,
        Consistency::Quorum,
        Consistency::All,
        Consistency::LocalQuorum,
        Consistency::EachQuorum,
        Consistency::Serial,
        Consistency::LocalSerial,
        Consistency::LocalOne,
        Consistency::NodeLocal,
    ];

    /// The level with this wire code, if there is one.
    pub fn from_code(code: u16) -> Option<Consistency> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The code on the wire (section 3 of the protocol specification, `[consistency]`).
    pub fn code(self) -> u16 {
        self as u16
    }

    /// True for SERIAL and LOCAL_SERIAL.
    pub fn is_serial(self) -> bool {
        matches!(self, Consistency::Serial | Consistency::LocalSerial)
    }

    /// True for levels that concern the coordinator's data center only.
    pub fn is_datacenter_local(self) -> bool {
        matches!(
            self,
            Consistency::LocalOne
                | Consistency::LocalQuorum
                | Consistency::LocalSerial
                | Consistency::NodeLocal
        )
    }

    /// The name as Cassandra writes it.
    pub fn name(self) -> &'static str {
        match self {
            Consistency::Any => "ANY",
            Consistency::One => "ONE",
            Consistency::Two => "TWO",
            Consistency::Three => "THREE",
            Consistency::Quorum => "QUORUM",
            Consistency::All => "ALL",
            Consistency::LocalQuorum => "LOCAL_QUORUM",
            Consistency::EachQuorum => "EACH_QUORUM",
            Consistency::Serial => "SERIAL",
            Consistency::LocalSerial => "LOCAL_SERIAL",
            Consistency::LocalOne => "LOCAL_ONE",
            Consistency::NodeLocal => "NODE_LOCAL",
        }
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Consistency {
    /// Whether more than one replica may have to answer, so that what they say has to be reconciled.
    pub fn needs_reconciliation(self) -> bool {
        !matches!(self, Self::One | Self::LocalOne | Self::NodeLocal)
    }
}

impl FromStr for Consistency {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(text)).ok_or(())
    }
}

/// What kind of write timed out or failed, as `db.WriteType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteType {
    /// A single mutation.
    Simple,
    /// A logged batch whose batch log was written.
    Batch,
    /// An unlogged batch.
    UnloggedBatch,
    /// A counter update.
    Counter,
    /// Writing the batch log itself.
    BatchLog,
    /// A conditional update.
    Cas,
    /// A materialized view's update.
    View,
    /// A write refused because change data capture has no space.
    Cdc,
}

impl WriteType {
    /// The name as it goes on the wire.
    pub fn name(self) -> &'static str {
        match self {
            WriteType::Simple => "SIMPLE",
            WriteType::Batch => "BATCH",
            WriteType::UnloggedBatch => "UNLOGGED_BATCH",
            WriteType::Counter => "COUNTER",
            WriteType::BatchLog => "BATCH_LOG",
            WriteType::Cas => "CAS",
            WriteType::View => "VIEW",
            WriteType::Cdc => "CDC",
        }
    }
}

impl fmt::Display for WriteType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a replica failed a request, as `exceptions.RequestFailureReason`, with its wire codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum RequestFailureReason {
    /// No reason was given.
    Unknown = 0,
    /// The read met more tombstones than `tombstone_failure_threshold`.
    ReadTooManyTombstones = 1,
    /// The replica did not answer in time.
    Timeout = 2,
    /// The replica's schema differs.
    IncompatibleSchema = 3,
    /// The read was larger than allowed.
    ReadSize = 4,
    /// The replica is down.
    NodeDown = 5,
    /// The index is not built.
    IndexNotAvailable = 6,
    /// The query would touch too many SSTable indexes.
    ReadTooManyIndexes = 7,
}

impl RequestFailureReason {
    /// The code on the wire.
    pub fn code(self) -> u16 {
        self as u16
    }

    /// The name as Cassandra writes it in messages.
    pub fn name(self) -> &'static str {
        match self {
            RequestFailureReason::Unknown => "UNKNOWN",
            RequestFailureReason::ReadTooManyTombstones => "READ_TOO_MANY_TOMBSTONES",
            RequestFailureReason::Timeout => "TIMEOUT",
            RequestFailureReason::IncompatibleSchema => "INCOMPATIBLE_SCHEMA",
            RequestFailureReason::ReadSize => "READ_SIZE",
            RequestFailureReason::NodeDown => "NODE_DOWN",
            RequestFailureReason::IndexNotAvailable => "INDEX_NOT_AVAILABLE",
            RequestFailureReason::ReadTooManyIndexes => "READ_TOO_MANY_INDEXES",
        }
    }
}
