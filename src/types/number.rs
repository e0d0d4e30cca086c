//! Floating-point numbers as Java reads and writes them.

/// The text of a double as Java's `Double.toString` writes it: `1.0`, `1.0E10`, `NaN`, `-Infinity`.
pub fn java_double(value: f64) -> String {
    java_text(value, format!("{value:e}"), (1e-3..1e7).contains(&value.abs()))
}

/// The text of a float as Java's `Float.toString` writes it.
pub fn java_float(value: f32) -> String {
    java_text(value.into(), format!("{value:e}"), (1e-3..1e7).contains(&value.abs()))
}

/// `scientific` has the digits that Rust finds to be the fewest: `-1.25e-7`.
fn java_text(value: f64, scientific: String, plain: bool) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}Infinity");
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 {
        return format!("{sign}0.0");
    }
    if !plain {
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
