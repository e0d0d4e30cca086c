//! What a replica has to say of a read besides its rows: which thresholds it passed (Cassandra: `MessageParams`, and
//! `WarningsSnapshot` for one replica).

/// The thresholds of what a read may load, in bytes (`read_thresholds_enabled`). None where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadThresholds {
    /// `local_read_size_warn_threshold`
    pub local_size_warn: Option<u64>,
    /// `local_read_size_fail_threshold`
    pub local_size_fail: Option<u64>,
    /// `row_index_read_size_warn_threshold`
    pub row_index_warn: Option<u64>,
    /// `row_index_read_size_fail_threshold`
    pub row_index_fail: Option<u64>,
}

/// A quantity that passed a threshold: the one of which is warned, or the one that ends the read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passed {
    /// Neither.
    #[default]
    None,
    /// The read went on.
    Warn(u64),
    /// The read ended.
    Fail(u64),
}

impl Passed {
    /// Where a quantity stands.
    pub fn of(value: u64, warn: Option<u64>, fail: Option<u64>) -> Self {
        match () {
            () if fail.is_some_and(|fail| value > fail) => Self::Fail(value),
            () if warn.is_some_and(|warn| value > warn) => Self::Warn(value),
            () => Self::None,
        }
    }
}

/// A read of one partition, or of one range of them, that passed thresholds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadReport {
    /// Whether the coordinator gathers what replicas say of the read ([`super::super::model::ReadCommand`]).
    pub is_tracked: bool,
    /// The read as CQL text.
    pub query: String,
    /// Its token, or its range of tokens, as text.
    pub tokens: String,
    /// The token of the last partition that was looked at.
    pub last_token: i64,
    /// Rows that were found alive.
    pub live_rows: u64,
    /// What was found deleted.
    pub tombstones: Passed,
    /// Bytes of what was loaded, as Cassandra's objects would take them.
    pub local_size: Passed,
    /// Bytes of the largest index of a partition, in the same way.
    pub row_index: Passed,
}

/// How much of a query's text the replica's own warning holds.
const WARNED_QUERY_LENGTH: usize = 512;

impl ReadReport {
    /// What the client is told.
    pub fn warnings(&self) -> Vec<String> {
        if !self.is_tracked {
            return self.warning_of_replica().into_iter().collect();
        }
        let messages = [self.tombstones_text(), self.local_size_text(), self.row_index_text()];
        messages.into_iter().flatten().map(|text| format!("{text} with {}", self.tokens)).collect()
    }

    /// What ended the read, for the error; none where the coordinator does not gather it.
    pub fn detail(&self) -> Option<String> {
        if !self.is_tracked {
            return None;
        }
        let is_fail = |passed| matches!(passed, Passed::Fail(_));
        match () {
            () if is_fail(self.tombstones) => self.tombstones_text(),
            () if is_fail(self.local_size) => self.local_size_text(),
            () if is_fail(self.row_index) => self.row_index_text(),
            () => None,
        }
    }

    /// Cassandra: `ReadCommand.MetricRecording.onClose`.
    fn warning_of_replica(&self) -> Option<String> {
        let (Passed::Warn(tombstones) | Passed::Fail(tombstones)) = self.tombstones else { return None };
        let query: String = self.query.chars().take(WARNED_QUERY_LENGTH).collect();
        Some(format!(
            "Read {} live rows and {tombstones} tombstone cells for query {query}; token {} (see \
             tombstone_warn_threshold)",
            self.live_rows, self.last_token
        ))
    }

    fn tombstones_text(&self) -> Option<String> {
        let query = &self.query;
        match self.tombstones {
            Passed::None => None,
            Passed::Warn(count) => Some(format!(
                "1 nodes scanned up to {count} tombstones and issued tombstone warnings for query {query} (see \
                 tombstone_warn_threshold)"
            )),
            Passed::Fail(count) => Some(format!(
                "1 nodes scanned over {count} tombstones and aborted the query {query} (see \
                 tombstone_failure_threshold)"
            )),
        }
    }

    fn local_size_text(&self) -> Option<String> {
        let query = &self.query;
        match self.local_size {
            Passed::None => None,
            Passed::Warn(bytes) => Some(format!(
                "1 nodes loaded over {bytes} bytes and issued local read size warnings for query {query} (see \
                 local_read_size_warn_threshold)"
            )),
            Passed::Fail(bytes) => Some(format!(
                "1 nodes loaded over {bytes} bytes and aborted the query {query} (see local_read_size_fail_threshold)"
            )),
        }
    }

    fn row_index_text(&self) -> Option<String> {
        let query = &self.query;
        match self.row_index {
            Passed::None => None,
            Passed::Warn(bytes) => Some(format!(
                "1 nodes loaded over {bytes} bytes in RowIndexEntry and issued warnings for query {query} (see \
                 row_index_size_warn_threshold)"
            )),
            Passed::Fail(bytes) => Some(format!(
                "1 nodes loaded over {bytes} bytes in RowIndexEntry and aborted the query {query} (see \
                 row_index_size_fail_threshold)"
            )),
        }
    }
}
