//! Relations: guests, customers.

use std::collections::BTreeMap;

use crate::{
    testkit::{brasserie, catalogue::MADE},
    types::Relation,
};

#[derive(Debug, Default)]
pub(in crate::testkit) struct Relations {
    pub(in crate::testkit) list: BTreeMap<i64, Relation>,
    pub(in crate::testkit) marker: i64,
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

    pub(in crate::testkit) fn marker(&self) -> i64 {
        self.marker
    }

    pub(in crate::testkit) fn next_marker(&mut self) -> i64 {
        self.marker += 1;
        self.marker
    }

    pub(in crate::testkit) fn all(&self) -> impl Iterator<Item = &Relation> {
        self.list.values()
    }

    pub(in crate::testkit) fn get(&self, number: i64) -> Option<&Relation> {
        self.list.get(&number)
    }

    /// The first relation that has all the given terms: as parts, whatever their case, or exactly.
    pub(in crate::testkit) fn find(&self, wanted: &Relation, exact: bool) -> Option<Relation> {
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

pub(in crate::testkit) type TextOf = fn(&Relation) -> &Option<String>;

/// The texts that a relation is found by.
pub(in crate::testkit) const TEXTS: [TextOf; 18] = [
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
