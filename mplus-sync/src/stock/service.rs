//! The stock of all branches as a service of a merchant.

use std::collections::BTreeMap;

use crate::cancel::CancelToken;
use crate::merchant::{Merchant, note_run};
use crate::model::{LeaseName, Location, Resource, Tracked};
use crate::report::{Note, RunOutcome, RunReport, Subject};
use crate::store::{Page, Select};

use super::branch::BranchPull;
use super::items::ItemsByArticle;
use super::pull::{LEASE, Pull};
use super::stopped::Stopped;
use super::{StockOptions, StockSettings};

/// Locations read at once.
const LOCATIONS: usize = 200;

/// Pulls the stock of one merchant's branches.
#[derive(Debug, Clone)]
pub struct StockService {
    merchant: Merchant,
    settings: StockSettings,
}

impl StockService {
    /// The service of this merchant, whose settings say how stock is pulled.
    pub fn new(merchant: &Merchant) -> Self {
        Self { merchant: merchant.clone(), settings: merchant.settings().stock }
    }

    /// The same with other settings.
    #[must_use]
    pub fn with_settings(mut self, settings: StockSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Pulls the stock of every branch that is a location.
    ///
    /// Articles that are no item are left out and counted; levels of articles that the POS does not mention stay as they
    /// are. A branch that fails does not keep the others back. However it ends, what was written stays, and the next pull
    /// goes on from the last checkpoint; one chunk is written in one transaction with how far it came.
    pub async fn pull(&self, options: &StockOptions<'_>, cancel: &CancelToken) -> RunReport {
        let now = self.merchant.runtime().now();
        let report = RunReport::start(
            "stock",
            self.merchant.connection().clone(),
            options.context,
            options.scope,
            now,
        );
        if !self.settings.enabled {
            let message = "Stock is not synced: Sync Stock is switched off".to_owned();
            let advice = "Switch on Sync Stock for this integration".to_owned();
            return self.end(report, RunOutcome::Failed { message, advice }, None).await;
        }
        let lease = self
            .merchant
            .store()
            .acquire(
                self.merchant.connection(),
                &LeaseName::STOCK,
                &self.merchant.holder_of_run(),
                now + LEASE,
                now,
            )
            .await;
        let mut pos_failure = None;
        let (outcome, report) = match lease {
            Ok(Some(lease)) => {
                let mut pull = Pull {
                    merchant: &self.merchant,
                    settings: self.settings,
                    options,
                    cancel,
                    report,
                    checkpoints: BTreeMap::new(),
                    items: ItemsByArticle::default(),
                    pos_failure: None,
                    lease,
                };
                let outcome = match branches(&mut pull).await {
                    Ok(()) => RunOutcome::Completed,
                    Err(stopped) => stopped.outcome(),
                };
                pos_failure = pull.pos_failure.take();
                // A lease that is not given back ends by itself.
                let _ = self.merchant.store().release(&pull.lease).await;
                (outcome, pull.report)
            }
            Ok(None) => {
                let message = "another worker is pulling this connection's stock".to_owned();
                let advice = "Wait until it is done".to_owned();
                (RunOutcome::Failed { message, advice }, report)
            }
            Err(error) => (Stopped::Store(error).outcome(), report),
        };
        self.end(report, outcome, pos_failure).await
    }

    /// Ends the report and writes down what it says: how the connection is doing, and the activity log.
    async fn end(
        &self,
        mut report: RunReport,
        outcome: RunOutcome,
        pos_failure: Option<String>,
    ) -> RunReport {
        report.finish(outcome, self.merchant.runtime().now());
        // The pull is over whatever becomes of the following: it is told and not undone.
        let noted =
            note_run(&**self.merchant.store(), self.merchant.connection(), &report, pos_failure).await;
        let logged = self.merchant.store().log(self.merchant.connection(), &report.activities()).await;
        for error in [noted.err(), logged.err()].into_iter().flatten() {
            let stopped = Stopped::Store(error);
            report.fail(Note::general(Resource::named("stock"), &stopped.to_string(), stopped.advice()));
        }
        report
    }
}

/// Pulls one location after the other.
async fn branches(pull: &mut Pull<'_>) -> Result<(), Stopped> {
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
async fn location(pull: &mut Pull<'_>, location: Tracked<Location>) -> Result<bool, Stopped> {
    let Some(branch) = location.external_ids.mpluskassa.filter(|_| !location.record.vanished) else {
        return Ok(false);
    };
    pull.cancel.check()?;
    let name = location.record.name.clone();
    let done = BranchPull::new(branch, location.record.id).run(pull).await;
    if let Err(Stopped::Pos(error)) = &done {
        pull.pos_failure = Some(error.to_string());
    }
    match done {
        Ok(()) => Ok(true),
        Err(stopped) if stopped.ends_the_run() => Err(stopped),
        Err(stopped) => {
            let subject = Subject::new(&name, format_args!("branch {branch}"));
            let note = Note::about(Resource::stock(branch), subject, &stopped.to_string(), stopped.advice());
            pull.report.fail(note);
            Ok(true)
        }
    }
}
