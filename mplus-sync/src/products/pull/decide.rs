//! What becomes of each record of a page. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use mplus_qapi::products::Article;
use mplus_qapi::value::Zone;

use super::gone::FEW;
use super::know::{Known, KnownGroups};
use super::read::PulledPage;
use super::tell::Told;
use crate::conflict::Settling;
use crate::model::free_id::free;
use crate::model::{
    ArticleNumber, CategoryId, Checkpoint, Editable, Field, Fingerprint, FingerprintError, Item, Marker,
    ModifierGroupId, PosModifierGroup, Resource, Tracked,
};
use crate::products::article_branches::Remark;
use crate::products::branch_prices::BranchPrices;
use crate::products::combo_article::merge_combo;
use crate::products::from_pos::{
    Incoming, IncomingItem, article_to_item, product_to_category, take_group_price,
};
use crate::products::images::Wanted;
use crate::products::merge::{
    ANOTHERS, Merged, PRICED_BY_GROUP, SENT, SOLD_ELSEWHERE, SPECIAL_PRICE, Shared, WITHHELD, adopt, merge,
    merge_location_prices,
};
use crate::products::vat;
use crate::store::CatalogChunk;
use crate::tax::TaxTable;

/// What a page is decided by, besides what the store has of it.
pub(super) struct Rules {
    pub(super) how: Settling,
    /// The zone of the POS's clock.
    pub(super) zone: Zone,
    pub(super) tax: Arc<TaxTable>,
    pub(super) groups: KnownGroups,
    /// Whether only articles for the web shop are sold.
    pub(super) webshop_only: bool,
    /// The price group whose prices count.
    pub(super) price_group: Option<i32>,
    /// None when they are not known.
    pub(super) branch_prices: Option<Arc<BranchPrices>>,
    /// How much of what the POS told before, in per cent, may be missing before an answer is not believed.
    pub(super) most_gone: u8,
    /// Whether the host has combos at all.
    pub(super) has_combos: bool,
}

/// What is to be stored of a page, and what there is to do and to tell then.
pub(super) struct Decided {
    pub(super) chunk: CatalogChunk,
    /// Pictures that are not served yet.
    pub(super) wanted: Vec<Wanted>,
    /// From which marker on it is still to be asked which choices articles have.
    pub(super) links_from: Option<i64>,
    pub(super) told: Told,
}

/// Decides what becomes of each record of a page, by what the store has of it.
pub(super) fn decide(
    page: &PulledPage,
    mut known: Known,
    rules: &Rules,
) -> Result<Decided, FingerprintError> {
    let mut told = Told::default();
    let mut chunk = CatalogChunk {
        checkpoints: vec![Checkpoint::new(Resource::ARTICLES, Marker::new(page.last))],
        ..CatalogChunk::default()
    };
    chunk.checkpoints.extend(vat::missed(&rules.tax).filter(|_| page.rows.article_count() > 0));
    let tells_links = believes_links(page, &known, rules, &mut told);
    let mut ids: HashMap<i64, CategoryId> = HashMap::new();
    for (number, product) in page.rows.products() {
        let Some(mut incoming) = product_to_category(product, rules.zone) else { continue };
        let stored = known.categories.remove(&incoming.number);
        if stored.is_none() {
            incoming.record.id = free(incoming.record.id, &mut known.taken.categories);
        }
        let merged = merged(rules, stored, incoming)?;
        ids.insert(number, merged.tracked.record.id.clone());
        told.merged(&Resource::CATEGORIES, 0, &merged);
        if merged.changed {
            chunk.categories.push(merged.tracked);
        }
    }
    for (number, article, product) in page.rows.articles() {
        let category = product.and_then(|product| ids.get(&product));
        let Some(mut item) = article_to_item(article, category, &rules.tax, rules.zone) else { continue };
        if let Some(combo) = known.combos.remove(&item.incoming.number) {
            let merged = merge_combo(rules.how, combo, &item, article)?;
            told.combo(item, &merged);
            if merged.changed {
                chunk.combos.push(merged.tracked);
            }
            continue;
        }
        if let Some(group) = rules.price_group {
            take_group_price(&mut item, article, group);
        }
        if takes_combo(&mut known, &item, &mut chunk) {
            continue;
        }
        let adopted = known.pushed_items.remove(&item.incoming.number);
        let stored = known.items.remove(&item.incoming.number).or(adopted);
        match &stored {
            Some(stored) => vat::keep_rates(&mut item, stored, &rules.tax),
            None => {
                let record = &mut item.incoming.record;
                record.id = free(record.id.clone(), &mut known.taken.items);
            }
        }
        let elsewhere = rules.webshop_only && is_sold_elsewhere(article, stored.as_ref(), &mut told);
        if elsewhere {
            (item.incoming.record.active, item.withheld) = (false, true);
        }
        told.problems(&item, stored.as_ref());
        let links = page.links_of(number).filter(|_| tells_links);
        let (merged, remarks) = decide_item(rules, stored, item, number, links, elsewhere)?;
        told.branches(&merged, &remarks);
        told.merged(&Resource::ARTICLES, 1, &merged);
        if merged.changed {
            chunk.items.push(merged.tracked);
        }
    }
    let wanted = wanted_images(page, &chunk);
    let links_from = (page.lacks_links() || !tells_links).then_some(page.first);
    Ok(Decided { chunk, wanted, links_from, told })
}

/// Whether it is believed which preparation method groups the page's articles have: an answer that is empty or cut would take
/// the choices off dishes that need them.
fn believes_links(page: &PulledPage, known: &Known, rules: &Rules, told: &mut Told) -> bool {
    let offered = |item: &&Tracked<Item>| rules.groups.are_offered_with(&item.record);
    let lost =
        known.items.iter().filter(|(number, _)| page.links_of(number.get()).is_some_and(<[_]>::is_empty));
    let lost = lost.map(|(_, item)| item).filter(offered).count();
    if page.doubts_links && lost > 0 {
        told.links_lost(lost);
        return false;
    }
    if lost <= FEW {
        return true;
    }
    let all = known.items.values().filter(offered).count();
    if lost * 100 <= all * usize::from(rules.most_gone) {
        return true;
    }
    told.links_lost(lost);
    false
}

/// Whether an article is not for the web shop. Of one that the POS does not say it of, that is what it said last.
fn is_sold_elsewhere(article: &Article, stored: Option<&Tracked<Item>>, told: &mut Told) -> bool {
    let was = stored.is_some_and(|stored| stored.sync.parts.contains_key(SOLD_ELSEWHERE));
    told.webshop_untold += u64::from(article.webshop.is_none());
    let is = article.webshop.map_or(was, |is_for_webshop| !is_for_webshop);
    told.left_webshop += u64::from(is && !was && stored.is_some_and(|stored| stored.record.active));
    is
}

fn decide_item(
    rules: &Rules,
    stored: Option<Tracked<Item>>,
    mut item: IncomingItem,
    number: i64,
    links: Option<&[PosModifierGroup]>,
    is_sold_elsewhere: bool,
) -> Result<(Merged<Item>, Vec<Remark>), FingerprintError> {
    complete(&mut item, stored.as_ref(), links, &rules.groups);
    let holds = |holds: bool| holds.then(|| Fingerprint::of(&true)).transpose();
    let own = stored.as_ref().map_or(&item.incoming.record.id, |stored| &stored.record.id);
    let anothers = item.external_id.as_deref().filter(|id| *id != own.as_str());
    let kept_apart = [
        (WITHHELD, holds(item.withheld)?),
        (SOLD_ELSEWHERE, holds(is_sold_elsewhere)?),
        (SPECIAL_PRICE, holds(item.special_price)?),
        (PRICED_BY_GROUP, holds(item.priced_by_group)?),
        (ANOTHERS, anothers.map(Fingerprint::of).transpose()?),
        (SENT, None),
    ];
    let mut merged = merged(rules, stored, item.incoming)?;
    let mut remarks = Vec::new();
    if let Some(prices) = &rules.branch_prices {
        let branches = prices.of_article(number, merged.tracked.record.tax_rate);
        merge_location_prices(rules.how, &mut merged, &branches);
        remarks = branches.remarks;
    }
    let parts = &mut merged.tracked.sync.parts;
    for (name, kept) in kept_apart {
        if parts.get(name) != kept.as_ref() {
            merged.changed = true;
            match kept {
                Some(kept) => drop(parts.insert(name.to_owned(), kept)),
                None => drop(parts.remove(name)),
            }
        }
    }
    Ok((merged, remarks))
}

/// An article that a push of a combo made whose answer was lost is no item: the combo gets its number.
fn takes_combo(known: &mut Known, item: &IncomingItem, chunk: &mut CatalogChunk) -> bool {
    let Some(mut combo) = known.pushed_combos.remove(&item.incoming.number) else { return false };
    combo.external_ids.mpluskassa = Some(item.incoming.number);
    combo.sync.parts.remove(SENT);
    chunk.combos.push(combo);
    true
}

/// Pictures of the items to be stored that are not served yet.
fn wanted_images(page: &PulledPage, chunk: &CatalogChunk) -> Vec<Wanted> {
    let wanted = chunk.items.iter().flat_map(|item| {
        let number = item.external_ids.mpluskassa.map(ArticleNumber::get).unwrap_or_default();
        let images = page.rows.article(number).map(|article| &article.image_list);
        item.record.images.iter().filter(|image| image.is_wanted()).filter_map(move |image| {
            let told = images?.iter().find(|told| told.image_hash == image.hash)?;
            Some(Wanted::new(&item.record, image, told.image_id))
        })
    });
    wanted.collect()
}

/// Adds what the article itself does not tell: stored pictures, links, and what the host alone keeps.
fn complete(
    item: &mut IncomingItem,
    stored: Option<&Tracked<Item>>,
    links: Option<&[PosModifierGroup]>,
    groups: &KnownGroups,
) {
    let record = &mut item.incoming.record;
    record.modifier_groups = links.into_iter().flatten().map(|group| groups.id_of(group)).collect();
    let Some(tracked) = stored else { return };
    let stored = &tracked.record;
    let mut untold = vec!["not_sold_at"];
    // The POS does not tell which alterations groups an article has: those links are the host's.
    let kept = |group: &&ModifierGroupId| links.is_none() || !groups.is_preparation(group);
    record.modifier_groups.extend(stored.modifier_groups.iter().filter(kept).cloned());
    record.not_sold_at.clone_from(&stored.not_sold_at);
    if record.category.is_none() {
        record.category.clone_from(&stored.category);
        untold.push("category");
    }
    if !item.tells_nutrition {
        record.allergens.clone_from(&stored.allergens);
        record.diets.clone_from(&stored.diets);
        untold.extend(["allergens", "diets"]);
    }
    // What the host edited of it is not what the POS has.
    for field in untold.into_iter().map(Field::named).filter(|field| tracked.edits.get(field).is_some()) {
        if let Some(value) = tracked.at_pos(&field) {
            let set = record.set(&field, &value);
            debug_assert!(set.is_ok(), "{set:?}");
        }
    }
    for image in &mut record.images {
        if let Some(known) = stored.images.iter().find(|known| known.hash == image.hash) {
            (image.media, image.refused) = (known.media.clone(), known.refused.clone());
        }
    }
}

fn merged<T: Shared>(
    rules: &Rules,
    stored: Option<Tracked<T>>,
    incoming: Incoming<T, T::PosId>,
) -> Result<Merged<T>, FingerprintError> {
    match stored {
        None => adopt(incoming),
        Some(stored) => merge(rules.how, stored, &incoming),
    }
}
