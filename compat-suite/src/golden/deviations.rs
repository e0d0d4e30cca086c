//! The list of what Helenus answers otherwise, and why.
//!
//! ```text
//! script: types
//! statement: SELECT ...
//! answer: error 2200 ...     each line of the answer
//! reason: ...
//! ```
//! with an empty line after each.

use std::io;
use std::path::Path;

/// A statement that is answered otherwise.
#[derive(Debug, Clone, Default)]
pub struct Deviation {
    /// The script it stands in.
    pub script: String,
    /// Its text.
    pub statement: String,
    /// The answer.
    pub answer: Vec<String>,
    /// Why it is so.
    pub reason: String,
    was_met: bool,
}

/// The list.
#[derive(Debug, Clone, Default)]
pub struct Deviations(Vec<Deviation>);

impl Deviations {
    /// Reads the list.
    pub fn read(path: &Path) -> io::Result<Self> {
        let bad = |line: &str| io::Error::new(io::ErrorKind::InvalidData, format!("deviations: {line}"));
        let mut deviations: Vec<Deviation> = Vec::new();
        for line in std::fs::read_to_string(path)?.lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, text) = line.split_once(": ").ok_or_else(|| bad(line))?;
            if name == "script" {
                deviations.push(Deviation { script: text.to_owned(), ..Deviation::default() });
                continue;
            }
            let deviation = deviations.last_mut().ok_or_else(|| bad(line))?;
            match name {
                "statement" => deviation.statement = text.to_owned(),
                "answer" => deviation.answer.push(text.to_owned()),
                "reason" => deviation.reason = text.to_owned(),
                _ => return Err(bad(line)),
            }
        }
        match deviations.iter().find(|deviation| deviation.reason.is_empty()) {
            Some(deviation) => Err(bad(&format!("no reason for {}", deviation.statement))),
            None => Ok(Self(deviations)),
        }
    }

    /// Whether an answer that is not what was recorded is in the list.
    pub fn meets(&mut self, script: &str, statement: &str, answer: &[String]) -> bool {
        let found = self.0.iter_mut().find(|deviation| {
            deviation.script == script && deviation.statement == statement && deviation.answer == answer
        });
        found.map(|deviation| deviation.was_met = true).is_some()
    }

    /// Those that no answer met.
    pub fn unmet(&self) -> impl Iterator<Item = &Deviation> {
        self.0.iter().filter(|deviation| !deviation.was_met)
    }
}
