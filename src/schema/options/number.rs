//! Numbers as Java reads them.

/// A double as Java's `Double.parseDouble` reads it, but for hexadecimal ones.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
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
