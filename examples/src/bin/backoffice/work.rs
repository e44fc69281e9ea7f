//! What goes on in the background: orders to the tills, due syncs, the webhook inbox.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mplus_sync::cancel::CancelToken;
use mplus_sync::conflict::SyncContext;
use mplus_sync::model::{Connection, RunKind};
use mplus_sync::stock::StockOptions;
use mplus_sync::store::{Page, StoreError};

use crate::app::App;
use crate::callbacks;
use crate::restaurant::runs;

/// How often it is looked whether something is due.
const LOOK: Duration = Duration::from_secs(1);

/// Works until it is told to stop.
pub(crate) async fn run(app: App, stop: CancelToken) {
    let inbox = app.webhooks.run(stop.cancelled());
    let tills = tills(&app, &stop);
    tokio::join!(inbox, tills, callbacks::run(&app.callbacks, &stop));
}

async fn tills(app: &App, stop: &CancelToken) {
    let runtime = app.restaurants.host().runtime().clone();
    let mut looked = runtime.now();
    while stop.stop_or(runtime.sleep(LOOK)).await.is_ok() {
        let now = runtime.now();
        if let Err(error) = look(app, looked, now).await {
            tracing::error!(%error, "the background work could not go on; it tries again");
        }
        looked = now;
    }
}

/// Does what became due since it was last looked.
async fn look(app: &App, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), StoreError> {
    let store = app.restaurants.store();
    let orders_wait = store.backlog(None).await?.waiting > 0;
    for connection in store.connections(Page::first(1000)).await? {
        if connection.is_held() {
            continue;
        }
        if orders_wait && store.backlog(Some(&connection.id)).await?.waiting > 0 {
            forward_orders(app, &connection).await?;
        }
        sync_when_due(app, &connection, since, now).await?;
    }
    Ok(())
}

async fn forward_orders(app: &App, connection: &Connection) -> Result<(), StoreError> {
    match app.restaurants.open(&connection.id).await {
        Ok(integration) => {
            let worker =
                integration.outbox_worker().with_observer(std::sync::Arc::new(app.callbacks.clone()));
            worker.run_once().await;
        }
        Err(error) => tracing::warn!(connection = %connection.id, %error, "orders wait"),
    }
    Ok(())
}

async fn sync_when_due(
    app: &App,
    connection: &Connection,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let settings = app.restaurants.settings(&connection.id).await?.settings;
    let schedule = settings.daily.and_then(|daily| daily.schedule(&connection.id).ok());
    if schedule.is_some_and(|schedule| schedule.next_after(since) <= now) {
        runs::start(app, &connection.id, runs::Wanted::default(), SyncContext::Scheduled);
        return Ok(());
    }
    let Some(minutes) = settings.stock.every_minutes.filter(|_| settings.stock.enabled) else {
        return Ok(());
    };
    let Some(last) = app.restaurants.store().last_report(&connection.id, &RunKind::STOCK).await? else {
        return Ok(());
    };
    if now - last.at >= TimeDelta::minutes(i64::from(minutes))
        && let Ok(integration) = app.restaurants.open(&connection.id).await
    {
        let mut options = StockOptions::default();
        options.context = SyncContext::Scheduled;
        let report = integration.stock().pull(&options, &CancelToken::new()).await;
        if let Err(error) = runs::keep(app, &RunKind::STOCK, &report).await {
            tracing::warn!(connection = %connection.id, error, "a report was not kept");
        }
    }
    Ok(())
}
