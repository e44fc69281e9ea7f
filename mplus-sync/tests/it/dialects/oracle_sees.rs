//! A walk that finds nothing proves something only if it would have found what is wrong.

use std::collections::BTreeSet;

use mplus_qapi::testkit::Dialect;
use mplus_qapi::value::Decimal;
use mplus_sync::model::OutboxEntry;

use super::oracle::{Expected, compare, compare_order};
use super::orders::ORDERS;
use super::walk::{Course, Walked};
use super::walked;

#[test]
fn the_oracle_sees_what_the_host_does_not_hold_as_the_pos_has_it() {
    let Walked { differences, world, .. } = walked(Dialect::default(), Course::default());
    assert_eq!(differences, []);
    let pos = &world.pos;
    let held = || tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(world.held());
    assert_eq!(compare(pos, &held()), []);

    let article = |name| pos.article_number(name).unwrap();
    let high = pos.article(article("Port")).unwrap().vat_code;
    pos.set_price(article("Cappuccino"), Decimal::new(1_11, 2));
    pos.set_branch_price(2, article("Coca-Cola"), Some(Decimal::new(2_22, 2)));
    pos.set_stock(1, article("Coca-Cola"), Decimal::from(77));
    pos.change_article(article("Leeuwburger"), |article| article.description = Some("Tosti".to_owned()));
    pos.change_article(article("Dame blanche"), |article| article.active = Some(false));
    pos.change_article(article("Espresso enkel"), |article| article.vat_code = high);
    pos.move_article(article("Coca-Cola"), pos.products().last().unwrap().product_number.unwrap());
    let mut dialect = pos.dialect();
    dialect.set("deleted-article", "deleted-is-gone").unwrap();
    pos.set_dialect(dialect);
    pos.delete_article(article("Port"));
    let mut held = held();
    let lost = article("Cadeaubon € 25");
    held.items.retain(|item| item.external_ids.mpluskassa.is_none_or(|number| number.get() != lost));
    held.locations.pop();

    let kinds: BTreeSet<&str> = compare(pos, &held).iter().map(|difference| difference.kind).collect();
    let wanted = [
        "menu/active",
        "menu/branch-price",
        "menu/category",
        "menu/gone",
        "menu/items",
        "menu/location",
        "menu/name",
        "menu/price",
        "menu/tax",
        "stock/amount",
    ];
    assert_eq!(kinds, BTreeSet::from(wanted));
}

#[test]
fn the_oracle_sees_orders_that_are_lost_doubled_unpaid_or_not_what_was_ordered() {
    let Walked { world, sent, .. } = walked(Dialect::default(), Course::default());
    assert_eq!(sent.len(), ORDERS);
    let paid = sent.iter().find(|order| !order.paid.is_zero()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let entry = runtime.block_on(world.entry(&paid.number));
    let kinds = |wanted: &Expected, entry: Option<&OutboxEntry>| -> Vec<&str> {
        let compared =
            compare_order(&world.pos, Course::default(), wanted, std::slice::from_ref(wanted), entry);
        compared.differences.iter().map(|difference| difference.kind).collect()
    };
    let [(article, quantity, total)] = paid.lines[..] else { panic!("{paid:?}") };
    let with = |lines: Vec<(i64, Decimal, Decimal)>| Expected { lines, ..paid.clone() };

    assert_eq!(kinds(paid, entry.as_ref()), [""; 0]);
    assert_eq!(kinds(paid, None), ["orders/lost"]);
    assert_eq!(
        kinds(&with(vec![(article, quantity, total + Decimal::ONE)]), entry.as_ref()),
        ["orders/missing"]
    );
    assert_eq!(kinds(&Expected { paid: Decimal::ZERO, ..paid.clone() }, entry.as_ref()), ["orders/paid"]);
    // What has no lines is found in every order.
    assert_eq!(kinds(&with(Vec::new()), entry.as_ref()), ["orders/doubled"]);
}
