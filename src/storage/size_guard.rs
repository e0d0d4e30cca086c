//! Guardrails of what is written to SSTables: of the size of partitions and their tombstones, and of collections as they
//! are once everything written to them has come together (Cassandra: `SortedTableWriter`). They speak to the log only.

use std::sync::Arc;

use super::error::StorageError;
use super::model::{DecoratedKey, DeletionTime, Row};
use super::observer::{ContentObserver, FileObserver, NewSSTable};
use super::read::key_text;
use super::sstable::{Component, Descriptor};
use super::unfiltered::Unfiltered;
use crate::env::clock::Clock;
use crate::guardrails::{Guardrails, Threshold, Verdict, log};
use crate::schema::{TableMetadata, system};
use crate::types::{maybe_quoted, token};

/// The bytes of a cell beside its value and path (Cassandra: `Cell.dataSize`).
const CELL_BYTES: usize = 8 + 4 + 8;
/// The bytes of the deletion of a collection.
const DELETION_BYTES: usize = 12;

/// Watches the SSTables of one table.
#[derive(Debug)]
pub(super) struct SizeGuard {
    rails: Arc<Guardrails>,
    clock: Arc<dyn Clock>,
}

impl SizeGuard {
    /// One that holds what is written against these guardrails; none where nothing would be looked at.
    pub fn new(rails: &Arc<Guardrails>, clock: &Arc<dyn Clock>) -> Option<Arc<Self>> {
        let cells = rails.cells.as_ref();
        let is_on = rails.partition_size.is_enabled()
            || rails.partition_tombstones.is_enabled()
            || cells.is_some_and(|c| c.collection_size.is_enabled() || c.items_per_collection.is_enabled());
        is_on.then(|| Arc::new(Self { rails: Arc::clone(rails), clock: Arc::clone(clock) }))
    }
}

impl FileObserver for SizeGuard {
    fn writing(&self, new: &NewSSTable<'_>) -> Result<Option<Box<dyn ContentObserver>>, StorageError> {
        Ok(Some(Box::new(PartitionGuard {
            rails: Arc::clone(&self.rails),
            table: Arc::clone(new.table),
            descriptor: new.descriptor.clone(),
            now_in_seconds: self.clock.seconds(),
            key: None,
            tombstones: 0,
        })))
    }
}

/// Watches the partitions of one SSTable.
#[derive(Debug)]
struct PartitionGuard {
    rails: Arc<Guardrails>,
    table: Arc<TableMetadata>,
    descriptor: Descriptor,
    now_in_seconds: i64,
    key: Option<DecoratedKey>,
    /// Of the partition so far.
    tombstones: u64,
}

impl PartitionGuard {
    fn deletion(&mut self, deletion: DeletionTime) {
        self.tombstones += u64::from(!deletion.is_live());
    }

    fn row(&mut self, row: &Row) {
        let now = self.now_in_seconds;
        if !row.liveness().is_empty() && !row.liveness().is_live(now) {
            self.tombstones += 1;
        }
        self.deletion(row.deletion());
        self.tombstones += row.cells().filter(|cell| !cell.is_live(now)).count() as u64;
        row.complex_deletions().for_each(|(_, deletion)| self.deletion(deletion));
        self.collections(row).into_iter().for_each(say);
    }

    /// What is to be said of the collections of a row.
    fn collections(&self, row: &Row) -> Vec<Verdict> {
        let Some(rails) = self.rails.cells.as_ref() else { return Vec::new() };
        if system::is_system_keyspace(&self.table.keyspace) {
            return Vec::new();
        }
        let mut verdicts = Vec::new();
        let columns = self.table.static_columns.iter().chain(&self.table.regular_columns);
        for column in columns.filter(|column| column.is_complex() && column.cql_type.is_collection()) {
            let live = row.cells_of(column.id).filter(|cell| cell.is_live(self.now_in_seconds));
            let (mut items, mut size) = (0, DELETION_BYTES);
            for cell in live {
                items += 1;
                size += CELL_BYTES + cell.value.len() + cell.path.map_or(0, <[u8]>::len);
            }
            if items == 0 {
                continue;
            }
            let what =
                || format!("{} in row {} in table {}", column.name, self.row_text(row), self.table_text());
            verdicts.extend(beyond(&rails.collection_size, size as u64, what));
            verdicts.extend(beyond(&rails.items_per_collection, items, what));
        }
        verdicts
    }

    /// What is to be said of a partition that ends with so many bytes.
    fn partition_end(&self, bytes: u64) -> Vec<Verdict> {
        let what = || {
            let columns = &self.table.partition_key;
            let key = self.key.as_ref().map_or(&[][..], |key| &key.key);
            let values = token::decode_partition_key(key, columns.len()).unwrap_or_default();
            let texts: Vec<String> = columns
                .iter()
                .zip(values)
                .map(|(column, value)| column.cql_type.to_string_value(value))
                .collect();
            format!(
                "{}.{}:{} on sstable {}",
                self.table.keyspace,
                self.table.name,
                texts.join(":"),
                self.descriptor.path(Component::Data).display()
            )
        };
        let size = beyond(&self.rails.partition_size, bytes, what);
        size.into_iter().chain(beyond(&self.rails.partition_tombstones, self.tombstones, what)).collect()
    }

    fn table_text(&self) -> String {
        format!("{}.{}", maybe_quoted(&self.table.keyspace), maybe_quoted(&self.table.name))
    }

    /// The primary key as CQL literals (Cassandra: `primaryKeyAsCQLLiteral`).
    fn row_text(&self, row: &Row) -> String {
        let mut parts = vec![self.key.as_ref().map_or_else(String::new, |key| key_text(&self.table, key))];
        let values = row.clustering();
        let values = self.table.clustering.iter().zip(values.values());
        parts.extend(values.map(|(column, value)| column.cql_type.to_cql_literal(value)));
        match self.table.partition_key.len() + parts.len() - 1 {
            1 => parts.concat(),
            _ => format!("({})", parts.join(", ")),
        }
    }
}

/// What is to be said of a number; nothing where all is well.
fn beyond(threshold: &Threshold, value: u64, what: impl Fn() -> String) -> Option<Verdict> {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    (threshold.fails_on(value) || threshold.warns_on(value)).then(|| threshold.check(value, &what()))
}

fn say(verdict: Verdict) {
    match verdict {
        Verdict::Pass => {}
        Verdict::Warn(message) => log(false, &message),
        Verdict::Fail(message) => log(true, &message),
    }
}

impl ContentObserver for PartitionGuard {
    fn partition(&mut self, key: &DecoratedKey, deletion: DeletionTime, _: u64) {
        self.key = Some(key.clone());
        self.tombstones = 0;
        self.deletion(deletion);
    }

    fn static_row(&mut self, row: &Row) {
        self.row(row);
    }

    fn unfiltered(&mut self, unfiltered: &Unfiltered) {
        match unfiltered {
            Unfiltered::Row(row) => self.row(row),
            Unfiltered::Marker(marker) => {
                [marker.end, marker.start].into_iter().flatten().for_each(|deletion| self.deletion(deletion));
            }
        }
    }

    fn end_of_partition(&mut self, bytes: u64) {
        self.partition_end(bytes).into_iter().for_each(say);
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]
    use bytes::Bytes;
    use uuid::Uuid;

    use super::*;
    use crate::guardrails::CellGuardrails;
    use crate::schema::{ClusteringOrder, ColumnId, ColumnKind, ColumnMetadata, TableId, TableParams};
    use crate::storage::model::{Cell, Clustering, LivenessInfo, RowBuilder, Token};
    use crate::types::CqlType;

    fn column(id: u16, name: &str, kind: ColumnKind, cql_type: CqlType) -> ColumnMetadata {
        ColumnMetadata {
            id: ColumnId(id),
            name: name.to_owned(),
            cql_type,
            kind,
            position: 0,
            order: ClusteringOrder::Asc,
            mask: None,
        }
    }

    fn guard(rails: Guardrails) -> PartitionGuard {
        let set = CqlType::Set { element: Arc::new(CqlType::Text), frozen: false };
        let columns = vec![
            column(0, "k", ColumnKind::PartitionKey, CqlType::Int),
            column(1, "c", ColumnKind::Clustering, CqlType::Text),
            column(2, "s", ColumnKind::Regular, set),
        ];
        let table = TableMetadata::new("ks", "T", TableId(Uuid::nil()), columns, TableParams::default());
        let (key, token) = (Bytes::from_static(&[0, 0, 0, 7]), Token(0));
        let mut guard = PartitionGuard {
            rails: Arc::new(rails),
            table: Arc::new(table),
            descriptor: Descriptor::new(std::path::Path::new("/data"), 1),
            now_in_seconds: 100,
            key: None,
            tombstones: 0,
        };
        guard.partition(&DecoratedKey { token, key }, DeletionTime::LIVE, 0);
        guard
    }

    fn row() -> Row {
        let mut builder = RowBuilder::new();
        for element in [b"aa", b"bb"] {
            builder.add(Cell { path: Some(element), ..Cell::live(ColumnId(2), 1, b"") });
        }
        builder.add(Cell { path: Some(b"cc"), ..Cell::tombstone(ColumnId(2), 1, 50) });
        let clustering = Clustering::new([Some(&b"x"[..])]);
        builder.build(&clustering, LivenessInfo::EMPTY, DeletionTime::LIVE)
    }

    #[test]
    fn collections_are_counted_without_what_is_deleted() {
        let mut cells = CellGuardrails::default();
        cells.items_per_collection.warn = Some(1);
        cells.collection_size.fail = Some(55);
        let guard = guard(Guardrails { cells: Some(cells), ..Guardrails::default() });
        assert_eq!(
            guard.collections(&row()),
            [
                Verdict::Fail(
                    "Guardrail collection_size violated: Detected collection s in row (7, 'x') in table ks.\"T\" of \
                     size 56, this exceeds the failure threshold of 55."
                        .to_owned()
                ),
                Verdict::Warn(
                    "Guardrail items_per_collection violated: Detected collection s in row (7, 'x') in table ks.\"T\" \
                     with 2 items, this exceeds the warning threshold of 1."
                        .to_owned()
                ),
            ]
        );
    }

    #[test]
    fn partitions_are_held_against_their_size_and_tombstones() {
        let mut rails = Guardrails::default();
        rails.partition_size.warn = Some(1000);
        rails.partition_tombstones.warn = Some(1);
        let mut guard = guard(rails);
        guard.unfiltered(&Unfiltered::Row(row()));
        assert_eq!(guard.partition_end(1000), []);
        guard.unfiltered(&Unfiltered::Row(row()));
        let texts: Vec<String> = guard.partition_end(1001).iter().map(|v| format!("{v:?}")).collect();
        assert!(texts[0].contains("Partition ks.T:7 on sstable /data/"), "{texts:?}");
        assert!(texts[0].contains("has size 1001, this exceeds the warning threshold of 1000."));
        assert!(texts[1].contains("has 2 tombstones, this exceeds the warning threshold of 1."));
    }
}
