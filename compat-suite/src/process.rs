//! Processes that do not outlive whoever started them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Error, Result};

/// What a watch does when its standard input ends without a word, because whoever held the other end is gone: end the
/// process `$1`, and remove the directory `$2` if there is one.
const WATCH: &str = r#"read -r word && exit
kill "$1" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 1; done
kill -9 "$1" 2>/dev/null
[ -z "$2" ] || rm -rf "$2""#;

/// A process that ends when this value goes, or when this process ends in whatever way: a static value is never
/// dropped, and a test may be killed. So a shell beside it watches.
#[derive(Debug)]
pub struct Process {
    child: Child,
    watch: Child,
    lifeline: Option<ChildStdin>,
}

impl Process {
    /// Starts a command. `directory` is removed by the watch, should this process end without having dropped the value.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if it cannot be started.
    pub fn start(command: &mut Command, directory: Option<&Path>) -> Result<Self> {
        let what = command.get_program().display().to_string();
        let mut child = command.spawn().map_err(|error| Error::failed(&what, error))?;
        let watch = Command::new("sh")
            .args(["-c", WATCH, "watch", &child.id().to_string()])
            .arg(directory.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match watch {
            Ok(mut watch) => {
                let lifeline = watch.stdin.take();
                Ok(Self { child, watch, lifeline })
            }
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Error::failed("sh", error))
            }
        }
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child itself, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().map_err(|error| Error::failed("waiting for a process", error))
    }

    /// Asks it to end (SIGTERM), and kills it if it has not done so in that time.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if the system does not say how it ended, or it had to be killed.
    pub fn stop(&mut self, patience: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        self.signal(Signal::TERM)?;
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill()?;
        Err(Error::Failed(format!("process {} did not end within {patience:?}", self.id())))
    }

    /// Kills it (SIGKILL).
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if the system refuses.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill().map_err(|error| Error::failed("kill", error))?;
        self.child.wait().map_err(|error| Error::failed("wait", error))
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        let id = id.ok_or_else(|| Error::failed(self.id(), "not a process id"))?;
        kill_process(id, signal).map_err(|error| Error::failed("kill", error))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            // It may end by itself meanwhile, and nobody hears of an error here.
            let _ = self.stop(Duration::from_secs(30));
        }
        if let Some(mut lifeline) = self.lifeline.take() {
            let _ = lifeline.write_all(b"done\n");
        }
        let _ = self.watch.wait();
    }
}
