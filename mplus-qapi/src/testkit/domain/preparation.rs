//! The choices that belong to an article: preparation methods and article alterations.

use std::collections::BTreeMap;

use crate::{
    preparation::*,
    testkit::{
        brasserie::{self, Choices},
        domain::{
            operations::{Answer, Operations},
            state::State,
        },
    },
    types::Colour,
    value::{DateTime, Decimal},
};

#[derive(Debug, Clone, Default)]
pub(in crate::testkit) struct Preparation {
    groups: BTreeMap<i32, PreparationMethodGroup>,
    marker: i64,
    alterations: BTreeMap<i32, ArticleAlterationsGroup>,
    alterations_marker: i64,
    /// Preparation method groups of each article.
    attached: BTreeMap<i64, Vec<i32>>,
    attached_alterations: BTreeMap<i64, Vec<i32>>,
    ids: i32,
}

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_preparation_method_groups);
    operations.on(save_preparation_method_group);
    operations.on(delete_preparation_method_group);
    operations.on(get_articles_preparation_method_groups);
    operations.on(update_article_preparation_method_groups);
    operations.on(get_article_alterations_groups);
    operations.on(save_article_alterations_group);
    operations.on(delete_article_alterations_group);
    operations.on(update_attached_article_alterations_groups);
}

impl Preparation {
    pub(super) fn marker(&self) -> i64 {
        self.marker
    }

    pub(super) fn alterations_marker(&self) -> i64 {
        self.alterations_marker
    }

    pub(super) fn attach(&mut self, article: i64, groups: Vec<i32>) {
        self.attached.insert(article, groups);
    }

    /// The articles that can be chosen in an alterations group.
    pub(super) fn articles_of(&self, group: i32) -> Vec<i64> {
        let group = self.alterations.get(&group);
        let items = group.into_iter().flat_map(|group| &group.article_alterations);
        items.filter_map(|item| item.article_number).collect()
    }

    pub(super) fn is_of(&self, group: i32, kind: &ArticleAlterationsGroupType) -> bool {
        self.alterations
            .get(&group)
            .is_some_and(|group| group.group_type == *kind && group.deleted_on.is_none())
    }

    /// Adds an article to an alterations group, or changes its fee.
    pub(super) fn add_choice(&mut self, group: i32, article: i64, name: &str, fee: Decimal) {
        let id = self.next_id();
        let Some(group) = self.alterations.get_mut(&group) else { return };
        self.alterations_marker += 1;
        group.sync_marker = self.alterations_marker;
        match group.article_alterations.iter_mut().find(|item| item.article_number == Some(article)) {
            Some(item) => item.price_incl = Some(fee.into()),
            None => group.article_alterations.push(ArticleAlteration {
                id,
                sequence_number: group.article_alterations.len() as i32 + 1,
                article_number: Some(article),
                price_incl: Some(fee.into()),
                remark: name.to_owned(),
                ..ArticleAlteration::default()
            }),
        }
    }

    pub(in crate::testkit) fn delete_group(&mut self, number: i32, now: DateTime) -> bool {
        let Some(group) = self.groups.get_mut(&number).filter(|group| group.deleted_on.is_none()) else {
            return false;
        };
        self.marker += 1;
        (group.sync_marker, group.deleted_on) = (self.marker, Some(now));
        self.attached.values_mut().for_each(|groups| groups.retain(|held| *held != number));
        true
    }

    pub(in crate::testkit) fn delete_alterations(&mut self, number: i32, now: DateTime) -> bool {
        let Some(group) = self.alterations.get_mut(&number).filter(|group| group.deleted_on.is_none()) else {
            return false;
        };
        self.alterations_marker += 1;
        (group.sync_marker, group.deleted_on) = (self.alterations_marker, Some(now));
        self.attached_alterations.values_mut().for_each(|groups| groups.retain(|held| *held != number));
        true
    }

    fn next_id(&mut self) -> i32 {
        self.ids += 1;
        self.ids
    }
}

impl State {
    /// Sets up the brasserie's groups of choices and set menus.
    pub(super) fn set_choices(&mut self) {
        for choices in &brasserie::PREPARATION {
            self.add_preparation(choices);
        }
        self.add_alterations(&brasserie::CROSS_SELL, ArticleAlterationsGroupType::CrossSell);
        self.add_alterations(&brasserie::REPLACEMENT, ArticleAlterationsGroupType::Replacement);
        for course in &brasserie::COURSES_OF_MENUS {
            self.add_alterations(course, ArticleAlterationsGroupType::Menu);
        }
        for (menu, groups) in brasserie::MENUS {
            if let Some(article) = self.first_article(menu) {
                self.preparation.attached_alterations.insert(article, groups.to_vec());
                self.set_combo(article, groups);
            }
        }
    }

    /// What a choice adds to the price, in euros with and without VAT.
    fn added(&self, product: Option<&str>) -> (Option<i64>, Option<Decimal>, Option<Decimal>) {
        let number = product.and_then(|name| self.first_article(name));
        let article = number.and_then(|number| self.catalogue.article(number));
        let (incl, excl) =
            article.map(|article| (article.price_incl, article.price_excl)).unwrap_or_default();
        (number, incl, excl)
    }

    fn add_preparation(&mut self, choices: &Choices) {
        let mut items = Vec::new();
        for (sequence_number, (remark, product)) in (1..).zip(choices.items) {
            let (article_number, price_incl, price_excl) = self.added(*product);
            items.push(PreparationMethodItem {
                id: self.preparation.next_id(),
                sequence_number,
                article_number,
                price_incl: price_incl.map(Into::into),
                price_excl: price_excl.map(Into::into),
                sub_line_type: SubLineType::PreparationMethod,
                remark: (*remark).to_owned(),
                surcharge: price_incl.map(Into::into),
                translation: String::new(),
                button_colour: Colour { red: 200, green: 160, blue: 40 },
            });
        }
        self.preparation.marker += 1;
        let group = PreparationMethodGroup {
            group_number: choices.number,
            description: choices.name.to_owned(),
            close_after_selection: choices.range.1 == 1,
            selection_required: choices.required,
            max_one_selection: choices.range.1 == 1,
            max_cols: 3,
            preparation_methods: items,
            sync_marker: self.preparation.marker,
            is_pos_group: true,
            is_online_group: true,
            selection_range_min: Some(choices.range.0),
            selection_range_max: Some(choices.range.1),
            ..PreparationMethodGroup::default()
        };
        self.preparation.groups.insert(choices.number, group);
    }

    fn add_alterations(&mut self, choices: &Choices, group_type: ArticleAlterationsGroupType) {
        let mut items = Vec::new();
        let included = group_type == ArticleAlterationsGroupType::Menu;
        for (sequence_number, (remark, product)) in (1..).zip(choices.items) {
            let (article_number, price_incl, price_excl) = self.added(*product);
            items.push(ArticleAlteration {
                id: self.preparation.next_id(),
                sequence_number,
                article_number,
                price_incl: if included { Some(Decimal::ZERO) } else { price_incl }.map(Into::into),
                price_excl: if included { Some(Decimal::ZERO) } else { price_excl }.map(Into::into),
                remark: (*remark).to_owned(),
                ..ArticleAlteration::default()
            });
        }
        self.preparation.alterations_marker += 1;
        let group = ArticleAlterationsGroup {
            group_number: choices.number,
            description: choices.name.to_owned(),
            close_after_selection: choices.range.1 == 1,
            selection_required: choices.required,
            max_one_selection: choices.range.1 == 1,
            max_cols: Some(3),
            article_alterations: items,
            sync_marker: self.preparation.alterations_marker,
            is_pos_group: true,
            is_online_group: true,
            group_type,
            selection_range_min: Some(choices.range.0),
            selection_range_max: Some(choices.range.1),
            ..ArticleAlterationsGroup::default()
        };
        self.preparation.alterations.insert(choices.number, group);
    }
}

/// Without a marker: all groups that exist. With one: what changed, deleted groups too.
fn get_preparation_method_groups(
    state: &mut State,
    GetPreparationMethodGroups { request }: GetPreparationMethodGroups,
) -> Answer<GetPreparationMethodGroupsResponse> {
    let groups = state.preparation.groups.values();
    let visible = groups.filter(|group| request.sync_marker.is_some() || group.deleted_on.is_none());
    let items = visible.map(|group| (group.sync_marker, group.clone())).collect();
    Ok(GetPreparationMethodGroupsResponse {
        result: GetPreparationMethodGroupsResult::Ok,
        preparation_method_group_list: super::page(items, request.sync_marker, request.sync_marker_limit),
    })
}

fn get_article_alterations_groups(
    state: &mut State,
    GetArticleAlterationsGroups { request }: GetArticleAlterationsGroups,
) -> Answer<GetArticleAlterationsGroupsResponse> {
    let kind = request.group_type.filter(|kind| *kind != ArticleAlterationsGroupType::All);
    let visible = state.preparation.alterations.values().filter(|group| {
        (request.sync_marker.is_some() || group.deleted_on.is_none())
            && kind.as_ref().is_none_or(|kind| group.group_type == *kind)
    });
    let items = visible.map(|group| (group.sync_marker, group.clone())).collect();
    let list = super::page(items, request.sync_marker, request.sync_marker_limit);
    Ok(GetArticleAlterationsGroupsResponse { article_alterations_group_list: list })
}

fn get_articles_preparation_method_groups(
    state: &mut State,
    GetArticlesPreparationMethodGroups { request }: GetArticlesPreparationMethodGroups,
) -> Answer<GetArticlesPreparationMethodGroupsResponse> {
    let asked = request.article_numbers.into_iter();
    let list = asked.filter_map(|article_number| {
        let groups = state.preparation.attached.get(&article_number)?.clone();
        Some(ArticlePreparationMethodGroups { article_number, preparation_method_group_numbers: groups })
    });
    Ok(GetArticlesPreparationMethodGroupsResponse {
        result: GetArticlesPreparationMethodGroupsResult::Ok,
        error_message: None,
        article_preparation_method_groups_list: list.collect(),
    })
}

fn update_article_preparation_method_groups(
    state: &mut State,
    UpdateArticlePreparationMethodGroups { request }: UpdateArticlePreparationMethodGroups,
) -> Answer<UpdateArticlePreparationMethodGroupsResponse> {
    let unknown = request
        .preparation_method_group_numbers
        .iter()
        .find(|number| !state.preparation.groups.contains_key(number));
    let problem = match unknown {
        Some(number) => Some(format!("There is no preparation method group {number}.")),
        None if state.catalogue.article(request.article_number).is_none() => {
            Some(format!("There is no article {}.", request.article_number))
        }
        None => None,
    };
    if problem.is_some() {
        return Ok(UpdateArticlePreparationMethodGroupsResponse {
            result: UpdateArticlePreparationMethodGroupsResult::Failed,
            error_message: problem,
        });
    }
    state.preparation.attach(request.article_number, request.preparation_method_group_numbers);
    // The article's choices are part of it.
    let stamp = state.clock.stamp();
    state
        .catalogue_mut()
        .change_article(request.article_number, |article| article.change_timestamp = Some(stamp));
    Ok(UpdateArticlePreparationMethodGroupsResponse {
        result: UpdateArticlePreparationMethodGroupsResult::Ok,
        error_message: None,
    })
}

fn update_attached_article_alterations_groups(
    state: &mut State,
    UpdateAttachedArticleAlterationsGroups { request }: UpdateAttachedArticleAlterationsGroups,
) -> Answer<UpdateAttachedArticleAlterationsGroupsResponse> {
    state.preparation.attached_alterations.insert(request.article_number, request.group_numbers);
    Ok(UpdateAttachedArticleAlterationsGroupsResponse {
        result: UpdateAttachedArticleAlterationsGroupsResult::Ok,
    })
}

fn save_preparation_method_group(
    state: &mut State,
    SavePreparationMethodGroup { request }: SavePreparationMethodGroup,
) -> Answer<SavePreparationMethodGroupResponse> {
    let preparation = &mut state.preparation;
    let highest = preparation.groups.keys().last().copied().unwrap_or_default();
    let number = request.preparation_method_group_number.unwrap_or(highest + 1);
    let mut items = Vec::new();
    for item in request.preparation_method_items {
        let article = item.article_number.and_then(|number| state.catalogue.article(number));
        let (price_incl, price_excl) =
            article.map(|article| (article.price_incl, article.price_excl)).unwrap_or_default();
        items.push(PreparationMethodItem {
            id: item.preparation_method_item_id.unwrap_or_else(|| preparation.next_id()),
            sequence_number: item.sequence_number,
            article_number: item.article_number,
            price_incl: price_incl.map(Into::into),
            price_excl: price_excl.map(Into::into),
            sub_line_type: SubLineType::PreparationMethod,
            remark: item.remark,
            surcharge: price_incl.map(Into::into),
            translation: item.translation.unwrap_or_default(),
            button_colour: item.button_colour.unwrap_or_default(),
        });
    }
    preparation.marker += 1;
    let group = PreparationMethodGroup {
        group_number: number,
        description: request.description,
        close_after_selection: request.close_after_selection,
        selection_required: request.selection_required,
        max_one_selection: request.max_one_selection,
        max_cols: 3,
        preparation_methods: items,
        sync_marker: preparation.marker,
        is_pos_group: request.is_pos_group.unwrap_or(true),
        is_online_group: request.is_online_group.unwrap_or(true),
        selection_range_min: request.selection_range_min,
        selection_range_max: request.selection_range_max,
        ..PreparationMethodGroup::default()
    };
    preparation.groups.insert(number, group);
    Ok(SavePreparationMethodGroupResponse {
        result: SavePreparationMethodGroupResult::Ok,
        preparation_method_group_number: Some(number),
        error_message: String::new(),
    })
}

fn delete_preparation_method_group(
    state: &mut State,
    DeletePreparationMethodGroup { request }: DeletePreparationMethodGroup,
) -> Answer<DeletePreparationMethodGroupResponse> {
    let answer = |result, message: Option<&str>| {
        Ok(DeletePreparationMethodGroupResponse { result, error_message: message.map(str::to_owned) })
    };
    let mut lists = state.preparation.attached.values();
    if !request.delete_even_when_in_use && lists.any(|groups| groups.contains(&request.group_number)) {
        return answer(
            DeletePreparationMethodGroupResult::FailedStillInUse,
            Some("An article uses this group."),
        );
    }
    let now = state.clock.date_time();
    if state.preparation.delete_group(request.group_number, now) {
        answer(DeletePreparationMethodGroupResult::Ok, None)
    } else {
        answer(DeletePreparationMethodGroupResult::Failed, Some("There is no such group."))
    }
}

fn save_article_alterations_group(
    state: &mut State,
    SaveArticleAlterationsGroup { request }: SaveArticleAlterationsGroup,
) -> Answer<SaveArticleAlterationsGroupResponse> {
    let preparation = &mut state.preparation;
    let highest = preparation.alterations.keys().last().copied().unwrap_or_default();
    let number = request.group_number.unwrap_or(highest + 1);
    let mut items: Vec<ArticleAlteration> = Vec::new();
    for item in request.article_alterations {
        if request.group_type == ArticleAlterationsGroupType::Menu {
            let problem = match item.article_number {
                None => Some(SaveArticleAlterationsGroupResult::AlterationMenutypeArticleRequired),
                number if items.iter().any(|held| held.article_number == number) => {
                    Some(SaveArticleAlterationsGroupResult::AlterationMenutypeDuplicateArticle)
                }
                Some(_) => None,
            };
            if let Some(result) = problem {
                return Ok(SaveArticleAlterationsGroupResponse { result, group_number: None });
            }
        }
        items.push(ArticleAlteration {
            id: item.id.unwrap_or_else(|| preparation.next_id()),
            sequence_number: item.sequence_number,
            article_number: item.article_number,
            remark: item.remark,
            translation: item.translation.unwrap_or_default(),
            button_colour: item.button_colour.unwrap_or_default(),
            ..ArticleAlteration::default()
        });
    }
    preparation.alterations_marker += 1;
    let group = ArticleAlterationsGroup {
        group_number: number,
        description: request.description,
        close_after_selection: request.close_after_selection,
        selection_required: request.selection_required,
        max_one_selection: request.max_one_selection,
        max_cols: request.max_cols,
        article_alterations: items,
        sync_marker: preparation.alterations_marker,
        is_pos_group: request.is_pos_group.unwrap_or(true),
        is_online_group: request.is_online_group.unwrap_or(true),
        group_type: request.group_type,
        selection_range_min: request.selection_range_min,
        selection_range_max: request.selection_range_max,
        defer_until_checkout: request.defer_until_checkout.unwrap_or(false),
        ..ArticleAlterationsGroup::default()
    };
    preparation.alterations.insert(number, group);
    Ok(SaveArticleAlterationsGroupResponse {
        result: SaveArticleAlterationsGroupResult::Ok,
        group_number: Some(number),
    })
}

fn delete_article_alterations_group(
    state: &mut State,
    DeleteArticleAlterationsGroup { request }: DeleteArticleAlterationsGroup,
) -> Answer<DeleteArticleAlterationsGroupResponse> {
    let mut lists = state.preparation.attached_alterations.values();
    let in_use = lists.any(|groups| groups.contains(&request.group_number));
    let result = if in_use && !request.delete_even_when_in_use {
        DeleteArticleAlterationsGroupResult::StillInUse
    } else {
        let now = state.clock.date_time();
        state.preparation.delete_alterations(request.group_number, now);
        DeleteArticleAlterationsGroupResult::Ok
    };
    Ok(DeleteArticleAlterationsGroupResponse { result })
}
