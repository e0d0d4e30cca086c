//! Numbers and tables as Java's tools print them.

use std::fmt::Write as _;

const KIB: f64 = 1024.0;

/// Bytes as `FileUtils.stringifyFileSize`: `90.53 KiB`, `0 bytes`.
pub(crate) fn file_size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
    let value = bytes as f64;
    for (power, unit) in [(4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")] {
        let one = KIB.powi(power);
        if value >= one {
            return format!("{} {unit}", decimals(value / one));
        }
    }
    format!("{bytes} bytes")
}

/// At most two decimals, none of them a trailing zero (`DecimalFormat("#.##")`).
fn decimals(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Bytes as `FBUtilities.prettyPrintMemory`: `6.713KiB`, `719B`.
pub(super) fn memory(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three decimals are shown")]
    let value = bytes as f64;
    let power = bytes.max(1).ilog2() / 10;
    match "KMGTPE".chars().nth(power.wrapping_sub(1) as usize) {
        Some(prefix) => format!("{:.3}{prefix}iB", value / KIB.powi(power.cast_signed())),
        None => format!("{bytes}B"),
    }
}

/// A number with decimals as Java's `%.Nf` prints it.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    if value.is_nan() { "NaN".to_owned() } else { format!("{value:.decimals$}") }
}

/// A number as Java's `Double.toString` prints it, for those of everyday size.
pub(crate) fn double(value: f64) -> String {
    if value.is_nan() { "NaN".to_owned() } else { format!("{value:?}") }
}

/// Columns as wide as their widest cell: `TableBuilder`.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn add<const N: usize>(&mut self, row: [impl Into<String>; N]) {
        self.rows.push(row.into_iter().map(Into::into).collect());
    }

    pub fn add_all(&mut self, row: impl Iterator<Item = String>) {
        self.rows.push(row.collect());
    }

    /// The widths of the columns.
    pub fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(1)
        };
        (0..columns).map(width).collect()
    }

    /// The lines, columns separated by `delimiter`; the last column is padded too.
    pub fn print(&self, delimiter: &str, widths: &[usize]) -> String {
        let mut text = String::new();
        for row in &self.rows {
            for (column, width) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                let _ = write!(text, "{cell:<width$}");
                if column + 1 < widths.len() {
                    text.push_str(delimiter);
                }
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_print_as_javas() {
        assert_eq!(file_size(0), "0 bytes");
        assert_eq!(file_size(6874), "6.71 KiB");
        assert_eq!(file_size(51 << 20), "51 MiB");
        assert_eq!(memory(0), "0B");
        assert_eq!(memory(719), "719B");
        assert_eq!(memory(6874), "6.713KiB");
        assert_eq!(memory(10810), "10.557KiB");
    }
}
