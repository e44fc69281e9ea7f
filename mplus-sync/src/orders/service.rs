//! Sends one order, once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use mplus_qapi::types::Terminal;
use rust_decimal::Decimal;

use crate::merchant::{Lacking, Merchant};
use crate::model::{
    BranchNumber, Claim, ConnectionId, Environment, Order, OrderKind, OutboxEntry, OutboxStateKind, PosOrder,
    RelationNumber, Waiting,
};
use crate::relations::RelationService;
use crate::store::{Enqueued, Select, StoreError, StoreErrorKind};
use crate::text::kept;

use super::note::AttemptNote;
use super::payments::PaymentMethods;
use super::{
    MenuLinks, OrderDraft, OrderRefused, OrderSettings, Place, Problem, SubmitError, SubmitErrorKind,
    TableCall, build,
};

/// Forwards the orders of one connection to the POS.
///
/// Usable alone with [`submit`](Self::submit); a host that wants every paid order to arrive queues them with
/// [`enqueue`](Self::enqueue) and lets an [`OutboxWorker`](super::OutboxWorker) call it. Clones share what they know of the POS.
#[derive(Clone)]
pub struct OrderService {
    pub(super) merchant: Merchant,
    source: Source,
    /// Those that hold for the order at hand.
    pub(super) settings: Arc<OrderSettings>,
    relations: Arc<RelationService>,
    pub(super) methods: Arc<Mutex<Option<PaymentMethods>>>,
    /// Terminals that this process has registered, by branch and number.
    pub(super) terminals: Arc<Mutex<BTreeMap<(i32, i32), Terminal>>>,
    /// Calls that the POS does not know.
    pub(super) lacking: Arc<Lacking>,
}

/// Where the settings come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// They were given by hand.
    Given,
    /// The merchant has set them up; they are read for each order.
    SetUp,
    /// The merchant takes no orders.
    NotSetUp,
}

impl fmt::Debug for OrderService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderService").field("merchant", &self.merchant).finish_non_exhaustive()
    }
}

/// What became of an order that the host wanted to queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Queued {
    /// It waits to be sent.
    New,
    /// The very same order was queued before, and waits, is at the POS, or was; nothing changed.
    Known,
    /// The very same order was rejected before; it waits to be sent again.
    Again,
    /// The very same order was taken back by a person; nothing changed. [`OrderService::requeue`] sends it all the same.
    Withdrawn,
    /// The very same order needs a person's attention; nothing changed. [`OrderService::requeue`] sends it once somebody has
    /// looked.
    NeedsAttention,
    /// Another order with this number was rejected or withdrawn before; this one takes its place.
    Replaced,
    /// It asked to be kept from the POS, in a test environment.
    Skipped,
}

/// Why an order was not queued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The order may not be queued.
    #[error(transparent)]
    Refused(#[from] OrderRefused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How far an attempt is: whether the POS may have the order is known at every point of it.
#[derive(Clone)]
pub(super) struct Attempt<'a> {
    pub(super) draft: &'a OrderDraft,
    pub(super) relation: RelationNumber,
    pub(super) may_be_at_pos: bool,
    pub(super) earlier: &'a Earlier,
    pub(super) note: AttemptNote,
    /// Whether the answer to a call that changes something is still to come.
    pub(super) is_unanswered: bool,
}

/// What is known of earlier attempts.
#[derive(Debug, Clone, Default)]
pub(super) struct Earlier {
    may_be_at_pos: bool,
    /// When the order was queued, by the host or again by a person, and how often it was refused since: what was refused
    /// is sent again under another key.
    queued: i64,
    refusals: u32,
    note: AttemptNote,
    /// When an attempt was cut off, of which nothing could be noted any more.
    pub(super) cut_off_at: Option<DateTime<Utc>>,
    /// Whether it has waited for its table since.
    pub(super) waited_for_table: bool,
    /// Under which claim it is sent; none outside of the outbox.
    claim: Option<Claim>,
}

impl Earlier {
    /// Under which key a call may be at the POS whose answer is still to come.
    fn key_of(&self) -> Option<(i64, u32)> {
        let kept = self.note.key_of.filter(|(turn, _)| *turn == self.queued);
        self.may_be_at_pos.then(|| kept.unwrap_or((self.queued, self.refusals)))
    }
}

impl Attempt<'_> {
    /// Whether it is an order of the outbox, with which notes are kept.
    pub(super) fn is_queued(&self) -> bool {
        self.earlier.claim.is_some()
    }

    /// Which turn it has at its table: another one each time that it is queued again.
    pub(super) fn turn(&self) -> i64 {
        self.earlier.queued
    }

    pub(super) fn error(&self, kind: SubmitErrorKind) -> SubmitError {
        SubmitError::new(&self.draft.number, kind, self.may_be_at_pos)
    }

    /// A call that changes nothing failed.
    pub(super) fn read_failed(&self, error: mplus_qapi::Error) -> SubmitError {
        self.error(SubmitErrorKind::Pos(error))
    }

    /// A call that may have brought the order to the POS failed.
    pub(super) fn write_failed(&mut self, error: mplus_qapi::Error) -> SubmitError {
        self.may_be_at_pos |= error.may_have_been_processed();
        self.is_unanswered |= error.may_have_been_processed();
        self.error(SubmitErrorKind::Pos(error))
    }

    /// Whether its payments may be at work, as far as it `may_send` anything: those that went with the order as long as the call
    /// that brought it may be.
    pub(super) fn may_be_paying(&self, may_send: &Result<(), SubmitError>) -> bool {
        match may_send {
            Ok(()) => false,
            Err(why) => self.note.paying || (why.waits_for_a_call() && !self.note.pays_apart),
        }
    }

    /// Nothing when an order at the POS is the draft; an error when it is another one.
    pub(super) fn check_same(&self, found: &mplus_qapi::types::Order) -> Result<(), SubmitError> {
        // At a table others order, too.
        let just_sent = !self.earlier.may_be_at_pos && self.draft.table().is_none();
        let relation = just_sent.then_some(self.relation);
        // It is of the branch in which it was sent: the location may be given another one since.
        let sent_in = self.note.branch.filter(|_| self.earlier.may_be_at_pos);
        let sent =
            sent_in.map(|branch| OrderDraft { branch: BranchNumber::new(branch), ..self.draft.clone() });
        match super::compare::difference(sent.as_ref().unwrap_or(self.draft), found, relation) {
            Some(difference) => Err(self.error(SubmitErrorKind::NumberTaken { difference })),
            None => Ok(()),
        }
    }

    /// What the POS calls an order that is the draft, with what a person should know of it.
    pub(super) fn taken(&self, found: &mplus_qapi::types::Order) -> PosOrder {
        super::compare::pos_order(self.draft, found)
    }

    /// The POS has the order, but not all of its payments.
    pub(super) fn underpaid(&self, booked: Decimal) -> SubmitError {
        let difference = format!("{booked} euros are booked on it instead of {}", self.draft.paid());
        self.error(SubmitErrorKind::NumberTaken { difference })
    }

    /// The POS has the order's lines, and refused its payments.
    pub(super) fn unpaid(&self) -> SubmitError {
        let difference =
            "its payments were refused, and no call tells whether they were booked since".to_owned();
        self.error(SubmitErrorKind::NumberTaken { difference })
    }

    /// The POS has the order's lines, and nobody knows of its payments.
    pub(super) fn payments_unclear(&self, answer: &str) -> SubmitError {
        let difference = format!("it answered \"{}\" of its payments, which tells nothing", kept(answer));
        self.error(SubmitErrorKind::NumberTaken { difference })
    }

    /// Others pay at its table, too, and what is booked there may be theirs.
    pub(super) fn unpaid_among_others(&self) -> SubmitError {
        let difference = "what is booked at its table does not tell whether its payments are".to_owned();
        self.error(SubmitErrorKind::NumberTaken { difference })
    }

    /// The POS said no.
    pub(super) fn declined(
        &self,
        operation: &'static str,
        result: &str,
        message: Option<&str>,
    ) -> SubmitError {
        let message = message.map(str::trim).filter(|message| !message.is_empty());
        let reason = kept(message.unwrap_or(result));
        self.error(SubmitErrorKind::Declined { operation, reason })
    }
}

impl OrderService {
    /// The service of this merchant, by the order settings that the merchant has set up
    /// ([`MerchantSettings::orders`](crate::settings::MerchantSettings::orders)). They are read for each order, so that what
    /// was saved holds from the next one on. Keep the service: it remembers what it has asked the POS.
    pub fn of(merchant: &Merchant) -> Self {
        Self::from_source(merchant, Source::NotSetUp, OrderSettings::new(0))
    }

    /// The service of this merchant by these settings, whatever the merchant has set up.
    pub fn new(merchant: &Merchant, settings: OrderSettings) -> Self {
        Self::from_source(merchant, Source::Given, settings)
    }

    fn from_source(merchant: &Merchant, source: Source, settings: OrderSettings) -> Self {
        Self {
            merchant: merchant.clone(),
            source,
            settings: Arc::new(settings),
            relations: Arc::new(RelationService::new(merchant)),
            methods: Arc::default(),
            terminals: Arc::default(),
            lacking: Arc::new(Lacking::new(merchant)),
        }
    }

    /// The service by the settings that hold now.
    ///
    /// # Errors
    /// When the store fails, or the settings cannot be read.
    pub(super) async fn up_to_date(&self) -> Result<Self, StoreError> {
        let mut service = self.clone();
        if self.source == Source::Given {
            return Ok(service);
        }
        let set_up = self.merchant.settings().await?.settings;
        service.source = if set_up.orders.is_some() { Source::SetUp } else { Source::NotSetUp };
        service.settings = Arc::new(set_up.orders.clone().unwrap_or_else(|| OrderSettings::new(0)));
        Ok(service)
    }

    /// The service by the settings that hold now, for an order that is told what goes wrong.
    pub(super) async fn for_order(&self, order: &Order) -> Result<Self, SubmitError> {
        self.up_to_date().await.map_err(|failed| SubmitError::of_merchant(&order.number, failed, false))
    }

    /// Whose orders these are.
    pub fn connection(&self) -> &ConnectionId {
        self.merchant.connection()
    }

    /// Queues an order, to be sent by the next worker. The very same order again is sent once; one that was rejected is tried
    /// again, and one that was withdrawn or waits for a person stays so, which [`Queued`] tells.
    ///
    /// A host that keeps its orders in the same database queues them in its own transaction instead (`enqueue_statement`
    /// of the store in use).
    ///
    /// # Errors
    /// [`QueueError::Refused`] when the order asks to be kept from the POS though real guests are served;
    /// [`QueueError::Store`] with a conflict when there is another order with this number, unless that one was rejected or
    /// withdrawn and never reached the POS: then this one takes its place.
    pub async fn enqueue(&self, order: &Order) -> Result<Queued, QueueError> {
        if self.skips(order)? {
            return Ok(Queued::Skipped);
        }
        let (store, id, now) = (self.merchant.store(), self.connection(), self.merchant.runtime().now());
        match store.enqueue(id, order, now).await {
            Ok(Enqueued::New) => Ok(Queued::New),
            Ok(Enqueued::Known { state: OutboxStateKind::Rejected }) => {
                match store.requeue(id, &order.number, now).await {
                    Ok(()) => Ok(Queued::Again),
                    // Somebody else has queued it again in this moment.
                    Err(conflict) if conflict.kind() == StoreErrorKind::Conflict => Ok(Queued::Known),
                    Err(failed) => Err(failed.into()),
                }
            }
            Ok(Enqueued::Known { state: OutboxStateKind::Withdrawn }) => Ok(Queued::Withdrawn),
            Ok(Enqueued::Known { state: OutboxStateKind::NeedsAttention }) => Ok(Queued::NeedsAttention),
            Ok(Enqueued::Known { .. }) => Ok(Queued::Known),
            Err(conflict) if conflict.kind() == StoreErrorKind::Conflict => {
                let ended = store.entry(id, &order.number).await?.filter(|entry| {
                    let kind = entry.state.kind();
                    !entry.may_be_at_pos
                        && matches!(kind, OutboxStateKind::Rejected | OutboxStateKind::Withdrawn)
                });
                ended.ok_or(conflict)?;
                store.replace(id, order, now).await?;
                Ok(Queued::Replaced)
            }
            Err(failed) => Err(failed.into()),
        }
    }

    /// Whether the order is to be kept from the POS and may be.
    pub(super) fn skips(&self, order: &Order) -> Result<bool, OrderRefused> {
        if order.skip_order_sync && self.merchant.environment() != Environment::Test {
            let problems = vec![Problem::SkipOutsideTest];
            return Err(OrderRefused { order: order.number.clone(), problems });
        }
        Ok(order.skip_order_sync)
    }

    /// Builds an order from what the store knows, without sending anything: what is wrong with it is known before the
    /// guest pays.
    ///
    /// # Errors
    /// [`SubmitErrorKind::Refused`] with every problem; [`SubmitErrorKind::Store`] or [`SubmitErrorKind::Pos`] when what
    /// is needed could not be read.
    pub async fn draft(&self, order: &Order) -> Result<OrderDraft, SubmitError> {
        self.for_order(order).await?.draft_now(order).await
    }

    /// Builds an order by the settings at hand.
    pub(super) async fn draft_now(&self, order: &Order) -> Result<OrderDraft, SubmitError> {
        let error = |kind| SubmitError::new(&order.number, kind, false);
        let store = |failed| error(SubmitErrorKind::Store(failed));
        if self.source == Source::NotSetUp {
            let problems = vec![Problem::NotSetUp];
            return Err(error(SubmitErrorKind::Refused(OrderRefused {
                order: order.number.clone(),
                problems,
            })));
        }
        let menu = MenuLinks::load(&**self.merchant.store(), self.merchant.connection(), order)
            .await
            .map_err(store)?;
        let wanted = Select::Ids(vec![order.location.clone()]);
        let locations =
            self.merchant.store().locations(self.merchant.connection(), wanted).await.map_err(store)?;
        let place = Place::of(locations.first(), order, &self.settings);
        let built = build(order, &menu, &place, &self.settings);
        let unknown =
            self.unknown_payments(order).await.map_err(|failed| error(SubmitErrorKind::Pos(failed)))?;
        let refused = match built {
            Ok(draft) if unknown.is_empty() => return Ok(draft),
            Ok(_) => OrderRefused { order: order.number.clone(), problems: unknown },
            Err(mut refused) => {
                refused.problems.extend(unknown);
                refused
            }
        };
        // What the store has and cannot read is not what is missing: another process may read it.
        let unreadable =
            MenuLinks::unreadable(&**self.merchant.store(), self.merchant.connection(), order).await;
        if let Some(row) = unreadable.map_err(store)? {
            let action = format!("read {} {} ({})", row.kind, row.id, row.why);
            let failed = StoreError::new(StoreErrorKind::Corrupt, action);
            return Err(SubmitError::of_merchant(&order.number, failed, false));
        }
        Err(error(SubmitErrorKind::Refused(refused)))
    }

    /// Sends an order and returns what the POS calls it.
    ///
    /// `may_be_at_pos` says that an earlier attempt may have brought it there: it is looked for first. Repeating the call
    /// for an order that the POS has is harmless: what is there is compared and counts as sent. What is not there is sent
    /// again: after an error that [`may be at the POS`](SubmitError::may_be_at_pos) wait for three times
    /// [`OrderSettings::timeout_seconds`] before you repeat the call, as the POS may be at work on the first, and leave a
    /// [`SubmitErrorKind::Unclear`] to a person. An [`OutboxWorker`](super::OutboxWorker) does both by itself.
    ///
    /// # Errors
    /// [`SubmitError`], which says whether to try again and whether the POS may have the order.
    pub async fn submit(&self, order: &Order, may_be_at_pos: bool) -> Result<PosOrder, SubmitError> {
        self.send(order, Earlier { may_be_at_pos, ..Earlier::default() }).await
    }

    /// Sends a claimed order.
    pub(super) async fn forward(&self, entry: &OutboxEntry) -> Result<PosOrder, SubmitError> {
        let earlier = Earlier {
            may_be_at_pos: entry.may_be_at_pos,
            queued: entry.waiting_since.timestamp_millis(),
            refusals: entry.attempts,
            note: AttemptNote::read(entry.note.as_deref()),
            cut_off_at: entry.cut_off_at,
            waited_for_table: matches!(entry.waiting(), Some(Waiting::TableClaimed { .. })),
            claim: Some(entry.claim()),
        };
        self.send(&entry.order, earlier).await
    }

    async fn send(&self, order: &Order, earlier: Earlier) -> Result<PosOrder, SubmitError> {
        let may_be_at_pos = earlier.may_be_at_pos;
        let service = self.for_order(order).await.map_err(|error| error.or_earlier(may_be_at_pos))?;
        service.send_now(order, earlier).await
    }

    async fn send_now(&self, order: &Order, mut earlier: Earlier) -> Result<PosOrder, SubmitError> {
        let may_be_at_pos = earlier.may_be_at_pos;
        // What was refused since a call of which the answer is still to come was no refusal of that call.
        let key_of = earlier.key_of();
        if earlier.note.key_of != key_of {
            earlier.note.key_of = key_of;
            if let Some(claim) = &earlier.claim {
                let noted = self.merchant.store().note_attempt(claim, earlier.note.text()).await;
                let failed =
                    |failed| SubmitError::new(&order.number, SubmitErrorKind::Store(failed), may_be_at_pos);
                noted.map_err(failed)?;
            }
        }
        if let Some((_, refusals)) = key_of {
            earlier.refusals = refusals;
        }
        let draft = self.draft_now(order).await.map_err(|error| error.or_earlier(may_be_at_pos))?;
        let relation = self.relation(order, &draft).await.map_err(|error| error.or_earlier(may_be_at_pos))?;
        let note = earlier.note.clone();
        let mut attempt =
            Attempt { draft: &draft, relation, may_be_at_pos, earlier: &earlier, note, is_unanswered: false };
        // On the heap: each of these holds the POS's orders, its requests and its answers.
        let sending: BoxFuture<'_, _> = match (&draft.kind, self.settings.table_call) {
            (OrderKind::Pickup | OrderKind::Delivery { .. }, _) => Box::pin(self.create(&mut attempt)),
            (_, TableCall::PlaceTableOrder) => Box::pin(self.place(&mut attempt)),
            (OrderKind::DineInPayNow { .. }, TableCall::SaveTableOrder) => {
                Box::pin(self.create_and_pay_table_order(&mut attempt))
            }
            (OrderKind::DineInPayLater { table, .. }, TableCall::SaveTableOrder) => {
                Box::pin(self.save_table_order(&mut attempt, *table))
            }
        };
        let sent = sending.await;
        // Whether a POS that is still at work on a call knows its key already, or ever, nobody knows.
        if attempt.is_unanswered && sent.is_err() {
            let note = AttemptNote { sent: Some(self.now()), ..attempt.note.clone() };
            self.note(&mut attempt, note).await?;
        }
        if let (Err(error), Some(customer)) = (&sent, &order.customer)
            && matches!(error.kind(), SubmitErrorKind::Declined { .. })
        {
            // The customer's relation may be gone at the POS: the next attempt finds or creates another. What the POS
            // said stays the error, whatever comes of this.
            let _ = self.relations.is_still_there(customer).await;
        }
        sent
    }

    async fn relation(&self, order: &Order, draft: &OrderDraft) -> Result<RelationNumber, SubmitError> {
        let error = |kind| SubmitError::new(&order.number, kind, false);
        let no_relation = || {
            let problems = vec![Problem::NoRelation];
            error(SubmitErrorKind::Refused(OrderRefused { order: order.number.clone(), problems }))
        };
        let Some(customer) = &order.customer else { return draft.relation.ok_or_else(no_relation) };
        self.relations.relation_of(customer).await.or_else(|failed| {
            // An order must not wait for what will not come.
            let fallback = self.settings.fallback_relation.filter(|_| failed.stays());
            fallback.ok_or_else(|| error(SubmitErrorKind::Relation(failed)))
        })
    }

    /// Keeps what a later attempt has to know, before a call that may change something. The store is asked though nothing
    /// is new: a worker that stood still for longer than its claim must not go on.
    ///
    /// # Errors
    /// When the store fails, or another worker has the order: the call must not be made.
    pub(super) async fn note(&self, attempt: &mut Attempt<'_>, note: AttemptNote) -> Result<(), SubmitError> {
        if let Some(claim) = attempt.earlier.claim.as_ref() {
            let noted = self.merchant.store().note_attempt(claim, note.text()).await;
            noted.map_err(|failed| attempt.error(SubmitErrorKind::Store(failed)))?;
        }
        attempt.note = note;
        Ok(())
    }

    /// How long a call may take.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.timeout_seconds.max(1)))
    }

    /// The idempotency key of an attempt's call: the same until the POS has answered it.
    pub(super) fn key(&self, attempt: &Attempt<'_>, operation: &str, round: u32) -> String {
        super::identity::stable_uuid(&[
            "order",
            self.merchant.connection().as_str(),
            attempt.draft.number.as_str(),
            operation,
            &attempt.earlier.queued.to_string(),
            &attempt.earlier.refusals.to_string(),
            &round.to_string(),
        ])
    }
}
