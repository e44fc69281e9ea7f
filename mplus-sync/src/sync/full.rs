//! What Sync Now and the daily time mean.

use super::menu;
use crate::merchant::Merchant;
use crate::report::{RunOutcome, SyncReport};
use crate::run::RunOptions;
use crate::stock::{StockOptions, StockService};

/// The menu, then the stock of every branch.
pub(crate) async fn sync(merchant: &Merchant, options: &RunOptions) -> SyncReport {
    let menu = menu(merchant, options).await;
    let goes_on = menu.outcome == RunOutcome::Completed && !options.dry_run;
    let stock = StockService::new(merchant);
    if !goes_on || stock.is_switched_off().await {
        return SyncReport { menu, stock: None };
    }
    // A scheduled sync that reads the whole menu again reads all stock again, too.
    let (context, scope, progress) = (options.context, menu.scope, &*options.progress);
    let of_stock = StockOptions { context, scope, progress };
    let stock = Some(stock.pull(&of_stock, &options.cancel).await);
    SyncReport { menu, stock }
}
