//! Values as JSON (Cassandra: `AbstractType.toJSONString`).

use std::fmt::Write as _;

use super::text::write_joined;
use super::{CqlType, collection, counter, to_hex};

/// A text as the content of a JSON string: without the quotes around it.
pub fn json_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// A name as a key of a JSON object: in CQL's quotes where it is not all in lower case.
pub fn json_name(name: &str) -> String {
    if name.chars().any(|c| c.to_lowercase().ne([c])) {
        json_escaped(&format!("\"{name}\""))
    } else {
        json_escaped(name)
    }
}

impl CqlType {
    /// The value as JSON; `null` for none. Of a counter the value is its total.
    pub fn to_json(&self, value: Option<&[u8]>) -> String {
        let mut out = String::new();
        self.write_json(&mut out, value);
        out
    }

    /// Appends the value as JSON.
    pub fn write_json(&self, out: &mut String, value: Option<&[u8]>) {
        let Some(value) = value else {
            out.push_str("null");
            return;
        };
        match self {
            Self::List { element, .. } => {
                let elements = collection::elements_or_null(value);
                write_joined(out, ['[', ']'], elements, |out, v| element.write_json(out, v));
            }
            Self::Set { element, .. } => {
                write_joined(out, ['[', ']'], collection::elements(value), |out, v| {
                    element.write_json(out, Some(v))
                });
            }
            Self::Map { key, value: of, .. } => {
                write_joined(out, ['{', '}'], collection::entries(value), |out, (k, v)| {
                    let name = key.to_json(Some(k));
                    if name.starts_with('"') {
                        out.push_str(&name);
                    } else {
                        let _ = write!(out, "\"{}\"", json_escaped(&name));
                    }
                    out.push_str(": ");
                    of.write_json(out, Some(v));
                });
            }
            Self::Vector { element, dimension } => {
                let elements = collection::vector_elements(element, *dimension, value);
                write_joined(out, ['[', ']'], elements, |out, v| element.write_json(out, Some(v)));
            }
            Self::Tuple(types) => {
                let mut fields = collection::fields(value);
                write_joined(out, ['[', ']'], types.iter(), |out, t| {
                    t.write_json(out, fields.next().flatten())
                });
            }
            Self::User { user_type, .. } => {
                let mut fields = collection::fields(value);
                write_joined(out, ['{', '}'], user_type.fields.iter(), |out, (name, field)| {
                    let _ = write!(out, "\"{}\": ", json_name(name));
                    field.write_json(out, fields.next().flatten());
                });
            }
            _ => self.write_native_json(out, value),
        }
    }

    fn write_native_json(&self, out: &mut String, value: &[u8]) {
        let _ = match self {
            Self::Text | Self::Ascii => write!(out, "\"{}\"", json_escaped(&String::from_utf8_lossy(value))),
            Self::Blob | Self::Custom(_) => write!(out, "\"0x{}\"", to_hex(value)),
            Self::Counter => match value.as_array() {
                Some(total) => write!(out, "{}", i64::from_be_bytes(*total)),
                None => write!(out, "{}", counter::total(value)),
            },
            _ if value.is_empty() => write!(out, "\"\""),
            Self::Float | Self::Double if !is_finite(value) => write!(out, "null"),
            Self::Boolean
            | Self::Tinyint
            | Self::Smallint
            | Self::Int
            | Self::Bigint
            | Self::Float
            | Self::Double
            | Self::Varint
            | Self::Decimal => write!(out, "{}", self.to_string_value(value)),
            Self::Timestamp => write!(out, "\"{}\"", self.to_string_value(value).replacen('T', " ", 1)),
            _ => write!(out, "\"{}\"", self.to_string_value(value)),
        };
    }
}

/// Whether a float or double is a number that JSON knows.
fn is_finite(value: &[u8]) -> bool {
    match (value.as_array(), value.as_array()) {
        (Some(float), _) => f32::from_be_bytes(*float).is_finite(),
        (_, Some(double)) => f64::from_be_bytes(*double).is_finite(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(json_escaped("a\"b\\c\n\u{1}ü/"), "a\\\"b\\\\c\\n\\u0001ü/");
        assert_eq!(json_name("Mixed"), "\\\"Mixed\\\"");
        assert_eq!(json_name("plain"), "plain");
    }

    #[test]
    fn values_that_json_lacks_are_null() {
        assert_eq!(CqlType::Double.to_json(Some(&f64::NAN.to_be_bytes())), "null");
        assert_eq!(CqlType::Float.to_json(Some(&f32::INFINITY.to_be_bytes())), "null");
        assert_eq!(CqlType::Int.to_json(Some(&7i32.to_be_bytes())), "7");
        assert_eq!(CqlType::Int.to_json(None), "null");
        assert_eq!(CqlType::Int.to_json(Some(&[])), "\"\"");
    }
}
