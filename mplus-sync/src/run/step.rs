//! One step of a run, and what becomes of a step that fails.

use futures_util::future::BoxFuture;

use super::{Run, RunOptions, StepError};
use crate::cancel::Cancelled;
use crate::merchant::{Merchant, note_run};
use crate::model::Resource;
use crate::report::{Note, RunOutcome, RunReport};

/// A step: given what it needs of the steps before it, it does its work and gives what the steps after it need.
pub(crate) struct Step<Given, Found> {
    /// What its failure is told of.
    pub(crate) resource: Resource,
    pub(crate) work: for<'r> fn(&'r mut Run<'_>, Given) -> BoxFuture<'r, Result<Found, StepError>>,
}

/// The steps of a run in their order.
pub(crate) type Steps = for<'r> fn(&'r mut Run<'_>) -> BoxFuture<'r, Result<(), StepError>>;

impl Run<'_> {
    /// Carries out a step. None when it failed, which is in the report then: the steps that need nothing of it go on.
    ///
    /// # Errors
    /// When the rest of the run would fail the same way.
    pub(crate) async fn step<Given, Found>(
        &mut self,
        step: Step<Given, Found>,
        given: Given,
    ) -> Result<Option<Found>, StepError> {
        let resource = step.resource.clone();
        match self.require(step, given).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.ends_the_run() => Err(error),
            Err(error) => {
                self.report.fail(error.note(resource));
                Ok(None)
            }
        }
    }

    /// Carries out a step that the rest of the run cannot do without.
    ///
    /// # Errors
    /// Whatever it failed of.
    pub(crate) async fn require<Given, Found>(
        &mut self,
        step: Step<Given, Found>,
        given: Given,
    ) -> Result<Found, StepError> {
        self.keep_lease().await?;
        let done = (step.work)(self, given).await;
        if let Err(StepError::Pos(error)) = &done {
            self.pos_failure = Some(error.to_string());
        }
        done
    }

    async fn begin(&mut self) -> Result<(), StepError> {
        if !self.options.dry_run && !self.take_lease().await? {
            return Err(StepError::Busy);
        }
        self.load_checkpoints().await
    }
}

/// Carries out a run. It always ends in a report.
pub(crate) async fn carry_out(
    merchant: &Merchant,
    sync: &str,
    options: &RunOptions,
    steps: Steps,
) -> RunReport {
    let mut run = Run::new(merchant, options, sync);
    let all = async {
        run.begin().await?;
        steps(&mut run).await
    };
    let outcome = match options.cancel.stop_or(all).await {
        Ok(Ok(())) => match run.broke_off.take() {
            None => RunOutcome::Completed,
            Some(Note { message, advice, .. }) => RunOutcome::Incomplete { message, advice },
        },
        Ok(Err(StepError::Cancelled(_))) | Err(Cancelled) => RunOutcome::Cancelled,
        Ok(Err(error)) => {
            RunOutcome::Failed { message: error.to_string(), advice: error.advice().to_owned() }
        }
    };
    let now = run.now();
    let Run { mut report, lease, pos_failure, .. } = run;
    report.finish(outcome, now);
    // The run is over whatever becomes of the following: it is told and not undone.
    let (store, connection) = (merchant.store(), merchant.connection());
    if let Some(lease) = lease {
        // A lease that cannot be given back ends by itself.
        let _ = store.release(&lease).await;
    }
    if !options.dry_run {
        if let Err(error) = note_run(&**store, connection, &report, pos_failure).await {
            report.fail(StepError::from(error).note(Resource::named("connection")));
        }
        if let Err(error) = store.log(connection, &report.activities()).await {
            report.fail(StepError::from(error).note(Resource::named("activity_log")));
        }
    }
    report
}
