//! `helenus nodetool`: finds the server, sends the command, prints the answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::channel::{Command, LINE_BYTES_MAX, SOCKET};
use super::command::{Output, help, is_known};

/// Where JMX listens by default, and so this channel.
pub const DEFAULT_PORT: u16 = 7199;

/// The options before the command.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    host: Option<String>,
    port: Option<String>,
    data: Option<PathBuf>,
    print_port: bool,
    arguments: Vec<String>,
}

/// Runs a nodetool command line, given without `nodetool` itself.
pub fn main(arguments: &[String]) -> ExitCode {
    let output = run(arguments);
    let _ = std::io::stdout().write_all(output.stdout.as_bytes());
    let _ = std::io::stderr().write_all(output.stderr.as_bytes());
    ExitCode::from(output.code)
}

/// Runs a nodetool command line and gives what it would print.
pub fn run(arguments: &[String]) -> Output {
    match Options::parse(arguments) {
        Ok(options) => options.run(),
        Err(message) => Output::bad_use(&message),
    }
}

impl Options {
    /// Reads the global options. nodetool wants them before the command; `-h HOST` and `-p PORT` after it are taken
    /// too, unless they are the command's own.
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (argument.as_str(), None),
            };
            let mut value = |title: &str| {
                inline
                    .clone()
                    .or_else(|| rest.next().cloned())
                    .ok_or_else(|| format!("Required values for option '{title}' not provided"))
            };
            let before = options.arguments.is_empty();
            match name {
                "-h" | "--host" => options.host = Some(value("host")?),
                "-p" | "--port" => options.port = Some(value("port")?),
                "-u" | "--username" if before => _ = value("username")?,
                "-pw" | "--password" if before => _ = value("password")?,
                "-pwf" | "--password-file" if before => _ = value("passwordFilePath")?,
                "-pp" | "--print-port" => options.print_port = true,
                "--data" => options.data = Some(value("data")?.into()),
                _ => options.arguments.push(argument.clone()),
            }
        }
        Ok(options)
    }

    fn run(self) -> Output {
        match self.arguments.first().map(String::as_str) {
            None | Some("help") => return help(self.arguments.get(1..).unwrap_or_default()),
            Some(command) if !is_known(command) => {
                return Output::bad_use(&format!("Found unexpected parameters: [{command}]"));
            }
            Some(_) => {}
        }
        let command = Command { arguments: self.arguments, print_port: self.print_port };
        let local = self.data.clone().or_else(|| {
            let home = Path::new("data");
            (self.host.is_none() && self.port.is_none() && home.join(SOCKET).exists())
                .then(|| home.to_owned())
        });
        if let Some(home) = local {
            let path = home.join(SOCKET);
            return match UnixStream::connect(&path) {
                Ok(stream) => ask(stream, &command),
                Err(error) => Output::no_connection(&path.display().to_string(), &error),
            };
        }
        let host = self.host.unwrap_or_else(|| "127.0.0.1".to_owned());
        let port = match self.port.as_deref().map_or(Ok(DEFAULT_PORT), str::parse) {
            Ok(port) => port,
            Err(_) => {
                return Output::bad_use(&format!("For input string: \"{}\"", self.port.unwrap_or_default()));
            }
        };
        match TcpStream::connect((host.as_str(), port)) {
            Ok(stream) => ask(stream, &command),
            Err(error) => Output::no_connection(&format!("{host}:{port}"), &error),
        }
    }
}

fn ask(mut stream: impl Read + Write, command: &Command) -> Output {
    let exchange = || -> std::io::Result<Output> {
        let mut line = serde_json::to_vec(command)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut answer = Vec::new();
        BufReader::new(stream.take(LINE_BYTES_MAX)).read_until(b'\n', &mut answer)?;
        if answer.is_empty() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::UnexpectedEof,
                "the server closed the connection",
            ));
        }
        Ok(serde_json::from_slice(&answer)?)
    };
    exchange().unwrap_or_else(|error| Output::failed(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn global_options_come_before_or_after_the_command() {
        let expected = Options {
            host: Some("127.0.0.3".into()),
            port: Some("7000".into()),
            arguments: vec!["status".into(), "ks".into()],
            ..Options::default()
        };
        assert_eq!(parse("-h 127.0.0.3 --port=7000 status ks").as_ref(), Ok(&expected));
        assert_eq!(parse("status ks -h 127.0.0.3 -p 7000").as_ref(), Ok(&expected));
    }

    #[test]
    fn an_option_needs_its_value() {
        assert_eq!(parse("-p"), Err("Required values for option 'port' not provided".into()));
    }
}
