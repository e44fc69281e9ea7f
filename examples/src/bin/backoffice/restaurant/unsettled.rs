//! What a restaurant has still to do with, of money above all: whoever removes the restaurant puts it out of reach.

use std::collections::BTreeSet;

use mplus_sync::model::{ConnectionId, OutboxStateKind};
use mplus_webhooks::MerchantId;
use mplus_webhooks::inbox::{EntryFilter, EntryState};
use mplus_webhooks::payment::{Payment, PaymentFilter, RefundState};
use rust_decimal::Decimal;

use crate::app::App;
use crate::restaurant::attention;
use crate::view::answer::Trouble;

/// Records that are read at once.
const CHUNK: usize = 500;

/// What is open of a restaurant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsettled {
    /// Payments that have not ended, were paid in vain, are being given back, or that a person has still to see to.
    pub(crate) payments: usize,
    /// Events of its till that are not worked off, dead letters among them.
    pub(crate) events: usize,
    /// Orders that are not at the till.
    pub(crate) orders: usize,
}

impl Unsettled {
    pub(crate) async fn of(app: &App, restaurant: &ConnectionId) -> Result<Self, Trouble> {
        Ok(Self {
            payments: payments(app, restaurant).await?,
            events: events(app, restaurant).await?,
            orders: orders(app, restaurant).await?,
        })
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self { payments: 0, events: 0, orders: 0 }
    }
}

/// Removes everything of a restaurant here. `Some`: that much is open, and nothing was removed; with `even_so` it is removed all the same.
pub(crate) async fn remove(
    app: &App,
    restaurant: &ConnectionId,
    even_so: bool,
) -> Result<Option<Unsettled>, Trouble> {
    let open = Unsettled::of(app, restaurant).await?;
    if !open.is_empty() {
        if !even_so {
            return Ok(Some(open));
        }
        tracing::warn!(%restaurant, ?open, "a restaurant is removed with what is open of it, as a person wants it");
    }
    app.restaurants.remove(restaurant).await?;
    app.subscriptions.remove(restaurant).await?;
    Ok(None)
}

async fn payments(app: &App, restaurant: &ConnectionId) -> Result<usize, Trouble> {
    let mut filter = PaymentFilter::default();
    filter.merchant = Some(MerchantId::new(restaurant.as_str()));
    filter.limit = CHUNK;
    let matters = attention::open(&app.records, restaurant.as_str(), CHUNK).await?;
    let of_payments = matters.into_iter().filter(|(_, matter)| !matter.sort.is_of_inbox());
    let mut open: BTreeSet<String> = of_payments.map(|(_, matter)| matter.about).collect();
    loop {
        let payments = app.inbox.list_payments(&filter).await?;
        open.extend(payments.iter().filter(|payment| is_unsettled(payment)).map(|one| one.key.id.clone()));
        match payments.last().filter(|_| payments.len() == CHUNK) {
            Some(last) => filter = filter.after(last),
            None => return Ok(open.len()),
        }
    }
}

fn is_unsettled(payment: &Payment) -> bool {
    let is_open = |state: RefundState| !matches!(state, RefundState::Succeeded | RefundState::Failed);
    !payment.state.is_terminal()
        // What was given back is settled.
        || payment.paid_in_vain() && payment.refundable() > Decimal::ZERO
        || payment.refunds.iter().any(|refund| is_open(refund.state))
}

async fn events(app: &App, restaurant: &ConnectionId) -> Result<usize, Trouble> {
    let mut filter = EntryFilter::default().of(MerchantId::new(restaurant.as_str()));
    filter.states = vec![EntryState::Received, EntryState::Working, EntryState::Retrying, EntryState::Dead];
    filter.limit = CHUNK;
    let mut count = 0;
    loop {
        let entries = app.inbox.list_entries(&filter).await?;
        count += entries.len();
        match entries.last().filter(|_| entries.len() == CHUNK) {
            Some(last) => filter = filter.after(last),
            None => return Ok(count),
        }
    }
}

async fn orders(app: &App, restaurant: &ConnectionId) -> Result<usize, Trouble> {
    let open = [
        OutboxStateKind::Waiting,
        OutboxStateKind::Sending,
        OutboxStateKind::NeedsAttention,
        OutboxStateKind::Rejected,
    ];
    let counts = app.restaurants.store().counts(restaurant).await?;
    let count: u64 = open.iter().filter_map(|kind| counts.get(kind)).sum();
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A payment of 12.50 that a till gave up and the customer paid all the same, with refunds of these amounts and states.
    fn in_vain(refunds: &[(&str, &str)]) -> Payment {
        let at = "2026-01-05T12:00:00Z";
        let refund = |(number, (amount, state)): (usize, &(&str, &str))| json!({ "id": format!("r-{number}"), "amount": amount, "state": state, "requested_at": at });
        let payment = json!({
            "key": { "merchant": "cafe", "id": "p-1" }, "origin": "till", "amount": "12.50", "method": "K_CARD",
            "branch_number": 1, "workplace_number": 2, "provider": "stripe", "account": "", "state": "cancelled",
            "creation": "known", "captured": "12.50", "given_up": true,
            "refunds": refunds.iter().enumerate().map(refund).collect::<Vec<_>>(),
            "started_at": at, "expires_at": at, "refresh_at": at, "version": 3,
        });
        serde_json::from_value(payment).unwrap()
    }

    #[test]
    fn what_was_paid_in_vain_is_open_until_all_of_it_was_given_back() {
        let open: [&[(&str, &str)]; 4] = [
            &[],
            &[("12.50", "failed")],
            &[("10.00", "succeeded")],
            &[("10.00", "succeeded"), ("2.50", "pending")],
        ];
        for refunds in open {
            assert!(is_unsettled(&in_vain(refunds)), "{refunds:?}");
        }
        assert!(!is_unsettled(&in_vain(&[("10.00", "succeeded"), ("2.50", "succeeded")])));
    }
}
