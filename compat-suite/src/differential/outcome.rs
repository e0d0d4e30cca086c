//! What a server answered, in a form that can be compared.

use std::io;

use super::text::Statement;
use crate::golden::sort_overloads;
use crate::wire::{Answer, Column, Connection, Options, Response, Values, hex};

/// No answer has more pages than this: a paging state that leads nowhere would never end.
const PAGES_MAX: usize = 10_000;

/// An answer as lines: warnings, columns, rows page by page, or the error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The lines.
    pub lines: Vec<String>,
    /// Whether the statement was refused.
    pub is_error: bool,
}

/// Sends a statement and reads its answer to the last page.
pub fn ask(connection: &mut Connection, statement: &Statement) -> io::Result<Outcome> {
    let mut outcome = Outcome { lines: Vec::new(), is_error: false };
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
    Err(io::Error::other(format!("more than {PAGES_MAX} pages: {}", statement.text)))
}

impl Outcome {
    /// Adds an answer; gives where its next page begins.
    fn put(&mut self, response: Response) -> Option<Vec<u8>> {
        self.lines.extend(response.warnings.into_iter().map(|warning| format!("warning {warning}")));
        match response.answer {
            Answer::Rows(rows) => {
                if let Some(of) = &rows.columns {
                    self.lines.push(format!("columns {}", columns(of)));
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
