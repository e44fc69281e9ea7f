//! What becomes of an order after an attempt: pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{OutboxEntry, Outcome, PosOrder, Waiting};
use crate::orders::SubmitError;
use crate::orders::error::Hindrance;

/// How often an order is tried, how long it rests between, and how long it waits.
///
/// Only refusals count as attempts. As long as the POS is away or the table is claimed an order waits, up to
/// [`waits`](Self::waits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPlan {
    /// After this many refusals a person must look: 12 unless set.
    pub attempts: u32,
    /// The rest after the first failure, doubled with each further one: 5 seconds unless set.
    pub first_pause: Duration,
    /// The longest rest: 5 minutes unless set.
    pub longest_pause: Duration,
    /// How long an order waits for a table that somebody works at before it looks again: 30 seconds unless set.
    pub table_pause: Duration,
    /// How long an order waits for one and the same thing (the POS, its table, an answer that can be understood, the host's own
    /// store) before a person must look: 24 hours unless set.
    pub waits: Duration,
    /// How long an order is looked for after an answer that does not tell whether the POS took it, before a person must look:
    /// 15 minutes unless set.
    pub unclear: Duration,
}

impl Default for RetryPlan {
    /// Twelve refusals in about half an hour; a day of waiting, a quarter of an hour where an answer was unclear.
    fn default() -> Self {
        Self {
            attempts: 12,
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(300),
            table_pause: Duration::from_secs(30),
            waits: Duration::from_secs(24 * 60 * 60),
            unclear: Duration::from_secs(15 * 60),
        }
    }
}

/// What to do after an attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decision {
    /// What to record.
    pub(super) outcome: Outcome,
    /// Until when nothing of the connection need be tried: its POS is away.
    pub(super) rest: Option<DateTime<Utc>>,
}

impl From<Outcome> for Decision {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, rest: None }
    }
}

impl RetryPlan {
    /// What to record after an attempt. `random`, from 0 to below 1, spreads the rests of orders that failed together.
    pub fn decide(
        &self,
        entry: &OutboxEntry,
        result: &Result<PosOrder, SubmitError>,
        now: DateTime<Utc>,
        random: f64,
    ) -> Outcome {
        self.decision(entry, result, now, random).outcome
    }

    /// The same, with what it says of the whole connection.
    pub(super) fn decision(
        &self,
        entry: &OutboxEntry,
        result: &Result<PosOrder, SubmitError>,
        now: DateTime<Utc>,
        random: f64,
    ) -> Decision {
        let error = match result {
            Ok(pos) => return Outcome::Accepted { pos: pos.clone() }.into(),
            Err(error) => error,
        };
        let may_be_at_pos = error.may_be_at_pos();
        let reason = error.to_string();
        if error.is_permanent() {
            return match may_be_at_pos {
                true => Outcome::NeedsAttention { reason, may_be_at_pos },
                false => Outcome::Rejected { reason },
            }
            .into();
        }
        if let Some(hindrance) = error.hindrance() {
            return self.wait(entry, error, hindrance, now, random);
        }
        let attempts = entry.attempts.saturating_add(1);
        if attempts >= self.attempts {
            let reason = format!("{reason}; it was tried {attempts} times");
            return Outcome::NeedsAttention { reason, may_be_at_pos }.into();
        }
        Outcome::Retry { at: now + self.pause(attempts, random), error: reason, may_be_at_pos }.into()
    }

    /// What to record for an order that nobody refused.
    fn wait(
        &self,
        entry: &OutboxEntry,
        error: &SubmitError,
        hindrance: Hindrance,
        now: DateTime<Utc>,
        random: f64,
    ) -> Decision {
        let (reason, may_be_at_pos) = (error.to_string(), error.may_be_at_pos());
        let why = match hindrance {
            Hindrance::Away | Hindrance::Silent | Hindrance::Unclear => Waiting::PosAway { since: now },
            Hindrance::Table => Waiting::TableClaimed { since: now },
            Hindrance::Host => Waiting::Host { since: now },
        };
        let since = match (why, entry.waiting()) {
            (Waiting::PosAway { .. }, Some(Waiting::PosAway { since }))
            | (Waiting::TableClaimed { .. }, Some(Waiting::TableClaimed { since }))
            | (Waiting::Host { .. }, Some(Waiting::Host { since })) => since,
            _ => now,
        };
        // What the answer left open has its own time, however long the POS was away before it.
        let since = error.waits_since().filter(|since| *since <= now).unwrap_or(since);
        let waited = (now - since).to_std().unwrap_or_default();
        let longest = if hindrance == Hindrance::Unclear { self.unclear } else { self.waits };
        if waited >= longest && !error.waits_for_a_call() {
            let reason = match waited.as_secs() / 3600 {
                0 => format!("{reason}; it has waited for {} minutes", waited.as_secs() / 60),
                hours => format!("{reason}; it has waited for {hours} hours"),
            };
            return Outcome::NeedsAttention { reason, may_be_at_pos }.into();
        }
        let rest = match hindrance {
            Hindrance::Table => self.table_pause,
            // The longer it has waited, the less a little more matters.
            _ => (waited / 4).clamp(self.first_pause.min(self.longest_pause), self.longest_pause),
        };
        let until = now + spread(rest, random);
        let rest = (hindrance == Hindrance::Away).then_some(until);
        Decision { outcome: Outcome::Wait { why, at: until, error: reason, may_be_at_pos }, rest }
    }

    /// What to record for an order whose workers end without a word: it may be what ends them.
    pub(super) fn given_up(&self, entry: &OutboxEntry) -> Option<Outcome> {
        let attempts = entry.attempts.saturating_add(entry.lost);
        let lost = (entry.lost > 0 && attempts >= self.attempts).then_some(attempts)?;
        let why =
            entry.last_error.as_deref().unwrap_or("the workers that were sending it were not heard of again");
        let reason = format!("order {} was tried {lost} times: {why}", entry.order.number);
        Some(Outcome::NeedsAttention { reason, may_be_at_pos: entry.may_be_at_pos })
    }

    fn pause(&self, attempts: u32, random: f64) -> TimeDelta {
        let doubled = self.first_pause.saturating_mul(1 << attempts.saturating_sub(1).min(20));
        spread(doubled.min(self.longest_pause), random)
    }
}

/// Between half of a rest and all of it.
fn spread(rest: Duration, random: f64) -> TimeDelta {
    let rest = rest.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
    TimeDelta::from_std(rest).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use mplus_qapi::ErrorKind;
    use mplus_qapi::transport::{TransportError, TransportErrorKind};

    use super::*;
    use crate::model::{Order, OrderKind, OrderNumber, OutboxState, TableRef};
    use crate::orders::{OrderRefused, Problem, SubmitErrorKind};
    use crate::store::{StoreError, StoreErrorKind};

    fn entry(attempts: u32) -> OutboxEntry {
        let order = Order::new("1001", "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);
        let mut entry = OutboxEntry::queued("merchant".into(), 1, order, DateTime::UNIX_EPOCH);
        entry.attempts = attempts;
        entry
    }

    fn waiting(why: Waiting) -> OutboxEntry {
        OutboxEntry { state: OutboxState::Sending { worker: "w".into(), waited: why }, ..entry(0) }
    }

    fn error(kind: SubmitErrorKind, may_be_at_pos: bool) -> Result<PosOrder, SubmitError> {
        Err(SubmitError::new(&OrderNumber::from("1001"), kind, may_be_at_pos))
    }

    fn declined() -> SubmitErrorKind {
        SubmitErrorKind::Declined { operation: "createOrder", reason: "closed".into() }
    }

    fn claimed() -> SubmitErrorKind {
        SubmitErrorKind::TableClaimed { table: TableRef::whole(7), workplace: None }
    }

    fn hours(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    #[test]
    fn rests_double_up_to_the_longest_and_are_spread() {
        let plan = RetryPlan::default();
        let rests: Vec<i64> =
            [1, 2, 3, 7, 8, 30].iter().map(|attempts| plan.pause(*attempts, 1.0).num_seconds()).collect();
        assert_eq!(rests, [5, 10, 20, 300, 300, 300]);
        assert_eq!(plan.pause(2, 0.0).num_seconds(), 5);
    }

    #[test]
    fn what_can_never_work_is_rejected_and_what_may_be_there_is_left_to_a_person() {
        let refused = |may| {
            let problems = vec![Problem::Empty];
            error(SubmitErrorKind::Refused(OrderRefused { order: "1001".into(), problems }), may)
        };
        let plan = RetryPlan::default();
        let decide = |result| plan.decide(&entry(0), &result, DateTime::UNIX_EPOCH, 0.0);
        assert!(matches!(decide(refused(false)), Outcome::Rejected { .. }));
        assert!(matches!(decide(refused(true)), Outcome::NeedsAttention { may_be_at_pos: true, .. }));
    }

    #[test]
    fn an_order_is_tried_again_until_its_attempts_are_used_up() {
        let plan = RetryPlan { attempts: 3, ..RetryPlan::default() };
        let decide = |attempts: u32| {
            plan.decide(&entry(attempts - 1), &error(declined(), true), DateTime::UNIX_EPOCH, 0.0)
        };
        assert!(matches!(decide(2), Outcome::Retry { may_be_at_pos: true, .. }));
        let Outcome::NeedsAttention { reason, may_be_at_pos: true } = decide(3) else {
            panic!("{:?}", decide(3))
        };
        assert!(reason.ends_with("it was tried 3 times"), "{reason}");
    }

    #[test]
    fn a_claimed_table_is_waited_for_a_day_and_no_longer() {
        let plan = RetryPlan::default();
        let waiting = waiting(Waiting::TableClaimed { since: hours(0) });
        let decide = |now| plan.decision(&waiting, &error(claimed(), false), now, 1.0);
        let Decision { outcome: Outcome::Wait { at, .. }, rest: None } = decide(hours(23)) else {
            panic!("{:?}", decide(hours(23)))
        };
        assert_eq!(at - hours(23), TimeDelta::seconds(30));
        let Outcome::NeedsAttention { reason, .. } = decide(hours(24)).outcome else { panic!("it waits on") };
        assert!(reason.ends_with("it has waited for 24 hours"), "{reason}");
    }

    #[test]
    fn the_hosts_own_store_is_waited_for_a_day_and_no_longer() {
        let plan = RetryPlan::default();
        let waiting = waiting(Waiting::Host { since: hours(0) });
        let failed = || {
            let failed = StoreError::new(StoreErrorKind::Unavailable, "read settings");
            error(SubmitErrorKind::Store(failed), false)
        };
        let decided = plan.decide(&waiting, &failed(), hours(23), 1.0);
        let Outcome::Wait { why: Waiting::Host { .. }, at, .. } = decided else { panic!("{decided:?}") };
        assert_eq!(at - hours(23), TimeDelta::minutes(5));
        let given_up = plan.decide(&waiting, &failed(), hours(24), 1.0);
        assert!(matches!(given_up, Outcome::NeedsAttention { .. }), "{given_up:?}");
    }

    #[test]
    fn settings_that_cannot_be_read_are_waited_for_and_a_menu_that_cannot_is_not() {
        let corrupt = || StoreError::new(StoreErrorKind::Corrupt, "read settings");
        let decide = |failed| RetryPlan::default().decide(&entry(0), &Err(failed), hours(1), 0.0);
        let decided = decide(SubmitError::of_merchant(&"1001".into(), corrupt(), false));
        assert!(matches!(decided, Outcome::Wait { why: Waiting::Host { .. }, .. }), "{decided:?}");
        let decided = decide(SubmitError::new(&"1001".into(), SubmitErrorKind::Store(corrupt()), false));
        assert!(matches!(decided, Outcome::Retry { .. }), "{decided:?}");
    }

    #[test]
    fn what_something_on_the_way_refuses_of_one_order_counts_as_an_attempt_and_has_no_other_rest() {
        let refused = |status, alone: bool| {
            let failed = mplus_qapi::Error::new("createOrderV3", ErrorKind::Http { status });
            let failed = SubmitError::new(&"1001".into(), SubmitErrorKind::Pos(failed), false);
            Err(if alone { failed.alone() } else { failed })
        };
        let decide =
            |status, alone| RetryPlan::default().decision(&entry(0), &refused(status, alone), hours(1), 0.0);
        for status in [401, 403] {
            let decided = decide(status, true);
            assert!(
                matches!(decided, Decision { outcome: Outcome::Retry { .. }, rest: None }),
                "{decided:?}"
            );
            let decided = decide(status, false);
            assert!(
                matches!(decided, Decision { outcome: Outcome::Wait { .. }, rest: Some(_) }),
                "{decided:?}"
            );
        }
        let decided = decide(503, true);
        assert!(matches!(decided, Decision { outcome: Outcome::Wait { .. }, rest: None }), "{decided:?}");
    }

    #[test]
    fn each_thing_that_is_waited_for_has_the_whole_time() {
        let plan = RetryPlan::default();
        let waiting = waiting(Waiting::PosAway { since: hours(0) });
        let decided = plan.decision(&waiting, &error(claimed(), false), hours(30), 0.0);
        assert!(matches!(decided.outcome, Outcome::Wait { .. }), "{decided:?}");
    }

    #[test]
    fn an_answer_that_tells_nothing_is_no_refusal() {
        let unclear = || {
            let (operation, answer) = ("createOrderV3".into(), String::new());
            error(SubmitErrorKind::Unclear { operation, answer, since: hours(1) }, true)
        };
        let decided = RetryPlan::default().decision(&entry(11), &unclear(), hours(1), 0.0);
        assert!(matches!(decided.outcome, Outcome::Wait { may_be_at_pos: true, .. }), "{decided:?}");
        let waiting = waiting(Waiting::PosAway { since: hours(1) });
        let now = hours(1) + TimeDelta::minutes(15);
        let decided = RetryPlan::default().decision(&waiting, &unclear(), now, 0.0);
        let Outcome::NeedsAttention { reason, may_be_at_pos: true } = decided.outcome else {
            panic!("{decided:?}")
        };
        assert!(reason.contains("it has waited for 15 minutes"), "{reason}");
    }

    #[test]
    fn after_an_outage_an_answer_that_tells_nothing_and_a_call_at_work_have_their_own_time() {
        let away = waiting(Waiting::PosAway { since: hours(0) });
        let now = hours(30) + TimeDelta::minutes(14);
        let (operation, answer) = ("createOrderV3".into(), String::new());
        let unclear = SubmitErrorKind::Unclear { operation, answer, since: hours(30) };
        let at_work = SubmitErrorKind::AtWork { until: now + TimeDelta::minutes(1) };
        for kind in [unclear, at_work] {
            let decided = RetryPlan::default().decision(&away, &error(kind, true), now, 0.0);
            assert!(matches!(decided.outcome, Outcome::Wait { may_be_at_pos: true, .. }), "{decided:?}");
        }
    }

    #[test]
    fn an_answer_of_a_clock_that_was_ahead_is_not_waited_for_until_then() {
        let waiting = waiting(Waiting::PosAway { since: hours(1) });
        let (operation, answer) = ("createOrderV3".into(), String::new());
        let unclear = SubmitErrorKind::Unclear { operation, answer, since: hours(9000) };
        let now = hours(1) + TimeDelta::minutes(15);
        let decided = RetryPlan::default().decision(&waiting, &error(unclear, true), now, 0.0);
        assert!(matches!(decided.outcome, Outcome::NeedsAttention { .. }), "{decided:?}");
    }

    fn failed(kind: TransportErrorKind) -> Result<PosOrder, SubmitError> {
        let failed =
            mplus_qapi::Error::new("createOrderV3", ErrorKind::Transport(TransportError::new(kind, "")));
        error(SubmitErrorKind::Pos(failed), false)
    }

    #[test]
    fn an_order_is_tried_again_after_its_rest() {
        let plan = RetryPlan::default();
        let decide =
            |attempts, random| plan.decide(&entry(attempts), &error(declined(), false), hours(1), random);
        let Outcome::Retry { at, error, .. } = decide(0, 1.0) else { panic!("{:?}", decide(0, 1.0)) };
        assert_eq!((at, error.contains("closed")), (hours(1) + TimeDelta::seconds(5), true));
        let Outcome::Retry { at, .. } = decide(1, 0.0) else { panic!("{:?}", decide(1, 0.0)) };
        assert_eq!(at, hours(1) + TimeDelta::seconds(5));
    }

    #[test]
    fn a_pos_that_is_away_has_all_of_the_connection_rest_and_longer_the_longer_it_is_away() {
        let plan = RetryPlan::default();
        let waiting = waiting(Waiting::PosAway { since: hours(1) });
        let rests = |minutes, kind| {
            let now = hours(1) + TimeDelta::minutes(minutes);
            let decided = plan.decision(&waiting, &failed(kind), now, 1.0);
            let Outcome::Wait { why: Waiting::PosAway { .. }, at, .. } = decided.outcome else {
                panic!("{decided:?}")
            };
            (at - now, decided.rest.map(|until| until - now))
        };
        let seconds = TimeDelta::seconds;
        for (minutes, rest) in [(0, 5), (8, 120), (60, 300)] {
            assert_eq!(rests(minutes, TransportErrorKind::Connect), (seconds(rest), Some(seconds(rest))));
            // One call without an answer says nothing of the others.
            assert_eq!(rests(minutes, TransportErrorKind::Timeout), (seconds(rest), None));
        }
    }

    #[test]
    fn a_worker_that_came_back_with_refusals_gives_nothing_up() {
        let plan = RetryPlan { attempts: 3, ..RetryPlan::default() };
        assert_eq!(plan.given_up(&entry(5)), None);
        let Some(Outcome::NeedsAttention { reason, may_be_at_pos: false }) =
            plan.given_up(&OutboxEntry { lost: 1, last_error: Some("closed".into()), ..entry(2) })
        else {
            panic!("it goes on")
        };
        assert_eq!(reason, "order 1001 was tried 3 times: closed");
    }

    #[test]
    fn an_order_whose_workers_never_come_back_is_not_handed_out_for_ever() {
        let plan = RetryPlan { attempts: 3, ..RetryPlan::default() };
        let lost = |lost| OutboxEntry { lost, ..entry(0) };
        assert_eq!(plan.given_up(&lost(2)), None);
        assert!(matches!(plan.given_up(&lost(3)), Some(Outcome::NeedsAttention { .. })));
    }
}
