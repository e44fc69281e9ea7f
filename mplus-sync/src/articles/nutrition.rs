//! Pulls allergens and diets.
//!
//! Articles tell theirs, and the POS counts changes of them with a marker of its own. A first pull in which every
//! article told its own needs no second reading.

use std::collections::HashMap;

use mplus_qapi::nutrition::{
    GetNutritionalCharacteristics, GetNutritionalCharacteristicsRequest, NutritionalCharacteristicsType,
};

use crate::error::StepError;
use crate::model::{ArticleNumber, Characteristic, Checkpoint, Marker, Resource};
use crate::products::nutrition_to_characteristics;
use crate::progress::Phase;
use crate::report::Note;
use crate::store::{CatalogChunk, Select};
use crate::sync::{Changes, DECISIONS, Run};

/// Pulls what changed of articles' allergens and diets. A card's list is replaced as a whole.
pub(crate) async fn pull(run: &mut Run<'_>) -> Result<(), StepError> {
    let resource = Resource::ARTICLE_NUTRITION;
    let current = run.current.nutrition;
    let known_from_articles = run.articles_tell_nutrition && run.checkpoint(&resource).is_none();
    let mut last = current.unwrap_or(-1);
    if let (true, Some(current)) = (known_from_articles, current) {
        last = current;
    } else {
        let Some(since) = run.due(&resource, current) else { return Ok(()) };
        run.expect(&resource, Phase::Pull, None);
        let request = GetNutritionalCharacteristicsRequest {
            nutritional_characteristics_type: NutritionalCharacteristicsType::Product,
            ..GetNutritionalCharacteristicsRequest::default()
        };
        let mut changes = Changes::new(run, GetNutritionalCharacteristics { request }, since, current);
        while let Some(page) = changes.next(run).await? {
            let cards = page.items.iter().filter_map(|card| {
                let lists = nutrition_to_characteristics(card.nutritional_characteristics.as_ref()?);
                Some((ArticleNumber::new(card.numbers), lists))
            });
            store(run, cards.collect(), page.next_marker - 1).await?;
            last = last.max(page.next_marker - 1);
        }
    }
    if last >= 0 && run.checkpoint(&resource) != Some(last) {
        let checkpoints = vec![Checkpoint::new(resource, Marker::new(last))];
        run.apply(CatalogChunk { checkpoints, ..CatalogChunk::default() }).await?;
    }
    Ok(())
}

async fn store(
    run: &mut Run<'_>,
    cards: HashMap<ArticleNumber, (Vec<Characteristic>, Vec<Characteristic>)>,
    last: i64,
) -> Result<(), StepError> {
    let resource = Resource::ARTICLE_NUTRITION;
    for _ in 0..DECISIONS {
        let numbers = cards.keys().copied().collect();
        let mut items = run.store().items(run.connection(), Select::PosIds(numbers)).await?;
        let read = items.len();
        items.retain_mut(|item| {
            let told = item.external_ids.mpluskassa.and_then(|number| cards.get(&number));
            let Some((allergens, diets)) = told else { return false };
            let differs = item.record.allergens != *allergens || item.record.diets != *diets;
            item.record.allergens.clone_from(allergens);
            item.record.diets.clone_from(diets);
            differs
        });
        let pulled = items.len();
        let checkpoints = vec![Checkpoint::new(resource.clone(), Marker::new(last))];
        if run.apply(CatalogChunk { items, checkpoints, ..CatalogChunk::default() }).await? {
            let counts = run.report.count(&resource);
            counts.pulled += pulled as u64;
            counts.unchanged += (read - pulled) as u64;
            run.advance(&resource, cards.len());
            return Ok(());
        }
    }
    run.report.fail(Note::general(
        resource,
        "allergens are edited on the host faster than they can be pulled",
        "The next full sync takes them along",
    ));
    Ok(())
}
