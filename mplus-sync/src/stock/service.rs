//! The stock of all branches as a service of a merchant.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cancel::CancelToken;
use crate::conflict::SyncContext;
use crate::merchant::Merchant;
use crate::model::{LeaseName, Location, Resource, Tracked};
use crate::report::{Note, RunOutcome, RunReport, Subject};
use crate::run::{Hold, Silence, StepError, end_report, note_end};
use crate::store::{Page, Select, StoreError};

use super::branch::BranchPull;
use super::items::ItemsByArticle;
use super::pull::Pull;
use super::refusal::Refusal;
use super::{StockOptions, StockSettings};

/// Locations read at once.
const LOCATIONS: usize = 200;

/// Pulls the stock of one merchant's branches.
#[derive(Debug, Clone)]
pub struct StockService {
    merchant: Merchant,
    /// Instead of what the merchant has set up.
    fixed: Option<StockSettings>,
}

impl StockService {
    /// The service of this merchant, whose settings say at each pull whether and how stock is pulled.
    pub fn new(merchant: &Merchant) -> Self {
        Self { merchant: merchant.clone(), fixed: None }
    }

    /// The same with these settings, whatever the merchant has set up.
    #[must_use]
    pub fn with_settings(self, settings: StockSettings) -> Self {
        Self { fixed: Some(settings), ..self }
    }

    /// The settings that hold now.
    async fn settings(&self) -> Result<StockSettings, StoreError> {
        match self.fixed {
            Some(fixed) => Ok(fixed),
            None => Ok(self.merchant.settings().await?.settings.stock),
        }
    }

    /// Whether the merchant wants no stock. A store that cannot be asked now says so in the pull.
    pub(crate) async fn is_switched_off(&self) -> bool {
        self.settings().await.is_ok_and(|settings| !settings.enabled)
    }

    /// Pulls the stock of every branch that is a location.
    ///
    /// Articles that are no item are left out and counted; levels of articles that the POS does not mention stay as they
    /// are. A branch that fails does not keep the others back, unless the POS kept silent about two in a row; the pull is
    /// [`Incomplete`](RunOutcome::Incomplete) then. However it ends, what was written stays, and the next pull
    /// goes on from the last checkpoint; one chunk is written in one transaction with how far it came.
    ///
    /// A branch whose stock the POS refuses is told once. Pulls that begin by themselves leave it out then, for an hour at
    /// first and for a day at most, and are complete without it; one that a person asks for tries it, and tells it again.
    pub async fn pull(&self, options: &StockOptions<'_>, cancel: &CancelToken) -> RunReport {
        let now = self.merchant.runtime().now();
        let report = RunReport::start(
            "stock",
            self.merchant.connection().clone(),
            options.context,
            options.scope,
            now,
        );
        let hold = Hold::new(&self.merchant, LeaseName::STOCK);
        let settings = match self.settings().await {
            Ok(settings) if settings.enabled => settings,
            Ok(_) => {
                let message = "Stock is not synced: Sync Stock is switched off".to_owned();
                let advice = "Switch on Sync Stock for this integration".to_owned();
                return self.end(report, RunOutcome::Failed { message, advice }, &hold, None).await;
            }
            Err(failed) => {
                return self.end(report, StepError::Store(failed).outcome(), &hold, None).await;
            }
        };
        let merchant = self.merchant.behind(Arc::clone(&hold) as _);
        let mut pull = Pull {
            merchant: &merchant,
            zone: settings.zone,
            options,
            cancel,
            report,
            checkpoints: BTreeMap::new(),
            items: ItemsByArticle::default(),
            pos_failure: None,
            silence: Silence::default(),
            broke_off: None,
            hold: &hold,
        };
        let all = async {
            merchant.check_standing().await?;
            hold.take().await?;
            branches(&mut pull).await
        };
        let outcome = match hold.alive_while(all).await {
            Ok(()) => match pull.broke_off.take() {
                None => RunOutcome::Completed,
                Some((message, advice)) => RunOutcome::Incomplete { message, advice },
            },
            Err(error) => error.outcome(),
        };
        let Pull { report, pos_failure, .. } = pull;
        hold.release().await;
        self.end(report, outcome, &hold, pos_failure).await
    }

    /// Ends the report and writes down what it says.
    async fn end(
        &self,
        mut report: RunReport,
        outcome: RunOutcome,
        hold: &Hold,
        pos_failure: Option<String>,
    ) -> RunReport {
        end_report(&self.merchant, &mut report, outcome);
        note_end(&self.merchant, hold, &mut report, pos_failure).await;
        report
    }
}

/// Pulls one location after the other.
async fn branches(pull: &mut Pull<'_>) -> Result<(), StepError> {
    let (store, connection) = (pull.merchant.store(), pull.merchant.connection());
    let checkpoints = store.checkpoints(connection).await?;
    pull.checkpoints = checkpoints.into_iter().map(|kept| (kept.resource, kept.marker)).collect();
    let mut page = Page::first(LOCATIONS);
    let mut branches = 0;
    loop {
        let locations = store.locations(connection, Select::Page(page)).await?;
        let full = locations.len() == LOCATIONS;
        let last = locations.last().map(|location| location.record.id.clone());
        for one in locations {
            branches += u64::from(self::location(pull, one).await?);
        }
        match last.filter(|_| full) {
            Some(last) => page = Page::after(last, LOCATIONS),
            None => break,
        }
    }
    if branches == 0 {
        let message = "no location is a branch of MplusKASSA, so no stock was read";
        pull.report.fail(Note::general(Resource::BRANCHES, message, "Sync the branches first"));
    }
    Ok(())
}

/// Pulls one location, if it is a branch. Only an error that ends the run comes out.
async fn location(pull: &mut Pull<'_>, location: Tracked<Location>) -> Result<bool, StepError> {
    let Some(branch) = location.external_ids.mpluskassa.filter(|_| !location.record.vanished) else {
        return Ok(false);
    };
    pull.cancel.check()?;
    let known = Refusal::kept(&pull.checkpoints, branch);
    // A person who asks gets an answer.
    let by_itself = pull.options.context != SyncContext::Manual;
    if by_itself && known.is_some_and(|known| known.rests(pull.merchant.runtime().now())) {
        pull.report.count(&Resource::stock(branch)).skipped += 1;
        return Ok(true);
    }
    let name = location.record.name.clone();
    let done = BranchPull::new(branch, location.record.id).run(pull).await;
    pull.report.timed_out |= done.as_ref().is_err_and(StepError::timed_out);
    match done {
        Err(_) if pull.hold.is_lost() => Err(StepError::LeaseLost),
        Ok(()) => {
            pull.silence.broken();
            if known.is_some() {
                let (store, connection) = (pull.merchant.store(), pull.merchant.connection());
                store.forget_checkpoints(connection, &Refusal::resources(branch)).await?;
            }
            Ok(true)
        }
        Err(stopped) if stopped.ends_the_run() || pull.silence.lasts(&stopped) => {
            pull.pos_failure = stopped.pos_failure();
            Err(stopped)
        }
        Err(stopped) => {
            let subject = Subject::new(&name, format_args!("branch {branch}"));
            let note = Note::about(Resource::stock(branch), subject, &stopped.to_string(), stopped.advice());
            if stopped.is_refusal() {
                pull.silence.broken();
                pull.note_refusal(branch, known).await?;
                if known.is_some() {
                    // It is known already, and there is nothing that trying again would do.
                    match by_itself {
                        true => pull.report.count(&Resource::stock(branch)).failed += 1,
                        false => pull.report.fail(note),
                    }
                    return Ok(true);
                }
            } else {
                pull.pos_failure = stopped.pos_failure().or(pull.pos_failure.take());
            }
            pull.report.worth_repeating |= stopped.may_pass();
            let message = format!("the stock of {name} (branch {branch}) was not read: {stopped}");
            pull.broke_off.get_or_insert((message, stopped.advice().to_owned()));
            pull.report.fail(note);
            Ok(true)
        }
    }
}
