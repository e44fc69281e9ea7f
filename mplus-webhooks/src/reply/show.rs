//! What is shown and printed, and what a scan elsewhere meant.

use serde::Serialize;

use super::part::{Number, part};

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
    /// Text, and possibly a code, below a receipt or a bill. Lines are separated by `\n`; newer versions of the POS wrap long
    /// ones.
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
