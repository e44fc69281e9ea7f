//! Pulls allergens and diets.
//!
//! Articles tell their own, and the POS counts changes of them with a marker of its own. A run that reads all articles
//! knows them all; a later one asks which changed.
//!
//! The service does not say whether it lists changes by article or by product. To guess wrong would give an item the
//! allergens of another, so a number in the list only tells where to look: the article and the product of that number
//! are both read, as far as the host has them, and every article tells its own.

use std::collections::HashMap;

use mplus_qapi::nutrition::{
    GetNutritionalCharacteristics, GetNutritionalCharacteristicsRequest, NutritionalCharacteristicsType,
};
use mplus_qapi::products::{GetProductsRequest, Product};
use mplus_qapi::soap::Operation;

use crate::model::{
    ArticleNumber, Characteristic, Checkpoint, Editable, Field, Item, Marker, ProductNumber, Resource,
};
use crate::pos_call::{is_refused, is_unknown_operation, pos_advice};
use crate::products::{Asking, Markers, keep_edited, nutrition_to_characteristics};
use crate::progress::Phase;
use crate::report::{Conflict, Note, Subject};
use crate::run::{Changes, DECISIONS, Run, StepError};
use crate::store::{CatalogChunk, Select};

/// Allergens and diets by article.
type Told = HashMap<ArticleNumber, (Vec<Characteristic>, Vec<Characteristic>)>;

/// Pulls what changed of articles' allergens and diets. An article's list is replaced as a whole.
pub(super) async fn pull(run: &mut Run<'_>, markers: Markers) -> Result<(), StepError> {
    let resource = Resource::ARTICLE_NUTRITION;
    let current = markers.nutrition;
    let name = GetNutritionalCharacteristics::INFO.name;
    if run.lacks(name) {
        return Ok(());
    }
    let Some(since) = run.due(&resource, current) else { return Ok(()) };
    run.expect(&resource, Phase::Pull, None);
    let request = GetNutritionalCharacteristicsRequest {
        nutritional_characteristics_type: NutritionalCharacteristicsType::Product,
        ..GetNutritionalCharacteristicsRequest::default()
    };
    let mut last = current.unwrap_or(-1);
    let mut changes =
        Changes::new(run, GetNutritionalCharacteristics { request }, resource.clone(), since, current);
    loop {
        let page = match changes.next(run).await {
            Err(StepError::Pos(error)) if is_unknown_operation(&error) => {
                run.learn_lacking(name).await;
                return Ok(());
            }
            // The rest is pulled and pushed without.
            Err(StepError::Pos(error)) if is_refused(&error) => {
                run.report.fail(Note::general(resource, &error.to_string(), pos_advice(&error)));
                return Ok(());
            }
            page => page?,
        };
        let Some(page) = page else { break };
        let numbers = page.items.iter().map(|card| card.numbers).collect();
        let told = ask(run, numbers).await?;
        store(run, told, page.next_marker - 1).await?;
        last = last.max(page.next_marker - 1);
    }
    if last >= 0 {
        run.keep_checkpoint(resource, last).await?;
    }
    Ok(())
}

/// What the articles of these numbers, and those of the products of these numbers, tell.
async fn ask(run: &mut Run<'_>, numbers: Vec<i64>) -> Result<Told, StepError> {
    let (store, connection) = (run.store(), run.connection());
    let articles: Vec<_> = numbers.iter().copied().map(ArticleNumber::new).collect();
    let items = store.items(connection, Select::PosIds(articles)).await?;
    let articles: Vec<i64> =
        items.iter().filter_map(|item| Some(item.external_ids.mpluskassa?.get())).collect();
    let products: Vec<_> = numbers.iter().copied().map(ProductNumber::new).collect();
    let categories = store.categories(connection, Select::PosIds(products)).await?;
    let products: Vec<i64> =
        categories.iter().filter_map(|category| Some(category.external_ids.mpluskassa?.get())).collect();
    let mut told = Told::new();
    if !articles.is_empty() {
        let request = GetProductsRequest { article_numbers: articles, ..GetProductsRequest::default() };
        read(run, request, &mut told).await?;
    }
    if !products.is_empty() {
        let request = GetProductsRequest { product_numbers: products, ..GetProductsRequest::default() };
        read(run, request, &mut told).await?;
    }
    Ok(told)
}

/// Reads what the articles of a request tell; one that cannot be read is named.
async fn read(run: &mut Run<'_>, request: GetProductsRequest, told: &mut Told) -> Result<(), StepError> {
    let wanted = (request.article_numbers.clone(), request.product_numbers.clone());
    let is_wanted = |product: &Product, article: i64| {
        wanted.0.contains(&article) || product.product_number.is_some_and(|number| wanted.1.contains(&number))
    };
    let mut products = Asking::of(run, request);
    while let Some(asked) = products.next().await? {
        let (product, unread) = asked.apart();
        for (article, value) in &unread {
            if let Some(number) = article.article_number.filter(|number| is_wanted(&product, *number)) {
                let name = article.description.as_deref().unwrap_or_default();
                let subject = Subject::new(name, format_args!("article {number}"));
                let message = format!("its allergens and diets were left as they are: {value}");
                let advice = "Correct the value in the POS; the sync takes them over then";
                run.skip(&Resource::ARTICLE_NUTRITION, subject, &message, advice);
            }
        }
        for article in &product.article_list {
            let Some(number) = article.article_number.filter(|number| is_wanted(&product, *number)) else {
                continue;
            };
            if let Some(nutrition) = &article.nutritional_characteristics {
                told.insert(ArticleNumber::new(number), nutrition_to_characteristics(nutrition));
            }
        }
    }
    Ok(())
}

async fn store(run: &mut Run<'_>, told: Told, last: i64) -> Result<(), StepError> {
    let resource = Resource::ARTICLE_NUTRITION;
    for _ in 0..DECISIONS {
        let numbers = told.keys().copied().collect();
        let mut items = run.store().items(run.connection(), Select::PosIds(numbers)).await?;
        let read = items.len();
        let mut conflicts = Vec::new();
        items.retain_mut(|item| {
            let told = item.external_ids.mpluskassa.and_then(|number| told.get(&number));
            let Some((allergens, diets)) = told else { return false };
            let before = item.clone();
            let mut pos = Item::empty(item.record.id.clone());
            (pos.allergens, pos.diets) = (allergens.clone(), diets.clone());
            (item.record.allergens, item.record.diets) = (allergens.clone(), diets.clone());
            // What the host edited stays until the POS has it, or something else.
            for field in ["allergens", "diets"].map(Field::named) {
                let settled = keep_edited(run.options.context, item, &field, &before.record, &pos, None);
                conflicts.extend(settled.map(|settled| Conflict {
                    resource: resource.clone(),
                    subject: Subject::new(&item.record.name, &item.record.id),
                    fields: settled.fields,
                    winner: settled.winner,
                    why: settled.why,
                }));
            }
            *item != before
        });
        let pulled = items.len();
        let checkpoints = vec![Checkpoint::new(resource.clone(), Marker::new(last))];
        if run.apply(CatalogChunk { items, checkpoints, ..CatalogChunk::default() }).await? {
            let counts = run.report.count(&resource);
            counts.pulled += pulled as u64;
            counts.unchanged += (read - pulled) as u64;
            run.advance(&resource, told.len());
            conflicts.into_iter().for_each(|conflict| run.report.conflict(conflict));
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
