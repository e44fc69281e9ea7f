//! Why a step of a run stopped, in words for a person.

use crate::cancel::Cancelled;
use crate::merchant::NoStanding;
use crate::model::{FingerprintError, Resource};
use crate::pos_call::{LONGEST_MESSAGE, cut_to, is_silence, is_unknown_operation, pos_advice};
use crate::report::{Note, RunOutcome};
use crate::store::StoreError;

/// A step of a run could not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// A call to the POS failed.
    #[error(transparent)]
    Pos(mplus_qapi::Error),
    /// Nothing may be sent or written: the merchant disconnected, rests, or moved.
    #[error("{0}")]
    Held(String),
    /// The host's store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record cannot be compared.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    /// Another worker took the connection over.
    #[error("another worker took over this connection")]
    LeaseLost,
    /// Another worker has the connection.
    #[error("another sync of this connection is running")]
    Busy,
    /// The run was stopped on request.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl From<mplus_qapi::Error> for StepError {
    fn from(error: mplus_qapi::Error) -> Self {
        match error.kind() {
            mplus_qapi::ErrorKind::Held(why) => Self::Held(why.clone()),
            _ => Self::Pos(error),
        }
    }
}

impl From<NoStanding> for StepError {
    fn from(why: NoStanding) -> Self {
        match why {
            NoStanding::Store(error) => Self::Store(error),
            why => Self::Held(why.to_string()),
        }
    }
}

impl StepError {
    /// How a run ends that could not go on.
    pub(crate) fn outcome(&self) -> RunOutcome {
        match self {
            Self::Cancelled(_) => RunOutcome::Cancelled,
            Self::Busy => RunOutcome::Busy,
            _ => {
                let message = cut_to(&self.to_string(), LONGEST_MESSAGE);
                RunOutcome::Failed { message, advice: self.advice().to_owned() }
            }
        }
    }

    /// What it says of the connection: a failure that every call would meet, or most of them.
    pub(crate) fn pos_failure(&self) -> Option<String> {
        match self {
            // Customers run different versions: one that lacks a call is not one that fails.
            Self::Pos(error) if !is_unknown_operation(error) => {
                Some(cut_to(&error.to_string(), LONGEST_MESSAGE))
            }
            _ => None,
        }
    }

    /// Whether the other steps would fail the same way.
    pub(crate) fn ends_the_run(&self) -> bool {
        match self {
            Self::Pos(error) => error.is_authentication() || error.is_connect(),
            Self::Held(_) | Self::LeaseLost | Self::Busy | Self::Cancelled(_) => true,
            Self::Store(_) | Self::Fingerprint(_) => false,
        }
    }

    /// Whether the same may work later, with nobody doing anything about it.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Pos(error) => error.is_transient() || is_a_page(error),
            Self::Store(error) => error.is_retryable(),
            Self::Held(_) | Self::LeaseLost | Self::Busy => true,
            Self::Fingerprint(_) | Self::Cancelled(_) => false,
        }
    }

    /// Whether the POS refused this very call, and will again until a person does something about it.
    pub(crate) fn is_refusal(&self) -> bool {
        use mplus_qapi::ErrorKind::{Fault, Http};
        match self {
            Self::Pos(error) if error.is_transient() || error.is_authentication() => false,
            Self::Pos(error) => matches!(error.kind(), Fault(_) | Http { status: 400..=499 }),
            _ => false,
        }
    }

    /// Whether the POS kept silent: the call ended because its time was up.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self, Self::Pos(error) if is_silence(error))
    }

    /// Whether its time was up, at a call or on the way to the POS.
    pub(crate) fn timed_out(&self) -> bool {
        let waited = |error: &mplus_qapi::Error| matches!(error.kind(), mplus_qapi::ErrorKind::Busy { .. });
        matches!(self, Self::Pos(error) if error.is_timeout() && !waited(error))
    }

    /// What a person can do about it.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Pos(error) => pos_advice(error),
            // What to do first is in the message.
            Self::Held(_) => "The next sync goes on from here",
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

/// Whether the answer is no answer of the POS at all, but a page of whatever stands before it.
fn is_a_page(error: &mplus_qapi::Error) -> bool {
    use mplus_qapi::soap::DecodeProblem;
    let mplus_qapi::ErrorKind::Response(answer) = error.kind() else { return false };
    matches!(answer.problem(), DecodeProblem::UnexpectedDocument(_))
}
