//! What is asked of the provider, and when. Decided without I/O, so that a test can walk through every order of things.

use chrono::{DateTime, Utc};

use super::record::{Creation, Payment};
use super::state::{PaymentEffect, PaymentState};

/// A question to the provider; its answer is the next input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum ProviderCall {
    /// Begin the payment. Only when it is known that the provider does not have it, and while the till waits for it.
    Create,
    /// How does it stand? Of a payment whose creation is uncertain: is it there at all?
    Get,
    /// End it.
    Cancel,
}

/// What comes next for a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Next {
    /// Nothing, for now or for ever.
    Nothing,
    /// The provider is asked.
    Ask(ProviderCall),
    /// An end was asked for, and the provider is known not to have the payment: it ends without a question.
    End,
}

impl Next {
    /// What is due when the payment is refreshed.
    pub(super) fn due(payment: &Payment, now: DateTime<Utc>) -> Self {
        if payment.is_being_created(now) {
            return Self::Nothing;
        }
        match (payment.creation, payment.state) {
            // Ended or not: nobody knows whether the provider has it.
            (Creation::Underway(_) | Creation::Uncertain, _) => Self::Ask(ProviderCall::Get),
            // It was not there; whether it has appeared is asked once more.
            (Creation::Absent, state) if state.is_terminal() && payment.watched_until.is_some() => {
                Self::Ask(ProviderCall::Get)
            }
            (Creation::Absent, state) if state.is_terminal() => Self::Nothing,
            (Creation::Absent, PaymentState::Pending) => Self::Ask(ProviderCall::Create),
            (Creation::Absent, _) => Self::End,
            (Creation::Known, PaymentState::CancelRequested(_)) => Self::Ask(ProviderCall::Cancel),
            (Creation::Known, _) => Self::Ask(ProviderCall::Get),
        }
    }

    /// What is asked although nothing is due: one that was not at its provider when it ended may be there all the same.
    pub(super) fn asked_of(payment: &Payment, now: DateTime<Utc>) -> Self {
        let was_assigned = !payment.provider.is_empty();
        match Self::due(payment, now) {
            Self::Nothing if payment.creation == Creation::Absent && was_assigned => {
                Self::Ask(ProviderCall::Get)
            }
            // The refresh does it.
            _ => Self::Nothing,
        }
    }

    /// What has to follow right away on an input that had this effect, and that was the answer to `answered`.
    pub(super) fn after(
        payment: &Payment,
        effect: PaymentEffect,
        answered: Option<ProviderCall>,
        now: DateTime<Utc>,
    ) -> Self {
        let cancelling = matches!(payment.state, PaymentState::CancelRequested(_));
        match effect {
            PaymentEffect::Create if answered == Some(ProviderCall::Get) => Self::Ask(ProviderCall::Create),
            PaymentEffect::CancelAtProvider if payment.creation == Creation::Known => {
                Self::Ask(ProviderCall::Cancel)
            }
            PaymentEffect::CancelAtProvider if !cancelling => Self::Nothing,
            PaymentEffect::CancelAtProvider => match Self::due(payment, now) {
                Self::Ask(call) if answered == Some(call) => Self::Nothing,
                due => due,
            },
            // The request to cancel came while the payment was being created, or looked for.
            PaymentEffect::None
                if cancelling
                    && payment.creation == Creation::Known
                    && matches!(answered, Some(ProviderCall::Create | ProviderCall::Get)) =>
            {
                Self::Ask(ProviderCall::Cancel)
            }
            PaymentEffect::None
            | PaymentEffect::Create
            | PaymentEffect::ReportConflict
            | PaymentEffect::ReportUnexpectedCapture
            | PaymentEffect::ReportUnresolved => Self::Nothing,
        }
    }
}
