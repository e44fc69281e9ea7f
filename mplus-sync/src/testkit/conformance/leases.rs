//! Behaviours of leases.

use futures_util::future::join_all;

use crate::model::{ConnectionId, Holder, LeaseName};
use crate::store::StoreErrorKind;

use super::samples::{merchant, minute};
use super::{Case, Checked, Unmet, expect, expect_equal, expect_refused};

fn worker(name: &str) -> Holder {
    Holder::from(name)
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
    expect_refused("the first", store.extend(&first, minute(20)).await, StoreErrorKind::Conflict)?;
    store.release(&first).await?;
    let third = store.acquire(&merchant(), &LeaseName::RUN, &worker("c"), minute(9), minute(6)).await?;
    expect_equal("a third while the second holds it", third, None)
}

pub(super) async fn renewed(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let lease = store.acquire(&merchant(), &LeaseName::RUN, &worker("a"), minute(5), minute(0)).await?;
    let lease = lease.ok_or_else(|| Unmet("a free lease was not granted".into()))?;
    let longer = store.extend(&lease, minute(10)).await?;
    expect_equal("its end", longer.until, minute(10))?;
    let other = store.acquire(&merchant(), &LeaseName::RUN, &worker("b"), minute(9), minute(7)).await?;
    expect_equal("another after the old end", other, None)?;
    let again = store.acquire(&merchant(), &LeaseName::RUN, &worker("a"), minute(12), minute(7)).await?;
    expect("its holder may ask again", again.is_some())?;
    expect_refused("the earlier lease", store.extend(&longer, minute(20)).await, StoreErrorKind::Conflict)
}

pub(super) async fn released(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let lease = store.acquire(&merchant(), &LeaseName::RUN, &worker("a"), minute(5), minute(0)).await?;
    let lease = lease.ok_or_else(|| Unmet("a free lease was not granted".into()))?;
    store.release(&lease).await?;
    store.release(&lease).await?;
    expect_refused("renewing it", store.extend(&lease, minute(9)).await, StoreErrorKind::Conflict)?;
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

pub(super) async fn lives(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    let process = Holder::of("slot-1".into(), "monday");
    let run = process.run("menu 1");
    let lease = one.acquire(&merchant(), &LeaseName::RUN, &run, minute(15), minute(0)).await?;
    let lease = lease.ok_or_else(|| Unmet("a free lease was not granted".into()))?;
    let second =
        one.acquire(&merchant(), &LeaseName::RUN, &process.run("menu 2"), minute(15), minute(1)).await?;
    expect_equal("another run of the same process", second, None)?;
    // The process crashes and is started again in its slot.
    let restarted = Holder::of("slot-1".into(), "tuesday").run("menu 1");
    let taken = two.acquire(&merchant(), &LeaseName::RUN, &restarted, minute(20), minute(2)).await?;
    expect(
        "a later life of the slot gets it at once",
        taken.as_ref().is_some_and(|taken| taken.holder == restarted),
    )?;
    expect_refused("the earlier life", one.extend(&lease, minute(30)).await, StoreErrorKind::Conflict)?;
    let other = Holder::of("slot-2".into(), "tuesday").run("menu 1");
    let other = two.acquire(&merchant(), &LeaseName::RUN, &other, minute(20), minute(3)).await?;
    expect_equal("another slot", other, None)
}

pub(super) async fn seen(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    let lease = one.acquire(&merchant(), &LeaseName::RUN, &worker("a"), minute(5), minute(0)).await?;
    let lease = lease.ok_or_else(|| Unmet("a free lease was not granted".into()))?;
    one.acquire(&merchant(), &LeaseName::named("old"), &worker("a"), minute(1), minute(0)).await?;
    one.acquire(&ConnectionId::from("other"), &LeaseName::RUN, &worker("a"), minute(5), minute(0)).await?;
    one.note_lease(&lease, "{\"articles\":500}").await?;
    let longer = one.extend(&lease, minute(9)).await?;
    let held = two.leases(Some(&merchant()), minute(2)).await?;
    expect_equal("leases of the connection", held.len(), 1)?;
    expect_equal("the lease", held[0].lease.clone(), longer.clone())?;
    expect_equal("since", held[0].since, minute(0))?;
    expect_equal("the note", held[0].note.as_deref(), Some("{\"articles\":500}"))?;
    expect_equal("leases of all", two.leases(None, minute(2)).await?.len(), 2)?;
    expect_equal("ended ones", two.prune_leases(minute(3)).await?, 1)?;
    one.release(&longer).await?;
    expect_equal("after it was released", two.leases(Some(&merchant()), minute(2)).await?, Vec::new())?;
    expect_refused("a note on it", one.note_lease(&longer, "{}").await, StoreErrorKind::Conflict)
}
