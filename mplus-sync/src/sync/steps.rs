//! The steps of a run, in their order, and what becomes of a step that fails.

use super::{Run, RunOptions};
use crate::articles;
use crate::branches;
use crate::cancel::Cancelled;
use crate::connection::note_run;
use crate::error::StepError;
use crate::integration::Integration;
use crate::model::Resource;
use crate::products;
use crate::report::{RunOutcome, RunReport};

/// One step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Branches,
    BranchPrices,
    ModifierGroups,
    Articles,
    Nutrition,
    Images,
    PushItems,
    PushCombos,
}

impl Step {
    /// A whole menu sync: pull before push, so that conflicts are known before anything is sent.
    pub(crate) const MENU: [Self; 8] = [
        Self::Branches,
        Self::BranchPrices,
        Self::ModifierGroups,
        Self::Articles,
        Self::Nutrition,
        Self::Images,
        Self::PushItems,
        Self::PushCombos,
    ];

    fn resource(self) -> Resource {
        match self {
            Self::Branches => Resource::BRANCHES,
            Self::BranchPrices => Resource::BRANCH_PRICES,
            Self::ModifierGroups => Resource::PREPARATION_METHOD_GROUPS,
            Self::Articles | Self::PushItems => Resource::ARTICLES,
            Self::Nutrition => Resource::ARTICLE_NUTRITION,
            Self::Images => Resource::IMAGES,
            Self::PushCombos => Resource::COMBOS,
        }
    }

    /// Whether a push needs what this step brings.
    fn settles_edits(self) -> bool {
        matches!(self, Self::BranchPrices | Self::Articles)
    }

    fn needs_markers(self) -> bool {
        matches!(self, Self::ModifierGroups | Self::Articles | Self::Nutrition)
    }

    async fn run(self, run: &mut Run<'_>) -> Result<(), StepError> {
        match self {
            Self::Branches => branches::pull(run).await,
            Self::BranchPrices => products::pull_branch_prices(run).await,
            Self::ModifierGroups => articles::pull_modifier_groups(run).await,
            Self::Articles => products::pull(run).await,
            Self::Nutrition => articles::pull_nutrition(run).await,
            Self::Images => products::pull_images(run).await,
            Self::PushItems => products::push(run).await,
            Self::PushCombos => articles::push_combos(run).await,
        }
    }
}

/// Carries out a run. It always ends in a report.
pub(crate) async fn run(
    integration: &Integration,
    sync: &str,
    steps: &[Step],
    options: &RunOptions,
) -> RunReport {
    let mut run = Run::new(integration, options, sync);
    let outcome = match options.cancel.stop_or(all(&mut run, steps)).await {
        Ok(Ok(())) => RunOutcome::Completed,
        Ok(Err(StepError::Cancelled(_))) => RunOutcome::Cancelled,
        Ok(Err(error)) => {
            RunOutcome::Failed { message: error.to_string(), advice: error.advice().to_owned() }
        }
        Err(Cancelled) => RunOutcome::Cancelled,
    };
    let now = run.now();
    let pos_failed = run.pos_failure.take();
    let lease = run.lease.take();
    let mut report = run.report;
    report.finish(outcome, now);
    // The run is over whatever becomes of the following: it is told and not undone.
    if let Some(lease) = lease {
        // A lease that cannot be given back ends by itself.
        let _ = integration.store().release(&lease).await;
    }
    if !options.dry_run {
        let (store, connection) = (integration.store(), integration.connection_id());
        if let Err(error) = note_run(store, connection, &report, pos_failed).await {
            let resource = Resource::named("connection");
            report.fail(StepError::from(error).note(resource));
        }
        if let Err(error) = integration.store().log(integration.connection_id(), &report.activities()).await {
            report.fail(StepError::from(error).note(Resource::named("activity_log")));
        }
    }
    report
}

async fn all(run: &mut Run<'_>, steps: &[Step]) -> Result<(), StepError> {
    if !run.options.dry_run && !run.take_lease().await? {
        return Err(StepError::Busy);
    }
    run.load().await?;
    if steps.iter().any(|step| step.needs_markers()) {
        noted(run, Resource::ARTICLES, None).await?;
    }
    let mut pulled = true;
    for step in steps {
        // What the host edited is only pushed once it is known what the POS changed.
        if matches!(step, Step::PushItems | Step::PushCombos) && !pulled {
            continue;
        }
        pulled &= noted(run, step.resource(), Some(*step)).await? || !step.settles_edits();
    }
    Ok(())
}

/// Carries out a step, or asks for the markers; false when it failed, which is in the report then.
///
/// # Errors
/// When the rest of the run would fail the same way.
async fn noted(run: &mut Run<'_>, resource: Resource, step: Option<Step>) -> Result<bool, StepError> {
    run.keep_lease().await?;
    let done = match step {
        Some(step) => step.run(run).await,
        None => run.read_markers().await,
    };
    let Err(error) = done else { return Ok(true) };
    if let StepError::Pos(error) = &error {
        run.pos_failure = Some(error.to_string());
    }
    if error.ends_the_run() || step.is_none() {
        return Err(error);
    }
    run.report.fail(error.note(resource));
    Ok(false)
}
