//! Syntax tree to text: `Display` for every node. What is printed parses to the same tree.

mod ddl;
mod modification;
mod name;
mod role;
mod select;
mod statement;
mod term;

use std::fmt::{self, Display};

/// Writes the items with a separator between.
fn separated<T: Display>(f: &mut fmt::Formatter<'_>, items: &[T], separator: &str) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

/// Writes pairs: `a: b, c: d` with the colon and the comma given.
fn pairs<K: Display, V: Display>(
    f: &mut fmt::Formatter<'_>,
    items: &[(K, V)],
    between: &str,
    separator: &str,
) -> fmt::Result {
    for (index, (key, value)) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{key}{between}{value}")?;
    }
    Ok(())
}

/// A string literal.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}

/// The word if the condition holds.
fn when(condition: bool, word: &'static str) -> &'static str {
    if condition { word } else { "" }
}
