//! One payment and everybody around it.

use std::collections::BTreeSet;

use super::decision::{Decisions, Row, STATUSES, UNDERWAY};
use super::truth::Truth;
use crate::payment::call::{Next, ProviderCall};
use crate::payment::record::Creation;
use crate::payment::state::{PaymentInput, PaymentState, ProviderStatus};

/// What a till knows of the payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Till {
    Idle,
    Waiting,
    AskedToCancel,
    ToldConfirmed,
    ToldUnpaid,
    GaveUp,
}

/// Work of the service that is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Work {
    /// The provider has not seen it yet.
    Sent(ProviderCall),
    /// The answer, as the provider saw things then; and whether it names the payment.
    Answered(ProviderCall, usize, bool),
    /// The refresh has seen that the time is up.
    TimeIsUp,
}

impl Work {
    fn creates(self) -> bool {
        matches!(self, Self::Sent(ProviderCall::Create) | Self::Answered(ProviderCall::Create, ..))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Side {
    pub(super) row: Option<Row>,
    pub(super) truth: Truth,
    pub(super) work: BTreeSet<Work>,
    pub(super) tills: [Till; 2],
    /// A person was told that the customer paid in vain.
    reported: bool,
    /// The provider has contradicted itself, which it does once at most: it took an end back, or denied what is true. Money that
    /// it has not got it never claims.
    contradicted: bool,
    /// It was ended without anybody knowing, and a person was told so.
    unresolved: bool,
}

impl Side {
    pub(super) fn new() -> Self {
        Self {
            row: None,
            truth: Truth::NeverHeardOf,
            work: BTreeSet::new(),
            tills: [Till::Idle; 2],
            reported: false,
            contradicted: false,
            unresolved: false,
        }
    }

    /// Gives an input to the stored payment, and does what follows.
    fn apply(
        &mut self,
        decisions: &mut Decisions,
        input: PaymentInput,
        names_it: bool,
        answered: Option<ProviderCall>,
    ) {
        let Some(row) = self.row else { return };
        let creating = self.work.iter().any(|work| work.creates());
        let input = match input {
            // Somebody creates it right now.
            PaymentInput::Provider(ProviderStatus::Absent)
                if creating && answered != Some(ProviderCall::Create) =>
            {
                PaymentInput::Provider(ProviderStatus::Unknown)
            }
            other => other,
        };
        let decision = decisions.make(row, input, names_it, answered);
        self.row = Some(decision.row);
        assert!(!decision.conflict || self.contradicted, "{self:?}");
        self.reported |= decision.reported;
        self.unresolved |= input == PaymentInput::Unresolved && !row.state.is_terminal();
        self.follow(decisions, decision.next);
    }

    fn follow(&mut self, decisions: &mut Decisions, next: Next) {
        match next {
            Next::Nothing => {}
            Next::End => self.apply(decisions, PaymentInput::Provider(ProviderStatus::Absent), false, None),
            Next::Ask(ProviderCall::Create) => {
                let Some(row) = &mut self.row else { return };
                assert_eq!(row.state, PaymentState::Pending, "created although nobody waits: {row:?}");
                row.creation = UNDERWAY;
                self.work.insert(Work::Sent(ProviderCall::Create));
            }
            Next::Ask(call) => drop(self.work.insert(Work::Sent(call))),
        }
    }

    /// What the till with this number can do next.
    pub(super) fn till_steps(&self, number: usize, decisions: &mut Decisions, next: &mut Vec<Self>) {
        let mut step = |input: PaymentInput, till: Till| {
            let mut side = self.clone();
            match (input, side.row) {
                (PaymentInput::Start, None) => {
                    side.row = Some(Row::started());
                    side.work.insert(Work::Sent(ProviderCall::Create));
                }
                (PaymentInput::Cancel | PaymentInput::RequestCancel, None) => {
                    side.row = Some(Row::never_started());
                }
                _ => side.apply(decisions, input, false, None),
            }
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
            Till::Idle => {
                step(PaymentInput::Start, Till::Waiting);
                // Its start is still on the way.
                step(PaymentInput::Cancel, Till::GaveUp);
            }
            Till::Waiting | Till::AskedToCancel => {
                step(PaymentInput::Poll, till);
                step(PaymentInput::RequestCancel, Till::AskedToCancel);
                step(PaymentInput::Cancel, Till::GaveUp);
            }
            Till::ToldConfirmed | Till::ToldUnpaid => step(PaymentInput::Poll, till),
            // The same event again, as a new one; or the start that was overtaken.
            Till::GaveUp => {
                step(PaymentInput::Cancel, Till::GaveUp);
                step(PaymentInput::Start, Till::GaveUp);
            }
        }
    }

    /// What the customer and the operator can do at the provider.
    pub(super) fn provider_steps(&self, next: &mut Vec<Self>) {
        for truth in self.truth.becomes(!self.contradicted) {
            let contradicted = self.contradicted || !self.truth.is_open();
            next.push(Self { truth: *truth, contradicted, ..self.clone() });
        }
    }

    /// What can become of the work that is on its way: it goes on, or its connection breaks.
    pub(super) fn work_steps(&self, decisions: &mut Decisions, next: &mut Vec<Self>) {
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
                    rest.clone().lose(call, Creation::Uncertain, decisions, next);
                    if call == ProviderCall::Create {
                        // It provably never left.
                        rest.clone().lose(call, Creation::Absent, decisions, next);
                    }
                    rest.reach(call, next);
                }
                Work::Answered(call, status, names_it) => {
                    rest.clone().lose(call, Creation::Uncertain, decisions, next);
                    rest.apply(decisions, PaymentInput::Provider(STATUSES[status]), names_it, Some(call));
                    next.push(rest);
                }
            }
        }
    }

    /// The connection breaks, and whoever waited for the answer notes what is known of it.
    fn lose(
        mut self,
        call: ProviderCall,
        creation: Creation,
        decisions: &mut Decisions,
        next: &mut Vec<Self>,
    ) {
        if let (ProviderCall::Create, Some(row)) = (call, &mut self.row)
            && row.creation == UNDERWAY
        {
            row.creation = creation;
            if row.due() == Next::End {
                self.follow(decisions, Next::End);
            }
        }
        next.push(self);
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
            (ProviderCall::Create, truth) => {
                assert_eq!(truth, Truth::NeverHeardOf, "created twice: {self:?}");
                answer(Truth::Open, ProviderStatus::Pending, true, false);
                // Refused: nothing happened.
                answer(Truth::NeverHeardOf, ProviderStatus::Failed, false, false);
            }
            (ProviderCall::Cancel, truth) if truth.is_open() => {
                answer(Truth::Cancelled, ProviderStatus::Cancelled, true, false);
                // Too busy to cancel.
                answer(truth, truth.status(), true, false);
            }
            (_, truth) => answer(truth, truth.status(), truth != Truth::NeverHeardOf, false),
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
    pub(super) fn look(&self, late: bool, decisions: &mut Decisions, next: &mut Vec<Self>) {
        let mut side = self.clone();
        side.lapse();
        let Some(row) = side.row else { return };
        let certain = matches!(row.creation, Creation::Known) || row.creation == UNDERWAY;
        if !certain && row.state == PaymentState::Pending {
            let mut side = side.clone();
            side.apply(decisions, PaymentInput::GiveUpCreating, false, None);
            next.push(side);
        }
        // Nobody can be asked whether it is there; or it is, and stays open although its end was asked for.
        let stuck = matches!(row.state, PaymentState::CancelRequested(_)) && row.creation == Creation::Known;
        if late && !row.state.is_terminal() && (stuck || row.creation == Creation::Uncertain) {
            let mut side = side.clone();
            side.apply(decisions, PaymentInput::Unresolved, false, None);
            next.push(side);
        }
        match row.state {
            PaymentState::Pending | PaymentState::Authorised if late => {
                side.work.insert(Work::TimeIsUp);
            }
            _ => side.follow(decisions, row.due()),
        }
        next.push(side);
    }

    /// Whoever began to create it is gone, and enough time has passed.
    fn lapse(&mut self) {
        let creating = self.work.iter().any(|work| work.creates());
        if let Some(row) = &mut self.row
            && row.creation == UNDERWAY
            && !creating
        {
            row.creation = Creation::Uncertain;
        }
    }

    pub(super) fn check(&self, decisions: &mut Decisions) {
        let state = self.row.map(|row| row.state);
        if let Some(Row { state: PaymentState::Confirmed, final_amount, .. }) = self.row {
            assert_eq!(
                self.truth,
                Truth::Captured(final_amount.unwrap()),
                "confirmed without that money: {self:?}"
            );
        } else if let (Truth::Captured(_), false) = (self.truth, self.contradicted || self.unresolved) {
            assert!(!state.is_some_and(PaymentState::is_terminal), "ended without its money: {self:?}");
        }
        if self.row.is_some_and(|row| row.tombstone) {
            assert_eq!(self.truth, Truth::NeverHeardOf, "created after the till gave it up: {self:?}");
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

    /// The world once everything on its way has arrived and the provider was asked several times more.
    fn settled(&self, decisions: &mut Decisions) -> Self {
        let mut side = self.clone();
        for _ in 0..4 {
            while let Some(work) = side.work.pop_first() {
                match work {
                    Work::TimeIsUp => side.apply(decisions, PaymentInput::TimeOut, false, None),
                    Work::Sent(call) => {
                        match (call, side.truth) {
                            (ProviderCall::Create, Truth::NeverHeardOf) => side.truth = Truth::Open,
                            (ProviderCall::Cancel, truth) if truth.is_open() => side.truth = Truth::Cancelled,
                            _ => {}
                        }
                        let (status, known) = (side.truth.status(), side.truth != Truth::NeverHeardOf);
                        side.apply(decisions, PaymentInput::Provider(status), known, Some(call));
                    }
                    Work::Answered(call, status, names_it) => {
                        side.apply(decisions, PaymentInput::Provider(STATUSES[status]), names_it, Some(call));
                    }
                }
            }
            side.lapse();
            if let Some(row) = side.row {
                side.follow(decisions, row.due());
            }
        }
        side
    }

    fn check_settled(&self, before: &Self) {
        let Some(row) = self.row else { return };
        match self.truth {
            Truth::Captured(amount) => {
                let confirmed = (row.state, row.final_amount) == (PaymentState::Confirmed, Some(amount));
                let a_person_knows = (self.contradicted || self.unresolved) && self.reported;
                assert!(confirmed || a_person_knows, "the money is lost: {before:?} settled as {self:?}");
            }
            Truth::Cancelled | Truth::Failed => {
                assert!(row.state.is_terminal(), "never ends: {before:?} settled as {self:?}");
                assert_ne!(row.state, PaymentState::Confirmed, "{before:?} settled as {self:?}");
            }
            Truth::Open | Truth::Held => {
                assert!(!row.state.is_terminal(), "can still be paid: {before:?} settled as {self:?}");
            }
            Truth::NeverHeardOf => {}
        }
    }
}
