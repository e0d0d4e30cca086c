//! User functions and aggregates.

use super::{CqlType, Name, QualifiedName, Term};

/// `CREATE FUNCTION …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateFunction {
    /// `OR REPLACE`
    pub or_replace: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The function
    pub name: QualifiedName,
    /// Its arguments
    pub args: Vec<(Name, CqlType)>,
    /// `CALLED ON NULL INPUT`, else `RETURNS NULL ON NULL INPUT`
    pub called_on_null_input: bool,
    /// What it returns
    pub return_type: CqlType,
    /// The language, in lower case
    pub language: String,
    /// Its source
    pub body: String,
}

/// `DROP FUNCTION …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropFunction {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The function
    pub name: QualifiedName,
    /// The types of its arguments, if written
    pub args: Option<Vec<CqlType>>,
}

/// `CREATE AGGREGATE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateAggregate {
    /// `OR REPLACE`
    pub or_replace: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The aggregate
    pub name: QualifiedName,
    /// The types of its arguments
    pub args: Vec<CqlType>,
    /// `SFUNC`: the state function
    pub state_function: Name,
    /// `STYPE`: the type of the state
    pub state_type: CqlType,
    /// `FINALFUNC`
    pub final_function: Option<Name>,
    /// `INITCOND`
    pub initial_condition: Option<Term>,
}

/// `DROP AGGREGATE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropAggregate {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The aggregate
    pub name: QualifiedName,
    /// The types of its arguments, if written
    pub args: Option<Vec<CqlType>>,
}
