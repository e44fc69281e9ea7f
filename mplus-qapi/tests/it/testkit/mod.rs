//! The test POS itself: what it answers, refuses and breaks.

mod catalogue;
mod dialects;
mod faults;
#[cfg(feature = "reqwest")]
mod http;
mod orders;
mod stock;
mod table_orders;
mod wire;
