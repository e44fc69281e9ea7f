//! What goes on in the background: the work of all restaurants, the webhook inbox, and callbacks.

use crate::app::App;
use crate::callbacks;

/// Works until the program stops.
pub(crate) async fn run(app: App) {
    let stop = app.stopping.clone();
    let inbox = app.webhooks.run(stop.cancelled());
    let restaurants = app.restaurants.fleet().run(&stop);
    tokio::join!(inbox, restaurants, callbacks::run(&app.callbacks, &stop));
}
