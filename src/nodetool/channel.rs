//! The server's end of nodetool's channel: a Unix socket in the data directory and, like JMX, a local TCP port.
//!
//! ```text
//! client -> server   {"arguments": ["status", "ks"]}\n
//! server -> client   {"stdout": "…", "stderr": "…", "code": 0}\n
//! ```

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinHandle;

use super::admin::Admin;
use super::command::{Output, execute};

/// Name of the socket in the directory of `--data`.
pub const SOCKET: &str = "control.sock";

/// Bytes of the longest line either end reads.
pub(super) const LINE_BYTES_MAX: u64 = 64 << 20;

/// A command.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Command {
    pub arguments: Vec<String>,
    #[serde(default)]
    pub print_port: bool,
}

/// The open channel; closes when dropped.
#[derive(Debug)]
pub struct Channel {
    socket: Option<PathBuf>,
    port: Option<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Channel {
    /// Opens the socket in `home` and, if an address is given, the port. What cannot be opened is logged: a server
    /// without this channel still serves.
    pub async fn open(admin: Arc<dyn Admin>, home: &Path, address: Option<SocketAddr>) -> Self {
        let mut channel = Self { socket: None, port: None, tasks: Vec::new() };
        let path = home.join(SOCKET);
        // The lock of the data directory is ours, so whoever left this socket is gone.
        let _ = std::fs::remove_file(&path);
        match UnixListener::bind(&path) {
            Ok(listener) => {
                let admin = Arc::clone(&admin);
                channel.socket = Some(path);
                channel.tasks.push(tokio::spawn(async move {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(converse(stream, Arc::clone(&admin)));
                    }
                }));
            }
            Err(error) => tracing::warn!("nodetool cannot use {}: {error}", path.display()),
        }
        let Some(address) = address else { return channel };
        match TcpListener::bind(address).await {
            Ok(listener) => {
                channel.port = listener.local_addr().ok();
                channel.tasks.push(tokio::spawn(async move {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(converse(stream, Arc::clone(&admin)));
                    }
                }));
            }
            Err(error) => {
                tracing::warn!("nodetool cannot use {address}: {error}; it reaches this server with --data");
            }
        }
        channel
    }

    /// The port's address, if it is open.
    pub fn address(&self) -> Option<SocketAddr> {
        self.port
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        if let Some(socket) = &self.socket {
            let _ = std::fs::remove_file(socket);
        }
    }
}

/// Answers the commands of one client until it goes.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, admin: Arc<dyn Admin>) {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        match (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await {
            Ok(count) if count > 0 => {}
            _ => return,
        }
        let output = match serde_json::from_slice::<Command>(&line) {
            Ok(command) => execute(&*admin, &command.arguments, command.print_port).await,
            Err(error) => Output::failed(&format!("not a command: {error}")),
        };
        let Ok(mut answer) = serde_json::to_vec(&output) else { return };
        answer.push(b'\n');
        if writer.write_all(&answer).await.is_err() {
            return;
        }
    }
}
