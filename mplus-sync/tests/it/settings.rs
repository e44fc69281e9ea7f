//! A merchant's settings: what was saved holds everywhere from the next run and the next order on.

use mplus_qapi::testkit::Fault;
use mplus_sync::model::{
    ArticleNumber, Order, OrderKind, OrderLine, Payment, PaymentMethod, RelationNumber, Revision, Sold,
    StoredSettings,
};
use mplus_sync::orders::{LocationSettings, OrderSettings, Problem, SubmitErrorKind};
use mplus_sync::report::RunOutcome;
use mplus_sync::runtime::Runtime as _;
use mplus_sync::settings::{MerchantSettings, SettingsProblem};
use mplus_sync::sync::RunOptions;
use mplus_sync::{Host, Integration};
use rust_decimal::Decimal;

use crate::support::Merchant;

/// Changes what is saved, as another process does.
async fn save(merchant: &Merchant, change: impl FnOnce(&mut MerchantSettings)) {
    let elsewhere: Host = merchant.host();
    let shown = elsewhere.settings(&Merchant::id()).await.unwrap();
    let mut settings = shown.settings.as_ref().clone();
    change(&mut settings);
    elsewhere.save_settings(&Merchant::id(), &settings, shown.revision).await.unwrap();
}

fn orders(code: &str) -> OrderSettings {
    OrderSettings::new(999_999)
        .with_fallback_relation(RelationNumber::new(1))
        .with_payment_method(PaymentMethod::Ideal, code)
        .with_location("mpluskassa-1", LocationSettings::at_workplace(1))
}

async fn paid(merchant: &Merchant, number: &str) -> Order {
    let mut order = Order::new(number, "mpluskassa-1", OrderKind::Pickup, merchant.runtime.now());
    let sold = Sold::Item { item: merchant.item("Coca-Cola").await.record.id };
    order.lines = vec![OrderLine::new(sold, "Cola", Decimal::TWO, Decimal::new(320, 2))];
    order.total = order.sum();
    order.payments = vec![Payment { method: PaymentMethod::Ideal, amount: order.total, reference: None }];
    order
}

#[tokio::test]
async fn what_is_saved_elsewhere_holds_for_open_handles_from_the_next_run_on() {
    let (merchant, integration) = Merchant::synced().await;
    let (stock, everything) = (integration.stock(), RunOptions::manual());
    save(&merchant, |settings| settings.stock.enabled = false).await;
    assert_eq!(integration.sync(&everything).await.stock, None);
    let report = stock.pull(&Default::default(), &Default::default()).await;
    let RunOutcome::Failed { message, .. } = report.outcome else { panic!("{report}") };
    assert_eq!(message, "Stock is not synced: Sync Stock is switched off");

    save(&merchant, |settings| settings.stock.enabled = true).await;
    assert!(integration.sync(&everything).await.stock.is_some());
}

#[tokio::test]
async fn an_order_goes_by_the_settings_that_hold_when_it_is_sent() {
    let (merchant, integration) = Merchant::synced().await;
    let (service, worker) = (integration.orders(), integration.outbox_worker());
    let order = paid(&merchant, "1001").await;
    let refused = service.draft(&order).await.unwrap_err();
    let SubmitErrorKind::Refused(refused) = refused.kind() else { panic!("{refused}") };
    assert_eq!(refused.problems, [Problem::NotSetUp]);

    save(&merchant, |settings| settings.orders = Some(orders("NOBODYS"))).await;
    service.enqueue(&order).await.unwrap();
    assert_eq!(worker.run_once().await.retried, 1, "the POS's list may have been cut");
    save(&merchant, |settings| settings.orders = Some(orders("IDEAL"))).await;
    merchant.runtime.pass(chrono::TimeDelta::minutes(1));
    assert_eq!(worker.run_once().await.accepted, 1);
    assert_eq!(merchant.pos.order("1001").unwrap().payment_list[0].method, "IDEAL");
}

#[tokio::test]
async fn the_hosts_settings_hold_for_those_who_have_saved_none() {
    let (merchant, _) = Merchant::synced().await;
    let mut usual = MerchantSettings::default();
    usual.stock.enabled = false;
    let integration = Integration::open(merchant.host().with_settings(usual), Merchant::id()).await.unwrap();
    assert_eq!(integration.settings().await.unwrap().revision, Revision::NEW);
    assert_eq!(integration.sync(&RunOptions::manual()).await.stock, None);
    save(&merchant, |_| ()).await;
    assert!(integration.settings().await.unwrap().settings.stock.enabled);
    assert!(integration.sync(&RunOptions::manual()).await.stock.is_some());
}

#[tokio::test]
async fn settings_are_compared_with_the_pos_and_the_locations() {
    let (merchant, integration) = Merchant::synced().await;
    let mut settings = MerchantSettings::default();
    settings.tax = settings.tax.with_rate(6.into(), "Oud laag");
    let mut wrong = orders("NOBODYS").with_location("mpluskassa-2", LocationSettings::at_workplace(77));
    wrong.fallback_relation = Some(RelationNumber::new(404));
    wrong.articles.tip = Some(ArticleNumber::new(404_404));
    wrong.articles.remark = merchant.item("Coca-Cola").await.external_ids.mpluskassa;
    settings.orders = Some(wrong);
    let check = integration.check_settings(&settings).await.unwrap();
    assert_eq!(check.unchecked, []);
    let problems = check.problems;
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "tax.rules",
            "orders.fallback_relation",
            "orders.payment_methods",
            "orders.articles.tip",
            "orders.locations.mpluskassa-2"
        ],
        "{problems:#?}"
    );
    assert!(problems[2].advice.contains("IDEAL"), "{}", problems[2]);
    assert_eq!(merchant.store.settings(&Merchant::id()).await.unwrap(), None, "nothing is saved by it");
}

#[tokio::test]
async fn a_question_that_fails_costs_the_check_what_it_is_about_and_is_named() {
    let (merchant, integration) = Merchant::synced().await;
    let mut settings = MerchantSettings::default();
    settings.tax = settings.tax.with_rate(6.into(), "Oud laag");
    let mut wrong = orders("NOBODYS").with_location("beach", LocationSettings::at_workplace(1));
    wrong.fallback_relation = Some(RelationNumber::new(404));
    wrong.employee = 7;
    wrong.articles.tip = Some(ArticleNumber::new(404_404));
    settings.orders = Some(wrong);
    let all = integration.check_settings(&settings).await.unwrap();
    let about = |problems: &[SettingsProblem], field: &str| {
        problems.iter().filter(|problem| problem.field.starts_with(field)).count()
    };
    for (operation, field) in [
        ("getVatGroupList", "tax.rules"),
        ("getEmployees", "orders.employee"),
        ("getProducts", "orders.articles"),
        ("getRelation", "orders.fallback_relation"),
        ("getPaymentMethodsV2", "orders.payment_methods"),
    ] {
        for fault in [Fault::ServerFault, Fault::Truncated, Fault::Garbage] {
            merchant.pos.faults().script_for(operation, [fault; 20]);
            let check = integration.check_settings(&settings).await.unwrap();
            merchant.pos.faults().clear();
            assert_eq!(about(&check.unchecked, field), 1, "{operation} {fault:?}: {check:#?}");
            assert_eq!(
                (check.unchecked.len(), about(&check.problems, field)),
                (1, 0),
                "{operation}: {check:#?}"
            );
            let others = all.problems.len() - about(&all.problems, field);
            assert_eq!(check.problems.len(), others, "{operation}: {check:#?}");
        }
    }
    // Of a POS that is away nothing is asked again and again, and what needs none is told.
    merchant.pos.faults().script([Some(Fault::Refused); 100]);
    let check = integration.check_settings(&settings).await.unwrap();
    merchant.pos.faults().clear();
    assert_eq!((check.unchecked.len(), about(&check.problems, "orders.locations")), (5, 1), "{check:#?}");
}

#[tokio::test]
async fn settings_that_nobody_can_read_stop_runs_and_orders_and_are_named() {
    let (merchant, integration) = Merchant::synced().await;
    let broken = StoredSettings::new(1, "{\"tax\":7}");
    merchant.store.save_settings(&Merchant::id(), &broken).await.unwrap();
    let before = merchant.pos.requests().total();
    let report = integration.sync_menu(&RunOptions::manual()).await;
    let RunOutcome::Failed { message, advice } = &report.outcome else { panic!("{report}") };
    assert!(message.contains("the settings of connection leeuw"), "{message}");
    assert_eq!(advice, "Have the store looked at; the next sync goes on from here");
    let failed = integration.orders().draft(&paid(&merchant, "1").await).await.unwrap_err();
    assert!(matches!(failed.kind(), SubmitErrorKind::Store(_)), "{failed}");
    assert_eq!(merchant.pos.requests().total(), before);
}
