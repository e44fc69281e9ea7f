//! One order of each type, from the host to the POS.
//!
//! Talks to a POS in memory. With `--url`, or `MPLUS_HOST`, `MPLUS_PORT`, `MPLUS_IDENT` and `MPLUS_SECRET` set, to another one,
//! where the orders are real, too.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use mplus_examples::{ending, merchant::Pos};
use mplus_sync::Integration;
use mplus_sync::model::{
    Customer, Item, LocationId, Order, OrderKind, OrderLine, Payment, PaymentMethod, PostalAddress,
    RelationNumber, Sold, TableRef,
};
use mplus_sync::orders::{LocationSettings, OrderSettings};
use mplus_sync::settings::MerchantSettings;
use mplus_sync::store::{CatalogStore, LocationStore, MemoryStore, MemoryVault, Page, Select};
use mplus_sync::sync::RunOptions;
use rust_decimal::Decimal;

/// Forwards one order of each type from the host to the POS.
///
/// Talks to a POS in memory, unless flags or the environment name one: the test POS as the binary `pos` plays it, or a real one,
/// where the orders are real, too.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    pos: Pos,
    /// The workplace at which orders are entered.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    workplace: i32,
    /// The employee in whose name they are entered.
    #[arg(long, default_value_t = 999_999, value_parser = clap::value_parser!(i64).range(1..))]
    employee: i64,
    /// The relation of guests without an account.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
    relation: i64,
    /// The POS's code of the payment method.
    #[arg(long, default_value = "IDEAL")]
    payment_method: String,
    /// The orders' numbers are this and 1 to 4. The POS takes each number once.
    #[arg(long, default_value = "example-")]
    number: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    ending::of(submit(Options::parse()).await)
}

async fn submit(options: Options) -> Result<(), Box<dyn Error>> {
    // Branches become locations, articles become items: what orders are made of.
    let store = Arc::new(MemoryStore::new());
    let host = options.pos.host(store.clone(), Arc::new(MemoryVault::new()));
    let (integration, _) =
        Integration::connect(host, options.pos.connection("bistro")?, options.pos.credentials()?)
            .await
            .map_err(|error| options.pos.failed(&error))?;
    integration.sync_menu(&RunOptions::manual()).await;
    let connection = integration.connection_id();
    let location = store.locations(connection, Select::Page(Page::first(1))).await?.pop();
    let location = location.ok_or("the POS has no branch")?.record.id;
    let items = store.items(connection, Select::Page(Page::first(100))).await?;
    let mut items = items.into_iter().map(|item| item.record);
    let item = items.find(|item| item.active && item.price.is_some()).ok_or("the POS sells nothing")?;

    // What the merchant sets up once.
    let settings = OrderSettings::new(options.employee)
        .with_fallback_relation(RelationNumber::new(options.relation))
        .with_payment_method(PaymentMethod::Ideal, options.payment_method)
        .with_location(location.clone(), LocationSettings::at_workplace(options.workplace));
    let mut saved = MerchantSettings::default();
    saved.orders = Some(settings);
    let known = integration.settings().await?;
    integration.save_settings(&saved, known.revision).await?;
    let orders = integration.orders();

    let address =
        PostalAddress { street: Some("Spui 1".into()), city: Some("Amsterdam".into()), ..Default::default() };
    let table = TableRef::whole(7);
    let kinds = [
        OrderKind::Pickup,
        OrderKind::Delivery { address },
        OrderKind::DineInPayLater { table, guests: Some(2) },
        OrderKind::DineInPayNow { table, guests: None },
    ];
    for (kind, number) in kinds.into_iter().zip(1..) {
        let mut order = Order::new(
            format!("{}{number}", options.number).as_str(),
            location.clone(),
            kind,
            integration.runtime().now(),
        );
        fill(&mut order, &item);
        let sent = orders.submit(&order, false).await?;
        println!("order {}: {}", order.number, sent.order_id.as_deref().unwrap_or("accepted"));
        // Sending it again, as after a crash, is harmless.
        assert_eq!(orders.submit(&order, true).await?.order_id, sent.order_id);
    }

    // What is wrong with an order is told at once, before anything is sent.
    let mut wrong =
        Order::new("wrong", LocationId::from("the beach"), OrderKind::Pickup, integration.runtime().now());
    fill(&mut wrong, &Item::new("dish-of-the-day", "Dish of the day"));
    if let Err(error) = orders.submit(&wrong, false).await {
        println!("{error}");
    }
    Ok(())
}

/// Two of an item, paid unless it is to be paid at the table.
fn fill(order: &mut Order, item: &Item) {
    let sold = Sold::Item { item: item.id.clone() };
    let price = item.price.unwrap_or_default();
    order.customer = Some(Customer::new("guest-1", "Jan Jansen"));
    order.lines = vec![OrderLine::new(sold, item.name.as_str(), Decimal::TWO, price)];
    order.total = order.sum();
    if !matches!(order.kind, OrderKind::DineInPayLater { .. }) && order.total > Decimal::ZERO {
        order.payments = vec![Payment {
            method: PaymentMethod::Ideal,
            amount: order.total,
            reference: Some("pi_1".into()),
        }];
    }
}
