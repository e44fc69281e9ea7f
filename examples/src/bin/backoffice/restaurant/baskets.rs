//! What guests chose at the kiosk and pay for: each becomes an order when its payment is confirmed.

use std::sync::Arc;

use chrono::TimeDelta;
use mplus_sync::model::{ConnectionId, Order, OrderNumber, Payment, PaymentMethod};
use mplus_sync::runtime::Runtime;
use mplus_sync::store::{Store, StoreErrorKind};
use mplus_webhooks::MerchantId;
use mplus_webhooks::payment::{ExternalPayments, PaymentKey, PaymentNotice, PaymentState};
use serde::{Deserialize, Serialize};

use super::attention::{self, Matter, Sort};
use crate::records::{Record, Records, RecordsError};

const KIND: &str = "basket";
/// How long a basket rests between two looks.
const LOOK: TimeDelta = TimeDelta::minutes(1);
/// Baskets of one look.
const AT_ONCE: usize = 100;

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
        self.records.put(&record.about(payment).at(self.now_millis()).with(basket)?).await
    }

    pub(crate) async fn of_payment(
        &self,
        restaurant: &str,
        payment: &str,
    ) -> Result<Option<Basket>, RecordsError> {
        let found = self.records.get(KIND, &place(restaurant, payment)).await?;
        found.map(|record| record.read()).transpose()
    }

    /// Places the order of a payment that was confirmed, once however often it is told. What no repeat mends becomes a matter for a
    /// person.
    ///
    /// # Errors
    /// The database does not do it now: nothing is lost when it is told again.
    pub(crate) async fn told(&self, notice: &PaymentNotice) -> Result<Placing, NotNow> {
        match notice {
            PaymentNotice::Changed(payment) if payment.state == PaymentState::Confirmed => {
                self.settle(payment).await
            }
            _ => Ok(Placing::Nothing),
        }
    }

    async fn settle(&self, payment: &mplus_webhooks::payment::Payment) -> Result<Placing, NotNow> {
        let (restaurant, id) = (payment.key.merchant.as_str(), payment.key.id.as_str());
        let Some(record) = self.records.get(KIND, &place(restaurant, id)).await? else {
            return Ok(Placing::Nothing);
        };
        let placing = match record.read::<Basket>() {
            Ok(basket) => self.place(payment, basket).await?,
            Err(error) => Placing::Refused(error.to_string()),
        };
        if let Placing::Refused(why) = &placing {
            let matter = Matter {
                sort: Sort::PaidNotOrdered,
                about: id.to_owned(),
                why: Some(why.clone()),
                at: self.runtime.now(),
            };
            attention::keep(&self.records, restaurant, "", &matter).await?;
        }
        self.settled(record).await?;
        Ok(placing)
    }

    async fn place(
        &self,
        payment: &mplus_webhooks::payment::Payment,
        basket: Basket,
    ) -> Result<Placing, NotNow> {
        let Basket { mut order, method } = basket;
        let amount = payment.final_amount.unwrap_or(payment.amount);
        order.payments = vec![Payment { method, amount, reference: Some(payment.key.id.clone()) }];
        let restaurant = ConnectionId::from(payment.key.merchant.as_str());
        match self.store.enqueue(&restaurant, &order, self.runtime.now()).await {
            Ok(_) => Ok(Placing::Placed(order.number)),
            Err(error) if is_final(error.kind()) => Ok(Placing::Refused(error.to_string())),
            Err(error) => Err(NotNow(error.to_string())),
        }
    }

    /// Nobody has to look at this basket any more.
    async fn settled(&self, record: Record) -> Result<(), RecordsError> {
        // Somebody else who settled it meanwhile did the same.
        self.records.replace(&record.at(i64::MAX)).await.map(drop)
    }

    /// Looks once more at baskets whose payment should have ended: whoever was to be told of it may have been away.
    ///
    /// # Errors
    /// The database does not do it now.
    pub(crate) async fn look_again(&self, payments: &ExternalPayments) -> Result<(), NotNow> {
        let (now, look) = (self.now_millis(), LOOK.num_milliseconds());
        for record in self.records.due(KIND, now.saturating_sub(look), AT_ONCE).await? {
            let key = PaymentKey::new(MerchantId::new(&record.owner), &record.subject);
            let failed = |error: mplus_webhooks::StoreError| NotNow(error.to_string());
            match payments.payment(&key).await.map_err(failed)? {
                Some(payment) if payment.state == PaymentState::Confirmed => {
                    self.settle(&payment).await?;
                }
                Some(payment) if payment.state.is_terminal() => self.settled(record).await?,
                // It waits, or was not started yet.
                _ => {
                    self.records.replace(&record.at(now)).await?;
                }
            }
        }
        Ok(())
    }

    fn now_millis(&self) -> i64 {
        self.runtime.now().timestamp_millis()
    }
}

/// What became of a basket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Placing {
    /// There is no basket, or it is not paid.
    Nothing,
    /// This order was placed, now or before.
    Placed(OrderNumber),
    /// It was paid and cannot be placed; why. A person was given it.
    Refused(String),
}

/// The database could not be used. The same again may work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotNow(String);

impl From<RecordsError> for NotNow {
    fn from(error: RecordsError) -> Self {
        Self(error.to_string())
    }
}

/// Whether the store would refuse the same again.
fn is_final(kind: StoreErrorKind) -> bool {
    use StoreErrorKind as Kind;
    matches!(kind, Kind::Conflict | Kind::Invalid | Kind::NotFound | Kind::Corrupt)
}

fn place(restaurant: &str, payment: &str) -> String {
    format!("{restaurant}/{payment}")
}
