//! What is not right yet: readings (all of them together) and the kind of difference they lead to.
//!
//! The walk fails on a difference that is not here, and on one that is here and does not occur any more.

#[rustfmt::skip]
pub(super) const KNOWN: &[(&str, &str)] = &[
];
