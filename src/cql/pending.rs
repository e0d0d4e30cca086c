//! Requests that have to wait: for a thread that may block, the disk, memory, a sync of the commit log. Each is held
//! against its timeout (Cassandra: `Dispatcher.processRequest`, `ReadCallback`, `AbstractWriteResponseHandler`). What
//! runs at once needs no timer.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::response::Response;
use super::running::Task;
use super::session::{Inner, Ready};
use crate::cluster::timeouts::TimeoutKind;
use crate::error::Error;
use crate::exec::context::Written;
use crate::storage::IoMode;

impl Inner {
    /// Runs a request on a thread that may block, and waits until what it wrote is durable.
    pub(super) async fn run_blocking(self: Arc<Self>, ready: Ready) -> Response {
        let arrived = Instant::now();
        let timeouts = self.timeouts().clone();
        let ready = Arc::new(ready);
        let (begin, begun) = oneshot::channel();
        let (runner, work) = (Arc::clone(&self), Arc::clone(&ready));
        let run = tokio::task::spawn_blocking(move || {
            // Where nobody waits any more, nothing is to be done.
            begin.send(()).is_ok().then(|| {
                let task = Task::Request(Arc::clone(&work));
                let _running = runner.node.running().begin(task, arrived.into_std());
                runner.run(&work, IoMode::Blocking)
            })
        });
        let refused = || ready.refused(Error::Overloaded("Query timed out before it could start".to_owned()));
        let waits_until = timeouts.deadline(TimeoutKind::NativeTransport, arrived);
        if within(waits_until, begun).await.is_none() {
            return refused();
        }
        let from = if timeouts.counts_waiting { arrived } else { Instant::now() };
        let deadline = ready.timeout_kind().and_then(|kind| timeouts.deadline(kind, from));
        match within(deadline, run).await {
            Some(Ok(Some((response, written)))) => self.durable(response, written, deadline).await,
            Some(Ok(None)) => refused(),
            Some(Err(error)) => ready.refused(Error::server(format!("the request failed: {error}"))),
            None => ready.refused(ready.timed_out()),
        }
    }

    /// The response, once what it acknowledges is as durable as it has to be.
    async fn durable(
        &self,
        mut response: Response,
        written: Option<Written>,
        deadline: Option<Instant>,
    ) -> Response {
        let Some(Written { position, awaited }) = written else { return response };
        let storage = self.storage();
        let synced = match storage.write_out() {
            Ok(()) => match within(deadline, storage.synced(position)).await {
                Some(synced) => synced.map_err(Error::from),
                None => Err(awaited.timed_out()),
            },
            Err(error) => Err(error.into()),
        };
        if let Err(error) = synced
            && response.result.is_ok()
        {
            response.result = Err(error);
        }
        response
    }

    /// Waits until what was written up to a place is as durable as it has to be, for as long as a write may take.
    pub(super) async fn synced(self: Arc<Self>, written: Written) -> Result<(), Error> {
        let deadline = self.timeouts().deadline(TimeoutKind::Write, Instant::now());
        match within(deadline, self.storage().synced(written.position)).await {
            Some(synced) => Ok(synced?),
            None => Err(written.awaited.timed_out()),
        }
    }
}

/// Waits for something until then; none where that was in vain.
async fn within<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}
