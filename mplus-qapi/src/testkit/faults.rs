//! What can go wrong on the way, on demand.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// What happens to one call instead of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// No connection: the call is not carried out. Over HTTP the connection is there already, so it is broken off as
    /// with [`Self::ResetBefore`]; drop the [`PosServer`](super::PosServer) for a port that refuses.
    Refused,
    /// The connection breaks before the call is carried out.
    ResetBefore,
    /// The call is carried out; the connection breaks before the answer.
    ResetAfter,
    /// The call is carried out; no answer comes before the time is up.
    TimeoutAfter,
    /// No answer comes before the time is up, and the POS stays at work: the call is carried out when this long has passed on
    /// the POS's clock. Not among [`Self::ALL`]: whoever asks at once is told what is not so for long.
    Late {
        /// How long it is at work.
        after: Duration,
    },
    /// HTTP 500 with a SOAP fault `Server`; not carried out.
    ServerFault,
    /// HTTP 503 without an envelope, asking to come back after this time (`Retry-After`, whole seconds); not carried out.
    Unavailable {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The call is carried out; half of the answer comes, with status 200 and a regular end.
    Truncated,
    /// An HTML page with status 200; not carried out.
    Garbage,
    /// The call is carried out and answered, a few bytes at a time.
    SlowDrip,
}

impl Fault {
    /// One of each after which it is settled whether the call was carried out, for tests that try them all.
    pub const ALL: [Self; 9] = [
        Self::Refused,
        Self::ResetBefore,
        Self::ResetAfter,
        Self::TimeoutAfter,
        Self::ServerFault,
        Self::Unavailable { retry_after: Duration::from_secs(1) },
        Self::Truncated,
        Self::Garbage,
        Self::SlowDrip,
    ];

    /// Whether the POS carries out the call that this fault happens to.
    pub fn is_carried_out(self) -> bool {
        let late = matches!(self, Self::Late { .. });
        late || matches!(self, Self::ResetAfter | Self::TimeoutAfter | Self::Truncated | Self::SlowDrip)
    }
}

/// Which faults happen to the next calls of a [`Pos`](super::Pos).
///
/// A script for the operation goes first, then the script for any operation, then chance.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    any: VecDeque<Option<Fault>>,
    by_operation: BTreeMap<String, VecDeque<Option<Fault>>>,
    chance: Option<Chance>,
    injected: u64,
}

#[derive(Debug)]
struct Chance {
    rate: f64,
    random: SplitMix,
}

impl Faults {
    /// The next calls, whatever their operation, meet these faults, one each. `None` lets one call pass.
    pub fn script<F: Into<Option<Fault>>>(&self, faults: impl IntoIterator<Item = F>) {
        self.plan().any.extend(faults.into_iter().map(Into::into));
    }

    /// The next calls of `operation` meet these faults, one each. `None` lets one call pass.
    pub fn script_for<F: Into<Option<Fault>>>(&self, operation: &str, faults: impl IntoIterator<Item = F>) {
        let mut plan = self.plan();
        let script = plan.by_operation.entry(operation.to_owned()).or_default();
        script.extend(faults.into_iter().map(Into::into));
    }

    /// From now on this share of the calls (0 to 1) meets a fault of any kind. The same seed and the same calls give the
    /// same faults.
    pub fn random(&self, rate: f64, seed: u64) {
        self.plan().chance = Some(Chance { rate, random: SplitMix(seed) });
    }

    /// No more faults.
    pub fn clear(&self) {
        let injected = self.injected();
        *self.plan() = Plan { injected, ..Plan::default() };
    }

    /// How many calls met a fault so far.
    pub fn injected(&self) -> u64 {
        self.plan().injected
    }

    /// What happens to this call.
    pub(super) fn next(&self, operation: &str) -> Option<Fault> {
        let mut plan = self.plan();
        let scripted = plan.by_operation.get_mut(operation).and_then(VecDeque::pop_front);
        let fault = match scripted.or_else(|| plan.any.pop_front()) {
            Some(scripted) => scripted,
            None => plan.chance.as_mut().and_then(Chance::draw),
        };
        plan.injected += u64::from(fault.is_some());
        fault
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chance {
    fn draw(&mut self) -> Option<Fault> {
        let share = (self.random.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let kind = self.random.next() as usize % Fault::ALL.len();
        (share < self.rate).then(|| Fault::ALL[kind])
    }
}

/// A small random generator: reproducible, and good enough for test data.
#[derive(Debug, Clone, Copy)]
pub(super) struct SplitMix(pub(super) u64);

impl SplitMix {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operations_script_goes_before_the_general_one_and_chance() {
        let faults = Faults::default();
        faults.random(1.0, 7);
        faults.script([Fault::Garbage]);
        faults.script_for("getStock", [None, Some(Fault::Refused)]);
        assert_eq!(faults.next("getStock"), None);
        assert_eq!(faults.next("getProducts"), Some(Fault::Garbage));
        assert_eq!(faults.next("getStock"), Some(Fault::Refused));
        assert!(faults.next("getStock").is_some(), "chance is certain here");
        assert_eq!(faults.injected(), 3);
        faults.clear();
        assert_eq!((faults.next("getStock"), faults.injected()), (None, 3));
    }

    #[test]
    fn chance_keeps_its_rate_and_repeats_with_its_seed() {
        let draw = |seed| {
            let faults = Faults::default();
            faults.random(0.25, seed);
            (0..4000).map(|_| faults.next("x")).collect::<Vec<_>>()
        };
        let hits = draw(1).iter().flatten().count();
        assert!((850..1150).contains(&hits), "{hits}");
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
