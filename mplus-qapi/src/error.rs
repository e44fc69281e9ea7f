//! What can go wrong, from the address to the answer, and what that says about the POS.

use std::{fmt, time::Duration};

use crate::{
    soap::{DecodeError, DecodeProblem, EncodeError, Fault, OutcomeError},
    transport::{TransportError, TransportErrorKind},
};

/// A call failed, or could not be set up.
///
/// Before anything else a host wants to know whether the POS may have done what was asked:
/// [`Self::may_have_been_processed`]. The message says what failed, how often it was tried and why it was not tried
/// again; it never holds credentials. What a library below said is not in the message but in
/// [`source`](std::error::Error::source), so that a chain of errors says each thing once.
///
/// Tests can make one:
///
/// ```
/// use mplus_qapi::{Error, ErrorKind, transport::{TransportError, TransportErrorKind}};
///
/// let late = TransportError::new(TransportErrorKind::Timeout, "as told by a test");
/// let error = Error::new("createOrderV3", ErrorKind::Transport(late));
/// assert!(error.may_have_been_processed());
/// ```
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// Empty where no call was made yet.
    operation: &'static str,
    kind: ErrorKind,
    attempts: u32,
    elapsed: Duration,
    stop: Stop,
    request_id: String,
    /// An attempt before the last one may have been carried out.
    earlier_open: bool,
}

/// Why there was no further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A repeat would fail the same way.
    Permanent,
    /// The operation is a write and may have been carried out.
    Unsafe,
    /// Part of the response was handed out already.
    Begun,
    Attempts,
    Elapsed,
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An address, credentials or a setting cannot be used; nothing was sent.
    Setup(String),
    /// The request does not fit the schema; nothing was sent. Correct the value that the path names.
    Request(EncodeError),
    /// All connections of the client were in use for the whole time-out; this attempt was not sent.
    Busy {
        /// How many connections the client may use at once.
        connections: usize,
    },
    /// A [`Gate`](crate::Gate) let nothing pass, and says why; this attempt was not sent.
    Held(String),
    /// The exchange failed below HTTP.
    Transport(TransportError),
    /// An HTTP status without a SOAP envelope: a proxy, a wrong port, a service that is starting. A redirect too: none is
    /// followed.
    Http {
        /// The status.
        status: u16,
    },
    /// A whole response under an HTTP status that says failure: the two contradict each other.
    Contradiction {
        /// The status.
        status: u16,
    },
    /// The service refused or failed.
    Fault(Fault),
    /// The response could not be read.
    Response(DecodeError),
    /// The response does not say that the service did what was asked (from [`Outcome`](crate::soap::Outcome)).
    Outcome(OutcomeError),
    /// Changes cannot be paged: the server repeats a page, or the request leaves some of them out.
    Paging(String),
}

impl ErrorKind {
    /// Whether the same request may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Setup(_) | Self::Request(_) | Self::Outcome(_) | Self::Paging(_) => false,
            Self::Transport(error) => error.kind() != TransportErrorKind::Setup,
            Self::Busy { .. } | Self::Held(_) => true,
            Self::Http { status } | Self::Contradiction { status } => {
                matches!(status, 408 | 425 | 429 | 500 | 502..=504)
            }
            Self::Fault(fault) => fault.is_server(),
            Self::Response(error) => matches!(error.problem(), DecodeProblem::UnexpectedEnd),
        }
    }

    /// Whether the POS may have carried out the attempt that ended so.
    pub(crate) fn may_have_been_processed(&self) -> bool {
        match self {
            Self::Setup(_) | Self::Request(_) | Self::Busy { .. } | Self::Held(_) => false,
            Self::Outcome(outcome) => !outcome.is_refusal(),
            Self::Transport(error) => match error.kind() {
                TransportErrorKind::Setup
                | TransportErrorKind::Connect
                | TransportErrorKind::ConnectTimeout => false,
                TransportErrorKind::Timeout | TransportErrorKind::Interrupted => true,
            },
            // Refusals. A redirect is none, and whatever fails behind a gateway may have got through first.
            Self::Http { status } => !matches!(status, 400..=499) || matches!(status, 408 | 499),
            Self::Fault(fault) => !fault.is_client(),
            Self::Contradiction { .. } | Self::Response(_) | Self::Paging(_) => true,
        }
    }

    /// Whether it went wrong before anything was sent.
    fn is_before_sending(&self) -> bool {
        match self {
            Self::Setup(_) | Self::Request(_) | Self::Held(_) => true,
            Self::Transport(error) => error.kind() == TransportErrorKind::Setup,
            _ => false,
        }
    }

    /// The same with the texts of others as they may be kept: they may quote the request, at any length.
    pub(crate) fn with_texts(self, kept: impl Fn(String) -> String) -> Self {
        match self {
            Self::Transport(error) => Self::Transport(error.with_texts(kept)),
            Self::Fault(fault) => {
                let Fault { version, code, message, actor, detail, .. } = fault;
                let mut fault = Fault::new(kept(code), kept(message));
                fault.version = version;
                fault.actor = actor.map(&kept);
                fault.detail = detail.map(&kept);
                Self::Fault(fault)
            }
            Self::Response(error) => Self::Response(error.with_texts(kept)),
            Self::Held(why) => Self::Held(kept(why)),
            Self::Paging(what) => Self::Paging(kept(what)),
            Self::Outcome(outcome) => {
                let OutcomeError { response, kind, result, message } = outcome;
                Self::Outcome(OutcomeError::of_kind(kind, response, &kept(result), message.map(&kept)))
            }
            other => other,
        }
    }
}

impl Error {
    /// A call of `operation` that failed in the only attempt: for tests of what a host does then.
    pub fn new(operation: &'static str, kind: ErrorKind) -> Self {
        Self::single(operation, kind, "")
    }

    /// The same after this many attempts.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The same after an attempt before the last one that may have been carried out.
    #[must_use]
    pub fn with_earlier_attempt_open(mut self) -> Self {
        self.0.earlier_open = true;
        self
    }

    /// The same with the request id of the last attempt.
    #[must_use]
    pub fn with_request_id(mut self, request_id: impl Into<String>) -> Self {
        self.0.request_id = request_id.into();
        self
    }

    pub(crate) fn of_call(
        operation: &'static str,
        kind: ErrorKind,
        attempts: u32,
        elapsed: Duration,
        stop: Stop,
        request_id: String,
    ) -> Self {
        Self(Box::new(Inner { operation, kind, attempts, elapsed, stop, request_id, earlier_open: false }))
    }

    /// An error before there was a call.
    pub(crate) fn without_call(kind: ErrorKind) -> Self {
        Self::of_call("", kind, 0, Duration::ZERO, Stop::Permanent, String::new())
    }

    /// An error of one attempt that is not repeated.
    pub(crate) fn single(operation: &'static str, kind: ErrorKind, request_id: &str) -> Self {
        let attempts = u32::from(!kind.is_before_sending());
        Self::of_call(operation, kind, attempts, Duration::ZERO, Stop::Permanent, request_id.to_owned())
    }

    /// An error after items of a stream may have been handed out.
    pub(crate) fn in_stream(
        operation: &'static str,
        kind: ErrorKind,
        attempts: u32,
        request_id: &str,
    ) -> Self {
        Self::of_call(operation, kind, attempts, Duration::ZERO, Stop::Begun, request_id.to_owned())
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The operation that was called; empty when the error came before any call.
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
    /// `false` is a promise, for all attempts of the call: no request left, or each one that did was refused. After `true`
    /// a host looks the result up (by `extOrderId`, or by repeating the call with the same idempotency key) before it tries
    /// again. [`Self::kind`] tells of the last attempt alone.
    pub fn may_have_been_processed(&self) -> bool {
        self.0.earlier_open || self.0.kind.may_have_been_processed()
    }

    /// Whether the same call may succeed later. It says nothing about whether repeating it is safe.
    pub fn is_transient(&self) -> bool {
        self.0.kind.is_transient()
    }

    /// Whether the time was up, for a connection or for the answer.
    pub fn is_timeout(&self) -> bool {
        use TransportErrorKind::{ConnectTimeout, Timeout};
        match self.kind() {
            ErrorKind::Transport(error) => matches!(error.kind(), Timeout | ConnectTimeout),
            ErrorKind::Busy { .. } => true,
            _ => false,
        }
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

    /// Whether the service does not know the operation: another version of it.
    pub fn is_unknown_operation(&self) -> bool {
        self.fault().is_some_and(|fault| fault.is_unknown_operation(self.operation()))
    }

    /// Whether a [`Gate`](crate::Gate) kept the last attempt back: another time it may be sent.
    pub fn is_held(&self) -> bool {
        matches!(self.kind(), ErrorKind::Held(_))
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
        let Inner { operation, kind, attempts, elapsed, stop, earlier_open, .. } = &*self.0;
        if operation.is_empty() {
            return kind.fmt(f);
        }
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
            _ if *earlier_open && !kind.may_have_been_processed() => {
                "the POS may have carried out an earlier one; look the result up first"
            }
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
    /// What a library below said; our own errors are in the message, and typed in [`Error::kind`].
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Transport(error) => error.source(),
            _ => None,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(what) | Self::Paging(what) | Self::Held(what) => f.write_str(what),
            Self::Request(error) => write!(f, "the request does not fit: {error}"),
            Self::Busy { connections } => {
                write!(f, "no connection was free in time: all {connections} of the client were in use")
            }
            Self::Transport(error) => error.fmt(f),
            Self::Http { status: status @ 300..=399 } => {
                write!(f, "HTTP status {status}: a redirect, which is not followed; check host and port")
            }
            Self::Http { status } => {
                write!(f, "HTTP status {status} without a SOAP envelope; check host and port")
            }
            Self::Contradiction { status } => {
                write!(f, "the POS sent a whole response under the HTTP status {status}")
            }
            Self::Fault(fault) => write!(f, "the POS answered {fault}"),
            Self::Response(error) => write!(f, "the response cannot be read: {error}"),
            Self::Outcome(error) => error.fmt(f),
        }
    }
}

impl From<OutcomeError> for Error {
    fn from(outcome: OutcomeError) -> Self {
        Self::single(outcome.response, ErrorKind::Outcome(outcome), "")
    }
}

impl From<TransportError> for Error {
    /// An error before there was a call, as when a transport is built.
    fn from(error: TransportError) -> Self {
        Self::without_call(ErrorKind::Transport(error))
    }
}

#[cfg(feature = "rustls-no-provider")]
impl From<crate::transport::FingerprintError> for Error {
    /// An error before there was a call, as when a transport is built.
    fn from(error: crate::transport::FingerprintError) -> Self {
        Self::without_call(ErrorKind::Setup(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::{error::Error as _, io};

    use super::*;

    fn refused() -> TransportError {
        let cause = io::Error::new(io::ErrorKind::ConnectionRefused, "os says no");
        TransportError::new(TransportErrorKind::Connect, "nobody listens there").with_source(cause)
    }

    #[test]
    fn a_chain_of_errors_says_each_thing_once_and_reaches_the_cause() {
        let error = Error::new("setStock", ErrorKind::Transport(refused()));
        let mut chain = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            chain += &format!(": {next}");
            cause = next.source();
        }
        for said in ["setStock", "no connection", "nobody listens", "os says no"] {
            assert_eq!(chain.matches(said).count(), 1, "{said} in {chain}");
        }
        assert!(error.source().is_some_and(|cause| cause.is::<io::Error>()));
    }

    #[test]
    fn no_text_of_others_is_kept_as_it_came() {
        let quoted = || "you sent geheim".to_owned();
        let fault = Fault { actor: Some(quoted()), detail: Some(quoted()), ..Fault::new(quoted(), quoted()) };
        for kind in [
            ErrorKind::Held(quoted()),
            ErrorKind::Paging(quoted()),
            ErrorKind::Fault(fault),
            ErrorKind::Transport(
                TransportError::new(TransportErrorKind::Timeout, quoted()).with_source(quoted()),
            ),
            ErrorKind::Response(DecodeError::new(quoted(), 0, DecodeProblem::Malformed(quoted()))),
            ErrorKind::Outcome(OutcomeError::new("Response", quoted(), Some(quoted()))),
        ] {
            let kept = kind.with_texts(|text| text.replace("geheim", "***"));
            let shown = format!("{kept} {kept:?}");
            assert!(shown.contains("***") && !shown.contains("geheim"), "{shown}");
        }
    }

    #[test]
    fn only_what_never_left_or_was_refused_is_promised_not_to_have_happened() {
        let may = |kind: ErrorKind| Error::new("setStock", kind).may_have_been_processed();
        for status in [100, 200, 204, 301, 302, 303, 307, 308, 408, 499, 500, 502, 503, 504, 520] {
            assert!(may(ErrorKind::Http { status }), "{status}");
        }
        for status in [400, 401, 403, 404, 405, 413, 429] {
            assert!(!may(ErrorKind::Http { status }), "{status}");
        }
        assert!(may(ErrorKind::Contradiction { status: 500 }));
        assert!(!may(ErrorKind::Busy { connections: 4 }));
        assert!(!may(ErrorKind::Transport(refused())));
    }

    #[test]
    fn an_earlier_attempt_that_may_have_been_carried_out_is_not_forgotten() {
        let of_last = |kind: ErrorKind| Error::new("createOrderV3", kind).with_attempts(2);
        let held = || ErrorKind::Held("the merchant has a break".to_owned());
        assert!(!of_last(held()).may_have_been_processed());
        let error = of_last(held()).with_earlier_attempt_open();
        assert!(error.may_have_been_processed() && error.is_held(), "{error}");
        assert!(
            error.to_string().ends_with("may have carried out an earlier one; look the result up first)"),
            "{error}"
        );
    }

    #[test]
    fn an_error_made_by_a_test_reads_like_a_real_one() {
        let error =
            Error::new("getStock", ErrorKind::Http { status: 503 }).with_attempts(3).with_request_id("7");
        assert_eq!((error.operation(), error.attempts(), error.request_id()), ("getStock", 3, "7"));
        assert!(error.to_string().starts_with("getStock failed: HTTP status 503"), "{error}");
        let error = Error::from(refused());
        assert_eq!(
            (error.operation(), error.to_string()),
            ("", "no connection: nobody listens there".to_owned())
        );
    }
}
