//! Products and articles that the POS was asked to make: what nobody knows the fate of may be there.

use chrono::TimeDelta;

use super::sent::ToMake;
use crate::model::{CategoryId, Checkpoint, Fingerprint, Marker, ProductNumber, Resource};
use crate::report::{Note, Subject};
use crate::run::{Run, StepError};

/// How long the POS may be at work on a call whose answer nobody waits for any more: three times what an answer may take.
const AT_WORK: TimeDelta = TimeDelta::minutes(3);

/// What is being made, from before the POS is asked for it until it is known what became of that.
///
/// Since when that is, in seconds of the Unix epoch, is kept as a checkpoint: it outlives the run, however that ends. A run looks
/// for what is new at the POS before it pushes, so that one which begins once the POS is done with the call has looked for it.
pub(super) struct Making(Resource);

impl Making {
    /// The product of a category, with its first articles.
    pub(super) fn product_of(category: &CategoryId) -> Result<Self, StepError> {
        // The host's identifiers may be as long as names of checkpoints.
        let print = Fingerprint::of(category)?;
        Ok(Self(Resource::named(format!("making-{}", &print.as_str()[..32]))))
    }

    /// New articles of a product.
    pub(super) fn articles_of(product: ProductNumber) -> Self {
        Self(Resource::named(format!("making-articles-of-{product}")))
    }

    /// Whether they may be there, asked for by this run or by one that it cannot have seen the end of.
    pub(super) fn may_be_there(&self, run: &Run<'_>) -> bool {
        let (began, now) = (run.report.started_at.timestamp(), run.now().timestamp());
        let at_work = AT_WORK.num_seconds();
        // A clock that went back is no reason to wait for longer.
        run.checkpoint(&self.0).is_some_and(|asked| asked <= now + at_work && began < asked + at_work)
    }

    /// Keeps that the POS is about to be asked, and for what.
    pub(super) async fn begin(&self, run: &mut Run<'_>, new: &ToMake) -> Result<(), StepError> {
        let now = Marker::new(run.now().timestamp());
        new.keep(run, Checkpoint::new(self.0.clone(), now)).await
    }

    /// It is known what became of it.
    pub(super) async fn end(self, run: &mut Run<'_>) -> Result<(), StepError> {
        run.forget_checkpoint(self.0).await
    }
}

/// That something new waits, since what was asked for before may be there.
pub(crate) fn tell_waiting(run: &mut Run<'_>, resource: Resource, subject: Subject) {
    let message =
        "it was not sent: what was asked of the POS for its category got no clear answer, and may be there";
    let advice = "Nothing to do: a later sync looks for it, and makes it when it is not there";
    run.report.fail(Note::about(resource, subject, message, advice));
    run.report.worth_repeating = true;
}
