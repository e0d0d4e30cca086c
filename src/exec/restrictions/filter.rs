//! What is left for the replica's row filter (Cassandra: `Restrictions.addToRowFilter`).

use bytes::Bytes;

use super::{Restriction, RestrictionKind, Restrictions, Side, TupleTerm, invalid};
use crate::error::Error;
use crate::exec::term::{BindContext, Bound, Term};
use crate::schema::{ColumnKind, ColumnMetadata};
use crate::storage::model::{Operator, RowFilter, RowFilterExpression, RowFilterTarget};

impl Restrictions {
    /// Whether rows are filtered by a static column and another, or by two columns outside of the primary key
    /// (Cassandra: `RowFilter.isMutableIntersection`).
    pub fn is_mutable_intersection(&self) -> bool {
        let columns = || self.filter.iter().filter_map(FilterItem::column);
        let mut outside = columns().filter(|column| !column.is_primary_key());
        let Some(first) = outside.next() else { return false };
        outside.any(|column| column.id != first.id)
            || self.filter.len() > 1 && columns().any(ColumnMetadata::is_static)
    }
}

/// One expression of the row filter, to be bound.
#[derive(Clone, Debug)]
pub enum FilterItem {
    /// A comparison of a column.
    Compare {
        /// The column.
        column: ColumnMetadata,
        /// How.
        operator: Operator,
        /// With what.
        value: Term,
    },
    /// One of several columns that are compared with a tuple.
    CompareField {
        /// The columns.
        columns: Vec<ColumnMetadata>,
        /// With what, one value for each.
        values: TupleTerm,
    },
    /// IN; the restriction has one column.
    In(std::sync::Arc<Restriction>),
    /// An entry of a map.
    Entry {
        /// The map.
        column: ColumnMetadata,
        /// The key.
        key: Term,
        /// The value.
        value: Term,
    },
    /// What cannot be filtered by; refused at execution, as Cassandra does.
    Refused(&'static str),
}

impl FilterItem {
    /// The column that it filters by; none of several, which are of the primary key.
    fn column(&self) -> Option<&ColumnMetadata> {
        match self {
            Self::Compare { column, .. } | Self::Entry { column, .. } => Some(column),
            Self::In(restriction) => Some(restriction.first_column()),
            Self::CompareField { .. } | Self::Refused(_) => None,
        }
    }

    /// The expressions that answer a restriction.
    pub fn of(restriction: &std::sync::Arc<Restriction>) -> Vec<FilterItem> {
        let column = restriction.first_column().clone();
        let compare = |operator, value: &Term| FilterItem::Compare {
            column: column.clone(),
            operator,
            value: value.clone(),
        };
        match &restriction.kind {
            RestrictionKind::Eq(values) => match values {
                TupleTerm::One(term) => vec![compare(Operator::Eq, term)],
                values => vec![FilterItem::CompareField {
                    columns: restriction.columns.clone(),
                    values: values.clone(),
                }],
            },
            RestrictionKind::In(_) | RestrictionKind::InMarker(_) if restriction.columns.len() == 1 => {
                vec![FilterItem::In(restriction.clone())]
            }
            RestrictionKind::In(_) | RestrictionKind::InMarker(_) => {
                vec![FilterItem::Refused("Multicolumn IN filters are not supported")]
            }
            RestrictionKind::Slice(_) if restriction.is_multi => {
                vec![FilterItem::Refused("Multi-column slice restrictions cannot be used for filtering.")]
            }
            RestrictionKind::Slice(slice) => [Side::Start, Side::End]
                .into_iter()
                .filter_map(|side| {
                    let term = slice.bound(side)?.single()?;
                    let operator = match (side, slice.is_inclusive(side)) {
                        (Side::Start, true) => Operator::Gte,
                        (Side::Start, false) => Operator::Gt,
                        (Side::End, true) => Operator::Lte,
                        (Side::End, false) => Operator::Lt,
                    };
                    Some(compare(operator, term))
                })
                .collect(),
            RestrictionKind::Contains(contains) => {
                let values = contains.values.iter().map(|t| compare(Operator::Contains, t));
                let keys = contains.keys.iter().map(|t| compare(Operator::ContainsKey, t));
                let entries = contains.entries.iter().map(|(key, value)| FilterItem::Entry {
                    column: column.clone(),
                    key: key.clone(),
                    value: value.clone(),
                });
                values.chain(keys).chain(entries).collect()
            }
        }
    }

    fn bind<'a>(
        &'a self,
        context: &BindContext<'a>,
        out: &mut Vec<RowFilterExpression>,
    ) -> Result<(), Error> {
        match self {
            Self::Compare { column, operator, value } => {
                let value = required(value.bind(context)?, "", column)?;
                out.push(RowFilterExpression {
                    target: target(column),
                    operator: *operator,
                    values: vec![value],
                });
            }
            Self::CompareField { columns, values } => {
                let mut values = values.bind(context)?.into_iter();
                for column in columns {
                    let value = required(values.next().unwrap_or(Bound::Null), "", column)?;
                    let target = target(column);
                    out.push(RowFilterExpression { target, operator: Operator::Eq, values: vec![value] });
                }
            }
            Self::In(restriction) => {
                let values = restriction.values(context)?.into_iter().flatten();
                out.push(RowFilterExpression {
                    target: target(restriction.first_column()),
                    operator: Operator::In,
                    values: values.map(|value| Bytes::from(value.into_owned())).collect(),
                });
            }
            Self::Entry { column, key, value } => {
                let key = required(key.bind(context)?, "map key ", column)?;
                let value = required(value.bind(context)?, "map value ", column)?;
                let target = RowFilterTarget::Element(column.id, key);
                out.push(RowFilterExpression { target, operator: Operator::Eq, values: vec![value] });
            }
            Self::Refused(message) => return Err(invalid(*message)),
        }
        Ok(())
    }
}

impl Restrictions {
    /// The row filter.
    pub fn row_filter<'a>(&'a self, context: &BindContext<'a>) -> Result<RowFilter, Error> {
        let mut expressions = Vec::new();
        for item in &self.filter {
            item.bind(context, &mut expressions)?;
        }
        Ok(RowFilter { expressions })
    }
}

fn target(column: &ColumnMetadata) -> RowFilterTarget {
    match column.kind {
        ColumnKind::PartitionKey => RowFilterTarget::PartitionKey(column.position),
        ColumnKind::Clustering => RowFilterTarget::Clustering(column.position),
        ColumnKind::Static | ColumnKind::Regular => RowFilterTarget::Column(column.id),
    }
}

fn required(value: Bound<'_>, what: &str, column: &ColumnMetadata) -> Result<Bytes, Error> {
    let what = if what.is_empty() { "value " } else { what };
    match value {
        Bound::Bytes(bytes) => Ok(Bytes::from(bytes.into_owned())),
        Bound::Null => Err(invalid(format!("Unsupported null {what}for column {}", column.name))),
        Bound::Unset => Err(invalid(format!("Unsupported unset {what}for column {}", column.name))),
    }
}
