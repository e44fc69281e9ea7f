//! The external payment as one total function: no I/O, no clock, no state that could lie.
//!
//! Two rules decide everything. A terminal state never changes. And only the provider ends a payment: the POS, the
//! operator and the clock can ask for an end, but until the provider has said that nothing can be captured any more the payment stays
//! open, because captured money must end as confirmed.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Where an external payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Started; the customer has not paid yet.
    Pending,
    /// The provider holds the money, but has not captured it.
    Authorised,
    /// An end was asked for, and the provider has not answered yet. May still become confirmed.
    CancelRequested(CancelReason),
    /// Paid: the provider captured the money. Terminal.
    Confirmed,
    /// Ended without money: the payment was refused. Terminal.
    Failed,
    /// Ended without money: it was cancelled. Terminal.
    Cancelled,
    /// Ended without money: nobody paid in time. Terminal.
    Expired,
}

/// Who asked for the end of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The cashier, who waits for the answer.
    Operator,
    /// The POS, which has given the payment up already.
    Pos,
    /// Nobody paid in time.
    TimedOut,
    /// The payment was refused, and another attempt has to be ruled out.
    Declined,
}

impl PaymentState {
    /// Whether this state is the last one.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Confirmed | Self::Failed | Self::Cancelled | Self::Expired => true,
            Self::Pending | Self::Authorised | Self::CancelRequested(_) => false,
        }
    }
}

/// What a provider says about a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProviderStatus {
    /// The customer has not paid yet.
    Pending,
    /// Held, not captured.
    Authorised,
    /// Captured: this much, euros.
    Captured(Decimal),
    /// Refused, but another attempt could still succeed.
    Declined,
    /// Refused for good: nothing can be captured any more.
    Failed,
    /// Cancelled for good: nothing can be captured any more.
    Cancelled,
    /// Something that this crate cannot interpret.
    Unknown,
}

/// How the provider's news came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NewsSource {
    /// The provider called, possibly late or out of order.
    Pushed,
    /// The provider was asked: this is how it stands now.
    Asked,
}

/// What can happen to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentInput {
    /// The POS starts it, possibly again.
    Start,
    /// The POS asks how it stands.
    Poll,
    /// The cashier wants to cancel.
    RequestCancel,
    /// The POS has given it up.
    Cancel,
    /// Nobody paid in time.
    TimeOut,
    /// The provider has news.
    Provider(ProviderStatus, NewsSource),
}

/// What has to be done about an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentEffect {
    /// Nothing.
    None,
    /// Tell the provider to cancel, and feed its answer back.
    CancelAtProvider,
    /// Ask the provider how it stands, and feed its answer back.
    AskProvider,
    /// The provider contradicts a terminal state, even when asked: a person has to look.
    ReportConflict,
    /// Captured although the POS had given the payment up: the sale has no payment, the customer has paid. A person has to look.
    ReportUnexpectedCapture,
}

/// The next state, and what has to be done.
///
/// Total: every state has an answer to every input. Applying the same input again changes nothing more.
pub fn transition(state: PaymentState, input: PaymentInput) -> (PaymentState, PaymentEffect) {
    use PaymentEffect as Effect;
    use PaymentInput as Input;
    match (state, input) {
        (_, Input::Start | Input::Poll) => (state, Effect::None),
        (_, Input::Provider(status, source)) => provider_news(state, status, source),
        (
            PaymentState::Confirmed | PaymentState::Failed | PaymentState::Cancelled | PaymentState::Expired,
            Input::RequestCancel | Input::Cancel | Input::TimeOut,
        ) => (state, Effect::None),
        (PaymentState::Pending | PaymentState::Authorised, Input::RequestCancel) => {
            (PaymentState::CancelRequested(CancelReason::Operator), Effect::CancelAtProvider)
        }
        (PaymentState::Pending | PaymentState::Authorised, Input::TimeOut) => {
            (PaymentState::CancelRequested(CancelReason::TimedOut), Effect::CancelAtProvider)
        }
        // The POS has closed the payment, whatever the reason for the request was.
        (
            PaymentState::Pending | PaymentState::Authorised | PaymentState::CancelRequested(_),
            Input::Cancel,
        ) => (PaymentState::CancelRequested(CancelReason::Pos), Effect::CancelAtProvider),
        (PaymentState::CancelRequested(_), Input::RequestCancel | Input::TimeOut) => {
            (state, Effect::CancelAtProvider)
        }
    }
}

fn provider_news(
    state: PaymentState,
    status: ProviderStatus,
    source: NewsSource,
) -> (PaymentState, PaymentEffect) {
    use PaymentEffect as Effect;
    use ProviderStatus as Status;
    match (state, status) {
        // A capture of nothing is not a capture.
        (_, Status::Captured(amount)) if amount <= Decimal::ZERO => (state, ask(source)),
        (_, Status::Unknown) => (state, ask(source)),

        (PaymentState::Pending | PaymentState::Authorised, Status::Captured(_)) => {
            (PaymentState::Confirmed, Effect::None)
        }
        (PaymentState::CancelRequested(reason), Status::Captured(_)) => {
            let effect = match reason {
                CancelReason::Pos => Effect::ReportUnexpectedCapture,
                CancelReason::Operator | CancelReason::TimedOut | CancelReason::Declined => Effect::None,
            };
            (PaymentState::Confirmed, effect)
        }

        (PaymentState::Pending, Status::Pending) => (state, Effect::None),
        (PaymentState::Pending | PaymentState::Authorised, Status::Authorised) => {
            (PaymentState::Authorised, Effect::None)
        }
        // Late news do not take a step back; the provider's present word does.
        (PaymentState::Authorised, Status::Pending) => match source {
            NewsSource::Pushed => (state, Effect::AskProvider),
            NewsSource::Asked => (PaymentState::Pending, Effect::None),
        },
        (PaymentState::Pending | PaymentState::Authorised, Status::Declined) => {
            (PaymentState::CancelRequested(CancelReason::Declined), Effect::CancelAtProvider)
        }
        (PaymentState::Pending | PaymentState::Authorised, Status::Failed) => {
            (PaymentState::Failed, Effect::None)
        }
        (PaymentState::Pending | PaymentState::Authorised, Status::Cancelled) => {
            (PaymentState::Cancelled, Effect::None)
        }

        // The request to cancel is still on its way, or was refused: the refresh repeats it.
        (PaymentState::CancelRequested(_), Status::Pending | Status::Authorised | Status::Declined) => {
            (state, Effect::None)
        }
        (PaymentState::CancelRequested(reason), Status::Failed | Status::Cancelled) => {
            let end = match reason {
                CancelReason::Operator | CancelReason::Pos => PaymentState::Cancelled,
                CancelReason::TimedOut => PaymentState::Expired,
                CancelReason::Declined => PaymentState::Failed,
            };
            (end, Effect::None)
        }

        // Old news about a payment that has ended are expected; a contradiction is not.
        (PaymentState::Confirmed, Status::Captured(_)) => (state, Effect::None),
        (
            PaymentState::Failed | PaymentState::Cancelled | PaymentState::Expired,
            Status::Failed | Status::Cancelled,
        ) => (state, Effect::None),
        (
            PaymentState::Confirmed,
            Status::Pending | Status::Authorised | Status::Declined | Status::Failed | Status::Cancelled,
        )
        | (
            PaymentState::Failed | PaymentState::Cancelled | PaymentState::Expired,
            Status::Pending | Status::Authorised | Status::Declined | Status::Captured(_),
        ) => match source {
            NewsSource::Pushed => (state, Effect::AskProvider),
            NewsSource::Asked => (state, Effect::ReportConflict),
        },
    }
}

/// Asks once: asking again because the answer was not understood would never end.
fn ask(source: NewsSource) -> PaymentEffect {
    match source {
        NewsSource::Pushed => PaymentEffect::AskProvider,
        NewsSource::Asked => PaymentEffect::None,
    }
}
