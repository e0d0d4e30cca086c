//! Keyspaces, tables, views, types, indexes, triggers, functions and aggregates.

use super::name::{Distinct, DistinctName};
use super::select::{selectors, where_clause};
use super::term::enclosed;
use super::{Quoted, pairs, separated, when};
use crate::ast::{
    AlterKeyspace, AlterTable, AlterTableAction, AlterType, AlterTypeAction, AlterView, ClusteringOrder,
    ColumnDefinition, ColumnMask, CreateAggregate, CreateFunction, CreateIndex, CreateKeyspace, CreateTable,
    CreateTrigger, CreateType, CreateView, DropAggregate, DropFunction, IndexTarget, IndexTargetKind, Name,
    PrimaryKey, Property, PropertyValue,
};
use std::fmt::{Display, Formatter, Result};

pub(super) const IF_EXISTS: &str = "IF EXISTS ";
pub(super) const IF_NOT_EXISTS: &str = "IF NOT EXISTS ";

impl Display for PropertyValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Constant(constant) => write!(f, "{constant}"),
            Self::Keyword(word) => f.write_str(word),
            Self::Map(entries) => {
                f.write_str("{")?;
                pairs(f, entries, ": ", ", ")?;
                f.write_str("}")
            }
        }
    }
}

impl Display for Property {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} = {}", self.name, self.value)
    }
}

impl Display for CreateKeyspace {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "CREATE KEYSPACE {}{} WITH ", when(self.if_not_exists, IF_NOT_EXISTS), self.name)?;
        separated(f, &self.properties, " AND ")
    }
}

impl Display for AlterKeyspace {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "ALTER KEYSPACE {}{} WITH ", when(self.if_exists, IF_EXISTS), self.name)?;
        separated(f, &self.properties, " AND ")
    }
}

impl Display for ColumnMask {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Default => f.write_str("MASKED WITH DEFAULT"),
            Self::Function { name, args } => {
                write!(f, "MASKED WITH {}", Distinct(name))?;
                enclosed(f, "(", args, ")")
            }
        }
    }
}

impl Display for ColumnDefinition {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} {}{}", self.name, self.ty, when(self.is_static, " STATIC"))?;
        match &self.mask {
            Some(mask) => write!(f, " {mask}"),
            None => Ok(()),
        }
    }
}

impl Display for PrimaryKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("PRIMARY KEY (")?;
        match self.partition_key.as_slice() {
            [column] => write!(f, "{column}")?,
            columns => enclosed(f, "(", columns, ")")?,
        }
        for column in &self.clustering {
            write!(f, ", {column}")?;
        }
        f.write_str(")")
    }
}

impl Display for ClusteringOrder {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} {}", self.column, self.direction)
    }
}

/// Writes ` WITH a AND b`, or nothing.
fn table_options(
    f: &mut Formatter<'_>,
    properties: &[Property],
    compact_storage: bool,
    clustering_order: &[ClusteringOrder],
) -> Result {
    let mut between = " WITH ";
    if compact_storage {
        write!(f, "{between}COMPACT STORAGE")?;
        between = " AND ";
    }
    if !clustering_order.is_empty() {
        write!(f, "{between}CLUSTERING ORDER BY ")?;
        enclosed(f, "(", clustering_order, ")")?;
        between = " AND ";
    }
    for property in properties {
        write!(f, "{between}{property}")?;
        between = " AND ";
    }
    Ok(())
}

impl Display for CreateTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "CREATE TABLE {}{} (", when(self.if_not_exists, IF_NOT_EXISTS), self.name)?;
        separated(f, &self.columns, ", ")?;
        f.write_str(when(!self.columns.is_empty() && !self.primary_keys.is_empty(), ", "))?;
        separated(f, &self.primary_keys, ", ")?;
        f.write_str(")")?;
        table_options(f, &self.properties, self.compact_storage, &self.clustering_order)
    }
}

/// Writes one item, or several in parentheses.
fn one_or_parens<T: Display>(f: &mut Formatter<'_>, items: &[T]) -> Result {
    match items {
        [item] => write!(f, "{item}"),
        items => enclosed(f, "(", items, ")"),
    }
}

fn renames(f: &mut Formatter<'_>, if_exists: bool, renames: &[(Name, Name)]) -> Result {
    write!(f, "RENAME {}", when(if_exists, IF_EXISTS))?;
    pairs(f, renames, " TO ", " AND ")
}

impl Display for AlterTableAction {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::AlterType { column, ty } => write!(f, "ALTER {column} TYPE {ty}"),
            Self::AlterMask { if_exists, column, mask } => {
                write!(f, "ALTER {}{column} ", when(*if_exists, IF_EXISTS))?;
                match mask {
                    Some(mask) => write!(f, "{mask}"),
                    None => f.write_str("DROP MASKED"),
                }
            }
            Self::Add { if_not_exists, columns } => {
                write!(f, "ADD {}", when(*if_not_exists, IF_NOT_EXISTS))?;
                one_or_parens(f, columns)
            }
            Self::Drop { if_exists, columns, timestamp } => {
                write!(f, "DROP {}", when(*if_exists, IF_EXISTS))?;
                one_or_parens(f, columns)?;
                match timestamp {
                    Some(timestamp) => write!(f, " USING TIMESTAMP {timestamp}"),
                    None => Ok(()),
                }
            }
            Self::Rename { if_exists, renames: pairs } => renames(f, *if_exists, pairs),
            Self::DropCompactStorage => f.write_str("DROP COMPACT STORAGE"),
            Self::With(properties) => {
                f.write_str("WITH ")?;
                separated(f, properties, " AND ")
            }
        }
    }
}

impl Display for AlterTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "ALTER TABLE {}{} {}", when(self.if_exists, IF_EXISTS), self.name, self.action)
    }
}

impl Display for CreateType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "CREATE TYPE {}{} (", when(self.if_not_exists, IF_NOT_EXISTS), Distinct(&self.name))?;
        pairs(f, &self.fields, " ", ", ")?;
        f.write_str(")")
    }
}

impl Display for AlterTypeAction {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Alter { field, ty } => write!(f, "ALTER {field} TYPE {ty}"),
            Self::Add { if_not_exists, field, ty } => {
                write!(f, "ADD {}{field} {ty}", when(*if_not_exists, IF_NOT_EXISTS))
            }
            Self::Rename { if_exists, renames: pairs } => renames(f, *if_exists, pairs),
        }
    }
}

impl Display for AlterType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "ALTER TYPE {}{} {}", when(self.if_exists, IF_EXISTS), Distinct(&self.name), self.action)
    }
}

impl Display for IndexTarget {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let column = &self.column;
        match self.kind {
            IndexTargetKind::Simple => write!(f, "{column}"),
            IndexTargetKind::Values => write!(f, "VALUES({column})"),
            IndexTargetKind::Keys => write!(f, "KEYS({column})"),
            IndexTargetKind::Entries => write!(f, "ENTRIES({column})"),
            IndexTargetKind::Full => write!(f, "FULL({column})"),
        }
    }
}

impl Display for CreateIndex {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let custom = when(self.custom, "CUSTOM ");
        write!(f, "CREATE {custom}INDEX {}", when(self.if_not_exists, IF_NOT_EXISTS))?;
        if let Some(name) = &self.name {
            write!(f, "{name} ")?;
        }
        write!(f, "ON {} ", self.table)?;
        enclosed(f, "(", &self.targets, ")")?;
        if let Some(class) = &self.using {
            write!(f, " USING {}", Quoted(class))?;
        }
        if !self.properties.is_empty() {
            f.write_str(" WITH ")?;
            separated(f, &self.properties, " AND ")?;
        }
        Ok(())
    }
}

impl Display for CreateView {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let if_not_exists = when(self.if_not_exists, IF_NOT_EXISTS);
        write!(f, "CREATE MATERIALIZED VIEW {if_not_exists}{} AS SELECT ", self.name)?;
        selectors(f, &self.selectors)?;
        write!(f, " FROM {}", self.from)?;
        where_clause(f, &self.where_clause)?;
        write!(f, " {}", self.primary_key)?;
        table_options(f, &self.properties, false, &self.clustering_order)
    }
}

impl Display for AlterView {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "ALTER MATERIALIZED VIEW {}{} WITH ", when(self.if_exists, IF_EXISTS), self.name)?;
        separated(f, &self.properties, " AND ")
    }
}

impl Display for CreateTrigger {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let if_not_exists = when(self.if_not_exists, IF_NOT_EXISTS);
        write!(
            f,
            "CREATE TRIGGER {if_not_exists}{} ON {} USING {}",
            self.name,
            self.table,
            Quoted(&self.class)
        )
    }
}

impl Display for CreateFunction {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let or_replace = when(self.or_replace, "OR REPLACE ");
        let if_not_exists = when(self.if_not_exists, IF_NOT_EXISTS);
        write!(f, "CREATE {or_replace}FUNCTION {if_not_exists}{}(", Distinct(&self.name))?;
        pairs(f, &self.args, " ", ", ")?;
        let on_null = if self.called_on_null_input { "CALLED" } else { "RETURNS NULL" };
        write!(f, ") {on_null} ON NULL INPUT RETURNS {} LANGUAGE {}", self.return_type, self.language)?;
        write!(f, " AS {}", Quoted(&self.body))
    }
}

impl Display for CreateAggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let or_replace = when(self.or_replace, "OR REPLACE ");
        let if_not_exists = when(self.if_not_exists, IF_NOT_EXISTS);
        write!(f, "CREATE {or_replace}AGGREGATE {if_not_exists}{}", Distinct(&self.name))?;
        enclosed(f, "(", &self.args, ")")?;
        write!(f, " SFUNC {} STYPE {}", DistinctName(&self.state_function), self.state_type)?;
        if let Some(function) = &self.final_function {
            write!(f, " FINALFUNC {}", DistinctName(function))?;
        }
        if let Some(term) = &self.initial_condition {
            write!(f, " INITCOND {term}")?;
        }
        Ok(())
    }
}

impl Display for DropFunction {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "DROP FUNCTION {}{}", when(self.if_exists, IF_EXISTS), Distinct(&self.name))?;
        self.args.as_ref().map_or(Ok(()), |args| enclosed(f, "(", args, ")"))
    }
}

impl Display for DropAggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "DROP AGGREGATE {}{}", when(self.if_exists, IF_EXISTS), Distinct(&self.name))?;
        self.args.as_ref().map_or(Ok(()), |args| enclosed(f, "(", args, ")"))
    }
}
