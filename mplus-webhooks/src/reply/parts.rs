//! The objects that replies are made of, in the vendor's JSON. Amounts are euros.

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A decimal that is written as a JSON number with exactly its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(pub Decimal);

impl From<Decimal> for Number {
    fn from(value: Decimal) -> Self {
        Self(value)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.0.to_string();
        let raw: &RawValue = serde_json::from_str(&digits).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Makes a reply object: required fields in `new`, the others public and left out when `None`.
macro_rules! part {
    (
        $(#[$doc:meta])* $name:ident
        { $($(#[$need_doc:meta])* $need:ident: $need_type:ty,)* }
        { $($(#[$may_doc:meta])* $may:ident: $may_type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$need_doc])* pub $need: $need_type,)*
            $($(#[$may_doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $may: Option<$may_type>,)*
        }

        impl $name {
            /// With what the POS needs and nothing more.
            #[allow(clippy::new_without_default, reason = "objects without a needed field are rare")]
            pub fn new($($need: impl Into<$need_type>),*) -> Self {
                Self { $($need: $need.into(),)* $($may: None,)* }
            }

            $(
                $(#[$may_doc])*
                #[must_use]
                pub fn $may(mut self, $may: impl Into<$may_type>) -> Self {
                    self.$may = Some($may.into());
                    self
                }
            )*
        }
    };
}

part! {
    /// A discount on a line. The host chooses the id; it comes back in later events.
    Discount {
        /// The host's id of it, a UUID.
        discount_id: String,
        /// What the cashier sees.
        discount_description: String,
    } {
        /// 0 to 100.
        discount_percentage: Number,
        /// Euros. Whether it may stand beside a percentage is not documented.
        discount_amount: Number,
        /// How many of the line's pieces it is for.
        apply_to_quantity: Number,
        /// The host's free text.
        discount_type: String,
    }
}

part! {
    /// A change of any line in the session.
    LineChange {
        /// The line.
        line_id: String,
    } {
        /// Gives it this discount.
        external_discount: Discount,
    }
}

part! {
    /// A line to add. Name the article in one way.
    LineAddition {} {
        /// The new line's id, a UUID; the POS makes one when absent.
        line_id: String,
        /// The article by number.
        article_number: i64,
        /// The article by barcode.
        barcode: String,
        /// The article by PLU number.
        plu_number: String,
        /// The article by the supplier's number.
        supplier_article_number: String,
        /// The article by the host's own id.
        ext_article_id: String,
        /// Price with VAT, euros.
        price_incl: Number,
        /// How many.
        quantity: Number,
        /// What the receipt prints.
        text: String,
        /// Gives the new line this discount.
        external_discount: Discount,
    }
}

part! {
    /// A line to remove.
    LineDeletion {
        /// The line.
        line_id: String,
    } {}
}

part! {
    /// A message on the till's screens. Display times are in a unit that the vendor does not document.
    Message {} {
        /// For the cashier.
        message: String,
        /// For the customer.
        customer_message: String,
        /// How long the cashier sees it.
        message_display_time: i64,
        /// How long the customer sees it.
        customer_message_display_time: i64,
        /// A colour behind it.
        background_color: String,
        /// Leaves the time out.
        hide_timestamp: bool,
        /// Empties the cashier's screen first.
        clear_screen: bool,
        /// Empties the customer's screen first.
        clear_customer_screen: bool,
        /// In letters of equal width.
        monospaced_font: bool,
    }
}

impl Message {
    /// Shows `text` to the cashier.
    pub fn cashier(text: impl Into<String>) -> Self {
        Self::new().message(text)
    }
}

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

/// What a form's field takes. The JSON spelling is not documented; this is the WSDL's enum without its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
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
    Label,
    PostalAddress,
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
        /// Limits of a number.
        number: FormNumber,
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
        /// Whether it cannot be chosen.
        disabled: bool,
        /// The button's colour.
        color: String,
    }
}

part! {
    /// A web page to open at the till.
    OpenUrl {
        /// Where.
        url: String,
    } {
        /// Whether it opens by itself.
        auto_open: bool,
        /// What the link says.
        url_title: String,
    }
}

/// A printed or displayed code. Other pages of the vendor spell these `code128` and `qrcode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum BarcodeType {
    /// Code 128, the vendor's default.
    Code128,
    /// QR code.
    QrCode,
}

part! {
    /// A code, on a receipt or on the screen.
    Barcode {
        /// How it is drawn.
        code_type: BarcodeType,
        /// What it says.
        code: String,
    } {}
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

part! {
    /// What a scanned code meant to the host.
    ScannedCode {
        /// `true` stops the POS's own search.
        recognized: bool,
    } {
        /// For the cashier.
        message: String,
        /// For the customer.
        customer_message: String,
        /// Selects this relation, which has to exist in the POS.
        relation_number: i64,
    }
}

part! {
    /// Text, and possibly a code, below a receipt or a bill. Lines are separated by `\n`.
    Footer {
        /// The text.
        text: String,
    } {
        /// A code below it.
        barcode: Barcode,
        /// Text below the code. Known for external payments only.
        text_after: String,
        /// Whether it is printed on a receipt of its own. Known for external payments only.
        print_separate: bool,
    }
}

part! {
    /// What a card terminal would print.
    ReceiptText {
        /// The text; lines are separated by `\n`.
        text: String,
    } {
        /// Whose receipt it is for.
        r#type: ReceiptFor,
        /// Whether there has to be room for a signature.
        requires_signature: bool,
    }
}

/// Whose receipt. The JSON spelling is not documented; this is the WSDL's enum without its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum ReceiptFor {
    /// The customer's.
    Cardholder,
    /// The restaurant's.
    Merchant,
}

part! {
    /// A card that was read elsewhere than at the till.
    CardScan {
        /// The card's number.
        card_identifier: String,
    } {
        /// What the cashier sees.
        card_description: String,
        /// Euros.
        card_balance: Number,
        /// `YYYY-MM-DD`.
        card_expiration: String,
        /// Whether it may not be used.
        card_blocked: bool,
    }
}

part! {
    /// Whether the POS is to ask again.
    Polling {
        /// `true` ends the repetition.
        finished: bool,
    } {
        /// For the cashier, meanwhile.
        message: String,
        /// For the customer, meanwhile.
        customer_message: String,
    }
}

/// How a payment stands, in the three words that the integration answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PaymentWord {
    /// Not decided yet.
    Pending,
    /// Paid.
    Confirmed,
    /// Ended without a payment.
    Failed,
}

part! {
    /// How an external payment stands.
    PaymentAnswer {
        /// The POS's id of the payment.
        external_payment_id: String,
    } {
        /// Whether the payment is under way; answers a start.
        started: bool,
        /// Paid.
        confirmed: bool,
        /// Ended without a payment.
        cancelled: bool,
        /// What was really paid, euros.
        final_amount: Number,
        /// The provider's reference, for the receipt and for questions.
        external_transaction_reference: String,
        /// For instance `visa`.
        card_type: String,
        /// The payment terminal.
        terminal_id: String,
        /// How it was paid, for instance `ideal`.
        external_method: String,
        /// The same in one word.
        status: PaymentWord,
        /// What the terminal would print.
        receipt_texts: Vec<ReceiptText>,
        /// What stands below the receipt.
        receipt_footers: Vec<Footer>,
    }
}
