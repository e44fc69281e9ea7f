//! One order of each type, made of what the menu sync brought.

use std::{error::Error, sync::Arc};

use mplus_qapi::payments::GetPaymentMethodsRequest;
use mplus_sync::{
    Integration,
    model::{
        Customer, Item, Location, LocationId, Order, OrderKind, OrderLine, Payment, PaymentMethod,
        PostalAddress, Sold, TableRef,
    },
    orders::{LocationSettings, OrderService, OrderSettings},
    runtime::{Runtime as _, TokioRuntime},
    store::{CatalogStore, LocationStore, Page, Select, SqliteStore},
};
use rust_decimal::Decimal;

use crate::summary::ForwardedOrder;

/// The super user, whom every POS has.
const EMPLOYEE: i64 = 999_999;

/// Forwards an order for pick-up, a delivery, one for a table to be paid later, and one for a table that is paid.
pub(crate) async fn forward(
    integration: &Integration,
    store: Arc<SqliteStore>,
) -> Result<Vec<ForwardedOrder>, Box<dyn Error>> {
    let id = integration.connection_id();
    let locations = store.locations(id, Select::Page(Page::first(1))).await?;
    let location = locations.into_iter().next().ok_or("the POS has no branch")?.record;
    let items = store.items(id, Select::Page(Page::first(100))).await?;
    let items: Vec<Item> = items
        .into_iter()
        .map(|tracked| tracked.record)
        .filter(|item| item.active && item.price.is_some_and(|price| price > Decimal::ZERO))
        .collect();
    let service = service(integration, &location).await?;
    let table = |number| TableRef::whole(number);
    let address = PostalAddress {
        street: Some("Spui 1".to_owned()),
        city: Some("Amsterdam".to_owned()),
        ..PostalAddress::default()
    };
    let kinds = [
        ("pickup", OrderKind::Pickup),
        ("delivery", OrderKind::Delivery { address }),
        ("table", OrderKind::DineInPayLater { table: table(1), guests: Some(2) }),
        ("table_with_payment", OrderKind::DineInPayNow { table: table(2), guests: None }),
    ];
    let mut forwarded = Vec::new();
    for (name, kind) in kinds {
        let order = order(name, &location.id, kind, &items);
        let at_pos = service.submit(&order, false).await?;
        forwarded.push(ForwardedOrder {
            number: order.number.to_string(),
            kind: name,
            total: order.total,
            pos_id: at_pos.order_id.or(at_pos.receipt_id).unwrap_or_default(),
        });
    }
    Ok(forwarded)
}

async fn service(integration: &Integration, location: &Location) -> Result<OrderService, Box<dyn Error>> {
    let methods = integration.client().get_payment_methods_v2(GetPaymentMethodsRequest::default()).await?;
    let active = methods.payment_method_list.into_iter().find(|method| method.active != Some(false));
    let code = active.ok_or("the POS has no payment method")?.method;
    let mut settings = OrderSettings::new(EMPLOYEE).with_payment_method(PaymentMethod::Ideal, code);
    if let Some(workplace) = location.workplaces.first() {
        settings =
            settings.with_location(location.id.clone(), LocationSettings::at_workplace(workplace.number));
    }
    Ok(OrderService::new(integration.merchant(), settings))
}

/// Two of the first item and one of the second.
fn order(name: &str, location: &LocationId, kind: OrderKind, items: &[Item]) -> Order {
    let now = TokioRuntime.now();
    let paid = !matches!(kind, OrderKind::DineInPayLater { .. });
    let mut order = Order::new(format!("QS-{name}-{}", now.timestamp()), location.clone(), kind, now);
    let mut customer = Customer::new("quickstart-guest", "Quickstart Guest");
    customer.email = Some("guest@example.com".to_owned());
    order.customer = Some(customer);
    order.lines = items
        .iter()
        .zip([Decimal::TWO, Decimal::ONE])
        .map(|(item, quantity)| {
            let price = item.price_at(location).unwrap_or_default();
            OrderLine::new(Sold::Item { item: item.id.clone() }, item.name.clone(), quantity, price)
        })
        .collect();
    order.total = order.sum();
    if paid {
        order.payments = vec![Payment { method: PaymentMethod::Ideal, amount: order.total, reference: None }];
    }
    order
}
