//! What keeps a merchant going, once a day and whenever its settings change.

use crate::model::{ConnectionId, RunKind, RunRequest};
use crate::store::StoreError;

use super::due::{first_stock, next_daily, next_upkeep};
use super::open::Open;
use super::process::Process;
use super::settings::before;

/// Makes sure that the daily sync and the stock pull are asked for, removes what is older than its retention, and says when
/// the merchant is looked after next.
pub(super) async fn look_after(
    process: &Process,
    merchant: &Open,
    id: &ConnectionId,
) -> Result<RunRequest, StoreError> {
    let (store, now) = (process.host.store(), process.host.runtime().now());
    let terms = &merchant.terms;
    if let Some(daily) = terms.daily.as_ref().and_then(|daily| next_daily(daily, now)) {
        store.request_run(id, &RunKind::SYNC, daily).await?;
    }
    let known = store.runs(id).await?;
    let stock = known.iter().find(|run| run.kind == RunKind::STOCK);
    // One that runs asks for the next one itself.
    if stock.is_none_or(|run| run.running.is_none())
        && let Some(stock) = first_stock(id, terms.stock_every, stock.and_then(|run| run.due_at), now)
    {
        store.request_run(id, &RunKind::STOCK, stock).await?;
    }
    let retention = &process.settings.retention;
    store.prune_orders(id, &retention.orders(now)).await?;
    store.prune_notices(id, before(now, retention.notices)).await?;
    store.prune_activities(id, before(now, retention.activities)).await?;
    Ok(next_upkeep(id, now))
}
