//! The choices that belong to an article: preparation methods and article alterations.

use crate::{
    preparation::*,
    testkit::{
        domain::{
            operations::{Answer, Operations},
            page::page,
        },
        state::State,
    },
};

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
        preparation_method_group_list: page(items, request.sync_marker, request.sync_marker_limit),
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
    let list = page(items, request.sync_marker, request.sync_marker_limit);
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
