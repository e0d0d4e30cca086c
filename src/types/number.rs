//! Floating-point numbers as Java reads and writes them.

use std::cmp::Ordering;

use num_bigint::BigUint;
use num_traits::ToPrimitive;

/// The text of a double as Java's `Double.toString` writes it: `1.0`, `1.0E10`, `NaN`, `-Infinity`. The digits
/// are those of Java up to version 18, which Cassandra 5.0 runs on: not always the fewest. (Java's last digit is
/// one too low where its 64 bits overflow, as for the float 2^83; ours is not.)
pub fn java_double(value: f64) -> String {
    let bits = value.to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), (bits >> 52 & 0x7ff) as i32);
    let number = match exponent {
        0 => Binary { mantissa: fraction, exponent: -1074, precision: 53 },
        _ => Binary { mantissa: fraction | 1 << 52, exponent: exponent - 1075, precision: 53 },
    };
    java_text(value, &number)
}

/// The text of a float as Java's `Float.toString` writes it.
pub fn java_float(value: f32) -> String {
    let bits = value.to_bits();
    let (fraction, exponent) = (u64::from(bits & ((1 << 23) - 1)), (bits >> 23 & 0xff) as i32);
    let number = match exponent {
        0 => Binary { mantissa: fraction, exponent: -149, precision: 24 },
        _ => Binary { mantissa: fraction | 1 << 23, exponent: exponent - 150, precision: 24 },
    };
    java_text(value.into(), &number)
}

/// `mantissa * 2^exponent`, of a format with so many bits.
struct Binary {
    mantissa: u64,
    exponent: i32,
    precision: i32,
}

impl Binary {
    /// The digits that Java finds, and the power of ten of the first one.
    fn digits(&self) -> (String, i32) {
        // the exponent of the first bit, and how many bits lie behind the point
        let first_bit = self.exponent + 63 - self.mantissa.leading_zeros() as i32;
        let last_bit = self.exponent + self.mantissa.trailing_zeros() as i32;
        if last_bit >= 0 && first_bit <= 62 && first_bit - last_bit < 63 {
            return self.whole_digits(first_bit);
        }
        self.shortest_digits(first_bit, last_bit)
    }

    /// Of a whole number the digits that its bits reach.
    fn whole_digits(&self, first_bit: i32) -> (String, i32) {
        let value =
            if self.exponent >= 0 { self.mantissa << self.exponent } else { self.mantissa >> -self.exponent };
        let significant = self.significant_bits(first_bit);
        let lost_bits = first_bit - significant - 1;
        let lost = if first_bit > significant && lost_bits > 1 {
            (f64::from(lost_bits) * std::f64::consts::LOG10_2) as u32
        } else {
            0
        };
        let unit = 10_u64.pow(lost);
        let rounded = value / unit + u64::from(lost > 0 && value % unit >= unit / 2);
        let digits = rounded.to_string();
        let exponent = digits.len() as i32 - 1 + lost as i32;
        let digits = digits.trim_end_matches('0').to_owned();
        (if digits.is_empty() { "0".to_owned() } else { digits }, exponent)
    }

    /// How many bits count: fewer below the least normal number.
    fn significant_bits(&self, first_bit: i32) -> i32 {
        self.precision.min(first_bit - self.exponent + 1)
    }

    /// Digits until what is left is less than half a unit of the last bit.
    fn shortest_digits(&self, first_bit: i32, last_bit: i32) -> (String, i32) {
        // value = b / s, half a unit of the last bit = m / s
        let significant = self.significant_bits(first_bit);
        let half_unit = first_bit - significant - i32::from(first_bit == last_bit && significant > 1);
        let low = half_unit.min(self.exponent).min(0);
        let power = |exponent: i32| BigUint::from(1_u32) << exponent.unsigned_abs();
        let mut b = BigUint::from(self.mantissa) << (self.exponent - low).unsigned_abs();
        let mut m = power(half_unit - low);
        let mut s = power(low);
        // Java's estimate, which may be one too high
        let leading = self.mantissa as f64 / 2_f64.powi(first_bit - self.exponent);
        let estimate =
            (leading - 1.5) * 0.289529654 + 0.176091259 + f64::from(first_bit) * std::f64::consts::LOG10_2;
        let mut exponent = estimate.floor() as i32;
        match u32::try_from(exponent) {
            Ok(exponent) => s *= BigUint::from(10_u32).pow(exponent),
            Err(_) => {
                let scale = BigUint::from(10_u32).pow(exponent.unsigned_abs());
                b *= &scale;
                m *= scale;
            }
        }
        let ten_s = &s * 10_u32;
        let too_high = b < s;
        if too_high {
            exponent -= 1;
            b *= 10_u32;
            m *= 10_u32;
        }
        let mut digits = Vec::new();
        let (mut below, mut above) = (false, false);
        while !below && !above {
            digits.push((&b / &s).to_u8().unwrap_or(0));
            b = (b % &s) * 10_u32;
            m *= 10_u32;
            // with an exponent there is always a digit behind the point, unless Java counts a zero before it
            let free = digits.len() > 1 || too_high || (-3..8).contains(&exponent);
            below = free && b < m;
            above = free && &b + &m > ten_s;
        }
        let round_up = above
            && (!below
                || match (b * 2_u32).cmp(&ten_s) {
                    Ordering::Equal => digits.last().is_some_and(|d| d % 2 == 1),
                    order => order == Ordering::Greater,
                });
        if round_up && !increment(&mut digits) {
            exponent += 1;
        }
        (digits.iter().map(|d| char::from(b'0' + d)).collect(), exponent)
    }
}

/// Adds one to the last digit; false where all were nines, so that the number has one digit more.
fn increment(digits: &mut [u8]) -> bool {
    for digit in digits.iter_mut().rev() {
        if *digit < 9 {
            *digit += 1;
            return true;
        }
        *digit = 0;
    }
    if let Some(first) = digits.first_mut() {
        *first = 1;
    }
    false
}

fn java_text(value: f64, number: &Binary) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}Infinity");
    }
    if value == 0.0 {
        return format!("{sign}0.0");
    }
    let (digits, exponent) = number.digits();
    if !(-3..7).contains(&exponent) {
        let rest = if digits.len() > 1 { &digits[1..] } else { "0" };
        return format!("{sign}{}.{rest}E{exponent}", &digits[..1]);
    }
    if exponent < 0 {
        let zeros = "0".repeat((-exponent - 1) as usize);
        return format!("{sign}0.{zeros}{digits}");
    }
    let point = exponent as usize + 1;
    let whole = digits.get(..point).map_or_else(|| format!("{digits:0<point$}"), str::to_owned);
    let fraction = digits.get(point..).filter(|f| !f.is_empty()).unwrap_or("0");
    format!("{sign}{whole}.{fraction}")
}

/// The decimal digits of a float as Java reads them, without the blanks and the type suffix that Java also
/// takes; `None` for text that is none. Not-a-number and infinities pass.
fn java_syntax(text: &str) -> Option<&str> {
    let text = text.trim_matches(|c| c <= ' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, "NaN" | "Infinity") {
        return Some(text);
    }
    let text = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
    let starts = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    (starts && text.chars().all(allowed)).then_some(text)
}

/// A double as Java's `Double.parseDouble` reads it.
pub(super) fn parse_double(text: &str) -> Option<f64> {
    java_syntax(text)?.parse().ok()
}

/// A float as Java's `Float.parseFloat` reads it.
pub(super) fn parse_float(text: &str) -> Option<f32> {
    java_syntax(text)?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn text_as_java_writes_it() {
        for (value, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (1234567.0, "1234567.0"),
            (12345678.0, "1.2345678E7"),
            (1e7, "1.0E7"),
            (123.456, "123.456"),
            (-1.5e300, "-1.5E300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (100.0, "100.0"),
        ] {
            assert_eq!(java_double(value), text);
        }
        assert_eq!(java_float(0.1), "0.1");
        assert_eq!(java_float(1.0e10), "1.0E10");
        assert_eq!(java_float(f32::MAX), "3.4028235E38");
    }

    #[test]
    fn text_as_java_reads_it() {
        for (text, value) in [
            ("1", 1.0),
            (" 1.5 ", 1.5),
            ("1e3", 1e3),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1f", 1.0),
            ("1E+2d", 100.0),
        ] {
            assert_eq!(parse_double(text), Some(value), "{text}");
        }
        assert!(parse_double("NaN").unwrap().is_nan());
        assert_eq!(parse_double("-Infinity"), Some(f64::NEG_INFINITY));
        for bad in ["", "inf", "nan", "infinity", "1_0", "abc", "e5", "--1", "1e", "."] {
            assert_eq!(parse_double(bad), None, "{bad}");
        }
    }
}
