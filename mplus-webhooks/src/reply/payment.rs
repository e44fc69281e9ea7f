//! How an external payment stands, and whether to ask again.

use serde::Serialize;

use super::part::{Number, part};
use super::show::Footer;

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
