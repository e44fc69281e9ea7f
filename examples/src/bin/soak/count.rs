//! What arrived, counted at the POS. What the workers believe does not count.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use mplus_qapi::testkit::Pos;
use mplus_qapi::types::Order as PosOrder;
use mplus_sync::model::{Order, OrderKind};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::orders::number_of;
use crate::world::{Ended, PAYMENT_METHOD};

/// What is wrong at the POS: all zero after a run that went well.
pub(crate) struct Counts {
    orders: usize,
    /// Orders that are nowhere.
    lost: usize,
    /// Orders that are there twice.
    duplicated: usize,
    /// Orders that are not accepted though nothing is open, and that nobody is told of.
    stuck: u64,
    /// Orders of which a person is told to look. That may be only where a POS does not tell what is paid: then nobody can know
    /// whether a payment was booked whose answer was lost.
    left_to_person: usize,
    /// Why one of those is.
    why: Option<String>,
    tells_payments: bool,
    /// Pieces at the POS that nobody ordered, less those that were ordered and are not there.
    pieces_off: Decimal,
    /// What all orders come to at the POS, less what they came to for the guests.
    total_off: Decimal,
    /// What is booked of the guests' payments, less what they paid.
    paid_off: Decimal,
    /// Rounds of a table that stand before one that was ordered earlier.
    out_of_order: usize,
    /// Customers with more than one relation.
    relations_twice: usize,
}

/// Compares the orders that were queued with what the POS has.
pub(crate) fn at_pos(pos: &Pos, orders: &[Order], ended: Ended) -> Counts {
    let kept = pos.orders();
    // A POS that makes one line of several keeps the text of the first alone: there only what has a number of its own can be
    // told from others. The sums tell of the rest.
    let keeps_lines = reads(pos, "table-lines", "lines-as-sent");
    let mut times: HashMap<&str, usize> = HashMap::new();
    for number in kept.iter().flat_map(|order| numbers_in(order, keeps_lines)) {
        *times.entry(number).or_default() += 1;
    }
    let looked_for: Vec<usize> = orders
        .iter()
        .filter(|order| keeps_lines || !matches!(order.kind, OrderKind::DineInPayLater { .. }))
        .map(|order| times.get(order.number.as_str()).copied().unwrap_or_default())
        .collect();
    let relations = pos.relations();
    let known: Vec<&str> =
        relations.iter().filter_map(|relation| relation.ext_relation_id.as_deref()).collect();
    Counts {
        orders: orders.len(),
        lost: looked_for.iter().filter(|times| **times == 0).count(),
        duplicated: looked_for.iter().filter(|times| **times > 1).count(),
        stuck: (orders.len() as u64).saturating_sub(ended.accepted + ended.left_to_person.len() as u64),
        left_to_person: ended.left_to_person.len(),
        tells_payments: reads(pos, "paid-amounts", "paid-told"),
        pieces_off: pieces(&kept) - ordered(orders),
        total_off: kept.iter().filter_map(|order| order.total_incl_amount).sum::<Decimal>()
            - orders.iter().map(|order| order.total).sum::<Decimal>(),
        paid_off: booked(&kept, &ended) - paid(orders, &ended),
        why: ended.why,
        out_of_order: if keeps_lines { out_of_order(&kept, orders) } else { 0 },
        relations_twice: known.len() - known.iter().collect::<BTreeSet<_>>().len(),
    }
}

/// The orders that the POS's order holds, each once for each time: by the remark of its line; without those by a number of its
/// own, and by lines of text that are a number.
fn numbers_in(order: &PosOrder, keeps_lines: bool) -> Vec<&str> {
    let own = order.ext_order_id.as_deref().filter(|number| !number.is_empty());
    if keeps_lines {
        let remarks: Vec<&str> =
            order.line_list.iter().filter_map(|line| number_of(line.text.as_deref()?)).collect();
        return if remarks.is_empty() { own.into_iter().collect() } else { remarks };
    }
    let texts = order.line_list.iter().filter(|line| line.article_number == 0);
    own.into_iter().chain(texts.filter_map(|line| line.text.as_deref())).collect()
}

fn out_of_order(kept: &[PosOrder], orders: &[Order]) -> usize {
    let sequence: HashMap<&str, usize> =
        orders.iter().enumerate().map(|(at, order)| (order.number.as_str(), at)).collect();
    let swapped = kept.iter().map(|order| {
        let numbers = numbers_in(order, true);
        numbers.windows(2).filter(|pair| sequence.get(pair[0]) > sequence.get(pair[1])).count()
    });
    swapped.sum()
}

fn pieces(kept: &[PosOrder]) -> Decimal {
    let lines = kept.iter().flat_map(|order| order.line_list.iter()).filter(|line| line.article_number != 0);
    lines.filter_map(|line| line.data.as_ref()).map(|data| data.quantity).sum()
}

fn ordered(orders: &[Order]) -> Decimal {
    orders.iter().flat_map(|order| &order.lines).map(|line| line.quantity).sum()
}

/// What the POS has of the payments that the workers send; the waiter's are others. What is left to a person is left out.
fn booked(kept: &[PosOrder], ended: &Ended) -> Decimal {
    let is_left = |order: &&PosOrder| {
        order.ext_order_id.as_deref().is_some_and(|number| ended.left_to_person.contains(&number.into()))
    };
    let payments = kept.iter().filter(|order| !is_left(order)).flat_map(|order| order.payment_list.iter());
    payments.filter(|payment| payment.method == PAYMENT_METHOD).map(|payment| payment.amount).sum()
}

fn paid(orders: &[Order], ended: &Ended) -> Decimal {
    let sure = orders.iter().filter(|order| !ended.left_to_person.contains(&order.number));
    sure.flat_map(|order| &order.payments).map(|payment| payment.amount).sum()
}

/// Whether the POS reads a question so.
fn reads(pos: &Pos, question: &str, name: &str) -> bool {
    pos.dialect().reading(question).is_some_and(|reading| reading.name == name)
}

impl Counts {
    pub(crate) fn is_clean(&self) -> bool {
        self.lost + self.duplicated + self.out_of_order + self.relations_twice == 0
            && self.stuck == 0
            && (self.left_to_person == 0 || !self.tells_payments)
            && [self.pieces_off, self.total_off, self.paid_off].iter().all(Decimal::is_zero)
    }

    /// Prints these counts and what the run was like.
    pub(crate) fn print(&self, pos: &Pos, killed: u64, elapsed: Duration, as_json: bool) {
        let seconds = elapsed.as_secs_f64();
        let result: Value = json!({
            "orders": self.orders,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "stuck": self.stuck,
            "left_to_person": self.left_to_person,
            "why": self.why,
            "pieces_off": text(self.pieces_off),
            "total_off": text(self.total_off),
            "paid_off": text(self.paid_off),
            "out_of_order": self.out_of_order,
            "relations_twice": self.relations_twice,
            "faults": pos.faults().injected(),
            "calls": pos.requests().total(),
            "workers_killed": killed,
            "relations": pos.relations().len(),
            "seconds": (seconds * 100.0).round() / 100.0,
            "orders_per_second": (self.orders as f64 / seconds).round(),
        });
        if as_json {
            println!("{result}");
            return;
        }
        for (name, value) in result.as_object().into_iter().flatten() {
            println!("{name:<18} {value}");
        }
    }
}

fn text(difference: Decimal) -> String {
    difference.normalize().to_string()
}
