//! What arrived, counted at the POS. What the workers believe does not count.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use mplus_qapi::testkit::Pos;
use mplus_sync::model::Order;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::orders::number_of;

/// What is wrong at the POS: all zero after a run that went well.
pub(crate) struct Counts {
    orders: usize,
    /// Orders whose remark is nowhere.
    lost: usize,
    /// Orders whose remark is there twice.
    duplicated: usize,
    /// Orders that are not accepted though nothing is open.
    stuck: u64,
    /// Paid orders on which another sum is booked.
    mispaid: usize,
    /// Rounds of a table that stand before one that was ordered earlier.
    out_of_order: usize,
    /// Customers with more than one relation.
    relations_twice: usize,
}

/// Compares the orders that were queued with what the POS has.
pub(crate) fn at_pos(pos: &Pos, orders: &[Order], accepted: u64) -> Counts {
    let kept = pos.orders();
    let mut remarks: HashMap<&str, u32> = HashMap::new();
    let sequence: HashMap<&str, usize> =
        orders.iter().enumerate().map(|(at, order)| (order.number.as_str(), at)).collect();
    let mut out_of_order = 0;
    for order in &kept {
        let numbers = order.line_list.iter().filter_map(|line| number_of(line.text.as_deref()?));
        let numbers: Vec<&str> = numbers.collect();
        out_of_order +=
            numbers.windows(2).filter(|pair| sequence.get(pair[0]) > sequence.get(pair[1])).count();
        for number in numbers {
            *remarks.entry(number).or_default() += 1;
        }
    }
    let paid: BTreeMap<&str, Decimal> = kept
        .iter()
        .filter_map(|order| {
            let paid = order.payment_list.iter().map(|payment| payment.amount).sum();
            Some((order.ext_order_id.as_deref()?, paid))
        })
        .collect();
    let mispaid = orders.iter().filter(|order| {
        let wanted: Decimal = order.payments.iter().map(|payment| payment.amount).sum();
        !order.payments.is_empty() && paid.get(order.number.as_str()) != Some(&wanted)
    });
    let relations = pos.relations();
    let known: Vec<&str> =
        relations.iter().filter_map(|relation| relation.ext_relation_id.as_deref()).collect();
    let distinct: BTreeSet<&str> = known.iter().copied().collect();
    let times = |order: &&Order| remarks.get(order.number.as_str()).copied().unwrap_or_default();
    Counts {
        orders: orders.len(),
        lost: orders.iter().filter(|order| times(order) == 0).count(),
        duplicated: orders.iter().filter(|order| times(order) > 1).count(),
        stuck: (orders.len() as u64).saturating_sub(accepted),
        mispaid: mispaid.count(),
        out_of_order,
        relations_twice: known.len() - distinct.len(),
    }
}

impl Counts {
    pub(crate) fn is_clean(&self) -> bool {
        self.lost + self.duplicated + self.mispaid + self.out_of_order + self.relations_twice == 0
            && self.stuck == 0
    }

    /// Prints these counts and what the run was like.
    pub(crate) fn print(&self, pos: &Pos, killed: u64, elapsed: Duration, as_json: bool) {
        let seconds = elapsed.as_secs_f64();
        let result: Value = json!({
            "orders": self.orders,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "stuck": self.stuck,
            "mispaid": self.mispaid,
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
