//! Relations: guests, customers.

use crate::{
    relations::*,
    testkit::{
        domain::{
            operations::{Answer, Items, Operations},
            page::page,
        },
        state::State,
    },
    types::Relation,
};

pub(super) fn register(operations: &mut Operations) {
    operations.on(find_relation);
    operations.on(find_relation_v2);
    operations.on(get_relation);
    operations.list(get_relations);
    operations.on(create_relation);
    operations.on(update_relation);
}

fn found(relation: &Option<Relation>) -> FindRelationResult {
    if relation.is_some() { FindRelationResult::Ok } else { FindRelationResult::NotFound }
}

fn find_relation(state: &mut State, FindRelation { relation }: FindRelation) -> Answer<FindRelationResponse> {
    let relation = state.relations.find(&relation.unwrap_or_default(), false);
    Ok(FindRelationResponse { result: found(&relation), relation })
}

fn find_relation_v2(
    state: &mut State,
    FindRelationV2 { request }: FindRelationV2,
) -> Answer<FindRelationV2Response> {
    let relation = state.relations.find(&request.relation, request.exact_match == Some(true));
    Ok(FindRelationV2Response { result: found(&relation), relation })
}

fn get_relation(
    state: &mut State,
    GetRelation { relation_number }: GetRelation,
) -> Answer<GetRelationResponse> {
    Ok(match state.relations.get(relation_number) {
        Some(relation) => GetRelationResponse { result: GetRelationResult::Ok, relation: relation.clone() },
        None => GetRelationResponse { result: GetRelationResult::NotFound, relation: Relation::default() },
    })
}

fn get_relations(state: &mut State, GetRelations { request }: GetRelations) -> Answer<Items<GetRelations>> {
    let request = request.unwrap_or_default();
    let wanted = state.relations.list.values().filter(|relation| {
        (request.relation_numbers.is_empty()
            || relation.relation_number.is_some_and(|number| request.relation_numbers.contains(&number)))
            && request.category_id.is_none_or(|category| relation.category_id == Some(category))
    });
    let items = wanted.map(|relation| (relation.sync_marker.unwrap_or_default(), relation.clone())).collect();
    Ok(Box::new(page(items, request.sync_marker, request.sync_marker_limit).into_iter()))
}

fn create_relation(
    state: &mut State,
    CreateRelation { relation }: CreateRelation,
) -> Answer<CreateRelationResponse> {
    let failed = |result, message: &str| {
        let error_message = message.to_owned();
        Ok(CreateRelationResponse { result, error_message, ..CreateRelationResponse::default() })
    };
    let mut relation = relation.unwrap_or_default();
    if relation.name.as_deref().unwrap_or_default().trim().is_empty() {
        return failed(CreateRelationResult::Failed, "A relation needs a name.");
    }
    let given = relation.relation_number.filter(|number| *number != 0);
    if given.is_some_and(|number| state.relations.get(number).is_some()) {
        return failed(
            CreateRelationResult::FailedRelationNumberAlreadyTaken,
            "The relation number is taken.",
        );
    }
    let highest = state.relations.list.keys().last().copied().unwrap_or_default();
    let number = given.unwrap_or(highest + 1);
    let stamp = state.clock.stamp();
    relation.relation_number = Some(number);
    relation.sync_marker = Some(state.relations.next_marker());
    (relation.create_timestamp, relation.change_timestamp) = (Some(stamp), Some(stamp));
    relation.active = relation.active.or(Some(true));
    let sync_marker = relation.sync_marker;
    state.relations.list.insert(number, relation);
    Ok(CreateRelationResponse {
        result: CreateRelationResult::Ok,
        relation_number: number,
        change_timestamp: Some(stamp),
        sync_marker,
        error_message: String::new(),
    })
}

macro_rules! take_over {
    ($held:ident, $change:ident: $($field:ident)*) => {
        $(if $change.$field.is_some() { $held.$field = $change.$field; })*
    };
}

/// What the request's elements do not name stays as it is.
fn update_relation(
    state: &mut State,
    UpdateRelation { relation }: UpdateRelation,
) -> Answer<UpdateRelationResponse> {
    let change = relation.unwrap_or_default();
    let stamp = state.clock.stamp();
    let marker = state.relations.marker + 1;
    let held = change.relation_number.and_then(|number| state.relations.list.get_mut(&number));
    let Some(held) = held else {
        return Ok(UpdateRelationResponse {
            result: UpdateRelationResult::NotFound,
            error_message: "There is no such relation.".into(),
            ..UpdateRelationResponse::default()
        });
    };
    take_over!(held, change:
        ext_relation_id active name address zipcode city country delivery_address delivery_zipcode delivery_city
        delivery_country contact telephone mobile email website birth_date relation_code category_id card_number
        bank_account_number vat_number commerce_number extra_text company_name);
    (held.sync_marker, held.change_timestamp) = (Some(marker), Some(stamp));
    state.relations.marker = marker;
    Ok(UpdateRelationResponse {
        result: UpdateRelationResult::Ok,
        error_message: String::new(),
        change_timestamp: Some(stamp),
        sync_marker: Some(marker),
    })
}
