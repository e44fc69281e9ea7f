//! What is asked of the provider, and when. Decided without I/O, so that a test can walk through every order of things.

use super::record::Payment;
use super::state::{PaymentEffect, PaymentState};

/// A question to the provider; its answer is the next input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum ProviderCall {
    /// Begin the payment. The answer to an earlier attempt may have been lost; the provider returns the same payment then.
    Create,
    /// How does it stand?
    Get,
    /// End it.
    Cancel,
}

impl ProviderCall {
    /// The call that is due when the payment is refreshed. `None` when the provider never heard of it and never will.
    pub(super) fn due(payment: &Payment) -> Option<Self> {
        match payment.state {
            state if payment.provider_reference.is_none() => (!state.is_terminal()).then_some(Self::Create),
            PaymentState::CancelRequested(_) => Some(Self::Cancel),
            _ => Some(Self::Get),
        }
    }

    /// The call that has to follow right away on an input that had this effect, and that was the answer to `answered`.
    pub(super) fn after(payment: &Payment, effect: PaymentEffect, answered: Option<Self>) -> Option<Self> {
        match effect {
            // Only a payment that the provider is known to have can be cancelled for sure.
            PaymentEffect::CancelAtProvider if payment.provider_reference.is_none() => {
                (answered != Some(Self::Create)).then_some(Self::Create)
            }
            PaymentEffect::CancelAtProvider => Some(Self::Cancel),
            // The request to cancel came while the payment was being created.
            PaymentEffect::None if answered == Some(Self::Create) => {
                matches!(payment.state, PaymentState::CancelRequested(_)).then_some(Self::Cancel)
            }
            PaymentEffect::None | PaymentEffect::ReportConflict | PaymentEffect::ReportUnexpectedCapture => {
                None
            }
        }
    }
}
