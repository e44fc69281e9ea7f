//! Every way in which processes may come between each other at one order, and at one run: claims, calls, ends, returns, crashes,
//! with clocks that differ. A small model around the real steps.
//!
//! What it takes for granted: a process prolongs its claim before it notes a call, makes the call within a unit of time after
//! the note or not at all, and clocks differ by a unit at most, of three that a claim lasts.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use mplus_sync::model::{
    Claim, ClaimedRun, DueRun, Holder, Order, OrderKind, OutboxEntry, OutboxState, Outcome, PosOrder, RunEnd,
    RunKind, RunReason, RunRequest, StepRefused, Waiting, WorkerId,
};

/// How long a claim lasts, and how old a note may be when its call is made.
const CLAIM: i64 = 3;
const CALL: u8 = 1;
/// The token of the current claim.
const TOKEN: i64 = 10;

fn at(units: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(units)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    Waiting,
    Sending,
    Accepted,
}

/// How far a process is with the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    /// It is to look for the order at the POS first.
    Looks,
    /// It knows that the POS does not have it.
    Sends,
    /// It noted its call.
    Noted { age: u8 },
    /// The POS has it, and the process knows.
    Has,
}

/// What a process holds: whether its claim is the current one, and its step.
type Worker = Option<(bool, Step)>;

/// All that matters; times are relative to now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    state: State,
    due: i64,
    may_be_at_pos: bool,
    at_pos: bool,
    workers: Vec<Worker>,
}

struct Model {
    order: Order,
    offsets: Vec<i64>,
}

impl Model {
    fn entry(&self, world: &World) -> OutboxEntry {
        let mut entry = OutboxEntry::queued("m".into(), 1, self.order.clone(), at(0));
        entry.state = match world.state {
            State::Waiting => OutboxState::Waiting(Waiting::Queued),
            State::Sending => OutboxState::Sending { worker: WorkerId::from("w"), waited: Waiting::Queued },
            State::Accepted => OutboxState::Accepted { pos: PosOrder::with_id("x") },
        };
        (entry.claims, entry.due_at, entry.may_be_at_pos) = (TOKEN, at(world.due), world.may_be_at_pos);
        entry
    }

    fn claim(&self, entry: &OutboxEntry, is_current: bool) -> Claim {
        Claim { token: if is_current { TOKEN } else { TOKEN - 1 }, ..entry.claim() }
    }

    /// The world after the entry became this one.
    fn after(&self, world: &World, entry: &OutboxEntry) -> World {
        let mut next = world.clone();
        next.state = match entry.state {
            OutboxState::Waiting(_) => State::Waiting,
            OutboxState::Sending { .. } => State::Sending,
            OutboxState::Accepted { .. } => State::Accepted,
            _ => panic!("no step leads there: {entry:?}"),
        };
        next.due = (entry.due_at - at(0)).num_minutes();
        next.may_be_at_pos = entry.may_be_at_pos;
        if entry.claims != TOKEN {
            next.workers.iter_mut().flatten().for_each(|(is_current, _)| *is_current = false);
        }
        next
    }

    /// Everything that may happen next.
    fn nexts(&self, world: &World) -> Vec<World> {
        let mut nexts = vec![self.later(world)];
        for (place, offset) in self.offsets.iter().enumerate() {
            let entry = self.entry(world);
            // Somebody tidies up.
            nexts.push(self.after(world, &entry.clone().released(at(*offset))));
            match world.workers[place] {
                None if entry.is_due(at(*offset)) => {
                    let step = if entry.may_be_at_pos || world.state == State::Sending {
                        Step::Looks
                    } else {
                        Step::Sends
                    };
                    let claimed = entry.claimed(&WorkerId::from("w"), at(offset + CLAIM), at(*offset));
                    assert_eq!(claimed.may_be_at_pos, step == Step::Looks, "who takes over looks first");
                    let mut next = self.after(world, &claimed);
                    next.workers[place] = Some((true, step));
                    nexts.push(next);
                }
                None => {}
                Some((is_current, step)) => nexts.extend(self.work(world, place, is_current, step)),
            }
        }
        nexts
    }

    fn later(&self, world: &World) -> World {
        let mut next = world.clone();
        next.due = (next.due - 1).max(-3);
        for (_, step) in next.workers.iter_mut().flatten() {
            if let Step::Noted { age } = step {
                *age = (*age + 1).min(CALL + 1);
            }
        }
        next
    }

    /// What a process may do that holds a claim, or takes itself for one that does.
    fn work(&self, world: &World, place: usize, is_current: bool, step: Step) -> Vec<World> {
        let (entry, now) = (self.entry(world), self.offsets[place]);
        let claim = self.claim(&entry, is_current);
        let with = |world: &World, worker: Worker| {
            let mut next = world.clone();
            next.workers[place] = worker;
            next
        };
        // Crashed; what it knew is gone.
        let mut nexts = vec![with(world, None)];
        let mut stored = |stepped: Result<OutboxEntry, StepRefused>, worker: Worker| match stepped {
            Ok(entry) => {
                let is_fact = matches!(entry.state, OutboxState::Accepted { .. });
                assert!(is_current || is_fact, "a lost claim writes nothing: {world:?}");
                nexts.push(with(&self.after(world, &entry), worker));
            }
            // It stops.
            Err(_) => nexts.push(with(world, None)),
        };
        let is_lost = !is_current || world.state != State::Sending;
        let extended = entry.clone().extended(&claim, at(now + CLAIM));
        assert_eq!(extended.is_err(), is_lost, "a claim is prolonged as long as it is the current one");
        stored(extended.clone(), Some((is_current, step)));
        // Whoever looks may have sent it before, in this attempt or an earlier one.
        let may_have_sent = step != Step::Sends;
        stored(entry.clone().given_back(&claim, may_have_sent, at(now)), None);
        // It cannot be reached, or its answer is lost.
        let may_be_at_pos = step != Step::Sends;
        let (why, error) = (Waiting::PosAway { since: at(now) }, "no answer".to_owned());
        let wait = Outcome::Wait { why, at: at(now + 1), error, may_be_at_pos };
        stored(entry.clone().finished(&claim, &wait, at(now)), None);
        match step {
            Step::Looks if world.at_pos => nexts.push(with(world, Some((is_current, Step::Has)))),
            Step::Looks => nexts.push(with(world, Some((is_current, Step::Sends)))),
            Step::Sends => {
                let noted = extended.and_then(|entry| entry.noted(&claim, Some("sends".into())));
                stored(noted, Some((is_current, Step::Noted { age: 0 })));
            }
            Step::Noted { age } if age > CALL => nexts.push(with(world, Some((is_current, Step::Sends)))),
            Step::Noted { .. } => {
                assert!(!world.at_pos, "the POS gets it a second time: {world:?}");
                let called = World { at_pos: true, ..world.clone() };
                // With an answer, or without one: then the call may be made again in this attempt, after a look.
                nexts.push(with(&called, Some((is_current, Step::Has))));
                nexts.push(with(&called, Some((is_current, Step::Looks))));
            }
            Step::Has => {
                let accepted = Outcome::Accepted { pos: PosOrder::with_id("x") };
                let finished = entry.finished(&claim, &accepted, at(now));
                assert!(finished.is_ok(), "that the POS has it is a fact");
                stored(finished, None);
            }
        }
        nexts
    }
}

/// Walks through everything that may happen; counts the worlds. From each of them there is a way to the end.
fn explore(offsets: &[i64]) -> usize {
    let order = Order::new("1", "city", OrderKind::Pickup, at(0));
    let model = Model { order, offsets: offsets.to_vec() };
    let first = World {
        state: State::Waiting,
        due: 0,
        may_be_at_pos: false,
        at_pos: false,
        workers: vec![None; offsets.len()],
    };
    let mut numbers = HashMap::from([(first.clone(), 0_usize)]);
    let mut queue = VecDeque::from([first]);
    let (mut before, mut ends) = (vec![Vec::new()], VecDeque::new());
    while let Some(world) = queue.pop_front() {
        let number = numbers[&world];
        let holders = world.workers.iter().flatten().filter(|(is_current, _)| *is_current).count();
        assert!(holders <= 1, "two hold it: {world:?}");
        if world.state == State::Accepted {
            assert!(world.at_pos, "it is lost: {world:?}");
            ends.push_back(number);
            continue;
        }
        for next in model.nexts(&world) {
            let count = numbers.len();
            let other = *numbers.entry(next.clone()).or_insert(count);
            if other == count {
                before.push(Vec::new());
                queue.push_back(next);
            }
            before[other].push(number);
        }
    }
    let mut reach_the_end: HashSet<usize> = ends.iter().copied().collect();
    while let Some(number) = ends.pop_front() {
        ends.extend(before[number].iter().copied().filter(|one| reach_the_end.insert(*one)));
    }
    assert_eq!(reach_the_end.len(), numbers.len(), "somewhere an order waits for ever");
    numbers.len()
}

#[test]
fn no_order_of_events_sends_an_order_twice_or_loses_it() {
    for offsets in [vec![0, 0], vec![0, 1], vec![1, 0], vec![0, 0, 1]] {
        let worlds = explore(&offsets);
        eprintln!("clocks {offsets:?}: {worlds} worlds");
        assert!(worlds > 100, "{worlds}");
    }
}

/// A run, who works at it, and which requests were carried out.
#[derive(Debug, Clone)]
struct Runs {
    run: DueRun,
    now: i64,
    asked: usize,
    done: Vec<String>,
    workers: [Option<ClaimedRun>; 2],
}

impl Runs {
    fn nexts(&self) -> Vec<Self> {
        let mut nexts = Vec::new();
        if self.now < 7 {
            nexts.push(Self { now: self.now + 1, ..self.clone() });
        }
        if self.asked < 2 {
            let request =
                RunRequest::new(RunReason::Webhook, at(self.now)).with_details(self.asked.to_string());
            nexts.push(Self {
                run: self.run.clone().requested(request),
                asked: self.asked + 1,
                ..self.clone()
            });
        }
        for (place, offset) in [0, 1].into_iter().enumerate() {
            let now = at(self.now + offset);
            let until = now + TimeDelta::minutes(CLAIM);
            let with = |run: DueRun, worker: Option<ClaimedRun>| {
                let mut next = Self { run, ..self.clone() };
                next.workers[place] = worker;
                next
            };
            let Some(claim) = &self.workers[place] else {
                if self.run.due_at().is_some_and(|due| due <= now) {
                    let holder = Holder::from("w");
                    let (run, mine) =
                        self.run.clone().claimed(&"m".into(), &RunKind::SYNC, &holder, until, now);
                    nexts.push(with(run, Some(mine)));
                }
                continue;
            };
            // Crashed.
            nexts.push(with(self.run.clone(), None));
            match self.run.clone().extended(claim, until, None) {
                Ok(run) => nexts.push(with(run, Some(claim.clone()))),
                Err(_) => nexts.push(with(self.run.clone(), None)),
            }
            let again =
                [RunRequest::new(RunReason::Retry, now + TimeDelta::minutes(1)).with_details("again")];
            let nothing: &[RunRequest] = &[];
            for (end, next) in [
                (RunEnd::Done, nothing),
                (RunEnd::Failed, &again[..]),
                (RunEnd::GivenBack, nothing),
                (RunEnd::Postponed(now + TimeDelta::minutes(1)), nothing),
            ] {
                let Ok(run) = self.run.clone().finished(claim, end, next) else { continue };
                let mut ended = with(run, None);
                if matches!(end, RunEnd::Done | RunEnd::Failed) {
                    ended.done.extend(claim.requests.iter().filter_map(|request| request.details.clone()));
                    ended.done.sort();
                    ended.done.dedup();
                }
                nexts.push(ended);
            }
        }
        nexts
    }

    /// Nothing that was asked for is lost, one at most holds it, and what is left is looked at again.
    fn check(&self) {
        let kept = serde_json::to_string(&self.run).unwrap();
        for asked in 0..self.asked {
            let is_kept = kept.contains(&format!("\"details\":\"{asked}\""));
            assert!(is_kept || self.done.contains(&asked.to_string()), "request {asked} is lost: {self:?}");
        }
        let holds = |claim: &&ClaimedRun| self.run.clone().extended(claim, at(99), None).is_ok();
        assert!(self.workers.iter().flatten().filter(holds).count() <= 1, "two hold it: {self:?}");
        if kept.contains("\"details\"") {
            assert!(self.run.due_at().is_some(), "nobody looks at it again: {self:?}");
        }
    }
}

#[test]
fn no_order_of_events_loses_what_a_run_was_asked_for_by() {
    let first = Runs { run: DueRun::default(), now: 0, asked: 0, done: Vec::new(), workers: [None, None] };
    let (mut seen, mut queue) = (HashSet::new(), VecDeque::from([(first, 0)]));
    while let Some((runs, depth)) = queue.pop_front() {
        // Deep enough for both to claim, one of them what the other lost, and to end.
        if depth < 8 && seen.insert(format!("{runs:?}")) {
            runs.check();
            queue.extend(runs.nexts().into_iter().map(|next| (next, depth + 1)));
        }
    }
    eprintln!("{} states of a run", seen.len());
    assert!(seen.len() > 1_000, "{}", seen.len());
}
