//! Which state may follow which: pure.

use chrono::{DateTime, Utc};

use super::super::{Order, WorkerId};
use super::{Claim, OutboxEntry, OutboxState, OutboxStateKind, PosOrder, Waiting};

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The POS has the order.
    Accepted {
        /// What the POS calls it.
        pos: PosOrder,
    },
    /// The POS refused it, or answered so that nobody knows; try again later. Counts as an attempt.
    Retry {
        /// Not before this.
        at: DateTime<Utc>,
        /// Why it did not work.
        error: String,
        /// Whether the POS may have the order all the same: true when this attempt may have been carried out, or an
        /// earlier one and nobody looked since.
        may_be_at_pos: bool,
    },
    /// It could not be tried, for a reason that is not the order's. Counts as no attempt.
    Wait {
        /// What it waits for. Since when is kept when it waited for the same before.
        why: Waiting,
        /// Not before this.
        at: DateTime<Utc>,
        /// What was seen.
        error: String,
        /// Whether the POS may have the order all the same, as in [`Outcome::Retry`].
        may_be_at_pos: bool,
    },
    /// It can never work as it is, and is not at the POS: an earlier attempt that may have brought it there was looked for.
    Rejected {
        /// What is wrong and what to do.
        reason: String,
    },
    /// It was tried often enough, or waited long enough.
    NeedsAttention {
        /// What went wrong and what to do.
        reason: String,
        /// Whether the POS may have the order all the same.
        may_be_at_pos: bool,
    },
    /// It is kept from the POS, as it asked.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// What is noted on an order whose claim ended without an outcome.
const WORKER_LOST: &str = "the worker that was sending it was not heard of again";

/// Why a step of an order is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepRefused {
    /// The claim has ended and the order went on without it.
    #[error("the claim was lost: its lease ended and the order went on without it")]
    ClaimLost,
    /// Only an order that waits for a person, or that was withdrawn, is queued again.
    #[error("only an order that was rejected or withdrawn, or that needs attention, can be queued again")]
    NotWaitingForPerson,
    /// It is being sent, or the POS may have it.
    #[error("it is being sent or may be at the POS: wait for its end, or cancel it there")]
    MayBeAtPos,
    /// The POS has it, or it has ended in another way.
    #[error("it has ended already")]
    Ended,
    /// Only an order that the POS has, or may have, is cancelled there.
    #[error("the POS does not have it: withdraw it instead")]
    NotAtPos,
}

impl OutboxEntry {
    /// Whether it may be claimed now, its table permitting: it waits and is due, or its claim has ended.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.state.kind().is_open() && self.due_at <= now
    }

    /// What it waits for, or waited for before it was claimed; none once it has ended.
    pub fn waiting(&self) -> Option<Waiting> {
        match &self.state {
            OutboxState::Waiting(waiting) | OutboxState::Sending { waited: waiting, .. } => Some(*waiting),
            _ => None,
        }
    }

    /// Claims it. A claim that ended without an outcome leaves behind that the order may be at the POS.
    pub fn claimed(mut self, worker: &WorkerId, until: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        if self.state.kind() == OutboxStateKind::Sending {
            self.lose();
        }
        let waited = self.waiting().unwrap_or(Waiting::Queued);
        self.state = OutboxState::Sending { worker: worker.clone(), waited };
        self.claims += 1;
        self.due_at = until;
        self.updated_at = now;
        self
    }

    /// Its claim has ended without an outcome.
    fn lose(&mut self) {
        self.may_be_at_pos = true;
        self.lost = self.lost.saturating_add(1);
        self.cut_off_at = Some(self.due_at);
    }

    /// Prolongs its claim.
    ///
    /// # Errors
    /// [`StepRefused::ClaimLost`] when the claim is no longer the current one.
    pub fn extended(mut self, claim: &Claim, until: DateTime<Utc>) -> Result<Self, StepRefused> {
        self.is_held_by(claim).then_some(()).ok_or(StepRefused::ClaimLost)?;
        self.due_at = until;
        Ok(self)
    }

    /// Keeps what the sender notes of its attempt.
    ///
    /// # Errors
    /// [`StepRefused::ClaimLost`] when the claim is no longer the current one.
    pub fn noted(mut self, claim: &Claim, note: Option<String>) -> Result<Self, StepRefused> {
        self.is_held_by(claim).then_some(()).ok_or(StepRefused::ClaimLost)?;
        self.note = note;
        Ok(self)
    }

    fn is_held_by(&self, claim: &Claim) -> bool {
        self.claims == claim.token && self.state.kind() == OutboxStateKind::Sending
    }

    /// Records how a claim's attempt ended.
    ///
    /// That the POS has the order is recorded whatever became of the claim: it is a fact. The first such fact stays.
    ///
    /// # Errors
    /// [`StepRefused::ClaimLost`] for any other outcome of a claim that is no longer the current one.
    pub fn finished(
        mut self,
        claim: &Claim,
        outcome: &Outcome,
        now: DateTime<Utc>,
    ) -> Result<Self, StepRefused> {
        let held = self.is_held_by(claim);
        let known = matches!(self.state.kind(), OutboxStateKind::Accepted | OutboxStateKind::Cancelled);
        let waited = self.waiting().unwrap_or(Waiting::Queued);
        match outcome {
            Outcome::Accepted { .. } if known => return Ok(self),
            Outcome::Accepted { pos } => {
                self.state = OutboxState::Accepted { pos: pos.clone() };
                self.may_be_at_pos = true;
                self.last_error = None;
            }
            _ if !held => return Err(StepRefused::ClaimLost),
            Outcome::Retry { at, error, may_be_at_pos } => {
                self.state = OutboxState::Waiting(Waiting::Resting);
                self.attempts = self.attempts.saturating_add(1);
                self.lost = 0;
                self.due_at = *at;
                self.may_be_at_pos = *may_be_at_pos;
                self.last_error = Some(error.clone());
            }
            Outcome::Wait { why, at, error, may_be_at_pos } => {
                self.state = OutboxState::Waiting(why.going_on_from(waited));
                self.lost = 0;
                self.due_at = *at;
                self.may_be_at_pos = *may_be_at_pos;
                self.last_error = Some(error.clone());
            }
            Outcome::Rejected { reason } => {
                self.state = OutboxState::Rejected { reason: reason.clone() };
                self.may_be_at_pos = false;
                self.last_error = Some(reason.clone());
            }
            Outcome::NeedsAttention { reason, may_be_at_pos } => {
                self.state = OutboxState::NeedsAttention { reason: reason.clone() };
                self.may_be_at_pos = *may_be_at_pos;
                self.last_error = Some(reason.clone());
            }
            Outcome::Skipped { reason } => self.state = OutboxState::Skipped { reason: reason.clone() },
        }
        self.updated_at = now;
        Ok(self)
    }

    /// Gives back a claim whose attempt was cut off: it waits as before and is due at once. That counts as nothing.
    ///
    /// `may_be_at_pos` says whether this attempt may have reached the POS; that an earlier one may have is kept.
    ///
    /// # Errors
    /// [`StepRefused::ClaimLost`] when the claim is no longer the current one.
    pub fn given_back(
        mut self,
        claim: &Claim,
        may_be_at_pos: bool,
        now: DateTime<Utc>,
    ) -> Result<Self, StepRefused> {
        self.is_held_by(claim).then_some(()).ok_or(StepRefused::ClaimLost)?;
        self.state = OutboxState::Waiting(self.waiting().unwrap_or(Waiting::Queued));
        self.may_be_at_pos |= may_be_at_pos;
        if may_be_at_pos {
            self.cut_off_at = Some(now);
        }
        self.due_at = now;
        self.updated_at = now;
        Ok(self)
    }

    /// Takes back a claim that has ended, so that the order shows as waiting again.
    pub fn released(mut self, now: DateTime<Utc>) -> Self {
        if self.state.kind() == OutboxStateKind::Sending && self.due_at <= now {
            self.state = OutboxState::Waiting(self.waiting().unwrap_or(Waiting::Queued));
            self.lose();
            self.last_error = Some(WORKER_LOST.to_owned());
            self.updated_at = now;
        }
        self
    }

    /// Queues it again after a person put right what was wrong. At its table it has its old place.
    ///
    /// # Errors
    /// [`StepRefused::NotWaitingForPerson`] unless it was rejected or withdrawn, or needs attention.
    pub fn requeued(mut self, now: DateTime<Utc>) -> Result<Self, StepRefused> {
        match self.state.kind() {
            kind if kind.waits_for_person() || kind == OutboxStateKind::Withdrawn => {
                self.queue(now);
                Ok(self)
            }
            _ => Err(StepRefused::NotWaitingForPerson),
        }
    }

    fn queue(&mut self, now: DateTime<Utc>) {
        self.state = OutboxState::Waiting(Waiting::Queued);
        self.attempts = 0;
        self.lost = 0;
        self.due_at = now;
        self.waiting_since = now;
        self.updated_at = now;
    }

    /// Takes it back before the POS has it. One that may be there is left to a person: only when it needs attention.
    ///
    /// # Errors
    /// [`StepRefused::MayBeAtPos`] while it is sent or may be at the POS, [`StepRefused::Ended`] once the POS has it.
    pub fn withdrawn(mut self, reason: &str, now: DateTime<Utc>) -> Result<Self, StepRefused> {
        match self.state.kind() {
            OutboxStateKind::Sending => return Err(StepRefused::MayBeAtPos),
            OutboxStateKind::Waiting if self.may_be_at_pos => return Err(StepRefused::MayBeAtPos),
            OutboxStateKind::Waiting | OutboxStateKind::Rejected | OutboxStateKind::NeedsAttention => {}
            OutboxStateKind::Withdrawn => return Ok(self),
            OutboxStateKind::Accepted | OutboxStateKind::Cancelled | OutboxStateKind::Skipped => {
                return Err(StepRefused::Ended);
            }
        }
        self.state = OutboxState::Withdrawn { reason: reason.to_owned() };
        self.updated_at = now;
        Ok(self)
    }

    /// Puts corrected content in its place, under the same number, and queues it again. The very same content changes nothing
    /// of an order that waits.
    ///
    /// # Errors
    /// [`StepRefused::MayBeAtPos`] while it is sent or may be at the POS, [`StepRefused::Ended`] once the POS has it.
    pub fn replaced(mut self, order: &Order, now: DateTime<Utc>) -> Result<Self, StepRefused> {
        match self.state.kind() {
            OutboxStateKind::Accepted | OutboxStateKind::Cancelled => return Err(StepRefused::Ended),
            OutboxStateKind::Sending => return Err(StepRefused::MayBeAtPos),
            _ if self.may_be_at_pos => return Err(StepRefused::MayBeAtPos),
            OutboxStateKind::Waiting if self.order == *order => return Ok(self),
            _ => {}
        }
        self.order = order.clone();
        self.queued_at = now;
        self.note = None;
        self.last_error = None;
        self.queue(now);
        Ok(self)
    }

    /// Records that it was cancelled at the POS. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`StepRefused::NotAtPos`] unless the POS has it, or may have it and it needs attention.
    pub fn cancelled(mut self, reason: &str, now: DateTime<Utc>) -> Result<Self, StepRefused> {
        let pos = match &self.state {
            OutboxState::Accepted { pos } => pos.clone(),
            OutboxState::NeedsAttention { .. } if self.may_be_at_pos => PosOrder::default(),
            OutboxState::Cancelled { .. } => return Ok(self),
            _ => return Err(StepRefused::NotAtPos),
        };
        self.state = OutboxState::Cancelled { pos, reason: reason.to_owned() };
        self.updated_at = now;
        Ok(self)
    }

    /// What the host is told when this entry follows another: every end of an order, and that it was queued again.
    pub fn tells_after(&self, before: &Self) -> Option<&OutboxState> {
        let (was_open, is_open) = (before.state.kind().is_open(), self.state.kind().is_open());
        match (was_open, is_open) {
            (true, true) => None,
            _ => (self.state != before.state).then_some(&self.state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{OrderKind, OrderNumber};
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minutes)
    }

    fn entry() -> OutboxEntry {
        OutboxEntry::queued("merchant".into(), 1, Order::new("1", "city", OrderKind::Pickup, at(0)), at(0))
    }

    fn away(since: i64) -> Outcome {
        let why = Waiting::PosAway { since: at(since) };
        Outcome::Wait { why, at: at(since + 1), error: "refused".into(), may_be_at_pos: false }
    }

    fn refused() -> Outcome {
        Outcome::Retry { at: at(9), error: "closed".into(), may_be_at_pos: false }
    }

    impl OutboxEntry {
        fn noted_with(self, note: &str) -> Self {
            let claim = self.claim();
            self.noted(&claim, Some(note.into())).unwrap()
        }
    }

    fn sent(entry: OutboxEntry, outcome: &Outcome) -> OutboxEntry {
        let entry = entry.claimed(&WorkerId::from("w"), at(2), at(1));
        let claim = entry.claim();
        entry.finished(&claim, outcome, at(1)).unwrap()
    }

    #[test]
    fn an_order_that_was_rejected_is_not_at_the_pos_and_may_be_corrected() {
        let mut earlier = entry();
        earlier.may_be_at_pos = true;
        let rejected = sent(earlier, &Outcome::Rejected { reason: "too long".into() });
        assert!(!rejected.may_be_at_pos, "it was looked for");
        let order = Order { note: Some("short".into()), ..rejected.order.clone() };
        assert!(rejected.replaced(&order, at(3)).unwrap().state.kind().is_open());
    }

    #[test]
    fn waiting_for_the_pos_spends_no_attempts_and_is_one_wait() {
        let waited = sent(sent(entry(), &away(1)), &away(30));
        assert_eq!(waited.attempts, 0);
        assert_eq!(waited.state, OutboxState::Waiting(Waiting::PosAway { since: at(1) }));
        let refused = sent(waited, &refused());
        assert_eq!((refused.attempts, refused.state), (1, OutboxState::Waiting(Waiting::Resting)));
    }

    #[test]
    fn a_claim_that_ended_without_a_word_is_counted_and_may_have_reached_the_pos() {
        let worker = WorkerId::from("w");
        let again = entry().claimed(&worker, at(2), at(1)).claimed(&worker, at(5), at(3));
        assert_eq!((again.attempts, again.lost, again.may_be_at_pos), (0, 1, true));
    }

    #[test]
    fn what_was_lost_before_is_forgotten_once_an_attempt_came_to_an_end() {
        let worker = WorkerId::from("w");
        for outcome in [away(3), refused()] {
            let again = entry().claimed(&worker, at(2), at(1)).claimed(&worker, at(5), at(3));
            let claim = again.claim();
            assert_eq!(again.finished(&claim, &outcome, at(4)).unwrap().lost, 0);
        }
    }

    #[test]
    fn an_attempt_that_was_given_back_counts_as_nothing_and_keeps_what_is_known() {
        let worker = WorkerId::from("w");
        let mut given = sent(entry(), &away(1));
        for sent in [false, true, false] {
            let claimed = given.claimed(&worker, at(90), at(40)).noted_with("lines");
            let claim = claimed.claim();
            given = claimed.given_back(&claim, sent, at(41)).unwrap();
            assert!(given.is_due(at(41)));
            assert_eq!(
                given.clone().finished(&claim, &refused(), at(42)).unwrap_err(),
                StepRefused::ClaimLost
            );
        }
        assert_eq!((given.attempts, given.lost, given.may_be_at_pos), (0, 0, true));
        assert_eq!(given.state, OutboxState::Waiting(Waiting::PosAway { since: at(1) }));
        assert_eq!(given.note.as_deref(), Some("lines"));
    }

    #[test]
    fn an_order_is_due_from_its_time_on_as_long_as_it_is_open() {
        assert_eq!([-1, 0, 1].map(|minutes| entry().is_due(at(minutes))), [false, true, true]);
        let sending = entry().claimed(&WorkerId::from("w"), at(2), at(1));
        assert_eq!([1, 2].map(|minutes| sending.is_due(at(minutes))), [false, true]);
        let rejected = sent(entry(), &Outcome::Rejected { reason: "total".into() });
        assert!(!rejected.is_due(at(100)) && rejected.waiting().is_none());
    }

    #[test]
    fn only_the_claim_that_holds_an_order_says_anything_of_it_but_that_the_pos_has_it() {
        let worker = WorkerId::from("w");
        let first = entry().claimed(&worker, at(2), at(1));
        let lost = first.claim();
        let second = first.claimed(&worker, at(6), at(3));
        let held = second.claim();
        assert_eq!(held.token, lost.token + 1);
        assert_eq!((second.due_at, second.updated_at), (at(6), at(3)));
        assert_eq!(second.clone().extended(&held, at(8)).unwrap().due_at, at(8));
        assert_eq!(
            second.clone().noted(&held, Some("paying".into())).unwrap().note.as_deref(),
            Some("paying")
        );
        let pos = |id| Outcome::Accepted { pos: PosOrder::with_id(id) };
        let ended = second.clone().finished(&held, &refused(), at(4)).unwrap();
        // Of one that is lost, and of one that has ended.
        for (order, claim) in [(&second, &lost), (&ended, &held)] {
            let lost = Err(StepRefused::ClaimLost);
            assert_eq!(order.clone().extended(claim, at(9)), lost);
            assert_eq!(order.clone().noted(claim, None), lost);
            assert_eq!(order.clone().finished(claim, &refused(), at(9)), lost);
            let known = order.clone().finished(claim, &pos("a"), at(9)).unwrap();
            assert_eq!(known.state, OutboxState::Accepted { pos: PosOrder::with_id("a") });
            assert_eq!(
                (known.may_be_at_pos, known.last_error.clone(), known.updated_at),
                (true, None, at(9))
            );
            // The first such fact stays, also when it was cancelled since.
            assert_eq!(known.clone().finished(claim, &pos("b"), at(10)).unwrap(), known);
            let cancelled = known.cancelled("guest", at(11)).unwrap();
            assert_eq!(cancelled.clone().finished(claim, &pos("b"), at(12)).unwrap(), cancelled);
        }
    }

    #[test]
    fn what_an_attempt_saw_is_kept() {
        let seen = |outcome: &Outcome| {
            let order = sent(entry(), outcome);
            (order.state.kind(), order.due_at, order.may_be_at_pos, order.last_error, order.updated_at)
        };
        let closed = || Some("closed".to_owned());
        let again = Outcome::Retry { at: at(9), error: "closed".into(), may_be_at_pos: true };
        assert_eq!(seen(&again), (OutboxStateKind::Waiting, at(9), true, closed(), at(1)));
        let why = Waiting::PosAway { since: at(1) };
        let wait = Outcome::Wait { why, at: at(7), error: "closed".into(), may_be_at_pos: true };
        assert_eq!(seen(&wait), (OutboxStateKind::Waiting, at(7), true, closed(), at(1)));
        let rejected = Outcome::Rejected { reason: "closed".into() };
        assert_eq!(seen(&rejected), (OutboxStateKind::Rejected, at(2), false, closed(), at(1)));
        let person = Outcome::NeedsAttention { reason: "closed".into(), may_be_at_pos: true };
        assert_eq!(seen(&person), (OutboxStateKind::NeedsAttention, at(2), true, closed(), at(1)));
        let skipped = Outcome::Skipped { reason: "test".into() };
        assert_eq!(seen(&skipped), (OutboxStateKind::Skipped, at(2), false, None, at(1)));
    }

    #[test]
    fn a_claim_is_given_back_when_it_has_ended_and_no_sooner() {
        let sending = entry().claimed(&WorkerId::from("w"), at(5), at(1));
        assert_eq!(sending.clone().released(at(4)), sending);
        let released = sending.released(at(5));
        assert_eq!(released.state, OutboxState::Waiting(Waiting::Queued));
        assert_eq!((released.lost, released.may_be_at_pos, released.updated_at), (1, true, at(5)));
        assert_eq!(released.last_error.as_deref(), Some(WORKER_LOST));
        assert_eq!(released.clone().released(at(6)), released, "nobody has it");
    }

    #[test]
    fn a_person_queues_again_what_waits_for_one_or_was_withdrawn() {
        let person = Outcome::NeedsAttention { reason: "closed".into(), may_be_at_pos: true };
        let rejected = sent(sent(entry(), &refused()), &Outcome::Rejected { reason: "total".into() });
        let withdrawn = entry().withdrawn("guest", at(3)).unwrap();
        assert_eq!(withdrawn.updated_at, at(3));
        assert_eq!(withdrawn.clone().withdrawn("again", at(4)).unwrap(), withdrawn);
        for order in [rejected, sent(entry(), &person), withdrawn] {
            let again = OutboxEntry { lost: 2, ..order }.requeued(at(9)).unwrap();
            assert_eq!(again.state, OutboxState::Waiting(Waiting::Queued));
            assert_eq!((again.attempts, again.lost), (0, 0));
            assert_eq!((again.due_at, again.waiting_since, again.updated_at), (at(9), at(9), at(9)));
        }
        let accepted = sent(entry(), &Outcome::Accepted { pos: PosOrder::with_id("x") });
        for order in [entry(), accepted] {
            assert_eq!(order.requeued(at(9)), Err(StepRefused::NotWaitingForPerson));
        }
    }

    #[test]
    fn what_has_ended_at_the_pos_is_neither_withdrawn_nor_replaced() {
        let accepted = sent(entry(), &Outcome::Accepted { pos: PosOrder::with_id("x") });
        let cancelled = accepted.clone().cancelled("guest", at(5)).unwrap();
        for order in [accepted, cancelled] {
            assert_eq!(order.clone().withdrawn("", at(6)), Err(StepRefused::Ended));
            assert_eq!(order.clone().replaced(&order.order, at(6)), Err(StepRefused::Ended));
        }
        let skipped = sent(entry(), &Outcome::Skipped { reason: "test".into() });
        assert_eq!(skipped.withdrawn("", at(6)), Err(StepRefused::Ended));
    }

    #[test]
    fn the_same_content_leaves_a_waiting_order_in_its_place_and_another_begins_anew() {
        let waiting = OutboxEntry { note: Some("key".into()), ..sent(entry(), &refused()) };
        assert_eq!(waiting.clone().replaced(&waiting.order, at(20)).unwrap(), waiting);
        let mut other = waiting.order.clone();
        other.note = Some("Ring twice".into());
        let replaced = waiting.clone().replaced(&other, at(20)).unwrap();
        assert_eq!((replaced.note, replaced.last_error, replaced.attempts), (None, None, 0));
        assert_eq!((replaced.due_at, replaced.order), (at(20), other.clone()));
        let sending = waiting.claimed(&WorkerId::from("w"), at(30), at(21));
        assert_eq!(sending.replaced(&other, at(22)), Err(StepRefused::MayBeAtPos));
    }

    #[test]
    fn an_order_that_a_person_looks_at_is_cancelled_where_it_may_be() {
        let person = |may_be_at_pos| {
            sent(entry(), &Outcome::NeedsAttention { reason: "closed".into(), may_be_at_pos })
        };
        assert_eq!(person(false).cancelled("guest", at(5)), Err(StepRefused::NotAtPos));
        let cancelled = person(true).cancelled("guest", at(5)).unwrap();
        assert_eq!(cancelled.state.kind(), OutboxStateKind::Cancelled);
        assert_eq!(cancelled.updated_at, at(5));
        assert_eq!(person(true).withdrawn("", at(5)).unwrap().state.kind(), OutboxStateKind::Withdrawn);
    }

    #[test]
    fn an_order_that_may_be_at_the_pos_is_neither_withdrawn_nor_replaced() {
        let mut waiting = entry();
        waiting.may_be_at_pos = true;
        assert_eq!(waiting.clone().withdrawn("", at(1)).unwrap_err(), StepRefused::MayBeAtPos);
        assert_eq!(waiting.clone().replaced(&waiting.order, at(1)).unwrap_err(), StepRefused::MayBeAtPos);
        let sending = entry().claimed(&WorkerId::from("w"), at(2), at(1));
        assert_eq!(sending.withdrawn("", at(1)).unwrap_err(), StepRefused::MayBeAtPos);
    }

    #[test]
    fn a_rejected_order_is_corrected_under_its_number() {
        let rejected = sent(entry(), &Outcome::Rejected { reason: "total".into() });
        let mut corrected = rejected.order.clone();
        corrected.note = Some("Ring twice".into());
        let again = rejected.replaced(&corrected, at(5)).unwrap();
        assert_eq!(again.order.number, OrderNumber::from("1"));
        assert_eq!(
            (again.state.kind(), again.due_at, again.order),
            (OutboxStateKind::Waiting, at(5), corrected)
        );
    }

    #[test]
    fn the_host_is_told_of_every_end_and_of_a_return_and_of_nothing_between() {
        let queued = entry();
        let sending = queued.clone().claimed(&WorkerId::from("w"), at(2), at(1));
        assert_eq!(sending.tells_after(&queued), None);
        let rejected = sent(queued.clone(), &Outcome::Rejected { reason: "total".into() });
        assert_eq!(rejected.tells_after(&sending), Some(&rejected.state));
        let again = rejected.clone().requeued(at(3)).unwrap();
        assert_eq!(again.tells_after(&rejected), Some(&OutboxState::Waiting(Waiting::Queued)));
        assert_eq!(rejected.tells_after(&rejected), None);
    }

    #[test]
    fn only_what_the_pos_has_is_cancelled_there() {
        assert_eq!(entry().cancelled("guest", at(1)).unwrap_err(), StepRefused::NotAtPos);
        let accepted = sent(entry(), &Outcome::Accepted { pos: PosOrder::with_id("x") });
        let cancelled = accepted.cancelled("guest", at(5)).unwrap();
        let wanted = OutboxState::Cancelled { pos: PosOrder::with_id("x"), reason: "guest".into() };
        assert_eq!(cancelled.state, wanted);
        assert_eq!(cancelled.clone().cancelled("again", at(6)).unwrap(), cancelled);
    }
}
