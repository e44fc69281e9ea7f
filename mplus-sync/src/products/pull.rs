//! Pulls products and articles, a chunk at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mplus_qapi::preparation::GetArticlesPreparationMethodGroupsRequest;
use mplus_qapi::products::{Article, GetProducts, Product};
use mplus_qapi::soap::Outcome;

use super::from_pos::{Incoming, IncomingItem, article_to_item, product_to_category};
use super::images::{self, Wanted};
use super::merge::{Merged, Shared, WITHHELD, adopt, merge, merge_location_prices};
use crate::error::StepError;
use crate::model::{
    ArticleNumber, Category, CategoryId, Checkpoint, Combo, ComboId, Fingerprint, Item, ItemId, Marker,
    ModifierSource, PosModifierGroup, ProductNumber, Resource, Tracked,
};
use crate::progress::Phase;
use crate::report::{Conflict, Note, Subject};
use crate::store::{CatalogChunk, Page, Select};
use crate::sync::{Changes, DECISIONS, Run};
use crate::tax::TaxTable;

/// Pulls what changed of products and articles; all of it in a full run, which also finds what is gone.
pub(crate) async fn pull(run: &mut Run<'_>) -> Result<(), StepError> {
    let Some(since) = run.due(&Resource::ARTICLES, run.current.articles) else { return Ok(()) };
    let tax = run.tax().await?;
    let expected = (since == 0).then_some(run.current.articles).flatten();
    let first_pull = run.checkpoint(&Resource::ARTICLES).is_none();
    run.expect(&Resource::ARTICLES, Phase::Pull, expected.and_then(|count| u64::try_from(count).ok()));
    run.articles_tell_nutrition = first_pull;
    let mut gone = run.is_full().then(Seen::default);
    let current = run.current.articles;
    let mut changes = Changes::new(run, GetProducts::default(), since, current);
    let mut last = since - 1;
    while let Some(page) = changes.next(run).await? {
        let rows = rows(run, page.items);
        if let Some(seen) = &mut gone {
            seen.articles.extend(rows.articles.keys());
            seen.products.extend(rows.products.keys());
        }
        last = page.next_marker - 1;
        let links = links(run, rows.articles.keys().copied().collect()).await?;
        let articles = rows.articles.len();
        Chunk { rows, links, tax: &tax, last }.store(run).await?;
        run.advance(&Resource::ARTICLES, articles);
    }
    if let Some(seen) = gone {
        deactivate_gone(run, &seen).await?;
    }
    // What was deleted at the POS leaves a marker that no article has.
    let last = last.max(current.unwrap_or(last));
    if last >= 0 && run.checkpoint(&Resource::ARTICLES) != Some(last) {
        let checkpoints = vec![Checkpoint::new(Resource::ARTICLES, Marker::new(last))];
        run.apply(CatalogChunk { checkpoints, ..CatalogChunk::default() }).await?;
    }
    Ok(())
}

/// Numbers that a full pull has brought. 8 bytes each.
#[derive(Default)]
struct Seen {
    articles: BTreeSet<i64>,
    products: BTreeSet<i64>,
}

/// A page with each product and article once.
#[derive(Default)]
struct Rows {
    products: BTreeMap<i64, Product>,
    /// By number, with the product's.
    articles: BTreeMap<i64, (Article, Option<i64>)>,
}

/// Takes a page apart. Of a number that comes twice the newer one counts.
fn rows(run: &mut Run<'_>, page: Vec<Product>) -> Rows {
    let mut rows = Rows::default();
    let mut twice = BTreeSet::new();
    for mut product in page {
        let number = product.product_number;
        for article in std::mem::take(&mut product.article_list) {
            let Some(article_number) = article.article_number else {
                let name = article.description.unwrap_or_default();
                let subject = Subject::new(&name, "article without a number");
                run.skip(
                    &Resource::ARTICLES,
                    subject,
                    "the article has no number",
                    "Have the article looked at in the POS",
                );
                continue;
            };
            let known = rows.articles.get(&article_number);
            if known.is_some_and(|(known, of)| *of != number && known.sync_marker == article.sync_marker) {
                twice.insert(article_number);
            }
            if known.is_none_or(|(known, _)| known.sync_marker <= article.sync_marker) {
                rows.articles.insert(article_number, (article, number));
            }
        }
        if let Some(number) = number
            && rows.products.get(&number).is_none_or(|known| known.sync_marker <= product.sync_marker)
        {
            rows.products.insert(number, product);
        }
    }
    for number in twice {
        let name = rows.articles.get(&number).and_then(|(article, _)| article.description.as_deref());
        let subject = Subject::new(name.unwrap_or_default(), format!("article {number}"));
        run.skip(
            &Resource::ARTICLES,
            subject,
            "the article number is there in two products; the last one counts",
            "Give the articles numbers of their own in the POS",
        );
    }
    rows
}

/// The preparation method groups of articles, in their order.
async fn links(
    run: &mut Run<'_>,
    articles: Vec<i64>,
) -> Result<HashMap<i64, Vec<PosModifierGroup>>, StepError> {
    // Without groups there are no links.
    if articles.is_empty() || run.current.preparation == Some(0) {
        return Ok(HashMap::new());
    }
    let request = GetArticlesPreparationMethodGroupsRequest { article_numbers: articles };
    let call = mplus_qapi::preparation::GetArticlesPreparationMethodGroups { request };
    let response = run.call(call).await?.into_result().map_err(mplus_qapi::Error::from)?;
    let group = |number| PosModifierGroup { source: ModifierSource::PreparationMethod, number };
    let links = response.article_preparation_method_groups_list.into_iter().map(|links| {
        (links.article_number, links.preparation_method_group_numbers.into_iter().map(group).collect())
    });
    Ok(links.collect())
}

/// One page on its way into the store.
struct Chunk<'a> {
    rows: Rows,
    links: HashMap<i64, Vec<PosModifierGroup>>,
    tax: &'a TaxTable,
    last: i64,
}

/// What the store has of a page's records.
struct Known {
    categories: HashMap<ProductNumber, Tracked<Category>>,
    items: HashMap<ArticleNumber, Tracked<Item>>,
    combos: HashMap<ArticleNumber, Tracked<Combo>>,
    /// Items and combos by the host's identifier, which the POS does not have under a number yet.
    pushed_items: HashMap<ItemId, Tracked<Item>>,
    pushed_combos: HashMap<ComboId, Tracked<Combo>>,
}

/// What is told of a chunk once it is stored.
struct Told {
    notes: Vec<Note>,
    conflicts: Vec<Conflict>,
    settled: Vec<String>,
    pulled: [u64; 2],
    unchanged: [u64; 2],
    deactivated: u64,
    /// Whether every article told its allergens.
    nutrition: bool,
}

impl Default for Told {
    fn default() -> Self {
        let (notes, conflicts, settled) = (Vec::new(), Vec::new(), Vec::new());
        Self { notes, conflicts, settled, pulled: [0; 2], unchanged: [0; 2], deactivated: 0, nutrition: true }
    }
}

impl Chunk<'_> {
    /// Decides and stores, again and again while the host edits the same records.
    async fn store(self, run: &mut Run<'_>) -> Result<(), StepError> {
        for _ in 0..DECISIONS {
            let known = self.known(run).await?;
            let (mut chunk, told) = self.decide(run, known)?;
            let wanted = self.wanted_images(&chunk);
            if run.integration().media_store().is_some() && !wanted.is_empty() {
                chunk.checkpoints.push(images::pending());
            }
            if run.apply(chunk).await? {
                told.report(run);
                return images::download(run, wanted).await;
            }
        }
        run.report.fail(Note::general(
            Resource::ARTICLES,
            "articles are edited on the host faster than they can be pulled",
            "The next sync takes them along",
        ));
        Err(StepError::Store(crate::store::StoreError::new(
            crate::store::StoreErrorKind::Unavailable,
            "store a page of articles",
        )))
    }

    async fn known(&self, run: &mut Run<'_>) -> Result<Known, StepError> {
        let (store, connection) = (run.store(), run.connection());
        let products: Vec<_> = self.rows.products.keys().copied().map(ProductNumber::new).collect();
        let articles: Vec<_> = self.rows.articles.keys().copied().map(ArticleNumber::new).collect();
        let mut categories = by_number(store.categories(connection, Select::PosIds(products)).await?);
        let items = by_number(store.items(connection, Select::PosIds(articles.clone())).await?);
        let has_combos = match run.has_combos {
            Some(has_combos) => has_combos,
            None => !store.combos(connection, Select::Page(Page::first(1))).await?.is_empty(),
        };
        run.has_combos = Some(has_combos);
        let combos = match has_combos {
            true => by_number(store.combos(connection, Select::PosIds(articles)).await?),
            false => HashMap::new(),
        };
        let unknown = self.rows.articles.iter().filter(|(number, _)| {
            let number = ArticleNumber::new(**number);
            !items.contains_key(&number) && !combos.contains_key(&number)
        });
        let external: Vec<String> =
            unknown.filter_map(|(_, (article, _))| super::text(&article.ext_article_id)).collect();
        let mut pushed_items = HashMap::new();
        let mut pushed_combos = HashMap::new();
        if !external.is_empty() {
            let ids = external.iter().map(ItemId::new).collect();
            let found = store.items(connection, Select::Ids(ids)).await?;
            let lost = found.into_iter().filter(|item| item.external_ids.mpluskassa.is_none());
            pushed_items = lost.map(|item| (item.record.id.clone(), item)).collect();
            if has_combos {
                let ids = external.iter().map(ComboId::new).collect();
                let found = store.combos(connection, Select::Ids(ids)).await?;
                let lost = found.into_iter().filter(|combo| combo.external_ids.mpluskassa.is_none());
                pushed_combos = lost.map(|combo| (combo.record.id.clone(), combo)).collect();
            }
        }
        if !pushed_items.is_empty() || !pushed_combos.is_empty() {
            self.adopt_categories(run, &mut categories, &pushed_items, &pushed_combos).await?;
        }
        Ok(Known { categories, items, combos, pushed_items, pushed_combos })
    }

    /// A product that holds an item of ours and is not known is the item's category, made by a push whose answer was
    /// lost.
    async fn adopt_categories(
        &self,
        run: &mut Run<'_>,
        categories: &mut HashMap<ProductNumber, Tracked<Category>>,
        items: &HashMap<ItemId, Tracked<Item>>,
        combos: &HashMap<ComboId, Tracked<Combo>>,
    ) -> Result<(), StepError> {
        let mut wanted: BTreeMap<CategoryId, ProductNumber> = BTreeMap::new();
        for (article, product) in self.rows.articles.values() {
            let Some(external) = super::text(&article.ext_article_id) else { continue };
            let item = items.get(&ItemId::new(&external)).and_then(|item| item.record.category.clone());
            let combo =
                || combos.get(&ComboId::new(&external)).and_then(|combo| combo.record.category.clone());
            if let (Some(category), Some(product)) = (item.or_else(combo), product) {
                wanted.entry(category).or_insert(ProductNumber::new(*product));
            }
        }
        wanted.retain(|_, product| !categories.contains_key(product));
        let ids = wanted.keys().cloned().collect();
        for category in run.store().categories(run.connection(), Select::Ids(ids)).await? {
            if let (None, Some(product)) = (category.external_ids.mpluskassa, wanted.get(&category.record.id))
            {
                categories.insert(*product, category);
            }
        }
        Ok(())
    }

    fn decide(&self, run: &Run<'_>, mut known: Known) -> Result<(CatalogChunk, Told), StepError> {
        let mut told = Told::default();
        let mut chunk = CatalogChunk {
            checkpoints: vec![Checkpoint::new(Resource::ARTICLES, Marker::new(self.last))],
            ..CatalogChunk::default()
        };
        let mut ids: HashMap<i64, CategoryId> = HashMap::new();
        for (number, product) in &self.rows.products {
            let Some(incoming) = product_to_category(product) else { continue };
            let stored = known.categories.remove(&incoming.number);
            let merged = decided(run, stored, incoming)?;
            ids.insert(*number, merged.tracked.record.id.clone());
            told.merged(&Resource::CATEGORIES, 0, &merged);
            if merged.changed {
                chunk.categories.push(merged.tracked);
            }
        }
        for (number, (article, product)) in &self.rows.articles {
            let category = product.and_then(|product| ids.get(&product));
            let Some(item) = article_to_item(article, category, self.tax) else { continue };
            if self.takes_combo(&mut known, &item, &mut chunk) {
                continue;
            }
            let adopted =
                item.external_id.as_deref().and_then(|id| known.pushed_items.remove(&ItemId::new(id)));
            let stored = known.items.remove(&item.incoming.number).or(adopted);
            told.problems(&item, stored.as_ref());
            let merged = self.decide_item(run, stored, item, *number)?;
            told.merged(&Resource::ARTICLES, 1, &merged);
            if merged.changed {
                chunk.items.push(merged.tracked);
            }
        }
        Ok((chunk, told))
    }

    fn decide_item(
        &self,
        run: &Run<'_>,
        stored: Option<Tracked<Item>>,
        mut item: IncomingItem,
        number: i64,
    ) -> Result<Merged<Item>, StepError> {
        let edited_at = stored.as_ref().and_then(|stored| stored.edited_at);
        complete(&mut item, stored.as_ref(), self.links.get(&number).map(Vec::as_slice).unwrap_or_default());
        let withheld = item.withheld;
        let mut merged = decided(run, stored, item.incoming)?;
        if let Some(prices) = run.location_prices(number) {
            merge_location_prices(run.options.context, &mut merged, edited_at, &prices)?;
        }
        let parts = &mut merged.tracked.sync.parts;
        if withheld != parts.contains_key(WITHHELD) {
            merged.changed = true;
            if withheld {
                parts.insert(WITHHELD.to_owned(), Fingerprint::of(&true)?);
            } else {
                parts.remove(WITHHELD);
            }
        }
        Ok(merged)
    }

    /// An article that is a combo of the host's is no item. One whose push lost its answer gets its number.
    fn takes_combo(&self, known: &mut Known, item: &IncomingItem, chunk: &mut CatalogChunk) -> bool {
        if known.combos.contains_key(&item.incoming.number) {
            return true;
        }
        let Some(id) = item.external_id.as_deref().map(ComboId::new) else { return false };
        let Some(mut combo) = known.pushed_combos.remove(&id) else { return false };
        combo.external_ids.mpluskassa = Some(item.incoming.number);
        chunk.combos.push(combo);
        true
    }

    /// Pictures of the items to be stored that are not served yet.
    fn wanted_images(&self, chunk: &CatalogChunk) -> Vec<Wanted> {
        let wanted = chunk.items.iter().flat_map(|item| {
            let number = item.external_ids.mpluskassa.map(ArticleNumber::get).unwrap_or_default();
            let images = self.rows.articles.get(&number).map(|(article, _)| &article.image_list);
            item.record.images.iter().filter(|image| image.media.is_none()).filter_map(move |image| {
                let told = images?.iter().find(|told| told.image_hash == image.hash)?;
                Some(Wanted::new(&item.record, image, told.image_id))
            })
        });
        wanted.collect()
    }
}

/// Adds what the article itself does not tell: stored pictures, links, and what the host alone keeps.
fn complete(item: &mut IncomingItem, stored: Option<&Tracked<Item>>, links: &[PosModifierGroup]) {
    let record = &mut item.incoming.record;
    record.modifier_groups = links.iter().map(PosModifierGroup::host_id).collect();
    let Some(stored) = stored.map(|stored| &stored.record) else { return };
    // The POS does not tell which alterations groups an article has: those links are the host's.
    let alteration = |group: &&crate::model::ModifierGroupId| !is_preparation(group);
    record.modifier_groups.extend(stored.modifier_groups.iter().filter(alteration).cloned());
    if record.category.is_none() {
        record.category.clone_from(&stored.category);
    }
    if !item.tells_nutrition {
        record.allergens.clone_from(&stored.allergens);
        record.diets.clone_from(&stored.diets);
    }
    for image in &mut record.images {
        let known = stored.images.iter().find(|known| known.hash == image.hash);
        image.media = known.and_then(|known| known.media.clone());
    }
}

fn is_preparation(group: &crate::model::ModifierGroupId) -> bool {
    group.as_str().starts_with("mpluskassa-preparation-")
}

fn decided<T: Shared>(
    run: &Run<'_>,
    stored: Option<Tracked<T>>,
    incoming: Incoming<T, T::PosId>,
) -> Result<Merged<T>, StepError> {
    Ok(match stored {
        None => adopt(incoming)?,
        Some(stored) => merge(run.options.context, stored, &incoming)?,
    })
}

fn by_number<T: crate::model::Record>(records: Vec<Tracked<T>>) -> HashMap<T::PosId, Tracked<T>>
where
    T::PosId: std::hash::Hash + Eq,
{
    let numbered =
        records.into_iter().filter_map(|record| Some((record.external_ids.mpluskassa.clone()?, record)));
    numbered.collect()
}

impl Told {
    fn merged<T: Shared>(&mut self, resource: &Resource, index: usize, merged: &Merged<T>) {
        if merged.changed {
            self.pulled[index] += 1;
        } else {
            self.unchanged[index] += 1;
        }
        self.deactivated += u64::from(merged.deactivated);
        let record = &merged.tracked.record;
        let subject = || Subject::new(record.name(), record.id().as_ref());
        self.conflicts.extend(merged.conflicts.iter().map(|settled| Conflict {
            resource: resource.clone(),
            subject: subject(),
            fields: settled.fields.clone(),
            winner: settled.winner,
            why: settled.why,
        }));
        if merged.settles_edit {
            self.settled.push(record.id().as_ref().to_owned());
        }
    }

    fn problems(&mut self, item: &IncomingItem, stored: Option<&Tracked<Item>>) {
        let record = &item.incoming.record;
        let id = stored.map_or(&record.id, |stored| &stored.record.id);
        let notes = item.problems.iter().map(|problem| {
            let message = match problem {
                super::ArticleProblem::Tax(problem) => {
                    return Note::tax(Resource::ARTICLES, Subject::new(&record.name, id), problem);
                }
                other => other.to_string(),
            };
            Note::about(Resource::ARTICLES, Subject::new(&record.name, id), &message, &problem.advice())
        });
        self.notes.extend(notes);
        self.nutrition &= item.tells_nutrition;
    }

    fn report(self, run: &mut Run<'_>) {
        for (index, resource) in [Resource::CATEGORIES, Resource::ARTICLES].iter().enumerate() {
            let counts = run.report.count(resource);
            counts.pulled += self.pulled[index];
            counts.unchanged += self.unchanged[index];
        }
        run.report.count(&Resource::ARTICLES).deactivated += self.deactivated;
        self.notes.into_iter().for_each(|note| run.report.skip(note));
        self.conflicts.into_iter().for_each(|conflict| run.report.conflict(conflict));
        run.articles_tell_nutrition &= self.nutrition;
        if run.options.dry_run {
            run.settled.extend(self.settled);
        }
    }
}

/// Makes inactive what a full pull did not bring any more. Nothing is deleted.
async fn deactivate_gone(run: &mut Run<'_>, seen: &Seen) -> Result<(), StepError> {
    let limit = usize::from(run.settings().chunk.max(1));
    let mut page = Page::first(limit);
    loop {
        let items = run.store().items(run.connection(), Select::Page(page)).await?;
        let next = (items.len() == limit).then(|| items.last().map(|item| item.record.id.clone())).flatten();
        let gone = |number: &ArticleNumber| !seen.articles.contains(&number.get());
        let items = gone_ones(items, gone);
        deactivate(run, &Resource::ARTICLES, CatalogChunk { items, ..CatalogChunk::default() }).await?;
        match next {
            Some(last) => page = Page::after(last, limit),
            None => break,
        }
    }
    let mut page = Page::first(limit);
    loop {
        let categories = run.store().categories(run.connection(), Select::Page(page)).await?;
        let next =
            (categories.len() == limit).then(|| categories.last().map(|one| one.record.id.clone())).flatten();
        let gone = |number: &ProductNumber| !seen.products.contains(&number.get());
        let categories = gone_ones(categories, gone);
        deactivate(run, &Resource::CATEGORIES, CatalogChunk { categories, ..CatalogChunk::default() })
            .await?;
        match next {
            Some(last) => page = Page::after(last, limit),
            None => return Ok(()),
        }
    }
}

/// The records that can be sold and are gone at the POS, made inactive.
fn gone_ones<T: Shared>(records: Vec<Tracked<T>>, gone: impl Fn(&T::PosId) -> bool) -> Vec<Tracked<T>> {
    let sold = records.into_iter().filter_map(|mut tracked| {
        let is_gone = tracked.external_ids.mpluskassa.as_ref().is_some_and(&gone);
        (is_gone && *tracked.record.active()).then(|| {
            *tracked.record.active() = false;
            // There is nothing to push an edit to.
            tracked.edited_at = None;
            tracked
        })
    });
    sold.collect()
}

/// A record that the host edits at this very moment is left to the next full run.
async fn deactivate(run: &mut Run<'_>, resource: &Resource, chunk: CatalogChunk) -> Result<(), StepError> {
    let count = chunk.items.len() + chunk.categories.len();
    if count > 0 && run.apply(chunk).await? {
        run.report.count(resource).deactivated += count as u64;
    }
    Ok(())
}
