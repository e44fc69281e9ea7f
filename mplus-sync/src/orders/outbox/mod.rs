//! Forwarding queued orders.

mod decide;
mod worker;

pub use decide::RetryPlan;
pub use worker::{OutboxWorker, WorkerOptions, WorkerReport};
