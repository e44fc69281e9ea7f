//! Orders: each of the host's is at the POS once, with its total, and paid as it was paid.

use mplus_qapi::testkit::Pos;
use mplus_qapi::testkit::dialect::{OrderResult, PaidAmounts};
use mplus_qapi::types::{Line, Order as PosOrder};
use mplus_qapi::value::Decimal;
use mplus_sync::model::{OutboxEntry, OutboxState};

use super::Difference;
use crate::dialects::walk::Course;

/// What an order must come to at the POS.
#[derive(Debug, Clone)]
pub(in crate::dialects) struct Expected {
    pub(in crate::dialects) number: String,
    /// Article, quantity, total of each line. No two orders of a walk have the same.
    pub(in crate::dialects) lines: Vec<(i64, Decimal, Decimal)>,
    pub(in crate::dialects) paid: Decimal,
}

fn lines(order: &PosOrder) -> Vec<(i64, Decimal, Decimal)> {
    let line = |line: &Line| {
        let data = line.data.as_ref()?;
        Some((line.article_number, data.quantity, data.total_incl_amount?))
    };
    order.line_list.iter().filter_map(line).collect()
}

/// The POS's orders that hold these lines.
fn holding<'a>(orders: &'a [PosOrder], wanted: &Expected) -> Vec<&'a PosOrder> {
    let normal = |(article, quantity, total): &(i64, Decimal, Decimal)| {
        (*article, quantity.normalize(), total.normalize())
    };
    let wanted: Vec<_> = wanted.lines.iter().map(normal).collect();
    let holds = |order: &&PosOrder| {
        let held: Vec<_> = lines(order).iter().map(normal).collect();
        wanted.iter().all(|line| held.contains(line))
    };
    orders.iter().filter(holds).collect()
}

/// Whether nobody can know that a payment was booked: the answer did not tell (a result that is absent or undocumented, or an
/// answer that was lost), orders tell nothing of payments, and it did not go with its order, as an older service has no call
/// for that or the merchant chose one that has none. To send it again may charge a guest twice: a person is told, in these words,
/// and what is booked may be all of it or nothing.
fn cannot_be_known(pos: &Pos, course: Course, wanted: &Expected, state: &OutboxState) -> bool {
    let dialect = pos.dialect();
    let unanswered = dialect.order_result != OrderResult::Told
        || course.fault.is_some_and(|(_, fault)| fault.is_carried_out());
    let lacks = !dialect.knows("createOrderV3") || !dialect.knows("createAndPayTableOrder");
    let apart = lacks || course.changes_settings;
    let is_told =
        |words: &str| matches!(state, OutboxState::NeedsAttention { reason, .. } if reason.contains(words));
    let untold = dialect.paid_amounts == PaidAmounts::Absent
        && apart
        && (is_told("it does not tell whether its payments are booked")
            || is_told("answered payOrder with") && is_told("which does not tell whether it took the order"));
    // What is booked on the order of a table may be any guest's.
    let shared = is_told("what is booked at its table does not tell whether its payments are");
    unanswered && (untold || shared) && !wanted.paid.is_zero()
}

/// Whether another open order sits at the table of an order of the POS: whoever settles one of them does not see the other. A
/// person is told then, in these words.
fn has_second(orders: &[PosOrder], order: &PosOrder) -> bool {
    let place = |order: &PosOrder| {
        (order.entry_branch_number, order.table_number, order.table_sub_number.unwrap_or(1))
    };
    let sits = |order: &PosOrder| {
        order.table_number.is_some_and(|table| table != 0) && order.fully_paid != Some(true)
    };
    let is_second =
        |other: &PosOrder| other.order_id != order.order_id && sits(other) && place(other) == place(order);
    sits(order) && orders.iter().any(is_second)
}

/// What became of an order.
pub(in crate::dialects) struct Compared {
    pub(in crate::dialects) differences: Vec<Difference>,
    /// It is at the POS, and a person is asked whether it is paid there.
    pub(in crate::dialects) left_to_a_person: bool,
}

/// `all` are the orders of the walk: those of one table are one order at the POS.
pub(in crate::dialects) fn compare_order(
    pos: &Pos,
    course: Course,
    wanted: &Expected,
    all: &[Expected],
    entry: Option<&OutboxEntry>,
) -> Compared {
    let (mut differences, mut left_to_a_person) = (Vec::new(), false);
    let number = &wanted.number;
    let mut differ =
        |kind, detail: String| differences.push(Difference::new(kind, format!("{number}: {detail}")));
    let Some(entry) = entry else {
        differ("orders/lost", "the host does not know it any more".to_owned());
        return Compared { differences, left_to_a_person };
    };
    let orders = pos.orders();
    let held = holding(&orders, wanted);
    let has_second = matches!(held[..], [order] if has_second(&orders, order));
    match (&entry.state, held.len()) {
        (OutboxState::NeedsAttention { reason, .. }, 1)
            if has_second && reason.contains("join the two at the till") => {}
        (state, 1) if has_second => differ("orders/second", format!("{state:?}, and the table has another")),
        (OutboxState::Waiting(_) | OutboxState::Sending { .. }, _) => {
            differ(
                "orders/stuck",
                format!("still {:?} after two days; {:?}", entry.state.kind(), entry.last_error),
            );
        }
        (OutboxState::Accepted { .. }, 0) => {
            differ("orders/missing", "accepted, and not at the POS".to_owned())
        }
        (OutboxState::Accepted { .. }, 1) => {}
        (_, 0) => differ("orders/refused", format!("{:?}", entry.state)),
        (state, 1) if cannot_be_known(pos, course, wanted, state) => left_to_a_person = true,
        (OutboxState::Accepted { .. }, _) => {}
        (state, _) => differ("orders/untrue", format!("at the POS, and the host says {state:?}")),
    }
    if held.len() > 1 {
        differ("orders/doubled", format!("{} times at the POS", held.len()));
    }
    if let [order] = held[..] {
        let together = all.iter().filter(|other| !holding(std::slice::from_ref(order), other).is_empty());
        let (total, in_host) = together.fold((Decimal::ZERO, Decimal::ZERO), |(total, paid), other| {
            let lines: Decimal = other.lines.iter().map(|(_, _, total)| *total).sum();
            (total + lines, paid + other.paid)
        });
        let at_pos = order.total_incl_amount.unwrap_or_default();
        if at_pos != total {
            differ("orders/total", format!("comes to {at_pos}, {total} in the host"));
        }
        let paid: Decimal = order.payment_list.iter().map(|payment| payment.amount).sum();
        if paid != in_host && !(left_to_a_person && paid < in_host) {
            differ("orders/paid", format!("{paid} paid at the POS, {in_host} in the host"));
        }
    }
    Compared { differences, left_to_a_person }
}
