//! Arithmetic of decimals as Java's `BigDecimal` and Cassandra's `DecimalType` do it.

use num_bigint::{BigInt, Sign};

use crate::types::Decimal;

/// Digits that results of arithmetic have at most.
const PRECISION_MAX: usize = 10_000;
/// Digits that a division gives at least, and the scale it gives at most.
const DIGITS_MIN: i64 = 32;
const SCALE_MAX: i64 = 1000;
/// Scales further apart than this are not brought together: Java would, with gigabytes of zeros.
const SCALING_MAX: i64 = 1_000_000;

/// The text of Java's exception.
pub(super) type Failure = String;

fn failure(text: &str) -> Failure {
    text.to_owned()
}

/// How a quotient is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    Down,
    HalfUp,
    HalfEven,
}

fn power_of_ten(exponent: i64) -> Result<BigInt, Failure> {
    match u32::try_from(exponent) {
        Ok(exponent) if i64::from(exponent) <= SCALING_MAX => Ok(BigInt::from(10).pow(exponent)),
        _ => Err(failure("Overflow")),
    }
}

fn decimal(unscaled: BigInt, scale: i64) -> Result<Decimal, Failure> {
    match i32::try_from(scale) {
        Ok(scale) => Ok(Decimal { unscaled, scale }),
        Err(_) if unscaled.sign() == Sign::NoSign => {
            let scale = if scale > 0 { i32::MAX } else { i32::MIN };
            Ok(Decimal { unscaled, scale })
        }
        Err(_) => Err(failure(if scale > 0 { "Underflow" } else { "Overflow" })),
    }
}

/// A quotient of whole numbers.
fn divide_rounded(dividend: &BigInt, divisor: &BigInt, rounding: Rounding) -> BigInt {
    let quotient = dividend / divisor;
    let rest = dividend - &quotient * divisor;
    if rest.sign() == Sign::NoSign || rounding == Rounding::Down {
        return quotient;
    }
    let twice = rest.magnitude() * 2_u32;
    let away = match twice.cmp(divisor.magnitude()) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => rounding == Rounding::HalfUp || quotient.bit(0),
    };
    match (away, dividend.sign() == divisor.sign()) {
        (false, _) => quotient,
        (true, true) => quotient + 1,
        (true, false) => quotient - 1,
    }
}

/// The same number with another scale.
pub(super) fn with_scale(value: &Decimal, scale: i32, rounding: Rounding) -> Result<Decimal, Failure> {
    let raise = i64::from(scale) - i64::from(value.scale);
    let unscaled = if value.unscaled.sign() == Sign::NoSign {
        BigInt::ZERO
    } else if raise >= 0 {
        &value.unscaled * power_of_ten(raise)?
    } else if -raise > value.precision() as i64 + 1 {
        BigInt::ZERO
    } else {
        divide_rounded(&value.unscaled, &power_of_ten(-raise)?, rounding)
    };
    Ok(Decimal { unscaled, scale })
}

/// The whole part. Numbers too long for any use here count as zero.
pub(super) fn to_integer(value: &Decimal) -> BigInt {
    with_scale(value, 0, Rounding::Down).map_or(BigInt::ZERO, |whole| whole.unscaled)
}

/// Cuts the number to so many digits.
pub(super) fn round_to(value: Decimal, precision: usize, rounding: Rounding) -> Result<Decimal, Failure> {
    let mut value = value;
    loop {
        let drop = value.precision() as i64 - precision as i64;
        if drop <= 0 {
            return Ok(value);
        }
        let unscaled = divide_rounded(&value.unscaled, &power_of_ten(drop)?, rounding);
        value = decimal(unscaled, i64::from(value.scale) - drop)?;
    }
}

/// The exact sum.
pub(super) fn add_exactly(left: &Decimal, right: &Decimal) -> Result<Decimal, Failure> {
    let scale = left.scale.max(right.scale);
    let left = with_scale(left, scale, Rounding::Down)?;
    let right = with_scale(right, scale, Rounding::Down)?;
    Ok(Decimal { unscaled: left.unscaled + right.unscaled, scale })
}

/// The sum, of no more than ten thousand digits.
pub(super) fn add(left: &Decimal, right: &Decimal) -> Result<Decimal, Failure> {
    let no_sign = |d: &Decimal| d.unscaled.sign() == Sign::NoSign;
    if no_sign(left) || no_sign(right) {
        return add_zero(left, right);
    }
    let (mut big, mut small) = (left.clone(), right.clone());
    let adjusted = |d: &Decimal| i64::from(d.scale) - d.precision() as i64;
    if adjusted(&big) > adjusted(&small) {
        std::mem::swap(&mut big, &mut small);
    }
    // A number too small to reach the last digit of the result counts as a trace of itself.
    let last = adjusted(&big) + PRECISION_MAX as i64;
    let small_first = adjusted(&small) + 1;
    if small_first > i64::from(big.scale) + 2 && small_first > last + 2 {
        let trace = if small.unscaled.sign() == Sign::Minus { -1 } else { 1 };
        small = decimal(trace.into(), i64::from(big.scale).max(last) + 3)?;
    }
    round_to(add_exactly(&big, &small)?, PRECISION_MAX, Rounding::HalfUp)
}

/// A sum of which one side is zero: the scale is the greater one, as far as the digits reach.
fn add_zero(left: &Decimal, right: &Decimal) -> Result<Decimal, Failure> {
    let scale = left.scale.max(right.scale);
    let other = if left.unscaled.sign() == Sign::NoSign { right } else { left };
    if other.unscaled.sign() == Sign::NoSign {
        return Ok(Decimal { unscaled: BigInt::ZERO, scale });
    }
    let result = round_to(other.clone(), PRECISION_MAX, Rounding::HalfUp)?;
    let room = PRECISION_MAX as i64 - result.precision() as i64;
    let scale = i64::from(scale).min(i64::from(result.scale) + room);
    let scale = scale.max(result.scale.into());
    with_scale(&result, i32::try_from(scale).unwrap_or(result.scale), Rounding::Down)
}

/// The difference, of no more than ten thousand digits.
pub(super) fn subtract(left: &Decimal, right: &Decimal) -> Result<Decimal, Failure> {
    add(left, &negate(right))
}

/// The same number with the other sign.
pub(super) fn negate(value: &Decimal) -> Decimal {
    Decimal { unscaled: -&value.unscaled, scale: value.scale }
}

/// The product, of no more than ten thousand digits.
pub(super) fn multiply(left: &Decimal, right: &Decimal) -> Result<Decimal, Failure> {
    let scale = i64::from(left.scale) + i64::from(right.scale);
    round_to(decimal(&left.unscaled * &right.unscaled, scale)?, PRECISION_MAX, Rounding::HalfUp)
}

/// The quotient with this scale.
pub(super) fn divide_to_scale(
    left: &Decimal,
    right: &Decimal,
    scale: i32,
    rounding: Rounding,
) -> Result<Decimal, Failure> {
    if right.unscaled.sign() == Sign::NoSign {
        return Err(failure("BigInteger divide by zero"));
    }
    let raise = i64::from(scale) - i64::from(left.scale) + i64::from(right.scale);
    let unscaled = if raise >= 0 {
        divide_rounded(&(&left.unscaled * power_of_ten(raise)?), &right.unscaled, rounding)
    } else {
        divide_rounded(&left.unscaled, &(&right.unscaled * power_of_ten(-raise)?), rounding)
    };
    Ok(Decimal { unscaled, scale })
}

/// The quotient with the scale that Cassandra gives it, without zeros at its end.
pub(super) fn divide(left: &Decimal, right: &Decimal) -> Result<Decimal, Failure> {
    let first_digit = |d: &Decimal| d.precision() as i64 - i64::from(d.scale);
    let scale = (DIGITS_MIN - (first_digit(left) - first_digit(right)))
        .max(left.scale.into())
        .max(right.scale.into())
        .clamp(DIGITS_MIN, SCALE_MAX);
    divide_to_scale(left, right, scale as i32, Rounding::HalfUp).map(strip_trailing_zeros)
}

/// The same number with the lowest scale that holds it; zero with scale zero.
pub(super) fn strip_trailing_zeros(value: Decimal) -> Decimal {
    if value.unscaled.sign() == Sign::NoSign {
        return BigInt::ZERO.into();
    }
    let zeros = trailing_zeros(&value.unscaled);
    match i32::try_from(i64::from(value.scale) - zeros as i64) {
        Ok(scale) => with_scale(&value, scale, Rounding::Down).unwrap_or(value),
        Err(_) => value,
    }
}

fn trailing_zeros(value: &BigInt) -> usize {
    let digits = value.to_string();
    digits.len() - digits.trim_end_matches('0').len()
}

/// What a division to a whole number leaves, with the sign of the dividend.
pub(super) fn remainder(left: &Decimal, right: &Decimal) -> Result<Decimal, Failure> {
    if right.unscaled.sign() == Sign::NoSign {
        let zero = left.unscaled.sign() == Sign::NoSign;
        return Err(failure(if zero { "Division undefined" } else { "Division by zero" }));
    }
    let scale = left.scale.max(right.scale);
    let dividend = with_scale(left, scale, Rounding::Down)?;
    let divisor = with_scale(right, scale, Rounding::Down)?;
    let quotient = &dividend.unscaled / &divisor.unscaled;
    let rest = dividend.unscaled - &quotient * divisor.unscaled;
    // the scale is that of what is subtracted, whose quotient has no more zeros than it needs
    let preferred = i64::from(left.scale) - i64::from(right.scale);
    let zeros = || -(trailing_zeros(&quotient) as i64);
    let of_quotient =
        if preferred >= 0 || quotient.sign() == Sign::NoSign { preferred } else { preferred.max(zeros()) };
    let result_scale = i64::from(left.scale).max(of_quotient + i64::from(right.scale));
    let result_scale = i32::try_from(result_scale).unwrap_or(scale);
    with_scale(&Decimal { unscaled: rest, scale }, result_scale, Rounding::Down)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn arithmetic() {
        let text = |d: Result<Decimal, Failure>| d.unwrap().to_string();
        assert_eq!(text(add(&number("1.10"), &number("2"))), "3.10");
        assert_eq!(text(subtract(&number("1"), &number("0.25"))), "0.75");
        assert_eq!(text(multiply(&number("1.5"), &number("-2.0"))), "-3.00");
        assert_eq!(text(divide(&number("1"), &number("3"))), "0.33333333333333333333333333333333");
        assert_eq!(text(divide(&number("10"), &number("4"))), "2.5");
        assert_eq!(text(divide(&number("100"), &number("1"))), "1E+2");
        assert_eq!(text(remainder(&number("-7.5"), &number("2"))), "-1.5");
        assert_eq!(text(with_scale(&number("2.5"), 0, Rounding::HalfUp)), "3");
        assert_eq!(text(with_scale(&number("2.5"), 0, Rounding::HalfEven)), "2");
        assert_eq!(text(with_scale(&number("-0.4"), 0, Rounding::HalfUp)), "0");
        let sum = add(&number("1E+100000"), &number("-1")).unwrap();
        assert_eq!(sum.precision(), PRECISION_MAX);
    }

    #[test]
    fn absurd_scales_fail_instead_of_filling_memory() {
        assert!(add_exactly(&number("1E+2000000000"), &number("1")).is_err());
        assert!(with_scale(&number("1E+2000000000"), 0, Rounding::HalfUp).is_err());
        assert!(remainder(&number("1E+2000000000"), &number("3")).is_err());
        assert!(multiply(&number("1E+2000000000"), &number("1E+2000000000")).is_err());
        assert_eq!(divide(&number("1"), &number("0")).unwrap_err(), "BigInteger divide by zero");
    }
}
