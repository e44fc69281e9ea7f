//! Refunds of one payment, asked for twice over, whose answers get lost, in every order up to seven steps.

use std::collections::{BTreeMap, HashSet};

use chrono::DateTime;
use rust_decimal::Decimal;

use crate::payment::record::{Payment, PaymentKey};
use crate::payment::refund::{Refund, RefundNews, RefundState};
use crate::subscription::MerchantId;

const STEPS: usize = 7;
const CAPTURED: Decimal = Decimal::TEN;
/// What the host asks for; together it is more than there is.
const WANTED: [(&str, Decimal); 3] = [
    ("a", Decimal::from_parts(6, 0, 0, false, 0)),
    ("b", Decimal::from_parts(4, 0, 0, false, 0)),
    ("c", Decimal::ONE),
];

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    /// Id, amount, state, as stored.
    stored: Vec<(&'static str, Decimal, RefundState)>,
    /// What the provider has given back, by id.
    given: BTreeMap<&'static str, (Decimal, RefundState)>,
}

fn payment(world: &World) -> Payment {
    let key = PaymentKey { merchant: MerchantId::new("m"), id: "p".to_owned() };
    let refunds = world.stored.iter().map(|(id, amount, state)| Refund {
        state: *state,
        ..Refund::new(id, *amount, DateTime::UNIX_EPOCH)
    });
    Payment {
        captured: Some(CAPTURED),
        refunds: refunds.collect(),
        ..Payment::new(key, CAPTURED, DateTime::UNIX_EPOCH)
    }
}

fn steps(world: &World) -> Vec<World> {
    let mut next = Vec::new();
    for (id, amount) in WANTED {
        let known = world.stored.iter().any(|(known, ..)| *known == id);
        if !known && amount <= payment(world).refundable() {
            let mut asked = world.clone();
            asked.stored.push((id, amount, RefundState::Requested));
            next.push(asked);
        }
    }
    for (place, (id, amount, state)) in world.stored.iter().enumerate() {
        if state.is_open() {
            for outcome in [RefundState::Pending, RefundState::Succeeded, RefundState::Failed] {
                let mut done = world.clone();
                // The same id is the same refund; once it is known it is only asked how it stands.
                let outcome = match done.given.get(id) {
                    Some((_, RefundState::Pending)) | None => outcome,
                    Some((_, known)) => *known,
                };
                done.given.insert(id, (*amount, outcome));
                // The answer gets lost.
                next.push(done.clone());
                let refund = payment(&done).refunds.swap_remove(place).apply(&RefundNews::new(outcome));
                done.stored[place].2 = refund.state;
                next.push(done);
            }
        }
        // The bank sends it back.
        if world.given.get(id) == Some(&(*amount, RefundState::Succeeded)) && *state == RefundState::Succeeded
        {
            let mut back = world.clone();
            back.given.insert(id, (*amount, RefundState::Failed));
            let failed = RefundNews::new(RefundState::Failed);
            back.stored[place].2 = payment(&back).refunds.swap_remove(place).apply(&failed).state;
            next.push(back);
        }
    }
    next
}

fn check(world: &World) {
    let given: Decimal = world
        .given
        .values()
        .filter(|(_, state)| *state != RefundState::Failed)
        .map(|(amount, _)| *amount)
        .sum();
    assert!(given <= CAPTURED, "more was given back than was paid: {world:?}");
    for (id, amount, state) in &world.stored {
        let truth = world.given.get(id);
        match state {
            RefundState::Succeeded => {
                assert_eq!(truth, Some(&(*amount, RefundState::Succeeded)), "{world:?}")
            }
            RefundState::Failed => assert_eq!(truth, Some(&(*amount, RefundState::Failed)), "{world:?}"),
            RefundState::Requested | RefundState::Pending => {}
        }
    }
}

#[test]
fn no_order_of_refunds_and_lost_answers_gives_more_back_than_was_paid() {
    let start = World { stored: Vec::new(), given: BTreeMap::new() };
    let mut seen = HashSet::from([start.clone()]);
    let mut frontier = vec![start];
    for _ in 0..STEPS {
        let mut next = Vec::new();
        for world in frontier.iter().flat_map(steps) {
            if seen.insert(world.clone()) {
                check(&world);
                next.push(world);
            }
        }
        frontier = next;
    }
    let all_three = |world: &World| world.stored.len() == WANTED.len();
    assert!(seen.iter().any(all_three), "after one failed there is room for the third");
}
