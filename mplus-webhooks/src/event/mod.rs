//! What the POS tells: one type per event, read tolerantly, amounts in euros.
//!
//! The vendor's pages are not complete and contradict each other here and there, and tills are old and many. Only what an
//! event is for is required of it: whatever else cannot be read is absent, is told ([`Event::oddities`]), and stays in the
//! raw body ([`Event::raw`]). Object that are not documented are kept in `extra`.

mod external_payment;
pub(crate) mod from_json;
mod header;
mod identity;
#[cfg(any(feature = "stripe", feature = "viva", feature = "testkit"))]
pub(crate) mod json;
mod kitchen;
mod meaning;
mod name;
pub(crate) mod object;
pub(crate) mod oddity;
pub(crate) mod path;
mod payload;
mod poll;
mod raw;
mod repair;
mod report;
mod sale;
mod scalar;
mod session;
pub(crate) mod table;
mod text;

use std::sync::Arc;

use bytes::Bytes;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::{ErrorCode, Refusal};
use crate::subscription::{MerchantId, Subscription};
use crate::verified::Verified;
use from_json::DataError;
use object::Object;
use oddity::Reading;
use path::Path;
use payload::ReadPayload as _;
use table::for_each_event;

pub(crate) use identity::{
    Identity, Occasion, body_digest, body_digest_as, further_part, identity, is_repeat_of_sale,
    is_same_content, next_polled, repeat_of_sale, unread_identity,
};
pub(crate) use poll::plain_poll;

pub use external_payment::{
    CancelExternalPayment, ExternalPayment, PollExternalPayment, RequestCancelExternalPayment,
    StartExternalPayment,
};
pub use header::{Answers, DialogAnswer, EventDetails, FormAnswer, FormAnswerField, Sender};
pub use kitchen::{Course, CourseOrder, KitchenCompleteCourse, KitchenServeCourse, KitchenStartCourse};
pub use name::EventName;
pub use oddity::{Oddity, OddityKind};
pub use payload::{BackgroundPoll, UnknownEvent};
pub use raw::{Extra, RawJson};
pub use report::ErrorReport;
pub use sale::{
    AddSessionLine, CancelPayment, CancelSession, CodeType, CompleteSession, CreditSession, CustomAction,
    MergeSession, PauseSession, PrintBill, RemoveSessionLine, ResumeSession, ScanCode, SelectRelation,
    StartPayment, StartSession, UpdateSessionLine,
};
pub use session::{ExternalDiscount, Line, Relation, Session, SessionPayment, Table};

/// A verified event: who sent it, when, and what is particular to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
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
    /// Object of the body that this crate does not know, and those that it could not read.
    pub extra: Extra,
    oddities: Vec<Oddity>,
    further_oddities: usize,
    #[serde(skip)]
    raw: Bytes,
}

impl<P> Event<P> {
    /// What was odd about the body, at most 32 of them: parts that could not be read, and slips of the sender that could be
    /// read nevertheless.
    pub fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    /// How many oddities there were beyond those that are listed.
    pub fn further_oddities(&self) -> usize {
        self.further_oddities
    }

    /// The body as it was sent and signed.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }
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
    pub fn merchant(&self) -> &MerchantId {
        &self.0.merchant
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id && self.0.merchant == other.0.merchant
    }
}

/// Written as the subscription's id and the merchant; its keys stay here.
impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut origin = serializer.serialize_struct("Origin", 2)?;
        origin.serialize_field("subscription", &self.0.id)?;
        origin.serialize_field("merchant", self.merchant())?;
        origin.end()
    }
}

macro_rules! any_event {
    ($($(#[$doc:meta])* $event:ident $wire:literal $method:ident $setter:ident $reply:ident;)*) => {
        /// A verified event of any kind. Written as an object with the event's name as its only field.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[non_exhaustive]
        pub enum AnyEvent {
            $(
                $(#[$doc])*
                #[serde(rename = $wire)]
                $event(Box<Event<$event>>),
            )*
            /// An event that this crate does not know.
            #[serde(rename = "unknown")]
            Unknown(Box<Event<UnknownEvent>>),
        }

        impl AnyEvent {
            fn from_fields(
                name: &EventName,
                header: Header,
                fields: Object<'_>,
                reading: Reading,
            ) -> Result<Self, DataError> {
                Ok(match name {
                    $(EventName::$event => {
                        Self::$event(Box::new(Event::read(header, fields, reading, $event::read)?))
                    })*
                    EventName::Unknown(name) => {
                        let payload = |_: &mut Object<'_>, _: &mut Reading| Ok(UnknownEvent { name: name.clone() });
                        Self::Unknown(Box::new(Event::read(header, fields, reading, payload)?))
                    }
                })
            }

            /// The event's name.
            pub fn name(&self) -> EventName {
                match self {
                    $(Self::$event(_) => EventName::$event,)*
                    Self::Unknown(event) => EventName::Unknown(event.payload.name.clone()),
                }
            }

            /// The id of what the event is about, so that two events with the same counter can be told apart.
            pub(crate) fn subject(&self) -> Option<&str> {
                match self {
                    $(Self::$event(event) => event.payload.subject(),)*
                    Self::Unknown(event) => event.payload.subject(),
                }
            }
        }

        any_event! { @common $($event)* Unknown;
            /// Counter, time, and whether the cashier waits.
            details: EventDetails;
            /// The till.
            sender: Sender;
            /// What the cashier answered to an earlier reply.
            answers: Answers;
            /// The subscription that the signature belongs to.
            origin: Origin;
            /// What was odd about the body.
            oddities: [Oddity];
            /// The body as it was sent and signed.
            raw: Bytes;
        }
    };
    (@common $($event:ident)*; $($(#[$doc:meta])* $field:ident: $type:ty;)*) => {
        any_event! { @fields [$($event)*] $($(#[$doc])* $field: $type;)* }
    };
    (@fields $events:tt $($(#[$doc:meta])* $field:ident: $type:ty;)*) => {
        impl AnyEvent {
            $(any_event! { @field $events $(#[$doc])* $field: $type })*
        }
    };
    (@field [$($event:ident)*] $(#[$doc:meta])* $field:ident: $type:ty) => {
        $(#[$doc])*
        pub fn $field(&self) -> &$type {
            match self {
                $(Self::$event(event) => &event.$field,)*
            }
        }
    };
}

for_each_event!(any_event);

/// What an event has before its fields are looked at.
struct Header {
    origin: Origin,
    raw: Bytes,
}

impl<P> Event<P> {
    fn read(
        header: Header,
        mut body: Object<'_>,
        mut reading: Reading,
        payload: impl FnOnce(&mut Object<'_>, &mut Reading) -> Result<P, DataError>,
    ) -> Result<Self, DataError> {
        let (path, reading) = (Path::ROOT, &mut reading);
        let payload = payload(&mut body, reading)?;
        Ok(Self {
            payload,
            details: body.expected(&path, "event", reading).unwrap_or_default(),
            sender: body.expected(&path, "sender", reading).unwrap_or_default(),
            answers: Answers {
                dialog: body.side(&path, "dialog", reading),
                form: body.side(&path, "form", reading),
                open_url: body.side(&path, "openUrl", reading),
            },
            origin: header.origin,
            extra: body.rest(&path, reading),
            oddities: std::mem::take(&mut reading.oddities),
            further_oddities: reading.further,
            raw: header.raw,
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
    let header = Header { origin: Origin(body.subscription().clone()), raw: body.value().clone() };
    let (merchant, subscription) = (header.origin.merchant().clone(), body.subscription().id.as_str());
    let received = read_body(name, header)?;
    if let Received::Event(event) = &received
        && let Some(first) = event.oddities().first()
    {
        tracing::warn!(
            event = name.as_str(), %merchant, subscription, path = first.path, oddities = event.oddities().len(),
            "an event was read although the body is odd: {first}"
        );
    }
    Ok(received)
}

/// The payment that a start is about, though its amount or something else of it cannot be read.
pub(crate) fn payment_of_unread(name: &EventName, body: &Verified<Bytes>) -> Option<String> {
    if *name != EventName::StartExternalPayment {
        return None;
    }
    let header = Header { origin: Origin(body.subscription().clone()), raw: body.value().clone() };
    // A cancellation needs the id and nothing else.
    match read_body(&EventName::CancelExternalPayment, header).ok()? {
        Received::Event(event) => event.subject().filter(|id| id.len() <= 255).map(str::to_owned),
        Received::Error(_) => None,
    }
}

impl AnyEvent {
    /// Reads a body that was kept when it arrived, such as one of the inbox. The same body gives the same event.
    ///
    /// The signature is not looked at again: this is for bodies from a store of the host's own.
    ///
    /// # Errors
    /// A [`Refusal`] when the body cannot be read as this event, or is a complaint about an earlier reply.
    pub fn from_kept(
        name: &EventName,
        body: Bytes,
        subscription: Arc<Subscription>,
    ) -> Result<Self, Refusal> {
        match read_body(name, Header { origin: Origin(subscription), raw: body })? {
            Received::Event(event) => Ok(event),
            Received::Error(report) => Err(Refusal::new(report.code, report.message)),
        }
    }
}

fn read_body(name: &EventName, header: Header) -> Result<Received, Refusal> {
    let mut reading = Reading::new();
    let raw = header.raw.clone();
    let text = text::json_text(&raw, &mut reading).map_err(|error| {
        let place = format!("the body is not JSON (line {}, column {})", error.line(), error.column());
        Refusal::new(ErrorCode::InvalidJson, place)
    })?;
    let whole: &RawValue = serde_json::from_str(&text)
        .map_err(|_| Refusal::new(ErrorCode::InvalidJson, "the body is not JSON"))?;
    let mut fields = Object::open(whole, &Path::ROOT, &mut reading)
        .map_err(|what| refusal(&DataError::at(&Path::ROOT, what)))?;
    if let Some(report) = ErrorReport::read(name, &header.origin, &mut fields, &mut reading) {
        return Ok(Received::Error(Box::new(report)));
    }
    AnyEvent::from_fields(name, header, fields, reading).map(Received::Event).map_err(|error| refusal(&error))
}

fn refusal(error: &DataError) -> Refusal {
    let code = match error {
        DataError::Not { path, what: OddityKind::Missing | OddityKind::Empty }
            if path == "scanCode.scannedCode" =>
        {
            ErrorCode::NoScannedCode
        }
        DataError::NoDetails(_) => ErrorCode::NoEventDetails,
        DataError::Not { .. } => ErrorCode::InvalidData,
    };
    Refusal::new(code, error.to_string())
}
