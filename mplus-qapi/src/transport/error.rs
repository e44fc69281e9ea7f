//! What can go wrong below HTTP.

use std::{error::Error, fmt};

/// An exchange failed below HTTP, or the transport cannot be built.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Where an exchange failed: what it says about whether the request arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The transport cannot be built with these settings: nothing was sent.
    Setup,
    /// No connection was made (name, refused, TLS): the request never left.
    Connect,
    /// The time was up while waiting for a connection: the request never left.
    ConnectTimeout,
    /// The time was up after the request was, or may have been, sent.
    Timeout,
    /// The connection broke after the request was, or may have been, sent.
    Interrupted,
}

impl TransportError {
    /// An error; `message` must not hold the request's URL.
    pub fn new(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The same with what the library below said. The message should not repeat it, nor may it hold the request's URL.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Where it failed.
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// The same with its texts as they may be kept. A cause whose own texts may not is replaced by what may.
    pub(crate) fn with_texts(self, kept: impl Fn(String) -> String) -> Self {
        let mut said = String::new();
        let mut cause = self.source.as_deref().map(|source| source as &(dyn Error + 'static));
        while let Some(error) = cause {
            said += &format!("{}{error}", if said.is_empty() { "" } else { ": " });
            cause = error.source();
        }
        let shown = kept(said.clone());
        // What only `Debug` says counts, too.
        let debugged = self.source.as_ref().map(|source| format!("{source:?}")).unwrap_or_default();
        let is_clean = shown == said && kept(debugged.clone()) == debugged;
        let source = if is_clean { self.source } else { Some(shown.into()) };
        Self { kind: self.kind, message: kept(self.message), source }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            TransportErrorKind::Setup => "the transport cannot be built",
            TransportErrorKind::Connect => "no connection",
            TransportErrorKind::ConnectTimeout => "no connection in time",
            TransportErrorKind::Timeout => "no complete answer in time",
            TransportErrorKind::Interrupted => "the connection broke",
        };
        f.write_str(what)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_holds_what_may_not_be_kept_is_told_without_it() {
        let error =
            || TransportError::new(TransportErrorKind::Connect, "to geheim").with_source("says geheim too");
        let shown = error().with_texts(|text| text.replace("geheim", "***"));
        assert_eq!(shown.to_string(), "no connection: to ***");
        assert_eq!(shown.source().map(ToString::to_string).as_deref(), Some("says *** too"));
        let same = error().with_texts(|text| text);
        assert_eq!(same.source().map(ToString::to_string).as_deref(), Some("says geheim too"));
    }
}
