//! What depends on an article's number: prices of branches, components, set menus.

use std::collections::BTreeMap;

use crate::{
    preparation::ArticleAlterationsGroupType,
    products::*,
    testkit::{
        brasserie,
        catalogue::without_vat,
        dialect::BranchSave,
        domain::{
            operations::{Answer, Operations},
            state::State,
        },
    },
    types::{ArticleSpecialPrice, IdempotencyResult},
    value::{Decimal, XsdDecimal},
};

#[derive(Debug, Clone, Default)]
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
            Some(price) => self.change_line(article_number, branch_number, |line| {
                (line.sales_price_incl, line.sales_price_excl) = (Some(price.into()), None);
            }),
        }
    }

    pub(in crate::testkit) fn lines(&self) -> impl Iterator<Item = &ArticleBranchDeviationLine> {
        self.deviations.values()
    }

    /// Changes what differs of an article in a branch.
    pub(super) fn change_line(
        &mut self,
        article_number: i64,
        branch_number: i32,
        change: impl FnOnce(&mut ArticleBranchDeviationLine),
    ) {
        let line = self.deviations.entry((article_number, branch_number)).or_default();
        (line.article_number, line.branch_number) = (article_number, branch_number);
        change(line);
    }

    pub(super) fn keep_line(&mut self, line: ArticleBranchDeviationLine) {
        self.deviations.insert((line.article_number, line.branch_number), line);
    }

    /// Keeps the lines of a request, and what becomes of the rest.
    fn save_lines(&mut self, lines: Vec<ArticleBranchDeviationLine>, save: BranchSave) {
        if save == BranchSave::Article {
            let articles: Vec<i64> = lines.iter().map(|line| line.article_number).collect();
            self.deviations.retain(|(article, _), _| !articles.contains(article));
        }
        for line in lines {
            if save != BranchSave::Merge {
                self.keep_line(line);
                continue;
            }
            self.change_line(line.article_number, line.branch_number, |held| {
                if line.sales_price_incl.is_some() || line.sales_price_excl.is_some() {
                    held.sales_price_incl = line.sales_price_incl;
                    held.sales_price_excl = line.sales_price_excl;
                }
                held.description = line.description.or(held.description.take());
                held.special_price = line.special_price.or(held.special_price.take());
            });
        }
    }
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
