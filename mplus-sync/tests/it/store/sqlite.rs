//! The store in a SQLite file.

use std::sync::Arc;

use async_trait::async_trait;
use mplus_sync::store::{SqliteStore, Store, StoreError};
use mplus_sync::testkit::conformance::{self, StoreFactory};

struct SqliteStores(tempfile::TempDir);

#[async_trait]
impl StoreFactory for SqliteStores {
    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(SqliteStore::open(self.0.path().join(name)).await?))
    }
}

#[tokio::test]
async fn the_store_in_sqlite_shows_every_behaviour() {
    let report = conformance::run(&SqliteStores(tempfile::tempdir().unwrap())).await;
    assert!(report.is_met(), "{report}");
}
