//! The boundary between the protocol and the database: what a connection task calls.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::broadcast;

use super::client::{Client, Clients};
use super::request::Request;
use super::response::Response;
use crate::error::Error;
use crate::event::Event;

/// The outcome of handing over a request.
pub enum Execution {
    /// It ran at once, on the caller's thread.
    Ready(Response),
    /// It goes on elsewhere; other requests of the connection may overtake it.
    Pending(BoxFuture<'static, Response>),
}

/// What a connection knows when it is made: after STARTUP was read and found valid.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// Address, protocol version and options of the client; the session notes keyspace and user here.
    pub client: Arc<Client>,
}

/// A step of the login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthStep {
    /// The client must answer this.
    Challenge(Option<Bytes>),
    /// The client is in.
    Success(Option<Bytes>),
}

/// The database, as the protocol sees it.
pub trait Service: Send + Sync + 'static {
    /// Makes the session of a connection whose STARTUP was valid.
    fn connect(&self, info: ConnectionInfo) -> Arc<dyn Connection>;

    /// The connected clients: the protocol adds to them.
    fn clients(&self) -> &Arc<Clients>;

    /// News for the clients that register for it.
    fn events(&self) -> broadcast::Receiver<Event>;
}

/// The session of one connection. Requests of a connection are handed over in order, one at a time.
pub trait Connection: Send + Sync + 'static {
    /// The class name of the authenticator that the client must satisfy before its first request; None if anybody
    /// may come in.
    fn authenticator(&self) -> Option<String>;

    /// Goes on with the login. `Error::BadCredentials` leaves the connection open for another try, as Cassandra does.
    fn authenticate(&self, token: Bytes) -> BoxFuture<'static, Result<AuthStep, Error>>;

    /// Runs a request, or begins to.
    fn execute(&self, request: Request) -> Execution;

    /// Called after all requests of one socket read were handed over, before any of their responses is written: writes
    /// that ran at once are with the kernel when this has finished. None if that is so already. If it fails, see
    /// [`Response::not_durable`].
    fn finish_batch(&self) -> Option<BoxFuture<'static, Result<(), Error>>>;
}
