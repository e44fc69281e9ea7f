//! A run may end at any call, of the store or of the POS: the next one comes to the same state.

use std::sync::Arc;

use chrono::TimeDelta;
use mplus_qapi::testkit::{Fault, Pos};
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::model::{Category, Item};
use mplus_sync::report::RunOutcome;
use mplus_sync::store::{CatalogEdits, MemoryStore, Store};
use mplus_sync::sync::RunOptions;
use mplus_sync::testkit::{FailAt, FaultyStore};

use crate::support::{Merchant, contents};

/// A connected merchant whose host has edits to push; nothing was pulled yet.
async fn prepared() -> Merchant {
    let merchant = Merchant::keeping(Pos::generated(6, 11), Arc::new(MemoryStore::new()));
    merchant.connect().await;
    let mut item = Item::new("own", "Our own dish");
    let category = Category::new("own", "Our own");
    item.category = Some(category.id.clone());
    (item.price, item.tax_rate) = (Some(Decimal::new(1250, 2)), Some(9.into()));
    let edits = CatalogEdits { items: vec![item], categories: vec![category], ..CatalogEdits::default() };
    let now = merchant.pos.now() + TimeDelta::minutes(1);
    merchant.store.save_edits(&Merchant::id(), edits, now).await.unwrap();
    merchant
}

async fn run(merchant: &Merchant, store: Arc<dyn Store>) {
    if let Ok(integration) = Integration::open(merchant.host_over(store), Merchant::id()).await {
        integration.sync_menu(&RunOptions::manual()).await;
    }
}

/// What both sides have after two undisturbed runs: the second takes in the echo of the first.
async fn state(merchant: &Merchant) -> (String, usize) {
    // A lease that was not given back ends by itself.
    merchant.runtime.pass(TimeDelta::hours(1));
    for _ in 0..2 {
        let integration = Integration::open(merchant.host(), Merchant::id()).await.unwrap();
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
        assert!(report.failures.is_empty() && report.conflicts.is_empty(), "{report}");
    }
    let items = contents(merchant.items().await);
    let categories = contents(merchant.categories().await);
    let groups = contents(merchant.groups().await);
    let locations = contents(merchant.locations().await);
    let products = merchant.pos.requests().carried_out("createProduct") as usize;
    (format!("{items:?} {categories:?} {groups:?} {locations:?}"), products)
}

#[tokio::test]
async fn whichever_call_of_the_store_fails_the_next_run_comes_to_the_same_state() {
    let merchant = prepared().await;
    let counting = Arc::new(FaultyStore::counting(Arc::clone(&merchant.store)));
    run(&merchant, Arc::clone(&counting) as _).await;
    let calls = counting.calls();
    let undisturbed = state(&merchant).await;
    assert_eq!(undisturbed.1, 1);
    assert!(calls > 15, "{calls}");
    for call in 1..=calls {
        for fault in [
            FailAt::before(call),
            FailAt::after(call),
            FailAt::before(call).and_all_later(),
            FailAt::after(call).and_all_later(),
        ] {
            let merchant = prepared().await;
            run(&merchant, Arc::new(FaultyStore::failing(Arc::clone(&merchant.store), fault))).await;
            assert_eq!(state(&merchant).await, undisturbed, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn whichever_call_of_the_pos_fails_the_next_run_comes_to_the_same_state() {
    let merchant = prepared().await;
    let before = merchant.pos.requests().total();
    run(&merchant, Arc::clone(&merchant.store)).await;
    let calls = usize::try_from(merchant.pos.requests().total() - before).unwrap();
    let undisturbed = state(&merchant).await;
    assert!(calls > 8, "{calls}");
    for call in 0..calls {
        for fault in
            [Fault::ResetAfter, Fault::ResetBefore, Fault::Truncated, Fault::Garbage, Fault::TimeoutAfter]
        {
            let merchant = prepared().await;
            let mut script = vec![None; call];
            // Often enough that a repeat does not heal it.
            script.extend([Some(fault); 6]);
            merchant.pos.faults().script(script);
            run(&merchant, Arc::clone(&merchant.store)).await;
            merchant.pos.faults().clear();
            assert_eq!(state(&merchant).await, undisturbed, "{fault:?} at call {call}");
        }
    }
}
