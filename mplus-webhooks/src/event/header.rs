//! What every request carries: the event's counter and time, the till that sends, the answers of the cashier.

use chrono::{DateTime, FixedOffset};

use super::json::{DataError, Extra, FromJson, Path, RawJson, object, scalar};
use serde_json::value::RawValue;

/// The request's `event` object.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct EventDetails {
    /// Whether the cashier waits for the reply.
    pub blocking: bool,
    /// Whether the POS repeats the call until the reply finishes it.
    pub polling: bool,
    /// Counts the till's events; it may start again from the beginning.
    pub counter: Option<i64>,
    /// The till's clock, with its offset.
    pub timestamp: Option<DateTime<FixedOffset>>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

impl FromJson for EventDetails {
    fn from_json(raw: &RawValue, path: &Path<'_>) -> Result<Self, DataError> {
        let mut fields = super::json::Fields::open(raw, path)?;
        Ok(Self {
            blocking: fields.optional(path, "eventBlocking")?.unwrap_or_default(),
            polling: fields.optional(path, "eventPolling")?.unwrap_or_default(),
            counter: fields.optional(path, "eventCounter")?,
            timestamp: fields.optional(path, "eventTimestamp")?,
            extra: fields.rest(path)?,
        })
    }
}

impl FromJson for DateTime<FixedOffset> {
    fn from_json(raw: &RawValue, path: &Path<'_>) -> Result<Self, DataError> {
        let text = scalar(raw).ok_or_else(|| path.time())?;
        Self::parse_from_rfc3339(&text).map_err(|_| path.time())
    }
}

/// The till: the request's `sender` object.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sender {
    /// The branch's number.
    pub branch_number: i64,
    /// The workplace's number in the branch.
    pub workplace_number: i64,
    /// Who is logged in, when sent.
    pub employee_number: Option<i64>,
    /// The running POS program, a UUID; newer versions send it.
    pub instance_id: Option<String>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

object!(Sender {
    branch_number: "branchNumber" required,
    workplace_number: "workplaceNumber" required,
    employee_number: "employeeNumber" optional,
    instance_id: "instanceId" optional,
});

/// The cashier's answer to a dialog of an earlier reply.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DialogAnswer {
    /// The chosen options; empty when none was required.
    pub selected_option_ids: Vec<i64>,
    /// The dialog's id, when the reply gave it one.
    pub dialog_id: Option<String>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

object!(DialogAnswer {
    selected_option_ids: "selectedDialogOptionIds" list,
    dialog_id: "dialogId" optional,
});

/// The cashier's answer to a form of an earlier reply.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FormAnswer {
    /// The form's id.
    pub id: String,
    /// One entry per field.
    pub fields: Vec<FormAnswerField>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

object!(FormAnswer {
    id: "id" required,
    fields: "fields" list,
});

/// What was filled in.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FormAnswerField {
    /// The field's id.
    pub id: String,
    /// What was typed.
    pub value: Option<String>,
    /// What was chosen.
    pub selected: Vec<String>,
    /// The field's type and whatever else was sent.
    pub extra: Extra,
}

object!(FormAnswerField {
    id: "id" required,
    value: "value" optional,
    selected: "selected" list,
});

/// The answers that make a repeated request a new one: same event, but the cashier chose something.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Answers {
    /// After a dialog.
    pub dialog: Option<DialogAnswer>,
    /// After a form.
    pub form: Option<FormAnswer>,
    /// Sent by clients that can open a URL: their preferences.
    pub open_url: Option<RawJson>,
}
