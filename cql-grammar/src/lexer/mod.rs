//! Text to tokens.
//!
//! Follows the rules of Cassandra's `Lexer.g`, including which of them is chosen where several could match: a choice
//! that looked good may still fail further on, and then that is the error (`12abc` is a UUID gone wrong).

mod kind;
mod number;
mod word;

pub(crate) use kind::{Class, Kind, classify};

use crate::error::SyntaxError;
use std::borrow::Cow;

/// One token. Columns count UTF-16 units, as Cassandra does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    /// What it is
    pub kind: Kind,
    /// Its line, from 1; 0 for the end of the text
    pub line: u32,
    /// Its column, from 0; -1 for the end of the text
    pub column: i32,
    /// First byte
    pub start: u32,
    /// Byte after the last
    pub end: u32,
    /// Its number when white space and comments are counted too
    pub raw: u32,
}

/// A text and its tokens. The last token is [`Kind::Eof`], or [`Kind::Error`] where the lexer had to give up.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub text: &'a str,
    pub tokens: Vec<Token>,
    /// Why the last token is an error
    pub error: Option<SyntaxError>,
}

/// Where and why no token can be read.
pub(crate) struct LexError {
    /// Byte of the offending character
    at: usize,
    message: String,
}

pub(crate) type Scan<T> = Result<T, LexError>;

impl<'a> Source<'a> {
    /// Reads all tokens but white space and comments.
    pub(crate) fn new(text: &'a str) -> Self {
        Self::read(text, false)
    }

    /// Reads all tokens, white space and comments too, as [`Kind::Hidden`].
    pub(crate) fn with_hidden(text: &'a str) -> Self {
        Self::read(text, true)
    }

    fn read(text: &'a str, hidden: bool) -> Self {
        let mut lexer = Lexer { text, at: 0, line: 1, line_start: 0, surplus: 0 };
        let mut tokens = Vec::with_capacity(text.len() / 4 + 2);
        let mut error = None;
        let mut raw = 0;
        while lexer.at < text.len() {
            match lexer.next_token(raw) {
                Ok(token) => {
                    raw += 1;
                    if hidden || token.kind != Kind::Hidden {
                        tokens.push(token);
                    }
                }
                Err(found) => {
                    error = Some(locate(text, &found));
                    break;
                }
            }
        }
        let end = text.len() as u32;
        let kind = if error.is_some() { Kind::Error } else { Kind::Eof };
        tokens.push(Token { kind, line: 0, column: -1, start: end, end, raw });
        Self { text, tokens, error }
    }

    /// The token's text: of strings and quoted names the content, of the end of the text `<EOF>`.
    pub(crate) fn text_of(&self, token: &Token) -> Cow<'a, str> {
        let text = self.text.get(token.start as usize..token.end as usize).unwrap_or("");
        match token.kind {
            Kind::String if text.starts_with('$') => Cow::Borrowed(inner(text, 2)),
            Kind::String => undouble(inner(text, 1), "''", "'"),
            Kind::QuotedName => undouble(inner(text, 1), "\"\"", "\""),
            Kind::Eof | Kind::Error => Cow::Borrowed("<EOF>"),
            _ => Cow::Borrowed(text),
        }
    }
}

/// The text without that many bytes at both ends.
fn inner(text: &str, cut: usize) -> &str {
    text.len().checked_sub(cut).and_then(|end| text.get(cut..end)).unwrap_or("")
}

fn undouble<'a>(text: &'a str, doubled: &str, single: &str) -> Cow<'a, str> {
    if text.contains(single) { Cow::Owned(text.replace(doubled, single)) } else { Cow::Borrowed(text) }
}

/// Says where the error is: line from 1, column in UTF-16 units from 0.
fn locate(text: &str, error: &LexError) -> SyntaxError {
    let before = text.get(..error.at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    SyntaxError {
        line: before.matches('\n').count() as u32 + 1,
        column: before[line_start..].encode_utf16().count() as i32,
        message: error.message.clone(),
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    line_start: usize,
    /// By how much the bytes of the current line exceed its UTF-16 units so far
    surplus: isize,
}

impl Lexer<'_> {
    fn next_token(&mut self, raw: u32) -> Scan<Token> {
        let start = self.at;
        let (line, column) = (self.line, ((start - self.line_start) as isize - self.surplus) as i32);
        let (kind, end) = scan(self.text, start)?;
        if matches!(kind, Kind::String | Kind::QuotedName | Kind::Hidden | Kind::Duration) {
            self.follow_lines(start, end);
        }
        self.at = end;
        Ok(Token { kind, line, column, start: start as u32, end: end as u32, raw })
    }

    /// Keeps count of lines and columns over a token that may hold newlines or characters beyond ASCII.
    fn follow_lines(&mut self, start: usize, end: usize) {
        for (offset, byte) in self.text.as_bytes()[start..end].iter().enumerate() {
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.line_start = start + offset + 1;
                    self.surplus = 0;
                }
                // Of four bytes, which make two units, the last three would count three.
                0x80..=0xbf => self.surplus += 1,
                0xf0.. => self.surplus -= 1,
                _ => {}
            }
        }
    }
}

/// The kind and the end of the token at `start`, which is before the end of the text.
fn scan(text: &str, start: usize) -> Scan<(Kind, usize)> {
    let bytes = text.as_bytes();
    let second = bytes.get(start + 1).copied().unwrap_or(0);
    let one = |kind| Ok((kind, start + 1));
    let two_if =
        |wanted, two, single| Ok(if second == wanted { (two, start + 2) } else { (single, start + 1) });
    match bytes[start] {
        b' ' | b'\t' | b'\n' | b'\r' => {
            let blanks =
                bytes[start..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
            Ok((Kind::Hidden, start + blanks))
        }
        b'a'..=b'z' | b'A'..=b'Z' => word::word(text, start),
        b'0'..=b'9' => number::number(text, start),
        b'-' => match second {
            b'-' => line_comment(text, start),
            b'=' => Ok((Kind::MinusEqual, start + 2)),
            b'0'..=b'9' => number::number(text, start),
            b'n' | b'N' | b'i' | b'I' => word::negative(text, start),
            b'P' => Ok((Kind::Duration, number::iso_duration(text, start)?)),
            _ => one(Kind::Minus),
        },
        b'\'' => quoted(text, start, b'\'').map(|end| (Kind::String, end)),
        b'"' if second == b'"' && bytes.get(start + 2) != Some(&b'"') => {
            Ok((Kind::EmptyQuotedName, start + 2))
        }
        b'"' if start + 1 == bytes.len() => Err(no_viable(text, start + 1)),
        b'"' => quoted(text, start, b'"').map(|end| (Kind::QuotedName, end)),
        b'$' => dollar_quoted(text, start),
        b'/' => match second {
            b'/' => line_comment(text, start),
            b'*' => block_comment(text, start),
            _ => one(Kind::Slash),
        },
        b'!' if second == b'=' => Ok((Kind::NotEqual, start + 2)),
        b'!' => Err(mismatch(text, start + 1, "'='")),
        b'+' => two_if(b'=', Kind::PlusEqual, Kind::Plus),
        b'<' => two_if(b'=', Kind::LessEqual, Kind::Less),
        b'>' => two_if(b'=', Kind::GreaterEqual, Kind::Greater),
        b'.' => two_if(b'.', Kind::Range, Kind::Dot),
        b'%' => one(Kind::Percent),
        b'(' => one(Kind::LeftParen),
        b')' => one(Kind::RightParen),
        b',' => one(Kind::Comma),
        b':' => one(Kind::Colon),
        b';' => one(Kind::Semicolon),
        b'=' => one(Kind::Equal),
        b'[' => one(Kind::LeftBracket),
        b']' => one(Kind::RightBracket),
        b'*' => one(Kind::Star),
        b'{' => one(Kind::LeftBrace),
        b'}' => one(Kind::RightBrace),
        b'?' => one(Kind::QMark),
        _ => Err(no_viable(text, start)),
    }
}

/// The end of a text in quotes, in which a doubled quote stands for one.
fn quoted(text: &str, start: usize, quote: u8) -> Scan<usize> {
    let bytes = text.as_bytes();
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            Some(byte) if *byte != quote => at += 1,
            Some(_) if bytes.get(at + 1) == Some(&quote) => at += 2,
            Some(_) => return Ok(at + 1),
            None => return Err(mismatch(text, at, &format!("'{}'", quote as char))),
        }
    }
}

/// `$$text$$`
fn dollar_quoted(text: &str, start: usize) -> Scan<(Kind, usize)> {
    let bytes = text.as_bytes();
    if bytes.get(start + 1) != Some(&b'$') {
        return Err(mismatch(text, start + 1, "'$'"));
    }
    match text[start + 2..].find("$$") {
        Some(length) => Ok((Kind::String, start + 2 + length + 2)),
        None => {
            // Cassandra stops one character before the end to look for the closing mark.
            let last =
                text[start + 2..].char_indices().last().map_or(text.len(), |(offset, _)| start + 2 + offset);
            let at = if bytes.get(last) == Some(&b'$') { text.len() } else { last };
            Err(mismatch(text, at, "'$'"))
        }
    }
}

/// `-- text` or `// text` up to the end of the line, which must be there.
fn line_comment(text: &str, start: usize) -> Scan<(Kind, usize)> {
    match text[start..].find(['\n', '\r']) {
        Some(length) => Ok((Kind::Hidden, start + length + 1)),
        None => Err(mismatch(text, text.len(), "set null")),
    }
}

/// `/* text */`
fn block_comment(text: &str, start: usize) -> Scan<(Kind, usize)> {
    match text[start + 2..].find("*/") {
        Some(length) => Ok((Kind::Hidden, start + 2 + length + 2)),
        None => Err(mismatch(text, text.len(), "'*'")),
    }
}

/// The character at a byte as Cassandra shows it.
fn shown(text: &str, at: usize) -> String {
    match text.get(at..).and_then(|rest| rest.chars().next()) {
        None => "'<EOF>'".to_owned(),
        Some('\n') => "'\\n'".to_owned(),
        Some('\t') => "'\\t'".to_owned(),
        Some('\r') => "'\\r'".to_owned(),
        // Cassandra sees the first half of a surrogate pair only.
        Some(other) if other > '\u{ffff}' => "'?'".to_owned(),
        Some(other) => format!("'{other}'"),
    }
}

pub(crate) fn no_viable(text: &str, at: usize) -> LexError {
    LexError { at, message: format!("no viable alternative at character {}", shown(text, at)) }
}

pub(crate) fn mismatch(text: &str, at: usize, expected: &str) -> LexError {
    LexError { at, message: format!("mismatched character {} expecting {expected}", shown(text, at)) }
}

pub(crate) fn early_exit(text: &str, at: usize) -> LexError {
    let message = format!("required (...)+ loop did not match anything at character {}", shown(text, at));
    LexError { at, message }
}

#[cfg(test)]
mod tests;
