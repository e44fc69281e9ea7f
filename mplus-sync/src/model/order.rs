//! Host orders, as they are forwarded to the POS. Push only.

use chrono::{DateTime, Utc};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use super::{
    ComboId, CourseNumber, Customer, ItemId, LocationId, ModifierGroupId, ModifierId, OrderNumber,
    PostalAddress,
};

/// A guest's order. All amounts are euros, VAT included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Order {
    /// The host's order number; the POS refuses a second order with the same one.
    pub number: OrderNumber,
    /// Where it was ordered.
    pub location: LocationId,
    /// How it reaches the guest, and whether it is paid.
    pub kind: OrderKind,
    /// Who ordered; none for a guest without an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// Discounts on the order as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// The tip; zero when there is none.
    #[serde(default, with = "rust_decimal::serde::str")]
    pub tip: Decimal,
    /// The delivery fee; zero when there is none.
    #[serde(default, with = "rust_decimal::serde::str")]
    pub delivery_fee: Decimal,
    /// What the guest was told to pay.
    #[serde(with = "rust_decimal::serde::str")]
    pub total: Decimal,
    /// What was paid so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<Payment>,
    /// The guest's remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When the guest placed it.
    pub placed_at: DateTime<Utc>,
    /// When the guest wants it; none means as soon as possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<DateTime<Utc>>,
    /// Keeps the order from the POS. Honoured in a test environment, refused elsewhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_order_sync: bool,
}

impl Order {
    /// An order without lines, with a total of zero.
    pub fn new(
        number: impl Into<OrderNumber>,
        location: impl Into<LocationId>,
        kind: OrderKind,
        placed_at: DateTime<Utc>,
    ) -> Self {
        Self {
            number: number.into(),
            location: location.into(),
            kind,
            customer: None,
            lines: Vec::new(),
            discounts: Vec::new(),
            tip: Decimal::ZERO,
            delivery_fee: Decimal::ZERO,
            total: Decimal::ZERO,
            payments: Vec::new(),
            note: None,
            placed_at,
            requested_at: None,
            skip_order_sync: false,
        }
    }

    /// What the order's parts add up to; an order that says otherwise in [`Order::total`] is refused.
    ///
    /// Weighed goods are booked to the cent, half a cent up: each line, choice and modifier on its own, as if every modifier were an
    /// article at the POS. Where a weighed item has priced modifiers that are none, they are booked with the line, and
    /// [`OrderDraft::total`](crate::orders::OrderDraft::total) is what counts.
    pub fn sum(&self) -> Decimal {
        let lines: Decimal = self.lines.iter().map(OrderLine::sum).sum();
        let discounts: Decimal = self.discounts.iter().map(|discount| discount.amount).sum();
        lines - discounts + self.tip + self.delivery_fee
    }

    /// The table whose orders must arrive one after the other; none for an order that waits for no other.
    pub fn table(&self) -> Option<&TableRef> {
        match &self.kind {
            OrderKind::DineInPayLater { table, .. } | OrderKind::DineInPayNow { table, .. } => Some(table),
            OrderKind::Pickup | OrderKind::Delivery { .. } => None,
        }
    }

    /// The queue that the order waits in: a location's table with its sub-table, as text.
    pub fn lane(&self) -> Option<String> {
        self.table().map(|table| format!("{}/{}/{}", self.location, table.number, table.sub_number))
    }
}

/// The order types of the guide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// The guest comes for it (`createOrder`).
    Pickup,
    /// It is brought to the guest (`createOrder`).
    Delivery {
        /// Where to.
        address: PostalAddress,
    },
    /// Served at a table, paid at the end (`saveTableOrder`).
    DineInPayLater {
        /// Which table.
        table: TableRef,
        /// How many guests sit there, when known.
        guests: Option<i32>,
    },
    /// Served at a table, paid already (`createAndPayTableOrder`).
    DineInPayNow {
        /// Which table.
        table: TableRef,
        /// How many guests sit there, when known.
        guests: Option<i32>,
    },
}

/// A table of the POS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableRef {
    /// The table's number.
    pub number: i32,
    /// The sub-table's number; 1 for a table that is served as one.
    pub sub_number: i32,
}

impl TableRef {
    /// A table that is served as one.
    pub const fn whole(number: i32) -> Self {
        Self { number, sub_number: 1 }
    }
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderLine {
    /// What is sold.
    pub sold: Sold,
    /// As the guest read it; named in errors.
    pub name: String,
    /// How many.
    #[serde(with = "rust_decimal::serde::str")]
    pub quantity: Decimal,
    /// The price of one, without modifiers and surcharges.
    #[serde(with = "rust_decimal::serde::str")]
    pub unit_price: Decimal,
    /// What the guest chose with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modifiers: Vec<LineModifier>,
    /// A discount on this line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
    /// The guest's remark on this line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The course it is served in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<CourseNumber>,
}

impl OrderLine {
    /// A line without modifiers and discount.
    pub fn new(sold: Sold, name: impl Into<String>, quantity: Decimal, unit_price: Decimal) -> Self {
        Self {
            sold,
            name: name.into(),
            quantity,
            unit_price,
            modifiers: Vec::new(),
            discount: None,
            note: None,
            course: None,
        }
    }

    /// What the line costs: each piece with its modifiers and surcharges, less the line's discount. See [`Order::sum`].
    pub fn sum(&self) -> Decimal {
        let mut sum = pieces_sum(self.quantity, self.unit_price, &self.modifiers);
        if let Sold::Combo { choices, .. } = &self.sold {
            for choice in choices {
                sum += pieces_sum(self.quantity * choice.quantity, choice.surcharge, &choice.modifiers);
            }
        }
        let discount = self.discount.as_ref().map_or(Decimal::ZERO, |discount| discount.amount);
        sum - discount
    }
}

/// What so many pieces cost with their modifiers, each to the cent.
fn pieces_sum(pieces: Decimal, price: Decimal, modifiers: &[LineModifier]) -> Decimal {
    let modifiers = modifiers.iter().map(|modifier| cents(pieces * modifier.quantity * modifier.unit_price));
    cents(pieces * price) + modifiers.sum::<Decimal>()
}

/// To the cent, half a cent away from zero.
pub(crate) fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// What a line sells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sold {
    /// An item.
    Item {
        /// Which.
        item: ItemId,
    },
    /// A combo with what was chosen.
    Combo {
        /// Which.
        combo: ComboId,
        /// The choices, part by part.
        choices: Vec<ChosenItem>,
    },
}

/// One choice within a combo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChosenItem {
    /// The combo's part that it was chosen for.
    pub part: i32,
    /// What was chosen.
    pub item: ItemId,
    /// As the guest read it; named in errors.
    pub name: String,
    /// How many for each combo.
    #[serde(with = "rust_decimal::serde::str")]
    pub quantity: Decimal,
    /// What one adds to the combo's price.
    #[serde(with = "rust_decimal::serde::str")]
    pub surcharge: Decimal,
    /// What the guest chose with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modifiers: Vec<LineModifier>,
}

/// One modifier of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineModifier {
    /// The group that it is in.
    pub group: ModifierGroupId,
    /// Which.
    pub modifier: ModifierId,
    /// As the guest read it; named in errors.
    pub name: String,
    /// How many for each piece of the line.
    #[serde(with = "rust_decimal::serde::str")]
    pub quantity: Decimal,
    /// What one adds to the price of a piece.
    #[serde(with = "rust_decimal::serde::str")]
    pub unit_price: Decimal,
}

/// Something taken off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// What for, as the guest read it.
    pub name: String,
    /// How much is taken off: a positive amount.
    #[serde(with = "rust_decimal::serde::str")]
    pub amount: Decimal,
}

/// Money that the guest paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// By which method.
    pub method: PaymentMethod,
    /// How much.
    #[serde(with = "rust_decimal::serde::str")]
    pub amount: Decimal,
    /// The provider's reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// How a guest pays, in the host's words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PaymentMethod {
    /// iDEAL.
    Ideal,
    /// A card.
    Card,
    /// Bancontact.
    Bancontact,
    /// Whatever Stripe offered.
    Stripe,
    /// Whatever Viva Wallet offered.
    VivaWallet,
    /// Cash.
    Cash,
    /// A gift card.
    GiftCard,
    /// Another method by the host's name.
    Other(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn euros(cents: i64) -> Decimal {
        Decimal::new(cents, 2)
    }

    #[test]
    fn an_order_sums_pieces_with_their_modifiers_surcharges_discounts_tip_and_fee() {
        let mut order = Order::new("1001", "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);
        let cheese = LineModifier {
            group: "toppings".into(),
            modifier: "cheese".into(),
            name: "Cheese".into(),
            quantity: Decimal::TWO,
            unit_price: euros(50),
        };
        let mut burger =
            OrderLine::new(Sold::Item { item: "burger".into() }, "Burger", Decimal::from(3), euros(995));
        burger.modifiers = vec![cheese.clone()];
        burger.discount = Some(Discount { name: "Lunch".into(), amount: euros(100) });
        let fries = ChosenItem {
            part: 1,
            item: "fries".into(),
            name: "Fries".into(),
            quantity: Decimal::ONE,
            surcharge: euros(75),
            modifiers: vec![cheese],
        };
        let sold = Sold::Combo { combo: "menu".into(), choices: vec![fries] };
        let menu = OrderLine::new(sold, "Menu", Decimal::TWO, euros(1200));
        order.lines = vec![burger, menu];
        order.discounts = vec![Discount { name: "Welcome".into(), amount: euros(250) }];
        order.tip = euros(200);
        order.delivery_fee = euros(350);
        // 3 x (9.95 + 2 x 0.50) - 1.00, 2 x (12.00 + 0.75 + 2 x 0.50), less 2.50, plus 2.00 and 3.50
        assert_eq!(order.sum(), euros(3185 + 2750 - 250 + 200 + 350));
    }

    #[test]
    fn only_table_orders_wait_for_each_other() {
        let table = TableRef::whole(12);
        let dine_in = OrderKind::DineInPayLater { table, guests: None };
        let order = Order::new("1", "city", dine_in, DateTime::UNIX_EPOCH);
        assert_eq!(order.lane().as_deref(), Some("city/12/1"));
        assert_eq!(Order::new("2", "city", OrderKind::Pickup, DateTime::UNIX_EPOCH).lane(), None);
    }
}
