//! Keyspaces, tables, views, types, indexes and triggers.

use super::{Constant, CqlType, Direction, Name, QualifiedName, Relation, Selector, Term};

/// `name = value`, after WITH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// The option
    pub name: Name,
    /// Its value
    pub value: PropertyValue,
}

/// The value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropertyValue {
    /// A literal
    Constant(Constant),
    /// An unreserved keyword, as written
    Keyword(String),
    /// `{'k': 'v'}`: literals only, no key twice
    Map(Vec<(Constant, Constant)>),
}

impl PropertyValue {
    /// The text of a simple value, which is all that Cassandra keeps of it; `None` for a map.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Constant(constant) => Some(&constant.text),
            Self::Keyword(text) => Some(text),
            Self::Map(_) => None,
        }
    }

    /// The texts of a map's entries; `None` for a simple value.
    pub fn as_map(&self) -> Option<Vec<(&str, &str)>> {
        match self {
            Self::Map(entries) => {
                Some(entries.iter().map(|(k, v)| (k.text.as_str(), v.text.as_str())).collect())
            }
            Self::Constant(_) | Self::Keyword(_) => None,
        }
    }
}

/// `CREATE KEYSPACE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateKeyspace {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The keyspace
    pub name: Name,
    /// `WITH …`; never empty
    pub properties: Vec<Property>,
}

/// `ALTER KEYSPACE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterKeyspace {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The keyspace
    pub name: Name,
    /// `WITH …`; never empty
    pub properties: Vec<Property>,
}

/// `DROP KEYSPACE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropKeyspace {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The keyspace
    pub name: Name,
}

/// `CREATE TABLE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTable {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The table
    pub name: QualifiedName,
    /// The columns, in the order of the text
    pub columns: Vec<ColumnDefinition>,
    /// Each `PRIMARY KEY (…)`, and each column that was marked `PRIMARY KEY` as a key of one column, in the order of
    /// the text: exactly one is right, and that is for the planner to say
    pub primary_keys: Vec<PrimaryKey>,
    /// `WITH name = value`
    pub properties: Vec<Property>,
    /// `WITH COMPACT STORAGE`
    pub compact_storage: bool,
    /// `WITH CLUSTERING ORDER BY (…)`
    pub clustering_order: Vec<ClusteringOrder>,
}

/// A column of CREATE TABLE or ALTER TABLE ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDefinition {
    /// The column
    pub name: Name,
    /// Its type
    pub ty: CqlType,
    /// `STATIC`
    pub is_static: bool,
    /// `MASKED WITH …`
    pub mask: Option<ColumnMask>,
}

/// `MASKED WITH …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnMask {
    /// `DEFAULT`
    Default,
    /// `f(a, b)`
    Function {
        /// The masking function
        name: QualifiedName,
        /// Its arguments after the column
        args: Vec<Term>,
    },
}

/// `PRIMARY KEY ((a, b), c)`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryKey {
    /// The columns of the partition key; never empty
    pub partition_key: Vec<Name>,
    /// The clustering columns
    pub clustering: Vec<Name>,
}

/// An element of `CLUSTERING ORDER BY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusteringOrder {
    /// The column
    pub column: Name,
    /// Its order
    pub direction: Direction,
}

/// `ALTER TABLE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterTable {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The table
    pub name: QualifiedName,
    /// What is altered
    pub action: AlterTableAction,
}

/// What ALTER TABLE does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterTableAction {
    /// `ALTER c TYPE t`
    AlterType {
        /// The column
        column: Name,
        /// Its new type
        ty: CqlType,
    },
    /// `ALTER c MASKED WITH …`, `ALTER c DROP MASKED`
    AlterMask {
        /// `IF EXISTS`
        if_exists: bool,
        /// The column
        column: Name,
        /// The mask, or none any more
        mask: Option<ColumnMask>,
    },
    /// `ADD c t`
    Add {
        /// `IF NOT EXISTS`
        if_not_exists: bool,
        /// The columns; never empty
        columns: Vec<ColumnDefinition>,
    },
    /// `DROP c`
    Drop {
        /// `IF EXISTS`
        if_exists: bool,
        /// The columns; never empty
        columns: Vec<Name>,
        /// `USING TIMESTAMP`, microseconds
        timestamp: Option<i64>,
    },
    /// `RENAME a TO b AND c TO d`
    Rename {
        /// `IF EXISTS`
        if_exists: bool,
        /// Old and new names; never empty
        renames: Vec<(Name, Name)>,
    },
    /// `DROP COMPACT STORAGE`
    DropCompactStorage,
    /// `WITH …`; never empty
    With(Vec<Property>),
}

/// `DROP TABLE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropTable {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The table
    pub name: QualifiedName,
}

/// `CREATE TYPE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateType {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The type
    pub name: QualifiedName,
    /// Its fields; never empty
    pub fields: Vec<(Name, CqlType)>,
}

/// `ALTER TYPE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterType {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The type
    pub name: QualifiedName,
    /// What is altered
    pub action: AlterTypeAction,
}

/// What ALTER TYPE does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterTypeAction {
    /// `ALTER f TYPE t`
    Alter {
        /// The field
        field: Name,
        /// Its new type
        ty: CqlType,
    },
    /// `ADD f t`
    Add {
        /// `IF NOT EXISTS`
        if_not_exists: bool,
        /// The field
        field: Name,
        /// Its type
        ty: CqlType,
    },
    /// `RENAME a TO b AND c TO d`
    Rename {
        /// `IF EXISTS`
        if_exists: bool,
        /// Old and new names; never empty
        renames: Vec<(Name, Name)>,
    },
}

/// `DROP TYPE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropType {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The type
    pub name: QualifiedName,
}

/// `CREATE INDEX …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateIndex {
    /// `CUSTOM`
    pub custom: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The index, if named
    pub name: Option<Name>,
    /// The table
    pub table: QualifiedName,
    /// What is indexed; may be empty
    pub targets: Vec<IndexTarget>,
    /// `USING 'class'`
    pub using: Option<String>,
    /// `WITH …`
    pub properties: Vec<Property>,
}

/// What an index is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexTarget {
    /// The part of the column
    pub kind: IndexTargetKind,
    /// The column
    pub column: Name,
}

/// The part of a column that is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexTargetKind {
    /// `c`
    Simple,
    /// `VALUES(c)`
    Values,
    /// `KEYS(c)`
    Keys,
    /// `ENTRIES(c)`
    Entries,
    /// `FULL(c)`
    Full,
}

/// `DROP INDEX …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIndex {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The index
    pub name: QualifiedName,
}

/// `CREATE MATERIALIZED VIEW …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateView {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The view
    pub name: QualifiedName,
    /// What is selected; empty means `*`
    pub selectors: Vec<Selector>,
    /// The base table
    pub from: QualifiedName,
    /// The relations
    pub where_clause: Vec<Relation>,
    /// The view's primary key
    pub primary_key: PrimaryKey,
    /// `WITH name = value`
    pub properties: Vec<Property>,
    /// `WITH CLUSTERING ORDER BY (…)`
    pub clustering_order: Vec<ClusteringOrder>,
}

/// `ALTER MATERIALIZED VIEW …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterView {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The view
    pub name: QualifiedName,
    /// `WITH …`; never empty
    pub properties: Vec<Property>,
}

/// `DROP MATERIALIZED VIEW …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropView {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The view
    pub name: QualifiedName,
}

/// `CREATE TRIGGER …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTrigger {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The trigger
    pub name: Name,
    /// The table
    pub table: QualifiedName,
    /// `USING 'class'`
    pub class: String,
}

/// `DROP TRIGGER …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropTrigger {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The trigger
    pub name: Name,
    /// The table
    pub table: QualifiedName,
}
