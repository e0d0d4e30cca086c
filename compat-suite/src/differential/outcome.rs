//! What a server answered, in a form that can be compared.

use std::io;

use super::text::Statement;
use crate::golden::sort_overloads;
use crate::wire::{Answer, Column, Connection, Options, Response, Values, hex};

/// No answer has more pages than this: a paging state that leads nowhere would never end.
const PAGES_MAX: usize = 3000;

/// What precedes the cause of a replica's failure in the log of Cassandra.
const CAUSED_BY: &str = "Caused by: ";
/// What precedes an error that Cassandra did not expect, in its log.
const UNEXPECTED: &str = "Unexpected exception during request";

/// An answer as lines: warnings, columns, rows page by page, or the error.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The lines.
    pub lines: Vec<String>,
    /// Whether the statement was refused.
    pub is_error: bool,
    /// The types of the columns, if there are rows.
    pub types: Vec<String>,
    /// Why the server or a replica failed, as the server's log has it.
    pub cause: Option<String>,
}

/// Sends a statement and reads its answer to the last page.
pub fn ask(connection: &mut Connection, statement: &Statement) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut options = Options {
        page_size: statement.page_size,
        timestamp: statement.timestamp,
        now_seconds: Some(statement.now_seconds),
        ..Options::default()
    };
    let mut prepared = None;
    if !statement.values.values.is_empty() {
        let response = connection.prepare(&statement.text, None)?;
        let Answer::Prepared(answer) = response.answer else {
            outcome.put(response);
            return Ok(outcome);
        };
        outcome.lines.push(format!("bind {}; key {:?}", columns(&answer.markers), answer.key));
        prepared = Some(answer);
    }
    for _ in 0..PAGES_MAX {
        let response = match &prepared {
            Some(prepared) => connection.execute(prepared, &statement.values, &options)?,
            None => connection.query(&statement.text, &Values::default(), &options)?,
        };
        options.paging_state = outcome.put(response);
        if options.paging_state.is_none() {
            return Ok(outcome);
        }
        outcome.lines.push("more".to_owned());
    }
    outcome.lines.push("and so on without end".to_owned());
    Ok(outcome)
}

impl Outcome {
    /// What comes before the cause in the server's log, where the answer does not say it all: a replica failed to read or
    /// write, or the server met an error that it did not expect.
    pub fn cause_logged(&self) -> Option<(&'static str, &str)> {
        let line = self.lines.last()?;
        if let Some(message) = line.strip_prefix("error 0000 ") {
            return Some((UNEXPECTED, message));
        }
        let is_of_replica = ["error 1300", "error 1500"].iter().any(|error| line.starts_with(error));
        is_of_replica.then_some((CAUSED_BY, ""))
    }

    /// The rows, whatever page they are on.
    pub fn rows(&self) -> impl Iterator<Item = &str> {
        let is_row = |line: &&str| {
            let others = ["more", "columns ", "warning ", "bind "];
            !others.iter().any(|other| line.starts_with(other))
        };
        self.lines.iter().map(String::as_str).filter(is_row)
    }

    /// Adds an answer; gives where its next page begins.
    fn put(&mut self, response: Response) -> Option<Vec<u8>> {
        self.lines.extend(response.warnings.into_iter().map(|warning| format!("warning {warning}")));
        match response.answer {
            Answer::Rows(rows) => {
                if let Some(of) = &rows.columns {
                    self.lines.push(format!("columns {}", columns(of)));
                    self.types = of.iter().map(|column| column.type_text.clone()).collect();
                }
                for row in rows.rows {
                    let values =
                        row.iter().map(|value| value.as_ref().map_or("null".to_owned(), |value| hex(value)));
                    self.lines.push(values.collect::<Vec<_>>().join(", "));
                }
                return rows.paging_state;
            }
            Answer::Error(failure) => {
                self.is_error = true;
                self.lines.push(sort_overloads(&format!("error {failure}")));
            }
            Answer::Void => self.lines.push("void".to_owned()),
            Answer::SchemaChange(change) => self.lines.push(format!("schema {change}")),
            Answer::SetKeyspace(name) => self.lines.push(format!("keyspace {name}")),
            Answer::Prepared(_) => self.lines.push("prepared".to_owned()),
            Answer::Other(opcode) => self.lines.push(format!("opcode {opcode}")),
        }
        None
    }
}

fn columns(columns: &[Column]) -> String {
    // Cassandra tells an internal class as the type of what `min` and `max` make of a timeuuid.
    let type_text = |column: &Column| column.type_text.replace("'LegacyTimeUUIDType'", "timeuuid");
    columns
        .iter()
        .map(|column| format!("{} {}", column.name, type_text(column)))
        .collect::<Vec<_>>()
        .join(", ")
}
