//! What hosts are told of.

use async_trait::async_trait;
use mplus_sync::model::OrderNotice;
use mplus_sync::orders::{ObserverError, OrderObserver};
use mplus_sync::report::RunReport;
use mplus_webhooks::payment::{PaymentNotice, RefundState};
use serde_json::json;

use super::Callbacks;
use crate::api::{PaymentNews, order_outcome};
use crate::records::RecordsError;
use crate::sales::{Sale, SaleStatus};

impl Callbacks {
    /// `sale.completed`, `sale.cancelled`, `sale.credited`.
    pub(crate) async fn sale(&self, restaurant: &str, sale: &Sale) -> Result<(), RecordsError> {
        let event = match sale.status {
            SaleStatus::Completed => "sale.completed",
            SaleStatus::Cancelled => "sale.cancelled",
            SaleStatus::Credit => "sale.credited",
        };
        self.tell(&format!("{event}-{}", sale.number), event, restaurant, &json!(sale)).await
    }

    /// `payment.changed`, `payment.refunded`, `payment.refund_pending`, `payment.refund_failed`, `payment.needs_attention`.
    pub(crate) async fn payment(&self, notice: &PaymentNotice) -> Result<(), RecordsError> {
        let key = &notice.payment().key;
        let id = format!("payment-{}-{}", key.id, notice.number());
        let news = json!(PaymentNews::of(notice));
        self.tell(&id, payment_event(notice), key.merchant.as_str(), &news).await
    }

    /// `menu.changed` and `stock.changed`, after a run that changed something here.
    pub(crate) async fn run(&self, report: &RunReport) {
        let changed: u64 = report.counts.values().map(|counts| counts.pulled + counts.deactivated).sum();
        if report.dry_run || changed == 0 {
            return;
        }
        let event = if report.sync == "stock" { "stock.changed" } else { "menu.changed" };
        let id = format!("{}-{}-{}", report.sync, report.connection, report.started_at.timestamp_micros());
        let data = json!({ "records": changed, "outcome": report.outcome });
        self.tell_or_log(&id, event, report.connection.as_str(), data).await;
    }
}

/// What a notice is called: that a refund came to its end says nothing yet about whether money was given back.
fn payment_event(notice: &PaymentNotice) -> &'static str {
    match notice {
        PaymentNotice::Changed(_) => "payment.changed",
        PaymentNotice::Refunded { refund, .. } => match refund.state {
            RefundState::Succeeded => "payment.refunded",
            RefundState::Failed => "payment.refund_failed",
            _ => "payment.refund_pending",
        },
        _ => "payment.needs_attention",
    }
}

/// `order.accepted`, `order.rejected` and so on: told at least once.
#[async_trait]
impl OrderObserver for Callbacks {
    async fn told(&self, notice: &OrderNotice) -> Result<(), ObserverError> {
        let (reason, pos_order_id) = order_outcome(&notice.state);
        let state = notice.state.kind().as_str();
        let data =
            json!({ "number": notice.order, "state": state, "reason": reason, "pos_order_id": pos_order_id });
        let (id, event) = (format!("order-{}", notice.sequence), format!("order.{state}"));
        let told = self.tell(&id, &event, notice.connection.as_str(), &data).await;
        told.map_err(|error| ObserverError { message: error.to_string() })
    }
}
