//! The guide holds together: every chapter is reachable, every link leads somewhere, every name exists, and the messages that
//! it quotes are those of the libraries.

// A helper may fail its test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod book;
mod messages;
mod names;
mod text;
