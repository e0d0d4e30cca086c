use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Stdio};

use super::{Installation, Options};
use crate::process::Process;
use crate::{Error, Result};

/// How tools log: warnings, to their standard error; but not that they leak, which they do because they count on ending.
const LOGBACK: &str = r#"<configuration><appender name="S" class="ch.qos.logback.core.ConsoleAppender">
<target>System.err</target><encoder><pattern>%m%n</pattern></encoder></appender>
<logger name="org.apache.cassandra.utils.concurrent.Ref" level="OFF"/>
<root level="WARN"><appender-ref ref="S"/></root></configuration>
"#;

/// What a tool wrote and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// 0 if all went well.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// Its standard output, if it ended well.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with all that it wrote, if it did not.
    pub fn expect(self, what: &str) -> Result<String> {
        if self.status == 0 {
            return Ok(self.stdout);
        }
        Err(Error::Failed(format!("{what} ended with {}\n{}\n{}", self.status, self.stdout, self.stderr)))
    }
}

/// A virtual machine that runs Cassandra's command-line tools, one after the other.
#[derive(Debug)]
pub struct Tools {
    requests: ChildStdin,
    answers: ChildStdout,
    _process: Process,
    temporary_directory: Option<tempfile::TempDir>,
}

impl Tools {
    /// Starts it for the node that has this directory: offline tools read its `conf/cassandra.yaml`, and the schema and
    /// files in its `data`. It need not run.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] where Cassandra cannot run, [`Error::Failed`] if the virtual machine does not start.
    pub fn start(directory: &Path) -> Result<Self> {
        let installation = Installation::get()?;
        let configuration = directory.join("conf");
        let logback = configuration.join("logback-tools.xml");
        fs::write(&logback, LOGBACK).map_err(|error| Error::failed(logback.display(), error))?;
        let mut command = installation.java(&configuration);
        command
            .args([
                "-Xmx512M",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Djava.security.manager=allow",
            ])
            .arg("-Dorg.apache.cassandra.tools.UtilALLOW_TOOL_REINIT_FOR_TEST=true")
            .arg(format!("-Dcassandra.storagedir={}", directory.display()))
            .arg(format!("-Dcassandra.config=file://{}/cassandra.yaml", configuration.display()))
            .arg(format!("-Dlogback.configurationFile={}", logback.display()))
            .arg("org.apache.cassandra.tools.Batch")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = Process::start(&mut command, None)?;
        let pipes = (process.child().stdin.take(), process.child().stdout.take());
        let (Some(requests), Some(answers)) = pipes else {
            return Err(Error::failed("java", "has no pipes"));
        };
        Ok(Self { requests, answers, _process: process, temporary_directory: None })
    }

    /// Starts it for a data directory that no node of Cassandra has, such as one of ours.
    ///
    /// # Errors
    ///
    /// As [`Tools::start`].
    pub fn for_data(data: &Path) -> Result<Self> {
        let failed = |error: io::Error| Error::failed("a directory for Cassandra's tools", error);
        let temporary = tempfile::tempdir().map_err(failed)?;
        let options = Options::quick().with("data_file_directories", &format!("[{}]", data.display()));
        let conf = temporary.path().join("conf");
        fs::create_dir_all(&conf).map_err(failed)?;
        let text = options.text(Ipv4Addr::LOCALHOST, temporary.path());
        fs::write(conf.join("cassandra.yaml"), text).map_err(failed)?;
        let mut tools = Self::start(temporary.path())?;
        tools.temporary_directory = Some(temporary);
        Ok(tools)
    }

    /// Runs a tool: the name of a class below `org.apache.cassandra.tools`, such as `SSTableExport` (sstabledump),
    /// `StandaloneVerifier` (sstableverify), `SSTableMetadataViewer` (sstablemetadata) or `NodeTool`.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if the virtual machine is gone; what the tool says itself is in the output.
    pub fn run(&mut self, class: &str, arguments: &[&str]) -> Result<Output> {
        let words: Vec<&str> = std::iter::once(class).chain(arguments.iter().copied()).collect();
        self.exchange(&words).map_err(|error| Error::failed(format!("{class} {arguments:?}"), error))
    }

    fn exchange(&mut self, words: &[&str]) -> io::Result<Output> {
        let mut request = Vec::new();
        let number = |n: usize| i32::try_from(n).map(i32::to_be_bytes).map_err(io::Error::other);
        request.extend(number(words.len())?);
        for word in words {
            request.extend(number(word.len())?);
            request.extend(word.as_bytes());
        }
        self.requests.write_all(&request)?;
        self.requests.flush()?;
        let status = self.number()?;
        Ok(Output { status, stdout: self.text()?, stderr: self.text()? })
    }

    fn number(&mut self) -> io::Result<i32> {
        let mut bytes = [0; 4];
        self.answers.read_exact(&mut bytes)?;
        Ok(i32::from_be_bytes(bytes))
    }

    fn text(&mut self) -> io::Result<String> {
        let mut bytes = vec![0; usize::try_from(self.number()?).map_err(io::Error::other)?];
        self.answers.read_exact(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
