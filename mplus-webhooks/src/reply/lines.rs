//! Changes to the lines of a sale. Amounts are euros.

use serde::Serialize;

use super::part::{Number, part};

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
