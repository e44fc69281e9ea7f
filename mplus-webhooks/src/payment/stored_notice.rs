//! A notice as it is kept with its payment, until the host has taken it.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::news::Reason;
use super::refund::Refund;
use super::state::{PaymentState, ProviderStatus};

/// A notice that the host has not taken yet, as it is stored with its payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredNotice {
    /// Its number within the payment, from 1.
    pub number: u64,
    /// What it tells.
    pub about: NoticeAbout,
    /// The payment's state at that time.
    pub state: PaymentState,
    /// Why.
    pub reason: Option<Reason>,
}

/// What a stored notice tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoticeAbout {
    /// [`PaymentNotice::Changed`](super::PaymentNotice::Changed).
    Changed,
    /// [`PaymentNotice::Conflict`](super::PaymentNotice::Conflict).
    Conflict(ProviderStatus),
    /// [`PaymentNotice::UnexpectedCapture`](super::PaymentNotice::UnexpectedCapture).
    UnexpectedCapture(Decimal),
    /// [`PaymentNotice::Unresolved`](super::PaymentNotice::Unresolved).
    Unresolved,
    /// [`PaymentNotice::NotFetched`](super::PaymentNotice::NotFetched).
    NotFetched,
    /// [`PaymentNotice::Refunded`](super::PaymentNotice::Refunded).
    Refunded(Refund),
}
