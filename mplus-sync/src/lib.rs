//! Menu, stock, order and branch sync with the MplusKASSA point of sale.

pub mod cancel;
pub mod clock;
pub mod media;
pub mod model;
pub mod schedule;
pub mod store;
#[cfg(feature = "testkit")]
pub mod testkit;
