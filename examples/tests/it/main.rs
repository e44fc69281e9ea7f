//! The binaries as somebody runs them: flags, exit codes, what they print.

// A helper may fail its test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod flows;
#[cfg(feature = "cli")]
mod mplus;
mod process;
