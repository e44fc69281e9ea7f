//! The menu sync against the test POS.

#[cfg(feature = "testkit")]
mod anothers;
#[cfg(feature = "testkit")]
mod bad_input;
mod connect;
#[cfg(feature = "testkit")]
mod crash;
#[cfg(feature = "testkit")]
mod cut;
#[cfg(feature = "testkit")]
mod links;
#[cfg(feature = "testkit")]
mod made_once;
mod pull;
mod push;
#[cfg(feature = "testkit")]
mod relinked;
#[cfg(feature = "testkit")]
mod strange;
#[cfg(feature = "testkit")]
mod troubleshooting;
#[cfg(feature = "testkit")]
mod unreadable;
#[cfg(feature = "testkit")]
mod untold;
