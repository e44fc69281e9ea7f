//! The steps of a run that concern what hangs on articles.

use super::{combos, modifier_groups, nutrition};
use crate::model::Resource;
use crate::products::{CheckedTax, Markers};
use crate::run::Step;

/// Pulls modifier groups.
pub(crate) const MODIFIER_GROUPS: Step<Markers, ()> = Step {
    resource: Resource::PREPARATION_METHOD_GROUPS,
    work: |run, markers| Box::pin(modifier_groups::pull(run, markers)),
};

/// Pulls allergens and diets. Needless when the articles have told them all.
pub(crate) const NUTRITION: Step<Markers, ()> = Step {
    resource: Resource::ARTICLE_NUTRITION,
    work: |run, markers| Box::pin(nutrition::pull(run, markers)),
};

/// Pushes edited combos.
pub(crate) const COMBOS: Step<CheckedTax, ()> =
    Step { resource: Resource::COMBOS, work: |run, tax| Box::pin(combos::push(run, tax)) };
