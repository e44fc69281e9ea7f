//! Runs of a restaurant's menu and stock: asking for one, how far it is, and what the last ones did, in whatever process.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mplus_sync::conflict::SyncContext;
use mplus_sync::fleet::{RunObserver, steps_of};
use mplus_sync::model::{ConnectionId, RunKind, RunReason, RunStatus};
use mplus_sync::progress::{Phase, Progress};
use mplus_sync::report::{RunReport, Scope};
use mplus_sync::store::StoreError;
use serde_json::Value;

use super::Restaurants;
use super::index::Indexes;
use crate::callbacks::Callbacks;

/// The kinds of run that a person starts.
const STARTED_HERE: [RunKind; 2] = [RunKind::SYNC, RunKind::DRY_RUN];

/// What the person wants who presses the button.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    pub(crate) full: bool,
    pub(crate) dry: bool,
    pub(crate) accept_loss: bool,
}

/// A run that is under way, or begins in a moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Running {
    pub(crate) kind: RunKind,
    /// When it began; none before it did.
    pub(crate) since: Option<DateTime<Utc>>,
    /// How far each step is, in the order in which they began.
    pub(crate) steps: Vec<Progress>,
}

impl Running {
    pub(crate) fn is_dry(&self) -> bool {
        self.kind == RunKind::DRY_RUN
    }

    fn of(run: RunStatus, now: DateTime<Utc>) -> Option<Self> {
        let is_wanted = |reason: &RunReason| matches!(reason, RunReason::AskedFor | RunReason::Webhook);
        let begins = run.requests.iter().any(|request| is_wanted(&request.reason) && request.due_at <= now);
        let since = run.running.as_ref().map(|(_, since)| *since);
        let is_ours = STARTED_HERE.contains(&run.kind) && (since.is_some() || begins);
        is_ours.then(|| Self { steps: steps_of(&run), kind: run.kind, since })
    }
}

impl Restaurants {
    /// Asks for a run; `false` when one is under way or asked for already.
    pub(crate) async fn start(&self, id: &ConnectionId, wanted: Wanted) -> Result<bool, StoreError> {
        if self.running(id).await?.is_some() {
            return Ok(false);
        }
        let (fleet, scope) = (self.fleet(), if wanted.full { Scope::Full } else { Scope::Incremental });
        match wanted {
            Wanted { dry: true, .. } => fleet.request_dry_run(id, scope).await?,
            Wanted { accept_loss: true, .. } => fleet.request_sync_accepting_loss(id, scope).await?,
            _ => fleet.request_sync(id, SyncContext::Manual, scope).await?,
        }
        Ok(true)
    }

    /// The run that is under way, in this process or another one.
    pub(crate) async fn running(&self, id: &ConnectionId) -> Result<Option<Running>, StoreError> {
        let now = self.host().runtime().now();
        // What a paused restaurant is asked for waits until it is resumed, and does not begin in a moment.
        let rests = self.store().connection(id).await?.is_some_and(|connection| connection.paused.is_some());
        let running = self.fleet().runs(id).await?.into_iter().filter_map(|run| Running::of(run, now));
        let running = running.filter(|run| run.since.is_some() || !rests);
        // One that was begun says more than one that waits.
        Ok(running.max_by_key(|run| run.since.is_some()))
    }

    /// Has the run that is under way stop.
    pub(crate) async fn stop(&self, id: &ConnectionId) -> Result<(), StoreError> {
        for kind in &STARTED_HERE {
            if self.running(id).await?.is_some_and(|run| run.kind == *kind) {
                self.fleet().stop_run(id, kind).await?;
            }
        }
        Ok(())
    }

    /// The last report of each sort.
    pub(crate) async fn last_reports(&self, id: &ConnectionId) -> Result<Vec<LastReport>, StoreError> {
        let kept = self.fleet().last_reports(id).await?;
        Ok(sorted(
            kept.iter().map(|(kind, stored)| (kind, serde_json::from_str(&stored.json).unwrap_or_default())),
        ))
    }
}

/// What a report tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    Menu,
    Stock,
    DryRun,
}

impl Sort {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Menu => "menu",
            Self::Stock => "stock",
            Self::DryRun => "dry_run",
        }
    }
}

/// The last report of a sort, as the library keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LastReport {
    pub(crate) sort: Sort,
    pub(crate) at: Option<DateTime<Utc>>,
    pub(crate) report: Value,
}

/// The newest of each sort: stock may have been pulled with the menu, and by itself.
fn sorted<'k>(kept: impl Iterator<Item = (&'k RunKind, Value)>) -> Vec<LastReport> {
    let mut all = Vec::new();
    for (kind, mut kept) in kept {
        let parts = match kept["menu"].is_object() {
            true => vec![(Sort::Menu, kept["menu"].take()), (Sort::Stock, kept["stock"].take())],
            false if *kind == RunKind::STOCK => vec![(Sort::Stock, kept)],
            false => vec![(Sort::Menu, kept)],
        };
        for (sort, report) in parts.into_iter().filter(|(_, report)| report.is_object()) {
            let sort = if *kind == RunKind::DRY_RUN { Sort::DryRun } else { sort };
            let at = report["finished_at"].as_str().and_then(|at| at.parse().ok());
            all.push(LastReport { sort, at, report });
        }
    }
    all.sort_by_key(|one| (one.sort, std::cmp::Reverse(one.at)));
    all.dedup_by_key(|one| one.sort);
    all
}

/// Who is told when a run has ended: hosts that want to be called back, and the pages' index of the menu.
pub(crate) struct Told {
    pub(crate) callbacks: Callbacks,
    pub(crate) index: Indexes,
}

#[async_trait]
impl RunObserver for Told {
    async fn ended(&self, _: &RunKind, report: &RunReport) {
        // Whoever is told that it ended finds the new menu.
        self.index.refresh(&report.connection).await;
        self.callbacks.run(report).await;
    }
}

/// A step's place, for a page to find it again.
pub(crate) fn step_id(progress: &Progress) -> String {
    let phase = match progress.phase {
        Phase::Pull => "pull",
        _ => "push",
    };
    format!("{phase}-{}", progress.resource)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_each_sort_the_newest_report_is_shown_whichever_run_it_was_part_of() {
        let part = |at: &str| json!({ "finished_at": at, "outcome": { "state": "completed" } });
        let (early, late) = ("2026-07-01T02:00:00Z", "2026-07-01T03:00:00Z");
        let sync = json!({ "asked_by": ["daily"], "menu": part(early), "stock": part(early) });
        let dry = json!({ "asked_by": ["asked_for"], "menu": part(late), "stock": null });
        let kept = [(RunKind::DRY_RUN, dry), (RunKind::STOCK, part(late)), (RunKind::SYNC, sync)];
        let found = sorted(kept.iter().map(|(kind, kept)| (kind, kept.clone())));
        let found: Vec<_> = found.into_iter().map(|last| (last.sort, last.at)).collect();
        let at = |at: &str| at.parse::<DateTime<Utc>>().ok();
        assert_eq!(found, [(Sort::Menu, at(early)), (Sort::Stock, at(late)), (Sort::DryRun, at(late))]);
    }
}
