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
        // An answer that another one overtook.
        (PaymentState::Confirmed, Status::Pending | Status::Authorised | Status::Declined) => {
            (state, Effect::None)
        }
        (
            PaymentState::Failed | PaymentState::Cancelled | PaymentState::Expired,
            Status::Pending | Status::Authorised | Status::Declined,
        ) => (state, Effect::AskProvider),
        (PaymentState::Confirmed, Status::Failed | Status::Cancelled)
        | (PaymentState::Failed | PaymentState::Cancelled | PaymentState::Expired, Status::Captured(_)) => {
            match source {
                NewsSource::Pushed => (state, Effect::AskProvider),
                NewsSource::Asked => (state, Effect::ReportConflict),
            }
        }
    }
}

/// Asks once: asking again because the answer was not understood would never end.
fn ask(source: NewsSource) -> PaymentEffect {
    match source {
        NewsSource::Pushed => PaymentEffect::AskProvider,
        NewsSource::Asked => PaymentEffect::None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    const DUE: Decimal = Decimal::ONE_HUNDRED;

    /// The provider's truth: what it does never depends on what anybody believes.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    enum Truth {
        Open,
        Held,
        Captured,
        Cancelled,
        Failed,
    }

    impl Truth {
        fn status(self) -> ProviderStatus {
            match self {
                Self::Open => ProviderStatus::Pending,
                Self::Held => ProviderStatus::Authorised,
                Self::Captured => ProviderStatus::Captured(DUE),
                Self::Cancelled => ProviderStatus::Cancelled,
                Self::Failed => ProviderStatus::Failed,
            }
        }

        fn has_ended(self) -> bool {
            matches!(self, Self::Captured | Self::Cancelled | Self::Failed)
        }
    }

    /// Everything at one moment: what is stored, what is true, what is on its way, what is still to be done.
    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    struct World {
        stored: PaymentState,
        truth: Truth,
        /// News on the way, in no order; those of a sort are one.
        on_the_way: BTreeSet<(u8, bool)>,
        cancel_due: bool,
        ask_due: bool,
    }

    const STATUSES: [ProviderStatus; 7] = [
        ProviderStatus::Pending,
        ProviderStatus::Authorised,
        ProviderStatus::Captured(DUE),
        ProviderStatus::Declined,
        ProviderStatus::Failed,
        ProviderStatus::Cancelled,
        ProviderStatus::Unknown,
    ];

    impl World {
        fn send(&mut self, status: ProviderStatus, source: NewsSource) {
            let number = STATUSES.iter().position(|known| *known == status).unwrap();
            self.on_the_way.insert((number as u8, source == NewsSource::Asked));
        }

        fn apply(&mut self, input: PaymentInput) {
            let before = self.stored;
            let (after, effect) = transition(self.stored, input);
            assert!(!before.is_terminal() || before == after, "{before:?} changed to {after:?} on {input:?}");
            self.stored = after;
            match effect {
                PaymentEffect::CancelAtProvider => self.cancel_due = true,
                PaymentEffect::AskProvider => self.ask_due = true,
                PaymentEffect::None | PaymentEffect::ReportUnexpectedCapture => {}
                PaymentEffect::ReportConflict => {
                    panic!("no honest provider contradicts itself: {before:?} {input:?}")
                }
            }
        }

        /// Every world that one step can lead to.
        fn steps(&self) -> Vec<Self> {
            let mut next = Vec::new();
            let mut step = |change: &dyn Fn(&mut Self)| {
                let mut world = self.clone();
                change(&mut world);
                next.push(world);
            };
            // Two tills send the same four events; what one sends, the other may have sent.
            for input in [
                PaymentInput::Start,
                PaymentInput::Poll,
                PaymentInput::RequestCancel,
                PaymentInput::Cancel,
                PaymentInput::TimeOut,
            ] {
                step(&move |world| world.apply(input));
            }
            if !self.truth.has_ended() {
                for truth in [Truth::Held, Truth::Captured, Truth::Cancelled, Truth::Failed] {
                    step(&move |world| world.truth = truth);
                }
                step(&|world| world.send(ProviderStatus::Declined, NewsSource::Pushed));
            }
            step(&|world| world.send(world.truth.status(), NewsSource::Pushed));
            step(&|world| world.send(ProviderStatus::Unknown, NewsSource::Pushed));
            // News arrive late, in any order, and more than once.
            for &(number, asked) in &self.on_the_way {
                let source = if asked { NewsSource::Asked } else { NewsSource::Pushed };
                let input = PaymentInput::Provider(STATUSES[usize::from(number)], source);
                step(&move |world| world.apply(input));
                step(&move |world| {
                    world.on_the_way.remove(&(number, asked));
                    world.apply(input);
                });
            }
            if self.cancel_due {
                step(&|world| world.carry_out_cancel());
            }
            if self.ask_due {
                step(&|world| world.carry_out_ask());
            }
            next
        }

        fn carry_out_cancel(&mut self) {
            self.cancel_due = false;
            if !self.truth.has_ended() {
                self.truth = Truth::Cancelled;
            }
            self.send(self.truth.status(), NewsSource::Asked);
        }

        fn carry_out_ask(&mut self) {
            self.ask_due = false;
            self.send(self.truth.status(), NewsSource::Asked);
        }

        /// What is stored has to be true, now and after everything has arrived.
        fn check(&self) {
            match self.stored {
                PaymentState::Confirmed => assert_eq!(self.truth, Truth::Captured, "{self:?}"),
                PaymentState::Failed | PaymentState::Cancelled | PaymentState::Expired => {
                    assert!(matches!(self.truth, Truth::Cancelled | Truth::Failed), "{self:?}");
                }
                PaymentState::Pending | PaymentState::Authorised | PaymentState::CancelRequested(_) => {}
            }
            let mut settled = self.clone();
            if settled.cancel_due {
                settled.carry_out_cancel();
            }
            let news = PaymentInput::Provider(settled.truth.status(), NewsSource::Asked);
            settled.apply(news);
            assert_eq!(
                settled.stored == PaymentState::Confirmed,
                settled.truth == Truth::Captured,
                "{self:?}"
            );
            assert_eq!(settled.stored.is_terminal(), settled.truth.has_ended(), "{self:?}");
        }
    }

    #[test]
    fn no_interleaving_of_tills_operator_and_provider_up_to_eight_steps_tells_a_lie() {
        let start = World {
            stored: PaymentState::Pending,
            truth: Truth::Open,
            on_the_way: BTreeSet::new(),
            cancel_due: false,
            ask_due: false,
        };
        let mut seen = HashSet::from([start.clone()]);
        let mut frontier = vec![start];
        for _ in 0..8 {
            let mut next = Vec::new();
            for world in frontier.iter().flat_map(World::steps) {
                if seen.insert(world.clone()) {
                    world.check();
                    next.push(world);
                }
            }
            frontier = next;
        }
        assert!(seen.len() > 5_000, "only {} worlds were reached", seen.len());
    }

    #[test]
    fn a_capture_of_nothing_or_less_confirms_nothing() {
        for amount in [Decimal::ZERO, -Decimal::ONE] {
            let news = PaymentInput::Provider(ProviderStatus::Captured(amount), NewsSource::Pushed);
            assert_eq!(
                transition(PaymentState::Pending, news),
                (PaymentState::Pending, PaymentEffect::AskProvider)
            );
        }
    }

    #[test]
    fn a_contradiction_is_asked_about_first_and_reported_then() {
        let news = |source| PaymentInput::Provider(ProviderStatus::Cancelled, source);
        let confirmed = PaymentState::Confirmed;
        assert_eq!(transition(confirmed, news(NewsSource::Pushed)), (confirmed, PaymentEffect::AskProvider));
        assert_eq!(
            transition(confirmed, news(NewsSource::Asked)),
            (confirmed, PaymentEffect::ReportConflict)
        );
    }
}
