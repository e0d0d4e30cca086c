//! The text of a script.

use std::io;
use std::path::Path;

use super::directive::{self, Directive};

/// A script.
#[derive(Debug)]
pub struct Script {
    /// Its name: that of its file, without the extension.
    pub name: String,
    /// The name of the settings that the server has; none for those that Cassandra ships with.
    pub settings: Option<String>,
    /// Its statements.
    pub items: Vec<Item>,
    /// Lines after the last statement.
    tail: Vec<String>,
}

/// A statement.
#[derive(Debug)]
pub struct Item {
    /// The line that it stands in, from 1.
    pub line: usize,
    /// Comments and directives before it, and itself.
    source: Vec<String>,
    /// Its directives.
    pub(super) directives: Vec<Directive>,
    /// Its text; empty where a directive stands by itself.
    pub statement: String,
    /// What was recorded.
    pub recorded: Vec<String>,
}

impl Item {
    /// Whether it is a statement, not a directive that stands by itself.
    pub fn is_statement(&self) -> bool {
        !self.statement.is_empty()
    }

    /// Whether it, or the batch that it ends, was refused.
    pub fn is_refused(&self) -> bool {
        self.recorded.iter().any(|line| line.starts_with("error "))
    }
}

impl Script {
    /// How many statements there are, and how many of them, or of the batches they are in, are refused.
    pub fn count(&self) -> (usize, usize) {
        let statements = self.items.iter().filter(|item| item.is_statement()).count();
        (statements, self.items.iter().filter(|item| item.is_refused()).count())
    }

    /// Reads a script.
    pub fn read(path: &Path) -> io::Result<Self> {
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let text = std::fs::read_to_string(path)?;
        Self::parse(name, &text).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
        })
    }

    fn parse(name: String, text: &str) -> Result<Self, String> {
        let mut script = Self { name, settings: None, items: Vec::new(), tail: Vec::new() };
        let mut directives = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(recorded) = line.strip_prefix("-->") {
                let recorded = recorded.strip_prefix(' ').unwrap_or(recorded).to_owned();
                let item = script.items.last_mut().ok_or(format!("line {number}: nothing to record"))?;
                item.recorded.push(recorded);
                continue;
            }
            script.tail.push(line.to_owned());
            if let Some(settings) = line.strip_prefix("--@ settings ") {
                if !script.items.is_empty() || script.settings.is_some() {
                    return Err(format!("line {number}: settings are named once, before all statements"));
                }
                script.settings = Some(settings.trim().to_owned());
                continue;
            }
            if let Some(text) = line.strip_prefix("--@") {
                let directive = directive::parse(text).map_err(|error| format!("line {number}: {error}"))?;
                let stands_alone = directive.stands_alone();
                directives.push(directive);
                if !stands_alone {
                    continue;
                }
            } else if line.trim().is_empty() || line.starts_with("--") {
                continue;
            }
            let is_statement = !line.starts_with("--@");
            let statement = if is_statement { line.trim_end() } else { "" };
            script.items.push(Item {
                line: number,
                source: std::mem::take(&mut script.tail),
                directives: std::mem::take(&mut directives),
                statement: statement.strip_suffix(';').unwrap_or(statement).to_owned(),
                recorded: Vec::new(),
            });
        }
        Ok(script)
    }

    /// The script's text with other answers.
    pub fn with_answers(&self, answers: &[Vec<String>]) -> String {
        let mut out = String::new();
        for (item, answers) in self.items.iter().zip(answers) {
            let answers = answers.iter().map(|line| format!("--> {line}"));
            for line in item.source.iter().cloned().chain(answers) {
                out.push_str(&line);
                out.push('\n');
            }
        }
        for line in &self.tail {
            out.push_str(line);
            out.push('\n');
        }
        out
    }
}
