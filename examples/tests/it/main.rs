//! The binaries as somebody runs them (flags, exit codes, what they print), and the libraries together as a host has them.

// A helper may fail its test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod flows;
mod leaks;
#[cfg(feature = "cli")]
mod mplus;
mod process;
