//! `compat-suite`: what measures Helenus against Apache Cassandra and is too slow, or not a matter of right and wrong,
//! for `cargo test`.

mod differential_command;
mod golden_command;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use compat_suite::bench;
use compat_suite::cassandra::{Cassandra, Options, Tools};
use compat_suite::{Error, Result};

#[derive(Debug, Parser)]
#[command(name = "compat-suite", about = "Measures Helenus against Apache Cassandra 5.0.6")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node of Apache Cassandra until standard input ends.
    Cassandra(Node),
    /// Random statements on both servers, with the answers compared.
    Differential(differential_command::Differential),
    /// Golden scripts: record what a server answers, or compare a server with what was recorded.
    #[command(subcommand)]
    Golden(golden_command::Command),
    /// Run latte on Apache Cassandra and on Helenus in turn, and compare.
    Bench(bench::Options),
    /// Run the benchmark's bare responder: every EXECUTE is answered void, the rest by the server behind it.
    #[command(hide = true)]
    Floor {
        /// Where clients connect.
        listen: SocketAddr,
        /// The server behind it.
        upstream: SocketAddr,
    },
    /// Run one of Apache Cassandra's offline tools, by its class: SSTableExport, StandaloneVerifier, …
    Tool {
        /// The directory of the node whose configuration, schema and files it works with.
        #[arg(long, value_name = "DIR")]
        node: PathBuf,
        /// The class below org.apache.cassandra.tools.
        class: String,
        /// The tool's own arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Node {
    /// The loopback address it listens on; a free one without it.
    #[arg(long, value_name = "ADDR")]
    address: Option<Ipv4Addr>,
    /// The node whose ring it joins.
    #[arg(long, value_name = "ADDR")]
    seed: Option<Ipv4Addr>,
    /// Where it keeps everything; a temporary directory without it.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Enable what Cassandra ships disabled.
    #[arg(long)]
    features: bool,
    /// Ask for passwords.
    #[arg(long)]
    authentication: bool,
    /// The size of the heap.
    #[arg(long, value_name = "SIZE")]
    heap: Option<String>,
    /// A key of cassandra.yaml with its value.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    yaml: Vec<(String, String)>,
}

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("not KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Node {
    fn run(self) -> Result<()> {
        let options = Options {
            address: self.address,
            seed: self.seed,
            directory: self.directory,
            features: self.features,
            authentication: self.authentication,
            heap: self.heap,
            quick: false,
            yaml: self.yaml,
        };
        let node = Cassandra::start(&options)?;
        println!("Cassandra 5.0.6 listens on {} (pid {})", node.address(), node.process_id());
        let ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        ended.map_err(|error| Error::failed("standard input", error))?;
        node.stop()
    }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Cassandra(node) => node.run().map(|()| 0),
        Command::Differential(command) => command.run(),
        Command::Golden(command) => command.run(),
        Command::Bench(options) => bench::run(options).map(|()| 0),
        Command::Floor { listen, upstream } => bench::floor(listen, upstream).map(|()| 0),
        Command::Tool { node, class, arguments } => tool(&node, &class, &arguments),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn tool(node: &std::path::Path, class: &str, arguments: &[String]) -> Result<u8> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = Tools::start(node)?.run(class, &arguments)?;
    print!("{}", output.stdout);
    eprint!("{}", output.stderr);
    Ok(u8::try_from(output.status).unwrap_or(u8::MAX))
}
