//! What follows when a disk fails, by `disk_failure_policy` and `commit_failure_policy` (Cassandra:
//! `JVMStabilityInspector`, `DefaultFSErrorHandler`, `CommitLog.handleCommitError`).
//!
//! The store cannot close the port of its clients, nor end the process: it says what is demanded, and whoever runs
//! the node listens.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::error::StorageError;
use super::options::{FailurePolicy, StorageOptions};

/// What a policy demands of the node. The text is for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: go on.
    #[default]
    Nothing,
    /// Serve no client any more, but stay up to be looked at.
    StopTransports(String),
    /// End the process at once.
    Die(String),
}

/// The policies, and what they have demanded.
#[derive(Debug)]
pub struct Failures {
    disk: FailurePolicy,
    commit_log: FailurePolicy,
    /// Whether start-up is over.
    is_running: AtomicBool,
    demands: watch::Sender<Demand>,
}

impl Failures {
    /// The policies of a configuration.
    pub fn new(options: &StorageOptions) -> Self {
        Self::with_policies(options.disk_failure_policy, options.commit_log.failure_policy)
    }

    /// These policies, for data files and for the commit log.
    pub fn with_policies(disk: FailurePolicy, commit_log: FailurePolicy) -> Self {
        let (is_running, demands) = (AtomicBool::new(false), watch::Sender::default());
        Self { disk, commit_log, is_running, demands }
    }

    /// `disk_failure_policy`.
    pub fn disk_policy(&self) -> FailurePolicy {
        self.disk
    }

    /// What is demanded last, and notice of what is demanded from now on.
    pub fn demands(&self) -> watch::Receiver<Demand> {
        self.demands.subscribe()
    }

    /// Start-up is over: from now on a damaged file does not keep the node from running.
    pub(super) fn started(&self) {
        self.is_running.store(true, Ordering::Relaxed);
    }

    /// A file was found damaged, or could not be opened, while the files of a table are opened: gives the error back
    /// where the node is not to start with it, and otherwise says that the file is passed over.
    pub(super) fn at_open(&self, error: StorageError) -> Result<(), StorageError> {
        use FailurePolicy::{Die, Stop, StopParanoid};
        if !matches!(error, StorageError::Io { .. } | StorageError::Corruption { .. }) {
            return Err(error);
        }
        if self.is_running.load(Ordering::Relaxed) {
            self.data_file(&error);
        } else if matches!(self.disk, Die | Stop | StopParanoid) {
            return Err(error);
        }
        tracing::error!("{error}; the SSTable is passed over, as disk_failure_policy allows");
        Ok(())
    }

    /// A data file could not be read or written, or is damaged.
    pub(super) fn data_file(&self, error: &StorageError) {
        use FailurePolicy::{Die, Stop, StopParanoid};
        let is_fatal = match error {
            StorageError::Corruption { .. } => matches!(self.disk, Die | StopParanoid),
            StorageError::Io { .. } if is_full_disk(error) => matches!(self.disk, Die | StopParanoid),
            StorageError::Io { .. } => matches!(self.disk, Die | Stop | StopParanoid),
            _ => false,
        };
        if is_fatal {
            let policy = self.disk.disk_name();
            self.demand(self.disk, format!("disk_failure_policy is {policy}: {error}"));
        }
    }

    /// No directory of a table may be written any more.
    pub(super) fn no_directory(&self, error: &StorageError) {
        self.demand(FailurePolicy::Stop, error.to_string());
    }

    /// The commit log could not be written; says whether it is to be given up until the next start.
    pub(super) fn commit_log(&self, error: &StorageError) -> bool {
        use FailurePolicy::{BestEffort, Die, Ignore, Stop, StopParanoid};
        match self.commit_log {
            Die => self.demand(Die, format!("commit_failure_policy is die: {error}")),
            Stop | StopParanoid if !is_full_disk(error) => {
                self.demand(Stop, format!("commit_failure_policy is stop: {error}"));
            }
            BestEffort => return !is_full_disk(error),
            Stop | StopParanoid | Ignore => {}
        }
        false
    }

    fn demand(&self, policy: FailurePolicy, why: String) {
        let demand = match policy {
            FailurePolicy::Die => Demand::Die(why),
            _ => Demand::StopTransports(why),
        };
        // Nothing is greater than the end.
        self.demands.send_if_modified(|last| {
            let is_news = !matches!(last, Demand::Die(_));
            if is_news {
                *last = demand;
            }
            is_news
        });
    }
}

/// Whether the disk is full rather than broken. Writes are refused then, and accepted again once there is room.
pub(super) fn is_full_disk(error: &StorageError) -> bool {
    matches!(error, StorageError::Io { source, .. }
        if matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}
