//! Where the menu's images go.
//!
//! An image is addressed by the SHA-256 of its bytes: storing the same picture again, from another article, another
//! run or a repeated attempt, changes nothing. [`Image::check`] looks at the bytes once (size, format) and only what
//! passed can be stored.
//!
//! | store | feature | what it is |
//! |---|---|---|
//! | [`MemoryMediaStore`] | always | a map, for tests |
//! | `FsMediaStore` | `media-fs` | a directory that the host serves |
//! | `CloudflareImages` | `cloudflare-images` | Cloudflare's image service |
//!
//! A host with its own storage implements [`MediaStore`].

#[cfg(feature = "cloudflare-images-no-tls")]
pub mod cloudflare;
mod error;
#[cfg(feature = "media-fs")]
mod fs;
mod image;
mod memory;

use std::fmt::Debug;

use async_trait::async_trait;

#[cfg(feature = "cloudflare-images-no-tls")]
#[doc(inline)]
pub use cloudflare::CloudflareImages;
pub use error::MediaError;
#[cfg(feature = "media-fs")]
pub use fs::FsMediaStore;
pub use image::{ContentHash, Image, ImageError, ImageKind, ImageRules, InvalidHash};
pub use memory::MemoryMediaStore;

/// A place that keeps images under their content hash.
///
/// Calls may come from several tasks at once, for the same image too.
#[async_trait]
pub trait MediaStore: Debug + Send + Sync {
    /// Stores the image and says where it is served.
    ///
    /// Storing an image that is there already is a success with the same answer. After an error the image may have
    /// been stored or not; calling again is always safe, and a half-stored image is never served.
    async fn put(&self, image: &Image) -> Result<StoredImage, MediaError>;

    /// Where the image with this hash is served, `None` when it is not stored.
    async fn find(&self, hash: &ContentHash) -> Result<Option<StoredImage>, MediaError>;

    /// Whether the image with this hash is stored.
    async fn has(&self, hash: &ContentHash) -> Result<bool, MediaError> {
        Ok(self.find(hash).await?.is_some())
    }
}

/// An image that a store keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// What it is stored under.
    pub hash: ContentHash,
    /// Where a browser gets it.
    pub url: String,
}
