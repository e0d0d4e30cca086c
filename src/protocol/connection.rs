//! The task of one connection: all complete envelopes of one read are run, then their responses leave in one write.

mod conversation;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep_until};

use super::compression::Compression;
use super::encode;
use super::error;
use super::header::Opcode;
use super::inbound::{Bad, Inbound, Item, Rules};
use super::limits::Lease;
use super::output::Output;
use super::server::Shared;
use crate::cql::client::{Connected, Tls};
use crate::cql::{AuthStep, Client, Connection, Error, ProtocolVersion, Response, Stage};
use crate::event::{Event, EventType};

/// The least and the most that is read at once; within these the size follows what comes.
const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 128 * 1024;
/// Reading stops while more than this waits to be written.
const OUTPUT_BYTES_HIGH: usize = 4 * 1024 * 1024;
/// Reading stops while more requests than this are under way.
const PENDING_MAX: usize = 4096;
/// What one turn of a connection may answer and how long it may take, about: then others have theirs.
const TURN_BYTES_MAX: usize = 256 * 1024;
const TURN_TIME_MAX: Duration = Duration::from_millis(5);
/// How often a turn looks at the clock, in requests.
const TURN_CLOCK_INTERVAL: u64 = 16;
/// Events are not kept for a client that does not read.
const EVENT_OUTPUT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What other tasks tell a connection's task.
pub(super) enum Note {
    /// A request finished that could not at once.
    Done { stream: i16, bytes: u64, response: Response },
    /// The writes of these responses are with the kernel now, or are not.
    Batch { ready: Vec<Ready>, result: Result<(), Error> },
    /// A step of the login is done.
    Auth { stream: i16, result: Result<AuthStep, Error> },
    /// Something the client registered for.
    Event(Event),
    /// Finish what runs, then close.
    Stop,
}

/// A response that waits for the end of its batch.
pub(super) struct Ready {
    stream: i16,
    bytes: u64,
    response: Response,
}

/// Why the task woke up.
enum Wake {
    Read,
    Resume,
    /// The turn was long: others first.
    Rest,
    Note(Note),
    Close,
}

/// Why requests are not taken for now.
enum Pause {
    /// Too many bytes in flight, until enough of our own requests are done.
    Bytes,
    /// Too many requests, until the rate limiter's permit is valid.
    Until(Pin<Box<Sleep>>),
}

/// What a connection has when it was just accepted.
pub(super) struct Begin {
    pub(super) address: SocketAddr,
    pub(super) key: u64,
    pub(super) lease: Lease,
    pub(super) shared: Arc<Shared>,
    /// How others tell it things.
    pub(super) sender: mpsc::UnboundedSender<Note>,
    pub(super) notes: mpsc::UnboundedReceiver<Note>,
}

/// One connection.
pub(super) struct Task<S> {
    io: S,
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
    shared: Arc<Shared>,
    lease: Lease,
    input: BytesMut,
    /// How much to read at once.
    read_bytes: usize,
    inbound: Inbound,
    output: Output,
    /// Whether everything that was written is with the kernel: encrypted bytes may wait in between.
    flushed: bool,
    version: ProtocolVersion,
    compression: Option<Compression>,
    throw_on_overload: bool,
    stage: Stage,
    session: Option<Session>,
    events: Vec<EventType>,
    forwarder: Option<AbortHandle>,
    sender: mpsc::UnboundedSender<Note>,
    notes: mpsc::UnboundedReceiver<Note>,
    ready: Vec<Ready>,
    /// Requests under way elsewhere, and the bytes of all that are not answered.
    pending: usize,
    in_flight: u64,
    pause: Option<Pause>,
    /// The input may hold complete envelopes that were not taken yet.
    buffered: bool,
    /// The last turn ended because it was long.
    tired: bool,
    /// Bytes of rows that wait in `ready`.
    ready_bytes: usize,
    closing: bool,
    stopping: bool,
    idle: Option<(Duration, Pin<Box<Sleep>>)>,
    active: Instant,
}

/// What STARTUP made.
struct Session {
    client: Arc<Client>,
    connection: Arc<dyn Connection>,
    _connected: Connected,
}

impl<S> Drop for Task<S> {
    fn drop(&mut self) {
        if let Some(forwarder) = &self.forwarder {
            forwarder.abort();
        }
        // What still runs elsewhere is not our client's load any more.
        self.lease.release(self.in_flight);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Task<S> {
    /// A connection whose input begins with what was read of it, and which is encrypted or not.
    pub(super) fn new(io: S, input: BytesMut, tls: Option<Arc<Tls>>, begin: Begin) -> Self {
        let Begin { address, key, lease, shared, sender, notes } = begin;
        let limits = &shared.governor.limits;
        let rules = Rules {
            frame_bytes_max: limits.frame_bytes_max,
            message_bytes_max: limits.message_bytes_max,
            consecutive_errors_max: limits.consecutive_errors_max,
        };
        let now = Instant::now();
        let idle = limits.idle_timeout.map(|timeout| (timeout, Box::pin(sleep_until(now + timeout))));
        // The id stands for the connection in messages: any number that differs between connections is good.
        let id = (key as u32).wrapping_mul(0x9E37_79B9);
        Task {
            io,
            address,
            tls,
            throw_on_overload: limits.throw_on_overload,
            lease,
            buffered: !input.is_empty(),
            input,
            read_bytes: READ_BYTES_MIN,
            inbound: Inbound::new(rules, id),
            output: Output::new(),
            flushed: true,
            version: ProtocolVersion::CURRENT,
            compression: None,
            stage: Stage::Established,
            session: None,
            events: Vec::new(),
            forwarder: None,
            sender,
            notes,
            ready: Vec::new(),
            pending: 0,
            in_flight: 0,
            pause: None,
            tired: false,
            ready_bytes: 0,
            closing: false,
            stopping: false,
            idle,
            active: now,
            shared,
        }
    }

    /// Serves the connection until one side closes it.
    pub(super) async fn run(mut self) {
        loop {
            match std::future::poll_fn(|context| self.poll(context)).await {
                Wake::Read | Wake::Resume => self.take_input(),
                Wake::Rest => tokio::task::yield_now().await,
                Wake::Note(note) => {
                    self.take_note(note);
                    while let Ok(note) = self.notes.try_recv() {
                        self.take_note(note);
                    }
                }
                Wake::Close => return,
            }
            self.output.finish();
        }
    }

    /// Notes the time, where it matters.
    fn touch(&mut self) {
        if self.idle.is_some() {
            self.active = Instant::now();
        }
    }

    fn can_take(&self) -> bool {
        self.pause.is_none()
            && !self.closing
            && !self.stopping
            && self.pending < PENDING_MAX
            && self.output.len() < OUTPUT_BYTES_HIGH
    }

    /// Writes what waits, then looks for something to do.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Wake> {
        if self.poll_output(context).is_err() {
            return Poll::Ready(Wake::Close);
        }
        if self.output.is_empty() && (self.closing || self.stopping && self.pending == 0) {
            return match Pin::new(&mut self.io).poll_shutdown(context) {
                Poll::Ready(_) => Poll::Ready(Wake::Close),
                Poll::Pending => Poll::Pending,
            };
        }
        if std::mem::take(&mut self.tired) {
            return Poll::Ready(Wake::Rest);
        }
        if let Poll::Ready(Some(note)) = self.notes.poll_recv(context) {
            return Poll::Ready(Wake::Note(note));
        }
        if let Some(Pause::Until(sleep)) = &mut self.pause
            && sleep.as_mut().poll(context).is_ready()
        {
            self.pause = None;
        }
        if self.can_take() {
            if self.buffered {
                return Poll::Ready(Wake::Resume);
            }
            if self.input.capacity() - self.input.len() < READ_BYTES_MIN / 4 {
                self.input.reserve(self.read_bytes);
            }
            let space = self.input.capacity() - self.input.len();
            match pin!(self.io.read_buf(&mut self.input)).poll(context) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Wake::Close),
                Poll::Ready(Err(error)) => {
                    tracing::debug!("Reading from {} failed: {error}", self.address);
                    return Poll::Ready(Wake::Close);
                }
                Poll::Ready(Ok(count)) => {
                    self.touch();
                    let wanted = if count >= space { self.read_bytes * 2 } else { count * 2 };
                    self.read_bytes = wanted.clamp(READ_BYTES_MIN, READ_BYTES_MAX);
                    return Poll::Ready(Wake::Read);
                }
                Poll::Pending => {}
            }
        }
        self.poll_idle(context)
    }

    fn poll_output(&mut self, context: &mut Context<'_>) -> Result<(), ()> {
        let mut written = false;
        while !self.output.is_empty() {
            match Pin::new(&mut self.io).poll_write(context, self.output.bytes()) {
                Poll::Ready(Ok(0)) => return Err(()),
                Poll::Ready(Ok(count)) => self.output.advance(count),
                Poll::Ready(Err(error)) => {
                    tracing::debug!("Writing to {} failed: {error}", self.address);
                    return Err(());
                }
                Poll::Pending => break,
            }
            written = true;
        }
        if written {
            self.touch();
            self.flushed = false;
        }
        if !self.flushed {
            match Pin::new(&mut self.io).poll_flush(context) {
                Poll::Ready(Ok(())) => self.flushed = true,
                Poll::Ready(Err(_)) => return Err(()),
                Poll::Pending => {}
            }
        }
        Ok(())
    }

    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<Wake> {
        while let Some((timeout, sleep)) = &mut self.idle {
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let end = self.active + *timeout;
            if end <= Instant::now() {
                let millis = timeout.as_millis();
                tracing::info!("Closing client connection {} after timeout of {millis}ms", self.address);
                return Poll::Ready(Wake::Close);
            }
            sleep.as_mut().reset(end);
        }
        Poll::Pending
    }

    /// Runs all complete envelopes of the input, as far as a turn goes.
    fn take_input(&mut self) {
        self.buffered = false;
        let allow_older = self.shared.governor.allow_older();
        let started = Instant::now();
        let mut count = 0;
        while self.can_take() && !self.tired {
            match self.inbound.next(&mut self.input, allow_older) {
                None => break,
                Some(Item::Envelope(header, body)) => {
                    count += 1;
                    self.envelope(header, body);
                    self.tired = self.ready_bytes >= TURN_BYTES_MAX
                        || count % TURN_CLOCK_INTERVAL == 0 && started.elapsed() >= TURN_TIME_MAX;
                }
                Some(Item::Bad(bad)) => self.bad(bad),
            }
        }
        self.ready_bytes = 0;
        // Whatever stopped the loop may have left complete envelopes; looking again costs little.
        self.buffered = self.tired || !self.can_take();
        if let Some(session) = &self.session {
            session.client.count_requests(count);
        }
        self.finish_batch();
        if self.input.is_empty() && self.input.capacity() > READ_BYTES_MAX {
            self.input = BytesMut::new();
        }
    }

    /// The responses leave once the writes among the requests are with the kernel.
    fn finish_batch(&mut self) {
        if self.ready.is_empty() {
            return;
        }
        let mut ready = std::mem::take(&mut self.ready);
        match self.session.as_ref().and_then(|session| session.connection.finish_batch()) {
            None => {
                for ready in ready.drain(..) {
                    self.respond(ready);
                }
                self.ready = ready;
            }
            Some(barrier) => {
                let sender = self.sender.clone();
                self.pending += 1;
                tokio::spawn(async move {
                    let result = guarded(barrier).await.unwrap_or_else(Err);
                    // If the connection is gone, so is the need to answer.
                    let _ = sender.send(Note::Batch { ready, result });
                });
            }
        }
    }

    fn respond(&mut self, ready: Ready) {
        self.release(ready.bytes);
        self.write_response(ready.stream, &ready.response);
    }

    fn write_response(&mut self, stream: i16, response: &Response) {
        let version = self.version;
        let (opcode, flags) = encode::opcode_and_flags(response, version);
        self.output.envelope(opcode, flags, stream, |out| encode::response(response, version, out));
    }

    fn write_error(&mut self, stream: i16, error: &Error) {
        let version = self.version;
        self.output.envelope(Opcode::Error, 0, stream, |out| error::encode(error, version, out));
    }

    fn release(&mut self, bytes: u64) {
        self.lease.release(bytes);
        self.in_flight = self.in_flight.saturating_sub(bytes);
        if matches!(self.pause, Some(Pause::Bytes)) && (self.in_flight == 0 || self.lease.below_limits()) {
            self.pause = None;
        }
    }

    fn take_note(&mut self, note: Note) {
        match note {
            Note::Done { stream, bytes, response } => {
                self.pending -= 1;
                self.respond(Ready { stream, bytes, response });
            }
            Note::Batch { ready, result } => {
                self.pending -= 1;
                for mut ready in ready {
                    if let Err(error) = &result {
                        ready.response.not_durable(error);
                    }
                    self.respond(ready);
                }
            }
            Note::Auth { stream, result } => {
                self.pending -= 1;
                self.auth_done(stream, result);
            }
            Note::Event(event) => {
                if self.output.len() < EVENT_OUTPUT_BYTES_MAX && self.events.contains(&event.event_type()) {
                    let version = self.version;
                    self.output.envelope(Opcode::Event, 0, -1, |out| encode::event(&event, version, out));
                }
            }
            Note::Stop => self.stopping = true,
        }
    }

    fn bad(&mut self, bad: Bad) {
        tracing::debug!("Bad request from {}: {}", self.address, bad.error);
        self.closing |= bad.fatal;
        let version = self.version;
        let write = |out: &mut BytesMut| error::encode(&bad.error, version, out);
        // Before STARTUP the connection has no version of its own.
        let current = ProtocolVersion::CURRENT.number();
        match bad.version.or((self.stage == Stage::Established).then_some(current)) {
            None => self.output.envelope(Opcode::Error, 0, bad.stream, write),
            Some(number) => self.output.envelope_as(number, Opcode::Error, 0, bad.stream, write),
        }
    }
}

/// Runs a future to its end; a panic becomes an error.
async fn guarded<T>(future: BoxFuture<'static, T>) -> Result<T, Error> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|panic| panicked(panic.as_ref()))
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown");
    tracing::error!("Unexpected exception during request: {text}");
    Error::server(format!("Unexpected exception during request: {text}"))
}
