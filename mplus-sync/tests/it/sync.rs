//! Sync Now: menu and stock in one go.

use std::sync::Arc;

use chrono::TimeDelta;
use mplus_qapi::testkit::{Fault, Pos};
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::conflict::SyncContext;
use mplus_sync::model::{ItemId, LocationId};
use mplus_sync::report::{RunOutcome, SyncReport};
use mplus_sync::settings::MerchantSettings;
use mplus_sync::sync::RunOptions;

use crate::support::Merchant;

/// Inventory levels that the host has.
async fn levels(merchant: &Merchant) -> usize {
    let ids: Vec<ItemId> = merchant.items().await.into_iter().map(|item| item.record.id).collect();
    let mut levels = 0;
    for location in merchant.locations().await {
        let found = merchant.store.levels_of(&Merchant::id(), &location.record.id, &ids).await;
        levels += found.unwrap().len();
    }
    levels
}

#[tokio::test]
async fn sync_now_brings_the_menu_and_then_the_stock_of_its_items() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    let SyncReport { menu, stock, .. } = integration.sync(&RunOptions::manual()).await;
    assert_eq!(menu.outcome, RunOutcome::Completed, "{menu}");
    let stock = stock.unwrap();
    assert_eq!(stock.outcome, RunOutcome::Completed, "{stock}");
    let pulled: u64 = stock.counts.values().map(|counts| counts.pulled).sum();
    assert!(pulled > 0, "{stock}");
    assert_eq!(levels(&merchant).await as u64, pulled);
    assert!(integration.status().await.unwrap().unwrap().last_sync_at.is_some());
}

#[tokio::test]
async fn stock_is_left_out_when_it_is_switched_off_or_nothing_may_be_written() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    assert_eq!(integration.sync(&RunOptions::manual().dry_run()).await.stock, None);

    let mut settings = MerchantSettings::default();
    settings.stock.enabled = false;
    let host = merchant.host().with_settings(settings);
    let without = Integration::open(host, Merchant::id()).await.unwrap();
    let report = without.sync(&RunOptions::manual()).await;
    assert_eq!((report.menu.outcome, report.stock), (RunOutcome::Completed, None));
    assert_eq!(levels(&merchant).await, 0);
}

#[tokio::test]
async fn a_schedule_that_reads_the_whole_menu_again_reads_all_stock_again_too() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    let (cola, water) = (merchant.article("Coca-Cola"), merchant.article("Coca-Cola") + 2);
    let before = merchant.pos.stock(1, cola).unwrap();
    merchant.pos.set_stock(1, cola, Decimal::from(7));
    integration.sync(&RunOptions::manual()).await;
    // A backup from before that, in which more was sold since than what was undone.
    let restored = Pos::brasserie();
    for left in 0..20 {
        assert!(restored.set_stock(1, water, Decimal::from(left)));
    }
    let host = merchant.host_with(Arc::clone(&merchant.store), restored);
    let integration = Integration::open(host, Merchant::id()).await.unwrap();
    merchant.runtime.pass(TimeDelta::days(8));
    integration.sync(&RunOptions::incremental(SyncContext::Scheduled)).await;
    let item = merchant.item("Coca-Cola").await.record.id;
    let location = LocationId::from("mpluskassa-1");
    let levels = merchant.store.levels_of(&Merchant::id(), &location, &[item]).await.unwrap();
    assert_eq!(levels[0].amount, before);
}

#[tokio::test]
async fn a_menu_run_that_did_not_end_leaves_the_stock_to_the_next_sync() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    merchant.pos.faults().script([Fault::Refused; 16]);
    let report = integration.sync(&RunOptions::manual()).await;
    assert!(matches!(report.menu.outcome, RunOutcome::Failed { .. }), "{report}");
    assert_eq!(report.stock, None);
    assert!(!report.is_clean());
    assert!(report.to_string().contains("FAILED"), "{report}");

    merchant.pos.faults().clear();
    assert!(integration.sync(&RunOptions::manual()).await.stock.is_some());
}
