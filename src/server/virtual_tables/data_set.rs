//! Rows by the names of their columns (Cassandra: `SimpleDataSet`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use uuid::Uuid;

use crate::schema::{ColumnMetadata, TableMetadata};
use crate::storage::model::{
    Cell, Clustering, DecoratedKey, DeletionTime, LivenessInfo, PartitionResult, Row, RowBuilder,
};
use crate::types::token::encode_partition_key;

/// A serialized value.
pub(super) type Value = Vec<u8>;

/// What can be put into a column.
pub(super) trait IntoValue {
    /// Its serialized form; none for null.
    fn into_value(self) -> Option<Value>;
}

impl IntoValue for &str {
    fn into_value(self) -> Option<Value> {
        Some(self.as_bytes().to_vec())
    }
}

impl IntoValue for String {
    fn into_value(self) -> Option<Value> {
        Some(self.into_bytes())
    }
}

impl IntoValue for Vec<u8> {
    fn into_value(self) -> Option<Value> {
        Some(self)
    }
}

impl IntoValue for bool {
    fn into_value(self) -> Option<Value> {
        Some(vec![u8::from(self)])
    }
}

impl IntoValue for i32 {
    fn into_value(self) -> Option<Value> {
        Some(self.to_be_bytes().to_vec())
    }
}

impl IntoValue for i64 {
    fn into_value(self) -> Option<Value> {
        Some(self.to_be_bytes().to_vec())
    }
}

impl IntoValue for f64 {
    fn into_value(self) -> Option<Value> {
        Some(self.to_be_bytes().to_vec())
    }
}

impl IntoValue for Uuid {
    fn into_value(self) -> Option<Value> {
        Some(self.as_bytes().to_vec())
    }
}

impl IntoValue for IpAddr {
    fn into_value(self) -> Option<Value> {
        Some(match self {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        })
    }
}

/// A frozen map of texts.
impl IntoValue for &BTreeMap<String, String> {
    fn into_value(self) -> Option<Value> {
        let mut out = (self.len() as i32).to_be_bytes().to_vec();
        for text in self.iter().flat_map(|(key, value)| [key, value]) {
            out.extend_from_slice(&(text.len() as i32).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        Some(out)
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Option<Value> {
        self.and_then(T::into_value)
    }
}

/// The columns of one row.
#[derive(Debug, Default)]
pub(super) struct NewRow(BTreeMap<&'static str, Value>);

impl NewRow {
    /// Sets a column, key columns too.
    pub(super) fn set(mut self, column: &'static str, value: impl IntoValue) -> Self {
        if let Some(value) = value.into_value() {
            self.0.insert(column, value);
        }
        self
    }
}

/// The key of a partition as it is stored, and the rows by clustering, in the order of the bytes of its values.
type Partition = (Value, BTreeMap<Vec<Value>, Row>);

/// The partitions in the order of their keys' values, as bytes; or of their keys as a whole, which begin with the
/// length of the first value where there are several.
type Partitions = BTreeMap<Vec<Value>, Partition>;

/// The rows of a virtual table at one moment.
pub(super) struct DataSet {
    table: Arc<TableMetadata>,
    /// What `writetime` gives: milliseconds since 1970 (Cassandra: `AbstractVirtualTable.select`).
    now_ms: i64,
    partitions: Partitions,
}

impl DataSet {
    pub(super) fn new(table: Arc<TableMetadata>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        Self { table, now_ms, partitions: Partitions::new() }
    }

    /// Adds a row. One without all of its key is left out.
    pub(super) fn add(&mut self, mut row: NewRow) {
        let mut take = |columns: &[ColumnMetadata]| -> Option<Vec<Value>> {
            columns.iter().map(|column| row.0.remove(column.name.as_str())).collect()
        };
        let (Some(key), Some(clustering)) = (take(&self.table.partition_key), take(&self.table.clustering))
        else {
            return;
        };
        let stored = match &key[..] {
            [value] => Some(value.clone()),
            values => encode_partition_key(&values.iter().map(Vec::as_slice).collect::<Vec<_>>()).ok(),
        };
        let Some(stored) = stored else { return };
        let mut cells = RowBuilder::new();
        for (name, value) in &row.0 {
            let column = self.table.column(name);
            debug_assert!(column.is_some(), "{} has no column {name}", self.table.name);
            if let Some(column) = column {
                cells.add(Cell::live(column.id, self.now_ms, value));
            }
        }
        let values = clustering.iter().map(|value| Some(value.as_slice()));
        let built = cells.build(&Clustering::new(values), LivenessInfo::new(self.now_ms), DeletionTime::LIVE);
        let place = if self.table.orders_keys_by_values() { key } else { vec![stored.clone()] };
        let (_, rows) = self.partitions.entry(place).or_insert_with(|| (stored, BTreeMap::new()));
        rows.insert(clustering, built);
    }

    /// The partitions, in the order of their keys.
    pub(super) fn finish(self) -> Vec<PartitionResult> {
        let partition = |(key, rows): Partition| PartitionResult {
            key: DecoratedKey::new(Bytes::from(key)),
            static_row: None,
            rows: rows.into_values().collect(),
        };
        self.partitions.into_values().map(partition).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test")]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn rows_come_by_partition_and_clustering() {
        let schema = Schema::with_system_keyspaces();
        let table = schema.table("system_virtual_schema", "columns").unwrap().clone();
        let mut rows = DataSet::new(table.clone());
        for (keyspace, column) in [("b", "x"), ("a", "y"), ("b", "w")] {
            let row = NewRow::default().set("keyspace_name", keyspace).set("table_name", "t");
            rows.add(row.set("column_name", column).set("position", 1).set("kind", None::<&str>));
        }
        rows.add(NewRow::default().set("keyspace_name", "without the rest of its key"));
        let partitions = rows.finish();
        assert_eq!(partitions.iter().map(|p| p.rows.len()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(partitions[1].rows.first().unwrap().clustering().get(1), Some(&b"w"[..]));
        let cells: Vec<_> = partitions[0].rows.first().unwrap().cells().map(|cell| cell.column).collect();
        assert_eq!(cells, [table.column("position").unwrap().id]);
    }

    #[test]
    fn partitions_come_in_the_order_of_their_values_not_of_their_lengths() {
        let schema = Schema::with_system_keyspaces();
        let table = schema.table("system_views", "disk_usage").unwrap().clone();
        let mut rows = DataSet::new(table);
        for name in ["views", "aggregates", "types"] {
            rows.add(
                NewRow::default().set("keyspace_name", "k").set("table_name", name).set("mebibytes", 1_i64),
            );
        }
        let names =
            ["aggregates", "types", "views"].map(|n| encode_partition_key(&[b"k", n.as_bytes()]).unwrap());
        let found: Vec<_> = rows.finish().into_iter().map(|p| p.key.key.to_vec()).collect();
        assert_eq!(found, names);
    }
}
