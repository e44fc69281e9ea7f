//! A run's claim while the run goes on: it is prolonged, others are told how far the run is, and the run is stopped when somebody
//! asks for that or the claim is lost.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::cancel::CancelToken;
use crate::model::{ClaimedRun, RunStatus};
use crate::progress::{Progress, ProgressSink};
use crate::runtime::within;
use crate::store::{StoreError, StoreErrorKind};

use super::due::{asks_to_stop, later};
use super::observe;
use super::process::Process;
use super::settings::span;

/// How often others are told how far a run is, when it got further, and it is looked whether it is to stop.
const LOOK: Duration = Duration::from_secs(1);
/// How long work may take to end that was told to: it ends its call and gives back what it holds. What takes longer may wait for
/// something that never comes, and others need its place.
const ENDS: Duration = Duration::from_secs(60);
/// How often its claim is prolonged although there is nothing to tell; more often when the claim is short.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// Keeps a run's claim, and tells others how far it is.
pub(super) struct Alive<'a> {
    process: &'a Process,
    run: &'a ClaimedRun,
    cut: &'a CancelToken,
    /// Stops the run.
    pub(super) stop: CancelToken,
    pub(super) progress: Steps,
}

/// How work under a claim ended, and with what.
pub(super) enum Ended<T> {
    ByItself(T),
    /// Somebody asked for its stop.
    Stopped(T),
    /// It has taken [longer than it may](super::FleetSettings::longest_run).
    TooLong(T),
    /// The process stops.
    CutOff(T),
    /// Another process has taken the run over.
    Lost,
    /// It did not end when it was told to: it was dropped where it was.
    Dropped,
}

/// Why work is not to go on.
enum Why {
    Stopped,
    TooLong,
    CutOff,
    Lost,
}

impl<'a> Alive<'a> {
    pub(super) fn new(process: &'a Process, run: &'a ClaimedRun, cut: &'a CancelToken) -> Self {
        Self { process, run, cut, stop: CancelToken::new(), progress: Steps::default() }
    }

    /// Whether the process stops, and the run with it.
    pub(super) fn is_cut_off(&self) -> bool {
        self.cut.is_cancelled()
    }

    /// Does the work as long as the claim is held, nobody asks for its stop and its time is not up. Work that is stopped ends as such.
    pub(super) async fn while_doing<T>(&self, work: impl Future<Output = T>) -> Ended<T> {
        let mut work = pin!(work);
        let over = async {
            match select(pin!(self.until_over()), pin!(self.cut.cancelled())).await {
                Either::Left((why, _)) => why,
                Either::Right(_) => Why::CutOff,
            }
        };
        let why = match select(&mut work, pin!(over)).await {
            Either::Left((done, _)) => return Ended::ByItself(done),
            Either::Right((why, _)) => why,
        };
        self.stop.cancel();
        let Some(done) = within(&**self.process.host.runtime(), ENDS, work).await else {
            observe::does_not_end(&self.run.connection);
            return Ended::Dropped;
        };
        match why {
            Why::Stopped => Ended::Stopped(done),
            Why::TooLong => Ended::TooLong(done),
            Why::CutOff => Ended::CutOff(done),
            Why::Lost => Ended::Lost,
        }
    }

    /// Prolongs the claim; ends when it was lost, or the run is to stop.
    async fn until_over(&self) -> Why {
        let (host, claim) = (&self.process.host, self.process.settings.claim);
        let (runtime, store) = (host.runtime(), host.store());
        let mut prolonged = runtime.now();
        let last = later(prolonged, self.process.settings.longest_run);
        loop {
            runtime.sleep(LOOK.min(claim / 3)).await;
            let (now, news) = (runtime.now(), self.progress.news());
            if news.is_some() || now - prolonged >= span(SIGN_OF_LIFE.min(claim / 3)) {
                match store.extend_run(self.run, later(now, claim), news.as_deref()).await {
                    Ok(()) => prolonged = now,
                    Err(error) if is_lost(&error) => return Why::Lost,
                    // A store that cannot be reached now may be reached before the claim ends.
                    Err(_) => self.progress.tell_again(),
                }
            }
            if now >= last {
                return Why::TooLong;
            }
            let known = store.runs(&self.run.connection).await.unwrap_or_default();
            let this = known.iter().find(|known| known.kind == self.run.kind);
            if this.is_some_and(|known| known.requests.iter().any(asks_to_stop)) {
                return Why::Stopped;
            }
        }
    }
}

pub(super) fn is_lost(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Conflict | StoreErrorKind::NotFound)
}

/// How far each step of a run is, in the order in which they began.
#[derive(Clone, Default)]
pub(super) struct Steps(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    steps: Vec<Progress>,
    is_new: bool,
}

impl Steps {
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All steps as JSON, when one got further since it was last asked.
    fn news(&self) -> Option<String> {
        let mut known = self.lock();
        if !std::mem::take(&mut known.is_new) {
            return None;
        }
        serde_json::to_string(&known.steps).ok()
    }

    fn tell_again(&self) {
        self.lock().is_new = true;
    }
}

impl ProgressSink for Steps {
    fn progress(&self, progress: &Progress) {
        let mut known = self.lock();
        known.is_new = true;
        let same = |step: &&mut Progress| step.resource == progress.resource && step.phase == progress.phase;
        match known.steps.iter_mut().find(same) {
            Some(step) => *step = progress.clone(),
            None => known.steps.push(progress.clone()),
        }
    }
}

/// How far each step of a run is that is carried out, in the order in which they began: what its process told of it within the
/// last second or two. Empty before it told anything, and where another release tells of it in another way.
pub fn steps_of(run: &RunStatus) -> Vec<Progress> {
    run.note.as_deref().and_then(|note| serde_json::from_str(note).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::{DueRun, Resource, RunKind, RunReason, RunRequest};
    use crate::progress::{Phase, ProgressMeter};

    #[test]
    fn each_step_is_told_once_as_far_as_it_is_and_only_when_there_is_news() {
        let (steps, now) = (Steps::default(), DateTime::UNIX_EPOCH);
        assert_eq!(steps.news(), None);
        let mut articles = ProgressMeter::start(Resource::ARTICLES, Phase::Pull, Some(9), now);
        let mut stock = ProgressMeter::start(Resource::named("stock"), Phase::Pull, None, now);
        steps.progress(&articles.advance(1, now));
        steps.progress(&stock.advance(2, now));
        let last = articles.advance(3, now);
        steps.progress(&last);
        let news = steps.news().unwrap();
        assert_eq!(steps.news(), None);
        steps.tell_again();
        assert_eq!(steps.news().as_ref(), Some(&news), "what could not be told is told again");

        let run = DueRun::default().requested(RunRequest::new(RunReason::AskedFor, now));
        let (run, claim) = run.claimed(&"m".into(), &RunKind::SYNC, &"w".into(), now, now);
        let told = run.extended(&claim, now, Some(&news)).unwrap().status("m".into(), RunKind::SYNC);
        assert_eq!(steps_of(&told), [last, stock.advance(0, now)]);
        let other = RunStatus { note: Some("half".to_owned()), ..told };
        assert_eq!(steps_of(&other), []);
    }
}
