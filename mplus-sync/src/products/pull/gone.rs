//! What is gone at the POS: a list of everything brings the rest.

use std::collections::BTreeSet;

use mplus_qapi::products::{GetProducts, GetProductsRequest, Product};

use super::rows::Rows;
use crate::model::{ArticleNumber, ProductNumber, Record, Resource, Tracked};
use crate::products::ask::Asking;
use crate::products::merge::Shared;
use crate::report::Note;
use crate::run::{Changes, Run, StepError};
use crate::store::{CatalogChunk, Page, Select};

/// Numbers that the POS has listed. 8 bytes each.
#[derive(Default)]
pub(super) struct Seen {
    articles: BTreeSet<i64>,
    products: BTreeSet<i64>,
    /// Whether something is there of which the number is not known.
    has_nameless: bool,
}

impl Seen {
    /// Writes down which numbers a page has.
    pub(super) fn note(&mut self, rows: &Rows) {
        self.articles.extend(rows.numbers());
        self.products.extend(rows.products().map(|(number, _)| number));
        self.has_nameless |= rows.has_nameless;
    }

    /// Something was listed that could not be read at all.
    pub(super) fn note_nameless(&mut self) {
        self.has_nameless = true;
    }
}

/// So few may always go: of a small menu one is a large share.
pub(super) const FEW: usize = 2;

/// Lists what the POS has, stores nothing of it, and makes inactive what is gone. A run that has read what changed need not be
/// a full one for that.
pub(super) async fn take_stock_of_menu(run: &mut Run<'_>, until: Option<i64>) -> Result<(), StepError> {
    let mut seen = Seen::default();
    let mut changes = Changes::new(run, GetProducts::default(), Resource::ARTICLES, 0, until);
    while let Some(page) = changes.next(run).await? {
        seen.note(&Rows::of(page.items, &page.unreadable));
    }
    if !changes.is_complete() {
        seen.note_nameless();
    }
    deactivate_gone(run, &seen).await
}

/// Makes inactive what a list of everything did not bring any more. Nothing is deleted, and nothing is believed that would
/// switch off too much of the menu, nor what the POS still has when it is asked for by its number.
pub(super) async fn deactivate_gone(run: &mut Run<'_>, seen: &Seen) -> Result<(), StepError> {
    if seen.has_nameless {
        // What cannot be named may be any of those that are missed.
        run.report.skip(Note::general(
            Resource::ARTICLES,
            "nothing was looked for that is gone: something that the POS lists cannot be read, and may be what is missed",
            "Correct in the POS what this run names as unreadable",
        ));
        return Ok(());
    }
    let missed = Missed::of(run, seen).await?;
    if missed.is_too_much(run, seen) {
        return Ok(());
    }
    let limit = usize::from(run.limits().chunk.max(1));
    for missed in missed.articles.chunks(limit) {
        let there = still_there(run, missed).await?;
        let gone = missed.iter().filter(|number| !there.contains(number)).copied();
        let gone = Select::PosIds(gone.map(ArticleNumber::new).collect());
        let items = switched_off(run.store().items(run.connection(), gone).await?);
        deactivate(run, &Resource::ARTICLES, CatalogChunk { items, ..CatalogChunk::default() }).await?;
    }
    for missed in missed.products.chunks(limit) {
        let there = products_still_there(run, missed).await?;
        let gone = missed.iter().filter(|number| !there.contains(number)).copied();
        let gone = Select::PosIds(gone.map(ProductNumber::new).collect());
        let categories = switched_off(run.store().categories(run.connection(), gone).await?);
        deactivate(run, &Resource::CATEGORIES, CatalogChunk { categories, ..CatalogChunk::default() })
            .await?;
    }
    Ok(())
}

/// What can be sold and was not listed. 8 bytes each.
#[derive(Default)]
struct Missed {
    /// How many articles can be sold.
    sold: usize,
    articles: Vec<i64>,
    products: Vec<i64>,
}

impl Missed {
    /// Compares the whole menu with what was listed.
    async fn of(run: &Run<'_>, seen: &Seen) -> Result<Self, StepError> {
        let mut missed = Self::default();
        let limit = usize::from(run.limits().chunk.max(1));
        let mut page = Some(Page::first(limit));
        while let Some(next) = page {
            let items = run.store().items(run.connection(), Select::Page(next)).await?;
            page = following(&items, limit);
            let numbers = items.iter().filter(|item| item.record.active);
            for number in numbers.filter_map(|item| item.external_ids.mpluskassa) {
                missed.sold += 1;
                missed.articles.extend(Some(number.get()).filter(|number| !seen.articles.contains(number)));
            }
        }
        let mut page = Some(Page::first(limit));
        while let Some(next) = page {
            let categories = run.store().categories(run.connection(), Select::Page(next)).await?;
            page = following(&categories, limit);
            let numbers = categories.iter().filter(|category| category.record.active);
            let numbers = numbers.filter_map(|category| Some(category.external_ids.mpluskassa?.get()));
            missed.products.extend(numbers.filter(|number| !seen.products.contains(number)));
        }
        Ok(missed)
    }

    /// Whether too much is gone to be believed, which is told then.
    fn is_too_much(&self, run: &mut Run<'_>, seen: &Seen) -> bool {
        let (sold, gone) = (self.sold, self.articles.len());
        let too_many = gone > FEW && gone * 100 > sold * usize::from(run.settings().most_gone);
        if run.options.accepts_loss || gone == 0 || !(too_many || seen.articles.is_empty()) {
            return false;
        }
        run.report.ask_for(Note::general(
            Resource::ARTICLES,
            &format!("the POS does not list {gone} of {sold} articles any more: none was switched off"),
            "Look at the menu in the POS. If they are gone indeed, run a full sync that accepts the loss",
        ));
        true
    }
}

/// Which of these articles the POS has: one that changed while the list was read was in none of its pages.
async fn still_there(run: &mut Run<'_>, articles: &[i64]) -> Result<BTreeSet<i64>, StepError> {
    let request = GetProductsRequest { article_numbers: articles.to_vec(), ..GetProductsRequest::default() };
    asked_by_number(run, articles, request, |product, there| {
        there.extend(product.article_list.iter().filter_map(|article| article.article_number));
    })
    .await
}

/// Which of these products the POS has.
async fn products_still_there(run: &mut Run<'_>, products: &[i64]) -> Result<BTreeSet<i64>, StepError> {
    let request = GetProductsRequest { product_numbers: products.to_vec(), ..GetProductsRequest::default() };
    asked_by_number(run, products, request, |product, there| there.extend(product.product_number)).await
}

/// Asks for these numbers, and notes what each product shows to be there. Whoever accepts the loss believes the list: nothing
/// is asked.
async fn asked_by_number(
    run: &mut Run<'_>,
    numbers: &[i64],
    request: GetProductsRequest,
    note: fn(&Product, &mut BTreeSet<i64>),
) -> Result<BTreeSet<i64>, StepError> {
    let mut there = BTreeSet::new();
    if numbers.is_empty() || run.options.accepts_loss {
        return Ok(there);
    }
    let mut products = Asking::of(run, request);
    while let Some(asked) = products.next().await? {
        let (mut product, unread) = asked.apart();
        for (article, _) in unread {
            // What cannot be named may be any of them.
            if article.article_number.is_none() {
                return Ok(numbers.iter().copied().collect());
            }
            product.article_list.push(article);
        }
        note(&product, &mut there);
    }
    Ok(there)
}

/// The page behind these records; none when they were the last.
fn following<T: Record>(records: &[Tracked<T>], limit: usize) -> Option<Page<T::Id>> {
    let last = records.last().filter(|_| records.len() == limit)?;
    Some(Page::after(last.record.id().clone(), limit))
}

/// Those of some records that can be sold, made inactive.
fn switched_off<T: Shared>(mut records: Vec<Tracked<T>>) -> Vec<Tracked<T>> {
    // Pending edits stay: the POS may have it again tomorrow, and until then the push says that they wait.
    records.retain_mut(|tracked| std::mem::take(tracked.record.active()));
    records
}

/// A record that the host edits at this very moment is left to the next full run.
async fn deactivate(run: &mut Run<'_>, resource: &Resource, chunk: CatalogChunk) -> Result<(), StepError> {
    let count = chunk.items.len() + chunk.categories.len();
    if count > 0 && run.apply(chunk).await? {
        run.report.count(resource).deactivated += count as u64;
    }
    Ok(())
}
