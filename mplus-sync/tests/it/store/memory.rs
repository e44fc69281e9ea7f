//! The store in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mplus_sync::store::{MemoryStore, Store, StoreError};
use mplus_sync::testkit::conformance::{self, StoreFactory};

#[derive(Default)]
struct MemoryStores(Mutex<BTreeMap<String, Arc<MemoryStore>>>);

#[async_trait]
impl StoreFactory for MemoryStores {
    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, StoreError> {
        let store: Arc<dyn Store> = self.0.lock().unwrap().entry(name.to_owned()).or_default().clone();
        Ok(store)
    }
}

#[tokio::test]
async fn the_store_in_memory_shows_every_behaviour() {
    let report = conformance::run(&MemoryStores::default()).await;
    assert!(report.is_met(), "{report}");
    assert!(report.met.len() > 50, "{report}");
    assert_eq!(report.untried.len(), 7, "it has no rows that cannot be read: {report}");
}
