//! What an attempt notes down before it changes something at the POS, for the attempt after it.

use std::collections::BTreeMap;

use mplus_qapi::types::{Line, Order};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Kept with the order in the outbox. Only this crate reads it; what cannot be read says nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct AttemptNote {
    /// The order was created without its payments, by a call that takes none or since the POS refused them: they are sent on
    /// their own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) pays_apart: bool,
    /// Payments were sent on their own, and nobody knows what became of them: where the POS does not tell what is paid, they
    /// must not be sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) paying: bool,
    /// The POS took the order's lines at its table, maybe, and refused its payments.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) unpaid: bool,
    /// What stood at the table before the order was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) table: Option<TableBefore>,
}

/// A table's order before another one was added to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct TableBefore {
    pub(super) order_id: String,
    pub(super) counters: (Option<i32>, Option<i32>),
    pub(super) articles: BTreeMap<i64, Decimal>,
}

/// Whether an order was added to a table's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    Yes,
    No,
    /// Some of it, or some of what was there is gone: a person must compare.
    Unclear,
}

impl AttemptNote {
    pub(super) fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    pub(super) fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

impl TableBefore {
    pub(super) fn of(order: &Order) -> Self {
        Self {
            order_id: order.order_id.clone(),
            counters: (order.change_counter, order.version_number),
            articles: articles(&order.line_list),
        }
    }

    /// Whether what is there now is what was there and `ours`.
    pub(super) fn is_added(&self, now: &Order, ours: &BTreeMap<i64, Decimal>) -> Added {
        let counters = (now.change_counter, now.version_number);
        // A POS that does not count tells none, or zeros.
        let counts = |counter: Option<i32>| counter.is_some_and(|counter| counter != 0);
        if counters == self.counters && (counts(counters.0) || counts(counters.1)) {
            return Added::No;
        }
        let now = articles(&now.line_list);
        let gains: Vec<(Decimal, Decimal)> = ours
            .iter()
            .map(|(article, wanted)| {
                let had = self.articles.get(article).copied().unwrap_or_default();
                (now.get(article).copied().unwrap_or_default() - had, *wanted)
            })
            .collect();
        if gains.iter().all(|(gain, wanted)| gain >= wanted) {
            Added::Yes
        } else if gains.iter().all(|(gain, _)| gain.is_zero()) {
            Added::No
        } else {
            Added::Unclear
        }
    }
}

/// How many of each article lines hold; lines of text do not count.
pub(super) fn articles<'a>(lines: impl IntoIterator<Item = &'a Line>) -> BTreeMap<i64, Decimal> {
    let mut articles: BTreeMap<i64, Decimal> = BTreeMap::new();
    for line in lines.into_iter().filter(|line| line.article_number != 0) {
        if let Some(data) = &line.data {
            *articles.entry(line.article_number).or_default() += data.quantity;
        }
    }
    articles
}

#[cfg(test)]
mod tests {
    use mplus_qapi::types::LineData;

    use super::*;

    fn order(version: i32, lines: &[(i64, i64)]) -> Order {
        let line = |(article_number, quantity): &(i64, i64)| Line {
            article_number: *article_number,
            data: Some(LineData { quantity: (*quantity).into(), ..LineData::default() }),
            ..Line::default()
        };
        Order {
            version_number: Some(version),
            line_list: lines.iter().map(line).collect::<Vec<_>>().into(),
            ..Order::default()
        }
    }

    #[test]
    fn lines_that_came_are_told_from_lines_that_were_there() {
        let before = TableBefore::of(&order(1, &[(3, 2), (4, 1)]));
        let ours = BTreeMap::from([(3, Decimal::TWO)]);
        let added = |version, lines: &[(i64, i64)]| before.is_added(&order(version, lines), &ours);
        assert_eq!(added(1, &[(3, 2), (4, 1)]), Added::No, "nothing has changed");
        assert_eq!(added(2, &[(3, 2), (4, 2)]), Added::No, "a waiter added something else");
        assert_eq!(added(2, &[(3, 4), (4, 1)]), Added::Yes, "condensed into one line");
        assert_eq!(added(3, &[(3, 2), (3, 2), (9, 1)]), Added::Yes, "a waiter added more since");
        assert_eq!(added(3, &[(3, 3), (4, 1)]), Added::Unclear, "a waiter took one away");
    }

    #[test]
    fn a_note_of_another_release_says_nothing() {
        assert_eq!(AttemptNote::read(Some("[1]")), AttemptNote::default());
        let note = AttemptNote {
            pays_apart: true,
            paying: true,
            unpaid: true,
            table: Some(TableBefore::of(&order(1, &[(3, 2)]))),
        };
        assert_eq!(AttemptNote::read(note.text().as_deref()), note);
    }
}
