//! INSERT, UPDATE, DELETE, BATCH.

use super::select::where_clause;
use super::{Quoted, separated, when};
use crate::ast::{
    Assignment, Batch, BatchKind, Condition, ConditionTarget, ConditionTest, Conditions, Delete, Deletion,
    Insert, InsertJson, JsonValue, Operation, Update, Using,
};
use std::fmt::{Display, Formatter, Result};

/// ` USING …`, or nothing, with the space in front.
impl Display for Using {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match (&self.timestamp, &self.ttl) {
            (None, None) => Ok(()),
            (Some(timestamp), None) => write!(f, " USING TIMESTAMP {timestamp}"),
            (None, Some(ttl)) => write!(f, " USING TTL {ttl}"),
            (Some(timestamp), Some(ttl)) => write!(f, " USING TIMESTAMP {timestamp} AND TTL {ttl}"),
        }
    }
}

impl Display for Insert {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "INSERT INTO {} (", self.table)?;
        separated(f, &self.columns, ", ")?;
        f.write_str(") VALUES (")?;
        separated(f, &self.values, ", ")?;
        write!(f, "){}{}", when(self.if_not_exists, " IF NOT EXISTS"), self.using)
    }
}

impl Display for JsonValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Literal(text) => Quoted(text).fmt(f),
            Self::Marker(marker) => write!(f, "{marker}"),
        }
    }
}

impl Display for InsertJson {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "INSERT INTO {} JSON {}", self.table, self.json)?;
        f.write_str(when(self.default_unset, " DEFAULT UNSET"))?;
        write!(f, "{}{}", when(self.if_not_exists, " IF NOT EXISTS"), self.using)
    }
}

impl Display for Assignment {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let column = &self.column;
        match &self.operation {
            Operation::Set(value) => write!(f, "{column} = {value}"),
            Operation::Add(value) => write!(f, "{column} = {column} + {value}"),
            Operation::Subtract(value) => write!(f, "{column} = {column} - {value}"),
            Operation::Prepend(value) => write!(f, "{column} = {value} + {column}"),
            Operation::SetElement { key, value } => write!(f, "{column}[{key}] = {value}"),
            Operation::SetField { field, value } => write!(f, "{column}.{field} = {value}"),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}", self.column)?;
        match &self.target {
            ConditionTarget::Column => {}
            ConditionTarget::Element(key) => write!(f, "[{key}]")?,
            ConditionTarget::Field(field) => write!(f, ".{field}")?,
        }
        match &self.test {
            ConditionTest::Compare(op, value) => write!(f, " {op} {value}"),
            ConditionTest::In(values) => write!(f, " IN {values}"),
        }
    }
}

/// ` IF …`, or nothing, with the space in front.
impl Display for Conditions {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::None => Ok(()),
            Self::IfExists => f.write_str(" IF EXISTS"),
            Self::If(conditions) => {
                f.write_str(" IF ")?;
                separated(f, conditions, " AND ")
            }
        }
    }
}

impl Display for Update {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "UPDATE {}{} SET ", self.table, self.using)?;
        separated(f, &self.assignments, ", ")?;
        where_clause(f, &self.where_clause)?;
        write!(f, "{}", self.conditions)
    }
}

impl Display for Deletion {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Column(column) => write!(f, "{column}"),
            Self::Element { column, key } => write!(f, "{column}[{key}]"),
            Self::Field { column, field } => write!(f, "{column}.{field}"),
        }
    }
}

impl Display for Delete {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("DELETE ")?;
        separated(f, &self.deletions, ", ")?;
        f.write_str(when(!self.deletions.is_empty(), " "))?;
        write!(f, "FROM {}{}", self.table, self.using)?;
        where_clause(f, &self.where_clause)?;
        write!(f, "{}", self.conditions)
    }
}

impl Display for Batch {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let kind = match self.kind {
            BatchKind::Logged => "",
            BatchKind::Unlogged => "UNLOGGED ",
            BatchKind::Counter => "COUNTER ",
        };
        write!(f, "BEGIN {kind}BATCH{} ", self.using)?;
        for statement in &self.statements {
            write!(f, "{statement}; ")?;
        }
        f.write_str("APPLY BATCH")
    }
}
