//! When the daily sync is due.
//!
//! The host drives it: ask [`DailySchedule::next_after`] for the next instant and start the sync then. Hosts on tokio can
//! leave the waiting to `run_daily` (feature `tokio-runner`).

mod daily;
#[cfg(feature = "tokio-runner")]
mod runner;

pub(crate) use daily::lot;
pub use daily::{DailySchedule, ScheduleError};
#[cfg(feature = "tokio-runner")]
pub use runner::run_daily;
