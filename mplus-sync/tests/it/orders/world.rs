//! A brasserie whose menu is linked, with everything a test of orders needs.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mplus_qapi::Client;
use mplus_qapi::testkit::Pos;
use mplus_qapi::types::Line;
use mplus_sync::merchant::Merchant;
use mplus_sync::model::{
    ArticleNumber, BranchNumber, Combo, ConnectionId, Item, Location, Modifier, ModifierGroup,
    ModifierSource, Order, OrderKind, OrderLine, Payment, PaymentMethod, PosModifierGroup, RelationNumber,
    Sold, Tracked, Workplace,
};
use mplus_sync::orders::{LocationSettings, OrderService, OrderSettings};
use mplus_sync::runtime::Runtime;
use mplus_sync::store::{CatalogChunk, MemoryStore, Store};
use rust_decimal::Decimal;

use crate::support::TestRuntime;

/// What the test orders sell: the host's identifier, the POS's description.
const ITEMS: [(&str, &str); 5] = [
    ("cola", "Coca-Cola"),
    ("burger", "Leeuwburger"),
    ("soup", "Soupe à l'oignon"),
    ("risotto", "Risotto met paddenstoelen"),
    ("creme", "Crème brûlée"),
];

pub(crate) struct World {
    pub(crate) pos: Pos,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) runtime: Arc<TestRuntime>,
    pub(crate) settings: OrderSettings,
}

pub(crate) fn merchant() -> ConnectionId {
    ConnectionId::from("merchant")
}

pub(crate) fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

pub(crate) fn noon() -> DateTime<Utc> {
    "2026-06-01T10:00:00Z".parse().unwrap()
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::with(Pos::brasserie(), Arc::new(MemoryStore::new())).await
    }

    /// Links the menu in a store that is empty.
    pub(crate) async fn with(pos: Pos, store: Arc<dyn Store>) -> Self {
        let article = |name: &str| ArticleNumber::new(pos.article_number(name).unwrap());
        let mut chunk = CatalogChunk::default();
        for (id, name) in ITEMS {
            chunk.items.push(Tracked::new(Item::new(id, name)).linked(article(name)));
        }
        chunk.items.push(Tracked::new(Item::new("unlinked", "Dish of the day")));
        chunk
            .combos
            .push(Tracked::new(Combo::new("menu", "Driegangenmenu")).linked(article("Driegangenmenu")));
        let mut sauce = ModifierGroup::new("sauce", "Saus");
        sauce.modifiers = vec![Modifier::new("mayo", "Mayonaise", 1), Modifier::new("aioli", "Aïoli", 2)];
        sauce.modifiers[1].article = Some(article("Aïoli"));
        let group = PosModifierGroup { source: ModifierSource::PreparationMethod, number: 3 };
        chunk.modifier_groups.push(Tracked::new(sauce).linked(group));
        store.apply(&merchant(), chunk).await.unwrap();
        let locations = [("amsterdam", 1, 2), ("utrecht", 2, 1)].map(|(id, branch, workplace)| {
            let mut location = Location::new(id, id);
            location.workplaces = vec![Workplace { number: workplace, name: format!("Kassa {workplace}") }];
            Tracked::new(location).linked(BranchNumber::new(branch))
        });
        store.apply_locations(&merchant(), locations.to_vec()).await.unwrap();
        let mut settings = OrderSettings::new(999_999)
            .with_fallback_relation(RelationNumber::new(1))
            .with_payment_method(PaymentMethod::Ideal, "IDEAL")
            .with_payment_method(PaymentMethod::Stripe, "K_WEBHOOK")
            .with_location("utrecht", LocationSettings::at_workplace(1));
        settings.articles.discount = Some(article("Pepersaus"));
        settings.articles.tip = Some(article("Brood met aïoli"));
        settings.articles.delivery_fee = Some(article("Haricots verts"));
        Self { pos, store, runtime: Arc::new(TestRuntime::at("2026-06-01T10:00:00Z")), settings }
    }

    pub(crate) fn service(&self) -> OrderService {
        self.service_of("worker", self.pos.client())
    }

    pub(crate) fn service_of(&self, worker: &str, client: Client) -> OrderService {
        OrderService::new(&self.merchant_of(worker, client), self.settings.clone())
    }

    /// What the services of this worker share.
    pub(crate) fn merchant_of(&self, worker: &str, client: Client) -> Merchant {
        let runtime: Arc<dyn Runtime> = self.runtime.clone();
        Merchant::new(client, merchant(), self.store.clone(), runtime).worked_by(worker)
    }

    /// The lines of the POS's order with this number: article and quantity.
    pub(crate) fn lines_of(&self, number: &str) -> Vec<(i64, Decimal)> {
        self.pos.order(number).unwrap().line_list.iter().map(sold).collect()
    }

    pub(crate) fn article(&self, name: &str) -> i64 {
        self.pos.article_number(name).unwrap()
    }
}

pub(crate) fn sold(line: &Line) -> (i64, Decimal) {
    (line.article_number, line.data.as_ref().map(|data| data.quantity).unwrap_or_default())
}

pub(crate) fn line(item: &str, quantity: i64, cents: i64) -> OrderLine {
    OrderLine::new(Sold::Item { item: item.into() }, item, quantity.into(), euros(cents))
}

/// Two colas and a burger in Amsterdam, not paid.
pub(crate) fn order(number: &str, kind: OrderKind) -> Order {
    let mut order = Order::new(number, "amsterdam", kind, noon());
    order.lines = vec![line("cola", 2, 320), line("burger", 1, 1850)];
    order.total = order.sum();
    order
}

/// The same, paid.
pub(crate) fn paid(number: &str, kind: OrderKind) -> Order {
    let mut order = order(number, kind);
    order.payments = vec![Payment {
        method: PaymentMethod::Ideal,
        amount: order.total,
        reference: Some(format!("payment of {number}")),
    }];
    order
}
