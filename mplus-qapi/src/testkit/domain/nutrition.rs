//! Allergens and diets of articles.

use std::sync::Arc;

use crate::{
    nutrition::*,
    testkit::{
        domain::operations::{Answer, Operations},
        state::State,
    },
    types::NutritionalCharacteristics,
};

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_articles_nutritional_characteristics);
    operations.on(get_nutritional_characteristics);
}

fn get_articles_nutritional_characteristics(
    state: &mut State,
    GetArticlesNutritionalCharacteristics { request }: GetArticlesNutritionalCharacteristics,
) -> Answer<GetArticlesNutritionalCharacteristicsResponse> {
    let mut entries = Vec::new();
    for article_number in request.article_numbers {
        let Some(article) = state.catalogue.article(article_number) else {
            return Ok(GetArticlesNutritionalCharacteristicsResponse {
                result: GetArticlesNutritionalCharacteristicsResult::Failed,
                error_message: Some(format!("There is no article {article_number}.")),
                article_nutritional_characteristics: Vec::new(),
            });
        };
        entries.push(GetArticlesNutritionalCharacteristicsResponseElem {
            article_number,
            nutritional_characteristics: article.nutritional_characteristics,
        });
    }
    Ok(GetArticlesNutritionalCharacteristicsResponse {
        result: GetArticlesNutritionalCharacteristicsResult::Ok,
        error_message: None,
        article_nutritional_characteristics: entries,
    })
}

/// The complete list of each product that is asked for or has changed; products follow the articles' markers.
fn get_nutritional_characteristics(
    state: &mut State,
    GetNutritionalCharacteristics { request }: GetNutritionalCharacteristics,
) -> Answer<GetNutritionalCharacteristicsResponse> {
    if request.nutritional_characteristics_type != NutritionalCharacteristicsType::Product {
        return Ok(GetNutritionalCharacteristicsResponse {
            result: GetNutritionalCharacteristicsResult::Ok,
            ..GetNutritionalCharacteristicsResponse::default()
        });
    }
    let numbers: Vec<i64> = if request.numbers.is_empty() {
        let changed = state.catalogue.since(request.sync_marker.unwrap_or_default());
        let limit = request.sync_marker.and(request.sync_marker_limit);
        changed.take(limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)).collect()
    } else {
        request.numbers.into_vec()
    };
    let entries = numbers.into_iter().filter_map(|number| {
        let product = Arc::unwrap_or_clone(state.catalogue.product(number)?);
        let article = product.article_list.into_iter().next()?;
        let nutritional_characteristics: Option<NutritionalCharacteristics> =
            article.nutritional_characteristics;
        Some(GetNutritionalCharacteristicsResponseElem {
            numbers: number,
            sync_marker: product.sync_marker,
            nutritional_characteristics,
        })
    });
    Ok(GetNutritionalCharacteristicsResponse {
        result: GetNutritionalCharacteristicsResult::Ok,
        error_message: None,
        nutritional_characteristics: entries.collect(),
    })
}
