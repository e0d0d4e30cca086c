//! Selected columns that are copied as they stand: a row of a memtable or SSTable has them in the form of the native
//! protocol, and those that follow each other there are one copy.

use super::source::{Form, Place, RowView, Source, key_component};
use crate::exec::result::RowsWriter;
use crate::schema::{ColumnId, TableMetadata};
use crate::storage::model::{PlainCells, Prefix, Row};

/// Columns that a SELECT names, without functions.
#[derive(Clone, Debug)]
pub struct SelectedColumns {
    /// Where the value of each comes from.
    pub sources: Vec<Source>,
    /// The same, for rows that are plain ([`Row::plain_cells`]), which have nothing of columns with several cells; none
    /// where some column is a counter or static, and for compact tables, whose rows may lack clustering columns.
    plain: Option<Vec<Step>>,
}

/// Columns of a result that follow each other and come from one part of a row.
#[derive(Clone, Debug)]
enum Step {
    /// The partition key.
    Key,
    /// A component of the partition key.
    KeyComponent(usize),
    /// All clustering columns.
    Clustering,
    /// One clustering column.
    ClusteringColumn(usize),
    /// Regular columns.
    Cells(Vec<CellColumn>),
    /// All clustering columns, and then regular ones.
    Whole(Vec<CellColumn>),
}

/// A regular column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CellColumn {
    id: ColumnId,
    /// Where its cell stands in a row that has all of them.
    index: usize,
}

impl SelectedColumns {
    /// These columns of a table.
    pub fn new(sources: Vec<Source>, table: &TableMetadata) -> Self {
        let mut regular: Vec<ColumnId> = table.regular_columns.iter().map(|column| column.id).collect();
        regular.sort_unstable();
        let steps = steps(&sources, table.clustering.len(), &regular);
        Self { plain: steps.filter(|_| !table.is_compact()), sources }
    }

    /// Writes them of some rows of a partition.
    pub fn write_rows(&self, view: &RowView<'_>, rows: &[Row], out: &mut RowsWriter) {
        for row in rows {
            self.write(&RowView { row: Some(row), ..*view }, out);
        }
    }

    /// Writes them as the next row.
    #[inline]
    pub fn write(&self, view: &RowView<'_>, out: &mut RowsWriter) {
        out.begin_row();
        if let (Some(steps), Some(cells)) = (&self.plain, view.row.and_then(Row::plain_cells)) {
            return write_plain(steps, &view.key.key, &cells, out);
        }
        for source in &self.sources {
            source.write(view, out);
        }
    }
}

#[inline]
fn write_plain(steps: &[Step], key: &[u8], cells: &PlainCells<'_>, out: &mut RowsWriter) {
    let clustering_len = cells.clustering_len();
    for step in steps {
        match step {
            Step::Whole(columns) if is_all(cells, columns) => out.wire(cells.wire()),
            Step::Whole(columns) => write_cells(cells, clustering_len, columns, out),
            Step::Cells(columns) => write_cells(cells, 0, columns, out),
            Step::Key => out.value(Some(key)),
            Step::KeyComponent(i) => out.value(key_component(key, *i)),
            Step::Clustering => out.wire(&cells.wire()[..clustering_len]),
            Step::ClusteringColumn(i) => {
                out.value(Prefix::of_buffer(&cells.wire()[..clustering_len]).get(*i));
            }
        }
    }
}

/// What to copy for these columns; none where one of them has to be looked at. `regular`: the regular columns of the
/// table, ascending.
fn steps(sources: &[Source], clustering_len: usize, regular: &[ColumnId]) -> Option<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    for source in sources {
        if matches!(source.form, Form::Counter) {
            return None;
        }
        match source.place {
            Place::PartitionKey => steps.push(Step::Key),
            Place::KeyComponent(i) => steps.push(Step::KeyComponent(i)),
            Place::Clustering(i) => steps.push(Step::ClusteringColumn(i)),
            Place::Static(_) => return None,
            Place::Regular(id) => {
                let column = CellColumn { id, index: regular.binary_search(&id).ok()? };
                match steps.last_mut() {
                    Some(Step::Cells(columns)) => columns.push(column),
                    _ => steps.push(Step::Cells(vec![column])),
                }
            }
        }
    }
    Some(with_whole_clusterings(steps, clustering_len))
}

/// All clustering columns in their order become one step.
fn with_whole_clusterings(steps: Vec<Step>, clustering_len: usize) -> Vec<Step> {
    let is_whole = |window: &[Step]| {
        window.iter().enumerate().all(|(i, step)| matches!(step, Step::ClusteringColumn(c) if *c == i))
    };
    match steps.windows(clustering_len.max(1)).position(is_whole) {
        Some(place) if clustering_len > 0 => {
            let mut joined = steps;
            let after = joined.get_mut(place + clustering_len);
            let whole = match after {
                Some(Step::Cells(columns)) => Some(std::mem::take(columns)),
                _ => None,
            };
            let end = place + clustering_len + usize::from(whole.is_some());
            joined.splice(place..end, [whole.map_or(Step::Clustering, Step::Whole)]);
            joined
        }
        _ => steps,
    }
}

/// Whether these columns are those that have cells, in their order.
#[inline]
fn is_all(cells: &PlainCells<'_>, columns: &[CellColumn]) -> bool {
    cells.len() == columns.len() && cells.columns().zip(columns).all(|(id, column)| id == column.id)
}

/// Writes the clustering, as long as `clustering_len` says, and after it the cells of these columns; null where there
/// is none. What follows each other is copied at once.
#[inline]
fn write_cells(cells: &PlainCells<'_>, clustering_len: usize, columns: &[CellColumn], out: &mut RowsWriter) {
    let values = cells.wire();
    let (mut start, mut end) = (0, clustering_len);
    for column in columns {
        let Some(index) = cells.find(column.id, column.index) else {
            out.wire(&values[start..end]);
            (start, end) = (0, 0);
            out.value(None);
            continue;
        };
        let place = cells.wire_place(index);
        if place.start != end {
            if start != end {
                out.wire(&values[start..end]);
            }
            start = place.start;
        }
        end = place.end;
    }
    out.wire(&values[start..end]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ColumnId;
    use crate::storage::model::{Cell, Clustering, DecoratedKey, DeletionTime, LivenessInfo, RowBuilder};
    use crate::types::CqlType;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn regular() -> Vec<ColumnId> {
        (0..8).map(ColumnId).collect()
    }

    /// The last column is a set.
    fn source(place: Place) -> Source {
        let set = CqlType::Set { element: std::sync::Arc::new(CqlType::Int), frozen: false };
        let form = if place == Place::Regular(ColumnId(7)) { Form::Complex(set) } else { Form::Plain };
        Source { place, form }
    }

    fn place() -> impl Strategy<Value = Place> {
        prop_oneof![
            Just(Place::PartitionKey),
            (0..2_usize).prop_map(Place::KeyComponent),
            (0..3_usize).prop_map(Place::Clustering),
            (0..8_u16).prop_map(|id| Place::Regular(ColumnId(id))),
        ]
    }

    fn row() -> impl Strategy<Value = Row> {
        let cell = (0..8_u16, 0..2_i64, prop::collection::vec(any::<u8>(), 0..4));
        let clustering = prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..3)), 3);
        (prop::collection::vec(cell, 0..8), clustering).prop_map(|(cells, clustering)| {
            let mut builder = RowBuilder::new();
            let mut seen = std::collections::HashSet::new();
            for (id, timestamp, value) in cells.iter().filter(|(id, ..)| seen.insert(*id)) {
                let cell = Cell::live(ColumnId(*id), (*timestamp).max(1), value);
                builder.add(if *id == 7 { cell.with_path(b"path") } else { cell });
            }
            let clustering = Clustering::new(clustering.iter().map(|value| value.as_deref()));
            builder.build(&clustering, LivenessInfo::new(1), DeletionTime::LIVE)
        })
    }

    proptest! {
        #[test]
        fn copies_are_what_sources_give(
            places in prop::collection::vec(place(), 1..12),
            all_in_order in any::<bool>(),
            row in row(),
        ) {
            let mut places = places;
            if all_in_order {
                places = (0..3).map(Place::Clustering)
                    .chain((0..8).map(|id| Place::Regular(ColumnId(id))))
                    .collect();
            }
            let sources: Vec<Source> = places.into_iter().map(source).collect();
            let key = DecoratedKey::new(Bytes::from_static(b"\0\x01a\0\0\x02bc\0"));
            let view = RowView { key: &key, row: Some(&row), static_row: None, now_in_seconds: 0 };
            let written = |write: &dyn Fn(&mut RowsWriter)| {
                let mut writer = RowsWriter::new();
                write(&mut writer);
                writer.finish().as_bytes().to_vec()
            };
            let expected = written(&|writer| {
                writer.begin_row();
                sources.iter().for_each(|source| source.write(&view, writer));
            });
            let plain = steps(&sources, 3, &regular());
            let columns = SelectedColumns { plain, sources: sources.clone() };
            prop_assert!(columns.plain.is_some());
            prop_assert_eq!(written(&|writer| columns.write(&view, writer)), expected);
        }
    }
}
