//! The whole integration against every POS that the facts allow: every two readings together, and faults at its calls.

mod cover;
mod oracle;
mod oracle_sees;
mod orders;
mod walk;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use mplus_qapi::testkit::{Dialect, Fault};

use self::cover::draw;
use self::oracle::Difference;
use self::orders::ORDERS;
use self::walk::{Course, FaultAt, Walked, walk};

/// How many more dialects, drawn by lot, are walked with faults at their calls: for a longer run than each change needs.
const MORE: &str = "MPLUS_TEST_DIALECTS";

/// As many differences are brought down to the readings that they take, which costs some twenty walks each.
const EXPLAINED: usize = 10;

/// What a walk was, and what was not as it must be.
struct Wrong {
    dialect: Dialect,
    course: Course,
    difference: Difference,
}

/// What walks came to.
#[derive(Default)]
struct Outcome {
    walks: usize,
    calls: u64,
    /// Orders that a person is asked about, since nobody can know what became of their payments.
    left_to_a_person: usize,
    wrong: Vec<Wrong>,
}

impl Outcome {
    fn take(&mut self, dialect: Dialect, course: Course, walked: Walked) {
        self.walks += 1;
        self.calls += walked.calls;
        self.left_to_a_person += walked.left_to_a_person;
        let wrong = walked.differences.into_iter();
        self.wrong.extend(wrong.map(|difference| Wrong { dialect, course, difference }));
    }

    fn add(&mut self, other: Self) {
        self.walks += other.walks;
        self.calls += other.calls;
        self.left_to_a_person += other.left_to_a_person;
        self.wrong.extend(other.wrong);
    }

    /// Says what was walked, and fails when something was wrong.
    fn check(self) {
        let Self { walks, calls, left_to_a_person, wrong } = self;
        println!(
            "{walks} walks, {calls} calls, {} orders, of which {left_to_a_person} are left to a person",
            walks * ORDERS
        );
        let mut causes: BTreeMap<String, String> = BTreeMap::new();
        let many = wrong.len();
        for Wrong { dialect, course, difference } in wrong {
            if causes.len() == EXPLAINED {
                break;
            }
            let Difference { kind, detail } = difference;
            let held = names(&dialect);
            let is_explained = causes.keys().any(|cause| {
                let (readings, known) = cause.split_once(' ').unwrap_or_default();
                known == kind && readings.split(',').all(|name| name.is_empty() || held.contains(name))
            });
            if !is_explained {
                let cause = format!("{} {kind}", smallest(dialect, course, kind));
                println!("{cause}: {detail} {course:?}");
                causes.insert(cause, format!("{detail} {course:?}"));
            }
        }
        let causes: Vec<String> =
            causes.into_iter().map(|(cause, detail)| format!("{cause}: {detail}")).collect();
        assert!(many == 0, "{many} differences, the first of which are due to\n{}", causes.join("\n"));
    }
}

/// Works jobs off on every core.
fn on_every_core<T: Send + 'static>(
    jobs: Vec<T>,
    each: impl Fn(&T) -> Outcome + Send + Sync + 'static,
) -> Outcome {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let (jobs, each) = (Arc::new(Mutex::new(jobs)), Arc::new(each));
    let workers: Vec<_> = (0..cores)
        .map(|_| {
            let (jobs, each) = (Arc::clone(&jobs), Arc::clone(&each));
            let work = move || {
                let mut outcome = Outcome::default();
                loop {
                    let Some(job) = jobs.lock().unwrap().pop() else { return outcome };
                    outcome.add(each(&job));
                }
            };
            std::thread::Builder::new().stack_size(64 << 20).spawn(work).unwrap()
        })
        .collect();
    let mut all = Outcome::default();
    workers.into_iter().for_each(|worker| all.add(worker.join().unwrap()));
    all
}

fn walked(dialect: Dialect, course: Course) -> Walked {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(walk(dialect, course))
}

/// A walk without a fault, and those with one at these of its calls.
fn with_faults(dialect: Dialect, course: Course, calls: impl FnOnce(u64) -> Vec<FaultAt>) -> Outcome {
    let mut outcome = Outcome::default();
    let unharmed = walked(dialect, course);
    let faults = calls(unharmed.calls);
    outcome.take(dialect, course, unharmed);
    for fault in faults {
        let course = Course { fault: Some(fault), ..course };
        outcome.take(dialect, course, walked(dialect, course));
    }
    outcome
}

/// Readings that are not the default, by name.
fn names(dialect: &Dialect) -> BTreeSet<String> {
    dialect.to_string().split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The fewest readings that still lead to this kind of difference.
fn smallest(dialect: Dialect, course: Course, kind: &'static str) -> Dialect {
    let mut held: Vec<String> = names(&dialect).into_iter().collect();
    let mut size = held.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < held.len() {
            let mut fewer = held.clone();
            fewer.drain(at..(at + size).min(held.len()));
            let smaller: Dialect = fewer.join(",").parse().unwrap();
            if walked(smaller, course).differences.iter().any(|difference| difference.kind == kind) {
                held = fewer;
            } else {
                at += size;
            }
        }
        if size == 1 {
            return held.join(",").parse().unwrap();
        }
        size = size.div_ceil(2);
    }
}

/// Each row of the cover has a reading of every question. Every third one is walked once more, with a fault at a call that is
/// drawn by lot; in every other one the merchant chooses other calls for orders that are under way.
#[test]
fn under_every_two_readings_together_the_host_holds_what_the_pos_has_also_after_a_fault() {
    let rows: Vec<_> = cover::pairwise(2026).into_iter().enumerate().collect();
    let outcome = on_every_core(rows, |(at, row)| {
        let course = Course { changes_settings: at % 2 == 1, ..Course::default() };
        with_faults(cover::dialect(row), course, |calls| {
            let call = draw(&mut (*at as u64), calls as usize) as u64;
            let fault = (call, Fault::ALL[at / 3 % Fault::ALL.len()]);
            if at % 3 == 0 { vec![fault] } else { Vec::new() }
        })
    });
    assert!(outcome.left_to_a_person > 0, "no row has a POS that tells nothing of payments");
    outcome.check();
}

/// Every ninth call of some dialects meets a fault, and of as many more as are asked for.
#[test]
fn a_fault_at_every_ninth_call_of_some_dialects_changes_nothing_in_the_end() {
    let more: u64 = std::env::var(MORE).map_or(0, |more| more.parse().unwrap());
    let dialects =
        (0..2 + more).map(|seed| if seed == 0 { Dialect::default() } else { Dialect::seeded(seed) });
    let jobs = (0..).zip(dialects).collect();
    let outcome = on_every_core(jobs, |(seed, dialect): &(u64, Dialect)| {
        let course = Course { changes_settings: seed % 2 == 1, ..Course::default() };
        with_faults(*dialect, course, |calls| {
            let ninth = (seed % 9..calls).step_by(9).enumerate();
            ninth.map(|(at, call)| (call, Fault::ALL[at % Fault::ALL.len()])).collect()
        })
    });
    outcome.check();
}
