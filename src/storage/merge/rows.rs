//! Several versions of one row become one (Cassandra: `Row.Merger`).

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::super::model::{Cell, ColumnFilter, DeletionTime, LivenessInfo, Row, RowBuilder};
use super::super::order::TableOrder;
use super::cells::MergedCell;
use crate::schema::ColumnId;

type ComplexDeletions = SmallVec<[(ColumnId, DeletionTime); 4]>;

/// Merges versions of one row, of the same clustering, under a deletion that covers all of them; `None` where
/// nothing is left. Where one version says it all, it is handed out as it is.
pub fn merge_rows(
    order: &TableOrder,
    rows: &[Row],
    active: DeletionTime,
    columns: &ColumnFilter,
) -> Option<Row> {
    match rows {
        [] => None,
        [row] => merge_only(order, row.clone(), active, columns),
        _ => {
            let versions: SmallVec<[&Row; 8]> = rows.iter().collect();
            merge_versions(order, &versions, active, columns)
        }
    }
}

/// What a deletion leaves of a row that has one version; `None` where that is nothing.
#[inline]
pub fn merge_only(order: &TableOrder, row: Row, active: DeletionTime, columns: &ColumnFilter) -> Option<Row> {
    if is_unshadowed(&row, active) {
        return (!row.is_empty()).then_some(row);
    }
    merge_versions(order, &[&row], active, columns)
}

/// Merges versions of one row, of the same clustering, under a deletion that covers all of them; `None` where
/// nothing is left.
pub fn merge_versions(
    order: &TableOrder,
    rows: &[&Row],
    active: DeletionTime,
    columns: &ColumnFilter,
) -> Option<Row> {
    let clustering = rows.first()?.clustering();
    let mut liveness = LivenessInfo::EMPTY;
    let mut deletion = DeletionTime::LIVE;
    for row in rows {
        if row.liveness().supersedes(&liveness) {
            liveness = row.liveness();
        }
        deletion = deletion.max(row.deletion());
    }
    let mut active = active;
    if deletion.supersedes(&active) && !deletion.is_live() {
        active = deletion;
    } else {
        deletion = DeletionTime::LIVE;
    }
    if active.deletes(liveness.timestamp) {
        liveness = LivenessInfo::EMPTY;
    }
    let complex = merge_complex_deletions(rows, active);
    let mut builder = RowBuilder::with_capacity(
        rows.iter().map(|row| row.cell_count()).sum(),
        rows.iter().map(|row| row.data_len()).sum(),
    );
    for (column, deletion) in &complex {
        builder.add_complex_deletion(*column, *deletion);
    }
    let deletions = Deletions { active, complex: &complex };
    merge_cells(order, rows, deletions, columns, &mut builder);
    let row = builder.build(clustering, liveness, deletion);
    (!row.is_empty()).then_some(row)
}

/// Whether every part of a row stays as it is under that deletion and its own ones.
fn is_unshadowed(row: &Row, active: DeletionTime) -> bool {
    if active.is_live() && row.deletion().is_live() && row.complex_deletions().len() == 0 {
        return true;
    }
    if !row.deletion().is_live() && !row.deletion().supersedes(&active) {
        return false;
    }
    let deletion = active.max(row.deletion());
    let live = |cell: Cell<'_>| {
        !deletion.deletes(cell.timestamp) && !row.complex_deletion(cell.column).deletes(cell.timestamp)
    };
    (row.liveness().is_empty() || !deletion.deletes(row.liveness().timestamp))
        && row.complex_deletions().all(|(_, d)| d.supersedes(&deletion))
        && row.cells().all(live)
}

/// The greatest deletion of each complex column, where it is not covered by `active`.
fn merge_complex_deletions(rows: &[&Row], active: DeletionTime) -> ComplexDeletions {
    let mut merged = ComplexDeletions::new();
    for (column, deletion) in rows.iter().flat_map(|row| row.complex_deletions()) {
        if !deletion.supersedes(&active) || deletion.is_live() {
            continue;
        }
        match merged.iter_mut().find(|(c, _)| *c == column) {
            Some((_, greatest)) => *greatest = DeletionTime::max(*greatest, deletion),
            None => merged.push((column, deletion)),
        }
    }
    merged.sort_by_key(|(column, _)| *column);
    merged
}

fn merge_cells(
    order: &TableOrder,
    rows: &[&Row],
    deletions: Deletions<'_>,
    columns: &ColumnFilter,
    builder: &mut RowBuilder,
) {
    let mut next: SmallVec<[usize; 8]> = rows.iter().map(|_| 0).collect();
    loop {
        let mut least: Option<Cell<'_>> = None;
        for (row, &i) in rows.iter().zip(&next) {
            if i < row.cell_count() {
                let cell = row.cell_at(i);
                if least.is_none_or(|least| compare_places(order, &cell, &least).is_lt()) {
                    least = Some(cell);
                }
            }
        }
        let Some(place) = least else { return };
        let mut merged: Option<MergedCell<'_>> = None;
        for (row, i) in rows.iter().zip(&mut next) {
            if *i >= row.cell_count() {
                continue;
            }
            let cell = row.cell_at(*i);
            if compare_places(order, &cell, &place).is_ne() {
                continue;
            }
            *i += 1;
            if deletions.cover(&cell) {
                continue;
            }
            match &mut merged {
                None => merged = Some(MergedCell::new(cell)),
                Some(merged) => merged.reconcile(cell, order.is_counter()),
            }
        }
        if let Some(merged) = &merged {
            builder.add(columns.fetched(merged.view()));
        }
    }
}

/// What covers the cells of a row.
#[derive(Clone, Copy)]
struct Deletions<'d> {
    active: DeletionTime,
    complex: &'d ComplexDeletions,
}

impl Deletions<'_> {
    fn cover(&self, cell: &Cell<'_>) -> bool {
        let of_column = |(column, deletion): &(ColumnId, DeletionTime)| {
            *column == cell.column && deletion.deletes(cell.timestamp)
        };
        self.active.deletes(cell.timestamp) || (cell.path.is_some() && self.complex.iter().any(of_column))
    }
}

fn compare_places(order: &TableOrder, a: &Cell<'_>, b: &Cell<'_>) -> Ordering {
    a.column.cmp(&b.column).then_with(|| match (a.path, b.path) {
        (Some(x), Some(y)) => order.compare_paths(a.column, x, y),
        (x, y) => x.is_some().cmp(&y.is_some()),
    })
}
