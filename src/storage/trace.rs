//! The steps of a request, for those who want them traced.

use std::fmt;

/// Takes the steps of a request whose client wants them traced (Cassandra: `Tracing.trace`).
pub trait Tracer: Send + Sync + fmt::Debug {
    /// Something was begun or done.
    fn step(&self, activity: String);
}

/// Where the steps of a request go: to its tracer, or, as those of most requests, nowhere.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a>(Option<&'a dyn Tracer>);

impl<'a> Steps<'a> {
    /// Nobody wants to know.
    pub const NONE: Steps<'static> = Steps(None);

    /// To this tracer, if there is one.
    pub fn to(tracer: Option<&'a dyn Tracer>) -> Self {
        Self(tracer)
    }

    /// Whether anybody wants to know.
    pub fn are_wanted(self) -> bool {
        self.0.is_some()
    }

    /// Something was begun or done; its words are made only where they are wanted.
    #[inline]
    pub fn note(self, activity: impl FnOnce() -> String) {
        if let Some(tracer) = self.0 {
            tracer.step(activity());
        }
    }
}
