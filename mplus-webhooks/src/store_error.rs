//! What a store answers when it cannot answer.

/// The store could not answer.
#[derive(Debug, thiserror::Error)]
#[error("the webhook store failed while trying to {action}: {source}")]
pub struct StoreError {
    action: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// A failure, and what the store was trying to do.
    pub fn new(action: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { action, source: source.into() }
    }
}
