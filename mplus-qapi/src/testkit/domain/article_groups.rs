//! The tree of article groups.

use crate::{
    products::*,
    testkit::{
        domain::{
            operations::{Answer, Operations},
            page::page,
        },
        state::{State, article_groups::Group},
    },
};

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_article_groups);
    operations.on(get_article_group_changes);
    operations.on(new_article_group);
    operations.on(update_article_group);
    operations.on(delete_article_group);
}

/// The products of each group, in their order.
fn members(state: &State, group: i32) -> (Vec<i64>, Vec<i64>) {
    let (mut products, mut articles) = (Vec::new(), Vec::new());
    for number in state.catalogue.since(0) {
        let Some(product) = state.catalogue.product(number) else { continue };
        if product.group_numbers.contains(&group) {
            products.push(number);
            articles.extend(product.article_list.iter().filter_map(|article| article.article_number));
        }
    }
    (products, articles)
}

fn subtree(state: &State, parent: i32, with_articles: bool) -> Vec<ArticleGroup> {
    let children = state.article_groups.list.iter().filter(|group| group.parent == parent && !group.deleted);
    children.map(|group| tree(state, group, with_articles)).collect()
}

fn tree(state: &State, group: &Group, with_articles: bool) -> ArticleGroup {
    let (products, articles) = members(state, group.number);
    ArticleGroup {
        group_number: group.number,
        sync_marker: Some(group.marker),
        name: group.name.clone(),
        text: group.text.clone(),
        sub_group_list: subtree(state, group.number, with_articles),
        sort_order: group.sort_order,
        product_numbers: products.into(),
        image: None,
        article_numbers: if with_articles { articles.into() } else { Default::default() },
        is_deleted: Some(group.deleted),
    }
}

/// The tree from its roots on; the asked for groups with what is below them; or, with a marker, what changed, flat.
fn get_article_groups(
    state: &mut State,
    GetArticleGroups { request }: GetArticleGroups,
) -> Answer<GetArticleGroupsResponse> {
    let with_articles = request.retrieve_article_numbers == Some(true);
    let list = if request.sync_marker.is_some() {
        let groups = state.article_groups.list.iter();
        let flat = groups.map(|group| {
            let entry = ArticleGroup { sub_group_list: Vec::new(), ..tree(state, group, with_articles) };
            (group.marker, entry)
        });
        page(flat.collect(), request.sync_marker, request.sync_marker_limit)
    } else if request.group_numbers.is_empty() {
        subtree(state, 0, with_articles)
    } else {
        let groups = state.article_groups.list.iter();
        let asked = groups.filter(|group| !group.deleted && request.group_numbers.contains(&group.number));
        asked.map(|group| tree(state, group, with_articles)).collect()
    };
    Ok(GetArticleGroupsResponse { article_group_list: list })
}

fn get_article_group_changes(
    state: &mut State,
    GetArticleGroupChanges { request }: GetArticleGroupChanges,
) -> Answer<GetArticleGroupChangesResponse> {
    let groups = state.article_groups.list.iter();
    let asked = groups
        .filter(|group| request.group_numbers.is_empty() || request.group_numbers.contains(&group.number));
    let changes = asked.map(|group| {
        let children = state.article_groups.list.iter().filter(|child| child.parent == group.number);
        let change = ChangedArticleGroup {
            group_number: group.number,
            parent_group_number: (group.parent != 0).then_some(group.parent),
            sync_marker: Some(group.marker),
            name: group.name.clone(),
            text: group.text.clone(),
            sub_group_numbers: children
                .filter(|child| !child.deleted)
                .map(|child| child.number.into())
                .collect(),
            sort_order: group.sort_order,
            product_numbers: members(state, group.number).0.into(),
            image: None,
            is_deleted: Some(group.deleted),
        };
        (group.marker, change)
    });
    let list = page(changes.collect(), request.sync_marker, request.sync_marker_limit);
    Ok(GetArticleGroupChangesResponse { changed_article_group_list: list })
}

fn new_article_group(
    state: &mut State,
    NewArticleGroup { request }: NewArticleGroup,
) -> Answer<NewArticleGroupResponse> {
    let groups = &mut state.article_groups;
    if request.parent_group_number != 0 && groups.get_mut(request.parent_group_number).is_none() {
        return Ok(NewArticleGroupResponse {
            result: NewArticleGroupResult::ParentNotfound,
            group_number: 0,
        });
    }
    let number = 1 + groups.list.iter().map(|group| group.number).max().unwrap_or_default();
    groups.add(number, request.parent_group_number, &request.name, &request.text);
    Ok(NewArticleGroupResponse { result: NewArticleGroupResult::Ok, group_number: number })
}

fn update_article_group(
    state: &mut State,
    UpdateArticleGroup { request }: UpdateArticleGroup,
) -> Answer<UpdateArticleGroupResponse> {
    let Some(group) = state.article_groups.get_mut(request.group_number) else {
        return Ok(UpdateArticleGroupResponse { result: UpdateArticleGroupResult::NotFound });
    };
    group.name = request.name.unwrap_or_else(|| group.name.clone());
    group.text = request.text.unwrap_or_else(|| group.text.clone());
    group.sort_order = request.sort_order.unwrap_or(group.sort_order);
    group.parent = request.parent_group_number.unwrap_or(group.parent);
    state.article_groups.touch(request.group_number);
    Ok(UpdateArticleGroupResponse { result: UpdateArticleGroupResult::Ok })
}

fn delete_article_group(
    state: &mut State,
    DeleteArticleGroup { request }: DeleteArticleGroup,
) -> Answer<DeleteArticleGroupResponse> {
    let Some(group) = state.article_groups.get_mut(request.group_number) else {
        return Ok(DeleteArticleGroupResponse { result: DeleteArticleGroupResult::Notfound });
    };
    group.deleted = true;
    state.article_groups.touch(request.group_number);
    Ok(DeleteArticleGroupResponse { result: DeleteArticleGroupResult::Ok })
}
