//! Guardrails of what can be switched off (Cassandra: `EnableFlag`).

use super::{Verdict, decorated};

/// Whether something may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    name: &'static str,
    reason: Option<&'static str>,
    /// What it is, in messages.
    feature: &'static str,
    /// Whether it may be done.
    pub enabled: bool,
    /// Whether the client is warned of it.
    pub warned: bool,
}

impl Flag {
    const fn new(name: &'static str, reason: Option<&'static str>, feature: &'static str) -> Self {
        Self { name, reason, feature, enabled: true, warned: false }
    }

    /// It is done.
    pub fn check(&self) -> Verdict {
        self.check_feature(self.feature)
    }

    /// It is done, and called that.
    pub fn check_feature(&self, feature: &str) -> Verdict {
        let message = |what: &str| decorated(self.name, self.reason, &format!("{feature} is not {what}"));
        match (self.enabled, self.warned) {
            (false, _) => Verdict::Fail(message("allowed")),
            (true, true) => Verdict::Warn(message("recommended")),
            (true, false) => Verdict::Pass,
        }
    }
}

pub(super) const ALTER_TABLE: Flag =
    Flag::new("alter_table", None, "User access to ALTER TABLE statement for column mutation");
pub(super) const DROP_TRUNCATE_TABLE: Flag =
    Flag::new("drop_truncate_table_enabled", None, "DROP and TRUNCATE TABLE functionality");
pub(super) const DROP_KEYSPACE: Flag =
    Flag::new("drop_keyspace_enabled", None, "DROP KEYSPACE functionality");
pub(super) const UNCOMPRESSED_TABLES: Flag =
    Flag::new("uncompressed_tables_enabled", None, "Uncompressed table");
pub(super) const COMPACT_TABLES: Flag =
    Flag::new("compact_tables", None, "Creation of new COMPACT STORAGE tables");
pub(super) const GROUP_BY: Flag = Flag::new("group_by", None, "GROUP BY functionality");
pub(super) const USER_TIMESTAMPS: Flag =
    Flag::new("user_timestamps", None, "User provided timestamps (USING TIMESTAMP)");
pub(super) const READ_BEFORE_WRITE_LIST_OPERATIONS: Flag =
    Flag::new("read_before_write_list_operations", None, "List operation requiring read before write");
pub(super) const ALLOW_FILTERING: Flag = Flag::new(
    "allow_filtering",
    Some(
        "ALLOW FILTERING can potentially visit all the data in the table and have unpredictable performance.",
    ),
    "Querying with ALLOW FILTERING",
);
pub(super) const SIMPLESTRATEGY: Flag = Flag::new("simplestrategy", None, "SimpleStrategy");
pub(super) const VECTOR_TYPE: Flag = Flag::new("vector_type_enabled", None, "usage of the vector type");
pub(super) const ZERO_TTL_ON_TWCS: Flag = Flag {
    warned: true,
    ..Flag::new(
        "zero_ttl_on_twcs",
        Some(
            "It is suspicious to use default_time_to_live set to 0 with such compaction strategy. Please keep in mind \
             that data will not start to automatically expire after they are older than a respective compaction window \
             unit of a certain size. Please set TTL for your INSERT or UPDATE statements if you expect data to be \
             expired as table settings will not do it. ",
        ),
        "0 default_time_to_live on a table with TimeWindowCompactionStrategy compaction strategy",
    )
};
pub(super) const INTERSECT_FILTERING_QUERY: Flag = Flag {
    warned: true,
    ..Flag::new(
        "intersect_filtering_query",
        Some(
            "Filtering queries involving an intersection on multiple mutable (i.e. non-key) columns over unrepaired \
             data at read consistency levels that would require coordinator reconciliation may violate the guarantees \
             of those consistency levels.",
        ),
        "Filtering query with intersection on mutable columns at consistency level requiring coordinator reconciliation",
    )
};
