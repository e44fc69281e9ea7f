//! Orders, from the host to the POS: built, submitted, and kept in an outbox until the POS has them.
//!
//! Orders flow one way. An order is built by a pure function ([`build`]): everything that could be wrong with it is found
//! before anything is sent, and is told in one error. [`OrderService`] sends what was built; after an attempt of which
//! nobody knows how it ended it looks for the order at the POS before it sends it again. [`OutboxWorker`] takes queued
//! orders one after the other and does not let go before the POS has them or a person must look.

mod build;
mod check;
mod compare;
mod create;
mod discount;
mod draft;
mod error;
mod find;
mod identity;
mod lifecycle;
mod list;
mod menu;
mod note;
mod outbox;
mod payments;
mod receipt;
mod refusal;
mod repeat;
mod service;
mod table;
mod terminal;
mod wire;

pub use build::{Place, build};
pub use draft::{DraftLine, DraftPayment, MenuPlace, OrderDraft};
pub(crate) use error::Heard;
pub use error::{SubmitError, SubmitErrorKind};
pub use lifecycle::{CancelError, Retention};
pub use menu::{ComboArticle, MenuLinks, ModifierLink};
pub(crate) use outbox::{Finishing, Reopen, Until, tell_host};
pub use outbox::{ObserverError, OrderObserver, OutboxWorker, RetryPlan, WorkerOptions, WorkerReport};
pub use payments::PaymentSuggestion;
pub use refusal::{OrderRefused, Problem};
pub use service::{OrderService, QueueError, Queued};

pub use crate::settings::{
    Consumption, CreateCall, DiscountArticle, LocationSettings, OrderSettings, PaymentCode,
    PreparationQuantity, SpecialArticles, TableCall, TellConsumption,
};
