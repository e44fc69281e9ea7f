//! External payments: the POS starts one and asks until it is decided; a payment provider takes the money meanwhile.
//!
//! [`transition`] is the whole truth about what may follow what. [`ExternalPayments`] carries it out.

mod provider;
mod record;
mod service;
mod state;

pub use provider::{
    NoticeRefused, OneProvider, PaymentPlace, PaymentProvider, PaymentProviders, ProviderError, ProviderNews,
    ProviderNotice,
};
pub use record::{Payment, PaymentKey};
pub(crate) use service::store_failed;
pub use service::{ExternalPayments, NoticeError, PaymentLimits, PaymentNotice, RefreshReport};
pub use state::{
    CancelReason, NewsSource, PaymentEffect, PaymentInput, PaymentState, ProviderStatus, transition,
};
