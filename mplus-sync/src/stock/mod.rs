//! Stock, from the POS to the host. Nothing is ever pushed: the POS is the source of truth.
//!
//! [`StockService::pull`] reads how much each branch can sell (`amountFree`) of the articles that the host knows, what
//! changed since the last pull or everything, and writes it in chunks. It ends in a
//! [`RunReport`](crate::report::RunReport).

mod branch;
mod items;
mod options;
mod pull;
mod refusal;
mod service;

pub use options::StockOptions;
pub use service::StockService;

pub use crate::settings::StockSettings;
