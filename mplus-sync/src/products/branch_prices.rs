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
use crate::error::StepError;
use crate::model::{
    ArticleNumber, BranchNumber, Checkpoint, Fingerprint, Item, LocationId, LocationPrice, Marker, Resource,
    Tracked,
};
use crate::progress::Phase;
use crate::report::{Conflict, Subject};
use crate::store::{CatalogChunk, Page, Select};
use crate::sync::{DECISIONS, Run};

/// The POS's prices of single branches, and which location each branch is.
#[derive(Debug)]
pub(crate) struct BranchPrices {
    by_article: HashMap<i64, Vec<(BranchNumber, Decimal)>>,
    locations: BTreeMap<BranchNumber, LocationId>,
}

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

    fn lines(&self, article: i64) -> &[(BranchNumber, Decimal)] {
        self.by_article.get(&article).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Reads all branch prices, and stores those of items that are known already.
pub(crate) async fn pull(run: &mut Run<'_>) -> Result<(), StepError> {
    let (prices, marker) = read(run).await?;
    let changed = run.checkpoint(&Resource::BRANCH_PRICES) != Some(marker);
    run.expect(&Resource::BRANCH_PRICES, Phase::Pull, Some(prices.by_article.len() as u64));
    run.advance(&Resource::BRANCH_PRICES, prices.by_article.len());
    run.branch_prices = Some(Arc::new(prices));
    if !changed && !run.is_full() {
        return Ok(());
    }
    let limit = usize::from(run.settings().chunk.max(1));
    let mut page = Page::first(limit);
    loop {
        let last = store_page(run, page.clone()).await?;
        match last {
            Some(last) => page = Page::after(last, limit),
            None => break,
        }
    }
    if changed {
        let checkpoints = vec![Checkpoint::new(Resource::BRANCH_PRICES, Marker::new(marker))];
        run.apply(CatalogChunk { checkpoints, ..CatalogChunk::default() }).await?;
    }
    Ok(())
}

/// All branch prices by article, and a number that stands for them in whatever order they came.
async fn read(run: &mut Run<'_>) -> Result<(BranchPrices, i64), StepError> {
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
            Fingerprint::of(&(line.article_number, branch, price.normalize(), run.locations.get(&branch)))?;
        hash = hash.wrapping_add(u64::from_str_radix(&print.as_str()[..16], 16).unwrap_or_default());
        by_article.entry(line.article_number).or_default().push((branch, price.get()));
    }
    // Of 0 nothing could be told apart: it is the hash of an empty list.
    Ok((
        BranchPrices { by_article, locations: run.locations.clone() },
        i64::from_ne_bytes(hash.to_ne_bytes()),
    ))
}

/// One page of stored items; the last identifier when there may be more.
async fn store_page(
    run: &mut Run<'_>,
    page: Page<crate::model::ItemId>,
) -> Result<Option<crate::model::ItemId>, StepError> {
    let limit = page.limit;
    for _ in 0..DECISIONS {
        let items = run.store().items(run.connection(), Select::Page(page.clone())).await?;
        let last = (items.len() == limit).then(|| items.last().map(|item| item.record.id.clone())).flatten();
        let mut chunk = CatalogChunk::default();
        let mut conflicts = Vec::new();
        for item in items {
            let Some(merged) = decide(run, item)? else { continue };
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
fn decide(run: &Run<'_>, item: Tracked<Item>) -> Result<Option<Merged<Item>>, StepError> {
    let Some(number) = item.external_ids.mpluskassa else { return Ok(None) };
    let Some(prices) = &run.branch_prices else { return Ok(None) };
    let edited_at = item.edited_at;
    let mut merged = Merged {
        tracked: item,
        changed: false,
        deactivated: false,
        settles_edit: false,
        conflicts: Vec::new(),
    };
    merge_location_prices(run.options.context, &mut merged, edited_at, &prices.of_article(number.get()))?;
    Ok(merged.changed.then_some(merged))
}
