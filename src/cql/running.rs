//! The requests that run on threads that may block (Cassandra: `DebuggableTask`). What is answered on a connection's
//! task is over too soon to be looked at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::session::Ready;

/// What runs.
#[derive(Clone, Debug)]
pub(super) enum Task {
    /// QUERY, EXECUTE or BATCH.
    Request(Arc<Ready>),
    /// PREPARE, of this text.
    Prepare(Arc<str>),
}

impl Task {
    fn description(&self) -> String {
        match self {
            Self::Request(ready) => ready.description(),
            Self::Prepare(text) => format!("PREPARE {text}"),
        }
    }
}

/// A task, and since when.
#[derive(Clone, Debug)]
struct Running {
    task: Task,
    arrived: Instant,
    began: Instant,
}

/// A request that runs, as it is shown.
#[derive(Clone, Debug)]
pub struct RunningRequest {
    /// The place that it takes among those that run, from 1 on.
    pub place: usize,
    /// How long it waited for a thread.
    pub queued: Duration,
    /// How long it has run.
    pub running: Duration,
    /// What it is (Cassandra: `QueryMessage.toString` and so on).
    pub description: String,
}

/// The requests that run.
#[derive(Debug, Default)]
pub struct RunningRequests(Mutex<Vec<Option<Running>>>);

/// Takes a request from those that run when it is dropped.
pub(super) struct RunningGuard<'r> {
    requests: &'r RunningRequests,
    place: usize,
}

impl RunningRequests {
    /// A request begins that had arrived then.
    pub(super) fn begin(&self, task: Task, arrived: Instant) -> RunningGuard<'_> {
        let running = Some(Running { task, arrived, began: Instant::now() });
        let mut places = self.0.lock();
        let place = places.iter().position(Option::is_none).unwrap_or(places.len());
        match places.get_mut(place) {
            Some(free) => *free = running,
            None => places.push(running),
        }
        RunningGuard { requests: self, place }
    }

    /// How many run.
    pub fn len(&self) -> usize {
        self.0.lock().iter().flatten().count()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All that run now.
    pub fn all(&self) -> Vec<RunningRequest> {
        let places = self.0.lock().clone();
        let shown = |(i, running): (usize, Running)| RunningRequest {
            place: i + 1,
            queued: running.began.saturating_duration_since(running.arrived),
            running: running.began.elapsed(),
            description: running.task.description(),
        };
        places.into_iter().enumerate().filter_map(|(i, running)| Some((i, running?))).map(shown).collect()
    }
}

impl Drop for RunningGuard<'_> {
    fn drop(&mut self) {
        let mut places = self.requests.0.lock();
        if let Some(place) = places.get_mut(self.place) {
            *place = None;
        }
        while places.last().is_some_and(Option::is_none) {
            places.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_again() {
        let requests = RunningRequests::default();
        let begin = |text: &str| requests.begin(Task::Prepare(text.into()), Instant::now());
        let (first, second) = (begin("a"), begin("b"));
        drop(first);
        let third = begin("c");
        let shown: Vec<_> = requests.all().into_iter().map(|one| (one.place, one.description)).collect();
        assert_eq!(shown, [(1, "PREPARE c".to_owned()), (2, "PREPARE b".to_owned())]);
        drop((second, third));
        assert!(requests.is_empty());
    }
}
