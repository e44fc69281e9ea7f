//! Menu, stock, order and branch sync with the MplusKASSA point of sale.

pub mod articles;
pub mod branches;
pub mod cancel;
pub mod conflict;
pub mod connection;
mod error;
mod integration;
pub mod media;
pub mod model;
pub mod orders;
mod pos_call;
pub mod products;
pub mod progress;
pub mod relations;
pub mod report;
pub mod runtime;
pub mod schedule;
pub mod stock;
pub mod store;
pub mod sync;
pub mod tables;
pub mod tax;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use integration::{Host, Integration};
