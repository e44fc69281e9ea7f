//! The sale on the till, as the session events carry it.

use rust_decimal::Decimal;

use super::json::{Extra, RawJson, object};

/// A sale in progress, or the end of one.
///
/// Amounts are euros. The documentation shows `sessionId` and `lines` only; the other fields come from the WSDL's
/// `WebhookSessionInput` and may be absent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Session {
    /// The sale's id, a UUID. A credit of the sale carries the same one.
    pub session_id: String,
    /// The lines so far; empty when the POS sent none.
    pub lines: Vec<Line>,
    /// The table, when the sale belongs to one.
    pub table: Option<Table>,
    /// The customer, when one is selected.
    pub relation: Option<Relation>,
    /// Still to be paid, euros.
    pub open_amount: Option<Decimal>,
    /// With VAT, euros.
    pub total_incl_amount: Option<Decimal>,
    /// Without VAT, euros.
    pub total_excl_amount: Option<Decimal>,
    /// Payments booked so far; undocumented, so possibly always empty.
    pub payments: Vec<SessionPayment>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

object!(Session {
    session_id: "sessionId" required,
    lines: "lines" list,
    table: "table" optional,
    relation: "relation" optional,
    open_amount: "openAmount" optional,
    total_incl_amount: "totalInclAmount" optional,
    total_excl_amount: "totalExclAmount" optional,
    payments: "payments" list,
});

impl Session {
    /// The lines' prices times their quantities, euros: what the sale comes to when the POS sends no total.
    ///
    /// `None` when a line has no price, when a line carries a discount (whose effect the documentation does not define),
    /// or when the sum is too large to hold. Reads `priceIncl` as a unit price; the documentation leaves open whether
    /// it is one.
    pub fn sum_of_lines(&self) -> Option<Decimal> {
        self.lines.iter().try_fold(Decimal::ZERO, |sum, line| {
            let discounted = line.external_discount.is_some()
                || line.discount_amount.is_some_and(|amount| !amount.is_zero())
                || line.discount_percentage.is_some_and(|percentage| !percentage.is_zero());
            if discounted {
                return None;
            }
            let quantity = line.quantity.unwrap_or(Decimal::ONE);
            sum.checked_add(line.price_incl?.checked_mul(quantity)?)
        })
    }
}

/// One line of a sale.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Line {
    /// The line's id, a UUID.
    pub line_id: String,
    /// The article; absent on lines that are none.
    pub article_number: Option<i64>,
    /// Price with VAT, euros. Whether of one piece or of the line is not documented.
    pub price_incl: Option<Decimal>,
    /// How many; negative on a return.
    pub quantity: Option<Decimal>,
    /// What the receipt prints.
    pub text: Option<String>,
    /// A discount that a webhook's reply gave.
    pub external_discount: Option<ExternalDiscount>,
    /// The POS's own discount, in percent.
    pub discount_percentage: Option<Decimal>,
    /// The POS's own discount, euros.
    pub discount_amount: Option<Decimal>,
    /// How it is prepared.
    pub preparation_methods: Vec<Line>,
    /// What it is made of.
    pub component_articles: Vec<Line>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

object!(Line {
    line_id: "lineId" required,
    article_number: "articleNumber" optional,
    price_incl: "priceIncl" optional,
    quantity: "quantity" optional,
    text: "text" optional,
    external_discount: "externalDiscount" optional,
    discount_percentage: "discountPercentage" optional,
    discount_amount: "discountAmount" optional,
    preparation_methods: "preparationMethods" list,
    component_articles: "componentArticles" list,
});

/// A discount that the host gave, coming back.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExternalDiscount {
    /// The host's id of it.
    pub discount_id: String,
    /// What the cashier sees.
    pub discount_description: Option<String>,
    /// 0 to 100.
    pub discount_percentage: Option<Decimal>,
    /// Euros.
    pub discount_amount: Option<Decimal>,
    /// The host's free text.
    pub discount_type: Option<String>,
    /// Which subscriber gave it, filled in by the POS.
    pub webhook_consumer_id: Option<String>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

object!(ExternalDiscount {
    discount_id: "discountId" required,
    discount_description: "discountDescription" optional,
    discount_percentage: "discountPercentage" optional,
    discount_amount: "discountAmount" optional,
    discount_type: "discountType" optional,
    webhook_consumer_id: "webhookConsumerId" optional,
});

/// A table of the restaurant.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// Its number.
    pub number: Option<i64>,
    /// The part of a table that is served apart.
    pub sub_number: Option<i64>,
    /// Its name, or the guest's.
    pub table_name: Option<String>,
    /// How many people.
    pub number_of_guests: Option<i64>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

object!(Table {
    number: "number" optional,
    sub_number: "subNumber" optional,
    table_name: "tableName" optional,
    number_of_guests: "numberOfGuests" optional,
});

/// A customer of the POS.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Relation {
    /// The POS's number.
    pub relation_number: i64,
    /// Name, when sent.
    pub name: Option<String>,
    /// Loyalty card, when sent.
    pub card_number: Option<String>,
    /// Every other detail.
    pub extra: Extra,
}

object!(Relation {
    relation_number: "relationNumber" required,
    name: "name" optional,
    card_number: "cardNumber" optional,
});

/// A payment of a finished sale, or one that a bill mentions.
///
/// The vendor documents no fields; these are the ones seen in use, all optional.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SessionPayment {
    /// Euros.
    pub amount: Option<Decimal>,
    /// The payment method's name.
    pub method: Option<String>,
    /// What the receipt prints.
    pub description: Option<String>,
    /// The POS's id of the payment.
    pub payment_id: Option<String>,
    /// A card's or gift card's number.
    pub card_number: Option<RawJson>,
    /// The provider's reference.
    pub reference: Option<RawJson>,
    /// Fields that this crate does not know.
    pub extra: Extra,
}

object!(SessionPayment {
    amount: "amount" optional,
    method: "method" optional,
    description: "description" optional,
    payment_id: "paymentId" optional,
    card_number: "cardNumber" optional,
    reference: "reference" optional,
});
