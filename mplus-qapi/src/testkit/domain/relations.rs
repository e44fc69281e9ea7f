//! Relations: guests, customers.

use std::collections::BTreeMap;

use crate::{
    relations::*,
    testkit::{
        brasserie,
        catalogue::MADE,
        domain::{
            operations::{Answer, Items, Operations},
            state::State,
        },
    },
    types::Relation,
};

#[derive(Debug, Default)]
pub(in crate::testkit) struct Relations {
    list: BTreeMap<i64, Relation>,
    marker: i64,
}

pub(super) fn register(operations: &mut Operations) {
    operations.on(find_relation);
    operations.on(find_relation_v2);
    operations.on(get_relation);
    operations.list(get_relations);
    operations.on(create_relation);
    operations.on(update_relation);
}

impl Relations {
    pub(in crate::testkit) fn brasserie() -> Self {
        let mut relations = Self::default();
        for (number, name, email) in brasserie::RELATIONS {
            let sync_marker = Some(relations.next_marker());
            let relation = Relation {
                relation_number: Some(number),
                sync_marker,
                create_timestamp: Some(MADE),
                change_timestamp: Some(MADE),
                active: Some(true),
                name: Some(name.to_owned()),
                email: Some(email.to_owned()),
                country: Some("Nederland".into()),
                ..Relation::default()
            };
            relations.list.insert(number, relation);
        }
        relations
    }

    pub(super) fn marker(&self) -> i64 {
        self.marker
    }

    fn next_marker(&mut self) -> i64 {
        self.marker += 1;
        self.marker
    }

    pub(in crate::testkit) fn all(&self) -> impl Iterator<Item = &Relation> {
        self.list.values()
    }

    pub(super) fn get(&self, number: i64) -> Option<&Relation> {
        self.list.get(&number)
    }

    /// The first relation that has all the given terms: as parts, whatever their case, or exactly.
    fn find(&self, wanted: &Relation, exact: bool) -> Option<Relation> {
        let terms: Vec<(TextOf, String)> = TEXTS
            .iter()
            .filter_map(|text| Some((*text, text(wanted).clone().filter(|term| !term.is_empty())?)))
            .collect();
        let matches = |relation: &&Relation| {
            terms.iter().all(|(text, term)| {
                let held = text(relation).as_deref().unwrap_or_default();
                if exact { held == term } else { held.to_lowercase().contains(&term.to_lowercase()) }
            }) && wanted.birth_date.is_none_or(|date| relation.birth_date == Some(date))
                && wanted.category_id.is_none_or(|category| relation.category_id == Some(category))
                && wanted
                    .relation_number
                    .is_none_or(|number| number == 0 || relation.relation_number == Some(number))
        };
        self.list.values().find(matches).cloned()
    }
}

type TextOf = fn(&Relation) -> &Option<String>;

/// The texts that a relation is found by.
const TEXTS: [TextOf; 18] = [
    |relation| &relation.ext_relation_id,
    |relation| &relation.name,
    |relation| &relation.address,
    |relation| &relation.zipcode,
    |relation| &relation.city,
    |relation| &relation.country,
    |relation| &relation.delivery_address,
    |relation| &relation.delivery_zipcode,
    |relation| &relation.delivery_city,
    |relation| &relation.delivery_country,
    |relation| &relation.contact,
    |relation| &relation.telephone,
    |relation| &relation.mobile,
    |relation| &relation.email,
    |relation| &relation.website,
    |relation| &relation.relation_code,
    |relation| &relation.card_number,
    |relation| &relation.bank_account_number,
];

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
    Ok(Box::new(super::page(items, request.sync_marker, request.sync_marker_limit).into_iter()))
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
