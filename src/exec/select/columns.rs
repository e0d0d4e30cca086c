//! Which columns a SELECT reads (Cassandra: `ColumnFilterFactory`).

use bytes::Bytes;

use super::selector::{AggregateCall, Selector, bind_key};
use super::source::{Form, Place, Source};
use crate::error::Error;
use crate::exec::term::{BindContext, Term};
use crate::schema::ColumnId;
use crate::storage::model::{ColumnFilter, Part};
use crate::types::CqlType;

/// Which columns are read: known at once, unless parts of collections are selected by bind markers.
#[derive(Clone, Debug)]
pub enum ReadColumns {
    /// Whatever is bound.
    Known(ColumnFilter),
    /// With parts of collections.
    Parts {
        /// Columns that are read as a whole.
        columns: Vec<ColumnId>,
        /// The parts of others.
        parts: Vec<SelectedPart>,
        /// Whether a partition that has nothing but static columns makes a row of the result.
        fetches_all_statics: bool,
    },
}

/// A part of a collection that is selected, and no more of it.
#[derive(Clone, Debug)]
pub struct SelectedPart {
    column: ColumnId,
    key_type: CqlType,
    keys: Keys,
}

#[derive(Clone, Debug)]
enum Keys {
    One { key: Term, name: String },
    Between(Option<Term>, Option<Term>),
}

impl ReadColumns {
    /// The columns that selected expressions read, and these others.
    pub fn new<'s>(
        selectors: impl IntoIterator<Item = &'s Selector>,
        aggregates: &'s [AggregateCall],
        others: impl IntoIterator<Item = ColumnId>,
        fetches_all_statics: bool,
    ) -> Self {
        let (mut columns, mut parts): (Vec<ColumnId>, Vec<SelectedPart>) = Default::default();
        columns.extend(others);
        let arguments = aggregates.iter().flat_map(|aggregate| &aggregate.arguments);
        for selector in selectors.into_iter().chain(arguments) {
            find(selector, &mut columns, &mut parts);
        }
        parts.retain(|part| !columns.contains(&part.column));
        if parts.is_empty() {
            return Self::Known(ColumnFilter::new(columns, Vec::new(), fetches_all_statics));
        }
        Self::Parts { columns, parts, fetches_all_statics }
    }

    /// The filter, with these bound values.
    pub fn bind(&self, bind: &BindContext<'_>) -> Result<ColumnFilter, Error> {
        let (columns, parts, fetches_all_statics) = match self {
            Self::Known(filter) => return Ok(filter.clone()),
            Self::Parts { columns, parts, fetches_all_statics } => (columns, parts, *fetches_all_statics),
        };
        let bound = |term: &Option<Term>| -> Result<Option<Bytes>, Error> {
            let Some(term) = term else { return Ok(None) };
            Ok(term.bind(bind)?.as_bytes().map(Bytes::copy_from_slice))
        };
        let part = |part: &SelectedPart| {
            let (from, to) = match &part.keys {
                Keys::One { key, name } => {
                    let key = Bytes::copy_from_slice(&bind_key(key, bind, "element", name)?);
                    (Some(key.clone()), Some(key))
                }
                Keys::Between(from, to) => (bound(from)?, bound(to)?),
            };
            Ok((part.column, Part { key_type: part.key_type.clone(), from, to }))
        };
        let parts = parts.iter().map(part).collect::<Result<_, Error>>()?;
        Ok(ColumnFilter::new(columns.iter().copied(), parts, fetches_all_statics))
    }
}

/// The column of a source, unless it is part of the primary key.
pub fn column_of(source: &Source) -> Option<ColumnId> {
    match source.place {
        Place::Regular(id) | Place::Static(id) => Some(id),
        Place::PartitionKey | Place::KeyComponent(_) | Place::Clustering(_) => None,
    }
}

fn find(selector: &Selector, columns: &mut Vec<ColumnId>, parts: &mut Vec<SelectedPart>) {
    match selector {
        Selector::Column(source) => columns.extend(column_of(source)),
        Selector::Masked(masked) => columns.extend(column_of(&masked.source)),
        Selector::Term(_) | Selector::Aggregate(_) => {}
        Selector::Call { arguments, .. } => arguments.iter().for_each(|a| find(a, columns, parts)),
        Selector::Timestamp { selected, .. } | Selector::Field { selected, .. } => {
            find(selected, columns, parts)
        }
        Selector::Element { selected, key, name, .. } => match part_of(selected) {
            Some((column, key_type)) => {
                let keys = Keys::One { key: key.clone(), name: name.clone() };
                parts.push(SelectedPart { column, key_type, keys });
            }
            None => find(selected, columns, parts),
        },
        Selector::Slice { selected, from, to, .. } => match part_of(selected) {
            Some((column, key_type)) => {
                parts.push(SelectedPart { column, key_type, keys: Keys::Between(from.clone(), to.clone()) });
            }
            None => find(selected, columns, parts),
        },
        Selector::Composite { parts: selected, .. } => {
            selected.iter().flatten().for_each(|part| find(part, columns, parts));
        }
    }
}

/// The column of which an element or slice is selected, and the type of its keys, where it has a cell for each key.
fn part_of(selected: &Selector) -> Option<(ColumnId, CqlType)> {
    let source = match selected {
        Selector::Column(source) => source,
        Selector::Masked(masked) => &masked.source,
        _ => return None,
    };
    let Form::Complex(cql_type) = &source.form else { return None };
    let key_type = match cql_type {
        CqlType::Map { key, .. } => key,
        CqlType::Set { element, .. } => element,
        _ => return None,
    };
    Some((column_of(source)?, (**key_type).clone()))
}
