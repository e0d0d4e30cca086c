//! Reads JSON as Cassandra does, which leaves that to Jackson: what is accepted, and the words and places of errors.

use std::fmt::{self, Write as _};

use num_bigint::BigInt;

use super::java_double;

/// A JSON value, with numbers as Jackson classes them.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A whole number of 32 bits.
    Int(i32),
    /// A whole number of 64 bits.
    Long(i64),
    /// Any other whole number.
    Big(BigInt),
    /// A number with a fraction or exponent.
    Double(f64),
    /// A string.
    Text(String),
    /// `[a, b]`
    List(Vec<Json>),
    /// `{"a": b}`: each key once, where it first stood, with the value that it had last.
    Map(Vec<(String, Json)>),
}

impl Json {
    /// The name of the Java class that holds such a value, with its package.
    pub fn java_class(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "java.lang.Boolean",
            Self::Int(_) => "java.lang.Integer",
            Self::Long(_) => "java.lang.Long",
            Self::Big(_) => "java.math.BigInteger",
            Self::Double(_) => "java.lang.Double",
            Self::Text(_) => "java.lang.String",
            Self::List(_) => "java.util.ArrayList",
            Self::Map(_) => "java.util.LinkedHashMap",
        }
    }
}

impl fmt::Display for Json {
    /// As Java's `toString`: strings without quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Long(value) => write!(f, "{value}"),
            Self::Big(value) => write!(f, "{value}"),
            Self::Double(value) => f.write_str(&java_double(*value)),
            Self::Text(text) => f.write_str(text),
            Self::List(elements) => {
                f.write_char('[')?;
                for (i, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if i > 0 { ", " } else { "" })?;
                }
                f.write_char(']')
            }
            Self::Map(entries) => {
                f.write_char('{')?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}={value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_char('}')
            }
        }
    }
}

/// Why a text is no JSON, in Jackson's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{class}: {message}")]
pub struct JsonError {
    class: &'static str,
    /// What is wrong and where, without the name of Java's exception.
    pub message: String,
}

const PARSE: &str = "com.fasterxml.jackson.core.JsonParseException";
const EOF: &str = "com.fasterxml.jackson.core.io.JsonEOFException";
const MISMATCH: &str = "com.fasterxml.jackson.databind.exc.MismatchedInputException";
const CONSTRAINT: &str = "com.fasterxml.jackson.core.exc.StreamConstraintsException";
const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

const DEPTH_MAX: usize = 1000;
const NUMBER_LENGTH_MAX: usize = 1000;
const NAME_LENGTH_MAX: usize = 50_000;
const TOKEN_LENGTH_MAX: usize = 256;

/// The value that a text begins with. What follows it is not looked at.
pub fn parse_json(text: &str) -> Result<Json, JsonError> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut parser = Parser::new(&units);
    match parser.first()? {
        None => Err(nothing()),
        Some(unit) => parser.value(unit),
    }
}

/// The object that a text begins with; none for `null`.
pub fn parse_json_object(text: &str) -> Result<Option<Vec<(String, Json)>>, JsonError> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut parser = Parser::new(&units);
    let Some(first) = parser.first()? else { return Err(nothing()) };
    let place = parser.place(parser.at - 1);
    let mismatch =
        |message: String| Err(JsonError { class: MISMATCH, message: format!("{message}\n at {place}") });
    let wrong = |what: &str, token: &str| {
        mismatch(format!(
            "Cannot deserialize value of type `java.util.LinkedHashMap<java.lang.Object,java.lang.Object>` from {what} value (token `JsonToken.{token}`)"
        ))
    };
    if first == u16::from(b'[') {
        return wrong("Array", "START_ARRAY");
    }
    match parser.value(first)? {
        Json::Map(entries) => Ok(Some(entries)),
        Json::Null => Ok(None),
        Json::Boolean(true) => wrong("Boolean", "VALUE_TRUE"),
        Json::Boolean(false) => wrong("Boolean", "VALUE_FALSE"),
        Json::Double(_) => wrong("Floating-point", "VALUE_NUMBER_FLOAT"),
        Json::Text(text) if text.is_empty() => mismatch(
            "Cannot coerce empty String (\"\") to `java.util.LinkedHashMap<java.lang.Object,java.lang.Object>` value (but could if coercion was enabled using `CoercionConfig`)".to_owned(),
        ),
        Json::Text(text) => mismatch(format!(
            "Cannot construct instance of `java.util.LinkedHashMap` (although at least one Creator exists): no String-argument constructor/factory method to deserialize from String value ('{text}')"
        )),
        _ => wrong("Integer", "VALUE_NUMBER_INT"),
    }
}

fn nothing() -> JsonError {
    let message = "No content to map due to end-of-input\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1]";
    JsonError { class: MISMATCH, message: message.to_owned() }
}

struct Parser<'t> {
    units: &'t [u16],
    at: usize,
    line: usize,
    line_start: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn new(units: &'t [u16]) -> Self {
        Self { units, at: 0, line: 1, line_start: 0, depth: 0 }
    }

    /// A place in the text, as messages have it.
    fn place(&self, at: usize) -> String {
        format!(
            "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {}, column: {}]",
            self.line,
            (at + 1).saturating_sub(self.line_start)
        )
    }

    fn error(&self, class: &'static str, at: usize, message: &str) -> JsonError {
        JsonError { class, message: format!("{message}\n at {}", self.place(at)) }
    }

    fn unexpected_end(&self, what: &str) -> JsonError {
        self.error(EOF, self.at, &format!("Unexpected end-of-input{what}"))
    }

    /// The unit that was read last makes no sense there.
    fn unexpected(&self, unit: u16, what: &str) -> JsonError {
        let at = self.at.saturating_sub(1);
        self.error(PARSE, at, &format!("Unexpected character ({}): {what}", described(unit)))
    }

    fn next(&mut self) -> Option<u16> {
        let unit = self.units.get(self.at).copied()?;
        self.at += 1;
        Some(unit)
    }

    fn peek(&self) -> Option<u16> {
        self.units.get(self.at).copied()
    }

    /// The next unit that is no white space.
    fn next_visible(&mut self) -> Result<Option<u16>, JsonError> {
        while let Some(unit) = self.next() {
            match unit {
                0x20 | 0x09 => {}
                0x0a => self.new_line(),
                0x0d => {
                    if self.peek() == Some(0x0a) {
                        self.at += 1;
                    }
                    self.new_line();
                }
                0..0x20 => {
                    let message = format!(
                        "Illegal character ({}): only regular white space (\\r, \\n, \\t) is allowed between tokens",
                        described(unit)
                    );
                    return Err(self.error(PARSE, self.at, &message));
                }
                unit if unit == u16::from(b'/') => {
                    let what = "maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)";
                    return Err(self.unexpected(unit, what));
                }
                unit => return Ok(Some(unit)),
            }
        }
        Ok(None)
    }

    fn new_line(&mut self) {
        self.line += 1;
        self.line_start = self.at;
    }

    /// The first unit of the text; closing brackets have nothing to close yet.
    fn first(&mut self) -> Result<Option<u16>, JsonError> {
        let first = self.next_visible()?;
        for (close, what) in [(b'}', "Object"), (b']', "Array")] {
            if first == Some(close.into()) {
                let close = char::from(close);
                let message = format!("Unexpected close marker '{close}': no open {what} to close");
                return Err(self.error(PARSE, self.at - 1, &message));
            }
        }
        Ok(first)
    }

    /// The value that begins with `unit`, which was read.
    fn value(&mut self, unit: u16) -> Result<Json, JsonError> {
        let begin = u8::try_from(unit).unwrap_or(0);
        match begin {
            b'"' => self
                .string(": was expecting closing quote for a string value", "string value")
                .map(Json::Text),
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b't' => self.token("true").map(|()| Json::Boolean(true)),
            b'f' => self.token("false").map(|()| Json::Boolean(false)),
            b'n' => self.token("null").map(|()| Json::Null),
            b'-' | b'0'..=b'9' => self.number(begin),
            b'+' => {
                let plus = "in numeric value: JSON spec does not allow numbers to have plus signs: enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow";
                if self.next().is_none() {
                    return Err(self.unexpected_end(" in a value"));
                }
                Err(self.unexpected_in_number(unit, plus))
            }
            b'N' => self.token("NaN").and(Err(self.non_standard("NaN"))),
            b'I' => self.token("Infinity").and(Err(self.non_standard("Infinity"))),
            _ if is_identifier_start(unit) => Err(self.unrecognized(self.at - 1)),
            _ => Err(self.unexpected(unit, &format!("expected a valid value {VALUES}"))),
        }
    }

    fn non_standard(&self, token: &str) -> JsonError {
        let message = format!(
            "Non-standard token '{token}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
        );
        self.error(PARSE, self.at, &message)
    }

    fn unexpected_in_number(&self, unit: u16, what: &str) -> JsonError {
        let message = format!("Unexpected character ({}) {what}", described(unit));
        self.error(PARSE, self.at.saturating_sub(1), &message)
    }

    /// The rest of a word of which the first unit was read.
    fn token(&mut self, word: &str) -> Result<(), JsonError> {
        let start = self.at - 1;
        for wanted in word.bytes().skip(1) {
            if self.peek() != Some(wanted.into()) {
                return Err(self.unrecognized(start));
            }
            self.at += 1;
        }
        match self.peek() {
            Some(unit) if is_identifier_part(unit) => Err(self.unrecognized(start)),
            _ => Ok(()),
        }
    }

    /// Takes the rest of a word that means nothing.
    fn unrecognized(&mut self, start: usize) -> JsonError {
        let mut more = "";
        while let Some(unit) = self.peek().filter(|unit| is_identifier_part(*unit)) {
            let _ = unit;
            self.at += 1;
            if self.at - start >= TOKEN_LENGTH_MAX {
                more = "...";
                break;
            }
        }
        let word = decoded(self.units.get(start..self.at).unwrap_or_default());
        let message = format!("Unrecognized token '{word}{more}': was expecting {VALUES}");
        self.error(PARSE, self.at, &message)
    }

    fn nested(
        &mut self,
        parse: impl FnOnce(&mut Self, &str) -> Result<Json, JsonError>,
    ) -> Result<Json, JsonError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let message = format!(
                "Document nesting depth ({}) exceeds the maximum allowed ({DEPTH_MAX}, from `StreamReadConstraints.getMaxNestingDepth()`)",
                self.depth
            );
            return Err(JsonError { class: CONSTRAINT, message });
        }
        let place = self.place(self.at - 1);
        let value = parse(self, &place)?;
        self.depth -= 1;
        Ok(value)
    }

    /// The next unit within an object or array: none where it ends. `place` is where it began.
    fn entry(
        &mut self,
        is_first: bool,
        what: &str,
        close: u8,
        place: &str,
    ) -> Result<Option<u16>, JsonError> {
        let Some(mut unit) = self.next_visible()? else {
            let what = format!(": expected close marker for {what} (start marker at {place})");
            return Err(self.unexpected_end(&what));
        };
        if unit == u16::from(close) {
            return Ok(None);
        }
        if unit == u16::from(b']') || unit == u16::from(b'}') {
            let (found, close) = (char::from(unit as u8), char::from(close));
            let message = format!(
                "Unexpected close marker '{found}': expected '{close}' (for {what} starting at {place})"
            );
            return Err(self.error(PARSE, self.at - 1, &message));
        }
        if !is_first {
            if unit != u16::from(b',') {
                return Err(self.unexpected(unit, &format!("was expecting comma to separate {what} entries")));
            }
            unit = self.next_visible()?.ok_or_else(|| {
                self.error(PARSE, self.at, &format!("Unexpected end-of-input within/between {what} entries"))
            })?;
        }
        Ok(Some(unit))
    }

    fn array(&mut self, place: &str) -> Result<Json, JsonError> {
        let mut elements = Vec::new();
        while let Some(unit) = self.entry(elements.is_empty(), "Array", b']', place)? {
            elements.push(self.value(unit)?);
        }
        Ok(Json::List(elements))
    }

    fn object(&mut self, place: &str) -> Result<Json, JsonError> {
        let mut entries: Vec<(String, Json)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        let mut is_first = true;
        while let Some(unit) = self.entry(is_first, "Object", b'}', place)? {
            is_first = false;
            if unit != u16::from(b'"') {
                return Err(self.unexpected(unit, "was expecting double-quote to start field name"));
            }
            let name = self.name()?;
            let within = |parser: &Self| parser.unexpected_end(" within/between Object entries");
            let colon = self.next_visible()?.ok_or_else(|| within(self))?;
            if colon != u16::from(b':') {
                return Err(self.unexpected(colon, "was expecting a colon to separate field name and value"));
            }
            let unit = self.next_visible()?.ok_or_else(|| within(self))?;
            let value = self.value(unit)?;
            let i = *places.entry(name.clone()).or_insert(entries.len());
            match entries.get_mut(i) {
                Some(entry) => entry.1 = value,
                None => entries.push((name, value)),
            }
        }
        Ok(Json::Map(entries))
    }

    fn name(&mut self) -> Result<String, JsonError> {
        let name = self.string(" in field name", "name")?;
        let length = name.encode_utf16().count();
        if length > NAME_LENGTH_MAX {
            let message = format!(
                "Name length ({length}) exceeds the maximum allowed ({NAME_LENGTH_MAX}, from `StreamReadConstraints.getMaxNameLength()`)"
            );
            return Err(JsonError { class: CONSTRAINT, message });
        }
        Ok(name)
    }

    /// The content of a string, whose first quote was read.
    fn string(&mut self, at_end: &str, what: &str) -> Result<String, JsonError> {
        let mut units = Vec::new();
        loop {
            match self.next() {
                None => return Err(self.unexpected_end(at_end)),
                Some(0x22) => return Ok(decoded(&units)),
                Some(0x5c) => units.push(self.escaped()?),
                Some(unit @ 0..0x20) => {
                    let message = format!(
                        "Illegal unquoted character ({}): has to be escaped using backslash to be included in {what}",
                        described(unit)
                    );
                    return Err(self.error(PARSE, self.at - 1, &message));
                }
                Some(unit) => units.push(unit),
            }
        }
    }

    fn escaped(&mut self) -> Result<u16, JsonError> {
        let in_escape = " in character escape sequence";
        let unit = self.next().ok_or_else(|| self.unexpected_end(in_escape))?;
        Ok(match u8::try_from(unit).unwrap_or(0) {
            b'b' => 0x08,
            b't' => 0x09,
            b'n' => 0x0a,
            b'f' => 0x0c,
            b'r' => 0x0d,
            b'"' | b'/' | b'\\' => unit,
            b'u' => {
                let mut value = 0;
                for _ in 0..4 {
                    let unit = self.next().ok_or_else(|| self.unexpected_end(in_escape))?;
                    let digit = char::from_u32(unit.into()).and_then(|c| c.to_digit(16));
                    let digit = digit.ok_or_else(|| {
                        self.unexpected(unit, "expected a hex-digit for character escape sequence")
                    })?;
                    value = value << 4 | digit as u16;
                }
                value
            }
            _ => {
                let message = format!("Unrecognized character escape '{}' (code {unit})", decoded(&[unit]));
                return Err(self.error(PARSE, self.at - 1, &message));
            }
        })
    }

    /// The number that begins with `first`, which was read.
    fn number(&mut self, first: u8) -> Result<Json, JsonError> {
        let start = self.at - 1;
        let mut leading = first;
        if first == b'-' {
            let Some(unit) = self.next() else { return Err(self.unexpected_end("No digit following sign")) };
            leading = u8::try_from(unit).unwrap_or(0);
            if leading == b'I' && self.token("Infinity").is_ok() {
                return Err(self.non_standard("-Infinity"));
            }
            if !leading.is_ascii_digit() {
                let what =
                    "in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value";
                return Err(self.unexpected_in_number(unit, what));
            }
        }
        let is_zero = leading == b'0';
        if is_zero && self.peek().is_some_and(is_digit) {
            let message = "Invalid numeric value: Leading zeroes not allowed";
            return Err(self.error(PARSE, self.at, message));
        }
        self.digits();
        let whole_end = self.at;
        let has_fraction = self.peek() == Some(u16::from(b'.'));
        if has_fraction {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.incomplete(whole_end, is_zero, "Decimal point not followed by a digit"));
            }
        }
        let has_exponent = self.peek().is_some_and(|unit| unit == u16::from(b'e') || unit == u16::from(b'E'));
        if has_exponent {
            self.at += 1;
            if self.peek().is_some_and(|unit| unit == u16::from(b'+') || unit == u16::from(b'-')) {
                self.at += 1;
            }
            if self.peek().is_none() {
                return Err(self.unexpected_end("expected a digit for number exponent"));
            }
            if self.digits() == 0 {
                return Err(self.incomplete(
                    whole_end,
                    is_zero,
                    "Exponent indicator not followed by a digit",
                ));
            }
        }
        if self.depth == 0
            && let Some(unit) = self.peek().filter(|unit| !matches!(unit, 0x20 | 0x09 | 0x0a | 0x0d))
        {
            self.at += 1;
            return Err(self.unexpected(unit, "Expected space separating root-level values"));
        }
        let text = decoded(self.units.get(start..self.at).unwrap_or_default());
        number_of(&text, has_fraction || has_exponent)
    }

    /// Where digits are missing: Jackson names the place where the fraction or exponent began, unless it reads a
    /// number unit by unit, which it does for those that begin with a zero and at the end of the text.
    fn incomplete(&mut self, whole_end: usize, is_zero: bool, what: &str) -> JsonError {
        let what = format!("in numeric value: {what}");
        match self.peek() {
            None => {
                let last = self.units.last().copied().unwrap_or_default();
                self.unexpected_in_number(last, &what)
            }
            Some(unit) => {
                self.at = if is_zero { self.at + 1 } else { whole_end + 1 };
                self.unexpected_in_number(unit, &what)
            }
        }
    }

    /// Takes digits; how many.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(is_digit) {
            self.at += 1;
        }
        self.at - start
    }
}

fn number_of(text: &str, is_float: bool) -> Result<Json, JsonError> {
    let length = if is_float { text.len() } else { text.trim_start_matches('-').len() };
    if length > NUMBER_LENGTH_MAX {
        let message = format!(
            "Number value length ({length}) exceeds the maximum allowed ({NUMBER_LENGTH_MAX}, from `StreamReadConstraints.getMaxNumberLength()`)"
        );
        return Err(JsonError { class: CONSTRAINT, message });
    }
    if is_float {
        return Ok(Json::Double(text.parse().unwrap_or(f64::NAN)));
    }
    Ok(match (text.parse(), text.parse(), text.parse()) {
        (Ok(int), _, _) => Json::Int(int),
        (_, Ok(long), _) => Json::Long(long),
        (_, _, Ok(big)) => Json::Big(big),
        _ => Json::Double(f64::NAN),
    })
}

fn is_digit(unit: u16) -> bool {
    (u16::from(b'0')..=u16::from(b'9')).contains(&unit)
}

/// Java: `Character.isJavaIdentifierStart`.
fn is_identifier_start(unit: u16) -> bool {
    let is_start = |c: char| c.is_alphabetic() || matches!(c, '$' | '_' | '¢'..='¥' | '€' | '‿' | '⁀');
    char::from_u32(unit.into()).is_some_and(is_start)
}

/// Java: `Character.isJavaIdentifierPart`.
fn is_identifier_part(unit: u16) -> bool {
    let is_more = |c: char| c.is_numeric() || matches!(u32::from(c), 0..=8 | 0x0e..=0x1b | 0x7f..=0x9f);
    is_identifier_start(unit) || char::from_u32(unit.into()).is_some_and(is_more)
}

/// UTF-16 as text; a surrogate without its pair becomes `?`, as it does where Java encodes it.
fn decoded(units: &[u16]) -> String {
    char::decode_utf16(units.iter().copied()).map(|c| c.unwrap_or('?')).collect()
}

/// A unit as messages have it.
fn described(unit: u16) -> String {
    match unit {
        0..0x20 | 0x7f..=0x9f => format!("(CTRL-CHAR, code {unit})"),
        0..=0xff => format!("'{}' (code {unit})", decoded(&[unit])),
        _ => format!("'{}' (code {unit} / 0x{unit:x})", decoded(&[unit])),
    }
}

#[cfg(test)]
#[path = "json_parser_tests.rs"]
mod tests;
