//! Branches as a service of a merchant.

use super::import;
use crate::merchant::Merchant;
use crate::model::Resource;
use crate::report::RunReport;
use crate::run::{RunOptions, Step, carry_out};

/// Imports branches as locations.
pub(crate) const IMPORT: Step<(), ()> =
    Step { resource: Resource::BRANCHES, work: |run, ()| Box::pin(import::pull(run)) };

/// Branches of one merchant.
#[derive(Debug, Clone)]
pub struct Branches(Merchant);

impl Branches {
    /// The service of this merchant.
    pub fn new(merchant: &Merchant) -> Self {
        Self(merchant.clone())
    }

    /// Imports new branches as locations, takes over what changed, and flags locations whose branch is gone.
    pub async fn import(&self, options: &RunOptions) -> RunReport {
        carry_out(&self.0, "branches", options, |run| {
            Box::pin(async move { run.step(IMPORT, ()).await.map(drop) })
        })
        .await
    }
}
