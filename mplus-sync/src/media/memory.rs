//! Images in a map.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{ContentHash, Image, MediaError, MediaStore, StoredImage};

/// Keeps images in memory, for tests; their address is `memory:` and the hash.
#[derive(Debug, Default)]
pub struct MemoryMediaStore {
    images: Mutex<BTreeMap<ContentHash, Image>>,
}

impl MemoryMediaStore {
    /// Without images.
    pub fn new() -> Self {
        Self::default()
    }

    /// The image with this hash.
    pub fn image(&self, hash: &ContentHash) -> Option<Image> {
        self.images().get(hash).cloned()
    }

    /// How many different images there are.
    pub fn len(&self) -> usize {
        self.images().len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.images().is_empty()
    }

    fn images(&self) -> MutexGuard<'_, BTreeMap<ContentHash, Image>> {
        // A map is whole after every step, so a panic elsewhere does not matter to it.
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MediaStore for MemoryMediaStore {
    async fn put(&self, image: &Image) -> Result<StoredImage, MediaError> {
        self.images().insert(image.hash(), image.clone());
        Ok(stored(image.hash()))
    }

    async fn find(&self, hash: &ContentHash) -> Result<Option<StoredImage>, MediaError> {
        Ok(self.images().contains_key(hash).then(|| stored(*hash)))
    }
}

fn stored(hash: ContentHash) -> StoredImage {
    StoredImage { hash, url: format!("memory:{hash}") }
}
