//! What Sync Now and the daily time mean.

use super::menu;
use crate::merchant::Merchant;
use crate::report::{RunOutcome, RunReport, SyncReport};
use crate::run::RunOptions;
use crate::stock::{StockOptions, StockService};

/// The menu, then the stock of every branch.
pub(crate) async fn sync(merchant: &Merchant, options: &RunOptions) -> SyncReport {
    let menu = menu(merchant, options).await;
    let stock = stock_after(merchant, &menu, options).await;
    SyncReport { menu, stock }
}

/// The stock of every branch behind a menu that came to its end, where the merchant wants any.
pub(crate) async fn stock_after(
    merchant: &Merchant,
    menu: &RunReport,
    options: &RunOptions,
) -> Option<RunReport> {
    let goes_on = menu.outcome == RunOutcome::Completed && !options.dry_run;
    let stock = StockService::new(merchant);
    if !goes_on || stock.is_switched_off().await {
        return None;
    }
    // A scheduled sync that reads the whole menu again reads all stock again, too.
    let (context, scope, progress) = (options.context, menu.scope, &*options.progress);
    Some(stock.pull(&StockOptions { context, scope, progress }, &options.cancel).await)
}
