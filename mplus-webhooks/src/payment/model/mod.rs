//! Two tills, the provider, the operator, the clock and crashes, in every order up to eight steps.
//!
//! A world holds what is stored, what is true at the provider, which calls are on their way, and what each till was told. The
//! decisions are the real ones ([`Payment::apply`](super::record::Payment::apply), [`Next`](super::call::Next)); only storing and
//! sending are played.

mod decision;
mod refunds;
mod side;
mod truth;
mod world;

use std::collections::HashSet;

use decision::{Decisions, STATES, inputs};
use world::World;

use super::state::{CancelReason, PaymentInput, PaymentState, ProviderStatus};

const STEPS: usize = 8;

/// Every world within eight steps, checked.
///
/// The first till takes one payment, the second till another; and the second till, started anew in the place of the first, goes
/// on with the first payment as well.
fn explore() -> Decisions {
    let tills = [(0, 0), (1, 1), (1, 0)];
    let mut decisions = Decisions::default();
    let start = World::new();
    let mut seen = HashSet::from([start.clone()]);
    let mut frontier = vec![start];
    for _ in 0..STEPS {
        let mut next = Vec::new();
        for world in &frontier {
            for world in world.steps(&tills, &mut decisions) {
                if !seen.contains(&world) {
                    world.sides.iter().for_each(|side| side.check(&mut decisions));
                    seen.insert(world.clone());
                    next.push(world);
                }
            }
        }
        frontier = next;
    }
    decisions
}

/// What eight steps do not reach: the refresh sees that the time is up, something else ends or withdraws the payment, and only then
/// the refresh goes on. The unit tests of the transition have these.
const BEYOND_EIGHT_STEPS: [(PaymentState, PaymentInput); 3] = [
    (PaymentState::CancelRequested(CancelReason::TimedOut), PaymentInput::TimeOut),
    (PaymentState::CancelRequested(CancelReason::Declined), PaymentInput::TimeOut),
    (PaymentState::Expired, PaymentInput::TimeOut),
];

/// What can never meet: the clock gives up creating what waits alone, and calls unresolved what is open alone; and a provider that
/// has had a payment does not lose it. The unit tests of the transition have these, too.
fn never_meet(state: PaymentState, input: PaymentInput) -> bool {
    let known = matches!(
        state,
        PaymentState::Authorised
            | PaymentState::CancelRequested(CancelReason::Declined)
            | PaymentState::Confirmed
    );
    match input {
        PaymentInput::GiveUpCreating => state != PaymentState::Pending,
        PaymentInput::Unresolved => known || state.is_terminal(),
        PaymentInput::Provider(ProviderStatus::Absent) => known,
        _ => false,
    }
}

#[test]
fn no_order_of_up_to_eight_steps_of_tills_provider_operator_and_crashes_tells_a_lie() {
    let decisions = explore();
    let met: HashSet<_> = decisions.met().collect();
    let all = STATES.into_iter().flat_map(|state| inputs().into_iter().map(move |input| (state, input)));
    let unmet: Vec<_> = all.filter(|pair| !met.contains(pair) && !never_meet(pair.0, pair.1)).collect();
    assert_eq!(unmet, BEYOND_EIGHT_STEPS, "every other state has met every input");
}
