//! Pulls the prices of single branches.
//!
//! The POS gives no marker for them: one call lists them all. A hash of the list is kept as checkpoint, so that an
//! unchanged list costs no more than the call; articles that are pulled later in the run find their prices in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures_util::StreamExt;
use mplus_qapi::products::{ArticleBranchDeviationLine, GetArticleBranchDeviations};
use mplus_qapi::soap::Operation;
use rust_decimal::Decimal;

use super::article_branches::{ArticleBranches, Remark};
use super::merge::{Merged, merge_location_prices};
use crate::conflict::Settling;
use crate::model::{
    ArticleNumber, BranchNumber, Fingerprint, Item, ItemId, LocationId, LocationPrice, Resource, Tracked,
};
use crate::pos_call::{is_refused, is_unknown_operation, pos_advice, unreadable_at};
use crate::price::{Price, ToldPrice};
use crate::progress::Phase;
use crate::report::{Conflict, Note, Subject};
use crate::run::{DECISIONS, Run, StepError};
use crate::store::{CatalogChunk, Page, Select};

/// The POS's prices of single branches, and which location each branch is.
#[derive(Debug, Default)]
pub(crate) struct BranchPrices {
    /// Whether they are known: the POS has told them, and they are believed.
    told: bool,
    /// Whether the POS told them and they cannot be read: which there are is not known.
    unreadable: bool,
    by_article: HashMap<i64, Vec<ArticleBranchDeviationLine>>,
    locations: BTreeMap<BranchNumber, LocationId>,
    /// Stands for all of them, in whatever order they came.
    hash: i64,
    /// How many they are.
    lines: i64,
}

/// Added to the checkpoint when articles were pulled that have not got their prices. The hash of a list is even, so that the
/// list that was believed last stays known; that of an empty one is 0.
const MISSED: i64 = 1;

impl BranchPrices {
    /// What the branches that are locations tell of an article, whose VAT rate in per cent may be needed to know a price.
    pub(crate) fn of_article(&self, article: i64, rate: Option<Decimal>) -> ArticleBranches {
        let mut told = ArticleBranches::default();
        for line in self.lines(ArticleNumber::new(article)) {
            let Some(location) = self.locations.get(&BranchNumber::new(line.branch_number)) else { continue };
            // Of a line that comes twice the last one counts.
            told.prices.retain(|known| known.location != *location);
            told.not_sold_at.retain(|known| known != location);
            let price = Price::of(ToldPrice {
                including_vat: line.sales_price_incl.map(Into::into),
                excluding_vat: line.sales_price_excl.map(Into::into),
                special: line.special_price.as_ref(),
                vat_rate: rate,
            });
            let (why, advice) = match price {
                Ok(Price::Amount(price)) => {
                    told.prices.push(LocationPrice { location: location.clone(), price });
                    continue;
                }
                Ok(Price::NotTold) => continue,
                Ok(Price::AskedAtTill) => {
                    ("the till asks for its price".to_owned(), "Set a price in the POS to sell it there")
                }
                Ok(Price::InBarcode) => {
                    ("its price is in the barcode".to_owned(), "Set a price in the POS to sell it there")
                }
                Ok(Price::NotForSale) => ("it is not for sale".to_owned(), "Nothing to do, if that is meant"),
                Err(problem) => (problem.to_string(), problem.advice()),
            };
            told.not_sold_at.push(location.clone());
            let message =
                format!("in branch {} {why}: it cannot be ordered at {location}", line.branch_number);
            told.remarks.push((message, advice));
        }
        told.prices.sort_by(|a, b| a.location.cmp(&b.location));
        told.not_sold_at.sort();
        told
    }

    /// Whether they are known.
    pub(crate) fn are_told(&self) -> bool {
        self.told
    }

    /// Whether it is known which lines an article has: a POS that takes away what is not named could not be written to otherwise.
    pub(crate) fn can_be_written(&self) -> bool {
        !self.unreadable
    }

    /// An article's lines as the POS told them, those of branches that are no locations among them.
    pub(crate) fn lines(&self, article: ArticleNumber) -> &[ArticleBranchDeviationLine] {
        self.by_article.get(&article.get()).map(Vec::as_slice).unwrap_or_default()
    }

    /// The branch that a location is.
    pub(crate) fn branch_of(&self, location: &LocationId) -> Option<BranchNumber> {
        self.locations.iter().find(|(_, id)| *id == location).map(|(branch, _)| *branch)
    }
}

/// Reads all branch prices.
pub(super) async fn read(run: &mut Run<'_>) -> Result<Arc<BranchPrices>, StepError> {
    let mut prices = BranchPrices { locations: locations(run).await?, ..BranchPrices::default() };
    let name = GetArticleBranchDeviations::INFO.name;
    if run.lacks(name) {
        return Ok(Arc::new(prices));
    }
    let mut hash = 0_u64;
    let mut lines = run.client().call(GetArticleBranchDeviations::default()).stream();
    run.report.requests += 1;
    while let Some(line) = lines.next().await {
        let line = match line {
            Err(error) if is_unknown_operation(&error) => {
                run.learn_lacking(name).await;
                return Ok(Arc::new(prices));
            }
            // Of all others it is not known either what they are. Items are pulled and pushed without.
            Err(error) if unreadable_at(&error).is_some() || is_refused(&error) => {
                let (why, advice) = match unreadable_at(&error) {
                    Some(place) => {
                        (format!("{place} cannot be read"), "Correct the value in the POS, or report this")
                    }
                    None => (error.to_string(), pos_advice(&error)),
                };
                let message = format!("all prices of branches were left as they are: {why}");
                run.report.fail(Note::general(Resource::BRANCH_PRICES, &message, advice));
                return Ok(Arc::new(BranchPrices { unreadable: true, ..prices }));
            }
            line => line?,
        };
        let amount = |amount: Option<mplus_qapi::value::XsdDecimal>| amount.map(|amount| amount.normalize());
        let branch = BranchNumber::new(line.branch_number);
        // A price of a branch that is no location still counts: the location may come.
        let print = Fingerprint::of(&(
            line.article_number,
            branch,
            amount(line.sales_price_incl),
            amount(line.sales_price_excl),
            line.special_price.as_ref().map(|special| special.as_str().to_owned()),
            prices.locations.get(&branch),
        ))?;
        hash = hash.wrapping_add(u64::from_str_radix(&print.as_str()[..16], 16).unwrap_or_default());
        prices.lines += 1;
        prices.by_article.entry(line.article_number).or_default().push(line);
    }
    run.expect(&Resource::BRANCH_PRICES, Phase::Pull, Some(prices.by_article.len() as u64));
    run.advance(&Resource::BRANCH_PRICES, prices.by_article.len());
    prices.hash = i64::from_ne_bytes(hash.to_ne_bytes()) & !MISSED;
    prices.told = !is_held_back(run, &prices);
    Ok(Arc::new(prices))
}

/// A list that is empty, or lacks much of what was there before, takes prices away: a person has to say that it is meant.
fn is_held_back(run: &mut Run<'_>, prices: &BranchPrices) -> bool {
    let before = run.checkpoint(&Resource::BRANCH_PRICES).filter(|hash| hash & !MISSED != 0);
    if before.is_none() || run.options.accepts_loss {
        return false;
    }
    let known = run.checkpoint(&Resource::BRANCH_PRICE_LINES).unwrap_or_default();
    let gone = known - prices.lines;
    let too_many = gone > FEW && gone * 100 > known * i64::from(run.settings().most_gone);
    let message = match prices.lines {
        0 => "the POS lists no branch prices any more: none was taken away".to_owned(),
        _ if too_many => format!("the POS lists {gone} of {known} branch prices no more: none was changed"),
        _ => return false,
    };
    let advice = "Look at them in the POS. If it is meant, run a full sync that accepts the loss";
    run.report.ask_for(Note::general(Resource::BRANCH_PRICES, &message, advice));
    true
}

/// So few may always go: of a short list one is a large share.
const FEW: i64 = 2;

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
    let known = run.checkpoint(&Resource::BRANCH_PRICES) == Some(prices.hash);
    if known && !run.is_full() {
        return Ok(());
    }
    store_all(run, &prices).await
}

/// Stores them whether they changed or not: what they come to may have.
pub(super) async fn store_all(run: &mut Run<'_>, prices: &BranchPrices) -> Result<(), StepError> {
    if !prices.told {
        return Ok(());
    }
    let limit = usize::from(run.limits().chunk.max(1));
    let mut page = Some(Page::first(limit));
    while let Some(next) = page {
        let Some(last) = store_page(run, prices, next).await? else {
            // What is behind the page has not got its prices, either.
            let message = "items are edited on the host faster than their branch prices can be stored";
            run.report.fail(Note::general(
                Resource::BRANCH_PRICES,
                message,
                "The next sync takes them along",
            ));
            return forget(run).await;
        };
        page = last.map(|last| Page::after(last, limit));
    }
    run.keep_checkpoint(Resource::BRANCH_PRICE_LINES, prices.lines).await?;
    run.keep_checkpoint(Resource::BRANCH_PRICES, prices.hash).await
}

/// Makes the next run store all prices: articles are pulled that have not got theirs.
pub(super) async fn forget(run: &mut Run<'_>) -> Result<(), StepError> {
    match run.checkpoint(&Resource::BRANCH_PRICES) {
        Some(hash) => run.keep_checkpoint(Resource::BRANCH_PRICES, hash | MISSED).await,
        None => Ok(()),
    }
}

/// One page of stored items: its last identifier when there may be more. None when the items moved on each time.
async fn store_page(
    run: &mut Run<'_>,
    prices: &BranchPrices,
    page: Page<ItemId>,
) -> Result<Option<Option<ItemId>>, StepError> {
    let limit = page.limit;
    let how = run.settling();
    for _ in 0..DECISIONS {
        let items = run.store().items(run.connection(), Select::Page(page.clone())).await?;
        let last = (items.len() == limit).then(|| items.last().map(|item| item.record.id.clone())).flatten();
        let mut chunk = CatalogChunk::default();
        let (mut conflicts, mut notes) = (Vec::new(), Vec::new());
        for item in items {
            let Some((merged, remarks)) = decide(how, prices, item) else { continue };
            let subject = Subject::new(&merged.tracked.record.name, &merged.tracked.record.id);
            conflicts.extend(merged.conflicts.into_iter().map(|settled| Conflict {
                resource: Resource::BRANCH_PRICES,
                subject: subject.clone(),
                fields: settled.fields,
                winner: settled.winner,
                why: settled.why,
            }));
            notes.extend(remarks.into_iter().map(|(message, advice)| {
                Note::about(Resource::BRANCH_PRICES, subject.clone(), &message, advice)
            }));
            chunk.items.push(merged.tracked);
        }
        let pulled = chunk.items.len() as u64;
        if run.apply(chunk).await? {
            run.report.count(&Resource::BRANCH_PRICES).pulled += pulled;
            conflicts.into_iter().for_each(|conflict| run.report.conflict(conflict));
            notes.into_iter().for_each(|note| run.report.skip(note));
            return Ok(Some(last));
        }
    }
    Ok(None)
}

/// The item with the POS's branch prices, and what a person should know of them, when that changes it.
fn decide(how: Settling, prices: &BranchPrices, item: Tracked<Item>) -> Option<(Merged<Item>, Vec<Remark>)> {
    let number = item.external_ids.mpluskassa?;
    let branches = prices.of_article(number.get(), item.record.tax_rate);
    let mut merged = Merged::unchanged(item);
    merge_location_prices(how, &mut merged, &branches);
    merged.changed.then_some((merged, branches.remarks))
}
