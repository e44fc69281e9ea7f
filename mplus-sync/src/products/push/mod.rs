//! Pushes the host's edits of categories, items and branch prices.
//!
//! An edit goes one way: [`collect`], [`prepare`], [`send`], [`note`].

mod collect;
pub(crate) mod known;
pub(crate) mod making;
pub(crate) mod note;
pub(crate) mod prepare;
pub(crate) mod send;
pub(crate) mod sent;
mod whole;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::branch_prices::BranchPrices;
use super::merge::content_fingerprint;
use super::vat::CheckedTax;
use crate::model::{Category, CategoryId, Item, Resource, Tracked};
use crate::progress::Phase;
use crate::report::Subject;
use crate::run::{Run, StepError};
use crate::store::{CatalogPushes, Pushed, Select};
use crate::tax::TaxTable;

use known::KnownArticles;
use note::{agreed, mark, refused, unshown};
use prepare::{Outgoing, group_by_category};
use send::Answer;
use sent::ToMake;

/// What the push is told by the pull before it.
pub(crate) struct ToPush {
    pub(crate) branch_prices: Arc<BranchPrices>,
    pub(crate) tax: CheckedTax,
    /// Edits that the pull has settled.
    pub(crate) settled: BTreeSet<String>,
}

/// Pushes edited categories, then edited items. The tax mapping is handed on.
pub(super) async fn push(run: &mut Run<'_>, given: ToPush) -> Result<CheckedTax, StepError> {
    let ToPush { branch_prices, mut tax, settled } = given;
    let mut known = KnownArticles::default();
    let mut page = Some(collect::first());
    while let Some(next) = page {
        let collected = collect::categories(run, next, &settled).await?;
        page = collected.next;
        for category in collected.records {
            push_category(run, &mut known, category).await?;
        }
    }
    run.expect(&Resource::ARTICLES, Phase::Push, None);
    let mut page = Some(collect::first());
    while let Some(next) = page {
        let collected = collect::items(run, next, &settled).await?;
        page = collected.next;
        if !collected.records.is_empty() {
            let count = collected.records.len();
            let table = tax.of(run).await?;
            push_items(run, &mut known, collected.records, &table, &branch_prices).await?;
            run.advance(&Resource::ARTICLES, count);
        }
    }
    Ok(tax)
}

/// Pushes a category that the POS knows. One that it does not know is made with its first item.
async fn push_category(
    run: &mut Run<'_>,
    known: &mut KnownArticles,
    category: Tracked<Category>,
) -> Result<(), StepError> {
    let Some(number) = category.external_ids.mpluskassa else { return Ok(()) };
    let product = prepare::category(&category, number);
    let untold = prepare::untold_of_category(&category);
    for one in &untold {
        let subject = Subject::new(&category.record.name, &category.record.id);
        run.report.ask_for(one.note(Resource::CATEGORIES, subject));
    }
    if product.is_none() && prepare::are_all_untold(&category, &untold) {
        return Ok(());
    }
    if run.options.dry_run {
        run.report.count(&Resource::CATEGORIES).pushed += u64::from(product.is_some());
        return Ok(());
    }
    let sync = match product {
        None => category.sync.clone(),
        Some(product) => match send::update(run, known, product, &ToMake::default()).await {
            Ok(Answer::NotWhole | Answer::Anothers | Answer::MayBeThere) => {
                let subject = Subject::new(&category.record.name, &category.record.id);
                run.report.ask_for(unshown(Resource::CATEGORIES, subject));
                return Ok(());
            }
            Ok(Answer::Taken(sent)) => {
                run.report.count(&Resource::CATEGORIES).pushed += 1;
                agreed(&category, content_fingerprint(&category.record)?, sent.marker)
            }
            Err(StepError::Pos(error)) => {
                let subject = Subject::new(&category.record.name, &category.record.id);
                return refused(run, &Resource::CATEGORIES, subject, error);
            }
            Err(error) => return Err(error),
        },
    };
    let sent = prepare::as_told(&category, &untold);
    let pushed = Pushed { id: category.record.id.clone(), sent: Some(sent), number, sync };
    mark(run, CatalogPushes { categories: vec![pushed], ..CatalogPushes::default() }).await
}

async fn push_items(
    run: &mut Run<'_>,
    known: &mut KnownArticles,
    items: Vec<Tracked<Item>>,
    tax: &TaxTable,
    branch_prices: &BranchPrices,
) -> Result<(), StepError> {
    let mut ready = Vec::new();
    for item in items {
        match prepare::item(item, tax, branch_prices) {
            Ok(outgoing) => {
                for one in &outgoing.untold {
                    let record = &outgoing.item.record;
                    let subject = Subject::new(&record.name, &record.id);
                    run.report.ask_for(one.note(Resource::ARTICLES, subject));
                }
                if !prepare::are_all_untold(&outgoing.item, &outgoing.untold) {
                    ready.push(outgoing);
                }
            }
            Err(note) => run.report.skip(note),
        }
    }
    if run.options.dry_run {
        let sent = ready.iter().filter(|one| one.article.is_some() || one.prices.is_some()).count();
        run.report.count(&Resource::ARTICLES).pushed += sent as u64;
        return Ok(());
    }
    let (articles, mut done): (Vec<_>, Vec<_>) = ready.into_iter().partition(|one| one.article.is_some());
    let moved_from = articles.iter().filter_map(Outgoing::moved_from);
    let ids = articles.iter().filter_map(|one| one.item.record.category.clone()).chain(moved_from);
    let ids: Vec<_> = ids.collect::<BTreeSet<_>>().into_iter().collect();
    let categories = run.store().categories(run.connection(), Select::Ids(ids)).await?;
    let mut categories: HashMap<CategoryId, Tracked<Category>> =
        categories.into_iter().map(|category| (category.record.id.clone(), category)).collect();
    for (id, group) in group_by_category(articles) {
        match id.filter(|id| categories.contains_key(id)) {
            Some(id) => send::group(run, known, &mut categories, &id, group, &mut done).await?,
            None => {
                for one in group {
                    let subject = Subject::new(&one.item.record.name, &one.item.record.id);
                    let (message, advice) = ("the item is in no category", "Put the item into a category");
                    run.skip(&Resource::ARTICLES, subject, message, advice);
                }
            }
        }
    }
    finish(run, done, branch_prices).await
}

/// Sends branch prices and stores what the POS has taken.
async fn finish(
    run: &mut Run<'_>,
    done: Vec<Outgoing>,
    branch_prices: &BranchPrices,
) -> Result<(), StepError> {
    let mut items = Vec::new();
    for mut one in done {
        // The POS did not tell the number: the next pull finds the article.
        let Some(number) = one.number else { continue };
        let sync = match one.article {
            Some(_) => agreed(&one.item, content_fingerprint(&one.item.record)?, one.marker),
            None => one.item.sync.clone(),
        };
        if let Some(lines) = one.prices.take() {
            let removed = prepare::removed_prices(&one.item, branch_prices);
            one.without_prices = !send::prices(run, &one.item, number, lines).await?
                || send::keeps_prices(run, &one.item, number, &removed).await?;
        }
        items.push(Pushed { id: one.item.record.id.clone(), sent: Some(one.taken()), number, sync });
    }
    mark(run, CatalogPushes { items, ..CatalogPushes::default() }).await
}
