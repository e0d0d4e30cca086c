//! Guardrails of numbers (Cassandra: `MaxThreshold`, `MinThreshold`, `PercentageThreshold`).

use super::{Verdict, decorated};

/// A number above, or below, which is warned or refused.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    name: &'static str,
    /// The key of cassandra.yaml, without `_warn_threshold` and `_fail_threshold`.
    pub key: &'static str,
    reason: Option<&'static str>,
    is_minimum: bool,
    message: fn(&Violation<'_>) -> String,
    /// What is beyond it is warned of; none where nothing is.
    pub warn: Option<i64>,
    /// What is beyond it is refused; none where nothing is.
    pub fail: Option<i64>,
}

impl PartialEq for Threshold {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.warn, self.fail) == (other.name, other.warn, other.fail)
    }
}

impl Eq for Threshold {}

struct Violation<'a> {
    is_warning: bool,
    /// Of what the number is.
    what: &'a str,
    value: i64,
    threshold: i64,
}

impl Violation<'_> {
    fn kind(&self) -> &'static str {
        if self.is_warning { "warning" } else { "failure" }
    }
}

impl Threshold {
    const fn new(name: &'static str, message: fn(&Violation<'_>) -> String) -> Self {
        Self { name, key: name, reason: None, is_minimum: false, message, warn: None, fail: None }
    }

    /// Whether it is on.
    pub fn is_enabled(&self) -> bool {
        self.warn.is_some() || self.fail.is_some()
    }

    /// Whether a number is beyond the threshold that fails.
    pub fn fails_on(&self, value: i64) -> bool {
        self.fail.is_some_and(|fail| self.is_beyond(value, fail))
    }

    /// Whether a number is beyond the threshold that warns.
    pub fn warns_on(&self, value: i64) -> bool {
        self.warn.is_some_and(|warn| self.is_beyond(value, warn))
    }

    fn is_beyond(&self, value: i64, threshold: i64) -> bool {
        if self.is_minimum { value < threshold } else { value > threshold }
    }

    /// Holds a number against it; `what` is that of which it is the number.
    pub fn check(&self, value: i64, what: &str) -> Verdict {
        let message = |is_warning, threshold| {
            let violation = Violation { is_warning, what, value, threshold };
            decorated(self.name, self.reason, &(self.message)(&violation))
        };
        match (self.warn, self.fail) {
            (_, Some(fail)) if self.fails_on(value) => Verdict::Fail(message(false, fail)),
            (Some(warn), _) if self.warns_on(value) => Verdict::Warn(message(true, warn)),
            _ => Verdict::Pass,
        }
    }

    /// Holds a count against it.
    pub fn check_count(&self, count: usize, what: &str) -> Verdict {
        self.check(i64::try_from(count).unwrap_or(i64::MAX), what)
    }

    /// One that is relative to a time, as it is at that time.
    #[must_use]
    pub fn at(&self, now: i64) -> Self {
        let at = |distance: i64| match self.is_minimum {
            true => now.saturating_sub(distance),
            false => now.saturating_add(distance),
        };
        Self { warn: self.warn.map(at), fail: self.fail.map(at), ..*self }
    }
}

pub(super) const KEYSPACES: Threshold = Threshold::new("keyspaces", |v| {
    let Violation { what, value, threshold, .. } = v;
    if v.is_warning {
        format!(
            "Creating keyspace {what}, current number of keyspaces {value} exceeds warning threshold of {threshold}."
        )
    } else {
        format!("Cannot have more than {threshold} keyspaces, aborting the creation of keyspace {what}")
    }
});

pub(super) const TABLES: Threshold = Threshold::new("tables", |v| {
    let Violation { what, value, threshold, .. } = v;
    if v.is_warning {
        format!(
            "Creating table {what}, current number of tables {value} exceeds warning threshold of {threshold}."
        )
    } else {
        format!("Cannot have more than {threshold} tables, aborting the creation of table {what}")
    }
});

pub(super) const COLUMNS_PER_TABLE: Threshold = Threshold::new("columns_per_table", |v| {
    let Violation { what, value, threshold, .. } = v;
    if v.is_warning {
        format!("The table {what} has {value} columns, this exceeds the warning threshold of {threshold}.")
    } else {
        format!("Tables cannot have more than {threshold} columns, but {value} provided for table {what}")
    }
});

pub(super) const FIELDS_PER_UDT: Threshold = Threshold::new("fields_per_udt", |v| {
    let Violation { what, value, threshold, .. } = v;
    if v.is_warning {
        format!(
            "The user type {what} has {value} columns, this exceeds the warning threshold of {threshold}."
        )
    } else {
        format!(
            "User types cannot have more than {threshold} columns, but {value} provided for user type {what}."
        )
    }
});

pub(super) const VECTOR_DIMENSIONS: Threshold = Threshold::new("vector_dimensions", |v| {
    let Violation { what, value, threshold, .. } = v;
    format!(
        "{what} has a vector of {value} dimensions, this exceeds the {} threshold of {threshold}.",
        v.kind()
    )
});

pub(super) const MINIMUM_REPLICATION_FACTOR: Threshold = Threshold {
    is_minimum: true,
    ..Threshold::new("minimum_replication_factor", |v| {
        let Violation { what, value, threshold, .. } = v;
        format!(
            "The keyspace {what} has a replication factor of {value}, below the {} threshold of {threshold}.",
            v.kind()
        )
    })
};

pub(super) const MAXIMUM_REPLICATION_FACTOR: Threshold = Threshold::new("maximum_replication_factor", |v| {
    let Violation { what, value, threshold, .. } = v;
    format!(
        "The keyspace {what} has a replication factor of {value}, above the {} threshold of {threshold}.",
        v.kind()
    )
});

pub(super) const PAGE_SIZE: Threshold = Threshold::new("page_size", |v| {
    let Violation { what, value, threshold, .. } = v;
    if v.is_warning {
        format!("Query for table {what} with page size {value} exceeds warning threshold of {threshold}.")
    } else {
        format!("Aborting query for table {what}, page size {value} exceeds fail threshold of {threshold}.")
    }
});

pub(super) const PARTITION_KEYS_IN_SELECT: Threshold = Threshold::new("partition_keys_in_select", |v| {
    let Violation { what, value, threshold, .. } = v;
    if v.is_warning {
        format!(
            "Query with partition keys in IN clause on table {what}, with number of partition keys {value} exceeds \
             warning threshold of {threshold}."
        )
    } else {
        format!(
            "Aborting query with partition keys in IN clause on table {what}, number of partition keys {value} exceeds \
             fail threshold of {threshold}."
        )
    }
});

pub(super) const IN_SELECT_CARTESIAN_PRODUCT: Threshold = Threshold::new(
    "in_select_cartesian_product",
    |v| {
        let Violation { what, value, threshold, .. } = v;
        if v.is_warning {
            format!(
                "The cartesian product of the IN restrictions on {what} produces {value} values, this exceeds warning \
                 threshold of {threshold}."
            )
        } else {
            format!(
                "Aborting query because the cartesian product of the IN restrictions on {what} produces {value} values, \
                 this exceeds fail threshold of {threshold}."
            )
        }
    },
);

pub(super) const COLUMN_VALUE_SIZE: Threshold = Threshold::new("column_value_size", |v| {
    let Violation { what, value, threshold, .. } = v;
    format!(
        "Value of column '{what}' has size {value}, this exceeds the {} threshold of {threshold}.",
        v.kind()
    )
});

pub(super) const COLLECTION_SIZE: Threshold = Threshold::new("collection_size", |v| {
    let Violation { what, value, threshold, .. } = v;
    format!(
        "Detected collection {what} of size {value}, this exceeds the {} threshold of {threshold}.",
        v.kind()
    )
});

pub(super) const ITEMS_PER_COLLECTION: Threshold = Threshold::new("items_per_collection", |v| {
    let Violation { what, value, threshold, .. } = v;
    format!(
        "Detected collection {what} with {value} items, this exceeds the {} threshold of {threshold}.",
        v.kind()
    )
});

pub(super) const MAXIMUM_TIMESTAMP: Threshold = Threshold {
    reason: Some("Timestamps too far in the future can lead to data that can't be easily overwritten"),
    ..Threshold::new("maximum_timestamp", |v| {
        let Violation { what, value, threshold, .. } = v;
        format!(
            "The modification to table {what} has a timestamp {value} after the maximum allowable {} threshold \
             {threshold}",
            v.kind()
        )
    })
};

pub(super) const MINIMUM_TIMESTAMP: Threshold = Threshold {
    is_minimum: true,
    reason: Some("Timestamps too far in the past can cause writes can be unexpectedly lost"),
    ..Threshold::new("minimum_timestamp", |v| {
        let Violation { what, value, threshold, .. } = v;
        format!(
            "The modification to table {what} has a timestamp {value} before the minimum allowable {} threshold \
             {threshold}",
            v.kind()
        )
    })
};

pub(super) const LOCAL_DATA_DISK_USAGE: Threshold = Threshold {
    key: "data_disk_usage_percentage",
    ..Threshold::new("local_data_disk_usage", |v| {
        let Violation { what, value, threshold, .. } = v;
        if v.is_warning {
            format!("Local data disk usage {value}%({what}) exceeds warning threshold of {threshold}%")
        } else {
            format!(
                "Local data disk usage {value}%({what}) exceeds failure threshold of {threshold}%, will stop accepting \
                 writes"
            )
        }
    })
};

pub(super) const PARTITION_SIZE: Threshold = Threshold {
    reason: Some("Too large partitions can cause performance problems."),
    ..Threshold::new("partition_size", |v| {
        let Violation { what, value, threshold, .. } = v;
        format!("Partition {what} has size {value}, this exceeds the {} threshold of {threshold}.", v.kind())
    })
};

pub(super) const PARTITION_TOMBSTONES: Threshold = Threshold {
    reason: Some("Partitions with too many tombstones can cause performance problems."),
    ..Threshold::new("partition_tombstones", |v| {
        let Violation { what, value, threshold, .. } = v;
        format!(
            "Partition {what} has {value} tombstones, this exceeds the {} threshold of {threshold}.",
            v.kind()
        )
    })
};
