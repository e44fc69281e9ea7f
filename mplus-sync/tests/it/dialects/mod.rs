//! The whole integration against every POS that the facts allow: all readings, all pairs of them, faults at every call.

mod cover;
mod known;
mod oracle;
mod walk;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use mplus_qapi::testkit::{Dialect, Fault};

use self::known::KNOWN;
use self::oracle::Difference;
use self::walk::walk;

/// Where a difference came from, for whoever mends it.
type Found = BTreeMap<(String, &'static str), String>;

/// As many differences are brought down to the readings that they take, which costs some twenty walks each.
const EXPLAINED: usize = 200;

/// Runs walks on both cores.
fn run<T: Send + 'static>(
    jobs: Vec<T>,
    each: impl Fn(&T) -> Vec<(T, Difference)> + Clone + Send + Sync + 'static,
) -> Vec<(T, Difference)> {
    let jobs = Arc::new(Mutex::new(jobs));
    let workers: Vec<_> = (0..2)
        .map(|_| {
            let (jobs, each) = (Arc::clone(&jobs), each.clone());
            let work = move || {
                let mut found = Vec::new();
                loop {
                    let Some(job) = jobs.lock().unwrap().pop() else { return found };
                    found.extend(each(&job));
                }
            };
            std::thread::Builder::new().stack_size(64 << 20).spawn(work).unwrap()
        })
        .collect();
    workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
}

fn differences(dialect: Dialect, fault: Option<(u64, Fault)>) -> (Vec<Difference>, u64) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(walk(dialect, fault))
}

/// Readings that are not the default, by name.
fn names(dialect: &Dialect) -> BTreeSet<String> {
    dialect.to_string().split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn is_known(dialect: &Dialect, kind: &str) -> bool {
    let held = names(dialect);
    KNOWN.iter().any(|(readings, known)| {
        *known == kind && readings.split(',').filter(|name| !name.is_empty()).all(|name| held.contains(name))
    })
}

/// The fewest readings that still lead to this kind of difference.
fn smallest(dialect: Dialect, kind: &'static str) -> Dialect {
    let mut held: Vec<String> = names(&dialect).into_iter().collect();
    let mut size = held.len().div_ceil(2);
    loop {
        let mut at = 0;
        while at < held.len() {
            let mut fewer = held.clone();
            fewer.drain(at..(at + size).min(held.len()));
            let smaller: Dialect = fewer.join(",").parse().unwrap();
            if differences(smaller, None).0.iter().any(|difference| difference.kind == kind) {
                held = fewer;
            } else {
                at += size;
            }
        }
        if size <= 1 {
            return held.join(",").parse().unwrap();
        }
        size = size.div_ceil(2);
    }
}

fn fail(found: Found) {
    let lines: Vec<String> = found
        .into_iter()
        .map(|((readings, kind), detail)| format!("    ({readings:?}, {kind:?}), // {detail}"))
        .collect();
    assert!(lines.is_empty(), "{} differences:\n{}", lines.len(), lines.join("\n"));
}

/// What is known to be wrong is wrong: a line that is right now has to be taken from the list.
#[test]
fn what_is_listed_as_wrong_is_wrong() {
    let dialects: BTreeSet<&str> = KNOWN.iter().map(|(readings, _)| *readings).collect();
    let dialects: Vec<Dialect> = dialects.into_iter().map(|known| known.parse().unwrap()).collect();
    let seen = run(dialects, |dialect| {
        differences(*dialect, None).0.into_iter().map(|difference| (*dialect, difference)).collect()
    });
    let mut found = Found::new();
    for (readings, kind) in KNOWN {
        let dialect: Dialect = readings.parse().unwrap();
        if !seen.iter().any(|(seen, difference)| *seen == dialect && difference.kind == *kind) {
            found.insert((format!("{readings} is right now: take it from the list"), kind), String::new());
        }
    }
    fail(found);
}

/// Every reading, and every two together: each row of the cover has a reading of every question.
#[test]
fn under_every_two_readings_the_host_holds_what_the_pos_has() {
    let rows = cover::pairwise(2026);
    let walked = rows.len();
    let dialects: Vec<Dialect> = rows.iter().map(|row| cover::dialect(row)).collect();
    let causes = Arc::new(Mutex::new(Found::new()));
    let kept = Arc::clone(&causes);
    let seen = run(dialects, move |dialect| {
        let found = differences(*dialect, None).0.into_iter();
        let unknown = found.filter(|difference| !is_known(dialect, difference.kind));
        unknown.map(|difference| (*dialect, difference)).inspect(|found| explain(&kept, found)).collect()
    });
    println!(
        "{walked} dialects hold every two readings; {} differences are known, {} are not",
        KNOWN.len(),
        seen.len()
    );
    fail(std::mem::take(&mut *causes.lock().unwrap()));
}

/// Finds the readings that a difference takes, unless some that were found before lead to it too.
fn explain(causes: &Mutex<Found>, (dialect, difference): &(Dialect, Difference)) {
    let held = names(dialect);
    let leads = |(readings, kind): &(String, &str)| {
        *kind == difference.kind && names(&readings.parse().unwrap()).is_subset(&held)
    };
    let is_enough = {
        let causes = causes.lock().unwrap();
        causes.len() >= EXPLAINED || causes.keys().any(leads)
    };
    if !is_enough {
        let readings = smallest(*dialect, difference.kind).to_string();
        println!("    ({readings:?}, {:?}), // {}", difference.kind, difference.detail);
        causes.lock().unwrap().entry((readings, difference.kind)).or_insert(difference.detail.clone());
    }
}

/// A fault at every so many-th call of the walk, in some dialects.
#[test]
fn a_fault_at_any_call_changes_nothing_in_the_end() {
    let dialects = (0..4).map(|seed| if seed == 0 { Dialect::default() } else { Dialect::seeded(seed) });
    let mut jobs = Vec::new();
    for (dialect, begin) in dialects.zip(0..) {
        let calls = differences(dialect, None).1;
        for (at, call) in (begin..calls).step_by(9).enumerate() {
            jobs.push((dialect, call, Fault::ALL[at % Fault::ALL.len()]));
        }
    }
    let walked = jobs.len();
    let seen = run(jobs, |(dialect, call, fault)| {
        let unharmed: BTreeSet<&str> =
            differences(*dialect, None).0.iter().map(|difference| difference.kind).collect();
        let found = differences(*dialect, Some((*call, *fault))).0.into_iter();
        let new = found.filter(|difference| !unharmed.contains(difference.kind));
        new.map(|difference| ((*dialect, *call, *fault), difference)).collect()
    });
    let mut found = Found::new();
    for ((dialect, call, fault), difference) in seen {
        if !is_known(&dialect, difference.kind) {
            let detail = format!("{fault:?} at call {call}: {}", difference.detail);
            found.entry((dialect.to_string(), difference.kind)).or_insert(detail);
        }
    }
    println!("{walked} walks with a fault");
    fail(found);
}
