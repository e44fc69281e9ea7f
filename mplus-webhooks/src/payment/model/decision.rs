//! The real decisions about a stored payment, remembered; and with them which were needed.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::truth::{PART, WHOLE};
use crate::payment::call::{Next, ProviderCall};
use crate::payment::news::ProviderNews;
use crate::payment::record::{Creation, Payment, PaymentKey};
use crate::payment::state::{CancelReason, PaymentEffect, PaymentInput, PaymentState, ProviderStatus};
use crate::payment::stored_notice::NoticeAbout;
use crate::subscription::MerchantId;

pub(super) const STATUSES: [ProviderStatus; 9] = [
    ProviderStatus::Absent,
    ProviderStatus::Pending,
    ProviderStatus::Authorised,
    ProviderStatus::Captured(WHOLE),
    ProviderStatus::Captured(PART),
    ProviderStatus::Declined,
    ProviderStatus::Failed,
    ProviderStatus::Cancelled,
    ProviderStatus::Unknown,
];

pub(super) const STATES: [PaymentState; 11] = [
    PaymentState::Pending,
    PaymentState::Authorised,
    PaymentState::CancelRequested(CancelReason::Operator),
    PaymentState::CancelRequested(CancelReason::Pos),
    PaymentState::CancelRequested(CancelReason::TimedOut),
    PaymentState::CancelRequested(CancelReason::Declined),
    PaymentState::CancelRequested(CancelReason::NotCreated),
    PaymentState::Confirmed,
    PaymentState::Failed,
    PaymentState::Cancelled,
    PaymentState::Expired,
];

/// Every input, with one amount where the amount makes no difference.
pub(super) fn inputs() -> Vec<PaymentInput> {
    let from_elsewhere = [
        PaymentInput::Start,
        PaymentInput::Poll,
        PaymentInput::RequestCancel,
        PaymentInput::Cancel,
        PaymentInput::TimeOut,
        PaymentInput::GiveUpCreating,
        PaymentInput::Unresolved,
    ];
    from_elsewhere.into_iter().chain(STATUSES.map(PaymentInput::Provider)).collect()
}

/// The stored payment, as far as it can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Row {
    pub(super) state: PaymentState,
    pub(super) creation: Creation,
    pub(super) referenced: bool,
    pub(super) final_amount: Option<Decimal>,
    pub(super) captured: Option<Decimal>,
    pub(super) given_up: bool,
    pub(super) conflict: Option<ProviderStatus>,
    /// The till gave it up before it was started.
    pub(super) tombstone: bool,
}

/// Somebody creates it, and is not taken to be gone yet.
pub(super) const UNDERWAY: Creation = Creation::Underway(DateTime::<Utc>::MAX_UTC);
const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

impl Row {
    pub(super) fn started() -> Self {
        Self::of(&Payment { creation: UNDERWAY, ..Payment::new(key(), WHOLE, NOW) }, false)
    }

    pub(super) fn never_started() -> Self {
        Self::of(&Payment::never_started(key(), NOW), true)
    }

    fn of(payment: &Payment, tombstone: bool) -> Self {
        Self {
            state: payment.state,
            creation: payment.creation,
            referenced: payment.provider_reference.is_some(),
            final_amount: payment.final_amount,
            captured: payment.captured,
            given_up: payment.given_up,
            conflict: payment.conflict,
            tombstone,
        }
    }

    fn payment(self) -> Payment {
        Payment {
            state: self.state,
            provider: "provider".to_owned(),
            account: "account".to_owned(),
            terminal: Some("terminal".to_owned()),
            creation: self.creation,
            provider_reference: self.referenced.then(|| "r".to_owned()),
            final_amount: self.final_amount,
            captured: self.captured,
            given_up: self.given_up,
            conflict: self.conflict,
            ..Payment::new(key(), WHOLE, NOW - TimeDelta::days(1))
        }
    }

    /// What the refresh has to do.
    pub(super) fn due(self) -> Next {
        Next::due(&self.payment(), NOW)
    }
}

fn key() -> PaymentKey {
    PaymentKey { merchant: MerchantId::new("m"), id: "p".to_owned() }
}

/// The stored payment, the input, whether the news names the payment, and the call that it answers.
type Question = (Row, PaymentInput, bool, Option<ProviderCall>);

/// What became of a question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decision {
    pub(super) row: Row,
    pub(super) next: Next,
    /// A person was told that the customer paid in vain.
    pub(super) reported: bool,
    /// A person was told of a contradiction.
    pub(super) conflict: bool,
}

#[derive(Default)]
pub(super) struct Decisions {
    made: HashMap<Question, Decision>,
}

impl Decisions {
    pub(super) fn met(&self) -> impl Iterator<Item = (PaymentState, PaymentInput)> {
        self.made.keys().map(|(row, input, ..)| (row.state, *input))
    }

    pub(super) fn make(
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
            let before = row.payment();
            let (changed, effect) = before.apply(input, news.as_ref());
            let after = changed.unwrap_or_else(|| before.clone());
            if row.state.is_terminal() {
                assert_eq!((after.state, after.final_amount), (row.state, row.final_amount), "{input:?}");
            }
            let place = |payment: &Payment| {
                (payment.provider.clone(), payment.account.clone(), payment.terminal.clone())
            };
            assert_eq!(place(&after), place(&before), "it is looked up where it was started");
            assert!(
                effect != PaymentEffect::Create || after.state == PaymentState::Pending,
                "created after it was given up: {row:?} {input:?}"
            );
            let told =
                |wanted: fn(&NoticeAbout) -> bool| after.notices.iter().any(|notice| wanted(&notice.about));
            let conflict = told(|about| matches!(about, NoticeAbout::Conflict(_)));
            let unexpected = told(|about| matches!(about, NoticeAbout::UnexpectedCapture(_)));
            Decision {
                row: Row::of(&after, row.tombstone),
                next: Next::after(&after, effect, answered, NOW),
                reported: conflict || unexpected,
                conflict,
            }
        })
    }
}
