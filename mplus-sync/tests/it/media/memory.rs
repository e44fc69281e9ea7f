use mplus_sync::media::MemoryMediaStore;

use super::{image, keeps_its_promises};

#[tokio::test]
async fn a_map_keeps_the_promises_and_the_bytes() {
    let store = MemoryMediaStore::new();
    assert!(store.is_empty());
    keeps_its_promises(&store).await;
    assert_eq!(store.len(), 2);
    assert_eq!(store.image(&image("cola").hash()), Some(image("cola")));
}
