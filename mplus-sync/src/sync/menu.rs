//! The steps of a menu sync.

use std::sync::Arc;

use crate::merchant::Merchant;
use crate::report::RunReport;
use crate::run::{Run, RunOptions, StepError, carry_out};
use crate::{articles, branches, products};

/// Brings the menu of both sides into agreement.
pub(crate) async fn menu(merchant: &Merchant, options: &RunOptions) -> RunReport {
    carry_out(merchant, RunReport::MENU, options, |run| Box::pin(steps(run))).await
}

/// Pull before push, so that conflicts are known before anything is sent.
async fn steps(run: &mut Run<'_>) -> Result<(), StepError> {
    let markers = run.require(products::MARKERS, ()).await?;
    run.step(branches::IMPORT, ()).await?;
    let branch_prices = run.step(products::BRANCH_PRICES, ()).await?;
    let mut settled = false;
    if let Some(prices) = &branch_prices {
        settled = run.step(products::KNOWN_ITEMS, Arc::clone(prices)).await?.is_some();
    }
    run.step(articles::MODIFIER_GROUPS, markers).await?;
    let basis = products::Basis { markers, branch_prices: branch_prices.clone() };
    let pulled = run.step(products::ARTICLES, basis).await?;
    settled &= pulled.is_some();
    if pulled.is_none() {
        run.break_off(products::not_all_read());
    }
    let pulled = pulled.unwrap_or_default();
    if !pulled.tells_allergens {
        run.step(articles::NUTRITION, markers).await?;
    }
    run.step(products::IMAGES, pulled.pictures).await?;
    // What the host edited is only pushed once it is known what the POS changed.
    let Some(branch_prices) = branch_prices.filter(|_| settled) else { return Ok(()) };
    let to_push = products::ToPush { branch_prices, tax: pulled.tax, settled: pulled.settled };
    let tax = run.step(products::PUSH, to_push).await?;
    run.step(articles::COMBOS, tax.unwrap_or_default()).await.map(drop)
}
