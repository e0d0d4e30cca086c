//! Selected expressions, evaluated for each row (Cassandra: `cql3.selection.Selector`).

use std::borrow::Cow;
use std::sync::Arc;

use super::source::{RowView, Source};
use super::timestamps::{self, Timestamps};
use crate::error::Error;
use crate::exec::functions::Function;
use crate::exec::term::{BindContext, Bound, Term};
use crate::types::{CqlType, collection};

/// A value, or null.
pub type Selected<'r> = Option<Cow<'r, [u8]>>;

/// A selected expression.
#[derive(Clone, Debug)]
pub enum Selector {
    /// A column.
    Column(Source),
    /// A column that is masked.
    Masked(Box<MaskedColumn>),
    /// What needs no row.
    Term(Term),
    /// A scalar function.
    Call {
        /// The function.
        function: Arc<Function>,
        /// Its arguments.
        arguments: Vec<Selector>,
    },
    /// The result of an aggregate: its place in [`super::SelectPlan::aggregates`].
    Aggregate(usize),
    /// `WRITETIME`, `MAXWRITETIME` or `TTL`.
    Timestamp {
        /// Which of them.
        kind: timestamps::Kind,
        /// Of what: a column, or elements, slices and fields of one.
        selected: Box<Selector>,
    },
    /// A field of a user type.
    Field {
        /// The user type.
        selected: Box<Selector>,
        /// Which field.
        index: usize,
    },
    /// An element of a set or map.
    Element {
        /// The collection.
        selected: Box<Selector>,
        /// Its type.
        cql_type: CqlType,
        /// The key.
        key: Term,
        /// The name of the collection, for errors.
        name: String,
    },
    /// A slice of a set or map.
    Slice {
        /// The collection.
        selected: Box<Selector>,
        /// Its type.
        cql_type: CqlType,
        /// The first key.
        from: Option<Term>,
        /// The last key.
        to: Option<Term>,
        /// The name of the collection, for errors.
        name: String,
    },
    /// A list, set, map, tuple, user type or vector of these parts; for a map keys and values in turn, for a user
    /// type one for each field.
    Composite {
        /// Its type.
        cql_type: CqlType,
        /// Its parts; none for a field that is not given.
        parts: Vec<Option<Selector>>,
    },
}

/// A column that is masked, and its mask.
#[derive(Clone, Debug)]
pub struct MaskedColumn {
    /// Where its value comes from.
    pub source: Source,
    /// What masks it.
    pub function: Arc<Function>,
    /// What follows the value in the call.
    pub arguments: Vec<Option<Vec<u8>>>,
}

impl MaskedColumn {
    /// Its value, as the user may see it.
    fn value<'r>(&self, with: &Evaluation<'r>) -> Result<Selected<'r>, Error> {
        let Some(row) = &with.row else { return Ok(None) };
        let value = self.source.value(row);
        if with.unmask {
            return Ok(value);
        }
        let further = self.arguments.iter().map(Option::as_deref);
        let arguments: smallvec::SmallVec<[Option<&[u8]>; 4]> =
            std::iter::once(value.as_deref()).chain(further).collect();
        Ok(self.function.execute(&arguments, with.bind.functions)?.map(Cow::Owned))
    }
}

/// A call of an aggregate function.
#[derive(Clone, Debug)]
pub struct AggregateCall {
    /// The function.
    pub function: Arc<Function>,
    /// Its arguments.
    pub arguments: Vec<Selector>,
}

/// What selectors are evaluated with.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation<'r> {
    /// The row; none for aggregates over no rows.
    pub row: Option<RowView<'r>>,
    /// The results of the aggregates.
    pub aggregates: &'r [Option<Vec<u8>>],
    /// Bound values.
    pub bind: BindContext<'r>,
    /// Whether the user may see what masks hide.
    pub unmask: bool,
}

/// What a term is worth as a key of an element or slice.
pub(super) fn bind_key<'r>(
    term: &'r Term,
    bind: &BindContext<'r>,
    what: &str,
    name: &str,
) -> Result<Cow<'r, [u8]>, Error> {
    match term.bind(bind)? {
        Bound::Bytes(bytes) => Ok(bytes),
        Bound::Null => Err(Error::invalid(format!("Invalid null value for {what} selection on {name}"))),
        Bound::Unset => Err(Error::invalid(format!("Invalid unset value for {what} selection on {name}"))),
    }
}

impl Selector {
    /// Its value.
    pub fn evaluate<'r>(&'r self, with: &Evaluation<'r>) -> Result<Selected<'r>, Error> {
        match self {
            Self::Column(source) => Ok(with.row.as_ref().and_then(|row| source.value(row))),
            Self::Masked(masked) => masked.value(with),
            Self::Term(term) => Ok(match term.bind(&with.bind)? {
                Bound::Bytes(bytes) => Some(bytes),
                Bound::Null | Bound::Unset => None,
            }),
            Self::Call { function, arguments } => call(function, arguments, with),
            Self::Aggregate(slot) => {
                Ok(with.aggregates.get(*slot).and_then(|value| value.as_deref()).map(Cow::Borrowed))
            }
            Self::Timestamp { kind, selected } => match &with.row {
                None => Ok(None),
                Some(row) => Ok(selected.timestamps(*kind, row, with)?.encode(*kind).map(Cow::Owned)),
            },
            Self::Field { selected, index } => Ok(match selected.evaluate(with)? {
                None => None,
                Some(Cow::Borrowed(value)) => collection::field(value, *index).map(Cow::Borrowed),
                Some(Cow::Owned(value)) => collection::field(&value, *index).map(|v| Cow::Owned(v.to_vec())),
            }),
            Self::Element { selected, cql_type, key, name } => {
                let key = bind_key(key, &with.bind, "element", name)?;
                let Some(value) = selected.evaluate(with)? else { return Ok(None) };
                Ok(element(cql_type, &value, &key).map(|v| Cow::Owned(v.to_vec())))
            }
            Self::Slice { selected, cql_type, from, to, name } => {
                let bound = |term: &'r Option<Term>| match term {
                    None => Ok(None),
                    Some(term) => match term.bind(&with.bind)? {
                        Bound::Unset => Ok(None),
                        Bound::Bytes(bytes) => Ok(Some(bytes)),
                        Bound::Null => {
                            Err(Error::invalid(format!("Invalid null value for slice selection on {name}")))
                        }
                    },
                };
                let (from, to) = (bound(from)?, bound(to)?);
                let Some(value) = selected.evaluate(with)? else { return Ok(None) };
                Ok(slice(cql_type, &value, from.as_deref(), to.as_deref()).map(Cow::Owned))
            }
            Self::Composite { cql_type, parts } => composite(cql_type, parts, with),
        }
    }

    /// Refuses keys of elements and slices that are null or unset, which Cassandra does before it reads.
    pub(super) fn check_keys(&self, bind: &BindContext<'_>) -> Result<(), Error> {
        match self {
            Self::Element { selected, key, name, .. } => {
                bind_key(key, bind, "element", name)?;
                selected.check_keys(bind)
            }
            Self::Slice { selected, from, to, name, .. } => {
                for term in from.iter().chain(to) {
                    if term.bind(bind)? == Bound::Null {
                        return Err(Error::invalid(format!(
                            "Invalid null value for slice selection on {name}"
                        )));
                    }
                }
                selected.check_keys(bind)
            }
            Self::Timestamp { selected, .. } | Self::Field { selected, .. } => selected.check_keys(bind),
            Self::Call { arguments, .. } => arguments.iter().try_for_each(|a| a.check_keys(bind)),
            Self::Composite { parts, .. } => parts.iter().flatten().try_for_each(|p| p.check_keys(bind)),
            Self::Column(_) | Self::Masked(_) | Self::Term(_) | Self::Aggregate(_) => Ok(()),
        }
    }

    /// Whether it or a part of it is an aggregate.
    pub fn is_aggregate(&self) -> bool {
        match self {
            Self::Aggregate(_) => true,
            Self::Column(_) | Self::Masked(_) | Self::Term(_) => false,
            Self::Call { arguments, .. } => arguments.iter().any(Self::is_aggregate),
            Self::Timestamp { selected, .. }
            | Self::Field { selected, .. }
            | Self::Element { selected, .. }
            | Self::Slice { selected, .. } => selected.is_aggregate(),
            Self::Composite { parts, .. } => parts.iter().flatten().any(Self::is_aggregate),
        }
    }

    /// The timestamps or TTLs of what it selects.
    pub(super) fn timestamps<'r>(
        &'r self,
        kind: timestamps::Kind,
        row: &RowView<'r>,
        with: &Evaluation<'r>,
    ) -> Result<Timestamps, Error> {
        match self {
            Self::Column(source) => Ok(timestamps::of_column(source, kind, row)),
            Self::Masked(masked) => Ok(timestamps::of_column(&masked.source, kind, row)),
            Self::Field { selected, index } => match self.evaluate(with)? {
                None => Ok(Timestamps::None),
                Some(_) => Ok(selected.timestamps(kind, row, with)?.get(*index)),
            },
            Self::Element { selected, cql_type, key, name } => {
                let key = bind_key(key, &with.bind, "element", name)?;
                let Some(value) = selected.evaluate(with)? else { return Ok(Timestamps::None) };
                match keys(cql_type, &value).position(|k| key_type(cql_type).compare(k, &key).is_eq()) {
                    None => Ok(Timestamps::None),
                    Some(index) => Ok(selected.timestamps(kind, row, with)?.get(index)),
                }
            }
            Self::Slice { selected, cql_type, from, to, .. } => {
                let Some(value) = selected.evaluate(with)? else { return Ok(Timestamps::None) };
                let bound = |term: &'r Option<Term>| match term {
                    None => Ok(None),
                    Some(term) => term.bind(&with.bind).map(|b| b.as_bytes().map(<[u8]>::to_vec)),
                };
                let (from, to) = (bound(from)?, bound(to)?);
                let within = |key: &[u8]| is_within(cql_type, key, from.as_deref(), to.as_deref());
                let flags: Vec<bool> = keys(cql_type, &value).map(within).collect();
                Ok(selected.timestamps(kind, row, with)?.retain(&flags))
            }
            _ => Ok(Timestamps::None),
        }
    }
}

/// Calls a function for which all arguments are evaluated first.
fn call<'r>(
    function: &Function,
    arguments: &'r [Selector],
    with: &Evaluation<'r>,
) -> Result<Selected<'r>, Error> {
    let mut values: smallvec::SmallVec<[Selected<'r>; 4]> = smallvec::SmallVec::new();
    for argument in arguments {
        values.push(argument_value(function, argument, with)?);
    }
    let views: smallvec::SmallVec<[Option<&[u8]>; 4]> = values.iter().map(Option::as_deref).collect();
    Ok(function.execute(&views, with.bind.functions)?.map(Cow::Owned))
}

/// The value of an argument; `Invalid` where it is a marker that was left unset.
pub(super) fn argument_value<'r>(
    function: &Function,
    argument: &'r Selector,
    with: &Evaluation<'r>,
) -> Result<Selected<'r>, Error> {
    if let Selector::Term(term) = argument
        && matches!(term.bind(&with.bind)?, Bound::Unset)
    {
        let name = &function.name;
        return Err(Error::invalid(format!("Invalid unset value for argument in call to function {name}")));
    }
    argument.evaluate(with)
}

fn composite<'r>(
    cql_type: &CqlType,
    parts: &'r [Option<Selector>],
    with: &Evaluation<'r>,
) -> Result<Selected<'r>, Error> {
    let mut values: Vec<Selected<'r>> = Vec::with_capacity(parts.len());
    for part in parts {
        values.push(match part {
            None => None,
            Some(selector) => selector.evaluate(with)?,
        });
    }
    let views: Vec<Option<&[u8]>> = values.iter().map(Option::as_deref).collect();
    let value = match cql_type {
        // A selected list keeps its nulls.
        CqlType::List { .. } => {
            let mut out = i32::try_from(views.len()).unwrap_or(i32::MAX).to_be_bytes().to_vec();
            for view in views {
                collection::write_value(&mut out, view);
            }
            out
        }
        _ => collection::build(cql_type, &views),
    };
    Ok(Some(Cow::Owned(value)))
}

/// The type of the keys by which elements are found: those of a map, the elements of a set.
fn key_type(cql_type: &CqlType) -> &CqlType {
    match cql_type {
        CqlType::Map { key, .. } => key,
        CqlType::Set { element, .. } => element,
        other => other,
    }
}

fn element<'v>(cql_type: &CqlType, value: &'v [u8], key: &[u8]) -> Option<&'v [u8]> {
    match cql_type {
        CqlType::Map { key: key_type, .. } => collection::map_get(key_type, value, key),
        CqlType::Set { element, .. } => collection::set_get(element, value, key),
        _ => None,
    }
}

/// The keys of a map, or the elements of a set.
fn keys<'v>(cql_type: &CqlType, value: &'v [u8]) -> Box<dyn Iterator<Item = &'v [u8]> + 'v> {
    match cql_type {
        CqlType::Map { .. } => Box::new(collection::entries(value).map(|(key, _)| key)),
        _ => Box::new(collection::elements(value)),
    }
}

fn is_within(cql_type: &CqlType, key: &[u8], from: Option<&[u8]>, to: Option<&[u8]>) -> bool {
    let key_type = key_type(cql_type);
    from.is_none_or(|from| key_type.compare(key, from).is_ge())
        && to.is_none_or(|to| key_type.compare(key, to).is_le())
}

/// The part of a set or map between two keys; of one that is not frozen nothing rather than an empty one
/// (Cassandra: `getSliceFromSerialized`).
fn slice(cql_type: &CqlType, value: &[u8], from: Option<&[u8]>, to: Option<&[u8]>) -> Option<Vec<u8>> {
    let is_map = matches!(cql_type, CqlType::Map { .. });
    let out = collection::slice(key_type(cql_type), is_map, value, from, to);
    if cql_type.is_multi_cell() && collection::read_count(&out) == Some(0) {
        return None;
    }
    Some(out)
}
