//! Behaviours of leases.

use futures_util::future::join_all;

use crate::model::{ConnectionId, LeaseName, WorkerId};
use crate::store::StoreErrorKind;

use super::samples::{merchant, minute};
use super::{Case, Checked, Unmet, expect, expect_equal, expect_refused};

fn worker(name: &str) -> WorkerId {
    WorkerId::from(name)
}

pub(super) async fn one_holder(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    let held = one.acquire(&merchant(), &LeaseName::RUN, &worker("a"), minute(5), minute(0)).await?;
    expect("the first gets it", held.is_some_and(|lease| lease.until == minute(5)))?;
    let second = two.acquire(&merchant(), &LeaseName::RUN, &worker("b"), minute(6), minute(4)).await?;
    expect_equal("the second", second, None)?;
    let other = LeaseName::named("stock");
    let other = two.acquire(&merchant(), &other, &worker("b"), minute(6), minute(4)).await?;
    expect("another name is free", other.is_some())?;
    let merchant = ConnectionId::from("other merchant");
    let other = two.acquire(&merchant, &LeaseName::RUN, &worker("b"), minute(6), minute(4)).await?;
    expect("another connection is free", other.is_some())
}

pub(super) async fn ended(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let first = store.acquire(&merchant(), &LeaseName::RUN, &worker("a"), minute(5), minute(0)).await?;
    let first = first.ok_or_else(|| Unmet("a free lease was not granted".into()))?;
    let next = store.acquire(&merchant(), &LeaseName::RUN, &worker("b"), minute(9), minute(5)).await?;
    expect("the token grows", next.as_ref().is_some_and(|next| next.token > first.token))?;
    expect_refused("the first", store.renew(&first, minute(20)).await, StoreErrorKind::Conflict)?;
    store.release(&first).await?;
    let third = store.acquire(&merchant(), &LeaseName::RUN, &worker("c"), minute(9), minute(6)).await?;
    expect_equal("a third while the second holds it", third, None)
}

pub(super) async fn renewed(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let lease = store.acquire(&merchant(), &LeaseName::RUN, &worker("a"), minute(5), minute(0)).await?;
    let lease = lease.ok_or_else(|| Unmet("a free lease was not granted".into()))?;
    let longer = store.renew(&lease, minute(10)).await?;
    expect_equal("its end", longer.until, minute(10))?;
    let other = store.acquire(&merchant(), &LeaseName::RUN, &worker("b"), minute(9), minute(7)).await?;
    expect_equal("another after the old end", other, None)?;
    let again = store.acquire(&merchant(), &LeaseName::RUN, &worker("a"), minute(12), minute(7)).await?;
    expect("its holder may ask again", again.is_some())?;
    expect_refused("the earlier lease", store.renew(&longer, minute(20)).await, StoreErrorKind::Conflict)
}

pub(super) async fn released(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let lease = store.acquire(&merchant(), &LeaseName::RUN, &worker("a"), minute(5), minute(0)).await?;
    let lease = lease.ok_or_else(|| Unmet("a free lease was not granted".into()))?;
    store.release(&lease).await?;
    store.release(&lease).await?;
    expect_refused("renewing it", store.renew(&lease, minute(9)).await, StoreErrorKind::Conflict)?;
    let next = store.acquire(&merchant(), &LeaseName::RUN, &worker("b"), minute(5), minute(1)).await?;
    expect("it is free with a new token", next.is_some_and(|next| next.token > lease.token))
}

pub(super) async fn race(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    for round in 0..5 {
        let now = minute(round * 10);
        let asking =
            (0..8).map(|n| {
                let store = if n % 2 == 0 { &one } else { &two };
                let holder = worker(&format!("w{n}"));
                async move {
                    store.acquire(&merchant(), &LeaseName::RUN, &holder, minute(round * 10 + 5), now).await
                }
            });
        let mut granted = 0;
        for lease in join_all(asking).await {
            granted += usize::from(lease?.is_some());
        }
        expect_equal("leases granted", granted, 1)?;
    }
    Ok(())
}
