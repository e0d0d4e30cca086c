//! The results as Markdown, columns aligned so that a terminal shows them as well.

use std::fmt::Write as _;

use super::functions::FUNCTIONS;
use super::results::{Comparison, Fact, Results, Sample, Section};

/// What stands where there is no figure.
const NONE: &str = "–";

/// The whole of it.
pub fn markdown(results: &Results) -> String {
    let mut text = String::new();
    for line in &results.setting {
        let _ = writeln!(text, "- {line}");
    }
    for section in &results.sections {
        text += &of_section(section);
    }
    if !results.facts.is_empty() {
        text += "\n### Start-up, memory, disk\n\n";
        let rows = results.facts.iter().map(fact_row).collect();
        text += &table(&["", "Cassandra", "Helenus", "Cassandra ÷ Helenus"], rows);
    }
    text
}

/// A section: throughput and work first, latencies below.
pub fn of_section(section: &Section) -> String {
    let mut text = format!("\n### {}\n\n{}\n\n", section.title, section.note);
    let work = [
        "function",
        "requests/s: Cassandra",
        "Helenus",
        "ratio",
        "floor",
        "server CPU, µs/request: Cassandra",
        "Helenus",
        "ratio",
        "floor",
        "latte",
    ];
    text += &table(&work, section.comparisons.iter().map(work_row).collect());
    text.push('\n');
    let latency = [
        "function",
        "p50, ms: Cassandra",
        "Helenus",
        "p99: Cassandra",
        "Helenus",
        "ratio",
        "floor",
        "p99.9: Cassandra",
        "Helenus",
        "ratio",
        "floor",
    ];
    text += &table(&latency, section.comparisons.iter().map(latency_row).collect());
    text
}

/// A legend of the functions.
pub fn legend() -> String {
    let rows = FUNCTIONS
        .iter()
        .map(|function| {
            vec![function.name.to_owned(), function.workload.script.to_owned(), function.what.to_owned()]
        })
        .collect();
    table(&["function", "script", "a request"], rows)
}

/// The medians of the rounds on each server.
struct Medians {
    cassandra: Option<Sample>,
    helenus: Option<Sample>,
    floor: Option<Sample>,
}

impl Medians {
    fn new(comparison: &Comparison) -> Self {
        Self {
            cassandra: Sample::median(&comparison.cassandra),
            helenus: Sample::median(&comparison.helenus),
            floor: Sample::median(&comparison.floor),
        }
    }

    fn of(&self, figure: fn(&Sample) -> f64) -> [Option<f64>; 3] {
        [&self.cassandra, &self.helenus, &self.floor].map(|sample| sample.as_ref().map(figure))
    }
}

fn name(comparison: &Comparison) -> String {
    match comparison.rate {
        Some(rate) => format!("{} at {} calls/s", comparison.function, number(rate)),
        None => comparison.function.to_owned(),
    }
}

fn work_row(comparison: &Comparison) -> Vec<String> {
    let medians = Medians::new(comparison);
    let [cassandra, helenus, floor] = medians.of(|sample| sample.requests_per_second);
    let mut row =
        vec![name(comparison), cell(cassandra), cell(helenus), ratio(helenus, cassandra), cell(floor)];
    let [cassandra, helenus, floor] = medians.of(|sample| sample.cpu_us);
    row.extend([cell(cassandra), cell(helenus), ratio(cassandra, helenus), cell(floor)]);
    let [_, client, _] = medians.of(|sample| sample.client_cpu_us);
    row.push(cell(client));
    row
}

fn latency_row(comparison: &Comparison) -> Vec<String> {
    let medians = Medians::new(comparison);
    let [cassandra, helenus, _] = medians.of(|sample| sample.p50_ms);
    let mut row = vec![name(comparison), cell(cassandra), cell(helenus)];
    for figure in [|sample: &Sample| sample.p99_ms, |sample: &Sample| sample.p999_ms] {
        let [cassandra, helenus, floor] = medians.of(figure);
        row.extend([cell(cassandra), cell(helenus), ratio(cassandra, helenus), cell(floor)]);
    }
    row
}

fn fact_row(fact: &Fact) -> Vec<String> {
    vec![
        format!("{}, {}", fact.what, fact.unit),
        cell(fact.cassandra),
        cell(fact.helenus),
        ratio(fact.cassandra, fact.helenus),
    ]
}

fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), number)
}

fn ratio(dividend: Option<f64>, divisor: Option<f64>) -> String {
    match (dividend, divisor) {
        (Some(dividend), Some(divisor)) if divisor > 0.0 => format!("{:.1}", dividend / divisor),
        _ => NONE.to_owned(),
    }
}

/// Three digits at least, thousands apart: `0.65`, `12.3`, `57,012`.
fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A table; the first column is text, the others are numbers unless a cell of theirs is not.
fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut all = vec![head.iter().map(|&title| title.to_owned()).collect::<Vec<_>>()];
    all.extend(rows);
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .map(|width| width.max(3))
        .collect();
    let numeric = |column: usize| {
        let mut cells = all.iter().skip(1).filter_map(|row| row.get(column));
        cells.all(|cell| cell == NONE || cell.starts_with(|first: char| first.is_ascii_digit()))
    };
    let numeric: Vec<bool> = (0..head.len()).map(|column| column > 0 && numeric(column)).collect();
    let mut text = String::new();
    for (index, row) in all.iter().enumerate() {
        for (cell, (width, right)) in row.iter().zip(widths.iter().zip(&numeric)) {
            let _ = if *right { write!(text, "| {cell:>width$} ") } else { write!(text, "| {cell:width$} ") };
        }
        text += "|\n";
        if index == 0 {
            for (width, right) in widths.iter().zip(&numeric) {
                let _ = write!(text, "|{}{}", "-".repeat(width + 1), if *right { ":" } else { "-" });
            }
            text += "|\n";
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_at_least() {
        let texts = [0.654, 12.34, 123.4, 57_012.3, 1_234_567.0].map(number);
        assert_eq!(texts, ["0.65", "12.3", "123", "57,012", "1,234,567"]);
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        let comparison = Comparison { function: "f", ..Comparison::default() };
        assert!(work_row(&comparison).iter().skip(1).all(|cell| cell == NONE));
        assert_eq!(ratio(Some(1.0), Some(0.0)), NONE);
    }

    #[test]
    fn tables_are_aligned() {
        let text = table(&["", "n"], vec![vec!["a".into(), "1,000".into()], vec!["bb".into(), NONE.into()]]);
        assert_eq!(text, "|     |     n |\n|-----|------:|\n| a   | 1,000 |\n| bb  |     – |\n");
    }
}
