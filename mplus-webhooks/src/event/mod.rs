//! What the POS tells: one type per event, read tolerantly, amounts in euros.
//!
//! The vendor's pages are not complete and contradict each other here and there. Numbers may arrive as text, lists may be
//! absent, fields that are not documented are kept in `extra`.

mod header;
pub(crate) mod json;
mod payload;
mod session;
pub(crate) mod table;

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::{ErrorCode, Refusal};
use crate::subscription::Subscription;
use crate::verified::Verified;
use json::{DataError, Fields, Path};
use payload::ReadPayload;
use table::for_each_event;

pub use header::{Answers, DialogAnswer, EventDetails, FormAnswer, FormAnswerField, Sender};
pub use json::{Extra, RawJson};
pub use payload::{
    AddSessionLine, BackgroundPoll, CancelExternalPayment, CancelPayment, CancelSession, CodeType,
    CompleteSession, Course, CourseOrder, CreditSession, CustomAction, ExternalPayment,
    KitchenCompleteCourse, KitchenServeCourse, KitchenStartCourse, MergeSession, PauseSession,
    PollExternalPayment, PrintBill, RemoveSessionLine, RequestCancelExternalPayment, ResumeSession, ScanCode,
    SelectRelation, StartExternalPayment, StartPayment, StartSession, UnknownEvent, UpdateSessionLine,
};
pub use session::{ExternalDiscount, Line, Relation, Session, SessionPayment, Table};

/// A verified event: who sent it, when, and what is particular to it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event<P> {
    /// The event's own part.
    pub payload: P,
    /// Counter, time, and whether the cashier waits.
    pub details: EventDetails,
    /// The till.
    pub sender: Sender,
    /// What the cashier answered to an earlier reply.
    pub answers: Answers,
    /// The subscription that the signature belongs to.
    pub origin: Origin,
    /// Fields of the body that this crate does not know.
    pub extra: Extra,
}

/// The verified sender's subscription.
#[derive(Debug, Clone)]
pub struct Origin(pub(crate) Arc<Subscription>);

impl Origin {
    /// The subscription that the signature belongs to.
    pub fn subscription(&self) -> &Subscription {
        &self.0
    }

    /// The merchant at the host.
    pub fn merchant(&self) -> &crate::subscription::MerchantId {
        &self.0.merchant
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id && self.0.merchant == other.0.merchant
    }
}

/// The POS found a fault in an earlier reply of ours and sends both back.
///
/// The vendor does not show the object in full; `error` and `original` are read when they are there.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ErrorReport {
    /// The event whose reply was at fault.
    pub event: EventName,
    /// The POS's code.
    pub code: ErrorCode,
    /// The POS's explanation.
    pub message: String,
    /// The event as it was sent, when the POS included it.
    pub original: Option<RawJson>,
    /// The subscription that the signature belongs to.
    pub origin: Origin,
}

macro_rules! names {
    ($($(#[$doc:meta])* $event:ident $wire:literal $method:ident $setter:ident $reply:ident;)*) => {
        /// An event's name as it stands at the end of the URL.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum EventName {
            $($(#[$doc])* $event,)*
            /// An event that this crate does not know.
            Unknown(String),
        }

        impl EventName {
            /// Every event that this crate knows.
            pub const ALL: &[Self] = &[$(Self::$event),*];

            /// The name in the URL, camelCase.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$event => $wire,)*
                    Self::Unknown(name) => name,
                }
            }

            /// The event with this name; any other text is kept as [`Unknown`](Self::Unknown).
            pub fn from_wire(name: &str) -> Self {
                match name {
                    $($wire => Self::$event,)*
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }

        /// A verified event of any kind.
        #[derive(Debug, Clone)]
        pub(crate) enum AnyEvent {
            $($event(Box<Event<$event>>),)*
            Unknown(Box<Event<UnknownEvent>>),
        }

        impl AnyEvent {
            fn read(name: &EventName, origin: Origin, fields: Fields<'_>) -> Result<Self, DataError> {
                Ok(match name {
                    $(EventName::$event => Self::$event(Box::new(Event::read(origin, fields, $event::read)?)),)*
                    EventName::Unknown(name) => Self::Unknown(Box::new(Event::read(origin, fields, |_| {
                        Ok(UnknownEvent { name: name.clone() })
                    })?)),
                })
            }

            pub(crate) fn details(&self) -> &EventDetails {
                match self {
                    $(Self::$event(event) => &event.details,)*
                    Self::Unknown(event) => &event.details,
                }
            }

            pub(crate) fn subject(&self) -> Option<&str> {
                match self {
                    $(Self::$event(event) => event.payload.subject(),)*
                    Self::Unknown(event) => event.payload.subject(),
                }
            }

            pub(crate) fn sender(&self) -> &Sender {
                match self {
                    $(Self::$event(event) => &event.sender,)*
                    Self::Unknown(event) => &event.sender,
                }
            }

            pub(crate) fn answers(&self) -> &Answers {
                match self {
                    $(Self::$event(event) => &event.answers,)*
                    Self::Unknown(event) => &event.answers,
                }
            }
        }
    };
}

for_each_event!(names);

impl EventName {
    /// Whether the event begins or ends something that must not be lost or done twice.
    ///
    /// Work on such an event is never cut off halfway, not even when the till stops waiting.
    pub fn changes_state(&self) -> bool {
        matches!(
            self,
            Self::MergeSession
                | Self::CompleteSession
                | Self::CancelSession
                | Self::CreditSession
                | Self::StartExternalPayment
                | Self::RequestCancelExternalPayment
                | Self::CancelExternalPayment
        )
    }
}

impl<P> Event<P> {
    fn read(
        origin: Origin,
        mut body: Fields<'_>,
        payload: impl FnOnce(&mut Fields<'_>) -> Result<P, DataError>,
    ) -> Result<Self, DataError> {
        let path = Path::ROOT;
        Ok(Self {
            details: body.optional(&path, "event")?.unwrap_or_default(),
            sender: body.required(&path, "sender")?,
            payload: payload(&mut body)?,
            answers: Answers {
                dialog: body.optional(&path, "dialog")?,
                form: body.optional(&path, "form")?,
                open_url: body.optional(&path, "openUrl")?,
            },
            origin,
            extra: body.rest(&path)?,
        })
    }
}

/// What a verified body turned out to be.
#[derive(Debug)]
pub(crate) enum Received {
    Event(AnyEvent),
    Error(Box<ErrorReport>),
}

/// Reads a verified body as the event that the URL names.
pub(crate) fn read(name: &EventName, body: &Verified<Bytes>) -> Result<Received, Refusal> {
    let origin = Origin(body.subscription().clone());
    let mut fields = Fields::open_body(body.value())
        .map_err(|error| {
            Refusal::new(
                ErrorCode::InvalidJson,
                format!("the body is not JSON (line {}, column {})", error.line(), error.column()),
            )
        })?
        .map_err(|error| refusal(&error))?;
    if let Some(report) = error_report(name, &origin, &mut fields).map_err(|error| refusal(&error))? {
        return Ok(Received::Error(Box::new(report)));
    }
    AnyEvent::read(name, origin, fields).map(Received::Event).map_err(|error| refusal(&error))
}

/// The payment that a plain poll asks about. `None` for anything out of the ordinary, which [`read`] then judges.
///
/// Polls come every second from every till that waits, and their answer needs nothing but this. So whatever else they carry is
/// passed over, unread.
pub(crate) fn polled_payment(body: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Poll<'a> {
        #[serde(borrow)]
        external_payment: Polled<'a>,
        #[serde(rename = "sender")]
        _sender: IgnoredAny,
        error: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Polled<'a> {
        external_payment_id: &'a str,
    }
    let poll: Poll<'_> = serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
    poll.error.is_none().then_some(poll.external_payment.external_payment_id)
}

fn error_report(
    name: &EventName,
    origin: &Origin,
    fields: &mut Fields<'_>,
) -> Result<Option<ErrorReport>, DataError> {
    let Some(raw) = fields.take("error") else { return Ok(None) };
    let path = Path::ROOT.field("error");
    let mut error = Fields::open(raw, &path)?;
    Ok(Some(ErrorReport {
        event: name.clone(),
        code: ErrorCode::from_wire(&error.optional::<String>(&path, "code")?.unwrap_or_default()),
        message: error.optional(&path, "message")?.unwrap_or_default(),
        original: fields.optional(&Path::ROOT, "original")?,
        origin: origin.clone(),
    }))
}

fn refusal(error: &DataError) -> Refusal {
    let code = match error {
        DataError::Missing(path) if path == "scanCode.scannedCode" => ErrorCode::NoScannedCode,
        DataError::NoDetails(_) => ErrorCode::NoEventDetails,
        _ => ErrorCode::InvalidData,
    };
    Refusal::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::polled_payment;

    #[test]
    fn a_plain_poll_is_read_no_further_than_its_payments_id() {
        let body =
            br#"{"event":{"eventCounter":"not judged"},"sender":{},"session":{"lines":[{"x":[[[1]]]}]},
            "externalPayment":{"externalPaymentId":"p","amount":2.7}}"#;
        assert_eq!(polled_payment(body), Some("p"));
    }

    #[test]
    fn whatever_is_out_of_the_ordinary_takes_the_long_way() {
        for body in [
            r#"{"sender":{},"externalPayment":{"externalPaymentId":"p"},"error":{"code":"X"}}"#,
            r#"{"sender":{},"externalPayment":{"externalPaymentId":"p","externalPaymentId":"q"}}"#,
            r#"{"sender":{},"externalPayment":{"externalPaymentId":"p"},"externalPayment":{"externalPaymentId":"q"}}"#,
            r#"{"externalPayment":{"externalPaymentId":"p"}}"#,
            r#"{"sender":{},"externalPayment":{"externalPaymentId":7}}"#,
            r#"{"sender":{},"externalPayment":{"externalPaymentId":"\u0070"}}"#,
            r#"{"sender":{},"externalPayment":null}"#,
            r#"{"sender":{},"externalPayment":{"externalPaymentId":"p"}} {}"#,
            "[]",
            "",
        ] {
            assert_eq!(polled_payment(body.as_bytes()), None, "{body}");
        }
    }
}
