#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(all(feature = "tokio-runtime", feature = "testkit"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "tokio-runtime", feature = "testkit")),
    doc = "Menu, stock, order and branch sync with the MplusKASSA point of sale."
)]
//!
//! # Where to find what
//!
//! * [`Integration`] is one merchant's connection and the way to every service; [`Host`] is what it needs of the host.
//! * [`merchant`] is what all services of one merchant share, [`settings`] what the merchant sets up; [`connection`] makes one and
//!   takes it up again.
//! * [`sync`] says how a menu run goes and how it is told what to do, [`report`] what it tells afterwards, [`progress`] what it
//!   tells meanwhile, [`cancel`] how it is stopped, [`schedule`] when it is due.
//! * [`model`] has the host's side of everything; [`products`], [`articles`], [`branches`], [`stock`], [`relations`], [`tables`] and
//!   [`orders`] map it to the POS's side and back, in pure functions, and carry it there.
//! * [`conflict`] is the rule for what both sides changed; [`tax`] which rate is which BTW code.
//! * [`fleet`] does the work of all merchants of a store, in any number of processes.
//! * [`store`] is where everything is kept, [`media`] where pictures go, [`runtime`] what is needed of clock and chance.

pub mod articles;
pub mod branches;
pub mod cancel;
pub mod conflict;
pub mod connection;
pub mod fleet;
mod integration;
pub mod media;
pub mod merchant;
pub mod model;
pub mod orders;
mod pos_call;
pub mod price;
pub mod products;
pub mod progress;
pub mod relations;
pub mod report;
mod run;
pub mod runtime;
pub mod schedule;
pub mod settings;
pub mod stock;
pub mod store;
pub mod sync;
pub mod tables;
pub mod tax;
#[cfg(feature = "testkit")]
pub mod testkit;
mod text;

pub use connection::Host;
pub use integration::Integration;
