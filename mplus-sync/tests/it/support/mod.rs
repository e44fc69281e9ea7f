//! What several test modules need.

mod clock;

pub(crate) use clock::TestClock;
