//! What a connection says and hears: STARTUP, login, registration, requests.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::{Note, Pause, Ready, Session, Task, guarded, panicked};
use crate::cql::{
    AuthStep, Client, ConnectionInfo, Error, Execution, ProtocolVersion, Request, RequestKind, Response,
    Stage,
};
use crate::event::{Event, EventType};
use crate::protocol::decode::{self, Message};
use crate::protocol::header::{FLAG_COMPRESSED, Header, Opcode, WireVersion};
use crate::protocol::output::Format;
use crate::protocol::{encode, startup};

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Task<S> {
    /// Runs one envelope.
    pub(super) fn envelope(&mut self, header: Header, body: Bytes) {
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
        let client = Arc::new(Client::new(self.address, self.version, options, self.tls.clone()));
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

    pub(super) fn auth_done(&mut self, stream: i16, result: Result<AuthStep, Error>) {
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
                self.ready_bytes += response.rows_bytes();
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
    match &request.kind {
        RequestKind::Query { options, .. } if options.page_size == Some(0) => {
            Err(Error::protocol("The page size cannot be 0"))
        }
        _ => Ok(()),
    }
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
