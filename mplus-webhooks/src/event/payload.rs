//! What is particular to each event.

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::json::{DataError, Extra, Fields, FromJson, Path, RawJson, object};
use super::session::{Line, Relation, Session, SessionPayment, Table};

/// Reads an event's own part of the body.
pub(crate) trait ReadPayload: Sized {
    fn read(body: &mut Fields<'_>) -> Result<Self, DataError>;

    /// The id of what the event is about, so that two events with the same counter can be told apart.
    fn subject(&self) -> Option<&str>;
}

fn session_id(session: &Option<Session>) -> Option<&str> {
    session.as_ref().map(|session| session.session_id.as_str())
}

impl ReadPayload for UnknownEvent {
    fn read(_: &mut Fields<'_>) -> Result<Self, DataError> {
        // Its name stands in the URL alone; whoever reads the event fills it in.
        Ok(Self { name: String::new() })
    }

    fn subject(&self) -> Option<&str> {
        None
    }
}

/// Events that carry nothing but the session.
macro_rules! session_events {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            /// The sale.
            pub session: Session,
        }

        impl ReadPayload for $name {
            fn read(body: &mut Fields<'_>) -> Result<Self, DataError> {
                Ok(Self { session: body.required(&Path::ROOT, "session")? })
            }

            fn subject(&self) -> Option<&str> {
                Some(&self.session.session_id)
            }
        }
    )*};
}

session_events! {
    /// A sale began; it has no lines yet.
    StartSession
    /// The sale was parked: in the queue, on a table, or elsewhere in the background.
    PauseSession
    /// The sale was fetched back.
    ResumeSession
    /// The payment screen is about to open.
    StartPayment
    /// The payment screen was closed without a payment.
    CancelPayment
    /// The sale was given up and never returns.
    CancelSession
    /// A finished sale was credited afterwards; the session has the sale's id.
    CreditSession
}

/// A barcode, QR code or RFID tag was scanned, and passed the subscription's filter.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ScanCode {
    /// The sale.
    pub session: Option<Session>,
    /// What was scanned.
    pub scanned_code: String,
    /// How it was scanned.
    pub code_type: Option<CodeType>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

impl ReadPayload for ScanCode {
    fn read(body: &mut Fields<'_>) -> Result<Self, DataError> {
        let path = Path::ROOT.field("scanCode");
        let mut scan = Fields::open(take_details(body, "scanCode")?, &path)?;
        Ok(Self {
            session: body.optional(&Path::ROOT, "session")?,
            scanned_code: scan.required(&path, "scannedCode")?,
            code_type: scan.optional(&path, "codeType")?,
            extra: scan.rest(&path)?,
        })
    }

    fn subject(&self) -> Option<&str> {
        Some(&self.scanned_code)
    }
}

/// How a code was scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeType {
    /// `barcode`
    Barcode,
    /// `rfid`
    Rfid,
    /// `qrcode`
    QrCode,
    /// Any other spelling, as it arrived.
    Unknown(String),
}

impl FromJson for CodeType {
    fn from_json(raw: &RawValue, path: &Path<'_>) -> Result<Self, DataError> {
        let text = String::from_json(raw, path)?;
        Ok(match text.as_str() {
            "barcode" => Self::Barcode,
            "rfid" => Self::Rfid,
            "qrcode" => Self::QrCode,
            _ => Self::Unknown(text),
        })
    }
}

/// Events about one line. The line stands in a `line` field or directly in the event's object; both are read.
macro_rules! line_events {
    ($($(#[$doc:meta])* $name:ident $wire:literal)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            /// The sale; removing its last line may leave it without any.
            pub session: Option<Session>,
            /// The line.
            pub line: Line,
        }

        impl ReadPayload for $name {
            fn read(body: &mut Fields<'_>) -> Result<Self, DataError> {
                let path = Path::ROOT.field($wire);
                let details = take_details(body, $wire)?;
                let line = match Fields::open(details, &path)?.take("line") {
                    Some(line) => Line::from_json(line, &path.field("line"))?,
                    None => Line::from_json(details, &path)?,
                };
                Ok(Self { session: body.optional(&Path::ROOT, "session")?, line })
            }

            fn subject(&self) -> Option<&str> {
                Some(&self.line.line_id)
            }
        }
    )*};
}

line_events! {
    /// A line was added.
    AddSessionLine "addSessionLine"
    /// A line was changed.
    UpdateSessionLine "updateSessionLine"
    /// A line was removed; what its discount had reserved is free again.
    RemoveSessionLine "removeSessionLine"
}

/// The sale became part of another one and ends.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MergeSession {
    /// The sale that ends.
    pub session: Session,
    /// The sale that goes on with its lines.
    pub merge_with_session_id: String,
}

impl ReadPayload for MergeSession {
    fn read(body: &mut Fields<'_>) -> Result<Self, DataError> {
        let path = Path::ROOT.field("mergeSession");
        let mut merge = Fields::open(take_details(body, "mergeSession")?, &path)?;
        Ok(Self {
            session: body.required(&Path::ROOT, "session")?,
            merge_with_session_id: merge.required(&path, "mergeWithSessionId")?,
        })
    }

    fn subject(&self) -> Option<&str> {
        Some(&self.session.session_id)
    }
}

/// A customer was selected, or deselected.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SelectRelation {
    /// The sale.
    pub session: Option<Session>,
    /// Who; `None` when the customer was deselected.
    pub relation: Option<Relation>,
}

impl ReadPayload for SelectRelation {
    fn read(body: &mut Fields<'_>) -> Result<Self, DataError> {
        let path = Path::ROOT.field("selectRelation");
        let details = body.take_or_null("selectRelation").ok_or(DataError::NoDetails("selectRelation"))?;
        let relation = match details.get() {
            "null" => None,
            _ => match Fields::open(details, &path)?.take_or_null("relation") {
                Some(relation) if relation.get() == "null" => None,
                Some(relation) => Some(Relation::from_json(relation, &path.field("relation"))?),
                // The SOAP twin has the relation's fields here.
                None => Some(Relation::from_json(details, &path)?),
            },
        };
        Ok(Self { session: body.optional(&Path::ROOT, "session")?, relation })
    }

    fn subject(&self) -> Option<&str> {
        session_id(&self.session)
    }
}

/// The sale is paid and finished; only a credit can follow.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CompleteSession {
    /// The sale.
    pub session: Session,
    /// How it was paid. Undocumented, so possibly empty.
    pub payments: Vec<SessionPayment>,
}

impl ReadPayload for CompleteSession {
    fn read(body: &mut Fields<'_>) -> Result<Self, DataError> {
        // The page's example leaves the object out altogether.
        let path = Path::ROOT.field("completeSession");
        let payments = match body.take("completeSession") {
            Some(details) => Fields::open(details, &path)?.optional(&path, "payments")?.unwrap_or_default(),
            None => Vec::new(),
        };
        Ok(Self { session: body.required(&Path::ROOT, "session")?, payments })
    }

    fn subject(&self) -> Option<&str> {
        Some(&self.session.session_id)
    }
}

/// A button that the restaurant configured was pressed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CustomAction {
    /// The sale.
    pub session: Option<Session>,
    /// The button's own id.
    pub custom_action_id: String,
    /// What the button says.
    pub button_caption: Option<String>,
    /// What was typed before the press.
    pub numpad_value: Option<Decimal>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

impl ReadPayload for CustomAction {
    fn read(body: &mut Fields<'_>) -> Result<Self, DataError> {
        let path = Path::ROOT.field("customAction");
        let mut action = Fields::open(take_details(body, "customAction")?, &path)?;
        Ok(Self {
            session: body.optional(&Path::ROOT, "session")?,
            custom_action_id: action.required(&path, "customActionId")?,
            button_caption: action.optional(&path, "buttonCaption")?,
            numpad_value: action.optional(&path, "numpadValue")?,
            extra: action.rest(&path)?,
        })
    }

    fn subject(&self) -> Option<&str> {
        session_id(&self.session)
    }
}

/// A bill was printed, possibly one of several. Nothing is booked by that.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PrintBill {
    /// The sale.
    pub session: Option<Session>,
    /// What was paid before, in a shape that the vendor does not document.
    pub previous_payments: Option<RawJson>,
}

impl ReadPayload for PrintBill {
    fn read(body: &mut Fields<'_>) -> Result<Self, DataError> {
        Ok(Self {
            session: body.optional(&Path::ROOT, "session")?,
            previous_payments: body.optional(&Path::ROOT, "printBill")?,
        })
    }

    fn subject(&self) -> Option<&str> {
        session_id(&self.session)
    }
}

/// Events about a course in the kitchen. They carry no session.
macro_rules! course_events {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            /// The order at the counter, when it is one.
            pub cafeteria_order: Option<CourseOrder>,
            /// The table's order, when it is one.
            pub table_order: Option<CourseOrder>,
            /// The table.
            pub table: Option<Table>,
            /// The course.
            pub course: Course,
        }

        impl ReadPayload for $name {
            fn read(body: &mut Fields<'_>) -> Result<Self, DataError> {
                let path = Path::ROOT;
                Ok(Self {
                    cafeteria_order: body.optional(&path, "cafeteriaOrder")?,
                    table_order: body.optional(&path, "tableOrder")?,
                    table: body.optional(&path, "table")?,
                    course: Course::from_json(take_details(body, "course")?, &path.field("course"))?,
                })
            }

            fn subject(&self) -> Option<&str> {
                self.table_order.as_ref().or(self.cafeteria_order.as_ref()).map(|order| order.order_id.as_str())
            }
        }
    )*};
}

course_events! {
    /// The kitchen began a course.
    KitchenStartCourse
    /// The kitchen finished a course.
    KitchenCompleteCourse
    /// The waiter served a course.
    KitchenServeCourse
}

/// The order that a course belongs to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CourseOrder {
    /// A UUID.
    pub order_id: String,
    /// The year that numbers it.
    pub year: Option<i64>,
    /// Its number in that year.
    pub number: Option<i64>,
    /// The number that is called out.
    pub ticket_number: Option<i64>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

object!(CourseOrder {
    order_id: "orderId" required,
    year: "year" optional,
    number: "number" optional,
    ticket_number: "ticketNumber" optional,
});

/// A course of a meal.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Course {
    /// Its number.
    pub course_number: i64,
    /// Its name.
    pub name: Option<String>,
    /// Its short name.
    pub abbreviation: Option<String>,
    /// Where it stands in the meal.
    pub sequence_number: Option<i64>,
    /// Planned preparation time; the unit is not documented.
    pub expected_preparation_time: Option<Decimal>,
    /// Real preparation time, once complete; the unit is not documented.
    pub actual_preparation_time: Option<Decimal>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

object!(Course {
    course_number: "courseNumber" required,
    name: "name" optional,
    abbreviation: "abbreviation" optional,
    sequence_number: "sequenceNumber" optional,
    expected_preparation_time: "expectedPreparationTime" optional,
    actual_preparation_time: "actualPreparationTime" optional,
});

/// The running POS asks, again and again, whether there is anything for it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BackgroundPoll {}

impl ReadPayload for BackgroundPoll {
    fn read(_: &mut Fields<'_>) -> Result<Self, DataError> {
        Ok(Self {})
    }

    fn subject(&self) -> Option<&str> {
        None
    }
}

/// The four events of an external payment.
macro_rules! external_payment_events {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            /// The sale; not filled in by the online handheld.
            pub session: Option<Session>,
            /// The payment.
            pub external_payment: ExternalPayment,
        }

        impl ReadPayload for $name {
            fn read(body: &mut Fields<'_>) -> Result<Self, DataError> {
                let raw = take_details(body, "externalPayment")?;
                Ok(Self {
                    external_payment: ExternalPayment::from_json(raw, &Path::ROOT.field("externalPayment"))?,
                    session: body.optional(&Path::ROOT, "session")?,
                })
            }

            fn subject(&self) -> Option<&str> {
                Some(&self.external_payment.external_payment_id)
            }
        }
    )*};
}

external_payment_events! {
    /// A payment method was chosen that the host handles.
    StartExternalPayment
    /// Is it paid yet?
    PollExternalPayment
    /// The cashier wants to cancel; the payment may still turn out to be paid.
    RequestCancelExternalPayment
    /// The POS has given the payment up.
    CancelExternalPayment
}

/// A payment that the host carries out.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExternalPayment {
    /// A UUID, new for every payment.
    pub external_payment_id: String,
    /// What is to be paid, euros. Needed to start a payment.
    pub amount: Option<Decimal>,
    /// The name of the payment method as configured in the POS.
    pub method: Option<String>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

object!(ExternalPayment {
    external_payment_id: "externalPaymentId" required,
    amount: "amount" optional,
    method: "method" optional,
});

/// An event that this crate does not know.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UnknownEvent {
    /// The name in the URL.
    pub name: String,
}

fn take_details<'a>(body: &mut Fields<'a>, name: &'static str) -> Result<&'a RawValue, DataError> {
    body.take(name).ok_or(DataError::NoDetails(name))
}
