//! Runs latte, the client, and reads its reports.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::functions::{Function, Workload};
use crate::{Error, Result};

/// Threads of the client, requests it has under way, and its connections.
const LOAD: [&str; 6] = ["-t", "1", "-p", "128", "-c", "2"];

/// How long a function is called.
#[derive(Clone, Copy, Debug)]
pub enum Length {
    /// So many times.
    Cycles(u64),
    /// For so long.
    Time(Duration),
}

/// latte, with its scripts in place.
#[derive(Debug)]
pub struct Latte {
    program: PathBuf,
    directory: PathBuf,
    version: String,
    verbose: bool,
}

/// What latte measured in one run of a function; times in milliseconds.
#[derive(Clone, Debug)]
pub struct Report {
    /// Calls of the function.
    pub cycles: u64,
    /// Requests that were answered.
    pub requests: u64,
    /// How long it took.
    pub seconds: f64,
    /// The median of the time from a request to its answer, then the slowest of a hundred, of a thousand.
    pub p50_ms: f64,
    /// See [`Report::p50_ms`].
    pub p99_ms: f64,
    /// See [`Report::p50_ms`].
    pub p999_ms: f64,
    /// latte's own user and system time.
    pub client_cpu_seconds: f64,
}

#[derive(Deserialize)]
struct Json {
    percentiles: Vec<f64>,
    result: JsonResult,
}

#[derive(Deserialize)]
struct JsonResult {
    elapsed_time_s: f64,
    cpu_time_s: f64,
    cycle_count: u64,
    request_count: u64,
    error_count: u64,
    errors: Vec<String>,
    request_latency: Option<JsonLatency>,
}

#[derive(Deserialize)]
struct JsonLatency {
    percentiles: Vec<JsonMean>,
}

#[derive(Deserialize)]
struct JsonMean {
    value: f64,
}

impl Latte {
    /// Finds latte and puts the scripts into `directory`.
    pub fn new(
        program: Option<&Path>,
        directory: &Path,
        workloads: &[&Workload],
        verbose: bool,
    ) -> Result<Self> {
        let program = program.map_or_else(find, PathBuf::from);
        let missing = |error| {
            Error::Missing(format!(
                "{}: {error}; install it with `cargo install latte-cli`",
                program.display()
            ))
        };
        let output = Command::new(&program).arg("--version").output().map_err(missing)?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        for workload in workloads {
            let path = directory.join(workload.script);
            fs::write(&path, workload.text).map_err(|error| Error::failed(path.display(), error))?;
        }
        Ok(Self { program, directory: directory.to_owned(), version, verbose })
    }

    /// What it calls itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Makes the tables of a workload anew, and empty.
    pub fn schema(&self, server: SocketAddr, workload: &Workload, keyspace: &str) -> Result<()> {
        let mut command = self.command("schema", workload, keyspace, workload.rows_on_disk);
        self.execute(command.arg(server.to_string())).map(drop)
    }

    /// Fills the tables of a workload by `rows` calls of its `load`.
    pub fn load(&self, server: SocketAddr, workload: &Workload, keyspace: &str, rows: u64) -> Result<()> {
        let mut command = self.command("load", workload, keyspace, rows);
        command.args(["-q", "-t", "1", "--concurrency", "128", "-c", "2"]).arg(server.to_string());
        self.execute(&mut command).map(drop)
    }

    /// Runs a function; at most `rate` cycles a second if that is given.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if latte fails, or any request did.
    pub fn run(
        &self,
        server: SocketAddr,
        function: &Function,
        keyspace: &str,
        rows: u64,
        length: Length,
        rate: Option<f64>,
    ) -> Result<Report> {
        let report = self.directory.join("report.json");
        let mut command = self.command("run", function.workload, keyspace, rows);
        command.args(["-q", "--drop-sampling-log", "-f", function.name, "-d"]).arg(match length {
            Length::Cycles(count) => count.to_string(),
            Length::Time(time) => format!("{}s", time.as_secs().max(1)),
        });
        if let Some(rate) = rate {
            command.args(["-r", &format!("{rate:.0}")]);
        }
        command.args(LOAD).arg("-o").arg(&report).arg(server.to_string());
        self.execute(&mut command)?;
        let text = fs::read_to_string(&report).map_err(|error| Error::failed(report.display(), error))?;
        read(&text).map_err(|error| Error::failed(format_args!("{} on {server}", function.name), error))
    }

    fn command(&self, verb: &str, workload: &Workload, keyspace: &str, rows: u64) -> Command {
        let mut command = Command::new(&self.program);
        // The script's parameters are expressions: a text has its quotes.
        command.arg(verb).args(["-P", &format!("keyspace={keyspace:?}"), "-P", &format!("rows={rows}")]);
        command.arg(self.directory.join(workload.script)).current_dir(&self.directory).stdin(Stdio::null());
        command
    }

    fn execute(&self, command: &mut Command) -> Result<Output> {
        if self.verbose {
            let words = command.get_args().map(|word| format!(" {}", word.to_string_lossy()));
            eprintln!("+ {}{}", self.program.display(), words.collect::<String>());
        }
        let output = command.output().map_err(|error| Error::failed(self.program.display(), error))?;
        if output.status.success() {
            return Ok(output);
        }
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let last: Vec<&str> = text.lines().rev().take(10).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        Err(Error::failed(format_args!("latte ended with {}", output.status), last.join("\n")))
    }
}

/// Where `cargo install` puts it, if it is there, otherwise wherever the path finds it.
fn find() -> PathBuf {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let installed = home.map(|home| home.join("bin/latte")).filter(|path| path.is_file());
    installed.unwrap_or_else(|| PathBuf::from("latte"))
}

/// Reads a report. One failed request makes it worthless: who answers with errors is quick.
fn read(text: &str) -> std::result::Result<Report, String> {
    let json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let result = json.result;
    if result.error_count > 0 || !result.errors.is_empty() {
        return Err(format!("requests failed: {}", result.errors.join("; ")));
    }
    let latency = result.request_latency.ok_or("no request was made")?;
    let percentile = |wanted: f64| {
        let mut pairs = json.percentiles.iter().zip(&latency.percentiles);
        let found = pairs.find(|(percentile, _)| (**percentile - wanted).abs() < 0.001);
        found.map(|(_, mean)| mean.value).ok_or_else(|| format!("the report lacks percentile {wanted}"))
    };
    Ok(Report {
        cycles: result.cycle_count,
        requests: result.request_count,
        seconds: result.elapsed_time_s,
        p50_ms: percentile(50.0)?,
        p99_ms: percentile(99.0)?,
        p999_ms: percentile(99.9)?,
        client_cpu_seconds: result.cpu_time_s,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(errors: &str) -> String {
        format!(
            r#"{{"conf": {{}}, "percentiles": [50.0, 99.0, 99.9], "result": {{"elapsed_time_s": 2.0, "cpu_time_s": 0.5,
               "cycle_count": 10, "request_count": 30, "error_count": 0, "errors": {errors},
               "request_latency": {{"percentiles": [{{"n": 1, "value": 0.5}}, {{"value": 2.5}}, {{"value": 7.0}}]}}}}}}"#
        )
    }

    #[test]
    fn a_report_has_figures_for_each_request() {
        let report = read(&report("[]")).expect("valid");
        assert_eq!((report.cycles, report.requests), (10, 30));
        assert!([report.p50_ms, report.p99_ms, report.p999_ms] == [0.5, 2.5, 7.0]);
    }

    #[test]
    fn a_failed_request_fails_the_run() {
        assert_eq!(read(&report(r#"["timed out"]"#)).expect_err("fails"), "requests failed: timed out");
    }
}
