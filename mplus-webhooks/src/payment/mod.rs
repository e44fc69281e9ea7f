//! External payments: the POS starts one and asks until it is decided; a payment provider takes the money meanwhile.
//!
//! [`transition`] is the whole truth about what may follow what. [`ExternalPayments`] carries it out.

mod call;
#[cfg(test)]
mod model;
mod provider;
mod record;
mod service;
mod state;
mod store;
mod terms;
mod till;

pub use provider::{
    NoticeRefused, OneProvider, PaymentPlace, PaymentProvider, PaymentProviders, ProviderError, ProviderNews,
};
pub use record::{Payment, PaymentKey};
pub use service::ExternalPayments;
pub(crate) use service::store_failed;
pub use state::{CancelReason, PaymentEffect, PaymentInput, PaymentState, ProviderStatus, transition};
pub use store::{PaymentFilter, PaymentStore};
pub use terms::{AmountUnit, NoticeError, PaymentLimits, PaymentNotice, RefreshReport};
