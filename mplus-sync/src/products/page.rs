//! One page of products and articles: decided and stored.

use std::collections::HashMap;
use std::sync::Arc;

use super::branch_prices::BranchPrices;
use super::from_pos::{Incoming, IncomingItem, article_to_item, product_to_category};
use super::gone::Seen;
use super::images::{self, Wanted};
use super::known::Known;
use super::merge::{Merged, Shared, WITHHELD, adopt, merge, merge_location_prices};
use super::rows::Rows;
use crate::conflict::SyncContext;
use crate::error::StepError;
use crate::model::{
    ArticleNumber, CategoryId, Checkpoint, ComboId, ConnectionId, Fingerprint, FingerprintError, Item,
    ItemId, Marker, ModifierGroupId, PosModifierGroup, Resource, Tracked,
};
use crate::report::{Conflict, Note, Subject};
use crate::store::{CatalogChunk, Store, StoreError, StoreErrorKind};
use crate::sync::{DECISIONS, Run};
use crate::tax::TaxTable;

/// One page of the POS.
pub(super) struct PulledPage {
    pub(super) rows: Rows,
    /// Its articles' preparation method groups, in their order.
    pub(super) links: HashMap<i64, Vec<PosModifierGroup>>,
    /// The highest marker in it.
    pub(super) last: i64,
}

/// What a page is decided by, besides what the store has of it.
pub(super) struct Rules {
    pub(super) context: SyncContext,
    pub(super) tax: Arc<TaxTable>,
    /// None when they were not read.
    pub(super) branch_prices: Option<Arc<BranchPrices>>,
    /// Whether the host has combos at all.
    pub(super) has_combos: bool,
}

/// What is to be stored of a page.
pub(super) struct Decided {
    chunk: CatalogChunk,
    told: Told,
}

/// What is told of a page once it is stored.
#[derive(Default)]
struct Told {
    notes: Vec<Note>,
    conflicts: Vec<Conflict>,
    settled: Vec<String>,
    pulled: [u64; 2],
    unchanged: [u64; 2],
    deactivated: u64,
    /// Whether an article told its allergens.
    nutrition: bool,
}

impl PulledPage {
    /// How many articles are in it.
    pub(super) fn articles(&self) -> usize {
        self.rows.article_count()
    }

    /// Writes down which numbers the POS has.
    pub(super) fn note_seen(&self, seen: &mut Seen) {
        seen.articles.extend(self.rows.articles().map(|(number, ..)| number));
        seen.products.extend(self.rows.products().map(|(number, _)| number));
    }

    /// Stores what was decided; decides anew, again and again, while the same records move on.
    pub(super) async fn store(
        mut self,
        run: &mut Run<'_>,
        rules: &Rules,
        mut decided: Decided,
    ) -> Result<(), StepError> {
        std::mem::take(&mut self.rows.oddities).into_iter().for_each(|note| run.report.skip(note));
        for _ in 0..DECISIONS {
            let Decided { mut chunk, told } = decided;
            let wanted = self.wanted_images(&chunk);
            if run.integration().media_store().is_some() && !wanted.is_empty() {
                chunk.checkpoints.push(images::pending());
            }
            chunk.checkpoints.extend(nutrition_checkpoint(run, &told));
            if run.apply(chunk).await? {
                told.report(run);
                return images::download(run, wanted).await;
            }
            decided = self.decide(run.store(), run.connection(), rules).await?;
        }
        run.report.fail(Note::general(
            Resource::ARTICLES,
            "articles are edited on the host faster than they can be pulled",
            "The next sync takes them along",
        ));
        Err(StepError::Store(StoreError::new(StoreErrorKind::Unavailable, "store a page of articles")))
    }

    /// Decides what becomes of each record, by what the store has of it now.
    pub(super) async fn decide(
        &self,
        store: &dyn Store,
        connection: &ConnectionId,
        rules: &Rules,
    ) -> Result<Decided, StepError> {
        let known = Known::of(store, connection, &self.rows, rules.has_combos).await?;
        Ok(self.decide_by(known, rules)?)
    }

    fn decide_by(&self, mut known: Known, rules: &Rules) -> Result<Decided, FingerprintError> {
        let mut told = Told::default();
        let mut chunk = CatalogChunk {
            checkpoints: vec![Checkpoint::new(Resource::ARTICLES, Marker::new(self.last))],
            ..CatalogChunk::default()
        };
        let mut ids: HashMap<i64, CategoryId> = HashMap::new();
        for (number, product) in self.rows.products() {
            let Some(incoming) = product_to_category(product) else { continue };
            let stored = known.categories.remove(&incoming.number);
            let merged = merged(rules, stored, incoming)?;
            ids.insert(number, merged.tracked.record.id.clone());
            told.merged(&Resource::CATEGORIES, 0, &merged);
            if merged.changed {
                chunk.categories.push(merged.tracked);
            }
        }
        for (number, article, product) in self.rows.articles() {
            let category = product.and_then(|product| ids.get(&product));
            let Some(item) = article_to_item(article, category, &rules.tax) else { continue };
            if self.takes_combo(&mut known, &item, &mut chunk) {
                continue;
            }
            let adopted =
                item.external_id.as_deref().and_then(|id| known.pushed_items.remove(&ItemId::new(id)));
            let stored = known.items.remove(&item.incoming.number).or(adopted);
            told.problems(&item, stored.as_ref());
            let merged = self.decide_item(rules, stored, item, number)?;
            told.merged(&Resource::ARTICLES, 1, &merged);
            if merged.changed {
                chunk.items.push(merged.tracked);
            }
        }
        Ok(Decided { chunk, told })
    }

    fn decide_item(
        &self,
        rules: &Rules,
        stored: Option<Tracked<Item>>,
        mut item: IncomingItem,
        number: i64,
    ) -> Result<Merged<Item>, FingerprintError> {
        let edited_at = stored.as_ref().and_then(|stored| stored.edited_at);
        complete(&mut item, stored.as_ref(), self.links.get(&number).map(Vec::as_slice).unwrap_or_default());
        let withheld = item.withheld;
        let mut merged = merged(rules, stored, item.incoming)?;
        if let Some(prices) = &rules.branch_prices {
            merge_location_prices(rules.context, &mut merged, edited_at, &prices.of_article(number))?;
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
            let images = self.rows.article(number).map(|article| &article.image_list);
            item.record.images.iter().filter(|image| image.is_wanted()).filter_map(move |image| {
                let told = images?.iter().find(|told| told.image_hash == image.hash)?;
                Some(Wanted::new(&item.record, image, told.image_id))
            })
        });
        wanted.collect()
    }
}

/// That allergens are known as of the beginning of this run, when articles tell theirs and all of them are read.
fn nutrition_checkpoint(run: &Run<'_>, told: &Told) -> Option<Checkpoint> {
    let known = run.checkpoint(&Resource::ARTICLE_NUTRITION);
    let current = run.current.nutrition.filter(|current| known != Some(*current))?;
    let checkpoint = Checkpoint::new(Resource::ARTICLE_NUTRITION, Marker::new(current));
    (run.reads_all_articles && told.nutrition).then_some(checkpoint)
}

/// Adds what the article itself does not tell: stored pictures, links, and what the host alone keeps.
fn complete(item: &mut IncomingItem, stored: Option<&Tracked<Item>>, links: &[PosModifierGroup]) {
    let record = &mut item.incoming.record;
    record.modifier_groups = links.iter().map(PosModifierGroup::host_id).collect();
    let Some(stored) = stored.map(|stored| &stored.record) else { return };
    // The POS does not tell which alterations groups an article has: those links are the host's.
    let alteration = |group: &&ModifierGroupId| !is_preparation(group);
    record.modifier_groups.extend(stored.modifier_groups.iter().filter(alteration).cloned());
    if record.category.is_none() {
        record.category.clone_from(&stored.category);
    }
    if !item.tells_nutrition {
        record.allergens.clone_from(&stored.allergens);
        record.diets.clone_from(&stored.diets);
    }
    for image in &mut record.images {
        if let Some(known) = stored.images.iter().find(|known| known.hash == image.hash) {
            (image.media, image.refused) = (known.media.clone(), known.refused.clone());
        }
    }
}

fn is_preparation(group: &ModifierGroupId) -> bool {
    group.as_str().starts_with("mpluskassa-preparation-")
}

fn merged<T: Shared>(
    rules: &Rules,
    stored: Option<Tracked<T>>,
    incoming: Incoming<T, T::PosId>,
) -> Result<Merged<T>, FingerprintError> {
    match stored {
        None => adopt(incoming),
        Some(stored) => merge(rules.context, stored, &incoming),
    }
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
        self.nutrition |= item.tells_nutrition;
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
        run.nutrition_from_articles |= run.reads_all_articles && self.nutrition;
        if run.options.dry_run {
            run.settled.extend(self.settled);
        }
    }
}
