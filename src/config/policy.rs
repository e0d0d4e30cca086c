//! Choices among a few words.

use std::time::Duration;

use super::spec::DurationSpec;
use super::value::Values;

/// When a write is acknowledged: `commitlog_sync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitLogSync {
    /// At once; the log is synced every `period`.
    Periodic {
        /// `commitlog_sync_period`
        period: Duration,
    },
    /// After a sync, which waits for nobody.
    Batch,
    /// After a sync, of which there is one in each `window`.
    Group {
        /// `commitlog_sync_group_window`
        window: Duration,
    },
}

/// `disk_failure_policy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFailurePolicy {
    /// Stop using the failed disk.
    BestEffort,
    /// Shut down client transports, keep the process.
    Stop,
    /// Answer the request with an error, nothing more.
    Ignore,
    /// As `Stop`, also for a corrupt file.
    StopParanoid,
    /// End the process.
    Die,
}

/// `-Dcassandra.expiration_date_overflow_policy`: what is done with an expiration date beyond the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpirationOverflowPolicy {
    /// The statement is refused.
    Reject,
    /// The latest date is taken, and the client warned.
    Cap,
    /// The latest date is taken.
    CapNoWarn,
}

/// `flush_compression`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushCompression {
    /// None.
    None,
    /// The table's, where that is fast; LZ4 where it is not.
    Fast,
    /// The table's.
    Table,
}

/// `commit_failure_policy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFailurePolicy {
    /// Shut down client transports, keep the process.
    Stop,
    /// Stop the commit log, keep serving reads.
    StopCommit,
    /// Answer the request with an error, nothing more.
    Ignore,
    /// End the process.
    Die,
}

impl CommitLogSync {
    pub(super) fn of(values: &Values) -> Self {
        let duration = |name: &str| values.duration(name).map_or(Duration::ZERO, DurationSpec::duration);
        match values.text("commitlog_sync") {
            Some("batch") => Self::Batch,
            Some("group") => Self::Group { window: duration("commitlog_sync_group_window") },
            _ => Self::Periodic { period: duration("commitlog_sync_period") },
        }
    }
}

impl DiskFailurePolicy {
    pub(super) fn of(values: &Values) -> Self {
        match values.text("disk_failure_policy") {
            Some("best_effort") => Self::BestEffort,
            Some("ignore") => Self::Ignore,
            Some("stop_paranoid") => Self::StopParanoid,
            Some("die") => Self::Die,
            _ => Self::Stop,
        }
    }
}

impl FlushCompression {
    pub(super) fn of(values: &Values) -> Self {
        match values.text("flush_compression") {
            Some("none") => Self::None,
            Some("table") => Self::Table,
            _ => Self::Fast,
        }
    }
}

impl CommitFailurePolicy {
    pub(super) fn of(values: &Values) -> Self {
        match values.text("commit_failure_policy") {
            Some("stop_commit") => Self::StopCommit,
            Some("ignore") => Self::Ignore,
            Some("die") => Self::Die,
            _ => Self::Stop,
        }
    }
}
