//! An external payment as it is stored. Knows neither providers nor terms.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::news::{ProviderNews, Reason};
use super::refund::{Refund, RefundState};
use super::state::{CancelReason, PaymentEffect, PaymentInput, PaymentState, ProviderStatus, transition};
use super::stored_notice::{NoticeAbout, StoredNotice};
use crate::subscription::MerchantId;

/// Names a payment: the POS's id, within one merchant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PaymentKey {
    /// The merchant at the host.
    pub merchant: MerchantId,
    /// `externalPaymentId`, a UUID that the POS chose; the host's own id of a payment that it started itself.
    pub id: String,
}

impl PaymentKey {
    /// The payment with this id, of this merchant.
    pub fn new(merchant: MerchantId, id: impl Into<String>) -> Self {
        Self { merchant, id: id.into() }
    }
}

/// Who started a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PaymentOrigin {
    /// A till.
    Till,
    /// The host itself, for its kiosk or web shop.
    Host,
    /// Nobody: the till gave it up before its start arrived. A start that comes later finds this and creates nothing.
    NeverStarted,
}

/// What is known of a payment's creation at its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Creation {
    /// The provider does not have it: it was never sent, or looked for in vain.
    Absent,
    /// Somebody creates it, until this instant, UTC; then whoever began is taken to be gone.
    Underway(DateTime<Utc>),
    /// An attempt was made, and nobody knows how it ended. It is looked for before it is sent again.
    Uncertain,
    /// The provider has it.
    Known,
}

/// An external payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Payment {
    /// Which.
    pub key: PaymentKey,
    /// Who started it.
    pub origin: PaymentOrigin,
    /// What is to be paid, euros. Below zero: what is to be given back to a card.
    pub amount: Decimal,
    /// The payment method's name in the POS.
    pub method: String,
    /// The subscription that it came through.
    #[serde(default)]
    pub subscription: Option<String>,
    /// The branch of the till; 0 when the till does not tell it.
    pub branch_number: i64,
    /// The workplace of the till; 0 when the till does not tell it.
    pub workplace_number: i64,
    /// The POS's id of the sale, when the till sends it.
    #[serde(default)]
    pub session_id: Option<String>,
    /// The provider's name; empty when none was assigned.
    pub provider: String,
    /// The host's name of the account at the provider.
    pub account: String,
    /// The terminal that it was started on; none on the web. It is looked up on this one ever after.
    #[serde(default)]
    pub terminal: Option<String>,
    /// Where it stands.
    pub state: PaymentState,
    /// Why, for the cashier and the host.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// What is known of its creation at the provider.
    pub creation: Creation,
    /// How many attempts to create it were begun.
    #[serde(default)]
    pub attempt: u32,
    /// When the last attempt to create it began, UTC.
    #[serde(default)]
    pub attempted_at: Option<DateTime<Utc>>,
    /// How many questions in a row the provider left unanswered.
    #[serde(default)]
    pub failures: u32,
    /// The provider's id of it, once that is known.
    #[serde(default)]
    pub provider_reference: Option<String>,
    /// Where the customer pays, when that is a web page.
    #[serde(default)]
    pub checkout_url: Option<String>,
    /// What the till is told was paid, euros. May be less than `amount`, or more with a tip. Only of a confirmed payment.
    #[serde(default)]
    pub final_amount: Option<Decimal>,
    /// What the provider captured, euros, whatever the payment's state. What can be given back.
    #[serde(default)]
    pub captured: Option<Decimal>,
    /// The provider's reference for receipts and questions.
    #[serde(default)]
    pub transaction_reference: Option<String>,
    /// For instance `visa`.
    #[serde(default)]
    pub card_type: Option<String>,
    /// For instance `ideal`.
    #[serde(default)]
    pub external_method: Option<String>,
    /// The payment terminal, as the provider names it to the customer.
    #[serde(default)]
    pub terminal_id: Option<String>,
    /// Whether the POS has given it up.
    #[serde(default)]
    pub given_up: bool,
    /// When the till was last seen to ask about it, UTC. Noted only while it is not known whether the provider has it: it is created
    /// late for a till that still waits, and for no other.
    #[serde(default)]
    pub asked_at: Option<DateTime<Utc>>,
    /// Until then the till that started it may fetch that it was paid; then the host is told that it did not. None when it has, when
    /// the host was told, and before it is paid. UTC.
    #[serde(default)]
    pub fetched_until: Option<DateTime<Utc>>,
    /// Whether the till that started it was never answered that it was paid. Noted before such an answer is given.
    #[serde(default)]
    pub unheard: bool,
    /// Whether all of it was given back before its till had heard that it was paid: the till hears that it was not, for good.
    #[serde(default)]
    pub withdrawn: bool,
    /// Whether it ended without anybody knowing whether the customer paid, and still nobody knows.
    #[serde(default)]
    pub unresolved: bool,
    /// Of one that ended without money: until then its provider is asked again all the same, see [`ProviderNews::watched_until`]; or
    /// once more, when it was not there. UTC.
    #[serde(default)]
    pub watched_until: Option<DateTime<Utc>>,
    /// What the provider said against a payment that had ended, as far as it was told to the host.
    #[serde(default)]
    pub conflict: Option<ProviderStatus>,
    /// What was given back, or is being given back.
    #[serde(default)]
    pub refunds: Vec<Refund>,
    /// What the host was not told yet, in order.
    #[serde(default)]
    pub notices: Vec<StoredNotice>,
    /// How many notices there were in all.
    #[serde(default)]
    pub told: u64,
    /// Until then somebody tells the host, UTC.
    #[serde(default)]
    pub telling_until: Option<DateTime<Utc>>,
    /// When it was started, UTC.
    pub started_at: DateTime<Utc>,
    /// When it is given up unless it has been paid, UTC.
    pub expires_at: DateTime<Utc>,
    /// When it is looked at next, UTC.
    pub refresh_at: DateTime<Utc>,
    /// Counts the changes; two writers cannot both succeed from the same version.
    pub version: u64,
}

impl Payment {
    /// A payment of `amount` euros that starts and is due at `now`; everything else is empty.
    pub(crate) fn new(key: PaymentKey, amount: Decimal, now: DateTime<Utc>) -> Self {
        Self {
            key,
            origin: PaymentOrigin::Till,
            amount,
            method: String::new(),
            subscription: None,
            branch_number: 0,
            workplace_number: 0,
            session_id: None,
            provider: String::new(),
            account: String::new(),
            terminal: None,
            state: PaymentState::Pending,
            reason: None,
            creation: Creation::Absent,
            attempt: 0,
            attempted_at: None,
            failures: 0,
            provider_reference: None,
            checkout_url: None,
            final_amount: None,
            captured: None,
            transaction_reference: None,
            card_type: None,
            external_method: None,
            terminal_id: None,
            given_up: false,
            asked_at: None,
            fetched_until: None,
            unheard: false,
            withdrawn: false,
            unresolved: false,
            watched_until: None,
            conflict: None,
            refunds: Vec::new(),
            notices: Vec::new(),
            told: 0,
            telling_until: None,
            started_at: now,
            expires_at: now,
            refresh_at: now,
            version: 0,
        }
    }

    /// What remembers that the till gave up a payment whose start has not arrived.
    pub(crate) fn never_started(key: PaymentKey, now: DateTime<Utc>) -> Self {
        Self {
            origin: PaymentOrigin::NeverStarted,
            state: PaymentState::Cancelled,
            reason: Some(Reason::new("the till gave it up before it was started")),
            given_up: true,
            ..Self::new(key, Decimal::ZERO, now)
        }
    }

    /// What remembers that a start was refused before it was kept.
    pub(crate) fn refused(key: PaymentKey, reason: Reason, now: DateTime<Utc>) -> Self {
        Self {
            state: PaymentState::Failed,
            reason: Some(reason),
            given_up: false,
            ..Self::never_started(key, now)
        }
    }

    /// A payment that was refused before any provider was asked.
    #[must_use]
    pub(crate) fn not_started(mut self, reason: Reason) -> Self {
        self.state = PaymentState::Failed;
        self.reason = Some(reason);
        self.tell(NoticeAbout::Changed);
        self
    }

    /// Whether money goes back to a card instead of coming from it.
    #[must_use]
    pub fn is_refund(&self) -> bool {
        self.amount < Decimal::ZERO
    }

    /// Whether something is left to be done: it is open, its outcome is not certain, a refund is open, or the host was not told
    /// everything. What has no work is never due, and may be pruned.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.state.is_terminal()
            || self.is_watched()
            || !self.notices.is_empty()
            || self.fetched_until.is_some()
            || self.refunds.iter().any(|refund| refund.state.is_open())
    }

    /// Whether it has ended, but nobody knows for certain whether its provider has it, or what became of it there.
    pub(crate) fn is_watched(&self) -> bool {
        let uncertain = matches!(self.creation, Creation::Uncertain | Creation::Underway(_));
        self.state.is_terminal() && (uncertain || self.unresolved || self.watched_until.is_some())
    }

    /// Whether somebody creates it at its provider, as far as is known.
    pub(super) fn is_being_created(&self, now: DateTime<Utc>) -> bool {
        matches!(self.creation, Creation::Underway(until) if until > now)
    }

    /// It has just been paid: until then its till may fetch that.
    pub(super) fn fetched_from(mut self, before: &Self, until: DateTime<Utc>) -> Self {
        let paid = self.state == PaymentState::Confirmed && before.state != self.state;
        if paid && self.origin == PaymentOrigin::Till && !self.given_up {
            (self.fetched_until, self.unheard) = (Some(until), true);
        }
        self
    }

    /// Notes that the till was told that it was paid. `None` when there is nothing to note.
    pub(super) fn fetched(&self, now: DateTime<Utc>) -> Option<Self> {
        if !self.unheard && self.fetched_until.is_none() {
            return None;
        }
        // With nothing left to be done it has ended now.
        let version = self.version + 1;
        Some(Self { fetched_until: None, unheard: false, refresh_at: now, version, ..self.clone() })
    }

    /// Takes it back from a till that has not heard that it was paid, once nothing of it is left: a sale that is booked on it would have
    /// no money.
    pub(super) fn withdraw_if_all_is_given_back(&mut self) {
        if self.unheard && self.state == PaymentState::Confirmed && self.refundable().is_zero() {
            (self.withdrawn, self.fetched_until) = (true, None);
            self.reason = Some(Reason::new("the money was given back"));
        }
    }

    /// Whether its till may book it.
    pub(super) fn counts_as_paid(&self) -> bool {
        self.state == PaymentState::Confirmed && !self.withdrawn
    }

    /// Notes that no till has asked for the end, and has the host told.
    pub(super) fn not_fetched(&self) -> Self {
        let mut next = Self { fetched_until: None, version: self.version + 1, ..self.clone() };
        next.tell(NoticeAbout::NotFetched);
        next
    }

    /// When somebody last waited for it, as far as is known.
    pub(super) fn awaited_at(&self) -> DateTime<Utc> {
        self.asked_at.map_or(self.started_at, |asked_at| asked_at.max(self.started_at))
    }

    /// What can still be given back, euros.
    #[must_use]
    pub fn refundable(&self) -> Decimal {
        let given_back: Decimal = self
            .refunds
            .iter()
            .filter(|refund| refund.state != RefundState::Failed)
            .map(|refund| refund.amount)
            .sum();
        match self.captured {
            Some(captured) if !self.is_refund() => (captured - given_back).max(Decimal::ZERO),
            _ => Decimal::ZERO,
        }
    }

    /// Whether all that the customer paid was given back, or is being given back.
    pub(super) fn is_given_back(&self) -> bool {
        self.captured.is_some() && !self.is_refund() && self.refundable().is_zero()
    }

    /// Applies an input: the changed payment, and what has to be done. `None` when nothing changed.
    pub fn apply(&self, input: PaymentInput, news: Option<&ProviderNews>) -> (Option<Self>, PaymentEffect) {
        if let (Some(known), Some(told)) =
            (&self.provider_reference, news.and_then(|news| news.reference.as_ref()))
            && known != told
        {
            // A start that was repeated at a provider without idempotency: the first one stands, nobody was shown the other.
            return (None, PaymentEffect::None);
        }
        let input = match input {
            // A provider that has had it does not lose it; it answers too early or too late.
            PaymentInput::Provider(ProviderStatus::Absent) if self.creation == Creation::Known => {
                PaymentInput::Provider(ProviderStatus::Unknown)
            }
            other => other,
        };
        let (state, effect) = transition(self.state, input);
        let mut next = self.clone();
        next.state = state;
        if let PaymentInput::Provider(status) = input {
            next.hear(self.state, status, news);
        }
        if effect == PaymentEffect::ReportUnresolved {
            let before = self.reason.as_ref().map(|reason| format!(": {}", reason.text));
            let text = format!("nobody could tell whether it was paid{}", before.unwrap_or_default());
            (next.unresolved, next.reason) = (true, Some(Reason::new(text)));
        }
        next.explain(self);
        next.given_up |= input == PaymentInput::Cancel;
        next.note(self, input, effect);
        if next == *self {
            return (None, effect);
        }
        next.version += 1;
        (Some(next), effect)
    }

    /// Keeps what the provider told; nothing that is known is forgotten, and nothing that the till was told of an end changes.
    fn hear(&mut self, before: PaymentState, status: ProviderStatus, news: Option<&ProviderNews>) {
        let creation = match status {
            ProviderStatus::Unknown => self.creation,
            ProviderStatus::Absent => Creation::Absent,
            _ => Creation::Known,
        };
        if before == PaymentState::Pending && creation == Creation::Known && self.creation != creation {
            // Why it could not be created before is of no interest any more.
            self.reason = None;
        }
        self.creation = creation;
        self.unresolved &= match status {
            ProviderStatus::Captured(amount) => amount <= Decimal::ZERO,
            ProviderStatus::Failed | ProviderStatus::Cancelled | ProviderStatus::Absent => false,
            ProviderStatus::Pending
            | ProviderStatus::Authorised
            | ProviderStatus::Declined
            | ProviderStatus::Unknown => true,
        };
        self.watched_until = match status {
            ProviderStatus::Failed | ProviderStatus::Cancelled => news.and_then(|news| news.watched_until),
            ProviderStatus::Captured(_) | ProviderStatus::Absent => None,
            ProviderStatus::Pending
            | ProviderStatus::Authorised
            | ProviderStatus::Declined
            | ProviderStatus::Unknown => self.watched_until,
        };
        if let ProviderStatus::Captured(amount) = status
            && amount > Decimal::ZERO
        {
            self.captured = Some(amount);
            if !before.is_terminal() {
                self.final_amount = Some(if self.is_refund() { -amount } else { amount });
            }
        }
        let Some(news) = news else { return };
        if before.is_terminal() {
            // An attempt to create it may have reached the provider after all; it can only be undone by its reference.
            if self.provider_reference.is_none() {
                self.provider_reference.clone_from(&news.reference);
            }
            // No receipt was printed by another.
            if before != PaymentState::Confirmed && self.transaction_reference.is_none() {
                self.transaction_reference.clone_from(&news.transaction_reference);
            }
            return;
        }
        if news.reason.is_some() {
            self.reason.clone_from(&news.reason);
        }
        let learned = [
            (&mut self.provider_reference, &news.reference),
            (&mut self.checkout_url, &news.checkout_url),
            (&mut self.transaction_reference, &news.transaction_reference),
            (&mut self.card_type, &news.card_type),
            (&mut self.external_method, &news.external_method),
            (&mut self.terminal_id, &news.terminal_id),
        ];
        for (known, told) in learned {
            if told.is_some() {
                known.clone_from(told);
            }
        }
    }

    /// Says why it came to its state, unless the provider did.
    fn explain(&mut self, before: &Self) {
        if self.state == before.state {
            return;
        }
        let told = self.reason.clone().filter(|_| self.reason != before.reason);
        let usual = match self.state {
            PaymentState::Confirmed => {
                self.reason = None;
                return;
            }
            PaymentState::CancelRequested(CancelReason::Operator) => "the cashier cancelled it",
            PaymentState::CancelRequested(CancelReason::Pos) => "the till gave it up",
            PaymentState::CancelRequested(CancelReason::TimedOut) => "nobody paid in time",
            PaymentState::CancelRequested(CancelReason::NotCreated) => {
                let why = before.reason.as_ref().map(|reason| format!(": {}", reason.text));
                let text = "it could not be created at the payment provider in time";
                self.reason = Some(Reason::new(format!("{text}{}", why.unwrap_or_default())));
                return;
            }
            PaymentState::Failed if self.reason.is_none() => "the payment was refused",
            PaymentState::Cancelled if self.reason.is_none() => "it was cancelled at the payment provider",
            _ => return,
        };
        self.reason = told.or_else(|| Some(Reason::new(usual)));
    }

    /// Notes what the host has to be told, each thing once.
    fn note(&mut self, before: &Self, input: PaymentInput, effect: PaymentEffect) {
        if self.state != before.state {
            self.tell(NoticeAbout::Changed);
        }
        let says = match input {
            PaymentInput::Provider(status) => Some(status),
            _ => None,
        };
        match effect {
            PaymentEffect::ReportUnexpectedCapture
                if self.state != before.state
                    || self.captured != before.captured
                    || (self.given_up != before.given_up && !self.is_given_back()) =>
            {
                let captured = self.captured.or(self.final_amount).unwrap_or(self.amount);
                self.tell(NoticeAbout::UnexpectedCapture(captured));
            }
            PaymentEffect::ReportUnresolved => self.tell(NoticeAbout::Unresolved),
            PaymentEffect::ReportConflict => self.note_conflict(says),
            _ => {
                // Paid, and then again with another amount.
                let other = before.state == PaymentState::Confirmed && self.captured != before.captured;
                self.note_conflict(says.filter(|_| other));
            }
        }
    }

    fn note_conflict(&mut self, says: Option<ProviderStatus>) {
        if let Some(says) = says
            && self.conflict != Some(says)
        {
            self.conflict = Some(says);
            self.tell(NoticeAbout::Conflict(says));
        }
    }

    /// Adds a notice for the host.
    pub(crate) fn tell(&mut self, about: NoticeAbout) {
        self.told += 1;
        let (number, state, reason) = (self.told, self.state, self.reason.clone());
        self.notices.push(StoredNotice { number, about, state, reason });
    }
}
