//! What depends on an article's number: prices of branches, components, set menus.

use std::collections::BTreeMap;

use crate::{
    preparation::ArticleAlterationsGroupType,
    products::*,
    testkit::{
        brasserie,
        catalogue::without_vat,
        dispatch::{Answer, Operations},
        state::State,
    },
    types::IdempotencyResult,
    value::Decimal,
};

#[derive(Debug, Default)]
pub(in crate::testkit) struct Prices {
    deviations: BTreeMap<(i64, i32), ArticleBranchDeviationLine>,
    components: BTreeMap<i64, Vec<ArticleComponent>>,
    menus: BTreeMap<i64, Menu>,
}

/// A set menu (combo) of the test POS.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Menu {
    /// What it is called.
    pub description: String,
    /// Whether it can be sold.
    pub is_active: bool,
    /// In euros.
    pub price_incl: Decimal,
    /// The added fee in euros of every choice, by alterations group and article.
    pub choices: BTreeMap<(i32, i64), Decimal>,
}

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_article_branch_deviations);
    operations.on(save_article_branch_deviations);
    operations.on(get_article_components);
    operations.on(save_article_components);
    operations.on(update_article_menu);
}

impl Prices {
    pub(in crate::testkit) fn menu(&self, article: i64) -> Option<Menu> {
        self.menus.get(&article).cloned()
    }

    pub(in crate::testkit) fn deviate(
        &mut self,
        article_number: i64,
        branch_number: i32,
        price: Option<Decimal>,
    ) {
        match price {
            None => drop(self.deviations.remove(&(article_number, branch_number))),
            Some(price) => {
                let line = self.deviations.entry((article_number, branch_number)).or_default();
                (line.article_number, line.branch_number) = (article_number, branch_number);
                line.sales_price_incl = Some(price.into());
            }
        }
    }
}

impl State {
    /// What an article costs in a branch, in euros with VAT.
    pub(in crate::testkit) fn price(&self, article: &Article, branch: i32) -> Decimal {
        let number = article.article_number.unwrap_or_default();
        let deviation = self.prices.deviations.get(&(number, branch)).and_then(|line| line.sales_price_incl);
        deviation.map(Decimal::from).or(article.price_incl).unwrap_or_default()
    }

    pub(super) fn set_components(&mut self) {
        for (whole, part) in brasserie::COMPONENTS {
            let (Some(whole), Some(part)) = (self.first_article(whole), self.first_article(part)) else {
                continue;
            };
            let component = |(sequence_number, article_number): (i32, i64)| ArticleComponent {
                sequence_number,
                parent_article_number: whole,
                article_number,
                quantity: Decimal::ONE.into(),
                price_excl: None,
                price_incl: None,
            };
            let list = [(1, whole), (2, part)].map(component).to_vec();
            self.keep_components(whole, list);
        }
    }

    /// Keeps the components and shows them in the article.
    fn keep_components(&mut self, article: i64, list: Vec<ArticleComponent>) {
        let shown: Vec<ComponentArticle> = list
            .iter()
            .map(|component| ComponentArticle {
                article_number: Some(component.article_number),
                quantity: Some(component.quantity.into()),
                description: self
                    .catalogue
                    .article(component.article_number)
                    .and_then(|article| article.description),
                ..ComponentArticle::default()
            })
            .collect();
        self.catalogue_mut().change_article(article, |article| article.component_article_list = shown.into());
        self.prices.components.insert(article, list);
    }

    pub(super) fn set_deviations(&mut self) {
        for (name, branch, cents) in brasserie::DEVIATIONS {
            if let Some(article) = self.first_article(name) {
                self.prices.deviate(article, branch, Some(Decimal::new(cents, 2)));
            }
        }
    }

    /// Sets up a set menu whose courses are in these alterations groups.
    pub(super) fn set_combo(&mut self, article: i64, groups: &[i32]) {
        let Some(held) = self.catalogue.article(article) else { return };
        let choices = groups.iter().flat_map(|group| {
            let items = self.preparation.articles_of(*group);
            items.into_iter().map(|choice| ((*group, choice), Decimal::ZERO))
        });
        let menu = Menu {
            description: held.description.unwrap_or_default(),
            is_active: true,
            price_incl: held.price_incl.unwrap_or_default(),
            choices: choices.collect(),
        };
        self.prices.menus.insert(article, menu);
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
    for line in request.article_branch_deviation_lines {
        state.prices.deviations.insert((line.article_number, line.branch_number), line);
    }
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
