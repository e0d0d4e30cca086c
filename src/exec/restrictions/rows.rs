//! Clusterings and slices (Cassandra: `ClusteringColumnRestrictions`, `MultiCBuilder`).

use std::borrow::Cow;

use super::keys::{check_product, equal_values, product};
use super::{Restriction, RestrictionKind, Restrictions, Side, TermSlice, Value, invalid};
use crate::error::Error;
use crate::exec::term::{BindContext, Bound};
use crate::schema::ColumnMetadata;
use crate::storage::model::{BoundKind, Clustering, ClusteringBound, Slice};

impl Restrictions {
    /// The clusterings that are asked for, in clustering order, each once. Only where all clustering columns are
    /// restricted by equality or IN, or some in a compact table: its rows have null for those that follow.
    pub fn clusterings<'a>(&'a self, context: &BindContext<'a>) -> Result<Vec<Clustering>, Error> {
        let columns = if self.clustering.is_empty() { 0 } else { self.clustering_columns };
        let whole = |values: &[Cow<'a, [u8]>]| {
            let given = values.iter().map(|value| Some(&**value));
            Clustering::new(given.chain(std::iter::repeat(None)).take(columns))
        };
        if let Some(values) = equal_values(&self.clustering, context)? {
            return Ok(vec![whole(&values)]);
        }
        let mut prefixes: Vec<Vec<Cow<'a, [u8]>>> = vec![Vec::with_capacity(self.clustering_columns)];
        let has_in = self.clustering_has_in();
        for restriction in &self.clustering {
            let values = restriction.values(context)?;
            if values.is_empty() {
                return Ok(Vec::new());
            }
            if has_in {
                check_product(prefixes.len() * values.len(), "clustering key", context)?;
            }
            prefixes = product(prefixes, values);
        }
        let mut clusterings: Vec<Clustering> = prefixes.iter().map(|values| whole(values)).collect();
        if clusterings.len() > 1 {
            clusterings.sort_by(|a, b| self.comparator.compare_clusterings(a, b));
            clusterings.dedup_by(|a, b| self.comparator.compare_clusterings(&*a, &*b).is_eq());
        }
        Ok(clusterings)
    }

    /// The slices that are asked for, in clustering order, without overlap. None: no row can match
    /// (Cassandra: `SelectStatement.makeSlices`).
    pub fn slices<'a>(&'a self, context: &BindContext<'a>) -> Result<Vec<Slice>, Error> {
        if self.clustering.is_empty() {
            return Ok(vec![Slice::ALL]);
        }
        let starts = self.bounds(Side::Start, context)?;
        let ends = self.bounds(Side::End, context)?;
        let mut slices: Vec<Slice> = starts
            .into_iter()
            .zip(ends)
            .map(|(start, end)| Slice { start, end })
            .filter(|slice| self.comparator.compare(&slice.start, &slice.end).is_lt())
            .collect();
        if slices.len() > 1 {
            self.normalize(&mut slices);
        }
        Ok(slices)
    }

    /// Sorts slices and joins those that overlap.
    fn normalize(&self, slices: &mut Vec<Slice>) {
        let order = |a: &ClusteringBound, b: &ClusteringBound| self.comparator.compare(a, b);
        slices.sort_by(|a, b| order(&a.start, &b.start).then_with(|| order(&b.end, &a.end)));
        let mut joined: Vec<Slice> = Vec::with_capacity(slices.len());
        for slice in slices.drain(..) {
            match joined.last_mut() {
                Some(last) if order(&slice.start, &last.end).is_lt() => {
                    if order(&slice.end, &last.end).is_gt() {
                        last.end = slice.end;
                    }
                }
                _ => joined.push(slice),
            }
        }
        *slices = joined;
    }

    /// The bounds on one side, in clustering order, each once (Cassandra: `boundsAsClustering`).
    fn bounds<'a>(&'a self, side: Side, context: &BindContext<'a>) -> Result<Vec<ClusteringBound>, Error> {
        let mut prefixes: Vec<Vec<Value<'a>>> = vec![Vec::new()];
        let mut position = 0;
        for restriction in &self.clustering {
            if is_handled_by_filter(restriction, position) {
                break;
            }
            if let RestrictionKind::Slice(slice) = &restriction.kind {
                append_slice(&mut prefixes, restriction, slice, side, context)?;
                return Ok(self.slice_bounds(&prefixes, restriction, slice, side));
            }
            let values = restriction.values(context)?;
            if values.is_empty() {
                return Ok(Vec::new());
            }
            let values = values.into_iter().map(|v| v.into_iter().map(Some).collect()).collect();
            append_each(&mut prefixes, values);
            position = restriction.last_column().position + 1;
        }
        Ok(self.sorted(prefixes.iter().map(|values| bound(values, side, true)).collect()))
    }

    /// The bounds that these prefixes make, the last restriction of which is a slice
    /// (Cassandra: `MultiCBuilder.buildBoundForSlice`).
    fn slice_bounds(
        &self,
        prefixes: &[Vec<Value<'_>>],
        restriction: &Restriction,
        slice: &TermSlice,
        side: Side,
    ) -> Vec<ClusteringBound> {
        let offset = restriction.first_column().position;
        let last_position = restriction.last_column().position;
        let mut bounds = Vec::with_capacity(prefixes.len());
        let mut i = 0;
        while let Some(values) = prefixes.get(i) {
            if values.len() == offset {
                bounds.push(bound(values, side, true));
            } else if values.len() <= last_position && prefixes.get(i + 1) == Some(values) {
                // Columns of mixed order make slices that meet: both ends stand at the same values.
                bounds.push(bound(values, side, false));
                bounds.push(bound(values, side, true));
                i += 1;
            } else {
                let column = restriction.columns.get(values.len() - 1 - offset);
                let reversed = column.is_some_and(ColumnMetadata::is_reversed);
                bounds.push(bound(values, side, slice.is_inclusive(side.reverse_if(reversed))));
            }
            i += 1;
        }
        self.sorted(bounds)
    }

    fn sorted(&self, mut bounds: Vec<ClusteringBound>) -> Vec<ClusteringBound> {
        if bounds.len() > 1 {
            bounds.sort_by(|a, b| self.comparator.compare(a, b));
            bounds.dedup_by(|a, b| self.comparator.compare(&*a, &*b).is_eq());
        }
        bounds
    }
}

/// Whether a restriction on clustering columns does not narrow the slice, because it is of another kind or because
/// the columns before are not restricted (Cassandra: `handleInFilter`).
pub fn is_handled_by_filter(restriction: &Restriction, position: usize) -> bool {
    restriction.is_contains() || position != restriction.first_column().position
}

fn bound(values: &[Value<'_>], side: Side, inclusive: bool) -> ClusteringBound {
    let kind = match (side, inclusive || values.is_empty()) {
        (Side::Start, true) => BoundKind::InclStart,
        (Side::Start, false) => BoundKind::ExclStart,
        (Side::End, true) => BoundKind::InclEnd,
        (Side::End, false) => BoundKind::ExclEnd,
    };
    ClusteringBound { kind, prefix: Clustering::new(values.iter().map(Option::as_deref)) }
}

/// Puts each of the values behind each of the prefixes.
fn append_each<'a>(prefixes: &mut Vec<Vec<Value<'a>>>, values: Vec<Vec<Value<'a>>>) {
    let appended = prefixes
        .iter()
        .flat_map(|prefix| values.iter().map(|value| prefix.iter().chain(value).cloned().collect()))
        .collect();
    *prefixes = appended;
}

fn append_slice<'a>(
    prefixes: &mut Vec<Vec<Value<'a>>>,
    restriction: &'a Restriction,
    slice: &'a TermSlice,
    side: Side,
    context: &BindContext<'a>,
) -> Result<(), Error> {
    if restriction.is_multi {
        let values = multi_column_bounds(restriction, slice, side, context)?;
        append_each(prefixes, values);
        return Ok(());
    }
    let column = restriction.first_column();
    let Some(term) = slice.bound(side.reverse_if(column.is_reversed())) else { return Ok(()) };
    let value = match term.bind(context)?.pop() {
        Some(Bound::Unset) => return Err(invalid(format!("Invalid unset value for column {}", column.name))),
        Some(Bound::Bytes(bytes)) => Some(bytes),
        Some(Bound::Null) | None => None,
    };
    for prefix in prefixes {
        prefix.push(value.clone());
    }
    Ok(())
}

/// The prefixes on one side of a slice over several columns. Where their orders differ there are several slices,
/// since each change of direction ends one (Cassandra: `MultiColumnRestriction.SliceRestriction.appendBoundTo`).
fn multi_column_bounds<'a>(
    restriction: &'a Restriction,
    slice: &'a TermSlice,
    side: Side,
    context: &BindContext<'a>,
) -> Result<Vec<Vec<Value<'a>>>, Error> {
    let start = components(slice, Side::Start, context)?;
    let end = components(slice, Side::End, context)?;
    let of = |side: Side| match side {
        Side::Start => &start,
        Side::End => &end,
    };
    let has = |side: Side, i: usize| of(side).len() > i;
    let value_at = |side: Side, i: usize| match of(side).get(i) {
        Some(Some(value)) => Ok(Some(value.clone())),
        _ => {
            let column = restriction.columns.get(i).map_or("", |c| c.name.as_str());
            Err(invalid(format!("Invalid null value in condition for column {column}")))
        }
    };
    let mut reversed = restriction.first_column().is_reversed();
    let mut all: Vec<Vec<Value<'a>>> = Vec::new();
    let mut values: Vec<Value<'a>> = Vec::new();
    for (i, column) in restriction.columns.iter().enumerate() {
        let here = side.reverse_if(column.is_reversed());
        if reversed != column.is_reversed() {
            reversed = column.is_reversed();
            all.push(values.clone());
            if !has(here, i) {
                continue;
            }
            // The other side goes on: the slice that was just opened has to end.
            if has(here.reverse(), i) {
                all.push(values.clone());
            }
            values = (0..i.min(of(here).len())).map(|j| value_at(here, j)).collect::<Result<_, _>>()?;
        }
        if has(here, i) {
            values.push(value_at(here, i)?);
        }
    }
    all.push(values);
    if side == Side::End {
        all.reverse();
    }
    Ok(all)
}

fn components<'a>(
    slice: &'a TermSlice,
    side: Side,
    context: &BindContext<'a>,
) -> Result<Vec<Value<'a>>, Error> {
    let Some(term) = slice.bound(side) else { return Ok(Vec::new()) };
    let values = term.bind(context)?.into_iter().map(|value| match value {
        Bound::Bytes(bytes) => Some(bytes),
        Bound::Null | Bound::Unset => None,
    });
    Ok(values.collect())
}
