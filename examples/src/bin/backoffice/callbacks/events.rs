//! What hosts are told of.

use async_trait::async_trait;
use mplus_sync::model::OrderNotice;
use mplus_sync::orders::{ObserverError, OrderObserver};
use mplus_sync::report::RunReport;
use mplus_webhooks::payment::PaymentNotice;
use serde_json::json;

use super::Callbacks;
use crate::api::{order_outcome, payment_status};
use crate::records::RecordsError;
use crate::webhooks::{Sale, SaleStatus};

impl Callbacks {
    /// `sale.completed`, `sale.cancelled`, `sale.refunded`.
    pub(crate) async fn sale(&self, id: &str, restaurant: &str, sale: &Sale) -> Result<(), RecordsError> {
        let event = match sale.status {
            SaleStatus::Completed => "sale.completed",
            SaleStatus::Cancelled => "sale.cancelled",
            SaleStatus::Refunded => "sale.refunded",
        };
        self.tell(&format!("sale-{id}"), event, restaurant, &json!(sale)).await
    }

    /// `payment.changed`, `payment.refunded`, `payment.needs_attention`.
    pub(crate) async fn payment(&self, notice: &PaymentNotice) {
        let payment = notice.payment();
        let event = match notice {
            PaymentNotice::Changed(_) => "payment.changed",
            PaymentNotice::Refunded { .. } => "payment.refunded",
            _ => "payment.needs_attention",
        };
        let id = format!("payment-{}-{}", payment.key.id, notice.number());
        self.tell_or_log(&id, event, payment.key.merchant.as_str(), json!(payment_status(payment))).await;
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
