//! Random values: as a literal of CQL, as JSON, and as the bytes of the protocol. There are few of each type, so that
//! statements meet each other's rows, and edges among them.

use super::random::Random;
use super::types::Type;

/// A value in its three forms.
#[derive(Debug, Clone)]
pub struct Value {
    /// As a literal.
    pub literal: String,
    /// As JSON.
    pub json: String,
    /// As bytes.
    pub bytes: Vec<u8>,
}

impl Value {
    /// Whether it compares as equal to another one that has other bytes.
    fn is_written_otherwise(&self, other: &Self) -> bool {
        let both = [self.literal.as_str(), other.literal.as_str()];
        both == ["1.0", "1.00"] || both == ["1.00", "1.0"]
    }
}

/// A value that JSON writes as CQL does.
fn same(literal: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Value {
    let literal = literal.into();
    Value { json: literal.clone(), literal, bytes: bytes.into() }
}

/// A value that JSON writes as a string.
fn string(literal: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Value {
    let literal = literal.into();
    let json = match literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(text) => text.replace("''", "'"),
        None => literal.clone(),
    };
    Value { json: format!("\"{json}\""), literal, bytes: bytes.into() }
}

impl Type {
    /// A value of this type; seldom one at the edge of what the type holds.
    pub fn value(&self, random: &mut Random) -> Value {
        match self {
            Self::Native(name) => native(name, random),
            Self::List(element, _) => {
                let elements: Vec<_> = (0..random.below(4)).map(|_| element.value(random)).collect();
                collection('[', ']', &elements)
            }
            Self::Set(element, _) => {
                let mut elements: Vec<Value> = Vec::new();
                for _ in 0..random.below(4) {
                    let value = element.value(random);
                    // Which of 1.0 and 1.00 stays is a matter of chance in Cassandra.
                    if !elements.iter().any(|known| known.is_written_otherwise(&value)) {
                        elements.push(value);
                    }
                }
                collection('{', '}', &elements)
            }
            Self::Map(key, of, _) => {
                let mut entries: Vec<(Value, Value)> = Vec::new();
                for _ in 0..random.below(4) {
                    let entry = (key.value(random), of.value(random));
                    // Which of several values of a key stays is a matter of chance in Cassandra.
                    let is_same =
                        |known: &Value| known.bytes == entry.0.bytes || known.is_written_otherwise(&entry.0);
                    if !entries.iter().any(|(known, _)| is_same(known)) {
                        entries.push(entry);
                    }
                }
                map(&entries)
            }
            Self::Tuple(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.opt_value(random)).collect();
                let literals: Vec<_> = parts.iter().map(literal).collect();
                let json: Vec<_> = parts.iter().map(json).collect();
                Value {
                    literal: format!("({})", literals.join(", ")),
                    json: format!("[{}]", json.join(", ")),
                    bytes: concatenated(parts.iter()),
                }
            }
            Self::User(fields, _) => {
                let values: Vec<_> = fields.iter().map(|(_, of)| of.opt_value(random)).collect();
                let named = fields.iter().zip(&values);
                let literals: Vec<_> =
                    named.clone().map(|((name, _), of)| format!("{name}: {}", literal(of))).collect();
                let json: Vec<_> =
                    named.map(|((name, _), of)| format!("{}: {}", json_name(name), json(of))).collect();
                Value {
                    literal: format!("{{{}}}", literals.join(", ")),
                    json: format!("{{{}}}", json.join(", ")),
                    bytes: concatenated(values.iter()),
                }
            }
            Self::Vector(dimension) => {
                let elements: Vec<_> = (0..*dimension).map(|_| native("float", random)).collect();
                let bytes: Vec<u8> = elements.iter().flat_map(|element| element.bytes.clone()).collect();
                Value { bytes, ..collection('[', ']', &elements) }
            }
        }
    }

    fn opt_value(&self, random: &mut Random) -> Option<Value> {
        (!random.chance(15)).then(|| self.value(random))
    }
}

fn literal(of: &Option<Value>) -> String {
    of.as_ref().map_or_else(|| "null".to_owned(), |value| value.literal.clone())
}

fn json(of: &Option<Value>) -> String {
    of.as_ref().map_or_else(|| "null".to_owned(), |value| value.json.clone())
}

/// A column's or field's name as the key of a JSON object; a quoted one keeps its quotes.
pub fn json_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\\\""))
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend(bytes);
}

fn concatenated<'a>(parts: impl Iterator<Item = &'a Option<Value>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        match part {
            Some(part) => put(&mut bytes, &part.bytes),
            None => bytes.extend((-1i32).to_be_bytes()),
        }
    }
    bytes
}

fn collection(open: char, close: char, elements: &[Value]) -> Value {
    let literals: Vec<_> = elements.iter().map(|element| element.literal.as_str()).collect();
    let mut bytes = (elements.len() as u32).to_be_bytes().to_vec();
    elements.iter().for_each(|element| put(&mut bytes, &element.bytes));
    let json: Vec<_> = elements.iter().map(|element| element.json.as_str()).collect();
    Value {
        literal: format!("{open}{}{close}", literals.join(", ")),
        json: format!("[{}]", json.join(", ")),
        bytes,
    }
}

fn map(entries: &[(Value, Value)]) -> Value {
    let literals: Vec<_> =
        entries.iter().map(|(key, of)| format!("{}: {}", key.literal, of.literal)).collect();
    let mut bytes = (entries.len() as u32).to_be_bytes().to_vec();
    for (key, of) in entries {
        put(&mut bytes, &key.bytes);
        put(&mut bytes, &of.bytes);
    }
    let json: Vec<_> = entries
        .iter()
        .map(|(key, of)| match key.json.starts_with('"') {
            true => format!("{}: {}", key.json, of.json),
            false => format!("\"{}\": {}", key.json, of.json),
        })
        .collect();
    Value { literal: format!("{{{}}}", literals.join(", ")), json: format!("{{{}}}", json.join(", ")), bytes }
}

/// Whole numbers that fit a size in bytes: mostly small ones.
fn whole(bytes: u32, random: &mut Random) -> i64 {
    let bits = bytes * 8 - 1;
    let (min, max) = (i64::MIN >> (63 - bits), i64::MAX >> (63 - bits));
    match random.below(12) {
        0 => *random.one(&[min, max, -1, min + 1]),
        1 => *random.one(&[100, 127, -128, 42]),
        _ => random.below(4) as i64,
    }
}

fn native(name: &str, random: &mut Random) -> Value {
    match name {
        "tinyint" => {
            let number = whole(1, random);
            same(number.to_string(), (number as i8).to_be_bytes())
        }
        "smallint" => {
            let number = whole(2, random);
            same(number.to_string(), (number as i16).to_be_bytes())
        }
        "int" => {
            let number = whole(4, random);
            same(number.to_string(), (number as i32).to_be_bytes())
        }
        "bigint" | "counter" => {
            let number = whole(8, random);
            same(number.to_string(), number.to_be_bytes())
        }
        "varint" => varint(random),
        "decimal" => decimal(random),
        "float" => {
            let number = *random.one(&[0.0f32, -0.0, 1.5, -2.25, f32::NAN, f32::INFINITY, 1e10, 3.0]);
            float(f64::from(number), &number.to_be_bytes())
        }
        "double" => {
            let number = *random.one(&[0.0f64, -0.0, 1.5, -2.25, f64::NAN, f64::NEG_INFINITY, 1e100, 3.0]);
            float(number, &number.to_be_bytes())
        }
        "boolean" => {
            let is = random.chance(50);
            same(is.to_string(), [u8::from(is)])
        }
        "text" | "ascii" => text(name, random),
        "blob" => {
            let bytes = random.one(&[&b""[..], b"\0", b"a", b"\xff\xfe", b"abc"]).to_vec();
            string(format!("0x{}", crate::wire::hex(&bytes)), bytes)
        }
        "date" | "time" | "timestamp" | "duration" => temporal(name, random),
        "uuid" | "timeuuid" => {
            let digit = random.below(4);
            let version = if name == "uuid" { 4 } else { 1 };
            let text = format!("5{digit}0e8400-e29b-{version}1d4-a716-44665544000{}", random.below(3));
            let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
            let nibble = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or_default() as u8;
            let bytes: Vec<u8> = digits
                .chunks(2)
                .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | nibble(digit)))
                .collect();
            string(text, bytes)
        }
        "inet" => match random.below(3) {
            0 => string("'::1'", 1u128.to_be_bytes()),
            last => string(format!("'127.0.0.{last}'"), [127, 0, 0, last as u8]),
        },
        other => unreachable!("no values of type {other}"),
    }
}

fn float(number: f64, bytes: &[u8]) -> Value {
    match number.is_finite() {
        true => same(floating(number), bytes),
        false => string(floating(number), bytes),
    }
}

fn floating(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        format!("{number:?}")
    }
}

fn varint(random: &mut Random) -> Value {
    let number = whole(8, random);
    same(number.to_string(), shortest(number))
}

/// Two's complement without needless leading bytes.
fn shortest(number: i64) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    while let [first, second, ..] = bytes.as_slice() {
        if (*first == 0 && *second < 0x80) || (*first == 0xff && *second >= 0x80) {
            bytes.remove(0);
        } else {
            break;
        }
    }
    bytes
}

fn decimal(random: &mut Random) -> Value {
    let (literal, scale, unscaled) = *random.one(&[
        ("0", 0, 0),
        ("1.0", 1, 10),
        ("1.00", 2, 100),
        ("-2.5", 1, -25),
        ("1E+3", -3, 1),
        ("3", 0, 3),
    ]);
    let mut bytes = i32::to_be_bytes(scale).to_vec();
    bytes.extend(shortest(unscaled));
    same(literal, bytes)
}

fn text(name: &str, random: &mut Random) -> Value {
    let text = match random.below(8) {
        0 => "",
        1 if name == "text" => "é\u{1f600}",
        1 => "Z",
        2 => "it's",
        _ => *random.one(&["a", "b", "c", "ab"]),
    };
    string(format!("'{}'", text.replace('\'', "''")), text)
}

fn temporal(name: &str, random: &mut Random) -> Value {
    match name {
        "date" => {
            let day = *random.one(&[0u32, 1, 19000, 19001]);
            let days = 0x8000_0000 + day;
            same(days.to_string(), days.to_be_bytes())
        }
        "time" => {
            let nanoseconds = *random.one(&[0i64, 1, 3_600_000_000_000, 86_399_999_999_999]);
            same(nanoseconds.to_string(), nanoseconds.to_be_bytes())
        }
        "timestamp" => {
            let milliseconds =
                *random.one(&[0i64, -1, 1_700_000_000_000, 1_700_000_000_001, 1_700_003_600_000]);
            same(milliseconds.to_string(), milliseconds.to_be_bytes())
        }
        _ => {
            let (literal, months, days, nanoseconds) = *random.one(&[
                ("1mo", 1, 0, 0),
                ("2d", 0, 2, 0),
                ("1mo2d3ns", 1, 2, 3),
                ("-1h", 0, 0, -3_600_000_000_000),
            ]);
            let bytes: Vec<u8> = [months, days, nanoseconds].into_iter().flat_map(signed_vint).collect();
            string(literal, bytes)
        }
    }
}

/// Cassandra's signed variable-length integer: zigzag, then as many leading ones as bytes follow the first.
fn signed_vint(number: i64) -> Vec<u8> {
    let zigzag = ((number << 1) ^ (number >> 63)) as u64;
    let size = (0..8).find(|extra| zigzag < 1 << (7 * (extra + 1))).unwrap_or(8);
    if size == 8 {
        let mut bytes = vec![0xff];
        bytes.extend(zigzag.to_be_bytes());
        return bytes;
    }
    let mut bytes = zigzag.to_be_bytes().get(7 - size as usize..).unwrap_or_default().to_vec();
    if let Some(first) = bytes.first_mut() {
        *first |= !(0xffu16 >> size) as u8;
    }
    bytes
}
