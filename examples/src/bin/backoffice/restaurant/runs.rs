//! Runs that somebody started here: how far they are, for whoever watches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use mplus_sync::cancel::CancelToken;
use mplus_sync::conflict::SyncContext;
use mplus_sync::model::{ConnectionId, RunKind, StoredReport};
use mplus_sync::progress::{Phase, Progress};
use mplus_sync::report::RunReport;
use mplus_sync::sync::RunOptions;
use tokio::sync::watch;

use crate::app::App;

/// The report of a dry run is kept beside that of the last real one.
pub(crate) const DRY: &str = "dry";

/// What the person wants who presses the button.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    pub(crate) full: bool,
    pub(crate) dry: bool,
    pub(crate) accept_loss: bool,
}

impl Wanted {
    fn options(self, context: SyncContext) -> RunOptions {
        let options = if self.full { RunOptions::full(context) } else { RunOptions::incremental(context) };
        let options = if self.dry { options.dry_run() } else { options };
        if self.accept_loss { options.accepting_loss() } else { options }
    }
}

/// A run that is under way.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) dry: bool,
    /// How far each step is, in the order in which they began.
    pub(crate) steps: Vec<Progress>,
    pub(crate) ended: bool,
}

/// Who may stop a run, and who watches it.
struct Run {
    cancel: CancelToken,
    watch: Arc<watch::Sender<Watched>>,
}

/// The runs of this process, by restaurant.
#[derive(Clone, Default)]
pub(crate) struct Runs(Arc<Mutex<BTreeMap<ConnectionId, Run>>>);

impl Runs {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ConnectionId, Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far a restaurant's run is; none when there is none.
    pub(crate) fn watch(&self, id: &ConnectionId) -> Option<watch::Receiver<Watched>> {
        self.lock().get(id).map(|run| run.watch.subscribe())
    }

    /// Has a restaurant's run end soon.
    pub(crate) fn stop(&self, id: &ConnectionId) {
        if let Some(run) = self.lock().get(id) {
            run.cancel.cancel();
        }
    }

    /// Has all of them end soon.
    pub(crate) fn stop_all(&self) {
        self.lock().values().for_each(|run| run.cancel.cancel());
    }

    fn begin(
        &self,
        id: &ConnectionId,
        wanted: Wanted,
        now: DateTime<Utc>,
    ) -> Option<(CancelToken, Arc<watch::Sender<Watched>>)> {
        let mut runs = self.lock();
        if runs.contains_key(id) {
            return None;
        }
        let watched = Watched { started_at: now, dry: wanted.dry, steps: Vec::new(), ended: false };
        let run = Run { cancel: CancelToken::new(), watch: Arc::new(watch::Sender::new(watched)) };
        let begun = (run.cancel.clone(), run.watch.clone());
        runs.insert(id.clone(), run);
        Some(begun)
    }

    fn end(&self, id: &ConnectionId) {
        if let Some(run) = self.lock().remove(id) {
            run.watch.send_modify(|watched| watched.ended = true);
        }
    }
}

/// Takes a step's news into what is shown.
fn note(watched: &mut Watched, progress: &Progress) {
    let same = |step: &&mut Progress| step.resource == progress.resource && step.phase == progress.phase;
    match watched.steps.iter_mut().find(same) {
        Some(step) => *step = progress.clone(),
        None => watched.steps.push(progress.clone()),
    }
}

/// Starts Sync Now in the background; `false` when one is under way here already.
pub(crate) fn start(app: &App, id: &ConnectionId, wanted: Wanted, context: SyncContext) -> bool {
    let Some((cancel, watch)) = app.restaurants.runs.begin(id, wanted, app.now()) else { return false };
    let (app, id) = (app.clone(), id.clone());
    tokio::spawn(async move {
        // A run that panics ends all the same.
        let run = tokio::spawn(carry_out(
            app.clone(),
            id.clone(),
            wanted.options(context),
            wanted.dry,
            cancel,
            watch,
        ));
        if let Ok(Err(error)) | Err(error) = run.await.map_err(|error| error.to_string()) {
            tracing::error!(connection = %id, %error, "a sync could not be carried out");
        }
        // Whoever sees that it ended finds the new menu.
        app.restaurants.index.refresh(&app, &id).await;
        app.restaurants.runs.end(&id);
    });
    true
}

async fn carry_out(
    app: App,
    id: ConnectionId,
    options: RunOptions,
    dry: bool,
    cancel: CancelToken,
    watch: Arc<watch::Sender<Watched>>,
) -> Result<(), String> {
    let integration = app.restaurants.open(&id).await.map_err(|error| error.to_string())?;
    let options = options.cancelled_by(cancel).with_progress(move |progress: &Progress| {
        watch.send_modify(|watched| note(watched, progress));
    });
    let report = integration.sync(&options).await;
    let menu = if dry { RunKind::named(DRY) } else { RunKind::MENU };
    app.callbacks.run(&report.menu).await;
    keep(&app, &menu, &report.menu).await?;
    if let Some(stock) = &report.stock {
        app.callbacks.run(stock).await;
        keep(&app, &RunKind::STOCK, stock).await?;
    }
    Ok(())
}

/// Keeps a report where the pages find it.
pub(crate) async fn keep(app: &App, kind: &RunKind, report: &RunReport) -> Result<(), String> {
    let json = serde_json::to_string(report).map_err(|error| error.to_string())?;
    let stored = StoredReport { at: report.finished_at.unwrap_or(report.started_at), json };
    let saved = app.restaurants.store().save_report(&report.connection, kind, &stored).await;
    saved.map_err(|error| error.to_string())
}

/// A step's place, for a page to find it again.
pub(crate) fn step_id(progress: &Progress) -> String {
    let phase = match progress.phase {
        Phase::Pull => "pull",
        _ => "push",
    };
    format!("{phase}-{}", progress.resource)
}
