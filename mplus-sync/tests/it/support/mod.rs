//! What several test modules need.

#[cfg(feature = "testkit")]
mod doctored;
mod merchant;
mod runtime;
#[cfg(feature = "testkit")]
mod scripted;
#[cfg(feature = "testkit")]
pub(crate) mod small_pos;

#[cfg(feature = "testkit")]
pub(crate) use doctored::Doctored;
pub(crate) use merchant::{Merchant, contents};
pub(crate) use runtime::TestRuntime;
#[cfg(feature = "testkit")]
pub(crate) use scripted::Scripted;
