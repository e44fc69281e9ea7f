//! The steps of a run that concern products, in the order in which a run takes them.

use std::sync::Arc;

use super::branch_prices::{self, BranchPrices};
use super::images::{self, Pictures};
use super::markers::{self, Markers};
use super::pull::{self, Basis, Pulled};
use super::push::{self, ToPush};
use super::vat::CheckedTax;
use crate::model::Resource;
use crate::run::Step;

/// Asks how far each resource is at the POS.
pub(crate) const MARKERS: Step<(), Markers> =
    Step { resource: Resource::ARTICLES, work: |run, ()| Box::pin(markers::read(run)) };

/// Reads the prices of single branches.
pub(crate) const BRANCH_PRICES: Step<(), Arc<BranchPrices>> =
    Step { resource: Resource::BRANCH_PRICES, work: |run, ()| Box::pin(branch_prices::read(run)) };

/// Stores those of items that are known already; articles that are pulled later find theirs.
pub(crate) const KNOWN_ITEMS: Step<Arc<BranchPrices>, ()> = Step {
    resource: Resource::BRANCH_PRICES,
    work: |run, prices| Box::pin(branch_prices::store(run, prices)),
};

/// Pulls products and articles.
pub(crate) const ARTICLES: Step<Basis, Pulled> =
    Step { resource: Resource::ARTICLES, work: |run, basis| Box::pin(pull::pull(run, basis)) };

/// Makes good what was left open of pictures.
pub(crate) const IMAGES: Step<Pictures, ()> =
    Step { resource: Resource::IMAGES, work: |run, pictures| Box::pin(images::pull(run, pictures)) };

/// Pushes edited categories, items and branch prices.
pub(crate) const PUSH: Step<ToPush, CheckedTax> =
    Step { resource: Resource::ARTICLES, work: |run, given| Box::pin(push::push(run, given)) };
