//! The command line: `helenus [serve] …` and `helenus nodetool …`.

use std::io::{IsTerminal, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, reload};

use crate::config::{Config, ConfigError, ExpirationOverflowPolicy};
use crate::nodetool;
use crate::protocol::Encryption;
use crate::server::{self, Server, StopReason, logging};

/// The release of Cassandra that this server stands for.
const CASSANDRA: &str = "5.0.6";

/// With this the process ends where a disk fails and the policy is `die`, as Cassandra's does.
const DISK_FAILED: i32 = 100;

/// A database interchangeable with Apache Cassandra 5.0.
#[derive(Debug, Parser)]
#[command(name = "helenus", version, long_version = concat!(env!("CARGO_PKG_VERSION"), "\nCassandra 5.0.6\nCQL 3.4.7\nNative protocol 5"))]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve CQL (what happens without a command, too).
    Serve(Serve),
    /// Cassandra's nodetool: status, info, flush, compact, tablestats, drain, …; `nodetool help` lists the commands.
    #[command(disable_help_flag = true)]
    Nodetool {
        /// nodetool's own options, command and arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Serve {
    /// A cassandra.yaml of Cassandra 5.0; without it, the defaults of the shipped one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory that holds data, commit log and the rest, where the configuration does not name others.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// The address for CQL clients, instead of rpc_address and listen_address.
    #[arg(long, value_name = "ADDR")]
    listen: Option<IpAddr>,
    /// The port for CQL clients, instead of native_transport_port; 0 takes a free one.
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// The port of nodetool's channel; 0 takes a free one.
    #[arg(long, value_name = "N")]
    jmx_port: Option<u16>,
    /// Keep everything in a temporary directory, on free ports unless --port names one: for tests.
    #[arg(long)]
    ephemeral: bool,
    /// A system property, as Cassandra's command line takes them.
    #[arg(short = 'D', value_name = "PROPERTY=VALUE")]
    properties: Vec<Property>,
    /// How log lines look.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// The system properties there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Property {
    /// `cassandra.commitlog.ignorereplayerrors`
    IgnoreReplayErrors(bool),
    /// `cassandra.expiration_date_overflow_policy`
    ExpirationOverflow(ExpirationOverflowPolicy),
}

impl FromStr for Property {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("cassandra.commitlog.ignorereplayerrors", value)) => value
                .parse()
                .map(Self::IgnoreReplayErrors)
                .map_err(|_| format!("\"{value}\" is neither true nor false")),
            Some(("cassandra.expiration_date_overflow_policy", value)) => {
                Ok(Self::ExpirationOverflow(match &*value.to_ascii_uppercase() {
                    "REJECT" => ExpirationOverflowPolicy::Reject,
                    "CAP" => ExpirationOverflowPolicy::Cap,
                    "CAP_NOWARN" => ExpirationOverflowPolicy::CapNoWarn,
                    _ => return Err(format!("\"{value}\" is none of REJECT, CAP and CAP_NOWARN")),
                }))
            }
            _ => Err("none but cassandra.commitlog.ignorereplayerrors=true and \
                      cassandra.expiration_date_overflow_policy=CAP is known"
                .to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// An object a line.
    Json,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Nodetool { arguments }) => nodetool::client::main(&arguments),
        Some(Command::Serve(serve)) => serve.run(),
        None => arguments.serve.run(),
    }
}

impl Serve {
    fn run(self) -> ExitCode {
        self.log_to_stderr();
        let config = match self.configuration() {
            Ok(config) => config,
            Err(error) => {
                tracing::error!("{error}");
                return ExitCode::from(3);
            }
        };
        let runtime = match server::runtime().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!("cannot start threads: {error}");
                return ExitCode::FAILURE;
            }
        };
        runtime.block_on(serve(config))
    }

    /// `RUST_LOG` chooses what is logged; `info` without it.
    fn log_to_stderr(&self) {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let start = filter.to_string();
        let (filter, levels) = reload::Layer::new(filter);
        logging::own(start, move |filter| levels.reload(filter).map_err(|error| error.to_string()));
        let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
        let lines = match self.log_format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().boxed(),
        };
        // A second subscriber in one process would fail: then the first one stays, which is as good.
        let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    }

    fn configuration(&self) -> Result<Config, ConfigError> {
        let mut config = match &self.config {
            Some(file) => Config::load(file, &self.data)?,
            None => Config::new(&self.data)?,
        };
        if self.ephemeral {
            config = config.into_ephemeral()?;
        } else {
            config.control_port = Some(nodetool::client::DEFAULT_PORT);
        }
        config.control_port = self.jmx_port.or(config.control_port);
        for property in &self.properties {
            match property {
                Property::IgnoreReplayErrors(ignore) => config.ignore_replay_errors = *ignore,
                Property::ExpirationOverflow(policy) => config.expiration_overflow = *policy,
            }
        }
        Ok(config.listen_on(self.listen, self.port))
    }
}

async fn serve(config: Config) -> ExitCode {
    config.log();
    // Before anybody can know that the server is there: no signal may meet the system's default, which ends at once.
    let mut signals = match StopSignals::catch() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!("cannot catch signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let server = match Server::start(config).await {
        Ok(server) => server,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::FAILURE;
        }
    };
    announce(&server);
    tokio::select! {
        signal = signals.next() => tracing::info!("{signal}: stopping"),
        reason = server.stop_requested() => match reason {
            StopReason::Requested => tracing::info!("nodetool stopdaemon: stopping"),
            // Nothing is written any more to a disk that failed.
            StopReason::DiskFailed => std::process::exit(DISK_FAILED),
        },
    }
    server.stop().await;
    tracing::info!("stopped");
    ExitCode::SUCCESS
}

/// The one line on standard output; test tooling waits for its words.
fn announce(server: &Server) {
    let address = server.address();
    let (ip, port) = (address.ip(), address.port());
    if !server.native_transport_running() {
        tell(&format!(
            "Helenus {} (Cassandra {CASSANDRA}) is ready. The port for CQL clients is closed \
             (start_native_transport: false). Open it with: helenus nodetool enablebinary\n",
            env!("CARGO_PKG_VERSION"),
        ));
        return;
    }
    let listening: Vec<_> = server
        .ports()
        .map(|(address, how)| format!("/{}:{} ({})", address.ip(), address.port(), how.description()))
        .collect();
    let only_encrypted = matches!(server.ports().next(), Some((_, Encryption::Required(_))));
    tell(&format!(
        "Helenus {} (Cassandra {CASSANDRA}) is ready. Starting listening for CQL clients on {}... Connect with: cqlsh \
         {}{ip} {port}\n",
        env!("CARGO_PKG_VERSION"),
        listening.join(" and "),
        if only_encrypted { "--ssl " } else { "" },
    ));
}

fn tell(line: &str) {
    let mut stdout = std::io::stdout();
    // Nobody may be reading; the server runs all the same.
    let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
}

/// SIGTERM and SIGINT, caught from the moment this is made.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn catch() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn serve_is_the_command_without_a_name() {
        let parse =
            |line: &str| Arguments::try_parse_from(line.split(' ')).map_err(|error| error.to_string());
        let serve = |arguments: Arguments| match arguments.command {
            Some(Command::Serve(serve)) => serve,
            _ => arguments.serve,
        };
        for line in ["helenus --port 0 --data d", "helenus serve --port 0 --data d"] {
            let serve = parse(line).map(serve).expect("valid");
            assert_eq!((serve.port, serve.data), (Some(0), PathBuf::from("d")));
        }
        let line = "helenus -Dcassandra.commitlog.ignorereplayerrors=true --data d";
        assert_eq!(parse(line).map(serve).expect("valid").properties, [Property::IgnoreReplayErrors(true)]);
        let line = "helenus -Dcassandra.expiration_date_overflow_policy=cap_nowarn --data d";
        let policy = Property::ExpirationOverflow(ExpirationOverflowPolicy::CapNoWarn);
        assert_eq!(parse(line).map(serve).expect("valid").properties, [policy]);
        for line in
            ["helenus -Dcassandra.commitlog.ignorereplayerrors", "helenus -Dcassandra.ring_delay_ms=0"]
        {
            assert!(parse(line).expect_err("invalid").contains("is known"));
        }
        match parse("helenus nodetool -p 1 tablestats -F json").map(|arguments| arguments.command) {
            Ok(Some(Command::Nodetool { arguments })) => {
                assert_eq!(arguments, ["-p", "1", "tablestats", "-F", "json"]);
            }
            other => unreachable!("{other:?}"),
        }
    }
}
