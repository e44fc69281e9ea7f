//! The crate's behaviour from outside.

mod payments;
mod support;
