//! What several test modules need.

mod merchant;
mod runtime;

pub(crate) use merchant::{Merchant, contents};
pub(crate) use runtime::TestRuntime;
