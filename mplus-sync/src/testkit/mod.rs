//! For tests, of this crate and of hosts.
//!
//! * [`conformance`]: the behaviours that every store must show, run on a host's own.
//! * [`FaultyStore`]: a store that fails at the n-th call, for tests of crashes.

pub mod conformance;
mod faulty;

pub use faulty::{FailAt, FaultyStore};
