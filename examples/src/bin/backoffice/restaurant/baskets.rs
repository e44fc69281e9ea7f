//! What guests chose at the kiosk and pay for: each becomes an order when its payment is confirmed.

use std::sync::Arc;

use mplus_sync::model::{ConnectionId, Order, Payment, PaymentMethod};
use mplus_sync::runtime::Runtime;
use mplus_sync::store::Store;
use mplus_webhooks::payment::{PaymentNotice, PaymentState};
use serde::{Deserialize, Serialize};

use crate::records::{Record, Records, RecordsError};

const KIND: &str = "basket";

/// The baskets of all restaurants.
#[derive(Clone)]
pub(crate) struct Baskets {
    records: Records,
    store: Arc<dyn Store>,
    runtime: Arc<dyn Runtime>,
}

/// An order that is placed once it is paid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Basket {
    pub(crate) order: Order,
    /// How the till books the payment.
    pub(crate) method: PaymentMethod,
}

impl Baskets {
    pub(crate) fn new(records: Records, store: Arc<dyn Store>, runtime: Arc<dyn Runtime>) -> Self {
        Self { records, store, runtime }
    }

    /// Keeps a basket until its payment ends.
    pub(crate) async fn keep(
        &self,
        restaurant: &ConnectionId,
        payment: &str,
        basket: &Basket,
    ) -> Result<(), RecordsError> {
        let record = Record::new(KIND, place(restaurant.as_str(), payment)).of(restaurant.as_str());
        self.records.put(&record.with(basket)?).await
    }

    pub(crate) async fn of_payment(
        &self,
        restaurant: &str,
        payment: &str,
    ) -> Result<Option<Basket>, RecordsError> {
        let found = self.records.get(KIND, &place(restaurant, payment)).await?;
        found.map(|record| record.read()).transpose()
    }

    /// Places the order of a payment that was confirmed. A notice may come again: the same order is queued once.
    pub(crate) async fn told(&self, notice: &PaymentNotice) {
        let PaymentNotice::Changed(payment) = notice else { return };
        if payment.state != PaymentState::Confirmed {
            return;
        }
        let restaurant = payment.key.merchant.as_str();
        let placed = async {
            let basket =
                self.of_payment(restaurant, &payment.key.id).await.map_err(|error| error.to_string())?;
            let Some(Basket { mut order, method }) = basket else { return Ok(()) };
            let amount = payment.final_amount.unwrap_or(payment.amount);
            order.payments = vec![Payment { method, amount, reference: Some(payment.key.id.clone()) }];
            let queued =
                self.store.enqueue(&ConnectionId::from(restaurant), &order, self.runtime.now()).await;
            queued.map(drop).map_err(|error| error.to_string())
        };
        if let Err(error) = placed.await {
            // The pay page places it, too, when the guest looks.
            tracing::error!(restaurant, payment = %payment.key.id, error, "a paid order could not be placed");
        }
    }
}

fn place(restaurant: &str, payment: &str) -> String {
    format!("{restaurant}/{payment}")
}
