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
#[non_exhaustive]
pub enum CancelReason {
    /// The cashier, who waits for the answer.
    Operator,
    /// The POS, which has given the payment up already.
    Pos,
    /// Nobody paid in time.
    TimedOut,
    /// The payment was refused, and another attempt has to be ruled out.
    Declined,
    /// It could not be created at its provider for so long that nobody waits for it any more.
    NotCreated,
}

impl PaymentState {
    /// The state's name without a reason, for tables and filters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Authorised => "authorised",
            Self::CancelRequested(_) => "cancel_requested",
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Whether this state is the last one.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Confirmed | Self::Failed | Self::Cancelled | Self::Expired => true,
            Self::Pending | Self::Authorised | Self::CancelRequested(_) => false,
        }
    }
}

/// What a provider says about a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProviderStatus {
    /// It was looked for by the host's own id, and the provider does not have it.
    Absent,
    /// The customer has not paid yet.
    Pending,
    /// Held, not captured.
    Authorised,
    /// Captured: this much, euros. Of a refund to a card: given back, this much, also above zero.
    Captured(Decimal),
    /// Refused, and nobody tries again by himself; yet nothing rules out another attempt, so it has to be cancelled.
    Declined,
    /// Refused for good: nothing can be captured any more.
    Failed,
    /// Cancelled for good: nothing can be captured any more.
    Cancelled,
    /// Something that this crate cannot interpret.
    Unknown,
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
    /// It could not be created in time.
    GiveUpCreating,
    /// Long after its time nobody can tell what became of it: the provider cannot be asked, is not understood, or leaves it open
    /// although it was asked to cancel.
    Unresolved,
    /// The provider was asked, and said this. What it pushes without being asked only leads to a question.
    Provider(ProviderStatus),
}

/// What has to be done about an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PaymentEffect {
    /// Nothing.
    None,
    /// Create it (again): the provider does not have it, and the till still waits for it.
    Create,
    /// Tell the provider to cancel, and feed its answer back.
    CancelAtProvider,
    /// The provider takes back what it said last: a person has to look.
    ReportConflict,
    /// Captured although the POS has given the payment up or was told that it failed: the sale has no payment, the customer
    /// has paid. A person has to look.
    ReportUnexpectedCapture,
    /// Ended without anybody knowing whether the customer could pay it. A person has to look at the provider.
    ReportUnresolved,
}

/// The next state, and what has to be done.
///
/// Total: every state has an answer to every input. Applying the same input again changes nothing more.
pub fn transition(state: PaymentState, input: PaymentInput) -> (PaymentState, PaymentEffect) {
    use PaymentEffect as Effect;
    use PaymentInput as Input;
    use PaymentState as State;
    match (state, input) {
        (_, Input::Start | Input::Poll) => (state, Effect::None),
        (_, Input::Provider(status)) => provider_says(state, status),

        (State::Pending | State::Authorised, Input::RequestCancel) => {
            (State::CancelRequested(CancelReason::Operator), Effect::CancelAtProvider)
        }
        (State::Pending | State::Authorised, Input::TimeOut) => {
            (State::CancelRequested(CancelReason::TimedOut), Effect::CancelAtProvider)
        }
        (State::Pending, Input::GiveUpCreating) => {
            (State::CancelRequested(CancelReason::NotCreated), Effect::CancelAtProvider)
        }
        // Whoever holds the money has it.
        (State::Authorised, Input::GiveUpCreating) => (state, Effect::None),
        (State::CancelRequested(_), Input::RequestCancel | Input::TimeOut | Input::GiveUpCreating) => {
            (state, Effect::CancelAtProvider)
        }
        // The POS has closed the payment, whatever the reason for the request was.
        (State::Pending | State::Authorised | State::CancelRequested(_), Input::Cancel) => {
            (State::CancelRequested(CancelReason::Pos), Effect::CancelAtProvider)
        }

        (State::Pending | State::Authorised | State::CancelRequested(_), Input::Unresolved) => {
            (State::Failed, Effect::ReportUnresolved)
        }

        // Paid just before the POS gave up, which may not have heard of it.
        (State::Confirmed, Input::Cancel) => (state, Effect::ReportUnexpectedCapture),
        (
            State::Confirmed,
            Input::RequestCancel | Input::TimeOut | Input::GiveUpCreating | Input::Unresolved,
        )
        | (
            State::Failed | State::Cancelled | State::Expired,
            Input::RequestCancel | Input::Cancel | Input::TimeOut | Input::GiveUpCreating | Input::Unresolved,
        ) => (state, Effect::None),
    }
}

fn provider_says(state: PaymentState, status: ProviderStatus) -> (PaymentState, PaymentEffect) {
    use PaymentEffect as Effect;
    use PaymentState as State;
    use ProviderStatus as Status;
    match (state, status) {
        // Neither a status that is not understood nor a capture of nothing decides anything; the next refresh asks again.
        (_, Status::Unknown) => (state, Effect::None),
        (_, Status::Captured(amount)) if amount <= Decimal::ZERO => (state, Effect::None),

        // Nothing is created for a till that has given up.
        (State::Pending, Status::Absent) => (state, Effect::Create),
        (State::Authorised, Status::Absent) => (state, Effect::None),
        (State::Pending | State::Authorised, Status::Pending) => (State::Pending, Effect::None),
        (State::Pending | State::Authorised, Status::Authorised) => (State::Authorised, Effect::None),
        (State::Pending | State::Authorised, Status::Captured(_)) => (State::Confirmed, Effect::None),
        (State::Pending | State::Authorised, Status::Declined) => {
            (State::CancelRequested(CancelReason::Declined), Effect::CancelAtProvider)
        }
        (State::Pending | State::Authorised, Status::Failed) => (State::Failed, Effect::None),
        (State::Pending | State::Authorised, Status::Cancelled) => (State::Cancelled, Effect::None),

        // The request to cancel is still on its way, or was refused: the refresh repeats it.
        (State::CancelRequested(_), Status::Pending | Status::Authorised | Status::Declined) => {
            (state, Effect::None)
        }
        (State::CancelRequested(CancelReason::Pos), Status::Captured(_)) => {
            (State::Confirmed, Effect::ReportUnexpectedCapture)
        }
        // Whoever asked for this end still waits for the answer, and hears that it is paid.
        (
            State::CancelRequested(
                CancelReason::Operator
                | CancelReason::TimedOut
                | CancelReason::Declined
                | CancelReason::NotCreated,
            ),
            Status::Captured(_),
        ) => (State::Confirmed, Effect::None),
        (State::CancelRequested(reason), Status::Failed | Status::Cancelled | Status::Absent) => {
            let end = match reason {
                CancelReason::Operator | CancelReason::Pos => State::Cancelled,
                CancelReason::TimedOut => State::Expired,
                CancelReason::Declined | CancelReason::NotCreated => State::Failed,
            };
            (end, Effect::None)
        }

        // An answer that another one overtook is no contradiction.
        (State::Confirmed, Status::Captured(_) | Status::Pending | Status::Authorised | Status::Declined) => {
            (state, Effect::None)
        }
        (State::Confirmed, Status::Failed | Status::Cancelled | Status::Absent) => {
            (state, Effect::ReportConflict)
        }

        (
            State::Failed | State::Cancelled | State::Expired,
            Status::Failed | Status::Cancelled | Status::Absent,
        ) => (state, Effect::None),
        // Overtaken, or open again: either way it must not be paid any more.
        (
            State::Failed | State::Cancelled | State::Expired,
            Status::Pending | Status::Authorised | Status::Declined,
        ) => (state, Effect::CancelAtProvider),
        (State::Failed | State::Cancelled | State::Expired, Status::Captured(_)) => {
            (state, Effect::ReportUnexpectedCapture)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(status: ProviderStatus) -> PaymentInput {
        PaymentInput::Provider(status)
    }

    #[test]
    fn a_capture_of_nothing_or_less_confirms_nothing() {
        for amount in [Decimal::ZERO, -Decimal::ONE] {
            let unchanged = (PaymentState::Pending, PaymentEffect::None);
            assert_eq!(transition(PaymentState::Pending, says(ProviderStatus::Captured(amount))), unchanged);
        }
    }

    #[test]
    fn four_states_are_ends_and_each_state_has_a_name_of_its_own() {
        use PaymentState as State;
        let asked = State::CancelRequested(CancelReason::Pos);
        let open =
            [(State::Pending, "pending"), (State::Authorised, "authorised"), (asked, "cancel_requested")];
        let ends = [
            (State::Confirmed, "confirmed"),
            (State::Failed, "failed"),
            (State::Cancelled, "cancelled"),
            (State::Expired, "expired"),
        ];
        assert!(open.iter().all(|(state, name)| !state.is_terminal() && state.name() == *name));
        assert!(ends.iter().all(|(state, name)| state.is_terminal() && state.name() == *name));
    }

    #[test]
    fn a_capture_of_a_cent_confirms() {
        let cent = ProviderStatus::Captured(Decimal::new(1, 2));
        assert_eq!(
            transition(PaymentState::Pending, says(cent)),
            (PaymentState::Confirmed, PaymentEffect::None)
        );
    }

    #[test]
    fn what_contradicts_an_end_is_reported_and_changes_nothing() {
        let cases = [
            (PaymentState::Confirmed, ProviderStatus::Cancelled, PaymentEffect::ReportConflict),
            (PaymentState::Confirmed, ProviderStatus::Failed, PaymentEffect::ReportConflict),
            (
                PaymentState::Cancelled,
                ProviderStatus::Captured(Decimal::ONE),
                PaymentEffect::ReportUnexpectedCapture,
            ),
            (PaymentState::Expired, ProviderStatus::Pending, PaymentEffect::CancelAtProvider),
        ];
        for (state, status, effect) in cases {
            assert_eq!(transition(state, says(status)), (state, effect));
        }
    }

    #[test]
    fn a_late_time_out_withdraws_again_what_is_being_withdrawn_and_leaves_ends_alone() {
        for reason in [CancelReason::TimedOut, CancelReason::Declined] {
            let state = PaymentState::CancelRequested(reason);
            assert_eq!(transition(state, PaymentInput::TimeOut), (state, PaymentEffect::CancelAtProvider));
        }
        let expired = (PaymentState::Expired, PaymentEffect::None);
        assert_eq!(transition(PaymentState::Expired, PaymentInput::TimeOut), expired);
    }

    #[test]
    fn what_the_clock_says_of_a_payment_that_is_known_or_over_changes_nothing() {
        let ended =
            [PaymentState::Confirmed, PaymentState::Failed, PaymentState::Cancelled, PaymentState::Expired];
        for state in ended {
            for input in [PaymentInput::GiveUpCreating, PaymentInput::Unresolved] {
                assert_eq!(transition(state, input), (state, PaymentEffect::None));
            }
        }
        for input in [PaymentInput::GiveUpCreating, says(ProviderStatus::Absent)] {
            let held = (PaymentState::Authorised, PaymentEffect::None);
            assert_eq!(transition(PaymentState::Authorised, input), held);
        }
    }

    #[test]
    fn what_is_absent_is_created_only_while_the_till_waits() {
        let absent = says(ProviderStatus::Absent);
        let created = (PaymentState::Pending, PaymentEffect::Create);
        assert_eq!(transition(PaymentState::Pending, absent), created);
        let given_up = PaymentState::CancelRequested(CancelReason::Pos);
        assert_eq!(transition(given_up, absent), (PaymentState::Cancelled, PaymentEffect::None));
        let too_late = PaymentState::CancelRequested(CancelReason::NotCreated);
        assert_eq!(transition(too_late, absent), (PaymentState::Failed, PaymentEffect::None));
    }

    #[test]
    fn a_payment_that_the_pos_gives_up_after_it_was_paid_is_reported() {
        let expected = (PaymentState::Confirmed, PaymentEffect::ReportUnexpectedCapture);
        assert_eq!(transition(PaymentState::Confirmed, PaymentInput::Cancel), expected);
        let given_up = PaymentState::CancelRequested(CancelReason::Pos);
        assert_eq!(transition(given_up, says(ProviderStatus::Captured(Decimal::ONE))), expected);
    }
}
