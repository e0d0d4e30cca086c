//! SELECT and its selectors.

use super::{ArithmeticOperator, CqlType, Name, NativeType, QualifiedName, Relation, Term};

/// `SELECT …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    /// `SELECT JSON`
    pub json: bool,
    /// `SELECT DISTINCT`
    pub distinct: bool,
    /// What is selected; empty means `*`
    pub selectors: Vec<Selector>,
    /// The table
    pub from: QualifiedName,
    /// The relations, all of which must hold
    pub where_clause: Vec<Relation>,
    /// `GROUP BY`
    pub group_by: Vec<Selectable>,
    /// `ORDER BY`
    pub order_by: Vec<Ordering>,
    /// `PER PARTITION LIMIT`: an integer constant or a marker
    pub per_partition_limit: Option<Term>,
    /// `LIMIT`: an integer constant or a marker
    pub limit: Option<Term>,
    /// `ALLOW FILTERING`
    pub allow_filtering: bool,
}

/// One selected expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The expression
    pub selectable: Selectable,
    /// `AS alias`
    pub alias: Option<Name>,
}

/// What may be selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selectable {
    /// A column
    Column(Name),
    /// A constant, `NULL` or a bind marker; no other terms
    Term(Term),
    /// `COUNT(*)`
    CountRows,
    /// `WRITETIME(c)`, `MAXWRITETIME(c)`, `TTL(c)`
    WritetimeOrTtl {
        /// Which of them
        kind: WritetimeKind,
        /// A column, possibly with elements, slices and fields of it
        selected: Box<Selectable>,
    },
    /// `CAST(s AS type)`
    Cast {
        /// What is cast
        selectable: Box<Selectable>,
        /// The wanted type
        ty: NativeType,
    },
    /// `f(a, b)`; `COUNT(1)` is one
    FunctionCall {
        /// The function; not resolved
        name: QualifiedName,
        /// Its arguments
        args: Vec<Selectable>,
    },
    /// `a + b`, …
    BinaryOp {
        /// The operator
        op: ArithmeticOperator,
        /// Left operand
        left: Box<Selectable>,
        /// Right operand
        right: Box<Selectable>,
    },
    /// `-a`
    Negate(Box<Selectable>),
    /// `receiver.field`
    Field {
        /// What has the field
        receiver: Box<Selectable>,
        /// The field
        field: Name,
    },
    /// `receiver[key]`
    Element {
        /// The collection
        receiver: Box<Selectable>,
        /// Key or index
        key: Term,
    },
    /// `receiver[from..to]`, at least one end given
    Slice {
        /// The collection
        receiver: Box<Selectable>,
        /// First key, inclusive
        from: Option<Term>,
        /// Last key, inclusive
        to: Option<Term>,
    },
    /// `(type) s`
    TypeHint {
        /// The type
        ty: CqlType,
        /// What has it
        selectable: Box<Selectable>,
    },
    /// `(a)` groups, `(a, b)` is a tuple; never empty
    ParenthesesOrTuple(Vec<Selectable>),
    /// `[a, b]`: a list or a vector
    List(Vec<Selectable>),
    /// `{a, b}`; empty braces may also mean an empty map
    Set(Vec<Selectable>),
    /// `{a: b}`: a map, or a user type if the keys are [`Selectable::Column`]; never empty
    MapOrUserType(Vec<(Selectable, Selectable)>),
}

/// Which property of a cell is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WritetimeKind {
    /// `WRITETIME`
    Writetime,
    /// `MAXWRITETIME`
    MaxWritetime,
    /// `TTL`
    Ttl,
}

/// One element of `ORDER BY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordering {
    /// The column
    pub column: Name,
    /// `ANN OF term`: nearest neighbours of this vector first
    pub ann_of: Option<Term>,
    /// Ascending where not written
    pub direction: Direction,
}

/// `ASC` or `DESC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `ASC`
    Ascending,
    /// `DESC`
    Descending,
}
