//! Pushes the host's edits of categories, items and branch prices.

use std::collections::{BTreeMap, HashMap};

use mplus_qapi::ErrorKind;
use mplus_qapi::products::{
    Article, ArticleBranchDeviationLine, SaveArticleBranchDeviations, SaveArticleBranchDeviationsRequest,
    UpdateProduct,
};
use mplus_qapi::soap::Outcome;

use super::merge::{LOCATION_PRICES, WITHHELD, content_fingerprint, location_prices_fingerprint};
use super::send::{agreed, mark, send};
use super::{category_to_product, item_to_article, location_price_to_deviation};
use crate::conflict::Known;
use crate::error::{StepError, pos_advice};
use crate::model::{
    ArticleNumber, BranchNumber, Category, CategoryId, Item, LocationId, Marker, Resource, Revision,
    SyncState, Tracked,
};
use crate::progress::Phase;
use crate::report::{Note, Subject};
use crate::store::{CatalogPushes, Page, Pushed, Select};
use crate::sync::Run;
use crate::tax::TaxTable;

/// Edited records that are read at once.
const PAGE: usize = 100;

/// Pushes edited categories, then edited items.
pub(crate) async fn push(run: &mut Run<'_>) -> Result<(), StepError> {
    push_categories(run).await?;
    run.expect(&Resource::ARTICLES, Phase::Push, None);
    let mut page = Page::first(PAGE);
    loop {
        let items = run.store().items(run.connection(), Select::Edited(page)).await?;
        let last = (items.len() == PAGE).then(|| items.last().map(|item| item.record.id.clone())).flatten();
        if !items.is_empty() {
            let count = items.len();
            push_items(run, items).await?;
            run.advance(&Resource::ARTICLES, count);
        }
        match last {
            Some(last) => page = Page::after(last, PAGE),
            None => return Ok(()),
        }
    }
}

/// Categories that the POS knows. One that it does not know is made with its first item.
async fn push_categories(run: &mut Run<'_>) -> Result<(), StepError> {
    let mut page = Page::first(PAGE);
    loop {
        let categories = run.store().categories(run.connection(), Select::Edited(page)).await?;
        let last =
            (categories.len() == PAGE).then(|| categories.last().map(|one| one.record.id.clone())).flatten();
        for category in categories {
            let Some(number) = category.external_ids.mpluskassa else { continue };
            if run.settled.contains(category.record.id.as_str()) {
                continue;
            }
            let print = content_fingerprint(&category.record)?;
            let unchanged = Known::of(&category.sync).agreed.as_ref() == Some(&print);
            if run.options.dry_run {
                run.report.count(&Resource::CATEGORIES).pushed += u64::from(!unchanged);
                continue;
            }
            let sync = if unchanged {
                category.sync.clone()
            } else {
                let product = category_to_product(&category.record, Some(number));
                let reply = match run.call(UpdateProduct { product }).await {
                    Ok(reply) => reply.into_result().map_err(mplus_qapi::Error::from),
                    Err(error) => Err(error),
                };
                match reply {
                    Ok(reply) => {
                        run.report.count(&Resource::CATEGORIES).pushed += 1;
                        agreed(&category, print, reply.sync_marker.map(Marker::new))
                    }
                    Err(error) => {
                        let subject = Subject::new(&category.record.name, &category.record.id);
                        refused(run, &Resource::CATEGORIES, subject, error)?;
                        continue;
                    }
                }
            };
            let pushed = Pushed { id: category.record.id.clone(), revision: category.revision, number, sync };
            mark(run, CatalogPushes { categories: vec![pushed], ..CatalogPushes::default() }).await?;
        }
        match last {
            Some(last) => page = Page::after(last, PAGE),
            None => return Ok(()),
        }
    }
}

/// An item on its way.
struct Outgoing {
    item: Tracked<Item>,
    /// What to send of the article; none when the POS has it already.
    article: Option<Article>,
    /// Branch prices to send.
    prices: Option<Vec<ArticleBranchDeviationLine>>,
    /// Known before, or told just now.
    number: Option<ArticleNumber>,
    marker: Option<Marker>,
}

async fn push_items(run: &mut Run<'_>, items: Vec<Tracked<Item>>) -> Result<(), StepError> {
    let tax = run.tax().await?;
    let mut ready = Vec::new();
    for item in items {
        if run.settled.contains(item.record.id.as_str()) {
            continue;
        }
        if let Some(outgoing) = prepare(run, item, &tax)? {
            ready.push(outgoing);
        }
    }
    if run.options.dry_run {
        let sent = ready.iter().filter(|one| one.article.is_some() || one.prices.is_some()).count();
        run.report.count(&Resource::ARTICLES).pushed += sent as u64;
        return Ok(());
    }
    let (articles, mut done): (Vec<_>, Vec<_>) = ready.into_iter().partition(|one| one.article.is_some());
    let ids = articles.iter().filter_map(|one| one.item.record.category.clone()).collect();
    let categories = run.store().categories(run.connection(), Select::Ids(ids)).await?;
    let mut categories: HashMap<CategoryId, Tracked<Category>> =
        categories.into_iter().map(|category| (category.record.id.clone(), category)).collect();
    for (id, group) in group_by_category(articles) {
        match id.and_then(|id| categories.get_mut(&id)) {
            Some(category) => send_group(run, category, group, &mut done).await?,
            None => {
                for one in group {
                    let subject = Subject::new(&one.item.record.name, &one.item.record.id);
                    let (message, advice) = ("the item is in no category", "Put the item into a category");
                    run.skip(&Resource::ARTICLES, subject, message, advice);
                }
            }
        }
    }
    finish(run, done).await
}

fn group_by_category(items: Vec<Outgoing>) -> BTreeMap<Option<CategoryId>, Vec<Outgoing>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for item in items {
        groups.entry(item.item.record.category.clone()).or_default().push(item);
    }
    groups
}

/// What is to be sent of an item; none when the POS cannot take it, which is in the report then.
fn prepare(run: &mut Run<'_>, item: Tracked<Item>, tax: &TaxTable) -> Result<Option<Outgoing>, StepError> {
    let number = item.external_ids.mpluskassa;
    let subject = Subject::new(&item.record.name, &item.record.id);
    let print = content_fingerprint(&item.record)?;
    let changed = number.is_none() || Known::of(&item.sync).agreed.as_ref() != Some(&print);
    let article = if changed {
        // An article whose code the host does not know keeps it; everything else needs one.
        let code = match (item.record.tax_rate, number) {
            (None, Some(_)) if item.record.btw_code.is_some() => None,
            (rate, _) => match tax.code_for(&item.record.name, rate) {
                Ok(code) => Some(code),
                Err(problem) => {
                    run.report.skip(Note::tax(Resource::ARTICLES, subject, &problem));
                    return Ok(None);
                }
            },
        };
        match item_to_article(&item.record, number, code, item.sync.parts.contains_key(WITHHELD)) {
            Ok(article) => Some(article),
            Err(problem) => {
                run.skip(&Resource::ARTICLES, subject, &problem.to_string(), problem.advice());
                return Ok(None);
            }
        }
    } else {
        None
    };
    let agreed = item.sync.parts.get(LOCATION_PRICES);
    let none = location_prices_fingerprint(&[])?;
    let prices = if location_prices_fingerprint(&item.record.location_prices)? == *agreed.unwrap_or(&none) {
        None
    } else {
        match deviations(run, &item.record, number) {
            Ok(lines) => Some(lines),
            Err((message, advice)) => {
                run.skip(&Resource::BRANCH_PRICES, subject, &message, advice);
                return Ok(None);
            }
        }
    };
    Ok(Some(Outgoing { item, article, prices, number, marker: None }))
}

/// Lines for the prices that the item has, and empty ones for those that only the POS has.
fn deviations(
    run: &Run<'_>,
    item: &Item,
    number: Option<ArticleNumber>,
) -> Result<Vec<ArticleBranchDeviationLine>, (String, &'static str)> {
    let branch = |location: &LocationId| -> Option<BranchNumber> {
        run.locations.iter().find(|(_, id)| *id == location).map(|(branch, _)| *branch)
    };
    // A new article gets its number with the answer.
    let article = number.unwrap_or(ArticleNumber::new(0));
    let mut lines = Vec::new();
    for own in &item.location_prices {
        let Some(branch) = branch(&own.location) else {
            let message = format!("the price of location {} has no branch at the POS", own.location);
            return Err((message, "Remove the price, or connect the location's branch"));
        };
        let line = location_price_to_deviation(article, branch, Some(own.price));
        lines.push(line.map_err(|problem| (problem.to_string(), problem.advice()))?);
    }
    for branch in run.branch_prices.iter().flat_map(|prices| prices.branches(article)) {
        if !lines.iter().any(|line| line.branch_number == branch.get())
            && let Ok(line) = location_price_to_deviation(article, branch, None)
        {
            lines.push(line);
        }
    }
    Ok(lines)
}

/// Sends a category's articles at once; one by one when the POS refuses them together.
async fn send_group(
    run: &mut Run<'_>,
    category: &mut Tracked<Category>,
    group: Vec<Outgoing>,
    done: &mut Vec<Outgoing>,
) -> Result<(), StepError> {
    let mut waiting = vec![group];
    while let Some(mut group) = waiting.pop() {
        run.options.cancel.check()?;
        let articles = group.iter().filter_map(|one| one.article.clone()).collect();
        match send(run, category, articles).await {
            Ok(sent) => {
                run.report.count(&Resource::ARTICLES).pushed += group.len() as u64;
                for (one, number) in group.iter_mut().zip(sent.numbers) {
                    (one.number, one.marker) = (number, sent.marker);
                }
                done.extend(group);
            }
            Err(StepError::Pos(error))
                if matches!(error.kind(), ErrorKind::Outcome(_)) && group.len() > 1 =>
            {
                waiting.extend(group.into_iter().rev().map(|one| vec![one]));
            }
            Err(StepError::Pos(error)) => {
                let mut subjects =
                    group.iter().map(|one| Subject::new(&one.item.record.name, &one.item.record.id));
                let first = subjects.next();
                let message = failure(&error);
                for subject in subjects {
                    run.report.fail(Note::about(Resource::ARTICLES, subject, &message, pos_advice(&error)));
                }
                if let Some(subject) = first {
                    refused(run, &Resource::ARTICLES, subject, error)?;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends branch prices and stores what the POS has taken.
async fn finish(run: &mut Run<'_>, done: Vec<Outgoing>) -> Result<(), StepError> {
    let mut items = Vec::new();
    for mut one in done {
        // The POS did not tell the number: the next pull finds the article.
        let Some(number) = one.number else { continue };
        let mut sync = match one.article {
            Some(_) => agreed(&one.item, content_fingerprint(&one.item.record)?, one.marker),
            None => one.item.sync.clone(),
        };
        let mut revision = one.item.revision;
        if let Some(lines) = one.prices.take()
            && !save_prices(run, &one.item, number, lines, &mut sync).await?
        {
            // The number is stored and the edit stays pending: no stored record has this revision.
            revision = Revision::NEW;
        }
        items.push(Pushed { id: one.item.record.id.clone(), revision, number, sync });
    }
    mark(run, CatalogPushes { items, ..CatalogPushes::default() }).await
}

/// False when the POS refused them, which is in the report then.
async fn save_prices(
    run: &mut Run<'_>,
    item: &Tracked<Item>,
    number: ArticleNumber,
    mut lines: Vec<ArticleBranchDeviationLine>,
    sync: &mut SyncState,
) -> Result<bool, StepError> {
    lines.iter_mut().for_each(|line| line.article_number = number.get());
    let request = SaveArticleBranchDeviationsRequest { article_branch_deviation_lines: lines };
    let reply = match run.call(SaveArticleBranchDeviations { request }).await {
        Ok(reply) => reply.into_result().map_err(mplus_qapi::Error::from),
        Err(error) => Err(error),
    };
    match reply {
        Ok(_) => {
            run.report.count(&Resource::BRANCH_PRICES).pushed += 1;
            let print = location_prices_fingerprint(&item.record.location_prices)?;
            if item.record.location_prices.is_empty() {
                sync.parts.remove(LOCATION_PRICES);
            } else {
                sync.parts.insert(LOCATION_PRICES.to_owned(), print);
            }
            Ok(true)
        }
        // What was done of the item is stored first; a POS that is gone shows at the next call.
        Err(error) => {
            let subject = Subject::new(&item.record.name, &item.record.id);
            let message = failure(&error);
            run.report.fail(Note::about(Resource::BRANCH_PRICES, subject, &message, pos_advice(&error)));
            Ok(false)
        }
    }
}

/// Notes that the POS did not take a record.
///
/// # Errors
/// When nothing else would work either.
pub(crate) fn refused(
    run: &mut Run<'_>,
    resource: &Resource,
    subject: Subject,
    error: mplus_qapi::Error,
) -> Result<(), StepError> {
    run.report.fail(Note::about(resource.clone(), subject, &failure(&error), pos_advice(&error)));
    let error = StepError::from(error);
    if error.ends_the_run() { Err(error) } else { Ok(()) }
}

fn failure(error: &mplus_qapi::Error) -> String {
    match error.may_have_been_processed() {
        true => format!("the POS may have it, and the next sync finds out: {error}"),
        false => error.to_string(),
    }
}
