//! Branches as a service of an integration.

use crate::integration::Integration;
use crate::report::RunReport;
use crate::sync::{RunOptions, Step, run};

/// Branches of one merchant.
#[derive(Debug, Clone, Copy)]
pub struct Branches<'a>(&'a Integration);

impl<'a> Branches<'a> {
    pub(crate) fn new(integration: &'a Integration) -> Self {
        Self(integration)
    }

    /// Imports new branches as locations, takes over what changed, and flags locations whose branch is gone.
    pub async fn import(&self, options: &RunOptions) -> RunReport {
        run(self.0, "branches", &[Step::Branches], options).await
    }
}
