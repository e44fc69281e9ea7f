//! What the host is told about its inbox.

use super::entry::Entry;

/// What a person should know about an event.
///
/// Told at least once: a notice counts as told when the handler has returned. Until then it comes again, for the same entry, also
/// from another process: when the handler panicked, took longer than [`Attempts::patience`](crate::Attempts::patience), or the
/// process died.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum InboxNotice {
    /// The event cannot be read, or failed too often. It is kept with its raw body; look at [`Entry::last_error`], then replay or
    /// discard it.
    Dead(Entry),
    /// A further part of a sale that was completed before: its id with other content, as split payments send it. It became a
    /// transaction of its own.
    FurtherPart {
        /// The further part.
        entry: Entry,
        /// What was told of the sale before.
        earlier: Vec<Entry>,
    },
    /// A sale was cancelled that had been completed: its transaction was cancelled, as the vendor says, but this is unusual.
    CancelledAfterCompletion {
        /// The cancellation.
        entry: Entry,
        /// The completions.
        completed: Vec<Entry>,
    },
    /// A sale was cancelled or credited without its id. No stored sale was touched.
    WithoutSession(Entry),
    /// Parts of the event could not be read, or were odd. It was worked off without them.
    Odd {
        /// The event; its raw body is here.
        entry: Entry,
        /// What was odd, for a person.
        oddities: Vec<String>,
    },
}

impl InboxNotice {
    /// The entry that it is about.
    pub fn entry(&self) -> &Entry {
        match self {
            Self::Dead(entry) | Self::WithoutSession(entry) => entry,
            Self::FurtherPart { entry, .. }
            | Self::CancelledAfterCompletion { entry, .. }
            | Self::Odd { entry, .. } => entry,
        }
    }
}
