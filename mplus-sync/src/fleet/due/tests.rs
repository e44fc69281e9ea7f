use std::collections::BTreeMap;

use chrono::Timelike;

use super::*;
use crate::fleet::{ByHash, ShardMap};

/// Terms of a merchant whose stock is pulled at this interval.
fn stock_every(minutes: Option<u64>) -> Terms {
    let stock_every = minutes.map(|minutes| Duration::from_secs(60 * minutes));
    Terms { daily: None, wants_stock: true, stock_every }
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at_four() -> DailySchedule {
    DailySchedule::at(4, 0).unwrap()
}

fn daily(of: &str, due: &str) -> RunRequest {
    Wanted { day: Some(day(of)), ..Wanted::SCHEDULED }.request(RunReason::Daily, utc(due))
}

#[test]
fn a_daily_run_is_followed_by_the_next_days() {
    let now = utc("2026-07-01T02:00:30Z");
    let todo = sync_todo(&[daily("2026-07-01", "2026-07-01T02:00:00Z")], Some(&at_four()), None, now);
    assert_eq!(todo.run.and_then(|run| run.day), Some(day("2026-07-01")));
    assert_eq!(todo.next, [daily("2026-07-02", "2026-07-02T02:00:00Z")]);
}

#[test]
fn days_that_were_missed_are_caught_up_by_one_run() {
    let requests = [daily("2026-07-01", "2026-07-01T02:00:00Z"), daily("2026-07-02", "2026-07-02T02:00:00Z")];
    let now = utc("2026-07-04T12:00:00Z");
    let todo = sync_todo(&requests, Some(&at_four()), Some(day("2026-06-30")), now);
    assert_eq!(todo.run.and_then(|run| run.day), Some(day("2026-07-02")));
    assert!(todo.next.iter().all(|next| *next == daily("2026-07-05", "2026-07-05T02:00:00Z")));
}

#[test]
fn a_day_that_has_had_its_run_has_no_second_one() {
    let now = utc("2026-07-01T02:10:00Z");
    let requests = [daily("2026-07-01", "2026-07-01T02:00:00Z")];
    let todo = sync_todo(&requests, Some(&at_four()), Some(day("2026-07-01")), now);
    assert_eq!(todo.run, None);
    assert_eq!(todo.next, [daily("2026-07-02", "2026-07-02T02:00:00Z")]);
}

#[test]
fn a_menu_that_was_synced_after_its_daily_time_counts_as_that_days_run_and_one_before_it_does_not() {
    let (now, four) = (utc("2026-07-01T02:10:00Z"), at_four());
    let requests = [daily("2026-07-01", "2026-07-01T02:00:00Z")];
    let day_of = |last: Option<&str>| day_of_menu(&requests, Some(&four), last.map(utc), now);
    assert_eq!(day_of(Some("2026-07-01T02:00:01Z")), Some(day("2026-07-01")));
    assert_eq!(day_of(Some("2026-07-01T01:59:59Z")), None);
    assert_eq!(day_of(None), None);
    let asked = [RunRequest::new(RunReason::AskedFor, now)];
    assert_eq!(day_of_menu(&asked, Some(&four), Some(now), now), None, "it is of no day");
}

#[test]
fn a_daily_time_that_was_moved_on_is_waited_for() {
    let evening = DailySchedule::at(18, 0).unwrap();
    let now = utc("2026-07-01T02:00:00Z");
    let todo = sync_todo(&[daily("2026-07-01", "2026-07-01T02:00:00Z")], Some(&evening), None, now);
    assert_eq!(todo.run, None);
    assert!(todo.next.contains(&daily("2026-07-01", "2026-07-01T16:00:00Z")), "{:?}", todo.next);
}

#[test]
fn a_daily_sync_that_was_switched_off_is_not_run_and_not_asked_for_again() {
    let now = utc("2026-07-01T02:00:00Z");
    let todo = sync_todo(&[daily("2026-07-01", "2026-07-01T02:00:00Z")], None, None, now);
    assert_eq!(todo, Todo { run: None, next: Vec::new() });
}

#[test]
fn a_daily_time_in_the_hour_that_spring_skips_has_its_run_all_the_same() {
    let schedule = DailySchedule::at(2, 30).unwrap();
    let next = next_daily(&schedule, utc("2026-03-28T12:00:00Z")).unwrap();
    assert_eq!(next, daily("2026-03-29", "2026-03-29T01:00:00Z"));
}

#[test]
fn of_several_requests_the_widest_is_run_and_the_pos_wins_where_it_reported_a_change() {
    let now = utc("2026-07-01T12:00:00Z");
    let requests = [
        RunRequest::new(RunReason::AskedFor, now),
        Wanted::new(SyncContext::Scheduled, Scope::Full).request(RunReason::Retry, now),
        RunRequest::new(RunReason::Webhook, now),
    ];
    let todo = sync_todo(&requests, None, None, now);
    assert_eq!(todo.run, Some(Wanted::new(SyncContext::Webhook, Scope::Full)));
}

#[test]
fn details_that_nobody_understands_are_taken_by_their_reason() {
    let now = utc("2026-07-01T12:00:00Z");
    let odd = RunRequest::new(RunReason::Webhook, now).with_details("{\"context\":\"oracle\"}");
    let todo = sync_todo(&[odd], None, None, now);
    assert_eq!(todo.run, Some(Wanted::new(SyncContext::Webhook, Scope::Incremental)));
}

#[test]
fn stock_goes_on_at_its_interval_and_stops_when_it_is_switched_off() {
    let now = utc("2026-07-01T12:00:00Z");
    let due = RunRequest::new(RunReason::Stock, now);
    let todo = stock_todo(std::slice::from_ref(&due), &stock_every(Some(15)), now);
    assert_eq!(todo.next, [RunRequest::new(RunReason::Stock, utc("2026-07-01T12:15:00Z"))]);
    assert!(todo.run.is_some());
    assert_eq!(stock_todo(&[due], &stock_every(None), now), Todo { run: None, next: Vec::new() });
    let asked = RunRequest::new(RunReason::AskedFor, now);
    assert!(stock_todo(&[asked], &stock_every(None), now).run.is_some(), "a person may ask all the same");
}

#[test]
fn where_stock_is_switched_off_nobody_gets_any_and_nothing_is_asked_for_again() {
    let now = utc("2026-07-01T12:00:00Z");
    let off = Terms { wants_stock: false, ..stock_every(None) };
    for reason in [RunReason::AskedFor, RunReason::Webhook, RunReason::Retry, RunReason::Stock] {
        let todo = stock_todo(&[RunRequest::new(reason, now)], &off, now);
        assert_eq!(todo, Todo { run: None, next: Vec::new() });
    }
}

#[test]
fn an_interval_that_was_shortened_does_not_wait_for_the_old_one() {
    let now = utc("2026-07-01T12:00:00Z");
    let id = ConnectionId::from("bistro");
    let quarter = Some(Duration::from_secs(900));
    assert_eq!(first_stock(&id, quarter, Some(utc("2026-07-01T12:10:00Z")), now), None);
    let sooner = first_stock(&id, quarter, Some(utc("2026-07-01T18:00:00Z")), now).unwrap();
    assert!(sooner.due_at < utc("2026-07-01T12:15:00Z"));
    assert_eq!(first_stock(&id, None, None, now), None);
}

#[test]
fn rests_of_failed_runs_double_up_to_the_longest() {
    let (first, longest) = (Duration::from_secs(60), Duration::from_secs(3600));
    let rests: Vec<i64> =
        [0, 1, 2, 6, 30].iter().map(|failures| pause(*failures, first, longest, 1.0).num_seconds()).collect();
    assert_eq!(rests, [60, 120, 240, 3600, 3600]);
    assert_eq!(pause(0, first, longest, 0.0).num_seconds(), 30);
}

#[test]
fn upkeep_is_once_a_day_at_a_time_of_the_merchants_own() {
    let id = ConnectionId::from("bistro");
    let first = next_upkeep(&id, utc("2026-07-01T12:00:00Z")).due_at;
    assert!(first > utc("2026-07-01T12:00:00Z") && first <= utc("2026-07-02T12:00:00Z"));
    assert_eq!(next_upkeep(&id, first).due_at - first, TimeDelta::days(1));
    let late = next_upkeep(&id, first + TimeDelta::minutes(7)).due_at;
    assert_eq!(late - first, TimeDelta::days(1), "it does not drift");
}

/// One installation, a million merchants who all chose 04:00, on eight stores.
#[test]
fn a_million_merchants_are_spread_over_stores_and_over_the_daily_window() {
    const MERCHANTS: u32 = 1_000_000;
    const STORES: usize = 8;
    let window = Duration::from_secs(4 * 60 * 60);
    let map = ByHash::over(STORES);
    let now = utc("2026-07-01T12:00:00Z");
    let mut merchants = [0u32; STORES];
    let mut due: BTreeMap<(usize, i64), u32> = BTreeMap::new();
    let mut upkeep = vec![0u32; 24];
    for number in 0..MERCHANTS {
        let id = ConnectionId::from(format!("merchant-{number}"));
        let schedule = at_four().with_jitter(id.as_str(), window).unwrap();
        let at = next_daily(&schedule, now).unwrap().due_at;
        assert!(at >= utc("2026-07-02T02:00:00Z") && at < utc("2026-07-02T06:00:00Z"));
        let store = map.store_of(&id);
        merchants[store] += 1;
        *due.entry((store, at.timestamp() / 60)).or_default() += 1;
        upkeep[next_upkeep(&id, now).due_at.hour() as usize] += 1;
    }
    let even = MERCHANTS / STORES as u32;
    assert!(merchants.iter().all(|count| count.abs_diff(even) < even / 50), "{merchants:?}");
    // 125,000 runs of a store over 240 minutes are 521 a minute: 9 a second.
    let busiest = due.values().copied().max().unwrap();
    assert!(busiest < 650, "{busiest} in one minute");
    assert!(upkeep.iter().all(|count| count.abs_diff(MERCHANTS / 24) < 2_000), "{upkeep:?}");
}

#[test]
fn a_stop_takes_back_what_somebody_asked_for_before_it_and_leaves_what_is_due_by_itself() {
    let now = utc("2026-07-01T02:00:30Z");
    let asked = |scope| Wanted::new(SyncContext::Manual, scope).request(RunReason::AskedFor, now);
    let todo = |requests: &[RunRequest]| sync_todo(requests, Some(&at_four()), None, now);
    let before = asked(Scope::Full);
    assert_eq!(todo(&[before.clone(), stop_request(now)]).run, None);
    let stock = [before.clone(), RunRequest::new(RunReason::Retry, now), stop_request(now)];
    assert_eq!(stock_todo(&stock, &stock_every(None), now).run, None);
    let retry = Wanted::new(SyncContext::Manual, Scope::Full).request(RunReason::Retry, now);
    assert_eq!(todo(&[retry, stop_request(now)]).run, None, "a stop ends what fails again and again");
    let after = todo(&[before.clone(), stop_request(now), asked(Scope::Incremental)]).run;
    assert_eq!(after.map(|run| run.scope), Some(Scope::Incremental));
    let due = todo(&[before, daily("2026-07-01", "2026-07-01T02:00:00Z"), stop_request(now)]);
    assert_eq!(due.run.map(|run| (run.day, run.scope)), Some((Some(day("2026-07-01")), Scope::Incremental)));
    assert_eq!(due.next, [daily("2026-07-02", "2026-07-02T02:00:00Z")]);
}

#[test]
fn who_accepts_a_loss_accepts_it_for_the_run_that_others_asked_for_as_well() {
    let now = utc("2026-07-01T02:00:30Z");
    let accepts = Wanted::new(SyncContext::Manual, Scope::Full).accepting_loss(now);
    let requests = [accepts.request(RunReason::AskedFor, now), RunRequest::new(RunReason::Webhook, now)];
    let run = sync_todo(&requests, None, None, now).run.unwrap();
    assert!(run.accepts_loss() && run.context == SyncContext::Webhook, "{run:?}");
    let plain = RunRequest::new(RunReason::Webhook, now);
    assert!(!sync_todo(&[plain], None, None, now).run.unwrap().accepts_loss());
}

#[test]
fn who_accepts_a_loss_accepts_that_of_one_answer_and_not_of_a_later_one() {
    let now = utc("2026-07-01T02:00:30Z");
    let asked = Wanted::new(SyncContext::Manual, Scope::Full).accepting_loss(now);
    let asked = asked.request(RunReason::AskedFor, now);
    let accepts = |request: RunRequest, minutes| {
        let run = sync_todo(&[request], None, None, now + TimeDelta::minutes(minutes)).run.unwrap();
        assert_eq!(run.scope, Scope::Full);
        run.accepts_loss()
    };
    assert!(accepts(asked.clone(), 59));
    assert!(!accepts(asked.clone(), 60), "what waited since then is another answer");
    assert!(!accepts(again(&asked, now), 1), "nor after a failure");
    assert_eq!(again(&asked, now + TimeDelta::minutes(1)).due_at, now + TimeDelta::minutes(1));
}
