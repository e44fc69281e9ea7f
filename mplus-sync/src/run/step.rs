//! One step of a run, and what becomes of a step that fails.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Hold, Run, RunOptions, StepError};
use crate::cancel::Cancelled;
use crate::merchant::{Merchant, NoStanding, note_run};
use crate::model::{LeaseName, Resource};
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
            Ok(found) => {
                self.silence.broken();
                Ok(Some(found))
            }
            Err(error) if error.ends_the_run() || self.silence.lasts(&error) => Err(error),
            Err(error) => {
                self.report.worth_repeating |= error.may_pass();
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
        let mut done = (step.work)(self, given).await;
        if let Err(error) = &done {
            self.report.timed_out |= error.timed_out();
            self.pos_failure = error.pos_failure().or(self.pos_failure.take());
            if self.hold.is_lost() {
                done = Err(StepError::LeaseLost);
            }
        }
        done
    }

    async fn begin(&mut self) -> Result<(), StepError> {
        self.merchant.check_standing().await?;
        if !self.options.dry_run {
            self.hold.take().await?;
        }
        self.load().await
    }
}

/// Carries out a run. It always ends in a report.
pub(crate) async fn carry_out(
    merchant: &Merchant,
    sync: &str,
    options: &RunOptions,
    steps: Steps,
) -> RunReport {
    let hold = Hold::new(merchant, LeaseName::RUN);
    let merchant = &merchant.behind(Arc::clone(&hold) as _);
    let mut run = Run::new(merchant, options, sync, Arc::clone(&hold));
    let all = async {
        run.begin().await?;
        steps(&mut run).await?;
        run.keep_lease().await
    };
    let outcome = match hold.alive_while(options.cancel.stop_or(all)).await {
        Ok(Ok(())) => match run.broke_off.take() {
            None => RunOutcome::Completed,
            Some(Note { message, advice, .. }) => RunOutcome::Incomplete { message, advice },
        },
        Ok(Err(error)) => error.outcome(),
        Err(Cancelled) => RunOutcome::Cancelled,
    };
    let Run { mut report, pos_failure, .. } = run;
    end_report(merchant, &mut report, outcome);
    hold.release().await;
    if !options.dry_run {
        note_end(merchant, &hold, &mut report, pos_failure).await;
    }
    report
}

/// Ends the report. The one place where secrets are taken out of what all its steps said, before it is shown or kept: the POS and
/// the host's own code may have quoted them.
pub(crate) fn end_report(merchant: &Merchant, report: &mut RunReport, outcome: RunOutcome) {
    report.finish(outcome, merchant.runtime().now());
    report.erase(|text| merchant.client().erase_from(text));
}

/// Writes down what a run says: how the connection is doing, and the activity log. Of a merchant who is gone nothing is
/// written, and a run that lost its lease leaves the status to the one that has it.
///
/// The run is over whatever becomes of this: a failure is told and undoes nothing.
pub(crate) async fn note_end(
    merchant: &Merchant,
    hold: &Hold,
    report: &mut RunReport,
    pos_failure: Option<String>,
) {
    let (store, connection) = (merchant.store(), merchant.connection());
    if let Err(why) = merchant.check_standing().await {
        if let NoStanding::Store(error) = why {
            report.fail(StepError::from(error).note(Resource::named("connection")));
        }
        return;
    }
    if !hold.is_lost()
        && report.outcome != RunOutcome::Busy
        && let Err(error) = note_run(&**store, connection, report, pos_failure).await
    {
        report.fail(StepError::from(error).note(Resource::named("connection")));
    }
    if let Err(error) = store.log(connection, &report.activities()).await {
        report.fail(StepError::from(error).note(Resource::named("activity_log")));
    }
}
