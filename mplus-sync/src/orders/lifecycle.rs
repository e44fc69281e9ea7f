//! What a person does with a queued order: takes it back, corrects it, cancels it, has it sent again, has it forgotten.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use mplus_qapi::orders::{CancelOrder, CancelOrderRequest, CancelOrderV2, CancelOrderV2Request};
use mplus_qapi::types::{
    CancelOrderResult, EmployeeIdentifier, Order as PosSideOrder, OrderCancelState, WorkplaceIdentifier,
};
use rust_decimal::Decimal;

use crate::model::{BranchNumber, Order, OrderNumber, OutboxEntry, OutboxState, OutboxStateKind};
use crate::store::{Select, StoreError};
use crate::text::kept;

use super::compare::difference;
use super::find::is_numbered;
use super::note::{AttemptNote, articles};
use super::{OrderService, Place, QueueError};

/// An order was not cancelled at the POS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CancelError {
    /// There is no such order in the outbox.
    #[error("there is no order {0}")]
    Unknown(OrderNumber),
    /// It never was at the POS, or is on its way: withdraw it, or wait for its end.
    #[error("order {0} is not at MplusKASSA: withdraw it instead")]
    NotAtPos(OrderNumber),
    /// It is a part of a table's order, with what others ordered: a waiter takes its lines off.
    #[error("order {0} is a part of the order of its table; take its lines off at the till")]
    AtTable(OrderNumber),
    /// The order that the POS has with this number is another one, or cannot be compared: nothing was cancelled.
    #[error(
        "the order that MplusKASSA has with number {order} is another one, and was not cancelled: {difference}"
    )]
    AnotherOrder {
        /// Which number.
        order: OrderNumber,
        /// What differs.
        difference: String,
    },
    /// The POS said no.
    #[error("MplusKASSA did not cancel order {order}: {reason}")]
    Declined {
        /// Which order.
        order: OrderNumber,
        /// What the POS said.
        reason: String,
    },
    /// A call to the POS failed. Calling again is safe: what became of it is looked up first.
    #[error(transparent)]
    Pos(#[from] mplus_qapi::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How long orders are kept after their end, by how they ended. With an order goes everything personal that it holds, and
/// its notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    days: Vec<(OutboxStateKind, u32)>,
}

impl Retention {
    /// Every ended order is kept for so many days, whichever its end. Orders that still wait stay.
    pub fn days(days: u32) -> Self {
        let ended = OutboxStateKind::ALL.into_iter().filter(|kind| !kind.is_open());
        Self { days: ended.map(|kind| (kind, days)).collect() }
    }

    /// The same with another time for orders that ended so. For those that still wait it changes nothing.
    #[must_use]
    pub fn with(mut self, ended: OutboxStateKind, days: u32) -> Self {
        self.days.iter_mut().filter(|(kind, _)| *kind == ended).for_each(|(_, kept)| *kept = days);
        self
    }
}

impl OrderService {
    /// Takes an order back that is not at the POS. Repeating it changes nothing.
    ///
    /// # Errors
    /// A conflict while it is being sent, and when the POS has it or may have it: [`cancel`](Self::cancel) it then. One that needs
    /// attention is withdrawn all the same: look at the POS first, which may have it.
    pub async fn withdraw(&self, number: &OrderNumber, reason: &str) -> Result<(), StoreError> {
        let now = self.merchant.runtime().now();
        self.merchant.store().withdraw(self.connection(), number, reason, now).await
    }

    /// Puts a corrected order in the place of the one with its number, and queues it again.
    ///
    /// # Errors
    /// [`QueueError::Refused`] as for [`enqueue`](Self::enqueue); [`QueueError::Store`] with a conflict while it is being
    /// sent, and when the POS has it or may have it.
    pub async fn replace(&self, order: &Order) -> Result<(), QueueError> {
        self.skips(order)?;
        let now = self.merchant.runtime().now();
        Ok(self.merchant.store().replace(self.connection(), order, now).await?)
    }

    /// Sends an order again after a person put right what was wrong: with all its attempts, and looked for at the POS first
    /// when it may be there.
    ///
    /// # Errors
    /// A conflict unless it was rejected or withdrawn, or needs attention.
    pub async fn requeue(&self, number: &OrderNumber) -> Result<(), StoreError> {
        let now = self.merchant.runtime().now();
        self.merchant.store().requeue(self.connection(), number, now).await
    }

    /// Sends all orders of the connection again that are in this state, or without one all that wait for a person; counts
    /// them.
    ///
    /// # Errors
    /// A conflict for a state of which none is sent again.
    pub async fn requeue_all(&self, state: Option<OutboxStateKind>) -> Result<u64, StoreError> {
        let now = self.merchant.runtime().now();
        self.merchant.store().requeue_all(self.connection(), state, now).await
    }

    /// Forgets orders that ended long enough ago; counts them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune(&self, retention: &Retention) -> Result<u64, StoreError> {
        let now = self.merchant.runtime().now();
        let older: Vec<_> = retention
            .days
            .iter()
            .map(|(kind, days)| (*kind, now - TimeDelta::days(i64::from(*days))))
            .collect();
        self.merchant.store().prune_orders(self.connection(), &older).await
    }

    /// Cancels an order at the POS. Repeating it is safe: an order that is cancelled there already stays so.
    ///
    /// What was paid for it is not given back by this.
    ///
    /// # Errors
    /// [`CancelError`]; what cannot be cancelled is as it was.
    pub async fn cancel(&self, number: &OrderNumber, reason: &str) -> Result<(), CancelError> {
        let entry = self.merchant.store().entry(self.connection(), number).await?;
        let entry = entry.ok_or_else(|| CancelError::Unknown(number.clone()))?;
        match entry.state {
            OutboxState::Cancelled { .. } => return Ok(()),
            OutboxState::Accepted { .. } => {}
            OutboxState::NeedsAttention { .. } if entry.may_be_at_pos => {}
            _ => return Err(CancelError::NotAtPos(number.clone())),
        }
        let service = self.up_to_date().await?;
        let found = service.at_pos(&entry).await?.ok_or_else(|| CancelError::NotAtPos(number.clone()))?;
        if !is_numbered(&found, number) {
            return Err(CancelError::AtTable(number.clone()));
        }
        if entry.order.table().is_some() && service.holds_more(&found, &entry.order).await {
            return Err(CancelError::AtTable(number.clone()));
        }
        if !is_cancelled(&found) {
            if let Some(difference) = service.other_than(&entry, &found).await {
                return Err(CancelError::AnotherOrder { order: number.clone(), difference });
            }
            service.cancel_at_pos(&entry, &found.order_id).await?;
        }
        let now = self.merchant.runtime().now();
        Ok(self.merchant.store().mark_cancelled(self.connection(), number, reason, now).await?)
    }

    /// What tells the order at the POS from this one. One that the POS never said yes to may be somebody else's with the same number.
    async fn other_than(&self, entry: &OutboxEntry, found: &PosSideOrder) -> Option<String> {
        if matches!(entry.state, OutboxState::Accepted { .. }) {
            return None;
        }
        match self.draft_now(&entry.order).await {
            Ok(mut draft) => {
                // It is of the branch in which it was sent: the location may be given another one since.
                let sent_in = AttemptNote::read(entry.note.as_deref()).branch;
                draft.branch = sent_in.map_or(draft.branch, BranchNumber::new);
                difference(&draft, found, None)
            }
            Err(error) => Some(format!("it cannot be compared: {error}")),
        }
    }

    /// Whether the table's order holds more than this one, or as much as can be told.
    async fn holds_more(&self, found: &PosSideOrder, order: &Order) -> bool {
        let Ok(draft) = self.draft_now(order).await else { return true };
        let sum = |articles: BTreeMap<i64, Decimal>| articles.into_values().sum::<Decimal>();
        sum(articles(&found.line_list)) > sum(draft.articles())
    }

    /// The order as the POS has it.
    async fn at_pos(&self, entry: &OutboxEntry) -> Result<Option<PosSideOrder>, mplus_qapi::Error> {
        if let OutboxState::Accepted { pos } = &entry.state
            && let Some(order_id) = &pos.order_id
            && let Some(found) = self.get(order_id).await?
        {
            return Ok(Some(found));
        }
        self.find(&entry.order.number, entry.order.placed_at, entry.order.lane().is_some()).await
    }

    /// Cancels an order that is not cancelled. The call is no repeatable one: on a cancelled order it undoes the cancelling.
    async fn cancel_at_pos(&self, entry: &OutboxEntry, order_id: &str) -> Result<(), CancelError> {
        let (result, message) = match self.call_cancel(entry, order_id).await {
            Ok(answer) => answer,
            Err(error) if error.may_have_been_processed() => {
                let found = self.get(order_id).await?;
                return if found.is_some_and(|found| is_cancelled(&found)) {
                    Ok(())
                } else {
                    Err(error.into())
                };
            }
            Err(error) => return Err(error.into()),
        };
        match result {
            CancelOrderResult::Ok | CancelOrderResult::Pending | CancelOrderResult::AlreadyCancelled => {
                Ok(())
            }
            // Somebody cancelled it in this moment, and this call has undone it: once more.
            CancelOrderResult::UndoCancelOk => match self.call_cancel(entry, order_id).await? {
                (CancelOrderResult::Ok | CancelOrderResult::Pending, _) => Ok(()),
                (result, message) => Err(declined(entry, &result, &message)),
            },
            result => {
                let found = self.get(order_id).await?;
                if found.is_some_and(|found| is_cancelled(&found)) {
                    return Ok(());
                }
                Err(declined(entry, &result, &message))
            }
        }
    }

    async fn call_cancel(
        &self,
        entry: &OutboxEntry,
        order_id: &str,
    ) -> Result<(CancelOrderResult, String), mplus_qapi::Error> {
        let wanted = Select::Ids(vec![entry.order.location.clone()]);
        // Without the location the POS is told what the settings say.
        let locations = self.merchant.store().locations(self.connection(), wanted).await.unwrap_or_default();
        let place = Place::of(locations.first(), &entry.order, &self.settings);
        let branch = place.branch.map(|branch| branch.get());
        let request = CancelOrderV2Request {
            workplace: WorkplaceIdentifier {
                branch_number: branch.unwrap_or_default(),
                workplace_number: place.workplace.unwrap_or_default(),
            },
            employee: EmployeeIdentifier { employee_number: place.employee },
            order_id: order_id.to_owned(),
        };
        if let Some(answer) = self.lacking.call(CancelOrderV2::from(request), Some(self.timeout())).await? {
            return Ok((answer.result, answer.message));
        }
        let request = Some(CancelOrderRequest { branch_number: branch });
        let older = CancelOrder { order_id: order_id.to_owned(), request };
        let answer = self.merchant.client().call(older).timeout(self.timeout()).await?;
        Ok((answer.result, answer.message))
    }
}

fn is_cancelled(order: &PosSideOrder) -> bool {
    order.cancel_state == Some(OrderCancelState::Complete)
}

fn declined(entry: &OutboxEntry, result: &CancelOrderResult, message: &str) -> CancelError {
    let reason = if message.trim().is_empty() { kept(result.as_str()) } else { kept(message) };
    CancelError::Declined { order: entry.order.number.clone(), reason }
}
