//! Forwarding queued orders, and telling what became of them.

mod decide;
mod finishing;
mod meanwhile;
mod tell;
mod worker;

pub use decide::RetryPlan;
pub(crate) use finishing::Finishing;
pub use tell::{ObserverError, OrderObserver};
pub(crate) use tell::{Until, tell_host};
pub(crate) use worker::Reopen;
pub use worker::{OutboxWorker, WorkerOptions, WorkerReport};
