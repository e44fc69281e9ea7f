//! Orders of every type, each to be recognised at the POS.

use std::error::Error;

use chrono::{DateTime, Utc};
use mplus_sync::model::{
    Customer, Order, OrderKind, OrderLine, Payment, PaymentMethod, PostalAddress, Sold, TableRef,
};
use mplus_sync::runtime::Runtime;
use rust_decimal::Decimal;

use crate::random::SplitMix;
use crate::world::{BRANCHES, ITEMS, TABLES, World, location};

/// Customers, of whom every second order names one.
const GUESTS: u32 = 200;

/// Queues orders of all types and returns them.
pub(crate) async fn queue(
    world: &World,
    count: u32,
    random: &mut SplitMix,
) -> Result<Vec<Order>, Box<dyn Error>> {
    let now = world.runtime.now();
    let orders: Vec<Order> = (0..count).map(|number| order(number, random, now)).collect();
    for order in &orders {
        world.store.enqueue(&World::connection(), order, now).await?;
    }
    Ok(orders)
}

/// An order of any type. Its remark is its number, which the POS keeps with the line.
fn order(number: u32, random: &mut SplitMix, now: DateTime<Utc>) -> Order {
    let number = format!("order-{number}");
    let table = TableRef::whole(1 + random.below(TABLES) as i32);
    let kind = match random.below(10) {
        0..=3 => OrderKind::Pickup,
        4 | 5 => OrderKind::Delivery { address: PostalAddress::default() },
        6 | 7 => OrderKind::DineInPayLater { table, guests: Some(2) },
        _ => OrderKind::DineInPayNow { table, guests: None },
    };
    let branch = 1 + random.below(BRANCHES) as i32;
    let mut order = Order::new(number.as_str(), location(branch), kind, now);
    order.lines = ITEMS
        .iter()
        .map(|(name, cents)| {
            let sold = Sold::Item { item: (*name).into() };
            OrderLine::new(sold, *name, Decimal::ONE, Decimal::new(*cents, 2))
        })
        .collect();
    order.lines[0].note = Some(number);
    order.total = order.sum();
    if !matches!(order.kind, OrderKind::DineInPayLater { .. }) {
        order.payments = vec![Payment { method: PaymentMethod::Ideal, amount: order.total, reference: None }];
    }
    if random.below(2) == 0 {
        let guest = random.below(GUESTS);
        order.customer = Some(Customer::new(format!("guest-{guest}"), format!("Guest {guest}")));
    }
    order
}

/// The number of the order that a line of the POS was sent for.
pub(crate) fn number_of(text: &str) -> Option<&str> {
    text.rsplit_once(" - ").map(|(_, number)| number)
}
