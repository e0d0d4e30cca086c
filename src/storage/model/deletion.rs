//! Deletion and liveness.

use super::clustering::Slice;

/// No TTL (Cassandra: `LivenessInfo.NO_TTL`).
pub const NO_TTL: i32 = 0;
/// Never expires, never deleted (Cassandra: `Cell.NO_DELETION_TIME`).
pub const NO_EXPIRATION: i64 = i64::MAX;

/// The TTL of a liveness that expired (Cassandra: `LivenessInfo.EXPIRED_LIVENESS_TTL`).
pub const EXPIRED_TTL: i32 = i32::MAX;

/// When something was deleted (Cassandra: `DeletionTime`). Orders by timestamp, then local deletion time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeletionTime {
    /// Everything of this time or older is deleted, in microseconds; `i64::MIN` where nothing is.
    pub marked_for_delete_at: i64,
    /// When the server learned of it, in seconds since 1970; [`NO_EXPIRATION`] where nothing is deleted.
    pub local_deletion_time: i64,
}

impl DeletionTime {
    /// Nothing deleted.
    pub const LIVE: DeletionTime =
        DeletionTime { marked_for_delete_at: i64::MIN, local_deletion_time: NO_EXPIRATION };

    /// Whether nothing is deleted.
    pub fn is_live(&self) -> bool {
        *self == Self::LIVE
    }

    /// Whether it deletes what was written at `timestamp`.
    pub fn deletes(&self, timestamp: i64) -> bool {
        timestamp <= self.marked_for_delete_at
    }

    /// Whether it takes the place of `other` (Cassandra: `supersedes`).
    pub fn supersedes(&self, other: &DeletionTime) -> bool {
        (self.marked_for_delete_at, self.local_deletion_time)
            > (other.marked_for_delete_at, other.local_deletion_time)
    }

    /// The one of both that takes the place of the other.
    pub fn max(self, other: DeletionTime) -> DeletionTime {
        if self.is_live() || (!other.is_live() && other.supersedes(&self)) { other } else { self }
    }
}

/// The primary key liveness of a row (Cassandra: `LivenessInfo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LivenessInfo {
    /// Microseconds; `i64::MIN` where the row has none (it was made by `UPDATE`).
    pub timestamp: i64,
    /// Seconds; [`NO_TTL`] where it does not expire; `i32::MAX` for a liveness that expired
    /// (Cassandra: `EXPIRED_LIVENESS_TTL`).
    pub ttl: i32,
    /// Seconds since 1970; [`NO_EXPIRATION`] where it does not expire.
    pub local_expiration_time: i64,
}

impl LivenessInfo {
    /// No liveness.
    pub const EMPTY: LivenessInfo =
        LivenessInfo { timestamp: i64::MIN, ttl: NO_TTL, local_expiration_time: NO_EXPIRATION };

    /// Liveness that does not expire.
    pub fn new(timestamp: i64) -> Self {
        Self { timestamp, ..Self::EMPTY }
    }

    /// Liveness that expires at `local_expiration_time`, unless `ttl` is [`NO_TTL`].
    pub fn expiring(timestamp: i64, ttl: i32, local_expiration_time: i64) -> Self {
        if ttl == NO_TTL { Self::new(timestamp) } else { Self { timestamp, ttl, local_expiration_time } }
    }

    /// Whether it takes the place of `other` (Cassandra: `LivenessInfo.supersedes`).
    pub fn supersedes(&self, other: &LivenessInfo) -> bool {
        if self.timestamp != other.timestamp {
            return self.timestamp > other.timestamp;
        }
        let (expired, other_expired) = (self.ttl == EXPIRED_TTL, other.ttl == EXPIRED_TTL);
        if expired != other_expired {
            return expired;
        }
        let (expiring, other_expiring) = (self.ttl != NO_TTL, other.ttl != NO_TTL);
        if expiring != other_expiring {
            return expiring;
        }
        (self.local_expiration_time, -i64::from(self.ttl))
            > (other.local_expiration_time, -i64::from(other.ttl))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.timestamp == i64::MIN
    }

    /// Whether it is there and does not expire before `now_in_seconds`.
    pub fn is_live(&self, now_in_seconds: i64) -> bool {
        !self.is_empty() && self.ttl != i32::MAX && now_in_seconds < self.local_expiration_time
    }
}

/// A deletion of a slice of a partition (Cassandra: `RangeTombstone`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeTombstone {
    /// What it covers.
    pub slice: Slice,
    /// When it was deleted.
    pub deletion: DeletionTime,
}
