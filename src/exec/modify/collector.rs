//! Collects what statements change into mutations (Cassandra: `UpdatesCollector`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::schema::{TableId, TableMetadata};
use crate::storage::TableOrder;
use crate::storage::merge::merge_versions;
use crate::storage::model::{
    ColumnFilter, DecoratedKey, DeletionTime, Mutation, Mutations, PartitionUpdate, RangeTombstone, Row,
};

/// The changes to one partition of one table, in the order of statements.
#[derive(Debug)]
pub struct PendingUpdate {
    table: Arc<TableMetadata>,
    order: TableOrder,
    key: DecoratedKey,
    /// Deletion of the partition.
    pub deletion: DeletionTime,
    /// Deletions of slices.
    pub range_tombstones: Vec<RangeTombstone>,
    /// Changes of the static row.
    pub static_rows: Vec<Row>,
    /// Changes of rows, in any order and of the same row several times.
    pub rows: SmallVec<[Row; 1]>,
}

/// Collects updates; those to the same partition become one.
#[derive(Debug, Default)]
pub struct MutationCollector {
    updates: SmallVec<[PendingUpdate; 1]>,
    /// Where the update of a partition is, once there are so many that looking through them would be slow.
    places: HashMap<(TableId, DecoratedKey), usize>,
}

/// Up to so many updates are looked through one by one.
const SCANNED_UPDATES_MAX: usize = 8;

impl MutationCollector {
    /// The update of a partition; a new one where there is none yet.
    pub fn update(
        &mut self,
        table: &Arc<TableMetadata>,
        order: &TableOrder,
        key: &DecoratedKey,
    ) -> &mut PendingUpdate {
        let i = self.find(table, key).unwrap_or_else(|| {
            self.updates.push(PendingUpdate {
                table: table.clone(),
                order: order.clone(),
                key: key.clone(),
                deletion: DeletionTime::LIVE,
                range_tombstones: Vec::new(),
                static_rows: Vec::new(),
                rows: SmallVec::new(),
            });
            self.remember();
            self.updates.len() - 1
        });
        &mut self.updates[i]
    }

    fn find(&self, table: &TableMetadata, key: &DecoratedKey) -> Option<usize> {
        if self.updates.len() <= SCANNED_UPDATES_MAX {
            return self.updates.iter().position(|u| u.table.id == table.id && u.key == *key);
        }
        self.places.get(&(table.id, key.clone())).copied()
    }

    fn remember(&mut self) {
        if self.updates.len() > SCANNED_UPDATES_MAX {
            for (i, update) in self.updates.iter().enumerate().skip(self.places.len()) {
                self.places.insert((update.table.id, update.key.clone()), i);
            }
        }
    }

    /// The mutations: one for each key and keyspace.
    pub fn finish(mut self) -> Mutations {
        if self.updates.len() == 1 {
            return self.updates.pop().map(PendingUpdate::into_mutation).into_iter().collect();
        }
        let mut mutations = Mutations::with_capacity(self.updates.len());
        let mut places: HashMap<(String, DecoratedKey), usize> = HashMap::new();
        for update in self.updates {
            match places.entry((update.table.keyspace.clone(), update.key.clone())) {
                Entry::Occupied(place) => mutations[*place.get()].updates.push(update.finish()),
                Entry::Vacant(place) => {
                    place.insert(mutations.len());
                    mutations.push(update.into_mutation());
                }
            }
        }
        mutations
    }
}

impl PendingUpdate {
    fn into_mutation(self) -> Mutation {
        let (key, is_counter) = (self.key.clone(), self.table.is_counter);
        Mutation { key, updates: vec![self.finish()], is_counter }
    }

    fn finish(self) -> PartitionUpdate {
        let order = self.order;
        PartitionUpdate {
            table: self.table,
            key: self.key,
            deletion: self.deletion,
            range_tombstones: self.range_tombstones,
            static_row: merge_all(&order, self.static_rows),
            rows: in_order(&order, self.rows),
        }
    }
}

/// Rows of the same clustering as one; none where there are none.
fn merge_all(order: &TableOrder, mut rows: Vec<Row>) -> Option<Row> {
    match rows.len() {
        0 | 1 => rows.pop(),
        _ => merge_versions(order, &rows.iter().collect::<Vec<_>>(), DeletionTime::LIVE, &ColumnFilter::ALL),
    }
}

/// Rows in clustering order, those of the same clustering merged.
fn in_order(order: &TableOrder, mut rows: SmallVec<[Row; 1]>) -> SmallVec<[Row; 1]> {
    if rows.len() <= 1 {
        return rows;
    }
    let compare = |a: &Row, b: &Row| order.clustering().compare_clusterings(a.clustering(), b.clustering());
    rows.sort_by(compare);
    let mut merged = SmallVec::with_capacity(rows.len());
    for row in rows {
        match merged.last_mut() {
            Some(last) if compare(last, &row).is_eq() => {
                if let Some(both) =
                    merge_versions(order, &[last, &row], DeletionTime::LIVE, &ColumnFilter::ALL)
                {
                    *last = both;
                }
            }
            _ => merged.push(row),
        }
    }
    merged
}
