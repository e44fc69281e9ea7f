//! What can go wrong at a media store.

use std::time::Duration;

/// A store did not do what was asked. Calling again with the same image is always safe.
///
/// A sync goes on without the image, names it in the report, and the next run tries again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The store does not know the credentials, or they may not do this. Nothing was stored.
    #[error("the media store refused the credentials ({detail}); check the account and the token")]
    Unauthorized {
        /// What the store said.
        detail: String,
    },
    /// The store will not take this image, now or later. Nothing was stored.
    #[error("the media store refused the image ({detail}); replace the picture in the POS")]
    Refused {
        /// What the store said.
        detail: String,
    },
    /// Too many calls, and waiting longer was not allowed. Nothing was stored by this call.
    #[error("the media store allows no more calls for now ({detail}); the next sync tries again")]
    RateLimited {
        /// How long the store asked to wait, when it said so.
        retry_after: Option<Duration>,
        /// What the store said.
        detail: String,
    },
    /// The store could not be reached or failed. The image may have been stored.
    #[error("the media store is not available ({detail}); the next sync tries again")]
    Unavailable {
        /// What happened.
        detail: String,
    },
    /// The store answered something that cannot be understood. The image may have been stored.
    #[error("the media store's answer is not understood ({detail})")]
    Reply {
        /// What was wrong with it.
        detail: String,
    },
    /// A file could not be read or written. Nothing was stored.
    #[error("could not {action} {path}: {source}")]
    File {
        /// What was to be done, such as "create the folder".
        action: &'static str,
        /// Where.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl MediaError {
    /// Whether the same call may succeed later without a person doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. })
    }
}
