//! The menu sync against the test POS.

mod connect;
mod pull;
