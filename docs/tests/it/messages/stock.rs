//! Stock that does not come.

use std::sync::Arc;

use mplus_sync::cancel::CancelToken;
use mplus_sync::merchant::Merchant;
use mplus_sync::report::RunOutcome;
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::stock::{StockOptions, StockService, StockSettings};
use mplus_sync::store::Store;

use super::assert_quoted;
use super::world::{World, connection};

#[tokio::test]
async fn stock() {
    let world = World::new().await;
    let service = || {
        let store: Arc<dyn Store> = world.store.clone();
        StockService::new(&Merchant::new(world.pos.client(), connection(), store, Arc::new(TokioRuntime)))
    };
    let pulled = service().pull(&StockOptions::default(), &CancelToken::new()).await;
    let left_out = &pulled.skipped.first[0];
    assert_quoted(&left_out.message);
    assert_quoted(&left_out.advice);

    let mut off = StockSettings::default();
    off.enabled = false;
    let report = service().with_settings(off).pull(&StockOptions::default(), &CancelToken::new()).await;
    let RunOutcome::Failed { message, advice } = &report.outcome else { panic!("{report}") };
    assert_quoted(message);
    assert_quoted(advice);
}
