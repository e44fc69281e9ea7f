//! The chapters of the guide, compiled.

#[doc = include_str!("payments.md")]
pub mod payments {}

#[doc = include_str!("webhooks.md")]
pub mod webhooks {}

#[doc = include_str!("orders.md")]
pub mod orders {}

#[doc = include_str!("stock.md")]
pub mod stock {}

#[doc = include_str!("menu.md")]
pub mod menu {}

#[doc = include_str!("branches.md")]
pub mod branches {}

#[doc = include_str!("services.md")]
pub mod services {}
