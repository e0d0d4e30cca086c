//! Restrictions on several columns, merged as they come (Cassandra: `RestrictionSet`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Error;
use crate::exec::restrictions::{Contains, Restriction, RestrictionKind, Side, TermSlice, TupleTerm};
use crate::schema::ColumnMetadata;

/// Restrictions by column, in the order of positions, then names. One of several columns stands under each.
#[derive(Debug, Default)]
pub(super) struct RestrictionSet(BTreeMap<(usize, String), (ColumnMetadata, Arc<Restriction>)>);

fn key(column: &ColumnMetadata) -> (usize, String) {
    (column.position, column.name.clone())
}

impl RestrictionSet {
    /// Adds a restriction, merged with those on the same columns; `Invalid` where they cannot be together.
    pub(super) fn add(&mut self, restriction: Restriction) -> Result<(), Error> {
        let mut existing: Vec<Arc<Restriction>> = Vec::new();
        for column in &restriction.columns {
            if let Some((_, found)) = self.0.get(&key(column))
                && !existing.iter().any(|e| Arc::ptr_eq(e, found))
            {
                existing.push(found.clone());
            }
        }
        let columns = restriction.columns.clone();
        if existing.is_empty() {
            self.put(&columns, &Arc::new(restriction));
        } else {
            for found in existing {
                let merged = Arc::new(merge(&found, &restriction)?);
                self.put(&columns, &merged);
            }
        }
        Ok(())
    }

    fn put(&mut self, columns: &[ColumnMetadata], restriction: &Arc<Restriction>) {
        for column in columns {
            self.0.insert(key(column), (column.clone(), restriction.clone()));
        }
    }

    /// How many columns are restricted.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The restricted columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = &ColumnMetadata> {
        self.0.values().map(|(column, _)| column)
    }

    /// The restricted column that follows this one.
    pub(super) fn next_column(&self, column: &ColumnMetadata) -> Option<&ColumnMetadata> {
        self.columns().find(|c| key(c) > key(column))
    }

    /// The restriction on the last restricted column.
    pub(super) fn last(&self) -> Option<&Arc<Restriction>> {
        self.0.values().next_back().map(|(_, restriction)| restriction)
    }

    /// The restrictions, each once.
    pub(super) fn restrictions(&self) -> Vec<Arc<Restriction>> {
        let mut all: Vec<Arc<Restriction>> = Vec::new();
        for (_, restriction) in self.0.values() {
            if !all.last().is_some_and(|last| Arc::ptr_eq(last, restriction)) {
                all.push(restriction.clone());
            }
        }
        all
    }

    /// Whether one of them is such.
    pub(super) fn any(&self, test: impl Fn(&Restriction) -> bool) -> bool {
        self.0.values().any(|(_, restriction)| test(restriction))
    }

    /// Whether all of them are such.
    pub(super) fn all(&self, test: impl Fn(&Restriction) -> bool) -> bool {
        self.0.values().all(|(_, restriction)| test(restriction))
    }
}

/// Two restrictions on the same columns as one (Cassandra: `SingleRestriction.mergeWith`).
fn merge(restriction: &Restriction, other: &Restriction) -> Result<Restriction, Error> {
    match (restriction.is_multi, other.is_multi) {
        (false, true) if !restriction.is_contains() => merge_same(&as_multi(restriction), other),
        (true, false) if !other.is_contains() => merge_same(restriction, &as_multi(other)),
        _ => merge_same(restriction, other),
    }
}

/// A restriction on one column, as one on a tuple of it.
fn as_multi(restriction: &Restriction) -> Restriction {
    let tuple = |term: &TupleTerm| match term {
        TupleTerm::One(term) => TupleTerm::Elements(vec![term.clone()]),
        other => other.clone(),
    };
    let kind = match &restriction.kind {
        RestrictionKind::Eq(term) => RestrictionKind::Eq(tuple(term)),
        RestrictionKind::In(terms) => RestrictionKind::In(terms.iter().map(tuple).collect()),
        RestrictionKind::Slice(slice) => {
            let bound = |place: &Option<(TupleTerm, bool)>| place.as_ref().map(|(t, i)| (tuple(t), *i));
            RestrictionKind::Slice(TermSlice { start: bound(&slice.start), end: bound(&slice.end) })
        }
        other => other.clone(),
    };
    Restriction { columns: restriction.columns.clone(), is_multi: true, kind }
}

fn merge_same(restriction: &Restriction, other: &Restriction) -> Result<Restriction, Error> {
    let refuse = |message: String| Err(Error::invalid(message));
    let columns = columns_in_common(restriction, other);
    match (&restriction.kind, &other.kind) {
        (RestrictionKind::Eq(_), _) => refuse(format!(
            "{columns} cannot be restricted by more than one relation if it includes an Equal"
        )),
        (RestrictionKind::In(_) | RestrictionKind::InMarker(_), _) => {
            refuse(format!("{columns} cannot be restricted by more than one relation if it includes a IN"))
        }
        (RestrictionKind::Slice(slice), RestrictionKind::Slice(other_slice)) => {
            merge_slices(restriction, slice, other, other_slice)
        }
        (RestrictionKind::Slice(_), _) => refuse(format!(
            "Column \"{columns}\" cannot be restricted by both an equality and an inequality relation"
        )),
        (RestrictionKind::Contains(contains), RestrictionKind::Contains(more)) => {
            let mut all = contains.clone();
            all.values.extend(more.values.iter().cloned());
            all.keys.extend(more.keys.iter().cloned());
            all.entries.extend(more.entries.iter().cloned());
            Ok(Restriction { kind: RestrictionKind::Contains(Contains { ..all }), ..restriction.clone() })
        }
        (RestrictionKind::Contains(_), _) => refuse(format!(
            "Collection column {columns} can only be restricted by CONTAINS, CONTAINS KEY, or map-entry equality"
        )),
    }
}

fn merge_slices(
    restriction: &Restriction,
    slice: &TermSlice,
    other: &Restriction,
    other_slice: &TermSlice,
) -> Result<Restriction, Error> {
    let columns = columns_in_common(restriction, other);
    if restriction.first_column().id != other.first_column().id {
        let (a, b) = (restriction.first_column(), other.first_column());
        let later = if a.position > b.position { a } else { b };
        return Err(Error::invalid(format!(
            "Column \"{}\" cannot be restricted by two inequalities not starting with the same column",
            later.name
        )));
    }
    for (side, name) in [(Side::Start, "start"), (Side::End, "end")] {
        if slice.has_bound(side) && other_slice.has_bound(side) {
            return Err(Error::invalid(format!(
                "More than one restriction was found for the {name} bound on {columns}"
            )));
        }
    }
    let merged = TermSlice {
        start: slice.start.clone().or_else(|| other_slice.start.clone()),
        end: slice.end.clone().or_else(|| other_slice.end.clone()),
    };
    let wider = if restriction.columns.len() >= other.columns.len() { restriction } else { other };
    Ok(Restriction {
        columns: wider.columns.clone(),
        is_multi: restriction.is_multi,
        kind: RestrictionKind::Slice(merged),
    })
}

fn columns_in_common(a: &Restriction, b: &Restriction) -> String {
    let common = a.columns.iter().filter(|c| b.columns.iter().any(|other| other.id == c.id));
    common.map(|c| c.name.as_str()).collect::<Vec<_>>().join(" ,")
}
