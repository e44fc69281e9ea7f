//! Forwarding queued orders, and telling what became of them.

mod decide;
mod tell;
mod worker;

pub use decide::RetryPlan;
pub(crate) use tell::tell_host;
pub use tell::{ObserverError, OrderObserver};
pub(crate) use worker::Reopen;
pub use worker::{OutboxWorker, WorkerOptions, WorkerReport};
