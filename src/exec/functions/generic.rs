//! Functions that are made for the types of their arguments (Cassandra: `FunctionFactory`): `min` and `max`, those
//! of collections and of vectors, and masking.

use super::{Accumulator, CallShape, Function, aggregate, argument, masking, scalar};
use crate::error::Error;
use crate::types::{CqlType, Json, JsonValueError, collection, parse_json};

/// The function of this name for these arguments; none where there is no such name.
pub(super) fn make(name: &str, call: &CallShape<'_>) -> Result<Option<Function>, Error> {
    match name {
        "min" | "max" => {
            let [of] = types(name, ["any"], call, |_, given| given.or(call.receiver).cloned())?;
            Ok(Some(aggregate::extreme(&of, name == "max")))
        }
        "to_json" | "tojson" => {
            let [of] = types(name, ["any"], call, |_, given| given.cloned())?;
            Ok(Some(to_json(&of)))
        }
        "from_json" | "fromjson" => from_json(name, call).map(Some),
        "map_keys" | "map_values" => {
            let [map] = types(name, ["map"], call, |_, given| given.cloned())?;
            map_part(name, &map, call).map(Some)
        }
        "collection_count" => {
            let [of] = types(name, ["collection"], call, |_, given| given.cloned())?;
            if !of.is_collection() || (call.is_descending)(0) {
                return Err(wrong(name, "a collection argument", 0, call, &of));
            }
            Ok(Some(collection_count(name, &of)))
        }
        "collection_min" | "collection_max" | "collection_sum" | "collection_avg" => {
            let [of] = types(name, ["numeric_set_or_list"], call, |_, given| given.cloned())?;
            collection_aggregate(name, &of, call).map(Some)
        }
        "similarity_cosine" | "similarity_euclidean" | "similarity_dot_product" => {
            similarity(name, call).map(Some)
        }
        _ => masking::make(name, call),
    }
}

/// A value as JSON (Cassandra: `ToJsonFct`).
fn to_json(of: &CqlType) -> Function {
    let cql_type = of.clone();
    scalar("to_json", std::slice::from_ref(of), CqlType::Text, move |arguments, _| {
        Ok(Some(cql_type.to_json(argument(arguments, 0, &cql_type)).into_bytes()))
    })
}

/// The value of what receives it, from JSON (Cassandra: `FromJsonFct`).
fn from_json(name: &str, call: &CallShape<'_>) -> Result<Function, Error> {
    let [of] = types(name, ["text"], call, |_, given| Some(given.cloned().unwrap_or(CqlType::Text)))?;
    if of != CqlType::Text && !CqlType::Text.is_value_compatible_with(&of) {
        let text = (call.text)(0);
        return Err(Error::invalid(format!(
            "Function system.{name} requires an argument of type text, but found argument {text} of type {of}"
        )));
    }
    let Some(to) = call.receiver.cloned() else {
        return Err(Error::invalid(format!(
            "{name}() cannot be used in the selection clause of a SELECT statement"
        )));
    };
    let (function, cql_type) = (name.to_owned(), to.clone());
    Ok(scalar(name, &[CqlType::Text], to, move |arguments, _| {
        let Some(text) = arguments.first().copied().flatten() else { return Ok(None) };
        let failed = |message: String| Error::FunctionFailure {
            keyspace: "system".to_owned(),
            name: function.clone(),
            argument_types: vec!["text".to_owned()],
            message,
        };
        let text = String::from_utf8_lossy(text);
        let json = parse_json(&text).map_err(|error| {
            failed(format!(
                "execution of 'system.{function}[text]' failed: Could not decode JSON string '{text}': {error}"
            ))
        })?;
        if json == Json::Null {
            return Ok(None);
        }
        cql_type.from_json(&json).map(Some).map_err(|error| match error {
            JsonValueError::Marshal(message) => {
                failed(format!("org.apache.cassandra.serializers.MarshalException: {message}"))
            }
            JsonValueError::Invalid(message) => Error::Invalid(message),
            JsonValueError::Server(message) => Error::server(message),
        })
    }))
}

/// The types of the arguments of a function with these parameters, each found by `infer` from what is known of it.
pub(super) fn types<const N: usize>(
    name: &str,
    parameters: [&str; N],
    call: &CallShape<'_>,
    infer: impl Fn(usize, Option<&CqlType>) -> Option<CqlType>,
) -> Result<[CqlType; N], Error> {
    let signature = || format!("system.{name}({})", parameters.join(", "));
    let found = call.arg_types.iter().enumerate().map(|(i, given)| {
        infer(i, given.as_ref()).ok_or_else(|| {
            Error::invalid(format!(
                "Cannot infer type of argument {} in call to function {}: use type casts to disambiguate",
                (call.text)(i),
                signature()
            ))
        })
    });
    if call.arg_types.len() != N {
        return Err(wrong_count(&signature()));
    }
    let found = found.collect::<Result<Vec<_>, _>>()?;
    found.try_into().map_err(|_| wrong_count(&signature()))
}

pub(super) fn wrong_count(signature: &str) -> Error {
    Error::invalid(format!("Invalid number of arguments for function {signature}"))
}

pub(super) fn wrong(name: &str, wanted: &str, i: usize, call: &CallShape<'_>, given: &CqlType) -> Error {
    let text = (call.text)(i);
    Error::invalid(format!(
        "Function system.{name} requires {wanted}, but found argument {text} of type {given}"
    ))
}

fn map_part(name: &str, map: &CqlType, call: &CallShape<'_>) -> Result<Function, Error> {
    let (CqlType::Map { key, value, .. }, false) = (map, (call.is_descending)(0)) else {
        return Err(wrong(name, "a map argument", 0, call, map));
    };
    let keys = name == "map_keys";
    let to = if keys {
        CqlType::Set { element: key.clone(), frozen: true }
    } else {
        CqlType::List { element: value.clone(), frozen: true }
    };
    let of = map.clone();
    Ok(scalar(name, std::slice::from_ref(map), to, move |arguments, _| {
        Ok(argument(arguments, 0, &of).map(|map| {
            let part = |(key, value)| if keys { key } else { value };
            collection::encode_list(&collection::entries(map).map(part).collect::<Vec<&[u8]>>())
        }))
    }))
}

fn collection_count(name: &str, of: &CqlType) -> Function {
    scalar(name, std::slice::from_ref(of), CqlType::Int, |arguments, _| {
        let value = arguments.first().copied().flatten();
        Ok(value.map(|value| collection::read_count(value).unwrap_or(0).to_be_bytes().into()))
    })
}

fn collection_aggregate(name: &str, of: &CqlType, call: &CallShape<'_>) -> Result<Function, Error> {
    let numeric = matches!(name, "collection_sum" | "collection_avg");
    let element = match of {
        CqlType::List { element, .. } | CqlType::Set { element, .. } if !(call.is_descending)(0) => element,
        _ if numeric => return Err(wrong(name, "a numeric set/list argument", 0, call, of)),
        _ => return Err(wrong(name, "a set or list argument", 0, call, of)),
    };
    if numeric && !super::number::NUMERIC.contains(element) {
        return Err(wrong(name, "a numeric set/list argument", 0, call, of));
    }
    let element = (**element).clone();
    let to = element.clone();
    let (name, kind) = (name.to_owned(), name.to_owned());
    Ok(scalar(&name, std::slice::from_ref(of), to, move |arguments, _| {
        let Some(value) = arguments.first().copied().flatten() else {
            return Ok(None);
        };
        let mut state: Box<dyn Accumulator> = match kind.as_str() {
            "collection_sum" => aggregate::accumulate_sum(&element),
            "collection_avg" => aggregate::accumulate_average(&element),
            _ => aggregate::accumulate_extreme(&element, kind == "collection_max"),
        };
        for element in collection::elements_or_null(value) {
            state.add(&[element])?;
        }
        state.finish()
    }))
}

fn similarity(name: &str, call: &CallShape<'_>) -> Result<Function, Error> {
    let vectors = |t: &Option<CqlType>| matches!(t, Some(CqlType::Vector { .. }));
    // a literal is a list until it is known what it is compared to
    let other = call.arg_types.iter().find(|t| vectors(t)).and_then(Option::as_ref);
    let parameters = ["vector<float, n>"; 2];
    let [left, right] = types(name, parameters, call, |i, given| match ((call.array_size)(i), given) {
        (Some(dimension), _) => Some(CqlType::Vector { element: CqlType::Float.into(), dimension }),
        (None, None) => other.or(call.receiver).cloned(),
        (None, Some(given)) => Some(given.clone()),
    })?;
    let mut dimensions = Vec::new();
    for (i, given) in [&left, &right].into_iter().enumerate() {
        dimensions.push(match given {
            _ if (call.is_descending)(i) => {
                return Err(wrong(name, "a float vector argument", i, call, given));
            }
            CqlType::Vector { element, dimension } if **element == CqlType::Float => Some(*dimension),
            // Cassandra takes some lists for vectors, until it looks for their dimension.
            CqlType::List { element, .. }
                if **element != CqlType::Float && !CqlType::Float.is_value_compatible_with(element) =>
            {
                None
            }
            _ => return Err(wrong(name, "a float vector argument", i, call, given)),
        });
    }
    if dimensions.contains(&None) {
        let (list, vector) =
            ("org.apache.cassandra.db.marshal.ListType", "org.apache.cassandra.db.marshal.VectorType");
        return Err(Error::server(format!(
            "java.lang.ClassCastException: class {list} cannot be cast to class {vector} ({list} and {vector} are in unnamed module of loader 'app')"
        )));
    }
    if dimensions[0] != dimensions[1] {
        return Err(Error::invalid("All arguments must have the same vector dimensions"));
    }
    let kind = name.to_owned();
    Ok(scalar(name, &[left.clone(), left], CqlType::Float, move |arguments, _| {
        let [Some(left), Some(right)] = arguments else {
            return Ok(None);
        };
        let (left, right) = (floats(left), floats(right));
        let zero = |v: &[f32]| v.iter().all(|x| *x == 0.0);
        if kind == "similarity_cosine" && (zero(&left) || zero(&right)) {
            return Err(Error::invalid(format!("Function system.{kind} doesn't support all-zero vectors.")));
        }
        Ok(Some(compare(&kind, &left, &right).to_be_bytes().into()))
    }))
}

fn floats(vector: &[u8]) -> Vec<f32> {
    vector.as_chunks::<4>().0.iter().map(|bytes| f32::from_be_bytes(*bytes)).collect()
}

fn compare(kind: &str, left: &[f32], right: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    match kind {
        "similarity_euclidean" => {
            let distance: f32 = left.iter().zip(right).map(|(a, b)| (a - b) * (a - b)).sum();
            1.0 / (1.0 + distance)
        }
        "similarity_dot_product" => (1.0 + dot(left, right)) / 2.0,
        _ => {
            let norms = f64::from(dot(left, left)) * f64::from(dot(right, right));
            (1.0 + (f64::from(dot(left, right)) / norms.sqrt()) as f32) / 2.0
        }
    }
}
