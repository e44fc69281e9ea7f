//! Two tills, the provider, the operator, the clock and crashes, in every order up to eight steps.
//!
//! A world holds what is stored, what is true at the provider, which calls are on their way, and what each till was told. The
//! decisions are the real ones ([`Payment::apply`], [`ProviderCall`]); only storing and sending are played.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::DateTime;
use rust_decimal::Decimal;

use super::call::ProviderCall;
use super::provider::ProviderNews;
use super::record::{Payment, PaymentKey};
use super::state::{CancelReason, PaymentEffect, PaymentInput, PaymentState, ProviderStatus};
use crate::subscription::MerchantId;

const STEPS: usize = 8;
const WHOLE: Decimal = Decimal::TEN;
const PART: Decimal = Decimal::ONE;

const STATUSES: [ProviderStatus; 8] = [
    ProviderStatus::Pending,
    ProviderStatus::Authorised,
    ProviderStatus::Captured(WHOLE),
    ProviderStatus::Captured(PART),
    ProviderStatus::Declined,
    ProviderStatus::Failed,
    ProviderStatus::Cancelled,
    ProviderStatus::Unknown,
];

const STATES: [PaymentState; 10] = [
    PaymentState::Pending,
    PaymentState::Authorised,
    PaymentState::CancelRequested(CancelReason::Operator),
    PaymentState::CancelRequested(CancelReason::Pos),
    PaymentState::CancelRequested(CancelReason::TimedOut),
    PaymentState::CancelRequested(CancelReason::Declined),
    PaymentState::Confirmed,
    PaymentState::Failed,
    PaymentState::Cancelled,
    PaymentState::Expired,
];

/// How a payment really stands at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Truth {
    NeverHeardOf,
    Open,
    Held,
    Captured(Decimal),
    Cancelled,
    Failed,
}

impl Truth {
    fn status(self) -> ProviderStatus {
        match self {
            Self::NeverHeardOf => ProviderStatus::Unknown,
            Self::Open => ProviderStatus::Pending,
            Self::Held => ProviderStatus::Authorised,
            Self::Captured(amount) => ProviderStatus::Captured(amount),
            Self::Cancelled => ProviderStatus::Cancelled,
            Self::Failed => ProviderStatus::Failed,
        }
    }

    fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Held)
    }
}

/// The stored payment, as far as it can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Row {
    state: PaymentState,
    referenced: bool,
    final_amount: Option<Decimal>,
}

/// What a till knows of the payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Till {
    Idle,
    Waiting,
    AskedToCancel,
    ToldConfirmed,
    ToldUnpaid,
    GaveUp,
}

/// Work of the service that is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Work {
    /// The provider has not seen it yet.
    Sent(ProviderCall),
    /// The answer, as the provider saw things then; and whether it names the payment.
    Answered(ProviderCall, usize, bool),
    /// The refresh has seen that the time is up.
    TimeIsUp,
}

/// One payment and everybody around it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Side {
    row: Option<Row>,
    truth: Truth,
    work: BTreeSet<Work>,
    tills: [Till; 2],
    /// A person was told that the customer paid in vain.
    reported: bool,
    /// The provider has contradicted itself, which it does once at most: it took an end back, or denied what is true. Money that
    /// it has not got it never claims.
    contradicted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    sides: Vec<Side>,
    late: bool,
}

/// The stored payment, the input, whether the news names the payment, and the call that it answers.
type Question = (Row, PaymentInput, bool, Option<ProviderCall>);
type Decision = (Row, PaymentEffect, Option<ProviderCall>);

/// The real decisions, remembered; and with them which were needed.
#[derive(Default)]
struct Decisions {
    made: HashMap<Question, Decision>,
}

fn payment(row: Row) -> Payment {
    let key = PaymentKey { merchant: MerchantId::new("m"), id: "p".to_owned() };
    Payment {
        state: row.state,
        provider_reference: row.referenced.then(|| "r".to_owned()),
        final_amount: row.final_amount,
        ..Payment::new(key, WHOLE, "provider", DateTime::UNIX_EPOCH)
    }
}

impl Decisions {
    fn make(
        &mut self,
        row: Row,
        input: PaymentInput,
        names_it: bool,
        answered: Option<ProviderCall>,
    ) -> Decision {
        *self.made.entry((row, input, names_it, answered)).or_insert_with(|| {
            let news = match input {
                PaymentInput::Provider(status) if names_it => {
                    Some(ProviderNews::new(status).with_reference("r"))
                }
                PaymentInput::Provider(status) => Some(ProviderNews::new(status)),
                _ => None,
            };
            let before = payment(row);
            let (changed, effect) = before.apply(input, news.as_ref());
            let after = changed.unwrap_or(before);
            let row_after = Row {
                state: after.state,
                referenced: after.provider_reference.is_some(),
                final_amount: after.final_amount,
            };
            if row.state.is_terminal() {
                assert_eq!(
                    (row_after.state, row_after.final_amount),
                    (row.state, row.final_amount),
                    "{input:?}"
                );
            }
            (row_after, effect, ProviderCall::after(&after, effect, answered))
        })
    }
}

impl Side {
    fn new() -> Self {
        Self {
            row: None,
            truth: Truth::NeverHeardOf,
            work: BTreeSet::new(),
            tills: [Till::Idle; 2],
            reported: false,
            contradicted: false,
        }
    }

    /// Gives an input to the stored payment, and sends what follows.
    fn apply(
        &mut self,
        decisions: &mut Decisions,
        input: PaymentInput,
        names_it: bool,
        answered: Option<ProviderCall>,
    ) {
        let Some(row) = self.row else { return };
        let (row, effect, next) = decisions.make(row, input, names_it, answered);
        self.row = Some(row);
        assert!(effect != PaymentEffect::ReportConflict || self.contradicted, "{self:?}");
        self.reported |=
            matches!(effect, PaymentEffect::ReportUnexpectedCapture | PaymentEffect::ReportConflict);
        self.send(next);
    }

    /// Sends a call; a payment is created by one at a time.
    fn send(&mut self, call: Option<ProviderCall>) {
        let creating = self.work.iter().any(|work| {
            matches!(work, Work::Sent(ProviderCall::Create) | Work::Answered(ProviderCall::Create, ..))
        });
        if call != Some(ProviderCall::Create) || !creating {
            self.work.extend(call.map(Work::Sent));
        }
    }

    /// What the till with this number can do next.
    fn till_steps(&self, number: usize, decisions: &mut Decisions, next: &mut Vec<Self>) {
        let mut step = |input: PaymentInput, till: Till| {
            let mut side = self.clone();
            if input == PaymentInput::Start && side.row.is_none() {
                side.row = Some(Row { state: PaymentState::Pending, referenced: false, final_amount: None });
                side.work.insert(Work::Sent(ProviderCall::Create));
            }
            side.apply(decisions, input, false, None);
            side.tills[number] = match (till, side.row.map(|row| row.state)) {
                (Till::GaveUp, _) => Till::GaveUp,
                (_, Some(PaymentState::Confirmed)) => Till::ToldConfirmed,
                (_, Some(state)) if state.is_terminal() => Till::ToldUnpaid,
                (till, _) => till,
            };
            next.push(side);
        };
        let till = self.tills[number];
        match till {
            Till::Idle => step(PaymentInput::Start, Till::Waiting),
            Till::Waiting | Till::AskedToCancel => {
                step(PaymentInput::Poll, till);
                step(PaymentInput::RequestCancel, Till::AskedToCancel);
                step(PaymentInput::Cancel, Till::GaveUp);
            }
            Till::ToldConfirmed | Till::ToldUnpaid => step(PaymentInput::Poll, till),
            // The same event again, as a new one.
            Till::GaveUp => step(PaymentInput::Cancel, Till::GaveUp),
        }
    }

    /// What the customer and the operator can do at the provider.
    fn provider_steps(&self, next: &mut Vec<Self>) {
        let becomes: &[Truth] = match self.truth {
            Truth::Open => {
                &[Truth::Held, Truth::Captured(WHOLE), Truth::Captured(PART), Truth::Failed, Truth::Cancelled]
            }
            Truth::Held => &[Truth::Captured(WHOLE), Truth::Captured(PART), Truth::Cancelled],
            Truth::Failed | Truth::Cancelled if !self.contradicted => &[Truth::Captured(WHOLE)],
            _ => &[],
        };
        for truth in becomes {
            let contradicted = self.contradicted || !self.truth.is_open();
            next.push(Self { truth: *truth, contradicted, ..self.clone() });
        }
    }

    /// What can become of the work that is on its way: it goes on, or its connection breaks.
    fn work_steps(&self, decisions: &mut Decisions, next: &mut Vec<Self>) {
        for work in &self.work {
            let mut rest = self.clone();
            rest.work.remove(work);
            match *work {
                Work::TimeIsUp => {
                    let mut side = rest;
                    side.apply(decisions, PaymentInput::TimeOut, false, None);
                    next.push(side);
                }
                Work::Sent(call) => {
                    next.push(rest.clone());
                    rest.reach(call, next);
                }
                Work::Answered(call, status, names_it) => {
                    next.push(rest.clone());
                    rest.apply(decisions, PaymentInput::Provider(STATUSES[status]), names_it, Some(call));
                    next.push(rest);
                }
            }
        }
    }

    /// A call reaches the provider, which does it or not, and answers.
    fn reach(&self, call: ProviderCall, next: &mut Vec<Self>) {
        let mut answer = |truth: Truth, status: ProviderStatus, names_it: bool, contradicted: bool| {
            let mut side = self.clone();
            side.truth = truth;
            side.contradicted |= contradicted;
            let number = STATUSES.iter().position(|known| *known == status).unwrap();
            side.work.insert(Work::Answered(call, number, names_it));
            next.push(side);
        };
        match (call, self.truth) {
            (ProviderCall::Create, Truth::NeverHeardOf) => {
                answer(Truth::Open, ProviderStatus::Pending, true, false);
                // Refused: nothing happened.
                answer(Truth::NeverHeardOf, ProviderStatus::Failed, false, false);
            }
            (ProviderCall::Cancel, truth) if truth.is_open() => {
                answer(Truth::Cancelled, ProviderStatus::Cancelled, true, false);
                // Too busy to cancel.
                answer(truth, truth.status(), true, false);
            }
            (_, truth) => answer(truth, truth.status(), true, false),
        }
        if self.truth.is_open() {
            answer(self.truth, ProviderStatus::Declined, true, false);
            answer(self.truth, ProviderStatus::Unknown, true, false);
        }
        if !self.contradicted && self.truth != Truth::NeverHeardOf {
            for lie in [ProviderStatus::Pending, ProviderStatus::Failed, ProviderStatus::Cancelled] {
                if lie != self.truth.status() {
                    answer(self.truth, lie, true, true);
                }
            }
        }
    }

    /// The refresh looks at the payment, or the provider's webhook has it looked at.
    fn look(&self, late: bool, next: &mut Vec<Self>) {
        let Some(row) = self.row else { return };
        let mut side = self.clone();
        match row.state {
            PaymentState::Pending | PaymentState::Authorised if late => {
                side.work.insert(Work::TimeIsUp);
            }
            _ => side.send(ProviderCall::due(&payment(row))),
        }
        next.push(side);
    }

    fn check(&self, decisions: &mut Decisions) {
        let state = self.row.map(|row| row.state);
        if let Some(Row { state: PaymentState::Confirmed, final_amount, .. }) = self.row {
            assert_eq!(
                self.truth,
                Truth::Captured(final_amount.unwrap()),
                "confirmed without that money: {self:?}"
            );
        } else if let (Truth::Captured(_), false) = (self.truth, self.contradicted) {
            assert!(!state.is_some_and(PaymentState::is_terminal), "ended without its money: {self:?}");
        }
        for till in self.tills {
            match till {
                Till::ToldConfirmed => assert_eq!(state, Some(PaymentState::Confirmed), "{self:?}"),
                Till::ToldUnpaid => {
                    let unpaid =
                        state.is_some_and(|state| state.is_terminal() && state != PaymentState::Confirmed);
                    assert!(unpaid, "{self:?}");
                }
                Till::GaveUp => {
                    assert!(
                        self.reported || state != Some(PaymentState::Confirmed),
                        "paid in vain: {self:?}"
                    );
                }
                Till::Idle | Till::Waiting | Till::AskedToCancel => {}
            }
        }
        self.settled(decisions).check_settled(self);
    }

    /// The world once everything on its way has arrived and the provider was asked twice more.
    fn settled(&self, decisions: &mut Decisions) -> Self {
        let mut side = self.clone();
        for _ in 0..3 {
            while let Some(work) = side.work.pop_first() {
                match work {
                    Work::TimeIsUp => side.apply(decisions, PaymentInput::TimeOut, false, None),
                    Work::Sent(call) => {
                        match (call, side.truth) {
                            (ProviderCall::Create, Truth::NeverHeardOf) => side.truth = Truth::Open,
                            (ProviderCall::Cancel, truth) if truth.is_open() => side.truth = Truth::Cancelled,
                            _ => {}
                        }
                        let input = PaymentInput::Provider(side.truth.status());
                        side.apply(decisions, input, true, Some(call));
                    }
                    Work::Answered(call, status, names_it) => {
                        side.apply(decisions, PaymentInput::Provider(STATUSES[status]), names_it, Some(call));
                    }
                }
            }
            side.send(side.row.and_then(|row| ProviderCall::due(&payment(row))));
        }
        side
    }

    fn check_settled(&self, before: &Self) {
        let Some(row) = self.row else { return };
        match self.truth {
            Truth::Captured(amount) => {
                let confirmed = (row.state, row.final_amount) == (PaymentState::Confirmed, Some(amount));
                let a_person_knows = self.contradicted && self.reported;
                assert!(confirmed || a_person_knows, "the money is lost: {before:?} settled as {self:?}");
            }
            Truth::Cancelled | Truth::Failed => {
                assert!(row.state.is_terminal(), "never ends: {before:?} settled as {self:?}");
                assert_ne!(row.state, PaymentState::Confirmed, "{before:?} settled as {self:?}");
            }
            Truth::Open | Truth::Held | Truth::NeverHeardOf => {
                let ended = row.state.is_terminal() && row.referenced;
                assert!(!ended, "can still be paid: {before:?} settled as {self:?}");
            }
        }
    }
}

impl World {
    fn steps(&self, tills: &[(usize, usize)], decisions: &mut Decisions) -> Vec<Self> {
        let mut next = Vec::new();
        for (place, side) in self.sides.iter().enumerate() {
            let mut sides = Vec::new();
            for (number, _) in tills.iter().filter(|(_, addressed)| *addressed == place) {
                side.till_steps(*number, decisions, &mut sides);
            }
            side.provider_steps(&mut sides);
            side.work_steps(decisions, &mut sides);
            side.look(self.late, &mut sides);
            next.extend(sides.into_iter().map(|side| {
                let mut world = self.clone();
                world.sides[place] = side;
                world
            }));
        }
        let mut late = self.clone();
        late.late = true;
        next.push(late);
        // The process dies: what is stored and what is true stays.
        let mut crashed = self.clone();
        crashed.sides.iter_mut().for_each(|side| side.work.clear());
        next.push(crashed);
        next
    }
}

/// Every world within eight steps, checked.
///
/// The first till takes one payment, the second till another; and the second till, started anew in the place of the first, goes
/// on with the first payment as well.
fn explore() -> Decisions {
    let tills = [(0, 0), (1, 1), (1, 0)];
    let mut decisions = Decisions::default();
    let start = World { sides: vec![Side::new(), Side::new()], late: false };
    let mut seen = HashSet::from([start.clone()]);
    let mut frontier = vec![start];
    for _ in 0..STEPS {
        let mut next = Vec::new();
        for world in &frontier {
            for world in world.steps(&tills, &mut decisions) {
                if !seen.contains(&world) {
                    world.sides.iter().for_each(|side| side.check(&mut decisions));
                    seen.insert(world.clone());
                    next.push(world);
                }
            }
        }
        frontier = next;
    }
    decisions
}

/// Every input, with one amount where the amount makes no difference.
fn inputs() -> Vec<PaymentInput> {
    let from_the_pos = [
        PaymentInput::Start,
        PaymentInput::Poll,
        PaymentInput::RequestCancel,
        PaymentInput::Cancel,
        PaymentInput::TimeOut,
    ];
    from_the_pos.into_iter().chain(STATUSES.map(PaymentInput::Provider)).collect()
}

/// What eight steps do not reach: the refresh sees that the time is up, something else ends or withdraws the payment, and only then
/// the refresh goes on. The unit tests of the transition have these.
const BEYOND_EIGHT_STEPS: [(PaymentState, PaymentInput); 3] = [
    (PaymentState::CancelRequested(CancelReason::TimedOut), PaymentInput::TimeOut),
    (PaymentState::CancelRequested(CancelReason::Declined), PaymentInput::TimeOut),
    (PaymentState::Expired, PaymentInput::TimeOut),
];

#[test]
fn no_order_of_up_to_eight_steps_of_tills_provider_operator_and_crashes_tells_a_lie() {
    let decisions = explore();
    let met: HashSet<_> = decisions.made.keys().map(|(row, input, ..)| (row.state, *input)).collect();
    let all = STATES.into_iter().flat_map(|state| inputs().into_iter().map(move |input| (state, input)));
    let unmet: Vec<_> = all.filter(|pair| !met.contains(pair)).collect();
    assert_eq!(unmet, BEYOND_EIGHT_STEPS, "every other state has met every input");
}
