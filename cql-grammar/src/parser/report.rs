//! Failures in Cassandra's words.

use super::input::{Context, Failure};
use crate::error::SyntaxError;
use crate::lexer::{Source, Token};

/// The tokens before and after the offending one, white space included, that a message shows.
const SNIPPET_BEFORE: u32 = 10;
const SNIPPET_AFTER: u32 = 2;

/// Says why the text is not CQL.
pub(super) fn report(context: &Context<'_>, failure: &Failure) -> SyntaxError {
    let source = &context.source;
    let last = source.tokens.len() - 1;
    let at = failure.at().min(last);
    let furthest = at.max(context.furthest.get()).min(last);
    if let Failure::Thrown(message) = failure {
        return SyntaxError::plain(format!("Failed parsing statement: [{}] reason: {message}", source.text));
    }
    // Tokens are read as they are looked at, so an unreadable one is found before anything is wrong with it.
    if let (Some(error), true) = (&source.error, furthest == last) {
        return error.clone();
    }
    if let Failure::Meaning(message) = failure {
        return SyntaxError::plain(message.as_ref());
    }
    let token = &source.tokens[at];
    let text = shown(source, token);
    let (start, what) = match failure {
        Failure::NoViable { start, .. } => (*start, format!("no viable alternative at input {text}")),
        Failure::Mismatch { expected, .. } => {
            (at, format!("mismatched input {text} expecting {}", expected.shown()))
        }
        _ => (at, format!("mismatched input {text} expecting set null")),
    };
    let snippet = snippet(source, source.tokens[start.min(last)].raw, source.tokens[furthest].raw);
    SyntaxError { line: token.line, column: token.column, message: what + &snippet.unwrap_or_default() }
}

fn shown(source: &Source<'_>, token: &Token) -> String {
    let text = source.text_of(token).replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    format!("'{text}'")
}

/// The part of the text around a token, which is put in brackets: ` (...WHERE [k] 1)`. `highlighted` and `read` count
/// white space too; nothing after the last token that has been read is shown.
///
/// Columns and lengths are in UTF-16 units, and the length of a string is that of its content, so that the brackets
/// are where Cassandra's are.
fn snippet(source: &Source<'_>, highlighted: u32, read: u32) -> Option<String> {
    let all = Source::with_hidden(source.text);
    let token = |raw: u32| all.tokens.get(raw as usize).filter(|token| token.line > 0);
    let from = token(highlighted.saturating_sub(SNIPPET_BEFORE))?;
    let to = token(read.min(highlighted + SNIPPET_AFTER))?;
    let offending = token(highlighted)?;
    let mut lines: Vec<Vec<u16>> =
        source.text.split('\n').map(|line| line.encode_utf16().collect()).collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    let index = |token: &Token| token.line as usize - 1;
    let column = |token: &Token| token.column.max(0) as usize;
    let end = |token: &Token| column(token) + all.text_of(token).encode_utf16().count();
    let at_start = from.line == 1 && from.column == 0;
    let at_end = to.line as usize == lines.len() && end(to) == lines.last()?.len();

    lines.get_mut(index(to))?.truncate(end(to));
    let line = lines.get_mut(index(offending))?;
    let (open, close) = (column(offending), end(offending));
    if close > line.len() {
        return None;
    }
    line.insert(close, u16::from(b']'));
    line.insert(open, u16::from(b'['));
    let line = lines.get_mut(index(from))?;
    line.drain(..column(from).min(line.len()));

    let mut shown = String::from(" (");
    if !at_start {
        shown.push_str("...");
    }
    for line in lines.get(index(from)..=index(to))? {
        shown.push_str(&String::from_utf16_lossy(line));
    }
    if !at_end {
        shown.push_str("...");
    }
    shown.push(')');
    Some(shown)
}
