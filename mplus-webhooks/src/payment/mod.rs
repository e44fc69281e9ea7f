//! External payments: the POS starts one and asks until it is decided; a payment provider takes the money meanwhile.
//!
//! [`transition`] is the whole truth about what may follow what. [`ExternalPayments`] carries it out.
//!
//! From the ground up: `state`, what a provider says (`news`), the record with its refunds and notices; what is asked when
//! (`call`); the provider and the host's profiles; the store; then what carries it out, one verb a file.

mod call;
mod cancelling;
mod capturing;
mod failure_log;
mod given_up;
mod lanes;
#[cfg(test)]
mod model;
mod news;
mod notice;
mod outbox;
mod provider;
mod providers;
mod reconcile;
mod record;
mod refresh;
mod refund;
mod refunding;
mod service;
mod start;
mod state;
mod store;
mod stored_notice;
mod terms;
mod till;
mod webhook;

pub use capturing::CaptureError;
pub use given_up::GivenUp;
pub use news::{ProviderNews, Reason};
pub use notice::PaymentNotice;
pub use provider::{
    NoticeRefused, PaymentProvider, ProviderCheck, ProviderError, ProviderRecord, ProviderSettings,
};
pub use providers::{
    Found, OneProvider, PaymentPlace, PaymentProfiles, PaymentProviders, PaymentRule, ProfileClash,
    ProfilesError, ProviderAccount,
};
pub use reconcile::Reconciliation;
pub use record::{Creation, Payment, PaymentKey, PaymentOrigin};
pub use refund::{Refund, RefundNews, RefundState};
#[cfg(feature = "viva")]
pub(crate) use refunding::LISTED_WITHIN;
pub use refunding::RefundError;
pub use service::ExternalPayments;
pub use start::{OwnPayment, StartError};
pub use state::{CancelReason, PaymentEffect, PaymentInput, PaymentState, ProviderStatus, transition};
pub use store::{PaymentFilter, PaymentStore};
pub use stored_notice::{NoticeAbout, StoredNotice};
pub use terms::{AmountUnit, PaymentLimits, RefreshReport};
pub(crate) use till::store_failed;
pub use webhook::NoticeError;
pub(crate) use webhook::answer;
