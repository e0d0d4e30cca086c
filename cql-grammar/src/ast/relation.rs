//! Relations of a WHERE clause.

use super::{BindMarker, Name, Term};

/// One relation; those of a clause are joined by AND.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// `c = 1`, `c LIKE 'a%'`, `c CONTAINS KEY 2`
    Column {
        /// The column
        column: Name,
        /// Any operator
        op: Operator,
        /// Right side
        value: Term,
    },
    /// `c IS NOT NULL`
    IsNotNull {
        /// The column
        column: Name,
    },
    /// `c IN (1, 2)`, `c IN ?`
    In {
        /// The column
        column: Name,
        /// The values; may be an empty list
        values: InValues,
    },
    /// `c[key] = 1`
    Element {
        /// The column
        column: Name,
        /// Key or index
        key: Term,
        /// A comparison
        op: Operator,
        /// Right side
        value: Term,
    },
    /// `token(a, b) > 1`
    Token {
        /// The columns
        columns: Vec<Name>,
        /// A comparison
        op: Operator,
        /// Right side
        value: Term,
    },
    /// `(a, b) > (1, 2)`, `(a, b) > ?`
    Tuple {
        /// The columns
        columns: Vec<Name>,
        /// A comparison
        op: Operator,
        /// A [`Term::Tuple`] or a [`Term::BindMarker`]
        value: Term,
    },
    /// `(a, b) IN ((1, 2), (3, 4))`, `(a, b) IN (?, ?)`, `(a, b) IN ?`
    TupleIn {
        /// The columns
        columns: Vec<Name>,
        /// Either tuples only or markers only; may be an empty list
        values: InValues,
    },
    /// `expr(index, term)`
    Expression {
        /// The index
        index: Name,
        /// What the index makes of it is its own business
        value: Term,
    },
}

/// The right side of IN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InValues {
    /// `(1, 2)`
    List(Vec<Term>),
    /// `?`: the whole list is bound
    Marker(BindMarker),
}

/// What a relation or a condition compares with, IN and IS NOT aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`
    Eq,
    /// `<`
    Lt,
    /// `<=`
    Lte,
    /// `>`
    Gt,
    /// `>=`
    Gte,
    /// `!=`
    Neq,
    /// `LIKE`
    Like,
    /// `CONTAINS`
    Contains,
    /// `CONTAINS KEY`
    ContainsKey,
}
