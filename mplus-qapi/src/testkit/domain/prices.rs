//! What depends on an article's number: prices of branches, components, set menus.

use crate::{
    preparation::ArticleAlterationsGroupType,
    products::*,
    testkit::{
        catalogue::without_vat,
        domain::operations::{Answer, Operations},
        state::State,
    },
    types::{ArticleSpecialPrice, IdempotencyResult},
    value::{Decimal, XsdDecimal},
};

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_article_branch_deviations);
    operations.on(save_article_branch_deviations);
    operations.on(get_article_components);
    operations.on(save_article_components);
    operations.on(update_article_menu);
}

impl State {
    /// What an article costs in a branch, in euros with VAT.
    pub(in crate::testkit) fn price(&self, article: &Article, branch: i32) -> Decimal {
        let number = article.article_number.unwrap_or_default();
        let line = self.prices.deviations.get(&(number, branch));
        let special = line.and_then(|line| line.special_price.as_ref()).or(article.special_price.as_ref());
        if special == Some(&ArticleSpecialPrice::Free) {
            return Decimal::new(0, 2);
        }
        let with_vat = |excl: XsdDecimal| {
            let rate = Decimal::from(self.vat_rate(article.vat_code.unwrap_or_default()).unwrap_or_default());
            (Decimal::from(excl) * (Decimal::from(10_000) + rate) / Decimal::from(10_000)).round_dp(2)
        };
        let incl = line.and_then(|line| line.sales_price_incl).map(Decimal::from);
        let excl = || line.and_then(|line| line.sales_price_excl).map(with_vat);
        incl.or_else(excl).or(article.price_incl).unwrap_or_default()
    }

    /// Whether an article may not be sold in a branch.
    pub(super) fn is_not_for_sale(&self, article: &Article, branch: i32) -> bool {
        let number = article.article_number.unwrap_or_default();
        let line = self.prices.deviations.get(&(number, branch));
        let special = line.and_then(|line| line.special_price.as_ref()).or(article.special_price.as_ref());
        matches!(special, Some(ArticleSpecialPrice::NotForSale | ArticleSpecialPrice::NotForSaleVisible))
    }
}

fn get_article_branch_deviations(
    state: &mut State,
    GetArticleBranchDeviations { request }: GetArticleBranchDeviations,
) -> Answer<GetArticleBranchDeviationsResponse> {
    let wanted = |line: &&ArticleBranchDeviationLine| {
        (request.article_numbers.is_empty() || request.article_numbers.contains(&line.article_number))
            && (request.branch_filter.is_empty() || request.branch_filter.contains(&line.branch_number))
    };
    let lines = state.prices.deviations.values().filter(wanted).cloned().collect();
    Ok(GetArticleBranchDeviationsResponse { article_branch_deviation_lines: lines })
}

/// All lines are kept, or none.
fn save_article_branch_deviations(
    state: &mut State,
    SaveArticleBranchDeviations { request }: SaveArticleBranchDeviations,
) -> Answer<SaveArticleBranchDeviationsResponse> {
    let failed = |error_message| {
        let result = SaveArticleBranchDeviationsResponseResult::Failed;
        Ok(SaveArticleBranchDeviationsResponse { result, error_message })
    };
    for line in &request.article_branch_deviation_lines {
        let Some(article) = state.catalogue.article(line.article_number) else {
            return failed(format!("There is no article {}.", line.article_number));
        };
        if state.branches.get(line.branch_number).is_none() {
            return failed(format!("There is no branch {}.", line.branch_number));
        }
        let outside = line.sales_price_incl.is_some_and(|price| {
            article.price_deviation_min.is_some_and(|least| price < least)
                || article.price_deviation_max.is_some_and(|most| price > most)
        });
        if outside {
            return Ok(SaveArticleBranchDeviationsResponse {
                result: SaveArticleBranchDeviationsResponseResult::FailedPriceDeviationOutsideAllowedRange,
                error_message: format!("The price of article {} is out of range.", line.article_number),
            });
        }
    }
    let save = state.dialect.branch_save;
    state.prices.save_lines(request.article_branch_deviation_lines, save);
    let result = SaveArticleBranchDeviationsResponseResult::Ok;
    Ok(SaveArticleBranchDeviationsResponse { result, error_message: String::new() })
}

fn get_article_components(
    state: &mut State,
    GetArticleComponents { request }: GetArticleComponents,
) -> Answer<GetArticleComponentsResponse> {
    let components = state.prices.components.get(&request.article_number).cloned().unwrap_or_default();
    Ok(GetArticleComponentsResponse { article_components: components.into() })
}

fn save_article_components(
    state: &mut State,
    SaveArticleComponents { request }: SaveArticleComponents,
) -> Answer<SaveArticleComponentsResponse> {
    let failed = |result| {
        Ok(SaveArticleComponentsResponse {
            result,
            idempotency_result: IdempotencyResult::OriginalResponse,
            ..Default::default()
        })
    };
    if state.catalogue.article(request.article_number).is_none() {
        return failed(SaveArticleComponentsResult::FailedInvalidArticleNumber);
    }
    let mut kept = match request.mode {
        SaveArticleComponentsMode::Append => {
            state.prices.components.get(&request.article_number).cloned().unwrap_or_default()
        }
        _ => Vec::new(),
    };
    for component in request.article_components {
        if state.catalogue.article(component.article_number).is_none() {
            return failed(SaveArticleComponentsResult::FailedInvalidComponentArticleNumber);
        }
        if kept.iter().any(|held| held.article_number == component.article_number) {
            return failed(SaveArticleComponentsResult::FailedComponentAlreadyExists);
        }
        kept.push(component);
    }
    state.keep_components(request.article_number, kept.clone());
    Ok(SaveArticleComponentsResponse {
        result: SaveArticleComponentsResult::Ok,
        new_article_components: kept.into(),
        idempotency_result: IdempotencyResult::OriginalResponse,
    })
}

/// Merges: choices are added or get another fee; none is ever taken away.
fn update_article_menu(
    state: &mut State,
    UpdateArticleMenu { request }: UpdateArticleMenu,
) -> Answer<UpdateArticleMenuResponse> {
    let Some(article) = state.catalogue.article(request.article_number) else {
        return Ok(UpdateArticleMenuResponse {
            result: UpdateArticleMenuResult::CouldntSave,
            error_message: Some(format!("There is no article {}.", request.article_number)),
        });
    };
    let price_incl = request.price_incl.get();
    let mut menu = state.prices.menu(request.article_number).unwrap_or_default();
    let mut refused = Vec::new();
    for choice in request.articles_settings {
        let known = state.catalogue.article(choice.article_number).is_some()
            && state.preparation.is_of(choice.group_number, &ArticleAlterationsGroupType::Menu);
        if known {
            menu.choices.insert((choice.group_number, choice.article_number), choice.added_fee.into());
            let name = state.catalogue.article(choice.article_number).and_then(|article| article.description);
            state.preparation.add_choice(
                choice.group_number,
                choice.article_number,
                &name.unwrap_or_default(),
                choice.added_fee.into(),
            );
        } else {
            refused.push(format!("{} in group {}", choice.article_number, choice.group_number));
        }
    }
    menu.description = request.description.clone();
    menu.is_active = request.is_active;
    menu.price_incl = price_incl;
    state.prices.menus.insert(request.article_number, menu);
    let changed = article.price_incl != Some(price_incl)
        || article.description.as_deref() != Some(request.description.as_str());
    if changed {
        let excl = without_vat(price_incl, request.vat_code);
        let stamp = state.clock.stamp();
        state.catalogue_mut().change_article(request.article_number, |article| {
            article.description = Some(request.description);
            (article.price_incl, article.price_excl) = (Some(price_incl), Some(excl));
            article.vat_code = Some(request.vat_code);
            article.change_timestamp = Some(stamp);
        });
    }
    if refused.is_empty() {
        return Ok(UpdateArticleMenuResponse { result: UpdateArticleMenuResult::Ok, error_message: None });
    }
    Ok(UpdateArticleMenuResponse {
        result: UpdateArticleMenuResult::NotAllArticleSettingsSaved,
        error_message: Some(format!("Not saved: {}.", refused.join(", "))),
    })
}
