//! Guardrails of words (Cassandra: `Values`).

use std::fmt::Display;

use super::{Guard, Verdict, decorated};
use crate::error::Error;

/// Words that are refused, left out, or warned of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueSets<T> {
    name: &'static str,
    /// What they are of, in messages.
    what: &'static str,
    /// Warned of; in the order in which messages have them, as the others.
    pub warned: Vec<T>,
    /// Left out, with a warning.
    pub ignored: Vec<T>,
    /// Refused.
    pub disallowed: Vec<T>,
}

impl<T: Display + Ord> ValueSets<T> {
    pub(super) const fn new(name: &'static str, what: &'static str) -> Self {
        Self { name, what, warned: Vec::new(), ignored: Vec::new(), disallowed: Vec::new() }
    }

    /// Holds what is given against the sets. Gives what is to be left out.
    pub fn check(&self, given: &[T], guard: Guard<'_>) -> Result<Vec<&T>, Error> {
        if let Some(found) = found(&self.disallowed, given) {
            guard.check(Verdict::Fail(self.message(format!(
                "Provided values [{}] are not allowed for {} (disallowed values are: [{}])",
                list(&found),
                self.what,
                list(&self.disallowed)
            ))))?;
        }
        let ignored = found(&self.ignored, given).unwrap_or_default();
        if !ignored.is_empty() {
            guard.check(Verdict::Warn(self.message(format!(
                "Ignoring provided values [{}] as they are not supported for {} (ignored values are: [{}])",
                list(&ignored),
                self.what,
                list(&self.ignored)
            ))))?;
        }
        if let Some(mut found) = found(&self.warned, given) {
            found.retain(|value| !ignored.contains(value));
            if !found.is_empty() {
                guard.check(Verdict::Warn(self.message(format!(
                    "Provided values [{}] are not recommended for {} (warned values are: [{}])",
                    list(&found),
                    self.what,
                    list(&self.warned)
                ))))?;
            }
        }
        Ok(ignored)
    }

    fn message(&self, message: String) -> String {
        decorated(self.name, None, &message)
    }
}

/// Those of the set that are given, in order; none where there are none, as a rule.
fn found<'a, T: Ord>(set: &'a [T], given: &[T]) -> Option<Vec<&'a T>> {
    let mut found: Vec<&T> = set.iter().filter(|value| given.contains(value)).collect();
    found.sort_unstable();
    (!found.is_empty()).then_some(found)
}

fn list<T: Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
