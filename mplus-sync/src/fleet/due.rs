//! What is due and what follows: pure.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::conflict::SyncContext;
use crate::model::{ConnectionId, RunReason, RunRequest};
use crate::report::Scope;
use crate::schedule::{DailySchedule, lot};

use super::settings::span;
use super::terms::Terms;

/// How a run is to be: what a request says in its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wanted {
    /// What started it.
    pub(super) context: SyncContext,
    /// How much it looks at.
    pub(super) scope: Scope,
    /// Until when a run may begin that believes an answer which switches off much of the menu.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) accepts_loss_until: Option<DateTime<Utc>>,
    /// Of which calendar day it is the daily run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) day: Option<NaiveDate>,
}

impl Wanted {
    pub(super) fn new(context: SyncContext, scope: Scope) -> Self {
        Self { context, scope, accepts_loss_until: None, day: None }
    }

    /// What the schedule wants by itself.
    pub(super) const SCHEDULED: Self = Self {
        context: SyncContext::Scheduled,
        scope: Scope::Incremental,
        accepts_loss_until: None,
        day: None,
    };

    /// The same for a person who saw what an answer takes away. That was one answer: another one, an hour later or after a failure,
    /// is shown to a person anew.
    pub(super) fn accepting_loss(self, now: DateTime<Utc>) -> Self {
        Self { accepts_loss_until: Some(now + ACCEPTED), ..self }
    }

    /// The same for whoever has seen no answer.
    pub(super) fn without_accepting_loss(self) -> Self {
        Self { accepts_loss_until: None, ..self }
    }

    /// Whether an answer is believed that switches off much of the menu.
    pub(super) fn accepts_loss(self) -> bool {
        self.accepts_loss_until.is_some()
    }

    /// What a request asks for. One without details, or whose details a person or another release wrote, is taken by its
    /// reason.
    fn of(request: &RunRequest, now: DateTime<Utc>) -> Self {
        let details = request.details.as_deref().and_then(|json| serde_json::from_str::<Self>(json).ok());
        let holds = |until: &DateTime<Utc>| *until > now;
        let as_of_now =
            |wanted: Self| Self { accepts_loss_until: wanted.accepts_loss_until.filter(holds), ..wanted };
        details.map(as_of_now).unwrap_or_else(|| {
            let context = match request.reason {
                RunReason::Webhook => SyncContext::Webhook,
                RunReason::AskedFor | RunReason::NewBranch => SyncContext::Manual,
                _ => SyncContext::Scheduled,
            };
            Self::new(context, Scope::Incremental)
        })
    }

    /// One run that does for both. Where the POS reported a change it wins, whoever else asked.
    fn and(self, other: Self) -> Self {
        let rank = |context| match context {
            SyncContext::Webhook => 2,
            SyncContext::Manual => 1,
            SyncContext::Scheduled => 0,
        };
        Self {
            context: if rank(other.context) > rank(self.context) { other.context } else { self.context },
            scope: if other.scope == Scope::Full { Scope::Full } else { self.scope },
            accepts_loss_until: self.accepts_loss_until.max(other.accepts_loss_until),
            day: self.day.max(other.day),
        }
    }

    /// A request for it.
    pub(super) fn request(self, reason: RunReason, due_at: DateTime<Utc>) -> RunRequest {
        let request = RunRequest::new(reason, due_at);
        // Plain fields: there is nothing in it that JSON cannot hold.
        match serde_json::to_string(&self) {
            Ok(json) => request.with_details(json),
            Err(_) => request,
        }
    }
}

/// How long after a person said so an answer is believed.
const ACCEPTED: TimeDelta = TimeDelta::hours(1);

/// The request again, for a run that failed before it could do anything.
pub(super) fn again(request: &RunRequest, due_at: DateTime<Utc>) -> RunRequest {
    let accepting = request.details.as_deref().and_then(|json| serde_json::from_str::<Wanted>(json).ok());
    match accepting.filter(|wanted| wanted.accepts_loss()) {
        Some(wanted) => wanted.without_accepting_loss().request(request.reason.clone(), due_at),
        None => RunRequest { due_at, ..request.clone() },
    }
}

/// The reason of a request that asks for no run: that what is under way stops, and that what was asked for does not begin.
const STOP: &str = "stop";

/// The reason of what the host asks for without anybody waiting: it goes before nothing else that is due.
pub(super) const BY_HOST: &str = "by_host";

/// A request to stop.
pub(super) fn stop_request(now: DateTime<Utc>) -> RunRequest {
    RunRequest::new(RunReason::Other(STOP.to_owned()), now)
}

pub(super) fn asks_to_stop(request: &RunRequest) -> bool {
    request.reason == RunReason::Other(STOP.to_owned())
}

/// Whether a person asked, and waits.
pub(super) fn somebody_waits(requests: &[RunRequest]) -> bool {
    requests.iter().any(|request| request.reason == RunReason::AskedFor)
}

/// The requests that still stand: a stop takes back what somebody asked for before it, also where it failed and is to be tried again,
/// and leaves what is due by itself.
fn standing(requests: &[RunRequest]) -> impl Iterator<Item = &RunRequest> {
    let stop = requests.iter().rposition(asks_to_stop);
    let was_asked_before = move |place: usize, request: &RunRequest| {
        let asked = match &request.reason {
            RunReason::AskedFor | RunReason::Retry => true,
            RunReason::Other(reason) => reason == BY_HOST,
            _ => false,
        };
        stop.is_some_and(|stop| place < stop) && asked
    };
    requests
        .iter()
        .enumerate()
        .filter(move |(place, request)| !asks_to_stop(request) && !was_asked_before(*place, request))
        .map(|(_, request)| request)
}

/// What a claimed run comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Todo {
    /// What is to be run; none when nothing is, after all.
    pub(super) run: Option<Wanted>,
    /// What is asked for anew, however it ends.
    pub(super) next: Vec<RunRequest>,
}

/// The day that has had its run although nobody wrote that down: the menu was synced when it was due or later, by a process that was lost
/// before it could.
pub(super) fn day_of_menu(
    requests: &[RunRequest],
    daily: Option<&DailySchedule>,
    last_menu: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<NaiveDate> {
    let (daily, last_menu) = (daily?, last_menu?);
    let asked = requests.iter().filter_map(|request| Wanted::of(request, now).day);
    asked.filter(|day| daily.instant_of(*day) <= last_menu).max()
}

/// What asked for a sync, as the merchant's settings are now: the daily time may have been moved or switched off since it was
/// asked for, and a day that has had its run has no second one.
pub(super) fn sync_todo(
    requests: &[RunRequest],
    daily: Option<&DailySchedule>,
    last_day: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Todo {
    let mut todo = Todo { run: None, next: Vec::new() };
    for request in standing(requests) {
        let wanted = Wanted::of(request, now);
        if request.reason == RunReason::Daily {
            let Some(daily) = daily else { continue };
            todo.next.extend(next_daily(daily, now));
            if wanted.day.is_some_and(|day| last_day.is_some_and(|last| last >= day)) {
                continue;
            }
            if let Some(at) = wanted.day.map(|day| daily.instant_of(day)).filter(|at| *at > now) {
                todo.next.push(wanted.request(RunReason::Daily, at));
                continue;
            }
        }
        todo.run = Some(todo.run.map_or(wanted, |run| run.and(wanted)));
    }
    todo
}

/// What asked for stock: none when its own interval is all that did, and was switched off since. Where the merchant wants no stock
/// nobody gets any, whoever asked.
pub(super) fn stock_todo(requests: &[RunRequest], terms: &Terms, now: DateTime<Utc>) -> Todo {
    let mut todo = Todo { run: None, next: Vec::new() };
    if !terms.wants_stock {
        return todo;
    }
    let every = terms.stock_every;
    for request in standing(requests).filter(|request| every.is_some() || request.reason != RunReason::Stock)
    {
        let wanted = Wanted::of(request, now);
        todo.run = Some(todo.run.map_or(wanted, |run| run.and(wanted)));
    }
    todo.next.extend(every.map(|every| next_stock(every, now)));
    todo
}

/// The next pull of stock by its own interval.
fn next_stock(every: Duration, now: DateTime<Utc>) -> RunRequest {
    RunRequest::new(RunReason::Stock, later(now, every))
}

impl Todo {
    /// The same for a run that has ended now: the interval of stock counts from its end, so that one that takes longer than the
    /// interval leaves room for others.
    pub(super) fn ended(mut self, stock_every: Option<Duration>, now: DateTime<Utc>) -> Self {
        for request in &mut self.next {
            if let (RunReason::Stock, Some(every)) = (&request.reason, stock_every) {
                *request = next_stock(every, now);
            }
        }
        self
    }
}

/// The first daily run after now.
pub(super) fn next_daily(daily: &DailySchedule, now: DateTime<Utc>) -> Option<RunRequest> {
    let day = daily.next_day_after(now)?;
    let wanted = Wanted { day: Some(day), ..Wanted::SCHEDULED };
    Some(wanted.request(RunReason::Daily, daily.instant_of(day)))
}

/// The first pull of stock of a merchant that has none due within its interval: merchants are spread over it.
pub(super) fn first_stock(
    connection: &ConnectionId,
    every: Option<Duration>,
    due: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<RunRequest> {
    let every = every?;
    if due.is_some_and(|due| due <= later(now, every)) {
        return None;
    }
    Some(RunRequest::new(RunReason::Stock, now + share_of(connection, every)))
}

/// The next upkeep: a day later, at a time of the merchant's own.
pub(super) fn next_upkeep(connection: &ConnectionId, now: DateTime<Utc>) -> RunRequest {
    const DAY: i64 = 24 * 60 * 60;
    let own = share_of(connection, Duration::from_secs(DAY.unsigned_abs())).num_seconds();
    let seconds = (own - now.timestamp()).rem_euclid(DAY);
    let wait = if seconds == 0 { DAY } else { seconds };
    RunRequest::new(RunReason::Other("upkeep".to_owned()), now + TimeDelta::seconds(wait))
}

/// How long a run rests that has failed so many times in a row. `random`, from 0 to below 1, spreads those that failed
/// together.
pub(super) fn pause(failures: u32, first: Duration, longest: Duration, random: f64) -> TimeDelta {
    let doubled = first.saturating_mul(1 << failures.min(20)).min(longest.max(first));
    span(doubled.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0))
}

pub(super) fn later(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    now.checked_add_signed(span(wait)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// A part of a span that is the merchant's own.
fn share_of(connection: &ConnectionId, whole: Duration) -> TimeDelta {
    TimeDelta::seconds((lot(connection.as_str()) % whole.as_secs().max(1)).cast_signed())
}

#[cfg(test)]
mod tests;
