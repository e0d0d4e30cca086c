//! Numbers of any type, and how they turn into each other (Java: `Number`).

use num_bigint::BigInt;

use crate::types::{CqlType, Decimal, decode_varint, encode_varint, java_double, java_float};

/// The numeric types, in the order in which Cassandra registers their functions.
pub(super) const NUMERIC: [CqlType; 9] = [
    CqlType::Tinyint,
    CqlType::Smallint,
    CqlType::Int,
    CqlType::Bigint,
    CqlType::Float,
    CqlType::Double,
    CqlType::Decimal,
    CqlType::Varint,
    CqlType::Counter,
];

/// A number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    /// One of the integers of fixed length, or a counter.
    Integer(i64),
    Float(f32),
    Double(f64),
    Varint(BigInt),
    Decimal(Decimal),
}

/// Bits beyond these make no difference to the last 64 of a whole number with so many zeros at its end.
const ZEROS_MAX: i32 = 64;

impl Number {
    /// The number that a value of this type holds; none where it is empty.
    pub fn decode(cql_type: &CqlType, value: &[u8]) -> Option<Number> {
        if value.is_empty() {
            return None;
        }
        Some(match cql_type {
            CqlType::Tinyint => Self::Integer(i8::from_be_bytes(*value.as_array()?).into()),
            CqlType::Smallint => Self::Integer(i16::from_be_bytes(*value.as_array()?).into()),
            CqlType::Int => Self::Integer(i32::from_be_bytes(*value.as_array()?).into()),
            CqlType::Bigint | CqlType::Counter => Self::Integer(i64::from_be_bytes(*value.as_array()?)),
            CqlType::Float => Self::Float(f32::from_be_bytes(*value.as_array()?)),
            CqlType::Double => Self::Double(f64::from_be_bytes(*value.as_array()?)),
            CqlType::Varint => Self::Varint(decode_varint(value)),
            CqlType::Decimal => Self::Decimal(Decimal::decode(value)?),
            _ => return None,
        })
    }

    /// Java's `longValue`: floats are cut to the range, longer numbers to their last bits.
    pub fn to_i64(&self) -> i64 {
        match self {
            Self::Integer(v) => *v,
            Self::Float(v) => *v as i64,
            Self::Double(v) => *v as i64,
            Self::Varint(v) => last_bits(v),
            Self::Decimal(v) if v.scale <= -ZEROS_MAX => 0,
            Self::Decimal(v) => last_bits(&super::decimal::to_integer(v)),
        }
    }

    /// Java's `intValue`.
    pub fn to_i32(&self) -> i32 {
        match self {
            Self::Float(v) => *v as i32,
            Self::Double(v) => *v as i32,
            _ => self.to_i64() as i32,
        }
    }

    /// Java's `doubleValue`.
    pub fn to_f64(&self) -> f64 {
        match self {
            Self::Integer(v) => *v as f64,
            Self::Float(v) => (*v).into(),
            Self::Double(v) => *v,
            Self::Varint(v) => Decimal::from(v.clone()).to_f64(),
            Self::Decimal(v) => v.to_f64(),
        }
    }

    /// Java's `floatValue`.
    pub fn to_f32(&self) -> f32 {
        match self {
            Self::Integer(v) => *v as f32,
            Self::Float(v) => *v,
            Self::Double(v) => *v as f32,
            Self::Varint(v) => Decimal::from(v.clone()).to_f32(),
            Self::Decimal(v) => v.to_f32(),
        }
    }

    /// As an operand of varints.
    pub fn to_varint(&self) -> BigInt {
        match self {
            Self::Varint(v) => v.clone(),
            other => other.to_i64().into(),
        }
    }

    /// As an operand of decimals: numbers of fixed length by way of a double (Cassandra:
    /// `DecimalType.toBigDecimal`). The error is the text of Java's exception.
    pub fn to_decimal_operand(&self) -> Result<Decimal, String> {
        match self {
            Self::Decimal(v) => Ok(v.clone()),
            Self::Varint(v) => Ok(v.clone().into()),
            other => match other.to_f64() {
                d if d.is_nan() => Err("A NaN cannot be converted into a decimal".to_owned()),
                d if d.is_infinite() => {
                    Err("An infinite number cannot be converted into a decimal".to_owned())
                }
                d => Ok(decimal_of(&java_double(d))),
            },
        }
    }

    /// As a decimal in the sense of `CAST`; none where it is no finite number.
    pub fn to_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Float(v) => v.is_finite().then(|| decimal_of(&java_float(*v))),
            Self::Double(v) => v.is_finite().then(|| decimal_of(&java_double(*v))),
            Self::Varint(v) => Some(v.clone().into()),
            Self::Decimal(v) => Some(v.clone()),
            Self::Integer(v) => Some(BigInt::from(*v).into()),
        }
    }

    /// The value of this number in a type. A decimal only where it is one already or finite.
    pub fn encode(&self, cql_type: &CqlType) -> Option<Vec<u8>> {
        Some(match cql_type {
            CqlType::Tinyint => (self.to_i32() as i8).to_be_bytes().into(),
            CqlType::Smallint => (self.to_i32() as i16).to_be_bytes().into(),
            CqlType::Int => self.to_i32().to_be_bytes().into(),
            CqlType::Bigint | CqlType::Counter => self.to_i64().to_be_bytes().into(),
            CqlType::Float => self.to_f32().to_be_bytes().into(),
            CqlType::Double => self.to_f64().to_be_bytes().into(),
            CqlType::Varint => encode_varint(&self.to_varint()),
            CqlType::Decimal => self.to_decimal()?.encode(),
            _ => return None,
        })
    }
}

fn decimal_of(text: &str) -> Decimal {
    Decimal::parse(text).unwrap_or_else(|| BigInt::ZERO.into())
}

fn last_bits(value: &BigInt) -> i64 {
    let bytes = value.to_signed_bytes_le();
    let fill = if value.sign() == num_bigint::Sign::Minus { 0xff } else { 0 };
    let mut last = [fill; 8];
    let length = bytes.len().min(8);
    last[..length].copy_from_slice(&bytes[..length]);
    i64::from_le_bytes(last)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn narrowing_as_java_does() {
        assert_eq!(Number::Double(1e30).to_i32() as i8, -1);
        assert_eq!(Number::Double(f64::NAN).to_i64(), 0);
        assert_eq!(Number::Integer(300).encode(&CqlType::Tinyint), Some(vec![44]));
        let big: BigInt = "-18446744073709551617".parse().unwrap();
        assert_eq!(Number::Varint(big).to_i64(), -1);
        assert_eq!(Number::Decimal(Decimal::parse("-12.9").unwrap()).to_i64(), -12);
        assert_eq!(Number::Decimal(Decimal::parse("1E+2000000000").unwrap()).to_i64(), 0);
        assert_eq!(Number::Decimal(Decimal::parse("1E-2000000000").unwrap()).to_i64(), 0);
    }
}
