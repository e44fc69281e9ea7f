//! What can go wrong with a call, and what that says about the POS.

use std::{fmt, time::Duration};

use crate::{
    retry::Stop,
    soap::{DecodeError, DecodeProblem, EncodeError, Fault, OutcomeError},
    transport::{TransportError, TransportErrorKind},
};

/// A call failed.
///
/// Before anything else a host wants to know whether the POS may have done what was asked:
/// [`Self::may_have_been_processed`]. The message says what failed, how often it was tried and why it was not tried
/// again; it never holds credentials.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    operation: &'static str,
    kind: ErrorKind,
    attempts: u32,
    elapsed: Duration,
    stop: Stop,
    request_id: String,
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request does not fit the schema; nothing was sent. Correct the value that the path names.
    Request(EncodeError),
    /// The exchange failed below HTTP.
    Transport(TransportError),
    /// An HTTP status without a SOAP envelope: a proxy, a wrong port, a service that is starting.
    Http {
        /// The status.
        status: u16,
    },
    /// The service refused or failed.
    Fault(Fault),
    /// The response could not be read.
    Response(DecodeError),
    /// The service answered that it did not do what was asked (from [`Outcome`](crate::soap::Outcome)).
    Outcome(OutcomeError),
    /// The server repeats the same page; paging was stopped.
    Paging(String),
}

impl ErrorKind {
    /// Whether the same request may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Request(_) | Self::Outcome(_) | Self::Paging(_) => false,
            Self::Transport(_) => true,
            Self::Http { status } => matches!(status, 408 | 425 | 429 | 500 | 502..=504),
            Self::Fault(fault) => fault.is_server(),
            Self::Response(error) => matches!(error.problem(), DecodeProblem::UnexpectedEnd),
        }
    }

    /// Whether the POS may have carried the call out.
    pub(crate) fn may_have_been_processed(&self) -> bool {
        match self {
            Self::Request(_) | Self::Outcome(_) => false,
            Self::Transport(error) => match error.kind() {
                TransportErrorKind::Connect | TransportErrorKind::ConnectTimeout => false,
                TransportErrorKind::Timeout | TransportErrorKind::Interrupted => true,
            },
            // Refusals; whatever fails behind a gateway may have got through first.
            Self::Http { status } => !matches!(status, 300..=499) || *status == 408,
            Self::Fault(fault) => !fault.is_client(),
            Self::Response(_) | Self::Paging(_) => true,
        }
    }
}

impl Error {
    pub(crate) fn new(
        operation: &'static str,
        kind: ErrorKind,
        attempts: u32,
        elapsed: Duration,
        stop: Stop,
        request_id: String,
    ) -> Self {
        Self(Box::new(Inner { operation, kind, attempts, elapsed, stop, request_id }))
    }

    /// An error of one attempt that is not repeated.
    pub(crate) fn single(operation: &'static str, kind: ErrorKind, request_id: &str) -> Self {
        let attempts = u32::from(!matches!(kind, ErrorKind::Request(_)));
        Self::new(operation, kind, attempts, Duration::ZERO, Stop::Permanent, request_id.to_owned())
    }

    /// An error after items of a stream may have been handed out.
    pub(crate) fn in_stream(
        operation: &'static str,
        kind: ErrorKind,
        attempts: u32,
        request_id: &str,
    ) -> Self {
        Self::new(operation, kind, attempts, Duration::ZERO, Stop::Begun, request_id.to_owned())
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The operation that was called.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// How many requests were sent, or tried to.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The `X-Request-Id` of the last attempt, for the POS's supplier.
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// Whether the POS may have carried the call out.
    ///
    /// `false` is a promise: the request never left, or was refused. After `true` a host looks the result up (by
    /// `extOrderId`, or by repeating the call with the same idempotency key) before it tries again.
    pub fn may_have_been_processed(&self) -> bool {
        self.0.kind.may_have_been_processed()
    }

    /// Whether the same call may succeed later. It says nothing about whether repeating it is safe.
    pub fn is_transient(&self) -> bool {
        self.0.kind.is_transient()
    }

    /// Whether the time was up.
    pub fn is_timeout(&self) -> bool {
        use TransportErrorKind::{ConnectTimeout, Timeout};
        matches!(self.kind(), ErrorKind::Transport(error) if matches!(error.kind(), Timeout | ConnectTimeout))
    }

    /// Whether no connection could be made.
    pub fn is_connect(&self) -> bool {
        use TransportErrorKind::{Connect, ConnectTimeout};
        matches!(self.kind(), ErrorKind::Transport(error) if matches!(error.kind(), Connect | ConnectTimeout))
    }

    /// Whether the service did not accept the credentials.
    pub fn is_authentication(&self) -> bool {
        match self.kind() {
            ErrorKind::Fault(fault) => {
                fault.is_client()
                    && fault.code.split('.').any(|part| part.eq_ignore_ascii_case("authentication"))
            }
            ErrorKind::Http { status } => matches!(status, 401 | 403),
            _ => false,
        }
    }

    /// The fault, if the service answered with one.
    pub fn fault(&self) -> Option<&Fault> {
        match self.kind() {
            ErrorKind::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { operation, kind, attempts, elapsed, stop, .. } = &*self.0;
        write!(f, "{operation} failed: {kind}")?;
        if *attempts == 0 {
            return f.write_str("; nothing was sent");
        }
        let attempts = match attempts {
            1 => "1 attempt".to_owned(),
            many if elapsed.is_zero() => format!("{many} attempts"),
            many => format!("{many} attempts in {:.1} s", elapsed.as_secs_f64()),
        };
        let because = match stop {
            Stop::Permanent => "a repeat would not help",
            Stop::Unsafe => "not repeated, as the POS may have carried it out; look the result up first",
            Stop::Begun => "not repeated, as the stream had begun",
            Stop::Attempts => "no attempts left",
            Stop::Elapsed => "no time left",
        };
        write!(f, " ({attempts}; {because})")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Request(error) => Some(error),
            ErrorKind::Transport(error) => Some(error),
            ErrorKind::Response(error) => Some(error),
            ErrorKind::Outcome(error) => Some(error),
            ErrorKind::Http { .. } | ErrorKind::Fault(_) | ErrorKind::Paging(_) => None,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => write!(f, "the request does not fit: {error}"),
            Self::Transport(error) => error.fmt(f),
            Self::Http { status } => {
                write!(f, "HTTP status {status} without a SOAP envelope; check host and port")
            }
            Self::Fault(fault) => write!(f, "the POS answered {fault}"),
            Self::Response(error) => write!(f, "the response cannot be read: {error}"),
            Self::Outcome(error) => error.fmt(f),
            Self::Paging(what) => f.write_str(what),
        }
    }
}

impl From<OutcomeError> for Error {
    fn from(outcome: OutcomeError) -> Self {
        Self::single(outcome.response, ErrorKind::Outcome(outcome), "")
    }
}
