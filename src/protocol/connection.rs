//! The task of one connection: all complete envelopes of one read are run, then their responses leave in one write.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep_until};

use super::compression::Compression;
use super::decode::{self, Message};
use super::encode;
use super::header::{FLAG_COMPRESSED, Header, Opcode, WireVersion};
use super::inbound::{Bad, Inbound, Item, Rules};
use super::limits::Lease;
use super::output::{Format, Output};
use super::server::Shared;
use super::{error, startup};
use crate::cql::client::Connected;
use crate::cql::{
    AuthStep, Client, Connection, ConnectionInfo, Error, Execution, ProtocolVersion, Request, Response, Stage,
};
use crate::event::{Event, EventType};

/// The least and the most that is read at once; within these the size follows what comes.
const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 128 * 1024;
/// Reading stops while more than this waits to be written.
const OUTPUT_BYTES_HIGH: usize = 4 * 1024 * 1024;
/// Reading stops while more requests than this are under way.
const PENDING_MAX: usize = 4096;
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

/// One connection.
pub(super) struct Task<S> {
    io: S,
    address: SocketAddr,
    shared: Arc<Shared>,
    lease: Lease,
    input: BytesMut,
    /// How much to read at once.
    read_bytes: usize,
    inbound: Inbound,
    output: Output,
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
    /// A connection that was just accepted, and how to tell it things.
    pub(super) fn new(
        io: S,
        address: SocketAddr,
        key: u64,
        lease: Lease,
        shared: Arc<Shared>,
    ) -> (Self, mpsc::UnboundedSender<Note>) {
        let (sender, notes) = mpsc::unbounded_channel();
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
        let task = Task {
            io,
            address,
            throw_on_overload: limits.throw_on_overload,
            lease,
            input: BytesMut::new(),
            read_bytes: READ_BYTES_MIN,
            inbound: Inbound::new(rules, id),
            output: Output::new(),
            version: ProtocolVersion::CURRENT,
            compression: None,
            stage: Stage::Established,
            session: None,
            events: Vec::new(),
            forwarder: None,
            sender: sender.clone(),
            notes,
            ready: Vec::new(),
            pending: 0,
            in_flight: 0,
            pause: None,
            buffered: false,
            closing: false,
            stopping: false,
            idle,
            active: now,
            shared,
        };
        (task, sender)
    }

    /// What it shares with the others.
    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Serves the connection until one side closes it.
    pub(super) async fn run(mut self) {
        loop {
            match std::future::poll_fn(|context| self.poll(context)).await {
                Wake::Read | Wake::Resume => self.take_input(),
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
                    self.active = Instant::now();
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
            self.active = Instant::now();
            if let Poll::Ready(Err(_)) = Pin::new(&mut self.io).poll_flush(context) {
                return Err(());
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

    /// Runs all complete envelopes of the input.
    fn take_input(&mut self) {
        self.buffered = false;
        let allow_older = self.shared.governor.allow_older();
        let mut count = 0;
        while self.can_take() {
            match self.inbound.next(&mut self.input, allow_older) {
                None => break,
                Some(Item::Envelope(header, body)) => {
                    count += 1;
                    self.envelope(header, body);
                }
                Some(Item::Bad(bad)) => self.bad(bad),
            }
        }
        // Whatever stopped the loop may have left complete envelopes; looking again costs little.
        self.buffered = !self.can_take();
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
                    if let (Err(error), Ok(_)) = (&result, &ready.response.result) {
                        ready.response.result = Err(error.clone());
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

    /// Runs one envelope.
    fn envelope(&mut self, header: Header, body: Bytes) {
        if self.stage == Stage::Established {
            return self.first_envelope(header, body);
        }
        let stream = header.stream;
        match self.decode(&header, body) {
            Ok(message) => {
                self.inbound.note_body(true);
                if let Err(error) = self.message(&header, message) {
                    self.write_error(stream, &error);
                }
            }
            Err(error) => {
                self.closing |= self.inbound.note_body(false);
                self.write_error(stream, &error);
            }
        }
    }

    fn decode(&self, header: &Header, body: Bytes) -> Result<Message, Error> {
        let body = match self.compression {
            Some(compression) if header.has(FLAG_COMPRESSED) => compression.decompress(&body)?,
            _ => body,
        };
        decode::decode(header, self.version, body)
    }

    /// Before STARTUP only OPTIONS and STARTUP are welcome; other answers carry no stream.
    fn first_envelope(&mut self, header: Header, body: Bytes) {
        self.output.set_version(header.version);
        self.version = match header.version {
            WireVersion::Supported(version) => version,
            WireVersion::Beta => ProtocolVersion::V5,
        };
        let message = match header.opcode {
            Opcode::Options => return self.write_supported(header.stream),
            Opcode::Startup => decode::decode(&header, self.version, body),
            other => {
                let name = other.name();
                Err(Error::protocol(format!("Unexpected message {name}, expecting STARTUP or OPTIONS")))
            }
        };
        match message {
            Ok(Message::Startup(options)) => {
                if let Err(error) = self.startup(&header, options) {
                    self.write_error(header.stream, &error);
                }
            }
            Ok(_) => {}
            Err(error) => self.write_error(0, &error),
        }
    }

    fn write_supported(&mut self, stream: i16) {
        self.output.envelope(Opcode::Supported, 0, stream, encode::supported);
    }

    fn startup(&mut self, header: &Header, options: BTreeMap<String, String>) -> Result<(), Error> {
        let startup = startup::check(&options, self.version)?;
        let framed = (self.version >= ProtocolVersion::V5).then_some(startup.compression.is_some());
        if let Some(throw) = startup.throw_on_overload {
            self.throw_on_overload = throw;
        } else if framed.is_none() {
            self.throw_on_overload = false;
        }
        let client = Arc::new(Client::new(self.address, self.version, options));
        let info = ConnectionInfo { client: Arc::clone(&client) };
        let connection = self.shared.service.connect(info);
        let authenticator = connection.authenticator();
        if framed.is_none()
            && let Some(compression) = startup.compression
        {
            self.compression = Some(compression);
            self.output.set_format(Format::Compressed(compression));
        }
        self.inbound.settle(header.version, framed);
        let connected = self.shared.service.clients().add(Arc::clone(&client));
        self.session = Some(Session { client, connection, _connected: connected });
        match authenticator {
            None => {
                self.set_stage(Stage::Ready);
                self.output.envelope(Opcode::Ready, 0, header.stream, |_| {});
            }
            Some(class) => {
                self.set_stage(Stage::Authenticating);
                self.output.envelope(Opcode::Authenticate, 0, header.stream, |out| {
                    encode::put_string(out, &class);
                });
            }
        }
        // The answer to STARTUP itself is never in a frame.
        if let Some(lz4) = framed {
            self.output.set_format(Format::Framed { lz4 });
        }
        Ok(())
    }

    fn set_stage(&mut self, stage: Stage) {
        self.stage = stage;
        if stage == Stage::Ready {
            self.inbound.set_authenticated();
        }
        if let Some(session) = &self.session {
            session.client.set_stage(stage);
        }
    }

    /// Runs a message after STARTUP. An error is the answer.
    fn message(&mut self, header: &Header, message: Message) -> Result<(), Error> {
        let name = header.opcode.name();
        if self.stage == Stage::Authenticating && !matches!(message, Message::AuthResponse(_)) {
            return Err(Error::protocol(format!("Unexpected message {name}, expecting SASL_RESPONSE")));
        }
        match message {
            Message::Startup(_) => {
                Err(Error::protocol("Unexpected message STARTUP, the connection is already initialized"))
            }
            Message::Options => {
                self.write_supported(header.stream);
                Ok(())
            }
            Message::Register(kinds) => self.register(header.stream, kinds),
            Message::AuthResponse(token) => {
                self.auth_response(header.stream, token);
                Ok(())
            }
            Message::Request(request) => {
                check_page_size(&request)?;
                self.request(header, request)
            }
        }
    }

    fn register(&mut self, stream: i16, kinds: Vec<EventType>) -> Result<(), Error> {
        if self.version < ProtocolVersion::V4 && kinds.contains(&EventType::TraceComplete) {
            return Err(Error::protocol(format!(
                "Event TRACE_COMPLETE not valid for protocol version {}",
                self.version
            )));
        }
        self.events.extend(kinds);
        if self.forwarder.is_none() && !self.events.is_empty() {
            let events = self.shared.service.events();
            self.forwarder = Some(tokio::spawn(forward(events, self.sender.clone())).abort_handle());
        }
        self.output.envelope(Opcode::Ready, 0, stream, |_| {});
        Ok(())
    }

    fn auth_response(&mut self, stream: i16, token: Bytes) {
        let Some(session) = &self.session else { return };
        let login = session.connection.authenticate(token);
        let sender = self.sender.clone();
        self.pending += 1;
        tokio::spawn(async move {
            let result = guarded(login).await.unwrap_or_else(Err);
            // If the connection is gone, so is the need to answer.
            let _ = sender.send(Note::Auth { stream, result });
        });
    }

    fn auth_done(&mut self, stream: i16, result: Result<AuthStep, Error>) {
        let (opcode, token) = match result {
            Err(error) => return self.write_error(stream, &error),
            Ok(AuthStep::Challenge(token)) => (Opcode::AuthChallenge, token),
            Ok(AuthStep::Success(token)) => {
                self.set_stage(Stage::Ready);
                (Opcode::AuthSuccess, token)
            }
        };
        self.output.envelope(opcode, 0, stream, |out| encode::put_bytes(out, token.as_deref()));
    }

    /// Takes what a request needs of the limits, or says what comes of it: an error, or a warning and a pause.
    fn admit(&mut self, bytes: u64) -> Result<Option<String>, Error> {
        if self.throw_on_overload {
            if !self.lease.try_acquire(bytes) {
                return Err(self.lease.overloaded_bytes());
            }
            if let Some(rate) = self.lease.rate()
                && !rate.try_reserve()
            {
                let error = rate.overloaded();
                self.lease.release(bytes);
                return Err(error);
            }
            self.in_flight += bytes;
            return Ok(None);
        }
        let mut warning = None;
        self.in_flight += bytes;
        if !self.lease.try_acquire(bytes) {
            self.lease.acquire(bytes);
            warning = Some(self.lease.bytes_warning());
            self.pause = Some(Pause::Bytes);
        }
        if let Some(rate) = self.lease.rate() {
            let delay = rate.reserve();
            if !delay.is_zero() && self.pause.is_none() {
                warning = Some(rate.warning());
                self.pause = Some(Pause::Until(Box::pin(sleep_until(Instant::now() + delay))));
            }
        }
        Ok(warning)
    }

    fn request(&mut self, header: &Header, request: Request) -> Result<(), Error> {
        let (stream, bytes) = (header.stream, u64::from(header.length));
        let warning = self.admit(bytes)?;
        let Some(session) = &self.session else {
            return Err(Error::server("There is no session"));
        };
        let connection = &session.connection;
        let execution = std::panic::catch_unwind(AssertUnwindSafe(|| connection.execute(request)));
        match execution {
            Err(panic) => {
                let response = Response::from(panicked(panic.as_ref()));
                self.ready.push(Ready { stream, bytes, response });
            }
            Ok(Execution::Ready(mut response)) => {
                response.warnings.extend(warning);
                self.ready.push(Ready { stream, bytes, response });
            }
            Ok(Execution::Pending(future)) => {
                let sender = self.sender.clone();
                self.pending += 1;
                tokio::spawn(async move {
                    let mut response = guarded(future).await.unwrap_or_else(Response::from);
                    response.warnings.extend(warning);
                    // If the connection is gone, so is the need to answer.
                    let _ = sender.send(Note::Done { stream, bytes, response });
                });
            }
        }
        Ok(())
    }
}

fn check_page_size(request: &Request) -> Result<(), Error> {
    use crate::cql::RequestKind::Query;
    match &request.kind {
        Query { options, .. } if options.page_size == Some(0) => {
            Err(Error::protocol("The page size cannot be 0"))
        }
        _ => Ok(()),
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

async fn forward(mut events: broadcast::Receiver<Event>, sender: mpsc::UnboundedSender<Note>) {
    loop {
        match events.recv().await {
            Ok(event) => {
                if sender.send(Note::Event(event)).is_err() {
                    return;
                }
            }
            // A client that missed events finds out by itself, as after a lost connection.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}
