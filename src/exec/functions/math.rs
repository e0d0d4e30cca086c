//! `abs`, `exp`, `log`, `log10` and `round` (Cassandra: `MathFcts`).

use super::decimal::{self, Rounding};
use super::number::{NUMERIC, Number};
use super::{Function, argument, scalar, transcendental};
use crate::error::Error;
use crate::types::Decimal;

pub(super) fn add_to(functions: &mut Vec<Function>) {
    for cql_type in &NUMERIC {
        for (name, body) in [
            ("abs", abs as fn(Number) -> Result<Number, Error>),
            ("exp", exp),
            ("log", log),
            ("log10", log10),
            ("round", round),
        ] {
            let of = cql_type.clone();
            let types = [cql_type.clone()];
            functions.push(scalar(name, &types, cql_type.clone(), move |arguments, _| {
                match argument(arguments, 0, &of).and_then(|value| Number::decode(&of, value)) {
                    Some(number) => body(number).map(|result| result.encode(&of)),
                    None => Ok(None),
                }
            }));
        }
    }
}

fn abs(number: Number) -> Result<Number, Error> {
    Ok(match number {
        Number::Integer(v) => Number::Integer(v.wrapping_abs()),
        Number::Float(v) => Number::Float(v.abs()),
        Number::Double(v) => Number::Double(v.abs()),
        Number::Varint(v) => Number::Varint(v.magnitude().clone().into()),
        Number::Decimal(v) => {
            Number::Decimal(Decimal { unscaled: v.unscaled.magnitude().clone().into(), scale: v.scale })
        }
    })
}

fn round(number: Number) -> Result<Number, Error> {
    // half up, towards positive infinity
    let nearest = |v: f64| if v - v.floor() >= 0.5 { v.floor() + 1.0 } else { v.floor() };
    Ok(match number {
        Number::Float(v) => Number::Float(nearest(v.into()) as i32 as f32),
        Number::Double(v) => Number::Double(nearest(v) as i64 as f64),
        Number::Decimal(v) => Number::Decimal(
            decimal::with_scale(&v, 0, Rounding::HalfUp)
                .map_err(|why| Error::server(format!("java.lang.ArithmeticException: {why}")))?,
        ),
        whole => whole,
    })
}

fn exp(number: Number) -> Result<Number, Error> {
    apply(number, f64::exp, transcendental::exp, None)
}

fn log(number: Number) -> Result<Number, Error> {
    apply(number, f64::ln, transcendental::log, Some("Natural log of number zero or less"))
}

fn log10(number: Number) -> Result<Number, Error> {
    // As on the machine that Java runs on, and as `ln` has it, the logarithm of a negative number is a negative NaN.
    let log10 = |value: f64| if value < 0.0 { -f64::NAN } else { value.log10() };
    apply(number, log10, transcendental::log10, Some("Log10 of number zero or less"))
}

/// Applies one of these functions: by doubles to numbers of fixed length, by decimals to the others.
/// `positive_only` is the text of Java's exception for numbers that are not above zero.
fn apply(
    number: Number,
    of_double: fn(f64) -> f64,
    of_decimal: fn(&Decimal) -> Result<Decimal, decimal::Failure>,
    positive_only: Option<&str>,
) -> Result<Number, Error> {
    let exact = match number {
        Number::Float(v) => return Ok(Number::Float(of_double(v.into()) as f32)),
        Number::Integer(v) => return Ok(Number::Double(of_double(v as f64))),
        Number::Double(v) => return Ok(Number::Double(of_double(v))),
        Number::Varint(ref v) => Decimal::from(v.clone()),
        Number::Decimal(ref v) => v.clone(),
    };
    let arithmetic = |why: &str| Error::server(format!("java.lang.ArithmeticException: {why}"));
    if let Some(why) = positive_only.filter(|_| exact.unscaled.sign() != num_bigint::Sign::Plus) {
        return Err(arithmetic(why));
    }
    let result = of_decimal(&exact).map_err(|why| arithmetic(&why))?;
    Ok(match number {
        Number::Varint(_) => Number::Varint(decimal::to_integer(&result)),
        _ => Number::Decimal(result),
    })
}
