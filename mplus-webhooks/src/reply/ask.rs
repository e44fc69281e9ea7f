//! Questions to the cashier.

use serde::Serialize;

use super::part::{Number, part};

part! {
    /// A question to the cashier. The answer arrives as the same event with `answers.dialog`.
    /// Only a blocking event can ask.
    Dialog {
        /// Above the options.
        dialog_title: String,
        /// Whether one has to be chosen.
        required: bool,
        /// Whether several may be chosen.
        allow_multiple_options: bool,
        /// What can be chosen.
        dialog_options: Vec<DialogOption>,
    } {
        /// Comes back with the answer.
        dialog_id: i64,
        /// How many options stand side by side.
        columns: i64,
        /// Whether a choice has to be confirmed.
        require_confirmation: bool,
    }
}

part! {
    /// One choice of a dialog.
    DialogOption {
        /// Comes back when chosen.
        option_id: i64,
        /// What the cashier reads.
        option_name: String,
    } {
        /// The button's colour.
        option_color: String,
        /// The button's image, as the POS knows it; the form of the text is not documented.
        image: String,
        /// Whether it is shown and cannot be chosen. POS 59.3.4 and newer.
        disabled: bool,
    }
}

part! {
    /// A form for the cashier. The answer arrives as the same event with `answers.form`.
    /// Only a blocking event can ask.
    Form {
        /// Comes back with the answer.
        id: String,
        /// Above the fields.
        title: String,
        /// What is to be filled in.
        fields: Vec<FormField>,
    } {
        /// Whether it can be emptied with one press.
        enable_reset: bool,
        /// On the button that sends it.
        submit_text: String,
        /// On the button that closes it.
        cancel_text: String,
    }
}

/// What a form's field takes. The vendor shows `label` only; the others are the names of the SOAP interface in the same
/// spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub enum FormFieldType {
    Text,
    Email,
    Password,
    PostalCode,
    Number,
    Date,
    Time,
    DateTime,
    Select,
    Checkbox,
    /// Nothing to fill in: a text between the fields. POS 59.3.4 and newer.
    Label,
    PostalAddress,
    /// Whatever a till wants to be told instead.
    #[serde(untagged)]
    Other(String),
}

/// Where a field's separator is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FormSeparator {
    /// Above the field.
    Above,
    /// Below the field.
    Below,
}

part! {
    /// One field of a form.
    FormField {
        /// Comes back with the answer.
        id: String,
        /// What it takes.
        r#type: FormFieldType,
        /// What the cashier reads.
        label: String,
        /// Whether it has to be filled in.
        required: bool,
    } {
        /// Further explanation.
        hint: String,
        /// What stands in it at first.
        value: String,
        /// Fewest characters.
        minimum_length: i64,
        /// Most characters.
        maximum_length: i64,
        /// What it has to match.
        regex: String,
        /// Shown before it.
        prefix: String,
        /// Shown after it.
        suffix: String,
        /// A line drawn beside it. POS 59.3.4 and newer.
        separator: FormSeparator,
        /// Limits of a number.
        number: FormNumber,
        /// Which days and hours can be chosen.
        calendar: FormCalendar,
        /// Choices of a selection.
        select: FormSelect,
    }
}

part! {
    /// Limits of a number in a form.
    FormNumber {} {
        /// Digits after the point.
        decimals: i64,
        /// The smallest.
        minimum_value: Number,
        /// The largest.
        maximum_value: Number,
        /// Whether it may be below zero.
        allow_negative: bool,
    }
}

part! {
    /// Which days and hours a date in a form can have. What is left out is not limited.
    FormCalendar {} {
        /// Only days to come.
        future_only: bool,
        /// Only days gone by.
        past_only: bool,
        /// The first day, `YYYY-MM-DD`; its JSON spelling is not documented.
        earliest_date: String,
        /// The last day, `YYYY-MM-DD`; its JSON spelling is not documented.
        latest_date: String,
        /// Sundays.
        sunday: FormWeekday,
        /// Mondays.
        monday: FormWeekday,
        /// Tuesdays.
        tuesday: FormWeekday,
        /// Wednesdays.
        wednesday: FormWeekday,
        /// Thursdays.
        thursday: FormWeekday,
        /// Fridays.
        friday: FormWeekday,
        /// Saturdays.
        saturday: FormWeekday,
    }
}

part! {
    /// Whether a day of the week can be chosen, and which hours of it.
    FormWeekday {
        /// Whether it can be chosen.
        available: bool,
    } {
        /// The first hour, 0 to 23.
        from_hour: i64,
        /// Its first minute, 0 to 59.
        from_minute: i64,
        /// The last hour, 0 to 23.
        through_hour: i64,
        /// Its last minute, 0 to 59.
        through_minute: i64,
    }
}

part! {
    /// A selection in a form.
    FormSelect {
        /// Whether several may be chosen.
        multiple: bool,
        /// What can be chosen.
        options: Vec<FormOption>,
    } {
        /// How many options stand side by side.
        columns: i64,
    }
}

part! {
    /// One choice of a selection.
    FormOption {
        /// Comes back when chosen.
        id: String,
        /// What the cashier reads.
        label: String,
    } {
        /// Whether it is chosen at first.
        selected: bool,
        /// Whether it is shown and cannot be chosen. POS 59.3.4 and newer.
        disabled: bool,
        /// The button's colour.
        color: String,
        /// The button's image, as the POS knows it; the form of the text is not documented.
        image: String,
        /// The article that it stands for, by number.
        article_number: i64,
        /// The article by barcode.
        barcode: String,
        /// The article by PLU number.
        plu_number: String,
        /// The article by the supplier's number.
        supplier_article_number: String,
        /// The article by the host's own id.
        ext_article_id: String,
    }
}

part! {
    /// Asks the cashier to scan something.
    ScanRequest {
        /// Whether it can be refused.
        required: bool,
        /// What the cashier reads.
        request_title: String,
    } {}
}
