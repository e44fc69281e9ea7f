//! What becomes of an order after an attempt: pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{OutboxEntry, Outcome, PosOrder};
use crate::orders::SubmitError;

/// How often an order is tried, and how long it rests between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPlan {
    /// After this many attempts a person must look: 12 unless set.
    pub attempts: u32,
    /// The rest after the first failure, doubled with each further one: 5 seconds unless set.
    pub first_pause: Duration,
    /// The longest rest: 5 minutes unless set.
    pub longest_pause: Duration,
}

impl Default for RetryPlan {
    /// Twelve attempts in about half an hour.
    fn default() -> Self {
        Self { attempts: 12, first_pause: Duration::from_secs(5), longest_pause: Duration::from_secs(300) }
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
        let error = match result {
            Ok(pos) => return Outcome::Accepted { pos: pos.clone() },
            Err(error) => error,
        };
        let may_be_at_pos = error.may_be_at_pos();
        let reason = error.to_string();
        if error.is_permanent() {
            return match may_be_at_pos {
                true => Outcome::NeedsAttention { reason, may_be_at_pos },
                false => Outcome::Rejected { reason },
            };
        }
        let attempts = entry.attempts.saturating_add(1);
        if attempts >= self.attempts {
            let reason = format!("{reason}; it was tried {attempts} times");
            return Outcome::NeedsAttention { reason, may_be_at_pos };
        }
        Outcome::Retry { at: now + self.pause(attempts, random), error: reason, may_be_at_pos }
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

    /// Between half of the rest and all of it.
    fn pause(&self, attempts: u32, random: f64) -> TimeDelta {
        let doubled = self.first_pause.saturating_mul(1 << attempts.saturating_sub(1).min(20));
        let rest = doubled.min(self.longest_pause).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
        TimeDelta::from_std(rest).unwrap_or(TimeDelta::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Order, OrderKind, OrderNumber};
    use crate::orders::{OrderRefused, Problem, SubmitErrorKind};

    fn entry(attempts: u32) -> OutboxEntry {
        let order = Order::new("1001", "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);
        let mut entry = OutboxEntry::queued("merchant".into(), 1, order, DateTime::UNIX_EPOCH);
        entry.attempts = attempts;
        entry
    }

    fn error(kind: SubmitErrorKind, may_be_at_pos: bool) -> Result<PosOrder, SubmitError> {
        Err(SubmitError::new(&OrderNumber::from("1001"), kind, may_be_at_pos))
    }

    fn declined() -> SubmitErrorKind {
        SubmitErrorKind::Declined { operation: "createOrder", reason: "closed".into() }
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
    fn an_order_whose_workers_never_come_back_is_not_handed_out_for_ever() {
        let plan = RetryPlan { attempts: 3, ..RetryPlan::default() };
        let lost = |lost| OutboxEntry { lost, ..entry(0) };
        assert_eq!(plan.given_up(&lost(2)), None);
        assert!(matches!(plan.given_up(&lost(3)), Some(Outcome::NeedsAttention { .. })));
    }
}
