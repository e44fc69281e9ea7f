//! Pulling the menu.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join;
use mplus_qapi::testkit::{Fault, Pos};
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::branches::{LocationProvisioner, Provision, ProvisionError};
use mplus_sync::cancel::CancelToken;
use mplus_sync::conflict::SyncContext;
use mplus_sync::model::{ConnectionId, Holder, LeaseName, Location, LocationId, Resource};
use mplus_sync::report::RunOutcome;
use mplus_sync::runtime::Runtime;
use mplus_sync::sync::RunOptions;
use tokio::sync::Notify;

use crate::support::{Merchant, contents};

#[tokio::test]
async fn a_first_sync_brings_the_whole_menu() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    assert!(report.failures.is_empty() && report.skipped.is_empty(), "{report}");
    let items = merchant.items().await;
    assert!(items.len() > 50, "{}", items.len());
    assert_eq!(report.counts[&Resource::ARTICLES].pulled, items.len() as u64);

    let cappuccino = merchant.item("Cappuccino").await.record;
    let utrecht = LocationId::from("mpluskassa-2");
    assert_eq!(cappuccino.price_at(&utrecht), Some(Decimal::new(375, 2)));
    assert_ne!(cappuccino.price, cappuccino.price_at(&utrecht));
    assert_eq!(cappuccino.tax_rate, Some(9.into()));
    assert!(!cappuccino.allergens.is_empty());
    assert!(
        merchant.categories().await.iter().any(|one| Some(&one.record.id) == cappuccino.category.as_ref())
    );

    assert!(merchant.groups().await.len() > 2);
    let groups: Vec<_> = merchant.groups().await.into_iter().map(|group| group.record.id).collect();
    let linked: Vec<_> = items.iter().flat_map(|item| &item.record.modifier_groups).collect();
    assert!(!linked.is_empty() && linked.iter().all(|group| groups.contains(group)));

    let pictures: Vec<_> = items.iter().flat_map(|item| &item.record.images).collect();
    assert!(!pictures.is_empty() && pictures.iter().all(|picture| picture.media.is_some()));
    assert!(!merchant.media.is_empty());
}

#[tokio::test]
async fn a_second_sync_without_changes_asks_for_the_markers_and_what_has_none_and_writes_nothing() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    merchant.sync(&integration, &RunOptions::manual()).await;
    let before = (merchant.items().await, merchant.categories().await, merchant.groups().await);
    let (report, requests) = merchant.sync(&integration, &RunOptions::manual()).await;
    // Markers; branches, branch prices and VAT rates, which have no marker.
    assert_eq!((requests, report.requests, report.writes), (4, 4, 0), "{report}");
    assert_eq!((merchant.items().await, merchant.categories().await, merchant.groups().await), before);
}

#[tokio::test]
async fn a_changed_article_costs_one_page_and_writes_that_item_alone() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    merchant.sync(&integration, &RunOptions::manual()).await;
    let before = merchant.items().await;
    assert!(merchant.pos.set_price(merchant.article("Risotto met paddenstoelen"), Decimal::new(3095, 2)));
    let asked = merchant.pos.requests().count("getProducts");
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(report.counts[&Resource::ARTICLES].pulled, 1, "{report}");
    assert_eq!(merchant.item("Risotto met paddenstoelen").await.record.price, Some(Decimal::new(3095, 2)));
    let changed = merchant.items().await.iter().zip(&before).filter(|(now, then)| now != then).count();
    assert_eq!(changed, 1);
    // The article that was the last to change is looked at, too: it shows whether the POS was put back.
    assert!(merchant.pos.requests().count("getProducts") <= asked + 3);
}

#[tokio::test]
async fn a_branch_price_that_changes_or_goes_reaches_the_item_without_the_article_changing() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    merchant.sync(&integration, &RunOptions::manual()).await;
    let (cappuccino, utrecht) = (merchant.article("Cappuccino"), LocationId::from("mpluskassa-2"));
    merchant.pos.set_branch_price(2, cappuccino, Some(Decimal::new(401, 2)));
    merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(merchant.item("Cappuccino").await.record.price_at(&utrecht), Some(Decimal::new(401, 2)));
    merchant.pos.set_branch_price(2, cappuccino, None);
    merchant.sync(&integration, &RunOptions::manual()).await;
    let item = merchant.item("Cappuccino").await.record;
    assert_eq!(item.price_at(&utrecht), item.price);
}

#[tokio::test]
async fn an_inactive_or_discontinued_article_makes_its_item_inactive_and_nothing_is_deleted() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    merchant.sync(&integration, &RunOptions::manual()).await;
    let count = merchant.items().await.len();
    merchant.pos.change_article(merchant.article("Risotto met paddenstoelen"), |article| {
        article.active = Some(false)
    });
    merchant.pos.change_article(merchant.article("Cappuccino"), |article| article.discontinued = Some(true));
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(!merchant.item("Risotto met paddenstoelen").await.record.active);
    assert!(!merchant.item("Cappuccino").await.record.active);
    assert_eq!(report.counts[&Resource::ARTICLES].deactivated, 2);
    assert_eq!(merchant.items().await.len(), count);
}

#[tokio::test]
async fn a_deleted_preparation_group_becomes_inactive() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    merchant.sync(&integration, &RunOptions::manual()).await;
    let group =
        merchant.groups().await.into_iter().find(|group| group.record.id.as_str().contains("preparation"));
    let number = group.unwrap().external_ids.mpluskassa.unwrap().number;
    assert!(merchant.pos.delete_preparation_group(number));
    merchant.sync(&integration, &RunOptions::manual()).await;
    let inactive: Vec<_> = merchant.groups().await.into_iter().filter(|group| !group.record.active).collect();
    assert_eq!(inactive.len(), 1);
    assert_eq!(inactive[0].external_ids.mpluskassa.unwrap().number, number);
}

#[tokio::test]
async fn odd_articles_are_taken_over_and_named() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    merchant.pos.set_price(merchant.article("Risotto met paddenstoelen"), Decimal::new(-100, 2));
    merchant.pos.change_article(merchant.article("Cappuccino"), |article| article.vat_code = Some(77));
    let long = "x".repeat(10_000);
    let dessert = merchant.article("Dame blanche");
    let (name, expected) = (long.clone(), long.clone());
    merchant.pos.change_article(dessert, |article| article.description = Some(name));
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed);
    let notes: Vec<_> = report.skipped.first.iter().map(|note| note.message.as_str()).collect();
    assert!(notes.contains(&"the price is negative (-1.00)"), "{notes:?}");
    assert!(
        notes.iter().any(|note| note.starts_with("Tax mismatch: the POS has no BTW code 77")),
        "{notes:?}"
    );
    assert_eq!(merchant.item("Risotto met paddenstoelen").await.record.price, None);
    assert!(merchant.items().await.iter().any(|item| item.record.name == expected));
}

#[tokio::test]
async fn a_picture_that_fails_is_named_and_made_good_by_the_next_sync() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    merchant.pos.faults().script_for("getImages", [Fault::Garbage; 3]);
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed);
    assert!(report.failures.is_empty(), "{report}");
    let missing = |items: &[mplus_sync::model::Tracked<mplus_sync::model::Item>]| {
        items.iter().flat_map(|item| &item.record.images).filter(|image| image.media.is_none()).count()
    };
    let named =
        report.skipped.first.iter().filter(|note| note.message.contains("picture not taken over")).count();
    assert_eq!((missing(&merchant.items().await), named > 0), (0, true), "{report}");
    let (report, requests) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(report.skipped.is_empty() && missing(&merchant.items().await) == 0, "{report}");
    assert_eq!(requests, 4);
}

#[tokio::test]
async fn a_dry_run_tells_what_would_come_and_writes_nothing() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual().dry_run()).await;
    assert!(report.counts[&Resource::ARTICLES].pulled > 50 && report.writes == 0);
    assert_eq!(merchant.items().await, []);
    assert!(merchant.media.is_empty());
}

#[tokio::test]
async fn a_cancelled_run_ends_in_a_report_and_the_next_one_finishes() {
    let merchant = Merchant::new(Pos::generated(1200, 5));
    let integration = merchant.connect().await;
    let cancel = CancelToken::new();
    let switch = cancel.clone();
    let options = RunOptions::manual().cancelled_by(cancel).with_progress(
        move |progress: &mplus_sync::progress::Progress| {
            if progress.resource == Resource::ARTICLES {
                switch.cancel();
            }
        },
    );
    let (report, _) = merchant.sync(&integration, &options).await;
    assert_eq!(report.outcome, RunOutcome::Cancelled);
    let stored = merchant.items().await.len();
    assert!(stored > 0 && stored < 1500, "{stored}");
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed);

    let undisturbed = Merchant::new(Pos::generated(1200, 5));
    let integration = undisturbed.connect().await;
    undisturbed.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(contents(merchant.items().await), contents(undisturbed.items().await));
}

#[tokio::test]
async fn a_full_sync_changes_nothing_that_is_as_it_should_be() {
    let merchant = Merchant::new(Pos::generated(700, 5));
    let integration = merchant.connect().await;
    merchant.sync(&integration, &RunOptions::manual()).await;
    let before = (merchant.items().await, merchant.categories().await);
    let (report, _) = merchant.sync(&integration, &RunOptions::full(SyncContext::Scheduled)).await;
    assert_eq!(report.outcome, RunOutcome::Completed);
    assert_eq!(report.counts[&Resource::ARTICLES].pulled, 0, "{report}");
    assert_eq!((merchant.items().await, merchant.categories().await), before);
}

#[tokio::test]
async fn two_runs_at_once_do_not_work_on_one_connection() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    let (other, now) = (Holder::from("worker-2"), merchant.runtime.now());
    let until = now + chrono::TimeDelta::minutes(15);
    let lease =
        merchant.store.acquire(&Merchant::id(), &LeaseName::RUN, &other, until, now).await.unwrap().unwrap();
    let second = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(second.outcome, RunOutcome::Busy, "{second}");
    merchant.store.release(&lease).await.unwrap();
    assert_eq!(integration.sync_menu(&RunOptions::manual()).await.outcome, RunOutcome::Completed);
}

/// Holds up a run at its first location until it is told to go on.
struct Gate(Arc<Notify>);

#[async_trait]
impl LocationProvisioner for Gate {
    fn attributes(&self) -> Vec<String> {
        vec!["stripe_customer".to_owned()]
    }

    async fn provision(&self, _: &ConnectionId, _: &Location) -> Result<Provision, ProvisionError> {
        self.0.notified().await;
        Ok(Provision::default())
    }
}

#[tokio::test]
async fn two_runs_of_one_worker_exclude_each_other_too() {
    let merchant = Merchant::new(Pos::brasserie());
    merchant.connect().await;
    let mut location = merchant.locations().await.remove(0);
    location.record.attributes.remove("stripe_customer");
    merchant.store.apply_locations(&Merchant::id(), vec![location]).await.unwrap();
    let go_on = Arc::new(Notify::new());
    let host = merchant.host().with_provisioner(Gate(Arc::clone(&go_on)));
    let integration = Integration::open(host, Merchant::id()).await.unwrap();
    let options = RunOptions::manual();
    let second = async {
        let second = integration.sync_menu(&options).await;
        go_on.notify_one();
        second
    };
    let (first, second) = join(integration.sync_menu(&options), second).await;
    assert_eq!(first.outcome, RunOutcome::Completed, "{first}");
    assert_eq!(second.outcome, RunOutcome::Busy, "{second}");
    assert_eq!((second.requests, second.writes), (0, 0), "{second}");
}

#[cfg(feature = "testkit")]
#[tokio::test]
async fn components_and_linked_articles_are_shown_and_what_they_come_to() {
    use mplus_qapi::products::LinkedArticle;
    use mplus_qapi::value::Decimal;

    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    let (drink, deposit) = (merchant.article("Coca-Cola"), merchant.article("Pepersaus"));
    let linked = LinkedArticle { article_number: deposit, quantity: Decimal::TWO };
    merchant.pos.change_article(drink, |article| article.linked_article_list = vec![linked].into());
    integration.sync_menu(&RunOptions::manual()).await;

    let products = merchant.pos.products();
    let articles = || products.iter().flat_map(|product| &product.article_list);
    let whole = articles().find(|article| !article.component_article_list.is_empty()).unwrap();
    let item = merchant.item(whole.description.as_deref().unwrap()).await.record;
    let parts: Vec<_> = item.components.iter().map(|part| (part.article.get(), part.quantity)).collect();
    let told = whole.component_article_list.iter();
    let told: Vec<_> = told.map(|part| (part.article_number.unwrap(), part.quantity.unwrap())).collect();
    assert_eq!(parts, told);
    let nowhere = "nowhere".into();
    assert_eq!(item.price_with_linked_at(&nowhere, |_| None), item.price, "its price includes them");

    let item = merchant.item("Coca-Cola").await.record;
    let sauce = merchant.item("Pepersaus").await.record;
    assert_eq!(item.linked[0].article.get(), deposit);
    let with = item.price_with_linked_at(&nowhere, |_| sauce.price);
    assert_eq!(with, Some(item.price.unwrap() + sauce.price.unwrap() * Decimal::TWO));
    assert_eq!(item.price_with_linked_at(&nowhere, |_| None), None, "what it comes to is not known");
}
