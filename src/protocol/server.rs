//! The listener.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use super::connection::{Begin, Note, Task};
use super::encryption::{self, Encryption, Opened};
use super::limits::Governor;
use crate::cql::Service;

/// Connections that the kernel holds for us until they are accepted.
const BACKLOG: u32 = 1024;

/// What the connections of a listener share.
pub(super) struct Shared {
    pub(super) service: Arc<dyn Service>,
    pub(super) governor: Arc<Governor>,
    encryption: Encryption,
    next: AtomicU64,
    running: AtomicBool,
    connections: Mutex<HashMap<u64, Running>>,
    ended: Notify,
}

struct Running {
    notes: mpsc::UnboundedSender<Note>,
    task: AbortHandle,
}

/// The native protocol's listener.
pub struct Server;

impl Server {
    /// Listens on this address and serves connections until the handle is told to stop or is dropped. Several listeners
    /// may share the limits.
    pub async fn bind(
        address: SocketAddr,
        service: Arc<dyn Service>,
        governor: Arc<Governor>,
        encryption: Encryption,
    ) -> io::Result<ServerHandle> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let local = listener.local_addr()?;
        let shared = Arc::new(Shared {
            service,
            governor,
            encryption,
            next: AtomicU64::new(1),
            running: AtomicBool::new(true),
            connections: Mutex::default(),
            ended: Notify::new(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(ServerHandle { local, shared, accepting })
    }
}

/// Steers a listener.
pub struct ServerHandle {
    local: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

impl ServerHandle {
    /// Where it listens.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// True until it is stopped.
    pub fn is_running(&self) -> bool {
        self.shared.running.load(Ordering::Relaxed)
    }

    /// Connections now.
    pub fn connections(&self) -> usize {
        self.shared.connections.lock().len()
    }

    /// The limits and what is used of them.
    pub fn governor(&self) -> &Arc<Governor> {
        &self.shared.governor
    }

    /// Stops: nobody is accepted and nothing read any more; requests that are being run may finish within
    /// [`Limits::stop_timeout`](super::Limits::stop_timeout), then every connection is closed.
    pub async fn stop(&self) {
        self.shared.running.store(false, Ordering::Relaxed);
        self.accepting.abort();
        for running in self.shared.connections.lock().values() {
            // A connection that has just ended needs no note.
            let _ = running.notes.send(Note::Stop);
        }
        let shared = Arc::clone(&self.shared);
        let all_ended = async move {
            loop {
                let ended = shared.ended.notified();
                if shared.connections.lock().is_empty() {
                    return;
                }
                ended.await;
            }
        };
        if tokio::time::timeout(self.shared.governor.limits.stop_timeout, all_ended).await.is_err() {
            tracing::warn!("Some connections took longer than the native transport timeout to complete");
            for (_, running) in self.shared.connections.lock().drain() {
                running.task.abort();
            }
        }
        tracing::info!("Stop listening for CQL clients");
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.accepting.abort();
        for (_, running) in self.shared.connections.lock().drain() {
            running.task.abort();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => serve(stream, address, &shared),
            Err(error) => {
                // Such as too many open files: others may close theirs.
                tracing::warn!("Cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn serve(stream: TcpStream, address: SocketAddr, shared: &Arc<Shared>) {
    let Some(lease) = shared.governor.admit(address.ip()) else { return };
    if let Err(error) = set_options(&stream, shared.governor.limits.keepalive) {
        tracing::debug!("Cannot set the options of a connection from {address}: {error}");
    }
    let key = shared.next.fetch_add(1, Ordering::Relaxed);
    let (sender, notes) = mpsc::unbounded_channel();
    let begin = Begin { address, key, lease, shared: Arc::clone(shared), sender: sender.clone(), notes };
    // The entry is there before the task can end, because the task takes the same lock to remove it.
    let mut connections = shared.connections.lock();
    let task = tokio::spawn(run(stream, begin));
    connections.insert(key, Running { notes: sender, task: task.abort_handle() });
}

async fn run(stream: TcpStream, mut begin: Begin) {
    let _ended = Ended { shared: Arc::clone(&begin.shared), key: begin.key };
    let (address, shared) = (begin.address, Arc::clone(&begin.shared));
    let opened = tokio::select! {
        opened = encryption::open(stream, address, &shared.encryption) => opened,
        // The only note there can be so far is to stop.
        _ = begin.notes.recv() => return,
    };
    match opened {
        Ok(Opened::Plain(stream, input)) => Task::new(stream, input, None, begin).run().await,
        Ok(Opened::Tls(stream, tls)) => {
            Task::new(stream, BytesMut::new(), Some(Arc::new(tls)), begin).run().await;
        }
        Err(error) => tracing::info!("No encrypted connection with {address}: {error}"),
    }
}

/// Takes a connection out of the list, however it ended.
struct Ended {
    shared: Arc<Shared>,
    key: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.shared.connections.lock().remove(&self.key);
        self.shared.ended.notify_waiters();
    }
}

fn set_options(stream: &TcpStream, keepalive: bool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    socket2::SockRef::from(stream).set_keepalive(keepalive)
}
