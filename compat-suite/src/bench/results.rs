//! What was measured, as numbers.

use std::time::Duration;

use super::latte::Report;

/// One run of a function on one server.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Requests answered in a second.
    pub requests_per_second: f64,
    /// Calls of the function in a second.
    pub cycles_per_second: f64,
    /// User and system time of the server for each request, in microseconds.
    pub cpu_us: f64,
    /// The median of the time from a request to its answer, in milliseconds.
    pub p50_ms: f64,
    /// What one request in a hundred took longer than.
    pub p99_ms: f64,
    /// What one request in a thousand took longer than.
    pub p999_ms: f64,
    /// What is resident of the server after the run.
    pub resident_bytes: f64,
    /// User and system time of latte for each request, in microseconds.
    pub client_cpu_us: f64,
}

impl Sample {
    /// What latte says, with what the server used meanwhile.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    pub fn new(report: &Report, cpu: Duration, resident_bytes: u64) -> Self {
        let requests = report.requests.max(1) as f64;
        Self {
            requests_per_second: report.requests as f64 / report.seconds,
            cycles_per_second: report.cycles as f64 / report.seconds,
            cpu_us: cpu.as_secs_f64() * 1e6 / requests,
            p50_ms: report.p50_ms,
            p99_ms: report.p99_ms,
            p999_ms: report.p999_ms,
            resident_bytes: resident_bytes as f64,
            client_cpu_us: report.client_cpu_seconds * 1e6 / requests,
        }
    }

    /// Of several rounds the median of each figure; nothing if there was none.
    pub fn median(rounds: &[Self]) -> Option<Self> {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure).collect());
        Some(Self {
            requests_per_second: of(|sample| sample.requests_per_second)?,
            cycles_per_second: of(|sample| sample.cycles_per_second)?,
            cpu_us: of(|sample| sample.cpu_us)?,
            p50_ms: of(|sample| sample.p50_ms)?,
            p99_ms: of(|sample| sample.p99_ms)?,
            p999_ms: of(|sample| sample.p999_ms)?,
            resident_bytes: of(|sample| sample.resident_bytes)?,
            client_cpu_us: of(|sample| sample.client_cpu_us)?,
        })
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// The rounds of one function on every server.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The function.
    pub function: &'static str,
    /// The rate in cycles a second that all were held to, if they were.
    pub rate: Option<f64>,
    /// On Cassandra.
    pub cassandra: Vec<Sample>,
    /// On ours.
    pub helenus: Vec<Sample>,
    /// On the bare responder.
    pub floor: Vec<Sample>,
}

/// The comparisons made under one circumstance.
#[derive(Clone, Debug)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// How it was measured.
    pub note: String,
    /// A line for each function.
    pub comparisons: Vec<Comparison>,
}

/// A figure of the whole server, on both.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What it is.
    pub what: String,
    /// The unit that the values are shown in.
    pub unit: &'static str,
    /// On Cassandra.
    pub cassandra: Option<f64>,
    /// On ours.
    pub helenus: Option<f64>,
}

/// A whole run.
#[derive(Debug, Default)]
pub struct Results {
    /// What it ran on and with, as a list.
    pub setting: Vec<String>,
    /// Function by function.
    pub sections: Vec<Section>,
    /// Start-up, memory, disk.
    pub facts: Vec<Fact>,
}

impl Results {
    /// Notes a figure of one server, beside that of the other if it is there already.
    pub fn fact(&mut self, what: &str, unit: &'static str, reference: bool, value: f64) {
        let index = self.facts.iter().position(|fact| fact.what == what).unwrap_or_else(|| {
            self.facts.push(Fact { what: what.to_owned(), unit, cassandra: None, helenus: None });
            self.facts.len() - 1
        });
        if let Some(fact) = self.facts.get_mut(index) {
            *(if reference { &mut fact.cassandra } else { &mut fact.helenus }) = Some(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
    }

    #[test]
    fn figures_are_for_each_request_not_each_cycle() {
        let report = Report {
            cycles: 10,
            requests: 30,
            seconds: 2.0,
            p50_ms: 0.1,
            p99_ms: 0.2,
            p999_ms: 0.3,
            client_cpu_seconds: 0.3,
        };
        let sample = Sample::new(&report, Duration::from_micros(600), 1);
        assert_eq!((sample.requests_per_second, sample.cycles_per_second), (15.0, 5.0));
        assert!((sample.cpu_us - 20.0).abs() < 1e-9 && (sample.client_cpu_us - 10_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_fact_is_one_line_for_both() {
        let mut results = Results::default();
        results.fact("start", "ms", true, 15_000.0);
        results.fact("start", "ms", false, 50.0);
        assert_eq!(results.facts.len(), 1);
        assert_eq!((results.facts[0].cassandra, results.facts[0].helenus), (Some(15_000.0), Some(50.0)));
    }
}
