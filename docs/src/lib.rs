//! The chapters of the guide, compiled.

#[doc = include_str!("introduction.md")]
pub mod introduction {}

#[doc = include_str!("getting-started.md")]
pub mod getting_started {}

#[doc = include_str!("from-sale-to-item.md")]
pub mod from_sale_to_item {}

#[doc = include_str!("backoffice.md")]
pub mod backoffice {}

#[doc = include_str!("command-line.md")]
pub mod command_line {}

#[doc = include_str!("calls.md")]
pub mod calls {}

#[doc = include_str!("errors.md")]
pub mod errors {}

#[doc = include_str!("repeats.md")]
pub mod repeats {}

#[doc = include_str!("streams.md")]
pub mod streams {}

#[doc = include_str!("values.md")]
pub mod values {}

#[doc = include_str!("transport.md")]
pub mod transport {}

#[doc = include_str!("observing.md")]
pub mod observing {}

#[doc = include_str!("domains.md")]
pub mod domains {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("storage.md")]
pub mod storage {}

#[doc = include_str!("connection.md")]
pub mod connection {}

#[doc = include_str!("settings.md")]
pub mod settings {}

#[doc = include_str!("branches.md")]
pub mod branches {}

#[doc = include_str!("menu.md")]
pub mod menu {}

#[doc = include_str!("tax.md")]
pub mod tax {}

#[doc = include_str!("media.md")]
pub mod media {}

#[doc = include_str!("runs.md")]
pub mod runs {}

#[doc = include_str!("stock.md")]
pub mod stock {}

#[doc = include_str!("orders.md")]
pub mod orders {}

#[doc = include_str!("customers.md")]
pub mod customers {}

#[doc = include_str!("tables.md")]
pub mod tables {}

#[doc = include_str!("webhooks.md")]
pub mod webhooks {}

#[doc = include_str!("events.md")]
pub mod events {}

#[doc = include_str!("payments.md")]
pub mod payments {}

#[doc = include_str!("providers.md")]
pub mod providers {}

#[doc = include_str!("web-servers.md")]
pub mod web_servers {}

#[doc = include_str!("security.md")]
pub mod security {}

#[doc = include_str!("going-live.md")]
pub mod going_live {}

#[doc = include_str!("many-merchants.md")]
pub mod many_merchants {}

#[doc = include_str!("deployment.md")]
pub mod deployment {}

#[doc = include_str!("upgrading.md")]
pub mod upgrading {}

#[doc = include_str!("stability.md")]
pub mod stability {}

#[doc = include_str!("troubleshooting.md")]
pub mod troubleshooting {}

#[doc = include_str!("services.md")]
pub mod services {}

#[doc = include_str!("tested.md")]
pub mod tested {}

#[doc = include_str!("performance.md")]
pub mod performance {}

#[doc = include_str!("figures.md")]
pub mod figures {}

#[doc = include_str!("why-our-own-scanner.md")]
pub mod why_our_own_scanner {}

#[doc = include_str!("unknowns.md")]
pub mod unknowns {}

#[doc = include_str!("../../README.md")]
pub mod readme {}
