//! What every request carries: the event's counter and time, the till that sends, the answers of the cashier.

use chrono::{DateTime, FixedOffset, NaiveDateTime};
use serde::Serialize;
use serde_json::value::RawValue;

use super::from_json::FromJson;
use super::object::{Object, object};
use super::oddity::{OddityKind, Reading};
use super::path::Path;
use super::raw::{Extra, RawJson};
use super::scalar::Clock;

/// The request's `event` object.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EventDetails {
    /// Whether the cashier waits for the reply.
    pub blocking: bool,
    /// Whether the POS repeats the call until the reply finishes it.
    pub polling: bool,
    /// Counts the till's events; it may start again from the beginning.
    pub counter: Option<i64>,
    /// The till's clock, with its offset. `None` when the offset was not told: which instant is meant is not guessed.
    pub timestamp: Option<DateTime<FixedOffset>>,
    /// What the till's clock showed, with or without an offset.
    pub local_time: Option<NaiveDateTime>,
    /// Object that this crate does not know.
    pub extra: Extra,
}

impl FromJson for EventDetails {
    fn from_json(raw: &RawValue, path: &Path<'_>, reading: &mut Reading) -> Result<Self, OddityKind> {
        let mut fields = Object::open(raw, path, reading)?;
        let clock: Option<Clock> = fields.side(path, "eventTimestamp", reading);
        Ok(Self {
            blocking: fields.side(path, "eventBlocking", reading).unwrap_or_default(),
            polling: fields.side(path, "eventPolling", reading).unwrap_or_default(),
            counter: fields.side(path, "eventCounter", reading),
            timestamp: clock.as_ref().and_then(|clock| clock.instant),
            local_time: clock.map(|clock| clock.shown),
            extra: fields.rest(path, reading),
        })
    }
}

/// The till: the request's `sender` object.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Sender {
    /// The branch's number, when it was sent and could be read.
    pub branch_number: Option<i64>,
    /// The workplace's number in the branch, when it was sent and could be read.
    pub workplace_number: Option<i64>,
    /// Who is logged in, when sent.
    pub employee_number: Option<i64>,
    /// The running POS program, a UUID; newer versions send it.
    pub instance_id: Option<String>,
    /// Object that this crate does not know.
    pub extra: Extra,
}

object!(Sender {
    branch_number: "branchNumber" expected,
    workplace_number: "workplaceNumber" expected,
    employee_number: "employeeNumber" side,
    instance_id: "instanceId" side,
});

/// The cashier's answer to a dialog of an earlier reply.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DialogAnswer {
    /// The chosen options; empty when none was required.
    pub selected_option_ids: Vec<i64>,
    /// The dialog's id, when the reply gave it one.
    pub dialog_id: Option<String>,
    /// Object that this crate does not know.
    pub extra: Extra,
}

object!(DialogAnswer {
    selected_option_ids: "selectedDialogOptionIds" list,
    dialog_id: "dialogId" side,
});

/// The cashier's answer to a form of an earlier reply.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FormAnswer {
    /// The form's id.
    pub id: Option<String>,
    /// One entry per field.
    pub fields: Vec<FormAnswerField>,
    /// Object that this crate does not know.
    pub extra: Extra,
}

object!(FormAnswer {
    id: "id" identifier,
    fields: "fields" list,
});

/// What was filled in.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FormAnswerField {
    /// The field's id.
    pub id: Option<String>,
    /// What was typed.
    pub value: Option<String>,
    /// What was chosen.
    pub selected: Vec<String>,
    /// The field's type and whatever else was sent.
    pub extra: Extra,
}

object!(FormAnswerField {
    id: "id" identifier,
    value: "value" side,
    selected: "selected" list,
});

/// The answers that make a repeated request a new one: same event, but the cashier chose something.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Answers {
    /// After a dialog.
    pub dialog: Option<DialogAnswer>,
    /// After a form.
    pub form: Option<FormAnswer>,
    /// Sent by clients that can open a URL: their preferences.
    pub open_url: Option<RawJson>,
}
