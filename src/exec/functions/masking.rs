//! Functions that hide values (Cassandra: package `cql3.functions.masking`).

use md5::{Digest, Md5};
use num_bigint::BigInt;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::generic::{types, wrong, wrong_count};
use super::{CallShape, Function, argument, scalar};
use crate::error::Error;
use crate::types::{CqlType, Decimal, Duration, collection};

/// The masking function of this name for these arguments; none where there is no such name.
pub(super) fn make(name: &str, call: &CallShape<'_>) -> Result<Option<Function>, Error> {
    Ok(Some(match name {
        "mask_null" => {
            let [of] = types(name, ["any"], call, |_, given| given.cloned())?;
            scalar(name, std::slice::from_ref(&of), of.clone(), |_, _| Ok(None))
        }
        "mask_default" => {
            let [of] = types(name, ["any"], call, |_, given| given.cloned())?;
            let masked = masked_value(&of);
            scalar(name, std::slice::from_ref(&of), of.clone(), move |_, _| Ok(Some(masked.clone())))
        }
        "mask_replace" => {
            let first = call.arg_types.first().and_then(Option::as_ref);
            let [of, by] =
                types(name, ["any", "any"], call, |_, given| first.or(given).or(call.receiver).cloned())?;
            scalar(name, &[of, by.clone()], by, |arguments, _| {
                Ok(arguments.get(1).copied().flatten().map(<[u8]>::to_vec))
            })
        }
        "mask_hash" => mask_hash(name, call)?,
        "mask_inner" | "mask_outer" => mask_partly(name, call)?,
        _ => return Ok(None),
    }))
}

/// What stands for every value of a type (Cassandra: `getMaskedValue`).
fn masked_value(cql_type: &CqlType) -> Vec<u8> {
    match cql_type {
        CqlType::Ascii | CqlType::Text => b"****".into(),
        CqlType::Blob | CqlType::Empty | CqlType::Custom(_) => Vec::new(),
        CqlType::Boolean | CqlType::Tinyint | CqlType::Varint => vec![0],
        CqlType::Smallint => vec![0; 2],
        CqlType::Int | CqlType::Float | CqlType::Inet => vec![0; 4],
        CqlType::Date => vec![0x80, 0, 0, 0],
        CqlType::Bigint | CqlType::Counter | CqlType::Double | CqlType::Time | CqlType::Timestamp => {
            vec![0; 8]
        }
        CqlType::Decimal => Decimal::from(BigInt::ZERO).encode(),
        CqlType::Duration => Duration::default().encode(),
        CqlType::Uuid => vec![0; 16],
        CqlType::Timeuuid => {
            // the lowest one of 1970-01-01
            let time = [0x13, 0x81, 0x40, 0x00, 0x1d, 0xd2, 0x11, 0xb2];
            [time, [0x80; 8]].concat()
        }
        CqlType::List { .. } | CqlType::Set { .. } | CqlType::Map { .. } => vec![0; 4],
        CqlType::Tuple(_) | CqlType::User { .. } => {
            let fields = cql_type.field_types().unwrap_or_default();
            collection::encode_tuple(&fields.into_iter().map(|t| Some(masked_value(t))).collect::<Vec<_>>())
        }
        CqlType::Vector { element, dimension } => {
            collection::encode_vector(element, &vec![masked_value(element); *dimension])
        }
    }
}

fn mask_hash(name: &str, call: &CallShape<'_>) -> Result<Function, Error> {
    let mut arg_types = match call.arg_types.len() {
        1 => types(name, ["any"], call, |_, given| given.cloned())?.to_vec(),
        2 => {
            let of =
                |i: usize, given: Option<&CqlType>| if i == 1 { Some(CqlType::Text) } else { given.cloned() };
            types(name, ["any", "[text]"], call, of)?.to_vec()
        }
        _ => return Err(wrong_count("system.mask_hash(any, [text])")),
    };
    if let (Some(Some(given)), [_, _]) = (call.arg_types.get(1), &arg_types[..])
        && !CqlType::Text.is_value_compatible_with(given)
        && *given != CqlType::Text
    {
        let text = (call.text)(1);
        return Err(Error::invalid(format!(
            "Function system.{name} requires an argument of type text, but found argument {text} of type {given}"
        )));
    }
    if let Some(algorithm) = arg_types.get_mut(1) {
        *algorithm = CqlType::Text;
    }
    Ok(scalar(name, &arg_types, CqlType::Blob, |arguments, _| {
        let Some(value) = arguments.first().copied().flatten() else {
            return Ok(None);
        };
        let algorithm = arguments.get(1).copied().flatten().unwrap_or(b"SHA-256");
        digest(&String::from_utf8_lossy(algorithm), value).map(Some)
    }))
}

fn digest(algorithm: &str, value: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(match algorithm.to_ascii_uppercase().as_str() {
        "MD5" => Md5::digest(value).to_vec(),
        "SHA" | "SHA1" | "SHA-1" => Sha1::digest(value).to_vec(),
        "SHA-224" | "SHA224" => Sha224::digest(value).to_vec(),
        "SHA-256" | "SHA256" => Sha256::digest(value).to_vec(),
        "SHA-384" | "SHA384" => Sha384::digest(value).to_vec(),
        "SHA-512" | "SHA512" => Sha512::digest(value).to_vec(),
        _ => return Err(Error::invalid(format!("Hash algorithm not found: {algorithm}"))),
    })
}

fn mask_partly(name: &str, call: &CallShape<'_>) -> Result<Function, Error> {
    let parameters = ["[text|varchar|ascii]", "int", "int", "[text]"];
    let fixed = |i: usize| if i == 1 || i == 2 { CqlType::Int } else { CqlType::Text };
    let infer = |i: usize, given: Option<&CqlType>| Some(given.cloned().unwrap_or_else(|| fixed(i)));
    let mut arg_types = match call.arg_types.len() {
        3 => types(name, [parameters[0], parameters[1], parameters[2]], call, infer)?.to_vec(),
        4 => types(name, parameters, call, infer)?.to_vec(),
        _ => return Err(wrong_count(&format!("system.{name}({})", parameters.join(", ")))),
    };
    for (i, arg_type) in arg_types.iter_mut().enumerate() {
        let to = fixed(i);
        if !to.is_value_compatible_with(arg_type) {
            return Err(wrong(name, &format!("an argument of type {}", parameters[i]), i, call, arg_type));
        }
        if i > 0 {
            *arg_type = to;
        }
    }
    let of = arg_types[0].clone();
    let (function, inner) = (name.to_owned(), name == "mask_inner");
    Ok(scalar(name, &arg_types, of, move |arguments, _| {
        let Some(value) = arguments.first().copied().flatten() else {
            return Ok(None);
        };
        let int = |i: usize| {
            let value = argument(arguments, i, &CqlType::Int).and_then(|v| v.as_array());
            value.map_or(0, |v| i64::from(i32::from_be_bytes(*v)))
        };
        let padding = padding(&function, arguments.get(3).copied().flatten())?;
        let text: Vec<u16> = String::from_utf8_lossy(value).encode_utf16().collect();
        let (begin, end) = (int(1), text.len() as i64 - 1 - int(2));
        let mask = |(i, unit): (usize, &u16)| {
            let within = (begin..=end).contains(&(i as i64));
            if within == inner { padding } else { *unit }
        };
        let masked: Vec<u16> = text.iter().enumerate().map(mask).collect();
        Ok(Some(String::from_utf16_lossy(&masked).into_bytes()))
    }))
}

fn padding(function: &str, argument: Option<&[u8]>) -> Result<u16, Error> {
    let Some(argument) = argument else {
        return Ok(u16::from(b'*'));
    };
    let text = String::from_utf8_lossy(argument);
    let units: Vec<u16> = text.encode_utf16().collect();
    match units[..] {
        [only] => Ok(only),
        _ => Err(Error::invalid(format!(
            "The padding argument for function system.{function} should be single-character, but '{text}' has {} \
             characters.",
            units.len()
        ))),
    }
}
