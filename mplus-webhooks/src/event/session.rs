//! The sale on the till, as the session events carry it.

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

use super::from_json::{DataError, FromJson};
use super::object::{Object, fields, object};
use super::oddity::{OddityKind, Reading};
use super::path::Path;
use super::raw::{Extra, RawJson};

/// A sale in progress, or the end of one.
///
/// Amounts are euros. The documentation shows `sessionId` and `lines` only; the other fields come from the WSDL's
/// `WebhookSessionInput` and may be absent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Session {
    /// The sale's id, a UUID. A credit of the sale carries the same one. `None` when the POS left it empty or made it of zeros, as some
    /// versions do for the parts of a split payment: it then says nothing about which sale this is.
    pub session_id: Option<String>,
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
    /// Object that this crate does not know.
    pub extra: Extra,
}

object!(Session {
    session_id: "sessionId" unique,
    lines: "lines" list,
    table: "table" side,
    relation: "relation" side,
    open_amount: "openAmount" side,
    total_incl_amount: "totalInclAmount" side,
    total_excl_amount: "totalExclAmount" side,
    payments: "payments" list,
});

impl Session {
    /// Reads the session of an event that is about it.
    pub(super) fn required(body: &mut Object<'_>, reading: &mut Reading) -> Result<Self, DataError> {
        let path = Path::ROOT.field("session");
        let raw = body.get("session").ok_or_else(|| DataError::at(&path, OddityKind::Missing))?;
        if body.contradicted("session") {
            return Err(DataError::at(&path, OddityKind::Twice));
        }
        let fields = Object::open(raw, &path, reading).map_err(|what| DataError::at(&path, what))?;
        fields.judge_identifier(&path, "sessionId")?;
        body.forget("session");
        Ok(Self::from_fields(fields, &path, reading))
    }

    /// Reads the session of an event that is about something else. The online handheld leaves it unfilled.
    pub(super) fn beside(body: &mut Object<'_>, reading: &mut Reading) -> Option<Self> {
        let unfilled =
            body.get("session").is_some_and(|raw| raw.get().bytes().all(|byte| b"{} \t\r\n".contains(&byte)));
        if unfilled {
            body.forget("session");
        }
        body.side(&Path::ROOT, "session", reading)
    }

    /// The lines' prices times their quantities, euros: what the sale comes to when the POS sends no total.
    ///
    /// `None` without lines, when a line has no price, when a line carries a discount (whose effect the documentation does not
    /// define), when a preparation method or a component of a line, or of one of these, has a price or a discount (which may be within the
    /// line's or beside it), when
    /// anything that counts could not be read (the total itself, a line, a price, a quantity, a discount), when the sum is no whole
    /// number of cents (how the POS rounds it is not documented), or when it is too large to hold. Reads
    /// `priceIncl` as a unit price; the documentation leaves open whether it is one.
    pub fn sum_of_lines(&self) -> Option<Decimal> {
        if self.lines.is_empty() || unread(&self.extra, &["lines", "totalInclAmount"]) {
            return None;
        }
        let sum = self.lines.iter().try_fold(Decimal::ZERO, |sum, line| {
            if unread(&line.extra, &COUNTED) {
                return None;
            }
            if is_discounted(line)
                || line.preparation_methods.iter().chain(&line.component_articles).any(may_cost)
            {
                return None;
            }
            let quantity = line.quantity.unwrap_or(Decimal::ONE);
            sum.checked_add(line.price_incl?.checked_mul(quantity)?)
        })?;
        (sum.normalize().scale() <= 2).then_some(sum)
    }
}

fn is_discounted(line: &Line) -> bool {
    line.external_discount.is_some()
        || line.discount_amount.is_some_and(|amount| !amount.is_zero())
        || line.discount_percentage.is_some_and(|percentage| !percentage.is_zero())
}

/// Whether a part of a line, or of a part, has a price or a discount, which may be within the line's or beside it.
fn may_cost(part: &Line) -> bool {
    part.price_incl.is_some_and(|price| !price.is_zero())
        || is_discounted(part)
        || unread(&part.extra, &COUNTED)
        || part.preparation_methods.iter().chain(&part.component_articles).any(may_cost)
}

/// What of a line decides its amount.
const COUNTED: [&str; 7] = [
    "priceIncl",
    "quantity",
    "externalDiscount",
    "discountAmount",
    "discountPercentage",
    "preparationMethods",
    "componentArticles",
];

/// Whether one of these was sent and could not be read, or only in part: its text is then among the rest.
fn unread(extra: &Extra, names: &[&str]) -> bool {
    names.iter().any(|name| extra.get(name).is_some())
}

/// One line of a sale.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Line {
    /// The line's id, a UUID.
    pub line_id: Option<String>,
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
    /// Object that this crate does not know.
    pub extra: Extra,
}

object!(Line {
    line_id: "lineId" identifier,
    article_number: "articleNumber" side,
    price_incl: "priceIncl" side,
    quantity: "quantity" side,
    text: "text" side,
    external_discount: "externalDiscount" side,
    discount_percentage: "discountPercentage" side,
    discount_amount: "discountAmount" side,
    preparation_methods: "preparationMethods" list,
    component_articles: "componentArticles" list,
});

/// A discount that the host gave, coming back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ExternalDiscount {
    /// The host's id of it.
    pub discount_id: Option<String>,
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
    /// Object that this crate does not know.
    pub extra: Extra,
}

object!(ExternalDiscount {
    discount_id: "discountId" identifier,
    discount_description: "discountDescription" side,
    discount_percentage: "discountPercentage" side,
    discount_amount: "discountAmount" side,
    discount_type: "discountType" side,
    webhook_consumer_id: "webhookConsumerId" side,
});

/// A table of the restaurant.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
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
    /// Object that this crate does not know.
    pub extra: Extra,
}

object!(Table {
    number: "number" side,
    sub_number: "subNumber" side,
    table_name: "tableName" side,
    number_of_guests: "numberOfGuests" side,
});

/// A customer of the POS.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Relation {
    /// The POS's number.
    pub relation_number: Option<i64>,
    /// Name, when sent.
    pub name: Option<String>,
    /// Loyalty card, when sent.
    pub card_number: Option<String>,
    /// Every other detail.
    pub extra: Extra,
}

fields!(Relation {
    relation_number: "relationNumber" expected,
    name: "name" side,
    card_number: "cardNumber" side,
});

impl FromJson for Relation {
    fn from_json(raw: &RawValue, path: &Path<'_>, reading: &mut Reading) -> Result<Self, OddityKind> {
        let fields = Object::open(raw, path, reading)?;
        // A till without a customer may send an object with nothing in it.
        if fields.is_empty() {
            return Err(OddityKind::Empty);
        }
        Ok(Self::from_fields(fields, path, reading))
    }
}

/// A payment of a finished sale, or one that a bill mentions.
///
/// The vendor documents no fields; these are the ones seen in use, all optional.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
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
    /// Object that this crate does not know.
    pub extra: Extra,
}

object!(SessionPayment {
    amount: "amount" side,
    method: "method" side,
    description: "description" side,
    payment_id: "paymentId" side,
    card_number: "cardNumber" side,
    reference: "reference" side,
});
