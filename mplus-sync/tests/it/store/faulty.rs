//! The store that fails on demand.

use std::sync::Arc;

use mplus_sync::model::{Category, ConnectionId, Tracked};
use mplus_sync::store::{
    CatalogChunk, CatalogStore, CheckpointStore, MemoryStore, Page, Select, Store, StoreErrorKind,
};
use mplus_sync::testkit::{FailAt, FaultyStore};

fn chunk(id: &str) -> CatalogChunk {
    CatalogChunk { categories: vec![Tracked::new(Category::new(id, id))], ..CatalogChunk::default() }
}

async fn stored(store: &MemoryStore) -> usize {
    let page = Select::Page(Page::first(10));
    store.categories(&ConnectionId::from("merchant"), page).await.unwrap().len()
}

#[tokio::test]
async fn a_call_that_fails_before_changes_nothing_and_later_calls_work() {
    let inner = Arc::new(MemoryStore::new());
    let store = FaultyStore::failing(inner.clone(), FailAt::before(2));
    let merchant = ConnectionId::from("merchant");
    store.checkpoints(&merchant).await.unwrap();
    let error = store.apply(&merchant, chunk("a")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!error.may_have_happened());
    assert_eq!(stored(&inner).await, 0);
    store.apply(&merchant, chunk("a")).await.unwrap();
    assert_eq!((stored(&inner).await, store.calls()), (1, 3));
}

#[tokio::test]
async fn a_call_that_fails_after_is_carried_out_and_says_that_it_may_have_been() {
    let inner = Arc::new(MemoryStore::new());
    let store = FaultyStore::failing(inner.clone(), FailAt::after(1));
    let error = store.apply(&ConnectionId::from("merchant"), chunk("a")).await.unwrap_err();
    assert!(error.may_have_happened());
    assert_eq!(stored(&inner).await, 1);
}

#[tokio::test]
async fn after_a_crash_every_call_fails() {
    let inner = Arc::new(MemoryStore::new());
    let store: Arc<dyn Store> =
        Arc::new(FaultyStore::failing(inner.clone(), FailAt::after(1).and_all_later()));
    for id in ["a", "b", "c"] {
        store.apply(&ConnectionId::from("merchant"), chunk(id)).await.unwrap_err();
    }
    assert_eq!(stored(&inner).await, 1);
}
