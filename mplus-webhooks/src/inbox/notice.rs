//! What the host is told about its inbox.

use bytes::Bytes;

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
    /// A further part of a sale that was completed before: its id with other content, or with the same content on another occasion
    /// ([`EqualParts`](crate::EqualParts)), as split payments send it. It became a transaction of its own. Also a credit whose
    /// content is that of an earlier one, on another occasion, where the host takes that for one more
    /// ([`Builder::equal_credits`](crate::Builder::equal_credits)).
    FurtherPart {
        /// The further part.
        entry: Entry,
        /// What was told of the sale before.
        earlier: Vec<Entry>,
    },
    /// The end of a sale was told again with the same content, but not as the same bytes sent once more, and was taken for a repeat:
    /// it is a credit, or the host wants it so ([`EqualParts::Repeat`](crate::EqualParts::Repeat)), or what was told before is kept no longer or has
    /// neither counter nor time. It is an entry of its own, of which nothing was recorded; was it a part of the sale after all, a
    /// replay of that entry makes it a transaction, and a credit's a credit of its own.
    ToldAgain {
        /// What was told before.
        entry: Entry,
        /// The body that came now.
        body: Bytes,
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
            | Self::ToldAgain { entry, .. }
            | Self::CancelledAfterCompletion { entry, .. }
            | Self::Odd { entry, .. } => entry,
        }
    }
}
