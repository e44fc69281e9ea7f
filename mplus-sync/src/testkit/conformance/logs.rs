//! Behaviours of the activity log, of connections and of customers' links.

use futures_util::future::join_all;

use crate::model::{
    Activity, ActivityLevel, Connection, ConnectionId, ConnectionStatus, CustomerId, CustomerLink,
    Environment, ItemEdit, LeaseName, Order, PosIdentity, RelationMatch, RelationNumber, RunKind, RunReason,
    RunRequest, StoredReport, StoredSettings,
};
use crate::store::{
    CatalogEdits, ClaimRequest, ConnectionCounts, NoticeRequest, Page, Select, Store, StoreErrorKind,
    update_connection,
};

use super::samples::{item, items, merchant, minute, order};
use super::{Case, Checked, Unmet, expect, expect_equal, expect_refused};

fn activity(minutes: i64) -> Activity {
    Activity {
        at: minute(minutes),
        level: ActivityLevel::Warning,
        topic: "menu".into(),
        message: format!("Left out an item at minute {minutes}: it has no price."),
        subject: (minutes % 2 == 0).then(|| "item 7".to_owned()),
    }
}

pub(super) async fn activities(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.log(&merchant(), &[activity(0), activity(1)]).await?;
    store.log(&ConnectionId::from("other"), &[activity(9)]).await?;
    store.log(&merchant(), &[activity(2), activity(3)]).await?;
    let newest = store.activities(&merchant(), None, 3).await?;
    let older = store.activities(&merchant(), newest.last().map(|last| last.sequence), 3).await?;
    let read: Vec<Activity> = newest.into_iter().chain(older).map(|logged| logged.activity).collect();
    expect_equal("the log", read, [3, 2, 1, 0].map(activity).to_vec())
}

pub(super) async fn activities_pruned(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.log(&merchant(), &[0, 1, 2, 3].map(activity)).await?;
    expect_equal("pruned", store.prune_activities(&merchant(), minute(2)).await?, 2)?;
    let left = store.activities(&merchant(), None, 10).await?;
    expect_equal(
        "left",
        left.into_iter().map(|logged| logged.activity).collect(),
        vec![activity(3), activity(2)],
    )
}

pub(super) async fn connections(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let mut first = Connection::new("a", "Resto", "pos.example", 34_562, minute(0));
    first.revision = store.save_connection(&first).await?;
    store.save_connection(&Connection::new("b", "Bar", "pos.example", 1, minute(0))).await?;
    first.status = ConnectionStatus::Failing { since: minute(1), last_error: "refused".into() };
    first.environment = Environment::Test;
    first.service_version = Some("67.1.3".into());
    first.last_sync_at = Some(minute(1));
    first.paused = Some(minute(2));
    first.pos_identity = Some(PosIdentity::new("****-1111").of_company("De Leeuw"));
    first.lacking = ["findRelationV2".to_owned()].into();
    first.revision = store.save_connection(&first).await?;
    expect_equal("it", store.connection(&first.id).await?, Some(first.clone()))?;
    expect_equal("another", store.connection(&ConnectionId::from("c")).await?, None)?;
    expect_equal("the first page", store.connections(Page::first(1)).await?, vec![first.clone()])?;
    let rest = store.connections(Page::after(first.id, 5)).await?;
    expect("the rest", rest.len() == 1 && rest[0].name == "Bar")
}

pub(super) async fn failing_connections(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for (number, id) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let mut connection = Connection::new(id, id, "pos.example", 1, minute(0));
        if number % 2 == 1 {
            connection.status =
                ConnectionStatus::Failing { since: minute(1), last_error: "refused".to_owned() };
        }
        connection.paused = (number > 1).then(|| minute(2));
        store.save_connection(&connection).await?;
    }
    expect_equal("counts", store.count_connections().await?, ConnectionCounts::new(4, 2, 2))?;
    let names =
        |found: Vec<Connection>| found.into_iter().map(|connection| connection.name).collect::<Vec<_>>();
    expect_equal("a page", names(store.failing_connections(Page::first(1)).await?), vec!["b".to_owned()])?;
    let next = store.failing_connections(Page::after(ConnectionId::from("b"), 5)).await?;
    expect_equal("the next page", names(next.clone()), vec!["d".to_owned()])?;
    for mut connection in next {
        connection.status = ConnectionStatus::Connected;
        store.save_connection(&connection).await?;
    }
    store.remove_connection(&ConnectionId::from("a")).await?;
    expect_equal("afterwards", store.count_connections().await?, ConnectionCounts::new(3, 2, 1))?;
    expect_equal("failing now", names(store.failing_connections(Page::first(9)).await?), vec!["b".to_owned()])
}

pub(super) async fn connection_compare_and_set(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    let new = Connection::new("a", "Resto", "pos.example", 34_562, minute(0));
    one.save_connection(&new).await?;
    expect_refused("a second new one", two.save_connection(&new).await, StoreErrorKind::Conflict)?;
    let id = ConnectionId::from("a");
    let Some(read) = two.connection(&id).await? else { return Err(Unmet("it is gone".into())) };
    let paused = Connection { paused: Some(minute(1)), ..read.clone() };
    one.save_connection(&paused).await?;
    let stale = Connection { status: ConnectionStatus::Disconnected { since: minute(2) }, ..read };
    expect_refused("a stale status", two.save_connection(&stale).await, StoreErrorKind::Conflict)?;
    let changes = (0..8).map(|n| {
        let store = if n % 2 == 0 { &one } else { &two };
        let id = &id;
        async move {
            let change = |connection: &mut Connection| connection.lacking.insert(format!("call{n}"));
            update_connection(&**store, id, &change).await
        }
    });
    for changed in join_all(changes).await {
        changed?;
    }
    let lacking = one.connection(&id).await?.map(|connection| connection.lacking.len());
    expect_equal("changes by several at once", lacking, Some(8))
}

pub(super) async fn settings(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    expect_equal("before", store.settings(&merchant()).await?, None)?;
    let mut settings = StoredSettings::new(1, "{\"b\": 1.50, \"a\":\"é\"}");
    settings.revision = store.save_settings(&merchant(), &settings).await?;
    expect_equal("to the letter", store.settings(&merchant()).await?, Some(settings.clone()))?;
    let again = StoredSettings::new(1, "{}");
    let refused = store.save_settings(&merchant(), &again).await;
    expect_refused("settings that nobody read", refused, StoreErrorKind::Conflict)?;
    let next = StoredSettings { schema: 2, json: "{}".into(), ..settings.clone() };
    let revision = store.save_settings(&merchant(), &next).await?;
    expect("the revision rises", revision > settings.revision)?;
    let refused = store.save_settings(&merchant(), &settings).await;
    expect_refused("an old form", refused, StoreErrorKind::Conflict)?;
    expect_equal("another merchant's", store.settings(&ConnectionId::from("other")).await?, None)
}

pub(super) async fn removed(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let other = ConnectionId::from("other");
    for id in [merchant(), other.clone()] {
        store.save_connection(&Connection::new(id.clone(), "Resto", "pos.example", 1, minute(0))).await?;
        store.save_settings(&id, &StoredSettings::new(1, "{}")).await?;
        store.apply(&id, items([item("a", 1)])).await?;
        store.log(&id, &[activity(0)]).await?;
        store.link_customer(&id, link(1)).await?;
        for number in ["done", "waiting"] {
            store.enqueue(&id, &order(number), minute(0)).await?;
        }
        store.withdraw(&id, &"done".into(), "guest", minute(0)).await?;
        store.acquire(&id, &LeaseName::RUN, &"w".into(), minute(60), minute(0)).await?;
        store.request_run(&id, &RunKind::MENU, RunRequest::new(RunReason::Daily, minute(0))).await?;
        let report = StoredReport { at: minute(0), day: None, json: "{}".into() };
        store.save_report(&id, &RunKind::MENU, &report).await?;
    }
    store.remove_connection(&merchant()).await?;
    store.remove_connection(&merchant()).await?;
    expect_equal("what is left of it", traces(&*store, &merchant()).await?, 0)?;
    expect_equal("what is left of the other", traces(&*store, &other).await?, 9)?;
    store.forget_pos(&other).await?;
    expect("its menu and links are forgotten", traces(&*store, &other).await? == 7)?;
    expect("its record stays", store.connection(&other).await?.is_some())
}

/// How many of the things that every merchant has are there.
async fn traces(store: &dyn Store, id: &ConnectionId) -> Result<usize, Unmet> {
    let notices = NoticeRequest::new(10, minute(0)).of(id.clone());
    let found = [
        store.connection(id).await?.is_some(),
        store.settings(id).await?.is_some(),
        !store.items(id, Select::Page(Page::first(1))).await?.is_empty(),
        !store.activities(id, None, 1).await?.is_empty(),
        store.customer_link(id, &CustomerId::from("guest")).await?.is_some(),
        store.counts(id).await?.values().sum::<u64>() > 0,
        !store.leases(Some(id), minute(1)).await?.is_empty(),
        !store.runs(id).await?.is_empty(),
        !store.last_reports(id).await?.is_empty(),
    ];
    // Claims that end at once leave the notices for the next look.
    let told = !store.claim_notices(&notices, minute(0)).await?.is_empty();
    expect_equal("notices go and stay with the orders", told, found[5])?;
    Ok(found.into_iter().filter(|found| *found).count())
}

pub(super) async fn case_matters(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store
        .apply(&merchant(), items([item("cola", 1), item("Cola", 2), item("cola ", 3), item("colà", 4)]))
        .await?;
    let all = store.items(&merchant(), Select::Page(Page::first(10))).await?;
    let ids: Vec<&str> = all.iter().map(|row| row.record.id.as_str()).collect();
    expect_equal("items, in the order of their bytes", ids, vec!["Cola", "cola", "cola ", "colà"])?;
    let one = store.items(&merchant(), Select::Ids(vec!["COLA".into()])).await?;
    expect_equal("an item in other letters", one, Vec::new())?;
    let other = ConnectionId::from("Merchant");
    store.enqueue(&merchant(), &order("a"), minute(0)).await?;
    store.enqueue(&merchant(), &Order { note: Some("another".into()), ..order("A") }, minute(0)).await?;
    store.enqueue(&other, &Order { note: Some("theirs".into()), ..order("a") }, minute(0)).await?;
    let mine = store.entry(&merchant(), &"a".into()).await?;
    expect("an order by its number", mine.is_some_and(|entry| entry.order == order("a")))?;
    store.link_customer(&merchant(), link(1)).await?;
    expect_equal("a customer", store.customer_link(&merchant(), &"GUEST".into()).await?, None)?;
    store.log(&merchant(), &[activity(0)]).await?;
    expect_equal("pruned of another", store.prune_activities(&other, minute(60)).await?, 0)
}

pub(super) async fn microseconds(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let odd = |minutes| minute(minutes) + chrono::TimeDelta::microseconds(123_456);
    store.enqueue(&merchant(), &order("1"), odd(0)).await?;
    let queued = store.entry(&merchant(), &"1".into()).await?;
    let times = queued.map(|entry| (entry.queued_at, entry.due_at, entry.updated_at, entry.waiting_since));
    expect_equal("an order's times", times, Some((odd(0), odd(0), odd(0), odd(0))))?;
    let early = ClaimRequest::new("w".into(), 1, odd(5));
    let just_before = odd(0) - chrono::TimeDelta::microseconds(1);
    expect_equal("a microsecond too early", store.claim(&early, just_before).await?, Vec::new())?;
    expect_equal("on time", store.claim(&early, odd(0)).await?.len(), 1)?;
    let lease = store.acquire(&merchant(), &LeaseName::RUN, &"w".into(), odd(5), odd(0)).await?;
    expect_equal("a lease", lease.map(|lease| lease.until), Some(odd(5)))?;
    let held = store.leases(Some(&merchant()), odd(1)).await?;
    expect_equal(
        "a lease as others see it",
        held.first().map(|held| (held.since, held.lease.until)),
        Some((odd(0), odd(5))),
    )?;
    let edit = CatalogEdits { items: vec![ItemEdit::of("a").name("A")], ..CatalogEdits::default() };
    store.save_edits(&merchant(), edit, odd(2)).await?;
    let edited = store.items(&merchant(), Select::Page(Page::first(1))).await?;
    expect_equal("an edit", edited.first().and_then(|row| row.edited_at()), Some(odd(2)))?;
    store.request_run(&merchant(), &RunKind::MENU, RunRequest::new(RunReason::Daily, odd(3))).await?;
    let due = store.runs(&merchant()).await?;
    expect_equal("a run", due.first().and_then(|run| run.due_at), Some(odd(3)))?;
    let at = Activity { at: odd(4), ..activity(0) };
    store.log(&merchant(), std::slice::from_ref(&at)).await?;
    let logged = store.activities(&merchant(), None, 1).await?;
    expect_equal("an activity", logged.into_iter().next().map(|logged| logged.activity), Some(at))
}

fn link(relation: i64) -> CustomerLink {
    CustomerLink {
        customer: CustomerId::from("guest"),
        relation: RelationNumber::new(relation),
        found_by: RelationMatch::Email,
        linked_at: minute(relation),
        told: None,
    }
}

pub(super) async fn customers(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let guest = CustomerId::from("guest");
    expect_equal("before", store.customer_link(&merchant(), &guest).await?, None)?;
    expect_equal("the first link", store.link_customer(&merchant(), link(1)).await?, link(1))?;
    expect_equal("the second link", store.link_customer(&merchant(), link(2)).await?, link(1))?;
    expect_equal("what is kept", store.customer_link(&merchant(), &guest).await?, Some(link(1)))?;
    store.unlink_customer(&merchant(), &guest).await?;
    store.unlink_customer(&merchant(), &guest).await?;
    expect_equal("after unlinking", store.link_customer(&merchant(), link(3)).await?, link(3))
}

pub(super) async fn customers_at_once(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    let links = (0..8).map(|n| {
        let store = if n % 2 == 0 { &one } else { &two };
        async move { store.link_customer(&merchant(), link(n)).await }
    });
    let mut kept = Vec::new();
    for link in join_all(links).await {
        kept.push(link?.relation);
    }
    kept.dedup();
    expect_equal("different answers", kept.len(), 1)
}
