//! Varints and decimals: two's complement numbers of any length, with a scale before them for decimals.
//!
//! ```text
//! varint    two's complement, big-endian
//! decimal   scale: i32 | unscaled value as a varint         value = unscaled * 10^-scale
//! ```
//!
//! A scale may be anything that fits `i32`, so nothing here raises ten to it unless the result stays small.

use std::cmp::Ordering;
use std::fmt::{self, Write};

use num_bigint::{BigInt, Sign};

use super::compare::compare_varint;

/// The number that the bytes of a varint stand for; zero for none.
pub fn decode_varint(bytes: &[u8]) -> BigInt {
    BigInt::from_signed_bytes_be(bytes)
}

/// The shortest bytes that stand for `value`.
pub fn encode_varint(value: &BigInt) -> Vec<u8> {
    value.to_signed_bytes_be()
}

/// A number as Java's `BigInteger` reads it: decimal digits with a sign or without.
pub fn parse_varint(text: &str) -> Option<BigInt> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| text.parse().ok()).flatten()
}

/// A decimal number (Java: `BigDecimal`): `unscaled * 10^-scale`. Equal only if scales are too.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the type says what the fields are")]
pub struct Decimal {
    pub unscaled: BigInt,
    pub scale: i32,
}

impl Decimal {
    /// The number that the bytes of a decimal stand for; `None` if they are too few.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (scale, unscaled) = bytes.split_first_chunk::<4>()?;
        Some(Self { unscaled: decode_varint(unscaled), scale: i32::from_be_bytes(*scale) })
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.scale.to_be_bytes().to_vec();
        bytes.extend(encode_varint(&self.unscaled));
        bytes
    }

    /// A number as Java's `BigDecimal` reads it: digits, a point, an exponent.
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => {
                let exponent = &text[at + 1..];
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                (&text[..at], exponent.parse::<i32>().ok()?.into())
            }
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if fraction.starts_with(['+', '-']) {
            return None;
        }
        let unscaled = parse_varint(&format!("{whole}{fraction}"))?;
        let scale = i32::try_from((fraction.len() as i64).checked_sub(exponent)?).ok()?;
        Some(Self { unscaled, scale })
    }

    /// The number of decimal digits of the unscaled value; 1 for zero.
    pub fn precision(&self) -> usize {
        digits(&self.unscaled).len()
    }

    /// The closest double.
    pub fn to_f64(&self) -> f64 {
        format!("{}e{}", self.unscaled, -i64::from(self.scale)).parse().unwrap_or(f64::NAN)
    }

    /// The closest float.
    pub fn to_f32(&self) -> f32 {
        format!("{}e{}", self.unscaled, -i64::from(self.scale)).parse().unwrap_or(f32::NAN)
    }
}

impl From<BigInt> for Decimal {
    fn from(unscaled: BigInt) -> Self {
        Self { unscaled, scale: 0 }
    }
}

fn digits(value: &BigInt) -> String {
    value.magnitude().to_string()
}

impl fmt::Display for Decimal {
    /// As `BigDecimal.toString`: with an exponent where the scale is negative or the number very small.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unscaled.sign() == Sign::Minus {
            f.write_char('-')?;
        }
        let digits = digits(&self.unscaled);
        let scale = i64::from(self.scale);
        let adjusted = digits.len() as i64 - 1 - scale;
        if scale == 0 {
            return f.write_str(&digits);
        }
        if scale > 0 && adjusted >= -6 {
            let scale = scale as usize;
            return match digits.len().checked_sub(scale) {
                Some(point) if point > 0 => write!(f, "{}.{}", &digits[..point], &digits[point..]),
                _ => write!(f, "0.{digits:0>scale$}"),
            };
        }
        f.write_str(&digits[..1])?;
        if digits.len() > 1 {
            write!(f, ".{}", &digits[1..])?;
        }
        if adjusted == 0 { Ok(()) } else { write!(f, "E{adjusted:+}") }
    }
}

/// How the numbers of two decimals compare (Java: `BigDecimal.compareTo`; scales do not matter).
pub(super) fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let (Some((left_scale, l)), Some((right_scale, r))) =
        (left.split_first_chunk::<4>(), right.split_first_chunk::<4>())
    else {
        return left.cmp(right);
    };
    if left_scale == right_scale && !l.is_empty() && !r.is_empty() {
        return compare_varint(l, r);
    }
    match (Decimal::decode(left), Decimal::decode(right)) {
        (Some(l), Some(r)) => l.compare(&r),
        _ => left.cmp(right),
    }
}

impl Decimal {
    /// How the numbers compare, whatever their scales.
    pub fn compare(&self, other: &Decimal) -> Ordering {
        let (sign, other_sign) = (self.unscaled.sign(), other.unscaled.sign());
        if sign != other_sign || sign == Sign::NoSign {
            return sign.cmp(&other_sign);
        }
        let (left, right) = (digits(&self.unscaled), digits(&other.unscaled));
        let magnitude = |digits: &str, scale: i32| digits.len() as i64 - i64::from(scale);
        let order = magnitude(&left, self.scale).cmp(&magnitude(&right, other.scale)).then_with(|| {
            // the same place of the first digit: compare digit by digit, trailing zeros do not count
            left.trim_end_matches('0').cmp(right.trim_end_matches('0'))
        });
        if sign == Sign::Minus { order.reverse() } else { order }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_as_java_writes_it() {
        for (text, expected) in [
            ("0", "0"),
            ("-0.00", "0.00"),
            ("1.0E3", "1.0E+3"),
            ("1E+3", "1E+3"),
            ("123.4500", "123.4500"),
            ("-.5", "-0.5"),
            ("5.", "5"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1E-7"),
            ("1.23E-10", "1.23E-10"),
            ("+7", "7"),
            ("1e-2147483647", "1E-2147483647"),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), expected);
        }
        for text in ["", ".", "1e", "1.-2", "1_0", "abc", "1e99999999999", "--1", " 1"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn comparing_never_expands_the_scale() {
        let small = Decimal::parse("1E-2147483647").unwrap();
        let large = Decimal::parse("9E+2147483647").unwrap();
        assert_eq!(small.compare(&large), Ordering::Less);
        assert_eq!(Decimal::parse("1.0").unwrap().compare(&Decimal::parse("1").unwrap()), Ordering::Equal);
        assert_eq!(Decimal::parse("-1.01").unwrap().compare(&Decimal::parse("-1").unwrap()), Ordering::Less);
    }

    proptest! {
        #[test]
        fn round_trip_and_order(a: i64, b: i64, sa in 0_i32..12, sb in 0_i32..12) {
            let left = Decimal { unscaled: a.into(), scale: sa };
            let right = Decimal { unscaled: b.into(), scale: sb };
            prop_assert_eq!(Decimal::decode(&left.encode()), Some(left.clone()));
            prop_assert_eq!(Decimal::parse(&left.to_string()), Some(left.clone()));
            let scaled = |v: i64, s: i32| i128::from(v) * 10_i128.pow(12 - s as u32);
            prop_assert_eq!(compare(&left.encode(), &right.encode()), scaled(a, sa).cmp(&scaled(b, sb)));
        }
    }
}
