//! What the generator promises: what it writes, what it refuses, what it says.
#![allow(clippy::unwrap_used, reason = "the helpers of tests may unwrap as the tests do")]

mod cli;
mod committed;
mod diff;
mod golden;
mod refusals;
