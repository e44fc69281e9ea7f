//! What several test modules need.

mod merchant;
mod runtime;
mod scripted;

pub(crate) use merchant::{Merchant, contents};
pub(crate) use runtime::TestRuntime;
pub(crate) use scripted::Scripted;
