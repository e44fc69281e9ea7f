//! What several test modules need.

mod runtime;

pub(crate) use runtime::TestRuntime;
