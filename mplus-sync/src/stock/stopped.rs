//! Why a pull stopped, in words for a person.

use crate::cancel::Cancelled;
use crate::report::RunOutcome;
use crate::store::StoreError;

/// Why a branch's pull stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error(transparent)]
    Pos(#[from] mplus_qapi::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("another worker took over this connection's stock")]
    LeaseLost,
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Stopped {
    /// Whether the other branches would stop the same way.
    pub(super) fn ends_the_run(&self) -> bool {
        match self {
            Self::Pos(error) => error.is_authentication() || error.is_connect(),
            Self::LeaseLost | Self::Cancelled(_) => true,
            Self::Store(_) => false,
        }
    }

    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Pos(error) if error.is_authentication() => "Check the MplusKASSA username and password",
            Self::Pos(error) if error.is_connect() => {
                "Check host, port and that the POS can be reached; the next sync goes on from here"
            }
            Self::Store(error) if !error.is_retryable() => "Have the store looked at, then sync again",
            _ => "The next sync goes on from here",
        }
    }

    pub(super) fn outcome(&self) -> RunOutcome {
        match self {
            Self::Cancelled(_) => RunOutcome::Cancelled,
            _ => RunOutcome::Failed { message: self.to_string(), advice: self.advice().to_owned() },
        }
    }
}
