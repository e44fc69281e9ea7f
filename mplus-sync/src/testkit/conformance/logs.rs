//! Behaviours of the activity log, of connections and of customers' links.

use futures_util::future::join_all;

use crate::model::{
    Activity, ActivityLevel, Connection, ConnectionId, ConnectionStatus, CustomerId, CustomerLink,
    Environment, RelationMatch, RelationNumber,
};
use crate::store::Page;

use super::samples::{merchant, minute};
use super::{Case, Checked, expect, expect_equal};

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
    store.save_connection(&first).await?;
    store.save_connection(&Connection::new("b", "Bar", "pos.example", 1, minute(0))).await?;
    first.status = ConnectionStatus::Failing { since: minute(1), last_error: "refused".into() };
    first.environment = Environment::Test;
    first.service_version = Some("67.1.3".into());
    first.last_sync_at = Some(minute(1));
    store.save_connection(&first).await?;
    expect_equal("it", store.connection(&first.id).await?, Some(first.clone()))?;
    expect_equal("another", store.connection(&ConnectionId::from("c")).await?, None)?;
    expect_equal("the first page", store.connections(Page::first(1)).await?, vec![first.clone()])?;
    let rest = store.connections(Page::after(first.id, 5)).await?;
    expect("the rest", rest.len() == 1 && rest[0].name == "Bar")
}

fn link(relation: i64) -> CustomerLink {
    CustomerLink {
        customer: CustomerId::from("guest"),
        relation: RelationNumber::new(relation),
        found_by: RelationMatch::Email,
        linked_at: minute(relation),
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
