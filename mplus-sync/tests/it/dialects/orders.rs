//! The orders of a walk: of every kind, refused, shared, raced and under changed settings.

use std::sync::Arc;
use std::time::Duration;

use mplus_qapi::testkit::Pos;
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::model::{
    ArticleNumber, ChosenItem, Combo, Order, OrderKind, OrderLine, Payment, PaymentMethod, PostalAddress,
    RelationNumber, Sold, TableRef, Tracked,
};
use mplus_sync::orders::{
    CreateCall, LocationSettings, OrderService, OrderSettings, OutboxWorker, TableCall,
};
use mplus_sync::store::{CatalogChunk, CatalogStore as _};

use super::oracle::{ArticlePrice, Expected, article_price, compare_order};
use super::walk::Walk;
use super::world::World;

/// The table that a waiter opens between the reading and the saving of an order for it, and how many are served there.
const RACED: i32 = 9;
pub(super) const SERVED: i64 = 40;
/// A combo that the host links by hand, and the order that sells it.
const COMBO: &str = "combo";
/// The payment method that the POS refuses at first.
const REFUSED: &str = "CADEAUBON";
/// How many orders a walk sends.
pub(super) const ORDERS: usize = 10;

impl Walk {
    /// Queues them, and has them sent until each has ended.
    pub(super) async fn orders(&mut self, integration: &Integration) {
        let pos = self.world.pos.clone();
        self.pass_until(5);
        let held = self.world.held().await;
        let Some(location) = held
            .locations
            .iter()
            .find(|held| held.external_ids.mpluskassa.is_some_and(|number| number.get() == 1))
        else {
            return self.differ("orders/no-location", "branch 1 is no location");
        };
        let location = location.record.id.clone();
        let settings = OrderSettings::new(999_999)
            .with_fallback_relation(RelationNumber::new(1))
            .with_payment_method(PaymentMethod::Ideal, "IDEAL")
            .with_payment_method(PaymentMethod::GiftCard, REFUSED)
            .with_location(location.clone(), LocationSettings::at_workplace(1));
        let worker_by = |settings| {
            let service = OrderService::new(integration.merchant(), settings);
            OutboxWorker::new(Arc::new(service), integration.merchant())
        };
        let service = OrderService::new(integration.merchant(), settings.clone());
        let mut worker = worker_by(settings.clone());
        pos.refuse_payments(REFUSED);
        let [article, menu] = sellable(&pos)[..] else {
            return self.differ("orders/no-item", "nothing can be sold");
        };
        let combo = Tracked::new(Combo::new(COMBO, "Menu van de dag")).linked(ArticleNumber::new(menu));
        let chunk = CatalogChunk { combos: vec![combo], ..CatalogChunk::default() };
        self.world.store.apply(&World::id(), chunk).await.unwrap();
        let Some(item) = self.world.item(article).await else {
            return self.differ("orders/no-item", "the item to sell is not there");
        };
        let price = item.record.price_at(&location).unwrap_or_default();
        let address = PostalAddress {
            street: Some("Damrak 1".into()),
            postcode: Some("1012 LG".into()),
            city: Some("Amsterdam".into()),
            country: None,
        };
        let table = |number| TableRef::whole(number);
        let kinds = [
            ("refused", OrderKind::Pickup, Some(PaymentMethod::GiftCard)),
            ("pickup", OrderKind::Pickup, Some(PaymentMethod::Ideal)),
            ("delivery", OrderKind::Delivery { address }, Some(PaymentMethod::Ideal)),
            (COMBO, OrderKind::Pickup, Some(PaymentMethod::Ideal)),
            ("unpaid", OrderKind::Pickup, None),
            ("later", OrderKind::DineInPayLater { table: table(7), guests: Some(2) }, None),
            ("later-again", OrderKind::DineInPayLater { table: table(7), guests: Some(2) }, None),
            ("shared", OrderKind::DineInPayNow { table: table(7), guests: None }, Some(PaymentMethod::Ideal)),
            ("now", OrderKind::DineInPayNow { table: table(8), guests: None }, Some(PaymentMethod::Ideal)),
            ("raced", OrderKind::DineInPayLater { table: table(RACED), guests: Some(2) }, None),
        ];
        assert_eq!(kinds.len(), ORDERS);
        self.world.waiter.opens(RACED, article);
        let mut expected = Vec::new();
        for (pieces, (number, kind, paid)) in (2..).zip(kinds) {
            // A quantity of its own makes each order known at the POS.
            let quantity = Decimal::from(pieces);
            let mut order = Order::new(number, location.clone(), kind, pos.now());
            let sold = item.record.id.clone();
            let (line, lines) = match number {
                COMBO => {
                    let choice = ChosenItem {
                        part: 1,
                        item: sold,
                        name: item.record.name.clone(),
                        quantity: Decimal::ONE,
                        surcharge: Decimal::new(50, 2),
                        modifiers: Vec::new(),
                    };
                    let price = Decimal::new(12_50, 2);
                    let sold = Sold::Combo { combo: COMBO.into(), choices: vec![choice] };
                    let lines = vec![
                        (menu, quantity, quantity * price),
                        (article, quantity, quantity * Decimal::new(50, 2)),
                    ];
                    (OrderLine::new(sold, "Menu van de dag", quantity, price), lines)
                }
                _ => {
                    let name = item.record.name.clone();
                    let line = OrderLine::new(Sold::Item { item: sold }, name, quantity, price);
                    (line, vec![(article, quantity, quantity * price)])
                }
            };
            order.lines = vec![line];
            order.total = order.sum();
            let is_paid = paid.is_some();
            order.payments = paid
                .into_iter()
                .map(|method| Payment { method, amount: order.total, reference: Some("tr_1".into()) })
                .collect();
            if let Err(error) = service.enqueue(&order).await {
                self.differ("orders/queue", error.to_string());
                continue;
            }
            let paid = if is_paid { order.total } else { Decimal::ZERO };
            expected.push(Expected { number: number.to_owned(), lines, paid });
        }
        // Some are sent now, some meet what begins at the sixth hour.
        self.pass_until(5);
        worker.run_once().await;
        self.pass_until(7);
        pos.allow_payments(REFUSED);
        if self.course.changes_settings {
            let mut changed = settings;
            changed.table_call = TableCall::PlaceTableOrder;
            changed.create_call = CreateCall::CreateOrder;
            worker = worker_by(changed);
        }
        worker.run_once().await;
        for _ in 0..200 {
            let mut open = false;
            for order in &expected {
                open |=
                    self.world.entry(&order.number).await.is_some_and(|entry| entry.state.kind().is_open());
            }
            if !open {
                break;
            }
            pos.pass(Duration::from_secs(900));
            worker.run_once().await;
        }
        let served = Expected {
            number: "served".to_owned(),
            lines: vec![(article, Decimal::from(SERVED), Decimal::from(SERVED) * price)],
            paid: Decimal::ZERO,
        };
        let all = [expected.clone(), vec![served]].concat();
        for order in &expected {
            let entry = self.world.entry(&order.number).await;
            let compared = compare_order(&pos, self.course, order, &all, entry.as_ref());
            self.differences.extend(compared.differences);
            self.left_to_a_person += usize::from(compared.left_to_a_person);
        }
        self.sent = expected;
    }
}

/// Two articles with a plain price in every branch.
fn sellable(pos: &Pos) -> Vec<i64> {
    let lines = pos.branch_lines();
    let products = pos.products();
    let articles = products.iter().flat_map(|product| &product.article_list);
    let sold = articles.filter(|article| {
        let number = article.article_number.unwrap_or_default();
        article.active == Some(true)
            && article.component_article_list.is_empty()
            && matches!(article_price(article), ArticlePrice::Euros(price) if price > Decimal::ONE)
            && lines.iter().all(|line| line.article_number != number)
    });
    sold.filter_map(|article| article.article_number).take(2).collect()
}
