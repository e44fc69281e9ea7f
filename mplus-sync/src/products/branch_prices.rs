//! Pulls the prices of single branches.
//!
//! The POS gives no marker for them: one call lists them all. A hash of the list is kept as checkpoint, so that an
//! unchanged list costs no more than the call; articles that are pulled later in the run find their prices in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures_util::StreamExt;
use mplus_qapi::products::GetArticleBranchDeviations;
use rust_decimal::Decimal;

use super::merge::{Merged, merge_location_prices};
use crate::conflict::SyncContext;
use crate::model::{
    ArticleNumber, BranchNumber, Fingerprint, Item, ItemId, LocationId, LocationPrice, Resource, Tracked,
};
use crate::progress::Phase;
use crate::report::{Conflict, Subject};
use crate::run::{DECISIONS, Run, StepError};
use crate::store::{CatalogChunk, Page, Select};

/// The POS's prices of single branches, and which location each branch is.
#[derive(Debug)]
pub(crate) struct BranchPrices {
    by_article: HashMap<i64, Vec<(BranchNumber, Decimal)>>,
    locations: BTreeMap<BranchNumber, LocationId>,
    /// Stands for all of them, in whatever order they came.
    hash: i64,
}

/// The checkpoint when articles were pulled that have not got their prices; the hash of a list is another number.
const MISSED: i64 = i64::MIN;

impl BranchPrices {
    /// An article's prices by location. That of a branch that is no location is not among them.
    pub(crate) fn of_article(&self, article: i64) -> Vec<LocationPrice> {
        let price = |(branch, price): &(BranchNumber, Decimal)| {
            let location = self.locations.get(branch)?.clone();
            Some(LocationPrice { location, price: *price })
        };
        let mut prices: Vec<_> = self.lines(article).iter().filter_map(price).collect();
        prices.sort_by(|a, b| a.location.cmp(&b.location));
        prices
    }

    /// The branches that have a price of their own for an article.
    pub(crate) fn branches(&self, article: ArticleNumber) -> impl Iterator<Item = BranchNumber> {
        self.lines(article.get()).iter().map(|(branch, _)| *branch)
    }

    /// The branch that a location is.
    pub(crate) fn branch_of(&self, location: &LocationId) -> Option<BranchNumber> {
        self.locations.iter().find(|(_, id)| *id == location).map(|(branch, _)| *branch)
    }

    fn lines(&self, article: i64) -> &[(BranchNumber, Decimal)] {
        self.by_article.get(&article).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Reads all branch prices.
pub(super) async fn read(run: &mut Run<'_>) -> Result<Arc<BranchPrices>, StepError> {
    let locations = locations(run).await?;
    let mut by_article: HashMap<i64, Vec<_>> = HashMap::new();
    let mut hash = 0_u64;
    let mut lines = run.client().call(GetArticleBranchDeviations::default()).stream();
    run.report.requests += 1;
    while let Some(line) = lines.next().await {
        let line = line?;
        let branch = BranchNumber::new(line.branch_number);
        // A price of a branch that is no location still counts: the location may come.
        let Some(price) = line.sales_price_incl else { continue };
        let print =
            Fingerprint::of(&(line.article_number, branch, price.normalize(), locations.get(&branch)))?;
        hash = hash.wrapping_add(u64::from_str_radix(&print.as_str()[..16], 16).unwrap_or_default());
        by_article.entry(line.article_number).or_default().push((branch, price.get()));
    }
    run.expect(&Resource::BRANCH_PRICES, Phase::Pull, Some(by_article.len() as u64));
    run.advance(&Resource::BRANCH_PRICES, by_article.len());
    let hash = i64::from_ne_bytes(hash.to_ne_bytes());
    Ok(Arc::new(BranchPrices { by_article, locations, hash }))
}

/// Which location each branch is.
async fn locations(run: &Run<'_>) -> Result<BTreeMap<BranchNumber, LocationId>, StepError> {
    let limit = 500;
    let mut all = BTreeMap::new();
    let mut page = Some(Page::first(limit));
    while let Some(next) = page {
        let read = run.store().locations(run.connection(), Select::Page(next)).await?;
        let last = (read.len() == limit).then(|| read.last().map(|one| one.record.id.clone())).flatten();
        page = last.map(|last| Page::after(last, limit));
        let linked = read
            .into_iter()
            .filter_map(|location| Some((location.external_ids.mpluskassa?, location.record.id)));
        all.extend(linked);
    }
    Ok(all)
}

/// Stores the prices of items that are known already, when they changed.
pub(super) async fn store(run: &mut Run<'_>, prices: Arc<BranchPrices>) -> Result<(), StepError> {
    if run.checkpoint(&Resource::BRANCH_PRICES) == Some(prices.hash) && !run.is_full() {
        return Ok(());
    }
    let limit = usize::from(run.settings().chunk.max(1));
    let mut page = Some(Page::first(limit));
    while let Some(next) = page {
        let last = store_page(run, &prices, next).await?;
        page = last.map(|last| Page::after(last, limit));
    }
    run.keep_checkpoint(Resource::BRANCH_PRICES, prices.hash).await
}

/// Makes the next run store all prices: articles are pulled that have not got theirs.
pub(super) async fn forget(run: &mut Run<'_>) -> Result<(), StepError> {
    match run.checkpoint(&Resource::BRANCH_PRICES) {
        Some(_) => run.keep_checkpoint(Resource::BRANCH_PRICES, MISSED).await,
        None => Ok(()),
    }
}

/// One page of stored items; the last identifier when there may be more.
async fn store_page(
    run: &mut Run<'_>,
    prices: &BranchPrices,
    page: Page<ItemId>,
) -> Result<Option<ItemId>, StepError> {
    let limit = page.limit;
    for _ in 0..DECISIONS {
        let items = run.store().items(run.connection(), Select::Page(page.clone())).await?;
        let last = (items.len() == limit).then(|| items.last().map(|item| item.record.id.clone())).flatten();
        let mut chunk = CatalogChunk::default();
        let mut conflicts = Vec::new();
        for item in items {
            let Some(merged) = decide(run.options.context, prices, item)? else { continue };
            conflicts.extend(merged.conflicts.into_iter().map(|settled| Conflict {
                resource: Resource::BRANCH_PRICES,
                subject: Subject::new(&merged.tracked.record.name, &merged.tracked.record.id),
                fields: settled.fields,
                winner: settled.winner,
                why: settled.why,
            }));
            chunk.items.push(merged.tracked);
        }
        let pulled = chunk.items.len() as u64;
        if run.apply(chunk).await? {
            run.report.count(&Resource::BRANCH_PRICES).pulled += pulled;
            conflicts.into_iter().for_each(|conflict| run.report.conflict(conflict));
            return Ok(last);
        }
    }
    Ok(None)
}

/// The item with the POS's branch prices, when that changes it.
fn decide(
    context: SyncContext,
    prices: &BranchPrices,
    item: Tracked<Item>,
) -> Result<Option<Merged<Item>>, StepError> {
    let Some(number) = item.external_ids.mpluskassa else { return Ok(None) };
    let edits = item.edits.clone();
    let mut merged = Merged {
        tracked: item,
        changed: false,
        deactivated: false,
        settles_edit: false,
        conflicts: Vec::new(),
    };
    merge_location_prices(context, &mut merged, &edits, &prices.of_article(number.get()))?;
    Ok(merged.changed.then_some(merged))
}
