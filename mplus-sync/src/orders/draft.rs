//! An order in the POS's terms, before it is written for one of the POS's operations.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::model::order::cents;
use crate::model::{
    ArticleNumber, BranchNumber, CourseNumber, OrderKind, OrderNumber, RelationNumber, TableRef,
};

use super::{Consumption, PreparationQuantity};

/// An order in the POS's terms. All amounts are euros, VAT included, with at most two decimals.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OrderDraft {
    /// The host's order number (`extOrderId`).
    pub number: OrderNumber,
    /// How it reaches the guest.
    pub kind: OrderKind,
    /// Where it is entered and booked.
    pub branch: BranchNumber,
    /// The workplace at which it is entered.
    pub workplace: i32,
    /// The employee in whose name it is entered.
    pub employee: i64,
    /// Whose order it is; none while the customer's relation is still to be looked up.
    pub relation: Option<RelationNumber>,
    /// The guest's name, for the delivery address.
    pub contact: Option<String>,
    /// Where it is eaten, when the POS is to be told.
    pub consumption: Option<Consumption>,
    /// What is sold.
    pub lines: Vec<DraftLine>,
    /// What was paid.
    pub payments: Vec<DraftPayment>,
    /// The sum of the lines.
    pub total: Decimal,
    /// When the guest wants it.
    pub requested_at: Option<DateTime<Utc>>,
    /// When the guest placed it.
    pub placed_at: DateTime<Utc>,
    /// The guest's remark.
    pub note: Option<String>,
}

impl OrderDraft {
    /// How much was paid.
    pub fn paid(&self) -> Decimal {
        self.payments.iter().map(|payment| payment.amount).sum()
    }

    /// The table it is served at.
    pub(super) fn table(&self) -> Option<TableRef> {
        match &self.kind {
            OrderKind::DineInPayLater { table, .. } | OrderKind::DineInPayNow { table, .. } => Some(*table),
            OrderKind::Pickup | OrderKind::Delivery { .. } => None,
        }
    }

    /// Every article that is sent, once.
    pub(super) fn all_articles(&self) -> BTreeSet<ArticleNumber> {
        let lines = self.lines.iter().flat_map(|line| std::iter::once(line).chain(&line.preparations));
        lines.filter_map(|line| line.article).collect()
    }

    /// How many of each article its lines hold.
    pub(super) fn articles(&self) -> BTreeMap<i64, Decimal> {
        let mut articles: BTreeMap<i64, Decimal> = BTreeMap::new();
        for line in &self.lines {
            if let Some(article) = line.article {
                *articles.entry(article.get()).or_default() += line.quantity;
            }
        }
        articles
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DraftLine {
    /// The article; none for a choice that is no article, or for mere text.
    pub article: Option<ArticleNumber>,
    /// What is shown instead of the article's own description.
    pub text: Option<String>,
    /// How many, with the scale that is sent.
    pub quantity: Decimal,
    /// The price of one.
    pub unit_price: Decimal,
    /// The course it is served in.
    pub course: Option<CourseNumber>,
    /// Which menu the line is part of.
    pub menu: Option<MenuPlace>,
    /// The number of the preparation method or article alteration that it stands for.
    pub alteration: Option<i32>,
    /// What the guest chose with it.
    pub preparations: Vec<DraftLine>,
}

impl DraftLine {
    pub(super) fn new(article: Option<ArticleNumber>, quantity: Decimal, unit_price: Decimal) -> Self {
        Self {
            article,
            text: None,
            quantity,
            unit_price,
            course: None,
            menu: None,
            alteration: None,
            preparations: Vec::new(),
        }
    }

    /// What the POS books for it: quantity times price to the cent, half a cent up, each preparation line on its own.
    pub fn total(&self, counted: PreparationQuantity) -> Decimal {
        let pieces = match counted {
            PreparationQuantity::Total => Decimal::ONE,
            PreparationQuantity::PerPiece => self.quantity,
        };
        let extras = self.preparations.iter().map(|line| cents(pieces * line.quantity * line.unit_price));
        cents(self.quantity * self.unit_price) + extras.sum::<Decimal>()
    }
}

/// A line's place in a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuPlace {
    /// The menu (`menuId`), when it is known.
    pub menu: Option<String>,
    /// What lines of one menu have in common (`menuLinesId`); the same for every build of the same order.
    pub lines: String,
}

/// Money that was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftPayment {
    /// The POS's code of the payment method.
    pub method: String,
    /// How much.
    pub amount: Decimal,
    /// The provider's reference.
    pub reference: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(article: i64, quantity: &str, price: &str) -> DraftLine {
        let article = Some(ArticleNumber::new(article));
        DraftLine::new(article, quantity.parse().unwrap(), price.parse().unwrap())
    }

    fn draft(kind: OrderKind, lines: Vec<DraftLine>, payments: &[i64]) -> OrderDraft {
        let payment = |cents: &i64| DraftPayment {
            method: "CASH".to_owned(),
            amount: Decimal::new(*cents, 2),
            reference: None,
        };
        OrderDraft {
            number: OrderNumber::from("1001"),
            kind,
            branch: BranchNumber::new(1),
            workplace: 1,
            employee: 1,
            relation: None,
            contact: None,
            consumption: None,
            total: Decimal::ZERO,
            lines,
            payments: payments.iter().map(payment).collect(),
            requested_at: None,
            placed_at: DateTime::UNIX_EPOCH,
            note: None,
        }
    }

    #[test]
    fn a_line_is_booked_to_the_cent_with_what_was_chosen_for_all_of_it_or_for_each_piece() {
        let with_extras = |quantity: &str, price: &str| DraftLine {
            preparations: vec![line(8, "2", "0.30"), line(9, "1", "0.055")],
            ..line(7, quantity, price)
        };
        let total = |line: &DraftLine, counted| line.total(counted).to_string();
        // 3 x 2.50, 2 x 0.30, 0.06; or each of these three times, of which 3 x 0.055 is 0.17.
        let three = with_extras("3", "2.50");
        assert_eq!(total(&three, PreparationQuantity::Total), "8.16");
        assert_eq!(total(&three, PreparationQuantity::PerPiece), "9.47");
        // Half a cent goes away from zero.
        assert_eq!(total(&line(7, "0.5", "0.05"), PreparationQuantity::Total), "0.03");
        assert_eq!(total(&line(7, "-0.5", "0.05"), PreparationQuantity::Total), "-0.03");
    }

    #[test]
    fn articles_are_counted_over_lines_and_those_of_choices_only_named() {
        let text = DraftLine::new(None, Decimal::ONE, Decimal::ZERO);
        let with_choice = DraftLine { preparations: vec![line(9, "1", "0.50")], ..line(7, "2", "2.50") };
        let lines = vec![with_choice, line(7, "1.5", "2.50"), line(8, "1", "1.00"), text];
        let draft = draft(OrderKind::Pickup, lines, &[]);
        let counted: Vec<_> =
            draft.articles().into_iter().map(|(article, many)| (article, many.to_string())).collect();
        assert_eq!(counted, [(7, "3.5".to_owned()), (8, "1".to_owned())]);
        assert_eq!(draft.all_articles(), [7, 8, 9].map(ArticleNumber::new).into());
    }

    #[test]
    fn what_was_paid_is_the_sum_and_only_what_is_served_at_a_table_has_one() {
        assert_eq!(draft(OrderKind::Pickup, vec![], &[250, 125]).paid(), Decimal::new(375, 2));
        let (table, guests) = (TableRef::whole(7), None);
        let now = draft(OrderKind::DineInPayNow { table, guests }, vec![], &[]);
        let later = draft(OrderKind::DineInPayLater { table, guests }, vec![], &[]);
        let pickup = draft(OrderKind::Pickup, vec![], &[]);
        assert_eq!([now, later, pickup].map(|draft| draft.table()), [Some(table), Some(table), None]);
    }
}
