//! Several sources of partitions become one (Cassandra: `UnfilteredPartitionIterators.merge`).

use super::super::error::StorageError;
use super::super::model::ColumnFilter;
use super::super::order::TableOrder;
use super::super::unfiltered::{
    BoxedPartitionIterator, BoxedRowIterator, UnfilteredPartitionIterator, UnfilteredRowIterator,
};
use super::iterator::MergedRows;

/// Merges sources of partitions of one table. What shadows what is worked out even where there is one source only.
pub struct MergedPartitions {
    order: TableOrder,
    reversed: bool,
    sources: Vec<(BoxedPartitionIterator, Option<BoxedRowIterator>)>,
    started: bool,
    columns: ColumnFilter,
}

impl MergedPartitions {
    /// A merge of sources whose partitions are all read in the same direction.
    pub fn new(order: TableOrder, reversed: bool, sources: Vec<BoxedPartitionIterator>) -> Self {
        let sources = sources.into_iter().map(|source| (source, None)).collect();
        Self { order, reversed, sources, started: false, columns: ColumnFilter::ALL }
    }

    /// The same merge for somebody who wants only these columns; see [`MergedRows::with_columns`].
    pub fn with_columns(self, columns: &ColumnFilter) -> Self {
        Self { columns: columns.clone(), ..self }
    }
}

impl UnfilteredPartitionIterator for MergedPartitions {
    fn next_partition(&mut self) -> Result<Option<BoxedRowIterator>, StorageError> {
        if !self.started {
            for (source, head) in &mut self.sources {
                *head = source.next_partition()?;
            }
            self.started = true;
        }
        let least = self.sources.iter().filter_map(|(_, head)| head.as_ref().map(|h| h.key())).min();
        let Some(key) = least.cloned() else { return Ok(None) };
        let mut rows = Vec::new();
        for (source, head) in &mut self.sources {
            if head.as_ref().is_some_and(|h| *h.key() == key) {
                let next = source.next_partition()?;
                rows.extend(std::mem::replace(head, next));
            }
        }
        let merged = MergedRows::new(self.order.clone(), key, self.reversed, rows);
        Ok(Some(Box::new(merged.with_columns(&self.columns))))
    }
}
