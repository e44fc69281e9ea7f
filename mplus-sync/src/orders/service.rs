//! Sends one order, once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mplus_qapi::payments::GetPaymentMethodsRequest;
use mplus_qapi::types::Terminal;
use rust_decimal::Decimal;

use crate::merchant::Merchant;
use crate::model::{ConnectionId, Environment, Order, OrderKind, OrderNumber, PosOrder, RelationNumber};
use crate::relations::{RelationError, RelationService};
use crate::store::{Enqueued, Select, StoreError};

use super::{
    CreateCall, MenuLinks, OrderDraft, OrderRefused, OrderSettings, Place, Problem, SubmitError,
    SubmitErrorKind, TableCall, build,
};

/// How long the POS's list of payment methods is trusted.
const METHODS_FOR: TimeDelta = TimeDelta::hours(1);

/// Forwards the orders of one connection to the POS.
///
/// Usable alone with [`submit`](Self::submit); a host that wants every paid order to arrive queues them with
/// [`enqueue`](Self::enqueue) and lets an [`OutboxWorker`](super::OutboxWorker) call it.
pub struct OrderService {
    pub(super) merchant: Merchant,
    pub(super) settings: OrderSettings,
    relations: RelationService,
    methods: Mutex<Option<PaymentMethods>>,
    /// Terminals that this process has registered, by branch and number.
    pub(super) terminals: Mutex<BTreeMap<(i32, i32), Terminal>>,
    /// The service was seen not to know `createOrderV3`.
    pub(super) without_v3: AtomicBool,
}

impl fmt::Debug for OrderService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderService").field("merchant", &self.merchant).finish_non_exhaustive()
    }
}

/// The codes of the POS's active payment methods.
#[derive(Clone)]
struct PaymentMethods {
    codes: Arc<BTreeSet<String>>,
    read_at: DateTime<Utc>,
}

/// What became of an order that the host wanted to queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// It waits to be sent.
    New,
    /// The very same order was queued before; nothing changed.
    Known,
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
pub(super) struct Attempt<'a> {
    pub(super) draft: &'a OrderDraft,
    pub(super) relation: RelationNumber,
    pub(super) may_be_at_pos: bool,
}

impl Attempt<'_> {
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
        self.error(SubmitErrorKind::Pos(error))
    }

    /// Nothing when an order at the POS is the draft; an error when it is another one.
    pub(super) fn check_same(&self, found: &mplus_qapi::types::Order) -> Result<(), SubmitError> {
        match super::compare::difference(self.draft, found) {
            Some(difference) => Err(self.error(SubmitErrorKind::NumberTaken { difference })),
            None => Ok(()),
        }
    }

    /// The POS has the order, but not all of its payments.
    pub(super) fn underpaid(&self, booked: Decimal) -> SubmitError {
        let difference = format!("{booked} euros are booked on it instead of {}", self.draft.paid());
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
        let reason = message.unwrap_or(result).to_owned();
        self.error(SubmitErrorKind::Declined { operation, reason })
    }
}

impl OrderService {
    /// The service of this merchant.
    pub fn new(merchant: &Merchant, settings: OrderSettings) -> Self {
        Self {
            merchant: merchant.clone(),
            settings,
            relations: RelationService::new(merchant),
            methods: Mutex::new(None),
            terminals: Mutex::new(BTreeMap::new()),
            without_v3: AtomicBool::new(false),
        }
    }

    /// Whose orders these are.
    pub fn connection(&self) -> &ConnectionId {
        self.merchant.connection()
    }

    /// Queues an order, to be sent by the next worker.
    ///
    /// A host that keeps its orders in the same database queues them in its own transaction instead (`enqueue_in` of the
    /// store in use).
    ///
    /// # Errors
    /// [`QueueError::Refused`] when the order asks to be kept from the POS though real guests are served;
    /// [`QueueError::Store`] with a conflict when there is another order with this number.
    pub async fn enqueue(&self, order: &Order) -> Result<Queued, QueueError> {
        if self.skips(order)? {
            return Ok(Queued::Skipped);
        }
        let queued = self
            .merchant
            .store()
            .enqueue(self.merchant.connection(), order, self.merchant.runtime().now())
            .await?;
        Ok(match queued {
            Enqueued::New => Queued::New,
            Enqueued::Known => Queued::Known,
        })
    }

    /// Whether the order is to be kept from the POS and may be.
    pub(super) fn skips(&self, order: &Order) -> Result<bool, OrderRefused> {
        if order.skip_order_sync && self.settings.environment != Environment::Test {
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
        let error = |kind| SubmitError::new(&order.number, kind, false);
        let store = |failed| error(SubmitErrorKind::Store(failed));
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
        Err(error(SubmitErrorKind::Refused(refused)))
    }

    /// Sends an order and returns what the POS calls it.
    ///
    /// `may_be_at_pos` says that an earlier attempt may have brought it there: it is looked for first. Repeating the call
    /// for an order that the POS has is harmless: what is there is compared and counts as sent.
    ///
    /// # Errors
    /// [`SubmitError`], which says whether to try again and whether the POS may have the order.
    pub async fn submit(&self, order: &Order, may_be_at_pos: bool) -> Result<PosOrder, SubmitError> {
        let draft = self.draft(order).await.map_err(|error| error.or_earlier(may_be_at_pos))?;
        let relation = self.relation(order, &draft).await.map_err(|error| error.or_earlier(may_be_at_pos))?;
        let mut attempt = Attempt { draft: &draft, relation, may_be_at_pos };
        let sent = match (&draft.kind, self.settings.table_call) {
            (OrderKind::Pickup | OrderKind::Delivery { .. }, _) => self.create(&mut attempt).await,
            (_, TableCall::PlaceTableOrder) => self.place_table_order(&mut attempt).await,
            (OrderKind::DineInPayNow { .. }, TableCall::SaveTableOrder) => {
                self.create_and_pay_table_order(&mut attempt).await
            }
            (OrderKind::DineInPayLater { table, .. }, TableCall::SaveTableOrder) => {
                self.save_table_order(&mut attempt, *table).await
            }
        };
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
        match self.relations.relation_of(customer).await {
            Ok(relation) => Ok(relation),
            Err(refused @ RelationError::Refused { .. }) => {
                self.settings.fallback_relation.ok_or_else(|| error(SubmitErrorKind::Relation(refused)))
            }
            Err(failed) => Err(error(SubmitErrorKind::Relation(failed))),
        }
    }

    /// Payment methods whose codes the POS does not have.
    async fn unknown_payments(&self, order: &Order) -> Result<Vec<Problem>, mplus_qapi::Error> {
        let mapped: Vec<_> = order
            .payments
            .iter()
            .filter_map(|payment| Some((&payment.method, self.settings.payment_code(&payment.method)?)))
            .collect();
        if mapped.is_empty() {
            return Ok(Vec::new());
        }
        let mut codes = self.payment_codes(false).await?;
        if mapped.iter().any(|(_, code)| !codes.contains(*code)) {
            // It may have been added since the list was read.
            codes = self.payment_codes(true).await?;
        }
        let unknown = mapped.into_iter().filter(|(_, code)| !codes.contains(*code));
        Ok(unknown
            .map(|(method, code)| Problem::PaymentUnknown { method: method.clone(), code: code.to_owned() })
            .collect())
    }

    /// The codes of the POS's active payment methods.
    async fn payment_codes(&self, anew: bool) -> Result<Arc<BTreeSet<String>>, mplus_qapi::Error> {
        let now = self.merchant.runtime().now();
        let known = self.methods.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| !anew && now - known.read_at < METHODS_FOR) {
            return Ok(known.codes);
        }
        let response = self
            .merchant
            .client()
            .get_payment_methods_v2(GetPaymentMethodsRequest::default())
            .timeout(self.timeout())
            .await?;
        let active = response.payment_method_list.into_iter().filter(|method| method.active != Some(false));
        let codes: Arc<BTreeSet<String>> = Arc::new(active.map(|method| method.method).collect());
        *self.methods.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(PaymentMethods { codes: codes.clone(), read_at: now });
        Ok(codes)
    }

    /// How long a call may take.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.timeout_seconds.max(1)))
    }

    /// Whether to create orders with `createOrderV3`.
    pub(super) fn knows_v3(&self) -> bool {
        match self.settings.create_call {
            CreateCall::CreateOrderV3 => true,
            CreateCall::CreateOrder => false,
            CreateCall::Detect => !self.without_v3.load(Ordering::Relaxed),
        }
    }

    pub(super) fn key(&self, number: &OrderNumber, operation: &str, round: u32) -> String {
        super::build::stable_uuid(&[
            "order",
            self.merchant.connection().as_str(),
            number.as_str(),
            operation,
            &round.to_string(),
        ])
    }
}
