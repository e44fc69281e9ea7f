//! Who may still send, and with which credentials: asked before each request.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::Credentials;

/// Asked before each request that a client sends, repeats, pages and streams included.
///
/// A host whose merchants may be paused, disconnected or given another password while clients of theirs are in use puts
/// one before them ([`Client::through`](crate::Client::through)): from then on no handle sends what it may not, and each
/// one uses the credentials that hold now.
///
/// ```
/// use async_trait::async_trait;
/// use mplus_qapi::{Gate, Passage};
///
/// /// Lets nothing pass at night.
/// #[derive(Debug)]
/// struct OpeningHours;
///
/// #[async_trait]
/// impl Gate for OpeningHours {
///     async fn pass(&self, _operation: &'static str) -> Passage {
///         let closed = false;
///         if closed { Passage::Held("the restaurant is closed".to_owned()) } else { Passage::Open }
///     }
/// }
/// ```
#[async_trait]
pub trait Gate: fmt::Debug + Send + Sync {
    /// Whether a request of this operation may be sent now.
    async fn pass(&self, operation: &'static str) -> Passage;
}

/// What a [`Gate`] says.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Passage {
    /// The request may be sent.
    Open,
    /// It may be sent, and these credentials are used from now on by the client and all clones of it.
    OpenWith(Credentials),
    /// Nothing may be sent; why, in a sentence. The call ends in [`ErrorKind::Held`](crate::ErrorKind::Held) and is not
    /// repeated.
    Held(String),
}

/// The gates before a client, the outermost first.
pub(crate) type Gates = Arc<[Arc<dyn Gate>]>;
