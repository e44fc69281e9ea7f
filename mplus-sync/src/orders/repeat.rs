//! When an order that is not found at the POS may be sent again.

use chrono::{DateTime, TimeDelta, Utc};

use crate::text::kept;

use super::note::{AttemptNote, UnclearAnswer};
use super::service::Attempt;
use super::{OrderService, SubmitError, SubmitErrorKind};

/// For how many time-outs the POS may be at work on a call whose answer did not come.
const AT_WORK: i32 = 3;

impl OrderService {
    /// Nothing when an order may be sent that a look at the POS does not show. Asked before the look: what is at work while it
    /// is looked for is not seen by it.
    ///
    /// # Errors
    /// [`SubmitErrorKind::AtWork`] as long as an earlier call may be at work;
    /// [`SubmitErrorKind::Unclear`] once the POS answered so that nobody knows, until a person queues the order again.
    pub(super) fn may_send(&self, attempt: &Attempt<'_>) -> Result<(), SubmitError> {
        if let Some(unclear) = attempt.note.unclear.as_ref().filter(|answer| answer.turn == attempt.turn()) {
            let UnclearAnswer { operation, answer, at, .. } = unclear.clone();
            return Err(attempt.error(SubmitErrorKind::Unclear { operation, answer, since: at }));
        }
        let at_work = TimeDelta::from_std(self.timeout()).unwrap_or(TimeDelta::MAX) * AT_WORK;
        // A clock that went back is no reason to wait for longer.
        let sent = [attempt.note.sent, attempt.earlier.cut_off_at].into_iter().flatten();
        let last = sent.filter(|sent| *sent <= self.now() + at_work).max();
        match last.map(|sent| sent + at_work) {
            Some(until) if self.now() < until => Err(attempt.error(SubmitErrorKind::AtWork { until })),
            _ => Ok(()),
        }
    }

    /// The POS answered something that does not say whether it took the order, or its payments, and does not show it: it is
    /// only looked for from now on.
    pub(super) async fn unclear(
        &self,
        attempt: &mut Attempt<'_>,
        operation: &'static str,
        answer: &str,
    ) -> SubmitError {
        attempt.may_be_at_pos = true;
        let unclear = UnclearAnswer {
            turn: attempt.turn(),
            operation: operation.to_owned(),
            answer: kept(answer),
            at: self.now(),
        };
        let UnclearAnswer { operation, answer, at: since, .. } = unclear.clone();
        let note = AttemptNote { unclear: Some(unclear), ..attempt.note.clone() };
        match self.note(attempt, note).await {
            Ok(()) => attempt.error(SubmitErrorKind::Unclear { operation, answer, since }),
            Err(failed) => failed,
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.merchant.runtime().now()
    }
}
