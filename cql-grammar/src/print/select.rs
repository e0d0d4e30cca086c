//! SELECT and its selectors.

use super::name::Distinct;
use super::term::enclosed;
use super::{pairs, separated, when};
use crate::ast::{Direction, Ordering, Select, Selectable, Selector, WritetimeKind};
use std::fmt::{Display, Formatter, Result};

impl Display for Selectable {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Column(name) => write!(f, "{name}"),
            Self::Term(term) => write!(f, "{term}"),
            Self::CountRows => f.write_str("COUNT(*)"),
            Self::WritetimeOrTtl { kind, selected } => {
                let function = match kind {
                    WritetimeKind::Writetime => "WRITETIME",
                    WritetimeKind::MaxWritetime => "MAXWRITETIME",
                    WritetimeKind::Ttl => "TTL",
                };
                write!(f, "{function}({selected})")
            }
            Self::Cast { selectable, ty } => write!(f, "CAST({selectable} AS {ty})"),
            Self::FunctionCall { name, args } => {
                write!(f, "{}", Distinct(name))?;
                enclosed(f, "(", args, ")")
            }
            Self::BinaryOp { op, left, right } => write!(f, "{left} {op} {right}"),
            // The space keeps `- 1` from being the constant -1.
            Self::Negate(selectable) => write!(f, "- {selectable}"),
            Self::Field { receiver, field } => write!(f, "{receiver}.{field}"),
            Self::Element { receiver, key } => write!(f, "{receiver}[{key}]"),
            Self::Slice { receiver, from, to } => {
                // The space keeps `1 ..` from being the float `1.`
                write!(f, "{receiver}[")?;
                if let Some(from) = from {
                    write!(f, "{from} ")?;
                }
                f.write_str("..")?;
                if let Some(to) = to {
                    write!(f, " {to}")?;
                }
                f.write_str("]")
            }
            Self::TypeHint { ty, selectable } => write!(f, "({ty}) {selectable}"),
            Self::ParenthesesOrTuple(elements) => enclosed(f, "(", elements, ")"),
            Self::List(elements) => enclosed(f, "[", elements, "]"),
            Self::Set(elements) => enclosed(f, "{", elements, "}"),
            Self::MapOrUserType(entries) => {
                f.write_str("{")?;
                pairs(f, entries, ": ", ", ")?;
                f.write_str("}")
            }
        }
    }
}

impl Display for Selector {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}", self.selectable)?;
        match &self.alias {
            Some(alias) => write!(f, " AS {alias}"),
            None => Ok(()),
        }
    }
}

/// Writes selectors, or `*` for none.
pub(super) fn selectors(f: &mut Formatter<'_>, selectors: &[Selector]) -> Result {
    if selectors.is_empty() { f.write_str("*") } else { separated(f, selectors, ", ") }
}

impl Display for Direction {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Ascending => "ASC",
            Self::Descending => "DESC",
        })
    }
}

impl Display for Ordering {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}", self.column)?;
        if let Some(term) = &self.ann_of {
            write!(f, " ANN OF {term}")?;
        }
        write!(f, " {}", self.direction)
    }
}

/// Writes ` WHERE a AND b`, or nothing.
pub(super) fn where_clause<T: Display>(f: &mut Formatter<'_>, relations: &[T]) -> Result {
    if relations.is_empty() {
        return Ok(());
    }
    f.write_str(" WHERE ")?;
    separated(f, relations, " AND ")
}

impl Display for Select {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "SELECT {}{}", when(self.json, "JSON "), when(self.distinct, "DISTINCT "))?;
        match self.selectors.split_first() {
            None => f.write_str("*")?,
            Some((first, rest)) => {
                // `SELECT json[0]` would be the list [0] as JSON.
                let first = first.to_string();
                match first.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next() {
                    Some(word @ ("json" | "distinct")) => write!(f, "\"{word}\"{}", &first[word.len()..])?,
                    _ => f.write_str(&first)?,
                }
                for selector in rest {
                    write!(f, ", {selector}")?;
                }
            }
        }
        write!(f, " FROM {}", self.from)?;
        where_clause(f, &self.where_clause)?;
        if !self.group_by.is_empty() {
            f.write_str(" GROUP BY ")?;
            separated(f, &self.group_by, ", ")?;
        }
        if !self.order_by.is_empty() {
            f.write_str(" ORDER BY ")?;
            separated(f, &self.order_by, ", ")?;
        }
        if let Some(limit) = &self.per_partition_limit {
            write!(f, " PER PARTITION LIMIT {limit}")?;
        }
        if let Some(limit) = &self.limit {
            write!(f, " LIMIT {limit}")?;
        }
        f.write_str(when(self.allow_filtering, " ALLOW FILTERING"))
    }
}
