//! What the host is told about a payment.

use rust_decimal::Decimal;

use super::news::Reason;
use super::record::Payment;
use super::refund::Refund;
use super::state::{PaymentState, ProviderStatus};
use super::stored_notice::{NoticeAbout, StoredNotice};

/// What the host is told about a payment.
///
/// Notices of one payment come in order and at least once: they are stored with the change that they tell of, and taken away when
/// the host's handler has returned. After a crash the last one may come again, with the same [`number`](Self::number).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PaymentNotice {
    /// It was started, or came to this state. [`Payment::reason`] says why.
    Changed(Payment),
    /// The provider contradicts what it said before. The terminal state stays. A person has to look at both.
    Conflict {
        /// As it is stored.
        payment: Payment,
        /// What the provider says.
        provider_says: ProviderStatus,
    },
    /// The customer has paid, but the POS has given the payment up or was told that it failed: give it back with
    /// `ExternalPayments::refund`, or book it by hand.
    UnexpectedCapture {
        /// As it is stored.
        payment: Payment,
        /// What the customer paid, euros.
        captured: Decimal,
    },
    /// It ended although nobody could tell whether the customer had paid: the provider could not be asked, was not understood, or
    /// left it open. It is asked for another week; until then a person should look there.
    Unresolved(Payment),
    /// The customer has paid, but the till that started it has not asked for that
    /// ([`PaymentLimits::unfetched_after`](super::PaymentLimits::unfetched_after)): it was switched off or has no line, and the sale may
    /// not be booked. Told once. Look at the till; give the money back with `ExternalPayments::refund` if the sale was not made.
    NotFetched(Payment),
    /// A refund came to this state. One that is still [`Requested`](super::RefundState::Requested): for an hour
    /// ([`PaymentLimits::unresolved_after`](super::PaymentLimits::unresolved_after)) no provider has taken it, for the reason that it
    /// has. One that is still [`Pending`](super::RefundState::Pending): it was asked for a week ago. Either is asked for all the same, and
    /// told once.
    Refunded {
        /// As it is stored.
        payment: Payment,
        /// The refund.
        refund: Refund,
    },
}

impl PaymentNotice {
    /// The payment as it was when this was stored.
    pub fn payment(&self) -> &Payment {
        match self {
            Self::Changed(payment) | Self::Unresolved(payment) | Self::NotFetched(payment) => payment,
            Self::Conflict { payment, .. }
            | Self::UnexpectedCapture { payment, .. }
            | Self::Refunded { payment, .. } => payment,
        }
    }

    /// The notice's number within its payment, from 1. One that comes again has the same number.
    pub fn number(&self) -> u64 {
        self.payment().told
    }

    /// Why, for a person.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Refunded { refund, .. } => refund.reason.as_ref(),
            other => other.payment().reason.as_ref(),
        }
    }
}

impl StoredNotice {
    /// The notice for the host: the payment as it was then.
    pub(crate) fn for_host(&self, payment: &Payment) -> PaymentNotice {
        let then = Payment {
            state: self.state,
            reason: self.reason.clone(),
            told: self.number,
            final_amount: payment.final_amount.filter(|_| self.state == PaymentState::Confirmed),
            notices: Vec::new(),
            ..payment.clone()
        };
        match &self.about {
            NoticeAbout::Changed => PaymentNotice::Changed(then),
            NoticeAbout::Conflict(provider_says) => {
                PaymentNotice::Conflict { payment: then, provider_says: *provider_says }
            }
            NoticeAbout::UnexpectedCapture(captured) => {
                PaymentNotice::UnexpectedCapture { payment: then, captured: *captured }
            }
            NoticeAbout::Unresolved => PaymentNotice::Unresolved(then),
            NoticeAbout::NotFetched => PaymentNotice::NotFetched(then),
            NoticeAbout::Refunded(refund) => {
                PaymentNotice::Refunded { payment: then, refund: refund.clone() }
            }
        }
    }
}
