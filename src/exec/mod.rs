//! Executes plans.
//!
//! - [`options`]: what a statement is executed with.
//! - [`result`]: what it gives.

pub mod functions;
pub mod options;
pub mod result;
