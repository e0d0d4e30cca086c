//! INSERT, UPDATE, DELETE, BATCH.

use super::{BindMarker, InValues, Name, Operator, QualifiedName, Relation, Statement, Term};

/// `USING TIMESTAMP … AND TTL …`: integer constants or markers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Using {
    /// Microseconds
    pub timestamp: Option<Term>,
    /// Seconds
    pub ttl: Option<Term>,
}

/// `INSERT INTO t (…) VALUES (…)`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insert {
    /// The table
    pub table: QualifiedName,
    /// The columns; their number may differ from that of the values
    pub columns: Vec<Name>,
    /// The values
    pub values: Vec<Term>,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// `USING …`
    pub using: Using,
}

/// `INSERT INTO t JSON …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsertJson {
    /// The table
    pub table: QualifiedName,
    /// The row
    pub json: JsonValue,
    /// `DEFAULT UNSET`
    pub default_unset: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// `USING …`
    pub using: Using,
}

/// A row in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonValue {
    /// A string
    Literal(String),
    /// A bound string
    Marker(BindMarker),
}

/// `UPDATE t SET … WHERE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The table
    pub table: QualifiedName,
    /// `USING …`
    pub using: Using,
    /// What is set, in the order of the text; never empty
    pub assignments: Vec<Assignment>,
    /// The relations; never empty
    pub where_clause: Vec<Relation>,
    /// `IF …`
    pub conditions: Conditions,
}

/// One assignment of an UPDATE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The column
    pub column: Name,
    /// What happens to it
    pub operation: Operation,
}

/// What an assignment does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `c = term`
    Set(Term),
    /// `c = c + term`, `c += term`, and `c = c -3` as the addition of -3
    Add(Term),
    /// `c = c - term`, `c -= term`
    Subtract(Term),
    /// `c = term + c`
    Prepend(Term),
    /// `c[key] = value`
    SetElement {
        /// Key or index
        key: Term,
        /// The new value
        value: Term,
    },
    /// `c.field = value`
    SetField {
        /// The field
        field: Name,
        /// The new value
        value: Term,
    },
}

/// `DELETE … FROM t WHERE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    /// What is deleted; empty means rows or partitions
    pub deletions: Vec<Deletion>,
    /// The table
    pub table: QualifiedName,
    /// `USING TIMESTAMP`; never a TTL
    pub using: Using,
    /// The relations; never empty
    pub where_clause: Vec<Relation>,
    /// `IF …`
    pub conditions: Conditions,
}

/// What a DELETE takes from a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// `c`
    Column(Name),
    /// `c[key]`
    Element {
        /// The column
        column: Name,
        /// Key or index
        key: Term,
    },
    /// `c.field`
    Field {
        /// The column
        column: Name,
        /// The field
        field: Name,
    },
}

/// The conditions of a lightweight transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Conditions {
    /// No IF
    #[default]
    None,
    /// `IF EXISTS`
    IfExists,
    /// `IF a AND b`; never empty
    If(Vec<Condition>),
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The column
    pub column: Name,
    /// The column itself or a part of it
    pub target: ConditionTarget,
    /// What must hold
    pub test: ConditionTest,
}

/// What part of the column a condition looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConditionTarget {
    /// `c`
    Column,
    /// `c[key]`
    Element(Term),
    /// `c.field`
    Field(Name),
}

/// What must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConditionTest {
    /// A comparison; CONTAINS and CONTAINS KEY only on a whole column, never LIKE
    Compare(Operator, Term),
    /// `IN`
    In(InValues),
}

/// `BEGIN BATCH … APPLY BATCH`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Logged, unlogged or counter
    pub kind: BatchKind,
    /// `USING …`
    pub using: Using,
    /// Only [`Statement::Insert`], [`Statement::InsertJson`], [`Statement::Update`] and [`Statement::Delete`]
    pub statements: Vec<Statement>,
}

/// The kinds of batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BatchKind {
    /// `BEGIN BATCH`
    Logged,
    /// `BEGIN UNLOGGED BATCH`
    Unlogged,
    /// `BEGIN COUNTER BATCH`
    Counter,
}
