//! How a command fails: a sentence, and the exit code that says what a script may do next.

use std::error::Error;
use std::process::ExitCode;

use mplus_examples::ending::sentence;
use mplus_qapi::{ErrorKind, soap::Repeat};
use mplus_sync::store::{StoreError, StoreErrorKind};
use mplus_webhooks::testkit::TillError;

/// The exit codes that the help names; 0 is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Whoever reads has seen enough: no failure.
    Done = 0,
    Refused = 1,
    Usage = 2,
    Unreachable = 3,
    Unclear = 4,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self { exit: Exit::Unreachable, message: message.into() }
    }

    /// The end of who reads standard output.
    pub(crate) fn output(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self { exit: Exit::Done, message: String::new() },
            _ => Self::refused(format!("standard output cannot be written to: {error}")),
        }
    }

    /// A call of the POS that failed. A read changes nothing, so trying again is safe.
    pub(crate) fn call(address: &str, repeat: Repeat, error: &mplus_qapi::Error) -> Self {
        let is_away = error.is_transient() || error.is_connect() || error.is_timeout();
        let exit = match error.kind() {
            ErrorKind::Setup(_) | ErrorKind::Request(_) => Exit::Usage,
            _ if repeat != Repeat::Read && error.may_have_been_processed() => Exit::Unclear,
            _ if is_away || matches!(error.kind(), ErrorKind::Transport(_) | ErrorKind::Http { .. }) => {
                Exit::Unreachable
            }
            _ => Exit::Refused,
        };
        Self { exit, message: format!("{address}: {}", sentence(error)) }
    }

    /// An event that a till did not get accepted.
    pub(crate) fn till(url: &str, error: &TillError) -> Self {
        let exit = match error {
            TillError::NoReply(error) if error.may_have_been_sent => Exit::Unclear,
            TillError::NoReply(_) => Exit::Unreachable,
            _ => Exit::Refused,
        };
        Self { exit, message: format!("{url}: {}", sentence(error)) }
    }

    /// A store that did not do what it was asked.
    pub(crate) fn store(error: &StoreError) -> Self {
        let exit = match error.kind() {
            _ if error.may_have_happened() => Exit::Unclear,
            StoreErrorKind::Unavailable => Exit::Unreachable,
            _ => Exit::Refused,
        };
        Self { exit, message: sentence(error) }
    }

    /// The inbox of webhooks did not do what it was asked.
    pub(crate) fn inbox(error: &dyn Error) -> Self {
        Self::refused(sentence(error))
    }

    /// The same, at a place.
    pub(crate) fn at(self, place: &str) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// Says it on standard error, and what the process ends with.
    pub(crate) fn tell(&self) -> ExitCode {
        if self.exit != Exit::Done {
            eprintln!("error: {}", self.message);
        }
        ExitCode::from(self.exit as u8)
    }
}
