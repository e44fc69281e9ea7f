//! Runs: what a merchant starts with Sync Now, and a schedule or a webhook without anybody.
//!
//! [`Integration::sync`](crate::Integration::sync) is all of it: the menu, then the [stock](crate::stock).
//! [`Integration::sync_menu`](crate::Integration::sync_menu) brings the menu of both sides into agreement and always ends
//! in a [`RunReport`](crate::report::RunReport). Its steps, in their order:
//!
//! 1. the current sync markers: what did not change costs no request;
//! 2. branches, so that prices find their locations;
//! 3. branch prices, modifier groups, products and articles with their pictures, allergens and diets;
//! 4. the host's edits: categories, items, branch prices, combos.
//!
//! A step that fails is named in the report and the others go on; what it left undone, a later run does. Every chunk is
//! stored together with how far it came, so that a run may end anywhere.

mod full;
mod menu;

pub(crate) use full::{stock_after, sync};
pub(crate) use menu::menu;

pub use crate::run::RunOptions;
