//! Which elements an answer has, and the form of numbers and booleans in them.

use super::{
    super::*,
    document::{Document, Element},
    numbers,
    types::{Kind, Types},
};

/// What a sync can do without.
const SIDE: [&str; 24] = [
    "changeTimestamp",
    "createTimestamp",
    "entryTimestamp",
    "invoiceText",
    "receiptText",
    "displayText",
    "brandName",
    "purchasePrice",
    "averagePurchasePrice",
    "sortOrderGroupList",
    "siUnit",
    "unit",
    "contentUnit",
    "webshop",
    "askFor",
    "course",
    "discontinued",
    "turnoverGroup",
    "abbreviation",
    "showPreparationMethodsDirectly",
    "relationName",
    "orderNumber",
    "transactionString",
    "priceExcl",
];

/// Calls that take an order or its payment.
const TAKES_AN_ORDER: [&str; 9] = [
    "createOrder",
    "createOrderV2",
    "createOrderV3",
    "payOrder",
    "payOrderV2",
    "placeTableOrder",
    "createAndPayTableOrder",
    "saveTableOrder",
    "saveTableOrderV2",
];
const NIL: &str = r#" xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#;
const PAID: [&str; 3] = ["prepaidAmount", "paymentList", "fullyPaid"];

pub(super) struct Rewriting<'a> {
    pub(super) dialect: &'a Dialect,
    pub(super) types: &'a Types,
    pub(super) operation: &'a str,
}

impl Rewriting<'_> {
    pub(super) fn apply(&self, document: &mut Document) {
        // Envelope, body, response.
        for body in &mut document.root.children {
            for response in &mut body.children {
                self.result(response);
                self.within(response);
            }
        }
    }

    /// What is told of an order that was taken.
    fn result(&self, response: &mut Element) {
        if !TAKES_AN_ORDER.contains(&self.operation) || self.dialect.order_result == OrderResult::Told {
            return;
        }
        let taken = |element: &Element| element.name == "result" && element.text.ends_with("-RESULT-OK");
        let Some(at) = response.children.iter().position(taken) else { return };
        let text = &mut response.children[at].text;
        let stem = text.trim_end_matches("OK").to_owned();
        match self.dialect.order_result {
            OrderResult::Absent => drop(response.children.remove(at)),
            OrderResult::New => *text = format!("{stem}ACCEPTED-LATER"),
            _ => *text = format!("{stem}UNKNOWN"),
        }
    }

    fn within(&self, element: &mut Element) {
        let Element { name, children, .. } = element;
        children.retain_mut(|child| {
            let optional = self.types.is_optional(name, &child.name);
            // That an article is discontinued is no side element where it is all that is told of a deletion.
            let is_needed =
                child.name == "discontinued" && self.dialect.deleted_article == DeletedArticle::Discontinued;
            let side = optional && !is_needed && SIDE.contains(&child.name.as_str());
            let paid = name == "order" && optional && PAID.contains(&child.name.as_str());
            if side && self.dialect.side_elements == SideElements::Empty {
                (child.children, child.text) = (Vec::new(), String::new());
            }
            let left_out = (side && self.dialect.side_elements == SideElements::Absent)
                || (paid && self.dialect.paid_amounts == PaidAmounts::Absent);
            !left_out
        });
        for child in children.iter_mut() {
            match self.types.kind(name, &child.name) {
                Some(kind) if child.children.is_empty() => self.value(kind, child),
                _ => self.within(child),
            }
        }
        if self.dialect.unset_elements != UnsetElements::Absent {
            self.add_unset(element);
        }
    }

    fn value(&self, kind: Kind, element: &mut Element) {
        let text = &mut element.text;
        if text.is_empty() {
            return;
        }
        match kind {
            Kind::Integer if element.name.starts_with("vatPercentage") => {
                *text = numbers::vat(text, self.dialect.vat_scale);
            }
            Kind::Integer => *text = numbers::integer(text, self.dialect.integers),
            Kind::Decimal => *text = numbers::decimal(text, self.dialect.decimals),
            Kind::Bool if self.dialect.booleans == Booleans::Digits => {
                *text = if text == "true" { "1".to_owned() } else { "0".to_owned() };
            }
            Kind::Text => self.dialect.fill_text(&element.name, text),
            Kind::Bool => {}
        }
    }

    /// Adds what has no value, as an empty element.
    fn add_unset(&self, element: &mut Element) {
        for optional in self.types.optional(&element.name) {
            if !(optional.value || optional.wrapper)
                || element.children.iter().any(|child| child.name == optional.name)
            {
                continue;
            }
            let nil = optional.value && self.dialect.unset_elements == UnsetElements::Nil;
            element.children.push(Element {
                name: optional.name.to_owned(),
                of_service: true,
                attributes: if nil { NIL.to_owned() } else { String::new() },
                ..Element::default()
            });
        }
    }
}
