//! What hangs on articles as a service of a merchant.

use super::{COMBOS, MODIFIER_GROUPS, NUTRITION};
use crate::merchant::Merchant;
use crate::products::{self, MARKERS};
use crate::report::RunReport;
use crate::run::{Run, RunOptions, StepError, carry_out};

/// Modifier groups, allergens and combos of one merchant.
#[derive(Debug, Clone)]
pub struct Articles(Merchant);

impl Articles {
    /// The service of this merchant.
    pub fn new(merchant: &Merchant) -> Self {
        Self(merchant.clone())
    }

    /// Pulls modifier groups, allergens and diets.
    pub async fn pull(&self, options: &RunOptions) -> RunReport {
        carry_out(&self.0, "articles", options, |run| Box::pin(pull(run))).await
    }

    /// Pushes the host's edits of combos. Their items must be known to the POS. What the POS changed meanwhile of products and
    /// articles is pulled first, since a combo is written whole: it takes nothing back that the till changed.
    pub async fn push_combos(&self, options: &RunOptions) -> RunReport {
        carry_out(&self.0, "articles", options, |run| Box::pin(push_combos(run))).await
    }
}

async fn pull(run: &mut Run<'_>) -> Result<(), StepError> {
    let markers = run.require(MARKERS, ()).await?;
    run.step(MODIFIER_GROUPS, markers).await?;
    run.step(NUTRITION, markers).await.map(drop)
}

async fn push_combos(run: &mut Run<'_>) -> Result<(), StepError> {
    if let Some(pulled) = products::pull(run).await? {
        run.step(COMBOS, pulled.tax).await?;
    }
    Ok(())
}
