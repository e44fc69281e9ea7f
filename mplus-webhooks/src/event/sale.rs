//! What happens to a sale on the till.

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::from_json::{DataError, FromJson};
use super::object::{Object, object};
use super::oddity::{OddityKind, Reading};
use super::path::Path;
use super::payload::ReadPayload;
use super::raw::{Extra, RawJson};
use super::scalar::{Exact, Identifier};
use super::session::{Line, Relation, Session, SessionPayment};

fn session_id(session: &Option<Session>) -> Option<&str> {
    session.as_ref()?.session_id.as_deref()
}

/// Events that carry nothing but the session.
macro_rules! session_events {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name {
            /// The sale.
            pub session: Session,
        }

        impl ReadPayload for $name {
            fn read(body: &mut Object<'_>, reading: &mut Reading) -> Result<Self, DataError> {
                Ok(Self { session: Session::required(body, reading)? })
            }

            fn subject(&self) -> Option<&str> {
                self.session.session_id.as_deref()
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
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ScanCode {
    /// The sale.
    pub session: Option<Session>,
    /// What was scanned.
    pub scanned_code: String,
    /// How it was scanned.
    pub code_type: Option<CodeType>,
    /// Object that this crate does not know.
    pub extra: Extra,
}

impl ReadPayload for ScanCode {
    fn read(body: &mut Object<'_>, reading: &mut Reading) -> Result<Self, DataError> {
        let path = Path::ROOT.field("scanCode");
        let mut scan = body.open_details(&path, "scanCode", reading)?;
        Ok(Self {
            session: Session::beside(body, reading),
            scanned_code: scan.required::<Exact>(&path, "scannedCode", reading)?.0,
            code_type: scan.side(&path, "codeType", reading),
            extra: scan.rest(&path, reading),
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

impl CodeType {
    /// As it is written on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Barcode => "barcode",
            Self::Rfid => "rfid",
            Self::QrCode => "qrcode",
            Self::Unknown(text) => text,
        }
    }
}

impl Serialize for CodeType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromJson for CodeType {
    fn from_json(raw: &RawValue, path: &Path<'_>, reading: &mut Reading) -> Result<Self, OddityKind> {
        let text = String::from_json(raw, path, reading)?;
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
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name {
            /// The sale; removing its last line may leave it without any.
            pub session: Option<Session>,
            /// The line.
            pub line: Line,
        }

        impl ReadPayload for $name {
            fn read(body: &mut Object<'_>, reading: &mut Reading) -> Result<Self, DataError> {
                let path = Path::ROOT.field($wire);
                let fields = body.open_details(&path, $wire, reading)?;
                let line = match fields.get("line") {
                    Some(_) if fields.contradicted("line") => {
                        return Err(DataError::at(&path.field("line"), OddityKind::Twice));
                    }
                    Some(raw) => {
                        let path = path.field("line");
                        Line::from_json(raw, &path, reading).map_err(|what| DataError::at(&path, what))?
                    }
                    None => Line::from_fields(fields, &path, reading),
                };
                Ok(Self { session: Session::beside(body, reading), line })
            }

            fn subject(&self) -> Option<&str> {
                self.line.line_id.as_deref()
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
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MergeSession {
    /// The sale that ends.
    pub session: Session,
    /// The sale that goes on with its lines.
    pub merge_with_session_id: String,
}

impl ReadPayload for MergeSession {
    fn read(body: &mut Object<'_>, reading: &mut Reading) -> Result<Self, DataError> {
        let path = Path::ROOT.field("mergeSession");
        let mut merge = body.open_details(&path, "mergeSession", reading)?;
        Ok(Self {
            session: Session::required(body, reading)?,
            merge_with_session_id: merge.required::<Identifier>(&path, "mergeWithSessionId", reading)?.0,
        })
    }

    fn subject(&self) -> Option<&str> {
        self.session.session_id.as_deref()
    }
}

/// A customer was selected, or deselected.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SelectRelation {
    /// The sale.
    pub session: Option<Session>,
    /// Who; `None` when the customer was deselected.
    pub relation: Option<Relation>,
}

impl ReadPayload for SelectRelation {
    fn read(body: &mut Object<'_>, reading: &mut Reading) -> Result<Self, DataError> {
        if !body.has("selectRelation") {
            return Err(DataError::NoDetails("selectRelation"));
        }
        let path = Path::ROOT.field("selectRelation");
        if body.get("selectRelation").is_none() {
            body.forget("selectRelation");
            return Ok(Self { session: Session::beside(body, reading), relation: None });
        }
        let fields = body.open_details(&path, "selectRelation", reading)?;
        let relation = match fields.get("relation") {
            Some(_) if fields.contradicted("relation") => {
                return Err(DataError::at(&path.field("relation"), OddityKind::Twice));
            }
            Some(raw) => {
                let path = path.field("relation");
                match Relation::from_json(raw, &path, reading) {
                    Err(OddityKind::Empty) => None,
                    read => Some(read.map_err(|what| DataError::at(&path, what))?),
                }
            }
            None if fields.has("relation") || fields.is_empty() => None,
            // The SOAP twin has the relation's fields here.
            None => Some(Relation::from_fields(fields, &path, reading)),
        };
        Ok(Self { session: Session::beside(body, reading), relation })
    }

    fn subject(&self) -> Option<&str> {
        session_id(&self.session)
    }
}

/// The sale is paid and finished; only a credit can follow.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CompleteSession {
    /// The sale.
    pub session: Session,
    /// How it was paid. Undocumented, so possibly empty.
    pub payments: Vec<SessionPayment>,
    /// What else the event's own object holds.
    pub extra: Extra,
}

/// The event's own object.
#[derive(Default)]
struct Paid {
    payments: Vec<SessionPayment>,
    extra: Extra,
}

object!(Paid {
    payments: "payments" list,
});

impl ReadPayload for CompleteSession {
    fn read(body: &mut Object<'_>, reading: &mut Reading) -> Result<Self, DataError> {
        // The page's example leaves the object out altogether.
        let paid: Paid = body.side(&Path::ROOT, "completeSession", reading).unwrap_or_default();
        let session = Session::required(body, reading)?;
        Ok(Self { session, payments: paid.payments, extra: paid.extra })
    }

    fn subject(&self) -> Option<&str> {
        self.session.session_id.as_deref()
    }
}

/// A button that the restaurant configured was pressed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CustomAction {
    /// The sale.
    pub session: Option<Session>,
    /// The button's own id.
    pub custom_action_id: String,
    /// What the button says.
    pub button_caption: Option<String>,
    /// Whether it was held down.
    pub long_click: Option<bool>,
    /// Whether it was pressed by itself when the sale began.
    pub on_startup: Option<bool>,
    /// What was typed before the press.
    pub numpad_value: Option<Decimal>,
    /// Object that this crate does not know.
    pub extra: Extra,
}

impl ReadPayload for CustomAction {
    fn read(body: &mut Object<'_>, reading: &mut Reading) -> Result<Self, DataError> {
        let path = Path::ROOT.field("customAction");
        let mut action = body.open_details(&path, "customAction", reading)?;
        Ok(Self {
            session: Session::beside(body, reading),
            custom_action_id: action.required::<Identifier>(&path, "customActionId", reading)?.0,
            button_caption: action.side(&path, "buttonCaption", reading),
            long_click: action.side(&path, "longClick", reading),
            on_startup: action.side(&path, "onStartup", reading),
            numpad_value: action.side(&path, "numpadValue", reading),
            extra: action.rest(&path, reading),
        })
    }

    fn subject(&self) -> Option<&str> {
        session_id(&self.session)
    }
}

/// A bill was printed, possibly one of several. Nothing is booked by that.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PrintBill {
    /// The sale.
    pub session: Option<Session>,
    /// What was paid before, in a shape that the vendor does not document.
    pub previous_payments: Option<RawJson>,
}

impl ReadPayload for PrintBill {
    fn read(body: &mut Object<'_>, reading: &mut Reading) -> Result<Self, DataError> {
        Ok(Self {
            session: Session::beside(body, reading),
            previous_payments: body.side(&Path::ROOT, "printBill", reading),
        })
    }

    fn subject(&self) -> Option<&str> {
        session_id(&self.session)
    }
}
