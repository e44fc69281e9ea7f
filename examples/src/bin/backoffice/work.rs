//! What goes on in the background: the work of all restaurants, the webhook inbox, and callbacks.

use std::time::Duration;

use crate::app::App;
use crate::callbacks;

/// How often baskets are looked at again.
const LOOK: Duration = Duration::from_secs(20);

/// Works until the program stops.
pub(crate) async fn run(app: App) {
    let stop = app.stopping.clone();
    let inbox = app.webhooks.run(stop.cancelled());
    let restaurants = app.restaurants.fleet().run(&stop);
    tokio::join!(inbox, restaurants, callbacks::run(&app.callbacks, &stop), look_at_baskets(&app));
}

/// Looks for paid baskets whose order was not placed, whatever the reason.
async fn look_at_baskets(app: &App) {
    let Some(payments) = app.webhooks.payments() else { return };
    let runtime = app.restaurants.host().runtime();
    while app.stopping.stop_or(runtime.sleep(LOOK)).await.is_ok() {
        if let Err(error) = app.baskets.look_again(payments).await {
            tracing::error!(%error, "baskets wait for the database");
        }
    }
}
