//! What an attempt notes down before it changes something at the POS, for the attempt after it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
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
    /// The branch at whose table it was entered: the location may be given another one by the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) branch: Option<i32>,
    /// What stood at the table before the order was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) table: Option<TableBefore>,
    /// When it was about to open its table, which was free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) opened: Option<DateTime<Utc>>,
    /// When a call was about to be made that the POS carries out each time that it comes: it may be at work for a while though
    /// its answer does not come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sent: Option<DateTime<Utc>>,
    /// In which turn of the order, and after how many refusals, a call with a key was made whose answer is still to come: until it
    /// does, the same call has the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key_of: Option<(i64, u32)>,
    /// What the POS answered so that nobody knows whether it took the order, or its payments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unclear: Option<UnclearAnswer>,
}

/// An answer after which an order is only looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UnclearAnswer {
    /// In which turn of the order it was given: once a person has queued the order again, it may be sent.
    pub(super) turn: i64,
    pub(super) operation: String,
    pub(super) answer: String,
    /// When: so long is the order looked for. An earlier release did not note it.
    #[serde(default)]
    pub(super) at: DateTime<Utc>,
}

/// A table's order before another one was added to it, and what was added.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct TableBefore {
    pub(super) order_id: String,
    pub(super) articles: BTreeMap<i64, Decimal>,
    /// What was sent: an item may be linked to another article by the next attempt.
    #[serde(default)]
    pub(super) sent: BTreeMap<i64, Decimal>,
    /// In whose name it was entered, and what of that employee's stood there.
    #[serde(default)]
    pub(super) employee: i64,
    #[serde(default)]
    pub(super) of_employee: BTreeMap<i64, Decimal>,
    /// The marks of other orders that stood there.
    #[serde(default)]
    pub(super) marks: BTreeSet<String>,
    /// In which turn at its table it was to be added: until that ends no other order of the host is.
    #[serde(default)]
    pub(super) turn: i64,
}

/// Whether an order was added to a table's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    Yes,
    No,
    /// Some of it, or all of it in a name that is not known; or some of what was there is gone: a person must compare.
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
    /// What is noted before an employee's articles are added to a table's order.
    pub(super) fn of(order: &Order, employee: i64, sent: BTreeMap<i64, Decimal>, turn: i64) -> Self {
        Self {
            order_id: order.order_id.clone(),
            articles: articles(&order.line_list),
            sent,
            employee,
            of_employee: articles(of_employee(order, employee)),
            marks: marks(order).map(str::to_owned).collect(),
            turn,
        }
    }

    /// Whether what is there now is what was there and what was sent. That the table gained the same articles does not say
    /// so: a waiter may have added them for somebody else. They have to be in the name in which they were sent, too. In the
    /// same name go other orders of the host: none as long as this one has its `turn`, any of them afterwards.
    ///
    /// Changes that the POS counts are no help: one that counts has counted the waiter's as well.
    pub(super) fn is_added(&self, now: &Order, turn: i64) -> Added {
        let all = gains(&self.sent, &self.articles, &articles(&now.line_list));
        if all.iter().all(|gain| *gain == Gain::Nothing) {
            return Added::No;
        }
        let ours = gains(&self.sent, &self.of_employee, &articles(of_employee(now, self.employee)));
        let others_may_be = turn != self.turn || marks(now).any(|mark| !self.marks.contains(mark));
        match ours.iter().all(|gain| *gain == Gain::All) && !others_may_be {
            true => Added::Yes,
            false => Added::Unclear,
        }
    }
}

/// What a table gained of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gain {
    Nothing,
    All,
    Other,
}

fn gains(
    sent: &BTreeMap<i64, Decimal>,
    before: &BTreeMap<i64, Decimal>,
    now: &BTreeMap<i64, Decimal>,
) -> Vec<Gain> {
    let of = |held: &BTreeMap<i64, Decimal>, article: i64| held.get(&article).copied().unwrap_or_default();
    let gain = |(article, wanted): (&i64, &Decimal)| match of(now, *article) - of(before, *article) {
        gain if gain.is_zero() => Gain::Nothing,
        gain if gain >= *wanted => Gain::All,
        _ => Gain::Other,
    };
    sent.iter().map(gain).collect()
}

/// What may be marks of orders in a table order's reference.
fn marks(order: &Order) -> impl Iterator<Item = &str> {
    let words = order.reference.as_deref().unwrap_or_default().split(' ');
    words.filter(|word| word.len() == 8 && word.starts_with('#'))
}

/// The lines that were entered in an employee's name.
fn of_employee(order: &Order, employee: i64) -> impl Iterator<Item = &Line> {
    order.line_list.iter().filter(move |line| line.employee_number == Some(employee))
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

    const OURS: i64 = 999_999;
    const WAITER: i64 = 5;
    const TURN: i64 = 17;

    fn order(lines: &[(i64, i64, i64)]) -> Order {
        let line = |(employee, article_number, quantity): &(i64, i64, i64)| Line {
            employee_number: Some(*employee),
            article_number: *article_number,
            data: Some(LineData { quantity: (*quantity).into(), ..LineData::default() }),
            ..Line::default()
        };
        Order { line_list: lines.iter().map(line).collect::<Vec<_>>().into(), ..Order::default() }
    }

    fn before(lines: &[(i64, i64, i64)]) -> TableBefore {
        TableBefore::of(&order(lines), OURS, BTreeMap::from([(3, Decimal::TWO)]), TURN)
    }

    #[test]
    fn lines_that_came_are_told_from_lines_that_were_there() {
        let before = before(&[(OURS, 3, 2), (WAITER, 4, 1)]);
        let added = |lines: &[(i64, i64, i64)]| before.is_added(&order(lines), TURN);
        assert_eq!(added(&[(OURS, 3, 2), (WAITER, 4, 1)]), Added::No, "nothing has changed");
        assert_eq!(added(&[(OURS, 3, 2), (WAITER, 4, 2)]), Added::No, "a waiter added something else");
        assert_eq!(added(&[(OURS, 3, 4), (WAITER, 4, 1)]), Added::Yes, "condensed into one line");
        assert_eq!(added(&[(OURS, 3, 2), (OURS, 3, 2), (WAITER, 9, 1)]), Added::Yes, "a waiter added more");
        assert_eq!(added(&[(OURS, 3, 3), (WAITER, 4, 1)]), Added::Unclear, "a waiter took one away");
    }

    #[test]
    fn the_same_that_came_in_another_name_or_in_none_is_left_to_a_person() {
        let before = before(&[(WAITER, 3, 2)]);
        assert_eq!(before.is_added(&order(&[(WAITER, 3, 2), (WAITER, 3, 2)]), TURN), Added::Unclear);
        let mut untold = order(&[(WAITER, 3, 4)]);
        untold.line_list[0].employee_number = None;
        assert_eq!(before.is_added(&untold, TURN), Added::Unclear);
        assert_eq!(before.is_added(&order(&[(WAITER, 3, 2), (OURS, 3, 2)]), TURN), Added::Yes);
    }

    #[test]
    fn the_same_that_may_be_of_a_later_order_of_the_host_is_left_to_a_person() {
        let before = before(&[(WAITER, 4, 1)]);
        let mut now = order(&[(WAITER, 4, 1), (OURS, 3, 2)]);
        assert_eq!(before.is_added(&now, TURN), Added::Yes);
        assert_eq!(before.is_added(&now, TURN + 1), Added::Unclear, "it had lost its turn");
        now.reference = Some("#0a1b2c3 Janssen".to_owned());
        assert_eq!(before.is_added(&now, TURN), Added::Unclear, "another one left its mark");
        assert_eq!(before.is_added(&order(&[(WAITER, 4, 1)]), TURN + 1), Added::No);
    }

    #[test]
    fn a_note_of_an_earlier_release_keeps_what_it_says() {
        let text = r#"{"paying":true,"unclear":{"turn":17,"operation":"payOrder","answer":"LATER"}}"#;
        let note = AttemptNote::read(Some(text));
        assert!(note.paying);
        assert_eq!(note.unclear.map(|unclear| unclear.at), Some(DateTime::UNIX_EPOCH));
    }

    #[test]
    fn a_note_that_cannot_be_read_says_nothing_and_one_that_is_written_is_read() {
        assert_eq!(AttemptNote::read(Some("[1]")), AttemptNote::default());
        let note = AttemptNote {
            pays_apart: true,
            paying: true,
            unpaid: true,
            branch: Some(1),
            table: Some(before(&[(OURS, 3, 2)])),
            opened: Some(DateTime::UNIX_EPOCH),
            sent: Some(DateTime::UNIX_EPOCH),
            key_of: Some((TURN, 2)),
            unclear: Some(UnclearAnswer {
                turn: TURN,
                operation: "createOrder".into(),
                answer: "LATER".into(),
                at: DateTime::UNIX_EPOCH,
            }),
        };
        assert_eq!(AttemptNote::read(note.text().as_deref()), note);
    }
}
