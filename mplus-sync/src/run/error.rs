//! Why a step of a run stopped, in words for a person.

use crate::cancel::Cancelled;
use crate::model::{FingerprintError, Resource};
use crate::pos_call::pos_advice;
use crate::report::Note;
use crate::store::StoreError;

/// A step of a run could not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// A call to the POS failed.
    #[error(transparent)]
    Pos(#[from] mplus_qapi::Error),
    /// The host's store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record cannot be compared.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    /// Another worker took the connection over.
    #[error("another worker took over this connection's sync")]
    LeaseLost,
    /// Another worker has the connection.
    #[error("another sync of this connection is running")]
    Busy,
    /// The run was stopped on request.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl StepError {
    /// Whether the other steps would fail the same way.
    pub(crate) fn ends_the_run(&self) -> bool {
        match self {
            Self::Pos(error) => error.is_authentication() || error.is_connect(),
            Self::LeaseLost | Self::Busy | Self::Cancelled(_) => true,
            Self::Store(_) | Self::Fingerprint(_) => false,
        }
    }

    /// What a person can do about it.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Pos(error) => pos_advice(error),
            Self::Store(error) if error.is_retryable() => "The next sync goes on from here",
            Self::Store(_) => "Have the store looked at; the next sync goes on from here",
            Self::Fingerprint(_) => "Report this: it is a fault of the sync",
            Self::LeaseLost => "Nothing to do: the other worker goes on from here",
            Self::Busy => "Wait until it has ended",
            Self::Cancelled(_) => "The next sync goes on from here",
        }
    }

    /// The step's failure as a line of the report.
    pub(crate) fn note(&self, resource: Resource) -> Note {
        Note::general(resource, &self.to_string(), self.advice())
    }
}
