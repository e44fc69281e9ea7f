//! Menu, stock, order and branch sync with the MplusKASSA point of sale.

pub mod cancel;
pub mod conflict;
pub mod media;
pub mod model;
pub mod progress;
pub mod report;
pub mod runtime;
pub mod schedule;
pub mod orders;
mod pos_call;
pub mod relations;
pub mod stock;
pub mod tables;
pub mod store;
pub mod tax;
#[cfg(feature = "testkit")]
pub mod testkit;
