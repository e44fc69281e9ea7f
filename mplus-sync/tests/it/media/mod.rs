//! Media stores: what every one promises, and what each does at its own edge.

#[cfg(feature = "cloudflare-images-no-tls")]
mod cloudflare;
#[cfg(feature = "media-fs")]
mod fs;
mod memory;

use mplus_sync::media::{ContentHash, Image, ImageRules, MediaStore};

/// A picture that differs by its text.
fn image(text: &str) -> Image {
    Image::check(format!("<svg><!-- {text} --></svg>").into(), &ImageRules::default()).unwrap()
}

/// What every store promises.
async fn keeps_its_promises(store: &dyn MediaStore) {
    let (cola, bread) = (image("cola"), image("bread"));
    assert_eq!(store.find(&cola.hash()).await.unwrap(), None);

    let stored = store.put(&cola).await.unwrap();
    assert_eq!(stored.hash, cola.hash());
    assert_eq!(store.put(&cola).await.unwrap(), stored, "a repeat changes nothing");
    assert_eq!(store.find(&cola.hash()).await.unwrap(), Some(stored.clone()));

    assert!(!store.has(&bread.hash()).await.unwrap());
    assert_ne!(store.put(&bread).await.unwrap().url, stored.url);
    assert!(store.has(&bread.hash()).await.unwrap());
    assert!(!store.has(&ContentHash::of(b"nobody stored this")).await.unwrap());
}
