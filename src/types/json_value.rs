//! JSON as CQL values (Cassandra: `AbstractType.fromJSONObject`).

use super::json_parser::{Json, JsonError, parse_json};
use super::{CqlType, MarshalError, UserType, collection, encode_varint, from_hex, parse_varint};

/// Why JSON makes no value of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonValueError {
    /// It does not fit.
    Marshal(String),
    /// It does not fit, of the types whose errors are not put into context (`duration`).
    Invalid(String),
    /// Cassandra fails with an exception.
    Server(String),
}

impl From<MarshalError> for JsonValueError {
    fn from(error: MarshalError) -> Self {
        Self::Marshal(error.0)
    }
}

type Result<T> = std::result::Result<T, JsonValueError>;

fn wrong<T>(message: impl Into<String>) -> Result<T> {
    Err(JsonValueError::Marshal(message.into()))
}

/// `Expected a list, but got a Integer: 1`
fn unexpected<T>(wanted: &str, json: &Json) -> Result<T> {
    let class = json.java_class().rsplit('.').next().unwrap_or_default();
    wrong(format!("Expected {wanted}, but got a {class}: {json}"))
}

impl CqlType {
    /// The value that JSON other than `null` stands for.
    pub fn from_json(&self, json: &Json) -> Result<Vec<u8>> {
        match self {
            Self::List { .. } | Self::Set { .. } | Self::Map { .. } | Self::Vector { .. } => {
                self.nested_from_json(json)
            }
            Self::Tuple(_) | Self::User { .. } => self.nested_from_json(json),
            Self::Boolean => match json {
                Json::Boolean(value) => Ok(vec![u8::from(*value)]),
                Json::Text(text) => Ok(self.from_string(text)?),
                other => unexpected("a boolean value", other),
            },
            Self::Tinyint | Self::Smallint => match json {
                Json::Text(_) | Json::Int(_) | Json::Long(_) | Json::Big(_) | Json::Double(_) => {
                    Ok(self.from_string(&json.to_string())?)
                }
                other if *self == Self::Tinyint => unexpected("a byte value", other),
                other => unexpected("a short value", other),
            },
            Self::Int => match json {
                Json::Int(value) => Ok(value.to_be_bytes().into()),
                Json::Text(text) => Ok(self.from_string(text)?),
                other => unexpected("an int value", other),
            },
            Self::Bigint => match json {
                Json::Int(value) => Ok(i64::from(*value).to_be_bytes().into()),
                Json::Long(value) => Ok(value.to_be_bytes().into()),
                Json::Text(text) => Ok(self.from_string(text)?),
                other => unexpected("a bigint value", other),
            },
            Self::Varint => match parse_varint(&json.to_string()) {
                Some(value) => Ok(encode_varint(&value)),
                None => wrong(format!("Value '{json}' is not a valid representation of a varint value")),
            },
            Self::Decimal => self.from_string(&json.to_string()).or_else(|_| {
                wrong(format!("Value '{json}' is not a valid representation of a decimal value"))
            }),
            Self::Float | Self::Double => self.float_from_json(json),
            Self::Timestamp => match json {
                Json::Long(millis) => Ok(millis.to_be_bytes().into()),
                Json::Text(text) => Ok(self.from_string(text)?),
                other => unexpected("a long or a datestring representation of a timestamp value", other),
            },
            Self::Duration => match json {
                Json::Text(text) => self.from_string(text).map_err(|e| JsonValueError::Invalid(e.0)),
                other => unexpected("a string representation of a duration", other),
            },
            Self::Blob => blob(json),
            Self::Counter | Self::Custom(_) => {
                Err(JsonValueError::Server("java.lang.UnsupportedOperationException".to_owned()))
            }
            _ => match json {
                Json::Text(text) => Ok(self.from_string(text)?),
                other => unexpected(self.json_representation(), other),
            },
        }
    }

    /// What a type that is written as a string wants.
    fn json_representation(&self) -> &'static str {
        match self {
            Self::Ascii => "an ascii string",
            Self::Inet => "a string representation of an inet value",
            Self::Date => "a string representation of a date value",
            Self::Time => "a string representation of a time value",
            Self::Uuid => "a string representation of a uuid",
            Self::Timeuuid => "a string representation of a timeuuid",
            Self::Empty => "an empty string",
            _ => "a UTF-8 string",
        }
    }

    fn float_from_json(&self, json: &Json) -> Result<Vec<u8>> {
        let is_float = *self == Self::Float;
        let value = match json {
            Json::Text(text) => return Ok(self.from_string(text)?),
            Json::Int(value) if is_float => return Ok((*value as f32).to_be_bytes().into()),
            Json::Long(value) if is_float => return Ok((*value as f32).to_be_bytes().into()),
            Json::Int(value) => f64::from(*value),
            Json::Long(value) => *value as f64,
            Json::Big(value) => value.to_string().parse().unwrap_or(f64::NAN),
            Json::Double(value) => *value,
            other if is_float => return unexpected("a float value", other),
            other => return unexpected("a double value", other),
        };
        Ok(if is_float { (value as f32).to_be_bytes().into() } else { value.to_be_bytes().into() })
    }

    /// Collections, vectors, tuples and user types: also as a string that holds their JSON.
    fn nested_from_json(&self, json: &Json) -> Result<Vec<u8>> {
        let decoded;
        let json = match json {
            Json::Text(text) => {
                decoded = parse_json(text).map_err(|JsonError { message, .. }| {
                    JsonValueError::Marshal(format!("Error decoding JSON string: {message}"))
                })?;
                &decoded
            }
            other => other,
        };
        if *json == Json::Null {
            return Err(JsonValueError::Server(
                "java.lang.NullPointerException: Cannot invoke \"Object.getClass()\" because \"parsed\" is null"
                    .to_owned(),
            ));
        }
        match (self, json) {
            (Self::List { element, .. }, Json::List(list)) => {
                Ok(collection::encode_list(&elements(element, list, "list")?))
            }
            (Self::Set { element, .. }, Json::List(list)) => {
                let mut values = elements(element, list, "set")?;
                collection::sort_set(element, &mut values);
                Ok(collection::encode_list(&values))
            }
            (Self::Vector { element, dimension }, Json::List(list)) => {
                if list.len() != *dimension {
                    let given = list.len();
                    return wrong(format!(
                        "List had incorrect size: expected {dimension} but given {given}; {json}"
                    ));
                }
                Ok(collection::encode_vector(element, &elements(element, list, "list")?))
            }
            (Self::Map { key, value, .. }, Json::Map(entries)) => map(key, value, entries),
            (Self::Tuple(types), Json::List(list)) => tuple(types, list, json),
            (Self::User { user_type, .. }, Json::Map(entries)) => user_value(user_type, entries),
            (Self::Set { .. }, other) => unexpected("a list (representing a set)", other),
            (Self::Tuple(_), other) => unexpected("a list representation of a tuple", other),
            (Self::Map { .. } | Self::User { .. }, other) => unexpected("a map", other),
            (_, other) => unexpected("a list", other),
        }
    }
}

fn elements(element: &CqlType, list: &[Json], what: &str) -> Result<Vec<Vec<u8>>> {
    let mut values = Vec::with_capacity(list.len());
    for json in list {
        if *json == Json::Null {
            return wrong(format!("Invalid null element in {what}"));
        }
        values.push(element.from_json(json)?);
    }
    Ok(values)
}

fn map(key: &CqlType, value: &CqlType, entries: &[(String, Json)]) -> Result<Vec<u8>> {
    let mut values = Vec::with_capacity(entries.len());
    for (name, json) in entries {
        if *json == Json::Null {
            return wrong("Invalid null value in map");
        }
        values.push((key.from_json(&Json::Text(name.clone()))?, value.from_json(json)?));
    }
    collection::sort_map(key, &mut values);
    Ok(collection::encode_map(&values))
}

fn tuple(types: &[CqlType], list: &[Json], json: &Json) -> Result<Vec<u8>> {
    let expected = types.len();
    if list.len() > expected {
        return wrong(format!("Tuple contains extra items (expected {expected}): {json}"));
    }
    if list.len() < expected {
        return wrong(format!("Tuple is missing items (expected {expected}): {json}"));
    }
    let mut fields = Vec::with_capacity(expected);
    for (field_type, json) in types.iter().zip(list) {
        fields.push(match json {
            Json::Null => None,
            json => Some(field_type.from_json(json)?),
        });
    }
    Ok(collection::encode_tuple(&fields))
}

fn user_value(user_type: &UserType, entries: &[(String, Json)]) -> Result<Vec<u8>> {
    let mut entries = entries.to_vec();
    handle_case(&mut entries)?;
    let mut fields = Vec::with_capacity(user_type.fields.len());
    for (name, field_type) in &user_type.fields {
        let json = entries.iter().find(|(n, _)| n == name).map(|(_, json)| json);
        fields.push(match json {
            None | Some(Json::Null) => None,
            Some(json) => Some(field_type.from_json(json)?),
        });
    }
    let is_field = |name: &str| user_type.fields.iter().any(|(n, _)| n == name);
    if let Some((unknown, _)) = entries.iter().find(|(name, _)| !is_field(name)) {
        let name = &user_type.name;
        return wrong(format!("Unknown field '{unknown}' in value of user defined type {name}"));
    }
    Ok(collection::encode_tuple(&fields))
}

fn blob(json: &Json) -> Result<Vec<u8>> {
    let why = match json {
        Json::Text(text) => match text.strip_prefix("0x") {
            None => format!("String representation of blob is missing 0x prefix: {text}"),
            Some(hex) => match from_hex(hex) {
                Some(bytes) => return Ok(bytes),
                None => format!("cannot parse '{hex}' as hex bytes"),
            },
        },
        other => {
            let (class, text) = (other.java_class(), "java.lang.String");
            format!(
                "class {class} cannot be cast to class {text} ({class} and {text} are in module java.base of loader 'bootstrap')"
            )
        }
    };
    wrong(format!("Value '{json}' is not a valid blob representation: {why}"))
}

/// Names as CQL has them: what is in quotes loses these, all others their upper case (Cassandra:
/// `JsonUtils.handleCaseSensitivity`). A name that changes goes to the end, unless it is there already.
pub fn handle_case(entries: &mut Vec<(String, Json)>) -> Result<()> {
    let names: Vec<String> = entries.iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        let wanted = match name.strip_prefix('"') {
            Some("") => {
                let message = "java.lang.StringIndexOutOfBoundsException: begin 1, end 0, length 1";
                return Err(JsonValueError::Server(message.to_owned()));
            }
            Some(rest) if rest.ends_with('"') => rest[..rest.len() - 1].to_owned(),
            _ => name.to_lowercase(),
        };
        if wanted == name {
            continue;
        }
        let Some(i) = entries.iter().position(|(n, _)| *n == name) else { continue };
        let (_, value) = entries.remove(i);
        match entries.iter_mut().find(|(n, _)| *n == wanted) {
            Some(entry) => entry.1 = value,
            None => entries.push((wanted, value)),
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test")]
mod tests {
    use super::*;

    fn value(cql_type: &CqlType, json: &str) -> Result<Vec<u8>> {
        cql_type.from_json(&parse_json(json).unwrap())
    }

    #[test]
    fn numbers_may_be_strings() {
        assert_eq!(value(&CqlType::Int, "\"5\"").unwrap(), 5i32.to_be_bytes());
        assert_eq!(value(&CqlType::Varint, "12345678901234567890123").unwrap().len(), 10);
        let error = value(&CqlType::Int, "1.5").unwrap_err();
        assert_eq!(error, JsonValueError::Marshal("Expected an int value, but got a Double: 1.5".to_owned()));
    }

    #[test]
    fn names_have_their_case() {
        let mut entries = vec![("\"Q\"".to_owned(), Json::Int(1)), ("P".to_owned(), Json::Int(2))];
        handle_case(&mut entries).unwrap();
        assert_eq!(entries, [("Q".to_owned(), Json::Int(1)), ("p".to_owned(), Json::Int(2))]);
        assert!(handle_case(&mut vec![("\"".to_owned(), Json::Null)]).is_err());
    }
}
