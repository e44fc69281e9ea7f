//! What the webhooks' stores keep, newest first.
//!
//! They list what is oldest first, between two instants. A page of the newest is found by looking back an hour, a day, a
//! month, and for ever, until there is enough of it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mplus_webhooks::inbox::{Entry, EntryFilter};
use mplus_webhooks::payment::{Payment, PaymentFilter};
use mplus_webhooks::{Orchestrator, Store, StoreError};

/// How far back is looked, one after the other.
const BACK: [Option<TimeDelta>; 4] =
    [Some(TimeDelta::hours(1)), Some(TimeDelta::days(1)), Some(TimeDelta::days(31)), None];
/// Records that are read at once.
const CHUNK: usize = 500;

/// The newest before an instant, and before which instant the next page begins.
pub type Newest<T> = (Vec<T>, Option<DateTime<Utc>>);

/// A page of entries that fit the filter.
///
/// # Errors
/// When the store fails.
pub async fn entries(
    webhooks: &Orchestrator,
    filter: &EntryFilter,
    before: DateTime<Utc>,
    page: usize,
) -> Result<Newest<Entry>, StoreError> {
    let (webhooks, filter) = (webhooks.clone(), filter.clone());
    let read = move |from, after: Option<Entry>| {
        let (webhooks, mut filter) = (webhooks.clone(), filter.clone());
        (filter.from, filter.to, filter.limit) = (from, Some(before), CHUNK);
        if let Some(last) = after {
            filter = filter.after(&last);
        }
        async move { webhooks.inbox().list(&filter).await }
    };
    find(before, page, read, |_| true, |entry| entry.received_at).await
}

/// A page of payments that fit the filter and what else they are to be.
///
/// # Errors
/// When the store fails.
pub async fn payments(
    store: &Arc<dyn Store>,
    filter: &PaymentFilter,
    fits: impl Fn(&Payment) -> bool,
    before: DateTime<Utc>,
    page: usize,
) -> Result<Newest<Payment>, StoreError> {
    let (store, filter) = (store.clone(), filter.clone());
    let read = move |from, after: Option<Payment>| {
        let (store, mut filter) = (store.clone(), filter.clone());
        (filter.from, filter.to, filter.limit) = (from, Some(before), CHUNK);
        if let Some(last) = after {
            filter = filter.after(&last);
        }
        async move { store.list_payments(&filter).await }
    };
    find(before, page, read, fits, |payment| payment.started_at).await
}

async fn find<T: Clone, F: Future<Output = Result<Vec<T>, StoreError>>>(
    before: DateTime<Utc>,
    page: usize,
    read: impl Fn(Option<DateTime<Utc>>, Option<T>) -> F,
    fits: impl Fn(&T) -> bool,
    at: fn(&T) -> DateTime<Utc>,
) -> Result<Newest<T>, StoreError> {
    let mut found = Vec::new();
    for back in BACK {
        found = read_all(page, back.map(|back| before - back), &read, &fits).await?;
        if found.len() > page {
            break;
        }
    }
    let more = found.len() > page;
    found.reverse();
    found.truncate(page);
    // What has the very instant of the last one comes again rather than not at all.
    let next = found.last().filter(|_| more).map(|last| at(last) + TimeDelta::microseconds(1));
    Ok((found, next))
}

/// The last ones since an instant, one more than a page.
async fn read_all<T: Clone, F: Future<Output = Result<Vec<T>, StoreError>>>(
    page: usize,
    from: Option<DateTime<Utc>>,
    read: &impl Fn(Option<DateTime<Utc>>, Option<T>) -> F,
    fits: &impl Fn(&T) -> bool,
) -> Result<Vec<T>, StoreError> {
    let (mut kept, mut last) = (Vec::new(), None);
    loop {
        let chunk = read(from, last.take()).await?;
        let is_last = chunk.len() < CHUNK;
        last = chunk.last().cloned();
        kept.extend(chunk.into_iter().filter(fits));
        let surplus = kept.len().saturating_sub(page + 1);
        kept.drain(..surplus);
        if is_last {
            return Ok(kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    /// Those of the records at these minutes, as a store lists them, that fit.
    async fn newest(
        minutes: &[i64],
        before: i64,
        page: usize,
        fits: impl Fn(&i64) -> bool,
    ) -> (Vec<i64>, bool) {
        let read = |from: Option<DateTime<Utc>>, after: Option<i64>| {
            let is_listed = |minute: &&i64| {
                from.is_none_or(|from| at(**minute) >= from)
                    && **minute < before
                    && after.is_none_or(|after| **minute > after)
            };
            std::future::ready(Ok(minutes.iter().filter(is_listed).take(CHUNK).copied().collect()))
        };
        let (found, next) = find(at(before), page, read, fits, |minute| at(*minute)).await.unwrap();
        (found, next.is_some())
    }

    #[tokio::test]
    async fn the_newest_come_first_however_long_ago_they_were() {
        let minutes = [1, 2, 50_000, 100_000, 100_001, 100_002];
        assert_eq!(newest(&minutes, 100_003, 2, |_| true).await, (vec![100_002, 100_001], true));
        assert_eq!(newest(&minutes, 100_001, 10, |_| true).await, (vec![100_000, 50_000, 2, 1], false));
        assert_eq!(newest(&minutes, 1, 10, |_| true).await, (vec![], false));
    }

    #[tokio::test]
    async fn few_that_fit_are_found_among_many_that_do_not() {
        let minutes: Vec<i64> = (0..3_000).collect();
        let fits = |minute: &i64| minute % 1_400 == 7;
        assert_eq!(newest(&minutes, 5_000, 2, fits).await, (vec![2_807, 1_407], true));
        assert_eq!(newest(&minutes, 2_807, 2, fits).await, (vec![1_407, 7], false));
        assert_eq!(newest(&minutes, 5_000, 2, |_| false).await, (vec![], false));
    }
}
