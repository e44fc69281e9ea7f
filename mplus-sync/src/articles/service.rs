//! What hangs on articles, as a service of an integration.

use crate::integration::Integration;
use crate::report::RunReport;
use crate::sync::{RunOptions, Step, run};

/// Modifier groups, allergens and combos of one merchant.
#[derive(Debug, Clone, Copy)]
pub struct Articles<'a>(&'a Integration);

impl<'a> Articles<'a> {
    pub(crate) fn new(integration: &'a Integration) -> Self {
        Self(integration)
    }

    /// Pulls modifier groups, allergens and diets.
    pub async fn pull(&self, options: &RunOptions) -> RunReport {
        run(self.0, "articles", &[Step::ModifierGroups, Step::Nutrition], options).await
    }

    /// Pushes the host's edits of combos. Their items must be known to the POS.
    pub async fn push_combos(&self, options: &RunOptions) -> RunReport {
        run(self.0, "articles", &[Step::PushCombos], options).await
    }
}
