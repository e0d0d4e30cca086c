//! Exponential and logarithms of decimals, to as many digits as Cassandra gives (`DecimalType.exp` and its kin).
//!
//! Everything is done in whole numbers that stand for `n * 10^-digits`, with digits to spare.

use num_bigint::{BigInt, Sign};

use super::decimal::{Failure, Rounding, divide_to_scale, round_to, strip_trailing_zeros, with_scale};
use crate::types::Decimal;

/// Significant digits of a result at least and at most; in between, as many as the argument has.
const DIGITS_MIN: usize = 32;
const DIGITS_MAX: usize = 10_000;
/// Digits to spare.
const GUARD: usize = 30;

fn precision(value: &Decimal) -> usize {
    value.precision().clamp(DIGITS_MIN, DIGITS_MAX)
}

/// A fixed number of digits behind the point.
struct Fixed {
    digits: usize,
    one: BigInt,
}

impl Fixed {
    fn new(digits: usize) -> Self {
        Self { digits, one: BigInt::from(10).pow(digits as u32) }
    }

    fn of(&self, value: &Decimal) -> Result<BigInt, Failure> {
        Ok(with_scale(value, self.digits as i32, Rounding::Down)?.unscaled)
    }

    fn multiply(&self, left: &BigInt, right: &BigInt) -> BigInt {
        left * right / &self.one
    }

    /// The inverse hyperbolic tangent of `1 / n`.
    fn atanh_of_inverse(&self, n: u32) -> BigInt {
        let square = BigInt::from(n) * n;
        let mut power = &self.one / n;
        let (mut sum, mut odd) = (power.clone(), 1_u32);
        while power.sign() != Sign::NoSign {
            power /= &square;
            odd += 2;
            sum += &power / odd;
        }
        sum
    }

    fn ln_ten(&self) -> BigInt {
        self.atanh_of_inverse(31) * 46 + self.atanh_of_inverse(49) * 34 + self.atanh_of_inverse(161) * 20
    }

    /// For numbers below three or so: halved until the series is short, squared back.
    fn exp(&self, value: &BigInt) -> BigInt {
        let halvings = 4 + (self.digits as f64).sqrt() as u32;
        let value: BigInt = value >> halvings;
        let mut term = self.one.clone();
        let mut sum = term.clone();
        for n in 1_u32.. {
            term = self.multiply(&term, &value) / n;
            if term.sign() == Sign::NoSign {
                break;
            }
            sum += &term;
        }
        for _ in 0..halvings {
            sum = self.multiply(&sum, &sum);
        }
        sum
    }

    /// For numbers between one and ten, from the double's logarithm on, each step with three times the digits.
    fn ln(&self, value: &BigInt, approximate: f64) -> BigInt {
        let mut result = BigInt::from((approximate * 1e15) as i64) * &self.one / 1_000_000_000_000_000_i64;
        let mut exact = 12;
        while exact < self.digits {
            let power = self.exp(&result);
            result += (value - &power) * 2 * &self.one / (value + &power);
            exact *= 3;
        }
        result
    }
}

/// The exponential of a number.
pub(super) fn exp(value: &Decimal) -> Result<Decimal, Failure> {
    if value.unscaled.sign() == Sign::NoSign {
        return Ok(BigInt::from(1).into());
    }
    let precision = precision(value);
    let approximate = value.to_f64();
    // beyond this the exponent of the result does not fit
    if approximate.abs() > 4.9e9 {
        return Err("Overflow".to_owned());
    }
    let fixed = Fixed::new(precision + GUARD + (precision as f64).sqrt() as usize);
    let tens = (approximate / std::f64::consts::LN_10).round() as i64;
    let rest = fixed.of(value)? - fixed.ln_ten() * tens;
    let scale = i32::try_from(fixed.digits as i64 - tens).map_err(|_| "Overflow".to_owned())?;
    round_to(Decimal { unscaled: fixed.exp(&rest), scale }, precision, Rounding::HalfEven)
}

/// The natural logarithm of a number above zero.
pub(super) fn log(value: &Decimal) -> Result<Decimal, Failure> {
    let precision = precision(value);
    log_to(value, precision)
}

fn log_to(value: &Decimal, precision: usize) -> Result<Decimal, Failure> {
    let length = value.precision();
    let fixed = Fixed::new(precision + GUARD + length.min(2 * DIGITS_MAX));
    // the number is `mantissa * 10^tens`, the mantissa between one and ten
    let tens = length as i64 - 1 - i64::from(value.scale);
    let mantissa = Decimal { unscaled: value.unscaled.clone(), scale: length as i32 - 1 };
    let scaled = fixed.of(&mantissa)?;
    let result = fixed.ln(&scaled, mantissa.to_f64().ln()) + fixed.ln_ten() * tens;
    // what is less than the digits to spare is nothing
    if scaled == fixed.one && tens == 0 {
        return Ok(BigInt::ZERO.into());
    }
    round_to(Decimal { unscaled: result, scale: fixed.digits as i32 }, precision, Rounding::HalfEven)
}

/// The logarithm to the base of ten of a number above zero: a quotient of natural ones, as Java's library computes
/// it. A power of ten has a whole logarithm only where the quotient of their digits comes out so.
pub(super) fn log10(value: &Decimal) -> Result<Decimal, Failure> {
    let precision = precision(value);
    let digits = precision + 2;
    let natural = log_to(value, digits)?;
    let ln_ten = log_to(&BigInt::from(10).into(), digits)?;
    let preferred = natural.scale.saturating_sub(ln_ten.scale);
    if natural.unscaled.sign() == Sign::NoSign {
        return Ok(Decimal { unscaled: BigInt::ZERO, scale: preferred });
    }
    let scale = natural.scale.saturating_add(2 * GUARD as i32);
    let quotient = divide_to_scale(&natural, &ln_ten, scale, Rounding::Down)?;
    let whole = strip_trailing_zeros(quotient.clone());
    let is_exact = whole.scale <= 0 && {
        let unscaled = &whole.unscaled * &ln_ten.unscaled;
        let product = Decimal { unscaled, scale: whole.scale.saturating_add(ln_ten.scale) };
        product.compare(&natural).is_eq()
    };
    if is_exact {
        return with_scale(&whole, whole.scale.max(preferred), Rounding::Down);
    }
    round_to(round_to(quotient, digits, Rounding::HalfEven)?, precision, Rounding::HalfEven)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn check(function: fn(&Decimal) -> Result<Decimal, Failure>, argument: &str, expected: &str) {
        assert_eq!(function(&Decimal::parse(argument).unwrap()).unwrap().to_string(), expected);
    }

    #[test]
    fn known_digits() {
        check(exp, "0", "1");
        check(exp, "1", "2.7182818284590452353602874713527");
        check(exp, "-10", "0.000045399929762484851535591515560551");
        check(exp, "1000", "1.9700711140170469938888793522433E+434");
        check(log, "10", "2.3025850929940456840179914546844");
        check(log, "2", "0.69314718055994530941723212145818");
        check(log, "1", "0");
        check(log, "0.5", "-0.69314718055994530941723212145818");
        check(log10, "2", "0.30102999566398119521373889472449");
        assert!(exp(&Decimal::parse("1E+10").unwrap()).is_err());
    }
}
