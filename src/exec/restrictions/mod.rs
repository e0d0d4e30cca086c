//! The relations of a WHERE clause, ready to be bound (Cassandra: `cql3.restrictions`).
//!
//! - [`keys`]: partition keys and ranges of them.
//! - [`rows`]: clusterings and slices.
//! - [`filter`]: what is left for the replica's row filter.

pub mod filter;
pub mod keys;
pub mod rows;

use std::borrow::Cow;
use std::sync::Arc;

pub use filter::FilterItem;
pub use keys::TokenRestriction;

use super::options;
use super::term::{BindContext, Bound, Term};
use crate::error::Error;
use crate::schema::{ColumnKind, ColumnMetadata, TableMetadata};
use crate::storage::ClusteringComparator;
use crate::types::{CqlType, collection};

/// A value of a key, or null.
type Value<'a> = Option<Cow<'a, [u8]>>;

/// Everything that a WHERE clause restricts (Cassandra: `StatementRestrictions`).
#[derive(Clone, Debug)]
pub struct Restrictions {
    /// Those on partition key columns, in their order.
    pub partition_key: Vec<Arc<Restriction>>,
    /// That on the token.
    pub token: Option<TokenRestriction>,
    /// Those on clustering columns, by their first column.
    pub clustering: Vec<Arc<Restriction>>,
    /// Those on static and regular columns, by name.
    pub other: Vec<Arc<Restriction>>,
    /// What the replica has to filter by.
    pub filter: Vec<FilterItem>,
    /// Whether partitions are found by range instead of by key.
    pub is_key_range: bool,
    /// Whether the range is one of tokens.
    pub is_on_token: bool,
    /// Whether some of the partition key is restricted in a way that only filtering answers.
    pub filters_partition_key: bool,
    /// Whether rows are found by slices instead of by their full clustering.
    pub is_column_range: bool,
    /// Whether a regular column is restricted.
    pub restricts_regular_columns: bool,
    pub(crate) key_types: Vec<CqlType>,
    pub(crate) comparator: ClusteringComparator,
    pub(crate) clustering_columns: usize,
}

impl Restrictions {
    /// No restrictions: all of the table.
    pub fn none(table: &TableMetadata) -> Self {
        Self {
            partition_key: Vec::new(),
            token: None,
            clustering: Vec::new(),
            other: Vec::new(),
            filter: Vec::new(),
            is_key_range: true,
            is_on_token: false,
            filters_partition_key: false,
            is_column_range: !table.clustering.is_empty(),
            restricts_regular_columns: false,
            key_types: table.partition_key.iter().map(|c| c.cql_type.clone()).collect(),
            comparator: ClusteringComparator::new(table),
            clustering_columns: table.clustering.len(),
        }
    }

    /// Whether the partition key is restricted by IN (Cassandra: `keyIsInRelation`).
    pub fn key_is_in_relation(&self) -> bool {
        !self.is_on_token && self.partition_key.iter().any(|r| r.is_in())
    }

    /// Whether the partition key is restricted at all.
    pub fn has_partition_key_restrictions(&self) -> bool {
        !self.partition_key.is_empty() || self.token.is_some()
    }

    /// Whether clustering columns are restricted.
    pub fn has_clustering_restrictions(&self) -> bool {
        !self.clustering.is_empty()
    }

    /// Whether clustering columns are restricted by IN.
    pub fn clustering_has_in(&self) -> bool {
        self.clustering.iter().any(|r| r.is_in())
    }

    /// Whether the static row alone makes a row of the result, which is so if no particular rows are asked for
    /// (Cassandra: `returnStaticContentOnPartitionWithNoRows`).
    pub fn returns_static_only_partitions(&self) -> bool {
        self.clustering.is_empty() && !self.restricts_regular_columns
    }

    /// Whether something is asked of the column (Cassandra: `isRestricted`): of a key column also by `token(…)`.
    pub fn is_restricted(&self, column: &ColumnMetadata) -> bool {
        let list = match column.kind {
            ColumnKind::PartitionKey if self.token.is_some() => return true,
            ColumnKind::PartitionKey => &self.partition_key,
            ColumnKind::Clustering => &self.clustering,
            ColumnKind::Static | ColumnKind::Regular => &self.other,
        };
        list.iter().any(|r| r.columns.iter().any(|c| c.id == column.id))
    }

    /// Whether the column is restricted by an equality.
    pub fn is_restricted_by_eq(&self, column: &ColumnMetadata) -> bool {
        let list = match column.kind {
            ColumnKind::PartitionKey => &self.partition_key,
            ColumnKind::Clustering => &self.clustering,
            ColumnKind::Static | ColumnKind::Regular => &self.other,
        };
        list.iter().any(|r| r.is_eq() && r.columns.iter().any(|c| c.id == column.id))
    }

    /// Whether every column of the primary key is restricted by an equality (Cassandra:
    /// `hasAllPKColumnsRestrictedByEqualities`).
    pub fn is_full_primary_key(&self, table: &TableMetadata) -> bool {
        let by_equality = |list: &[Arc<Restriction>], columns: usize| {
            list.iter().all(|r| r.is_eq() || r.is_in())
                && list.iter().map(|r| r.columns.len()).sum::<usize>() == columns
        };
        !self.is_on_token
            && by_equality(&self.partition_key, table.partition_key.len())
            && by_equality(&self.clustering, table.clustering.len())
    }

    /// Static and regular columns that are restricted.
    pub fn restricted_non_key_columns(&self) -> impl Iterator<Item = &ColumnMetadata> {
        self.other.iter().flat_map(|r| &r.columns)
    }
}

/// What is asked of one column, or of several at once (Cassandra: `SingleRestriction`).
#[derive(Clone, Debug)]
pub struct Restriction {
    /// The columns, in their order.
    pub columns: Vec<ColumnMetadata>,
    /// Whether it was written for several columns, as a tuple; there may be only one even then.
    pub is_multi: bool,
    /// What is asked.
    pub kind: RestrictionKind,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum RestrictionKind {
    /// `=`; IN with one value too.
    Eq(TupleTerm),
    /// IN with several values, or none.
    In(Vec<TupleTerm>),
    /// IN with a marker for the whole list.
    InMarker(Term),
    /// `<`, `<=`, `>`, `>=`.
    Slice(TermSlice),
    /// CONTAINS, CONTAINS KEY, and equality of map entries: all of them.
    Contains(Contains),
}

/// What must be in a collection.
#[derive(Clone, Debug, Default)]
pub struct Contains {
    /// CONTAINS.
    pub values: Vec<Term>,
    /// CONTAINS KEY.
    pub keys: Vec<Term>,
    /// Entries of a map.
    pub entries: Vec<(Term, Term)>,
}

impl Restriction {
    /// Whether it is an equality.
    pub fn is_eq(&self) -> bool {
        matches!(self.kind, RestrictionKind::Eq(_))
    }

    /// Whether it is IN.
    pub fn is_in(&self) -> bool {
        matches!(self.kind, RestrictionKind::In(_) | RestrictionKind::InMarker(_))
    }

    /// Whether it is a slice.
    pub fn is_slice(&self) -> bool {
        matches!(self.kind, RestrictionKind::Slice(_))
    }

    /// Whether it is about the content of a collection.
    pub fn is_contains(&self) -> bool {
        matches!(self.kind, RestrictionKind::Contains(_))
    }

    /// The first column.
    pub fn first_column(&self) -> &ColumnMetadata {
        self.columns.first().expect("a restriction has at least one column")
    }

    /// The last column.
    pub fn last_column(&self) -> &ColumnMetadata {
        self.columns.last().expect("a restriction has at least one column")
    }

    /// The values that an equality or IN allows: for each, one for each column. Null and unset ones are refused.
    pub(crate) fn values<'a>(&'a self, context: &BindContext<'a>) -> Result<Vec<Vec<Cow<'a, [u8]>>>, Error> {
        match &self.kind {
            RestrictionKind::Eq(term) => {
                let bound = term.bind(context)?;
                let mut values = Vec::with_capacity(bound.len());
                for (i, value) in bound.into_iter().enumerate() {
                    values.push(self.required(i, value)?);
                }
                Ok(vec![values])
            }
            RestrictionKind::In(terms) => {
                let mut all = Vec::with_capacity(terms.len());
                for term in terms {
                    let is_filter = !self.first_column().is_primary_key();
                    if is_filter && matches!(term, TupleTerm::One(Term::Value(None))) {
                        // A null that is written matches nothing.
                        continue;
                    }
                    let bound = term.bind(context)?;
                    all.push(self.required_all(bound)?);
                }
                Ok(all)
            }
            RestrictionKind::InMarker(marker) => self.marker_values(marker, context),
            RestrictionKind::Slice(_) | RestrictionKind::Contains(_) => Ok(Vec::new()),
        }
    }

    fn marker_values<'a>(
        &'a self,
        marker: &'a Term,
        context: &BindContext<'a>,
    ) -> Result<Vec<Vec<Cow<'a, [u8]>>>, Error> {
        let column = &self.first_column().name;
        let list = match bind_list(marker, context)? {
            Bound::Bytes(list) => list,
            Bound::Null if self.is_multi => return Err(invalid("Invalid null value for IN restriction")),
            Bound::Null => return Err(invalid(format!("Invalid null value for column {column}"))),
            Bound::Unset if self.is_multi => {
                let names: Vec<_> = self.columns.iter().map(|c| c.name.as_str()).collect();
                return Err(invalid(format!("Invalid unset value for in({})", names.join(","))));
            }
            Bound::Unset => return Err(invalid(format!("Invalid unset value for column {column}"))),
        };
        let mut all = Vec::new();
        for element in collection::elements_or_null(&list) {
            let values = match element {
                None => vec![Bound::Null],
                Some(tuple) if self.is_multi => {
                    let fields = collection::fields(tuple).map(|field| match field {
                        Some(bytes) => Bound::Bytes(Cow::Owned(bytes.to_vec())),
                        None => Bound::Null,
                    });
                    fields.collect()
                }
                Some(value) => vec![Bound::Bytes(Cow::Owned(value.to_vec()))],
            };
            all.push(self.required_all(values)?);
        }
        Ok(all)
    }

    fn required_all<'a>(&self, bound: Vec<Bound<'a>>) -> Result<Vec<Cow<'a, [u8]>>, Error> {
        let mut values = Vec::with_capacity(bound.len());
        for value in bound {
            values.push(match value {
                Bound::Bytes(bytes) => bytes,
                Bound::Null if self.is_multi => {
                    let names: Vec<_> = self.columns.iter().map(|c| c.name.as_str()).collect();
                    return Err(invalid(format!(
                        "Invalid null value in condition for columns: [{}]",
                        names.join(", ")
                    )));
                }
                other => self.required(0, other)?,
            });
        }
        Ok(values)
    }

    fn required<'a>(&self, i: usize, value: Bound<'a>) -> Result<Cow<'a, [u8]>, Error> {
        let column = self.columns.get(i).map_or("", |c| c.name.as_str());
        match value {
            Bound::Bytes(bytes) => Ok(bytes),
            Bound::Null if self.is_multi => Err(invalid(format!("Invalid null value for column {column}"))),
            Bound::Null => Err(invalid(format!("Invalid null value in condition for column {column}"))),
            Bound::Unset => Err(invalid(format!("Invalid unset value for column {column}"))),
        }
    }
}

/// The list that a marker after IN stands for. Unlike any other list it may hold nulls, which are refused later.
pub(crate) fn bind_list<'a>(marker: &'a Term, context: &BindContext<'a>) -> Result<Bound<'a>, Error> {
    let refused = match marker.bind(context) {
        Err(refused) if refused.to_string() == "Null value read when not allowed" => refused,
        bound => return bound,
    };
    match marker {
        Term::Marker(marker) => match context.values.get(marker.index) {
            Some(options::Value::Bytes(bytes)) => Ok(Bound::Bytes(Cow::Borrowed(bytes))),
            _ => Err(refused),
        },
        _ => Err(refused),
    }
}

/// The right side of a relation: as many values as columns.
#[derive(Clone, Debug)]
pub enum TupleTerm {
    /// The value of a single column.
    One(Term),
    /// One term for each column.
    Elements(Vec<Term>),
    /// A marker for a tuple of this name.
    Packed(Term, String),
}

impl TupleTerm {
    /// The values, one for each column; fewer where a bound tuple has fewer.
    pub fn bind<'a>(&'a self, context: &BindContext<'a>) -> Result<Vec<Bound<'a>>, Error> {
        match self {
            Self::One(term) => Ok(vec![term.bind(context)?]),
            Self::Elements(terms) => {
                let mut values = Vec::with_capacity(terms.len());
                for (i, term) in terms.iter().enumerate() {
                    match term.bind(context)? {
                        Bound::Unset => {
                            return Err(invalid(format!("Invalid unset value for tuple field number {i}")));
                        }
                        value => values.push(value),
                    }
                }
                Ok(values)
            }
            Self::Packed(term, name) => match term.bind(context)? {
                Bound::Unset => Err(invalid(format!("Invalid unset value for tuple {name}"))),
                Bound::Null => Err(invalid(format!("Invalid null value for tuple {name}"))),
                Bound::Bytes(Cow::Borrowed(tuple)) => {
                    let field = |value: Option<&'a [u8]>| match value {
                        Some(bytes) => Bound::Bytes(Cow::Borrowed(bytes)),
                        None => Bound::Null,
                    };
                    Ok(collection::fields(tuple).map(field).collect())
                }
                Bound::Bytes(Cow::Owned(tuple)) => {
                    let field = |value: Option<&[u8]>| match value {
                        Some(bytes) => Bound::Bytes(Cow::Owned(bytes.to_vec())),
                        None => Bound::Null,
                    };
                    Ok(collection::fields(&tuple).map(field).collect())
                }
            },
        }
    }

    /// The term, where it is that of a single column.
    pub fn single(&self) -> Option<&Term> {
        match self {
            Self::One(term) => Some(term),
            Self::Elements(terms) => match &terms[..] {
                [only] => Some(only),
                _ => None,
            },
            Self::Packed(..) => None,
        }
    }
}

/// Which end of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The lower end.
    Start,
    /// The upper end.
    End,
}

impl Side {
    /// The other one.
    pub fn reverse(self) -> Self {
        match self {
            Self::Start => Self::End,
            Self::End => Self::Start,
        }
    }

    /// The other one, for a column in descending order.
    pub fn reverse_if(self, reversed: bool) -> Self {
        if reversed { self.reverse() } else { self }
    }
}

/// A slice of values (Cassandra: `TermSlice`).
#[derive(Clone, Debug, Default)]
pub struct TermSlice {
    /// The lower bound and whether it belongs to the slice.
    pub start: Option<(TupleTerm, bool)>,
    /// The upper bound and whether it belongs to the slice.
    pub end: Option<(TupleTerm, bool)>,
}

impl TermSlice {
    /// The bound on that side.
    pub fn bound(&self, side: Side) -> Option<&TupleTerm> {
        self.place(side).map(|(term, _)| term)
    }

    /// Whether there is a bound on that side.
    pub fn has_bound(&self, side: Side) -> bool {
        self.place(side).is_some()
    }

    /// Whether the bound on that side belongs to the slice; so where there is none.
    pub fn is_inclusive(&self, side: Side) -> bool {
        self.place(side).is_none_or(|(_, inclusive)| *inclusive)
    }

    fn place(&self, side: Side) -> Option<&(TupleTerm, bool)> {
        match side {
            Side::Start => self.start.as_ref(),
            Side::End => self.end.as_ref(),
        }
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::invalid(message)
}
