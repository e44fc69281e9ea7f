//! Whether a response says that the service did what was asked.

use std::fmt;

use super::Record;
use crate::scan::{cut, limits};

/// A response that tells in `result` whether the service did what was asked.
pub trait Outcome: Record + Sized {
    /// Whether the response says that the service did it.
    ///
    /// # Errors
    /// [`OutcomeError`] when it says that it did not, or does not say it.
    fn outcome(&self) -> Result<(), OutcomeError>;

    /// The response itself when the service did it, else a typed error. It is about this answer alone: of a call that was
    /// repeated ask [`Reply::into_result`](crate::Reply::into_result), which remembers the earlier attempts.
    ///
    /// # Errors
    /// As for [`Self::outcome`].
    fn into_result(self) -> Result<Self, OutcomeError> {
        self.outcome().map(|()| self)
    }
}

/// A response does not say that the service did what was asked: [`Self::kind`] tells whether it says that it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutcomeError {
    /// The WSDL type of the response.
    pub response: &'static str,
    /// What the response says.
    pub kind: OutcomeKind,
    /// The `result` as it was on the wire, its first 4 KiB; empty when the response had none.
    pub result: String,
    /// The service's explanation, its first 4 KiB.
    pub message: Option<String>,
}

/// What a response says that does not say that it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutcomeKind {
    /// It was not done.
    Refused,
    /// It was refused in a way that leaves open what is at the POS: a part of it may have been done (lines whose payment was
    /// refused), or it is there already (an `extOrderId` that exists), perhaps by an earlier attempt.
    Open,
    /// A result that this version of the crate does not know: it may have been done.
    Unknown,
    /// There is no result in it: it may have been done.
    Absent,
}

impl OutcomeError {
    /// A refusal, as a response told it.
    pub fn new(response: &'static str, result: String, message: Option<String>) -> Self {
        Self::of_kind(OutcomeKind::Refused, response, &result, message)
    }

    /// What a response told. The texts are cut to 4 KiB.
    pub fn of_kind(kind: OutcomeKind, response: &'static str, result: &str, message: Option<String>) -> Self {
        let message = message.filter(|message| !message.is_empty());
        let message = message.map(|message| cut(&message, limits::TOLD));
        Self { response, kind, result: cut(result, limits::TOLD), message }
    }

    /// Whether the service said that it did nothing of it. Else it may have.
    pub fn is_refusal(&self) -> bool {
        self.kind == OutcomeKind::Refused
    }
}

impl fmt::Display for OutcomeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { response, kind, result, message } = self;
        match kind {
            OutcomeKind::Refused => write!(f, "{response} says {result}")?,
            OutcomeKind::Open => write!(
                f,
                "{response} says {result}: a part of it, or an earlier attempt, may have been done"
            )?,
            OutcomeKind::Unknown => {
                write!(f, "{response} says {result}, which is not known here: it may have been done")?
            }
            OutcomeKind::Absent => write!(f, "{response} says no result: it may have been done")?,
        }
        match message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for OutcomeError {}

/// A `result` field, optional or not.
pub(crate) trait ResultField<T> {
    fn told(&self) -> Option<&T>;
}

impl<T> ResultField<T> for T {
    fn told(&self) -> Option<&T> {
        Some(self)
    }
}

impl<T> ResultField<T> for Option<T> {
    fn told(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// An `errorMessage` field, optional or not.
pub(crate) trait MessageField {
    fn told(&self) -> Option<String>;
}

impl MessageField for String {
    fn told(&self) -> Option<String> {
        Some(self.clone())
    }
}

impl MessageField for Option<String> {
    fn told(&self) -> Option<String> {
        self.clone()
    }
}

/// Responses that tell in `result` whether it worked.
macro_rules! outcomes {
    ($(
        $response:ident . $field:ident : $result:ident { $($accepted:ident),* }
        $(open { $($open:ident),* })? $(message $message:ident)? ;
    )*) => {
        $(
            impl $crate::soap::Outcome for $response {
                #[inline]
                fn outcome(&self) -> Result<(), $crate::soap::OutcomeError> {
                    use $crate::soap::outcome::ResultField;
                    let result: Option<&$result> = ResultField::<$result>::told(&self.$field);
                    if matches!(result, Some($($result::$accepted)|*)) {
                        return Ok(());
                    }
                    let text = result.map(|result| result.as_str().to_owned()).unwrap_or_default();
                    let kind = match result {
                        None => $crate::soap::OutcomeKind::Absent,
                        Some($result::Unknown(text)) if text.is_empty() => $crate::soap::OutcomeKind::Absent,
                        Some($result::Unknown(_)) => $crate::soap::OutcomeKind::Unknown,
                        $(Some($($result::$open)|*) => $crate::soap::OutcomeKind::Open,)?
                        Some(_) => $crate::soap::OutcomeKind::Refused,
                    };
                    let message: Option<String> =
                        None $(.or($crate::soap::outcome::MessageField::told(&self.$message)))?;
                    let response = $crate::soap::Record::schema(self).name;
                    Err($crate::soap::OutcomeError::of_kind(kind, response, &text, message))
                }
            }
        )*
    };
}

pub(crate) use outcomes;
