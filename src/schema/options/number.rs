//! Numbers as Java prints and reads them.

/// The text of a double as Java's `Double.toString` gives it: `1.0`, `0.01`, `1.0E-4`.
pub fn java_double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{value:?}");
    }
    // Rust's `e` form has the shortest digits, without a fraction where there is none.
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => format!("{digits}E{exponent}"),
        Some((digits, exponent)) => format!("{digits}.0E{exponent}"),
        None => text,
    }
}

/// A double as Java's `Double.parseDouble` reads it, but for hexadecimal ones.
pub(super) fn parse_double(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    match text.strip_prefix(['+', '-']).unwrap_or(text) {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        _ => {}
    }
    // Rust would also read `inf` and `nan`.
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    if digits.chars().all(plain) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_in_java() {
        let cases = [(1.0, "1.0"), (0.01, "0.01"), (1e-4, "1.0E-4"), (6.71e-5, "6.71E-5"), (1e7, "1.0E7")];
        for (value, text) in cases.into_iter().chain([(0.0, "0.0"), (-1.5, "-1.5"), (f64::NAN, "NaN")]) {
            assert_eq!(java_double(value), text);
        }
    }

    #[test]
    fn doubles_are_read_as_in_java() {
        for (text, value) in
            [("1", 1.0), (" 0.5 ", 0.5), ("1e-3", 0.001), ("2d", 2.0), ("-Infinity", f64::NEG_INFINITY)]
        {
            assert_eq!(parse_double(text), Some(value));
        }
        for text in ["", "x", "inf", "nan", "1,5", "--1"] {
            assert_eq!(parse_double(text), None, "{text}");
        }
    }
}
